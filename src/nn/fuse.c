/* SPDX-License-Identifier: Apache-2.0
 * nn - fusing that changes weights: batch normalisation and constant factors and sums disappear
 * into the convolution or product before them.  Done once on the generic graph, so that every
 * static graph shares the changed weights.
 *
 * A normalisation *before* a convolution is left alone: with padding its shift would have to reach
 * the padded cells too, so the two are not interchangeable. */
#include <string.h>

#include "nn/graph_build.h"

/* y = x scale[c] + shift[c] to be folded into a product with `channels` outputs. */
typedef struct fuse_factors {
    const float *scale, *shift;    /* NULL: 1, 0 */
    size_t scale_step, shift_step; /* 0: the same number for every channel */
} fuse_factors;

static float fuse_scale(const fuse_factors *f, size_t c)
{
    return f->scale ? f->scale[c * f->scale_step] : 1;
}

static float fuse_shift(const fuse_factors *f, size_t c)
{
    return f->shift ? f->shift[c * f->shift_step] : 0;
}

/* Output channels of a node whose weights can be changed; 0 for others. */
static size_t fuse_channels(const espy_graph *g, const espy_node *n)
{
    if (n->op != ESPY_OP_CONV && n->op != ESPY_OP_MATMUL && n->op != ESPY_OP_GEMM)
        return 0;
    const espy_const *w = espy_graph_const(g, n->in[1]);
    int rank = n->op == ESPY_OP_CONV ? 4 : 2;
    if (!w || w->dtype != ESPY_DT_F32 || w->rank != rank)
        return 0;
    bool columns = n->op == ESPY_OP_MATMUL || (n->op == ESPY_OP_GEMM && !n->at.gemm.trans_b);
    size_t channels = (size_t)w->dims[columns ? 1 : 0];
    const espy_const *bias = espy_graph_const(g, n->in[2]);
    if (n->in[2] != ESPY_NONE &&
        (!bias || bias->dtype != ESPY_DT_F32 || bias->count != channels || bias->rank == 0 ||
         bias->dims[bias->rank - 1] != (int64_t)channels))
        return 0;
    return channels;
}

/* A new constant value for a node's input. */
static espy_err fuse_new_input(espy_ctx *cx, espy_graph *g, espy_vid *slot, const char *name,
                               espy_const *c)
{
    espy_vid v;
    espy_err e = espy_graph_add_value(cx, g, name, &v);
    if (e != ESPY_E_OK) {
        espy_const_unref(cx, &c);
        return e;
    }
    espy_graph_take_const(g, v, c);
    *slot = v;
    return ESPY_E_OK;
}

/* In place when nobody else reads the weights: a large network then needs no second copy of them.
 */
static espy_err fuse_scale_weights(espy_ctx *cx, espy_graph *g, espy_node *n, size_t channels,
                                   const fuse_factors *f)
{
    espy_value *v = &g->values[n->in[1]];
    espy_const *w = v->data, *made = w;
    bool columns = n->op == ESPY_OP_MATMUL || (n->op == ESPY_OP_GEMM && !n->at.gemm.trans_b);
    bool own = v->uses == 1 && atomic_load(&w->refs) == 1;
    size_t rows = columns ? w->count / channels : channels, per = w->count / rows;
    if (!own)
        ESPY_TRY(espy_const_create(cx, ESPY_DT_F32, w->rank, w->dims, &made));
    for (size_t r = 0; r < rows; r++) {
        const float *from = (const float *)w->data + r * per;
        float *to = (float *)made->data + r * per, scale = columns ? 1 : fuse_scale(f, r);
        for (size_t i = 0; i < per; i++)
            to[i] = from[i] * (columns ? fuse_scale(f, i) : scale);
    }
    return own ? ESPY_E_OK : fuse_new_input(cx, g, &n->in[1], v->name, made);
}

static espy_err fuse_into(espy_ctx *cx, espy_graph *g, espy_node *n, const fuse_factors *f)
{
    size_t channels = fuse_channels(g, n);
    const espy_const *bias = espy_graph_const(g, n->in[2]);
    float beta = n->op == ESPY_OP_GEMM ? n->at.gemm.beta : 1;
    const int64_t dims[1] = {(int64_t)channels};
    espy_const *made;
    ESPY_TRY(espy_const_create(cx, ESPY_DT_F32, 1, dims, &made));
    for (size_t c = 0; c < channels; c++) {
        double b = bias ? (double)beta * ((const float *)bias->data)[c] : 0;
        ((float *)made->data)[c] = (float)(b * fuse_scale(f, c) + fuse_shift(f, c));
    }
    ESPY_TRY(fuse_new_input(cx, g, &n->in[2], n->name, made));
    if (n->op == ESPY_OP_GEMM)
        n->at.gemm.beta = 1;
    return f->scale ? fuse_scale_weights(cx, g, n, channels, f) : ESPY_E_OK;
}

/* A constant that gives one number for each channel of p's output, or one for all. */
static bool fuse_per_channel(const espy_node *p, const espy_const *c, size_t channels, size_t *step)
{
    int most = p->op == ESPY_OP_CONV ? 4 : p->op == ESPY_OP_GEMM ? 2 : 1;
    int axis = p->op == ESPY_OP_CONV ? c->rank - 3 : c->rank - 1;
    if (c->dtype != ESPY_DT_F32 || c->rank > most)
        return false;
    *step = c->count == 1 ? 0 : 1;
    return c->count == 1 ||
           (axis >= 0 && c->count == channels && c->dims[axis] == (int64_t)channels);
}

/* The factors that the node n = op(p, constant) applies; false when it is no such node. */
static bool fuse_binary_factors(const espy_graph *g, const espy_node *n, const espy_node *p,
                                size_t channels, fuse_factors *f, float *inverse)
{
    const espy_const *c = espy_graph_const(g, n->in[1]);
    bool second = c != NULL;
    size_t step;
    if (n->op != ESPY_OP_BINARY)
        return false;
    if (!second)
        c = espy_graph_const(g, n->in[0]);
    if (!c || !fuse_per_channel(p, c, channels, &step))
        return false;
    const float *v = c->data;
    if (n->at.binary == ESPY_BIN_ADD) {
        *f = (fuse_factors){.shift = v, .shift_step = step};
        return true;
    }
    if (n->at.binary == ESPY_BIN_MUL) {
        *f = (fuse_factors){.scale = v, .scale_step = step};
        return true;
    }
    if (second && step == 0 && n->at.binary == ESPY_BIN_SUB) {
        *inverse = -v[0];
        *f = (fuse_factors){.shift = inverse};
        return true;
    }
    if (second && step == 0 && n->at.binary == ESPY_BIN_DIV && v[0] != 0) {
        *inverse = 1 / v[0];
        *f = (fuse_factors){.scale = inverse};
        return true;
    }
    return false;
}

/* The node that alone feeds n and whose weights can be changed, or NULL. */
static espy_node *fuse_before(const espy_graph *g, const espy_node *n)
{
    for (int i = 0; i < 2 && i < n->n_in; i++) {
        if (n->in[i] == ESPY_NONE || g->values[n->in[i]].producer == ESPY_NONE)
            continue;
        const espy_value *v = &g->values[n->in[i]];
        espy_node *p = &g->nodes[v->producer];
        if (v->uses == 1 && p->out == n->in[i] && fuse_channels(g, p) > 0)
            return p;
    }
    return NULL;
}

static espy_err fuse_one(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    espy_node *p = fuse_before(g, n);
    espy_const *scale = NULL, *shift = NULL;
    fuse_factors f;
    float inverse;
    if (!p)
        return ESPY_E_OK;
    size_t channels = fuse_channels(g, p);
    if (n->op == ESPY_OP_BATCH_NORM) {
        const espy_const *c[4];
        for (int i = 0; i < 4; i++) {
            c[i] = espy_graph_const(g, n->in[1 + i]);
            if (!c[i] || c[i]->dtype != ESPY_DT_F32 || c[i]->count != channels)
                return ESPY_E_OK;
        }
        ESPY_TRY(espy_fold_batch_norm(cx, c, n->at.batch_norm.eps, &scale, &shift));
        f = (fuse_factors){scale->data, shift->data, 1, 1};
    } else if (!fuse_binary_factors(g, n, p, channels, &f, &inverse)) {
        return ESPY_E_OK;
    }
    espy_err e = fuse_into(cx, g, p, &f);
    espy_const_unref(cx, &scale);
    espy_const_unref(cx, &shift);
    ESPY_TRY(e);
    g->values[p->out].uses = g->values[n->out].uses;
    espy_graph_replace(g, n->out, p->out);
    espy_node_kill(cx, n);
    return ESPY_E_OK;
}

espy_err espy_fuse_weights(espy_ctx *cx, espy_graph *g)
{
    espy_graph_count(g);
    for (size_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == ESPY_OP_BATCH_NORM || g->nodes[i].op == ESPY_OP_BINARY)
            ESPY_TRY(fuse_one(cx, g, &g->nodes[i]));
    return ESPY_E_OK;
}
