/* SPDX-License-Identifier: Apache-2.0
 * nn - the lowering pass, as its rules see it.  Private to shape*.c. */
#ifndef ESPY_NN_SHAPE_H
#define ESPY_NN_SHAPE_H

#include "nn/graph_build.h"

typedef struct espy_shape {
    espy_dt dtype;
    int rank;
    int64_t dims[ESPY_NN_RANK];
} espy_shape;

typedef struct espy_lower {
    espy_ctx *cx;
    const espy_graph *from;
    espy_graph *to;
    espy_vid *map;      /* value of `from` -> value of `to` */
    const espy_node *n; /* the node being rewritten */
    int64_t total;      /* elements of all values so far */
    double folded;      /* steps spent on evaluating constants so far */
} espy_lower;

/* Rewrites l->n, whose inputs are `in` in the new graph and have known shapes. */
typedef espy_err espy_lower_rule(espy_lower *l, const espy_vid *in, espy_vid *out);

/* Notes what is wrong with the node being rewritten. */
espy_err espy_lower_fail(espy_lower *l, espy_err code, const char *what);
#define lower_bad(l, what) espy_lower_fail((l), ESPY_E_FORMAT, (what))
#define lower_unsupported(l, what) espy_lower_fail((l), ESPY_E_UNSUPPORTED, (what))

espy_shape espy_lower_shape(const espy_lower *l, espy_vid v);

/* Adds the node `m` with a result of this shape; evaluates it instead when all inputs are constant.
 */
espy_err espy_lower_emit(espy_lower *l, const espy_node *m, const espy_vid *in, int n_in,
                         const espy_shape *s, espy_vid *out) ESPY_NODISCARD;

/* Gives v these dims by a RESHAPE, or v itself when it has them already. */
espy_err espy_lower_reshape(espy_lower *l, espy_vid v, int rank, const int64_t *dims,
                            espy_vid *out) ESPY_NODISCARD;

/* A new constant value; takes over c in every case. */
espy_err espy_lower_constant(espy_lower *l, espy_const *c, espy_vid *out) ESPY_NODISCARD;
espy_err espy_lower_integers(espy_lower *l, int rank, const int64_t *v, int64_t n,
                             espy_vid *out) ESPY_NODISCARD;

/* The integers of a constant of rank 0 or 1, at most max; UNSUPPORTED when it is no constant. */
espy_err espy_lower_list(espy_lower *l, espy_vid v, int64_t *list, int max, int *n) ESPY_NODISCARD;

/* Brings an axis into 0 .. rank-1. */
espy_err espy_lower_axis(espy_lower *l, int64_t axis, int rank, int *out) ESPY_NODISCARD;

/* numpy broadcasting of two shapes. */
espy_err espy_lower_broadcast(espy_lower *l, const espy_shape *a, const espy_shape *b,
                              espy_shape *out) ESPY_NODISCARD;

/* shape_move.c: operators that move elements or make integers. */
espy_lower_rule espy_lower_cast, espy_lower_concat, espy_lower_constant_of_shape, espy_lower_expand,
    espy_lower_flatten, espy_lower_gather, espy_lower_identity, espy_lower_pad, espy_lower_range,
    espy_lower_reduce_prod, espy_lower_reshape_op, espy_lower_shape_op, espy_lower_size,
    espy_lower_slice, espy_lower_split_part, espy_lower_squeeze, espy_lower_transpose,
    espy_lower_unsqueeze, espy_lower_equal, espy_lower_where;

/* shape_math.c: operators that compute. */
espy_lower_rule espy_lower_batch_norm, espy_lower_binary, espy_lower_clip, espy_lower_conv,
    espy_lower_dequantize, espy_lower_gemm, espy_lower_l2_norm, espy_lower_layer_norm,
    espy_lower_matmul, espy_lower_pool, espy_lower_prelu, espy_lower_reduce, espy_lower_resize,
    espy_lower_softmax, espy_lower_unary;

#endif
