/* SPDX-License-Identifier: Apache-2.0
 * http - the web console: files that are part of the program (console/embed.mjs). */
#ifndef ESPY_HTTP_CONSOLE_H
#define ESPY_HTTP_CONSOLE_H

#include "http/call.h"

typedef struct espy_console_file {
    const char *name; /* "index.html", or with a hash of its content: "index-DxoFivtt.js" */
    const char *type; /* content type */
    const char *etag; /* with its quotes; of the content before compression */
    const unsigned char *gzip;
    size_t size; /* bytes of gzip */
} espy_console_file;

/* Ends with a name of NULL; empty in a program without the console. */
extern const espy_console_file espy_console_files[];

/* Whether this request for / is a browser's, and there is a page for it. */
bool espy_console_asked(const espy_call *call);
espy_err espy_console_page(espy_call *call) ESPY_NODISCARD;

#endif
