/* SPDX-License-Identifier: Apache-2.0
 * nn - reference kernels over windows and inner products, accumulated in double. */
#include <math.h>

#include "nn/graph_build.h"

enum { REF_RUN = 256 }; /* outputs accumulated at a time */

/* --- convolution ------------------------------------------------------------------------------ */

typedef struct ref_plane {
    int64_t height, width;         /* of the input */
    int64_t out_height, out_width; /* of the output */
} ref_plane;

/* The outputs first .. last-1 of a row whose tap at `offset` lies inside the row of `width`. */
static void ref_inside(int64_t width, int64_t stride, int64_t offset, int64_t *first, int64_t *last)
{
    /* 0 <= x stride + offset < width */
    int64_t lo = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t hi = width - offset > 0 ? (width - offset + stride - 1) / stride : 0;
    *first = lo > *first ? lo : *first;
    *last = hi < *last ? hi : *last;
}

/* Adds one input channel's share to outputs first .. first+n-1 of row oy. */
static void ref_conv_add(const espy_window *w, const ref_plane *p, const float *x, const float *k,
                         int64_t oy, int64_t first, int64_t n, double *sum)
{
    for (int64_t ky = 0; ky < w->kernel[0]; ky++) {
        int64_t y = oy * w->stride[0] - w->pad_begin[0] + ky * w->dilation[0];
        if (y < 0 || y >= p->height)
            continue;
        for (int64_t kx = 0; kx < w->kernel[1]; kx++) {
            int64_t offset = kx * w->dilation[1] - w->pad_begin[1];
            int64_t lo = first, hi = first + n;
            double weight = k[ky * w->kernel[1] + kx];
            ref_inside(p->width, w->stride[1], offset, &lo, &hi);
            const float *row = x + y * p->width + offset;
            for (int64_t ox = lo; ox < hi; ox++)
                sum[ox - first] += weight * row[ox * w->stride[1]];
        }
    }
}

void espy_ref_conv(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    espy_window w = n->at.conv.window;
    const int64_t *xd = in[0].dims, *wd = in[1].dims, *od = out->dims;
    ref_plane p = {xd[2], xd[3], od[2], od[3]};
    const float *x = in[0].data, *bias = in[2].data;
    int64_t per_group = wd[0] / n->at.conv.group;
    if (w.kernel[0] == 1 && w.kernel[1] == 1 && w.stride[0] == 1 && w.stride[1] == 1 &&
        p.height == p.out_height && p.width == p.out_width) /* one long row instead of many short */
        p = (ref_plane){1, p.height * p.width, 1, p.out_height * p.out_width};
    for (int64_t i = 0; i < od[0] * od[1] * p.out_height; i++) {
        int64_t oy = i % p.out_height, o = i / p.out_height % od[1], b = i / p.out_height / od[1];
        const float *picture = x + (b * xd[1] + o / per_group * wd[1]) * p.height * p.width;
        const float *kernel = (const float *)in[1].data + o * wd[1] * wd[2] * wd[3];
        float *y = (float *)out->data + i * p.out_width;
        for (int64_t first = 0; first < p.out_width; first += REF_RUN) {
            int64_t run = p.out_width - first < REF_RUN ? p.out_width - first : REF_RUN;
            double sum[REF_RUN];
            for (int64_t k = 0; k < run; k++)
                sum[k] = bias ? (double)bias[o] : 0;
            for (int64_t c = 0; c < wd[1]; c++)
                ref_conv_add(&w, &p, picture + c * p.height * p.width, kernel + c * wd[2] * wd[3],
                             oy, first, run, sum);
            for (int64_t k = 0; k < run; k++)
                y[first + k] = (float)sum[k];
        }
    }
}

/* --- matrix product --------------------------------------------------------------------------- */

/* One matrix product; element (i, j) of a matrix lies at i row + j column. */
static void ref_product(const float *a, int64_t a_row, int64_t a_column, const float *b,
                        int64_t b_row, int64_t b_column, const float *bias, int64_t rows,
                        int64_t columns, int64_t inner, float *y)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t first = 0; first < columns; first += REF_RUN) {
            int64_t run = columns - first < REF_RUN ? columns - first : REF_RUN;
            double sum[REF_RUN];
            for (int64_t j = 0; j < run; j++)
                sum[j] = bias ? (double)bias[first + j] : 0;
            for (int64_t k = 0; k < inner; k++) {
                double v = a[i * a_row + k * a_column];
                const float *row = b + k * b_row + first * b_column;
                for (int64_t j = 0; j < run; j++)
                    sum[j] += v * row[j * b_column];
            }
            for (int64_t j = 0; j < run; j++)
                y[i * columns + first + j] = (float)sum[j];
        }
    }
}

void espy_ref_matmul(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    const espy_arg *a = &in[0], *b = &in[1];
    bool ta = n->at.matmul.trans_a, tb = n->at.matmul.trans_b;
    int64_t rows = out->dims[out->rank - 2], columns = out->dims[out->rank - 1];
    int64_t inner = a->dims[a->rank - (ta ? 2 : 1)];
    /* Batch axes are broadcast: offsets count whole matrices. */
    espy_arg batch = {.rank = out->rank - 2, .count = 1};
    espy_arg part[2] = {{.rank = a->rank - 2}, {.rank = b->rank - 2}};
    int64_t stride[2][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset[2] = {0, 0};
    for (int i = 0; i < batch.rank; i++) {
        batch.dims[i] = out->dims[i];
        batch.count *= (size_t)out->dims[i];
    }
    for (int i = 0; i < part[0].rank; i++)
        part[0].dims[i] = a->dims[i];
    for (int i = 0; i < part[1].rank; i++)
        part[1].dims[i] = b->dims[i];
    espy_ref_strides(&part[0], &batch, stride[0]);
    espy_ref_strides(&part[1], &batch, stride[1]);
    for (size_t i = 0; i < batch.count; i++) {
        ref_product((const float *)a->data + offset[0] * rows * inner, ta ? 1 : inner,
                    ta ? rows : 1, (const float *)b->data + offset[1] * inner * columns,
                    tb ? 1 : columns, tb ? inner : 1, in[2].data, rows, columns, inner,
                    (float *)out->data + (int64_t)i * rows * columns);
        espy_ref_next(&batch, index, 2, stride, offset);
    }
}

/* --- pooling ---------------------------------------------------------------------------------- */

/* One window: from (y, x) on, of a picture of h x w. */
static float ref_pool_window(espy_pool_kind kind, const espy_window *win, const float *p, int64_t h,
                             int64_t w, int64_t y, int64_t x)
{
    double sum = 0;
    float top = -INFINITY;
    int64_t inside = 0, padded = 0;
    for (int64_t ky = 0; ky < win->kernel[0]; ky++) {
        int64_t yy = y + ky * win->dilation[0];
        for (int64_t kx = 0; kx < win->kernel[1]; kx++) {
            int64_t xx = x + kx * win->dilation[1];
            if (yy >= 0 && yy < h && xx >= 0 && xx < w) {
                float v = p[yy * w + xx];
                sum += v;
                top = v > top ? v : top;
                inside++;
                padded++;
            } else if (yy < h + win->pad_end[0] && xx < w + win->pad_end[1]) {
                padded++;
            }
        }
    }
    if (kind == ESPY_POOL_MAX)
        return top;
    int64_t cells = kind == ESPY_POOL_AVG ? inside : padded;
    return cells > 0 ? (float)(sum / (double)cells) : 0;
}

void espy_ref_pool(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    const espy_window *w = &n->at.pool.window;
    int64_t height = in[0].dims[2], width = in[0].dims[3];
    int64_t oh = out->dims[2], ow = out->dims[3];
    const float *x = in[0].data;
    float *y = out->data;
    for (int64_t c = 0; c < out->dims[0] * out->dims[1]; c++)
        for (int64_t oy = 0; oy < oh; oy++)
            for (int64_t ox = 0; ox < ow; ox++)
                *y++ = ref_pool_window(n->at.pool.kind, w, x + c * height * width, height, width,
                                       oy * w->stride[0] - w->pad_begin[0],
                                       ox * w->stride[1] - w->pad_begin[1]);
}

/* --- resizing --------------------------------------------------------------------------------- */

/* Where output cell i lies in the input, in cells. */
static float ref_resize_at(espy_coord coord, float scale, int64_t in, int64_t out, int64_t i)
{
    switch (coord) {
    case ESPY_COORD_HALF_PIXEL:
        return ((float)i + 0.5f) / scale - 0.5f;
    case ESPY_COORD_PYTORCH_HALF_PIXEL:
        return out > 1 ? ((float)i + 0.5f) / scale - 0.5f : 0;
    case ESPY_COORD_ASYMMETRIC:
        return (float)i / scale;
    case ESPY_COORD_ALIGN_CORNERS:
        return out > 1 ? (float)i * (float)(in - 1) / (float)(out - 1) : 0;
    }
    return 0;
}

int64_t espy_resize_nearest(espy_coord coord, espy_nearest mode, float scale, int64_t in,
                            int64_t out, int64_t i)
{
    float at = ref_resize_at(coord, scale, in, out, i), cell = 0;
    switch (mode) {
    case ESPY_NEAREST_ROUND_PREFER_FLOOR:
        cell = ceilf(at - 0.5f);
        break;
    case ESPY_NEAREST_ROUND_PREFER_CEIL:
        cell = floorf(at + 0.5f);
        break;
    case ESPY_NEAREST_FLOOR:
        cell = floorf(at);
        break;
    case ESPY_NEAREST_CEIL:
        cell = ceilf(at);
        break;
    }
    if (!(cell > 0))
        return 0;
    return cell < (float)(in - 1) ? (int64_t)cell : in - 1;
}

/* The two cells and the weight of the second for linear resizing along one axis. */
static void ref_resize_linear(const espy_node *n, int axis, int64_t in, int64_t out, int64_t i,
                              int64_t cell[2], float *part)
{
    float at = ref_resize_at(n->at.resize.coord, n->at.resize.scale[axis], in, out, i);
    at = !(at > 0) ? 0 : at > (float)(in - 1) ? (float)(in - 1) : at;
    cell[0] = (int64_t)at;
    cell[0] = cell[0] > in - 1 ? in - 1 : cell[0];
    cell[1] = cell[0] + 1 < in ? cell[0] + 1 : cell[0];
    *part = at - (float)cell[0];
}

void espy_ref_resize(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int64_t h = in[0].dims[2], w = in[0].dims[3], oh = out->dims[2], ow = out->dims[3];
    const espy_coord coord = n->at.resize.coord;
    const espy_nearest mode = n->at.resize.nearest;
    float *y = out->data;
    for (int64_t i = 0; i < out->dims[0] * out->dims[1] * oh; i++) {
        const float *p = (const float *)in[0].data + i / oh * h * w;
        for (int64_t ox = 0; ox < ow; ox++) {
            if (!n->at.resize.linear) {
                int64_t sy = espy_resize_nearest(coord, mode, n->at.resize.scale[0], h, oh, i % oh);
                int64_t sx = espy_resize_nearest(coord, mode, n->at.resize.scale[1], w, ow, ox);
                *y++ = p[sy * w + sx];
                continue;
            }
            int64_t cy[2], cx[2];
            float ty, tx;
            ref_resize_linear(n, 0, h, oh, i % oh, cy, &ty);
            ref_resize_linear(n, 1, w, ow, ox, cx, &tx);
            float upper = (1 - tx) * p[cy[0] * w + cx[0]] + tx * p[cy[0] * w + cx[1]];
            float lower = (1 - tx) * p[cy[1] * w + cx[0]] + tx * p[cy[1] * w + cx[1]];
            *y++ = (1 - ty) * upper + ty * lower;
        }
    }
}
