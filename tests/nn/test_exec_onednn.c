/* SPDX-License-Identifier: Apache-2.0
 * The oneDNN executor against the reference executor on random graphs: every operator, layouts with
 * and without spare lanes, post-operations, merged heads, concatenations in place, both precisions;
 * then concurrency, the tuning cache and failing allocations. */
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "nn/exec_onednn.h"
#include "nn/graph_build.h"

/* --- building graphs ------------------------------------------------------------------------- */

typedef struct maker {
    espy_ctx cx;
    test_memory memory;
    espy_graph *g;
    espy_random random;
    espy_vid inputs[8];
    int n_inputs;
} maker;

static void maker_init(maker *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    test_memory_init(&m->cx, &m->memory);
    espy_random_seed(&m->random, seed, 1);
    assert_int_equal(espy_graph_create(&m->cx, &m->g), ESPY_E_OK);
}

static espy_vid maker_value(maker *m, int rank, const int64_t *dims)
{
    espy_vid v;
    char name[32];
    snprintf(name, sizeof name, "v%zu", m->g->n_values);
    assert_int_equal(espy_graph_add_value(&m->cx, m->g, name, &v), ESPY_E_OK);
    m->g->values[v].dtype = ESPY_DT_F32;
    m->g->values[v].rank = rank;
    for (int i = 0; i < rank; i++)
        m->g->values[v].dims[i] = dims[i];
    return v;
}

static espy_vid maker_input(maker *m, int rank, const int64_t *dims)
{
    espy_vid v = maker_value(m, rank, dims);
    m->inputs[m->n_inputs++] = v;
    return v;
}

static espy_vid maker_const(maker *m, int rank, const int64_t *dims, float scale)
{
    espy_const *c = NULL;
    espy_vid v = maker_value(m, rank, dims);
    assert_int_equal(espy_const_create(&m->cx, ESPY_DT_F32, rank, dims, &c), ESPY_E_OK);
    for (size_t i = 0; i < c->count; i++)
        ((float *)c->data)[i] = scale * (float)espy_random_normal(&m->random);
    espy_graph_take_const(m->g, v, c);
    return v;
}

static espy_vid maker_node(maker *m, const espy_node *model, const espy_vid *in, int n_in, int rank,
                           const int64_t *dims)
{
    espy_vid out = maker_value(m, rank, dims);
    char name[32];
    snprintf(name, sizeof name, "n%zu", m->g->n_nodes);
    assert_int_equal(espy_graph_add_node(&m->cx, m->g, model, name, in, n_in, out), ESPY_E_OK);
    return out;
}

static const int64_t *maker_dims(const maker *m, espy_vid v)
{
    return m->g->values[v].dims;
}

typedef struct conv_spec {
    int64_t o, kernel, stride, pad, group;
    espy_act_kind act;
    bool prelu, bias;
    espy_vid add; /* 0: none (value 0 is always an input) */
    bool act_first;
} conv_spec;

static espy_vid maker_conv(maker *m, espy_vid x, conv_spec s)
{
    const int64_t *d = maker_dims(m, x);
    int64_t group = s.group ? s.group : 1, stride = s.stride ? s.stride : 1;
    int64_t w[4] = {s.o, d[1] / group, s.kernel, s.kernel}, b[1] = {s.o};
    int64_t y[4] = {d[0], s.o, (d[2] + 2 * s.pad - s.kernel) / stride + 1,
                    (d[3] + 2 * s.pad - s.kernel) / stride + 1};
    espy_node n = {.op = ESPY_OP_CONV};
    n.at.conv.group = group;
    for (int i = 0; i < 2; i++) {
        n.at.conv.window.kernel[i] = s.kernel;
        n.at.conv.window.stride[i] = stride;
        n.at.conv.window.dilation[i] = 1;
        n.at.conv.window.pad_begin[i] = n.at.conv.window.pad_end[i] = s.pad;
    }
    espy_vid in[6] = {x, 0, ESPY_NONE};
    int n_in = 3;
    in[1] = maker_const(m, 4, w, sqrtf(1.0f / (float)(w[1] * w[2] * w[3])));
    if (s.bias)
        in[2] = maker_const(m, 1, b, 0.1f);
    if (s.act && s.act_first)
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_ACT, .act = {s.act, 0.1f, 2.0f}};
    if (s.add) {
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_ADD, .input = n_in};
        in[n_in++] = s.add;
    }
    if (s.prelu) {
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_PRELU, .input = n_in};
        in[n_in++] = maker_const(m, 1, b, 0.3f);
    }
    if (s.act && !s.act_first)
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_ACT, .act = {s.act, 0.1f, 2.0f}};
    return maker_node(m, &n, in, n_in, 4, y);
}

static espy_vid maker_unary(maker *m, espy_vid x, espy_act_kind kind, float a, float b)
{
    espy_node n = {.op = ESPY_OP_UNARY};
    n.at.unary = (espy_act){kind, a, b};
    return maker_node(m, &n, &x, 1, m->g->values[x].rank, maker_dims(m, x));
}

static espy_vid maker_binary(maker *m, espy_bin_kind kind, espy_vid x, espy_vid y)
{
    espy_node n = {.op = ESPY_OP_BINARY};
    n.at.binary = kind;
    return maker_node(m, &n, (const espy_vid[]){x, y}, 2, m->g->values[x].rank, maker_dims(m, x));
}

static espy_vid maker_pool(maker *m, espy_vid x, espy_pool_kind kind, int64_t k, int64_t s,
                           int64_t pad, int64_t extra)
{
    espy_node n = {.op = ESPY_OP_POOL};
    const int64_t *d = maker_dims(m, x);
    int64_t y[4] = {d[0], d[1], (d[2] + 2 * pad + extra - k) / s + 1,
                    (d[3] + 2 * pad + extra - k) / s + 1};
    n.at.pool.kind = kind;
    for (int i = 0; i < 2; i++) {
        n.at.pool.window.kernel[i] = k;
        n.at.pool.window.stride[i] = s;
        n.at.pool.window.dilation[i] = 1;
        n.at.pool.window.pad_begin[i] = n.at.pool.window.pad_end[i] = pad;
        n.at.pool.window.extra[i] = extra;
    }
    return maker_node(m, &n, &x, 1, 4, y);
}

static espy_vid maker_reshape(maker *m, espy_vid x, int rank, const int64_t *dims)
{
    espy_node n = {.op = ESPY_OP_RESHAPE};
    return maker_node(m, &n, &x, 1, rank, dims);
}

static espy_vid maker_transpose(maker *m, espy_vid x, const int *perm)
{
    espy_node n = {.op = ESPY_OP_TRANSPOSE};
    int rank = m->g->values[x].rank;
    int64_t y[ESPY_NN_RANK];
    for (int i = 0; i < rank; i++) {
        n.at.transpose.perm[i] = perm[i];
        y[i] = maker_dims(m, x)[perm[i]];
    }
    n.at.transpose.n = rank;
    return maker_node(m, &n, &x, 1, rank, y);
}

static espy_vid maker_concat(maker *m, int axis, const espy_vid *in, int k)
{
    espy_node n = {.op = ESPY_OP_CONCAT};
    int64_t y[ESPY_NN_RANK];
    int rank = m->g->values[in[0]].rank;
    memcpy(y, maker_dims(m, in[0]), sizeof y);
    y[axis] = 0;
    for (int i = 0; i < k; i++)
        y[axis] += maker_dims(m, in[i])[axis];
    n.at.concat.axis = axis;
    return maker_node(m, &n, in, k, rank, y);
}

static espy_vid maker_slice(maker *m, espy_vid x, int axis, int64_t start, int64_t count)
{
    espy_node n = {.op = ESPY_OP_SLICE};
    int64_t y[ESPY_NN_RANK];
    int rank = m->g->values[x].rank;
    memcpy(y, maker_dims(m, x), sizeof y);
    for (int i = 0; i < rank; i++)
        n.at.slice.step[i] = 1;
    n.at.slice.start[axis] = start;
    y[axis] = count;
    return maker_node(m, &n, &x, 1, rank, y);
}

static espy_vid maker_resize(maker *m, espy_vid x, int64_t by)
{
    espy_node n = {.op = ESPY_OP_RESIZE};
    const int64_t *d = maker_dims(m, x);
    int64_t y[4] = {d[0], d[1], d[2] * by, d[3] * by};
    n.at.resize.coord = ESPY_COORD_ASYMMETRIC;
    n.at.resize.nearest = ESPY_NEAREST_FLOOR;
    for (int i = 0; i < 2; i++) {
        n.at.resize.scale[i] = (float)by;
        n.at.resize.repeat[i] = by;
    }
    return maker_node(m, &n, &x, 1, 4, y);
}

static espy_vid maker_mean(maker *m, espy_vid x, bool keep)
{
    espy_node n = {.op = ESPY_OP_REDUCE};
    const int64_t *d = maker_dims(m, x);
    int64_t y[4] = {d[0], d[1], 1, 1};
    n.at.reduce.kind = ESPY_REDUCE_MEAN;
    n.at.reduce.axes = 1u << 2 | 1u << 3;
    return maker_node(m, &n, &x, 1, keep ? 4 : 2, y);
}

static espy_vid maker_dense(maker *m, espy_vid x, int64_t o, bool trans, espy_act_kind act)
{
    espy_node n = {.op = ESPY_OP_MATMUL};
    const espy_value *v = &m->g->values[x];
    int64_t k = v->dims[v->rank - 1], w[2] = {trans ? o : k, trans ? k : o}, b[1] = {o},
            y[ESPY_NN_RANK];
    int rank = v->rank;
    memcpy(y, v->dims, sizeof y);
    y[rank - 1] = o;
    n.at.matmul.trans_b = trans;
    if (act)
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_ACT, .act = {act, 0, 1}};
    espy_vid in[3] = {x, 0, 0};
    in[1] = maker_const(m, 2, w, sqrtf(1.0f / (float)k));
    in[2] = maker_const(m, 1, b, 0.1f);
    return maker_node(m, &n, in, 3, rank, y);
}

static espy_vid maker_affine(maker *m, espy_vid x, bool prelu)
{
    espy_node n = {.op = ESPY_OP_AFFINE};
    int64_t c[1] = {maker_dims(m, x)[1]};
    espy_vid in[4] = {x, 0, 0, 0};
    int n_in = 3;
    in[1] = maker_const(m, 1, c, 1.0f);
    in[2] = maker_const(m, 1, c, 0.5f);
    if (prelu) {
        n.post[n.n_post++] = (espy_post){.kind = ESPY_POST_PRELU, .input = n_in};
        in[n_in++] = maker_const(m, 1, c, 0.3f);
    }
    return maker_node(m, &n, in, n_in, m->g->values[x].rank, maker_dims(m, x));
}

/* --- comparing ------------------------------------------------------------------------------- */

static void run_with(maker *m, const espy_exec_ops *ops, const espy_net_options *o, float **in,
                     float **out)
{
    void *state = NULL, *plan = NULL;
    espy_err e = ops->create(&m->cx, o, &state);
    if (e == ESPY_E_OK)
        e = ops->compile(&m->cx, state, m->g, &plan);
    if (e == ESPY_E_OK)
        e = ops->run(&m->cx, plan, (const float *const *)in, out);
    if (e == ESPY_E_OK) /* again: from the stock, over used memory */
        e = ops->run(&m->cx, plan, (const float *const *)in, out);
    if (e != ESPY_E_OK)
        fail_msg("%s: %s", ops->name, m->cx.text);
    ops->plan_destroy(&m->cx, &plan);
    ops->destroy(&m->cx, &state);
}

/* The layout that the tuner may choose instead of the default. */
static void run_nhwc(maker *m, const espy_net_options *o, float **in, float **out)
{
    void *state = NULL;
    espy_odn_plan *plan = NULL;
    espy_odn_choice c = {.layout = ESPY_ODN_NHWC, .n = m->g->n_nodes};
    c.algo = espy_array(&m->cx, c.n + 1, sizeof *c.algo);
    for (size_t i = 0; i < c.n; i++)
        c.algo[i] = ESPY_ODN_ALGO_NHWC;
    espy_err e = espy_exec_onednn.create(&m->cx, o, &state);
    if (e == ESPY_E_OK)
        e = espy_odn_compile(&m->cx, state, m->g, &c, &plan);
    if (e == ESPY_E_OK)
        e = espy_odn_execute(&m->cx, plan, (const float *const *)in, out, NULL);
    if (e != ESPY_E_OK)
        fail_msg("NHWC: %s", m->cx.text);
    espy_odn_choice_free(&m->cx, &c);
    espy_odn_plan_destroy(&m->cx, &plan);
    espy_exec_onednn.destroy(&m->cx, &state);
}

/* Outputs of both executors: normalised mean squared error in f32, cosine in bf16. */
static void maker_compare(maker *m, const espy_vid *outputs, size_t n, const char *what)
{
    float *in[8], *a[32], *b[32];
    assert_true(n <= 32);
    assert_int_equal(espy_graph_set_ports(&m->cx, m->g, m->inputs, (size_t)m->n_inputs, outputs, n),
                     ESPY_E_OK);
    espy_graph_count(m->g);
    m->g->fixed = true;
    for (int i = 0; i < m->n_inputs; i++) {
        size_t k = espy_value_count(&m->g->values[m->inputs[i]]);
        in[i] = espy_floats(&m->cx, k);
        for (size_t j = 0; j < k; j++)
            in[i][j] = (float)espy_random_normal(&m->random);
    }
    for (size_t i = 0; i < n; i++) {
        a[i] = espy_floats(&m->cx, espy_value_count(&m->g->values[outputs[i]]));
        b[i] = espy_floats(&m->cx, espy_value_count(&m->g->values[outputs[i]]));
    }
    run_with(m, &espy_exec_reference, &(espy_net_options){0}, in, a);
    for (int run = 0; run < 5; run++) {
        bool p = run == 1 || run == 4;
        espy_net_options o = {.precision = p ? ESPY_PRECISION_BF16 : ESPY_PRECISION_F32};
        o.threads = run == 2 ? 2 : 1;
        if (!espy_precision_native(o.precision))
            continue;
        if (run >= 3)
            run_nhwc(m, &o, in, b);
        else
            run_with(m, &espy_exec_onednn, &o, in, b);
        for (size_t i = 0; i < n; i++) {
            double diff = 0, power = 0, dot = 0, own = 0;
            size_t k = espy_value_count(&m->g->values[outputs[i]]);
            for (size_t j = 0; j < k; j++) {
                diff += ((double)a[i][j] - b[i][j]) * ((double)a[i][j] - b[i][j]);
                power += (double)a[i][j] * a[i][j];
                dot += (double)a[i][j] * b[i][j];
                own += (double)b[i][j] * b[i][j];
            }
            double cosine = dot / sqrt(power * own + 1e-30);
            if (!p && !(diff <= 1e-7 * power + 1e-12))
                fail_msg("%s, output %zu: NMSE %g in f32", what, i, diff / power);
            if (p && !(cosine >= 0.999))
                fail_msg("%s, output %zu: cosine %g in bf16", what, i, cosine);
        }
    }
    for (int i = 0; i < m->n_inputs; i++)
        espy_free(&m->cx, in[i]);
    for (size_t i = 0; i < n; i++) {
        espy_free(&m->cx, a[i]);
        espy_free(&m->cx, b[i]);
    }
    espy_graph_destroy(&m->cx, &m->g);
    assert_int_equal(m->memory.live, 0);
}

/* --- tests ----------------------------------------------------------------------------------- */

static void test_conv(void **state)
{
    (void)state;
    static const struct {
        int64_t n, c, side;
        conv_spec s;
    } cases[] = {
        {1,
         3,
         17,
         {.o = 16, .kernel = 3, .stride = 2, .pad = 1, .bias = true, .act = ESPY_ACT_RELU}},
        {2, 3, 17, {.o = 20, .kernel = 3, .pad = 1, .prelu = true}},
        {1, 1, 20, {.o = 32, .kernel = 3, .stride = 2, .pad = 1, .bias = true}},
        {1, 5, 9, {.o = 7, .kernel = 3, .pad = 1, .bias = true, .act = ESPY_ACT_SIGMOID}},
        {2, 24, 12, {.o = 24, .kernel = 3, .pad = 1, .bias = true, .act = ESPY_ACT_CLIP}},
        {1, 32, 14, {.o = 48, .kernel = 3, .pad = 1, .act = ESPY_ACT_LEAKY_RELU}},
        {3, 64, 7, {.o = 64, .kernel = 3, .pad = 1, .bias = true, .act = ESPY_ACT_SWISH}},
        {1, 40, 10, {.o = 72, .kernel = 1, .bias = true, .act = ESPY_ACT_GELU}},
        {2,
         16,
         11,
         {.o = 16, .kernel = 5, .pad = 2, .group = 16, .bias = true, .act = ESPY_ACT_RELU}},
        {1, 40, 11, {.o = 40, .kernel = 3, .stride = 2, .pad = 1, .group = 40, .prelu = true}},
        {1, 8, 11, {.o = 16, .kernel = 3, .pad = 1, .group = 8, .bias = true}},
        {1, 12, 9, {.o = 18, .kernel = 3, .group = 3, .bias = true, .act = ESPY_ACT_RELU}},
        {1, 32, 9, {.o = 64, .kernel = 3, .group = 2, .bias = true, .act = ESPY_ACT_TANH}},
        {2, 64, 7, {.o = 128, .kernel = 7, .bias = true}},
        {1, 16, 6, {.o = 16, .kernel = 1, .act = ESPY_ACT_ERF}},
        {1, 17, 6, {.o = 33, .kernel = 2, .act = ESPY_ACT_HARD_SIGMOID}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        maker m;
        char what[32];
        maker_init(&m, i + 1);
        espy_vid x = maker_input(
            &m, 4, (const int64_t[]){cases[i].n, cases[i].c, cases[i].side, cases[i].side});
        espy_vid y = maker_conv(&m, x, cases[i].s);
        snprintf(what, sizeof what, "conv %zu", i);
        maker_compare(&m, &y, 1, what);
    }
}

/* Random windows: uneven kernels, strides, dilations and padding, any number of channels. */
static void test_random_conv(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        maker m;
        char what[64];
        espy_node n = {.op = ESPY_OP_CONV};
        maker_init(&m, 1000 + seed);
#define PICK(k) ((int64_t)espy_random_below(&m.random, (k)))
        int64_t group = PICK(4) == 0 ? 1 + PICK(20) : 1;
        int64_t c = group * (group > 1 && PICK(2) ? 1 : 1 + PICK(group > 1 ? 4 : 50));
        int64_t o = group * (group > 1 && PICK(2) ? 1 : 1 + PICK(group > 1 ? 4 : 50));
        int64_t x[4] = {1 + PICK(3), c, 0, 0}, y[4] = {x[0], o, 0, 0}, w[4] = {o, c / group, 0, 0};
        n.at.conv.group = group;
        for (int i = 0; i < 2; i++) {
            espy_window *win = &n.at.conv.window;
            w[2 + i] = win->kernel[i] = PICK(3) ? 3 : 1 + PICK(6);
            win->stride[i] = PICK(2) ? 1 : 1 + PICK(3);
            win->dilation[i] = PICK(4) ? 1 : 2;
            win->pad_begin[i] = PICK(win->kernel[i] + 1);
            win->pad_end[i] = PICK(win->kernel[i] + 1);
            int64_t reach = (win->kernel[i] - 1) * win->dilation[i] + 1;
            x[2 + i] = reach + PICK(18);
            y[2 + i] =
                (x[2 + i] + win->pad_begin[i] + win->pad_end[i] - reach) / win->stride[i] + 1;
        }
#undef PICK
        espy_vid in[3] = {maker_input(&m, 4, x), ESPY_NONE, ESPY_NONE};
        in[1] = maker_const(&m, 4, w, sqrtf(1.0f / (float)(w[1] * w[2] * w[3])));
        if (seed % 2)
            in[2] = maker_const(&m, 1, w, 0.1f);
        espy_vid out = maker_node(&m, &n, in, 3, 4, y);
        snprintf(what, sizeof what, "random conv %d", (int)seed);
        maker_compare(&m, &out, 1, what);
    }
}

/* Residual sums: in place, not in place (the sum's operand lives on, or is the input), before and
 * after the activation. */
static void test_residual(void **state)
{
    (void)state;
    for (int channels = 16; channels <= 40; channels += 8) {
        maker m;
        maker_init(&m, (uint64_t)channels);
        int64_t c = channels;
        espy_vid x = maker_input(&m, 4, (const int64_t[]){2, c, 10, 10});
        espy_vid a = maker_conv(&m, x, (conv_spec){.o = c, .kernel = 1, .bias = true});
        espy_vid b = maker_conv(
            &m, a, (conv_spec){.o = c, .kernel = 3, .pad = 1, .add = a, .act = ESPY_ACT_RELU});
        espy_vid d =
            maker_conv(&m, b, (conv_spec){.o = c, .kernel = 3, .pad = 1, .add = b, .prelu = true});
        espy_vid e = maker_conv(
            &m, d,
            (conv_spec){
                .o = c, .kernel = 3, .pad = 1, .add = b, .act = ESPY_ACT_RELU, .act_first = true});
        espy_vid f = maker_conv(&m, e, (conv_spec){.o = c, .kernel = 1, .add = e});
        espy_vid g = maker_conv(&m, f, (conv_spec){.o = c, .kernel = 1, .add = x});
        maker_compare(&m, (const espy_vid[]){g, d}, 2, "residual");
    }
}

/* Three heads over one input, as detectors have, and what follows them. */
static void test_heads(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 2; n++) {
        maker m;
        maker_init(&m, 7);
        espy_vid x = maker_input(&m, 4, (const int64_t[]){n, 3, 32, 32}), out[6];
        espy_vid h = maker_conv(
            &m, x,
            (conv_spec){
                .o = 24, .kernel = 3, .stride = 2, .pad = 1, .bias = true, .act = ESPY_ACT_RELU});
        static const int64_t channels[] = {2, 8, 20};
        for (int i = 0; i < 3; i++) {
            espy_vid y = maker_conv(&m, h,
                                    (conv_spec){.o = channels[i],
                                                .kernel = 3,
                                                .pad = 1,
                                                .bias = i != 1,
                                                .act = i == 1 ? ESPY_ACT_SIGMOID : ESPY_ACT_NONE});
            y = maker_transpose(&m, y, (const int[]){0, 2, 3, 1});
            y = maker_reshape(&m, y, 3, (const int64_t[]){n, 16 * 16 * 2, channels[i] / 2});
            out[i] = i == 0 ? maker_unary(&m, y, ESPY_ACT_SIGMOID, 0, 0) : y;
        }
        /* The same, ending in one concatenation. */
        espy_vid part[2];
        for (int i = 0; i < 2; i++) {
            espy_vid y = maker_conv(
                &m, h, (conv_spec){.o = 6, .kernel = 3, .stride = i + 1, .pad = 1, .bias = true});
            y = maker_transpose(&m, y, (const int[]){0, 2, 3, 1});
            part[i] = maker_reshape(&m, y, 3, (const int64_t[]){n, (i ? 64 : 256) * 3, 2});
        }
        espy_vid all = maker_concat(&m, 1, part, 2);
        espy_node soft = {.op = ESPY_OP_SOFTMAX};
        soft.at.softmax.axis = 2;
        out[3] = maker_node(&m, &soft, &all, 1, 3, maker_dims(&m, all));
        out[4] = maker_slice(&m, all, 2, 1, 1);
        out[5] = maker_slice(&m, all, 1, 5, 700);
        maker_compare(&m, out, 6, "heads");
    }
}

static void test_pictures(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= 2; n++) {
        for (int64_t c = 16; c <= 32; c += 4) {
            maker m;
            maker_init(&m, (uint64_t)(100 * n + c));
            espy_vid x = maker_input(&m, 4, (const int64_t[]){n, c, 12, 12}), out[12];
            espy_vid a =
                maker_conv(&m, x, (conv_spec){.o = c, .kernel = 3, .pad = 1, .act = ESPY_ACT_RELU});
            espy_vid b = maker_conv(&m, x, (conv_spec){.o = 32, .kernel = 1, .bias = true});
            espy_vid cat = maker_concat(&m, 1, (const espy_vid[]){a, b, x, a}, 4);
            espy_vid f = maker_conv(&m, cat, (conv_spec){.o = c, .kernel = 1, .act = ESPY_ACT_ELU});
            out[0] = maker_pool(&m, f, ESPY_POOL_MAX, 3, 2, 1, 0);
            out[1] = maker_pool(&m, f, ESPY_POOL_AVG, 3, 2, 1, 0);
            out[2] = maker_pool(&m, f, ESPY_POOL_AVG_INCLUDE_PAD, 2, 2, 0, 0);
            out[3] = maker_pool(&m, x, ESPY_POOL_MAX, 3, 2, 0, 1);
            out[4] = maker_binary(&m, ESPY_BIN_ADD, f, maker_resize(&m, out[2], 2));
            out[5] = maker_mean(&m, f, true);
            out[6] = maker_mean(&m, a, false);
            espy_vid gate =
                maker_unary(&m, maker_conv(&m, out[5], (conv_spec){.o = c, .kernel = 1}),
                            ESPY_ACT_SIGMOID, 0, 0);
            out[7] = maker_binary(&m, ESPY_BIN_MUL, f, gate);
            out[8] = maker_affine(&m, f, true);
            out[9] = maker_transpose(&m, maker_transpose(&m, f, (const int[]){0, 2, 3, 1}),
                                     (const int[]){0, 3, 1, 2});
            out[10] = maker_dense(&m, maker_transpose(&m, f, (const int[]){0, 2, 3, 1}), 10, false,
                                  ESPY_ACT_GELU);
            out[11] = maker_transpose(&m, f, (const int[]){0, 1, 3, 2});
            maker_compare(&m, out, 12, "pictures");
        }
    }
}

static void test_vectors(void **state)
{
    (void)state;
    maker m;
    maker_init(&m, 5);
    espy_vid x = maker_input(&m, 2, (const int64_t[]){5, 70}), out[14];
    espy_vid h = maker_dense(&m, x, 48, true, ESPY_ACT_RELU);
    espy_vid i = maker_dense(&m, h, 33, false, ESPY_ACT_NONE);
    espy_node n = {.op = ESPY_OP_SOFTMAX};
    n.at.softmax.axis = 1;
    out[0] = maker_node(&m, &n, &i, 1, 2, maker_dims(&m, i));
    n = (espy_node){.op = ESPY_OP_L2_NORM};
    n.at.l2_norm.axis = 1;
    n.at.l2_norm.eps = 1e-12f;
    out[1] = maker_node(&m, &n, &h, 1, 2, maker_dims(&m, h));
    espy_vid q = maker_reshape(&m, h, 4, (const int64_t[]){5, 4, 3, 4});
    espy_vid k = maker_transpose(&m, q, (const int[]){0, 2, 1, 3});
    n = (espy_node){.op = ESPY_OP_MATMUL};
    n.at.matmul.trans_b = true;
    out[2] = maker_node(&m, &n, (const espy_vid[]){k, k, ESPY_NONE}, 3, 4,
                        (const int64_t[]){5, 3, 4, 4});
    out[3] = maker_slice(&m, i, 1, 3, 20);
    out[4] = maker_slice(&m, i, 0, 2, 2);
    out[5] = maker_binary(&m, ESPY_BIN_DIV, i, maker_const(&m, 2, (const int64_t[]){1, 33}, 1.0f));
    out[6] = maker_binary(&m, ESPY_BIN_SUB, i, maker_const(&m, 1, (const int64_t[]){1}, 1.0f));
    out[7] = maker_concat(&m, 1, (const espy_vid[]){i, h, x}, 3);
    out[8] = maker_affine(&m, i, false);
    /* One row: dot products. */
    espy_vid one = maker_slice(&m, x, 0, 1, 1);
    out[9] = maker_dense(&m, one, 37, true, ESPY_ACT_SIGMOID);
    out[10] = maker_dense(&m, one, 37, false, ESPY_ACT_ERF);
    n = (espy_node){.op = ESPY_OP_LAYER_NORM};
    n.at.layer_norm.eps = 1e-6f;
    const int64_t d[1] = {33};
    espy_vid norm[3] = {i, maker_const(&m, 1, d, 1.0f), maker_const(&m, 1, d, 1.0f)};
    out[11] = maker_node(&m, &n, norm, 3, 2, maker_dims(&m, i));
    out[12] =
        maker_node(&m, &n, (const espy_vid[]){i, ESPY_NONE, ESPY_NONE}, 3, 2, maker_dims(&m, i));
    n = (espy_node){.op = ESPY_OP_GATHER};
    n.at.gather.axis = 1;
    espy_const *index = NULL;
    const int64_t two[1] = {2};
    assert_int_equal(espy_const_create(&m.cx, ESPY_DT_I64, 1, two, &index), ESPY_E_OK);
    ((int64_t *)index->data)[0] = 32;
    espy_vid at = maker_value(&m, 1, two);
    m.g->values[at].dtype = ESPY_DT_I64;
    espy_graph_take_const(m.g, at, index);
    out[13] = maker_node(&m, &n, (const espy_vid[]){i, at}, 2, 2, (const int64_t[]){5, 2});
    maker_compare(&m, out, 14, "vectors");
}

/* A graph whose output is its input, a constant, and one value twice (invariant G7). */
static void test_odd_outputs(void **state)
{
    (void)state;
    maker m;
    maker_init(&m, 6);
    espy_vid x = maker_input(&m, 4, (const int64_t[]){1, 4, 5, 5});
    espy_vid c = maker_const(&m, 1, (const int64_t[]){9}, 1.0f);
    espy_vid y = maker_conv(&m, x, (conv_spec){.o = 3, .kernel = 3});
    maker_compare(&m, (const espy_vid[]){x, c, y, y}, 4, "odd outputs");
}

/* --- a small network for the rest ------------------------------------------------------------ */

static void small_graph(maker *m)
{
    maker_init(m, 11);
    espy_vid x = maker_input(m, 4, (const int64_t[]){1, 3, 24, 24});
    espy_vid a =
        maker_conv(m, x, (conv_spec){.o = 32, .kernel = 3, .stride = 2, .pad = 1, .prelu = true});
    espy_vid b =
        maker_conv(m, a, (conv_spec){.o = 32, .kernel = 3, .pad = 1, .act = ESPY_ACT_RELU});
    espy_vid c = maker_conv(m, b, (conv_spec){.o = 32, .kernel = 3, .pad = 1, .add = a});
    espy_vid d = maker_affine(m, c, false);
    espy_vid y = maker_dense(m, maker_mean(m, d, false), 10, true, ESPY_ACT_NONE);
    assert_int_equal(espy_graph_set_ports(&m->cx, m->g, m->inputs, 1, &y, 1), ESPY_E_OK);
    espy_graph_count(m->g);
    m->g->fixed = true;
}

typedef struct runner {
    const espy_ctx *cx;
    const void *plan;
    float in[3 * 24 * 24], want[10];
    int wrong;
} runner;

static void *runner_main(void *self)
{
    runner *r = self;
    espy_ctx cx = espy_ctx_child(r->cx);
    const float *in = r->in;
    for (int i = 0; i < 200; i++) {
        float got[10], *out = got;
        if (espy_exec_onednn.run(&cx, r->plan, &in, &out) != ESPY_E_OK ||
            memcmp(got, r->want, sizeof got) != 0)
            r->wrong++;
    }
    return NULL;
}

static void test_concurrent(void **state)
{
    (void)state;
    maker m;
    void *st = NULL, *plan = NULL;
    static runner r[6];
    pthread_t thread[6];
    small_graph(&m);
    espy_ctx plain;
    espy_ctx_init(&plain);
    assert_int_equal(espy_exec_onednn.create(&plain, &(espy_net_options){0}, &st), ESPY_E_OK);
    assert_int_equal(espy_exec_onednn.compile(&plain, st, m.g, &plan), ESPY_E_OK);
    for (int i = 0; i < 6; i++) {
        const float *in = r[i].in;
        float *out = r[i].want;
        r[i].cx = &plain;
        r[i].plan = plan;
        for (int k = 0; k < 3 * 24 * 24; k++)
            r[i].in[k] = (float)espy_random_normal(&m.random);
        assert_int_equal(espy_exec_onednn.run(&plain, plan, &in, &out), ESPY_E_OK);
    }
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, runner_main, &r[i]), 0);
    for (int i = 0; i < 6; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(r[i].wrong, 0);
    }
    espy_exec_onednn.plan_destroy(&plain, &plan);
    espy_exec_onednn.destroy(&plain, &st);
    espy_graph_destroy(&m.cx, &m.g);
    assert_int_equal(m.memory.live, 0);
}

static espy_err whole(espy_ctx *cx, const espy_graph *g, const espy_net_options *o, float *result)
{
    static const float in_data[3 * 24 * 24] = {1, -1, 0.5f};
    const float *in = in_data;
    void *st = NULL, *plan = NULL;
    espy_err e = espy_exec_onednn.create(cx, o, &st);
    if (e == ESPY_E_OK)
        e = espy_exec_onednn.compile(cx, st, g, &plan);
    if (e == ESPY_E_OK)
        e = espy_exec_onednn.run(cx, plan, &in, &result);
    espy_exec_onednn.plan_destroy(cx, &plan);
    espy_exec_onednn.destroy(cx, &st);
    return e;
}

static void test_faults(void **state)
{
    (void)state;
    maker m;
    float y[10];
    small_graph(&m);
    TEST_FAULT_LOOP(&m.cx, &m.memory, whole(&m.cx, m.g, &(espy_net_options){0}, y), (void)0);
    espy_graph_destroy(&m.cx, &m.g);
}

/* Tuning is remembered, read back, and survives a damaged or unwritable cache. */
static void test_tune(void **state)
{
    (void)state;
    maker m;
    char folder[] = "/tmp/espy-tune-XXXXXX", path[256];
    float a[10], b[10];
    small_graph(&m);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(setenv("XDG_CACHE_HOME", folder, 1), 0);
    espy_net_options o = {.tune = true};
    assert_int_equal(whole(&m.cx, m.g, &(espy_net_options){0}, a), ESPY_E_OK);
    espy_dir_list l = {0};
    snprintf(path, sizeof path, "%s/espy/tune", folder);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(whole(&m.cx, m.g, &o, b), ESPY_E_OK);
        for (int i = 0; i < 10; i++)
            assert_true(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(a[i])));
        assert_int_equal(espy_dir_read(&m.cx, path, &l), ESPY_E_OK);
        assert_int_equal(l.n, 1);
        char *file = espy_path_join(&m.cx, path, l.at[0].name);
        if (round == 1) /* damaged: measured again and replaced */
            assert_int_equal(espy_file_write(&m.cx, file, "{\"key\":1", 8), ESPY_E_OK);
        espy_free(&m.cx, file);
        espy_dir_list_free(&m.cx, &l);
    }
    TEST_FAULT_LOOP(&m.cx, &m.memory, whole(&m.cx, m.g, &o, b), (void)0);
    assert_int_equal(setenv("XDG_CACHE_HOME", "/proc/nowhere", 1), 0);
    assert_int_equal(whole(&m.cx, m.g, &o, b), ESPY_E_OK);
    assert_int_equal(espy_dir_remove(&m.cx, folder), ESPY_E_OK);
    espy_graph_destroy(&m.cx, &m.g);
    assert_int_equal(m.memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),        cmocka_unit_test(test_random_conv),
        cmocka_unit_test(test_residual),    cmocka_unit_test(test_heads),
        cmocka_unit_test(test_pictures),    cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_odd_outputs), cmocka_unit_test(test_concurrent),
        cmocka_unit_test(test_faults),      cmocka_unit_test(test_tune),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
