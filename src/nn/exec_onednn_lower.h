/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - from nodes of the graph to steps.  Every espy_odn_lower_* answers UNSUPPORTED, with
 * nothing noted in the context and nothing added to the plan, when oneDNN has no good code for the
 * node: the reference executor's then runs it. */
#ifndef ESPY_NN_EXEC_ONEDNN_LOWER_H
#define ESPY_NN_EXEC_ONEDNN_LOWER_H

#include "nn/exec_onednn.h"

typedef struct espy_odn_fn {
    dnnl_alg_kind_t alg;
    float alpha, beta;
} espy_odn_fn;

/* An activation as one or two functions of oneDNN; 0: it has none that is finite at 0. */
int espy_odn_eltwise(espy_act a, espy_odn_fn out[2]);

espy_err espy_odn_step_eltwise(espy_odn_build *b, espy_odn_fn f, int from, int to) ESPY_NODISCARD;
espy_err espy_odn_step_binary(espy_odn_build *b, dnnl_alg_kind_t alg, int x, int y,
                              int to) ESPY_NODISCARD;

/* One number per channel as a slot that broadcasts beside value `beside`, channels at `axis`. */
espy_err espy_odn_channel_slot(espy_odn_build *b, const espy_const *c, espy_vid beside, int axis,
                               espy_odn_layout layout, int *slot) ESPY_NODISCARD;

/* Post-operations `first`.. of a node as steps in place on its result's form. */
espy_err espy_odn_posts(espy_odn_build *b, const espy_node *n, int first, espy_odn_layout layout,
                        espy_odn_type type) ESPY_NODISCARD;

espy_err espy_odn_lower_conv(espy_odn_build *b, const espy_node *n) ESPY_NODISCARD;
espy_err espy_odn_lower_matmul(espy_odn_build *b, const espy_node *n) ESPY_NODISCARD;

#endif
