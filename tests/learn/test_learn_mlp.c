/* SPDX-License-Identifier: Apache-2.0
 * The perceptron: gradient, the rule of rate and end, learning, sameness on any number of threads
 * and CPU level, failures. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "kern/kern.h"
#include "learn/mlp_train.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

enum { NET_DIM = 7, NET_N = 11, NET_LABELS = 3, NET_LAYERS = 4 };
static const size_t net_widths[NET_LAYERS] = {9, 6, 5, NET_LABELS};
static const float net_dropout[] = {0.5f, 0.3f, 0};

/* A small network whose every parameter is drawn. */
static espy_mlp *make_net(bool dropout)
{
    espy_mlp *m = NULL;
    espy_random r;

    assert_int_equal(espy_mlp_create(&cx, NET_DIM, net_widths, NET_LAYERS, true,
                                     dropout ? net_dropout : NULL, &m),
                     ESPY_E_OK);
    espy_random_seed(&r, 5, 5);
    espy_mlp_draw(m, &r);
    for (size_t l = 0; l < m->n; l++)
        for (size_t c = 0; c < m->at[l].out; c++) {
            m->at[l].bias[c] = (float)(0.3 * espy_random_normal(&r));
            if (!m->at[l].gamma)
                continue;
            m->at[l].gamma[c] = (float)(1 + 0.3 * espy_random_normal(&r));
            m->at[l].beta[c] = (float)(0.3 * espy_random_normal(&r));
            m->at[l].mean[c] = (float)(0.3 * espy_random_normal(&r));
            m->at[l].variance[c] = (float)(0.5 + espy_random_unit(&r));
        }
    return m;
}

static void make_rows(float *x, uint32_t *y)
{
    espy_random r;

    espy_random_seed(&r, 6, 6);
    for (size_t i = 0; i < NET_N; i++) {
        y[i] = (uint32_t)(i % NET_LABELS);
        for (size_t d = 0; d < NET_DIM; d++)
            x[i * NET_DIM + d] = (float)espy_random_normal(&r);
    }
}

/* The network once more, in double precision and as it is written in the papers: mean loss of a
 * batch.  key NULL: as it answers, with the moving statistics and without dropout. */
static double plain_loss(const espy_mlp *m, const float *x, const uint32_t *y, const uint32_t *key,
                         double *p)
{
    static double a[NET_N][16], z[NET_N][16];
    double loss = 0;

    for (size_t i = 0; i < NET_N; i++)
        for (size_t d = 0; d < NET_DIM; d++)
            a[i][d] = (double)x[i * NET_DIM + d];
    for (size_t l = 0; l < m->n; l++) {
        const espy_mlp_layer *at = &m->at[l];
        for (size_t i = 0; i < NET_N; i++)
            for (size_t o = 0; o < at->out; o++) {
                z[i][o] = (double)at->bias[o];
                for (size_t d = 0; d < at->in; d++)
                    z[i][o] += a[i][d] * (double)at->weights[d * at->out + o];
            }
        for (size_t o = 0; o < at->out && l + 1 < m->n; o++) {
            double mean = 0, variance = 0;
            for (size_t i = 0; i < NET_N; i++) {
                z[i][o] = fmax(z[i][o], 0);
                mean += z[i][o] / NET_N;
            }
            for (size_t i = 0; i < NET_N; i++)
                variance += (z[i][o] - mean) * (z[i][o] - mean) / NET_N;
            if (!key) {
                mean = (double)at->mean[o];
                variance = (double)at->variance[o];
            }
            for (size_t i = 0; i < NET_N; i++) {
                double drop = key ? (double)at->dropout : 0, v;
                uint32_t below = (uint32_t)(drop * 4294967296.0);
                v = (z[i][o] - mean) / sqrt(variance + (double)ESPY_MLP_EPSILON);
                v = v * (double)at->gamma[o] + (double)at->beta[o];
                if (key)
                    v *= espy_mlp_keeps(key[l], below, (uint32_t)(i * at->out + o)) / (1 - drop);
                z[i][o] = v;
            }
        }
        memcpy(a, z, sizeof a);
    }
    for (size_t i = 0; i < NET_N; i++) {
        double sum = 0;
        for (size_t c = 0; c < NET_LABELS; c++)
            sum += exp(z[i][c]);
        for (size_t c = 0; c < NET_LABELS && p; c++)
            p[i * NET_LABELS + c] = exp(z[i][c]) / sum;
        loss += (log(sum) - z[i][y[i]]) / NET_N;
    }
    return loss;
}

/* How far ten times the first moments are from central differences of the loss. */
static double gradient_error(espy_mlp *m, const uint32_t *key, float *parameter,
                             const float *moment, size_t n, const float *x, const uint32_t *y)
{
    double apart = 0, length = 0;

    for (size_t i = 0; i < n; i++) {
        const float kept = parameter[i];
        const float up = kept + 1e-4f, down = kept - 1e-4f;
        parameter[i] = up;
        double high = plain_loss(m, x, y, key, NULL);
        parameter[i] = down;
        double low = plain_loss(m, x, y, key, NULL);
        parameter[i] = kept;
        double want = (high - low) / ((double)up - (double)down), have = 10 * (double)moment[i];
        apart += (want - have) * (want - have);
        length += want * want;
    }
    assert_true(length > 0);
    return sqrt(apart / length);
}

/* Batch normalisation on; without dropout, and with the mask of a step. */
static void test_gradient(void **state)
{
    float x[NET_N * NET_DIM];
    uint32_t y[NET_N], order[NET_N];
    const espy_rows rows = {x, y, NET_N, NET_DIM, NET_LABELS};
    (void)state;

    make_rows(x, y);
    for (uint32_t i = 0; i < NET_N; i++)
        order[i] = i;
    for (int dropout = 0; dropout < 2; dropout++) {
        espy_mlp *m = make_net(dropout);
        espy_mlp_trainer t;
        double loss = 0, worst = 0;
        size_t right = 0;
        assert_int_equal(espy_mlp_trainer_make(&cx, m, NET_N, 3, &t), ESPY_E_OK);
        assert_int_equal(espy_mlp_trainer_step(&cx, &t, &rows, order, NET_N, 0, &loss, &right),
                         ESPY_E_OK);
        assert_float_equal(loss / NET_N, plain_loss(m, x, y, t.key, NULL), 1e-5);
        for (size_t l = 0; l < m->n; l++) {
            espy_mlp_layer *at = &m->at[l];
            float *own[] = {at->bias, at->gamma, at->beta};
            worst = fmax(worst, gradient_error(m, t.key, at->weights, t.at[l].first,
                                               at->in * at->out, x, y));
            for (size_t k = 0; k < 3 && own[k]; k++)
                worst =
                    fmax(worst, gradient_error(m, t.key, own[k], t.at[l].firsts[k], at->out, x, y));
        }
        print_message("gradient %s dropout: %.1e off\n", dropout ? "with" : "without", worst);
        assert_true(worst < 1e-3);
        espy_mlp_trainer_free(&cx, &t);
        espy_mlp_destroy(&cx, &m);
    }
}

static void test_answers(void **state)
{
    float x[NET_N * NET_DIM], p[NET_N * NET_LABELS];
    double want[NET_N * NET_LABELS];
    uint32_t y[NET_N];
    espy_mlp *m = make_net(true);
    (void)state;

    make_rows(x, y);
    assert_int_equal(espy_mlp_probabilities(&cx, m, x, NET_N, p), ESPY_E_OK);
    (void)plain_loss(m, x, y, NULL, want);
    for (size_t i = 0; i < NET_N * NET_LABELS; i++)
        assert_float_equal(p[i], want[i], 1e-5);
    assert_int_equal(espy_mlp_probabilities(&cx, m, x, 0, p), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &memory, espy_mlp_probabilities(&cx, m, x, NET_N, p), (void)0);
    espy_mlp_destroy(&cx, &m);
}

/* Losses as a script: best at 50, then never again; the rate halves after each 7 without progress.
 */
static void test_watch(void **state)
{
    espy_mlp_watch w = espy_mlp_watch_make(1e-3, 15, 7);
    bool better, stop = false;
    (void)state;

    for (size_t epoch = 1; epoch <= 50; epoch++) {
        assert_false(espy_mlp_watch_step(&w, 1 - 0.01 * (double)epoch, &better));
        assert_true(better);
        assert_true(w.rate == 1e-3);
    }
    while (!stop) {
        stop = espy_mlp_watch_step(&w, 0.6, &better);
        assert_false(better);
        assert_true(w.rate == (w.epoch < 57 ? 1e-3 : w.epoch < 64 ? 5e-4 : 2.5e-4));
        assert_true(stop == (w.epoch == 65));
    }
    assert_int_equal(w.best_epoch, 50);

    /* progress of less than 1e-4 is a plateau, though each is the best */
    w = espy_mlp_watch_make(1e-3, 15, 7);
    for (size_t epoch = 1; epoch <= 200; epoch++) {
        assert_false(espy_mlp_watch_step(&w, 1 - 1e-6 * (double)epoch, &better));
        assert_true(better);
    }
    assert_true(w.rate == 1e-7); /* not below the floor */
    /* equal is not better */
    w = espy_mlp_watch_make(1e-3, 2, 7);
    assert_false(espy_mlp_watch_step(&w, 1, &better));
    assert_false(espy_mlp_watch_step(&w, 1, &better));
    assert_true(espy_mlp_watch_step(&w, 1, &better));
    assert_false(better);
}

static void test_parameters(void **state)
{
    const size_t widths[] = {512, 256, 128, 64, 4}, wide[] = {ESPY_MLP_WIDTH + 1, 2};
    espy_mlp *m = NULL;
    (void)state;

    assert_int_equal(espy_mlp_create(&cx, 1024, widths, 5, true, NULL, &m), ESPY_E_OK);
    espy_mlp_count c = espy_mlp_parameters(m);
    assert_int_equal(c.all, 701380);
    assert_int_equal(c.trainable, 699460);
    assert_int_equal(c.dense, 697540);
    espy_mlp_destroy(&cx, &m);
    assert_int_equal(espy_mlp_create(&cx, 1024, widths, 5, false, NULL, &m), ESPY_E_OK);
    c = espy_mlp_parameters(m);
    assert_true(c.all == 697540 && c.trainable == c.all && c.dense == c.all);
    espy_mlp_destroy(&cx, &m);
    assert_null(m);
    espy_mlp_destroy(&cx, &m);
    assert_int_equal(espy_mlp_create(&cx, 4, wide, 2, true, NULL, &m), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_mlp_create(&cx, 4, widths, 0, true, NULL, &m), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_mlp_create(&cx, 4, widths, ESPY_MLP_LAYERS + 1, true, NULL, &m),
                     ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_mlp_create(&cx, (size_t)1 << 40, widths, 5, true, NULL, &m),
                     ESPY_E_LIMIT);
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &memory, espy_mlp_create(&cx, 8, widths, 5, true, NULL, &m),
                    espy_mlp_destroy(&cx, &m));
}

enum { FIT_N = 321, FIT_CHECK = 100, FIT_DIM = 40, FIT_LABELS = 5 };
static float fit_x[FIT_N * FIT_DIM], check_x[FIT_CHECK * FIT_DIM];
static uint32_t fit_y[FIT_N], check_y[FIT_CHECK];
static const espy_rows fit_rows = {fit_x, fit_y, FIT_N, FIT_DIM, FIT_LABELS};
static const espy_rows check_rows = {check_x, check_y, FIT_CHECK, FIT_DIM, FIT_LABELS};

typedef struct told {
    size_t n, most;
    espy_mlp_epoch last;
} told;

static void tell(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    told *t = self;

    assert_int_equal(number, ++t->n);
    t->most = most;
    t->last = *e;
}

static void make_fit(double noise)
{
    case_make(fit_x, fit_y, FIT_N, FIT_DIM, FIT_LABELS, noise, 71);
    case_make(check_x, check_y, FIT_CHECK, FIT_DIM, FIT_LABELS, noise * 0.999, 71);
    for (size_t i = 0; i < FIT_N * FIT_DIM; i++)
        fit_x[i] *= 6; /* about 1 on average */
    for (size_t i = 0; i < FIT_CHECK * FIT_DIM; i++)
        check_x[i] *= 6;
}

/* The weights that are kept are those of the best epoch, and chance is left far behind. */
static void test_learns(void **state)
{
    told t = {0};
    espy_mlp_options o = {.epochs = 60, .seed = 1, .epoch = tell, .self = &t};
    espy_mlp *m = NULL;
    espy_mlp_history h = {0};
    static float p[FIT_CHECK * FIT_LABELS];
    double loss = 0;
    size_t right = 0;
    (void)state;

    make_fit(2.0);
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h), ESPY_E_OK);
    assert_int_equal(t.n, h.n);
    assert_int_equal(t.most, 60);
    assert_memory_equal(&t.last, &h.at[h.n - 1], sizeof t.last);
    assert_true(h.at[0].loss > h.at[h.n - 1].loss);
    assert_int_equal(espy_mlp_probabilities(&cx, m, check_x, FIT_CHECK, p), ESPY_E_OK);
    for (size_t i = 0; i < FIT_CHECK; i++) {
        size_t top = 0;
        for (size_t c = 1; c < FIT_LABELS; c++)
            top = p[i * FIT_LABELS + c] > p[i * FIT_LABELS + top] ? c : top;
        right += top == check_y[i];
        loss -= log((double)p[i * FIT_LABELS + check_y[i]]) / FIT_CHECK;
    }
    assert_float_equal(loss, h.at[h.best].val_loss, 1e-5);
    assert_float_equal((double)right / FIT_CHECK, h.at[h.best].val_accuracy, 1e-6);
    for (size_t i = 0; i < h.n; i++)
        assert_true(h.at[i].val_loss >= h.at[h.best].val_loss);
    assert_true(right > 2 * FIT_CHECK / FIT_LABELS);
    espy_mlp_destroy(&cx, &m);
    espy_mlp_history_free(&cx, &h);

    /* labels by chance: what is held back gets no better, so it stops early */
    espy_random r;
    espy_random_seed(&r, 8, 8);
    for (size_t i = 0; i < FIT_N; i++)
        fit_y[i] = i < FIT_LABELS ? (uint32_t)i : espy_random_below(&r, FIT_LABELS);
    t = (told){0};
    o.epochs = 0;
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h), ESPY_E_OK);
    assert_true(h.n < 100);
    assert_int_equal(t.most, 100);
    assert_int_equal(h.n, h.best + 1 + 15);
    espy_mlp_destroy(&cx, &m);
    espy_mlp_history_free(&cx, &h);
}

/* No validation: the training loss decides.  Batches that leave one row over, two rows in all. */
static void test_small(void **state)
{
    const size_t sizes[] = {FIT_N, 65, 64, 6, FIT_LABELS};
    const espy_rows none = {.dim = FIT_DIM, .classes = FIT_LABELS};
    (void)state;

    make_fit(1.0);
    for (size_t k = 0; k < 5; k++) {
        espy_rows few = fit_rows;
        espy_mlp *m = NULL;
        espy_mlp_history h = {0};
        espy_mlp_options o = {.epochs = 4, .batch = k < 3 ? 0 : k - 2, .seed = 1};
        few.n = sizes[k];
        assert_int_equal(espy_mlp_fit(&cx, &few, &none, &o, &m, &h), ESPY_E_OK);
        assert_int_equal(h.n, 4);
        for (size_t i = 0; i < h.n; i++) {
            assert_true(isfinite(h.at[i].loss) && isnan(h.at[i].val_loss));
            assert_true(h.at[i].loss >= h.at[h.best].loss);
        }
        espy_mlp_destroy(&cx, &m);
        espy_mlp_history_free(&cx, &h);
    }
}

static void test_same_bits(void **state)
{
    const unsigned threads[] = {1, 2, 3, 5};
    espy_mlp_options o = {.epochs = 4, .seed = 9};
    espy_mlp *want = NULL, *m = NULL;
    espy_mlp_history h = {0}, h2 = {0};
    (void)state;

    make_fit(1.0);
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &want, &h), ESPY_E_OK);
    for (size_t k = 0; k < 4; k++) {
        assert_int_equal(espy_pool_create(&cx, threads[k], &cx.pool), ESPY_E_OK);
        assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h2), ESPY_E_OK);
        for (size_t l = 0; l < m->n; l++)
            assert_memory_equal(m->at[l].weights, want->at[l].weights,
                                m->at[l].in * m->at[l].out * sizeof(float));
        assert_memory_equal(h.at, h2.at, h.n * sizeof *h.at);
        espy_pool_destroy(&cx, &cx.pool);
        espy_mlp_destroy(&cx, &m);
        espy_mlp_history_free(&cx, &h2);
    }
    o.seed = 10;
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h2), ESPY_E_OK);
    assert_memory_not_equal(m->at[0].weights, want->at[0].weights, 1024);
    espy_mlp_destroy(&cx, &m);
    espy_mlp_destroy(&cx, &want);
    espy_mlp_history_free(&cx, &h);
    espy_mlp_history_free(&cx, &h2);
}

/* All loops of a level, on odd sizes; fills `out`. */
enum { LEVEL_M = 9, LEVEL_W = 37, LEVEL_STRIDE = 41, LEVEL_CELLS = LEVEL_M * LEVEL_STRIDE };

static void run_level(const espy_mlp_columns *k, float *out)
{
    static float r[LEVEL_CELLS], a[LEVEL_CELLS], v[8][LEVEL_W], sums[4][LEVEL_W];
    espy_random random;
    espy_random_seed(&random, 4, 4);
    for (size_t i = 0; i < LEVEL_CELLS; i++)
        r[i] = (float)espy_random_normal(&random);
    memcpy(a, r, sizeof a);
    memset(sums, 0, sizeof sums);
    for (size_t j = 0; j < 8; j++)
        for (size_t c = 0; c < LEVEL_W; c++)
            v[j][c] = (float)(0.1 + espy_random_unit(&random));
    const espy_mlp_norm n = {v[0], v[1], v[2], v[3]};
    const espy_mlp_drop drop = {77, 1u << 31, 2, 500, 3};
    k->infer(a, v[4], v[5], v[6], LEVEL_M, LEVEL_W, LEVEL_STRIDE);
    memcpy(out, a, sizeof a);
    k->rectify(r, v[4], sums[0], LEVEL_M, LEVEL_W, LEVEL_STRIDE);
    k->variance(r, v[0], sums[1], LEVEL_M, LEVEL_W, LEVEL_STRIDE);
    k->normalise(r, &n, &drop, a, LEVEL_M, LEVEL_W, LEVEL_STRIDE);
    memcpy(out + LEVEL_CELLS, r, sizeof r);
    memcpy(out + 2 * LEVEL_CELLS, a, sizeof a);
    memcpy(out + 3 * LEVEL_CELLS, sums, sizeof sums);
    k->back(a, r, &n, &drop, sums[1], sums[2], sums[3], LEVEL_M, LEVEL_W, LEVEL_STRIDE);
    memcpy(out + 4 * LEVEL_CELLS, a, sizeof a);
    memcpy(out + 5 * LEVEL_CELLS, sums, sizeof sums);
    k->adam(v[4], v[5], v[6], v[7], 0.01f, LEVEL_W);
    memcpy(out + 6 * LEVEL_CELLS, v, sizeof v);
}

static void test_levels(void **state)
{
    static float want[8 * LEVEL_CELLS], have[8 * LEVEL_CELLS];
    unsigned cpu = espy_cpu_detect();
    (void)state;

    run_level(&espy_mlp_columns_plain, want);
    if (cpu & ESPY_CPU_AVX2) {
        run_level(&espy_mlp_columns_avx2, have);
        assert_memory_equal(have, want, sizeof want);
    }
    if (cpu & ESPY_CPU_AVX512) {
        run_level(&espy_mlp_columns_avx512, have);
        assert_memory_equal(have, want, sizeof want);
    }
}

/* A share of one half drops half. */
static void test_dropout(void **state)
{
    size_t kept = 0, alike = 0;
    (void)state;

    for (uint32_t i = 0; i < 100000; i++) {
        kept += espy_mlp_keeps(12345, 1u << 31, i);
        alike += espy_mlp_keeps(12345, 1u << 31, i) == espy_mlp_keeps(12346, 1u << 31, i);
        assert_true(espy_mlp_keeps(9, 0, i));
    }
    assert_true(kept > 49500 && kept < 50500);
    assert_true(alike > 49000 && alike < 51000);
}

static void stop_at_two(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    (void)most;
    (void)e;
    if (number == 2)
        atomic_store((atomic_bool *)self, true);
}

static void test_failures(void **state)
{
    atomic_bool stop = false;
    espy_mlp_options o = {.epochs = 2, .seed = 9};
    espy_mlp *m = NULL;
    espy_mlp_history h = {0};
    (void)state;

    make_fit(1.0);
    TEST_FAULT_LOOP(&cx, &memory, espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h),
                    (espy_mlp_destroy(&cx, &m), espy_mlp_history_free(&cx, &h)));
    check_y[7] = FIT_LABELS;
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "validation sample 7"));
    espy_clear(&cx);
    make_fit(1.0);
    o.rate = 1e40;
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "left the numbers"));
    espy_clear(&cx);
    make_fit(1.0);
    o = (espy_mlp_options){.seed = 9, .epoch = stop_at_two, .self = &stop};
    cx.cancel = &stop;
    assert_int_equal(espy_mlp_fit(&cx, &fit_rows, &check_rows, &o, &m, &h), ESPY_E_CANCELLED);
    cx.cancel = NULL;
    espy_clear(&cx);
    assert_null(m);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradient),  cmocka_unit_test(test_answers),
        cmocka_unit_test(test_watch),     cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_learns),    cmocka_unit_test(test_small),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_dropout),   cmocka_unit_test(test_failures),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
