/* SPDX-License-Identifier: Apache-2.0
 * nn - the public entry: loading a network, its plans for each input shape, running it.
 *
 * A net is immutable but for its stock of plans, which a lock guards:
 *   N1  a plan in use (refs > 0) is never destroyed
 *   N2  at most NET_PLANS plans are kept; beyond that the one unused for longest goes, and only
 * when every plan is in use are there more for a while N3  the executor's create, compile and
 * destroys run with the lock held (or with no other user) */
#include <pthread.h>
#include <string.h>

#include "nn/graph.h"

enum { NET_PLANS = 32 };

/* A network specialised to one set of input shapes. */
typedef struct net_plan {
    struct net_plan *next;
    espy_graph *graph;
    void *plan;
    unsigned refs;      /* runs that use it now */
    uint64_t last_used; /* clock of the net */
} net_plan;

typedef struct net_stock {
    pthread_mutex_t lock;
    net_plan *plans;
    uint64_t clock;
} net_stock;

struct espy_net {
    espy_graph *graph; /* generic */
    const espy_exec_ops *ops;
    void *state;
    espy_net_port *inputs, *outputs; /* names belong to the graph */
    net_stock *stock;                /* the only part that changes after loading */
};

static const espy_graph_options net_fused = {.fuse = true};

/* --- plans ------------------------------------------------------------------------------------ */

static void net_plan_free(espy_ctx *cx, const espy_net *net, net_plan *p)
{
    if (!p)
        return;
    net->ops->plan_destroy(cx, &p->plan);
    espy_graph_destroy(cx, &p->graph);
    espy_free(cx, p);
}

static bool net_plan_fits(const net_plan *p, const espy_tensor *in, size_t n_in)
{
    for (size_t i = 0; i < n_in; i++) {
        const espy_value *v = &p->graph->values[p->graph->inputs[i]];
        if (v->rank != in[i].rank ||
            memcmp(v->dims, in[i].dims, (size_t)v->rank * sizeof v->dims[0]) != 0)
            return false;
    }
    return n_in == p->graph->n_inputs;
}

static espy_err net_plan_create(espy_ctx *cx, const espy_net *net, const espy_tensor *in,
                                size_t n_in, net_plan **out)
{
    net_plan *p = espy_zalloc(cx, sizeof *p);
    espy_err e = p ? ESPY_E_OK : ESPY_E_NOMEM;
    ESPY_GO(e);
    ESPY_GO(espy_graph_specialise(cx, net->graph, in, n_in, &net_fused, &p->graph));
    ESPY_GO(net->ops->compile(cx, net->state, p->graph, &p->plan));
    *out = p;
    p = NULL;
out:
    net_plan_free(cx, net, p);
    return e;
}

/* Makes room for one more plan. */
static void net_evict(espy_ctx *cx, const espy_net *net)
{
    net_plan **oldest = NULL;
    size_t n = 0;
    for (net_plan **p = &net->stock->plans; *p; p = &(*p)->next) {
        n++;
        if ((*p)->refs == 0 && (!oldest || (*p)->last_used < (*oldest)->last_used))
            oldest = p;
    }
    if (n < NET_PLANS || !oldest)
        return;
    net_plan *gone = *oldest;
    *oldest = gone->next;
    net_plan_free(cx, net, gone);
}

/* The plan for these shapes, made when it is new; give back with net_release(). */
static espy_err net_acquire(espy_ctx *cx, const espy_net *net, const espy_tensor *in, size_t n_in,
                            net_plan **out)
{
    net_stock *s = net->stock;
    espy_err e = ESPY_E_OK;
    pthread_mutex_lock(&s->lock);
    net_plan *p = s->plans;
    while (p && !net_plan_fits(p, in, n_in))
        p = p->next;
    if (!p) {
        e = net_plan_create(cx, net, in, n_in, &p);
        if (e == ESPY_E_OK) {
            net_evict(cx, net);
            p->next = s->plans;
            s->plans = p;
        }
    }
    if (e == ESPY_E_OK) {
        p->refs++;
        p->last_used = ++s->clock;
        *out = p;
    }
    pthread_mutex_unlock(&s->lock);
    return e;
}

static void net_release(const espy_net *net, net_plan *p)
{
    pthread_mutex_lock(&net->stock->lock);
    p->refs--;
    pthread_mutex_unlock(&net->stock->lock);
}

/* --- loading ---------------------------------------------------------------------------------- */

static espy_err net_ports(espy_ctx *cx, espy_net *net)
{
    const espy_graph *g = net->graph;
    net->inputs = espy_array(cx, g->n_inputs, sizeof *net->inputs);
    net->outputs = espy_array(cx, g->n_outputs, sizeof *net->outputs);
    if (!net->inputs || !net->outputs)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const espy_value *v = &g->values[g->inputs[i]];
        net->inputs[i].name = v->name;
        net->inputs[i].rank = v->rank;
        for (int d = 0; d < v->rank; d++)
            net->inputs[i].dims[d] = v->dims[d];
    }
    for (size_t i = 0; i < g->n_outputs; i++)
        net->outputs[i] = g->output_ports[i];
    return ESPY_E_OK;
}

/* What the file leaves open of its outputs' shapes is taken from a plan, but for the batch. */
static void net_complete_ports(espy_net *net, const espy_graph *fixed, bool batched)
{
    for (size_t i = 0; i < fixed->n_outputs; i++) {
        const espy_value *v = &fixed->values[fixed->outputs[i]];
        espy_net_port *port = &net->outputs[i];
        bool known = port->rank == v->rank;
        port->rank = v->rank;
        for (int d = 0; d < v->rank; d++)
            if (!known || port->dims[d] < 0)
                port->dims[d] = d == 0 && batched ? -1 : v->dims[d];
    }
}

/* Where only the batch is free, the plan for one sample is made at once: errors show early and the
 * first run is as fast as the others. */
static espy_err net_prepare(espy_ctx *cx, espy_net *net)
{
    const espy_graph *g = net->graph;
    espy_tensor *in = espy_array(cx, g->n_inputs, sizeof *in);
    bool fixed = true, batched = false;
    net_plan *p;
    if (!in)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < g->n_inputs && fixed; i++) {
        const espy_value *v = &g->values[g->inputs[i]];
        fixed = v->rank >= 0;
        in[i].rank = v->rank;
        for (int d = 0; d < v->rank; d++) {
            in[i].dims[d] = v->dims[d] < 0 ? 1 : v->dims[d];
            fixed = fixed && (v->dims[d] >= 0 || d == 0);
            batched = batched || v->dims[d] < 0;
        }
    }
    espy_err e = ESPY_E_OK;
    if (fixed) {
        e = net_acquire(cx, net, in, g->n_inputs, &p);
        if (e == ESPY_E_OK) {
            net_complete_ports(net, p->graph, batched);
            net_release(net, p);
        }
    }
    espy_free(cx, in);
    return e;
}

espy_err espy_net_load(espy_ctx *cx, espy_span onnx, const espy_net_options *options,
                       espy_net **out)
{
    espy_err e = ESPY_E_OK;
    espy_net *net = espy_zalloc(cx, sizeof *net);
    if (!net)
        return ESPY_E_NOMEM;
    net->ops = options->executor == ESPY_EXEC_REFERENCE ? &espy_exec_reference : &espy_exec_onednn;
    net->stock = espy_zalloc(cx, sizeof *net->stock);
    if (!net->stock || pthread_mutex_init(&net->stock->lock, NULL) != 0) {
        espy_free(cx, net->stock);
        net->stock = NULL;
        ESPY_GO(espy_fail(cx, ESPY_E_NOMEM, "out of memory"));
    }
    ESPY_GO(espy_graph_load(cx, onnx, &net_fused, &net->graph));
    ESPY_GO(net_ports(cx, net));
    ESPY_GO(net->ops->create(cx, options, &net->state));
    ESPY_GO(net_prepare(cx, net));
    *out = net;
    net = NULL;
out:
    espy_net_destroy(cx, &net);
    return e;
}

void espy_net_destroy(espy_ctx *cx, espy_net **np)
{
    espy_net *net = *np;
    if (!net)
        return;
    if (net->stock) {
        while (net->stock->plans) {
            net_plan *p = net->stock->plans;
            net->stock->plans = p->next;
            net_plan_free(cx, net, p);
        }
        pthread_mutex_destroy(&net->stock->lock);
    }
    net->ops->destroy(cx, &net->state);
    espy_graph_destroy(cx, &net->graph);
    espy_free(cx, net->inputs);
    espy_free(cx, net->outputs);
    espy_free(cx, net->stock);
    espy_free(cx, net);
    *np = NULL;
}

size_t espy_net_input_count(const espy_net *net)
{
    return net->graph->n_inputs;
}

size_t espy_net_output_count(const espy_net *net)
{
    return net->graph->n_outputs;
}

const espy_net_port *espy_net_input(const espy_net *net, size_t i)
{
    return i < net->graph->n_inputs ? &net->inputs[i] : NULL;
}

const espy_net_port *espy_net_output(const espy_net *net, size_t i)
{
    return i < net->graph->n_outputs ? &net->outputs[i] : NULL;
}

/* --- running ---------------------------------------------------------------------------------- */

espy_err espy_net_run(espy_ctx *cx, const espy_net *net, const espy_tensor *in, size_t n_in,
                      espy_tensor *out, size_t n_out)
{
    const espy_graph *g;
    const float **input = NULL;
    float **output = NULL;
    net_plan *p = NULL;
    espy_err e = ESPY_E_OK;
    if (n_out != net->graph->n_outputs)
        return espy_fail(cx, ESPY_E_ARG, "the network has %zu outputs, %zu were asked for",
                         net->graph->n_outputs, n_out);
    ESPY_GO(net_acquire(cx, net, in, n_in, &p));
    g = p->graph;
    input = espy_array(cx, n_in, sizeof *input);
    output = espy_array(cx, n_out, sizeof *output);
    if (!input || !output) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    for (size_t i = 0; i < n_in; i++)
        input[i] = in[i].data;
    for (size_t i = 0; i < n_out; i++) {
        output[i] = espy_floats(cx, espy_value_count(&g->values[g->outputs[i]]));
        if (!output[i]) {
            e = ESPY_E_NOMEM;
            goto out;
        }
    }
    ESPY_GO(net->ops->run(cx, p->plan, input, output));
    for (size_t i = 0; i < n_out; i++) {
        const espy_value *v = &g->values[g->outputs[i]];
        out[i] = (espy_tensor){.data = output[i], .rank = v->rank};
        for (int d = 0; d < v->rank; d++)
            out[i].dims[d] = v->dims[d];
        output[i] = NULL;
    }
out:
    for (size_t i = 0; output && i < n_out; i++)
        espy_free(cx, output[i]);
    espy_free(cx, output);
    espy_free(cx, input);
    if (p)
        net_release(net, p);
    return e;
}

espy_err espy_net_macs(espy_ctx *cx, const espy_net *net, const espy_tensor *in, size_t n_in,
                       double *out)
{
    espy_graph *g;
    ESPY_TRY(espy_graph_specialise(cx, net->graph, in, n_in, &net_fused, &g));
    *out = espy_graph_macs(g);
    espy_graph_destroy(cx, &g);
    return ESPY_E_OK;
}
