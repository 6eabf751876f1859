/* SPDX-License-Identifier: Apache-2.0
 * nn - lowering rules of the operators that move elements or compute shapes. */
#include <string.h>

#include "nn/shape.h"

espy_err espy_lower_identity(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    (void)l;
    *out = in[0];
    return ESPY_E_OK;
}

espy_err espy_lower_shape_op(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    int64_t start = l->n->at.shape.start, end = l->n->at.shape.end;
    start = start < 0 ? (start < -x.rank ? 0 : start + x.rank) : start > x.rank ? x.rank : start;
    end = end < 0 ? (end < -x.rank ? 0 : end + x.rank) : end > x.rank ? x.rank : end;
    return espy_lower_integers(l, 1, x.dims + start, end > start ? end - start : 0, out);
}

espy_err espy_lower_size(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    int64_t n = (int64_t)espy_value_count(&l->to->values[in[0]]);
    espy_const *c;
    ESPY_TRY(espy_const_create(l->cx, ESPY_DT_I64, 0, NULL, &c));
    *(int64_t *)c->data = n;
    return espy_lower_constant(l, c, out);
}

espy_err espy_lower_cast(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape s = espy_lower_shape(l, in[0]);
    if (s.dtype == l->n->at.cast.to) {
        *out = in[0];
        return ESPY_E_OK;
    }
    s.dtype = l->n->at.cast.to;
    return espy_lower_emit(l, l->n, in, 1, &s, out);
}

espy_err espy_lower_constant_of_shape(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    const espy_const *value = l->n->at.fill.value;
    int64_t dims[ESPY_NN_RANK], count;
    int rank;
    espy_const *c;
    ESPY_TRY(espy_lower_list(l, in[0], dims, ESPY_NN_RANK, &rank));
    if (!espy_dims_count(rank, dims, ESPY_GRAPH_FOLD, &count))
        return espy_lower_fail(l, ESPY_E_LIMIT, "makes a constant that is too large");
    l->folded += (double)count;
    if (l->folded > ESPY_GRAPH_FOLD_TOTAL)
        return espy_lower_fail(l, ESPY_E_LIMIT, "makes constants that take too much work");
    ESPY_TRY(espy_const_create(l->cx, value ? value->dtype : ESPY_DT_F32, rank, dims, &c));
    if (value) {
        size_t size = espy_dt_size(value->dtype);
        for (size_t i = 0; i < c->count; i++)
            memcpy((char *)c->data + i * size, value->data, size);
    }
    return espy_lower_constant(l, c, out);
}

espy_err espy_lower_range(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    int64_t v[3], n = 0;
    int have;
    for (int i = 0; i < 3; i++) {
        ESPY_TRY(espy_lower_list(l, in[i], &v[i], 1, &have));
        if (have != 1)
            return lower_bad(l, "start, limit and step must be one integer each");
        if (v[i] > INT32_MAX || v[i] < -INT32_MAX)
            return lower_bad(l, "start, limit or step is out of range");
    }
    if (v[2] == 0)
        return lower_bad(l, "the step is 0");
    if ((v[1] - v[0] > 0) == (v[2] > 0) && v[1] != v[0])
        n = (v[1] - v[0] + v[2] + (v[2] > 0 ? -1 : 1)) / v[2];
    if (n > 1 << 16)
        return espy_lower_fail(l, ESPY_E_LIMIT, "makes a constant that is too large");
    espy_const *c;
    ESPY_TRY(espy_const_create(l->cx, ESPY_DT_I64, 1, &n, &c));
    for (int64_t i = 0; i < n; i++)
        ((int64_t *)c->data)[i] = v[0] + i * v[2];
    return espy_lower_constant(l, c, out);
}

espy_err espy_lower_reduce_prod(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    int64_t v[2 * ESPY_NN_RANK], product = 1;
    int n;
    espy_const *c;
    const int64_t one = 1;
    ESPY_TRY(espy_lower_list(l, in[0], v, 2 * ESPY_NN_RANK, &n));
    for (int i = 0; i < n; i++)
        if (!espy_dims_count(2, (const int64_t[]){product, v[i]}, ESPY_GRAPH_ELEMENTS, &product))
            return lower_bad(l, "the product is negative or too large");
    ESPY_TRY(espy_const_create(l->cx, ESPY_DT_I64, l->n->at.reduce.keep ? 1 : 0, &one, &c));
    *(int64_t *)c->data = product;
    return espy_lower_constant(l, c, out);
}

espy_err espy_lower_equal(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape a = espy_lower_shape(l, in[0]), b = espy_lower_shape(l, in[1]), s;
    if (a.dtype != b.dtype)
        return lower_bad(l, "its inputs have different types");
    ESPY_TRY(espy_lower_broadcast(l, &a, &b, &s));
    s.dtype = ESPY_DT_BOOL;
    return espy_lower_emit(l, l->n, in, 2, &s, out);
}

espy_err espy_lower_where(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape c = espy_lower_shape(l, in[0]), a = espy_lower_shape(l, in[1]),
               b = espy_lower_shape(l, in[2]), s;
    if (c.dtype != ESPY_DT_BOOL || a.dtype != b.dtype)
        return lower_bad(l, "its inputs have the wrong types");
    ESPY_TRY(espy_lower_broadcast(l, &a, &b, &s));
    ESPY_TRY(espy_lower_broadcast(l, &s, &c, &s));
    return espy_lower_emit(l, l->n, in, 3, &s, out);
}

/* --- shapes ----------------------------------------------------------------------------------- */

espy_err espy_lower_reshape_op(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    int64_t dims[ESPY_NN_RANK], count, known;
    int rank, open = -1;
    ESPY_TRY(espy_lower_list(l, in[1], dims, ESPY_NN_RANK, &rank));
    for (int i = 0; i < rank; i++) {
        if (dims[i] == 0 && !l->n->at.reshape.allow_zero) {
            if (i >= x.rank)
                return lower_bad(l, "the new shape copies an axis that is not there");
            dims[i] = x.dims[i];
        } else if (dims[i] == -1) {
            if (open >= 0)
                return lower_bad(l, "the new shape leaves two axes open");
            open = i;
            dims[i] = 1;
        }
    }
    if (!espy_dims_count(x.rank, x.dims, ESPY_GRAPH_ELEMENTS, &count) ||
        !espy_dims_count(rank, dims, ESPY_GRAPH_ELEMENTS, &known))
        return lower_bad(l, "the new shape is out of range");
    if (open >= 0) {
        if (known == 0 || count % known != 0)
            return lower_bad(l, "the new shape does not divide the number of elements");
        dims[open] = count / known;
    }
    return espy_lower_reshape(l, in[0], rank, dims, out);
}

espy_err espy_lower_flatten(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    int64_t dims[2] = {1, 1}, axis = l->n->at.flatten.axis;
    if (axis < -x.rank || axis > x.rank)
        return lower_bad(l, "the axis is out of range");
    if (axis < 0)
        axis += x.rank;
    for (int i = 0; i < x.rank; i++)
        dims[i >= axis] *= x.dims[i];
    return espy_lower_reshape(l, in[0], 2, dims, out);
}

/* Axes from the second input, else from the attribute.  *n stays 0 when neither is there. */
static espy_err move_axes(espy_lower *l, const espy_vid *in, int64_t *axes, int *n)
{
    if (l->n->n_in > 1 && in[1] != ESPY_NONE)
        return espy_lower_list(l, in[1], axes, 2 * ESPY_NN_RANK, n);
    *n = l->n->at.axes.n;
    for (int i = 0; i < *n; i++)
        axes[i] = l->n->at.axes.v[i];
    return ESPY_E_OK;
}

espy_err espy_lower_squeeze(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    int64_t axes[2 * ESPY_NN_RANK], dims[ESPY_NN_RANK];
    int n, axis, rank = 0;
    unsigned drop = 0;
    ESPY_TRY(move_axes(l, in, axes, &n));
    for (int i = 0; i < n; i++) {
        ESPY_TRY(espy_lower_axis(l, axes[i], x.rank, &axis));
        if (x.dims[axis] != 1)
            return lower_bad(l, "an axis to drop is longer than 1");
        drop |= 1u << axis;
    }
    for (int i = 0; i < x.rank; i++)
        if (!(drop >> i & 1) && !(n == 0 && x.dims[i] == 1))
            dims[rank++] = x.dims[i];
    return espy_lower_reshape(l, in[0], rank, dims, out);
}

espy_err espy_lower_unsqueeze(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]);
    int64_t axes[2 * ESPY_NN_RANK], dims[ESPY_NN_RANK];
    int n, axis;
    unsigned added = 0;
    ESPY_TRY(move_axes(l, in, axes, &n));
    if (x.rank + n > ESPY_NN_RANK)
        return lower_unsupported(l, "gives a tensor of too many axes");
    for (int i = 0; i < n; i++) {
        ESPY_TRY(espy_lower_axis(l, axes[i], x.rank + n, &axis));
        if (added >> axis & 1)
            return lower_bad(l, "names an axis twice");
        added |= 1u << axis;
    }
    for (int i = 0, from = 0; i < x.rank + n; i++)
        dims[i] = added >> i & 1 ? 1 : x.dims[from++];
    return espy_lower_reshape(l, in[0], x.rank + n, dims, out);
}

espy_err espy_lower_expand(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), want = {.dtype = x.dtype}, s;
    const espy_node m = {.op = ESPY_OP_EXPAND};
    ESPY_TRY(espy_lower_list(l, in[1], want.dims, ESPY_NN_RANK, &want.rank));
    for (int i = 0; i < want.rank; i++)
        if (want.dims[i] < 0)
            return lower_bad(l, "the new shape is negative");
    ESPY_TRY(espy_lower_broadcast(l, &x, &want, &s));
    if (s.rank == x.rank && memcmp(s.dims, x.dims, sizeof s.dims[0] * (size_t)s.rank) == 0) {
        *out = in[0];
        return ESPY_E_OK;
    }
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

/* --- moving ----------------------------------------------------------------------------------- */

espy_err espy_lower_transpose(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), s = x;
    espy_node m = {.op = ESPY_OP_TRANSPOSE};
    int last = -1;
    bool same = true;
    if (l->n->at.transpose.n != 0 && l->n->at.transpose.n != x.rank)
        return lower_bad(l, "perm has another length than the input has axes");
    for (int i = 0; i < x.rank; i++) {
        int from = l->n->at.transpose.n ? l->n->at.transpose.perm[i] : x.rank - 1 - i;
        m.at.transpose.perm[i] = from;
        s.dims[i] = x.dims[from];
        if (x.dims[from] == 1)
            continue;
        same = same && from > last;
        last = from;
    }
    m.at.transpose.n = x.rank;
    if (same) /* only axes of length 1 move */
        return espy_lower_reshape(l, in[0], s.rank, s.dims, out);
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

espy_err espy_lower_concat(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_node m = {.op = ESPY_OP_CONCAT};
    espy_shape s = espy_lower_shape(l, in[0]);
    int axis;
    if (s.rank == 0)
        return lower_bad(l, "joins scalars");
    ESPY_TRY(espy_lower_axis(l, l->n->at.concat.axis, s.rank, &axis));
    m.at.concat.axis = axis;
    for (int i = 1; i < l->n->n_in; i++) {
        if (in[i] == ESPY_NONE)
            return lower_bad(l, "lacks an input");
        espy_shape x = espy_lower_shape(l, in[i]);
        bool fits = x.rank == s.rank && x.dtype == s.dtype;
        for (int d = 0; d < s.rank && fits; d++)
            fits = d == axis || x.dims[d] == s.dims[d];
        if (!fits)
            return lower_bad(l, "the shapes of its inputs do not fit together");
        s.dims[axis] += x.dims[axis];
        if (s.dims[axis] > ESPY_GRAPH_ELEMENTS)
            return espy_lower_fail(l, ESPY_E_LIMIT, "gives a tensor that is too large");
    }
    if (l->n->n_in == 1) {
        *out = in[0];
        return ESPY_E_OK;
    }
    return espy_lower_emit(l, &m, in, l->n->n_in, &s, out);
}

/* A slice of x; x itself when it takes everything. */
static espy_err move_slice(espy_lower *l, espy_vid x, const espy_node *m, const espy_shape *s,
                           espy_vid *out)
{
    espy_shape whole = espy_lower_shape(l, x);
    bool all = true;
    for (int i = 0; i < s->rank; i++)
        all = all && m->at.slice.start[i] == 0 && m->at.slice.step[i] == 1 &&
              s->dims[i] == whole.dims[i];
    if (all) {
        *out = x;
        return ESPY_E_OK;
    }
    return espy_lower_emit(l, m, &x, 1, s, out);
}

/* Start and length along one axis, with the clamping of the operator's definition. */
static espy_err move_slice_axis(espy_lower *l, int64_t dim, int64_t start, int64_t end,
                                int64_t step, int64_t *first, int64_t *length)
{
    if (step == 0 || step == INT64_MIN)
        return lower_bad(l, "the step is 0 or out of range");
    if (start < 0)
        start = start < -dim ? 0 : start + dim;
    if (end < 0)
        end = end < -dim ? -1 : end + dim;
    if (step > 0) {
        start = start > dim ? dim : start;
        end = end > dim ? dim : end;
        *length = end > start ? (end - start - 1) / step + 1 : 0;
    } else {
        start = start >= dim ? dim - 1 : start;
        end = end >= dim ? dim - 1 : end;
        *length = start > end ? (start - end - 1) / -step + 1 : 0;
    }
    *first = *length > 0 ? start : 0;
    return ESPY_E_OK;
}

/* The four lists of a slice, from inputs or attributes; axes default to 0, 1, ..., steps to 1. */
static espy_err move_slice_lists(espy_lower *l, const espy_vid *in, int64_t list[4][ESPY_NN_RANK],
                                 int *n)
{
    const espy_ints *given[3] = {&l->n->at.slice.starts, &l->n->at.slice.ends,
                                 &l->n->at.slice.axes};
    for (int k = 0; k < 4; k++) {
        int have = -1;
        if (l->n->n_in > k + 1 && in[k + 1] != ESPY_NONE) {
            ESPY_TRY(espy_lower_list(l, in[k + 1], list[k], ESPY_NN_RANK, &have));
        } else if (k < 3 && given[k]->set) {
            have = given[k]->n;
            if (have > ESPY_NN_RANK)
                return lower_bad(l, "has too many entries");
            for (int i = 0; i < have; i++)
                list[k][i] = given[k]->v[i];
        }
        if (k == 0)
            *n = have;
        if (have < 0 && k < 2)
            return lower_bad(l, "lacks starts or ends");
        if (have >= 0 && have != *n)
            return lower_bad(l, "starts, ends, axes and steps differ in length");
        for (int i = 0; have < 0 && i < *n; i++)
            list[k][i] = k == 2 ? i : 1;
    }
    return ESPY_E_OK;
}

espy_err espy_lower_slice(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape s = espy_lower_shape(l, in[0]);
    espy_node m = {.op = ESPY_OP_SLICE};
    int64_t list[4][ESPY_NN_RANK];
    int n, axis;
    unsigned seen = 0;
    ESPY_TRY(move_slice_lists(l, in, list, &n));
    for (int i = 0; i < s.rank; i++)
        m.at.slice.step[i] = 1;
    for (int i = 0; i < n; i++) {
        ESPY_TRY(espy_lower_axis(l, list[2][i], s.rank, &axis));
        if (seen >> axis & 1)
            return lower_bad(l, "names an axis twice");
        seen |= 1u << axis;
        m.at.slice.step[axis] = list[3][i];
        ESPY_TRY(move_slice_axis(l, s.dims[axis], list[0][i], list[1][i], list[3][i],
                                 &m.at.slice.start[axis], &s.dims[axis]));
        if (s.dims[axis] <= 1) /* the step is not taken, so it need not be in range */
            m.at.slice.step[axis] = 1;
    }
    return move_slice(l, in[0], &m, &s, out);
}

espy_err espy_lower_split_part(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape s = espy_lower_shape(l, in[0]);
    espy_node m = {.op = ESPY_OP_SLICE};
    int64_t sizes[64], sum = 0;
    int axis, n = l->n->at.split.parts;
    ESPY_TRY(espy_lower_axis(l, l->n->at.split.axis, s.rank, &axis));
    if (in[1] != ESPY_NONE) {
        ESPY_TRY(espy_lower_list(l, in[1], sizes, 64, &n));
    } else if (l->n->at.split.sizes.set) {
        n = l->n->at.split.sizes.n;
        for (int i = 0; i < n; i++)
            sizes[i] = l->n->at.split.sizes.v[i];
    } else {
        int64_t each = (s.dims[axis] + n - 1) / n;
        for (int i = 0; i < n; i++)
            sizes[i] = i + 1 < n ? each : s.dims[axis] - each * (n - 1);
    }
    if (n != l->n->at.split.parts)
        return lower_bad(l, "has another number of sizes than of outputs");
    for (int i = 0; i < s.rank; i++)
        m.at.slice.step[i] = 1;
    for (int i = 0; i < n; i++) {
        if (sizes[i] < 0 || sizes[i] > s.dims[axis] - sum)
            return lower_bad(l, "the sizes do not add up to the axis");
        if (i == l->n->at.split.part)
            m.at.slice.start[axis] = sum;
        sum += sizes[i];
    }
    if (sum != s.dims[axis])
        return lower_bad(l, "the sizes do not add up to the axis");
    s.dims[axis] = sizes[l->n->at.split.part];
    return move_slice(l, in[0], &m, &s, out);
}

espy_err espy_lower_pad(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape s = espy_lower_shape(l, in[0]);
    espy_node m = *l->n;
    int64_t pads[2 * ESPY_NN_RANK];
    int n = l->n->at.pad.list.n;
    bool any = false;
    for (int i = 0; i < n; i++)
        pads[i] = l->n->at.pad.list.v[i];
    if (in[1] != ESPY_NONE)
        ESPY_TRY(espy_lower_list(l, in[1], pads, 2 * ESPY_NN_RANK, &n));
    if (in[3] != ESPY_NONE)
        return lower_unsupported(l, "the input axes is not supported");
    if (in[2] != ESPY_NONE && !espy_const_scalar(espy_graph_const(l->to, in[2]), &m.at.pad.value))
        return lower_unsupported(l, "the padding value is not one constant float");
    if (n != 2 * s.rank)
        return lower_bad(l, "pads does not give two numbers for each axis");
    for (int i = 0; i < s.rank; i++) {
        int64_t begin = pads[i], end = pads[s.rank + i];
        if (begin < 0 || end < 0)
            return lower_unsupported(l, "negative padding is not supported");
        if (begin > ESPY_GRAPH_ELEMENTS || end > ESPY_GRAPH_ELEMENTS ||
            (m.at.pad.mode == ESPY_PAD_REFLECT && (begin >= s.dims[i] || end >= s.dims[i])))
            return lower_bad(l, "the padding is larger than the tensor allows");
        m.at.pad.begin[i] = begin;
        m.at.pad.end[i] = end;
        s.dims[i] += begin + end;
        any = any || begin || end;
    }
    if (!any) {
        *out = in[0];
        return ESPY_E_OK;
    }
    return espy_lower_emit(l, &m, in, 1, &s, out);
}

/* --- gather ----------------------------------------------------------------------------------- */

/* The indices as i64 with the negative ones counted from the end. */
static espy_err move_indices(espy_lower *l, espy_vid v, int64_t dim, espy_const **out)
{
    const espy_const *c = espy_graph_const(l->to, v);
    if (!c)
        return lower_unsupported(l, "the indices depend on the data");
    if (c->dtype != ESPY_DT_I64 && c->dtype != ESPY_DT_I32)
        return lower_bad(l, "the indices are not integers");
    espy_const *made;
    ESPY_TRY(espy_const_create(l->cx, ESPY_DT_I64, c->rank, c->dims, &made));
    for (size_t i = 0; i < c->count; i++) {
        int64_t at =
            c->dtype == ESPY_DT_I64 ? ((const int64_t *)c->data)[i] : ((const int32_t *)c->data)[i];
        if (at < -dim || at >= dim) {
            espy_const_unref(l->cx, &made);
            return lower_bad(l, "an index is out of range");
        }
        ((int64_t *)made->data)[i] = at < 0 ? at + dim : at;
    }
    *out = made;
    return ESPY_E_OK;
}

espy_err espy_lower_gather(espy_lower *l, const espy_vid *in, espy_vid *out)
{
    espy_shape x = espy_lower_shape(l, in[0]), ix = espy_lower_shape(l, in[1]);
    espy_shape s = {.dtype = x.dtype, .rank = x.rank + ix.rank - 1};
    espy_node m = {.op = ESPY_OP_GATHER};
    espy_const *indices;
    int axis;
    espy_vid args[2] = {in[0], ESPY_NONE};
    ESPY_TRY(espy_lower_axis(l, l->n->at.gather.axis, x.rank, &axis));
    if (s.rank > ESPY_NN_RANK)
        return lower_unsupported(l, "gives a tensor of too many axes");
    for (int i = 0, k = 0; i < x.rank; i++) {
        if (i == axis)
            for (int j = 0; j < ix.rank; j++)
                s.dims[k++] = ix.dims[j];
        else
            s.dims[k++] = x.dims[i];
    }
    ESPY_TRY(move_indices(l, in[1], x.dims[axis], &indices));
    if (indices->count == 1) { /* one index is a slice */
        espy_node cut = {.op = ESPY_OP_SLICE};
        espy_shape one = x;
        espy_vid part;
        for (int i = 0; i < x.rank; i++)
            cut.at.slice.step[i] = 1;
        cut.at.slice.start[axis] = *(const int64_t *)indices->data;
        one.dims[axis] = 1;
        espy_const_unref(l->cx, &indices);
        ESPY_TRY(move_slice(l, in[0], &cut, &one, &part));
        return espy_lower_reshape(l, part, s.rank, s.dims, out);
    }
    m.at.gather.axis = axis;
    ESPY_TRY(espy_lower_constant(l, indices, &args[1]));
    return espy_lower_emit(l, &m, args, 2, &s, out);
}
