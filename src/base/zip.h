/* SPDX-License-Identifier: Apache-2.0
 * base - zip archives over libzip, whose header appears only in zip.c. */
#ifndef ESPY_BASE_ZIP_H
#define ESPY_BASE_ZIP_H

#include "base/mem.h"

#define ESPY_ZIP_ENTRIES 4096 /* most files of an archive that is read */

/* Appends the file `name` of an archive to `out`.  out->max bounds it twice: by the size that the
 * archive declares, before anything is unpacked, and by what comes out.
 * Errors: FORMAT (not an archive, no such file, damaged, more or less than declared), UNSUPPORTED
 * (encrypted, or packed in a way that this libzip lacks), LIMIT (too large, too many files), NOMEM.
 */
espy_err espy_zip_read(espy_ctx *cx, espy_span archive, const char *name,
                       espy_buf *out) ESPY_NODISCARD;
/* The same from a file, which is not read into memory as a whole.  Errors: also IO. */
espy_err espy_zip_read_file(espy_ctx *cx, const char *path, const char *name,
                            espy_buf *out) ESPY_NODISCARD;

/* How much is read of an archive that somebody sent. */
typedef struct espy_zip_limits {
    size_t files; /* entries, folders included */
    size_t each;  /* bytes of one file, unpacked */
    size_t all;   /* and of all */
} espy_zip_limits;
/* Told of a file with its content, or with the failure (e, and its text in cx) that belongs to it
 * alone: damaged, encrypted, larger than `each`.  The name is what stands there: UTF-8, else ARG.
 */
typedef espy_err espy_zip_fn(espy_ctx *cx, void *self, const char *name, espy_err e,
                             espy_span content);
/* Reads the files of an archive one after the other, in its order; folders are passed over.
 * Errors: FORMAT (not an archive), LIMIT (files, all), NOMEM, CANCELLED, what `each` returns. */
espy_err espy_zip_each(espy_ctx *cx, espy_span archive, const espy_zip_limits *limits,
                       espy_zip_fn *each, void *self) ESPY_NODISCARD;

typedef struct espy_zip_member {
    const char *name;
    espy_span content;
} espy_zip_member;

/* Appends an archive of the members in the given order, not compressed, all dated 1980-01-01 (the
 * earliest that the format knows): same members, same bytes.
 * Errors: ARG (a name twice), LIMIT (beyond out's maximum), NOMEM. */
espy_err espy_zip_write(espy_ctx *cx, const espy_zip_member *members, size_t n,
                        espy_buf *out) ESPY_NODISCARD;

#endif
