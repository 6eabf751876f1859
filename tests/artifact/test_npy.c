/* SPDX-License-Identifier: Apache-2.0
 * artifact: numpy arrays and comma-separated tables. */
#include "support/support.h"

#include <string.h>

#include "artifact/csv.h"
#include "artifact/npy.h"

static const char *const npy_words[3] = {"STU001", "", "J\u00fcrgen \U0001f600"};

/* The first header is numpy.save's, byte for byte. */
static void test_write(void **state)
{
    (void)state;
    static const float x[6] = {1, 2, 3, 4, 5, 6};
    static const char header[] = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, "
                                 "'shape': (2, 3), }";
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    espy_npy a;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 4096);
    assert_int_equal(espy_npy_put_f32(&cx, &b, x, 2, (const size_t[]){2, 3}), ESPY_E_OK);
    assert_int_equal(b.size, 128 + sizeof x);
    assert_memory_equal(b.data, header, sizeof header - 1);
    assert_int_equal(b.data[127], '\n');
    assert_int_equal(espy_npy_parse(&cx, espy_span_of(&b), &a), ESPY_E_OK);
    assert_int_equal(a.type, ESPY_NPY_F32);
    assert_int_equal(a.rank, 2);
    assert_int_equal(a.n, 6);
    assert_memory_equal(a.data, x, sizeof x);
    espy_npy_free(&cx, &a);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_text(void **state)
{
    (void)state;
    static const char *const bad[1] = {"\xff"};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    espy_npy a;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 4096);
    assert_int_equal(espy_npy_put_text(&cx, &b, npy_words, 3), ESPY_E_OK);
    assert_int_equal(b.size, 128 + 3 * 8 * 4);
    assert_int_equal(espy_npy_parse(&cx, espy_span_of(&b), &a), ESPY_E_OK);
    assert_int_equal(a.type, ESPY_NPY_TEXT);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(((char **)a.data)[i], npy_words[i]);
    espy_npy_free(&cx, &a);
    espy_buf_free(&cx, &b);
    assert_int_equal(espy_npy_put_text(&cx, &b, bad, 1), ESPY_E_ARG);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

/* Files that numpy wrote: fuzz/corpus/npy. */
static void test_foreign(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        espy_npy_type type;
        int rank;
        size_t n;
    } good[] = {
        {"f4", ESPY_NPY_F32, 2, 6},       {"f8", ESPY_NPY_F64, 1, 2},
        {"i8", ESPY_NPY_I64, 1, 3},       {"i4", ESPY_NPY_I32, 1, 3},
        {"u1", ESPY_NPY_U8, 1, 3},        {"text", ESPY_NPY_TEXT, 1, 3},
        {"version3", ESPY_NPY_F32, 1, 3}, {"zero", ESPY_NPY_F32, 2, 0},
        {"scalar", ESPY_NPY_F32, 0, 1},
    };
    espy_ctx cx;
    test_memory m;
    espy_npy a;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char path[64] = "fuzz/corpus/npy/";
        strcat(strcat(path, good[i].name), ".npy");
        assert_int_equal(espy_npy_load(&cx, test_source(path), &a), ESPY_E_OK);
        assert_int_equal(a.type, good[i].type);
        assert_int_equal(a.rank, good[i].rank);
        assert_int_equal(a.n, good[i].n);
        espy_npy_free(&cx, &a);
    }
    assert_int_equal(espy_npy_load(&cx, test_source("fuzz/corpus/npy/fortran.npy"), &a),
                     ESPY_E_UNSUPPORTED);
    assert_non_null(strstr(cx.text, "ascontiguousarray"));
    assert_non_null(strstr(cx.text, "fortran.npy"));
    espy_clear(&cx);
    assert_int_equal(espy_npy_load(&cx, test_source("fuzz/corpus/npy/hostile-shape.npy"), &a),
                     ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_npy_load(&cx, test_source("fuzz/corpus/npy/hostile-header.npy"), &a),
                     ESPY_E_FORMAT);
    assert_int_equal(m.live, 0);
}

/* A file with this header and `data` bytes of zeros. */
static espy_err npy_try(espy_ctx *cx, const char *header, size_t data)
{
    uint8_t bytes[1024] = "\x93NUMPY\x01\x00";
    espy_npy a;
    size_t n = strlen(header);
    bytes[8] = (uint8_t)n;
    memcpy(bytes + 10, header, n);
    espy_clear(cx);
    espy_err e = espy_npy_parse(cx, (espy_span){bytes, 10 + n + data}, &a);
    if (!e)
        espy_npy_free(cx, &a);
    return e;
}

static void test_headers(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        espy_err e;
    } cases[] = {
        {"{'descr':'<f4','fortran_order':False,'shape':(2,)}", 8, ESPY_E_OK},
        {" {\"shape\": (2, ) , 'fortran_order' : True, 'descr': '<f4' , } \n", 8, ESPY_E_OK},
        {"{'descr':'<f4','fortran_order':False,'shape':(2,)}", 9, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(3,)}", 8, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,1,1,1,1)}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(-1,)}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(99999999999999999999,)}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','descr':'<f4','fortran_order':False,'shape':(1,)}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':Maybe,'shape':(1,)}", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,), 'x': 1}", 4, ESPY_E_FORMAT},
        {"{'descr':'>f4','fortran_order':False,'shape':(1,)}", 4, ESPY_E_UNSUPPORTED},
        {"{'descr':'|O','fortran_order':False,'shape':(1,)}", 8, ESPY_E_UNSUPPORTED},
        {"{'descr':[('a','<f4')],'fortran_order':False,'shape':(1,)}", 4, ESPY_E_UNSUPPORTED},
        {"{'descr':'<U0','fortran_order':False,'shape':(9999999999,)}", 0, ESPY_E_UNSUPPORTED},
        {"{'descr':'<U1','fortran_order':False,'shape':(1,)}", 4, ESPY_E_OK},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,)", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(1,)} $", 4, ESPY_E_FORMAT},
        {"{'descr':'<f4','fortran_order':False,'shape':(2337203680,2337203680,0)}", 0, ESPY_E_OK},
        {"", 0, ESPY_E_FORMAT},
    };
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(npy_try(&cx, cases[i].header, cases[i].data), cases[i].e);
    assert_int_equal(m.live, 0);
}

static void test_damaged(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_npy a;
    test_memory_init(&cx, &m);
    espy_buf b = test_read(&cx, test_source("fuzz/corpus/npy/text.npy"));
    for (size_t n = 0; n < b.size; n++) {
        espy_clear(&cx);
        assert_int_not_equal(espy_npy_parse(&cx, (espy_span){b.data, n}, &a), ESPY_E_OK);
    }
    for (size_t bit = 0; bit < b.size * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        espy_clear(&cx);
        if (espy_npy_parse(&cx, espy_span_of(&b), &a) == ESPY_E_OK)
            espy_npy_free(&cx, &a);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    TEST_FAULT_LOOP(&cx, &m, espy_npy_parse(&cx, espy_span_of(&b), &a), espy_npy_free(&cx, &a));
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static espy_err npy_write_text(espy_ctx *cx, espy_buf *b)
{
    espy_buf_init(b, 4096);
    espy_err e = espy_npy_put_text(cx, b, npy_words, 3);
    if (e)
        espy_buf_free(cx, b);
    return e;
}

static void test_csv(void **state)
{
    (void)state;
    static const char *const cells[] = {"STU001", "Doe, John", "say \"hi\"", "two\nlines",
                                        " x",     "",          "=1+1"};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 4096);
    assert_int_equal(espy_csv_row(&cx, &b, cells, 7), ESPY_E_OK);
    assert_string_equal((char *)b.data,
                        "STU001,\"Doe, John\",\"say \"\"hi\"\"\",\"two\nlines\",\" x\",,=1+1\n");
    espy_buf_free(&cx, &b);
    static const char *const shown[] = {"=1+1", "-3.5", "+1e3", "+49 171", "@me",  "-",
                                        "'=1",  "\tx",  "\r=1", "a=b",     "-1,5", "=\"x\""};
    assert_int_equal(espy_csv_row_guarded(&cx, &b, shown, 12), ESPY_E_OK);
    assert_string_equal((char *)b.data, "'=1+1,-3.5,+1e3,'+49 171,'@me,'-,'=1,'\tx,\"'\r=1\",a=b,"
                                        "\"'-1,5\",\"'=\"\"x\"\"\"\n");
    espy_buf_free(&cx, &b);
    TEST_FAULT_LOOP(&cx, &m, npy_write_text(&cx, &b), espy_buf_free(&cx, &b));
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write),   cmocka_unit_test(test_text),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_damaged), cmocka_unit_test(test_csv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
