/* SPDX-License-Identifier: Apache-2.0
 * nn - what the reader and the passes share to build and change graphs.  Private to onnx.c,
 * graph.c, shape*.c, fold.c, fuse*.c and the reference executor. */
#ifndef ESPY_NN_GRAPH_BUILD_H
#define ESPY_NN_GRAPH_BUILD_H

#include "nn/graph.h"

/* Most elements of all values of a static graph together, of one folded constant, and steps (about
 * one a result and product) spent on folding. */
#define ESPY_GRAPH_TOTAL ((int64_t)1 << 30)
#define ESPY_GRAPH_FOLD ((int64_t)1 << 25)
#define ESPY_GRAPH_FOLD_TOTAL 2e8

/* Most inputs of all nodes together; a pass may look at each for each node. */
#define ESPY_GRAPH_INPUTS 200000

/* --- graph.c: building ------------------------------------------------------------------------ */

espy_err espy_graph_create(espy_ctx *cx, espy_graph **out) ESPY_NODISCARD;

/* A new value of unknown type and rank; the name is copied. */
espy_err espy_graph_add_value(espy_ctx *cx, espy_graph *g, const char *name,
                              espy_vid *out) ESPY_NODISCARD;

/* Makes a value constant; takes over the reference, also on failure (it cannot fail). */
void espy_graph_take_const(espy_graph *g, espy_vid v, espy_const *c);

/* Appends a copy of `model` (operator, attributes, posts) with its own copy of name and inputs. */
espy_err espy_graph_add_node(espy_ctx *cx, espy_graph *g, const espy_node *model, const char *name,
                             const espy_vid *in, int n_in, espy_vid out) ESPY_NODISCARD;

espy_err espy_graph_set_ports(espy_ctx *cx, espy_graph *g, const espy_vid *in, size_t n_in,
                              const espy_vid *out, size_t n_out) ESPY_NODISCARD;

/* Notes how the file declares an output (the name is copied), after the ports are set. */
espy_err espy_graph_declare_output(espy_ctx *cx, espy_graph *g, size_t i,
                                   const espy_net_port *port) ESPY_NODISCARD;

/* Appends one more input to a node; *slot is its place. */
espy_err espy_node_add_input(espy_ctx *cx, espy_node *n, espy_vid v, int *slot) ESPY_NODISCARD;

/* A dead node has out == ESPY_NONE; passes leave it in place until espy_graph_tidy(). */
void espy_node_kill(espy_ctx *cx, espy_node *n);

/* Sets producer and uses of every value. */
void espy_graph_count(espy_graph *g);

/* Replaces every reading of `from` (nodes and graph outputs) by `to`. */
void espy_graph_replace(espy_graph *g, espy_vid from, espy_vid to);

/* Drops dead and unreachable nodes and values nobody needs; renumbers; counts. */
espy_err espy_graph_tidy(espy_ctx *cx, espy_graph *g) ESPY_NODISCARD;

/* The constant behind a value, or NULL. */
static inline const espy_const *espy_graph_const(const espy_graph *g, espy_vid v)
{
    return v == ESPY_NONE ? NULL : g->values[v].data;
}

/* True when c is one f32 number (of any rank); *x is it. */
bool espy_const_scalar(const espy_const *c, float *x);

/* Product of dims; false when negative, or more than max. */
bool espy_dims_count(int rank, const int64_t *dims, int64_t max, int64_t *count);

/* "[1, 3, 80, 80]" */
#define ESPY_DIMS_TEXT 128
void espy_dims_text(int rank, const int64_t *dims, char out[ESPY_DIMS_TEXT]);

/* --- onnx.c ----------------------------------------------------------------------------------- */

/* Reads the file into a raw graph: one node per operator (some expand), nothing folded. */
espy_err espy_onnx_read(espy_ctx *cx, espy_span onnx, espy_graph **out) ESPY_NODISCARD;

/* --- shape.c: one pass over the graph --------------------------------------------------------- */

/* Copies `from` into a new graph.  Nodes whose inputs all have known shapes are rewritten to static
 * operators, and evaluated when all inputs are constants.  dims == NULL: input shapes are taken as
 * unknown, other nodes are copied as they are.  Else every shape becomes known and the new graph is
 * static (still to be fused and tidied). */
espy_err espy_graph_lower(espy_ctx *cx, const espy_graph *from, const espy_tensor *dims,
                          espy_graph **out) ESPY_NODISCARD;

/* --- fold.c ----------------------------------------------------------------------------------- */

/* Evaluates a static node (or CAST, EQUAL, WHERE, RANGE, DEQUANTIZE) on constants; the result's
 * type and dims are given.  UNSUPPORTED when this operator has no such type. */
espy_err espy_fold_node(espy_ctx *cx, const espy_node *n, const char *name,
                        const espy_const *const *in, int n_in, espy_dt t, int rank,
                        const int64_t *dims, espy_const **out) ESPY_NODISCARD;

/* Scale and shift that a batch normalisation amounts to.  [C] each. */
espy_err espy_fold_batch_norm(espy_ctx *cx, const espy_const *const in[4], float eps,
                              espy_const **scale, espy_const **shift) ESPY_NODISCARD;

/* --- fuse*.c ---------------------------------------------------------------------------------- */

/* On a generic graph: what changes weights, so that all static graphs share the result. */
espy_err espy_fuse_weights(espy_ctx *cx, espy_graph *g) ESPY_NODISCARD;

/* On a static graph: patterns into LAYER_NORM, GELU and the like; then activations, biases and
 * residual sums into the node before them. */
espy_err espy_fuse_patterns(espy_ctx *cx, espy_graph *g) ESPY_NODISCARD;
espy_err espy_fuse_posts(espy_ctx *cx, espy_graph *g) ESPY_NODISCARD;

/* --- exec_ref_*.c: kernels, one call per node --------------------------------------------------
 */

/* A dense array given to a kernel; data of an absent input is NULL. */
typedef struct espy_arg {
    void *data;
    espy_dt dtype;
    int rank;
    int64_t dims[ESPY_NN_RANK];
    size_t count;
} espy_arg;

/* Runs one static node on f32 (the moving operators: any type).  Args are in the order of n->in. */
void espy_ref_run_node(const espy_node *n, const espy_arg *in, int n_in, const espy_arg *out);

void espy_ref_conv(const espy_node *n, const espy_arg *in, const espy_arg *out);
void espy_ref_matmul(const espy_node *n, const espy_arg *in, const espy_arg *out);
void espy_ref_pool(const espy_node *n, const espy_arg *in, const espy_arg *out);
void espy_ref_resize(const espy_node *n, const espy_arg *in, const espy_arg *out);

/* The cell that nearest resizing reads for output cell i along one axis. */
int64_t espy_resize_nearest(espy_coord coord, espy_nearest mode, float scale, int64_t in,
                            int64_t out, int64_t i);

/* True for operators that only move elements, whatever their type. */
bool espy_ref_moves(espy_op op);
void espy_ref_move(const espy_node *n, const espy_arg *in, int n_in, const espy_arg *out);

/* Steps in elements through `a` along the axes of a result that it is broadcast to. */
void espy_ref_strides(const espy_arg *a, const espy_arg *out, int64_t stride[ESPY_NN_RANK]);

/* Next index of an odometer over dims; keeps `n` offsets in step with it. */
void espy_ref_next(const espy_arg *out, int64_t index[ESPY_NN_RANK], int n,
                   int64_t stride[][ESPY_NN_RANK], int64_t *offset);

#endif
