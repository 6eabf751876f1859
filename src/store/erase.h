/* SPDX-License-Identifier: Apache-2.0
 * store - forgetting for good: a label with everything that is known of it, and media that were
 * kept long enough. */
#ifndef ESPY_STORE_ERASE_H
#define ESPY_STORE_ERASE_H

#include "store/store.h"

/* Makes the samples in a media unrecognisable, for those who stay in it.
 *   boxes  n x 4: x, y, width, height as samples have them
 *   *out   the new media; the caller frees it */
typedef espy_err espy_blank_fn(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4],
                               size_t n, espy_buf *out);

/* Erases a label, deleted ones too, with those that were merged into it: its samples, also where
 * other collections hold the same media, their embeddings and refusals, its attendance; media that
 * show nobody else; versions that learned from it, in every collection, with their files; copies of
 * the database from before migrations.
 * Media that show others are kept with its samples blanked; where one cannot be read any more, the
 * token takes its place and the others keep their labels and embeddings.  Where its codes and names
 * stand as words in events, jobs, notes, session names and sources, a token takes their place;
 * names of other labels stay whole.
 * A user's account that the label had stays; answers that were kept for idempotency keys go.
 * What is left is counted and must be nothing, or nothing is erased (INTERNAL).  Bytes are deleted
 * after the commit; what cannot be then is logged as a warning and mended later.
 *   *receipt  {"token", "time", "samples", "media_removed", "media_blanked", "versions_removed",
 *             "texts_changed", "leftovers", "elsewhere": [[collection, label] ...], labels of other
 *             collections that had some of the samples}, also kept in the store; the caller frees
 * Errors: NOT_FOUND (label), ARG (it was merged into another one), what `blank` returns but for
 * media that cannot be read, STORE, IO, NOMEM. */
espy_err espy_store_erase(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                          espy_blank_fn *blank, void *self, espy_json **receipt) ESPY_NODISCARD;

/* Media that came before a time (seconds since 1970; 0: none) or, `deleted`, were taken away before
 * it. */
typedef struct espy_expiry {
    double probes;   /* media that were only asked about */
    double unknowns; /* media that show only samples which nobody has labelled, or grouping alone */
    double deleted;  /* what was taken away: media, whatever they show, samples, empty sessions */
} espy_expiry;
/* Removes media for good.  What a person or a folder labelled stays, unless it was taken away; what
 * a version learned from stays in any case.  Groups left empty are deleted.
 *   *removed  how many media went */
espy_err espy_store_expire(espy_ctx *cx, espy_store *st, const espy_expiry *before,
                           size_t *removed) ESPY_NODISCARD;

#endif
