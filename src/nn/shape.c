/* SPDX-License-Identifier: Apache-2.0
 * nn - the lowering pass: walks a graph once in topological order, learns every shape that follows
 * from the known ones, rewrites operators to the static ones and evaluates what is constant. */
#include <string.h>

#include "nn/shape.h"

static espy_lower_rule *const shape_rules[] = {
    [ESPY_OP_CONV] = espy_lower_conv,
    [ESPY_OP_MATMUL] = espy_lower_matmul,
    [ESPY_OP_AFFINE] = NULL, /* made by BATCH_NORM, never read from a file */
    [ESPY_OP_BINARY] = espy_lower_binary,
    [ESPY_OP_UNARY] = espy_lower_unary,
    [ESPY_OP_PRELU] = espy_lower_prelu,
    [ESPY_OP_POOL] = espy_lower_pool,
    [ESPY_OP_REDUCE] = espy_lower_reduce,
    [ESPY_OP_SOFTMAX] = espy_lower_softmax,
    [ESPY_OP_LAYER_NORM] = espy_lower_layer_norm,
    [ESPY_OP_L2_NORM] = espy_lower_l2_norm,
    [ESPY_OP_RESHAPE] = espy_lower_reshape_op,
    [ESPY_OP_TRANSPOSE] = espy_lower_transpose,
    [ESPY_OP_CONCAT] = espy_lower_concat,
    [ESPY_OP_SLICE] = espy_lower_slice,
    [ESPY_OP_PAD] = espy_lower_pad,
    [ESPY_OP_RESIZE] = espy_lower_resize,
    [ESPY_OP_GATHER] = espy_lower_gather,
    [ESPY_OP_EXPAND] = espy_lower_expand,
    [ESPY_OP_IDENTITY] = espy_lower_identity,
    [ESPY_OP_SHAPE] = espy_lower_shape_op,
    [ESPY_OP_SIZE] = espy_lower_size,
    [ESPY_OP_CAST] = espy_lower_cast,
    [ESPY_OP_CONSTANT_OF_SHAPE] = espy_lower_constant_of_shape,
    [ESPY_OP_RANGE] = espy_lower_range,
    [ESPY_OP_GEMM] = espy_lower_gemm,
    [ESPY_OP_BATCH_NORM] = espy_lower_batch_norm,
    [ESPY_OP_FLATTEN] = espy_lower_flatten,
    [ESPY_OP_SQUEEZE] = espy_lower_squeeze,
    [ESPY_OP_UNSQUEEZE] = espy_lower_unsqueeze,
    [ESPY_OP_SPLIT_PART] = espy_lower_split_part,
    [ESPY_OP_CLIP] = espy_lower_clip,
    [ESPY_OP_DEQUANTIZE] = espy_lower_dequantize,
    [ESPY_OP_EQUAL] = espy_lower_equal,
    [ESPY_OP_WHERE] = espy_lower_where,
    [ESPY_OP_REDUCE_PROD] = espy_lower_reduce_prod,
};

/* --- what the rules use ----------------------------------------------------------------------- */

espy_err espy_lower_fail(espy_lower *l, espy_err code, const char *what)
{
    return espy_fail(l->cx, code, "operator %s of node \"%.120s\": %s", espy_op_name(l->n->op),
                     l->n->name, what);
}

espy_shape espy_lower_shape(const espy_lower *l, espy_vid v)
{
    const espy_value *value = &l->to->values[v];
    espy_shape s = {.dtype = value->dtype, .rank = value->rank};
    for (int i = 0; i < value->rank; i++)
        s.dims[i] = value->dims[i];
    return s;
}

static const char *shape_name(const espy_lower *l)
{
    return l->from->values[l->n->out].name;
}

espy_err espy_lower_constant(espy_lower *l, espy_const *c, espy_vid *out)
{
    espy_err e = espy_graph_add_value(l->cx, l->to, shape_name(l), out);
    if (e == ESPY_E_OK)
        espy_graph_take_const(l->to, *out, c);
    else
        espy_const_unref(l->cx, &c);
    return e;
}

espy_err espy_lower_integers(espy_lower *l, int rank, const int64_t *v, int64_t n, espy_vid *out)
{
    espy_const *c;
    ESPY_TRY(espy_const_create(l->cx, ESPY_DT_I64, rank, &n, &c));
    if (n > 0)
        memcpy(c->data, v, (size_t)n * sizeof *v);
    return espy_lower_constant(l, c, out);
}

/* Steps it takes to evaluate the node, about. */
static double shape_cost(const espy_lower *l, const espy_node *m, const espy_vid *in, int64_t count)
{
    const int64_t *x = l->to->values[in[0]].dims;
    int rank = l->to->values[in[0]].rank;
    double cost = (double)count;
    if (m->op == ESPY_OP_CONV) {
        const int64_t *w = l->to->values[in[1]].dims;
        cost *= (double)w[1] * (double)w[2] * (double)w[3];
    } else if (m->op == ESPY_OP_POOL) {
        cost *= (double)m->at.pool.window.kernel[0] * (double)m->at.pool.window.kernel[1];
    } else if (m->op == ESPY_OP_MATMUL) {
        cost *= (double)x[rank - (m->at.matmul.trans_a ? 2 : 1)];
    } else if (m->op == ESPY_OP_REDUCE) {
        cost += (double)espy_value_count(&l->to->values[in[0]]);
    }
    return cost;
}

/* Evaluates the node on constants. */
static espy_err shape_fold(espy_lower *l, const espy_node *m, const espy_vid *in, int n_in,
                           const espy_shape *s, espy_vid *out)
{
    int64_t count;
    espy_const *c = NULL;
    if (!espy_dims_count(s->rank, s->dims, ESPY_GRAPH_FOLD, &count))
        return espy_lower_fail(l, ESPY_E_LIMIT, "makes a constant that is too large");
    l->folded += shape_cost(l, m, in, count);
    if (l->folded > ESPY_GRAPH_FOLD_TOTAL)
        return espy_lower_fail(l, ESPY_E_LIMIT, "makes constants that take too much work");
    const espy_const **args = espy_array(l->cx, (size_t)n_in, sizeof *args);
    if (!args)
        return ESPY_E_NOMEM;
    for (int i = 0; i < n_in; i++)
        args[i] = espy_graph_const(l->to, in[i]);
    espy_err e = espy_fold_node(l->cx, m, l->n->name, args, n_in, s->dtype, s->rank, s->dims, &c);
    espy_free(l->cx, args);
    ESPY_TRY(e);
    return espy_lower_constant(l, c, out);
}

espy_err espy_lower_emit(espy_lower *l, const espy_node *m, const espy_vid *in, int n_in,
                         const espy_shape *s, espy_vid *out)
{
    bool constant = true;
    for (int i = 0; i < n_in; i++)
        constant = constant && (in[i] == ESPY_NONE || espy_graph_const(l->to, in[i]));
    if (constant)
        return shape_fold(l, m, in, n_in, s, out);

    int64_t count;
    bool computes = m->op <= ESPY_OP_STATIC_LAST && s->dtype == ESPY_DT_F32;
    for (int i = 0; i < n_in && computes; i++)
        computes = in[i] == ESPY_NONE || l->to->values[in[i]].dtype == ESPY_DT_F32 ||
                   (m->op == ESPY_OP_GATHER && i == 1);
    if (!computes)
        return lower_unsupported(l, "works on other than 32-bit floats that depend on the input");
    if (!espy_dims_count(s->rank, s->dims, ESPY_GRAPH_ELEMENTS, &count))
        return espy_lower_fail(l, ESPY_E_LIMIT, "gives a tensor that is too large");
    if (count == 0)
        return lower_bad(l, "gives an empty tensor for this input shape");
    l->total += count;
    if (l->total > ESPY_GRAPH_TOTAL)
        return espy_lower_fail(l, ESPY_E_LIMIT,
                               "is one too many: the network needs too much memory "
                               "for this input shape");
    espy_vid made; /* `out` may be the place of an input */
    ESPY_TRY(espy_graph_add_value(l->cx, l->to, shape_name(l), &made));
    espy_value *v = &l->to->values[made];
    v->dtype = s->dtype;
    v->rank = s->rank;
    for (int i = 0; i < s->rank; i++)
        v->dims[i] = s->dims[i];
    ESPY_TRY(espy_graph_add_node(l->cx, l->to, m, l->n->name, in, n_in, made));
    *out = made;
    return ESPY_E_OK;
}

espy_err espy_lower_reshape(espy_lower *l, espy_vid v, int rank, const int64_t *dims, espy_vid *out)
{
    const espy_node m = {.op = ESPY_OP_RESHAPE};
    espy_shape s = espy_lower_shape(l, v);
    int64_t have, want;
    if (s.rank == rank && memcmp(s.dims, dims, (size_t)rank * sizeof *dims) == 0) {
        *out = v;
        return ESPY_E_OK;
    }
    if (!espy_dims_count(s.rank, s.dims, ESPY_GRAPH_ELEMENTS, &have) ||
        !espy_dims_count(rank, dims, ESPY_GRAPH_ELEMENTS, &want) || have != want)
        return lower_bad(l, "the new shape has another number of elements");
    s.rank = rank;
    for (int i = 0; i < rank; i++)
        s.dims[i] = dims[i];
    return espy_lower_emit(l, &m, &v, 1, &s, out);
}

espy_err espy_lower_list(espy_lower *l, espy_vid v, int64_t *list, int max, int *n)
{
    const espy_const *c = espy_graph_const(l->to, v);
    if (!c)
        return lower_unsupported(l, "a shape, index or axis depends on the data");
    if (c->rank > 1 || c->count > (size_t)max ||
        (c->dtype != ESPY_DT_I64 && c->dtype != ESPY_DT_I32))
        return lower_bad(l, "a shape, index or axis is not a short list of integers");
    *n = (int)c->count;
    for (int i = 0; i < *n; i++)
        list[i] =
            c->dtype == ESPY_DT_I64 ? ((const int64_t *)c->data)[i] : ((const int32_t *)c->data)[i];
    return ESPY_E_OK;
}

espy_err espy_lower_axis(espy_lower *l, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return lower_bad(l, "the axis is out of range");
    *out = (int)(axis < 0 ? axis + rank : axis);
    return ESPY_E_OK;
}

espy_err espy_lower_broadcast(espy_lower *l, const espy_shape *a, const espy_shape *b,
                              espy_shape *out)
{
    espy_shape s = {.dtype = a->dtype, .rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 0; i < s.rank; i++) {
        int ia = i - (s.rank - a->rank), ib = i - (s.rank - b->rank);
        int64_t da = ia < 0 ? 1 : a->dims[ia], db = ib < 0 ? 1 : b->dims[ib];
        if (da != db && da != 1 && db != 1)
            return lower_bad(l, "the shapes of its inputs do not fit together");
        s.dims[i] = da == 1 ? db : da;
    }
    *out = s;
    return ESPY_E_OK;
}

/* --- the pass --------------------------------------------------------------------------------- */

/* Copies a node whose shapes are not known yet. */
static espy_err shape_copy(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    ESPY_TRY(espy_graph_add_value(l->cx, l->to, shape_name(l), out));
    return espy_graph_add_node(l->cx, l->to, l->n, l->n->name, in, l->n->n_in, *out);
}

static espy_err shape_node(espy_lower *l)
{
    espy_vid *in = espy_array(l->cx, (size_t)l->n->n_in, sizeof *in), out;
    bool known = true;
    if (!in)
        return ESPY_E_NOMEM;
    for (int i = 0; i < l->n->n_in; i++) {
        in[i] = l->n->in[i] == ESPY_NONE ? ESPY_NONE : l->map[l->n->in[i]];
        known = known && (in[i] == ESPY_NONE || l->to->values[in[i]].rank >= 0);
    }
    espy_err e = known ? shape_rules[l->n->op](l, in, &out) : shape_copy(l, in, &out);
    if (e == ESPY_E_OK)
        l->map[l->n->out] = out;
    espy_free(l->cx, in);
    return e;
}

/* Values that no node makes: inputs and constants. */
static espy_err shape_sources(espy_lower *l, const espy_tensor *dims)
{
    for (size_t i = 0; i < l->from->n_values; i++) {
        const espy_value *v = &l->from->values[i];
        if (!v->data)
            continue;
        ESPY_TRY(espy_graph_add_value(l->cx, l->to, v->name, &l->map[i]));
        espy_graph_take_const(l->to, l->map[i], espy_const_ref(v->data));
    }
    for (size_t i = 0; i < l->from->n_inputs; i++) {
        espy_vid old = l->from->inputs[i];
        ESPY_TRY(espy_graph_add_value(l->cx, l->to, l->from->values[old].name, &l->map[old]));
        espy_value *v = &l->to->values[l->map[old]];
        v->dtype = ESPY_DT_F32;
        v->rank = dims ? dims[i].rank : -1;
        for (int d = 0; dims && d < v->rank; d++)
            v->dims[d] = dims[i].dims[d];
    }
    return ESPY_E_OK;
}

static espy_err shape_ports(espy_lower *l)
{
    const espy_graph *from = l->from;
    espy_vid *ports = espy_array(l->cx, from->n_inputs + from->n_outputs, sizeof *ports);
    if (!ports)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < from->n_inputs; i++)
        ports[i] = l->map[from->inputs[i]];
    for (size_t i = 0; i < from->n_outputs; i++)
        ports[from->n_inputs + i] = l->map[from->outputs[i]];
    espy_err e = espy_graph_set_ports(l->cx, l->to, ports, from->n_inputs, ports + from->n_inputs,
                                      from->n_outputs);
    espy_free(l->cx, ports);
    return e;
}

/* Declared dims of inputs and names of outputs, which only a generic graph carries. */
static espy_err shape_keep_ports(espy_lower *l)
{
    for (size_t i = 0; i < l->from->n_inputs; i++) {
        const espy_value *old = &l->from->values[l->from->inputs[i]];
        espy_value *v = &l->to->values[l->to->inputs[i]];
        v->rank = old->rank;
        for (int d = 0; d < old->rank; d++)
            v->dims[d] = old->dims[d];
    }
    for (size_t i = 0; i < l->from->n_outputs; i++)
        ESPY_TRY(espy_graph_declare_output(l->cx, l->to, i, &l->from->output_ports[i]));
    return ESPY_E_OK;
}

/* Every output of a static graph is an f32 tensor that is not empty. */
static espy_err shape_check_outputs(espy_lower *l)
{
    for (size_t i = 0; i < l->to->n_outputs; i++) {
        const espy_value *v = &l->to->values[l->to->outputs[i]];
        if (v->dtype != ESPY_DT_F32 || espy_value_count(v) == 0)
            return espy_fail(l->cx, ESPY_E_UNSUPPORTED,
                             "output \"%.120s\" of the network is not a tensor of 32-bit floats",
                             v->name);
    }
    return ESPY_E_OK;
}

espy_err espy_graph_lower(espy_ctx *cx, const espy_graph *from, const espy_tensor *dims,
                          espy_graph **out)
{
    espy_lower l = {.cx = cx, .from = from};
    espy_err e;
    l.map = espy_array(cx, from->n_values, sizeof *l.map);
    if (!l.map)
        return ESPY_E_NOMEM;
    ESPY_GO(espy_graph_create(cx, &l.to));
    ESPY_GO(shape_sources(&l, dims));
    for (size_t i = 0; i < from->n_nodes; i++) {
        l.n = &from->nodes[i];
        ESPY_GO(shape_node(&l));
        if (i % 64 == 0)
            ESPY_GO(espy_cancelled(cx));
    }
    ESPY_GO(shape_ports(&l));
    ESPY_GO(dims ? shape_check_outputs(&l) : shape_keep_ports(&l));
    espy_graph_count(l.to);
    *out = l.to;
    l.to = NULL;
out:
    espy_graph_destroy(cx, &l.to);
    espy_free(cx, l.map);
    return e;
}
