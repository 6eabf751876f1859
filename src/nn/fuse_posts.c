/* SPDX-License-Identifier: Apache-2.0
 * nn - fusing on static graphs, second part: activations, slopes, biases and residual sums become
 * post-operations of the node that makes their input. */
#include <string.h>

#include "nn/graph_build.h"

static bool posts_takes(espy_op op)
{
    return op == ESPY_OP_CONV || op == ESPY_OP_MATMUL || op == ESPY_OP_AFFINE ||
           op == ESPY_OP_BINARY;
}

/* Functions worth doing while the result is at hand; the others stay nodes. */
static bool posts_wants(espy_act_kind kind)
{
    return kind == ESPY_ACT_RELU || kind == ESPY_ACT_LEAKY_RELU || kind == ESPY_ACT_CLIP ||
           kind == ESPY_ACT_SIGMOID || kind == ESPY_ACT_TANH || kind == ESPY_ACT_SWISH ||
           kind == ESPY_ACT_HARD_SWISH || kind == ESPY_ACT_GELU || kind == ESPY_ACT_ELU;
}

/* The node that makes v for one reader and has room for another post-operation, or NULL. */
static espy_node *posts_host(const espy_graph *g, espy_vid v)
{
    if (v == ESPY_NONE || g->values[v].producer == ESPY_NONE || g->values[v].uses != 1)
        return NULL;
    espy_node *p = &g->nodes[g->values[v].producer];
    return posts_takes(p->op) && p->n_post < ESPY_GRAPH_POSTS ? p : NULL;
}

/* The node n is done by the node before it: its readers read its input instead. */
static void posts_bypass(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    espy_vid from = n->in[0];
    g->values[from].uses = g->values[n->out].uses;
    espy_graph_replace(g, n->out, from);
    espy_node_kill(cx, n);
}

static void posts_unary(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    if (!posts_wants(n->at.unary.kind))
        return;
    /* A function of one number may be done before elements are moved. */
    espy_vid v = n->in[0];
    while (g->values[v].uses == 1 && g->values[v].producer != ESPY_NONE) {
        const espy_node *p = &g->nodes[g->values[v].producer];
        if (p->op != ESPY_OP_RESHAPE && p->op != ESPY_OP_TRANSPOSE)
            break;
        v = p->in[0];
    }
    espy_node *host = posts_host(g, v);
    if (!host)
        return;
    host->post[host->n_post++] = (espy_post){.kind = ESPY_POST_ACT, .act = n->at.unary};
    posts_bypass(cx, g, n);
}

/* The channel axis of a node's output, ESPY_POST_PRELU in graph.h. */
static int posts_axis(const espy_graph *g, const espy_node *n)
{
    int rank = g->values[n->out].rank;
    return n->op == ESPY_OP_MATMUL ? rank - 1 : 1;
}

/* A constant with one number for each channel, as a list [C] of its own; ESPY_NONE if it is not. */
static espy_err posts_vector(espy_ctx *cx, espy_graph *g, espy_vid v, const espy_value *y, int axis,
                             espy_vid *out)
{
    const espy_const *c = espy_graph_const(g, v);
    espy_const *made;
    *out = ESPY_NONE;
    if (!c || c->dtype != ESPY_DT_F32 || axis >= y->rank)
        return ESPY_E_OK;
    int at = axis - (y->rank - c->rank); /* the same axis, counted in the constant */
    const int64_t channels = y->dims[axis];
    if (at < 0 || c->count != (size_t)channels || c->dims[at] != channels)
        return ESPY_E_OK;
    ESPY_TRY(espy_const_create(cx, ESPY_DT_F32, 1, &channels, &made));
    memcpy(made->data, c->data, c->count * sizeof(float));
    espy_err e = espy_graph_add_value(cx, g, g->values[v].name, out);
    if (e == ESPY_E_OK)
        espy_graph_take_const(g, *out, made);
    else
        espy_const_unref(cx, &made);
    return e;
}

static espy_err posts_prelu(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    espy_node *host = posts_host(g, n->in[0]);
    espy_vid slope;
    int slot;
    if (!host)
        return ESPY_E_OK;
    ESPY_TRY(posts_vector(cx, g, n->in[1], &g->values[n->out], posts_axis(g, host), &slope));
    if (slope == ESPY_NONE)
        return ESPY_E_OK;
    ESPY_TRY(espy_node_add_input(cx, host, slope, &slot));
    host->post[host->n_post++] = (espy_post){.kind = ESPY_POST_PRELU, .input = slot};
    posts_bypass(cx, g, n);
    return ESPY_E_OK;
}

static bool posts_same_dims(const espy_graph *g, espy_vid a, espy_vid b)
{
    const espy_value *x = &g->values[a], *y = &g->values[b];
    return x->rank == y->rank && memcmp(x->dims, y->dims, sizeof x->dims[0] * (size_t)x->rank) == 0;
}

/* A sum with a constant for each column becomes the bias of the product. */
static espy_err posts_bias(espy_ctx *cx, espy_graph *g, espy_node *n, bool *done)
{
    *done = false;
    for (int i = 0; i < 2; i++) {
        espy_node *host = posts_host(g, n->in[i]);
        espy_vid bias;
        if (!host || host->op != ESPY_OP_MATMUL || host->n_post > 0 || host->in[2] != ESPY_NONE ||
            !posts_same_dims(g, host->out, n->out))
            continue;
        ESPY_TRY(posts_vector(cx, g, n->in[1 - i], &g->values[n->out], posts_axis(g, host), &bias));
        if (bias == ESPY_NONE)
            continue;
        host->in[2] = bias;
        n->in[0] = host->out;
        posts_bypass(cx, g, n);
        *done = true;
        return ESPY_E_OK;
    }
    return ESPY_E_OK;
}

/* A sum with a tensor of the same shape.  The other operand may be made after the host, so the host
 * moves to the place of the sum. */
static espy_err posts_residual(espy_ctx *cx, espy_graph *g, espy_node *n)
{
    espy_node *host = NULL;
    espy_vid other = ESPY_NONE;
    int slot;
    for (int i = 0; i < 2; i++) {
        espy_node *p = posts_host(g, n->in[i]);
        if (p && (p->op == ESPY_OP_CONV || p->op == ESPY_OP_MATMUL) && p > host &&
            posts_same_dims(g, n->in[0], n->out) && posts_same_dims(g, n->in[1], n->out) &&
            g->values[n->out].rank > 1) {
            host = p;
            other = n->in[1 - i];
        }
    }
    if (!host)
        return ESPY_E_OK;
    ESPY_TRY(espy_node_add_input(cx, host, other, &slot));
    host->post[host->n_post++] = (espy_post){.kind = ESPY_POST_ADD, .input = slot};
    /* Trade places: the dead sum gets the host's old place and output. */
    espy_node sum = *n;
    espy_vid made = n->out;
    *n = *host;
    *host = sum;
    n->out = made;
    espy_node_kill(cx, host);
    g->values[made].producer = (int32_t)(n - g->nodes);
    return ESPY_E_OK;
}

espy_err espy_fuse_posts(espy_ctx *cx, espy_graph *g)
{
    espy_graph_count(g);
    for (size_t i = 0; i < g->n_nodes; i++) {
        espy_node *n = &g->nodes[i];
        if (n->out == ESPY_NONE)
            continue;
        if (n->op == ESPY_OP_UNARY) {
            posts_unary(cx, g, n);
        } else if (n->op == ESPY_OP_PRELU) {
            ESPY_TRY(posts_prelu(cx, g, n));
        } else if (n->op == ESPY_OP_BINARY && n->at.binary == ESPY_BIN_ADD) {
            bool done;
            ESPY_TRY(posts_bias(cx, g, n, &done));
            if (!done)
                ESPY_TRY(posts_residual(cx, g, n));
        }
    }
    return ESPY_E_OK;
}
