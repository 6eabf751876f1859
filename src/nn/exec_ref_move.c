/* SPDX-License-Identifier: Apache-2.0
 * nn - reference kernels that move elements of any type. */
#include <string.h>

#include "nn/graph_build.h"

void espy_ref_strides(const espy_arg *a, const espy_arg *out, int64_t stride[ESPY_NN_RANK])
{
    int64_t step = 1;
    int lead = out->rank - a->rank;
    for (int i = 0; i < ESPY_NN_RANK; i++)
        stride[i] = 0;
    for (int i = a->rank - 1; i >= 0; i--) {
        stride[lead + i] = a->dims[i] == 1 ? 0 : step;
        step *= a->dims[i];
    }
}

void espy_ref_next(const espy_arg *out, int64_t index[ESPY_NN_RANK], int n,
                   int64_t stride[][ESPY_NN_RANK], int64_t *offset)
{
    for (int i = out->rank - 1; i >= 0; i--) {
        for (int k = 0; k < n; k++)
            offset[k] += stride[k][i];
        if (++index[i] < out->dims[i])
            return;
        for (int k = 0; k < n; k++)
            offset[k] -= stride[k][i] * out->dims[i];
        index[i] = 0;
    }
}

/* out[index] = in[offset + sum of index stride] */
static void ref_pick(const espy_arg *in, int64_t offset, int64_t stride[1][ESPY_NN_RANK],
                     const espy_arg *out)
{
    int64_t index[ESPY_NN_RANK] = {0};
    size_t size = espy_dt_size(out->dtype);
    for (size_t i = 0; i < out->count; i++) {
        memcpy((char *)out->data + i * size, (const char *)in->data + (size_t)offset * size, size);
        espy_ref_next(out, index, 1, stride, &offset);
    }
}

static void ref_transpose(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int64_t dense[ESPY_NN_RANK], stride[1][ESPY_NN_RANK] = {{0}};
    espy_ref_strides(in, in, dense);
    for (int i = 0; i < out->rank; i++)
        stride[0][i] = dense[n->at.transpose.perm[i]];
    ref_pick(in, 0, stride, out);
}

static void ref_slice(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int64_t dense[ESPY_NN_RANK], stride[1][ESPY_NN_RANK] = {{0}}, offset = 0;
    espy_ref_strides(in, in, dense);
    for (int i = 0; i < out->rank; i++) {
        offset += n->at.slice.start[i] * dense[i];
        stride[0][i] = n->at.slice.step[i] * dense[i];
    }
    ref_pick(in, offset, stride, out);
}

static void ref_expand(const espy_arg *in, const espy_arg *out)
{
    int64_t stride[1][ESPY_NN_RANK];
    espy_ref_strides(in, out, stride[0]);
    ref_pick(in, 0, stride, out);
}

/* Elements before and after an axis, for copies of whole blocks. */
static void ref_blocks(const espy_arg *a, int axis, size_t *before, size_t *after)
{
    *before = *after = 1;
    for (int i = 0; i < a->rank; i++) {
        if (i < axis)
            *before *= (size_t)a->dims[i];
        else if (i > axis)
            *after *= (size_t)a->dims[i];
    }
}

static void ref_concat(const espy_node *n, const espy_arg *in, int n_in, const espy_arg *out)
{
    size_t before, after, size = espy_dt_size(out->dtype);
    int axis = n->at.concat.axis;
    ref_blocks(out, axis, &before, &after);
    char *to = out->data;
    for (size_t b = 0; b < before; b++) {
        for (int k = 0; k < n_in; k++) {
            size_t bytes = (size_t)in[k].dims[axis] * after * size;
            if (bytes > 0)
                memcpy(to, (const char *)in[k].data + b * bytes, bytes);
            to += bytes;
        }
    }
}

static void ref_gather(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    const int64_t *indices = in[1].data;
    size_t before, after, size = espy_dt_size(out->dtype);
    int axis = n->at.gather.axis;
    ref_blocks(&in[0], axis, &before, &after);
    size_t bytes = after * size, length = (size_t)in[0].dims[axis];
    char *to = out->data;
    for (size_t b = 0; b < before; b++) {
        for (size_t i = 0; i < in[1].count; i++, to += bytes)
            if (bytes > 0)
                memcpy(to, (const char *)in[0].data + (b * length + (size_t)indices[i]) * bytes,
                       bytes);
    }
}

/* The input's cell behind cell i of the padded axis, or -1 for the constant. */
static int64_t ref_pad_source(espy_pad_mode mode, int64_t begin, int64_t length, int64_t i)
{
    int64_t at = i - begin;
    if (at >= 0 && at < length)
        return at;
    switch (mode) {
    case ESPY_PAD_REFLECT:
        return at < 0 ? -at : 2 * (length - 1) - at;
    case ESPY_PAD_EDGE:
        return at < 0 ? 0 : length - 1;
    case ESPY_PAD_CONSTANT:
        break;
    }
    return -1;
}

static void ref_pad(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    int64_t dense[ESPY_NN_RANK], index[ESPY_NN_RANK] = {0};
    espy_ref_strides(in, in, dense);
    for (size_t i = 0; i < out->count; i++) {
        int64_t offset = 0;
        for (int d = 0; d < out->rank && offset >= 0; d++) {
            int64_t at = ref_pad_source(n->at.pad.mode, n->at.pad.begin[d], in->dims[d], index[d]);
            offset = at < 0 ? -1 : offset + at * dense[d];
        }
        ((float *)out->data)[i] = offset < 0 ? n->at.pad.value : ((const float *)in->data)[offset];
        espy_ref_next(out, index, 0, NULL, NULL);
    }
}

bool espy_ref_moves(espy_op op)
{
    return op == ESPY_OP_RESHAPE || op == ESPY_OP_TRANSPOSE || op == ESPY_OP_CONCAT ||
           op == ESPY_OP_SLICE || op == ESPY_OP_GATHER || op == ESPY_OP_EXPAND;
}

void espy_ref_move(const espy_node *n, const espy_arg *in, int n_in, const espy_arg *out)
{
    if (out->count == 0)
        return;
    if (n->op == ESPY_OP_TRANSPOSE)
        ref_transpose(n, in, out);
    else if (n->op == ESPY_OP_SLICE)
        ref_slice(n, in, out);
    else if (n->op == ESPY_OP_EXPAND)
        ref_expand(in, out);
    else if (n->op == ESPY_OP_CONCAT)
        ref_concat(n, in, n_in, out);
    else if (n->op == ESPY_OP_GATHER)
        ref_gather(n, in, out);
    else if (n->op == ESPY_OP_PAD)
        ref_pad(n, in, out);
    else
        memcpy(out->data, in->data, out->count * espy_dt_size(out->dtype));
}
