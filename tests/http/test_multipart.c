/* SPDX-License-Identifier: Apache-2.0
 * http/multipart: bodies as browsers, curl and Python's requests send them, and broken ones. */
#include "support/support.h"

#include <stdio.h>
#include <string.h>

#include "http/multipart.h"

#define TYPE "multipart/form-data; boundary=XX"

static espy_err multipart_read(espy_ctx *cx, const char *body, size_t n, espy_multipart *out)
{
    return espy_multipart_parse(cx, TYPE, (espy_span){(const uint8_t *)body, n}, out);
}

static void check_part(const espy_part *p, const char *name, const char *filename, const char *type,
                       const char *data, size_t n)
{
    assert_string_equal(p->name, name);
    assert_true((p->filename != NULL) == (filename != NULL));
    if (filename)
        assert_string_equal(p->filename, filename);
    assert_string_equal(p->type, type);
    assert_int_equal(p->data.size, n);
    assert_memory_equal(p->data.data, data, n);
}

static void test_parts(void **state)
{
    (void)state;
    static const char body[] =
        "a preamble\r\n--XXY\r\n--XX \t\r\n"
        "Content-Disposition: form-data; name=\"title\"\r\n\r\nclass 7b\r\n--XX\r\n"
        "content-disposition:form-data;name=image;filename=\"a b.jpg\"\r\n"
        "Content-Type: Image/JPEG; q=1\r\nX-Other: "
        "1\r\n\r\n\xff\xd8\0\r\n--X\r\n--XXZ\r\n\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XX\r\n"
        "Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\r\n--XX--\r\nan epilogue --XX";
    espy_ctx cx;
    test_memory m;
    espy_multipart p;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, multipart_read(&cx, body, sizeof body - 1, &p),
                    espy_multipart_free(&cx, &p));
    assert_int_equal(multipart_read(&cx, body, sizeof body - 1, &p), ESPY_E_OK);
    assert_int_equal(p.n, 4);
    check_part(&p.at[0], "title", NULL, "text/plain", "class 7b", 8);
    check_part(&p.at[1], "image", "a b.jpg", "image/jpeg", "\xff\xd8\0\r\n--X\r\n--XXZ\r\n", 17);
    check_part(&p.at[2], "empty", NULL, "text/plain", "", 0);
    check_part(&p.at[3], "none", "", "application/octet-stream", "", 0);
    espy_multipart_free(&cx, &p);
    assert_int_equal(multipart_read(&cx, "--XX--", 6, &p), ESPY_E_OK); /* a form without fields */
    assert_int_equal(p.n, 0);
    espy_multipart_free(&cx, &p);
    /* content that ends right behind the header */
    static const char tight[] = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--\r\n";
    assert_int_equal(multipart_read(&cx, tight, sizeof tight - 1, &p), ESPY_E_OK);
    assert_int_equal(p.at[0].data.size, 0);
    espy_multipart_free(&cx, &p);
    assert_int_equal(m.live, 0);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *parameters, *name, *filename; /* name NULL: refused */
    } t[] = {
        {"name=a; filename=\"x/../y.jpg\"", "a", "y.jpg"},
        {"name=a; filename=\"C:\\photos\\me.jpg\"", "a", "me.jpg"},
        {"name=a; filename=\"\\\\host\\share\\me.jpg\"", "a", "me.jpg"},
        {"name=a; filename=\"say \\\"hi\\\".png\"", "a", "say \"hi\".png"},
        {"name=a; filename=\"say %22hi%22 100%.png\"", "a", "say \"hi\" 100%.png"},
        {"name=a; filename=\"J\u00fcrgen.png\"", "a", "J\u00fcrgen.png"},
        {"name=a; filename=\"old.png\"; filename*=UTF-8''J%C3%BCrgen%20%E2%82%AC.png", "a",
         "J\u00fcrgen \u20ac.png"},
        {"name=a; filename*=utf-8'en'%2Fetc%2Fpasswd; filename=later.png", "a", "passwd"},
        {"name=\"a;b=c\";filename=x", "a;b=c", "x"},
        {"name=a;", "a", NULL},
        {"NAME = \"a\" ; FileName = b ", "a", "b"},
        {"name=\"\"", "", NULL},
        {"filename=x", NULL, NULL},
        {"name=a; filename=\"..\"", NULL, NULL},
        {"name=a; filename=\"a/.\"", NULL, NULL},
        {"name=a; filename=\"a\tb\"", NULL, NULL},
        {"name=a; filename=\"a\xff\"", NULL, NULL},
        {"name=a; filename*=UTF-8''a%0Ab", NULL, NULL},
        {"name=a; filename*=UTF-8''a%00", NULL, NULL},
        {"name=a; filename*=UTF-8''a%C3", NULL, NULL},
        {"name=a; filename*=UTF-8''a%F", NULL, NULL},
        {"name=a; filename*=iso-8859-1''a", NULL, NULL},
        {"name=a; filename*=a", NULL, NULL},
        {"name=\"a", NULL, NULL},
        {"name=\"a\" b", NULL, NULL},
        {"name", NULL, NULL},
        {"", NULL, NULL},
    };
    espy_ctx cx;
    espy_multipart p;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char body[512];
        const int n = snprintf(body, sizeof body,
                               "--XX\r\nContent-Disposition: form-data; %s\r\n\r\nx\r\n--XX--\r\n",
                               t[i].parameters);
        espy_clear(&cx);
        const espy_err e = multipart_read(&cx, body, (size_t)n, &p);
        assert_int_equal(e, t[i].name ? ESPY_E_OK : ESPY_E_FORMAT);
        if (e != ESPY_E_OK) {
            assert_non_null(strstr(cx.text, "part 1 of the body"));
            continue;
        }
        check_part(&p.at[0], t[i].name, t[i].filename, "text/plain", "x", 1);
        espy_multipart_free(&cx, &p);
    }
}

static void test_boundary(void **state)
{
    (void)state;
    static const struct {
        const char *type, *boundary; /* NULL: refused */
    } t[] = {
        {"multipart/form-data; boundary=----WebKitFormBoundaryAbC", "----WebKitFormBoundaryAbC"},
        {"multipart/form-data; boundary=\"a b:c\"", "a b:c"},
        {"Multipart/Form-Data;charset=utf-8;Boundary=x", "x"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=a\"b", NULL},
        {"multipart/form-data; boundary=\"a\r\nb\"", NULL},
        {"multipart/form-data; boundary=\"a", NULL},
        {"multipart/form-data; boundary="
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         "0123456789012345678901234567890123456789012345678901234567890123456789"},
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         NULL},
    };
    char out[ESPY_MULTIPART_BOUNDARY];
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        assert_true(espy_multipart_is(t[i].type));
        espy_clear(&cx);
        assert_int_equal(espy_multipart_boundary(&cx, t[i].type, out),
                         t[i].boundary ? ESPY_E_OK : ESPY_E_FORMAT);
        if (t[i].boundary)
            assert_string_equal(out, t[i].boundary);
    }
    assert_false(espy_multipart_is(NULL));
    assert_false(espy_multipart_is(""));
    assert_false(espy_multipart_is("multipart/form-dat"));
    assert_false(espy_multipart_is("multipart/form-database; boundary=x"));
    assert_false(espy_multipart_is("application/json"));
}

static void test_refused(void **state)
{
    (void)state;
#define HEAD "--XX\r\nContent-Disposition: form-data; name=a\r\n"
    static const struct {
        const char *body, *why;
        espy_err e;
    } t[] = {
        {"", "no line \"--XX\"", ESPY_E_FORMAT},
        {"{\"a\":1}", "no line", ESPY_E_FORMAT},
        {"--XY\r\n", "no line", ESPY_E_FORMAT},
        {"--XX", "no line", ESPY_E_FORMAT},
        {"--XX\n", "no line", ESPY_E_FORMAT},
        {"--XX\r\n", "header does not end", ESPY_E_FORMAT},
        {HEAD, "header does not end", ESPY_E_FORMAT},
        {HEAD "\r\nx", "was it sent whole", ESPY_E_FORMAT},
        {HEAD "\r\nx\r\n--XX\r\n", "part 2", ESPY_E_FORMAT},
        {HEAD "\r\nx\r\n--XX", "part 1 of the body does not end", ESPY_E_FORMAT},
        {HEAD "\r\nx\r\n--XX-", "does not end", ESPY_E_FORMAT},
        {HEAD "\r\nx--XX--\r\n", "does not end", ESPY_E_FORMAT},
        {"--XX\r\n\r\nx\r\n--XX--", "it has no name", ESPY_E_FORMAT},
        {HEAD "nonsense\r\n\r\nx\r\n--XX--", "Name: value", ESPY_E_FORMAT},
        {HEAD "A: b\nC: d\r\n\r\nx\r\n--XX--", "control characters", ESPY_E_FORMAT},
        {"--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--", "not form-data",
         ESPY_E_FORMAT},
        {HEAD "Content-Transfer-Encoding: base64\r\n\r\nx\r\n--XX--", "send the bytes",
         ESPY_E_UNSUPPORTED},
    };
    espy_ctx cx;
    test_memory m;
    espy_multipart p = {0};
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        espy_clear(&cx);
        assert_int_equal(multipart_read(&cx, t[i].body, strlen(t[i].body), &p), t[i].e);
        assert_non_null(strstr(cx.text, t[i].why));
        assert_null(p.at);
    }
    /* every cut of a sound body is refused */
    static const char whole[] = HEAD "Content-Type: a/b\r\n\r\nxyz\r\n--XX\r\nContent-Disposition: "
                                     "form-data; name=b\r\n\r\n\r\n--XX--";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        espy_clear(&cx);
        assert_int_equal(multipart_read(&cx, whole, n, &p), ESPY_E_FORMAT);
    }
    assert_int_equal(m.live, 0);
}

static void test_limits(void **state)
{
    (void)state;
    static const char part[] = "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
    espy_ctx cx;
    test_memory m;
    espy_multipart p;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, (size_t)16 << 20);
    for (size_t i = 0; i < ESPY_MULTIPART_PARTS; i++)
        assert_int_equal(espy_buf_text(&cx, &b, part), ESPY_E_OK);
    const size_t full = b.size;
    assert_int_equal(espy_buf_text(&cx, &b, "--XX--"), ESPY_E_OK);
    assert_int_equal(multipart_read(&cx, (char *)b.data, b.size, &p), ESPY_E_OK);
    assert_int_equal(p.n, ESPY_MULTIPART_PARTS);
    espy_multipart_free(&cx, &p);
    b.size = full;
    assert_int_equal(espy_buf_text(&cx, &b, part), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "--XX--"), ESPY_E_OK);
    assert_int_equal(multipart_read(&cx, (char *)b.data, b.size, &p), ESPY_E_LIMIT);
    espy_buf_free(&cx, &b);
    espy_clear(&cx);
    assert_int_equal(espy_buf_text(&cx, &b, HEAD), ESPY_E_OK);
    while (b.size < ESPY_MULTIPART_HEADER + 100)
        assert_int_equal(espy_buf_text(&cx, &b, "X-More: and more\r\n"), ESPY_E_OK);
    assert_int_equal(multipart_read(&cx, (char *)b.data, b.size, &p), ESPY_E_LIMIT);
    espy_buf_free(&cx, &b);
    espy_clear(&cx);
    assert_int_equal(espy_buf_text(&cx, &b, "--XX\r\nContent-Disposition: form-data; name="),
                     ESPY_E_OK);
    for (size_t i = 0; i < ESPY_MULTIPART_NAME; i++)
        assert_int_equal(espy_buf_text(&cx, &b, "n"), ESPY_E_OK);
    assert_int_equal(espy_buf_text(&cx, &b, "\r\n\r\n\r\n--XX--"), ESPY_E_OK);
    assert_int_equal(multipart_read(&cx, (char *)b.data, b.size, &p), ESPY_E_FORMAT);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),    cmocka_unit_test(test_names),
        cmocka_unit_test(test_boundary), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
