/* SPDX-License-Identifier: Apache-2.0
 * flow - stored. */
#include "flow/stored.h"

#include <stdlib.h>
#include <string.h>

#include "learn/gallery.h"

#define STORED_CELLS ((size_t)4 << 20) /* probabilities that are held at a time */

/* Where a sample stands in the gallery. */
typedef struct stored_row {
    int64_t sample;
    size_t row;
} stored_row;

static int stored_order(const void *a, const void *b)
{
    const stored_row *p = a, *q = b;
    return (p->sample > q->sample) - (p->sample < q->sample);
}

static espy_err stored_rows(espy_ctx *cx, const espy_vectors *gallery, stored_row **out)
{
    stored_row *rows = espy_array(cx, gallery->n, sizeof *rows);
    if (!rows)
        return cx->code;
    for (size_t i = 0; i < gallery->n; i++)
        rows[i] = (stored_row){gallery->sample[i], i};
    if (gallery->n)
        qsort(rows, gallery->n, sizeof *rows, stored_order);
    *out = rows;
    return ESPY_E_OK;
}

static size_t stored_own(const stored_row *rows, size_t n, int64_t sample)
{
    const stored_row key = {.sample = sample};
    const stored_row *found = n ? bsearch(&key, rows, n, sizeof *rows, stored_order) : NULL;
    return found ? found->row : SIZE_MAX;
}

espy_scan_sample espy_stored_scan(const espy_pool_sample *s)
{
    espy_scan_sample out = {.whole = s->whole,
                            .score = s->score,
                            .sharpness = s->sharpness,
                            .id = s->sample,
                            .label = s->label};
    memcpy(out.box, s->box, sizeof out.box);
    return out;
}

espy_err espy_stored_ask(espy_ctx *cx, const espy_identifier *id, const espy_sample_pool *pool,
                         espy_err (*tell)(espy_ctx *cx, void *self, size_t i, const espy_stored *s),
                         void *self)
{
    const espy_vectors *gallery = &id->gallery.vectors;
    const size_t classes = id->head->classes;
    size_t most = STORED_CELLS / classes + 1;
    most = most < pool->n ? most : pool->n;
    espy_err e = ESPY_E_OK;
    stored_row *rows = NULL;
    size_t *own = espy_array(cx, pool->n, sizeof *own);
    float *p = espy_floats(cx, most * classes), *cosine = espy_floats(cx, most * classes);
    if (!own || !p || !cosine)
        ESPY_GO(cx->code);
    ESPY_GO(stored_rows(cx, gallery, &rows));
    for (size_t i = 0; i < pool->n; i++)
        own[i] = stored_own(rows, gallery->n, pool->at[i].sample);
    for (size_t at = 0; at < pool->n; at += most) {
        const size_t n = pool->n - at < most ? pool->n - at : most;
        const float *x = pool->x + at * pool->dim;
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(espy_head_others(cx, id->head, x, own + at, n, p));
        ESPY_GO(espy_gallery_others(cx, &id->gallery.rows, x, own + at, n, 1, cosine));
        for (size_t i = 0; i < n; i++) {
            const espy_stored one = {&pool->at[at + i], espy_stored_scan(&pool->at[at + i]),
                                     p + i * classes, cosine + i * classes};
            ESPY_GO(tell(cx, self, at + i, &one));
        }
    }
out:
    espy_free(cx, rows);
    espy_free(cx, own);
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}
