/* SPDX-License-Identifier: Apache-2.0
 * nn_bench - times networks on this engine and compares them with the machine's peak.
 *
 *   nn_bench [--bf16] [--threads N] [--batch N] [--no-tune] [--side N] [--rounds N] FILE.onnx ...
 *   nn_bench --load [same options] FILE.onnx      seconds from file to first answer, one line
 *   nn_bench --serve                              commands on standard input, for nn_vs_ort.py:
 *       load FILE f32|bf16 THREADS TUNE BATCH SIDE   -> "ok ID SECONDS MACS"
 *       run ID COUNT                                 -> "ms T1 T2 ...": of the CPU for one thread,
 *                                                       of the wall for more
 *       feed ID FILE                                 -> "ok"; inputs as raw f32, one after the
 * other dump ID FILE                                 -> "ok"; inputs, then outputs, as raw f32 peak
 * f32|bf16 THREADS MILLISECONDS           -> "gf X" quit
 *
 * The peak is that of a loop of fused multiply-adds on registers alone, run just before and after,
 * so that "percent of peak" means of what this core gave at that time. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/text.h"
#include "nn/nn.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define BENCH_NETS 64
#define BENCH_PORTS 32
#define BENCH_CHAINS 12 /* independent sums: more than latency x throughput of an FMA unit */
#define BENCH_BLOCK 20000

/* --- peak ------------------------------------------------------------------------------------- */

/* Floating-point operations of one block; the result keeps the loop alive. */
typedef double bench_block(float *keep);

static double bench_block_c(float *keep)
{
    float a[BENCH_CHAINS] = {0};
    for (int i = 0; i < BENCH_BLOCK; i++)
        for (int k = 0; k < BENCH_CHAINS; k++)
            a[k] = a[k] * 0.5f + 1.0f;
    for (int k = 0; k < BENCH_CHAINS; k++)
        *keep += a[k];
    return 2.0 * BENCH_CHAINS * BENCH_BLOCK;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static double bench_block_avx2(float *keep)
{
    __m256 a[BENCH_CHAINS], x = _mm256_set1_ps(0.5f), y = _mm256_set1_ps(1.0f);
    for (int k = 0; k < BENCH_CHAINS; k++)
        a[k] = _mm256_setzero_ps();
    for (int i = 0; i < BENCH_BLOCK; i++)
#pragma GCC unroll 12
        for (int k = 0; k < BENCH_CHAINS; k++)
            a[k] = _mm256_fmadd_ps(a[k], x, y);
    for (int k = 0; k < BENCH_CHAINS; k++)
        *keep += _mm256_cvtss_f32(a[k]);
    return 2.0 * 8 * BENCH_CHAINS * BENCH_BLOCK;
}

__attribute__((target("avx512f,avx512bf16"))) static double bench_block_bf16(float *keep)
{
    __m512 a[BENCH_CHAINS];
    __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f003f00);
    for (int k = 0; k < BENCH_CHAINS; k++)
        a[k] = _mm512_setzero_ps();
    for (int i = 0; i < BENCH_BLOCK; i++)
#pragma GCC unroll 12
        for (int k = 0; k < BENCH_CHAINS; k++)
            a[k] = _mm512_dpbf16_ps(a[k], x, x);
    for (int k = 0; k < BENCH_CHAINS; k++)
        *keep += _mm512_cvtss_f32(a[k]);
    return 4.0 * 16 * BENCH_CHAINS * BENCH_BLOCK;
}
#endif

static bench_block *bench_pick(bool bf16)
{
#if defined(__x86_64__)
    if (bf16 && __builtin_cpu_supports("avx512bf16"))
        return bench_block_bf16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return bench_block_avx2;
#endif
    (void)bf16;
    return bench_block_c;
}

typedef struct bench_worker {
    pthread_t thread;
    bench_block *block;
    double seconds, blocks;
    double gflops, best; /* over all the time, and of the fastest block */
    float keep;
} bench_worker;

static void *bench_burn(void *self)
{
    bench_worker *w = self;
    double flops = 0, best = 0, t0 = espy_time_monotonic(), t = t0, end;
    do {
        end = espy_time_monotonic();
        flops = w->block(&w->keep);
        t = espy_time_monotonic();
        if (flops / (t - end) > best)
            best = flops / (t - end);
        w->blocks += flops;
    } while (t - t0 < w->seconds);
    w->gflops = 1e-9 * w->blocks / (t - t0);
    w->best = 1e-9 * best;
    return NULL;
}

/* GFLOP/s of `threads` cores together; of one core the fastest block, which nobody interrupted. */
static double bench_peak(bool bf16, unsigned threads, double seconds)
{
    bench_worker w[64];
    double sum = 0;
    if (threads > 64)
        threads = 64;
    for (unsigned i = 0; i < threads; i++) {
        w[i] = (bench_worker){.block = bench_pick(bf16), .seconds = seconds};
        if (i > 0 && pthread_create(&w[i].thread, NULL, bench_burn, &w[i]) != 0)
            return 0;
    }
    bench_burn(&w[0]);
    for (unsigned i = 0; i < threads; i++) {
        if (i > 0)
            pthread_join(w[i].thread, NULL);
        sum += threads == 1 ? w[i].best : w[i].gflops;
    }
    return sum;
}

/* Seconds that this process computed: not disturbed by others that want the same core. */
static double bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- networks --------------------------------------------------------------------------------- */

typedef struct bench_net {
    espy_net *net;
    bool wall; /* measure the wall clock: more than one thread */
    espy_tensor in[BENCH_PORTS];
    size_t n_in, n_out;
    double macs, load;
} bench_net;

typedef struct bench_options {
    espy_net_options net;
    int64_t batch, side;
    int rounds;
} bench_options;

static void bench_free(espy_ctx *cx, bench_net *b)
{
    for (size_t i = 0; i < b->n_in; i++)
        espy_free(cx, b->in[i].data);
    espy_net_destroy(cx, &b->net);
    memset(b, 0, sizeof *b);
}

static espy_err bench_once(espy_ctx *cx, const bench_net *b, double *seconds)
{
    espy_tensor out[BENCH_PORTS] = {{0}};
    double t = b->wall ? espy_time_monotonic() : bench_cpu();
    espy_err e = espy_net_run(cx, b->net, b->in, b->n_in, out, b->n_out);
    *seconds = (b->wall ? espy_time_monotonic() : bench_cpu()) - t;
    for (size_t i = 0; i < b->n_out && e == ESPY_E_OK; i++)
        espy_free(cx, out[i].data);
    return e;
}

/* Free dimensions: the first is the batch, the others a picture's side. */
static espy_err bench_inputs(espy_ctx *cx, bench_net *b, const bench_options *o)
{
    b->n_in = espy_net_input_count(b->net);
    b->n_out = espy_net_output_count(b->net);
    if (b->n_in > BENCH_PORTS || b->n_out > BENCH_PORTS)
        return espy_fail(cx, ESPY_E_LIMIT, "more than %d inputs or outputs", BENCH_PORTS);
    for (size_t i = 0; i < b->n_in; i++) {
        const espy_net_port *p = espy_net_input(b->net, i);
        size_t n = 1;
        b->in[i].rank = p->rank;
        for (int k = 0; k < p->rank; k++) {
            int64_t d = p->dims[k] > 0 ? p->dims[k] : k == 0 ? o->batch : o->side;
            b->in[i].dims[k] = d;
            n *= (size_t)d;
        }
        b->in[i].data = espy_floats(cx, n);
        if (!b->in[i].data)
            return ESPY_E_NOMEM;
        uint32_t state = 1;
        for (size_t k = 0; k < n; k++) {
            state = state * 1664525u + 1013904223u;
            b->in[i].data[k] = (float)(state >> 8) / 8388608.0f - 1.0f;
        }
    }
    return ESPY_E_OK;
}

/* Load time is from the file to the first answer, on the same clock as runs. */
static espy_err bench_load(espy_ctx *cx, const char *path, const bench_options *o, bench_net *b)
{
    espy_buf file = {0};
    double first = 0, t;
    memset(b, 0, sizeof *b);
    b->wall = o->net.threads > 1;
    t = b->wall ? espy_time_monotonic() : bench_cpu();
    espy_err e = espy_file_read(cx, path, (size_t)1 << 30, &file);
    if (e == ESPY_E_OK)
        e = espy_net_load(cx, espy_span_of(&file), &o->net, &b->net);
    if (e == ESPY_E_OK)
        e = bench_inputs(cx, b, o);
    if (e == ESPY_E_OK)
        e = bench_once(cx, b, &first);
    b->load = (b->wall ? espy_time_monotonic() : bench_cpu()) - t;
    if (e == ESPY_E_OK)
        e = espy_net_macs(cx, b->net, b->in, b->n_in, &b->macs);
    espy_buf_free(cx, &file);
    return e;
}

/* Inputs and outputs of one run, one after the other. */
static espy_err bench_dump(espy_ctx *cx, const bench_net *b, const char *path)
{
    espy_tensor out[BENCH_PORTS] = {{0}};
    espy_buf all;
    espy_buf_init(&all, (size_t)1 << 31);
    espy_err e = espy_net_run(cx, b->net, b->in, b->n_in, out, b->n_out);
    for (size_t i = 0; i < b->n_in + b->n_out && e == ESPY_E_OK; i++) {
        const espy_tensor *t = i < b->n_in ? &b->in[i] : &out[i - b->n_in];
        size_t n = 1;
        for (int k = 0; k < t->rank; k++)
            n *= (size_t)t->dims[k];
        e = espy_buf_append(cx, &all, t->data, n * sizeof(float));
    }
    if (e == ESPY_E_OK)
        e = espy_file_write(cx, path, all.data, all.size);
    for (size_t i = 0; i < b->n_out; i++)
        espy_free(cx, out[i].data);
    espy_buf_free(cx, &all);
    return e;
}

static espy_err bench_feed(espy_ctx *cx, const bench_net *b, const char *path)
{
    espy_buf file;
    size_t at = 0;
    ESPY_TRY(espy_file_read(cx, path, (size_t)1 << 31, &file));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < b->n_in && e == ESPY_E_OK; i++) {
        size_t n = sizeof(float);
        for (int k = 0; k < b->in[i].rank; k++)
            n *= (size_t)b->in[i].dims[k];
        if (file.size - at < n) {
            e = espy_fail(cx, ESPY_E_ARG, "%s holds too few numbers", path);
        } else {
            memcpy(b->in[i].data, file.data + at, n);
            at += n;
        }
    }
    espy_buf_free(cx, &file);
    return e;
}

/* --- commands --------------------------------------------------------------------------------- */

static int bench_serve(espy_ctx *cx)
{
    static bench_net nets[BENCH_NETS];
    char line[4096], path[2048], precision[16];
    int n = 0, count, id;
    while (fgets(line, sizeof line, stdin)) {
        unsigned threads, tune, ms;
        long batch, side;
        espy_clear(cx);
        if (sscanf(line, "load %2047s %15s %u %u %ld %ld", path, precision, &threads, &tune, &batch,
                   &side) == 6 &&
            n < BENCH_NETS) {
            bench_options o = {.batch = batch, .side = side};
            o.net.precision =
                strcmp(precision, "bf16") == 0 ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32;
            o.net.threads = threads;
            o.net.tune = tune != 0;
            if (bench_load(cx, path, &o, &nets[n]) != ESPY_E_OK) {
                bench_free(cx, &nets[n]);
                printf("error %s\n", cx->text);
            } else {
                printf("ok %d %.6f %.0f\n", n, nets[n].load, nets[n].macs);
                n++;
            }
        } else if (sscanf(line, "run %d %d", &id, &count) == 2 && id >= 0 && id < n) {
            printf("ms");
            for (int i = 0; i < count; i++) {
                double s = 0;
                if (bench_once(cx, &nets[id], &s) != ESPY_E_OK)
                    break;
                printf(" %.4f", 1e3 * s);
            }
            printf("\n");
        } else if (sscanf(line, "feed %d %2047s", &id, path) == 2 && id >= 0 && id < n) {
            espy_err e = bench_feed(cx, &nets[id], path);
            printf("%s %s\n", e == ESPY_E_OK ? "ok" : "error", cx->text);
        } else if (sscanf(line, "dump %d %2047s", &id, path) == 2 && id >= 0 && id < n) {
            espy_err e = bench_dump(cx, &nets[id], path);
            printf("%s %s\n", e == ESPY_E_OK ? "ok" : "error", cx->text);
        } else if (sscanf(line, "peak %15s %u %u", precision, &threads, &ms) == 3) {
            printf("gf %.1f\n", bench_peak(strcmp(precision, "bf16") == 0, threads, 1e-3 * ms));
        } else if (strncmp(line, "quit", 4) == 0) {
            break;
        } else {
            printf("error unknown command\n");
        }
        fflush(stdout);
    }
    for (int i = 0; i < n; i++)
        bench_free(cx, &nets[i]);
    return 0;
}

static int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int bench_table(espy_ctx *cx, const bench_options *o, char **files, int n)
{
    double ms[1000];
    bool bf16 = o->net.precision == ESPY_PRECISION_BF16;
    unsigned threads = o->net.threads > 1 ? o->net.threads : 1;
    int rounds = o->rounds < 1 ? 1 : o->rounds > 1000 ? 1000 : o->rounds;
    printf("%-28s %5s %9s %9s %9s %9s %7s\n", "network", "batch", "load ms", "min ms", "median ms",
           "GFLOP/s", "peak %");
    for (int i = 0; i < n; i++) {
        bench_net b;
        espy_clear(cx);
        espy_err e = bench_load(cx, files[i], o, &b);
        double before = bench_peak(bf16, threads, 0.02);
        for (int r = 0; r < rounds && e == ESPY_E_OK; r++) {
            e = bench_once(cx, &b, &ms[r]);
            ms[r] *= 1e3;
        }
        double after = bench_peak(bf16, threads, 0.02), peak = before > after ? before : after;
        if (e != ESPY_E_OK) {
            printf("%-28s %s\n", espy_path_name(files[i]), cx->text);
        } else {
            qsort(ms, (size_t)rounds, sizeof *ms, bench_compare);
            double gf = 2e-6 * b.macs / ms[rounds / 2];
            printf("%-28s %5ld %9.1f %9.3f %9.3f %9.1f %7.1f\n", espy_path_name(files[i]),
                   (long)o->batch, 1e3 * b.load, ms[0], ms[rounds / 2], gf, 100 * gf / peak);
        }
        fflush(stdout);
        bench_free(cx, &b);
    }
    return 0;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    bench_options o = {.net = {.tune = true, .threads = 1}, .batch = 1, .side = 640, .rounds = 30};
    bool load = false;
    int i = 1;
    espy_ctx_init(&cx);
    cx.max.file_bytes = (size_t)1 << 30;
    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--serve") == 0)
            return bench_serve(&cx);
        if (strcmp(argv[i], "--load") == 0)
            load = true;
        else if (strcmp(argv[i], "--bf16") == 0)
            o.net.precision = ESPY_PRECISION_BF16;
        else if (strcmp(argv[i], "--no-tune") == 0)
            o.net.tune = false;
        else if (strcmp(argv[i], "--reference") == 0)
            o.net.executor = ESPY_EXEC_REFERENCE;
        else if (strcmp(argv[i], "--threads") == 0 && ++i < argc)
            o.net.threads = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0 && ++i < argc)
            o.batch = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--side") == 0 && ++i < argc)
            o.side = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--rounds") == 0 && ++i < argc)
            o.rounds = (int)strtol(value, NULL, 10);
        else
            break;
    }
    if (i >= argc || argv[i][0] == '-') {
        fprintf(stderr, "usage: nn_bench [--bf16] [--threads N] [--batch N] [--no-tune] [--side N] "
                        "[--rounds N] [--load] FILE.onnx ...\n");
        return 2;
    }
    if (!load)
        return bench_table(&cx, &o, argv + i, argc - i);
    bench_net b;
    espy_err e = bench_load(&cx, argv[i], &o, &b);
    if (e == ESPY_E_OK)
        printf("%.6f\n", b.load);
    else
        fprintf(stderr, "%s: %s\n", argv[i], cx.text);
    bench_free(&cx, &b);
    return e == ESPY_E_OK ? 0 : 1;
}
