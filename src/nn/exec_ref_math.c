/* SPDX-License-Identifier: Apache-2.0
 * nn - reference kernels that work element by element or along axes, and the dispatch. */
#include <math.h>

#include "nn/graph_build.h"

/* --- element-wise ----------------------------------------------------------------------------- */

static float ref_binary(espy_bin_kind kind, float a, float b)
{
    switch (kind) {
    case ESPY_BIN_ADD:
        return a + b;
    case ESPY_BIN_SUB:
        return a - b;
    case ESPY_BIN_MUL:
        return a * b;
    case ESPY_BIN_DIV:
        return a / b;
    case ESPY_BIN_POW:
        return powf(a, b);
    case ESPY_BIN_MIN:
        return a < b ? a : b;
    case ESPY_BIN_MAX:
        return a > b ? a : b;
    }
    return 0;
}

static void ref_run_binary(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int64_t stride[2][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset[2] = {0, 0};
    const float *a = in[0].data, *b = in[1].data;
    espy_ref_strides(&in[0], out, stride[0]);
    espy_ref_strides(&in[1], out, stride[1]);
    for (size_t i = 0; i < out->count; i++) {
        ((float *)out->data)[i] = ref_binary(n->at.binary, a[offset[0]], b[offset[1]]);
        espy_ref_next(out, index, 2, stride, offset);
    }
}

static void ref_run_prelu(const espy_arg *in, const espy_arg *out)
{
    int64_t stride[1][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset = 0;
    const float *x = in[0].data, *slope = in[1].data;
    espy_ref_strides(&in[1], out, stride[0]);
    for (size_t i = 0; i < out->count; i++) {
        ((float *)out->data)[i] = x[i] < 0 ? slope[offset] * x[i] : x[i];
        espy_ref_next(out, index, 1, stride, &offset);
    }
}

static void ref_run_unary(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    for (size_t i = 0; i < out->count; i++)
        ((float *)out->data)[i] = espy_act_apply(n->at.unary, ((const float *)in->data)[i]);
}

/* Cells that share one channel, where the channel is `axis`. */
static size_t ref_inner(const espy_arg *out, int axis)
{
    size_t inner = 1;
    for (int i = axis + 1; i < out->rank; i++)
        inner *= (size_t)out->dims[i];
    return inner;
}

static void ref_run_affine(const espy_arg *in, const espy_arg *out)
{
    size_t inner = ref_inner(out, 1), channels = (size_t)out->dims[1];
    const float *x = in[0].data, *scale = in[1].data, *shift = in[2].data;
    for (size_t i = 0; i < out->count; i++) {
        size_t c = i / inner % channels;
        ((float *)out->data)[i] = x[i] * scale[c] + shift[c];
    }
}

static void ref_posts(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int axis = n->op == ESPY_OP_MATMUL ? out->rank - 1 : out->rank > 1 ? 1 : 0;
    size_t inner = ref_inner(out, axis);
    size_t channels = out->rank > 0 ? (size_t)out->dims[axis] : 1;
    float *y = out->data;
    for (int p = 0; p < n->n_post; p++) {
        const espy_post *post = &n->post[p];
        const float *operand = post->kind == ESPY_POST_ACT ? NULL : in[post->input].data;
        /* An operand with the output's rank is the same tensor shape, else one value a channel. */
        bool whole = operand && in[post->input].rank == out->rank && out->rank != 1;
        for (size_t i = 0; i < out->count; i++) {
            float r = !operand ? 0 : whole ? operand[i] : operand[i / inner % channels];
            switch (post->kind) {
            case ESPY_POST_ACT:
                y[i] = espy_act_apply(post->act, y[i]);
                break;
            case ESPY_POST_PRELU:
                y[i] = y[i] < 0 ? r * y[i] : y[i];
                break;
            case ESPY_POST_ADD:
                y[i] += r;
                break;
            case ESPY_POST_MUL:
                y[i] *= r;
                break;
            }
        }
    }
}

/* --- along axes ------------------------------------------------------------------------------- */

static double ref_reduce_step(espy_reduce_kind kind, double sum, double v)
{
    switch (kind) {
    case ESPY_REDUCE_MEAN:
    case ESPY_REDUCE_SUM:
        return sum + v;
    case ESPY_REDUCE_MAX:
        return v > sum ? v : sum;
    case ESPY_REDUCE_MIN:
        return v < sum ? v : sum;
    case ESPY_REDUCE_L1:
        return sum + fabs(v);
    case ESPY_REDUCE_L2:
    case ESPY_REDUCE_SUM_SQUARE:
        return sum + v * v;
    }
    return 0;
}

static void ref_run_reduce(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    espy_reduce_kind kind = n->at.reduce.kind;
    espy_arg kept = {.count = 1}, gone = {.count = 1};
    int64_t dense[ESPY_NN_RANK], outer[1][ESPY_NN_RANK] = {{0}}, inner[1][ESPY_NN_RANK] = {{0}};
    int64_t index[ESPY_NN_RANK] = {0}, offset = 0;
    espy_ref_strides(in, in, dense);
    for (int i = 0; i < in->rank; i++) {
        espy_arg *to = n->at.reduce.axes >> i & 1 ? &gone : &kept;
        (to == &gone ? inner : outer)[0][to->rank] = dense[i];
        to->dims[to->rank++] = in->dims[i];
        to->count *= (size_t)in->dims[i];
    }
    for (size_t i = 0; i < out->count; i++) {
        int64_t at[ESPY_NN_RANK] = {0}, cell = offset;
        double sum = kind == ESPY_REDUCE_MAX ? -INFINITY : kind == ESPY_REDUCE_MIN ? INFINITY : 0;
        for (size_t k = 0; k < gone.count; k++) {
            sum = ref_reduce_step(kind, sum, ((const float *)in->data)[cell]);
            espy_ref_next(&gone, at, 1, inner, &cell);
        }
        if (kind == ESPY_REDUCE_MEAN)
            sum /= (double)gone.count;
        if (kind == ESPY_REDUCE_L2)
            sum = sqrt(sum);
        ((float *)out->data)[i] = (float)sum;
        espy_ref_next(&kept, index, 1, outer, &offset);
    }
}

/* One vector of `n` elements, `step` apart. */
typedef void ref_vector_fn(const espy_node *node, const espy_arg *in, const float *x, float *y,
                           size_t n, size_t step);

static void ref_softmax(const espy_node *node, const espy_arg *in, const float *x, float *y,
                        size_t n, size_t step)
{
    float top = -INFINITY;
    double sum = 0;
    (void)node;
    (void)in;
    for (size_t i = 0; i < n; i++)
        top = fmaxf(top, x[i * step]);
    for (size_t i = 0; i < n; i++)
        sum += exp((double)x[i * step] - top);
    for (size_t i = 0; i < n; i++)
        y[i * step] = (float)(exp((double)x[i * step] - top) / sum);
}

static void ref_l2_norm(const espy_node *node, const espy_arg *in, const float *x, float *y,
                        size_t n, size_t step)
{
    double sum = 0;
    (void)in;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i * step] * x[i * step];
    double norm = fmax(sqrt(sum), node->at.l2_norm.eps);
    for (size_t i = 0; i < n; i++)
        y[i * step] = (float)(x[i * step] / norm);
}

/* Ba, Kiros, Hinton 2016, equation 4. */
static void ref_layer_norm(const espy_node *node, const espy_arg *in, const float *x, float *y,
                           size_t n, size_t step)
{
    const float *scale = in[1].data, *shift = in[2].data;
    double mean = 0, var = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i * step];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        var += (x[i * step] - mean) * (x[i * step] - mean);
    double rate = 1 / sqrt(var / (double)n + node->at.layer_norm.eps);
    for (size_t i = 0; i < n; i++)
        y[i * step] =
            (float)((x[i * step] - mean) * rate) * (scale ? scale[i] : 1) + (shift ? shift[i] : 0);
}

static void ref_run_vectors(const espy_node *n, const espy_arg *in, const espy_arg *out, int axis,
                            ref_vector_fn *fn)
{
    size_t inner = ref_inner(out, axis), length = (size_t)out->dims[axis];
    for (size_t i = 0; i < out->count / length; i++) {
        size_t at = i / inner * inner * length + i % inner;
        fn(n, in, (const float *)in[0].data + at, (float *)out->data + at, length, inner);
    }
}

/* --- dispatch --------------------------------------------------------------------------------- */

void espy_ref_run_node(const espy_node *n, const espy_arg *in, int n_in, const espy_arg *out)
{
    if (out->count == 0)
        return;
    if (n->op == ESPY_OP_CONV)
        espy_ref_conv(n, in, out);
    else if (n->op == ESPY_OP_MATMUL)
        espy_ref_matmul(n, in, out);
    else if (n->op == ESPY_OP_AFFINE)
        ref_run_affine(in, out);
    else if (n->op == ESPY_OP_BINARY)
        ref_run_binary(n, in, out);
    else if (n->op == ESPY_OP_UNARY)
        ref_run_unary(n, in, out);
    else if (n->op == ESPY_OP_PRELU)
        ref_run_prelu(in, out);
    else if (n->op == ESPY_OP_POOL)
        espy_ref_pool(n, in, out);
    else if (n->op == ESPY_OP_REDUCE)
        ref_run_reduce(n, in, out);
    else if (n->op == ESPY_OP_SOFTMAX)
        ref_run_vectors(n, in, out, n->at.softmax.axis, ref_softmax);
    else if (n->op == ESPY_OP_LAYER_NORM)
        ref_run_vectors(n, in, out, out->rank - 1, ref_layer_norm);
    else if (n->op == ESPY_OP_L2_NORM)
        ref_run_vectors(n, in, out, n->at.l2_norm.axis, ref_l2_norm);
    else if (n->op == ESPY_OP_RESIZE)
        espy_ref_resize(n, in, out);
    else
        espy_ref_move(n, in, n_in, out);
    ref_posts(n, in, out);
}
