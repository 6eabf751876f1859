/* SPDX-License-Identifier: Apache-2.0
 * base/json: what is read, what is refused and how, and what is written. */
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "base/json.h"

static espy_json *parse(espy_ctx *cx, const char *text)
{
    espy_json *v = NULL;
    if (espy_json_parse(cx, text, strlen(text), &v) != ESPY_E_OK)
        fail_msg("%s: %s", text, cx->text);
    return v;
}

static void prints(espy_ctx *cx, espy_json *take, const char *want)
{
    espy_buf b;
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_json_print(cx, take, 0, &b), ESPY_E_OK);
    assert_string_equal((const char *)b.data, want);
    espy_buf_free(cx, &b);
    espy_json_free(take);
}

static void test_getters(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_json *v = parse(&cx, "{\"s\":\"t\",\"i\":-5,\"r\":2.5,\"b\":true,\"n\":null,"
                              "\"a\":[1,\"x\"],\"o\":{\"k\":1}}");
    assert_true(espy_json_is_object(v));
    assert_int_equal(espy_json_count(v), 7);
    assert_string_equal(espy_json_string(espy_json_get(v, "s"), "-"), "t");
    assert_string_equal(espy_json_string(espy_json_get(v, "i"), "-"), "-");
    assert_string_equal(espy_json_string(espy_json_get(v, "absent"), "-"), "-");
    assert_int_equal(espy_json_int(espy_json_get(v, "i"), 9), -5);
    assert_int_equal(espy_json_int(espy_json_get(v, "r"), 9), 9);
    assert_true(espy_json_number(espy_json_get(v, "r"), 9) == 2.5);
    assert_true(espy_json_number(espy_json_get(v, "i"), 9) == -5);
    assert_true(espy_json_number(espy_json_get(v, "s"), 9) == 9);
    assert_true(espy_json_bool(espy_json_get(v, "b"), false));
    assert_true(espy_json_bool(espy_json_get(v, "i"), true));
    assert_true(espy_json_is_int(espy_json_get(v, "i")));
    assert_false(espy_json_is_int(espy_json_get(v, "r")));
    assert_true(espy_json_is_number(espy_json_get(v, "i")));
    const espy_json *a = espy_json_get(v, "a");
    assert_true(espy_json_is_array(a));
    assert_int_equal(espy_json_count(a), 2);
    assert_string_equal(espy_json_string(espy_json_at(a, 1), "-"), "x");
    assert_null(espy_json_at(a, 2));
    assert_null(espy_json_at(v, 0));
    assert_null(espy_json_get(a, "k"));
    assert_null(espy_json_get(NULL, "k"));
    assert_int_equal(espy_json_count(NULL), 0);
    assert_int_equal(espy_json_count(espy_json_get(v, "s")), 0);
    espy_json_free(v);
    espy_json_free(NULL);
}

static void test_order(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_json *v = parse(&cx, "{\"z\":0,\"a\":1,\"m\":2,\"b\":3}");
    static const char *const want[] = {"z", "a", "m", "b"};
    void *it = NULL;
    const char *key;
    const espy_json *value;
    int64_t n = 0;
    for (; espy_json_next(v, &it, &key, &value); n++) {
        assert_string_equal(key, want[n]);
        assert_int_equal(espy_json_int(value, -1), n);
    }
    assert_int_equal(n, 4);
    prints(&cx, v, "{\"z\":0,\"a\":1,\"m\":2,\"b\":3}");
    v = espy_json_array();
    it = NULL;
    assert_false(espy_json_next(v, &it, &key, &value));
    espy_json_free(v);
}

/* The failure names the key and says what was wanted. */
static void needs(espy_ctx *cx, espy_err e, const char *key, const char *more)
{
    assert_int_equal(e, ESPY_E_FORMAT);
    assert_non_null(strstr(cx->text, key));
    assert_non_null(strstr(cx->text, more));
    espy_clear(cx);
}

static void test_required(void **state)
{
    (void)state;
    espy_ctx cx;
    const char *s;
    int64_t i;
    double d;
    espy_ctx_init(&cx);
    espy_json *v = parse(&cx, "{\"s\":\"t\",\"i\":5,\"r\":2.5}");
    assert_int_equal(espy_json_need_string(&cx, v, "s", &s), ESPY_E_OK);
    assert_string_equal(s, "t");
    assert_int_equal(espy_json_need_int(&cx, v, "i", 5, 5, &i), ESPY_E_OK);
    assert_int_equal(i, 5);
    assert_int_equal(espy_json_need_number(&cx, v, "i", 0, 5, &d), ESPY_E_OK);
    assert_true(d == 5);
    needs(&cx, espy_json_need_string(&cx, v, "gone", &s), "\"gone\"", "missing");
    needs(&cx, espy_json_need_string(&cx, v, "i", &s), "\"i\"", "must be a text");
    needs(&cx, espy_json_need_int(&cx, v, "i", 6, 9, &i), "\"i\"", "from 6 to 9");
    needs(&cx, espy_json_need_int(&cx, v, "r", 0, 9, &i), "\"r\"", "whole number");
    needs(&cx, espy_json_need_int(&cx, v, "gone", 0, 9, &i), "\"gone\"", "missing");
    needs(&cx, espy_json_need_number(&cx, v, "r", 3, 4, &d), "\"r\"", "from 3 to 4");
    needs(&cx, espy_json_need_number(&cx, v, "s", 3, 4, &d), "\"s\"", "must be a number");
    needs(&cx, espy_json_need_number(&cx, NULL, "x", 3, 4, &d), "\"x\"", "missing");
    espy_json_free(v);
}

static void test_numbers(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    prints(&cx, espy_json_of_number(NAN), "null");
    prints(&cx, espy_json_of_number(INFINITY), "null");
    prints(&cx, espy_json_of_float(NAN), "null");
    prints(&cx, espy_json_of_float(-INFINITY), "null");
    prints(&cx, espy_json_of_float(0.1f), "0.1");
    prints(&cx, espy_json_of_float(-0.70f), "-0.7");
    prints(&cx, espy_json_of_number(0.1), "0.1");
    prints(&cx, espy_json_of_number(0.7), "0.7");
    prints(&cx, espy_json_of_number(1.0), "1.0");
    prints(&cx, espy_json_of_int(INT64_MIN), "-9223372036854775808");
    prints(&cx, espy_json_of_bool(true), "true");
    prints(&cx, espy_json_null_value(), "null");
    /* every float comes back the same */
    float f = 1.17549435e-38f;
    for (int i = 0; i < 2000; i++, f *= 1.0887f) {
        espy_buf b;
        espy_json *v = espy_json_of_float(f), *again;
        espy_buf_init(&b, 100);
        assert_int_equal(espy_json_print(&cx, v, 0, &b), ESPY_E_OK);
        again = parse(&cx, (const char *)b.data);
        if (isfinite(f))
            assert_true((float)espy_json_number(again, 0) == f);
        espy_json_free(v);
        espy_json_free(again);
        espy_buf_free(&cx, &b);
    }
}

/* Whatever bytes a file name holds, what is printed is JSON and UTF-8. */
static void test_texts(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    prints(&cx, espy_json_of_string(NULL), "null");
    prints(&cx, espy_json_of_string("J\xc3\xbcrgen \"x\"\n\\"),
           "\"J\xc3\xbcrgen \\\"x\\\"\\n\\\\\"");
    prints(&cx, espy_json_of_string("a\xff\xfe.jpg"), "\"a??.jpg\"");
    prints(&cx, espy_json_of_string("\x01\x1f\x7f"), "\"\\u0001\\u001F\x7f\"");
    uint32_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        char s[12];
        espy_buf b;
        for (size_t i = 0; i < sizeof s; i++) {
            seed = seed * 1664525u + 1013904223u;
            s[i] = (char)(seed >> 24);
        }
        s[sizeof s - 1] = '\0';
        espy_buf_init(&b, 1000);
        espy_json *v = espy_json_of_string(s);
        assert_int_equal(espy_json_print(&cx, v, 0, &b), ESPY_E_OK);
        espy_json_free(v);
        v = parse(&cx, (const char *)b.data); /* jansson refuses what is not UTF-8 */
        espy_json_free(v);
        espy_buf_free(&cx, &b);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       "{",        "}",           "[1,]",        "{\"a\":1,}", "{\"a\":1,\"a\":2}",
        "{a:1}",  "nul",      "1 2",         "[1] x",       "'a'",        "\"\xff\"",
        "\"\n\"", "[1e9999]", "\"\\ud800\"", "\"\\u0000\"", "01",         "99999999999999999999",
        "NaN",    "{\"a\"}",  "\"a",         "[-]",
    };
    espy_ctx cx;
    espy_json *v = NULL;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (espy_json_parse(&cx, bad[i], strlen(bad[i]), &v) != ESPY_E_FORMAT)
            fail_msg("taken: %s", bad[i]);
        assert_null(v);
        assert_non_null(strstr(cx.text, "line"));
        espy_clear(&cx);
    }
    assert_int_equal(espy_json_parse(&cx, NULL, 0, &v), ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_json_parse(&cx, "1\0", 2, &v), ESPY_E_FORMAT);
    espy_clear(&cx);
    /* a hundred thousand brackets must not use up the stack */
    const size_t deep = 100000;
    char *text = espy_alloc(&cx, deep);
    memset(text, '[', deep);
    assert_int_equal(espy_json_parse(&cx, text, deep, &v), ESPY_E_FORMAT);
    espy_clear(&cx);
    for (size_t i = 0; i + 5 <= deep; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    assert_int_equal(espy_json_parse(&cx, text, deep, &v), ESPY_E_FORMAT);
    espy_free(&cx, text);
}

static void test_building(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_json *o = espy_json_object(), *a = espy_json_array();
    assert_int_equal(espy_json_append(&cx, a, espy_json_of_int(1)), ESPY_E_OK);
    assert_int_equal(espy_json_set(&cx, o, "first", a), ESPY_E_OK);
    assert_int_equal(espy_json_set(&cx, o, "again", espy_json_ref(a)), ESPY_E_OK);
    assert_int_equal(espy_json_set(&cx, o, "first", espy_json_of_int(2)), ESPY_E_OK);
    assert_int_equal(espy_json_set(&cx, o, "x", NULL), ESPY_E_NOMEM);
    espy_clear(&cx);
    assert_int_equal(espy_json_set(&cx, NULL, "x", espy_json_of_int(1)), ESPY_E_NOMEM);
    espy_clear(&cx);
    assert_int_equal(espy_json_append(&cx, NULL, espy_json_of_int(1)), ESPY_E_NOMEM);
    espy_clear(&cx);
    prints(&cx, o, "{\"first\":2,\"again\":[1]}");
}

static void test_print_limit(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_json *v = parse(&cx, "[1,2,3,4,5,6,7,8,9]");
    espy_buf_init(&b, 5);
    assert_int_equal(espy_json_print(&cx, v, 0, &b), ESPY_E_LIMIT);
    assert_null(b.data);
    espy_clear(&cx);
    m.countdown = 1;
    espy_buf_init(&b, 500);
    assert_int_equal(espy_json_print(&cx, v, 2, &b), ESPY_E_NOMEM);
    assert_int_equal(m.live, 0);
    espy_json_free(v);
}

static void test_files(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_json *again = NULL;
    test_memory_init(&cx, &m);
    espy_json *v = parse(&cx, "{\"a\":[0.25,\"\xc3\xa9\"]}");
    char *path = espy_path_join(&cx, test_folder(), "v.json");
    TEST_FAULT_LOOP(&cx, &m, espy_json_save(&cx, v, path), (void)0);
    assert_int_equal(espy_json_load(&cx, path, 1000, &again), ESPY_E_OK);
    assert_true(espy_json_number(espy_json_at(espy_json_get(again, "a"), 0), 0) == 0.25);
    espy_json_free(again);
    espy_json_free(v);
    again = NULL;
    assert_int_equal(espy_json_load(&cx, path, 5, &again), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_file_write(&cx, path, "{\"a\":\n!", 7), ESPY_E_OK);
    assert_int_equal(espy_json_load(&cx, path, 1000, &again), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "v.json"));
    assert_non_null(strstr(cx.text, "line 2"));
    assert_null(again);
    espy_free(&cx, path);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_getters),  cmocka_unit_test(test_order),
        cmocka_unit_test(test_required), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),    cmocka_unit_test(test_refused),
        cmocka_unit_test(test_building), cmocka_unit_test(test_print_limit),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
