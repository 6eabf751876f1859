/* SPDX-License-Identifier: Apache-2.0
 * nn - the reference executor: runs a static graph node by node in plain C.  Slow and clear; the
 * oracle that other executors are tested against. */
#include <string.h>

#include "nn/graph_build.h"

enum { REF_FEW = 8 }; /* inputs for which no memory is taken */

typedef struct ref_run {
    float **made;         /* per value: what a node made, NULL otherwise */
    const float **source; /* per value: a graph input's data, NULL otherwise */
    int32_t *left;        /* per value: readings still to come */
    const float **args;   /* of the node at hand */
} ref_run;

static espy_err ref_create(espy_ctx *cx, const espy_net_options *options, void **state)
{
    (void)cx;
    *state = NULL;
    if (options->precision != ESPY_PRECISION_F32)
        return espy_fail(cx, ESPY_E_UNSUPPORTED, "the reference executor computes in f32 only");
    return ESPY_E_OK;
}

static void ref_destroy(espy_ctx *cx, void **state)
{
    (void)cx;
    *state = NULL;
}

/* Nothing to prepare: the plan is the graph itself. */
static espy_err ref_compile(espy_ctx *cx, void *state, const espy_graph *g, void **plan)
{
    (void)cx;
    (void)state;
    *plan = (void *)(uintptr_t)g;
    return ESPY_E_OK;
}

static void ref_plan_destroy(espy_ctx *cx, void **plan)
{
    (void)cx;
    *plan = NULL;
}

static espy_arg ref_arg(const espy_value *v, const float *data)
{
    espy_arg a = {.dtype = v->dtype, .rank = v->rank, .count = espy_value_count(v)};
    a.data = v->data ? v->data->data : (void *)(uintptr_t)data;
    for (int i = 0; i < v->rank; i++)
        a.dims[i] = v->dims[i];
    return a;
}

espy_err espy_reference_node(espy_ctx *cx, const espy_graph *g, const espy_node *n,
                             const float *const *in, float *out)
{
    espy_arg few[REF_FEW], *args = few;
    if (n->n_in > REF_FEW) {
        args = espy_array(cx, (size_t)n->n_in, sizeof *args);
        if (!args)
            return ESPY_E_NOMEM;
    }
    for (int i = 0; i < n->n_in; i++) {
        args[i] = (espy_arg){0};
        if (n->in[i] != ESPY_NONE)
            args[i] = ref_arg(&g->values[n->in[i]], in[i]);
    }
    const espy_arg result = ref_arg(&g->values[n->out], out);
    espy_ref_run_node(n, args, n->n_in, &result);
    if (args != few)
        espy_free(cx, args);
    return espy_cancelled(cx);
}

static espy_err ref_step(espy_ctx *cx, const espy_graph *g, const espy_node *n, ref_run *r)
{
    r->made[n->out] = espy_floats(cx, espy_value_count(&g->values[n->out]));
    if (!r->made[n->out])
        return ESPY_E_NOMEM;
    for (int i = 0; i < n->n_in; i++) {
        espy_vid in = n->in[i];
        r->args[i] = in == ESPY_NONE ? NULL : r->made[in] ? r->made[in] : r->source[in];
    }
    ESPY_TRY(espy_reference_node(cx, g, n, r->args, r->made[n->out]));
    for (int i = 0; i < n->n_in; i++) {
        espy_vid in = n->in[i];
        if (in != ESPY_NONE && --r->left[in] == 0) {
            espy_free(cx, r->made[in]);
            r->made[in] = NULL;
        }
    }
    return ESPY_E_OK;
}

static espy_err ref_run_graph(espy_ctx *cx, const void *plan, const float *const *in,
                              float *const *out)
{
    const espy_graph *g = plan;
    ref_run r = {0};
    int most = 1;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < g->n_nodes; i++)
        most = g->nodes[i].n_in > most ? g->nodes[i].n_in : most;
    r.source = espy_array(cx, g->n_values, sizeof *r.source);
    r.made = espy_array(cx, g->n_values, sizeof *r.made);
    r.left = espy_array(cx, g->n_values, sizeof *r.left);
    r.args = espy_array(cx, (size_t)most, sizeof *r.args);
    if (!r.source || !r.made || !r.left || !r.args) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    for (size_t i = 0; i < g->n_inputs; i++)
        r.source[g->inputs[i]] = in[i];
    for (size_t i = 0; i < g->n_values; i++)
        r.left[i] = g->values[i].uses;
    for (size_t i = 0; i < g->n_nodes; i++)
        ESPY_GO(ref_step(cx, g, &g->nodes[i], &r));
    for (size_t i = 0; i < g->n_outputs; i++) {
        espy_vid v = g->outputs[i];
        const espy_arg a = ref_arg(&g->values[v], r.made[v] ? r.made[v] : r.source[v]);
        memcpy(out[i], a.data, a.count * sizeof(float));
    }
out:
    for (size_t i = 0; r.made && i < g->n_values; i++)
        espy_free(cx, r.made[i]);
    espy_free(cx, r.made);
    espy_free(cx, r.left);
    espy_free(cx, r.args);
    espy_free(cx, r.source);
    return e;
}

const espy_exec_ops espy_exec_reference = {
    .name = "reference",
    .create = ref_create,
    .destroy = ref_destroy,
    .compile = ref_compile,
    .run = ref_run_graph,
    .plan_destroy = ref_plan_destroy,
};
