/* SPDX-License-Identifier: Apache-2.0
 * Runs one head on arrays from files, for the comparison with scikit-learn and the benchmark.
 *
 *   head_run HEAD THREADS REPEATS SCALE BALANCED DIR
 *
 * Reads DIR/x.npy (f4, n x dim), DIR/y.npy (i8), DIR/q.npy (f4).  Writes DIR/p.f32 (probabilities
 * of q), DIR/head (the saved bytes) and, for svm, DIR/f.f64 (decision values of q); prints one JSON
 * line with the fastest of REPEATS fits (wall and processor time), the time of one answer, of all
 * answers and the peak memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/pool.h"
#include "base/text.h"
#include "head/head_parts.h"
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

/* Seconds of processor time of all threads. */
static double run_cpu(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Most memory held so far, in MiB.  (getrusage would count what the parent held at the fork.) */
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
    return kib / 1024;
}

static void run_decide(espy_ctx *cx, const espy_head *head, const test_array *q, const char *dir)
{
    const espy_svm *svm = espy_head_svm_model(head);
    size_t n = q->dims[0], dim = q->dims[1];

    if (!svm)
        return;
    double *x = espy_array(cx, n * dim, sizeof *x), *f = espy_array(cx, n * svm->pairs, sizeof *f);
    if (!x || !f)
        exit(1);
    for (size_t i = 0; i < n; i++)
        espy_scaler_apply_row(espy_head_scaler(head), (const float *)q->data + i * dim,
                              x + i * dim);
    run_check(cx, espy_svm_decide(cx, svm, x, n, f));
    run_check(cx, espy_file_write(cx, run_path(dir, "f.f64"), f, n * svm->pairs * sizeof *f));
    espy_free(cx, x);
    espy_free(cx, f);
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_head *head = NULL;
    espy_pool *pool = NULL;
    double best = 1e30, cpu = 1e30, answer = 1e30;

    if (argc != 7)
        return 2;
    const espy_head_ops *ops = espy_head_find(argv[1]);
    int repeats = atoi(argv[3]);
    const char *dir = argv[6];
    espy_ctx_init(&cx);
    run_check(&cx, espy_pool_create(&cx, (unsigned)atoi(argv[2]), &pool));
    cx.pool = pool;
    test_array x = test_npy(run_path(dir, "x.npy")), y = test_npy(run_path(dir, "y.npy"));
    test_array q = test_npy(run_path(dir, "q.npy"));
    uint32_t *labels = espy_array(&cx, y.n, sizeof *labels);
    espy_gallery g = {.x = x.data, .y = labels, .n = x.dims[0], .dim = x.dims[1]};
    for (size_t i = 0; i < y.n; i++) {
        labels[i] = (uint32_t)((const int64_t *)y.data)[i];
        g.classes = labels[i] + 1 > g.classes ? labels[i] + 1 : g.classes;
    }
    espy_head_options o = {.scale = atoi(argv[4]) != 0, .balanced = atoi(argv[5]) != 0};
    for (int r = 0; r < repeats; r++) {
        espy_head_destroy(&cx, &head);
        double t = espy_time_monotonic(), c = run_cpu();
        run_check(&cx, ops->fit(&cx, &g, &o, &head));
        t = espy_time_monotonic() - t;
        c = run_cpu() - c;
        best = t < best ? t : best;
        cpu = c < cpu ? c : cpu;
    }
    float *p = espy_array(&cx, q.dims[0] * g.classes, sizeof *p);
    for (int r = 0; r < 20; r++) {
        double t = espy_time_monotonic();
        run_check(&cx, ops->probabilities(&cx, head, q.data, 1, p));
        t = espy_time_monotonic() - t;
        answer = t < answer ? t : answer;
    }
    double t = espy_time_monotonic();
    run_check(&cx, ops->probabilities(&cx, head, q.data, q.dims[0], p));
    t = espy_time_monotonic() - t;
    run_check(&cx,
              espy_file_write(&cx, run_path(dir, "p.f32"), p, q.dims[0] * g.classes * sizeof *p));
    espy_buf bytes;
    espy_buf_init(&bytes, (size_t)4 << 30);
    run_check(&cx, ops->save(&cx, head, &bytes));
    run_check(&cx, espy_file_write(&cx, run_path(dir, "head"), bytes.data, bytes.size));
    run_decide(&cx, head, &q, dir);
    (void)printf(
        "{\"fit\":%.6f,\"cpu\":%.6f,\"answer\":%.6f,\"all\":%.6f,\"bytes\":%zu,\"peak_mib\":%ld}\n",
        best, cpu, answer, t, bytes.size, run_peak());
    espy_buf_free(&cx, &bytes);
    espy_head_destroy(&cx, &head);
    espy_free(&cx, p);
    espy_free(&cx, labels);
    test_array_free(&x);
    test_array_free(&y);
    test_array_free(&q);
    espy_pool_destroy(&cx, &pool);
    return 0;
}
