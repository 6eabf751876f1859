/* SPDX-License-Identifier: Apache-2.0
 * nn - lowering rules of the operators that compute: convolutions, products, pooling, reductions.
 */
#include <math.h>
#include <string.h>

#include "nn/shape.h"

/* The value is an f32 constant with this many elements. */
static bool math_is_vector(const espy_lower *l, espy_vid v, int64_t count)
{
    const espy_const *c = espy_graph_const(l->to, v);
    return c && c->dtype == ESPY_DT_F32 && c->count == (size_t)count;
}

/* --- windows ---------------------------------------------------------------------------------- */

/* Resolves auto_pad and ceil_mode for one spatial axis and gives the output's length. */
static espy_err math_window_axis(espy_lower *l, espy_window *w, int a, int64_t in, bool ceil_mode,
                                 int64_t *out)
{
    int64_t reach = (w->kernel[a] - 1) * w->dilation[a] + 1;
    if (w->auto_pad == ESPY_PAD_SAME_UPPER || w->auto_pad == ESPY_PAD_SAME_LOWER) {
        int64_t cells = (in + w->stride[a] - 1) / w->stride[a];
        int64_t pad = (cells - 1) * w->stride[a] + reach - in;
        pad = pad < 0 ? 0 : pad;
        bool upper = w->auto_pad == ESPY_PAD_SAME_UPPER;
        w->pad_begin[a] = upper ? pad / 2 : pad - pad / 2;
        w->pad_end[a] = pad - w->pad_begin[a];
    } else if (w->auto_pad == ESPY_PAD_VALID) {
        w->pad_begin[a] = w->pad_end[a] = 0;
    }
    int64_t room = in + w->pad_begin[a] + w->pad_end[a] - reach;
    if (room < 0)
        return lower_bad(l, "the kernel is larger than the picture");
    int64_t n = room / w->stride[a] + 1;
    w->extra[a] = 0;
    if (ceil_mode && room % w->stride[a] != 0 && n * w->stride[a] < in + w->pad_begin[a]) {
        /* One more window, unless it would start in the padding at the end. */
        w->extra[a] = n * w->stride[a] - room;
        n++;
    }
    *out = n;
    return ESPY_E_OK;
}

static espy_err math_window(espy_lower *l, espy_window *w, const espy_shape *x, bool ceil_mode,
                            espy_shape *s)
{
    for (int a = 0; a < 2; a++)
        ESPY_TRY(math_window_axis(l, w, a, x->dims[2 + a], ceil_mode, &s->dims[2 + a]));
    w->auto_pad = ESPY_PAD_NOTSET;
    return ESPY_E_OK;
}

espy_err espy_lower_conv(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), w = espy_lower_shape(l, in[1]), s = x;
    espy_node m = *l->n;
    espy_window *win = &m.at.conv.window;
    int64_t group = m.at.conv.group;
    if (x.rank != 4 || w.rank != 4)
        return lower_unsupported(l, "only convolutions over two spatial axes are supported");
    if (!espy_graph_const(l->to, in[1]) || w.dtype != ESPY_DT_F32)
        return lower_unsupported(l, "its weights are not constant floats");
    if (win->kernel[0] == 0) {
        win->kernel[0] = w.dims[2];
        win->kernel[1] = w.dims[3];
    }
    if (w.dims[2] != win->kernel[0] || w.dims[3] != win->kernel[1] || w.dims[0] == 0 ||
        w.dims[1] == 0 || x.dims[1] % group != 0 || x.dims[1] / group != w.dims[1] ||
        w.dims[0] % group != 0)
        return lower_bad(l, "its weights do not fit the input and the kernel");
    if (in[2] != ESPY_NONE && !math_is_vector(l, in[2], w.dims[0]))
        return lower_bad(l, "its bias is not one constant float for each output channel");
    s.dims[1] = w.dims[0];
    ESPY_TRY(math_window(l, win, &x, false, &s));
    return espy_lower_emit(l, &m, in, 3, &s, out);
}

espy_err espy_lower_pool(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), s = x;
    espy_node m = *l->n;
    espy_window *w = &m.at.pool.window;
    if (x.rank != 4)
        return lower_unsupported(l, "only pooling over two spatial axes is supported");
    if (m.at.pool.global) {
        for (int a = 0; a < 2; a++) {
            w->kernel[a] = x.dims[2 + a];
            w->stride[a] = w->dilation[a] = 1;
        }
    }
    ESPY_TRY(math_window(l, w, &x, m.at.pool.ceil_mode, &s));
    for (int a = 0; a < 2; a++) {
        int64_t reach = (w->kernel[a] - 1) * w->dilation[a] + 1;
        if (w->pad_begin[a] >= reach || w->pad_end[a] >= reach)
            return lower_bad(l, "the padding is as large as the window");
    }
    m.at.pool.global = m.at.pool.ceil_mode = false;
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

espy_err espy_lower_resize(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), s = x;
    espy_node m = *l->n;
    const espy_const *scales = espy_graph_const(l->to, in[1]);
    float scale[4] = {1, 1, 1, 1};
    int64_t sizes[4];
    int n;
    if (x.rank != 4)
        return lower_unsupported(l, "only tensors of four axes are supported");
    if (in[2] != ESPY_NONE) {
        ESPY_TRY(espy_lower_list(l, in[2], sizes, 4, &n));
        for (int i = 0; i < 4 && n == 4; i++) {
            s.dims[i] = sizes[i];
            scale[i] = x.dims[i] > 0 ? (float)sizes[i] / (float)x.dims[i] : 1;
        }
    } else {
        const float *list = m.at.resize.scales;
        n = m.at.resize.n_scales;
        if (in[1] != ESPY_NONE) {
            if (!scales || scales->dtype != ESPY_DT_F32)
                return lower_unsupported(l, "the scales depend on the data");
            list = scales->data;
            n = scales->count == 4 ? 4 : 0;
        }
        for (int i = 0; i < 4 && n == 4; i++) {
            scale[i] = list[i];
            if (!(list[i] > 0) || !(list[i] * (float)x.dims[i] < (float)ESPY_GRAPH_ELEMENTS))
                return lower_bad(l, "a scale is out of range");
            s.dims[i] = (int64_t)floorf(list[i] * (float)x.dims[i]);
        }
    }
    if (n != 4)
        return lower_bad(l, "wants four scales or sizes");
    if (s.dims[0] != x.dims[0] || s.dims[1] != x.dims[1])
        return lower_unsupported(l, "resizes other axes than height and width");
    for (int a = 0; a < 2; a++) {
        int64_t from = x.dims[2 + a], to = s.dims[2 + a];
        if (from < 1 || to < 1 || to > 1 << 20)
            return lower_bad(l, "gives an empty or too large picture");
        m.at.resize.scale[a] = scale[2 + a];
        int64_t times = !m.at.resize.linear && to % from == 0 ? to / from : 0;
        for (int64_t i = 0; i < to && times > 0; i++)
            if (espy_resize_nearest(m.at.resize.coord, m.at.resize.nearest, scale[2 + a], from, to,
                                    i) != i / times)
                times = 0;
        m.at.resize.repeat[a] = times;
    }
    if (m.at.resize.repeat[0] == 0 || m.at.resize.repeat[1] == 0)
        m.at.resize.repeat[0] = m.at.resize.repeat[1] = 0;
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

/* --- products --------------------------------------------------------------------------------- */

/* MATMUL of two values with at least two axes each. */
static espy_err math_matmul(espy_lower *l, espy_vid a, espy_vid b, espy_vid bias, bool trans_a,
                            bool trans_b, espy_vid *out)
{
    espy_node m = {.op = ESPY_OP_MATMUL, .at.matmul = {trans_a, trans_b}};
    espy_shape x = espy_lower_shape(l, a), y = espy_lower_shape(l, b), s;
    espy_shape bx = {.rank = x.rank - 2}, by = {.rank = y.rank - 2};
    const espy_vid in[3] = {a, b, bias};
    if (x.rank < 2 || y.rank < 2)
        return lower_bad(l, "multiplies tensors of too few axes");
    for (int i = 0; i < bx.rank; i++)
        bx.dims[i] = x.dims[i];
    for (int i = 0; i < by.rank; i++)
        by.dims[i] = y.dims[i];
    ESPY_TRY(espy_lower_broadcast(l, &bx, &by, &s));
    int64_t rows = x.dims[x.rank - (trans_a ? 1 : 2)], inner = x.dims[x.rank - (trans_a ? 2 : 1)];
    int64_t columns = y.dims[y.rank - (trans_b ? 2 : 1)];
    if (inner != y.dims[y.rank - (trans_b ? 1 : 2)])
        return lower_bad(l, "the shapes of its inputs do not fit together");
    if (bias != ESPY_NONE && !math_is_vector(l, bias, columns))
        return lower_bad(l, "its bias is not one constant float for each column");
    s.dtype = ESPY_DT_F32;
    s.dims[s.rank++] = rows;
    s.dims[s.rank++] = columns;
    return espy_lower_emit(l, &m, in, 3, &s, out);
}

espy_err espy_lower_matmul(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), y = espy_lower_shape(l, in[1]), s;
    espy_vid a = in[0], b = in[1], product;
    if (x.rank == 0 || y.rank == 0)
        return lower_bad(l, "multiplies a scalar");
    if (x.rank == 1)
        ESPY_TRY(espy_lower_reshape(l, a, 2, (const int64_t[]){1, x.dims[0]}, &a));
    if (y.rank == 1)
        ESPY_TRY(espy_lower_reshape(l, b, 2, (const int64_t[]){y.dims[0], 1}, &b));
    ESPY_TRY(math_matmul(l, a, b, in[2], false, false, &product));
    s = espy_lower_shape(l, product);
    if (y.rank == 1)
        s.rank--;
    if (x.rank == 1) {
        if (y.rank > 1)
            s.dims[s.rank - 2] = s.dims[s.rank - 1];
        s.rank--;
    }
    return espy_lower_reshape(l, product, s.rank, s.dims, out);
}

/* v times a number, or v itself. */
static espy_err math_scale(espy_lower *l, espy_vid v, float by, espy_vid *out)
{
    const espy_node m = {.op = ESPY_OP_UNARY, .at.unary = {ESPY_ACT_LINEAR, by, 0}};
    espy_shape s = espy_lower_shape(l, v);
    *out = v;
    return by == 1 ? ESPY_E_OK : espy_lower_emit(l, &m, &v, 1, &s, out);
}

/* alpha A B + beta C.  C becomes the bias when it is one constant for each column. */
espy_err espy_lower_gemm(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), y = espy_lower_shape(l, in[1]);
    const espy_node add = {.op = ESPY_OP_BINARY, .at.binary = ESPY_BIN_ADD};
    espy_vid b, c = ESPY_NONE, bias = ESPY_NONE, terms[2];
    if (x.rank != 2 || y.rank != 2)
        return lower_bad(l, "multiplies tensors that have not two axes");
    int64_t columns = y.dims[l->n->at.gemm.trans_b ? 0 : 1];
    ESPY_TRY(math_scale(l, in[1], l->n->at.gemm.alpha, &b));
    if (in[2] != ESPY_NONE) {
        espy_shape z = espy_lower_shape(l, in[2]);
        ESPY_TRY(math_scale(l, in[2], l->n->at.gemm.beta, &c));
        if (math_is_vector(l, c, columns) && z.rank > 0 && z.dims[z.rank - 1] == columns)
            ESPY_TRY(espy_lower_reshape(l, c, 1, &columns, &bias));
    }
    ESPY_TRY(math_matmul(l, in[0], b, bias, l->n->at.gemm.trans_a, l->n->at.gemm.trans_b, out));
    if (c == ESPY_NONE || bias != ESPY_NONE)
        return ESPY_E_OK;
    espy_shape have = espy_lower_shape(l, *out), z = espy_lower_shape(l, c), s;
    ESPY_TRY(espy_lower_broadcast(l, &have, &z, &s));
    if (s.rank != 2 || s.dims[0] != have.dims[0] || s.dims[1] != have.dims[1])
        return lower_bad(l, "the third input does not fit the product");
    terms[0] = *out;
    terms[1] = c;
    return espy_lower_emit(l, &add, terms, 2, &s, out);
}

espy_err espy_lower_batch_norm(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    const espy_node m = {.op = ESPY_OP_AFFINE};
    const espy_const *c[4];
    espy_const *scale, *shift;
    espy_vid args[3] = {in[0], ESPY_NONE, ESPY_NONE};
    if (x.rank < 2 || x.dtype != ESPY_DT_F32)
        return lower_bad(l, "its input has no channel axis");
    for (int i = 0; i < 4; i++) {
        c[i] = espy_graph_const(l->to, in[1 + i]);
        if (!c[i])
            return lower_unsupported(l, "its statistics are not constants");
        if (!math_is_vector(l, in[1 + i], x.dims[1]))
            return lower_bad(l, "its statistics are not one float for each channel");
    }
    ESPY_TRY(espy_fold_batch_norm(l->cx, c, l->n->at.batch_norm.eps, &scale, &shift));
    espy_err e = espy_lower_constant(l, scale, &args[1]);
    if (e != ESPY_E_OK) {
        espy_const_unref(l->cx, &shift);
        return e;
    }
    ESPY_TRY(espy_lower_constant(l, shift, &args[2]));
    return espy_lower_emit(l, &m, args, 3, &x, out);
}

/* --- element-wise ----------------------------------------------------------------------------- */

espy_err espy_lower_binary(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape a = espy_lower_shape(l, in[0]), b = espy_lower_shape(l, in[1]), s;
    if (a.dtype != b.dtype)
        return lower_bad(l, "its inputs have different types");
    ESPY_TRY(espy_lower_broadcast(l, &a, &b, &s));
    return espy_lower_emit(l, l->n, in, 2, &s, out);
}

espy_err espy_lower_unary(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape s = espy_lower_shape(l, in[0]);
    return espy_lower_emit(l, l->n, in, 1, &s, out);
}

espy_err espy_lower_clip(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_node m = {.op = ESPY_OP_UNARY, .at.unary = {ESPY_ACT_CLIP, -INFINITY, INFINITY}};
    espy_shape s = espy_lower_shape(l, in[0]);
    if ((in[1] != ESPY_NONE && !espy_const_scalar(espy_graph_const(l->to, in[1]), &m.at.unary.a)) ||
        (in[2] != ESPY_NONE && !espy_const_scalar(espy_graph_const(l->to, in[2]), &m.at.unary.b)))
        return lower_unsupported(l, "its bounds are not constant floats");
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

espy_err espy_lower_prelu(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), slope = espy_lower_shape(l, in[1]), s;
    ESPY_TRY(espy_lower_broadcast(l, &x, &slope, &s));
    if (s.rank != x.rank || memcmp(s.dims, x.dims, sizeof s.dims[0] * (size_t)s.rank) != 0)
        return lower_bad(l, "its slope is larger than its input");
    return espy_lower_emit(l, l->n, in, 2, &s, out);
}

espy_err espy_lower_dequantize(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), s = x;
    espy_node m = *l->n;
    const espy_const *scale = espy_graph_const(l->to, in[1]);
    const espy_const *zero = espy_graph_const(l->to, in[2]);
    if (!espy_graph_const(l->to, in[0]) || !scale || (in[2] != ESPY_NONE && !zero))
        return lower_unsupported(l, "only constant weights are dequantised");
    if (scale->dtype != ESPY_DT_F32 ||
        (zero && (zero->dtype != x.dtype || zero->count != scale->count)))
        return lower_bad(l, "its scale and zero point do not fit");
    if (scale->count != 1) {
        ESPY_TRY(espy_lower_axis(l, l->n->at.dequantize.axis, x.rank, &m.at.dequantize.axis));
        if (scale->count != (size_t)x.dims[m.at.dequantize.axis])
            return lower_bad(l, "its scale and zero point do not fit");
    } else {
        m.at.dequantize.axis = 0;
    }
    s.dtype = ESPY_DT_F32;
    return espy_lower_emit(l, &m, in, 3, &s, out);
}

/* --- along axes ------------------------------------------------------------------------------- */

espy_err espy_lower_reduce(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), s = {.dtype = x.dtype};
    espy_node m = *l->n;
    int64_t axes[2 * ESPY_NN_RANK];
    int n = l->n->at.reduce.list.n, axis;
    uint32_t set = 0;
    for (int i = 0; i < n; i++)
        axes[i] = l->n->at.reduce.list.v[i];
    if (in[1] != ESPY_NONE)
        ESPY_TRY(espy_lower_list(l, in[1], axes, 2 * ESPY_NN_RANK, &n));
    if (n == 0 && l->n->at.reduce.noop_if_empty) {
        *out = in[0];
        return ESPY_E_OK;
    }
    for (int i = 0; i < n; i++) {
        ESPY_TRY(espy_lower_axis(l, axes[i], x.rank, &axis));
        set |= 1u << axis;
    }
    if (n == 0)
        set = (1u << x.rank) - 1;
    for (int i = 0; i < x.rank; i++) {
        if (!(set >> i & 1))
            s.dims[s.rank++] = x.dims[i];
        else if (l->n->at.reduce.keep)
            s.dims[s.rank++] = 1;
    }
    m.at.reduce.axes = set;
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

espy_err espy_lower_softmax(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), flat = {.dtype = x.dtype, .rank = 2, .dims = {1, 1}};
    espy_node m = *l->n;
    espy_vid part;
    int axis;
    ESPY_TRY(espy_lower_axis(l, l->n->at.softmax.axis, x.rank, &axis));
    m.at.softmax.axis = axis;
    m.at.softmax.flat = false;
    for (int i = 0; i < x.rank; i++)
        flat.dims[i >= axis] *= x.dims[i];
    if (!l->n->at.softmax.flat || flat.dims[1] == x.dims[axis])
        return espy_lower_emit(l, &m, in, 1, &x, out);
    m.at.softmax.axis = 1;
    ESPY_TRY(espy_lower_reshape(l, in[0], 2, flat.dims, &part));
    ESPY_TRY(espy_lower_emit(l, &m, &part, 1, &flat, &part));
    return espy_lower_reshape(l, part, x.rank, x.dims, out);
}

espy_err espy_lower_layer_norm(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    espy_node m = *l->n;
    espy_vid args[3] = {in[0], ESPY_NONE, ESPY_NONE};
    int axis;
    ESPY_TRY(espy_lower_axis(l, l->n->at.layer_norm.axis, x.rank, &axis));
    if (axis != x.rank - 1)
        return lower_unsupported(l, "only the last axis is supported");
    for (int i = 1; i < 3; i++) {
        if (in[i] == ESPY_NONE)
            continue;
        if (!math_is_vector(l, in[i], x.dims[axis]))
            return lower_unsupported(l, "its scale and shift are not constant floats");
        ESPY_TRY(espy_lower_reshape(l, in[i], 1, &x.dims[axis], &args[i]));
    }
    return espy_lower_emit(l, &m, args, 3, &x, out);
}

espy_err espy_lower_l2_norm(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    espy_node m = *l->n;
    ESPY_TRY(espy_lower_axis(l, l->n->at.l2_norm.axis, x.rank, &m.at.l2_norm.axis));
    return espy_lower_emit(l, &m, in, 1, &x, out);
}
