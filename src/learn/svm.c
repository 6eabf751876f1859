/* SPDX-License-Identifier: Apache-2.0
 * learn - training of the one-vs-one support vector machine.
 *
 * The rows are brought into order of class.  The machines of a few neighbouring classes against all
 * later ones are one task: their part of the Gram matrix is a few matrix products, and every
 * machine is solved on its own small square of it (svm_machine.c), which stays in the first level
 * of cache. Tasks depend on the data alone, so the results are the same on any number of threads.
 */
#include "learn/svm.h"

#include <string.h>

#include "base/pool.h"
#include "gemm/gemm.h"
#include "learn/svm_machine.h"

enum {
    SVM_GROUP = 256,     /* most rows of a task, unless a single class has more */
    SVM_TILE = 1024,     /* columns of one product, unless a single class has more */
    SVM_OWN = 256,       /* largest class whose own Gram matrix is kept for all its pairs */
    SVM_CACHE = 64 << 20 /* bytes of rows kept for a pair too large for a Gram matrix */
};

typedef struct svm_job {
    const espy_rows *rows;
    const size_t *start;
    const double *c; /* per class */
    uint64_t seed;
    unsigned cpu;
    float *x;         /* rows in order of class */
    uint64_t *source; /* likewise; NULL: each row is its own */
    float *own;       /* Gram matrices of the classes up to SVM_OWN, one after the other */
    size_t *own_at;
    float *coef; /* (classes - 1) x n */
    double *intercept, *prob_a, *prob_b;
    espy_machine *machine; /* per worker */
    size_t *group;         /* first class of each task, and the end */
    size_t groups;
} svm_job;

static size_t svm_pair(size_t classes, size_t i, size_t j)
{
    return i * classes - i * (i + 1) / 2 + (j - i - 1);
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

static size_t svm_size(const svm_job *job, size_t c)
{
    return job->start[c + 1] - job->start[c];
}

/* The Gram matrix of a pair from those of its classes and their product (cross: na x nb, row stride
 * `stride`). */
static espy_err svm_assemble(espy_ctx *cx, const svm_job *job, espy_machine *s, size_t i, size_t j,
                             const float *cross, size_t stride)
{
    size_t na = svm_size(job, i), nb = svm_size(job, j), m = na + nb, padded = s->smo.padded;

    ESPY_TRY(svm_own(cx, job, i, s->gram, padded));
    ESPY_TRY(svm_own(cx, job, j, s->gram + na * padded + na, padded));
    for (size_t r = 0; r < na; r++)
        memcpy(s->gram + r * padded + na, cross + r * stride, nb * sizeof *cross);
    for (size_t t = 0; t < nb; t++)
        for (size_t r = 0; r < na; r++)
            s->gram[(na + t) * padded + r] = cross[r * stride + t];
    for (size_t r = 0; r < m; r++) {
        s->diag[r] = s->gram[r * padded + r];
        memset(s->gram + r * padded + m, 0, (padded - m) * sizeof *s->gram);
    }
    memset(s->diag + m, 0, (padded - m) * sizeof *s->diag);
    s->smo.gram = s->gram;
    return ESPY_E_OK;
}

/* One pair; cross NULL: too large for a Gram matrix, its rows are computed when needed. */
static espy_err svm_solve_pair(espy_ctx *cx, const svm_job *job, espy_machine *s, size_t i,
                               size_t j, const float *cross, size_t stride)
{
    size_t dim = job->rows->dim, n = job->rows->n, ai = job->start[i], bi = job->start[j];
    size_t na = svm_size(job, i), nb = svm_size(job, j), m = na + nb;
    size_t pair = svm_pair(job->rows->classes, i, j);
    espy_smo_cache *cache = NULL;
    espy_err e = ESPY_E_OK;

    s->smo.m = m;
    s->smo.padded = (m + ESPY_SMO_LANES - 1) / ESPY_SMO_LANES * ESPY_SMO_LANES;
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
    s->grouped = job->source != NULL;
    if (s->grouped) {
        memcpy(s->group, job->source + ai, na * sizeof *s->group);
        memcpy(s->group + na, job->source + bi, nb * sizeof *s->group);
    }
    ESPY_GO(espy_machine_train(cx, s, na, nb, job->c[i], job->c[j], job->seed, pair,
                               &job->intercept[pair], &job->prob_a[pair], &job->prob_b[pair]));
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
    return svm_size(job, i) + svm_size(job, j) <= ESPY_MACHINE_DENSE;
}

/* All machines of the classes of a group against later ones. */
static espy_err svm_group(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const svm_job *job = self;
    const size_t *start = job->start;
    espy_machine *s = &job->machine[worker];
    size_t dim = job->rows->dim, classes = job->rows->classes, end;
    size_t from = job->group[item], to = job->group[item + 1], rows = start[to] - start[from];
    float *cross = NULL;
    espy_err e = ESPY_E_OK;

    for (size_t j = from + 1; j < classes; j = end) {
        end = j + 1;
        while (end < classes && start[end + 1] - start[j] <= SVM_TILE)
            end++;
        size_t cols = start[end] - start[j];
        /* A class beyond the limit has no pair with a Gram matrix. */
        bool product = rows < ESPY_MACHINE_DENSE && cols < ESPY_MACHINE_DENSE;
        espy_free(cx, cross);
        cross = NULL;
        if (product) {
            if (!(cross = espy_floats(cx, rows * cols))) {
                e = ESPY_E_NOMEM;
                goto out;
            }
            ESPY_GO(espy_gemm(cx, false, true, rows, cols, dim, 1, job->x + start[from] * dim, dim,
                              job->x + start[j] * dim, dim, 0, cross, cols));
        }
        for (size_t i = from; i < to; i++)
            for (size_t k = j > i ? j : i + 1; k < end; k++) {
                const float *at = NULL;
                if (product && svm_is_dense(job, i, k))
                    at = cross + (start[i] - start[from]) * cols + (start[k] - start[j]);
                ESPY_GO(svm_solve_pair(cx, job, s, i, k, at, cols));
            }
        ESPY_GO(espy_cancelled(cx));
    }
out:
    espy_free(cx, cross);
    return e;
}

/* Groups of neighbouring classes, enough of them to keep threads busy and of enough rows each to be
 * worth a product. */
static void svm_make_groups(svm_job *job)
{
    size_t classes = job->rows->classes, most = job->rows->n / 16;

    most = most > SVM_GROUP ? SVM_GROUP : most;
    job->groups = 0;
    for (size_t c = 0; c < classes; job->groups++) {
        size_t first = c++;
        job->group[job->groups] = first;
        while (c < classes && job->start[c + 1] - job->start[first] <= most)
            c++;
    }
    job->group[job->groups] = classes;
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
        (rows->group && !(job->source = espy_array(cx, rows->n, sizeof *job->source))) ||
        !(job->own_at = espy_array(cx, classes, sizeof *job->own_at)) ||
        !(job->coef = espy_array(cx, cells, sizeof *job->coef)) ||
        !(job->intercept = espy_array(cx, pairs, sizeof *job->intercept)) ||
        !(job->prob_a = espy_array(cx, pairs, sizeof *job->prob_a)) ||
        !(job->prob_b = espy_array(cx, pairs, sizeof *job->prob_b)) ||
        !(job->group = espy_array(cx, classes + 1, sizeof *job->group)) ||
        !(job->machine = espy_array(cx, workers, sizeof *job->machine)))
        return ESPY_E_NOMEM;
    svm_make_groups(job);
    for (size_t t = 0; t < rows->n; t++)
        memcpy(job->x + t * dim, rows->x + order[t] * dim, dim * sizeof *job->x);
    for (size_t t = 0; t < rows->n && rows->group; t++)
        job->source[t] = rows->group[order[t]];
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
        ESPY_TRY(espy_machine_make(cx, largest[0] + largest[1], job->cpu, &job->machine[w]));
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
    ESPY_GO(espy_parallel(cx, job.groups, svm_group, &job));
    ESPY_GO(svm_collect(cx, &job, order, out));
out:
    if (job.machine)
        for (unsigned w = 0; w < espy_pool_size(cx->pool); w++)
            espy_machine_free(cx, &job.machine[w]);
    espy_free(cx, job.machine);
    espy_free(cx, job.group);
    espy_free(cx, job.x);
    espy_free(cx, job.source);
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
