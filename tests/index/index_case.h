/* SPDX-License-Identifier: Apache-2.0
 * Vectors of made-up people and the exact answers about them. */
#ifndef ESPY_TESTS_INDEX_CASE_H
#define ESPY_TESTS_INDEX_CASE_H

#include "support/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "index/index.h"

enum { CASE_PERSON = 20 };

/* A direction near that of the person `at`; cosine about 0.6 between two of one person. */
static inline void case_vector(espy_random *r, size_t at, size_t dim, float *x)
{
    espy_random centre;
    espy_random_seed(&centre, 77, at);
    for (size_t i = 0; i < dim; i++)
        x[i] = (float)(sqrt(0.6) * espy_random_normal(&centre) + sqrt(0.4) * espy_random_normal(r));
}

typedef struct index_case {
    size_t n, dim, queries_n;
    float *vectors, *queries;
    int64_t *ids; /* 3, 10, 17, ... */
} index_case;

static inline index_case case_make(size_t n, size_t dim, size_t queries_n)
{
    index_case c = {n,
                    dim,
                    queries_n,
                    malloc(n * dim * sizeof(float) + 1),
                    malloc(queries_n * dim * sizeof(float) + 1),
                    malloc(n * sizeof(int64_t) + 1)};
    espy_random r;
    espy_random_seed(&r, 5, 6);
    for (size_t i = 0; i < n; i++) {
        case_vector(&r, i / CASE_PERSON, dim, c.vectors + i * dim);
        c.ids[i] = (int64_t)(3 + 7 * i);
    }
    for (size_t i = 0; i < queries_n; i++)
        case_vector(&r, i * 13 % (n / CASE_PERSON + 1), dim, c.queries + i * dim);
    return c;
}

static inline void case_free(index_case *c)
{
    free(c->vectors);
    free(c->queries);
    free(c->ids);
}

static inline double case_cosine(const float *a, const float *b, size_t dim)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < dim; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return ab / sqrt(aa * bb);
}

/* An index with all vectors of the case. */
static inline espy_index *case_index(espy_ctx *cx, const index_case *c, espy_near_kind kind,
                                     espy_index_method method, bool keep)
{
    espy_index *ix = NULL;
    const espy_index_options o = {kind, method, keep, 0, 0};
    if (espy_index_create(cx, c->dim, &o, &ix) != ESPY_E_OK ||
        espy_index_add(cx, ix, c->ids, c->vectors, c->n) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return ix;
}

typedef struct case_answer {
    espy_hit *hits;
    size_t *found, k, n;
} case_answer;

static inline case_answer case_ask(espy_ctx *cx, const espy_index *ix, const index_case *c,
                                   const espy_index_query *q)
{
    case_answer a = {calloc(c->queries_n * q->k + 1, sizeof(espy_hit)),
                     calloc(c->queries_n + 1, sizeof(size_t)), q->k, c->queries_n};
    if (espy_index_search(cx, ix, c->queries, c->queries_n, q, a.hits, a.found) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return a;
}

static inline void case_answer_free(case_answer *a)
{
    free(a->hits);
    free(a->found);
}

static inline bool case_same(const case_answer *a, const case_answer *b)
{
    if (memcmp(a->found, b->found, a->n * sizeof *a->found) != 0)
        return false;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < a->found[i]; j++) {
            const espy_hit *x = &a->hits[i * a->k + j], *y = &b->hits[i * b->k + j];
            if (x->id != y->id || memcmp(&x->cosine, &y->cosine, sizeof x->cosine) != 0)
                return false;
        }
    return true;
}

/* Of all queries' hits, the share whose cosine reaches that of the k-th nearest vector left: `out`
 * says of each vector whether it was taken out; NULL: none.  Also checks order, cosines (within
 * `off`) and that nothing taken out is told. */
static inline double case_recall(const index_case *c, const case_answer *a, const bool *out,
                                 double off)
{
    double *all = malloc(c->n * sizeof *all);
    size_t right = 0, wanted = 0;
    assert_non_null(all);
    for (size_t q = 0; q < a->n; q++) {
        const float *query = c->queries + q * c->dim;
        size_t left = 0;
        for (size_t i = 0; i < c->n; i++)
            if (!out || !out[i])
                all[left++] = case_cosine(query, c->vectors + i * c->dim, c->dim);
        const size_t k = a->k < left ? a->k : left;
        for (size_t i = 0; i < k; i++) /* the k greatest come first */
            for (size_t j = i + 1; j < left; j++)
                if (all[j] > all[i]) {
                    const double swap = all[i];
                    all[i] = all[j];
                    all[j] = swap;
                }
        wanted += k;
        assert_true(a->found[q] <= k);
        for (size_t j = 0; j < a->found[q]; j++) {
            const espy_hit *h = &a->hits[q * a->k + j];
            const size_t at = (size_t)(h->id - 3) / 7;
            assert_true(h->id == c->ids[at] && (!out || !out[at]));
            const double cosine = case_cosine(query, c->vectors + at * c->dim, c->dim);
            assert_true(fabs((double)h->cosine - cosine) <= off);
            assert_true(j == 0 || h->cosine <= h[-1].cosine);
            right += cosine >= all[k - 1] - 1e-6;
        }
    }
    free(all);
    return (double)right / (double)wanted;
}

#endif
