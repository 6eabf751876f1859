/* SPDX-License-Identifier: Apache-2.0
 * learn - clustering by average linkage: to a threshold, then on to a number of clusters. */
#include "learn/cluster.h"

#include <math.h>
#include <stdlib.h>

#include "learn/cluster_rows.h"
#include "learn/linkage.h"

espy_err espy_cluster_rows_check(espy_ctx *cx, const espy_cluster_rows *rows, double threshold)
{
    size_t cells;

    if (!(threshold >= 0 && threshold <= 1))
        return espy_fail(cx, ESPY_E_ARG, "similarity threshold %g: give one from 0 to 1",
                         threshold);
    if (!espy_mul_size(rows->n, rows->dim, &cells) || rows->n > INT32_MAX || rows->dim > 1u << 20)
        return espy_fail(cx, ESPY_E_LIMIT, "%zu samples of %zu values are too many to group",
                         rows->n, rows->dim);
    if (rows->n > 0 && rows->dim == 0)
        return espy_fail(cx, ESPY_E_ARG, "samples of no values cannot be grouped");
    return ESPY_E_OK;
}

espy_err espy_cluster_number(espy_ctx *cx, const int32_t *group, size_t n, espy_clusters *out)
{
    espy_clusters c = {.n = n};
    int32_t *number = espy_array(cx, n, sizeof *number);
    espy_err e = ESPY_E_NOMEM;

    c.label = espy_array(cx, n, sizeof *c.label);
    c.size = espy_array(cx, n, sizeof *c.size);
    if (!number || !c.label || !c.size)
        goto out;
    for (size_t i = 0; i < n; i++) {
        c.label[i] = ESPY_CLUSTER_NOISE;
        if (group[i] < 0) {
            c.noise++;
            continue;
        }
        if (number[group[i]] == 0)
            number[group[i]] = (int32_t)++c.count;
        c.label[i] = number[group[i]] - 1;
        c.size[c.label[i]]++;
    }
    *out = c;
    c = (espy_clusters){0};
    e = ESPY_E_OK;
out:
    espy_free(cx, number);
    espy_clusters_free(cx, &c);
    return e;
}

typedef struct cluster_height {
    double cosine;
    size_t merge;
} cluster_height;

static int cluster_highest_first(const void *a, const void *b)
{
    const cluster_height *p = a, *q = b;

    if (p->cosine != q->cosine)
        return p->cosine > q->cosine ? -1 : 1;
    return p->merge < q->merge ? -1 : p->merge > q->merge;
}

static void cluster_unite(uint32_t *into, const espy_linkage_merge *m)
{
    into[espy_apart_find(into, m->q)] = espy_apart_find(into, m->p);
}

/* Goes on without threshold until nothing may come together, then takes back all but the `wanted`
 * unions of largest cosine.  into: places, with the unions so far; takes in the others. */
static espy_err cluster_on(espy_ctx *cx, espy_linkage *l, size_t wanted, uint32_t *into,
                           bool *too_many)
{
    size_t first = l->merges;
    espy_err e = ESPY_E_NOMEM;

    l->threshold = -INFINITY;
    ESPY_TRY(espy_linkage_run(cx, l));
    size_t n = l->merges - first;
    cluster_height *height = espy_array(cx, n, sizeof *height);
    double *last = espy_array(cx, l->places, sizeof *last); /* of the union that stands there */
    if (!height || !last)
        goto out;
    for (size_t i = 0; i < l->places; i++)
        last[i] = INFINITY;
    for (size_t i = 0; i < n; i++) {
        const espy_linkage_merge *m = &l->merge[first + i];
        /* a whole is never above its parts but for rounding */
        double h = fmin(m->cosine, fmin(last[m->p], last[m->q]));
        height[i] = (cluster_height){h, first + i};
        last[m->p] = h;
    }
    qsort(height, n, sizeof *height, cluster_highest_first);
    *too_many = n < wanted;
    for (size_t i = 0; i < n && i < wanted; i++)
        cluster_unite(into, &l->merge[height[i].merge]);
    e = ESPY_E_OK;
out:
    espy_free(cx, height);
    espy_free(cx, last);
    return e;
}

espy_err espy_cluster_average(espy_ctx *cx, const espy_cluster_rows *rows, double threshold,
                              size_t max_clusters, const espy_progress *progress,
                              espy_clusters *out)
{
    espy_linkage l = {0};
    uint32_t *place_of = NULL, *into = NULL;
    int32_t *group = NULL;
    bool too_many = false;
    espy_err e = ESPY_E_NOMEM;

    ESPY_TRY(espy_cluster_rows_check(cx, rows, threshold));
    if (!(place_of = espy_array(cx, rows->n, sizeof *place_of)) ||
        !(group = espy_array(cx, rows->n, sizeof *group)))
        goto out;
    ESPY_GO(espy_linkage_start(cx, rows, place_of, &l));
    l.threshold = threshold;
    l.progress = progress;
    ESPY_GO(espy_linkage_run(cx, &l));

    if (!(into = espy_array(cx, l.places, sizeof *into))) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    for (uint32_t i = 0; i < l.places; i++)
        into[i] = i;
    for (size_t i = 0; i < l.merges; i++)
        cluster_unite(into, &l.merge[i]);
    if (max_clusters > 0 && l.standing > max_clusters)
        ESPY_GO(cluster_on(cx, &l, l.standing - max_clusters, into, &too_many));

    for (size_t i = 0; i < rows->n; i++)
        group[i] = (int32_t)espy_apart_find(into, place_of[i]);
    ESPY_GO(espy_cluster_number(cx, group, rows->n, out));
    out->too_many = too_many;
out:
    espy_linkage_free(cx, &l);
    espy_free(cx, place_of);
    espy_free(cx, into);
    espy_free(cx, group);
    return e;
}

void espy_clusters_free(espy_ctx *cx, espy_clusters *c)
{
    espy_free(cx, c->label);
    espy_free(cx, c->size);
    *c = (espy_clusters){0};
}
