/* SPDX-License-Identifier: Apache-2.0
 * gemm: random shapes and strides against sums in double, and the same bits on any pool. */
#include "support/support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"
#include "gemm/gemm.h"

typedef struct product {
    bool trans_a, trans_b;
    size_t m, n, k, lda, ldb, ldc;
    float alpha, beta;
    float *a, *b, *c; /* c: what the product finds there */
    size_t c_count;
} product;

static float *fill(espy_ctx *cx, espy_random *r, size_t n)
{
    float *p = espy_floats(cx, n);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)espy_random_normal(r);
    return p;
}

static product make(espy_ctx *cx, espy_random *r, size_t m, size_t n, size_t k, unsigned kind)
{
    static const float scales[] = {1, 0, -0.5f, 2};
    product p = {kind & 1,
                 kind & 2,
                 m,
                 n,
                 k,
                 0,
                 0,
                 0,
                 scales[kind / 4 % 4 == 1 ? 2 : 0],
                 scales[kind / 4 % 4],
                 NULL,
                 NULL,
                 NULL,
                 0};
    p.lda = (p.trans_a ? m : k) + espy_random_below(r, 5);
    p.ldb = (p.trans_b ? k : n) + espy_random_below(r, 5);
    p.ldc = n + espy_random_below(r, 5);
    p.c_count = m * p.ldc;
    p.a = fill(cx, r, (p.trans_a ? k : m) * p.lda);
    p.b = fill(cx, r, (p.trans_b ? n : k) * p.ldb);
    p.c = fill(cx, r, p.c_count);
    return p;
}

static void product_free(espy_ctx *cx, product *p)
{
    espy_free(cx, p->a);
    espy_free(cx, p->b);
    espy_free(cx, p->c);
}

/* The product into a copy of c, which the caller owns. */
static float *multiply(espy_ctx *cx, const product *p)
{
    float *c = espy_floats(cx, p->c_count);
    memcpy(c, p->c, p->c_count * sizeof *c);
    espy_err e = espy_gemm(cx, p->trans_a, p->trans_b, p->m, p->n, p->k, p->alpha, p->a, p->lda,
                           p->b, p->ldb, p->beta, c, p->ldc);
    if (e != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return c;
}

static void check(const product *p, const float *c)
{
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            double sum = 0, size = 0;
            for (size_t t = 0; t < p->k; t++) {
                double v = (double)p->a[p->trans_a ? t * p->lda + i : i * p->lda + t] *
                           (double)p->b[p->trans_b ? j * p->ldb + t : t * p->ldb + j];
                sum += v;
                size += fabs(v);
            }
            double old = p->beta != 0 ? (double)p->beta * (double)p->c[i * p->ldc + j] : 0;
            double want = (double)p->alpha * sum + old;
            double most =
                2 * (double)(p->k + 2) * FLT_EPSILON * (fabs((double)p->alpha) * size + fabs(old));
            assert_true(fabs((double)c[i * p->ldc + j] - want) <= most);
        }
        for (size_t j = p->n; j < p->ldc; j++) /* between the rows nothing is written */
            assert_memory_equal(&c[i * p->ldc + j], &p->c[i * p->ldc + j], sizeof *c);
    }
}

static void test_random_shapes(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_random r;
    test_memory_init(&cx, &m);
    espy_random_seed(&r, 5, 6);
    for (unsigned round = 0; round < 160; round++) {
        size_t most = round % 8 ? 40 : 150;
        product p = make(&cx, &r, 1 + espy_random_below(&r, (uint32_t)most),
                         1 + espy_random_below(&r, (uint32_t)most),
                         1 + espy_random_below(&r, (uint32_t)most), round % 16);
        float *c = multiply(&cx, &p);
        check(&p, c);
        espy_free(&cx, c);
        product_free(&cx, &p);
    }
    assert_int_equal(m.live, 0);
}

/* Products of several tiles, with shapes on and beside the edges of tiles. */
static void test_same_bits_on_any_pool(void **state)
{
    (void)state;
    static const size_t shapes[][3] = {{1, 1, 1},      {256, 512, 8}, {257, 513, 33},
                                       {700, 40, 128}, {3, 1100, 70}, {512, 1024, 16},
                                       {300, 600, 512}};
    espy_ctx cx;
    test_memory m;
    espy_random r;
    test_memory_init(&cx, &m);
    espy_random_seed(&r, 7, 8);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        product p = make(&cx, &r, shapes[s][0], shapes[s][1], shapes[s][2], (unsigned)s % 16);
        cx.pool = NULL;
        float *want = multiply(&cx, &p);
        if (s < 6)
            check(&p, want);
        for (unsigned threads = 1; threads <= 3; threads++) {
            assert_int_equal(espy_pool_create(&cx, threads, &cx.pool), ESPY_E_OK);
            float *c = multiply(&cx, &p);
            assert_memory_equal(c, want, p.c_count * sizeof *c);
            espy_free(&cx, c);
            espy_pool_destroy(&cx, &cx.pool);
        }
        espy_free(&cx, want);
        product_free(&cx, &p);
    }
    assert_int_equal(m.live, 0);
}

/* With beta 0 what is in C does not matter. */
static void test_beta_zero_forgets(void **state)
{
    (void)state;
    espy_ctx cx;
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 0, 1, 1, 1}, c[4] = {NAN, NAN, INFINITY, NAN};
    espy_ctx_init(&cx);
    assert_int_equal(espy_gemm(&cx, false, false, 2, 2, 3, 1, a, 3, b, 2, 0, c, 2), ESPY_E_OK);
    assert_true(c[0] == 4 && c[1] == 5 && c[2] == 10 && c[3] == 11);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        bool ta, tb;
        size_t m, n, k, lda, ldb, ldc;
    } bad[] = {
        {false, false, 2, 3, 4, 3, 3, 3}, {false, false, 2, 3, 4, 4, 2, 3},
        {false, false, 2, 3, 4, 4, 3, 2}, {true, false, 2, 3, 4, 1, 3, 3},
        {false, true, 2, 3, 4, 4, 3, 3},  {false, false, 2, 3, 0, 4, 3, 3},
    };
    espy_ctx cx;
    float x[64] = {0}, c[16] = {0};
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(espy_gemm(&cx, bad[i].ta, bad[i].tb, bad[i].m, bad[i].n, bad[i].k, 1, x,
                                   bad[i].lda, x, bad[i].ldb, 0, c, bad[i].ldc),
                         ESPY_E_ARG);
        assert_non_null(strstr(cx.text, "strides"));
        espy_clear(&cx);
    }
    assert_int_equal(espy_gemm(&cx, false, false, 0, 3, 4, 1, x, 4, x, 3, 0, c, 3), ESPY_E_OK);
    assert_int_equal(espy_gemm(&cx, false, false, 3, 0, 4, 1, x, 4, x, 3, 0, c, 3), ESPY_E_OK);
}

/* The largest sums there are, and any. */
static void test_bytes(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_random r;
    espy_ctx_init(&cx);
    espy_random_seed(&r, 8, 9);
    if (!espy_gemm_bytes_ready()) {
        print_message("this CPU has no products of bytes\n");
        return;
    }
    for (size_t round = 0; round < 60; round++) {
        size_t m = 1 + espy_random_below(&r, 70), n = 1 + espy_random_below(&r, 70);
        size_t k = 1 + espy_random_below(&r, 700);
        int8_t *a = espy_array(&cx, m, k), *b = espy_array(&cx, n, k + 3);
        int32_t *c = espy_array(&cx, m * n, sizeof *c);
        for (size_t i = 0; i < m * k; i++)
            a[i] = (int8_t)(round % 4 == 0 ? 127 : (int)espy_random_below(&r, 255) - 127);
        for (size_t i = 0; i < n * (k + 3); i++)
            b[i] = (int8_t)(round % 4 < 2 ? (round % 8 ? 127 : -127)
                                          : (int)espy_random_below(&r, 255) - 127);
        assert_int_equal(espy_gemm_bytes(&cx, m, n, k, a, k, b, k + 3, c, n), ESPY_E_OK);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                int32_t want = 0;
                for (size_t d = 0; d < k; d++)
                    want += a[i * k + d] * b[j * (k + 3) + d];
                assert_int_equal(c[i * n + j], want);
            }
        espy_free(&cx, a);
        espy_free(&cx, b);
        espy_free(&cx, c);
    }
}

static void test_cancelled(void **state)
{
    (void)state;
    espy_ctx cx;
    atomic_bool stop = true;
    float x[4] = {0}, c[4] = {0};
    espy_ctx_init(&cx);
    cx.cancel = &stop;
    assert_int_equal(espy_gemm(&cx, false, false, 2, 2, 2, 1, x, 2, x, 2, 0, c, 2),
                     ESPY_E_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_same_bits_on_any_pool),
        cmocka_unit_test(test_beta_zero_forgets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
