/* SPDX-License-Identifier: Apache-2.0
 * base/tensors: round trips, and that no damaged file is taken. */
#include "support/support.h"

#include <string.h>

#include "base/tensors.h"

static const float tensor_a[6] = {1, 2, 3, 4, 5, 6};
static const uint8_t tensor_b[3] = {7, 8, 9};
static const int64_t tensor_c[2] = {-1, INT64_MAX};
static const double tensor_d = 0.5;

static const espy_tensor_entry tensor_entries[] = {
    {"b", ESPY_U8, 1, {3}, tensor_b, sizeof tensor_b},
    {"a", ESPY_F32, 2, {2, 3}, tensor_a, sizeof tensor_a},
    {"empty", ESPY_F32, 2, {0, 5}, tensor_a, 0},
    {"c", ESPY_I64, 1, {2}, tensor_c, sizeof tensor_c},
    {"scalar", ESPY_F64, 0, {0}, &tensor_d, sizeof tensor_d},
};
#define TENSOR_ENTRIES (sizeof tensor_entries / sizeof tensor_entries[0])

static espy_err write_sample(espy_ctx *cx, espy_buf *out)
{
    espy_err e = ESPY_E_OK;
    espy_json *meta = espy_json_object();
    espy_buf_init(out, 1 << 20);
    ESPY_GO(espy_json_set(cx, meta, "head", espy_json_of_string("svm")));
    ESPY_GO(espy_tensors_write(cx, tensor_entries, TENSOR_ENTRIES, meta, out));
out:
    espy_json_free(meta);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    espy_tensors *t = NULL;
    const espy_tensor_entry *entry = NULL;
    test_memory_init(&cx, &m);
    assert_int_equal(write_sample(&cx, &b), ESPY_E_OK);
    assert_int_equal((8 + b.data[0] + 256 * b.data[1]) % 8, 0); /* data begin aligned */
    assert_int_equal(espy_tensors_parse(&cx, espy_span_of(&b), &t), ESPY_E_OK);
    assert_int_equal(espy_tensors_count(t), TENSOR_ENTRIES);
    for (size_t i = 0; i < TENSOR_ENTRIES; i++) {
        const espy_tensor_entry *w = &tensor_entries[i], *r = espy_tensors_at(t, i);
        assert_string_equal(r->name, w->name);
        assert_int_equal(r->dtype, w->dtype);
        assert_int_equal(r->rank, w->rank);
        assert_memory_equal(r->dims, w->dims, sizeof r->dims);
        assert_int_equal(r->bytes, w->bytes);
        assert_int_equal((uintptr_t)r->data % 8, 0);
        if (w->bytes)
            assert_memory_equal(r->data, w->data, w->bytes);
    }
    assert_null(espy_tensors_at(t, TENSOR_ENTRIES));
    assert_null(espy_tensors_find(t, "z"));
    assert_string_equal(espy_tensors_meta(t, "head"), "svm");
    assert_null(espy_tensors_meta(t, "none"));
    assert_int_equal(espy_tensors_need(&cx, t, "a", ESPY_F32, 2, &entry), ESPY_E_OK);
    assert_int_equal(espy_tensors_need(&cx, t, "a", ESPY_F32, 1, &entry), ESPY_E_FORMAT);
    espy_clear(&cx);
    assert_int_equal(espy_tensors_need(&cx, t, "zz", ESPY_F32, 1, &entry), ESPY_E_FORMAT);
    assert_non_null(strstr(cx.text, "zz"));
    espy_tensors_destroy(&cx, &t);
    assert_null(t);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_same_bytes(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf a, b;
    test_memory_init(&cx, &m);
    assert_int_equal(write_sample(&cx, &a), ESPY_E_OK);
    assert_int_equal(write_sample(&cx, &b), ESPY_E_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    espy_buf_free(&cx, &a);
    espy_buf_free(&cx, &b);
}

static void refuse(espy_ctx *cx, const char *json, size_t data)
{
    uint8_t bytes[1024] = {0};
    uint64_t n = strlen(json);
    espy_tensors *t = NULL;
    memcpy(bytes, &n, 8);
    memcpy(bytes + 8, json, n);
    espy_clear(cx);
    assert_int_equal(espy_tensors_parse(cx, (espy_span){bytes, 8 + n + data}, &t), ESPY_E_FORMAT);
    assert_null(t);
    assert_true(cx->text[0]);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t data;
    } bad[] = {
        {"[]", 0},
        {"{", 0},
        {"{\"a\":1}", 0},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8}, /* gap */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8}, /* rest */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4}, /* cut off */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         3}, /* overlap */
        {"{\"a\\n\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2},
        {"{\"__metadata__\":3}", 0},
    };
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(&cx, bad[i].json, bad[i].data);
    assert_int_equal(m.live, 0);
}

static void test_damaged(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    espy_tensors *t = NULL;
    test_memory_init(&cx, &m);
    assert_int_equal(write_sample(&cx, &b), ESPY_E_OK);
    for (size_t n = 0; n < b.size; n++) {
        espy_clear(&cx);
        assert_int_equal(espy_tensors_parse(&cx, (espy_span){b.data, n}, &t), ESPY_E_FORMAT);
    }
    for (size_t bit = 0; bit < b.size * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        espy_clear(&cx);
        espy_err e = espy_tensors_parse(&cx, espy_span_of(&b), &t);
        assert_true(e == ESPY_E_OK || e == ESPY_E_FORMAT);
        espy_tensors_destroy(&cx, &t);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_bad_entries(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_tensor_entry bad[2] = {tensor_entries[0], tensor_entries[0]};
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_tensors_write(&cx, bad, 2, NULL, &b), ESPY_E_ARG); /* one name twice */
    bad[0].bytes = 4;
    espy_clear(&cx);
    assert_int_equal(espy_tensors_write(&cx, bad, 1, NULL, &b), ESPY_E_ARG);
    bad[1].name = "__metadata__";
    espy_clear(&cx);
    assert_int_equal(espy_tensors_write(&cx, bad + 1, 1, NULL, &b), ESPY_E_ARG);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b, again;
    espy_tensors *t = NULL;
    test_memory_init(&cx, &m);
    assert_int_equal(write_sample(&cx, &b), ESPY_E_OK);
    TEST_FAULT_LOOP(&cx, &m, espy_tensors_parse(&cx, espy_span_of(&b), &t),
                    espy_tensors_destroy(&cx, &t));
    TEST_FAULT_LOOP(&cx, &m, write_sample(&cx, &again), espy_buf_free(&cx, &again));
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_bad_entries), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
