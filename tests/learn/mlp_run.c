/* SPDX-License-Identifier: Apache-2.0
 * Runs the perceptron on arrays from files, for the comparison with torch and the benchmark.
 *
 *   mlp_run steps THREADS DIR BATCH STEPS
 *     Takes STEPS steps from given weights without dropout, BATCH rows each in their order, round
 *     and round.  Reads DIR/x.npy (f4, n x dim), y.npy (i8), widths.npy (i8), parameters.npy (f4:
 *     of each layer weights, bias, gamma, beta); writes parameters.f32 (the same with mean and
 *     variance behind beta) and prints the loss of each step.
 *
 *   mlp_run fit THREADS DIR EPOCHS SEED
 *     Trains on x and y, validated by vx and vy; prints one JSON line: the best epoch (from 0) and
 *     of each its seconds with validation, losses and accuracy. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/text.h"
#include "learn/mlp_train.h"
#include "support/support.h"

static void run_check(espy_ctx *cx, espy_err e)
{
    if (e == ESPY_E_OK)
        return;
    (void)fprintf(stderr, "%s\n", cx->text);
    exit(1);
}

static const char *run_path(const char *dir, const char *name)
{
    static char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* Rows of two files; the arrays are the caller's. */
typedef struct run_rows {
    test_array x, y;
    uint32_t *labels;
    espy_rows rows;
} run_rows;

static run_rows run_read(espy_ctx *cx, const char *dir, const char *x, const char *y)
{
    run_rows r = {.x = test_npy(run_path(dir, x)), .y = test_npy(run_path(dir, y))};

    r.labels = espy_array(cx, r.y.n, sizeof *r.labels);
    r.rows = (espy_rows){.x = r.x.data, .y = r.labels, .n = r.x.dims[0], .dim = r.x.dims[1]};
    for (size_t i = 0; i < r.y.n; i++) {
        r.labels[i] = (uint32_t)((const int64_t *)r.y.data)[i];
        r.rows.classes = r.labels[i] + 1 > r.rows.classes ? r.labels[i] + 1 : r.rows.classes;
    }
    return r;
}

static void run_free(espy_ctx *cx, run_rows *r)
{
    espy_free(cx, r->labels);
    test_array_free(&r->x);
    test_array_free(&r->y);
}

/* Copies n values in or out of the network. */
static void run_move(float **file, float *own, size_t n, bool in)
{
    memcpy(in ? own : *file, in ? *file : own, n * sizeof *own);
    *file += n;
}

static void run_parameters(espy_mlp *m, float *file, bool in)
{
    for (size_t l = 0; l < m->n; l++) {
        espy_mlp_layer *y = &m->at[l];
        run_move(&file, y->weights, y->in * y->out, in);
        run_move(&file, y->bias, y->out, in);
        if (!y->gamma)
            continue;
        run_move(&file, y->gamma, y->out, in);
        run_move(&file, y->beta, y->out, in);
        if (in)
            continue;
        run_move(&file, y->mean, y->out, in);
        run_move(&file, y->variance, y->out, in);
    }
}

static void run_steps(espy_ctx *cx, const char *dir, size_t batch, size_t steps)
{
    run_rows r = run_read(cx, dir, "x.npy", "y.npy");
    test_array widths = test_npy(run_path(dir, "widths.npy"));
    test_array given = test_npy(run_path(dir, "parameters.npy"));
    size_t n[ESPY_MLP_LAYERS];
    espy_mlp *m = NULL;
    espy_mlp_trainer t;

    for (size_t l = 0; l < widths.n; l++)
        n[l] = (size_t)((const int64_t *)widths.data)[l];
    run_check(cx, espy_mlp_create(cx, r.rows.dim, n, widths.n, true, NULL, &m));
    run_parameters(m, given.data, true);
    run_check(cx, espy_mlp_trainer_make(cx, m, batch, 1, &t));
    uint32_t *order = espy_array(cx, batch, sizeof *order);
    for (size_t s = 0; s < steps; s++) {
        double loss = 0;
        size_t right = 0;
        for (size_t i = 0; i < batch; i++)
            order[i] = (uint32_t)((s * batch + i) % r.rows.n);
        run_check(cx, espy_mlp_trainer_step(cx, &t, &r.rows, order, batch, 1e-3, &loss, &right));
        (void)printf("%.9g\n", loss / (double)batch);
    }
    size_t all = espy_mlp_parameters(m).all;
    float *out = espy_floats(cx, all);
    run_parameters(m, out, false);
    run_check(cx, espy_file_write(cx, run_path(dir, "parameters.f32"), out, all * sizeof *out));
    espy_free(cx, out);
    espy_free(cx, order);
    espy_mlp_trainer_free(cx, &t);
    espy_mlp_destroy(cx, &m);
    test_array_free(&widths);
    test_array_free(&given);
    run_free(cx, &r);
}

typedef struct run_clock {
    double last, *seconds;
} run_clock;

static void run_epoch(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    run_clock *c = self;
    double now = espy_time_monotonic();

    (void)most;
    (void)e;
    c->seconds[number - 1] = now - c->last;
    c->last = now;
}

static void run_fit(espy_ctx *cx, const char *dir, size_t epochs, uint64_t seed)
{
    run_rows r = run_read(cx, dir, "x.npy", "y.npy"), v = run_read(cx, dir, "vx.npy", "vy.npy");
    run_clock clock = {espy_time_monotonic(), espy_array(cx, epochs, sizeof(double))};
    espy_mlp_options o = {.epochs = epochs, .seed = seed, .epoch = run_epoch, .self = &clock};
    espy_mlp *m = NULL;
    espy_mlp_history h = {0};

    v.rows.classes = r.rows.classes;
    run_check(cx, espy_mlp_fit(cx, &r.rows, &v.rows, &o, &m, &h));
    (void)printf("{\"best\":%zu,\"epochs\":[", h.best);
    for (size_t i = 0; i < h.n; i++)
        (void)printf("%s{\"seconds\":%.6f,\"loss\":%.6f,\"val_loss\":%.6f,\"val_accuracy\":%.6f}",
                     i ? "," : "", clock.seconds[i], (double)h.at[i].loss, (double)h.at[i].val_loss,
                     (double)h.at[i].val_accuracy);
    (void)printf("]}\n");
    espy_free(cx, clock.seconds);
    espy_mlp_history_free(cx, &h);
    espy_mlp_destroy(cx, &m);
    run_free(cx, &r);
    run_free(cx, &v);
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_pool *pool = NULL;

    if (argc != 6)
        return 2;
    espy_ctx_init(&cx);
    run_check(&cx, espy_pool_create(&cx, (unsigned)atoi(argv[2]), &pool));
    cx.pool = pool;
    if (strcmp(argv[1], "steps") == 0)
        run_steps(&cx, argv[3], (size_t)atoi(argv[4]), (size_t)atoi(argv[5]));
    else
        run_fit(&cx, argv[3], (size_t)atoi(argv[4]), (uint64_t)atoi(argv[5]));
    espy_pool_destroy(&cx, &pool);
    return 0;
}
