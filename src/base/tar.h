/* SPDX-License-Identifier: Apache-2.0
 * base - tar archives (POSIX ustar) of plain files, written and read one by one, so that archives
 * of any size need the memory of one file. */
#ifndef ESPY_BASE_TAR_H
#define ESPY_BASE_TAR_H

#include "base/mem.h"

#define ESPY_TAR_NAME 101 /* a file's name and its terminating zero */

/* An archive that is being written or read. */
typedef struct espy_tar {
    int fd;           /* -1: none */
    const char *path; /* for messages, borrowed */
} espy_tar;

/* Makes an archive of this name; espy_tar_close().  Errors: IO. */
espy_err espy_tar_create(espy_ctx *cx, const char *path, espy_tar *out) ESPY_NODISCARD;
/* Adds a file.  Errors: ARG (a name longer than 100 bytes), LIMIT (8 GiB or more), IO. */
espy_err espy_tar_add(espy_ctx *cx, espy_tar *t, const char *name,
                      espy_span content) ESPY_NODISCARD;
/* Writes the end and syncs. */
espy_err espy_tar_finish(espy_ctx *cx, espy_tar *t) ESPY_NODISCARD;

/* Opens an archive; espy_tar_close().  Errors: NOT_FOUND, IO. */
espy_err espy_tar_open(espy_ctx *cx, const char *path, espy_tar *out) ESPY_NODISCARD;
/* The next file, *more false at the end; *content is the caller's.  A name is what stands there:
 * whoever makes files of it must look where it leads.
 * Errors: FORMAT (no archive, cut off, damaged header, something that is no plain file), LIMIT
 * (more than max bytes), IO, NOMEM. */
espy_err espy_tar_next(espy_ctx *cx, espy_tar *t, size_t max, char name[ESPY_TAR_NAME],
                       espy_buf *content, bool *more) ESPY_NODISCARD;

void espy_tar_close(espy_ctx *cx, espy_tar *t); /* closed already: nothing */

#endif
