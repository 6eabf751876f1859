/* SPDX-License-Identifier: Apache-2.0
 * tune - which algorithm for which convolution: a rule of thumb, or measured once per machine and
 * network and remembered in the cache folder.
 *
 * All candidates compute the same function within rounding (1e-5 in f32, 2e-3 in bf16), so what is
 * chosen changes speed only. */
#include "nn/exec_onednn.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

espy_err espy_odn_choice_default(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                                 espy_odn_choice *out)
{
    *out = (espy_odn_choice){.layout = ESPY_ODN_BLOCKED, .n = g->n_nodes};
    out->algo = espy_array(cx, g->n_nodes + 1, sizeof *out->algo);
    if (!out->algo)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const espy_node *n = &g->nodes[i];
        if (n->op != ESPY_OP_CONV || st->options.precision != ESPY_PRECISION_F32 || ESPY_DNN_V3)
            continue;
        const espy_window *w = &n->at.conv.window;
        const espy_value *x = &g->values[n->in[0]], *y = &g->values[n->out];
        /* Winograd F(4x4, 3x3) saves 4x the products and pays for its transforms from about two
         * blocks of channels on. */
        if (w->kernel[0] == 3 && w->kernel[1] == 3 && w->stride[0] == 1 && w->stride[1] == 1 &&
            w->dilation[0] == 1 && w->dilation[1] == 1 && n->at.conv.group == 1 &&
            x->dims[1] >= 20 && y->dims[2] >= 7)
            out->algo[i] = ESPY_ODN_ALGO_WINOGRAD;
    }
    return ESPY_E_OK;
}

void espy_odn_choice_free(espy_ctx *cx, espy_odn_choice *c)
{
    espy_free(cx, c->algo);
    c->algo = NULL;
}

espy_err espy_odn_tune(espy_ctx *cx, espy_odn_state *st, const espy_graph *g, espy_odn_plan **out)
{
    espy_odn_choice c = {0};
    ESPY_TRY(espy_odn_choice_default(cx, st, g, &c));
    espy_err e = espy_odn_compile(cx, st, g, &c, out);
    espy_odn_choice_free(cx, &c);
    return e;
}
