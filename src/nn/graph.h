/* SPDX-License-Identifier: Apache-2.0
 * nn - the typed graph between the ONNX file and the executors.  Private to nn.
 *
 * A graph comes in two states.  *Generic*: as loaded, shapes may depend on the input; constants are
 * folded and what can be fused without knowing shapes is fused.  *Static*: made from the generic
 * one for concrete input shapes by espy_graph_specialise(); executors take only these.  A static
 * graph keeps the following invariants: G1  nodes are in topological order; every node has exactly
 * one output and reaches an output G2  every value has a known rank and known dims, all > 0, within
 * ESPY_GRAPH_ELEMENTS G3  every value that is not a constant is f32 G4  only operators up to
 * ESPY_OP_STATIC_LAST occur, with the inputs documented there; in[] never refers to a value that a
 * later node produces; absent optional inputs are ESPY_NONE G5  weights and biases of CONV, and
 * operands of AFFINE and LAYER_NORM, are f32 constants G6  padding is resolved to numbers (no
 * auto_pad); slices and axes are normalised (>= 0) G7  a graph output may be a graph input, a
 * constant or one value listed twice Constants are reference counted and shared by a generic graph
 * and all its static ones, so their address identifies a weight for as long as a reference to it is
 * held. */
#ifndef ESPY_NN_GRAPH_H
#define ESPY_NN_GRAPH_H

#include "nn/nn.h"

#define ESPY_GRAPH_ELEMENTS ((int64_t)1 << 28) /* of one value */
#define ESPY_GRAPH_NODES 20000
#define ESPY_GRAPH_POSTS 4
#define ESPY_NONE (-1)

typedef int32_t espy_vid; /* index into espy_graph.values, or ESPY_NONE */

typedef enum espy_dt {
    ESPY_DT_F32,
    ESPY_DT_I64,
    ESPY_DT_I32,
    ESPY_DT_BOOL,
    ESPY_DT_U8,
    ESPY_DT_I8
} espy_dt;

size_t espy_dt_size(espy_dt t); /* bytes of one element */

/* An immutable dense array, row-major, 64-byte aligned. */
typedef struct espy_const {
    atomic_uint refs;
    espy_dt dtype;
    int rank; /* 0: a scalar, count 1 */
    int64_t dims[ESPY_NN_RANK];
    size_t count; /* product of dims; 0 is possible only in a generic graph */
    void *data;
} espy_const;

/* New zeroed constant with one reference.  Errors: LIMIT, NOMEM. */
espy_err espy_const_create(espy_ctx *cx, espy_dt t, int rank, const int64_t *dims,
                           espy_const **out) ESPY_NODISCARD;
espy_const *espy_const_ref(const espy_const *c);     /* the same one, shared */
void espy_const_unref(espy_ctx *cx, espy_const **c); /* NULL-safe, clears the pointer */

/* Element-wise functions of one f32. */
typedef enum espy_act_kind {
    ESPY_ACT_NONE,
    ESPY_ACT_RELU,
    ESPY_ACT_LEAKY_RELU, /* x < 0 ? a x : x */
    ESPY_ACT_CLIP,       /* min(max(x, a), b); a or b may be infinite */
    ESPY_ACT_SIGMOID,
    ESPY_ACT_TANH,
    ESPY_ACT_SWISH,        /* x sigmoid(x) */
    ESPY_ACT_HARD_SIGMOID, /* min(max(a x + b, 0), 1) */
    ESPY_ACT_HARD_SWISH,   /* x min(max(a x + b, 0), 1) */
    ESPY_ACT_GELU,         /* x (1 + erf(x / sqrt 2)) / 2 */
    ESPY_ACT_ELU,          /* x < 0 ? a (exp x - 1) : x */
    ESPY_ACT_SOFTPLUS,     /* log(1 + exp x) */
    ESPY_ACT_EXP,
    ESPY_ACT_LOG,
    ESPY_ACT_SQRT,
    ESPY_ACT_RECIPROCAL,
    ESPY_ACT_ABS,
    ESPY_ACT_NEG,
    ESPY_ACT_ERF,
    ESPY_ACT_FLOOR,
    ESPY_ACT_CEIL,
    ESPY_ACT_SQUARE,
    ESPY_ACT_LINEAR /* a x + b */
} espy_act_kind;

typedef struct espy_act {
    espy_act_kind kind;
    float a, b;
} espy_act;

/* Two operands, numpy broadcasting. */
typedef enum espy_bin_kind {
    ESPY_BIN_ADD,
    ESPY_BIN_SUB,
    ESPY_BIN_MUL,
    ESPY_BIN_DIV,
    ESPY_BIN_POW,
    ESPY_BIN_MIN,
    ESPY_BIN_MAX
} espy_bin_kind;

/* What is done to a node's result before it is stored, in order.  `input` is a slot of node.in.
 * The channel axis is 1 for CONV and AFFINE and BINARY, the last one for MATMUL. */
typedef enum espy_post_kind {
    ESPY_POST_ACT,   /* y = act(y) */
    ESPY_POST_PRELU, /* y = y < 0 ? s[c] y : y;   in[input]: f32 constant [C] */
    ESPY_POST_ADD, /* y = y + r;                in[input]: same dims as the output, or constant [C]
                    */
    ESPY_POST_MUL  /* y = y * r;                the same */
} espy_post_kind;

typedef struct espy_post {
    espy_post_kind kind;
    espy_act act;
    int input;
} espy_post;

typedef enum espy_op {
    /* --- static graphs ------------------------------------------------------------------------ */
    ESPY_OP_CONV,   /* in: x [N,C,H,W], w [O,C/group,kh,kw], bias [O] or NONE; then post operands */
    ESPY_OP_MATMUL, /* in: a [..,M,K], b [..,K,N], bias constant [N] or NONE; then post operands.
                       matmul.trans_a/b: stored with the last two axes swapped; batch axes
                       broadcast; ranks >= 2; b and a may be constants or values */
    ESPY_OP_AFFINE, /* in: x, scale [C], shift [C]: y = x scale[c] + shift[c], c on axis 1;
                       then post operands */
    ESPY_OP_BINARY, /* in: a, b of any broadcastable dims; then post operands */
    ESPY_OP_UNARY,  /* in: x; y = act(x) */
    ESPY_OP_PRELU,  /* in: x, slope (constant or value) broadcastable to x */
    ESPY_OP_POOL,   /* in: x [N,C,H,W] */
    ESPY_OP_REDUCE, /* in: x; over reduce.axes; dims of the output tell whether they are kept */
    ESPY_OP_SOFTMAX,    /* in: x; along one axis */
    ESPY_OP_LAYER_NORM, /* in: x, scale [D] or NONE, shift [D] or NONE; over the last axis:
                           y = (x - mean) / sqrt(var + eps) scale + shift, var biased */
    ESPY_OP_L2_NORM,    /* in: x; y = x / max(sqrt(sum x^2), eps) along one axis */
    ESPY_OP_RESHAPE,    /* in: x; same elements in the same order under the output's dims */
    ESPY_OP_TRANSPOSE,  /* in: x; y.dims[i] = x.dims[perm[i]] */
    ESPY_OP_CONCAT,     /* in: 1 or more, along one axis */
    ESPY_OP_SLICE,      /* in: x; y[i] = x[start + i step] on each axis; step may be negative */
    ESPY_OP_PAD,        /* in: x */
    ESPY_OP_RESIZE,     /* in: x [N,C,H,W]; H and W change */
    ESPY_OP_GATHER,     /* in: x, indices constant i64, 0 <= index < x.dims[axis] */
    ESPY_OP_EXPAND,     /* in: x broadcast to the output's dims */
    ESPY_OP_STATIC_LAST = ESPY_OP_EXPAND,
    /* --- generic graphs only; specialising folds or rewrites them ----------------------------- */
    ESPY_OP_IDENTITY,
    ESPY_OP_SHAPE,
    ESPY_OP_SIZE,
    ESPY_OP_CAST,
    ESPY_OP_CONSTANT_OF_SHAPE,
    ESPY_OP_RANGE,
    ESPY_OP_GEMM,
    ESPY_OP_BATCH_NORM,
    ESPY_OP_FLATTEN,
    ESPY_OP_SQUEEZE,
    ESPY_OP_UNSQUEEZE,
    ESPY_OP_SPLIT_PART, /* one output of a Split */
    ESPY_OP_CLIP,       /* bounds as inputs */
    ESPY_OP_DEQUANTIZE,
    ESPY_OP_EQUAL,
    ESPY_OP_WHERE,
    ESPY_OP_REDUCE_PROD
} espy_op;

const char *espy_op_name(espy_op op);

typedef enum espy_pool_kind {
    ESPY_POOL_MAX,
    ESPY_POOL_AVG,            /* divides by the cells inside the picture */
    ESPY_POOL_AVG_INCLUDE_PAD /* divides by cells inside the picture and pad[] (not `extra`) */
} espy_pool_kind;

typedef enum espy_auto_pad {
    ESPY_PAD_NOTSET,
    ESPY_PAD_SAME_UPPER,
    ESPY_PAD_SAME_LOWER,
    ESPY_PAD_VALID
} espy_auto_pad;

/* Window of CONV and POOL, [0] vertical, [1] horizontal.
 * out = (in + pad_begin + pad_end + extra - ((kernel-1) dilation + 1)) / stride + 1, rounded down.
 */
typedef struct espy_window {
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad_begin[2], pad_end[2];
    int64_t extra[2];       /* POOL with ceil_mode: padding added at the end to round up */
    espy_auto_pad auto_pad; /* generic graphs only */
} espy_window;

typedef enum espy_reduce_kind {
    ESPY_REDUCE_MEAN,
    ESPY_REDUCE_SUM,
    ESPY_REDUCE_MAX,
    ESPY_REDUCE_MIN,
    ESPY_REDUCE_L1,
    ESPY_REDUCE_L2,
    ESPY_REDUCE_SUM_SQUARE
} espy_reduce_kind;

typedef enum espy_pad_mode { ESPY_PAD_CONSTANT, ESPY_PAD_REFLECT, ESPY_PAD_EDGE } espy_pad_mode;

typedef enum espy_coord {
    ESPY_COORD_HALF_PIXEL,         /* (i + 0.5) / scale - 0.5 */
    ESPY_COORD_PYTORCH_HALF_PIXEL, /* the same, 0 where the output has one cell */
    ESPY_COORD_ASYMMETRIC,         /* i / scale */
    ESPY_COORD_ALIGN_CORNERS       /* i (in - 1) / (out - 1) */
} espy_coord;

typedef enum espy_nearest {
    ESPY_NEAREST_ROUND_PREFER_FLOOR,
    ESPY_NEAREST_ROUND_PREFER_CEIL,
    ESPY_NEAREST_FLOOR,
    ESPY_NEAREST_CEIL
} espy_nearest;

/* A list of integers given as an attribute (axes, split sizes). */
typedef struct espy_ints {
    bool set;
    int n;
    int64_t v[2 * ESPY_NN_RANK];
} espy_ints;

typedef struct espy_node {
    espy_op op;
    const char *name; /* from the file, for messages; owned by the graph */
    espy_vid *in;     /* owned by the graph */
    int n_in;
    espy_vid out;
    int n_post; /* CONV, MATMUL, AFFINE, BINARY */
    espy_post post[ESPY_GRAPH_POSTS];
    union {
        struct {
            espy_window window;
            int64_t group;
        } conv;
        struct {
            bool trans_a, trans_b;
        } matmul;
        espy_act unary;
        espy_bin_kind binary;
        struct {
            espy_pool_kind kind;
            espy_window window;
            bool global, ceil_mode; /* generic graphs only */
        } pool;
        struct {
            espy_reduce_kind kind;
            uint32_t axes;  /* static: bit i set when axis i is reduced */
            espy_ints list; /* generic */
            bool keep, noop_if_empty;
        } reduce;
        struct {
            int axis;
            bool flat; /* generic: over all axes from `axis` on (opset < 13) */
        } softmax;
        struct {
            float eps;
            int axis; /* generic */
        } layer_norm;
        struct {
            int axis;
            float eps;
        } l2_norm;
        struct {
            bool allow_zero; /* generic: a 0 in the shape is a 0 */
        } reshape;
        struct {
            int perm[ESPY_NN_RANK];
            int n; /* generic: 0 reverses all axes */
        } transpose;
        struct {
            int axis;
        } concat, gather, flatten;
        struct {
            int64_t start[ESPY_NN_RANK], step[ESPY_NN_RANK];
            espy_ints starts, ends, axes; /* generic, opset < 10 */
        } slice;
        struct {
            espy_pad_mode mode;
            int64_t begin[ESPY_NN_RANK], end[ESPY_NN_RANK]; /* >= 0 */
            float value;
            espy_ints list; /* generic, opset < 11 */
        } pad;
        struct {
            bool linear; /* else nearest */
            espy_coord coord;
            espy_nearest nearest;
            float scale[2];    /* output / input as the operator defines it, vertical, horizontal */
            int64_t repeat[2]; /* static: > 0 when every cell is repeated just so often, else 0 */
            espy_ints sizes;   /* generic */
            float scales[ESPY_NN_RANK];
            int n_scales; /* generic, opset < 10 (Upsample) */
        } resize;
        struct {
            float alpha, beta;
            bool trans_a, trans_b;
        } gemm;
        struct {
            float eps;
        } batch_norm;
        struct {
            espy_dt to;
        } cast;
        struct {
            int64_t start, end; /* the part of the dims that is wanted */
        } shape;
        espy_ints axes; /* SQUEEZE, UNSQUEEZE */
        struct {
            int axis, part, parts;
            espy_ints sizes;
        } split;
        struct {
            espy_const *value; /* NULL: f32 zero */
        } fill;
        struct {
            int axis;
        } dequantize;
    } at;
} espy_node;

typedef struct espy_value {
    const char *name; /* from the file or made up; owned by the graph */
    espy_dt dtype;
    int rank;                   /* generic: -1 unknown */
    int64_t dims[ESPY_NN_RANK]; /* generic: -1 unknown */
    espy_const *data;           /* set for constants; owns a reference */
    int32_t producer;           /* node index; ESPY_NONE for inputs and constants */
    int32_t uses;               /* how many node inputs and graph outputs read it */
} espy_value;

typedef struct espy_graph {
    espy_value *values;
    size_t n_values, value_room;
    espy_node *nodes;
    size_t n_nodes, node_room;
    espy_vid *inputs, *outputs;
    size_t n_inputs, n_outputs;
    espy_net_port *output_ports; /* generic: as the file declares them; NULL in static graphs */
    bool fixed;                  /* static */
} espy_graph;

/* Elements of a value whose dims are known. */
size_t espy_value_count(const espy_value *v);

typedef struct espy_graph_options {
    bool fuse; /* false: only fold constants and rewrite to static operators (tests) */
} espy_graph_options;

/* Reads an ONNX file into a generic graph: folded, and fused if asked.
 * Errors: FORMAT, UNSUPPORTED (names operator, domain and node), LIMIT, NOMEM. */
espy_err espy_graph_load(espy_ctx *cx, espy_span onnx, const espy_graph_options *options,
                         espy_graph **out) ESPY_NODISCARD;

/* The static graph for concrete dims of every input, in the file's order.  `g` is only read.
 * Errors: ARG (rank or dims do not fit the input), FORMAT, UNSUPPORTED, LIMIT, NOMEM. */
espy_err espy_graph_specialise(espy_ctx *cx, const espy_graph *g, const espy_tensor *in,
                               size_t n_in, const espy_graph_options *options,
                               espy_graph **out) ESPY_NODISCARD;
void espy_graph_destroy(espy_ctx *cx, espy_graph **g); /* NULL-safe */

/* Multiply-adds of conv and matmul in a static graph. */
double espy_graph_macs(const espy_graph *g);

/* Function of one number, and the post-operations of element `i` (channel c) in order: what every
 * executor must agree with. */
float espy_act_apply(espy_act act, float x);

/* --- executors -------------------------------------------------------------------------------- */

/* Each executor defines what its two opaque pointers point to.
 *   state  one per network: weights reordered once and shared by its plans.  create, compile and
 * the destroys of one network are never called at the same time; run may be, from any threads, also
 * while compile works for another shape plan   one per input shape; `g` is borrowed and outlives
 * the plan */
typedef struct espy_exec_ops {
    const char *name;
    espy_err (*create)(espy_ctx *cx, const espy_net_options *options, void **state);
    void (*destroy)(espy_ctx *cx, void **state); /* NULL-safe */
    espy_err (*compile)(espy_ctx *cx, void *state, const espy_graph *g, void **plan);
    /* in[i], out[i]: dense arrays with the dims of g->inputs[i] and g->outputs[i]; out is allocated
     * by the caller.  Scratch memory belongs to the run (or a lock-free stock of the plan). */
    espy_err (*run)(espy_ctx *cx, const void *plan, const float *const *in, float *const *out);
    void (*plan_destroy)(espy_ctx *cx, void **plan); /* NULL-safe */
} espy_exec_ops;

/* One node of a static graph, its post-operations included, in plain C; in[i] and out are dense
 * with the dims of the node's values (in[i] is NULL where the input is absent).  Of the reference
 * executor; the oneDNN one runs with it what oneDNN has not. */
espy_err espy_reference_node(espy_ctx *cx, const espy_graph *g, const espy_node *n,
                             const float *const *in, float *out) ESPY_NODISCARD;

extern const espy_exec_ops espy_exec_reference;
extern const espy_exec_ops espy_exec_onednn;

#endif
