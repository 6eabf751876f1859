/* SPDX-License-Identifier: Apache-2.0
 * http/request: what is sent, as path, query, JSON, form or file, becomes values by the route's
 * table, and what does not fit is told field by field. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "request_case.h"

#define TARGET "/things/12/of/a%20b"

static espy_err request_send(espy_ctx *cx, request_case *c, const char *target, const char *type,
                             const char *body)
{
    request_begin(cx, c);
    return espy_request_read(&c->call, target, type,
                             (espy_span){(const uint8_t *)body, strlen(body)});
}

static void test_every_way_in(void **state)
{
    (void)state;
    espy_ctx cx;
    request_case c;
    espy_ctx_init(&cx);
    assert_int_equal(
        request_send(&cx, &c, TARGET "?page=3&wanted=4,5&words=x,y&k=9&day=2024-02-29",
                     "application/json",
                     "{\"share\":0.25,\"model\":\"arcface\",\"sure\":false,\"vector\":[1,-2.5],"
                     "\"detail\":{\"a\":[1]},\"file\":\"aGVsbG8=\"}"),
        ESPY_E_OK);
    assert_int_equal(espy_call_int(&c.call, "id"), 12);
    assert_string_equal(espy_call_text(&c.call, "name"), "a b");
    assert_int_equal(espy_call_int(&c.call, "page"), 3);
    assert_int_equal(espy_json_count(espy_call_json(&c.call, "wanted")), 2);
    assert_int_equal(espy_json_count(espy_call_json(&c.call, "words")), 2);
    assert_int_equal(espy_call_int(&c.call, "k"), 9);
    assert_string_equal(espy_call_text(&c.call, "day"), "2024-02-29");
    assert_true(fabs(espy_call_real(&c.call, "share") - 0.25) < 1e-12);
    assert_string_equal(espy_call_text(&c.call, "model"), "arcface");
    assert_false(espy_call_bool(&c.call, "sure"));
    assert_int_equal(espy_json_count(espy_call_json(&c.call, "vector")), 2);
    assert_non_null(espy_json_get(espy_call_json(&c.call, "detail"), "a"));
    assert_int_equal(espy_call_files(&c.call, "file"), 1);
    assert_memory_equal(espy_call_file(&c.call, "file", 0)->bytes.data, "hello", 5);
    espy_request_free(&c.call);

    /* the same by a form; lists by commas, an object as its text */
    assert_int_equal(
        request_send(&cx, &c, TARGET, "application/x-www-form-urlencoded",
                     "k=2&share=1e-1&model=facenet&sure=no&vector=1,2,3&"
                     "detail=%7B%22a%22%3A1%7D&file=data%3Aimage%2Fpng%3Bbase64%2CAAE%3D"),
        ESPY_E_OK);
    assert_int_equal(espy_call_int(&c.call, "k"), 2);
    assert_int_equal(espy_call_int(&c.call, "page"), 7);
    assert_false(espy_call_bool(&c.call, "sure"));
    assert_int_equal(espy_json_count(espy_call_json(&c.call, "vector")), 3);
    assert_int_equal(espy_call_file(&c.call, "file", 0)->bytes.size, 2);
    espy_request_free(&c.call);

    /* files as parts, and a body that is the file */
    assert_int_equal(
        request_send(
            &cx, &c, TARGET, "multipart/form-data; boundary=B",
            "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../x.jpg\""
            "\r\n\r\nONE\r\n--B\r\nContent-Disposition: form-data; name=\"file\"; "
            "filename=\"y\"\r\n\r\nTWO\r\n--B\r\nContent-Disposition: form-data; "
            "name=\"k\"\r\n\r\n3\r\n--B--\r\n"),
        ESPY_E_OK);
    assert_int_equal(espy_call_files(&c.call, "file"), 2);
    assert_string_equal(espy_call_file(&c.call, "file", 0)->file, "x.jpg");
    assert_memory_equal(espy_call_file(&c.call, "file", 1)->bytes.data, "TWO", 3);
    assert_int_equal(espy_call_int(&c.call, "k"), 3);
    espy_request_free(&c.call);
    assert_int_equal(request_send(&cx, &c, TARGET, "image/jpeg", "\xff\xd8"), ESPY_E_OK);
    assert_int_equal(espy_call_file(&c.call, "file", 0)->bytes.size, 2);
    espy_request_free(&c.call);
}

/* field: which one is told as wrong; NULL: none in particular. */
static void check_refused(const char *target, const char *type, const char *body, espy_err e,
                          const char *field)
{
    espy_ctx cx;
    request_case c;
    espy_ctx_init(&cx);
    espy_err got = request_send(&cx, &c, target, type, body);
    if (got != e)
        print_message("%s %s: %d %s\n", target, body, got, cx.text);
    assert_int_equal(got, e);
    assert_true(cx.text[0] && !strchr(cx.text, '\n'));
    if (field)
        assert_non_null(espy_json_get(c.call.wrong, field));
    espy_request_free(&c.call);
}

static void test_what_does_not_fit(void **state)
{
    (void)state;
    static const char json[] = "application/json";
    check_refused("/things/0/of/x", NULL, "", ESPY_E_NOT_FOUND, NULL);
    check_refused("/things/abc/of/x", NULL, "", ESPY_E_NOT_FOUND, NULL);
    check_refused("/things/1/of/%00", NULL, "", ESPY_E_NOT_FOUND, NULL);
    check_refused("/things/1/of/%ff", NULL, "", ESPY_E_NOT_FOUND, NULL);
    check_refused(TARGET "?page=0", NULL, "", ESPY_E_ARG, "page");
    check_refused(TARGET "?page=1.5", NULL, "", ESPY_E_ARG, "page");
    check_refused(TARGET "?page=%00", NULL, "", ESPY_E_FORMAT, NULL);
    check_refused(TARGET "?wanted=1,-2", NULL, "", ESPY_E_ARG, "wanted");
    check_refused(TARGET "?wanted=1,2,3,4,5,6", NULL, "", ESPY_E_ARG, "wanted");
    check_refused(TARGET "?day=2026-13-01", NULL, "", ESPY_E_ARG, "day");
    check_refused(TARGET "?day=2025-02-29", NULL, "", ESPY_E_ARG, "day");
    check_refused(TARGET "?day=2026-1-01x", NULL, "", ESPY_E_ARG, "day");
    check_refused(TARGET "?pge=1", NULL, "", ESPY_E_ARG, "pge");
    check_refused(TARGET, json, "[]", ESPY_E_ARG, NULL);
    check_refused(TARGET, json, "{", ESPY_E_FORMAT, NULL);
    check_refused(TARGET, json, "{\"k\":21}", ESPY_E_ARG, "k");
    check_refused(TARGET, json, "{\"k\":\"3\"}", ESPY_E_ARG, "k");
    check_refused(TARGET, json, "{\"share\":1.01}", ESPY_E_ARG, "share");
    check_refused(TARGET, json, "{\"model\":\"vgg\"}", ESPY_E_ARG, "model");
    check_refused(TARGET, json, "{\"sure\":1}", ESPY_E_ARG, "sure");
    check_refused(TARGET, json, "{\"vector\":[1,\"2\"]}", ESPY_E_ARG, "vector");
    check_refused(TARGET, json, "{\"vector\":[1]}", ESPY_E_ARG, "vector");
    check_refused(TARGET, json, "{\"detail\":[]}", ESPY_E_ARG, "detail");
    check_refused(TARGET, json, "{\"file\":\"not base64!\"}", ESPY_E_ARG, "file");
    check_refused(TARGET, json, "{\"file\":[\"AA==\",\"AA==\",\"AA==\"]}", ESPY_E_ARG, "file");
    check_refused(TARGET, json, "{\"other\":1}", ESPY_E_ARG, "other");
    check_refused(TARGET, json, "{\"detail\":{\"a\":[[[[[[[[1]]]]]]]]}}", ESPY_E_ARG, NULL);
    check_refused(TARGET, "text/csv", "a,b", ESPY_E_UNSUPPORTED, NULL);
    check_refused(TARGET, "multipart/form-data; boundary=B", "--B\r\n", ESPY_E_FORMAT, NULL);
    check_refused(
        TARGET, "application/x-www-form-urlencoded",
        "a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1&a=1",
        ESPY_E_LIMIT, NULL);
}

/* All that is wrong is told at once; null is as good as absent. */
static void test_all_at_once(void **state)
{
    (void)state;
    espy_ctx cx;
    request_case c;
    espy_ctx_init(&cx);
    assert_int_equal(request_send(&cx, &c, TARGET "?page=0", "application/json",
                                  "{\"k\":0,\"model\":null,\"share\":\"x\"}"),
                     ESPY_E_ARG);
    assert_int_equal(espy_json_count(c.call.wrong), 3);
    espy_request_free(&c.call);
    espy_clear(&cx);
    assert_int_equal(request_send(&cx, &c, TARGET, "application/json", "{\"model\":null}"),
                     ESPY_E_OK);
    assert_string_equal(espy_call_text(&c.call, "model"), "facenet");
    espy_request_free(&c.call);
}

static void test_paths(void **state)
{
    (void)state;
    assert_true(espy_path_fits("/a/{b}", "/a/x"));
    assert_true(espy_path_fits("/a/{b}", "/a/x/?q=1"));
    assert_true(espy_path_fits("/a/{b}/", "/a/x"));
    assert_true(espy_path_fits("/", "/"));
    assert_true(espy_path_fits("/", "/?x"));
    assert_false(espy_path_fits("/a/{b}", "/a"));
    assert_false(espy_path_fits("/a/{b}", "/a/"));
    assert_false(espy_path_fits("/a/{b}", "/a//"));
    assert_false(espy_path_fits("/a/{b}", "/a/x/y"));
    assert_false(espy_path_fits("/a/b", "/a/B"));
}

/* Every allocation on the way may fail. */
static void test_no_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    request_case c;
    test_memory_init(&cx, &m);
    static const char body[] = "{\"k\":2,\"vector\":[1,2],\"file\":\"aGVsbG8=\",\"share\":2}";
    for (long nth = 1; nth < 60; nth++) {
        m.countdown = nth;
        m.hit = 0;
        espy_clear(&cx);
        espy_err e = request_send(&cx, &c, TARGET "?page=2", "application/json", body);
        assert_int_equal(e, m.hit ? ESPY_E_NOMEM : ESPY_E_ARG);
        espy_request_free(&c.call);
        assert_int_equal(m.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_in), cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_all_at_once),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
