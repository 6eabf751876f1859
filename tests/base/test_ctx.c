/* SPDX-License-Identifier: Apache-2.0
 * base/ctx: how failures are kept and told. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

static void test_first_failure_wins(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_fail(&cx, ESPY_E_IO, "first %d", 1), ESPY_E_IO);
    assert_int_equal(espy_fail(&cx, ESPY_E_NOMEM, "second"), ESPY_E_IO);
    assert_string_equal(cx.text, "first 1");
    assert_int_equal(cx.code, ESPY_E_IO);
    assert_non_null(strstr(cx.file, "test_ctx.c"));
    assert_true(cx.line > 0);
    espy_clear(&cx);
    assert_int_equal(cx.code, ESPY_E_OK);
    assert_string_equal(cx.text, "");
}

static void test_one_line(void **state)
{
    (void)state;
    espy_ctx cx;
    char longer[2000];
    espy_ctx_init(&cx);
    espy_fail(&cx, ESPY_E_FORMAT, "a\nb\tc\x1b[31m\x7f");
    assert_string_equal(cx.text, "a b c [31m ");
    espy_fail_in(&cx, "evil\nname");
    assert_string_equal(cx.text, "evil name: a b c [31m ");
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    espy_fail_in(&cx, "%s", longer);
    assert_int_equal(strlen(cx.text), sizeof cx.text - 1);
    espy_clear(&cx);
    espy_fail(&cx, ESPY_E_FORMAT, "%s", longer);
    assert_int_equal(strlen(cx.text), sizeof cx.text - 1);
}

static void test_prefix(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_ctx_init(&cx);
    assert_int_equal(espy_fail_in(&cx, "nothing failed"), ESPY_E_OK);
    assert_string_equal(cx.text, "");
    espy_fail(&cx, ESPY_E_FORMAT, "cut off");
    assert_int_equal(espy_fail_in(&cx, "file %s", "a.jpg"), ESPY_E_FORMAT);
    assert_string_equal(cx.text, "file a.jpg: cut off");
}

static void test_adopt(void **state)
{
    (void)state;
    espy_ctx cx, child, other;
    espy_ctx_init(&cx);
    child = espy_ctx_child(&cx);
    assert_int_equal(espy_ctx_adopt(&cx, &child), ESPY_E_OK);
    espy_fail(&child, ESPY_E_DATA, "of the child");
    assert_int_equal(cx.code, ESPY_E_OK);
    assert_int_equal(espy_ctx_adopt(&cx, &child), ESPY_E_DATA);
    assert_int_equal(cx.code, ESPY_E_DATA);
    assert_string_equal(cx.text, "of the child");
    assert_int_equal(cx.line, child.line);
    other = espy_ctx_child(&cx);
    assert_int_equal(other.code, ESPY_E_OK); /* failures are not inherited */
    espy_fail(&other, ESPY_E_IO, "later");
    assert_int_equal(espy_ctx_adopt(&cx, &other), ESPY_E_IO);
    assert_string_equal(cx.text, "of the child");
}

static void test_cancel(void **state)
{
    (void)state;
    espy_ctx cx;
    atomic_bool stop = false;
    espy_ctx_init(&cx);
    assert_int_equal(espy_cancelled(&cx), ESPY_E_OK);
    cx.cancel = &stop;
    assert_int_equal(espy_cancelled(&cx), ESPY_E_OK);
    atomic_store(&stop, true);
    assert_int_equal(espy_cancelled(&cx), ESPY_E_CANCELLED);
}

static void keep_line(void *self, espy_log_level level, const char *line)
{
    (void)level;
    snprintf(self, 64, "%s", line);
}

static void test_log_levels(void **state)
{
    (void)state;
    espy_ctx cx;
    char line[64] = "";
    espy_ctx_init(&cx);
    espy_log(&cx, ESPY_LOG_ERROR, "nobody listens");
    cx.log = keep_line;
    cx.log_self = line;
    espy_log(&cx, ESPY_LOG_DEBUG, "too much");
    assert_string_equal(line, "");
    espy_log(&cx, ESPY_LOG_WARN, "%d of %d", 1, 2);
    assert_string_equal(line, "1 of 2");
}

static void test_every_code_has_a_text(void **state)
{
    (void)state;
    for (int e = ESPY_E_OK; e <= ESPY_E_INTERNAL; e++)
        assert_string_not_equal(espy_err_text((espy_err)e), "unknown error");
    assert_string_equal(espy_err_text((espy_err)99), "unknown error");
    assert_true(strlen(espy_library_version()) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_failure_wins),
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_log_levels),
        cmocka_unit_test(test_every_code_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
