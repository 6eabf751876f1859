/* SPDX-License-Identifier: Apache-2.0
 * flow/fit and flow/evaluate on synthetic galleries: threshold, floor, figures, and that neither
 * threads nor failing allocations change anything. */
#include "flow_case.h"
#include "support/support.h"

#include <string.h>

#include "base/pool.h"
#include "flow/evaluate.h"
#include "head/head_parts.h"
#include "learn/decision.h"
#include "learn/gallery.h"

static flow_case data; /* too large for a stack */

static const espy_fit_options usual = {.test_share = 0.2,
                                       .rule = ESPY_THRESHOLD_ACCEPT,
                                       .percent = 95,
                                       .floor = 0.4,
                                       .settings = {.seed = 42}};

static void fit(espy_ctx *cx, const espy_fit_options *o, espy_fit *f)
{
    if (espy_flow_fit(cx, &data.rows, data.names, o, f) != ESPY_E_OK)
        fail_msg("%s", cx->text);
}

static espy_rows training_part(const espy_fit *f)
{
    return (espy_rows){f->train_x, f->train_y, f->split.train_n, FLOW_DIM, data.rows.classes};
}

static void test_figures(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    espy_buf text;
    test_memory_init(&cx, &m);
    flow_make(&data, 8, 10, 0.4, 1);
    fit(&cx, &usual, &f);
    assert_string_equal(f.ops->name, "svm");
    assert_int_equal(f.split.train_n + f.split.test_n, 80);
    assert_int_equal(f.split.test_n, 16);
    assert_false(f.refitted);
    uint32_t sum = 0, right = 0;
    for (size_t i = 0; i < f.split.test_n; i++) {
        assert_true(f.top[i] > 0 && f.top[i] <= 1);
        right += f.answer[i] == data.y[f.split.test[i]];
    }
    assert_true(right >= 15);
    assert_true(fabs(f.metrics.accuracy - right / 16.0) < 1e-12);
    for (size_t i = 0; i < 64; i++)
        sum += f.confusion[i];
    assert_int_equal(sum, 16);
    assert_non_null(strstr((const char *)f.report.data, "L007"));
    espy_buf_init(&text, 1 << 16);
    assert_int_equal(espy_fit_confusion_text(&cx, &f, data.names, &text), ESPY_E_OK);
    size_t lines = 0;
    for (size_t i = 0; i < text.size; i++)
        lines += text.data[i] == '\n';
    assert_int_equal(lines, 9);
    espy_buf_free(&cx, &text);
    espy_fit_free(&cx, &f);
    espy_fit_free(&cx, &f); /* again is fine */
    assert_int_equal(m.live, 0);
}

/* A label of two samples keeps both for training; the other labels are measured all the same. */
static void test_thin_label(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    test_memory_init(&cx, &m);
    flow_make(&data, 8, 10, 0.4, 1);
    size_t n = 0;
    for (size_t i = 0, of_last = 0; i < data.rows.n; i++) {
        if (data.y[i] == 7 && of_last++ >= 2)
            continue;
        data.y[n] = data.y[i];
        memmove((float *)data.rows.x + n * FLOW_DIM, data.rows.x + i * FLOW_DIM,
                FLOW_DIM * sizeof *data.rows.x);
        n++;
    }
    data.rows.n = n;
    fit(&cx, &usual, &f);
    assert_int_equal(f.split.train_n + f.split.test_n, 72);
    assert_in_range(f.split.test_n, 13, 15);
    for (size_t i = 0; i < f.split.test_n; i++)
        assert_int_not_equal(data.y[f.split.test[i]], 7);
    espy_fit_free(&cx, &f);
    TEST_FAULT_LOOP(&cx, &m, espy_flow_fit(&cx, &data.rows, data.names, &usual, &f),
                    espy_fit_free(&cx, &f));
    assert_int_equal(m.live, 0);
}

static void test_floor_grows(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{4, 5}, {12, 10}, {60, 13}};
    espy_ctx cx;
    espy_fit f;
    double before = usual.floor;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < 3; i++) {
        flow_make(&data, sizes[i][0], sizes[i][1], 0.3, 2);
        fit(&cx, &usual, &f);
        assert_true(f.floor > before && f.floor < 1);
        before = f.floor;
        espy_fit_free(&cx, &f);
    }
}

/* Directions that belong to nobody are not named, though a head must give each its best label. */
static void test_strangers_are_unknown(void **state)
{
    (void)state;
    enum { STRANGERS = 300 };
    static float x[STRANGERS * FLOW_DIM], p[STRANGERS * 20], cosine[STRANGERS * 20];
    static const char *const heads[] = {"svm", "logistic", "knn"};
    espy_ctx cx;
    espy_random r;
    espy_fit f;
    espy_ctx_init(&cx);
    flow_make(&data, 20, 12, 0.4, 3);
    espy_random_seed(&r, 9, 9);
    for (size_t i = 0; i < STRANGERS; i++)
        flow_direction(&r, x + i * FLOW_DIM);
    for (size_t h = 0; h < 3; h++) {
        espy_fit_options o = usual;
        o.head = heads[h];
        fit(&cx, &o, &f);
        espy_rows train = training_part(&f);
        espy_decision_rule rule = espy_decision_rule_make(f.threshold, f.floor);
        assert_int_equal(f.ops->probabilities(&cx, f.head, x, STRANGERS, p), ESPY_E_OK);
        assert_int_equal(espy_gallery_nearest(&cx, &train, x, STRANGERS, cosine), ESPY_E_OK);
        int named = 0, known = 0;
        for (size_t i = 0; i < STRANGERS; i++)
            named +=
                espy_decide(&rule, p + i * 20, cosine + i * 20, 20, NULL).decision == ESPY_KNOWN;
        assert_true(named <= 3);
        for (size_t i = 0; i < f.split.test_n; i++) { /* those who belong are */
            const float *q = data.x + f.split.test[i] * FLOW_DIM;
            assert_int_equal(f.ops->probabilities(&cx, f.head, q, 1, p), ESPY_E_OK);
            assert_int_equal(espy_gallery_nearest(&cx, &train, q, 1, cosine), ESPY_E_OK);
            espy_verdict v = espy_decide(&rule, p, cosine, 20, NULL);
            known += v.decision == ESPY_KNOWN && v.label == data.y[f.split.test[i]];
        }
        assert_true(known >= 0.8 * (double)f.split.test_n);
        espy_fit_free(&cx, &f);
    }
}

static void test_threshold_rules(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_fit f;
    espy_ctx_init(&cx);
    flow_make(&data, 10, 20, 0.9, 4); /* hard enough that probabilities spread */

    espy_fit_options o = usual;
    o.rule = ESPY_THRESHOLD_FIXED;
    o.threshold = 0.123;
    fit(&cx, &o, &f);
    assert_true(f.threshold == 0.123);
    espy_fit_free(&cx, &f);

    o.rule = ESPY_THRESHOLD_RECOMMENDED;
    fit(&cx, &o, &f);
    assert_true(f.threshold >= 0.70 && f.threshold < 0.90);
    assert_true(f.threshold == espy_threshold_recommend(f.table));
    espy_fit_free(&cx, &f);

    o.rule = ESPY_THRESHOLD_ACCEPT;
    for (o.percent = 50; o.percent <= 100; o.percent += 10) {
        size_t right = 0, accepted = 0;
        fit(&cx, &o, &f);
        for (size_t i = 0; i < f.split.test_n; i++) {
            bool good = f.answer[i] == data.y[f.split.test[i]];
            right += good;
            accepted += good && (double)f.top[i] >= f.threshold;
        }
        /* a percentile between two samples may cost the lower one */
        assert_true((double)accepted + 1 >= o.percent / 100 * (double)right);
        assert_true((double)accepted - 1 <= o.percent / 100 * (double)right + 1);
        espy_fit_free(&cx, &f);
    }

    /* as written, 95 percent means to refuse most of those who are known */
    o.rule = ESPY_THRESHOLD_LITERAL;
    o.percent = 95;
    fit(&cx, &o, &f);
    float p[10];
    double literal = f.threshold;
    size_t below = 0;
    assert_true(f.threshold == f.literal && literal > 0 && literal <= 1);
    for (size_t i = 0; i < f.split.train_n; i++) {
        float top = 0;
        assert_int_equal(f.ops->probabilities(&cx, f.head, f.train_x + i * FLOW_DIM, 1, p),
                         ESPY_E_OK);
        for (int c = 0; c < 10; c++)
            top = fmaxf(top, p[c]);
        below += (double)top < literal;
    }
    assert_true(below >= 0.93 * (double)f.split.train_n);
    espy_fit_free(&cx, &f);
    o.rule = ESPY_THRESHOLD_ACCEPT;
    fit(&cx, &o, &f);
    assert_true(f.threshold < literal);
    assert_true(f.literal == literal); /* kept for the record */
    espy_fit_free(&cx, &f);

    o.rule = ESPY_THRESHOLD_FOLDS;
    fit(&cx, &o, &f);
    assert_true(f.threshold > 0 && f.threshold < literal);
    espy_fit_free(&cx, &f);
}

static void test_one_sample_each(void **state)
{
    (void)state;
    static const espy_threshold_rule rules[] = {ESPY_THRESHOLD_RECOMMENDED, ESPY_THRESHOLD_ACCEPT,
                                                ESPY_THRESHOLD_FOLDS};
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    test_memory_init(&cx, &m);
    flow_make(&data, 7, 1, 0.3, 5);
    for (size_t i = 0; i < 3; i++) {
        espy_fit_options o = usual;
        o.rule = rules[i];
        o.refit = true;
        fit(&cx, &o, &f);
        assert_string_equal(f.ops->name, "knn");
        assert_int_equal(f.split.test_n, 0);
        assert_false(f.refitted);
        assert_null(f.answer);
        assert_int_equal(f.report.size, 0);
        assert_true(f.threshold == ESPY_THRESHOLD_DEFAULT);
        assert_true(f.floor >= o.floor && f.floor <= (1 + o.floor) / 2);
        espy_fit_free(&cx, &f);
    }
    assert_int_equal(m.live, 0);
}

/* One photo in the wrong folder makes two labels look alike; the floor must not follow it. */
static void test_mislabelled(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_fit f;
    espy_ctx_init(&cx);
    flow_make(&data, 10, 20, 0.4, 6);
    memcpy(data.x + 25 * FLOW_DIM, data.x + 3 * FLOW_DIM, FLOW_DIM * sizeof *data.x);
    espy_gallery_spread spread;
    assert_int_equal(espy_gallery_between(&cx, &data.rows, &spread), ESPY_E_OK);
    assert_true(spread.largest > 0.999f);
    fit(&cx, &usual, &f);
    assert_true(f.floor < 0.95);
    espy_rows train = training_part(&f);
    float cosine[10];
    size_t kept = 0, right = 0;
    for (size_t i = 0; i < f.split.test_n; i++) {
        uint32_t at = f.split.test[i];
        if (f.answer[i] != data.y[at])
            continue;
        assert_int_equal(espy_gallery_nearest(&cx, &train, data.x + at * FLOW_DIM, 1, cosine),
                         ESPY_E_OK);
        right++;
        kept += (double)cosine[data.y[at]] >= f.floor;
    }
    assert_true((double)kept >= 0.94 * (double)right - 1);
    espy_fit_free(&cx, &f);
}

static void test_same_on_any_pool(void **state)
{
    (void)state;
    static const char *const heads[] = {"svm", "logistic", "knn", "mlp"};
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    flow_make(&data, 12, 9, 0.7, 7);
    for (size_t h = 0; h < 4; h++) {
        espy_fit first;
        espy_buf want, got;
        espy_fit_options o = usual;
        o.head = heads[h];
        o.settings.epochs = 3;
        o.rule = ESPY_THRESHOLD_FOLDS;
        o.refit = true;
        cx.pool = NULL;
        espy_buf_init(&want, 1 << 24);
        fit(&cx, &o, &first);
        assert_true(first.refitted);
        assert_int_equal(first.ops->save(&cx, first.head, &want), ESPY_E_OK);
        for (unsigned threads = 1; threads <= 4; threads++) {
            espy_fit f;
            assert_int_equal(espy_pool_create(&cx, threads, &cx.pool), ESPY_E_OK);
            fit(&cx, &o, &f);
            espy_buf_init(&got, 1 << 24);
            assert_int_equal(f.ops->save(&cx, f.head, &got), ESPY_E_OK);
            assert_int_equal(got.size, want.size);
            assert_memory_equal(got.data, want.data, want.size);
            assert_true(f.threshold == first.threshold && f.floor == first.floor);
            assert_memory_equal(f.top, first.top, f.split.test_n * sizeof *f.top);
            espy_buf_free(&cx, &got);
            espy_fit_free(&cx, &f);
            espy_pool_destroy(&cx, &cx.pool);
        }
        espy_buf_free(&cx, &want);
        espy_fit_free(&cx, &first);
    }
    assert_int_equal(m.live, 0);
}

static void test_refused(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    espy_fit_options o = usual;
    atomic_bool stop = true;
    test_memory_init(&cx, &m);
    flow_make(&data, 3, 4, 0.4, 8);
    o.head = "forest";
    assert_int_equal(espy_flow_fit(&cx, &data.rows, data.names, &o, &f), ESPY_E_ARG);
    assert_non_null(strstr(cx.text, "svm, logistic, knn, mlp or prototypes"));
    espy_clear(&cx);
    o.head = NULL;
    data.x[5] = NAN;
    assert_int_equal(espy_flow_fit(&cx, &data.rows, data.names, &o, &f), ESPY_E_DATA);
    espy_clear(&cx);
    flow_make(&data, 1, 4, 0.4, 8);
    assert_int_equal(espy_flow_fit(&cx, &data.rows, data.names, &o, &f), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "two labels"));
    espy_clear(&cx);
    flow_make(&data, 20, 10, 0.4, 8);
    cx.cancel = &stop;
    assert_int_equal(espy_flow_fit(&cx, &data.rows, data.names, &o, &f), ESPY_E_CANCELLED);
    assert_int_equal(m.live, 0);
}

static void test_evaluation(void **state)
{
    (void)state;
    enum { STRANGERS = 50 };
    static float x[STRANGERS * FLOW_DIM];
    espy_ctx cx;
    test_memory m;
    espy_random r;
    espy_evaluation a, b;
    espy_fit_options o = usual;
    test_memory_init(&cx, &m);
    flow_make(&data, 10, 10, 0.4, 9);
    espy_random_seed(&r, 10, 10);
    for (size_t i = 0; i < STRANGERS; i++)
        flow_direction(&r, x + i * FLOW_DIM);
    assert_int_equal(espy_flow_evaluate(&cx, &data.rows, data.names, x, STRANGERS, 5, &o, NULL, &a),
                     ESPY_E_OK);
    assert_int_equal(a.samples, 100); /* each once */
    assert_int_equal(a.strangers, 5 * STRANGERS);
    assert_true(a.right >= 98 && a.accepted_right <= a.accepted && a.accepted_right <= a.right);
    assert_true(a.accepted >= 80 && a.accepted == a.accepted_right);
    assert_true(a.named <= 5);
    assert_true(a.floor >= o.floor && a.threshold > 0);
    assert_int_equal(espy_pool_create(&cx, 3, &cx.pool), ESPY_E_OK);
    assert_int_equal(espy_flow_evaluate(&cx, &data.rows, data.names, x, STRANGERS, 5, &o, NULL, &b),
                     ESPY_E_OK);
    assert_memory_equal(&a, &b, sizeof a);
    espy_pool_destroy(&cx, &cx.pool);
    assert_int_equal(espy_flow_evaluate(&cx, &data.rows, data.names, NULL, 0, 2, &o, NULL, &b),
                     ESPY_E_OK);
    assert_int_equal(b.samples, 100);
    assert_int_equal(b.strangers, 0);
    flow_make(&data, 1, 10, 0.4, 9);
    assert_int_equal(espy_flow_evaluate(&cx, &data.rows, data.names, NULL, 0, 2, &o, NULL, &b),
                     ESPY_E_DATA);
    assert_int_equal(m.live, 0);
}

/* Sources of 8 near-copies whose labels are by chance: whoever parts them finds each copy's label
 * by its sister; whoever does not finds nothing. */
static void test_groups(void **state)
{
    (void)state;
    enum { SOURCES = 30, COPIES = 8, LABELS = 3, N = SOURCES * COPIES };
    static const char *const heads[] = {"svm", "logistic", "knn"};
    static uint64_t group[N];
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    espy_evaluation parted, whole;
    test_memory_init(&cx, &m);
    flow_make(&data, SOURCES, COPIES, 0.1, 12);
    for (uint32_t i = 0; i < N; i++) {
        data.y[i] = i / COPIES % LABELS;
        group[i] = 1000 + i / COPIES;
    }
    data.rows.classes = LABELS;
    for (size_t h = 0; h < 3; h++) {
        espy_fit_options o = usual;
        o.head = heads[h];
        o.rule = ESPY_THRESHOLD_FOLDS;
        data.rows.group = NULL;
        assert_int_equal(
            espy_flow_evaluate(&cx, &data.rows, data.names, NULL, 0, 5, &o, NULL, &parted),
            ESPY_E_OK);
        fit(&cx, &o, &f);
        assert_true(f.metrics.accuracy > 0.9);
        espy_fit_free(&cx, &f);
        data.rows.group = group;
        assert_int_equal(
            espy_flow_evaluate(&cx, &data.rows, data.names, NULL, 0, 5, &o, NULL, &whole),
            ESPY_E_OK);
        assert_true((double)parted.right > 0.9 * N);
        assert_true((double)whole.right < 0.6 * N);
        assert_int_equal(whole.samples, N);
        fit(&cx, &o, &f);
        for (size_t i = 0; i < f.split.test_n; i++)
            for (size_t k = 0; k < f.split.train_n; k++)
                assert_true(group[f.split.test[i]] != group[f.split.train[k]]);
        espy_fit_free(&cx, &f);
    }
    flow_make(&data, 3, 8, 0.3, 10);
    data.rows.group = group;
    espy_fit_options o = usual;
    o.rule = ESPY_THRESHOLD_FOLDS;
    TEST_FAULT_LOOP(&cx, &m, espy_flow_fit(&cx, &data.rows, data.names, &o, &f),
                    espy_fit_free(&cx, &f));
    assert_int_equal(m.live, 0);
}

typedef struct told {
    size_t lines;
} told;

static void tell(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    assert_true(number <= most && isfinite(e->loss));
    ((told *)self)->lines++;
}

/* The mlp is fitted five times over for the threshold and twice for the version, always with the
 * constants of all rows; groups stay whole inside it too. */
static void test_mlp(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_fit f;
    espy_head_network net;
    told t = {0};
    double mean, std;
    espy_fit_options o = usual;
    espy_ctx_init(&cx);
    flow_make(&data, 4, 100, 0.8, 14);
    espy_rows_spread(&data.rows, &mean, &std);
    o.head = "mlp";
    o.refit = true;
    o.settings.epochs = 30;
    o.settings.epoch = tell;
    o.settings.self = &t;
    fit(&cx, &o, &f);
    assert_true(espy_head_mlp_network(f.head, &net));
    assert_true(net.mean == mean && net.std == std);
    assert_true(net.history->n > 0 && net.history->n <= 30);
    assert_int_equal(t.lines, net.history->n);
    assert_true(f.metrics.accuracy > 0.95);
    espy_fit_free(&cx, &f);
    o.settings.mean = 0.25;
    o.settings.std = 2;
    fit(&cx, &o, &f);
    assert_true(espy_head_mlp_network(f.head, &net) && net.mean == 0.25 && net.std == 2);
    espy_fit_free(&cx, &f);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    static const char *const heads[] = {"svm", "logistic", "knn", "mlp"};
    espy_ctx cx;
    test_memory m;
    espy_fit f;
    espy_evaluation sum;
    espy_fit_options o = usual;
    test_memory_init(&cx, &m);
    flow_make(&data, 3, 6, 0.3, 10);
    o.settings.epochs = 1;
    for (size_t h = 0; h < 4; h++) {
        o.head = heads[h];
        bool slow = strcmp(heads[h], "mlp") == 0; /* one fit is enough */
        o.refit = !slow;
        o.rule = slow ? ESPY_THRESHOLD_ACCEPT : ESPY_THRESHOLD_FOLDS;
        TEST_FAULT_LOOP(&cx, &m, espy_flow_fit(&cx, &data.rows, data.names, &o, &f),
                        espy_fit_free(&cx, &f));
    }
    o.rule = ESPY_THRESHOLD_LITERAL;
    o.head = NULL;
    TEST_FAULT_LOOP(&cx, &m, espy_flow_fit(&cx, &data.rows, data.names, &o, &f),
                    espy_fit_free(&cx, &f));
    o.head = "knn";
    TEST_FAULT_LOOP(&cx, &m,
                    espy_flow_evaluate(&cx, &data.rows, data.names, data.x, 1, 2, &o, NULL, &sum),
                    (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),         cmocka_unit_test(test_thin_label),
        cmocka_unit_test(test_floor_grows),     cmocka_unit_test(test_strangers_are_unknown),
        cmocka_unit_test(test_threshold_rules), cmocka_unit_test(test_one_sample_each),
        cmocka_unit_test(test_mislabelled),     cmocka_unit_test(test_same_on_any_pool),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_groups),          cmocka_unit_test(test_mlp),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
