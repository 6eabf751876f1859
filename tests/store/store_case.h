/* SPDX-License-Identifier: Apache-2.0
 * Small things to put into a store, for its tests. */
#ifndef ESPY_TESTS_STORE_CASE_H
#define ESPY_TESTS_STORE_CASE_H

#include "store/store.h"

/* Demands success, or this failure with a text; both say what went wrong. */
#define CASE_OK(cx, expr)                          \
    do {                                           \
        if ((expr) != ESPY_E_OK)                   \
            fail_msg("%s: %s", #expr, (cx)->text); \
    } while (0)
#define CASE_FAILS(cx, name, expr)                                             \
    do {                                                                       \
        espy_err case_e_ = (expr);                                             \
        if (case_e_ != ESPY_E_##name || (cx)->code != ESPY_E_##name)           \
            fail_msg("%s: %s, %s", #expr, espy_err_text(case_e_), (cx)->text); \
        espy_clear(cx);                                                        \
    } while (0)

/* A collection of faces that is not stored yet. */
#define case_template(n)                                \
    ((espy_collection){.name = (char *)(n),             \
                       .modality = (char *)"face",      \
                       .encoder = (char *)"pack",       \
                       .encoder_digest = (char *)"enc", \
                       .precision = (char *)"f32"})

/* A new empty folder's name, in a static buffer (two alternate). */
const char *case_dir(espy_ctx *cx);
/* "DIR/NAME", in a static buffer. */
const char *case_path(const char *dir, const char *name);
int64_t case_collection(espy_ctx *cx, espy_store *st, const char *name);
/* Media number k of any content; its digest where wanted. */
int64_t case_media(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest);
/* n samples side by side, embeddings of dim numbers made of `seed`; espy_scan_free(). */
espy_scan case_scan(espy_ctx *cx, size_t n, size_t dim, int seed);
/* One media with one sample: mode "all", encoder "enc", detector "det", dim 4. */
int64_t case_sample(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest);
/* A version whose head is the text; its number, or -1 after a failure, which is cleared. */
int64_t case_version(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                     const int64_t *samples, size_t n);

/* What the store holds, as the text of its parts, with every id told as its rank in its table: the
 * same for two stores in which the same happened, though one of them left ids out. */
void case_parts(espy_ctx *cx, espy_store *st, espy_buf *out);

/* Fails with the first line that differs. */
void case_same(const espy_buf *a, const espy_buf *b);

/* The labels that are there, what they hold and what was refused, as one text. */
void case_picture(espy_ctx *cx, espy_store *st, int64_t collection, char *out, size_t room);

/* Every call once, from an empty folder: what loops over failing allocations run. */
typedef espy_err case_open(espy_ctx *cx, const char *dir, espy_store **out);
espy_err case_life(espy_ctx *cx, case_open *open_store, const char *dir);

#endif
