/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: an ONNX file from anybody.  It is refused or loaded; a loaded one that is small is
 * specialised and run by the reference executor.  First byte: whether to fuse, and which shape. */
#include <string.h>

#include "nn/graph.h"

enum { FUZZ_ELEMENTS = 4096, FUZZ_MACS = 2000000 };

/* Fills free dims with a small number.  False when the inputs are too large to be run here. */
static bool fuzz_shape(const espy_graph *g, int64_t free_dim, espy_tensor *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const espy_value *v = &g->values[g->inputs[i]];
        int64_t count = 1;
        if (v->rank < 0)
            return false;
        t[i].rank = v->rank;
        for (int d = 0; d < v->rank; d++) {
            t[i].dims[d] = v->dims[d] < 0 ? free_dim : v->dims[d];
            if (t[i].dims[d] > FUZZ_ELEMENTS)
                return false;
            count *= t[i].dims[d];
            if (count > FUZZ_ELEMENTS)
                return false;
        }
    }
    return true;
}

static bool fuzz_small(const espy_graph *g)
{
    if (espy_graph_macs(g) > FUZZ_MACS || g->n_nodes > 200)
        return false;
    for (size_t i = 0; i < g->n_values; i++)
        if (espy_value_count(&g->values[i]) > 16 * FUZZ_ELEMENTS)
            return false;
    return true;
}

static void fuzz_run(espy_ctx *cx, const espy_graph *g, const float *zero)
{
    const espy_net_options options = {.executor = ESPY_EXEC_REFERENCE};
    const espy_exec_ops *ops = &espy_exec_reference;
    const float *input[4] = {zero, zero, zero, zero};
    float *output[8] = {0};
    void *state = NULL, *plan = NULL;
    if (g->n_outputs > 8)
        return;
    if (ops->create(cx, &options, &state) != ESPY_E_OK)
        return;
    bool ready = ops->compile(cx, state, g, &plan) == ESPY_E_OK;
    for (size_t i = 0; i < g->n_outputs && ready; i++) {
        output[i] = espy_floats(cx, espy_value_count(&g->values[g->outputs[i]]));
        ready = output[i] != NULL;
    }
    if (ready && ops->run(cx, plan, input, output) != ESPY_E_OK)
        espy_clear(cx);
    for (size_t i = 0; i < g->n_outputs; i++)
        espy_free(cx, output[i]);
    ops->plan_destroy(cx, &plan);
    ops->destroy(cx, &state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    espy_ctx cx;
    espy_ctx_init(&cx);
    cx.max.file_bytes = (size_t)1 << 20;
    const espy_graph_options options = {.fuse = (data[0] & 1) != 0};
    espy_graph *g = NULL, *fixed = NULL;
    espy_tensor in[4];
    memset(in, 0, sizeof in);
    float *zero = espy_floats(&cx, FUZZ_ELEMENTS);
    if (zero && espy_graph_load(&cx, (espy_span){data + 1, size - 1}, &options, &g) == ESPY_E_OK &&
        g->n_inputs <= 4 && fuzz_shape(g, 1 + (data[0] >> 1) % 16, in, g->n_inputs) &&
        espy_graph_specialise(&cx, g, in, g->n_inputs, &options, &fixed) == ESPY_E_OK &&
        fuzz_small(fixed))
        fuzz_run(&cx, fixed, zero);
    espy_graph_destroy(&cx, &fixed);
    espy_graph_destroy(&cx, &g);
    espy_free(&cx, zero);
    return 0;
}
