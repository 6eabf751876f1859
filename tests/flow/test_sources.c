/* SPDX-License-Identifier: Apache-2.0
 * The table of sources, and the CSV reader under it. */
#include <stdio.h>
#include <string.h>

#include "artifact/csv.h"
#include "base/file.h"
#include "flow/sources.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

static const char *path_of(const char *text)
{
    const char *path = test_path("sources.csv", "");
    if (espy_file_write(&cx, path, text, strlen(text)) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    return path;
}

static void expect(const espy_sources *s, const char *path, bool by_table, const char *want)
{
    char *got = NULL;
    bool told = !by_table;
    assert_int_equal(espy_sources_find(&cx, s, path, &told, &got), ESPY_E_OK);
    assert_string_equal(got, want);
    assert_true(told == by_table);
    espy_free(&cx, got);
}

static void test_table(void **state)
{
    (void)state;
    espy_sources s;
    const char *path = path_of("\xef\xbb\xbf"
                               "note,file,source\r\n"
                               "x,dog/a.wav,\"tape 1, side \"\"A\"\"\"\r\n"
                               "\"two\nlines\",dog/b.wav,tape 2\r\n"
                               "\r\n"
                               "x,b.wav,any b\r\n"
                               "x,dog/d.wav,");
    assert_int_equal(espy_sources_read(&cx, path, &s), ESPY_E_OK);
    assert_int_equal(s.n, 3);
    expect(&s, "/data/dog/a.wav", true, "tape 1, side \"A\"");
    expect(&s, "dog/b.wav", true, "tape 2");
    expect(&s, "/data/cat/b.wav", true, "any b");
    expect(&s, "/data/dog/c.wav", false, "dog/c");
    expect(&s, "/data/dog/d.wav", false, "dog/d");           /* its cell is empty */
    expect(&s, "/data/dog/1-100032-A.ogg", false, "100032"); /* its name tells */
    expect(NULL, "102871-8-0-1.wav", false, "102871");
    espy_sources_free(&cx, &s);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "file,source\n",
                                        "name,source\na,b\n",
                                        "file,source\na\n",
                                        "file,source\n\"a,b\n",
                                        "file,source\na,b\na,c\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        espy_sources s;
        assert_int_equal(espy_sources_read(&cx, path_of(texts[i]), &s), ESPY_E_FORMAT);
        assert_non_null(strstr(cx.text, "sources.csv"));
        espy_clear(&cx);
    }
    espy_sources s;
    assert_int_equal(espy_sources_read(&cx, test_path("absent.csv", ""), &s), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
}

static espy_err count(espy_ctx *c, void *self, size_t line, char *const *cells, size_t n)
{
    (void)c;
    size_t *sum = self;
    sum[0]++;
    for (size_t i = 0; i < n; i++)
        sum[1] += strlen(cells[i]);
    sum[2] = line;
    return ESPY_E_OK;
}

/* What the writer writes comes back, whatever the cells hold. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const cells[] = {"plain", "",           " edge ",   "a,b",
                                        "\"",    "two\nlines", "\r\n,\"\""};
    espy_buf b;
    size_t sum[3] = {0}, want = 0;
    espy_buf_init(&b, 1 << 16);
    for (int i = 0; i < 3; i++)
        assert_int_equal(espy_csv_row(&cx, &b, cells, 7), ESPY_E_OK);
    for (size_t i = 0; i < 7; i++)
        want += 3 * strlen(cells[i]);
    assert_int_equal(espy_csv_read(&cx, &b, count, sum), ESPY_E_OK);
    assert_int_equal(sum[0], 3);
    assert_int_equal(sum[1], want);
    assert_int_equal(sum[2], 7); /* each row takes three lines */
    espy_buf_free(&cx, &b);
}

static void test_memory_fails(void **state)
{
    (void)state;
    const char *path = path_of("file,source\na,1\nb,2\n");
    espy_sources s = {0};
    TEST_FAULT_LOOP(&cx, &memory, espy_sources_read(&cx, path, &s), espy_sources_free(&cx, &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_memory_fails)};
    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
