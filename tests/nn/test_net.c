/* SPDX-License-Identifier: Apache-2.0
 * The public face of nn: ports, plans per shape, threads, damaged files, failing allocations. */
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/tensors.h"
#include "nn/nn.h"

static espy_tensors *golden;
static espy_ctx cx;
static test_memory memory;

static const espy_net_options net_options = {.executor = ESPY_EXEC_REFERENCE, .threads = 1};

static int net_setup(void **state)
{
    (void)state;
    test_memory_init(&cx, &memory);
    espy_buf b = test_read(&cx, test_source("tests/nn/data/ops.safetensors"));
    if (espy_tensors_parse(&cx, espy_span_of(&b), &golden) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    espy_buf_free(&cx, &b);
    return 0;
}

static int net_teardown(void **state)
{
    (void)state;
    espy_tensors_destroy(&cx, &golden);
    return memory.live == 0 ? 0 : -1;
}

static espy_span net_file(const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "%s.onnx", name);
    const espy_tensor_entry *t = espy_tensors_find(golden, key);
    assert_non_null(t);
    return (espy_span){t->data, t->bytes};
}

/* A random input for a port of the net: a free batch is `free_dim`, free height and width 8 and 6.
 */
static espy_tensor net_input(const espy_net *net, size_t i, int64_t free_dim)
{
    const espy_net_port *p = espy_net_input(net, i);
    espy_tensor t = {.rank = p->rank};
    espy_random r;
    size_t n = 1;
    for (int d = 0; d < p->rank; d++) {
        t.dims[d] = p->dims[d] >= 0 ? p->dims[d] : d < 2 ? free_dim : 12 - 2 * d;
        n *= (size_t)t.dims[d];
    }
    t.data = espy_floats(&cx, n);
    if (!t.data)
        return t;
    espy_random_seed(&r, 7, i);
    for (size_t k = 0; k < n; k++)
        t.data[k] = (float)espy_random_normal(&r);
    return t;
}

static void test_ports(void **state)
{
    (void)state;
    espy_net *net = NULL;
    assert_int_equal(espy_net_load(&cx, net_file("piece_batch_norm.0"), &net_options, &net), 0);
    assert_int_equal(espy_net_input_count(net), 1);
    assert_int_equal(espy_net_output_count(net), 1);
    assert_null(espy_net_input(net, 1));
    assert_null(espy_net_output(net, 1));
    const espy_net_port *in = espy_net_input(net, 0), *out = espy_net_output(net, 0);
    assert_string_equal(in->name, "x0");
    assert_int_equal(in->rank, 4);
    assert_int_equal(in->dims[0], -1);
    assert_int_equal(in->dims[1], 6);
    /* The file does not give the output's shape; it follows from the input's. */
    assert_int_equal(out->rank, 2);
    assert_int_equal(out->dims[0], -1);
    assert_int_equal(out->dims[1], 5);
    espy_net_destroy(&cx, &net);
    assert_null(net);
    espy_net_destroy(&cx, &net);
}

static void test_wrong_inputs(void **state)
{
    (void)state;
    espy_net *net = NULL;
    assert_int_equal(espy_net_load(&cx, net_file("piece_batch_norm.0"), &net_options, &net), 0);
    espy_tensor in = net_input(net, 0, 2), out[2];
    static const struct {
        int rank;
        int64_t dims[4];
        const char *text;
    } wrong[] = {
        {4, {2, 6, 7, 8}, "wants the shape [-1, 6, 7, 7]"},
        {3, {2, 6, 7}, "got [2, 6, 7]"},
        {4, {0, 6, 7, 7}, "got [0, 6, 7, 7]"},
        {4, {-1, 6, 7, 7}, "got [-1"},
        {4, {INT64_MAX, 6, 7, 7}, "\"x0\""},
        {7, {2, 6, 7, 7}, "\"x0\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        espy_tensor t = {.data = in.data, .rank = wrong[i].rank};
        memcpy(t.dims, wrong[i].dims, sizeof wrong[i].dims);
        espy_clear(&cx);
        assert_int_equal(espy_net_run(&cx, net, &t, 1, out, 1), ESPY_E_ARG);
        if (!strstr(cx.text, wrong[i].text))
            fail_msg("%zu: %s", i, cx.text);
    }
    espy_clear(&cx);
    assert_int_equal(espy_net_run(&cx, net, &in, 0, out, 1), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_net_run(&cx, net, &in, 1, out, 2), ESPY_E_ARG);
    espy_clear(&cx);
    espy_free(&cx, in.data);
    espy_net_destroy(&cx, &net);
}

/* More shapes than plans are kept; the first rows of a batch never depend on its size. */
static void test_many_shapes(void **state)
{
    (void)state;
    espy_net *net = NULL;
    assert_int_equal(espy_net_load(&cx, net_file("piece_batch_norm.0"), &net_options, &net), 0);
    float first[5] = {0};
    for (int64_t n = 1; n <= 40; n++) {
        espy_tensor in = net_input(net, 0, n), out;
        assert_int_equal(espy_net_run(&cx, net, &in, 1, &out, 1), 0);
        assert_int_equal(out.dims[0], n);
        if (n == 1)
            memcpy(first, out.data, sizeof first);
        assert_memory_equal(first, out.data, sizeof first);
        espy_free(&cx, out.data);
        espy_free(&cx, in.data);
    }
    espy_net_destroy(&cx, &net);
}

typedef struct net_worker {
    const espy_net *net;
    espy_tensor in[3], want[3];
    int failures;
} net_worker;

static void *net_work(void *self)
{
    net_worker *w = self;
    espy_ctx own;
    espy_ctx_init(&own);
    for (int round = 0; round < 30; round++) {
        int k = round % 3;
        espy_tensor out;
        if (espy_net_run(&own, w->net, &w->in[k], 1, &out, 1) != ESPY_E_OK) {
            w->failures++;
            continue;
        }
        size_t bytes = (size_t)(out.dims[0] * out.dims[1]) * sizeof(float);
        w->failures += memcmp(out.data, w->want[k].data, bytes) != 0;
        espy_free(&own, out.data);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    espy_ctx plain; /* an allocator that threads may share */
    espy_ctx_init(&plain);
    for (int e = ESPY_EXEC_ONEDNN; e <= ESPY_EXEC_REFERENCE; e++) {
        const espy_net_options options = {.executor = (espy_executor)e, .threads = 1};
        espy_net *net = NULL;
        net_worker w[4];
        pthread_t id[4];
        memset(w, 0, sizeof w);
        assert_int_equal(espy_net_load(&plain, net_file("piece_batch_norm.0"), &options, &net), 0);
        for (int k = 0; k < 3; k++) {
            w[0].in[k] = net_input(net, 0, 1 + k);
            assert_int_equal(espy_net_run(&plain, net, &w[0].in[k], 1, &w[0].want[k], 1), 0);
        }
        espy_net_destroy(&plain, &net); /* the threads meet a net without plans for most shapes */
        assert_int_equal(espy_net_load(&plain, net_file("piece_batch_norm.0"), &options, &net), 0);
        for (int i = 0; i < 4; i++) {
            w[i] = w[0];
            w[i].net = net;
        }
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&id[i], NULL, net_work, &w[i]), 0);
        for (int i = 0; i < 4; i++) {
            pthread_join(id[i], NULL);
            assert_int_equal(w[i].failures, 0);
        }
        for (int k = 0; k < 3; k++) {
            espy_free(&cx, w[0].in[k].data);
            espy_free(&plain, w[0].want[k].data);
        }
        espy_net_destroy(&plain, &net);
    }
}

/* Loads, and runs when it loads; whatever happens must be an error or a clean run. */
static espy_err net_try(espy_span file, const espy_net_options *options)
{
    espy_net *net = NULL;
    espy_tensor in[4] = {{0}}, out[16] = {{0}};
    espy_err e = espy_net_load(&cx, file, options, &net);
    if (e != ESPY_E_OK)
        return e;
    size_t n_in = espy_net_input_count(net), n_out = espy_net_output_count(net);
    if (n_in > 4 || n_out > 16)
        goto out;
    for (size_t i = 0; i < n_in; i++) {
        const espy_net_port *p = espy_net_input(net, i);
        double count = 1;
        for (int d = 0; d < p->rank; d++)
            count *= p->dims[d] < 0 ? 2 : (double)p->dims[d];
        if (p->rank < 0 || count > 1e5)
            goto out; /* a flipped bit made it large */
        in[i] = net_input(net, i, 2);
        if (!in[i].data) {
            e = ESPY_E_NOMEM;
            goto out;
        }
    }
    double macs;
    ESPY_GO(espy_net_macs(&cx, net, in, n_in, &macs));
    if (macs < 1e7)
        ESPY_GO(espy_net_run(&cx, net, in, n_in, out, n_out));
out:
    for (size_t i = 0; i < 4; i++)
        espy_free(&cx, in[i].data);
    for (size_t i = 0; i < 16; i++)
        espy_free(&cx, out[i].data);
    espy_net_destroy(&cx, &net);
    return e;
}

static void test_truncated(void **state)
{
    (void)state;
    static const char *const names[] = {"gelu.0", "shapes.0"};
    for (size_t k = 0; k < 2; k++) {
        espy_span whole = net_file(names[k]);
        for (size_t n = 0; n < whole.size; n++) {
            /* An exact copy, so that reading past its end is seen. */
            uint8_t *copy = malloc(n ? n : 1);
            memcpy(copy, whole.data, n);
            espy_clear(&cx);
            espy_err e = net_try((espy_span){copy, n}, &net_options);
            assert_true(e != ESPY_E_NOMEM && e != ESPY_E_INTERNAL);
            assert_true(e == ESPY_E_OK || cx.text[0] != '\0');
            free(copy);
        }
    }
    espy_clear(&cx);
}

static void test_bit_flips(void **state)
{
    (void)state;
    static const char *const names[] = {"gelu.0", "shapes.0", "resize.0", "slices.0",
                                        "dequantize.0"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        espy_span whole = net_file(names[k]);
        uint8_t *copy = malloc(whole.size);
        memcpy(copy, whole.data, whole.size);
        for (size_t bit = 0; bit < 8 * whole.size; bit += k < 2 ? 3 : 11) {
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
            espy_clear(&cx);
            espy_err e = net_try((espy_span){copy, whole.size}, &net_options);
            assert_true(e != ESPY_E_INTERNAL);
            assert_int_equal(memory.live > 0, 1); /* the golden file itself */
            copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        free(copy);
    }
    espy_clear(&cx);
}

static void test_faults(void **state)
{
    (void)state;
    static const char *const names[] = {"gelu.0",           "layer_norm.0",       "shapes.0",
                                        "piece_residual.1", "piece_batch_norm.1", "dequantize.0",
                                        "softmax.0"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++)
        TEST_FAULT_LOOP(&cx, &memory, net_try(net_file(names[k]), &net_options), (void)0);
}

static void test_limits(void **state)
{
    (void)state;
    espy_net *net = NULL;
    espy_ctx small = cx;
    espy_clear(&small);
    small.max.file_bytes = 100;
    assert_int_equal(espy_net_load(&small, net_file("gelu.0"), &net_options, &net), ESPY_E_LIMIT);
    assert_null(net);
    espy_clear(&small);
    assert_int_equal(espy_net_load(&small, (espy_span){(const uint8_t *)"", 0}, &net_options, &net),
                     ESPY_E_FORMAT);
    atomic_bool stop = true;
    espy_ctx stopped = cx;
    espy_clear(&stopped);
    stopped.cancel = &stop;
    assert_int_equal(espy_net_load(&stopped, net_file("gelu.0"), &net_options, &net),
                     ESPY_E_CANCELLED);
    const espy_net_options bf16 = {.executor = ESPY_EXEC_REFERENCE,
                                   .precision = ESPY_PRECISION_BF16};
    espy_clear(&cx);
    assert_int_equal(espy_net_load(&cx, net_file("gelu.0"), &bf16, &net), ESPY_E_UNSUPPORTED);
    espy_clear(&cx);
}

static void test_macs(void **state)
{
    (void)state;
    espy_net *net = NULL;
    double macs;
    assert_int_equal(espy_net_load(&cx, net_file("matmul_bias.0"), &net_options, &net), 0);
    espy_tensor in[2] = {net_input(net, 0, 3), net_input(net, 1, 3)};
    assert_int_equal(espy_net_macs(&cx, net, in, 2, &macs), 0);
    assert_true(macs == 3.0 * 7 * 6 * 9);
    espy_free(&cx, in[0].data);
    espy_free(&cx, in[1].data);
    espy_net_destroy(&cx, &net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports),       cmocka_unit_test(test_wrong_inputs),
        cmocka_unit_test(test_many_shapes), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_truncated),   cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_limits),
        cmocka_unit_test(test_macs),
    };
    return cmocka_run_group_tests(tests, net_setup, net_teardown);
}
