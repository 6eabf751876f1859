/* SPDX-License-Identifier: Apache-2.0
 * Every operator and pattern against ONNX Runtime's outputs (data/ops.safetensors, written by
 * make_golden_ops.py), on each executor, fused and not; files that must be refused. */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tensors.h"
#include "nn/graph.h"

enum { OPS_PORTS = 24 };

static espy_ctx cx;
static espy_tensors *golden;

static int ops_setup(void **state)
{
    (void)state;
    espy_ctx_init(&cx);
    espy_buf b = test_read(&cx, test_source("tests/nn/data/ops.safetensors"));
    if (espy_tensors_parse(&cx, espy_span_of(&b), &golden) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    espy_buf_free(&cx, &b);
    return 0;
}

static int ops_teardown(void **state)
{
    (void)state;
    espy_tensors_destroy(&cx, &golden);
    return 0;
}

static const espy_tensor_entry *ops_entry(const char *name, const char *part, size_t i)
{
    char key[128];
    if (i == SIZE_MAX)
        snprintf(key, sizeof key, "%s.%s", name, part);
    else
        snprintf(key, sizeof key, "%s.%s%zu", name, part, i);
    return espy_tensors_find(golden, key);
}

/* Reads "1,2,3;4" into tensors without data; returns how many. */
static size_t ops_shapes(const char *text, espy_tensor *t)
{
    size_t n = 0;
    t[0].rank = 0;
    while (*text && *text != ' ') {
        char *end;
        if (*text == ';') {
            text++;
            t[++n].rank = 0;
            continue;
        }
        t[n].dims[t[n].rank++] = strtoll(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return n + 1;
}

/* Largest difference allowed: sums of at most some hundred terms of order one in f32. */
static void ops_compare(const char *name, size_t i, const float *have,
                        const espy_tensor_entry *want)
{
    const float *w = want->data;
    size_t n = want->bytes / sizeof(float);
    float top = 1;
    for (size_t k = 0; k < n; k++)
        top = fmaxf(top, fabsf(w[k]));
    for (size_t k = 0; k < n; k++)
        if (!(fabsf(have[k] - w[k]) <= 2e-5f * top))
            fail_msg("%s: output %zu at %zu is %.8g, not %.8g", name, i, k, have[k], w[k]);
}

typedef struct ops_case {
    espy_tensor in[OPS_PORTS], out[OPS_PORTS];
    size_t n_in, n_out;
} ops_case;

static ops_case ops_read(const char *name)
{
    ops_case c;
    memset(&c, 0, sizeof c);
    const char *meta = espy_tensors_meta(golden, name), *out = strstr(meta, " out ");
    assert_non_null(out);
    c.n_in = ops_shapes(meta + 3, c.in);
    c.n_out = ops_shapes(out + 5, c.out);
    for (size_t i = 0; i < c.n_in; i++)
        c.in[i].data = (float *)(uintptr_t)ops_entry(name, "in", i)->data;
    return c;
}

/* The invariants of graph.h that can be seen from outside. */
static void ops_check_graph(const char *name, const espy_graph *g)
{
    assert_true(g->fixed);
    for (size_t i = 0; i < g->n_values; i++) {
        const espy_value *v = &g->values[i];
        if (v->rank < 0 || (!v->data && v->dtype != ESPY_DT_F32) ||
            (!v->data && v->uses == 0 && v->producer != ESPY_NONE))
            fail_msg("%s: value %s breaks G2 or G3", name, v->name);
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const espy_node *n = &g->nodes[i];
        if (n->op > ESPY_OP_STATIC_LAST || g->values[n->out].producer != (int32_t)i)
            fail_msg("%s: node %s breaks G1 or G4", name, n->name);
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != ESPY_NONE && g->values[n->in[k]].producer >= (int32_t)i)
                fail_msg("%s: node %s breaks G4", name, n->name);
    }
}

static void ops_run(const char *name, const espy_exec_ops *ops, bool fuse)
{
    const espy_tensor_entry *onnx = ops_entry(name, "onnx", SIZE_MAX);
    const espy_graph_options options = {.fuse = fuse};
    const espy_net_options net = {.threads = 1};
    ops_case c = ops_read(name);
    espy_graph *g = NULL, *s = NULL;
    void *state = NULL, *plan = NULL;
    const float *in[OPS_PORTS];
    float *out[OPS_PORTS];
    espy_clear(&cx);
    if (espy_graph_load(&cx, (espy_span){onnx->data, onnx->bytes}, &options, &g) != ESPY_E_OK ||
        espy_graph_specialise(&cx, g, c.in, c.n_in, &options, &s) != ESPY_E_OK ||
        ops->create(&cx, &net, &state) != ESPY_E_OK ||
        ops->compile(&cx, state, s, &plan) != ESPY_E_OK)
        fail_msg("%s (%s): %s", name, ops->name, cx.text);
    ops_check_graph(name, s);
    assert_int_equal(s->n_outputs, c.n_out);
    for (size_t i = 0; i < c.n_in; i++)
        in[i] = c.in[i].data;
    for (size_t i = 0; i < c.n_out; i++) {
        const espy_value *v = &s->values[s->outputs[i]];
        if (v->rank != c.out[i].rank ||
            memcmp(v->dims, c.out[i].dims, sizeof v->dims[0] * (size_t)v->rank) != 0)
            fail_msg("%s: output %zu has another shape", name, i);
        out[i] = espy_floats(&cx, espy_value_count(v));
    }
    if (ops->run(&cx, plan, in, out) != ESPY_E_OK)
        fail_msg("%s (%s): %s", name, ops->name, cx.text);
    for (size_t i = 0; i < c.n_out; i++) {
        ops_compare(name, i, out[i], ops_entry(name, "out", i));
        espy_free(&cx, out[i]);
    }
    ops->plan_destroy(&cx, &plan);
    ops->destroy(&cx, &state);
    espy_graph_destroy(&cx, &s);
    espy_graph_destroy(&cx, &g);
}

/* Every case; how many there were. */
static size_t ops_all(const espy_exec_ops *ops, bool fuse)
{
    size_t n = 0;
    for (size_t i = 0; i < espy_tensors_count(golden); i++) {
        char name[96];
        snprintf(name, sizeof name, "%s", espy_tensors_at(golden, i)->name);
        char *end = strstr(name, ".onnx");
        if (!end || strncmp(name, "bad.", 4) == 0)
            continue;
        *end = '\0';
        ops_run(name, ops, fuse);
        n++;
    }
    return n;
}

static void test_reference(void **state)
{
    (void)state;
    assert_true(ops_all(&espy_exec_reference, false) > 100);
}

static void test_reference_fused(void **state)
{
    (void)state;
    assert_true(ops_all(&espy_exec_reference, true) > 100);
}

static void test_onednn(void **state)
{
    (void)state;
    assert_true(ops_all(&espy_exec_onednn, false) > 100);
}

static void test_onednn_fused(void **state)
{
    (void)state;
    assert_true(ops_all(&espy_exec_onednn, true) > 100);
}

/* How many nodes of a kind are left; how often a post-operation of a kind is used. */
static size_t ops_count(const char *name, espy_op op, size_t *posts)
{
    const espy_tensor_entry *onnx = ops_entry(name, "onnx", SIZE_MAX);
    const espy_graph_options options = {.fuse = true};
    ops_case c = ops_read(name);
    espy_graph *g = NULL, *s = NULL;
    size_t n = 0;
    assert_int_equal(espy_graph_load(&cx, (espy_span){onnx->data, onnx->bytes}, &options, &g), 0);
    assert_int_equal(espy_graph_specialise(&cx, g, c.in, c.n_in, &options, &s), 0);
    *posts = 0;
    for (size_t i = 0; i < s->n_nodes; i++) {
        n += s->nodes[i].op == op;
        *posts += (size_t)s->nodes[i].n_post;
    }
    espy_graph_destroy(&cx, &s);
    espy_graph_destroy(&cx, &g);
    return n;
}

/* What must have been fused, so that a pattern that stops matching is noticed. */
static void test_fused_away(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        espy_op op;
        size_t nodes, posts;
    } want[] = {
        {"conv_depthwise.0", ESPY_OP_UNARY, 0, 1},
        {"conv_same.0", ESPY_OP_UNARY, 0, 1},
        {"layer_norm.0", ESPY_OP_BINARY, 0, 0},
        {"layer_norm.1", ESPY_OP_LAYER_NORM, 1, 0},
        {"layer_norm.2", ESPY_OP_LAYER_NORM, 1, 0},
        {"l2_norm.1", ESPY_OP_REDUCE, 0, 0},
        {"l2_norm.2", ESPY_OP_L2_NORM, 1, 0},
        {"l2_norm.3", ESPY_OP_L2_NORM, 1, 0},
        {"gelu.0", ESPY_OP_BINARY, 0, 1},
        {"gelu.1", ESPY_OP_BINARY, 0, 1},
        {"swish.0", ESPY_OP_BINARY, 0, 1},
        {"swish.1", ESPY_OP_BINARY, 0, 1},
        {"swish.2", ESPY_OP_BINARY, 0, 1},
        {"matmul_bias.0", ESPY_OP_BINARY, 0, 2},
        {"matmul_bias.1", ESPY_OP_BINARY, 0, 1},
        {"matmul_transposed.0", ESPY_OP_TRANSPOSE, 1, 0},
        {"piece_batch_norm.0", ESPY_OP_AFFINE, 2, 2},
        {"piece_inception.0", ESPY_OP_BINARY, 0, 6},
        {"piece_residual.0", ESPY_OP_UNARY, 0, 4},
        {"prelu_product.0", ESPY_OP_PRELU, 0, 1},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        size_t posts, n = ops_count(want[i].name, want[i].op, &posts);
        if (n != want[i].nodes || posts != want[i].posts)
            fail_msg("%s: %zu nodes (wanted %zu) and %zu posts (wanted %zu)", want[i].name, n,
                     want[i].nodes, posts, want[i].posts);
    }
}

/* Refused while loading or specialising, with the right code and a text that names the matter. */
static void test_refused(void **state)
{
    (void)state;
    const espy_net_options options = {.executor = ESPY_EXEC_REFERENCE};
    size_t seen = 0;
    for (size_t i = 0; i < espy_tensors_count(golden); i++) {
        const espy_tensor_entry *onnx = espy_tensors_at(golden, i);
        char name[96];
        snprintf(name, sizeof name, "%s", onnx->name);
        char *end = strstr(name, ".onnx");
        if (!end || strncmp(name, "bad.", 4) != 0)
            continue;
        *end = '\0';
        const char *want = espy_tensors_meta(golden, name), *text = strchr(want, '|') + 1;
        espy_net *net = NULL;
        espy_clear(&cx);
        espy_err e = espy_net_load(&cx, (espy_span){onnx->data, onnx->bytes}, &options, &net);
        espy_err code = strncmp(want, "UNSUP", 5) == 0   ? ESPY_E_UNSUPPORTED
                        : strncmp(want, "LIMIT", 5) == 0 ? ESPY_E_LIMIT
                                                         : ESPY_E_FORMAT;
        if (e != code || !strstr(cx.text, text) || net)
            fail_msg("%s: code %d (wanted %d), text: %s (wanted: %s)", name, e, code, cx.text,
                     text);
        seen++;
    }
    espy_clear(&cx);
    assert_true(seen >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),  cmocka_unit_test(test_reference_fused),
        cmocka_unit_test(test_onednn),     cmocka_unit_test(test_onednn_fused),
        cmocka_unit_test(test_fused_away), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, ops_setup, ops_teardown);
}
