/* SPDX-License-Identifier: Apache-2.0
 * learn - answers of the one-vs-one support vector machine.
 *
 * Everything is summed in double precision over the stored single-precision numbers: that is what a
 * reader of the exported files computes, and the two must agree to 1e-6. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "learn/platt.h"
#include "learn/svm.h"

enum {
    ANSWER_ROWS = 8, /* queries of a task: each support vector is read once for all of them */
    ANSWER_LANES = 8 /* sums kept apart, so that they overlap */
};

espy_err espy_svm_create(espy_ctx *cx, size_t dim, size_t classes, size_t n, espy_svm **out)
{
    size_t cells, coefs;
    espy_svm *s = espy_zalloc(cx, sizeof *s);

    if (!s)
        return ESPY_E_NOMEM;
    *s = (espy_svm){.dim = dim, .classes = classes, .n = n, .pairs = classes * (classes - 1) / 2};
    if (!espy_mul_size(n, dim, &cells) || !espy_mul_size(classes - 1, n, &coefs)) {
        espy_svm_destroy(cx, &s);
        return espy_fail(cx, ESPY_E_LIMIT, "%zu support vectors are too many", n);
    }
    if (!(s->x = espy_floats(cx, cells)) || !(s->coef = espy_array(cx, coefs, sizeof *s->coef)) ||
        !(s->count = espy_array(cx, classes, sizeof *s->count)) ||
        !(s->intercept = espy_array(cx, s->pairs, sizeof *s->intercept)) ||
        !(s->prob_a = espy_array(cx, s->pairs, sizeof *s->prob_a)) ||
        !(s->prob_b = espy_array(cx, s->pairs, sizeof *s->prob_b))) {
        espy_svm_destroy(cx, &s);
        return ESPY_E_NOMEM;
    }
    *out = s;
    return ESPY_E_OK;
}

void espy_svm_destroy(espy_ctx *cx, espy_svm **svm)
{
    espy_svm *s = *svm;

    if (!s)
        return;
    espy_free(cx, s->x);
    espy_free(cx, s->coef);
    espy_free(cx, s->count);
    espy_free(cx, s->index);
    espy_free(cx, s->intercept);
    espy_free(cx, s->prob_a);
    espy_free(cx, s->prob_b);
    espy_free(cx, s);
    *svm = NULL;
}

static double answer_dot(const float *a, const double *b, size_t n)
{
    double sum[ANSWER_LANES] = {0}, all = 0;
    size_t i = 0;

    for (; i + ANSWER_LANES <= n; i += ANSWER_LANES)
        for (size_t l = 0; l < ANSWER_LANES; l++)
            sum[l] += (double)a[i + l] * b[i + l];
    for (; i < n; i++)
        all += (double)a[i] * b[i];
    for (size_t l = 0; l < ANSWER_LANES; l++)
        all += sum[l];
    return all;
}

/* f: decision values of all pairs from k: products with all support vectors. */
static void answer_pairs(const espy_svm *s, const double *k, double *f)
{
    size_t pair = 0, at_i = 0;

    for (size_t i = 0; i < s->classes; i++) {
        size_t at_j = at_i + s->count[i];
        for (size_t j = i + 1; j < s->classes; j++, pair++) {
            f[pair] = s->intercept[pair] +
                      answer_dot(s->coef + (j - 1) * s->n + at_i, k + at_i, s->count[i]) +
                      answer_dot(s->coef + i * s->n + at_j, k + at_j, s->count[j]);
            at_j += s->count[j];
        }
        at_i += s->count[i];
    }
}

typedef struct answer_job {
    const espy_svm *svm;
    const double *x;
    size_t n;
    double *f, *p; /* one of them NULL */
} answer_job;

static void answer_couple(const espy_svm *s, const double *f, double *r, double *q, double *qp,
                          double *p)
{
    const double least = 1e-7; /* of a pairwise probability, as libsvm has it */
    size_t k = s->classes, pair = 0;
    double sum = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = i + 1; j < k; j++, pair++) {
            double v = espy_platt_probability(f[pair], s->prob_a[pair], s->prob_b[pair]);
            v = fmin(fmax(v, least), 1 - least);
            r[i * k + j] = v;
            r[j * k + i] = 1 - v;
        }
    espy_platt_couple(r, k, q, qp, p);
    for (size_t c = 0; c < k; c++)
        sum += p[c];
    for (size_t c = 0; c < k; c++)
        p[c] /= sum;
}

static espy_err answer_block(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const answer_job *job = self;
    const espy_svm *s = job->svm;
    size_t first = item * ANSWER_ROWS, classes = s->classes;
    size_t rows = job->n - first < ANSWER_ROWS ? job->n - first : ANSWER_ROWS;
    double *k = NULL, *f = NULL, *r = NULL, *q = NULL, *qp = NULL;
    espy_err e = ESPY_E_NOMEM;
    (void)worker;

    if (!(k = espy_array(cx, rows * s->n, sizeof *k)) ||
        (job->p && (!(f = espy_array(cx, s->pairs, sizeof *f)) ||
                    !(r = espy_array(cx, classes * classes, sizeof *r)) ||
                    !(q = espy_array(cx, classes * classes, sizeof *q)) ||
                    !(qp = espy_array(cx, classes, sizeof *qp)))))
        goto out;
    for (size_t t = 0; t < s->n; t++)
        for (size_t i = 0; i < rows; i++)
            k[i * s->n + t] = answer_dot(s->x + t * s->dim, job->x + (first + i) * s->dim, s->dim);
    for (size_t i = 0; i < rows; i++) {
        if (!job->p) {
            answer_pairs(s, k + i * s->n, job->f + (first + i) * s->pairs);
            continue;
        }
        answer_pairs(s, k + i * s->n, f);
        answer_couple(s, f, r, q, qp, job->p + (first + i) * classes);
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, k);
    espy_free(cx, f);
    espy_free(cx, r);
    espy_free(cx, q);
    espy_free(cx, qp);
    return e;
}

espy_err espy_svm_decide(espy_ctx *cx, const espy_svm *svm, const double *x, size_t n, double *f)
{
    answer_job job = {.svm = svm, .x = x, .n = n, .f = f};

    return espy_parallel(cx, (n + ANSWER_ROWS - 1) / ANSWER_ROWS, answer_block, &job);
}

espy_err espy_svm_probabilities(espy_ctx *cx, const espy_svm *svm, const double *x, size_t n,
                                double *p)
{
    answer_job job = {.svm = svm, .x = x, .n = n, .p = p};

    return espy_parallel(cx, (n + ANSWER_ROWS - 1) / ANSWER_ROWS, answer_block, &job);
}
