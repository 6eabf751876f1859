/* SPDX-License-Identifier: Apache-2.0
 * kern: cosines of codes of every kind, on every level this CPU has, against sums in double of the
 * values that the codes stand for; int8 also against plain C, bit by bit. */
#include "support/support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kern/kern.h"
#include "kern/near.h"

enum { NEAR_QUERIES = 19, NEAR_MOST_WORDS = 144 };

static const unsigned levels[] = {0, ESPY_CPU_AVX2, ESPY_CPU_AVX2 | ESPY_CPU_AVX512,
                                  ESPY_CPU_AVX2 | ESPY_CPU_AVX512 | ESPY_CPU_VNNI,
                                  ESPY_CPU_AVX2 | ESPY_CPU_AVX512 | ESPY_CPU_VNNI | ESPY_CPU_BF16};

static float as_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint32_t as_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* A code of random values; some are the extremes. */
static void code_fill(espy_random *r, espy_near_kind kind, size_t words, uint32_t *code)
{
    for (size_t w = 0; w < words; w++) {
        const float x = (float)(espy_random_normal(r) * 0.1);
        code[w] = as_bits(x);
        if (kind == ESPY_NEAR_BF16)
            code[w] =
                as_bits((float)(espy_random_normal(r) * 0.1)) >> 16 | (as_bits(x) & 0xffff0000u);
        for (int shift = 0; kind == ESPY_NEAR_INT8 && shift < 32; shift += 8) {
            const uint32_t draw = espy_random_below(r, 300);
            const int value = draw < 255 ? (int)draw - 127 : draw < 280 ? 127 : -127;
            code[w] = (code[w] & ~(UINT32_C(255) << shift)) | (uint32_t)(uint8_t)(int8_t)value
                                                                  << shift;
        }
    }
    if (kind == ESPY_NEAR_INT8)
        code[words] = as_bits((float)(espy_random_unit(r) + 0.5) / 1000);
}

static double word_product(espy_near_kind kind, uint32_t a, uint32_t b)
{
    double s = 0;
    if (kind == ESPY_NEAR_F32)
        return (double)as_float(a) * (double)as_float(b);
    if (kind == ESPY_NEAR_BF16)
        return (double)as_float(a << 16) * (double)as_float(b << 16) +
               (double)as_float(a & 0xffff0000u) * (double)as_float(b & 0xffff0000u);
    for (int shift = 0; shift < 32; shift += 8)
        s += (double)(int8_t)(a >> shift) * (double)(int8_t)(b >> shift);
    return s;
}

static void check_score(espy_near_kind kind, const uint32_t *a, const uint32_t *b, size_t words,
                        double got)
{
    double want = 0, size = 0;
    for (size_t w = 0; w < words; w++) {
        const double p = word_product(kind, a[w], b[w]);
        want += p;
        size += fabs(p);
    }
    if (kind == ESPY_NEAR_INT8) {
        /* the whole sum is exact; two products by scales are rounded */
        want *= (double)as_float(a[words]) * (double)as_float(b[words]);
        assert_true(fabs(got - want) <= 2 * FLT_EPSILON * fabs(want));
    } else {
        assert_true(fabs(got - want) <= 4 * (double)(words + 1) * FLT_EPSILON * size);
    }
}

/* Blocks of codes in a block of memory of just their size. */
static void check_tile(const espy_near *near, espy_near_kind kind, const uint32_t *rows,
                       size_t blocks, const uint32_t *queries, size_t nq, size_t words)
{
    const size_t stride = espy_near_stride(kind, words), n = blocks * ESPY_NEAR_ROWS;
    uint32_t *turned = malloc(n * stride * sizeof *turned);
    float *scores = malloc(n * nq * sizeof *scores), alone[ESPY_NEAR_ROWS];
    assert_non_null(turned);
    assert_non_null(scores);
    for (size_t r = 0; r < n; r++)
        for (size_t w = 0; w < stride; w++)
            turned[(r / ESPY_NEAR_ROWS * stride + w) * ESPY_NEAR_ROWS + r % ESPY_NEAR_ROWS] =
                rows[r * stride + w];
    near->tile(turned, blocks, queries, nq, words, scores);
    for (size_t q = 0; q < nq; q++)
        for (size_t r = 0; r < n; r++)
            check_score(kind, rows + r * stride, queries + q * stride, words,
                        (double)scores[q * n + r]);
    /* a score has the same bits whoever its neighbours are */
    near->tile(turned + (blocks - 1) * ESPY_NEAR_ROWS * stride, 1, queries + (nq - 1) * stride, 1,
               words, alone);
    assert_memory_equal(alone, scores + nq * n - ESPY_NEAR_ROWS, sizeof alone);
    free(turned);
    free(scores);
}

static void check_kind(const espy_near *near, const espy_near *plain, espy_near_kind kind,
                       espy_random *r, size_t words)
{
    const size_t stride = espy_near_stride(kind, words), rows_n = 3 * ESPY_NEAR_ROWS;
    uint32_t *rows = malloc(rows_n * stride * sizeof *rows);
    uint32_t *queries = malloc(NEAR_QUERIES * stride * sizeof *queries);
    assert_non_null(rows);
    assert_non_null(queries);
    for (size_t i = 0; i < rows_n; i++)
        code_fill(r, kind, words, rows + i * stride);
    for (size_t i = 0; i < NEAR_QUERIES; i++)
        code_fill(r, kind, words, queries + i * stride);
    for (size_t i = 0; i < rows_n; i++) {
        const uint32_t *a = rows + i * stride, *b = queries + i % NEAR_QUERIES * stride;
        check_score(kind, a, b, words, (double)near->one(a, b, words));
        assert_true(near->one(a, b, words) == near->one(b, a, words));
        if (kind == ESPY_NEAR_INT8)
            assert_true(fabsf(near->one(a, b, words) - plain->one(a, b, words)) <=
                        FLT_EPSILON * fabsf(plain->one(a, b, words)));
    }
    for (size_t blocks = 1; blocks <= 3; blocks++)
        check_tile(near, kind, rows, blocks, queries, NEAR_QUERIES, words);
    check_tile(near, kind, rows, 2, queries, 1, words);
    free(rows);
    free(queries);
}

static void test_against_double(void **state)
{
    (void)state;
    espy_near plain[ESPY_NEAR_KINDS];
    espy_random r;
    espy_near_init(plain, 0);
    espy_random_seed(&r, 4, 5);
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        espy_near near[ESPY_NEAR_KINDS];
        if ((levels[l] & espy_cpu_detect()) != levels[l]) {
            print_message("this CPU lacks level %zu\n", l);
            continue;
        }
        espy_near_init(near, levels[l]);
        for (size_t words = ESPY_NEAR_ALIGN; words <= NEAR_MOST_WORDS; words += ESPY_NEAR_ALIGN)
            for (int kind = 0; kind < ESPY_NEAR_KINDS; kind++)
                check_kind(&near[kind], &plain[kind], (espy_near_kind)kind, &r, words);
    }
}

/* The extremes: no sum of the int8 kernels leaves its type. */
static void test_no_overflow(void **state)
{
    (void)state;
    static uint32_t rows[ESPY_NEAR_ROWS * 65], query[65];
    const uint32_t most[] = {0x7f7f7f7f, 0x81818181}; /* 127 and -127 in every byte */
    float scores[ESPY_NEAR_ROWS];
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        espy_near near[ESPY_NEAR_KINDS];
        if ((levels[l] & espy_cpu_detect()) != levels[l])
            continue;
        espy_near_init(near, levels[l]);
        for (size_t sign = 0; sign < 4; sign++) {
            for (size_t i = 0; i < 64; i++)
                query[i] = most[sign / 2];
            for (size_t i = 0; i < ESPY_NEAR_ROWS * 64; i++)
                rows[i] = most[sign % 2];
            for (size_t i = 0; i < ESPY_NEAR_ROWS; i++)
                rows[ESPY_NEAR_ROWS * 64 + i] = as_bits(1);
            query[64] = as_bits(1);
            near[ESPY_NEAR_INT8].tile(rows, 1, query, 1, 64, scores);
            for (size_t i = 0; i < ESPY_NEAR_ROWS; i++)
                assert_true(scores[i] == (sign == 0 || sign == 3 ? 1.0f : -1.0f) * 256 * 127 * 127);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double),
        cmocka_unit_test(test_no_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
