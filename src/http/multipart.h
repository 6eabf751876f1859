/* SPDX-License-Identifier: Apache-2.0
 * http - multipart/form-data (RFC 7578, RFC 2046) over a complete body in memory.
 * Depends on: base. */
#ifndef ESPY_HTTP_MULTIPART_H
#define ESPY_HTTP_MULTIPART_H

#include "base/mem.h"

#define ESPY_MULTIPART_PARTS 10000 /* most in a body */
#define ESPY_MULTIPART_HEADER 8192 /* most bytes of one part's header */
#define ESPY_MULTIPART_NAME 256    /* most bytes of a name, file name or type, with its zero */
#define ESPY_MULTIPART_BOUNDARY 71 /* most bytes of a boundary, with its zero */

/* One part.  Texts are UTF-8 without control characters. */
typedef struct espy_part {
    char *name;
    char *filename; /* NULL: a plain value.  Folders stripped; "" is a file input without a file */
    char *type;     /* as told, without parameters, lower case; "text/plain" when not told */
    espy_span data; /* borrowed from the body */
} espy_part;

typedef struct espy_multipart {
    espy_part *at; /* in the order of the body; a name may come again */
    size_t n;
} espy_multipart;

/* Whether a Content-Type is multipart/form-data; NULL is none. */
bool espy_multipart_is(const char *content_type);

/* The boundary that a Content-Type names.  Errors: FORMAT. */
espy_err espy_multipart_boundary(espy_ctx *cx, const char *content_type,
                                 char out[ESPY_MULTIPART_BOUNDARY]) ESPY_NODISCARD;

/* Parts of a body, which has to live as long as they do.
 *   *out  on success the caller's, espy_multipart_free(); on failure not written
 * Errors: FORMAT (no boundary, no final boundary, a part without name, ...: names the part's
 * number), LIMIT (parts, header), UNSUPPORTED (a part in another transfer encoding), NOMEM. */
espy_err espy_multipart_parse(espy_ctx *cx, const char *content_type, espy_span body,
                              espy_multipart *out) ESPY_NODISCARD;
void espy_multipart_free(espy_ctx *cx, espy_multipart *m);

#endif
