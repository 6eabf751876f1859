/* SPDX-License-Identifier: Apache-2.0
 * nn - fusing on static graphs, first part: chains of small operators that spell a known function
 * become that function.  A match rewrites the last node of the chain in place, which keeps the
 * order topological; what is then unread is dropped by espy_graph_tidy(). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "nn/graph_build.h"

/* --- looking around --------------------------------------------------------------------------- */

static espy_node *pattern_producer(const espy_graph *g, espy_vid v)
{
    return v == ESPY_NONE || g->values[v].producer == ESPY_NONE ? NULL
                                                                : &g->nodes[g->values[v].producer];
}

static bool pattern_once(const espy_graph *g, espy_vid v)
{
    return g->values[v].uses == 1;
}

static bool pattern_same_dims(const espy_graph *g, espy_vid a, espy_vid b)
{
    const espy_value *x = &g->values[a], *y = &g->values[b];
    return x->rank == y->rank && memcmp(x->dims, y->dims, sizeof x->dims[0] * (size_t)x->rank) == 0;
}

static espy_node *pattern_unary(const espy_graph *g, espy_vid v, espy_act_kind kind)
{
    espy_node *n = pattern_producer(g, v);
    return n && n->op == ESPY_OP_UNARY && n->at.unary.kind == kind ? n : NULL;
}

static espy_node *pattern_binary(const espy_graph *g, espy_vid v, espy_bin_kind kind)
{
    espy_node *n = pattern_producer(g, v);
    return n && n->op == ESPY_OP_BINARY && n->at.binary == kind && n->n_post == 0 ? n : NULL;
}

/* n reads a value and one number: which.  Order matters for SUB, DIV and POW: *first tells whether
 * the number comes first. */
static bool pattern_number(const espy_graph *g, const espy_node *n, espy_vid *x, float *number,
                           bool *first)
{
    for (int i = 0; i < 2; i++) {
        if (!espy_const_scalar(espy_graph_const(g, n->in[i]), number))
            continue;
        *x = n->in[1 - i];
        *first = i == 0;
        return !espy_graph_const(g, *x) && pattern_same_dims(g, *x, n->out);
    }
    return false;
}

static bool pattern_near(float a, double b)
{
    return fabs(a - b) <= 1e-5 * fabs(b);
}

static void pattern_to_unary(espy_node *n, espy_vid x, espy_act act)
{
    n->op = ESPY_OP_UNARY;
    n->at.unary = act;
    n->n_post = 0;
    n->n_in = 1;
    n->in[0] = x;
}

/* --- LayerNorm -------------------------------------------------------------------------------- */

/* v = mean of x over the last axis, which is kept. */
static bool pattern_is_mean(const espy_graph *g, espy_vid v, espy_vid *x)
{
    const espy_node *n = pattern_producer(g, v);
    if (!n || n->op != ESPY_OP_REDUCE || n->at.reduce.kind != ESPY_REDUCE_MEAN)
        return false;
    const espy_value *from = &g->values[n->in[0]];
    *x = n->in[0];
    return n->at.reduce.axes == 1u << (from->rank - 1) && g->values[v].rank == from->rank;
}

/* v = d squared */
static bool pattern_is_square(const espy_graph *g, espy_vid v, espy_vid d)
{
    const espy_node *n = pattern_producer(g, v);
    float power;
    if (!n)
        return false;
    if (n->op == ESPY_OP_UNARY)
        return n->at.unary.kind == ESPY_ACT_SQUARE && n->in[0] == d;
    if (n->op != ESPY_OP_BINARY || n->in[0] != d)
        return false;
    return (n->at.binary == ESPY_BIN_MUL && n->in[1] == d) ||
           (n->at.binary == ESPY_BIN_POW &&
            espy_const_scalar(espy_graph_const(g, n->in[1]), &power) && power == 2);
}

/* n becomes a LAYER_NORM, which always lists three inputs. */
static espy_err pattern_to_layer_norm(espy_ctx *cx, espy_node *n, espy_vid x, espy_vid scale,
                                      espy_vid shift, float eps)
{
    int last;
    while (n->n_in < 3)
        ESPY_TRY(espy_node_add_input(cx, n, ESPY_NONE, &last));
    n->op = ESPY_OP_LAYER_NORM;
    memset(&n->at, 0, sizeof n->at);
    n->at.layer_norm.eps = eps;
    n->in[0] = x;
    n->in[1] = scale;
    n->in[2] = shift;
    return ESPY_E_OK;
}

/* (x - mean x) / sqrt(mean (x - mean x)^2 + eps) */
static bool pattern_is_layer_norm(const espy_graph *g, const espy_node *n, espy_vid *x, float *eps)
{
    espy_vid square, var;
    bool first;
    if (n->at.binary != ESPY_BIN_DIV)
        return false;
    const espy_node *d = pattern_binary(g, n->in[0], ESPY_BIN_SUB);
    const espy_node *root = pattern_unary(g, n->in[1], ESPY_ACT_SQRT);
    if (!d || !root || !pattern_is_mean(g, d->in[1], x) || *x != d->in[0])
        return false;
    const espy_node *sum = pattern_binary(g, root->in[0], ESPY_BIN_ADD);
    return sum && pattern_number(g, sum, &var, eps, &first) && pattern_is_mean(g, var, &square) &&
           pattern_is_square(g, square, n->in[0]);
}

/* The operand as an f32 constant [length], made from one of more axes when needed. */
static espy_err pattern_vector(espy_ctx *cx, espy_graph *g, espy_vid v, int64_t length,
                               espy_vid *out)
{
    const espy_const *c = espy_graph_const(g, v);
    espy_const *made;
    *out = ESPY_NONE;
    if (!c || c->dtype != ESPY_DT_F32 || c->rank == 0 || c->count != (size_t)length ||
        c->dims[c->rank - 1] != length)
        return ESPY_E_OK;
    if (c->rank == 1) {
        *out = v;
        return ESPY_E_OK;
    }
    ESPY_TRY(espy_const_create(cx, ESPY_DT_F32, 1, &length, &made));
    memcpy(made->data, c->data, c->count * sizeof(float));
    espy_err e = espy_graph_add_value(cx, g, g->values[v].name, out);
    if (e == ESPY_E_OK)
        espy_graph_take_const(g, *out, made);
    else
        espy_const_unref(cx, &made);
    return e;
}

/* Scale, then shift, after a LAYER_NORM go into it. */
static espy_err pattern_layer_norm_tail(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    bool scales = n->at.binary == ESPY_BIN_MUL;
    for (int i = 0; i < 2; i++) {
        const espy_node *p = pattern_producer(g, n->in[i]);
        espy_vid vector;
        if (!p || p->op != ESPY_OP_LAYER_NORM || !pattern_once(g, p->out) ||
            !pattern_same_dims(g, p->out, n->out) || p->in[2] != ESPY_NONE ||
            (scales && p->in[1] != ESPY_NONE))
            continue;
        const espy_value *v = &g->values[p->out];
        ESPY_TRY(pattern_vector(cx, g, n->in[1 - i], v->dims[v->rank - 1], &vector));
        if (vector != ESPY_NONE)
            return pattern_to_layer_norm(cx, n, p->in[0], scales ? vector : p->in[1],
                                         scales ? ESPY_NONE : vector, p->at.layer_norm.eps);
    }
    return ESPY_E_OK;
}

/* --- GELU, swish, L2 norm ----------------------------------------------------------------------
 */

/* v = 1 + erf(x / sqrt 2) */
static bool pattern_is_erf_part(const espy_graph *g, espy_vid v, espy_vid x)
{
    espy_vid erf, root, from;
    float number;
    bool first;
    const espy_node *sum = pattern_binary(g, v, ESPY_BIN_ADD);
    if (!sum || !pattern_number(g, sum, &erf, &number, &first) || number != 1)
        return false;
    const espy_node *f = pattern_unary(g, erf, ESPY_ACT_ERF);
    if (!f)
        return false;
    root = f->in[0];
    const espy_node *s = pattern_producer(g, root);
    if (!s || s->op != ESPY_OP_BINARY || !pattern_number(g, s, &from, &number, &first) || from != x)
        return false;
    return (s->at.binary == ESPY_BIN_DIV && !first && pattern_near(number, 1.4142135623730951)) ||
           (s->at.binary == ESPY_BIN_MUL && pattern_near(number, 0.7071067811865476));
}

/* x (1 + erf(x / sqrt 2)) / 2, halved at the end or at the start. */
static bool pattern_gelu(espy_graph *g, espy_node *n)
{
    const espy_act gelu = {ESPY_ACT_GELU, 0, 0};
    espy_vid x;
    float number;
    bool first;
    if (n->at.binary != ESPY_BIN_MUL)
        return false;
    if (pattern_number(g, n, &x, &number, &first)) {
        const espy_node *m = number == 0.5f ? pattern_binary(g, x, ESPY_BIN_MUL) : NULL;
        for (int i = 0; m && i < 2; i++) {
            if (pattern_is_erf_part(g, m->in[1 - i], m->in[i])) {
                pattern_to_unary(n, m->in[i], gelu);
                return true;
            }
        }
        return false;
    }
    for (int i = 0; i < 2; i++) {
        const espy_node *h = pattern_binary(g, n->in[i], ESPY_BIN_MUL);
        if (h && pattern_number(g, h, &x, &number, &first) && number == 0.5f &&
            pattern_is_erf_part(g, n->in[1 - i], x)) {
            pattern_to_unary(n, x, gelu);
            return true;
        }
    }
    return false;
}

/* x / max(|x|, eps), the norm perhaps expanded to x's shape. */
static bool pattern_l2_norm(espy_graph *g, espy_node *n)
{
    float eps = FLT_MIN;
    if (n->at.binary != ESPY_BIN_DIV)
        return false;
    const espy_node *p = pattern_producer(g, n->in[1]);
    if (p && p->op == ESPY_OP_EXPAND)
        p = pattern_producer(g, p->in[0]);
    if (p && p->op == ESPY_OP_UNARY && p->at.unary.kind == ESPY_ACT_CLIP &&
        p->at.unary.b >= FLT_MAX && p->at.unary.a > 0) {
        eps = p->at.unary.a;
        p = pattern_producer(g, p->in[0]);
    }
    if (!p || p->op != ESPY_OP_REDUCE || p->at.reduce.kind != ESPY_REDUCE_L2 ||
        p->in[0] != n->in[0] || g->values[p->out].rank != g->values[n->in[0]].rank)
        return false;
    int axis = -1;
    for (int i = 0; i < g->values[n->in[0]].rank; i++)
        if (p->at.reduce.axes == 1u << i)
            axis = i;
    if (axis < 0)
        return false;
    n->op = ESPY_OP_L2_NORM;
    memset(&n->at, 0, sizeof n->at);
    n->at.l2_norm.axis = axis;
    n->at.l2_norm.eps = eps;
    n->n_in = 1;
    return true;
}

/* x sigmoid(x), x hard_sigmoid(x) */
static bool pattern_swish(espy_graph *g, espy_node *n)
{
    for (int i = 0; i < 2 && n->at.binary == ESPY_BIN_MUL; i++) {
        espy_vid x = n->in[i];
        const espy_node *s = pattern_producer(g, n->in[1 - i]);
        if (!s || s->op != ESPY_OP_UNARY)
            continue;
        espy_act act = s->at.unary;
        if (act.kind == ESPY_ACT_SIGMOID && s->in[0] == x) {
            pattern_to_unary(n, x, (espy_act){ESPY_ACT_SWISH, 0, 0});
            return true;
        }
        if (act.kind == ESPY_ACT_HARD_SIGMOID && s->in[0] == x) {
            pattern_to_unary(n, x, (espy_act){ESPY_ACT_HARD_SWISH, act.a, act.b});
            return true;
        }
    }
    return false;
}

/* LINEAR(1/6) of x clip(x + 3, 0, 6) */
static bool pattern_hard_swish(espy_graph *g, espy_node *n)
{
    if (n->at.unary.kind != ESPY_ACT_LINEAR || n->at.unary.b != 0 ||
        !pattern_near(n->at.unary.a, 1.0 / 6))
        return false;
    const espy_node *m = pattern_binary(g, n->in[0], ESPY_BIN_MUL);
    for (int i = 0; m && i < 2; i++) {
        const espy_node *clip = pattern_unary(g, m->in[1 - i], ESPY_ACT_CLIP);
        if (!clip || clip->at.unary.a != 0 || clip->at.unary.b != 6)
            continue;
        const espy_node *plus = pattern_unary(g, clip->in[0], ESPY_ACT_LINEAR);
        if (!plus || plus->in[0] != m->in[i] || plus->at.unary.a != 1 || plus->at.unary.b != 3)
            continue;
        pattern_to_unary(n, m->in[i], (espy_act){ESPY_ACT_HARD_SWISH, 1.0f / 6, 0.5f});
        return true;
    }
    return false;
}

/* --- numbers and shapes ----------------------------------------------------------------------- */

/* An operator with one number becomes a function of one argument. */
static bool pattern_scalar(espy_graph *g, espy_node *n)
{
    espy_act act = {ESPY_ACT_LINEAR, 1, 0};
    espy_vid x;
    float c;
    bool first;
    if (!pattern_number(g, n, &x, &c, &first))
        return false;
    switch (n->at.binary) {
    case ESPY_BIN_ADD:
        act.b = c;
        break;
    case ESPY_BIN_SUB:
        act.a = first ? -1 : 1;
        act.b = first ? c : -c;
        break;
    case ESPY_BIN_MUL:
        act.a = c;
        break;
    case ESPY_BIN_DIV:
        if (first || c == 0)
            return false;
        act.a = 1 / c;
        break;
    case ESPY_BIN_POW:
        if (first || (c != 2 && c != 0.5f))
            return false;
        act.kind = c == 2 ? ESPY_ACT_SQUARE : ESPY_ACT_SQRT;
        break;
    case ESPY_BIN_MIN:
        act = (espy_act){ESPY_ACT_CLIP, -INFINITY, c};
        break;
    case ESPY_BIN_MAX:
        act = (espy_act){ESPY_ACT_CLIP, c, INFINITY};
        break;
    }
    pattern_to_unary(n, x, act);
    return true;
}

/* LINEAR after LINEAR; CLIP that is RELU. */
static void pattern_simplify_unary(const espy_graph *g, espy_node *n)
{
    espy_act *act = &n->at.unary;
    const espy_node *p = pattern_unary(g, n->in[0], ESPY_ACT_LINEAR);
    if (act->kind == ESPY_ACT_CLIP && act->a == 0 && act->b >= FLT_MAX)
        act->kind = ESPY_ACT_RELU;
    if (act->kind == ESPY_ACT_LINEAR && p && pattern_once(g, p->out)) {
        act->b += act->a * p->at.unary.b;
        act->a *= p->at.unary.a;
        n->in[0] = p->in[0];
    }
}

static void pattern_leaky_relu(const espy_graph *g, espy_node *n)
{
    float slope;
    if (espy_const_scalar(espy_graph_const(g, n->in[1]), &slope))
        pattern_to_unary(n, n->in[0], (espy_act){ESPY_ACT_LEAKY_RELU, slope, 0});
}

/* RESHAPE of RESHAPE, TRANSPOSE of TRANSPOSE; those that end where they began. */
static void pattern_moves(espy_graph *g, espy_node *n)
{
    const espy_node *p = pattern_producer(g, n->in[0]);
    int rank = g->values[n->out].rank;
    bool same = true;
    if (!p || p->op != n->op)
        return;
    if (n->op == ESPY_OP_TRANSPOSE) {
        int perm[ESPY_NN_RANK];
        for (int i = 0; i < rank; i++) {
            perm[i] = p->at.transpose.perm[n->at.transpose.perm[i]];
            same = same && perm[i] == i;
        }
        for (int i = 0; i < rank; i++)
            n->at.transpose.perm[i] = perm[i];
    } else {
        same = pattern_same_dims(g, p->in[0], n->out);
    }
    n->in[0] = p->in[0];
    if (same)
        espy_graph_replace(g, n->out, n->in[0]);
}

/* A transposition of the last two axes becomes a flag of the product that reads it. */
static void pattern_matmul(espy_graph *g, espy_node *n)
{
    for (int i = 0; i < 2; i++) {
        const espy_node *p = pattern_producer(g, n->in[i]);
        if (!p || p->op != ESPY_OP_TRANSPOSE)
            continue;
        int rank = g->values[p->out].rank;
        bool swap = rank >= 2 && p->at.transpose.perm[rank - 1] == rank - 2 &&
                    p->at.transpose.perm[rank - 2] == rank - 1;
        for (int k = 0; k + 2 < rank; k++)
            swap = swap && p->at.transpose.perm[k] == k;
        if (!swap)
            continue;
        n->in[i] = p->in[0];
        if (i == 0)
            n->at.matmul.trans_a = !n->at.matmul.trans_a;
        else
            n->at.matmul.trans_b = !n->at.matmul.trans_b;
    }
}

/* --- the pass --------------------------------------------------------------------------------- */

espy_err espy_fuse_patterns(espy_ctx *cx, espy_graph *g)
{
    /* First what is made of operators with numbers, before those are rewritten. */
    for (size_t i = 0; i < g->n_nodes; i++) {
        espy_node *n = &g->nodes[i];
        espy_vid x;
        float eps;
        if (n->op != ESPY_OP_BINARY || pattern_gelu(g, n))
            continue;
        if (pattern_is_layer_norm(g, n, &x, &eps))
            ESPY_TRY(pattern_to_layer_norm(cx, n, x, ESPY_NONE, ESPY_NONE, eps));
        else if (n->at.binary == ESPY_BIN_MUL || n->at.binary == ESPY_BIN_ADD)
            ESPY_TRY(pattern_layer_norm_tail(cx, g, n));
    }
    ESPY_TRY(espy_graph_tidy(cx, g));
    for (size_t i = 0; i < g->n_nodes; i++) {
        espy_node *n = &g->nodes[i];
        if (n->op == ESPY_OP_BINARY && n->n_post == 0 && !pattern_scalar(g, n) &&
            !pattern_swish(g, n))
            pattern_l2_norm(g, n);
        if (n->op == ESPY_OP_UNARY && !pattern_hard_swish(g, n))
            pattern_simplify_unary(g, n);
        if (n->op == ESPY_OP_PRELU)
            pattern_leaky_relu(g, n);
        if (n->op == ESPY_OP_RESHAPE || n->op == ESPY_OP_TRANSPOSE)
            pattern_moves(g, n);
        if (n->op == ESPY_OP_MATMUL)
            pattern_matmul(g, n);
    }
    return espy_graph_tidy(cx, g);
}
