/* SPDX-License-Identifier: Apache-2.0
 * learn - sequential minimal optimisation: what surrounds the loop, and the row cache. */
#include "learn/smo.h"

#include <math.h>
#include <string.h>

enum { SMO_BUDGET = 8192 /* steps between looks at the cancel flag */ };

struct espy_smo_cache {
    const float *a, *b;
    size_t na, nb, dim, padded, slots;
    float *rows;     /* slots x padded */
    uint32_t *holds; /* row in a slot + 1; 0: free */
    uint32_t *where; /* slot of a row + 1; 0: none */
    uint64_t *used;  /* time of last use of a slot */
    uint64_t now;
};

espy_err espy_smo_cache_create(espy_ctx *cx, const float *a, size_t na, const float *b, size_t nb,
                               size_t dim, size_t bytes, espy_smo_cache **out)
{
    size_t m = na + nb, padded = (m + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    size_t slots = bytes / (padded * sizeof(float)), room;
    espy_smo_cache *c = espy_zalloc(cx, sizeof *c);

    if (!c)
        return ESPY_E_NOMEM;
    slots = slots < 2 ? 2 : slots > m ? m : slots;
    *c = (espy_smo_cache){
        .a = a, .b = b, .na = na, .nb = nb, .dim = dim, .padded = padded, .slots = slots};
    if (!espy_mul_size(slots, padded, &room) || !(c->rows = espy_floats(cx, room)) ||
        !(c->holds = espy_array(cx, slots, sizeof *c->holds)) ||
        !(c->where = espy_array(cx, m, sizeof *c->where)) ||
        !(c->used = espy_array(cx, slots, sizeof *c->used))) {
        espy_smo_cache_destroy(cx, &c);
        return ESPY_E_NOMEM;
    }
    *out = c;
    return ESPY_E_OK;
}

void espy_smo_cache_destroy(espy_ctx *cx, espy_smo_cache **cache)
{
    espy_smo_cache *c = *cache;

    if (!c)
        return;
    espy_free(cx, c->rows);
    espy_free(cx, c->holds);
    espy_free(cx, c->where);
    espy_free(cx, c->used);
    espy_free(cx, c);
    *cache = NULL;
}

static const float *smo_cached(espy_smo_cache *c, const espy_kern *kern, size_t i)
{
    size_t slot = 0;

    if (c->where[i]) {
        slot = c->where[i] - 1;
        c->used[slot] = ++c->now;
        return c->rows + slot * c->padded;
    }
    for (size_t s = 1; s < c->slots; s++)
        if (c->used[s] < c->used[slot])
            slot = s;
    if (c->holds[slot])
        c->where[c->holds[slot] - 1] = 0;
    c->holds[slot] = (uint32_t)i + 1;
    c->where[i] = (uint32_t)slot + 1;
    c->used[slot] = ++c->now;
    float *row = c->rows + slot * c->padded;
    const float *x = i < c->na ? c->a + i * c->dim : c->b + (i - c->na) * c->dim;
    for (size_t t = 0; t < c->na; t++)
        row[t] = kern->dot(x, c->a + t * c->dim, c->dim);
    for (size_t t = 0; t < c->nb; t++)
        row[c->na + t] = kern->dot(x, c->b + t * c->dim, c->dim);
    return row;
}

const float *espy_smo_row(espy_smo *s, size_t i)
{
    return s->gram ? s->gram + i * s->padded : smo_cached(s->cache, &s->kern, i);
}

void espy_smo_level(espy_smo *s, unsigned cpu)
{
    s->ops = cpu & ESPY_CPU_AVX512 ? &espy_smo_avx512
             : cpu & ESPY_CPU_AVX2 ? &espy_smo_avx2
                                   : &espy_smo_plain;
    espy_kern_init(&s->kern, cpu);
}

void espy_smo_refresh(espy_smo *s)
{
    for (size_t t = 0; t < s->padded; t++) {
        bool real = t < s->m;
        s->v[t] = real ? s->y[t] : 0;
        s->up[t] = real && s->beta[t] < s->hi[t] ? 0 : -INFINITY;
        s->low[t] = real && s->beta[t] > s->lo[t] ? 0 : -INFINITY;
    }
    for (size_t i = 0; i < s->m; i++)
        if (s->beta[i] != 0)
            s->ops->subtract(s->v, s->beta[i], espy_smo_row(s, i), s->padded);
}

/* b: mean of v over the free samples; without any, the middle of what the boxes allow. */
static double smo_bias(const espy_smo *s)
{
    double sum = 0, least = INFINITY, most = -INFINITY;
    size_t free_n = 0;

    for (size_t t = 0; t < s->m; t++) {
        if (s->up[t] == 0 && s->low[t] == 0) {
            sum += s->v[t];
            free_n++;
        }
        if (s->up[t] == 0)
            most = s->v[t] > most ? s->v[t] : most;
        if (s->low[t] == 0)
            least = s->v[t] < least ? s->v[t] : least;
    }
    return free_n ? sum / (double)free_n : (most + least) / 2;
}

espy_err espy_smo_solve(espy_ctx *cx, espy_smo *s, double tolerance, size_t *steps, double *bias)
{
    /* A bound that only degenerate data reach; what is there by then is the answer. */
    const size_t most = 100 * s->m > 10000000 ? 100 * s->m : 10000000;

    *steps = 0;
    while (*steps < most && !s->ops->loop(s, tolerance, SMO_BUDGET, steps))
        ESPY_TRY(espy_cancelled(cx));
    *bias = smo_bias(s);
    return ESPY_E_OK;
}
