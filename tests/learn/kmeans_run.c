/* SPDX-License-Identifier: Apache-2.0
 * Clusters DIR/x.npy (f4, n x dim) for the comparison with scikit-learn.
 *
 *   kmeans_run DIR CLUSTERS
 *
 * Writes DIR/centers.f64 and DIR/cluster.u32; prints one JSON line. */
#include <stdio.h>
#include <stdlib.h>

#include "base/pool.h"
#include "base/text.h"
#include "learn/kmeans.h"
#include "support/support.h"

static const char *run_path(const char *dir, const char *name)
{
    static char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void run_check(espy_ctx *cx, espy_err e)
{
    if (e == ESPY_E_OK)
        return;
    (void)fprintf(stderr, "%s\n", cx->text);
    exit(1);
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_pool *pool = NULL;
    espy_kmeans m = {0};
    if (argc != 3)
        return 2;
    espy_ctx_init(&cx);
    run_check(&cx, espy_pool_create(&cx, 0, &pool));
    cx.pool = pool;
    test_array x = test_npy(run_path(argv[1], "x.npy"));
    const espy_kmeans_options o = {.clusters = (size_t)atoi(argv[2])};
    double t = espy_time_monotonic();
    run_check(&cx, espy_kmeans_fit(&cx, x.data, x.dims[0], x.dims[1], &o, &m));
    t = espy_time_monotonic() - t;
    run_check(&cx, espy_file_write(&cx, run_path(argv[1], "centers.f64"), m.centers,
                                   m.clusters * m.dim * sizeof *m.centers));
    run_check(&cx, espy_file_write(&cx, run_path(argv[1], "cluster.u32"), m.cluster,
                                   m.n * sizeof *m.cluster));
    printf("{\"inertia\": %.17g, \"iterations\": %zu, \"seconds\": %.4f}\n", m.inertia,
           m.iterations, t);
    espy_kmeans_free(&cx, &m);
    test_array_free(&x);
    espy_pool_destroy(&cx, &pool);
    return 0;
}
