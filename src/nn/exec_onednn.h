/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - what the files of the oneDNN executor share.  Private to them.
 *
 * A static graph is compiled into a plan: a list of steps over memory slots.  A value of the graph
 * may exist in several *forms*, a layout times an element type; a form is made by the step that
 * computes the value or, when a consumer wants another one, by a reorder that is put in once.
 *
 *   layout    memory                                  described to oneDNN as
 *   PLAIN     row-major, the value's own dims         the same
 *   BLOCKED   [N][C/16][H][W][16], tail lanes finite  [N, C rounded up to 16, H, W] nChw16c
 *   NHWC      [N][H][W][C]                            [N, C, H, W] nhwc
 *
 * Invariants
 *   O1  the lanes that round C up in BLOCKED are finite; weights that meet them are 0, so they
 * never reach a result; functions that are not finite at 0 are not computed in BLOCKED O2  a buffer
 * that holds more than one value (`shared`) is never overwritten in place O3  after compile a plan
 * is immutable but for its stock of frames, so runs need no lock */
#ifndef ESPY_NN_EXEC_ONEDNN_H
#define ESPY_NN_EXEC_ONEDNN_H

#include "gemm/onednn.h"
#include "kern/kern.h"
#include "nn/graph.h"

#define ESPY_ODN_BLOCK 16 /* channels of one block: a 512-bit register of f32 */
#define ESPY_ODN_ARGS 10  /* memories of one step */
#define ESPY_ODN_PARTS 4  /* convolutions merged into one */
#define ESPY_ODN_STOCK 16 /* frames kept per plan */

typedef enum espy_odn_layout {
    ESPY_ODN_PLAIN,
    ESPY_ODN_BLOCKED,
    ESPY_ODN_NHWC,
    ESPY_ODN_LAYOUTS
} espy_odn_layout;

typedef enum espy_odn_type { ESPY_ODN_F32, ESPY_ODN_BF16, ESPY_ODN_TYPES } espy_odn_type;

/* How one convolution is computed.  Values are stored in the tuning cache: append only. */
typedef enum espy_odn_algo {
    ESPY_ODN_ALGO_BLOCKED = 0,
    ESPY_ODN_ALGO_NHWC = 1,
    ESPY_ODN_ALGO_WINOGRAD = 2, /* BLOCKED, 3x3, stride 1, f32, where the library has it */
    ESPY_ODN_ALGOS
} espy_odn_algo;

/* What a plan was or will be compiled with: one algo per node (used by CONV), one layout for the
 * rest. */
typedef struct espy_odn_choice {
    espy_odn_layout layout; /* BLOCKED or NHWC */
    uint8_t *algo;          /* [n] */
    size_t n;
} espy_odn_choice;

/* Memory aligned to 64 bytes, not initialised. */
typedef struct espy_odn_block {
    void *base; /* to be freed with espy_free() */
    void *data;
} espy_odn_block;
espy_err espy_odn_block_new(espy_ctx *cx, size_t bytes, espy_odn_block *out) ESPY_NODISCARD;

/* --- state of a network ---------------------------------------------------------------------- */

/* A constant in the layout a primitive asked for. */
typedef struct espy_odn_weight {
    espy_const *part[ESPY_ODN_PARTS]; /* what it was made from: holds references */
    int parts;
    bool swapped; /* the last two axes exchanged */
    espy_dnn_md md;
    espy_odn_block block;
} espy_odn_weight;

typedef struct espy_odn_state {
    espy_odn_choice learned; /* of the last shape that was measured, for those that are not */
    int measured;            /* shapes measured in this process */
    espy_net_options options;
    espy_kern kern;
    dnnl_engine_t engine;
    espy_odn_weight *weights;
    size_t n_weights, weight_room;
    espy_odn_block space; /* of reorders, while a plan is compiled: fresh memory is slow to touch */
    size_t space_bytes;
} espy_odn_state;

/* A dense f32 matrix of rows, to be brought into a primitive's layout: `parts` constants one below
 * the other, rows and their inner parts rounded up with zeros. */
typedef struct espy_odn_rows {
    const espy_const *part[ESPY_ODN_PARTS]; /* NULL: zeros */
    int64_t rows[ESPY_ODN_PARTS];           /* of each part */
    int parts;
    int64_t inner, cells;        /* a row has inner x cells elements in the constants */
    int64_t all_rows, all_inner; /* rounded up */
    bool swapped; /* the constant is stored [inner][rows]; parts, cells and rounding 1 */
    int rank;
    dnnl_dims_t dims; /* of the rounded matrix as the primitive sees it, row-major */
} espy_odn_rows;

/* Frees what a state owns, not itself. */
void espy_odn_state_clear(espy_ctx *cx, espy_odn_state *st);

/* The matrix in layout `want`, made once per network and kept.  *data belongs to the state. */
espy_err espy_odn_weight_get(espy_ctx *cx, espy_odn_state *st, const espy_odn_rows *rows,
                             const espy_dnn_md *want, const void **data) ESPY_NODISCARD;

/* --- plan ------------------------------------------------------------------------------------ */

typedef enum espy_odn_home {
    ESPY_ODN_ARENA,
    ESPY_ODN_INPUT,
    ESPY_ODN_OUTPUT,
    ESPY_ODN_CONST
} espy_odn_home;

typedef struct espy_odn_buf {
    espy_odn_home home;
    int index;        /* INPUT, OUTPUT: which */
    const void *data; /* CONST */
    int parent;       /* a part of that buffer, or ESPY_NONE */
    size_t shift;     /* its place there in bytes */
    size_t bytes;
    bool shared;     /* O2 */
    int first, last; /* steps that use it, of roots in the arena */
    size_t offset;   /* in the arena */
} espy_odn_buf;

typedef struct espy_odn_slot {
    int buf;
    espy_dnn_md md;
} espy_odn_slot;

typedef enum espy_odn_kind {
    ESPY_ODN_PRIMITIVE,
    ESPY_ODN_REFERENCE, /* args: inputs in order (slot ESPY_NONE: absent), then the output */
    ESPY_ODN_COPY,      /* args: source, destination */
    ESPY_ODN_PICK,      /* args: source, destination (NHWC, f32) */
    ESPY_ODN_DOTS,      /* args: vector, matrix of rows, bias or ESPY_NONE, result; all f32 */
    ESPY_ODN_APPLY      /* args: f32 or bf16 buffer, changed in place */
} espy_odn_kind;

typedef struct espy_odn_step {
    espy_odn_kind kind;
    int32_t node; /* of the graph, for timing and messages */
    dnnl_primitive_t primitive;
    int n_args;
    struct {
        int key, slot;
    } arg[ESPY_ODN_ARGS];
    union {
        struct {
            size_t count, bytes, from_step, to_step; /* `count` pieces of `bytes` */
        } copy;
        struct {
            int64_t images, cells, channels, first, taken; /* channels first .. first + taken - 1 */
            espy_odn_layout layout;
            espy_odn_type type;
        } pick;
        struct {
            espy_act act;
            espy_odn_type type;
            size_t count;
        } apply;
        struct {
            size_t rows, columns;
        } dots;
    } at;
} espy_odn_step;

/* Memory of one run: kept in the plan's stock in between. */
typedef struct espy_odn_frame {
    espy_odn_block arena;
    dnnl_memory_t *memory; /* [n_slots] */
    dnnl_stream_t stream;
} espy_odn_frame;

typedef struct espy_odn_plan {
    const espy_odn_state *state;
    const espy_graph *g;
    espy_odn_buf *bufs;
    espy_odn_slot *slots;
    espy_odn_step *steps;
    size_t n_bufs, n_slots, n_steps, buf_room, slot_room, step_room;
    size_t arena; /* bytes */
    int threads;
    _Atomic(espy_odn_frame *) *stock; /* [ESPY_ODN_STOCK] */
} espy_odn_plan;

/* Compiles with a given choice.  `choice` is borrowed. */
espy_err espy_odn_compile(espy_ctx *cx, espy_odn_state *st, const espy_graph *g,
                          const espy_odn_choice *choice, espy_odn_plan **out) ESPY_NODISCARD;
void espy_odn_plan_destroy(espy_ctx *cx, espy_odn_plan **plan);

/* Runs; `seconds` (NULL, or one per step) receives how long each took. */
espy_err espy_odn_execute(espy_ctx *cx, const espy_odn_plan *plan, const float *const *in,
                          float *const *out, double *seconds) ESPY_NODISCARD;

/* The copying steps, without oneDNN. */
void espy_odn_copy(const espy_odn_step *s, const void *from, void *to);
void espy_odn_pick(const espy_odn_step *s, const void *from, float *to);
void espy_odn_apply(const espy_odn_step *s, void *data);
void espy_odn_dots(const espy_kern *k, const espy_odn_step *s, const float *x, const float *rows,
                   const float *bias, float *y);

/* --- choosing among algorithms that agree (tune.c) ------------------------------------------- */

/* Whether the CPU's brand, as it names itself, holds this word. */
bool espy_odn_cpu_is(const char *maker);

/* A good choice without measuring. */
espy_err espy_odn_choice_default(espy_ctx *cx, const espy_odn_state *st, const espy_graph *g,
                                 espy_odn_choice *out) ESPY_NODISCARD;
void espy_odn_choice_free(espy_ctx *cx, espy_odn_choice *c);

/* The best plan: from the cache folder when this network was measured there under the same
 * conditions, else by timing.  A cache that cannot be read or written costs time, never an error.
 */
espy_err espy_odn_tune(espy_ctx *cx, espy_odn_state *st, const espy_graph *g,
                       espy_odn_plan **out) ESPY_NODISCARD;

/* --- while compiling ------------------------------------------------------------------------- */

/* Where a value is wanted in the end: in a graph output or in a part of a concatenation. */
typedef struct espy_odn_dest {
    enum { ESPY_ODN_NOWHERE, ESPY_ODN_TO_OUTPUT, ESPY_ODN_TO_CONCAT } kind;
    int index; /* output, or node of the concatenation */
    int part;  /* which input of it */
    espy_odn_layout layout;
    espy_odn_type type;
} espy_odn_dest;

typedef struct espy_odn_value {
    int rank;
    int64_t dims[ESPY_NN_RANK];
    int slot[ESPY_ODN_LAYOUTS][ESPY_ODN_TYPES]; /* its forms, or ESPY_NONE */
    espy_odn_layout layout; /* of the first form: what elementwise steps follow */
    espy_odn_type type;
    int left; /* uses that are not compiled yet */
    espy_odn_dest dest;
} espy_odn_value;

typedef struct espy_odn_build {
    espy_ctx *cx;
    espy_odn_state *state;
    const espy_graph *g;
    const espy_odn_choice *choice;
    espy_odn_plan *plan;
    espy_odn_type type;     /* of activations */
    espy_odn_value *values; /* of the graph, then one for each merged convolution */
    size_t n_values;
    int32_t
        *leader; /* [n_nodes] first node of the merged convolution it belongs to, or ESPY_NONE */
    int32_t *merged; /* [n_nodes] value of the merged convolution, at its leader */
    int32_t node;    /* being compiled */
} espy_odn_build;

int64_t espy_odn_round(int64_t c); /* up to a block */
dnnl_data_type_t espy_odn_dt(espy_odn_type t);

/* Description of a value in a form.  exact: BLOCKED with the value's own C (for reorders). */
espy_err espy_odn_describe(espy_odn_build *b, const espy_odn_value *v, espy_odn_layout layout,
                           espy_odn_type type, bool exact, espy_dnn_md *out) ESPY_NODISCARD;

/* New buffer or slot; slot_new takes over *md. */
espy_err espy_odn_buf_new(espy_odn_build *b, espy_odn_home home, size_t bytes,
                          int *out) ESPY_NODISCARD;
espy_err espy_odn_slot_new(espy_odn_build *b, int buf, espy_dnn_md *md, int *out) ESPY_NODISCARD;

/* A form that a step is about to write, at the value's destination where that fits. */
espy_err espy_odn_form_new(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                           espy_odn_type type, int *slot) ESPY_NODISCARD;
/* A form that lies in a buffer of another value already. */
espy_err espy_odn_form_alias(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                             espy_odn_type type, int buf, int *slot) ESPY_NODISCARD;
/* A form to read, made by a reorder when it is not there. */
espy_err espy_odn_form_want(espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                            espy_odn_type type, int *slot) ESPY_NODISCARD;
/* True when the step being compiled may overwrite this form of v: it is the last use. */
bool espy_odn_form_free(const espy_odn_build *b, espy_vid v, espy_odn_layout layout,
                        espy_odn_type type);
/* True when two buffers begin at the same place. */
bool espy_odn_same_place(const espy_odn_build *b, int x, int y);
/* The output form of an element-wise step over `v`: in place of v's where it may be. */
espy_err espy_odn_form_over(espy_odn_build *b, espy_vid v, espy_vid out, espy_odn_layout layout,
                            espy_odn_type type, int *slot) ESPY_NODISCARD;

/* A slot over constant data. */
espy_err espy_odn_slot_const(espy_odn_build *b, const void *data, espy_dnn_md *md,
                             int *out) ESPY_NODISCARD;

/* Appends steps.  _primitive makes the primitive from pd (destroyed in any case) and adds its
 * scratchpad; arguments are pairs of DNNL_ARG_x and slot. */
espy_err espy_odn_step_primitive(espy_odn_build *b, dnnl_primitive_desc_t pd, int n,
                                 const int (*args)[2]) ESPY_NODISCARD;
espy_err espy_odn_step_new(espy_odn_build *b, espy_odn_kind kind,
                           espy_odn_step **out) ESPY_NODISCARD;

/* All nodes of the graph into steps. */
espy_err espy_odn_lower(espy_odn_build *b) ESPY_NODISCARD;

#endif
