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
