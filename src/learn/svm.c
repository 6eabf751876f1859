/* SPDX-License-Identifier: Apache-2.0
 * learn - training of the one-vs-one support vector machine.
 *
 * The rows are brought into order of class.  The machines of one class against all later ones are
 * one task: their part of the Gram matrix is a few matrix products, and every machine, with its
 * five fold machines for Platt scaling, is solved on its own small square of it, which stays in the
 * first level of cache.  A held-out sample is one whose box is empty (smo.h), so the folds need no
 * copy, start from the solution on all samples and give its decision value without more work. */
#include "learn/svm.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"
#include "gemm/gemm.h"
#include "learn/platt.h"
#include "learn/smo.h"

enum {
    SVM_FOLDS = 5,
    SVM_TILE = 2048,     /* columns of one product, unless a single class has more */
    SVM_OWN = 256,       /* largest class whose own Gram matrix is kept for all its pairs */
    SVM_DENSE = 4096,    /* largest pair with a whole Gram matrix (64 MiB) */
    SVM_CACHE = 64 << 20 /* bytes of rows kept for a larger one */
};

/* libsvm stops at a violation of 1e-3 and is then within 5e-4 of the exact decision values; a tenth
 * of it here keeps the distance between the two below 1e-3.  The folds only feed the sigmoid. */
static const double svm_tolerance = 1e-4, svm_fold_tolerance = 1e-3;

/* What one worker needs for pairs of at most `room` samples. */
typedef struct svm_scratch {
    size_t room;
    espy_smo smo;
    float *gram, *diag;
    double *y, *best, *f, *kept;
    double *box_lo, *box_hi;
    bool *first;
    uint32_t *fold, *place;
} svm_scratch;

typedef struct svm_job {
    const espy_rows *rows;
    const size_t *start;
    const double *c; /* per class */
    uint64_t seed;
    unsigned cpu;
    float *x;   /* rows in order of class */
    float *own; /* Gram matrices of the classes up to SVM_OWN, one after the other */
    size_t *own_at;
    float *coef; /* (classes - 1) x n */
    double *intercept, *prob_a, *prob_b;
    svm_scratch *scratch; /* per worker */
} svm_job;

static size_t svm_pair(size_t classes, size_t i, size_t j)
{
    return i * classes - i * (i + 1) / 2 + (j - i - 1);
}

static void svm_scratch_free(espy_ctx *cx, svm_scratch *s)
{
    espy_free(cx, s->gram);
    espy_free(cx, s->diag);
    espy_free(cx, s->y);
    espy_free(cx, s->best);
    espy_free(cx, s->f);
    espy_free(cx, s->kept);
    espy_free(cx, s->box_lo);
    espy_free(cx, s->box_hi);
    espy_free(cx, s->first);
    espy_free(cx, s->fold);
    espy_free(cx, s->place);
    espy_free(cx, s->smo.lo);
    espy_free(cx, s->smo.hi);
    espy_free(cx, s->smo.beta);
    espy_free(cx, s->smo.v);
    espy_free(cx, s->smo.up);
    espy_free(cx, s->smo.low);
    espy_free(cx, s->smo.gain);
    *s = (svm_scratch){0};
}

static espy_err svm_scratch_make(espy_ctx *cx, size_t most, svm_scratch *s)
{
    size_t room = (most + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    size_t dense = room < SVM_DENSE ? room : SVM_DENSE;

    s->room = room;
    if (!(s->gram = espy_floats(cx, dense * dense)) || !(s->diag = espy_floats(cx, room)) ||
        !(s->y = espy_array(cx, room, sizeof *s->y)) ||
        !(s->best = espy_array(cx, room, sizeof *s->best)) ||
        !(s->f = espy_array(cx, room, sizeof *s->f)) ||
        !(s->kept = espy_array(cx, room, sizeof *s->kept)) ||
        !(s->box_lo = espy_array(cx, room, sizeof *s->box_lo)) ||
        !(s->box_hi = espy_array(cx, room, sizeof *s->box_hi)) ||
        !(s->first = espy_array(cx, room, sizeof *s->first)) ||
        !(s->fold = espy_array(cx, room, sizeof *s->fold)) ||
        !(s->place = espy_array(cx, room, sizeof *s->place)) ||
        !(s->smo.lo = espy_array(cx, room, sizeof *s->smo.lo)) ||
        !(s->smo.hi = espy_array(cx, room, sizeof *s->smo.hi)) ||
        !(s->smo.beta = espy_array(cx, room, sizeof *s->smo.beta)) ||
        !(s->smo.v = espy_floats(cx, room)) || !(s->smo.up = espy_floats(cx, room)) ||
        !(s->smo.low = espy_floats(cx, room)) || !(s->smo.gain = espy_floats(cx, room)))
        return ESPY_E_NOMEM; /* the caller frees all scratch */
    return ESPY_E_OK;
}

/* Deals each class over the folds after a shuffle, the second going on where the first stopped. */
static void svm_deal(svm_scratch *s, size_t na, size_t nb, uint64_t seed, size_t pair)
{
    espy_random r;
    uint32_t next = 0;

    espy_random_seed(&r, seed, pair);
    for (size_t i = 0; i < na + nb; i++)
        s->place[i] = (uint32_t)i;
    espy_random_shuffle(&r, s->place, na);
    espy_random_shuffle(&r, s->place + na, nb);
    for (size_t i = 0; i < na + nb; i++)
        s->fold[s->place[i]] = next++ % SVM_FOLDS;
    /* The only sample of a class stays in training: without it a fold has nothing to learn. */
    if (na == 1)
        s->fold[0] = SVM_FOLDS;
    if (nb == 1)
        s->fold[na] = SVM_FOLDS;
}

/* Starts a fold from the solution on all samples: the held-out ones leave, and the heavier side is
 * scaled down until both weigh the same again. */
static void svm_fold_start(svm_scratch *s, size_t na, size_t m, uint32_t fold)
{
    espy_smo *p = &s->smo;
    double plus = 0, minus = 0;

    for (size_t i = 0; i < m; i++) {
        bool out = s->fold[i] == fold;
        p->lo[i] = out ? 0 : s->box_lo[i];
        p->hi[i] = out ? 0 : s->box_hi[i];
        p->beta[i] = out ? 0 : s->best[i];
        if (i < na)
            plus += p->beta[i];
        else
            minus -= p->beta[i];
    }
    double a = plus > minus ? minus / plus : 1, b = minus > plus ? plus / minus : 1;
    for (size_t i = 0; i < m; i++)
        p->beta[i] *= i < na ? a : b;
    espy_smo_refresh(p);
}

/* Solves one machine on the Gram matrix in s->smo and fits its sigmoid.  beta: m results. */
static espy_err svm_machine(espy_ctx *cx, const svm_job *job, svm_scratch *s, size_t i, size_t j,
                            double *bias)
{
    espy_smo *p = &s->smo;
    size_t na = job->start[i + 1] - job->start[i], nb = job->start[j + 1] - job->start[j];
    size_t m = na + nb, pair = svm_pair(job->rows->classes, i, j), steps;
    double b;

    for (size_t t = 0; t < p->padded; t++) {
        bool a = t < na, real = t < m;
        s->y[t] = a ? 1 : -1;
        s->first[t] = a;
        s->box_lo[t] = p->lo[t] = !real || a ? 0 : -job->c[j];
        s->box_hi[t] = p->hi[t] = real && a ? job->c[i] : 0;
        p->beta[t] = 0;
    }
    espy_smo_refresh(p);
    ESPY_TRY(espy_smo_solve(cx, p, svm_tolerance, &steps, bias));
    memcpy(s->best, p->beta, m * sizeof *s->best);
    for (size_t t = 0; t < m; t++)
        s->f[t] = s->y[t] - (double)p->v[t] + *bias; /* of those never held out */
    svm_deal(s, na, nb, job->seed, pair);
    for (uint32_t fold = 0; fold < SVM_FOLDS; fold++) {
        size_t out = 0;
        for (size_t t = 0; t < m; t++)
            out += s->fold[t] == fold;
        if (out == 0)
            continue;
        svm_fold_start(s, na, m, fold);
        ESPY_TRY(espy_smo_solve(cx, p, svm_fold_tolerance, &steps, &b));
        for (size_t t = 0; t < m; t++)
            if (s->fold[t] == fold)
                s->f[t] = s->y[t] - (double)p->v[t] + b;
    }
    espy_platt_fit(s->f, s->first, m, s->kept, &job->prob_a[pair], &job->prob_b[pair]);
    return ESPY_E_OK;
}

/* A class's own Gram matrix into `to`, row stride `padded`. */
static espy_err svm_own(espy_ctx *cx, const svm_job *job, size_t c, float *to, size_t padded)
{
    size_t n = job->start[c + 1] - job->start[c], dim = job->rows->dim;
    const float *x = job->x + job->start[c] * dim;

    if (n > SVM_OWN)
        return espy_gemm(cx, false, true, n, n, dim, 1, x, dim, x, dim, 0, to, padded);
    for (size_t r = 0; r < n; r++)
        memcpy(to + r * padded, job->own + job->own_at[c] + r * n, n * sizeof *to);
    return ESPY_E_OK;
}

/* The Gram matrix of a pair from those of its classes and their product (cross: na x nb, row stride
 * `stride`). */
static espy_err svm_assemble(espy_ctx *cx, const svm_job *job, svm_scratch *s, size_t i, size_t j,
                             const float *cross, size_t stride)
{
    size_t na = job->start[i + 1] - job->start[i], nb = job->start[j + 1] - job->start[j];
    size_t m = na + nb, padded = s->smo.padded;

    ESPY_TRY(svm_own(cx, job, i, s->gram, padded));
    ESPY_TRY(svm_own(cx, job, j, s->gram + na * padded + na, padded));
    for (size_t r = 0; r < na; r++)
        for (size_t t = 0; t < nb; t++)
            s->gram[r * padded + na + t] = s->gram[(na + t) * padded + r] = cross[r * stride + t];
    for (size_t r = 0; r < padded; r++) {
        s->diag[r] = r < m ? s->gram[r * padded + r] : 0;
        if (r < m)
            memset(s->gram + r * padded + m, 0, (padded - m) * sizeof *s->gram);
    }
    s->smo.gram = s->gram;
    return ESPY_E_OK;
}

/* One pair; cross NULL: too large for a Gram matrix, its rows are computed when needed. */
static espy_err svm_solve_pair(espy_ctx *cx, const svm_job *job, svm_scratch *s, size_t i, size_t j,
                               const float *cross, size_t stride)
{
    size_t dim = job->rows->dim, n = job->rows->n;
    size_t ai = job->start[i], bi = job->start[j];
    size_t na = job->start[i + 1] - ai, nb = job->start[j + 1] - bi, m = na + nb;
    espy_smo_cache *cache = NULL;
    espy_err e = ESPY_E_OK;

    s->smo.m = m;
    s->smo.padded = (m + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
    espy_smo_level(&s->smo, job->cpu);
    s->smo.diag = s->diag;
    s->smo.y = s->y;
    s->smo.gram = NULL;
    if (cross) {
        ESPY_GO(svm_assemble(cx, job, s, i, j, cross, stride));
    } else {
        const float *a = job->x + ai * dim, *b = job->x + bi * dim;
        ESPY_GO(espy_smo_cache_create(cx, a, na, b, nb, dim, SVM_CACHE, &cache));
        for (size_t t = 0; t < s->smo.padded; t++) {
            const float *row = t < na ? a + t * dim : b + (t - na) * dim;
            s->diag[t] = t < m ? s->smo.kern.dot(row, row, dim) : 0;
        }
    }
    s->smo.cache = cache;
    size_t pair = svm_pair(job->rows->classes, i, j);
    ESPY_GO(svm_machine(cx, job, s, i, j, &job->intercept[pair]));
    for (size_t t = 0; t < na; t++)
        job->coef[(j - 1) * n + ai + t] = (float)s->best[t];
    for (size_t t = 0; t < nb; t++)
        job->coef[i * n + bi + t] = (float)s->best[na + t];
out:
    espy_smo_cache_destroy(cx, &cache);
    return e;
}

static bool svm_is_dense(const svm_job *job, size_t i, size_t j)
{
    return job->start[i + 1] - job->start[i] + job->start[j + 1] - job->start[j] <= SVM_DENSE;
}

/* All machines of class `item` against later ones. */
static espy_err svm_class(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const svm_job *job = self;
    const size_t *start = job->start;
    svm_scratch *s = &job->scratch[worker];
    size_t dim = job->rows->dim, classes = job->rows->classes, i = item, end;
    size_t na = start[i + 1] - start[i];
    float *cross = NULL;
    espy_err e = ESPY_E_OK;

    for (size_t j = i + 1; j < classes; j = end) {
        end = j + 1;
        if (!svm_is_dense(job, i, j)) {
            ESPY_GO(svm_solve_pair(cx, job, s, i, j, NULL, 0));
            continue;
        }
        while (end < classes && svm_is_dense(job, i, end) && start[end + 1] - start[j] <= SVM_TILE)
            end++;
        size_t cols = start[end] - start[j];
        espy_free(cx, cross);
        if (!(cross = espy_floats(cx, na * cols))) {
            e = ESPY_E_NOMEM;
            goto out;
        }
        ESPY_GO(espy_gemm(cx, false, true, na, cols, dim, 1, job->x + start[i] * dim, dim,
                          job->x + start[j] * dim, dim, 0, cross, cols));
        for (size_t k = j; k < end; k++)
            ESPY_GO(svm_solve_pair(cx, job, s, i, k, cross + (start[k] - start[j]), cols));
        ESPY_GO(espy_cancelled(cx));
    }
out:
    espy_free(cx, cross);
    return e;
}

static espy_err svm_class_gram(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const svm_job *job = self;
    size_t n = job->start[item + 1] - job->start[item], dim = job->rows->dim;
    const float *x = job->x + job->start[item] * dim;
    (void)worker;

    if (n > SVM_OWN)
        return ESPY_E_OK;
    return espy_gemm(cx, false, true, n, n, dim, 1, x, dim, x, dim, 0, job->own + job->own_at[item],
                     n);
}

/* Keeps what supports a machine, by class, with 0 for machines it does not support. */
static espy_err svm_collect(espy_ctx *cx, const svm_job *job, const uint32_t *order, espy_svm **out)
{
    size_t n = job->rows->n, classes = job->rows->classes, dim = job->rows->dim, m = 0;
    espy_svm *svm = NULL;
    espy_err e = ESPY_E_NOMEM;
    uint32_t *keep = espy_array(cx, n, sizeof *keep);

    if (!keep)
        return ESPY_E_NOMEM;
    for (size_t r = 0; r < classes - 1; r++)
        for (size_t t = 0; t < n; t++)
            keep[t] |= job->coef[r * n + t] != 0;
    for (size_t t = 0; t < n; t++)
        if (keep[t])
            keep[m++] = (uint32_t)t;
    ESPY_GO(espy_svm_create(cx, dim, classes, m, &svm));
    if (!(svm->index = espy_array(cx, m, sizeof *svm->index))) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    for (size_t k = 0; k < m; k++) {
        memcpy(svm->x + k * dim, job->x + keep[k] * dim, dim * sizeof *svm->x);
        svm->index[k] = order[keep[k]];
        svm->count[job->rows->y[order[keep[k]]]]++;
    }
    for (size_t r = 0; r < classes - 1; r++)
        for (size_t k = 0; k < m; k++)
            svm->coef[r * m + k] = job->coef[r * n + keep[k]];
    memcpy(svm->intercept, job->intercept, svm->pairs * sizeof *svm->intercept);
    memcpy(svm->prob_a, job->prob_a, svm->pairs * sizeof *svm->prob_a);
    memcpy(svm->prob_b, job->prob_b, svm->pairs * sizeof *svm->prob_b);
    *out = svm;
    svm = NULL;
out:
    espy_svm_destroy(cx, &svm);
    espy_free(cx, keep);
    return e;
}

/* What all tasks share; in order of class from here on. */
static espy_err svm_job_make(espy_ctx *cx, svm_job *job, const uint32_t *order,
                             const espy_svm_options *options, double *c)
{
    const espy_rows *rows = job->rows;
    size_t dim = rows->dim, classes = rows->classes, pairs = classes * (classes - 1) / 2;
    size_t own = 0, largest[2] = {0, 0}, cells;
    unsigned workers = espy_pool_size(cx->pool);

    if (!espy_mul_size(classes - 1, rows->n, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu samples are too many", rows->n);
    if (!(job->x = espy_floats(cx, rows->n * dim)) ||
        !(job->own_at = espy_array(cx, classes, sizeof *job->own_at)) ||
        !(job->coef = espy_array(cx, cells, sizeof *job->coef)) ||
        !(job->intercept = espy_array(cx, pairs, sizeof *job->intercept)) ||
        !(job->prob_a = espy_array(cx, pairs, sizeof *job->prob_a)) ||
        !(job->prob_b = espy_array(cx, pairs, sizeof *job->prob_b)) ||
        !(job->scratch = espy_array(cx, workers, sizeof *job->scratch)))
        return ESPY_E_NOMEM;
    for (size_t t = 0; t < rows->n; t++)
        memcpy(job->x + t * dim, rows->x + order[t] * dim, dim * sizeof *job->x);
    for (size_t k = 0; k < classes; k++) {
        size_t n_k = job->start[k + 1] - job->start[k];
        c[k] = options->c > 0 ? options->c : 1.0;
        if (options->balanced)
            c[k] *= (double)rows->n / ((double)classes * (double)n_k);
        job->own_at[k] = own;
        own += n_k <= SVM_OWN ? n_k * n_k : 0;
        if (n_k > largest[0]) {
            largest[1] = largest[0];
            largest[0] = n_k;
        } else if (n_k > largest[1]) {
            largest[1] = n_k;
        }
    }
    if (!(job->own = espy_floats(cx, own)))
        return ESPY_E_NOMEM;
    for (unsigned w = 0; w < workers; w++)
        ESPY_TRY(svm_scratch_make(cx, largest[0] + largest[1], &job->scratch[w]));
    return ESPY_E_OK;
}

espy_err espy_svm_fit(espy_ctx *cx, const espy_rows *rows, const espy_svm_options *options,
                      espy_svm **out)
{
    uint32_t *order = NULL;
    size_t *start = NULL;
    double *c = NULL;
    espy_err e;
    svm_job job = {.rows = rows, .seed = options->seed, .cpu = espy_cpu_detect()};

    ESPY_TRY(espy_rows_check(cx, rows));
    if (rows->classes > ESPY_SVM_CLASSES)
        return espy_fail(cx, ESPY_E_DATA,
                         "svm serves up to %d labels, got %zu: use --head logistic or --head knn",
                         ESPY_SVM_CLASSES, rows->classes);
    if (rows->n == rows->classes)
        return espy_fail(
            cx, ESPY_E_DATA,
            "every label has one sample and svm needs two to judge how sure it is: add "
            "samples or use --head knn");
    ESPY_TRY(espy_rows_group(cx, rows, &order, &start));
    job.start = start;
    if (!(c = espy_array(cx, rows->classes, sizeof *c))) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    job.c = c;
    ESPY_GO(svm_job_make(cx, &job, order, options, c));
    ESPY_GO(espy_parallel(cx, rows->classes, svm_class_gram, &job));
    ESPY_GO(espy_parallel(cx, rows->classes - 1, svm_class, &job));
    ESPY_GO(svm_collect(cx, &job, order, out));
out:
    if (job.scratch)
        for (unsigned w = 0; w < espy_pool_size(cx->pool); w++)
            svm_scratch_free(cx, &job.scratch[w]);
    espy_free(cx, job.scratch);
    espy_free(cx, job.x);
    espy_free(cx, job.own);
    espy_free(cx, job.own_at);
    espy_free(cx, job.coef);
    espy_free(cx, job.intercept);
    espy_free(cx, job.prob_a);
    espy_free(cx, job.prob_b);
    espy_free(cx, c);
    espy_free(cx, order);
    espy_free(cx, start);
    return e;
}
