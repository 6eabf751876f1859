/* SPDX-License-Identifier: Apache-2.0
 * kern: every level this CPU has against sums in double. */
#include "support/support.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kern/kern.h"

#define KERN_LENGTHS 300

static const struct {
    const char *name;
    unsigned cpu;
} levels[] = {{"none", 0},
              {"avx2", ESPY_CPU_AVX2},
              {"avx512", ESPY_CPU_AVX512},
              {"all", ESPY_CPU_AVX2 | ESPY_CPU_AVX512}};

/* n numbers of mixed size, `shift` floats behind an aligned address, in a block that ends with
 * them, so that a sanitizer sees any read or write beyond. */
static float *numbers(espy_random *r, size_t n, size_t shift, float **block)
{
    *block = malloc((n + shift) * sizeof **block + 1);
    assert_non_null(*block);
    float *p = *block + shift;
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(espy_random_normal(r) * pow(10, espy_random_unit(r) * 4 - 2));
    return p;
}

static void check_dot(const espy_kern *k, espy_random *r, size_t n, size_t shift)
{
    float *block_a, *block_b;
    const float *a = numbers(r, n, shift, &block_a), *b = numbers(r, n, shift / 2, &block_b);
    double want = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        want += (double)a[i] * b[i];
        size += fabs((double)a[i] * b[i]);
    }
    double off = fabs((double)k->dot(a, b, n) - want);
    assert_true(off <= 2 * (double)n * FLT_EPSILON * size);
    assert_true(k->dot(a, b, n) == k->dot(a, b, n));
    assert_true(fabs(k->dot_double(a, b, n) - want) <= 2 * (double)n * DBL_EPSILON * size);
    assert_true(k->dot_double(a, b, n) == k->dot_double(b, a, n));
    free(block_a);
    free(block_b);
}

static void check_axpy(const espy_kern *k, espy_random *r, size_t n, size_t shift)
{
    float *block_x, *block_y, s = (float)espy_random_normal(r);
    const float *x = numbers(r, n, shift, &block_x);
    float *y = numbers(r, n, shift / 2, &block_y), *old = malloc(n * sizeof *old + 1);
    assert_non_null(old);
    memcpy(old, y, n * sizeof *old);
    k->axpy(s, x, y, n);
    for (size_t i = 0; i < n; i++) {
        double want = (double)s * x[i] + old[i];
        assert_true(fabs((double)y[i] - want) <=
                    2 * FLT_EPSILON * (fabs((double)s * x[i]) + fabs((double)old[i])));
    }
    free(old);
    free(block_x);
    free(block_y);
}

static void check_reach(const espy_kern *k, espy_random *r, size_t n, size_t shift)
{
    float *block, *x = numbers(r, n, shift, &block);
    uint32_t *at = malloc(n * sizeof *at + 1);
    assert_non_null(at);
    for (size_t i = 0; i < n; i += 7)
        x[i] = i % 2 ? NAN : 0.5f;
    for (int limit = -1; limit <= 1; limit++) {
        const float least = limit < 0 ? -INFINITY : limit ? 0.5f : 1e9f;
        size_t found = k->reach(x, n, least, at), seen = 0;
        for (size_t i = 0; i < n; i++)
            if (x[i] >= least)
                assert_true(seen < found && at[seen++] == i);
        assert_int_equal(seen, found);
    }
    free(at);
    free(block);
}

static void test_against_double(void **state)
{
    (void)state;
    unsigned have = espy_cpu_detect();
    espy_random r;
    espy_random_seed(&r, 1, 2);
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        espy_kern k;
        if ((levels[l].cpu & have) != levels[l].cpu) {
            print_message("this CPU lacks %s\n", levels[l].name);
            continue;
        }
        espy_kern_init(&k, levels[l].cpu);
        for (size_t n = 0; n < KERN_LENGTHS; n++)
            for (size_t shift = 0; shift < 4; shift++) {
                check_dot(&k, &r, n, shift);
                check_axpy(&k, &r, n, shift);
                check_reach(&k, &r, n, shift);
            }
        check_dot(&k, &r, 100003, 1);
        check_axpy(&k, &r, 100003, 1);
    }
}

/* No entry stays empty and nothing is lost on the way: a 1 at every place is found. */
static void test_every_place_counts(void **state)
{
    (void)state;
    unsigned have = espy_cpu_detect();
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
        espy_kern k;
        float one[200] = {0}, many[200], sum[200];
        if ((levels[l].cpu & have) != levels[l].cpu)
            continue;
        espy_kern_init(&k, levels[l].cpu);
        for (size_t i = 0; i < 200; i++)
            many[i] = (float)(i + 1);
        for (size_t i = 0; i < 200; i++) {
            one[i] = 1;
            assert_true(k.dot(one, many, 200) == (float)(i + 1));
            assert_true(k.dot(one, many, i) == 0);
            assert_true(k.dot_double(one, many, 200) == (double)(i + 1));
            assert_true(k.dot_double(one, many, i) == 0);
            memset(sum, 0, sizeof sum);
            k.axpy(2, one, sum, 200);
            for (size_t j = 0; j < 200; j++)
                assert_true(sum[j] == (j == i ? 2 : 0));
            one[i] = 0;
        }
    }
}

static void test_mask(void **state)
{
    (void)state;
    assert_int_equal(setenv("ESPY_CPU", "none", 1), 0);
    assert_int_equal(espy_cpu_detect(), 0);
    assert_int_equal(setenv("ESPY_CPU", "avx2", 1), 0);
    unsigned avx2 = espy_cpu_detect();
    assert_int_equal(avx2 & ~(unsigned)ESPY_CPU_AVX2, 0);
    assert_int_equal(setenv("ESPY_CPU", "avx512", 1), 0);
    unsigned most = espy_cpu_detect();
    assert_int_equal(unsetenv("ESPY_CPU"), 0);
    assert_int_equal(espy_cpu_detect(), most);
    assert_int_equal(most & ESPY_CPU_AVX2, avx2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_double),
        cmocka_unit_test(test_every_place_counts),
        cmocka_unit_test(test_mask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
