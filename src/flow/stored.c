/* SPDX-License-Identifier: Apache-2.0
 * flow - stored. */
#include "flow/stored.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "learn/gallery.h"

#define STORED_CELLS ((size_t)4 << 20) /* probabilities that are held at a time */

/* Where a sample stands in the gallery, or in a memory. */
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

/* -- memory ------------------------------------------------------------------------------------ */
struct espy_stored_memory {
    pthread_mutex_t lock;
    stored_row *rows; /* by sample */
    float *x;         /* n rows of probabilities, then cosines */
    size_t n;
};

espy_err espy_stored_memory_create(espy_ctx *cx, espy_stored_memory **out)
{
    espy_stored_memory *m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return ESPY_E_OK;
}

void espy_stored_memory_destroy(espy_ctx *cx, espy_stored_memory **memory)
{
    espy_stored_memory *m = *memory;
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    espy_free(cx, m->rows);
    espy_free(cx, m->x);
    espy_free(cx, m);
    *memory = NULL;
}

/* A part of the pool at work. */
typedef struct stored_part {
    const espy_identifier *id;
    espy_stored_memory *memory; /* or NULL */
    const espy_sample_pool *pool;
    const size_t *own; /* of the whole pool */
    size_t first, n;
    float *p, *cosine; /* n x classes */
    size_t *missing;   /* which of the n are not known yet */
    size_t missing_n;
    float *x, *fresh; /* vectors of these; their probabilities, then their cosines */
    size_t *fresh_own;
} stored_part;

/* Takes from memory what is there, and notes what is missing. */
static void stored_recall(stored_part *part)
{
    espy_stored_memory *m = part->memory;
    const size_t classes = part->id->head->classes;
    part->missing_n = 0;
    if (m)
        pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < part->n; i++) {
        const int64_t sample = part->pool->at[part->first + i].sample;
        const size_t row = m ? stored_own(m->rows, m->n, sample) : SIZE_MAX;
        if (row == SIZE_MAX) {
            part->missing[part->missing_n++] = i;
            continue;
        }
        memcpy(part->p + i * classes, m->x + 2 * row * classes, classes * sizeof(float));
        memcpy(part->cosine + i * classes, m->x + (2 * row + 1) * classes, classes * sizeof(float));
    }
    if (m)
        pthread_mutex_unlock(&m->lock);
}

static espy_err stored_compute(espy_ctx *cx, stored_part *part)
{
    const size_t classes = part->id->head->classes, n = part->missing_n, dim = part->pool->dim;
    float *cosine = part->fresh + n * classes;
    for (size_t k = 0; k < n; k++) {
        const size_t at = part->first + part->missing[k];
        memcpy(part->x + k * dim, part->pool->x + at * dim, dim * sizeof(float));
        part->fresh_own[k] = part->own[at];
    }
    ESPY_TRY(espy_head_others(cx, part->id->head, part->x, part->fresh_own, n, part->fresh));
    ESPY_TRY(
        espy_gallery_others(cx, &part->id->gallery.rows, part->x, part->fresh_own, n, 1, cosine));
    for (size_t k = 0; k < n; k++) {
        const size_t i = part->missing[k];
        memcpy(part->p + i * classes, part->fresh + k * classes, classes * sizeof(float));
        memcpy(part->cosine + i * classes, cosine + k * classes, classes * sizeof(float));
    }
    return ESPY_E_OK;
}

/* With the lock held. */
static espy_err memory_add(espy_ctx *cx, espy_stored_memory *m, const stored_part *part)
{
    const size_t classes = part->id->head->classes, old = m->n;
    stored_row *rows = espy_resize(cx, m->rows, old + part->missing_n, sizeof *rows);
    if (!rows)
        return cx->code;
    m->rows = rows;
    float *x = espy_resize(cx, m->x, 2 * classes * (old + part->missing_n), sizeof *x);
    if (!x)
        return cx->code;
    m->x = x;
    for (size_t k = 0; k < part->missing_n; k++) {
        const size_t i = part->missing[k];
        const int64_t sample = part->pool->at[part->first + i].sample;
        if (stored_own(rows, old, sample) != SIZE_MAX) /* another thread was as fast */
            continue;
        memcpy(x + 2 * m->n * classes, part->p + i * classes, classes * sizeof *x);
        memcpy(x + (2 * m->n + 1) * classes, part->cosine + i * classes, classes * sizeof *x);
        rows[m->n] = (stored_row){sample, m->n};
        m->n++;
    }
    qsort(rows, m->n, sizeof *rows, stored_order);
    return ESPY_E_OK;
}

static espy_err stored_remember(espy_ctx *cx, const stored_part *part)
{
    espy_stored_memory *m = part->memory;
    const size_t row = 2 * part->id->head->classes * sizeof(float);
    if (!m)
        return ESPY_E_OK;
    pthread_mutex_lock(&m->lock);
    if ((m->n + part->missing_n) * row > ESPY_STORED_BYTES)
        m->n = 0;
    espy_err e = memory_add(cx, m, part);
    pthread_mutex_unlock(&m->lock);
    return e;
}

/* -- asking ------------------------------------------------------------------------------------ */
static espy_err stored_part_make(espy_ctx *cx, stored_part *part, size_t most)
{
    const size_t cells = most * part->id->head->classes;
    part->p = espy_floats(cx, cells);
    part->cosine = espy_floats(cx, cells);
    part->fresh = espy_floats(cx, 2 * cells);
    part->x = espy_floats(cx, most * part->pool->dim);
    part->missing = espy_array(cx, most, sizeof *part->missing);
    part->fresh_own = espy_array(cx, most, sizeof *part->fresh_own);
    return part->p && part->cosine && part->fresh && part->x && part->missing && part->fresh_own
               ? ESPY_E_OK
               : cx->code;
}

static void stored_part_free(espy_ctx *cx, stored_part *part)
{
    espy_free(cx, part->p);
    espy_free(cx, part->cosine);
    espy_free(cx, part->fresh);
    espy_free(cx, part->x);
    espy_free(cx, part->missing);
    espy_free(cx, part->fresh_own);
}

espy_err espy_stored_ask(espy_ctx *cx, espy_asked_version version, const espy_sample_pool *pool,
                         espy_err (*tell)(espy_ctx *cx, void *self, size_t i, const espy_stored *s),
                         void *self)
{
    const espy_vectors *gallery = &version.id->gallery.vectors;
    const size_t classes = version.id->head->classes;
    const bool fits = 2 * classes * sizeof(float) * pool->n <= ESPY_STORED_BYTES;
    stored_part part = {version.id, fits ? version.memory : NULL, pool};
    stored_row *rows = NULL;
    size_t most = STORED_CELLS / classes + 1;
    most = most < pool->n ? most : pool->n;
    espy_err e = ESPY_E_OK;
    size_t *own = espy_array(cx, pool->n, sizeof *own);
    if (!own)
        return cx->code;
    part.own = own;
    ESPY_GO(stored_part_make(cx, &part, most));
    ESPY_GO(stored_rows(cx, gallery, &rows));
    for (size_t i = 0; i < pool->n; i++)
        own[i] = stored_own(rows, gallery->n, pool->at[i].sample);
    for (; part.first < pool->n; part.first += part.n) {
        part.n = pool->n - part.first < most ? pool->n - part.first : most;
        ESPY_GO(espy_cancelled(cx));
        stored_recall(&part);
        if (part.missing_n) {
            ESPY_GO(stored_compute(cx, &part));
            ESPY_GO(stored_remember(cx, &part));
        }
        for (size_t i = 0; i < part.n; i++) {
            const espy_pool_sample *s = &pool->at[part.first + i];
            const espy_stored one = {s, espy_stored_scan(s), part.p + i * classes,
                                     part.cosine + i * classes};
            ESPY_GO(tell(cx, self, part.first + i, &one));
        }
    }
out:
    stored_part_free(cx, &part);
    espy_free(cx, rows);
    espy_free(cx, own);
    return e;
}
