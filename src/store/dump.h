/* SPDX-License-Identifier: Apache-2.0
 * store - what a store holds as a sequence of parts that do not depend on its database: backups,
 * moving to another database, comparing two stores.  Format: docs/formats/backup.md. */
#ifndef ESPY_STORE_DUMP_H
#define ESPY_STORE_DUMP_H

#include "base/progress.h"
#include "store/store.h"

/* A part: rows of one table, or one media.  name: at most 100 bytes; bytes: borrowed for the call.
 */
typedef espy_err espy_part_fn(espy_ctx *cx, void *self, const char *name, espy_span bytes);

/* Gives every part of one moment, always in the same order.  Equal stores give equal parts,
 * whatever database they stand on.  A media that is missing or damaged is told by an empty part of
 * its own.  progress: NULL, or counts media.  Errors: those of `part`, STORE, IO, FORMAT, NOMEM. */
espy_err espy_store_dump(espy_ctx *cx, espy_store *st, const espy_progress *progress,
                         espy_part_fn *part, void *self) ESPY_NODISCARD;

/* Takes in one part, inside the caller's transaction, in the order in which they were given.
 * Errors: FORMAT (not a part, or of another schema), DIGEST (media), STORE (the rows contradict
 * each other), LIMIT, IO, NOMEM. */
espy_err espy_store_load(espy_ctx *cx, espy_store *st, const char *name,
                         espy_span bytes) ESPY_NODISCARD;

/* What was copied. */
typedef struct espy_copied {
    size_t rows, media;
    size_t missing;               /* media that the source itself lacks */
    char digest[ESPY_DIGEST_HEX]; /* of all parts: two stores with the same one are the same */
} espy_copied;

/* Copies everything into a store that is empty, and proves it: the target is read back and its
 * parts compared with those that were read.  On failure the target stays empty.
 * Errors: EXISTS (the target holds something), DIGEST (it reads back differently), others. */
espy_err espy_store_copy(espy_ctx *cx, espy_store *from, espy_store *to,
                         const espy_progress *progress, espy_copied *out) ESPY_NODISCARD;

/* Writes everything into one file, reads it back and then gives it its name: `path` holds the old
 * or the new backup, never a mixture. */
espy_err espy_store_backup(espy_ctx *cx, espy_store *st, const char *path,
                           const espy_progress *progress, espy_copied *out) ESPY_NODISCARD;

/* Fills an empty store from such a file.  The whole file is proved before anything is written.
 * Errors: EXISTS (the store holds something), FORMAT, DIGEST (damaged), LIMIT, IO, STORE, NOMEM. */
espy_err espy_store_restore(espy_ctx *cx, espy_store *st, const char *path,
                            const espy_progress *progress, espy_copied *out) ESPY_NODISCARD;

#endif
