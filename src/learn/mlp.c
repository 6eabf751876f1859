/* SPDX-License-Identifier: Apache-2.0
 * learn - the perceptron: its memory and its answers.  Training is in mlp_train.c. */
#include "learn/mlp.h"

#include <math.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"
#include "learn/mlp_columns.h"

enum { MLP_BLOCK = 128 /* rows of a task: two activations stay in the second level of cache */ };

const espy_mlp_columns *espy_mlp_columns_pick(void)
{
    unsigned cpu = espy_cpu_detect();

    return cpu & ESPY_CPU_AVX512 ? &espy_mlp_columns_avx512
           : cpu & ESPY_CPU_AVX2 ? &espy_mlp_columns_avx2
                                 : &espy_mlp_columns_plain;
}

void espy_mlp_history_free(espy_ctx *cx, espy_mlp_history *h)
{
    espy_free(cx, h->at);
    *h = (espy_mlp_history){0};
}

static espy_err mlp_layer_make(espy_ctx *cx, espy_mlp_layer *l, bool normalised)
{
    if (!(l->weights = espy_floats(cx, l->in * l->out)) || !(l->bias = espy_floats(cx, l->out)))
        return cx->code;
    if (!normalised)
        return ESPY_E_OK;
    if (!(l->gamma = espy_floats(cx, l->out)) || !(l->beta = espy_floats(cx, l->out)) ||
        !(l->mean = espy_floats(cx, l->out)) || !(l->variance = espy_floats(cx, l->out)))
        return cx->code;
    for (size_t c = 0; c < l->out; c++)
        l->gamma[c] = l->variance[c] = 1;
    return ESPY_E_OK;
}

espy_err espy_mlp_create(espy_ctx *cx, size_t dim, const size_t *widths, size_t n, bool normalised,
                         const float *dropout, espy_mlp **out)
{
    espy_err e = ESPY_E_OK;

    if (n < 1 || n > ESPY_MLP_LAYERS)
        return espy_fail(cx, ESPY_E_LIMIT, "a network of %zu layers: 1 to %d are possible", n,
                         ESPY_MLP_LAYERS);
    if (dim < 1 || dim > INT32_MAX / ESPY_MLP_WIDTH)
        return espy_fail(cx, ESPY_E_LIMIT, "a network over %zu values is not possible", dim);
    for (size_t l = 0; l < n; l++)
        if (widths[l] < 1 || widths[l] > ESPY_MLP_WIDTH)
            return espy_fail(cx, ESPY_E_LIMIT,
                             "a layer of %zu values: 1 to %d are possible; for more labels use "
                             "--head logistic or --head knn",
                             widths[l], ESPY_MLP_WIDTH);
    espy_mlp *m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    *m = (espy_mlp){.dim = dim, .classes = widths[n - 1], .n = n};
    for (size_t l = 0; l < n; l++) {
        bool last = l + 1 == n;
        m->at[l].in = l ? widths[l - 1] : dim;
        m->at[l].out = widths[l];
        m->at[l].dropout = dropout && !last ? dropout[l] : 0;
        ESPY_GO(mlp_layer_make(cx, &m->at[l], normalised && !last));
    }
    *out = m;
    m = NULL;
out:
    espy_mlp_destroy(cx, &m);
    return e;
}

void espy_mlp_destroy(espy_ctx *cx, espy_mlp **at)
{
    espy_mlp *m = *at;

    if (!m)
        return;
    for (size_t l = 0; l < m->n; l++) {
        espy_free(cx, m->at[l].weights);
        espy_free(cx, m->at[l].bias);
        espy_free(cx, m->at[l].gamma);
        espy_free(cx, m->at[l].beta);
        espy_free(cx, m->at[l].mean);
        espy_free(cx, m->at[l].variance);
    }
    espy_free(cx, m);
    *at = NULL;
}

espy_mlp_count espy_mlp_parameters(const espy_mlp *mlp)
{
    espy_mlp_count c = {0};

    for (size_t l = 0; l < mlp->n; l++) {
        const espy_mlp_layer *at = &mlp->at[l];
        size_t dense = (at->in + 1) * at->out, norm = at->gamma ? 2 * at->out : 0;
        c.dense += dense;
        c.trainable += dense + norm;
        c.all += dense + 2 * norm;
    }
    return c;
}

typedef struct mlp_answer {
    const espy_mlp *mlp;
    const float *x;
    size_t n, block, width; /* rows in all and of a task; values of the widest hidden layer */
    float *scratch;         /* per worker: two of block x width */
    float *scale, *shift;   /* of the hidden layers' columns, one layer after the other */
    float *p;
    const espy_mlp_columns *columns;
} mlp_answer;

/* What batch normalisation does to a column once its mean and variance are fixed. */
static void mlp_fold(const espy_mlp *m, float *scale, float *shift)
{
    for (size_t l = 0, at = 0; l + 1 < m->n; at += m->at[l++].out)
        for (size_t c = 0; c < m->at[l].out; c++) {
            const espy_mlp_layer *y = &m->at[l];
            scale[at + c] = y->gamma ? y->gamma[c] / sqrtf(y->variance[c] + ESPY_MLP_EPSILON) : 1;
            shift[at + c] = y->gamma ? y->beta[c] - y->mean[c] * scale[at + c] : 0;
        }
}

static void mlp_softmax(float *p, const float *bias, size_t classes)
{
    float top = -INFINITY, sum = 0;

    for (size_t c = 0; c < classes; c++) {
        p[c] += bias[c];
        top = fmaxf(top, p[c]);
    }
    for (size_t c = 0; c < classes; c++)
        sum += p[c] = expf(p[c] - top);
    for (size_t c = 0; c < classes; c++)
        p[c] /= sum;
}

static espy_err mlp_block(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const mlp_answer *j = self;
    const espy_mlp *mlp = j->mlp;
    size_t first = item * j->block, m = j->n - first < j->block ? j->n - first : j->block, at = 0;
    const float *in = j->x + first * mlp->dim;

    for (size_t l = 0; l < mlp->n; l++) {
        const espy_mlp_layer *y = &mlp->at[l];
        bool last = l + 1 == mlp->n;
        float *to = last ? j->p + first * mlp->classes
                         : j->scratch + (2 * worker + l % 2) * j->block * j->width;
        ESPY_TRY(espy_gemm(cx, false, false, m, y->out, y->in, 1, in, y->in, y->weights, y->out, 0,
                           to, y->out));
        for (size_t i = 0; i < m && last; i++)
            mlp_softmax(to + i * y->out, y->bias, y->out);
        if (!last)
            j->columns->infer(to, y->bias, j->scale + at, j->shift + at, m, y->out, y->out);
        at += y->out;
        in = to;
    }
    return ESPY_E_OK;
}

espy_err espy_mlp_probabilities(espy_ctx *cx, const espy_mlp *mlp, const float *x, size_t n,
                                float *p)
{
    espy_err e = ESPY_E_NOMEM;
    size_t all = 0, workers = espy_pool_size(cx->pool);
    mlp_answer j = {.mlp = mlp,
                    .x = x,
                    .n = n,
                    .block = n < MLP_BLOCK ? n : MLP_BLOCK,
                    .p = p,
                    .columns = espy_mlp_columns_pick()};

    if (n == 0)
        return ESPY_E_OK;
    for (size_t l = 0; l + 1 < mlp->n; l++) {
        all += mlp->at[l].out;
        j.width = mlp->at[l].out > j.width ? mlp->at[l].out : j.width;
    }
    if (!(j.scratch = espy_floats(cx, 2 * workers * j.block * j.width)) ||
        !(j.scale = espy_floats(cx, all)) || !(j.shift = espy_floats(cx, all)))
        goto out;
    mlp_fold(mlp, j.scale, j.shift);
    e = espy_parallel(cx, (n + j.block - 1) / j.block, mlp_block, &j);
out:
    espy_free(cx, j.scratch);
    espy_free(cx, j.scale);
    espy_free(cx, j.shift);
    return e;
}
