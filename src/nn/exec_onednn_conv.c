/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - what carries the arithmetic: convolutions (alone or merged), fully connected
 * layers, matrix products, and the post-operations on their results. */
#include "nn/exec_onednn_lower.h"

#include <float.h>
#include <math.h>

int espy_odn_eltwise(espy_act a, espy_odn_fn out[2])
{
    out[1] = (espy_odn_fn){0};
    switch (a.kind) {
    case ESPY_ACT_RELU:
        out[0] = (espy_odn_fn){dnnl_eltwise_relu, 0, 0};
        return 1;
    case ESPY_ACT_LEAKY_RELU:
        out[0] = (espy_odn_fn){dnnl_eltwise_relu, a.a, 0};
        return 1;
    case ESPY_ACT_CLIP:
        out[0] = (espy_odn_fn){dnnl_eltwise_clip, isinf(a.a) ? -FLT_MAX : a.a,
                               isinf(a.b) ? FLT_MAX : a.b};
        if (a.a == 0.0f && isinf(a.b))
            out[0] = (espy_odn_fn){dnnl_eltwise_relu, 0, 0};
        return 1;
    case ESPY_ACT_SIGMOID:
        out[0] = (espy_odn_fn){dnnl_eltwise_logistic, 0, 0};
        return 1;
    case ESPY_ACT_TANH:
        out[0] = (espy_odn_fn){dnnl_eltwise_tanh, 0, 0};
        return 1;
    case ESPY_ACT_SWISH:
        out[0] = (espy_odn_fn){dnnl_eltwise_swish, 1, 0};
        return 1;
    case ESPY_ACT_HARD_SIGMOID:
        out[0] = (espy_odn_fn){dnnl_eltwise_linear, a.a, a.b};
        out[1] = (espy_odn_fn){dnnl_eltwise_clip, 0, 1};
        return 2;
    case ESPY_ACT_GELU:
        out[0] = (espy_odn_fn){dnnl_eltwise_gelu_erf, 0, 0};
        return 1;
    case ESPY_ACT_ELU:
        out[0] = (espy_odn_fn){dnnl_eltwise_elu, a.a, 0};
        return 1;
    case ESPY_ACT_EXP:
        out[0] = (espy_odn_fn){dnnl_eltwise_exp, 0, 0};
        return 1;
    case ESPY_ACT_SQRT:
        out[0] = (espy_odn_fn){dnnl_eltwise_sqrt, 0, 0};
        return 1;
    case ESPY_ACT_ABS:
        out[0] = (espy_odn_fn){dnnl_eltwise_abs, 0, 0};
        return 1;
    case ESPY_ACT_NEG:
        out[0] = (espy_odn_fn){dnnl_eltwise_linear, -1, 0};
        return 1;
    case ESPY_ACT_SQUARE:
        out[0] = (espy_odn_fn){dnnl_eltwise_square, 0, 0};
        return 1;
    case ESPY_ACT_LINEAR:
        out[0] = (espy_odn_fn){dnnl_eltwise_linear, a.a, a.b};
        return 1;
    case ESPY_ACT_SOFTPLUS:
        out[0] = (espy_odn_fn){dnnl_eltwise_soft_relu, 1, 0};
        return 1;
    case ESPY_ACT_HARD_SWISH: /* 2.6 has it for this pair of numbers only */
        out[0] = (espy_odn_fn){dnnl_eltwise_hardswish, 1.0f / 6.0f, 0.5f};
        return fabsf(a.a - 1.0f / 6.0f) < 1e-6f && a.b == 0.5f ? 1 : 0;
    case ESPY_ACT_NONE:
    case ESPY_ACT_LOG:        /* not finite at 0: O1 */
    case ESPY_ACT_RECIPROCAL: /* the same */
    case ESPY_ACT_ERF:
    case ESPY_ACT_FLOOR:
    case ESPY_ACT_CEIL:
        break;
    }
    return 0;
}

/* True when a post operand is one number per channel. */
static bool conv_per_channel(const espy_odn_build *b, espy_vid operand, espy_vid out)
{
    return operand < (espy_vid)b->g->n_values && b->g->values[operand].data &&
           b->values[operand].rank == 1 && b->values[out].rank > 1;
}

/* Describes one number per channel beside a result of `rank`, the channels at `axis`. */
static espy_odn_rows conv_channel_rows(const espy_const *c, int64_t padded, int rank, int axis)
{
    espy_odn_rows r = {.part = {c},
                       .rows = {(int64_t)c->count},
                       .parts = 1,
                       .inner = 1,
                       .cells = 1,
                       .all_rows = padded,
                       .all_inner = 1,
                       .rank = rank};
    for (int i = 0; i < rank; i++)
        r.dims[i] = i == axis ? padded : 1;
    return r;
}

espy_err espy_odn_channel_slot(espy_odn_build *b, const espy_const *c, espy_vid beside, int axis,
                               espy_odn_layout layout, int *slot)
{
    espy_dnn_md md = {0};
    const void *data = NULL;
    int64_t n = (int64_t)c->count;
    int rank = b->values[beside].rank;
    espy_odn_rows r =
        conv_channel_rows(c, layout == ESPY_ODN_BLOCKED ? espy_odn_round(n) : n, rank, axis);
    dnnl_dims_t strides = {0};
    for (int i = 0; i < rank; i++)
        strides[i] = i < axis ? r.all_rows : 1;
    if (axis < rank)
        strides[axis] = 1;
    /* The same bytes either way, but oneDNN has fast code only for the picture's own layout. */
    dnnl_status_t s = layout == ESPY_ODN_BLOCKED
                          ? espy_dnn_md_tag(&md, rank, r.dims, dnnl_f32, dnnl_nChw16c)
                          : espy_dnn_md_strided(&md, rank, r.dims, dnnl_f32, strides);
    espy_err e = espy_dnn_check(b->cx, s, "memory description");
    if (e == ESPY_E_OK)
        e = espy_odn_weight_get(b->cx, b->state, &r, &md, &data);
    if (e == ESPY_E_OK)
        e = espy_odn_slot_const(b, data, &md, slot);
    espy_dnn_md_free(&md);
    return e;
}

/* y = prelu(y) in place. */
static espy_err conv_prelu(espy_odn_build *b, espy_vid out, int slot, const espy_const *slopes,
                           int axis, espy_odn_layout layout)
{
    espy_dnn_md any = {0}, md = {0};
    dnnl_primitive_desc_t pd = NULL;
    const void *data = NULL;
    int w = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    int64_t n = (int64_t)slopes->count;
    espy_odn_rows r = conv_channel_rows(slopes, layout == ESPY_ODN_BLOCKED ? espy_odn_round(n) : n,
                                        b->values[out].rank, axis);
    ESPY_GO(espy_dnn_check(b->cx,
                           espy_dnn_md_tag(&any, r.rank, r.dims, dnnl_f32, dnnl_format_tag_any),
                           "memory description"));
    ESPY_GO(espy_dnn_prelu(b->cx, b->state->engine, &b->plan->slots[slot].md, &any, &pd));
    ESPY_GO(espy_dnn_check(b->cx, espy_dnn_query(pd, dnnl_query_weights_md, &md), "query"));
    ESPY_GO(espy_odn_weight_get(b->cx, b->state, &r, &md, &data));
    ESPY_GO(espy_odn_slot_const(b, data, &md, &w));
    e = espy_odn_step_primitive(
        b, pd, 3,
        (const int[][2]){{DNNL_ARG_SRC, slot}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, slot}});
    pd = NULL;
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&any);
    espy_dnn_md_free(&md);
    return e;
}

espy_err espy_odn_step_eltwise(espy_odn_build *b, espy_odn_fn f, int from, int to)
{
    dnnl_primitive_desc_t pd = NULL;
    ESPY_TRY(espy_dnn_eltwise(b->cx, b->state->engine, f.alg, f.alpha, f.beta,
                              &b->plan->slots[from].md, &pd));
    return espy_odn_step_primitive(b, pd, 2,
                                   (const int[][2]){{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
}

espy_err espy_odn_step_binary(espy_odn_build *b, dnnl_alg_kind_t alg, int x, int y, int to)
{
    dnnl_primitive_desc_t pd = NULL;
    const espy_odn_slot *s = b->plan->slots;
    ESPY_TRY(
        espy_dnn_binary(b->cx, b->state->engine, alg, &s[x].md, &s[y].md, &s[to].md, NULL, &pd));
    return espy_odn_step_primitive(
        b, pd, 3, (const int[][2]){{DNNL_ARG_SRC_0, x}, {DNNL_ARG_SRC_1, y}, {DNNL_ARG_DST, to}});
}

/* A function that oneDNN lacks, in place.  O1 wants it finite at 0 where there are spare lanes. */
static espy_err posts_apply(espy_odn_build *b, espy_act act, int slot, espy_odn_layout layout,
                            espy_odn_type type)
{
    espy_odn_step *s = NULL;
    if (layout == ESPY_ODN_BLOCKED && !isfinite(espy_act_apply(act, 0.0f)))
        return ESPY_E_UNSUPPORTED;
    size_t bytes = espy_dnn_md_bytes(&b->plan->slots[slot].md);
    ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_APPLY, &s));
    s->n_args = 1;
    s->arg[0].slot = slot;
    s->at.apply.act = act;
    s->at.apply.type = type;
    s->at.apply.count = bytes / (type == ESPY_ODN_F32 ? sizeof(float) : sizeof(uint16_t));
    return ESPY_E_OK;
}

espy_err espy_odn_posts(espy_odn_build *b, const espy_node *n, int first, espy_odn_layout layout,
                        espy_odn_type type)
{
    int slot = b->values[n->out].slot[layout][type];
    int axis = n->op == ESPY_OP_MATMUL ? b->values[n->out].rank - 1 : 1;
    for (int i = first; i < n->n_post; i++) {
        const espy_post *p = &n->post[i];
        espy_err e = ESPY_E_OK;
        if (p->kind == ESPY_POST_ACT) {
            espy_odn_fn f[2];
            int k = espy_odn_eltwise(p->act, f);
            if (k == 0)
                e = posts_apply(b, p->act, slot, layout, type);
            for (int j = 0; j < k && e == ESPY_E_OK; j++)
                e = espy_odn_step_eltwise(b, f[j], slot, slot);
        } else {
            espy_vid r = n->in[p->input];
            int other = ESPY_NONE;
            if (p->kind == ESPY_POST_PRELU) {
                e = conv_prelu(b, n->out, slot, b->g->values[r].data, axis, layout);
            } else {
                if (conv_per_channel(b, r, n->out))
                    e = espy_odn_channel_slot(b, b->g->values[r].data, n->out, axis, layout,
                                              &other);
                else
                    e = espy_odn_form_want(b, r, layout, type, &other);
                if (e == ESPY_E_OK)
                    e = espy_odn_step_binary(
                        b, p->kind == ESPY_POST_ADD ? dnnl_binary_add : dnnl_binary_mul, slot,
                        other, slot);
            }
        }
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

/* The first post-operations of a node as oneDNN's own. */
typedef struct conv_posts {
    espy_dnn_post post;
    int taken; /* how many of the node's */
    bool sum;  /* the residual's memory becomes the result's */
    espy_vid residual;
    int binary[ESPY_DNN_POSTS]; /* input slot of the node, or ESPY_NONE */
    espy_dnn_md md[ESPY_DNN_POSTS];
} conv_posts;

static void conv_posts_free(conv_posts *p)
{
    for (int i = 0; i < ESPY_DNN_POSTS; i++)
        espy_dnn_md_free(&p->md[i]);
}

/* Takes post-operations from the front while oneDNN has them. */
static espy_err conv_posts_take(espy_odn_build *b, const espy_node *n, espy_odn_layout layout,
                                espy_odn_type type, conv_posts *out)
{
    *out = (conv_posts){.residual = ESPY_NONE};
    const espy_odn_dest d = b->values[n->out].dest;
    bool placed = d.kind != ESPY_ODN_NOWHERE && d.layout == layout && d.type == type;
    for (int i = 0; i < n->n_post; i++) {
        const espy_post *p = &n->post[i];
        int k = out->post.n;
        espy_odn_fn f[2];
        if (k == ESPY_DNN_POSTS)
            break;
        out->binary[k] = ESPY_NONE;
        if (p->kind == ESPY_POST_ACT && espy_odn_eltwise(p->act, f) == 1) {
            out->post.op[k].kind = ESPY_DNN_ELTWISE;
            out->post.op[k].alg = f[0].alg;
            out->post.op[k].alpha = f[0].alpha;
            out->post.op[k].beta = f[0].beta;
        } else if (p->kind == ESPY_POST_ADD && !conv_per_channel(b, n->in[p->input], n->out)) {
            espy_vid r = n->in[p->input];
            if (!out->sum && !placed && espy_odn_form_free(b, r, layout, type)) {
                out->post.op[k].kind = ESPY_DNN_SUM;
                out->sum = true;
                out->residual = r;
            } else {
                ESPY_TRY(espy_odn_describe(b, &b->values[r], layout, type, false, &out->md[k]));
                out->post.op[k].kind = ESPY_DNN_BINARY;
                out->post.op[k].alg = dnnl_binary_add;
                out->post.op[k].other = &out->md[k];
                out->binary[k] = p->input;
            }
        } else {
            break;
        }
        out->post.n++;
        out->taken++;
    }
    return ESPY_E_OK;
}

/* Result slot and the extra arguments of a step with these posts. */
static espy_err conv_posts_bind(espy_odn_build *b, const espy_node *n, espy_vid y,
                                const conv_posts *p, espy_odn_layout layout, espy_odn_type type,
                                int *dst, int (*args)[2], int *n_args)
{
    for (int i = 0; i < p->post.n; i++) {
        if (p->binary[i] == ESPY_NONE)
            continue;
        int slot;
        ESPY_TRY(espy_odn_form_want(b, n->in[p->binary[i]], layout, type, &slot));
        args[*n_args][0] = DNNL_ARG_ATTR_MULTIPLE_POST_OP(i) | DNNL_ARG_SRC_1;
        args[(*n_args)++][1] = slot;
    }
    if (p->sum)
        return espy_odn_form_over(b, p->residual, y, layout, type, dst);
    return espy_odn_form_new(b, y, layout, type, dst);
}

/* --- convolution ------------------------------------------------------------------------------ */

/* One convolution to be made: of one node, or of several over the same input. */
typedef struct conv_job {
    const espy_node *n; /* the first */
    espy_vid x, y;
    bool posts; /* of n; merged ones have none */
    const espy_const *weight[ESPY_ODN_PARTS], *bias[ESPY_ODN_PARTS];
    int64_t rows[ESPY_ODN_PARTS];
    int parts;
    int64_t group, c, o; /* groups, channels in and out */
    bool biased;
} conv_job;

/* How it is tried. */
typedef struct conv_way {
    espy_odn_layout layout, from; /* of the result and of the input */
    espy_odn_type type, to;
    bool winograd, fused;
} conv_way;

static void conv_window(const espy_window *w, espy_dnn_window *out)
{
    *out = (espy_dnn_window){0};
    for (int i = 0; i < 2; i++) {
        out->kernel[i] = w->kernel[i];
        out->stride[i] = w->stride[i];
        out->dilate[i] = w->dilation[i] - 1;
        out->pad_lo[i] = w->pad_begin[i];
        out->pad_hi[i] = w->pad_end[i];
    }
}

/* Shape of the weights as the primitive sees them. */
static espy_odn_rows conv_rows(const conv_job *j, const conv_way *w)
{
    const espy_window *win = &j->n->at.conv.window;
    int64_t o = j->o, i = j->c / j->group;
    espy_odn_rows r = {.parts = j->parts, .inner = i, .cells = win->kernel[0] * win->kernel[1]};
    bool pad_out = w->layout == ESPY_ODN_BLOCKED,
         pad_in = w->from == ESPY_ODN_BLOCKED && j->group == 1;
    r.all_rows = pad_out ? espy_odn_round(o) : o;
    r.all_inner = pad_in ? espy_odn_round(i) : i;
    for (int p = 0; p < j->parts; p++) {
        r.part[p] = j->weight[p];
        r.rows[p] = j->rows[p];
    }
    if (j->group == 1) {
        r.rank = 4;
        r.dims[0] = r.all_rows;
    } else {
        int64_t g = pad_out && j->group == j->o ? r.all_rows : j->group;
        r.rank = 5;
        r.dims[0] = g;
        r.dims[1] = r.all_rows / g;
    }
    r.dims[r.rank - 3] = r.all_inner;
    r.dims[r.rank - 2] = win->kernel[0];
    r.dims[r.rank - 1] = win->kernel[1];
    return r;
}

/* Whether a way is worth a try at all. */
static bool conv_fits(const conv_job *j, const conv_way *w)
{
    if (j->group > 1 && w->layout == ESPY_ODN_BLOCKED) {
        bool depthwise = j->group == j->c && j->group == j->o;
        if (!depthwise && (j->c / j->group % ESPY_ODN_BLOCK || j->o / j->group % ESPY_ODN_BLOCK))
            return false;
    }
    return true;
}

/* Tries one way; UNSUPPORTED, with nothing changed, when the library has no good code for it. */
static espy_err conv_try(espy_odn_build *b, const conv_job *j, const conv_way *w)
{
    espy_dnn_md src = {0}, dst = {0}, any = {0}, bias = {0}, chosen = {0};
    dnnl_primitive_desc_t pd = NULL;
    conv_posts posts = {.residual = ESPY_NONE};
    espy_odn_rows r = conv_rows(j, w);
    espy_dnn_window win;
    const void *data = NULL;
    int args[ESPY_ODN_ARGS][2], n_args = 0, slot = ESPY_NONE, to = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    if (!conv_fits(j, w))
        return ESPY_E_UNSUPPORTED;
    conv_window(&j->n->at.conv.window, &win);
    ESPY_GO(espy_odn_describe(b, &b->values[j->x], w->from, w->type, false, &src));
    ESPY_GO(espy_odn_describe(b, &b->values[j->y], w->layout, w->to, false, &dst));
    dnnl_dims_t rows = {r.all_rows};
    dnnl_status_t s =
        espy_dnn_md_tag(&any, r.rank, r.dims, espy_odn_dt(w->type), dnnl_format_tag_any);
    if (s == dnnl_success)
        s = espy_dnn_md_tag(&bias, 1, rows, dnnl_f32, dnnl_a);
    ESPY_GO(espy_dnn_check(b->cx, s, "memory description"));
    if (j->posts && w->fused)
        ESPY_GO(conv_posts_take(b, j->n, w->layout, w->to, &posts));
    ESPY_GO(espy_dnn_conv(b->cx, b->state->engine,
                          w->winograd ? dnnl_convolution_winograd : dnnl_convolution_direct, &src,
                          &any, j->biased ? &bias : NULL, &dst, &win, &posts.post, &pd));

    ESPY_GO(espy_odn_form_want(b, j->x, w->from, w->type, &slot));
    args[n_args][0] = DNNL_ARG_SRC;
    args[n_args++][1] = slot;
    ESPY_GO(espy_dnn_check(b->cx, espy_dnn_query(pd, dnnl_query_weights_md, &chosen), "query"));
    ESPY_GO(espy_odn_weight_get(b->cx, b->state, &r, &chosen, &data));
    ESPY_GO(espy_odn_slot_const(b, data, &chosen, &slot));
    args[n_args][0] = DNNL_ARG_WEIGHTS;
    args[n_args++][1] = slot;
    if (j->biased) {
        espy_odn_rows br = r;
        for (int p = 0; p < j->parts; p++)
            br.part[p] = j->bias[p];
        br.inner = br.cells = br.all_inner = 1;
        br.rank = 1;
        br.dims[0] = r.all_rows;
        ESPY_GO(espy_odn_weight_get(b->cx, b->state, &br, &bias, &data));
        ESPY_GO(espy_odn_slot_const(b, data, &bias, &slot));
        args[n_args][0] = DNNL_ARG_BIAS;
        args[n_args++][1] = slot;
    }
    ESPY_GO(conv_posts_bind(b, j->n, j->y, &posts, w->layout, w->to, &to, args, &n_args));
    args[n_args][0] = DNNL_ARG_DST;
    args[n_args++][1] = to;
    e = espy_odn_step_primitive(b, pd, n_args, (const int(*)[2])args);
    pd = NULL;
    if (e == ESPY_E_OK && j->posts)
        e = espy_odn_posts(b, j->n, posts.taken, w->layout, w->to);
    /* From here on the plan has been added to: another way cannot be tried. */
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(b->cx, ESPY_E_UNSUPPORTED, "no fast code for what follows convolution '%s'",
                      j->n->name);
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    conv_posts_free(&posts);
    espy_dnn_md_free(&src);
    espy_dnn_md_free(&dst);
    espy_dnn_md_free(&any);
    espy_dnn_md_free(&bias);
    espy_dnn_md_free(&chosen);
    return e;
}

/* The input layout that goes with a result layout: pictures of few channels are read as they come.
 */
static espy_odn_layout conv_from(const espy_odn_build *b, const conv_job *j, espy_odn_layout layout)
{
    bool few = j->c == 1 || j->c == 3;
    (void)b;
    return layout == ESPY_ODN_BLOCKED && j->group == 1 && few ? ESPY_ODN_PLAIN : layout;
}

/* Tries the chosen way, then others in order of speed. */
static espy_err conv_make(espy_odn_build *b, const conv_job *j)
{
    espy_odn_algo algo = (espy_odn_algo)b->choice->algo[b->node];
    espy_odn_layout first = algo == ESPY_ODN_ALGO_NHWC ? ESPY_ODN_NHWC : ESPY_ODN_BLOCKED;
    const espy_odn_layout order[] = {
        first, first == ESPY_ODN_NHWC ? ESPY_ODN_BLOCKED : ESPY_ODN_NHWC, ESPY_ODN_PLAIN};
    bool last = b->values[j->y].dest.kind == ESPY_ODN_TO_OUTPUT || !j->posts;
    for (int t = b->type; t >= ESPY_ODN_F32; t--) {
        for (int l = 0; l < 3; l++) {
            for (int k = 0; k < 8; k++) {
                /* k: bit 0 posts apart, bit 1 direct, bit 2 input in the result's layout */
                conv_way w = {.layout = order[l], .type = (espy_odn_type)t};
                w.to = last ? ESPY_ODN_F32 : w.type;
                w.winograd = !(k & 2);
                w.fused = !(k & 1);
                w.from = k & 4 ? w.layout : conv_from(b, j, w.layout);
                if (w.winograd && (algo != ESPY_ODN_ALGO_WINOGRAD || l != 0 || t != ESPY_ODN_F32))
                    continue;
                if ((k & 4) && w.from == conv_from(b, j, w.layout))
                    continue;
                if (!w.fused && (!j->posts || j->n->n_post == 0))
                    continue;
                espy_err e = conv_try(b, j, &w);
                if (e != ESPY_E_UNSUPPORTED || b->cx->code != ESPY_E_OK)
                    return e;
            }
        }
    }
    return espy_fail(b->cx, ESPY_E_UNSUPPORTED,
                     "oneDNN has only its slow code for convolution '%s'", j->n->name);
}

static conv_job conv_job_of(const espy_odn_build *b, const espy_node *n)
{
    const espy_value *v = b->g->values;
    conv_job j = {.n = n, .x = n->in[0], .y = n->out, .posts = true, .parts = 1};
    j.weight[0] = v[n->in[1]].data;
    j.rows[0] = v[n->in[1]].dims[0];
    j.bias[0] = n->in[2] == ESPY_NONE ? NULL : v[n->in[2]].data;
    j.biased = j.bias[0] != NULL;
    j.group = n->at.conv.group;
    j.c = b->values[n->in[0]].dims[1];
    j.o = j.rows[0];
    return j;
}

espy_err espy_odn_lower_conv(espy_odn_build *b, const espy_node *n)
{
    const espy_node *nodes = b->g->nodes;
    conv_job j = conv_job_of(b, n);
    if (b->leader[b->node] == ESPY_NONE)
        return conv_make(b, &j);

    /* One of several over the same input: the first computes them all, each picks its channels. */
    int32_t leader = b->leader[b->node];
    int64_t first = 0;
    espy_vid all = b->merged[leader];
    j.y = all;
    j.posts = false;
    j.parts = 0;
    j.o = 0;
    j.biased = false;
    for (int32_t i = leader; i < (int32_t)b->g->n_nodes && j.parts < ESPY_ODN_PARTS; i++) {
        if (b->leader[i] != leader)
            continue;
        conv_job part = conv_job_of(b, &nodes[i]);
        if (i == b->node)
            first = j.o;
        j.weight[j.parts] = part.weight[0];
        j.bias[j.parts] = part.bias[0];
        j.biased = j.biased || part.biased;
        j.rows[j.parts++] = part.o;
        j.o += part.o;
    }
    if (leader == b->node)
        ESPY_TRY(conv_make(b, &j));
    int to = ESPY_NONE;
    ESPY_TRY(espy_odn_form_new(b, n->out, ESPY_ODN_NHWC, ESPY_ODN_F32, &to));
    espy_odn_step *s = NULL;
    ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_PICK, &s));
    const espy_odn_value *v = &b->values[all];
    s->n_args = 2;
    s->arg[0].slot = v->slot[v->layout][v->type];
    s->arg[1].slot = to;
    s->at.pick.images = v->dims[0];
    s->at.pick.cells = v->dims[2] * v->dims[3];
    s->at.pick.channels = v->dims[1];
    s->at.pick.first = first;
    s->at.pick.taken = b->values[n->out].dims[1];
    s->at.pick.layout = v->layout;
    s->at.pick.type = v->type;
    return espy_odn_posts(b, n, 0, ESPY_ODN_NHWC, ESPY_ODN_F32);
}

/* --- matrix products ------------------------------------------------------------------------- */

/* Rows of a times a constant matrix: oneDNN's inner product, weights in its own layout. */
static espy_err matmul_constant(espy_odn_build *b, const espy_node *n, espy_odn_type type,
                                bool fused)
{
    const espy_value *w = &b->g->values[n->in[1]];
    const espy_odn_value *x = &b->values[n->in[0]], *y = &b->values[n->out];
    int64_t k = x->dims[x->rank - 1], cols = y->dims[y->rank - 1], rows = 1;
    for (int i = 0; i < x->rank - 1; i++)
        rows *= x->dims[i];
    dnnl_dims_t sd = {rows, k}, wd = {cols, k}, dd = {rows, cols}, bd = {cols};
    dnnl_dims_t ss = {k, 1}, ds = {cols, 1};
    espy_odn_type to = y->dest.kind == ESPY_ODN_TO_OUTPUT ? ESPY_ODN_F32 : type;
    espy_dnn_md src = {0}, dst = {0}, any = {0}, bias = {0}, chosen = {0};
    dnnl_primitive_desc_t pd = NULL;
    conv_posts posts = {.residual = ESPY_NONE};
    const void *data = NULL;
    int args[ESPY_ODN_ARGS][2], n_args = 0, slot = ESPY_NONE, form = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    bool biased = n->in[2] != ESPY_NONE;
    dnnl_status_t s = espy_dnn_md_strided(&src, 2, sd, espy_odn_dt(type), ss);
    if (s == dnnl_success)
        s = espy_dnn_md_strided(&dst, 2, dd, espy_odn_dt(to), ds);
    if (s == dnnl_success)
        s = espy_dnn_md_tag(&any, 2, wd, espy_odn_dt(type), dnnl_format_tag_any);
    if (s == dnnl_success)
        s = espy_dnn_md_tag(&bias, 1, bd, dnnl_f32, dnnl_a);
    ESPY_GO(espy_dnn_check(b->cx, s, "memory description"));
    if (fused && y->rank == 2)
        ESPY_GO(conv_posts_take(b, n, ESPY_ODN_PLAIN, to, &posts));
    ESPY_GO(espy_dnn_inner_product(b->cx, b->state->engine, &src, &any, biased ? &bias : NULL, &dst,
                                   &posts.post, &pd));

    ESPY_GO(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &slot));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[slot].buf, &src, &slot));
    args[n_args][0] = DNNL_ARG_SRC;
    args[n_args++][1] = slot;
    espy_odn_rows r = {.part = {w->data},
                       .rows = {cols},
                       .parts = 1,
                       .inner = k,
                       .cells = 1,
                       .all_rows = cols,
                       .all_inner = k,
                       .swapped = !n->at.matmul.trans_b,
                       .rank = 2,
                       .dims = {cols, k}};
    ESPY_GO(espy_dnn_check(b->cx, espy_dnn_query(pd, dnnl_query_weights_md, &chosen), "query"));
    ESPY_GO(espy_odn_weight_get(b->cx, b->state, &r, &chosen, &data));
    ESPY_GO(espy_odn_slot_const(b, data, &chosen, &slot));
    args[n_args][0] = DNNL_ARG_WEIGHTS;
    args[n_args++][1] = slot;
    if (biased) {
        espy_odn_rows br = {.part = {b->g->values[n->in[2]].data},
                            .rows = {cols},
                            .parts = 1,
                            .inner = 1,
                            .cells = 1,
                            .all_rows = cols,
                            .all_inner = 1,
                            .rank = 1,
                            .dims = {cols}};
        ESPY_GO(espy_odn_weight_get(b->cx, b->state, &br, &bias, &data));
        ESPY_GO(espy_odn_slot_const(b, data, &bias, &slot));
        args[n_args][0] = DNNL_ARG_BIAS;
        args[n_args++][1] = slot;
    }
    ESPY_GO(conv_posts_bind(b, n, n->out, &posts, ESPY_ODN_PLAIN, to, &form, args, &n_args));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[form].buf, &dst, &slot));
    args[n_args][0] = DNNL_ARG_DST;
    args[n_args++][1] = slot;
    e = espy_odn_step_primitive(b, pd, n_args, (const int(*)[2])args);
    pd = NULL;
    if (e == ESPY_E_OK)
        e = espy_odn_posts(b, n, posts.taken, ESPY_ODN_PLAIN, to);
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(b->cx, ESPY_E_UNSUPPORTED, "no fast code for what follows '%s'", n->name);
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    conv_posts_free(&posts);
    espy_dnn_md_free(&src);
    espy_dnn_md_free(&dst);
    espy_dnn_md_free(&any);
    espy_dnn_md_free(&bias);
    espy_dnn_md_free(&chosen);
    return e;
}

/* One vector times a constant matrix on one thread: as many dot products. */
static espy_err matmul_vector(espy_odn_build *b, const espy_node *n)
{
    const espy_value *w = &b->g->values[n->in[1]];
    const espy_odn_value *y = &b->values[n->out];
    int64_t columns = b->values[n->in[0]].dims[b->values[n->in[0]].rank - 1],
            rows = y->dims[y->rank - 1];
    espy_dnn_md md = {0}, bmd = {0};
    espy_odn_step *s = NULL;
    const void *data = NULL;
    int from = ESPY_NONE, matrix = ESPY_NONE, bias = ESPY_NONE, to = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    espy_odn_rows r = {.part = {w->data},
                       .rows = {rows},
                       .parts = 1,
                       .inner = columns,
                       .cells = 1,
                       .all_rows = rows,
                       .all_inner = columns,
                       .swapped = !n->at.matmul.trans_b,
                       .rank = 2,
                       .dims = {rows, columns}};
    ESPY_GO(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, ESPY_ODN_F32, &from));
    ESPY_GO(espy_dnn_check(b->cx, espy_dnn_md_tag(&md, 2, r.dims, dnnl_f32, dnnl_ab),
                           "memory description"));
    if (r.swapped)
        ESPY_GO(espy_odn_weight_get(b->cx, b->state, &r, &md, &data));
    ESPY_GO(espy_odn_slot_const(b, r.swapped ? data : w->data->data, &md, &matrix));
    if (n->in[2] != ESPY_NONE) {
        dnnl_dims_t dims = {rows};
        ESPY_GO(espy_dnn_check(b->cx, espy_dnn_md_tag(&bmd, 1, dims, dnnl_f32, dnnl_a),
                               "memory description"));
        ESPY_GO(espy_odn_slot_const(b, b->g->values[n->in[2]].data->data, &bmd, &bias));
    }
    ESPY_GO(espy_odn_form_new(b, n->out, ESPY_ODN_PLAIN, ESPY_ODN_F32, &to));
    ESPY_GO(espy_odn_step_new(b, ESPY_ODN_DOTS, &s));
    s->n_args = 4;
    s->arg[0].slot = from;
    s->arg[1].slot = matrix;
    s->arg[2].slot = bias;
    s->arg[3].slot = to;
    s->at.dots.rows = (size_t)rows;
    s->at.dots.columns = (size_t)columns;
    e = espy_odn_posts(b, n, 0, ESPY_ODN_PLAIN, ESPY_ODN_F32);
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(b->cx, ESPY_E_UNSUPPORTED, "no fast code for what follows '%s'", n->name);
out:
    espy_dnn_md_free(&md);
    espy_dnn_md_free(&bmd);
    return e;
}

/* A stored operand as [..., rows, cols] of the output's rank. */
static espy_err matmul_operand(espy_odn_build *b, const espy_odn_value *v, int rank, bool trans,
                               espy_dnn_md *out)
{
    dnnl_dims_t dims, strides;
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        int at = i - (rank - v->rank);
        dims[i] = at >= 0 ? v->dims[at] : 1;
        strides[i] = step;
        step *= dims[i];
    }
    if (trans) {
        dnnl_dim_t d = dims[rank - 1], t = strides[rank - 1];
        dims[rank - 1] = dims[rank - 2];
        strides[rank - 1] = strides[rank - 2];
        dims[rank - 2] = d;
        strides[rank - 2] = t;
    }
    return espy_dnn_check(b->cx, espy_dnn_md_strided(out, rank, dims, dnnl_f32, strides),
                          "memory description");
}

/* Batched product of two values, in f32. */
static espy_err matmul_batched(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *y = &b->values[n->out];
    espy_dnn_md x = {0}, w = {0}, dst = {0}, bias = {0};
    dnnl_primitive_desc_t pd = NULL;
    int args[ESPY_ODN_ARGS][2], n_args = 0, slot = ESPY_NONE;
    const void *data = NULL;
    espy_err e = ESPY_E_OK;
    bool biased = n->in[2] != ESPY_NONE;
    ESPY_GO(matmul_operand(b, &b->values[n->in[0]], y->rank, n->at.matmul.trans_a, &x));
    ESPY_GO(matmul_operand(b, &b->values[n->in[1]], y->rank, n->at.matmul.trans_b, &w));
    ESPY_GO(espy_odn_describe(b, y, ESPY_ODN_PLAIN, ESPY_ODN_F32, true, &dst));
    if (biased) {
        const espy_const *c = b->g->values[n->in[2]].data;
        espy_odn_rows r = {.part = {c},
                           .rows = {(int64_t)c->count},
                           .parts = 1,
                           .inner = 1,
                           .cells = 1,
                           .all_rows = (int64_t)c->count,
                           .all_inner = 1,
                           .rank = y->rank};
        dnnl_dims_t strides;
        for (int i = 0; i < y->rank; i++) {
            r.dims[i] = i == y->rank - 1 ? (int64_t)c->count : 1;
            strides[i] = i == y->rank - 1 ? 1 : (int64_t)c->count;
        }
        ESPY_GO(espy_dnn_check(b->cx,
                               espy_dnn_md_strided(&bias, y->rank, r.dims, dnnl_f32, strides),
                               "memory description"));
        ESPY_GO(espy_odn_weight_get(b->cx, b->state, &r, &bias, &data));
    }
    ESPY_GO(
        espy_dnn_matmul(b->cx, b->state->engine, &x, &w, biased ? &bias : NULL, &dst, NULL, &pd));
    if (biased) {
        ESPY_GO(espy_odn_slot_const(b, data, &bias, &slot));
        args[n_args][0] = DNNL_ARG_BIAS;
        args[n_args++][1] = slot;
    }
    ESPY_GO(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, ESPY_ODN_F32, &slot));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[slot].buf, &x, &slot));
    args[n_args][0] = DNNL_ARG_SRC;
    args[n_args++][1] = slot;
    ESPY_GO(espy_odn_form_want(b, n->in[1], ESPY_ODN_PLAIN, ESPY_ODN_F32, &slot));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[slot].buf, &w, &slot));
    args[n_args][0] = DNNL_ARG_WEIGHTS;
    args[n_args++][1] = slot;
    ESPY_GO(espy_odn_form_new(b, n->out, ESPY_ODN_PLAIN, ESPY_ODN_F32, &slot));
    args[n_args][0] = DNNL_ARG_DST;
    args[n_args++][1] = slot;
    e = espy_odn_step_primitive(b, pd, n_args, (const int(*)[2])args);
    pd = NULL;
    if (e == ESPY_E_OK)
        e = espy_odn_posts(b, n, 0, ESPY_ODN_PLAIN, ESPY_ODN_F32);
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(b->cx, ESPY_E_UNSUPPORTED, "no fast code for what follows '%s'", n->name);
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&x);
    espy_dnn_md_free(&w);
    espy_dnn_md_free(&dst);
    espy_dnn_md_free(&bias);
    return e;
}

espy_err espy_odn_lower_matmul(espy_odn_build *b, const espy_node *n)
{
    const espy_value *w = &b->g->values[n->in[1]];
    if (w->data && w->rank == 2 && !n->at.matmul.trans_a && !b->g->values[n->in[0]].data) {
        const espy_value *y = &b->g->values[n->out];
        bool vector = (int64_t)espy_value_count(y) == y->dims[y->rank - 1];
        if (vector && b->type == ESPY_ODN_F32 && b->plan->threads == 1)
            return matmul_vector(b, n);
        for (int t = b->type; t >= ESPY_ODN_F32; t--) {
            for (int fused = 1; fused >= 0; fused--) {
                espy_err e = matmul_constant(b, n, (espy_odn_type)t, fused);
                if (e != ESPY_E_UNSUPPORTED || b->cx->code != ESPY_E_OK)
                    return e;
            }
        }
    }
    return matmul_batched(b, n);
}
