/* SPDX-License-Identifier: Apache-2.0
 * learn - k-means: greedy k-means++ starts, Lloyd's iterations, Hartigan's exchanges, the best of
 * several starts. */
#include "learn/kmeans.h"

#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"

enum {
    KMEANS_RESTARTS = 10,
    KMEANS_MOST = 300,
    KMEANS_SEED = 42,
    KMEANS_LANES = 8 /* sums side by side, in a fixed order, that a compiler can make vectors of */
};
#define KMEANS_TOLERANCE 1e-4
#define KMEANS_GAIN (1 - 1e-10) /* an exchange must lower the inertia by more than rounding */

typedef struct kmeans_job {
    const float *x;
    size_t n, dim, k, most;
    double least; /* squared movement of the centres at which it stops */
    uint64_t seed;
    espy_kmeans *at; /* one result per start */
} kmeans_job;

/* Scratch of one start. */
typedef struct kmeans_run {
    const kmeans_job *job;
    espy_kmeans *to;
    double *nearest;    /* n: squared distance of each row to its centre */
    double *trial;      /* n: the same were a candidate a centre; then of the best candidate */
    double *best;       /* n */
    double *moved;      /* k x dim: the centres of the next iteration */
    size_t *count;      /* k */
    uint32_t *previous; /* n */
} kmeans_run;

static double kmeans_distance(const float *x, const double *c, size_t dim)
{
    double part[KMEANS_LANES] = {0}, sum = 0;
    size_t d = 0;
    for (; d + KMEANS_LANES <= dim; d += KMEANS_LANES)
        for (size_t j = 0; j < KMEANS_LANES; j++) {
            double t = (double)x[d + j] - c[d + j];
            part[j] += t * t;
        }
    for (; d < dim; d++) {
        double t = (double)x[d] - c[d];
        part[0] += t * t;
    }
    for (size_t j = 0; j < KMEANS_LANES; j++)
        sum += part[j];
    return sum;
}

static void kmeans_place(const kmeans_run *r, size_t cluster, size_t row)
{
    const kmeans_job *job = r->job;
    for (size_t d = 0; d < job->dim; d++)
        r->to->centers[cluster * job->dim + d] = (double)job->x[row * job->dim + d];
}

/* The row at which the running sum of w passes `at`. */
static size_t kmeans_draw(const double *w, size_t n, double at)
{
    size_t i = 0;
    for (; i + 1 < n && at >= w[i]; i++)
        at -= w[i];
    return i;
}

/* The first centre is any row.  Each further one is the best of a few rows drawn with probability
 * proportional to their squared distance from the centres so far. */
static void kmeans_start(const kmeans_run *r, espy_random *random)
{
    const kmeans_job *job = r->job;
    size_t trials = 2 + (size_t)log((double)job->k);
    double total = 0;
    kmeans_place(r, 0, espy_random_below(random, (uint32_t)job->n));
    for (size_t i = 0; i < job->n; i++)
        total += r->nearest[i] = kmeans_distance(job->x + i * job->dim, r->to->centers, job->dim);
    for (size_t c = 1; c < job->k; c++) {
        double least = INFINITY;
        for (size_t t = 0; t < trials; t++) {
            size_t row = kmeans_draw(r->nearest, job->n, espy_random_unit(random) * total);
            double sum = 0;
            kmeans_place(r, c, row);
            for (size_t i = 0; i < job->n; i++)
                sum += r->trial[i] =
                    fmin(r->nearest[i], kmeans_distance(job->x + i * job->dim,
                                                        r->to->centers + c * job->dim, job->dim));
            if (sum < least) {
                least = sum;
                memcpy(r->best, r->trial, job->n * sizeof *r->best);
                memcpy(r->moved, r->to->centers + c * job->dim, job->dim * sizeof *r->moved);
            }
        }
        memcpy(r->to->centers + c * job->dim, r->moved, job->dim * sizeof *r->moved);
        memcpy(r->nearest, r->best, job->n * sizeof *r->best);
        total = least;
    }
}

/* Gives every row its nearest centre; whether any changed. */
static bool kmeans_assign(const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    espy_kmeans *to = r->to;
    to->inertia = 0;
    for (size_t i = 0; i < job->n; i++) {
        r->nearest[i] = INFINITY;
        for (size_t c = 0; c < job->k; c++) {
            double d = kmeans_distance(job->x + i * job->dim, to->centers + c * job->dim, job->dim);
            if (d < r->nearest[i]) {
                r->nearest[i] = d;
                to->cluster[i] = (uint32_t)c;
            }
        }
        to->inertia += r->nearest[i];
    }
    return memcmp(to->cluster, r->previous, job->n * sizeof *to->cluster) != 0;
}

/* A cluster without rows takes the row that is farthest from its centre, of those that do not leave
 * another one empty; where all such rows lie on their centres it stays where it is. */
static void kmeans_fill_empty(const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    for (size_t c = 0; c < job->k; c++) {
        size_t far = job->n;
        double distance = 0;
        if (r->count[c])
            continue;
        for (size_t i = 0; i < job->n; i++)
            if (r->nearest[i] > distance && r->count[r->to->cluster[i]] > 1) {
                distance = r->nearest[i];
                far = i;
            }
        double *to = r->moved + c * job->dim;
        if (far == job->n) {
            memcpy(to, r->to->centers + c * job->dim, job->dim * sizeof *to);
            continue;
        }
        uint32_t from = r->to->cluster[far];
        for (size_t d = 0; d < job->dim; d++) {
            to[d] = (double)job->x[far * job->dim + d];
            r->moved[from * job->dim + d] -= to[d];
        }
        r->count[c] = 1;
        r->count[from]--;
        r->nearest[far] = 0;
    }
}

/* Moves the centres to the means of their rows; returns the squared movement. */
static double kmeans_move(const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    double shift = 0;
    memset(r->moved, 0, job->k * job->dim * sizeof *r->moved);
    memset(r->count, 0, job->k * sizeof *r->count);
    for (size_t i = 0; i < job->n; i++) {
        double *sum = r->moved + r->to->cluster[i] * job->dim;
        for (size_t d = 0; d < job->dim; d++)
            sum[d] += (double)job->x[i * job->dim + d];
        r->count[r->to->cluster[i]]++;
    }
    kmeans_fill_empty(r);
    for (size_t c = 0; c < job->k; c++) {
        double n = r->count[c] ? (double)r->count[c] : 1;
        for (size_t d = 0; d < job->dim; d++) {
            double *at = r->to->centers + c * job->dim + d, mean = r->moved[c * job->dim + d] / n;
            shift += (mean - *at) * (mean - *at);
            *at = mean;
        }
    }
    return shift;
}

/* Until no row changes its cluster, or the centres hardly move. */
static espy_err kmeans_iterate(espy_ctx *cx, const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    espy_kmeans *to = r->to;
    memset(r->previous, 0xff, job->n * sizeof *r->previous);
    for (to->iterations = 0; to->iterations < job->most;) {
        ESPY_TRY(espy_cancelled(cx));
        bool changed = kmeans_assign(r);
        to->iterations++;
        double shift = kmeans_move(r);
        if (!changed || shift <= job->least)
            break;
        memcpy(r->previous, to->cluster, job->n * sizeof *r->previous);
    }
    return ESPY_E_OK;
}

/* One pass of Hartigan's exchange: a row goes to another cluster where that lowers the inertia,
 * which counts that both centres move with it (Hartigan, Wong 1979, AS 136).  count: rows of each
 * cluster. Whether any row went. */
static bool kmeans_exchange(const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    size_t dim = job->dim;
    bool any = false;
    for (size_t i = 0; i < job->n; i++) {
        const float *x = job->x + i * dim;
        uint32_t from = r->to->cluster[i], to = from;
        double n = (double)r->count[from];
        if (r->count[from] < 2)
            continue;
        double *source = r->to->centers + from * dim;
        double least = KMEANS_GAIN * n / (n - 1) * kmeans_distance(x, source, dim);
        for (uint32_t c = 0; c < job->k; c++) {
            double m = (double)r->count[c];
            double cost = m / (m + 1) * kmeans_distance(x, r->to->centers + c * dim, dim);
            if (c != from && cost < least) {
                least = cost;
                to = c;
            }
        }
        if (to == from)
            continue;
        double *target = r->to->centers + to * dim, m = (double)r->count[to];
        for (size_t d = 0; d < dim; d++) {
            source[d] -= ((double)x[d] - source[d]) / (n - 1);
            target[d] += ((double)x[d] - target[d]) / (m + 1);
        }
        r->count[from]--;
        r->count[to]++;
        r->to->cluster[i] = to;
        any = true;
    }
    return any;
}

/* Exchanges until none pays; the centres end as the means of their rows. */
static espy_err kmeans_polish(espy_ctx *cx, const kmeans_run *r)
{
    const kmeans_job *job = r->job;
    (void)kmeans_assign(r);
    (void)kmeans_move(r); /* counts, and centres that are exact means */
    for (size_t i = 0; i < job->most && kmeans_exchange(r); i++)
        ESPY_TRY(espy_cancelled(cx));
    (void)kmeans_assign(r);
    (void)kmeans_move(r);
    (void)kmeans_assign(r); /* clusters and inertia of the centres as they are now */
    return ESPY_E_OK;
}

static espy_err kmeans_one(espy_ctx *cx, void *self, size_t item, unsigned worker)
{
    const kmeans_job *job = self;
    espy_kmeans *to = &job->at[item];
    espy_random random;
    espy_err e = ESPY_E_OK;
    (void)worker;
    *to = (espy_kmeans){.clusters = job->k, .dim = job->dim, .n = job->n};
    to->centers = espy_array(cx, job->k * job->dim, sizeof *to->centers);
    to->cluster = espy_array(cx, job->n, sizeof *to->cluster);
    kmeans_run r = {.job = job,
                    .to = to,
                    .nearest = espy_array(cx, job->n, sizeof(double)),
                    .trial = espy_array(cx, job->n, sizeof(double)),
                    .best = espy_array(cx, job->n, sizeof(double)),
                    .moved = espy_array(cx, job->k * job->dim, sizeof(double)),
                    .count = espy_array(cx, job->k, sizeof(size_t)),
                    .previous = espy_array(cx, job->n, sizeof(uint32_t))};
    if (!to->centers || !to->cluster || !r.nearest || !r.trial || !r.best || !r.moved || !r.count ||
        !r.previous)
        ESPY_GO(cx->code);
    espy_random_seed(&random, job->seed, item);
    kmeans_start(&r, &random);
    ESPY_GO(kmeans_iterate(cx, &r));
    ESPY_GO(kmeans_polish(cx, &r));
out:
    espy_free(cx, r.nearest);
    espy_free(cx, r.trial);
    espy_free(cx, r.best);
    espy_free(cx, r.moved);
    espy_free(cx, r.count);
    espy_free(cx, r.previous);
    return e;
}

/* Mean over the columns of their population variance; acc: dim, zeroed. */
static double kmeans_variance(const float *x, size_t n, size_t dim, double *acc)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++)
            acc[d] += (double)x[i * dim + d];
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < dim; d++) {
            double t = (double)x[i * dim + d] - acc[d] / (double)n;
            sum += t * t;
        }
    return sum / (double)n / (double)dim;
}

espy_err espy_kmeans_fit(espy_ctx *cx, const float *x, size_t n, size_t dim,
                         const espy_kmeans_options *o, espy_kmeans *out)
{
    size_t restarts = o->restarts ? o->restarts : KMEANS_RESTARTS, won = 0, cells;
    espy_err e = ESPY_E_OK;
    kmeans_job job = {.x = x,
                      .n = n,
                      .dim = dim,
                      .k = o->clusters < n ? o->clusters : n,
                      .most = o->most ? o->most : KMEANS_MOST,
                      .seed = o->seed ? o->seed : KMEANS_SEED};
    double *acc = NULL;
    if (job.k == 0 || dim == 0)
        return espy_fail(cx, ESPY_E_ARG, "there is nothing to cluster");
    if (n > INT32_MAX || !espy_mul_size(n, dim, &cells) || !espy_mul_size(job.k, dim, &cells))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu rows of %zu values are too many to cluster", n,
                         dim);
    acc = espy_array(cx, dim, sizeof *acc);
    job.at = espy_array(cx, restarts, sizeof *job.at);
    if (!acc || !job.at)
        ESPY_GO(cx->code);
    job.least =
        (o->tolerance > 0 ? o->tolerance : KMEANS_TOLERANCE) * kmeans_variance(x, n, dim, acc);
    ESPY_GO(espy_parallel(cx, restarts, kmeans_one, &job));
    for (size_t i = 1; i < restarts; i++)
        if (job.at[i].inertia < job.at[won].inertia)
            won = i;
    *out = job.at[won];
    job.at[won] = (espy_kmeans){0};
out:
    for (size_t i = 0; job.at && i < restarts; i++)
        espy_kmeans_free(cx, &job.at[i]);
    espy_free(cx, job.at);
    espy_free(cx, acc);
    return e;
}

void espy_kmeans_free(espy_ctx *cx, espy_kmeans *m)
{
    espy_free(cx, m->centers);
    espy_free(cx, m->cluster);
    *m = (espy_kmeans){0};
}
