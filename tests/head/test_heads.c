/* SPDX-License-Identifier: Apache-2.0
 * The contract of every registered head: answers, saving and loading, damaged files, failing
 * allocations, any number of threads. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "head/head_parts.h"
#include "learn_case.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

enum { HEAD_N = 60, HEAD_DIM = 12, HEAD_LABELS = 4, HEAD_QUERIES = 30 };

static float x[HEAD_N * HEAD_DIM], q[HEAD_QUERIES * HEAD_DIM];
static uint32_t y[HEAD_N], qy[HEAD_QUERIES];
static const espy_gallery gallery = {x, y, HEAD_N, HEAD_DIM, HEAD_LABELS};
static const espy_head_options options = {.scale = true};

static void make_data(void)
{
    case_make(x, y, HEAD_N, HEAD_DIM, HEAD_LABELS, 0.5, 31);
    case_make(q, qy, HEAD_QUERIES, HEAD_DIM, HEAD_LABELS, 0.45, 31);
}

static espy_head *fit(const espy_head_ops *ops, const espy_gallery *g, const espy_head_options *o)
{
    espy_head *h = NULL;

    if (ops->fit(&cx, g, o, &h) != ESPY_E_OK)
        fail_msg("%s: %s", ops->name, cx.text);
    assert_ptr_equal(h->ops, ops);
    assert_int_equal(h->dim, g->dim);
    assert_int_equal(h->classes, g->classes);
    return h;
}

static espy_buf save(const espy_head *h)
{
    espy_buf b;

    espy_buf_init(&b, (size_t)1 << 28);
    if (h->ops->save(&cx, h, &b) != ESPY_E_OK)
        fail_msg("%s: %s", h->ops->name, cx.text);
    return b;
}

static void test_registry(void **state)
{
    (void)state;
    assert_non_null(espy_heads[0]);
    for (size_t i = 0; espy_heads[i]; i++) {
        assert_ptr_equal(espy_head_find(espy_heads[i]->name), espy_heads[i]);
        assert_true(strlen(espy_heads[i]->help) > 0);
    }
    assert_null(espy_head_find("nobody"));
    const espy_head_ops *ops;
    assert_int_equal(espy_head_choose(&cx, "nobody", &ops), ESPY_E_ARG);
    for (size_t i = 0; espy_heads[i]; i++)
        assert_non_null(strstr(cx.text, espy_heads[i]->name));
    assert_non_null(strstr(cx.text, " or "));
    espy_clear(&cx);
    assert_int_equal(espy_head_choose(&cx, espy_heads[0]->name, &ops), ESPY_E_OK);
    assert_ptr_equal(ops, espy_heads[0]);
    espy_head *none = NULL;
    espy_head_destroy(&cx, &none);
}

static void test_answers(void **state)
{
    (void)state;
    for (size_t k = 0; espy_heads[k]; k++) {
        espy_head *h = fit(espy_heads[k], &gallery, &options);
        float p[HEAD_QUERIES * HEAD_LABELS], one[HEAD_LABELS];
        size_t right = 0;
        assert_int_equal(h->ops->probabilities(&cx, h, q, HEAD_QUERIES, p), ESPY_E_OK);
        for (size_t i = 0; i < HEAD_QUERIES; i++) {
            double sum = 0;
            size_t best = 0;
            for (size_t c = 0; c < HEAD_LABELS; c++) {
                float v = p[i * HEAD_LABELS + c];
                assert_true(v >= 0 && v <= 1);
                sum += v;
                best = v > p[i * HEAD_LABELS + best] ? c : best;
            }
            assert_float_equal(sum, 1, 1e-5);
            right += best == qy[i];
            /* one at a time is the same as many at once */
            assert_int_equal(h->ops->probabilities(&cx, h, q + i * HEAD_DIM, 1, one), ESPY_E_OK);
            for (size_t c = 0; c < HEAD_LABELS; c++)
                assert_float_equal(one[c], p[i * HEAD_LABELS + c], 1e-5);
        }
        assert_true(right >= HEAD_QUERIES - 1);
        assert_int_equal(h->ops->probabilities(&cx, h, q, 0, p), ESPY_E_OK);
        espy_head_destroy(&cx, &h);
        assert_null(h);
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t k = 0; espy_heads[k]; k++) {
        espy_head *h = fit(espy_heads[k], &gallery, &options), *again = NULL;
        float p[HEAD_QUERIES * HEAD_LABELS], p2[HEAD_QUERIES * HEAD_LABELS];
        espy_buf b = save(h), b2;
        assert_int_equal(h->ops->probabilities(&cx, h, q, HEAD_QUERIES, p), ESPY_E_OK);
        assert_int_equal(espy_heads[k]->load(&cx, espy_span_of(&b), &gallery, &again), ESPY_E_OK);
        assert_int_equal(again->ops->probabilities(&cx, again, q, HEAD_QUERIES, p2), ESPY_E_OK);
        assert_memory_equal(p, p2, sizeof p);
        b2 = save(again);
        assert_int_equal(b.size, b2.size);
        assert_memory_equal(b.data, b2.data, b.size);
        /* of another head */
        for (size_t o = 0; espy_heads[o]; o++) {
            espy_head *wrong = NULL;
            if (o == k)
                continue;
            assert_int_equal(espy_heads[o]->load(&cx, espy_span_of(&b), &gallery, &wrong),
                             ESPY_E_FORMAT);
            assert_null(wrong);
            espy_clear(&cx);
        }
        espy_head_destroy(&cx, &h);
        espy_head_destroy(&cx, &again);
        espy_buf_free(&cx, &b);
        espy_buf_free(&cx, &b2);
    }
}

/* Same data and seed: same bytes on any number of threads. */
static void test_threads(void **state)
{
    static float many[400 * 20];
    static uint32_t labels[400];
    const unsigned threads[] = {1, 2, 3, 5};
    const espy_gallery g = {many, labels, 400, 20, 40};
    const espy_head_options few = {.scale = true, .epochs = 5};
    (void)state;

    case_make(many, labels, 400, 20, 40, 1, 77);
    for (size_t k = 0; espy_heads[k]; k++) {
        espy_head *h = fit(espy_heads[k], &g, &few);
        espy_buf want = save(h);
        espy_head_destroy(&cx, &h);
        for (size_t t = 0; t < 4; t++) {
            espy_pool *pool = NULL;
            assert_int_equal(espy_pool_create(&cx, threads[t], &pool), ESPY_E_OK);
            cx.pool = pool;
            h = fit(espy_heads[k], &g, &few);
            espy_buf got = save(h);
            assert_int_equal(got.size, want.size);
            assert_memory_equal(got.data, want.data, want.size);
            espy_head_destroy(&cx, &h);
            espy_buf_free(&cx, &got);
            cx.pool = NULL;
            espy_pool_destroy(&cx, &pool);
        }
        espy_buf_free(&cx, &want);
    }
}

/* A damaged file is refused or gives answers that are numbers; it never breaks anything. */
static void check_damaged(const espy_head_ops *ops, espy_span bytes)
{
    espy_head *h = NULL;
    espy_err e = ops->load(&cx, bytes, &gallery, &h);

    if (e == ESPY_E_OK) {
        float *p = espy_array(&cx, h->classes, sizeof *p), *v = espy_floats(&cx, h->dim);
        assert_true(p && v);
        assert_int_equal(ops->probabilities(&cx, h, v, 1, p), ESPY_E_OK);
        espy_free(&cx, p);
        espy_free(&cx, v);
        espy_head_destroy(&cx, &h);
    } else {
        assert_true(e == ESPY_E_FORMAT || e == ESPY_E_LIMIT);
        assert_true(cx.text[0] != 0);
        assert_null(strchr(cx.text, '\n'));
        assert_null(h);
    }
    espy_clear(&cx);
}

static size_t damage_step(size_t at, size_t size)
{
    enum { SMALL = 1 << 16, HEADER = 4096, FLIPS = 500 };

    return size < SMALL ? 1 : at < HEADER ? 11 : 8 * size / FLIPS;
}

static void test_damage(void **state)
{
    /* 2 labels of 3 samples in 2 dimensions: the smallest files */
    float tiny[] = {1, 0, 0, 1, 1, 0.1f, 0.1f, 1, 1, 0.2f, 0.2f, 1};
    uint32_t labels[] = {0, 1, 0, 1, 0, 1};
    const espy_gallery g = {tiny, labels, 6, 2, 2};
    (void)state;

    for (size_t k = 0; espy_heads[k]; k++) {
        espy_head *h = fit(espy_heads[k], &g, &options);
        espy_buf b = save(h);
        /* all of a small file; of a large one all of the header and some of the numbers */
        for (size_t n = 0; n < b.size; n += damage_step(n, b.size))
            check_damaged(espy_heads[k], (espy_span){b.data, n});
        for (size_t i = 0; i < b.size * 8; i += damage_step(i / 8, b.size)) {
            b.data[i / 8] ^= (uint8_t)(1u << i % 8);
            check_damaged(espy_heads[k], espy_span_of(&b));
            b.data[i / 8] ^= (uint8_t)(1u << i % 8);
        }
        espy_head_destroy(&cx, &h);
        espy_buf_free(&cx, &b);
    }
}

static espy_err load_and_answer(const espy_head_ops *ops, espy_span bytes, float *p)
{
    espy_head *h = NULL;
    espy_err e;

    ESPY_GO(ops->load(&cx, bytes, &gallery, &h));
    ESPY_GO(ops->probabilities(&cx, h, q, HEAD_QUERIES, p));
out:
    espy_head_destroy(&cx, &h);
    return e;
}

static espy_err save_again(const espy_head *h, espy_buf *b)
{
    espy_buf_init(b, (size_t)1 << 28);
    return h->ops->save(&cx, h, b);
}

static void test_faults(void **state)
{
    const espy_head_options few = {.scale = true, .epochs = 2};
    (void)state;
    for (size_t k = 0; espy_heads[k]; k++) {
        const espy_head_ops *ops = espy_heads[k];
        float p[HEAD_QUERIES * HEAD_LABELS];
        espy_head *h = NULL;
        espy_buf b;
        TEST_FAULT_LOOP(&cx, &memory, ops->fit(&cx, &gallery, &few, &h),
                        espy_head_destroy(&cx, &h));
        h = fit(ops, &gallery, &options);
        TEST_FAULT_LOOP(&cx, &memory, save_again(h, &b), espy_buf_free(&cx, &b));
        b = save(h);
        TEST_FAULT_LOOP(&cx, &memory, load_and_answer(ops, espy_span_of(&b), p), (void)0);
        espy_buf_free(&cx, &b);
        espy_head_destroy(&cx, &h);
    }
}

static void refused(const espy_head_ops *ops, const espy_gallery *g)
{
    espy_head *h = NULL;

    assert_int_equal(ops->fit(&cx, g, &options, &h), ESPY_E_DATA);
    assert_null(h);
    assert_null(strchr(cx.text, '\n'));
    assert_true(strlen(cx.text) > 10);
    espy_clear(&cx);
}

static void test_bad_data(void **state)
{
    float bad[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    uint32_t labels[4] = {0, 0, 1, 1};
    (void)state;

    for (size_t k = 0; espy_heads[k]; k++) {
        refused(espy_heads[k], &(espy_gallery){bad, labels, 0, 2, 2});
        refused(espy_heads[k], &(espy_gallery){bad, labels, 2, 2, 1});
        refused(espy_heads[k], &(espy_gallery){bad, labels, 4, 2, 3});
        bad[5] = NAN;
        refused(espy_heads[k], &(espy_gallery){bad, labels, 4, 2, 2});
        bad[5] = 6;
    }
}

/* Swapping two labels swaps their probabilities. */
static void test_permutation(void **state)
{
    uint32_t swapped[HEAD_N];
    const espy_gallery other = {x, swapped, HEAD_N, HEAD_DIM, HEAD_LABELS};
    (void)state;

    for (size_t i = 0; i < HEAD_N; i++)
        swapped[i] = y[i] == 0 ? 3 : y[i] == 3 ? 0 : y[i];
    for (size_t k = 0; espy_heads[k]; k++) {
        float p[HEAD_QUERIES * HEAD_LABELS], p2[HEAD_QUERIES * HEAD_LABELS];
        espy_head *h = fit(espy_heads[k], &gallery, &options);
        espy_head *h2 = fit(espy_heads[k], &other, &options);
        double off = 0;
        assert_int_equal(h->ops->probabilities(&cx, h, q, HEAD_QUERIES, p), ESPY_E_OK);
        assert_int_equal(h->ops->probabilities(&cx, h2, q, HEAD_QUERIES, p2), ESPY_E_OK);
        for (size_t i = 0; i < HEAD_QUERIES; i++)
            for (size_t c = 0; c < HEAD_LABELS; c++) {
                size_t to = c == 0 ? 3 : c == 3 ? 0 : c;
                off += fabs(p[i * HEAD_LABELS + c] - p2[i * HEAD_LABELS + to]);
            }
        /* the svm deals other folds to other pairs, the mlp starts from other weights */
        double most = strcmp(espy_heads[k]->name, "mlp") == 0 ? 0.1 : 0.02;
        assert_true(off / (HEAD_QUERIES * HEAD_LABELS) < most);
        espy_head_destroy(&cx, &h);
        espy_head_destroy(&cx, &h2);
    }
}

/* 400 against 25 overlapping samples: balanced weights find more of the few. */
static void test_balanced(void **state)
{
    static float few[425 * 4], held[425 * 4];
    static uint32_t labels[425], truth[425];
    const espy_gallery g = {few, labels, 425, 4, 2};
    const char *const weighted[] = {"svm", "logistic"};
    (void)state;

    for (int set = 0; set < 2; set++) {
        espy_random r;
        espy_random_seed(&r, 5, (uint64_t)set);
        for (size_t i = 0; i < 425; i++) {
            uint32_t label = i >= 400;
            (set ? truth : labels)[i] = label;
            for (size_t d = 0; d < 4; d++)
                (set ? held : few)[i * 4 + d] =
                    (float)(espy_random_normal(&r) + (label && d == 0 ? 1.3 : 0));
        }
    }
    for (size_t k = 0; k < 2; k++) {
        const espy_head_ops *ops = espy_head_find(weighted[k]);
        size_t found[2] = {0};
        if (!ops)
            continue;
        for (int balanced = 0; balanced < 2; balanced++) {
            const espy_head_options o = {.scale = true, .balanced = balanced != 0};
            espy_head *h = fit(ops, &g, &o);
            float p[850];
            assert_int_equal(ops->probabilities(&cx, h, held, 425, p), ESPY_E_OK);
            for (size_t i = 400; i < 425; i++) {
                const espy_svm *svm = espy_head_svm_model(h);
                bool hit = p[2 * i + 1] > 0.5f;
                if (svm) {
                    /* its probabilities are calibrated to the true shares: look at the machine */
                    double v[4], f;
                    espy_scaler_apply_row(espy_head_scaler(h), held + i * 4, v);
                    assert_int_equal(espy_svm_decide(&cx, svm, v, 1, &f), ESPY_E_OK);
                    hit = f < 0;
                }
                found[balanced] += hit;
            }
            espy_head_destroy(&cx, &h);
        }
        assert_true(found[1] > found[0]);
    }
}

/* knn works from one sample per label on, svm says what to do. */
static void test_one_sample(void **state)
{
    const espy_gallery g = {x, y, HEAD_LABELS, HEAD_DIM, HEAD_LABELS};
    const espy_head_ops *knn = espy_head_find("knn"), *svm = espy_head_find("svm");
    float p[HEAD_QUERIES * HEAD_LABELS];
    (void)state;

    if (svm) {
        espy_head *h = NULL;
        assert_int_equal(svm->fit(&cx, &g, &options, &h), ESPY_E_DATA);
        assert_non_null(strstr(cx.text, "--head knn"));
        espy_clear(&cx);
    }
    if (knn) {
        espy_head *h = fit(knn, &g, &options);
        size_t right = 0;
        assert_int_equal(knn->probabilities(&cx, h, q, HEAD_QUERIES, p), ESPY_E_OK);
        for (size_t i = 0; i < HEAD_QUERIES; i++) {
            size_t best = 0;
            for (size_t c = 1; c < HEAD_LABELS; c++)
                best = p[i * HEAD_LABELS + c] > p[i * HEAD_LABELS + best] ? c : best;
            right += best == qy[i] && p[i * HEAD_LABELS + best] > 0.6f;
        }
        assert_true(right > HEAD_QUERIES * 3 / 4);
        espy_buf b = save(h);
        espy_head *again = NULL;
        /* the vectors are not in the file; other samples are refused */
        assert_true(b.size < 1024);
        assert_int_equal(knn->load(&cx, espy_span_of(&b), &gallery, &again), ESPY_E_FORMAT);
        espy_clear(&cx);
        assert_int_equal(knn->load(&cx, espy_span_of(&b), NULL, &again), ESPY_E_ARG);
        espy_clear(&cx);
        espy_buf_free(&cx, &b);
        espy_head_destroy(&cx, &h);
    }
}

/* One sample per label is its own centre; the limit of centres is the caller's; probabilities are
 * as sure as they are right. */
static void test_prototypes(void **state)
{
    enum { N = 600, DIM = 24, LABELS = 6 };
    static float many[2 * N * DIM], p[N * LABELS];
    static uint32_t labels[2 * N];
    const espy_head_ops *ops = espy_head_find("prototypes");
    const espy_gallery one = {x, y, HEAD_LABELS, HEAD_DIM, HEAD_LABELS};
    const espy_gallery half = {many, labels, N, DIM, LABELS};
    espy_head_prototypes_parts parts;
    (void)state;

    if (!ops)
        skip();
    espy_head *h = fit(ops, &one, &options);
    assert_true(espy_head_prototypes_model(h, &parts));
    assert_int_equal(parts.model->n, HEAD_LABELS);
    assert_float_equal(parts.temperature, 0.1, 1e-12);
    assert_int_equal(ops->probabilities(&cx, h, x, HEAD_LABELS, p), ESPY_E_OK);
    for (size_t i = 0; i < HEAD_LABELS; i++)
        assert_true(p[i * HEAD_LABELS + y[i]] > 0.9f);
    espy_head_destroy(&cx, &h);

    case_make(many, labels, 2 * N, DIM, LABELS, 2, 12);
    for (size_t limit = 0; limit < 6; limit += 5) {
        const espy_head_options o = {.scale = true, .clusters = limit};
        double sure = 0, right = 0;
        h = fit(ops, &half, &o);
        assert_true(espy_head_prototypes_model(h, &parts));
        assert_int_equal(parts.model->n, LABELS * (limit ? limit : 3));
        assert_int_equal(ops->probabilities(&cx, h, many + N * DIM, N, p), ESPY_E_OK);
        for (size_t i = 0; i < N; i++) {
            size_t best = 0;
            for (size_t c = 1; c < LABELS; c++)
                best = p[i * LABELS + c] > p[i * LABELS + best] ? c : best;
            sure += (double)p[i * LABELS + best] / N;
            right += best == labels[N + i] ? 1.0 / N : 0;
        }
        assert_true(right > 0.5 && right < 0.99);
        assert_float_equal(sure, right, 0.05);
        espy_head_destroy(&cx, &h);
    }
}

/* Networks that were read elsewhere: with and without normalisation, of one layer; unsound ones. */
static void test_taken_networks(void **state)
{
    const size_t widths[] = {3, 4, HEAD_LABELS}, one[] = {HEAD_LABELS};
    const espy_head_ops *ops = espy_head_find("mlp");
    espy_random r;
    (void)state;

    if (!ops)
        return;
    for (int form = 0; form < 3; form++) {
        float p[HEAD_LABELS], p2[HEAD_LABELS];
        espy_mlp *m = NULL;
        espy_head *h = NULL, *again = NULL;
        espy_head_network net;
        assert_int_equal(form < 2 ? espy_mlp_create(&cx, HEAD_DIM, widths, 3, form == 0, NULL, &m)
                                  : espy_mlp_create(&cx, HEAD_DIM, one, 1, true, NULL, &m),
                         ESPY_E_OK);
        espy_random_seed(&r, 1, 1);
        for (size_t l = 0; l < m->n; l++)
            for (size_t i = 0; i < m->at[l].in * m->at[l].out; i++)
                m->at[l].weights[i] = (float)espy_random_normal(&r);
        assert_int_equal(espy_head_mlp_take(&cx, 0.1, 0, &m, &h), ESPY_E_FORMAT);
        espy_clear(&cx);
        m->at[0].dropout = 1;
        assert_int_equal(espy_head_mlp_take(&cx, 0.1, 0.5, &m, &h), ESPY_E_FORMAT);
        espy_clear(&cx);
        m->at[0].dropout = 0.25f;
        if (form == 0) {
            m->at[1].variance[2] = -1;
            assert_int_equal(espy_head_mlp_take(&cx, 0.1, 0.5, &m, &h), ESPY_E_FORMAT);
            espy_clear(&cx);
            m->at[1].variance[2] = 1;
        }
        assert_non_null(m);
        assert_int_equal(espy_head_mlp_take(&cx, 0.1, 0.5, &m, &h), ESPY_E_OK);
        assert_null(m);
        assert_true(espy_head_mlp_network(h, &net));
        assert_true(net.mean == 0.1 && net.std == 0.5 && net.history->n == 0);
        espy_buf b = save(h);
        assert_int_equal(ops->load(&cx, espy_span_of(&b), NULL, &again), ESPY_E_OK);
        assert_true(espy_head_mlp_network(again, &net));
        assert_true(net.mlp->at[0].dropout == (form < 2 ? 0.25f : 0));
        assert_true((net.mlp->at[0].gamma != NULL) == (form == 0));
        assert_int_equal(ops->probabilities(&cx, h, q, 1, p), ESPY_E_OK);
        assert_int_equal(ops->probabilities(&cx, again, q, 1, p2), ESPY_E_OK);
        assert_memory_equal(p, p2, sizeof p);
        espy_buf_free(&cx, &b);
        espy_head_destroy(&cx, &h);
        espy_head_destroy(&cx, &again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_registry),   cmocka_unit_test(test_answers),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_damage),     cmocka_unit_test(test_faults),
        cmocka_unit_test(test_bad_data),   cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_balanced),   cmocka_unit_test(test_one_sample),
        cmocka_unit_test(test_prototypes), cmocka_unit_test(test_taken_networks),
    };

    test_memory_init(&cx, &memory);
    make_data();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
