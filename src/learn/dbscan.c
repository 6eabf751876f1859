/* SPDX-License-Identifier: Apache-2.0
 * learn - DBSCAN over cosines.  All pairs are made twice, and none is kept: once to count who is
 * near whom, once to join the cores and to note the cores near each row that is not one, which are
 * fewer than min_samples.  With min_samples = 2 whoever is near anybody is a core: once is enough.
 */
#include <math.h>

#include "base/pool.h"
#include "kern/kern.h"
#include "learn/apart.h"
#include "learn/cluster_rows.h"
#include "learn/pairs.h"

typedef struct dbscan {
    const espy_cluster_rows *rows;
    double *scale;  /* of each row: 1 / length */
    const float *x; /* rows of length 1 */
    bool unit;      /* whether they are the input's */
    double threshold;
    espy_kern kern;
    bool counting;
    uint32_t *near; /* of each row: rows near it, itself included */
    size_t core;    /* near from which a row is a core */
    uint32_t *into; /* workers x n: the cores each of them has joined */
    size_t *start;  /* n + 1: where a border row's cores begin in `of` */
    uint32_t *of;
    uint32_t *noted; /* of each row: how many of its cores are in `of` */
} dbscan;

static bool dbscan_near(const dbscan *s, size_t i, size_t j)
{
    size_t dim = s->rows->dim;
    double exact = s->kern.dot_double(s->rows->x + i * dim, s->rows->x + j * dim, dim);

    return 1 - exact * (s->scale[i] * s->scale[j]) <= 1 - s->threshold;
}

/* Root of i, whose way is halved (Tarjan, van Leeuwen 1984); the root is the lowest of its set. */
static uint32_t dbscan_root(uint32_t *into, uint32_t i)
{
    while (into[i] != i) {
        into[i] = into[into[i]];
        i = into[i];
    }
    return i;
}

static void dbscan_join(uint32_t *into, uint32_t i, uint32_t j)
{
    if (into[i] == into[j])
        return;
    i = dbscan_root(into, i);
    j = dbscan_root(into, j);
    if (i < j)
        into[j] = i;
    else
        into[i] = j;
}

static void dbscan_note(dbscan *s, size_t border, size_t core)
{
    s->of[s->start[border] + s->noted[border]++] = (uint32_t)core;
}

static void dbscan_pair(dbscan *s, size_t i, size_t j, unsigned worker)
{
    bool a = s->near[i] >= s->core, b = s->near[j] >= s->core;

    if (a && b)
        dbscan_join(s->into + (size_t)worker * s->rows->n, (uint32_t)i, (uint32_t)j);
    else if (a)
        dbscan_note(s, j, i);
    else if (b)
        dbscan_note(s, i, j);
}

static espy_err dbscan_tile(espy_ctx *cx, void *self, espy_pairs_tile *t, unsigned worker)
{
    dbscan *s = self;
    const float surely = nextafterf((float)s->threshold, INFINITY) + t->error;
    const float maybe = nextafterf((float)s->threshold, -INFINITY) - t->error;
    (void)cx;

    for (size_t r = 0; r < t->rows; r++) {
        size_t i = t->row + r;
        for (size_t c = t->diagonal ? r + 1 : 0; c < t->columns; c++) {
            float v = t->v[r * t->columns + c];
            size_t j = t->column + c;
            if (v < maybe)
                continue;
            if (v < surely && (t->looked++, !dbscan_near(s, i, j)))
                continue;
            if (s->counting) {
                s->near[i]++;
                s->near[j]++;
            }
            if (s->into)
                dbscan_pair(s, i, j, worker);
        }
    }
    return ESPY_E_OK;
}

/* Room for the cores near each row that is not one. */
static espy_err dbscan_room(espy_ctx *cx, dbscan *s)
{
    size_t n = s->rows->n;

    if (!(s->start = espy_array(cx, n + 1, sizeof *s->start)) ||
        !(s->noted = espy_array(cx, n, sizeof *s->noted)))
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        s->start[i + 1] = s->start[i] + (s->near[i] < s->core ? s->near[i] - 1 : 0);
    s->of = espy_array(cx, s->start[n], sizeof *s->of);
    return s->of ? ESPY_E_OK : ESPY_E_NOMEM;
}

/* What each worker has joined, and each border row with the first cluster near it.  A cluster is
 * known by its first core, which is the order in which they begin. */
static void dbscan_collect(dbscan *s, size_t workers, int32_t *group)
{
    size_t n = s->rows->n;

    for (size_t w = 1; w < workers; w++)
        for (size_t i = 0; i < n; i++)
            dbscan_join(s->into, (uint32_t)i, dbscan_root(s->into + w * n, (uint32_t)i));
    for (size_t i = 0; i < n; i++) {
        group[i] = ESPY_CLUSTER_NOISE;
        if (s->near[i] >= s->core)
            group[i] = (int32_t)dbscan_root(s->into, (uint32_t)i);
        for (size_t k = 0; s->of && k < s->noted[i]; k++) {
            int32_t first = (int32_t)dbscan_root(s->into, s->of[s->start[i] + k]);
            if (group[i] < 0 || first < group[i])
                group[i] = first;
        }
    }
}

static espy_err dbscan_start(espy_ctx *cx, dbscan *s, double threshold, float **copy)
{
    size_t n = s->rows->n, dim = s->rows->dim;

    if (!(s->scale = espy_array(cx, n, sizeof *s->scale)) ||
        !(s->near = espy_array(cx, n, sizeof *s->near)))
        return ESPY_E_NOMEM;
    ESPY_TRY(espy_pairs_lengths(cx, s->rows->x, n, dim, s->scale, &s->unit));
    s->x = s->rows->x;
    if (!s->unit) {
        if (!(*copy = espy_floats(cx, n * dim)))
            return ESPY_E_NOMEM;
        for (size_t i = 0; i < n * dim; i++)
            (*copy)[i] = (float)((double)s->rows->x[i] * s->scale[i / dim]);
        s->x = *copy;
    }
    s->threshold = threshold;
    espy_kern_init(&s->kern, espy_cpu_detect());
    for (size_t i = 0; i < n; i++)
        s->near[i] = 1;
    return ESPY_E_OK;
}

static espy_err dbscan_pass(espy_ctx *cx, dbscan *s, const char *stage,
                            const espy_progress *progress)
{
    return espy_pairs_all(cx, s->x, s->rows->n, s->rows->dim, s->unit, stage, progress, dbscan_tile,
                          s);
}

static espy_err dbscan_run(espy_ctx *cx, dbscan *s, size_t min_samples, int32_t *group,
                           const espy_progress *progress)
{
    size_t n = s->rows->n, workers = espy_pool_size(cx->pool);

    s->counting = true;
    if (min_samples > 2) {
        s->core = min_samples;
        ESPY_TRY(dbscan_pass(cx, s, "comparing", progress));
        ESPY_TRY(dbscan_room(cx, s));
        s->counting = false;
    }
    if (!(s->into = espy_array(cx, n, workers * sizeof *s->into)))
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < workers * n; i++)
        s->into[i] = (uint32_t)(i % n);
    ESPY_TRY(dbscan_pass(cx, s, "grouping", progress));
    s->core = min_samples;
    dbscan_collect(s, workers, group);
    return ESPY_E_OK;
}

espy_err espy_cluster_dbscan(espy_ctx *cx, const espy_cluster_rows *rows, double threshold,
                             size_t min_samples, const espy_progress *progress, espy_clusters *out)
{
    dbscan s = {.rows = rows};
    float *copy = NULL;
    int32_t *group = NULL;
    espy_err e;

    ESPY_TRY(espy_cluster_rows_check(cx, rows, threshold));
    if (min_samples < 2)
        return espy_fail(cx, ESPY_E_ARG,
                         "a cluster of at least %zu samples leaves nothing out as noise; give 2 or "
                         "more",
                         min_samples);
    ESPY_GO(dbscan_start(cx, &s, threshold, &copy));
    if (!(group = espy_array(cx, rows->n, sizeof *group))) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    ESPY_GO(dbscan_run(cx, &s, min_samples, group, progress));
    ESPY_GO(espy_cluster_number(cx, group, rows->n, out));
out:
    espy_free(cx, s.scale);
    espy_free(cx, s.near);
    espy_free(cx, s.into);
    espy_free(cx, s.start);
    espy_free(cx, s.of);
    espy_free(cx, s.noted);
    espy_free(cx, copy);
    espy_free(cx, group);
    return e;
}
