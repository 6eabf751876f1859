/* SPDX-License-Identifier: Apache-2.0
 * artifact/sheet_xlsx: what is refused, and the same bytes twice.  With a path writes a table there
 * for check_xlsx.py. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/sheet_xlsx.h"

static const char *const xlsx_header[] = {"code", "name", "score"};
static const espy_xlsx_cell xlsx_cells[] = {
    {"STU001", 0},   {"J\u00fcrgen <& \"\u20ac\">", 0},
    {NULL, 0.1},     {"=1+1", 0},
    {"", 0},         {NULL, -1e-300},
    {"007", 0},      {"two\nlines\x01", 0},
    {NULL, NAN},     {"-3", 0},
    {" blanks ", 0}, {NULL, 12345678901},
};
static const espy_xlsx_table xlsx_table = {"attendance 2024-01", xlsx_header, 3, 4,
                                           xlsx_cells,           1700000000};

static espy_err xlsx_write(espy_ctx *cx, const espy_xlsx_table *t, size_t max, espy_buf *out)
{
    espy_buf_init(out, max);
    return espy_xlsx_write(cx, t, out);
}

static void test_same(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf a, b;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, xlsx_write(&cx, &xlsx_table, 1 << 20, &a), espy_buf_free(&cx, &a));
    assert_int_equal(xlsx_write(&cx, &xlsx_table, 1 << 20, &a), ESPY_E_OK);
    assert_int_equal(xlsx_write(&cx, &xlsx_table, 1 << 20, &b), ESPY_E_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    assert_memory_equal(a.data, "PK\x03\x04", 4);
    espy_buf_free(&cx, &a);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const names[] = {
        "", "a/b", "a[1]", "what?", "'a'", "\xff", "12345678901234567890123456789012"};
    static char text[ESPY_XLSX_CHARS + 2];
    espy_ctx cx;
    espy_buf b;
    espy_xlsx_table t = xlsx_table;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        t.sheet = names[i];
        espy_clear(&cx);
        assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_ARG);
    }
    t = xlsx_table;
    t.columns = 0;
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_ARG);
    t.columns = ESPY_XLSX_COLUMNS + 1;
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_LIMIT);
    t = xlsx_table;
    t.rows = ESPY_XLSX_ROWS + 1;
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_LIMIT);
    memset(text, 'x', sizeof text - 1);
    const espy_xlsx_cell one[] = {{text, 0}, {"\xc3", 0}};
    t = (espy_xlsx_table){"s", xlsx_header, 1, 1, one, 1};
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_LIMIT);
    text[ESPY_XLSX_CHARS] = '\0';
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    t.cells = one + 1;
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(xlsx_write(&cx, &xlsx_table, 1000, &b), ESPY_E_LIMIT);
    espy_clear(&cx);
    t = xlsx_table;
    t.rows = 0; /* the header alone */
    assert_int_equal(xlsx_write(&cx, &t, 1 << 20, &b), ESPY_E_OK);
    espy_buf_free(&cx, &b);
}

static int xlsx_save(const char *path)
{
    espy_ctx cx;
    espy_buf b;
    espy_ctx_init(&cx);
    espy_err e = xlsx_write(&cx, &xlsx_table, 1 << 20, &b);
    if (e == ESPY_E_OK)
        e = espy_file_write(&cx, path, b.data, b.size);
    if (e != ESPY_E_OK)
        fprintf(stderr, "%s\n", cx.text);
    espy_buf_free(&cx, &b);
    return e != ESPY_E_OK;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_refused),
    };
    if (argc > 1)
        return xlsx_save(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
