/* SPDX-License-Identifier: Apache-2.0
 * http/bytes: which part of bytes a request gets, what it knows, and failing allocations.  Over a
 * connection: tests/cli/serve_v1.py. */
#include "http/bytes.h"
#include "support/support.h"

#include <string.h>

typedef struct asking {
    const char *range, *if_range, *if_none_match;
} asking;

static const char *asking_header(void *self, const char *name)
{
    const asking *a = self;
    return strcmp(name, "Range") == 0           ? a->range
           : strcmp(name, "If-Range") == 0      ? a->if_range
           : strcmp(name, "If-None-Match") == 0 ? a->if_none_match
                                                : NULL;
}

static const char *header_of(const espy_call *call, const char *name)
{
    for (size_t i = 0; i < call->reply.headers_n; i++)
        if (strcmp(call->reply.headers[i].name, name) == 0)
            return call->reply.headers[i].value;
    return "";
}

static espy_err reply(espy_ctx *cx, const char *method, asking *a, const char *text,
                      espy_call *call)
{
    espy_buf b;
    *call = (espy_call){.cx = cx, .method = method, .header = asking_header, .header_self = a};
    espy_buf_init(&b, 100);
    ESPY_TRY(espy_buf_text(cx, &b, text));
    espy_err e = espy_reply_part(call, "text/plain", "\"now\"", &b);
    espy_buf_free(cx, &b);
    return e;
}

/* The same, with nothing left behind. */
static espy_err reply_once(espy_ctx *cx, asking *a)
{
    espy_call call;
    espy_err e = reply(cx, "GET", a, "0123456789", &call);
    espy_call_free(&call);
    return e;
}

static void test_parts(void **state)
{
    (void)state;
    static const struct {
        const char *method, *range;
        int status;
        const char *body, *told;
    } cases[] = {{"GET", NULL, 200, "0123456789", ""},
                 {"GET", "bytes=2-4", 206, "234", "bytes 2-4/10"},
                 {"GET", "BYTES=2-4", 206, "234", "bytes 2-4/10"},
                 {"GET", "bytes=9-", 206, "9", "bytes 9-9/10"},
                 {"GET", "bytes=-3", 206, "789", "bytes 7-9/10"},
                 {"GET", "bytes=-30", 206, "0123456789", "bytes 0-9/10"},
                 {"GET", "bytes=8-18446744073709551616", 206, "89", "bytes 8-9/10"},
                 {"GET", "bytes=10-", 416, "", "bytes */10"},
                 {"GET", "bytes=18446744073709551616-", 416, "", "bytes */10"},
                 {"GET", "bytes=-0", 416, "", "bytes */10"},
                 {"GET", "bytes=1-2, 4-5", 200, "0123456789", ""},
                 {"GET", "bytes=4-2", 200, "0123456789", ""},
                 {"GET", "bytes=-", 200, "0123456789", ""},
                 {"GET", "bytes=", 200, "0123456789", ""},
                 {"GET", "lines=1-2", 200, "0123456789", ""},
                 {"HEAD", "bytes=2-4", 200, "0123456789", ""}};
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        espy_call call;
        asking a = {.range = cases[i].range};
        espy_err e = reply(&cx, cases[i].method, &a, "0123456789", &call);
        assert_int_equal(e == ESPY_E_OK ? call.reply.status : call.refused, cases[i].status);
        assert_string_equal(header_of(&call, "Content-Range"), cases[i].told);
        assert_string_equal(header_of(&call, "Accept-Ranges"), e == ESPY_E_OK ? "bytes" : "");
        assert_int_equal(call.reply.body.size, strlen(cases[i].body));
        assert_true(e != ESPY_E_OK ||
                    memcmp(call.reply.body.data, cases[i].body, call.reply.body.size) == 0);
        espy_call_free(&call);
        espy_clear(&cx);
    }
    assert_int_equal(m.live, 0);
}

static void test_other_states(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_call call;
    asking a = {.range = "bytes=2-4", .if_range = "\"then\""};
    test_memory_init(&cx, &m);
    assert_int_equal(reply(&cx, "GET", &a, "0123456789", &call), ESPY_E_OK);
    assert_int_equal(call.reply.status, 200);
    espy_call_free(&call);
    a.if_range = "\"now\"";
    assert_int_equal(reply(&cx, "GET", &a, "0123456789", &call), ESPY_E_OK);
    assert_int_equal(call.reply.status, 206);
    assert_string_equal(header_of(&call, "ETag"), a.if_range);
    espy_call_free(&call);
    TEST_FAULT_LOOP(&cx, &m, reply_once(&cx, &a), (void)0);
    assert_int_equal(m.live, 0);
}

static void test_known(void **state)
{
    (void)state;
    static const struct {
        const char *tags;
        bool known;
    } cases[] = {{NULL, false},       {"", false},         {"*", true},
                 {"\"now\"", true},   {"W/\"now\"", true}, {"\"then\", \"now\"", true},
                 {"\"then\"", false}, {"now", false},      {"\"now and\"", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asking a = {.if_none_match = cases[i].tags};
        const espy_call call = {.header = asking_header, .header_self = &a};
        assert_int_equal(espy_call_knows(&call, "\"now\""), cases[i].known);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_other_states),
        cmocka_unit_test(test_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
