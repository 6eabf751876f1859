/* SPDX-License-Identifier: Apache-2.0
 * nn - evaluates nodes whose inputs are all constant. */
#include <math.h>
#include <string.h>

#include "nn/graph_build.h"

static espy_arg fold_arg(const espy_const *c)
{
    espy_arg a = {0};
    if (!c)
        return a;
    a.data = c->data;
    a.dtype = c->dtype;
    a.rank = c->rank;
    a.count = c->count;
    for (int i = 0; i < c->rank; i++)
        a.dims[i] = c->dims[i];
    return a;
}

/* Element i of an integer (or truth) array. */
static int64_t fold_integer(const espy_arg *a, int64_t i)
{
    switch (a->dtype) {
    case ESPY_DT_I64:
        return ((const int64_t *)a->data)[i];
    case ESPY_DT_I32:
        return ((const int32_t *)a->data)[i];
    case ESPY_DT_BOOL:
    case ESPY_DT_U8:
        return ((const uint8_t *)a->data)[i];
    case ESPY_DT_I8:
        return ((const int8_t *)a->data)[i];
    case ESPY_DT_F32:
        break;
    }
    return 0;
}

static void fold_store(const espy_arg *out, size_t i, int64_t v)
{
    switch (out->dtype) {
    case ESPY_DT_I64:
        ((int64_t *)out->data)[i] = v;
        break;
    case ESPY_DT_I32:
        ((int32_t *)out->data)[i] = (int32_t)v;
        break;
    case ESPY_DT_BOOL:
        ((uint8_t *)out->data)[i] = v != 0;
        break;
    case ESPY_DT_U8:
        ((uint8_t *)out->data)[i] = (uint8_t)v;
        break;
    case ESPY_DT_I8:
        ((int8_t *)out->data)[i] = (int8_t)v;
        break;
    case ESPY_DT_F32:
        ((float *)out->data)[i] = (float)v;
        break;
    }
}

/* The float as an integer; what does not fit becomes 0. */
static int64_t fold_truncate(float x)
{
    return x > -9.2e18f && x < 9.2e18f ? (int64_t)x : 0;
}

static void fold_cast(const espy_arg *in, const espy_arg *out)
{
    for (size_t i = 0; i < out->count; i++) {
        if (in->dtype != ESPY_DT_F32)
            fold_store(out, i, fold_integer(in, (int64_t)i));
        else if (out->dtype == ESPY_DT_BOOL)
            fold_store(out, i, ((const float *)in->data)[i] != 0);
        else
            fold_store(out, i, fold_truncate(((const float *)in->data)[i]));
    }
}

/* Wrapping arithmetic as the operators define it; division by 0 is refused by the caller. */
static int64_t fold_arithmetic(espy_bin_kind kind, int64_t a, int64_t b)
{
    switch (kind) {
    case ESPY_BIN_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case ESPY_BIN_SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case ESPY_BIN_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case ESPY_BIN_DIV:
        return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
    case ESPY_BIN_MIN:
        return a < b ? a : b;
    case ESPY_BIN_MAX:
        return a > b ? a : b;
    case ESPY_BIN_POW:
        break;
    }
    return 0;
}

static espy_err fold_binary(espy_ctx *cx, const espy_node *n, const char *name, const espy_arg *in,
                            const espy_arg *out)
{
    int64_t stride[2][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset[2] = {0, 0};
    if (n->at.binary == ESPY_BIN_POW)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "operator Pow of node \"%.120s\" works on integers", name);
    espy_ref_strides(&in[0], out, stride[0]);
    espy_ref_strides(&in[1], out, stride[1]);
    for (size_t i = 0; i < out->count; i++) {
        int64_t a = fold_integer(&in[0], offset[0]), b = fold_integer(&in[1], offset[1]);
        if (n->at.binary == ESPY_BIN_DIV && b == 0)
            return espy_fail(cx, ESPY_E_FORMAT, "node \"%.120s\" divides by 0", name);
        fold_store(out, i, fold_arithmetic(n->at.binary, a, b));
        espy_ref_next(out, index, 2, stride, offset);
    }
    return ESPY_E_OK;
}

static void fold_equal(const espy_arg *in, const espy_arg *out)
{
    int64_t stride[2][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset[2] = {0, 0};
    espy_ref_strides(&in[0], out, stride[0]);
    espy_ref_strides(&in[1], out, stride[1]);
    for (size_t i = 0; i < out->count; i++) {
        bool same =
            in[0].dtype == ESPY_DT_F32
                ? ((const float *)in[0].data)[offset[0]] == ((const float *)in[1].data)[offset[1]]
                : fold_integer(&in[0], offset[0]) == fold_integer(&in[1], offset[1]);
        fold_store(out, i, same);
        espy_ref_next(out, index, 2, stride, offset);
    }
}

static void fold_where(const espy_arg *in, const espy_arg *out)
{
    int64_t stride[3][ESPY_NN_RANK], index[ESPY_NN_RANK] = {0}, offset[3] = {0, 0, 0};
    size_t size = espy_dt_size(out->dtype);
    for (int k = 0; k < 3; k++)
        espy_ref_strides(&in[k], out, stride[k]);
    for (size_t i = 0; i < out->count; i++) {
        int from = ((const uint8_t *)in[0].data)[offset[0]] ? 1 : 2;
        memcpy((char *)out->data + i * size,
               (const char *)in[from].data + (size_t)offset[from] * size, size);
        espy_ref_next(out, index, 3, stride, offset);
    }
}

/* (x - zero) scale, per tensor or along one axis. */
static void fold_dequantize(const espy_node *n, const espy_arg *in, const espy_arg *out)
{
    const float *scale = in[1].data;
    size_t inner = 1;
    for (int i = n->at.dequantize.axis + 1; i < out->rank; i++)
        inner *= (size_t)out->dims[i];
    for (size_t i = 0; i < out->count; i++) {
        size_t c = i / inner % in[1].count;
        int64_t zero = in[2].data ? fold_integer(&in[2], (int64_t)c) : 0;
        ((float *)out->data)[i] = (float)(fold_integer(&in[0], (int64_t)i) - zero) * scale[c];
    }
}

static espy_err fold_run(espy_ctx *cx, const espy_node *n, const char *name, const espy_arg *in,
                         int n_in, const espy_arg *out)
{
    bool floats = out->dtype == ESPY_DT_F32;
    for (int i = 0; i < n_in; i++)
        floats = floats && (!in[i].data || in[i].dtype == ESPY_DT_F32);
    if (out->count == 0)
        return ESPY_E_OK;
    if (n->op == ESPY_OP_CAST)
        fold_cast(in, out);
    else if (n->op == ESPY_OP_EQUAL)
        fold_equal(in, out);
    else if (n->op == ESPY_OP_WHERE)
        fold_where(in, out);
    else if (n->op == ESPY_OP_DEQUANTIZE)
        fold_dequantize(n, in, out);
    else if (espy_ref_moves(n->op))
        espy_ref_move(n, in, n_in, out);
    else if (n->op == ESPY_OP_BINARY && !floats && out->dtype != ESPY_DT_BOOL)
        return fold_binary(cx, n, name, in, out);
    else if (floats && n->op <= ESPY_OP_STATIC_LAST)
        espy_ref_run_node(n, in, n_in, out);
    else
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "operator %s of node \"%.120s\" does not support this element type",
                         espy_op_name(n->op), name);
    return ESPY_E_OK;
}

espy_err espy_fold_node(espy_ctx *cx, const espy_node *n, const char *name,
                        const espy_const *const *in, int n_in, espy_dt t, int rank,
                        const int64_t *dims, espy_const **out)
{
    espy_const *c = NULL;
    espy_err e;
    espy_arg *args = espy_array(cx, (size_t)n_in, sizeof *args);
    if (!args)
        return ESPY_E_NOMEM;
    for (int i = 0; i < n_in; i++)
        args[i] = fold_arg(in[i]);
    ESPY_GO(espy_const_create(cx, t, rank, dims, &c));
    const espy_arg result = fold_arg(c);
    ESPY_GO(fold_run(cx, n, name, args, n_in, &result));
    *out = c;
    c = NULL;
out:
    espy_const_unref(cx, &c);
    espy_free(cx, args);
    return e;
}

/* y = gamma (x - mean) / sqrt(var + eps) + beta, Ioffe and Szegedy 2015, as one scale and shift. */
espy_err espy_fold_batch_norm(espy_ctx *cx, const espy_const *const in[4], float eps,
                              espy_const **scale, espy_const **shift)
{
    const float *gamma = in[0]->data, *beta = in[1]->data, *mean = in[2]->data, *var = in[3]->data;
    const int64_t n = (int64_t)in[0]->count;
    espy_const *a, *b;
    ESPY_TRY(espy_const_create(cx, ESPY_DT_F32, 1, &n, &a));
    espy_err e = espy_const_create(cx, ESPY_DT_F32, 1, &n, &b);
    if (e != ESPY_E_OK) {
        espy_const_unref(cx, &a);
        return e;
    }
    for (int64_t i = 0; i < n; i++) {
        double rate = gamma[i] / sqrt((double)var[i] + eps);
        ((float *)a->data)[i] = (float)rate;
        ((float *)b->data)[i] = (float)(beta[i] - mean[i] * rate);
    }
    *scale = a;
    *shift = b;
    return ESPY_E_OK;
}
