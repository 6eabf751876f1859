/* SPDX-License-Identifier: Apache-2.0
 * nn - the graph as a data structure: constants, values, nodes, and keeping it tidy. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/graph_build.h"

/* --- constants -------------------------------------------------------------------------------- */

size_t espy_dt_size(espy_dt t)
{
    static const uint8_t size[] = {
        [ESPY_DT_F32] = 4,  [ESPY_DT_I64] = 8, [ESPY_DT_I32] = 4,
        [ESPY_DT_BOOL] = 1, [ESPY_DT_U8] = 1,  [ESPY_DT_I8] = 1,
    };
    return size[t];
}

bool espy_dims_count(int rank, const int64_t *dims, int64_t max, int64_t *count)
{
    int64_t n = 1;
    if (rank < 0 || rank > ESPY_NN_RANK)
        return false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || (dims[i] > 0 && n > max / dims[i]))
            return false;
        n *= dims[i];
    }
    *count = n;
    return true;
}

void espy_dims_text(int rank, const int64_t *dims, char out[ESPY_DIMS_TEXT])
{
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < rank && n + 24 < ESPY_DIMS_TEXT; i++)
        n += (size_t)snprintf(out + n, ESPY_DIMS_TEXT - n, "%s%lld", i ? ", " : "[",
                              (long long)dims[i]);
    snprintf(out + n, ESPY_DIMS_TEXT - n, "%s", rank > 0 ? "]" : "[]");
}

espy_err espy_const_create(espy_ctx *cx, espy_dt t, int rank, const int64_t *dims, espy_const **out)
{
    int64_t count;
    if (!espy_dims_count(rank, dims, ESPY_GRAPH_ELEMENTS, &count))
        return espy_fail(cx, ESPY_E_LIMIT, "a constant of the network is too large");
    espy_const *c = espy_zalloc(cx, sizeof *c);
    if (!c)
        return ESPY_E_NOMEM;
    /* The float allocator is the one that aligns; sizes are rounded up to whole floats. */
    size_t bytes = (size_t)count * espy_dt_size(t);
    c->data = espy_floats(cx, (bytes + 3) / 4 + 1);
    if (!c->data) {
        espy_free(cx, c);
        return ESPY_E_NOMEM;
    }
    atomic_init(&c->refs, 1);
    c->dtype = t;
    c->rank = rank;
    for (int i = 0; i < rank; i++)
        c->dims[i] = dims[i];
    c->count = (size_t)count;
    *out = c;
    return ESPY_E_OK;
}

espy_const *espy_const_ref(const espy_const *c)
{
    /* Only the count changes, so sharing keeps the constant's content const. */
    espy_const *shared = (espy_const *)(uintptr_t)c;
    atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

void espy_const_unref(espy_ctx *cx, espy_const **c)
{
    if (*c && atomic_fetch_sub_explicit(&(*c)->refs, 1, memory_order_acq_rel) == 1) {
        espy_free(cx, (*c)->data);
        espy_free(cx, *c);
    }
    *c = NULL;
}

bool espy_const_scalar(const espy_const *c, float *x)
{
    if (!c || c->dtype != ESPY_DT_F32 || c->count != 1)
        return false;
    *x = *(const float *)c->data;
    return true;
}

/* --- names and functions ---------------------------------------------------------------------- */

const char *espy_op_name(espy_op op)
{
    static const char *const name[] = {
        [ESPY_OP_CONV] = "Conv",
        [ESPY_OP_MATMUL] = "MatMul",
        [ESPY_OP_AFFINE] = "Affine",
        [ESPY_OP_BINARY] = "Binary",
        [ESPY_OP_UNARY] = "Unary",
        [ESPY_OP_PRELU] = "PRelu",
        [ESPY_OP_POOL] = "Pool",
        [ESPY_OP_REDUCE] = "Reduce",
        [ESPY_OP_SOFTMAX] = "Softmax",
        [ESPY_OP_LAYER_NORM] = "LayerNormalization",
        [ESPY_OP_L2_NORM] = "L2Normalization",
        [ESPY_OP_RESHAPE] = "Reshape",
        [ESPY_OP_TRANSPOSE] = "Transpose",
        [ESPY_OP_CONCAT] = "Concat",
        [ESPY_OP_SLICE] = "Slice",
        [ESPY_OP_PAD] = "Pad",
        [ESPY_OP_RESIZE] = "Resize",
        [ESPY_OP_GATHER] = "Gather",
        [ESPY_OP_EXPAND] = "Expand",
        [ESPY_OP_IDENTITY] = "Identity",
        [ESPY_OP_SHAPE] = "Shape",
        [ESPY_OP_SIZE] = "Size",
        [ESPY_OP_CAST] = "Cast",
        [ESPY_OP_CONSTANT_OF_SHAPE] = "ConstantOfShape",
        [ESPY_OP_RANGE] = "Range",
        [ESPY_OP_GEMM] = "Gemm",
        [ESPY_OP_BATCH_NORM] = "BatchNormalization",
        [ESPY_OP_FLATTEN] = "Flatten",
        [ESPY_OP_SQUEEZE] = "Squeeze",
        [ESPY_OP_UNSQUEEZE] = "Unsqueeze",
        [ESPY_OP_SPLIT_PART] = "Split",
        [ESPY_OP_CLIP] = "Clip",
        [ESPY_OP_DEQUANTIZE] = "DequantizeLinear",
        [ESPY_OP_EQUAL] = "Equal",
        [ESPY_OP_WHERE] = "Where",
        [ESPY_OP_REDUCE_PROD] = "ReduceProd",
    };
    return name[op];
}

float espy_act_apply(espy_act act, float x)
{
    switch (act.kind) {
    case ESPY_ACT_NONE:
        return x;
    case ESPY_ACT_RELU:
        return x > 0 ? x : 0;
    case ESPY_ACT_LEAKY_RELU:
        return x < 0 ? act.a * x : x;
    case ESPY_ACT_CLIP:
        return fminf(fmaxf(x, act.a), act.b);
    case ESPY_ACT_SIGMOID:
        return 1 / (1 + expf(-x));
    case ESPY_ACT_TANH:
        return tanhf(x);
    case ESPY_ACT_SWISH:
        return x / (1 + expf(-x));
    case ESPY_ACT_HARD_SIGMOID:
        return fminf(fmaxf(act.a * x + act.b, 0), 1);
    case ESPY_ACT_HARD_SWISH:
        return x * fminf(fmaxf(act.a * x + act.b, 0), 1);
    case ESPY_ACT_GELU:
        return 0.5f * x * (1 + erff(x * 0.70710678f));
    case ESPY_ACT_ELU:
        return x < 0 ? act.a * expm1f(x) : x;
    case ESPY_ACT_SOFTPLUS:
        return x > 20 ? x : log1pf(expf(x));
    case ESPY_ACT_EXP:
        return expf(x);
    case ESPY_ACT_LOG:
        return logf(x);
    case ESPY_ACT_SQRT:
        return sqrtf(x);
    case ESPY_ACT_RECIPROCAL:
        return 1 / x;
    case ESPY_ACT_ABS:
        return fabsf(x);
    case ESPY_ACT_NEG:
        return -x;
    case ESPY_ACT_ERF:
        return erff(x);
    case ESPY_ACT_FLOOR:
        return floorf(x);
    case ESPY_ACT_CEIL:
        return ceilf(x);
    case ESPY_ACT_SQUARE:
        return x * x;
    case ESPY_ACT_LINEAR:
        return act.a * x + act.b;
    }
    return x;
}

size_t espy_value_count(const espy_value *v)
{
    size_t n = 1;
    for (int i = 0; i < v->rank; i++)
        n *= (size_t)v->dims[i];
    return n;
}

/* --- building --------------------------------------------------------------------------------- */

espy_err espy_graph_create(espy_ctx *cx, espy_graph **out)
{
    *out = espy_zalloc(cx, sizeof **out);
    return *out ? ESPY_E_OK : ESPY_E_NOMEM;
}

/* Frees through a const pointer: names are const for readers, but the graph owns them. */
static void graph_free_name(espy_ctx *cx, const char *name)
{
    espy_free(cx, (void *)(uintptr_t)name);
}

static void graph_free_node(espy_ctx *cx, espy_node *n)
{
    graph_free_name(cx, n->name);
    espy_free(cx, n->in);
    if (n->op == ESPY_OP_CONSTANT_OF_SHAPE)
        espy_const_unref(cx, &n->at.fill.value);
    n->name = NULL;
    n->in = NULL;
    n->n_in = 0;
    n->op = ESPY_OP_IDENTITY;
}

void espy_graph_destroy(espy_ctx *cx, espy_graph **gp)
{
    espy_graph *g = *gp;
    if (!g)
        return;
    for (size_t i = 0; i < g->n_nodes; i++)
        graph_free_node(cx, &g->nodes[i]);
    for (size_t i = 0; i < g->n_values; i++) {
        graph_free_name(cx, g->values[i].name);
        espy_const_unref(cx, &g->values[i].data);
    }
    espy_free(cx, g->nodes);
    espy_free(cx, g->values);
    for (size_t i = 0; g->output_ports && i < g->n_outputs; i++)
        graph_free_name(cx, g->output_ports[i].name);
    espy_free(cx, g->output_ports);
    espy_free(cx, g->inputs);
    espy_free(cx, g->outputs);
    espy_free(cx, g);
    *gp = NULL;
}

espy_err espy_graph_add_value(espy_ctx *cx, espy_graph *g, const char *name, espy_vid *out)
{
    if (g->n_values >= 8 * ESPY_GRAPH_NODES)
        return espy_fail(cx, ESPY_E_LIMIT, "the network has more than %d values",
                         8 * ESPY_GRAPH_NODES);
    if (g->n_values == g->value_room) {
        size_t room = g->value_room ? 2 * g->value_room : 64;
        espy_value *grown = espy_resize(cx, g->values, room, sizeof *grown);
        if (!grown)
            return ESPY_E_NOMEM;
        g->values = grown;
        g->value_room = room;
    }
    espy_value *v = &g->values[g->n_values];
    memset(v, 0, sizeof *v);
    v->name = espy_strdup(cx, name);
    if (!v->name)
        return ESPY_E_NOMEM;
    v->rank = -1;
    v->producer = ESPY_NONE;
    *out = (espy_vid)g->n_values++;
    return ESPY_E_OK;
}

void espy_graph_take_const(espy_graph *g, espy_vid id, espy_const *c)
{
    espy_value *v = &g->values[id];
    v->data = c;
    v->dtype = c->dtype;
    v->rank = c->rank;
    for (int i = 0; i < c->rank; i++)
        v->dims[i] = c->dims[i];
}

espy_err espy_graph_add_node(espy_ctx *cx, espy_graph *g, const espy_node *model, const char *name,
                             const espy_vid *in, int n_in, espy_vid out)
{
    if (g->n_nodes >= ESPY_GRAPH_NODES)
        return espy_fail(cx, ESPY_E_LIMIT, "the network has more than %d nodes", ESPY_GRAPH_NODES);
    if (g->n_nodes == g->node_room) {
        size_t room = g->node_room ? 2 * g->node_room : 64;
        espy_node *grown = espy_resize(cx, g->nodes, room, sizeof *grown);
        if (!grown)
            return ESPY_E_NOMEM;
        g->nodes = grown;
        g->node_room = room;
    }
    espy_node n = *model;
    n.name = espy_strdup(cx, name);
    n.in = espy_array(cx, (size_t)n_in, sizeof *n.in);
    if (!n.name || !n.in) {
        graph_free_name(cx, n.name);
        espy_free(cx, n.in);
        return ESPY_E_NOMEM;
    }
    for (int i = 0; i < n_in; i++)
        n.in[i] = in[i];
    n.n_in = n_in;
    n.out = out;
    if (n.op == ESPY_OP_CONSTANT_OF_SHAPE && n.at.fill.value)
        n.at.fill.value = espy_const_ref(n.at.fill.value);
    g->nodes[g->n_nodes++] = n;
    return ESPY_E_OK;
}

espy_err espy_graph_set_ports(espy_ctx *cx, espy_graph *g, const espy_vid *in, size_t n_in,
                              const espy_vid *out, size_t n_out)
{
    g->inputs = espy_array(cx, n_in, sizeof *g->inputs);
    g->outputs = espy_array(cx, n_out, sizeof *g->outputs);
    if (!g->inputs || !g->outputs)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n_in; i++)
        g->inputs[i] = in[i];
    for (size_t i = 0; i < n_out; i++)
        g->outputs[i] = out[i];
    g->n_inputs = n_in;
    g->n_outputs = n_out;
    return ESPY_E_OK;
}

espy_err espy_node_add_input(espy_ctx *cx, espy_node *n, espy_vid v, int *slot)
{
    espy_vid *grown = espy_resize(cx, n->in, (size_t)n->n_in + 1, sizeof *grown);
    if (!grown)
        return ESPY_E_NOMEM;
    n->in = grown;
    *slot = n->n_in;
    n->in[n->n_in++] = v;
    return ESPY_E_OK;
}

espy_err espy_graph_declare_output(espy_ctx *cx, espy_graph *g, size_t i, const espy_net_port *port)
{
    if (!g->output_ports) {
        g->output_ports = espy_array(cx, g->n_outputs, sizeof *g->output_ports);
        if (!g->output_ports)
            return ESPY_E_NOMEM;
    }
    g->output_ports[i] = *port;
    g->output_ports[i].name = espy_strdup(cx, port->name);
    return g->output_ports[i].name ? ESPY_E_OK : ESPY_E_NOMEM;
}

/* --- changing --------------------------------------------------------------------------------- */

void espy_node_kill(espy_ctx *cx, espy_node *n)
{
    graph_free_node(cx, n);
    n->out = ESPY_NONE;
    n->n_post = 0;
}

void espy_graph_count(espy_graph *g)
{
    for (size_t i = 0; i < g->n_values; i++) {
        g->values[i].producer = ESPY_NONE;
        g->values[i].uses = 0;
    }
    for (size_t i = 0; i < g->n_nodes; i++) {
        const espy_node *n = &g->nodes[i];
        if (n->out == ESPY_NONE)
            continue;
        g->values[n->out].producer = (int32_t)i;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != ESPY_NONE)
                g->values[n->in[k]].uses++;
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        g->values[g->outputs[i]].uses++;
}

void espy_graph_replace(espy_graph *g, espy_vid from, espy_vid to)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == from)
                g->nodes[i].in[k] = to;
    for (size_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == from)
            g->outputs[i] = to;
}

/* Marks what the outputs need, from the last node to the first (the order is topological). */
static void graph_mark(const espy_graph *g, uint8_t *needed)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        needed[g->outputs[i]] = 1;
    for (size_t i = 0; i < g->n_inputs; i++)
        needed[g->inputs[i]] = 1;
    for (size_t i = g->n_nodes; i-- > 0;) {
        const espy_node *n = &g->nodes[i];
        if (n->out == ESPY_NONE || !needed[n->out])
            continue;
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != ESPY_NONE)
                needed[n->in[k]] = 1;
    }
}

espy_err espy_graph_tidy(espy_ctx *cx, espy_graph *g)
{
    uint8_t *needed = espy_zalloc(cx, g->n_values);
    espy_vid *place = espy_array(cx, g->n_values, sizeof *place);
    if (!needed || !place) {
        espy_free(cx, needed);
        espy_free(cx, place);
        return ESPY_E_NOMEM;
    }
    graph_mark(g, needed);

    size_t kept = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        espy_node n = g->nodes[i];
        if (n.out == ESPY_NONE || !needed[n.out]) {
            graph_free_node(cx, &g->nodes[i]);
            continue;
        }
        g->nodes[kept++] = n;
    }
    g->n_nodes = kept;

    kept = 0;
    for (size_t i = 0; i < g->n_values; i++) {
        espy_value v = g->values[i];
        if (!needed[i]) {
            graph_free_name(cx, v.name);
            espy_const_unref(cx, &v.data);
            continue;
        }
        place[i] = (espy_vid)kept;
        g->values[kept++] = v;
    }
    g->n_values = kept;

    for (size_t i = 0; i < g->n_nodes; i++) {
        g->nodes[i].out = place[g->nodes[i].out];
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] != ESPY_NONE)
                g->nodes[i].in[k] = place[g->nodes[i].in[k]];
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        g->inputs[i] = place[g->inputs[i]];
    for (size_t i = 0; i < g->n_outputs; i++)
        g->outputs[i] = place[g->outputs[i]];
    espy_graph_count(g);
    espy_free(cx, needed);
    espy_free(cx, place);
    return ESPY_E_OK;
}

/* --- from file to static graph ---------------------------------------------------------------- */

espy_err espy_graph_load(espy_ctx *cx, espy_span onnx, const espy_graph_options *options,
                         espy_graph **out)
{
    espy_graph *raw = NULL, *g = NULL;
    espy_err e;
    ESPY_GO(espy_onnx_read(cx, onnx, &raw));
    ESPY_GO(espy_graph_lower(cx, raw, NULL, &g));
    espy_graph_destroy(cx, &raw); /* so that weights have one owner and can be changed in place */
    if (options->fuse)
        ESPY_GO(espy_fuse_weights(cx, g));
    ESPY_GO(espy_graph_tidy(cx, g));
    *out = g;
    g = NULL;
out:
    espy_graph_destroy(cx, &raw);
    espy_graph_destroy(cx, &g);
    return e;
}

/* The given tensors fit the inputs of the file. */
static espy_err graph_check_inputs(espy_ctx *cx, const espy_graph *g, const espy_tensor *in,
                                   size_t n_in)
{
    if (n_in != g->n_inputs)
        return espy_fail(cx, ESPY_E_ARG, "the network has %zu inputs, %zu were given", g->n_inputs,
                         n_in);
    for (size_t i = 0; i < n_in; i++) {
        const espy_value *v = &g->values[g->inputs[i]];
        int64_t count;
        char want[ESPY_DIMS_TEXT], have[ESPY_DIMS_TEXT];
        bool fits = in[i].rank >= 0 && in[i].rank <= ESPY_NN_RANK &&
                    (v->rank < 0 || v->rank == in[i].rank) &&
                    espy_dims_count(in[i].rank, in[i].dims, ESPY_GRAPH_ELEMENTS, &count) &&
                    count > 0;
        for (int d = 0; fits && v->rank > 0 && d < v->rank; d++)
            fits = v->dims[d] < 0 || v->dims[d] == in[i].dims[d];
        if (fits)
            continue;
        espy_dims_text(v->rank, v->dims, want);
        espy_dims_text(in[i].rank < ESPY_NN_RANK ? in[i].rank : ESPY_NN_RANK, in[i].dims, have);
        return espy_fail(cx, ESPY_E_ARG, "input \"%s\" wants the shape %s (-1: any), got %s",
                         v->name, want, have);
    }
    return ESPY_E_OK;
}

espy_err espy_graph_specialise(espy_ctx *cx, const espy_graph *g, const espy_tensor *in,
                               size_t n_in, const espy_graph_options *options, espy_graph **out)
{
    espy_graph *s = NULL;
    espy_err e;
    ESPY_TRY(graph_check_inputs(cx, g, in, n_in));
    ESPY_GO(espy_graph_lower(cx, g, in, &s));
    ESPY_GO(espy_graph_tidy(cx, s));
    if (options->fuse) {
        ESPY_GO(espy_fuse_patterns(cx, s));
        ESPY_GO(espy_fuse_posts(cx, s));
        ESPY_GO(espy_graph_tidy(cx, s));
    }
    s->fixed = true;
    *out = s;
    s = NULL;
out:
    espy_graph_destroy(cx, &s);
    return e;
}

double espy_graph_macs(const espy_graph *g)
{
    double sum = 0;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const espy_node *n = &g->nodes[i];
        double outputs = (double)espy_value_count(&g->values[n->out]);
        if (n->op == ESPY_OP_CONV) {
            const espy_value *w = &g->values[n->in[1]];
            sum += outputs * (double)(w->dims[1] * w->dims[2] * w->dims[3]);
        } else if (n->op == ESPY_OP_MATMUL) {
            const espy_value *a = &g->values[n->in[0]];
            sum += outputs * (double)a->dims[a->rank - (n->at.matmul.trans_a ? 2 : 1)];
        }
    }
    return sum;
}
