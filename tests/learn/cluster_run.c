/* SPDX-License-Identifier: Apache-2.0
 * Clusters arrays from files, for the comparison with scikit-learn and the benchmark.
 *
 *   cluster_run average|dbscan THREADS THRESHOLD COUNT DIR
 *   cluster_run agree DIR
 *
 * COUNT: max_clusters of average, min_samples of dbscan.  Reads DIR/x.npy (f4, n x dim) and, where
 * they are, DIR/photo.npy, DIR/label.npy (i8, n) and DIR/apart.npy (i8, pairs x 2).  Writes
 * DIR/out.i32 and prints one JSON line with the wall and processor time and the peak memory.
 * agree: reads DIR/truth.npy, DIR/answer.npy (i8), prints the agreement. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/text.h"
#include "learn/cluster.h"
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

/* The integers of a file; none where it is not there. */
static test_array run_numbers(const char *dir, const char *name)
{
    if (access(run_path(dir, name), R_OK) != 0)
        return (test_array){0};
    return test_npy(run_path(dir, name));
}

static double run_cpu(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Most memory held so far, in KiB. */
static long run_peak(void)
{
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        (void)fclose(f);
    return kib;
}

static int run_agree(espy_ctx *cx, const char *dir)
{
    test_array truth = run_numbers(dir, "truth.npy"), answer = run_numbers(dir, "answer.npy");
    size_t n = truth.n;
    int32_t *t = espy_array(cx, n, sizeof *t), *a = espy_array(cx, n, sizeof *a);
    espy_cluster_agreement g;

    for (size_t i = 0; i < n; i++) {
        t[i] = (int32_t)((const int64_t *)truth.data)[i];
        a[i] = (int32_t)((const int64_t *)answer.data)[i];
    }
    run_check(cx, espy_cluster_agree(cx, t, a, n, &g));
    (void)printf("[%.15g,%.15g,%.15g,%.15g,%.15g,%.15g,%.15g]\n", g.pairs.precision, g.pairs.recall,
                 g.pairs.f, g.bcubed.precision, g.bcubed.recall, g.bcubed.f, g.rand);
    espy_free(cx, t);
    espy_free(cx, a);
    test_array_free(&truth);
    test_array_free(&answer);
    return 0;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_pool *pool = NULL;
    espy_clusters c;

    espy_ctx_init(&cx);
    if (argc == 3 && strcmp(argv[1], "agree") == 0)
        return run_agree(&cx, argv[2]);
    if (argc != 6)
        return 2;
    const char *dir = argv[5];
    run_check(&cx, espy_pool_create(&cx, (unsigned)atoi(argv[2]), &pool));
    cx.pool = pool;
    test_array x = test_npy(run_path(dir, "x.npy"));
    espy_cluster_rows rows = {.x = x.data, .n = x.dims[0], .dim = x.dims[1]};
    test_array photo = run_numbers(dir, "photo.npy"), label = run_numbers(dir, "label.npy");
    test_array apart = run_numbers(dir, "apart.npy");
    const int64_t *labels = label.data, *ends = apart.data;
    int32_t *given = espy_array(&cx, label.n, sizeof *given);
    espy_cluster_pair *pairs = espy_array(&cx, apart.n / 2, sizeof *pairs);
    for (size_t i = 0; i < label.n; i++)
        given[i] = (int32_t)labels[i];
    for (size_t i = 0; i < apart.n / 2; i++)
        pairs[i] = (espy_cluster_pair){(uint32_t)ends[2 * i], (uint32_t)ends[2 * i + 1]};
    rows.photo = photo.data;
    rows.label = label.data ? given : NULL;
    rows.apart = pairs;
    rows.apart_n = apart.n / 2;

    bool average = strcmp(argv[1], "average") == 0;
    double threshold = atof(argv[3]), t = espy_time_monotonic(), cpu = run_cpu();
    size_t count = (size_t)atol(argv[4]);
    run_check(&cx, average ? espy_cluster_average(&cx, &rows, threshold, count, NULL, &c)
                           : espy_cluster_dbscan(&cx, &rows, threshold, count, NULL, &c));
    t = espy_time_monotonic() - t;
    cpu = run_cpu() - cpu;
    run_check(&cx, espy_file_write(&cx, run_path(dir, "out.i32"), c.label, c.n * sizeof *c.label));
    (void)printf("{\"seconds\":%.4f,\"cpu\":%.4f,\"peak_kib\":%ld,\"count\":%zu,\"noise\":%zu,"
                 "\"too_many\":%s}\n",
                 t, cpu, run_peak(), c.count, c.noise, c.too_many ? "true" : "false");
    espy_clusters_free(&cx, &c);
    espy_free(&cx, given);
    espy_free(&cx, pairs);
    test_array_free(&x);
    test_array_free(&photo);
    test_array_free(&label);
    test_array_free(&apart);
    espy_pool_destroy(&cx, &pool);
    return 0;
}
