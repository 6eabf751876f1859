/* SPDX-License-Identifier: Apache-2.0
 * exec_onednn - the walk over the graph, and every operator that is not a matrix product. */
#include "nn/exec_onednn_lower.h"

#include <math.h>

/* The form in which a value was computed. */
static int lower_native(const espy_odn_value *v)
{
    return v->slot[v->layout][v->type];
}

/* The layout for windowed operators on a picture: its own, or the plan's when it is still plain. */
static espy_odn_layout lower_picture(const espy_odn_build *b, const espy_odn_value *v)
{
    return v->layout == ESPY_ODN_PLAIN ? b->choice->layout : v->layout;
}

static bool lower_same_dims(const espy_odn_value *a, const espy_odn_value *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

/* Ends a node whose result lies in a form: its remaining posts.  Nothing can be tried after it. */
static espy_err lower_finish(espy_odn_build *b, const espy_node *n, espy_odn_layout layout,
                             espy_odn_type type)
{
    espy_err e = espy_odn_posts(b, n, 0, layout, type);
    if (e == ESPY_E_UNSUPPORTED)
        e = espy_fail(b->cx, e, "no fast code for what follows '%s'", n->name);
    return e;
}

static espy_err lower_unary(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]];
    espy_odn_layout layout = x->layout;
    espy_odn_type type = x->type;
    espy_odn_fn f[2];
    int k = espy_odn_eltwise(n->at.unary, f), from = lower_native(x), to = ESPY_NONE;
    if (k == 0)
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(espy_odn_form_over(b, n->in[0], n->out, layout, type, &to));
    ESPY_TRY(espy_odn_step_eltwise(b, f[0], from, to));
    return k == 2 ? espy_odn_step_eltwise(b, f[1], to, to) : ESPY_E_OK;
}

/* y = x scale + shift by channel.  In f32 two passes are faster than one with a post-operation; in
 * bf16 the one pass rounds once. */
static espy_err lower_affine(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]];
    espy_odn_layout layout = x->layout;
    espy_odn_type type = x->type;
    int scale = ESPY_NONE, shift = ESPY_NONE, from = lower_native(x), to = ESPY_NONE;
    dnnl_primitive_desc_t pd = NULL;
    if (x->rank < 2)
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(espy_odn_channel_slot(b, b->g->values[n->in[1]].data, n->in[0], 1, layout, &scale));
    ESPY_TRY(espy_odn_channel_slot(b, b->g->values[n->in[2]].data, n->in[0], 1, layout, &shift));
    const espy_odn_slot *s = b->plan->slots;
    espy_dnn_post post = {.n = type == ESPY_ODN_BF16};
    post.op[0].kind = ESPY_DNN_BINARY;
    post.op[0].alg = dnnl_binary_add;
    post.op[0].other = &s[shift].md;
    ESPY_TRY(espy_dnn_binary(b->cx, b->state->engine, dnnl_binary_mul, &s[from].md, &s[scale].md,
                             &s[from].md, &post, &pd));
    espy_err e = espy_odn_form_over(b, n->in[0], n->out, layout, type, &to);
    if (e != ESPY_E_OK) {
        dnnl_primitive_desc_destroy(pd);
        return e;
    }
    ESPY_TRY(espy_odn_step_primitive(
        b, pd, post.n ? 4 : 3,
        (const int[][2]){{DNNL_ARG_SRC_0, from},
                         {DNNL_ARG_SRC_1, scale},
                         {DNNL_ARG_DST, to},
                         {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, shift}}));
    if (post.n == 0)
        ESPY_TRY(espy_odn_step_binary(b, dnnl_binary_add, to, shift, to));
    return lower_finish(b, n, layout, type);
}

static espy_err lower_prelu(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]];
    const espy_value *w = &b->g->values[n->in[1]];
    espy_odn_layout layout = x->layout;
    espy_odn_type type = x->type;
    int64_t channels = x->rank >= 2 ? x->dims[1] : 0;
    /* One slope per channel: [C, 1, ..] aligned to the right, as ONNX broadcasts. */
    bool fits = w->data && (int64_t)w->data->count == channels && w->rank >= 1 &&
                (w->rank == x->rank       ? w->dims[1]
                 : w->rank == x->rank - 1 ? w->dims[0]
                                          : 0) == channels;
    if (!fits || channels < 2)
        return ESPY_E_UNSUPPORTED;
    int to = ESPY_NONE, from = lower_native(x), slopes = ESPY_NONE;
    dnnl_primitive_desc_t pd = NULL;
    ESPY_TRY(espy_odn_channel_slot(b, w->data, n->in[0], 1, layout, &slopes));
    ESPY_TRY(espy_dnn_prelu(b->cx, b->state->engine, &b->plan->slots[from].md,
                            &b->plan->slots[slopes].md, &pd));
    espy_err e = espy_odn_form_over(b, n->in[0], n->out, layout, type, &to);
    if (e != ESPY_E_OK) {
        dnnl_primitive_desc_destroy(pd);
        return e;
    }
    return espy_odn_step_primitive(
        b, pd, 3,
        (const int[][2]){{DNNL_ARG_SRC, from}, {DNNL_ARG_WEIGHTS, slopes}, {DNNL_ARG_DST, to}});
}

/* --- two operands ---------------------------------------------------------------------------- */

/* x (op) number, or number (op) x when swapped, as one function; false when there is none. */
static bool binary_scalar(espy_bin_kind op, float s, bool swapped, espy_odn_fn *f)
{
    switch (op) {
    case ESPY_BIN_ADD:
        *f = (espy_odn_fn){dnnl_eltwise_linear, 1, s};
        return true;
    case ESPY_BIN_SUB:
        *f = swapped ? (espy_odn_fn){dnnl_eltwise_linear, -1, s}
                     : (espy_odn_fn){dnnl_eltwise_linear, 1, -s};
        return true;
    case ESPY_BIN_MUL:
        *f = (espy_odn_fn){dnnl_eltwise_linear, s, 0};
        return true;
    case ESPY_BIN_DIV:
        *f = (espy_odn_fn){dnnl_eltwise_linear, 1 / s, 0};
        return !swapped && s != 0.0f;
    case ESPY_BIN_POW:
        *f = (espy_odn_fn){dnnl_eltwise_square, 0, 0};
        return !swapped && s == 2.0f;
    case ESPY_BIN_MIN:
    case ESPY_BIN_MAX:
        break;
    }
    return false;
}

static bool binary_alg(espy_bin_kind op, dnnl_alg_kind_t *alg)
{
    switch (op) {
    case ESPY_BIN_ADD:
        *alg = dnnl_binary_add;
        return true;
    case ESPY_BIN_SUB:
        *alg = dnnl_binary_sub;
        return true;
    case ESPY_BIN_MUL:
        *alg = dnnl_binary_mul;
        return true;
    case ESPY_BIN_MIN:
        *alg = dnnl_binary_min;
        return true;
    case ESPY_BIN_MAX:
        *alg = dnnl_binary_max;
        return true;
    case ESPY_BIN_DIV: /* 0 / 0 in spare lanes: only where there are none (O1) */
        *alg = dnnl_binary_div;
        return true;
    case ESPY_BIN_POW:
        break;
    }
    return false;
}

static const espy_const *binary_number(const espy_odn_build *b, espy_vid v)
{
    const espy_const *c = b->g->values[v].data;
    return c && c->count == 1 ? c : NULL;
}

static espy_err lower_binary_number(espy_odn_build *b, const espy_node *n)
{
    bool swapped = binary_number(b, n->in[0]) != NULL;
    espy_vid x = n->in[swapped ? 1 : 0];
    const espy_const *c = binary_number(b, n->in[swapped ? 0 : 1]);
    espy_odn_value *v = &b->values[x];
    espy_odn_fn f;
    int to = ESPY_NONE, from = lower_native(v);
    espy_odn_layout layout = v->layout;
    espy_odn_type type = v->type;
    if (!lower_same_dims(v, &b->values[n->out]) ||
        !binary_scalar(n->at.binary, *(const float *)c->data, swapped, &f))
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(espy_odn_form_over(b, x, n->out, layout, type, &to));
    ESPY_TRY(espy_odn_step_eltwise(b, f, from, to));
    return lower_finish(b, n, layout, type);
}

/* Operand y beside x in a layout: aligned to x's rank from the right, as ONNX broadcasts. */
static espy_err binary_operand(espy_odn_build *b, espy_vid x, espy_vid y, espy_odn_layout layout,
                               espy_odn_type type, int *slot)
{
    const espy_odn_value *vx = &b->values[x], *vy = &b->values[y];
    if (lower_same_dims(vx, vy))
        return espy_odn_form_want(b, y, layout, type, slot);
    bool channel = vx->rank == 4 && vx->dims[0] == 1;
    for (int i = 0; i < vy->rank; i++)
        if (i != vy->rank - 3 && vy->dims[i] != 1)
            channel = false;
    channel = channel && vy->rank >= 3 && vy->dims[vy->rank - 3] == vx->dims[1];
    if (channel && b->g->values[y].data)
        return espy_odn_channel_slot(b, b->g->values[y].data, x, 1, layout, slot);
    if (channel && vy->rank == 4)
        return espy_odn_form_want(b, y, layout, type, slot);
    if (layout != ESPY_ODN_PLAIN)
        return ESPY_E_UNSUPPORTED;
    espy_dnn_md md = {0};
    dnnl_dims_t dims, strides;
    int64_t step = 1;
    for (int i = vx->rank - 1; i >= 0; i--) {
        int at = i - (vx->rank - vy->rank);
        dims[i] = at >= 0 ? vy->dims[at] : 1;
        if (dims[i] != 1 && dims[i] != vx->dims[i])
            return ESPY_E_UNSUPPORTED;
        strides[i] = step;
        step *= dims[i];
    }
    ESPY_TRY(espy_odn_form_want(b, y, layout, type, slot));
    ESPY_TRY(espy_dnn_check(b->cx,
                            espy_dnn_md_strided(&md, vx->rank, dims, espy_odn_dt(type), strides),
                            "memory description"));
    return espy_odn_slot_new(b, b->plan->slots[*slot].buf, &md, slot);
}

static espy_err lower_binary(espy_odn_build *b, const espy_node *n)
{
    dnnl_alg_kind_t alg;
    if (binary_number(b, n->in[0]) || binary_number(b, n->in[1])) {
        espy_err e = lower_binary_number(b, n);
        if (e != ESPY_E_UNSUPPORTED || b->cx->code != ESPY_E_OK)
            return e;
    }
    if (!binary_alg(n->at.binary, &alg))
        return ESPY_E_UNSUPPORTED;
    espy_vid x = n->in[0], y = n->in[1];
    const espy_odn_value *vx = &b->values[x], *vy = &b->values[y];
    bool commutes = alg == dnnl_binary_add || alg == dnnl_binary_mul;
    bool over_x = lower_same_dims(vx, &b->values[n->out]);
    if (commutes && (!over_x || (lower_same_dims(vx, vy) && vx->layout == ESPY_ODN_PLAIN))) {
        x = n->in[1];
        y = n->in[0];
        vx = &b->values[x];
        over_x = lower_same_dims(vx, &b->values[n->out]);
    }
    if (!over_x)
        return ESPY_E_UNSUPPORTED;
    espy_odn_layout layout = vx->layout;
    espy_odn_type type = vx->type;
    int from = lower_native(vx), other = ESPY_NONE, to = ESPY_NONE;
    if (alg == dnnl_binary_div && layout == ESPY_ODN_BLOCKED)
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(binary_operand(b, x, y, layout, type, &other));
    dnnl_primitive_desc_t pd = NULL;
    const espy_odn_slot *s = b->plan->slots;
    ESPY_TRY(espy_dnn_binary(b->cx, b->state->engine, alg, &s[from].md, &s[other].md, &s[from].md,
                             NULL, &pd));
    espy_err e = espy_odn_form_over(b, x, n->out, layout, type, &to);
    if (e != ESPY_E_OK) {
        dnnl_primitive_desc_destroy(pd);
        return e;
    }
    ESPY_TRY(espy_odn_step_primitive(
        b, pd, 3,
        (const int[][2]){{DNNL_ARG_SRC_0, from}, {DNNL_ARG_SRC_1, other}, {DNNL_ARG_DST, to}}));
    return lower_finish(b, n, layout, type);
}

/* --- windows --------------------------------------------------------------------------------- */

/* Pooling into a slot that views the output as a picture. */
static espy_err lower_pool_into(espy_odn_build *b, dnnl_alg_kind_t alg, int from,
                                const espy_dnn_window *w, const espy_odn_value *as, espy_vid out,
                                espy_odn_layout layout, espy_odn_layout form, espy_odn_type type)
{
    espy_dnn_md dst = {0};
    dnnl_primitive_desc_t pd = NULL;
    int to = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_odn_describe(b, as, layout, type, false, &dst));
    ESPY_GO(espy_dnn_pool(b->cx, b->state->engine, alg, &b->plan->slots[from].md, &dst, w, &pd));
    ESPY_GO(espy_odn_form_new(b, out, form, type, &to));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[to].buf, &dst, &to));
    e = espy_odn_step_primitive(b, pd, 2,
                                (const int[][2]){{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
    pd = NULL;
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&dst);
    return e;
}

static espy_err lower_pool(espy_odn_build *b, const espy_node *n)
{
    const espy_window *w = &n->at.pool.window;
    espy_odn_value *x = &b->values[n->in[0]];
    espy_odn_layout layout = lower_picture(b, x);
    espy_odn_type type = x->layout == ESPY_ODN_PLAIN ? b->type : x->type;
    dnnl_alg_kind_t alg = n->at.pool.kind == ESPY_POOL_MAX   ? dnnl_pooling_max
                          : n->at.pool.kind == ESPY_POOL_AVG ? dnnl_pooling_avg_exclude_padding
                                                             : dnnl_pooling_avg_include_padding;
    espy_dnn_window dw = {0};
    int from = ESPY_NONE;
    for (int i = 0; i < 2; i++) {
        dw.kernel[i] = w->kernel[i];
        dw.stride[i] = w->stride[i];
        dw.dilate[i] = w->dilation[i] - 1;
        dw.pad_lo[i] = w->pad_begin[i];
        dw.pad_hi[i] = w->pad_end[i] + w->extra[i];
        /* oneDNN divides by the whole window, ours not by what ceil_mode added; and it wants a
         * stride's worth of input for each output. */
        if ((alg == dnnl_pooling_avg_include_padding && w->extra[i] > 0) ||
            (x->dims[2 + i] + dw.pad_lo[i] + dw.pad_hi[i] - (dw.kernel[i] - 1) * w->dilation[i] -
             1) / dw.stride[i] +
                    1 !=
                b->values[n->out].dims[2 + i])
            return ESPY_E_UNSUPPORTED;
    }
    ESPY_TRY(espy_odn_form_want(b, n->in[0], layout, type, &from));
    return lower_pool_into(b, alg, from, &dw, &b->values[n->out], n->out, layout, layout, type);
}

/* The mean of each channel's picture is an average pooling. */
static espy_err lower_reduce(espy_odn_build *b, const espy_node *n)
{
    espy_odn_value *x = &b->values[n->in[0]], *y = &b->values[n->out];
    if (x->rank != 4 || n->at.reduce.axes != ((1u << 2) | (1u << 3)) ||
        n->at.reduce.kind != ESPY_REDUCE_MEAN)
        return ESPY_E_UNSUPPORTED;
    espy_odn_layout layout = lower_picture(b, x), form;
    espy_odn_type type = x->layout == ESPY_ODN_PLAIN ? b->type : x->type;
    espy_odn_value as = {.rank = 4, .dims = {x->dims[0], x->dims[1], 1, 1}};
    espy_dnn_window w = {.kernel = {x->dims[2], x->dims[3]}, .stride = {x->dims[2], x->dims[3]}};
    int from = ESPY_NONE;
    form = layout;
    if (y->rank != 4) {
        /* [N][C] is the same bytes as one cell of NHWC, or of BLOCKED without spare lanes. */
        if (layout == ESPY_ODN_BLOCKED && x->dims[1] % ESPY_ODN_BLOCK != 0)
            layout = ESPY_ODN_NHWC;
        form = ESPY_ODN_PLAIN;
    }
    ESPY_TRY(espy_odn_form_want(b, n->in[0], layout, type, &from));
    return lower_pool_into(b, dnnl_pooling_avg_exclude_padding, from, &w, &as, n->out, layout, form,
                           type);
}

/* Whole repeats of each cell; everything else is the reference's. */
static espy_err lower_resize(espy_odn_build *b, const espy_node *n)
{
    espy_odn_value *x = &b->values[n->in[0]];
    if (n->at.resize.linear || n->at.resize.repeat[0] <= 0 || n->at.resize.repeat[1] <= 0)
        return ESPY_E_UNSUPPORTED;
    espy_odn_layout layout = lower_picture(b, x);
    espy_odn_type type = x->layout == ESPY_ODN_PLAIN ? b->type : x->type;
    espy_dnn_md dst = {0};
    dnnl_primitive_desc_t pd = NULL;
    int from = ESPY_NONE, to = ESPY_NONE;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_odn_form_want(b, n->in[0], layout, type, &from));
    ESPY_GO(espy_odn_describe(b, &b->values[n->out], layout, type, false, &dst));
    ESPY_GO(espy_dnn_resample(b->cx, b->state->engine, dnnl_resampling_nearest,
                              &b->plan->slots[from].md, &dst, NULL, &pd));
    ESPY_GO(espy_odn_form_new(b, n->out, layout, type, &to));
    e = espy_odn_step_primitive(b, pd, 2,
                                (const int[][2]){{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
    pd = NULL;
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&dst);
    return e;
}

static espy_err lower_softmax(espy_odn_build *b, const espy_node *n)
{
    dnnl_primitive_desc_t pd = NULL;
    int from = ESPY_NONE, to = ESPY_NONE;
    ESPY_TRY(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, ESPY_ODN_F32, &from));
    ESPY_TRY(espy_dnn_softmax(b->cx, b->state->engine, &b->plan->slots[from].md, n->at.softmax.axis,
                              &pd));
    espy_err e = espy_odn_form_over(b, n->in[0], n->out, ESPY_ODN_PLAIN, ESPY_ODN_F32, &to);
    if (e != ESPY_E_OK) {
        dnnl_primitive_desc_destroy(pd);
        return e;
    }
    return espy_odn_step_primitive(b, pd, 2,
                                   (const int[][2]){{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, to}});
}

/* A vector of the last axis as a slot. */
static espy_err lower_row_slot(espy_odn_build *b, const espy_const *c, int *slot)
{
    espy_dnn_md md = {0};
    dnnl_dims_t dims = {(int64_t)c->count};
    espy_err e = espy_dnn_check(b->cx, espy_dnn_md_tag(&md, 1, dims, dnnl_f32, dnnl_a),
                                "memory description");
    if (e == ESPY_E_OK)
        e = espy_odn_slot_const(b, c->data, &md, slot);
    espy_dnn_md_free(&md);
    return e;
}

static espy_err lower_layer_norm(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]];
    bool affine = n->in[1] != ESPY_NONE && n->in[2] != ESPY_NONE;
    espy_odn_type type = ESPY_ODN_F32; /* three times as fast as oneDNN's for bf16 */
    dnnl_primitive_desc_t pd = NULL;
    int from = ESPY_NONE, to = ESPY_NONE, scale = ESPY_NONE, shift = ESPY_NONE;
    if (x->rank < 2 || x->rank > 5 || (!affine && (n->in[1] != ESPY_NONE || n->in[2] != ESPY_NONE)))
        return ESPY_E_UNSUPPORTED;
    ESPY_TRY(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &from));
    ESPY_TRY(espy_dnn_layer_norm(b->cx, b->state->engine, &b->plan->slots[from].md,
                                 n->at.layer_norm.eps, affine, &pd));
    espy_err e = ESPY_E_OK;
    if (affine) {
        e = lower_row_slot(b, b->g->values[n->in[1]].data, &scale);
        if (e == ESPY_E_OK)
            e = lower_row_slot(b, b->g->values[n->in[2]].data, &shift);
    }
    if (e == ESPY_E_OK)
        e = espy_odn_form_over(b, n->in[0], n->out, ESPY_ODN_PLAIN, type, &to);
    if (e != ESPY_E_OK) {
        dnnl_primitive_desc_destroy(pd);
        return e;
    }
    return espy_odn_step_primitive(b, pd, affine ? 4 : 2,
                                   (const int[][2]){{DNNL_ARG_SRC, from},
                                                    {DNNL_ARG_DST, to},
                                                    {DNNL_ARG_SCALE, scale},
                                                    {DNNL_ARG_SHIFT, shift}});
}

/* --- moving ---------------------------------------------------------------------------------- */

/* The type a moved value should have: what its destination wants, else its own. */
static espy_odn_type lower_moved_type(const espy_odn_build *b, const espy_node *n)
{
    const espy_odn_dest *d = &b->values[n->out].dest;
    return d->kind != ESPY_ODN_NOWHERE ? d->type : b->values[n->in[0]].type;
}

static espy_err lower_reshape(espy_odn_build *b, const espy_node *n)
{
    int slot = ESPY_NONE;
    espy_odn_type type = lower_moved_type(b, n);
    ESPY_TRY(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &slot));
    return espy_odn_form_alias(b, n->out, ESPY_ODN_PLAIN, type, b->plan->slots[slot].buf, &slot);
}

static bool transpose_is(const espy_node *n, int rank, const int *perm)
{
    for (int i = 0; i < rank; i++)
        if (n->at.transpose.perm[i] != perm[i])
            return false;
    return true;
}

static const int transpose_to_nhwc[] = {0, 2, 3, 1}, transpose_to_nchw[] = {0, 3, 1, 2};

static espy_err lower_transpose(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]], *y = &b->values[n->out];
    espy_odn_type type = lower_moved_type(b, n);
    int slot = ESPY_NONE, to = ESPY_NONE, last = -1;
    bool still = true; /* only axes of one element move */
    for (int i = 0; i < x->rank; i++) {
        int p = n->at.transpose.perm[i];
        if (x->dims[p] == 1)
            continue;
        still = still && p > last;
        last = p;
    }
    bool to_nhwc = x->rank == 4 && transpose_is(n, 4, transpose_to_nhwc);
    if (still || to_nhwc) {
        ESPY_TRY(
            espy_odn_form_want(b, n->in[0], to_nhwc ? ESPY_ODN_NHWC : ESPY_ODN_PLAIN, type, &slot));
        return espy_odn_form_alias(b, n->out, ESPY_ODN_PLAIN, type, b->plan->slots[slot].buf,
                                   &slot);
    }
    if (x->rank == 4 && transpose_is(n, 4, transpose_to_nchw) &&
        b->values[n->out].dest.kind == ESPY_ODN_NOWHERE) {
        ESPY_TRY(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &slot));
        return espy_odn_form_alias(b, n->out, ESPY_ODN_NHWC, type, b->plan->slots[slot].buf, &slot);
    }
    espy_dnn_md src = {0};
    dnnl_primitive_desc_t pd = NULL;
    dnnl_dims_t dims, strides, own;
    espy_err e = ESPY_E_OK;
    own[x->rank - 1] = 1;
    for (int i = x->rank - 2; i >= 0; i--)
        own[i] = own[i + 1] * x->dims[i + 1];
    for (int i = 0; i < x->rank; i++) {
        dims[i] = y->dims[i];
        strides[i] = own[n->at.transpose.perm[i]];
    }
    ESPY_GO(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &slot));
    ESPY_GO(espy_dnn_check(b->cx,
                           espy_dnn_md_strided(&src, x->rank, dims, espy_odn_dt(type), strides),
                           "memory description"));
    ESPY_GO(espy_odn_form_new(b, n->out, ESPY_ODN_PLAIN, type, &to));
    ESPY_GO(espy_dnn_reorder(b->cx, b->state->engine, &src, &b->plan->slots[to].md, &pd));
    ESPY_GO(espy_odn_slot_new(b, b->plan->slots[slot].buf, &src, &slot));
    e = espy_odn_step_primitive(b, pd, 2,
                                (const int[][2]){{DNNL_ARG_FROM, slot}, {DNNL_ARG_TO, to}});
    pd = NULL;
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    espy_dnn_md_free(&src);
    return e;
}

static size_t lower_size(espy_odn_type t)
{
    return t == ESPY_ODN_F32 ? sizeof(float) : sizeof(uint16_t);
}

/* Elements in one piece along a concatenated axis, and how many such pieces there are. */
static void concat_pieces(const espy_odn_value *v, int axis, espy_odn_layout layout, size_t *piece,
                          size_t *count)
{
    size_t in = 1, out = 1;
    for (int i = 0; i < v->rank; i++) {
        size_t d = (size_t)v->dims[i];
        if (layout == ESPY_ODN_BLOCKED && i == 1)
            d = (size_t)espy_odn_round(v->dims[i]);
        if (layout == ESPY_ODN_NHWC ? i == 1 : i >= axis)
            in *= d;
        else
            out *= d;
    }
    *piece = in;
    *count = out;
}

/* The layout a concatenation is made in: the picture's where channels meet at whole blocks. */
static espy_odn_layout concat_layout(const espy_odn_build *b, const espy_node *n)
{
    if (b->values[n->out].rank != 4 || n->at.concat.axis != 1)
        return ESPY_ODN_PLAIN;
    for (int i = 0; i + 1 < n->n_in; i++)
        if (b->values[n->in[i]].dims[1] % ESPY_ODN_BLOCK != 0)
            return ESPY_ODN_NHWC;
    return b->choice->layout;
}

/* True when the parts follow each other in memory, so that each can be computed where it belongs.
 */
static bool concat_whole(const espy_odn_build *b, const espy_node *n, espy_odn_layout layout)
{
    size_t piece, count;
    concat_pieces(&b->values[n->out], n->at.concat.axis, layout, &piece, &count);
    return layout != ESPY_ODN_NHWC && count == 1;
}

static espy_odn_type concat_type(const espy_odn_build *b, const espy_node *n,
                                 espy_odn_layout layout)
{
    if (layout != ESPY_ODN_PLAIN)
        return b->type;
    return concat_whole(b, n, layout) ? ESPY_ODN_F32 : lower_moved_type(b, n);
}

static espy_err lower_concat(espy_odn_build *b, const espy_node *n)
{
    espy_odn_layout layout = concat_layout(b, n);
    espy_odn_type type = concat_type(b, n, layout);
    size_t piece, count, whole, shift = 0;
    int to =
        b->values[n->out].slot[layout][type]; /* there already when a part was computed in it */
    concat_pieces(&b->values[n->out], n->at.concat.axis, layout, &whole, &count);
    if (to == ESPY_NONE)
        ESPY_TRY(espy_odn_form_new(b, n->out, layout, type, &to));
    for (int i = 0; i < n->n_in; i++) {
        int from = ESPY_NONE, part = ESPY_NONE, slot = ESPY_NONE;
        espy_dnn_md md = {0};
        espy_odn_step *s = NULL;
        concat_pieces(&b->values[n->in[i]], n->at.concat.axis, layout, &piece, &count);
        ESPY_TRY(espy_odn_form_want(b, n->in[i], layout, type, &from));
        int whole_buf = b->plan->slots[to].buf;
        ESPY_TRY(
            espy_odn_buf_new(b, b->plan->bufs[whole_buf].home, piece * lower_size(type), &part));
        b->plan->bufs[part].index = b->plan->bufs[whole_buf].index;
        b->plan->bufs[part].parent = whole_buf;
        b->plan->bufs[part].shift = shift * lower_size(type);
        shift += piece;
        if (espy_odn_same_place(b, part, b->plan->slots[from].buf))
            continue;
        ESPY_TRY(espy_odn_describe(b, &b->values[n->in[i]], layout, type, false, &md));
        espy_err e = espy_odn_slot_new(b, part, &md, &slot);
        espy_dnn_md_free(&md);
        ESPY_TRY(e);
        ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_COPY, &s));
        s->n_args = 2;
        s->arg[0].slot = from;
        s->arg[1].slot = slot;
        s->at.copy.count = count;
        s->at.copy.bytes = s->at.copy.from_step = piece * lower_size(type);
        s->at.copy.to_step = whole * lower_size(type);
    }
    return ESPY_E_OK;
}

/* One axis cut with step 1: a view when nothing lies before it, else one copy per piece. */
static espy_err lower_slice(espy_odn_build *b, const espy_node *n)
{
    const espy_odn_value *x = &b->values[n->in[0]], *y = &b->values[n->out];
    int axis = ESPY_NONE, slot = ESPY_NONE, part = ESPY_NONE, to = ESPY_NONE;
    for (int i = 0; i < x->rank; i++) {
        if (n->at.slice.step[i] != 1)
            return ESPY_E_UNSUPPORTED;
        if (x->dims[i] == y->dims[i])
            continue;
        if (axis != ESPY_NONE)
            return ESPY_E_UNSUPPORTED;
        axis = i;
    }
    if (axis == ESPY_NONE)
        return lower_reshape(b, n);
    espy_odn_type type = lower_moved_type(b, n);
    size_t size = lower_size(type), whole, piece, count, cell = 1;
    concat_pieces(x, axis, ESPY_ODN_PLAIN, &whole, &count);
    concat_pieces(y, axis, ESPY_ODN_PLAIN, &piece, &count);
    for (int i = axis + 1; i < x->rank; i++)
        cell *= (size_t)x->dims[i];
    ESPY_TRY(espy_odn_form_want(b, n->in[0], ESPY_ODN_PLAIN, type, &slot));
    int from = b->plan->slots[slot].buf;
    b->plan->bufs[from].shared = true;
    ESPY_TRY(espy_odn_buf_new(b, b->plan->bufs[from].home, piece * size, &part));
    b->plan->bufs[part].index = b->plan->bufs[from].index;
    b->plan->bufs[part].data = b->plan->bufs[from].data;
    b->plan->bufs[part].parent = from;
    b->plan->bufs[part].shift = (size_t)n->at.slice.start[axis] * cell * size;
    if (count == 1)
        return espy_odn_form_alias(b, n->out, ESPY_ODN_PLAIN, type, part, &to);
    espy_dnn_md md = {0};
    espy_odn_step *s = NULL;
    ESPY_TRY(espy_odn_describe(b, y, ESPY_ODN_PLAIN, type, true, &md));
    espy_err e = espy_odn_slot_new(b, part, &md, &slot);
    espy_dnn_md_free(&md);
    ESPY_TRY(e);
    ESPY_TRY(espy_odn_form_new(b, n->out, ESPY_ODN_PLAIN, type, &to));
    ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_COPY, &s));
    s->n_args = 2;
    s->arg[0].slot = slot;
    s->arg[1].slot = to;
    s->at.copy.count = count;
    s->at.copy.bytes = s->at.copy.to_step = piece * size;
    s->at.copy.from_step = whole * size;
    return ESPY_E_OK;
}

/* What oneDNN has not: the reference executor's code on plain f32. */
static espy_err lower_reference(espy_odn_build *b, const espy_node *n)
{
    espy_odn_step *s = NULL;
    int slot[ESPY_ODN_ARGS], to = ESPY_NONE;
    if (n->n_in >= ESPY_ODN_ARGS)
        return espy_fail(b->cx, ESPY_E_UNSUPPORTED, "node '%s' has more than %d inputs", n->name,
                         ESPY_ODN_ARGS - 1);
    for (int i = 0; i < n->n_in; i++) {
        slot[i] = ESPY_NONE;
        if (n->in[i] != ESPY_NONE &&
            !(b->g->values[n->in[i]].data && b->g->values[n->in[i]].dtype != ESPY_DT_F32))
            ESPY_TRY(espy_odn_form_want(b, n->in[i], ESPY_ODN_PLAIN, ESPY_ODN_F32, &slot[i]));
    }
    ESPY_TRY(espy_odn_form_new(b, n->out, ESPY_ODN_PLAIN, ESPY_ODN_F32, &to));
    ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_REFERENCE, &s));
    for (int i = 0; i < n->n_in; i++)
        s->arg[s->n_args++].slot = slot[i];
    s->arg[s->n_args++].slot = to;
    return ESPY_E_OK;
}

/* By operator; those that are not named run in the reference executor's code. */
typedef espy_err lower_fn(espy_odn_build *b, const espy_node *n);
static lower_fn *const lower_ops[ESPY_OP_STATIC_LAST + 1] = {
    [ESPY_OP_CONV] = espy_odn_lower_conv, [ESPY_OP_MATMUL] = espy_odn_lower_matmul,
    [ESPY_OP_AFFINE] = lower_affine,      [ESPY_OP_BINARY] = lower_binary,
    [ESPY_OP_UNARY] = lower_unary,        [ESPY_OP_PRELU] = lower_prelu,
    [ESPY_OP_POOL] = lower_pool,          [ESPY_OP_REDUCE] = lower_reduce,
    [ESPY_OP_SOFTMAX] = lower_softmax,    [ESPY_OP_LAYER_NORM] = lower_layer_norm,
    [ESPY_OP_RESHAPE] = lower_reshape,    [ESPY_OP_TRANSPOSE] = lower_transpose,
    [ESPY_OP_CONCAT] = lower_concat,      [ESPY_OP_SLICE] = lower_slice,
    [ESPY_OP_RESIZE] = lower_resize,
};

static espy_err lower_node(espy_odn_build *b, const espy_node *n)
{
    espy_err e = ESPY_E_UNSUPPORTED;
    if (n->op <= ESPY_OP_STATIC_LAST && lower_ops[n->op])
        e = lower_ops[n->op](b, n);
    if (e == ESPY_E_UNSUPPORTED && b->cx->code == ESPY_E_OK)
        e = lower_reference(b, n);
    return e;
}

/* --- before the walk ------------------------------------------------------------------------- */

/* Where each value is wanted in the end (see espy_odn_dest), from the last node to the first. */
static void lower_dests(espy_odn_build *b)
{
    const espy_graph *g = b->g;
    for (size_t o = g->n_outputs; o-- > 0;) {
        espy_odn_value *v = &b->values[g->outputs[o]];
        if (g->values[g->outputs[o]].producer != ESPY_NONE)
            v->dest = (espy_odn_dest){ESPY_ODN_TO_OUTPUT, (int)o, 0, ESPY_ODN_PLAIN, ESPY_ODN_F32};
    }
    for (size_t i = g->n_nodes; i-- > 0;) {
        const espy_node *n = &g->nodes[i];
        espy_odn_dest d = b->values[n->out].dest;
        if (n->op == ESPY_OP_CONCAT) {
            espy_odn_layout layout = concat_layout(b, n);
            if (!concat_whole(b, n, layout))
                continue;
            for (int k = 0; k < n->n_in; k++) {
                espy_odn_value *v = &b->values[n->in[k]];
                if (v->dest.kind == ESPY_ODN_NOWHERE && g->values[n->in[k]].producer != ESPY_NONE)
                    v->dest = (espy_odn_dest){ESPY_ODN_TO_CONCAT, (int)i, k, layout,
                                              concat_type(b, n, layout)};
            }
            continue;
        }
        if (d.kind == ESPY_ODN_NOWHERE)
            continue;
        espy_vid x = n->in[0];
        bool only = g->values[x].producer != ESPY_NONE && g->values[x].uses == 1 &&
                    b->values[x].dest.kind == ESPY_ODN_NOWHERE;
        if (!only || d.layout != ESPY_ODN_PLAIN)
            continue;
        if (n->op == ESPY_OP_RESHAPE || n->op == ESPY_OP_UNARY || n->op == ESPY_OP_SOFTMAX) {
            b->values[x].dest = d;
        } else if (n->op == ESPY_OP_TRANSPOSE && b->values[x].rank == 4 &&
                   transpose_is(n, 4, transpose_to_nhwc)) {
            d.layout = ESPY_ODN_NHWC;
            b->values[x].dest = d;
        }
    }
}

static bool merge_same_window(const espy_window *a, const espy_window *b)
{
    for (int i = 0; i < 2; i++)
        if (a->kernel[i] != b->kernel[i] || a->stride[i] != b->stride[i] ||
            a->dilation[i] != b->dilation[i] || a->pad_begin[i] != b->pad_begin[i] ||
            a->pad_end[i] != b->pad_end[i])
            return false;
    return true;
}

/* A detector's head: few channels, at most a function and then the transposition to [N][H][W][C].
 */
static bool merge_head(const espy_odn_build *b, const int32_t *reader, size_t i)
{
    const espy_node *n = &b->g->nodes[i];
    if (n->op != ESPY_OP_CONV || n->at.conv.group != 1 || n->n_post > 1 ||
        (n->n_post == 1 && n->post[0].kind != ESPY_POST_ACT) || b->g->values[n->out].uses != 1 ||
        reader[n->out] == ESPY_NONE)
        return false;
    const espy_node *t = &b->g->nodes[reader[n->out]];
    int64_t o = b->values[n->out].dims[1];
    return t->op == ESPY_OP_TRANSPOSE && transpose_is(t, 4, transpose_to_nhwc) &&
           espy_odn_round(o) - o >= ESPY_ODN_BLOCK / 4;
}

/* Heads over one input become one convolution: 2 + 8 + 20 channels fill two blocks instead of four.
 */
static espy_err lower_merge(espy_odn_build *b)
{
    const espy_graph *g = b->g;
    int32_t *reader = espy_array(b->cx, g->n_values + 1, sizeof *reader);
    if (!reader)
        return ESPY_E_NOMEM;
    for (size_t v = 0; v < g->n_values; v++)
        reader[v] = ESPY_NONE;
    for (size_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] != ESPY_NONE)
                reader[g->nodes[i].in[k]] = (int32_t)i;
    for (size_t i = 0; i < g->n_nodes; i++) {
        if (b->leader[i] != ESPY_NONE || !merge_head(b, reader, i))
            continue;
        const espy_node *n = &g->nodes[i];
        int parts = 1;
        int64_t channels = b->values[n->out].dims[1];
        for (size_t k = i + 1; k < g->n_nodes && parts < ESPY_ODN_PARTS; k++) {
            const espy_node *m = &g->nodes[k];
            if (b->leader[k] != ESPY_NONE || !merge_head(b, reader, k) || m->in[0] != n->in[0] ||
                !merge_same_window(&n->at.conv.window, &m->at.conv.window))
                continue;
            b->leader[k] = (int32_t)i;
            channels += b->values[m->out].dims[1];
            parts++;
        }
        if (parts == 1)
            continue;
        b->leader[i] = (int32_t)i;
        b->merged[i] = (espy_vid)b->n_values;
        espy_odn_value *v = &b->values[b->n_values++];
        *v = b->values[n->out];
        v->dest = (espy_odn_dest){0};
        v->dims[1] = channels;
    }
    espy_free(b->cx, reader);
    return ESPY_E_OK;
}

/* Graph inputs and constants as forms. */
static espy_err lower_sources(espy_odn_build *b)
{
    const espy_graph *g = b->g;
    int buf, slot;
    for (size_t i = 0; i < g->n_inputs; i++) {
        espy_vid v = g->inputs[i];
        ESPY_TRY(espy_odn_buf_new(b, ESPY_ODN_INPUT,
                                  espy_value_count(&g->values[v]) * sizeof(float), &buf));
        b->plan->bufs[buf].index = (int)i;
        ESPY_TRY(espy_odn_form_alias(b, v, ESPY_ODN_PLAIN, ESPY_ODN_F32, buf, &slot));
    }
    for (size_t v = 0; v < g->n_values; v++) {
        if (!g->values[v].data || g->values[v].dtype != ESPY_DT_F32)
            continue;
        ESPY_TRY(espy_odn_buf_new(b, ESPY_ODN_CONST,
                                  espy_value_count(&g->values[v]) * sizeof(float), &buf));
        b->plan->bufs[buf].data = g->values[v].data->data;
        ESPY_TRY(espy_odn_form_alias(b, (espy_vid)v, ESPY_ODN_PLAIN, ESPY_ODN_F32, buf, &slot));
    }
    return ESPY_E_OK;
}

/* Outputs that were not computed in place. */
static espy_err lower_outputs(espy_odn_build *b)
{
    const espy_graph *g = b->g;
    for (size_t o = 0; o < g->n_outputs; o++) {
        espy_vid v = g->outputs[o];
        int from = ESPY_NONE, buf = ESPY_NONE, to = ESPY_NONE;
        espy_dnn_md md = {0};
        espy_odn_step *s = NULL;
        ESPY_TRY(espy_odn_form_want(b, v, ESPY_ODN_PLAIN, ESPY_ODN_F32, &from));
        size_t bytes = espy_value_count(&g->values[v]) * sizeof(float);
        ESPY_TRY(espy_odn_buf_new(b, ESPY_ODN_OUTPUT, bytes, &buf));
        b->plan->bufs[buf].index = (int)o;
        if (espy_odn_same_place(b, buf, b->plan->slots[from].buf))
            continue;
        ESPY_TRY(espy_odn_describe(b, &b->values[v], ESPY_ODN_PLAIN, ESPY_ODN_F32, true, &md));
        espy_err e = espy_odn_slot_new(b, buf, &md, &to);
        espy_dnn_md_free(&md);
        ESPY_TRY(e);
        ESPY_TRY(espy_odn_step_new(b, ESPY_ODN_COPY, &s));
        s->n_args = 2;
        s->arg[0].slot = from;
        s->arg[1].slot = to;
        s->at.copy.count = 1;
        s->at.copy.bytes = s->at.copy.from_step = s->at.copy.to_step = bytes;
    }
    return ESPY_E_OK;
}

espy_err espy_odn_lower(espy_odn_build *b)
{
    ESPY_TRY(lower_sources(b));
    ESPY_TRY(lower_merge(b));
    lower_dests(b);
    for (size_t i = 0; i < b->g->n_nodes; i++) {
        const espy_node *n = &b->g->nodes[i];
        b->node = (int32_t)i;
        ESPY_TRY(espy_cancelled(b->cx));
        ESPY_TRY(lower_node(b, n));
        for (int k = 0; k < n->n_in; k++)
            if (n->in[k] != ESPY_NONE)
                b->values[n->in[k]].left--;
    }
    b->node = ESPY_NONE;
    return lower_outputs(b);
}
