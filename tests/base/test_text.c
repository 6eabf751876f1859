/* SPDX-License-Identifier: Apache-2.0
 * base/text: numbers from outside, UTF-8, time. */
#include "support/support.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void test_int(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } t[] = {
        {"0", true, 0},
        {"-7", true, -7},
        {"+7", true, 7},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+-1", false, 0},
        {"1-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
        {"\xef\xbc\x91", false, 0}, /* a full-width 1 */
        {NULL, false, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        int64_t v = 123;
        assert_int_equal(espy_parse_int(t[i].text, INT64_MIN, INT64_MAX, &v), t[i].good);
        assert_true(v == (t[i].good ? t[i].value : 123));
    }
    int64_t v = 0;
    assert_true(espy_parse_int("5", 5, 5, &v));
    assert_false(espy_parse_int("4", 5, 5, &v));
    assert_false(espy_parse_int("6", 5, 5, &v));
}

static void check_real(void)
{
    static const struct {
        const char *text;
        bool good;
        double value;
    } t[] = {
        {"0.5", true, 0.5},    {".5", true, 0.5},   {"5.", true, 5},     {"-1e-3", true, -1e-3},
        {"1E3", true, 1000},   {"1e-400", true, 0}, {"1e400", false, 0}, {"", false, 0},
        {".", false, 0},       {"e", false, 0},     {"-", false, 0},     {"1e", false, 0},
        {"nan", false, 0},     {"inf", false, 0},   {"0x1p3", false, 0}, {"0,5", false, 0},
        {" 1", false, 0},      {"1 ", false, 0},    {"1.2.3", false, 0}, {NULL, false, 0},
        {"1.5e+2", true, 150}, {"1_000", false, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double v = 123;
        assert_int_equal(espy_parse_real(t[i].text, -1e300, 1e300, &v), t[i].good);
        assert_true(v == (t[i].good ? t[i].value : 123));
    }
    double v = 0;
    assert_true(espy_parse_real("0.7", 0, 1, &v));
    assert_false(espy_parse_real("1.0001", 0, 1, &v));
    assert_false(espy_parse_real("-0.0001", 0, 1, &v));
}

static void test_real(void **state)
{
    (void)state;
    check_real();
}

static void test_real_in_another_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_ALL, "de_DE.UTF-8") && !setlocale(LC_ALL, "de_DE.utf8") &&
        !setlocale(LC_ALL, "fr_FR.UTF-8")) {
        print_message("no locale with a decimal comma is installed\n");
        skip();
    }
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5);
    check_real();
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "0,5"); /* the locale was a real test */
}

static void test_case(void **state)
{
    (void)state;
    assert_true(espy_ends_with_nocase("a.JPG", ".jpg"));
    assert_true(espy_ends_with_nocase(".jpg", ".jpg"));
    assert_false(espy_ends_with_nocase("jpg", ".jpg"));
    assert_false(espy_ends_with_nocase("a.jpg.txt", ".jpg"));
    assert_true(espy_equal_nocase("SVM", "svm"));
    assert_false(espy_equal_nocase("svm", "svmx"));
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        size_t length;
    } t[] = {
        {"", true, 0},
        {"plain", true, 5},
        {"J\xc3\xbcrgen", true, 6},
        {"\xe2\x82\xac", true, 1},
        {"\xf0\x9f\x98\x80", true, 1},
        {"\xc2\x80", true, 1},
        {"\xdf\xbf", true, 1},
        {"\xe0\xa0\x80", true, 1},
        {"\xed\x9f\xbf", true, 1}, /* U+D7FF, the last before the surrogates */
        {"\xee\x80\x80", true, 1}, /* U+E000, the first behind them */
        {"\xef\xbf\xbf", true, 1},
        {"\xf0\x90\x80\x80", true, 1},
        {"\xf4\x8f\xbf\xbf", true, 1}, /* U+10FFFF */
        {"\x80", false, 0},
        {"\xbf", false, 0},
        {"\xc0\x80", false, 0}, /* overlong */
        {"\xc1\xbf", false, 0},
        {"\xe0\x9f\xbf", false, 0},
        {"\xf0\x8f\xbf\xbf", false, 0},
        {"\xed\xa0\x80", false, 0}, /* surrogates */
        {"\xed\xbf\xbf", false, 0},
        {"\xf4\x90\x80\x80", false, 0}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", false, 0},
        {"\xff", false, 0},
        {"\xfe", false, 0},
        {"\xc3", false, 0}, /* cut off */
        {"\xe2\x82", false, 0},
        {"\xf0\x9f\x98", false, 0},
        {"\xc3(", false, 0},
        {"\xe2(\xa1", false, 0},
        {"\xe2\x82(", false, 0},
        {"\xf0\x9f\x98(", false, 0},
        {"a\xc3\xbc\xff", false, 0},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_int_equal(espy_utf8_valid(t[i].text, strlen(t[i].text)), t[i].good);
        if (t[i].good)
            assert_int_equal(espy_utf8_length(t[i].text), t[i].length);
    }
    assert_true(espy_utf8_valid("a\0b", 3));
}

static void test_time(void **state)
{
    (void)state;
    char text[32];
    espy_time_iso(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    espy_time_iso(951782399.9, text);
    assert_string_equal(text, "2000-02-28T23:59:59Z");
    espy_time_iso(951782400, text);
    assert_string_equal(text, "2000-02-29T00:00:00Z");
    espy_time_iso(-0.5, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    espy_time_local(1e9, text);
    assert_int_equal(strlen(text), 19);
    espy_time_stamp(1e9, text);
    assert_int_equal(strlen(text), 15);
    assert_true(espy_time_now() > 1.6e9);
    double t = espy_time_monotonic();
    assert_true(espy_time_monotonic() >= t);
}

static void test_shown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } t[] = {
        {"", ""},
        {"J\xc3\xbcrgen", "J\xc3\xbcrgen"},
        {"a\nb\x7f", "a\\x0ab\\x7f"},
        {"J\xc3\xbc\xff", "J\\xc3\\xbc\\xff"},
    };
    char out[64], small[8];
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_string_equal(espy_text_shown(t[i].text, out, sizeof out), t[i].shown);
    assert_string_equal(espy_text_shown("\n\n\n", small, sizeof small), "\\x0a");
    assert_string_equal(espy_text_shown("ab\xc3\xbc", small, sizeof small), "ab");
    assert_string_equal(espy_text_shown("a\xe2\x82\xac...", small, sizeof small), "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_real),
        cmocka_unit_test(test_real_in_another_locale),
        cmocka_unit_test(test_case),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_shown),
        cmocka_unit_test(test_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
