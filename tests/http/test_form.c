/* SPDX-License-Identifier: Apache-2.0
 * http/form: query strings and urlencoded bodies. */
#include "support/support.h"

#include <string.h>

#include "http/form.h"

static void test_fields(void **state)
{
    (void)state;
    static const char text[] =
        "a=1&b=two+words&&c=%C3%A4%26%3d&flag&=none&a=2&e=&x=y=z&%41+=%2B&h=%E2%82%AC&";
    static const char *const want[][2] = {
        {"a", "1"}, {"b", "two words"}, {"c", "\u00e4&="}, {"flag", ""}, {"", "none"},
        {"a", "2"}, {"e", ""},          {"x", "y=z"},      {"A ", "+"},  {"h", "\u20ac"}};
    espy_ctx cx;
    test_memory m;
    espy_form f;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, espy_form_parse(&cx, text, sizeof text - 1, &f),
                    espy_form_free(&cx, &f));
    assert_int_equal(espy_form_parse(&cx, text, sizeof text - 1, &f), ESPY_E_OK);
    assert_int_equal(f.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < f.n; i++) {
        assert_string_equal(f.at[i].name, want[i][0]);
        assert_string_equal(f.at[i].value, want[i][1]);
    }
    espy_form_free(&cx, &f);
    assert_int_equal(espy_form_parse(&cx, NULL, 0, &f), ESPY_E_OK);
    assert_int_equal(f.n, 0);
    espy_form_free(&cx, &f);
    assert_int_equal(m.live, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"a=%",   "a=%4",        "a=%4g",    "a=%g4",
                                      "%=1",   "a=%00",       "a=%FF",    "a=\xff",
                                      "a=%C3", "a=%ED%A0%80", "a=1&b=%2", "%C0%80=1"};
    espy_ctx cx;
    espy_form f = {0};
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(espy_form_parse(&cx, bad[i], strlen(bad[i]), &f), ESPY_E_FORMAT);
        assert_non_null(strstr(cx.text, i == 10 ? "field 2" : "field 1"));
        assert_null(f.at);
        espy_clear(&cx);
    }
    assert_int_equal(espy_form_parse(&cx, "a=1\0b", 5, &f), ESPY_E_FORMAT);
    espy_clear(&cx);
    char many[2 * ESPY_FORM_FIELDS + 2];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? '&' : 'a';
    assert_int_equal(espy_form_parse(&cx, many, sizeof many, &f), ESPY_E_LIMIT);
    espy_clear(&cx);
    assert_int_equal(espy_form_parse(&cx, many, sizeof many - 2, &f), ESPY_E_OK);
    assert_int_equal(f.n, ESPY_FORM_FIELDS);
    espy_form_free(&cx, &f);
}

static void test_segment(void **state)
{
    (void)state;
    char out[32];
    size_t n;
    assert_true(espy_percent_decode("a%2Fb+c", 7, false, out, &n));
    assert_string_equal(out, "a/b+c");
    assert_int_equal(n, 5);
    assert_true(espy_percent_decode("", 0, false, out, &n));
    assert_int_equal(n, 0);
    assert_false(espy_percent_decode("a%2Fb", 3, false, out, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
