/* SPDX-License-Identifier: Apache-2.0
 * learn - prototypes. */
#include "learn/prototypes.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"

enum { PROTOTYPES_CHUNK = 1024 /* rows scored at a time, which bounds the scratch */ };

espy_err espy_prototypes_create(espy_ctx *cx, size_t dim, size_t classes, const size_t *count,
                                espy_prototypes **out)
{
    size_t n = 0, cells;
    for (size_t c = 0; c < classes; c++)
        if (!espy_add_size(n, count[c], &n))
            n = SIZE_MAX;
    if (n > INT32_MAX || dim > INT32_MAX || !espy_mul_size(n, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu centres of %zu values are too many", n, dim);
    espy_prototypes *p = espy_zalloc(cx, sizeof *p);
    if (!p)
        return cx->code;
    *p = (espy_prototypes){.dim = dim, .classes = classes, .n = n};
    if (!(p->start = espy_array(cx, classes + 1, sizeof *p->start)) ||
        !(p->centers = espy_array(cx, cells, sizeof *p->centers)) ||
        !(p->unit = espy_floats(cx, cells)) ||
        !(p->inertia = espy_array(cx, classes, sizeof *p->inertia)) ||
        !(p->iterations = espy_array(cx, classes, sizeof *p->iterations))) {
        espy_prototypes_destroy(cx, &p);
        return cx->code;
    }
    for (size_t c = 0; c < classes; c++)
        p->start[c + 1] = p->start[c] + count[c];
    *out = p;
    return ESPY_E_OK;
}

void espy_prototypes_destroy(espy_ctx *cx, espy_prototypes **p)
{
    if (!*p)
        return;
    espy_free(cx, (*p)->start);
    espy_free(cx, (*p)->centers);
    espy_free(cx, (*p)->unit);
    espy_free(cx, (*p)->inertia);
    espy_free(cx, (*p)->iterations);
    espy_free(cx, *p);
    *p = NULL;
}

void espy_prototypes_finish(espy_prototypes *p)
{
    for (size_t i = 0; i < p->n; i++) {
        const double *c = p->centers + i * p->dim;
        double square = 0;
        for (size_t d = 0; d < p->dim; d++)
            square += c[d] * c[d];
        double scale = square > 0 ? 1 / sqrt(square) : 0;
        for (size_t d = 0; d < p->dim; d++)
            p->unit[i * p->dim + d] = (float)(c[d] * scale);
    }
}

typedef struct prototypes_job {
    const espy_rows *rows;
    const uint32_t *order; /* rows in order of label */
    const size_t *from;    /* classes + 1, into order */
    espy_kmeans_options options;
    uint32_t *cluster; /* or NULL */
    espy_prototypes *to;
} prototypes_job;

static espy_err prototypes_label(espy_ctx *cx, void *self, size_t c, unsigned worker)
{
    const prototypes_job *job = self;
    const espy_rows *rows = job->rows;
    const uint32_t *at = job->order + job->from[c];
    size_t n = job->from[c + 1] - job->from[c], dim = rows->dim;
    espy_kmeans m = {0};
    espy_err e = ESPY_E_OK;
    (void)worker;
    if (n == 0)
        return ESPY_E_OK;
    float *x = espy_floats(cx, n * dim);
    if (!x)
        return cx->code;
    for (size_t i = 0; i < n; i++)
        memcpy(x + i * dim, rows->x + at[i] * dim, dim * sizeof *x);
    ESPY_GO(espy_kmeans_fit(cx, x, n, dim, &job->options, &m));
    memcpy(job->to->centers + job->to->start[c] * dim, m.centers,
           m.clusters * dim * sizeof *m.centers);
    job->to->inertia[c] = m.inertia;
    job->to->iterations[c] = m.iterations;
    for (size_t i = 0; job->cluster && i < n; i++)
        job->cluster[at[i]] = m.cluster[i];
out:
    espy_kmeans_free(cx, &m);
    espy_free(cx, x);
    return e;
}

espy_err espy_prototypes_fit(espy_ctx *cx, const espy_rows *rows, size_t clusters, uint64_t seed,
                             uint32_t *cluster, espy_prototypes **out)
{
    espy_err e = ESPY_E_OK;
    espy_prototypes *p = NULL;
    uint32_t *order = NULL;
    size_t *from = NULL, *count = espy_array(cx, rows->classes, sizeof *count);
    if (!count)
        return cx->code;
    ESPY_GO(espy_rows_group(cx, rows, &order, &from));
    for (size_t c = 0; c < rows->classes; c++) {
        size_t n = from[c + 1] - from[c];
        count[c] = n < clusters ? n : clusters;
    }
    ESPY_GO(espy_prototypes_create(cx, rows->dim, rows->classes, count, &p));
    prototypes_job job = {rows, order, from, {.clusters = clusters, .seed = seed}, cluster, p};
    ESPY_GO(espy_parallel(cx, rows->classes, prototypes_label, &job));
    espy_prototypes_finish(p);
    *out = p;
    p = NULL;
out:
    espy_prototypes_destroy(cx, &p);
    espy_free(cx, order);
    espy_free(cx, from);
    espy_free(cx, count);
    return e;
}

static void prototypes_unit(const float *x, size_t dim, float *out)
{
    double square = 0;
    for (size_t d = 0; d < dim; d++)
        square += (double)x[d] * (double)x[d];
    bool sound = square > 0 && isfinite(square); /* a damaged scaler may make anything */
    double scale = sound ? 1 / sqrt(square) : 0;
    for (size_t d = 0; d < dim; d++)
        out[d] = sound ? (float)((double)x[d] * scale) : 0;
}

espy_err espy_prototypes_score(espy_ctx *cx, const espy_prototypes *p, const float *x, size_t n,
                               float *score)
{
    size_t chunk = n < PROTOTYPES_CHUNK ? n : PROTOTYPES_CHUNK;
    espy_err e = ESPY_E_OK;
    float *unit = espy_floats(cx, chunk * p->dim), *cosine = espy_floats(cx, chunk * p->n);
    if (!unit || !cosine)
        ESPY_GO(cx->code);
    for (size_t at = 0; at < n; at += chunk) {
        size_t m = n - at < chunk ? n - at : chunk;
        for (size_t i = 0; i < m; i++)
            prototypes_unit(x + (at + i) * p->dim, p->dim, unit + i * p->dim);
        if (p->n)
            ESPY_GO(espy_gemm(cx, false, true, m, p->n, p->dim, 1, unit, p->dim, p->unit, p->dim, 0,
                              cosine, p->n));
        for (size_t i = 0; i < m; i++)
            for (size_t c = 0; c < p->classes; c++) {
                float best = -2;
                for (size_t k = p->start[c]; k < p->start[c + 1]; k++)
                    best = fmaxf(best, cosine[i * p->n + k]);
                score[(at + i) * p->classes + c] = best;
            }
    }
out:
    espy_free(cx, unit);
    espy_free(cx, cosine);
    return e;
}
