/* SPDX-License-Identifier: Apache-2.0
 * learn - answers of one-vs-rest logistic regression. */
#include <math.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "kern/kern.h"
#include "learn/logistic.h"

enum {
    ANSWER_FEW = 8,      /* queries up to which each is a pass over the weights */
    ANSWER_CLASSES = 512 /* classes of a task */
};

espy_err espy_logistic_create(espy_ctx *cx, size_t dim, size_t classes, espy_logistic **out)
{
    size_t cells;
    espy_logistic *m = espy_zalloc(cx, sizeof *m);

    if (!m)
        return ESPY_E_NOMEM;
    *m = (espy_logistic){.dim = dim, .classes = classes};
    if (!espy_mul_size(dim, classes, &cells)) {
        espy_logistic_destroy(cx, &m);
        return espy_fail(cx, ESPY_E_LIMIT, "%zu labels of %zu values are too many", classes, dim);
    }
    if (!(m->coef = espy_floats(cx, cells)) ||
        !(m->intercept = espy_array(cx, classes, sizeof *m->intercept))) {
        espy_logistic_destroy(cx, &m);
        return ESPY_E_NOMEM;
    }
    *out = m;
    return ESPY_E_OK;
}

void espy_logistic_destroy(espy_ctx *cx, espy_logistic **m)
{
    if (!*m)
        return;
    espy_free(cx, (*m)->coef);
    espy_free(cx, (*m)->intercept);
    espy_free(cx, *m);
    *m = NULL;
}

typedef struct logistic_answer {
    const espy_logistic *m;
    const float *x;
    size_t n;
    float *p;
    espy_kern kern;
} logistic_answer;

static espy_err answer_classes(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const logistic_answer *job = self;
    size_t classes = job->m->classes, dim = job->m->dim, end = (item + 1) * ANSWER_CLASSES;
    (void)cx;
    (void)worker;

    for (size_t c = item * ANSWER_CLASSES; c < classes && c < end; c++)
        for (size_t i = 0; i < job->n; i++)
            job->p[i * classes + c] = job->kern.dot(job->x + i * dim, job->m->coef + c * dim, dim);
    return ESPY_E_OK;
}

/* Decision values to probabilities.  Far below zero the sigmoid is exp(z), of which only the ratios
 * count: taken from the largest, they survive where every sigmoid is 0. */
static void answer_normalise(const espy_logistic *m, float *p)
{
    double sum = 0, top = -INFINITY;

    for (size_t c = 0; c < m->classes; c++)
        top = fmax(top, p[c] + m->intercept[c]);
    for (size_t c = 0; c < m->classes; c++) {
        double z = p[c] + m->intercept[c];
        double v = top < -30 ? exp(z - top) : z < 0 ? exp(z) / (1 + exp(z)) : 1 / (1 + exp(-z));
        p[c] = (float)v;
        sum += v;
    }
    for (size_t c = 0; c < m->classes; c++)
        p[c] = (float)(p[c] / sum);
}

espy_err espy_logistic_probabilities(espy_ctx *cx, const espy_logistic *m, const float *x, size_t n,
                                     float *p)
{
    logistic_answer job = {.m = m, .x = x, .n = n, .p = p};

    espy_kern_init(&job.kern, espy_cpu_detect());
    if (n <= ANSWER_FEW)
        ESPY_TRY(espy_parallel(cx, (m->classes + ANSWER_CLASSES - 1) / ANSWER_CLASSES,
                               answer_classes, &job));
    else
        ESPY_TRY(espy_gemm(cx, false, true, n, m->classes, m->dim, 1, x, m->dim, m->coef, m->dim, 0,
                           p, m->classes));
    for (size_t i = 0; i < n; i++)
        answer_normalise(m, p + i * m->classes);
    return ESPY_E_OK;
}
