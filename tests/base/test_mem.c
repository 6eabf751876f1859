/* SPDX-License-Identifier: Apache-2.0
 * base/mem: sizes that overflow, the growing buffer, failing allocations. */
#include "support/support.h"

#include <string.h>

static void test_sizes(void **state)
{
    (void)state;
    size_t v = 7;
    assert_true(espy_mul_size(0, SIZE_MAX, &v) && v == 0);
    assert_true(espy_mul_size(SIZE_MAX, 1, &v) && v == SIZE_MAX);
    assert_false(espy_mul_size(SIZE_MAX / 2 + 1, 2, &v));
    assert_int_equal(v, SIZE_MAX); /* not written */
    assert_true(espy_add_size(SIZE_MAX - 1, 1, &v) && v == SIZE_MAX);
    assert_false(espy_add_size(SIZE_MAX, 1, &v));
}

static void test_overflow_is_limit(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    assert_null(espy_array(&cx, SIZE_MAX / 2, 3));
    assert_int_equal(cx.code, ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_null(espy_floats(&cx, SIZE_MAX / 3));
    assert_int_equal(cx.code, ESPY_E_LIMIT);
    espy_clear(&cx);
    char *p = espy_strdup(&cx, "kept");
    assert_null(espy_resize(&cx, p, SIZE_MAX / 2, 3));
    assert_int_equal(cx.code, ESPY_E_LIMIT);
    assert_string_equal(p, "kept");
    espy_free(&cx, p);
    espy_free(&cx, NULL);
    assert_int_equal(m.live, 0);
}

static void test_what_is_allocated(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    void *none = espy_alloc(&cx, 0);
    assert_non_null(none);
    espy_free(&cx, none);
    uint8_t *z = espy_array(&cx, 333, 3);
    for (size_t i = 0; i < 999; i++)
        assert_int_equal(z[i], 0);
    espy_free(&cx, z);
    for (size_t n = 0; n < 40; n++) {
        float *f = espy_floats(&cx, n);
        assert_int_equal((uintptr_t)f % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_true(f[i] == 0);
        espy_free(&cx, f);
    }
    char *s = espy_strndup(&cx, "abcdef", 3), *t = espy_strndup(&cx, "ab", 10);
    assert_string_equal(s, "abc");
    assert_string_equal(t, "ab");
    espy_free(&cx, s);
    espy_free(&cx, t);
    s = espy_sprintf(&cx, "%s-%05d", "x", 42);
    assert_string_equal(s, "x-00042");
    espy_free(&cx, s);
    assert_int_equal(m.live, 0);
}

/* Blocks beyond two large pages are advised to use them, wherever they lie. */
static void test_large_blocks(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    const size_t n = ((size_t)9 << 20) + 17;
    uint8_t *p = espy_zalloc(&cx, n);
    p[0] = 1;
    p[n - 1] = 2;
    p = espy_resize(&cx, p, 2 * n, 1);
    assert_int_equal(p[0], 1);
    assert_int_equal(p[n - 1], 2);
    memset(p, 3, 2 * n);
    espy_free(&cx, p);
}

static void test_buffer_grows(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 100000);
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(espy_buf_printf(&cx, &b, "%03zu", i), ESPY_E_OK);
        assert_int_equal(espy_buf_text(&cx, &b, ","), ESPY_E_OK);
        assert_int_equal(b.size, 4 * (i + 1));
        assert_int_equal(b.data[b.size], 0);
    }
    assert_memory_equal(b.data, "000,001,002,", 12);
    assert_memory_equal(b.data + 3996, "999,", 4);
    assert_int_equal(espy_buf_append(&cx, &b, NULL, 0), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_int_equal(b.max, 100000);
    assert_int_equal(m.live, 0);
}

static void test_buffer_limit(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 8);
    assert_int_equal(espy_buf_text(&cx, &b, "12345678"), ESPY_E_OK); /* exactly the maximum */
    assert_int_equal(espy_buf_text(&cx, &b, "9"), ESPY_E_LIMIT);
    assert_null(b.data);
    assert_int_equal(b.size, 0);
    assert_int_equal(m.live, 0);
    espy_clear(&cx);
    assert_int_equal(espy_buf_printf(&cx, &b, "%09d", 1), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_buf_text(&cx, &b, "x"), ESPY_E_OK);
    assert_int_equal(espy_buf_append(&cx, &b, "x", SIZE_MAX), ESPY_E_LIMIT); /* sum overflows */
    espy_clear(&cx);
    espy_buf_init(&b, SIZE_MAX);
    assert_int_equal(espy_buf_append(&cx, &b, "x", SIZE_MAX), ESPY_E_LIMIT); /* no room for zero */
    assert_int_equal(m.live, 0);
}

static espy_err fill(espy_ctx *cx, espy_buf *b)
{
    espy_buf_init(b, 100000);
    for (int i = 0; i < 300; i++)
        ESPY_TRY(espy_buf_printf(cx, b, "line %d\n", i));
    return ESPY_E_OK;
}

static espy_err one_text(espy_ctx *cx, char **out)
{
    *out = espy_sprintf(cx, "%d", 1);
    return *out ? ESPY_E_OK : cx->code;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    char *s;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, fill(&cx, &b), espy_buf_free(&cx, &b));
    TEST_FAULT_LOOP(&cx, &m, one_text(&cx, &s), espy_free(&cx, s));
    s = espy_strdup(&cx, "kept");
    m.countdown = 1;
    assert_null(espy_resize(&cx, s, 1000, 1));
    assert_string_equal(s, "kept");
    espy_free(&cx, s);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_overflow_is_limit),
        cmocka_unit_test(test_what_is_allocated),
        cmocka_unit_test(test_large_blocks),
        cmocka_unit_test(test_buffer_grows),
        cmocka_unit_test(test_buffer_limit),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
