/* SPDX-License-Identifier: Apache-2.0
 * head - what the saved files of all heads share. */
#include "head/head_file.h"

#include <math.h>
#include <string.h>

#include "head/head_parts.h"

const espy_scaler *espy_head_scaler(const espy_head *head)
{
    static const char *const scaled[] = {"svm", "logistic", "prototypes"};
    bool is = false;

    for (size_t i = 0; i < sizeof scaled / sizeof scaled[0]; i++)
        is = is || strcmp(head->ops->name, scaled[i]) == 0;
    if (!is)
        return NULL;
    return &((const espy_head_scaled *)head)->scaler;
}

void espy_head_file_add(espy_head_file *f, const char *name, espy_dtype dtype, size_t rows,
                        size_t columns, const void *data)
{
    static const size_t width[] = {[ESPY_F32] = 4, [ESPY_F64] = 8, [ESPY_I64] = 8, [ESPY_U8] = 1};

    f->at[f->n++] = (espy_tensor_entry){.name = name,
                                        .dtype = dtype,
                                        .rank = columns ? 2 : 1,
                                        .dims = {rows, columns},
                                        .data = data,
                                        .bytes = rows * (columns ? columns : 1) * width[dtype]};
}

void espy_head_file_add_scaler(espy_head_file *f, const espy_scaler *s)
{
    if (!s->mean)
        return;
    f->scaler_n = (int64_t)s->n;
    espy_head_file_add(f, "scaler.mean", ESPY_F64, s->dim, 0, s->mean);
    espy_head_file_add(f, "scaler.scale", ESPY_F64, s->dim, 0, s->scale);
    espy_head_file_add(f, "scaler.n", ESPY_I64, 1, 0, &f->scaler_n);
}

espy_err espy_head_file_write(espy_ctx *cx, const espy_head_file *f, const char *head,
                              espy_buf *out)
{
    espy_err e;
    espy_json *meta = espy_json_object();

    ESPY_GO(espy_json_set(cx, meta, "format", espy_json_of_string("espy-head")));
    ESPY_GO(espy_json_set(cx, meta, "revision", espy_json_of_string("1")));
    ESPY_GO(espy_json_set(cx, meta, "head", espy_json_of_string(head)));
    ESPY_GO(espy_tensors_write(cx, f->at, f->n, meta, out));
out:
    espy_json_free(meta);
    return e;
}

static bool file_meta_is(const espy_tensors *t, const char *key, const char *value)
{
    const char *have = espy_tensors_meta(t, key);

    return have && strcmp(have, value) == 0;
}

espy_err espy_head_file_open(espy_ctx *cx, espy_span bytes, const char *head, espy_tensors **out)
{
    espy_tensors *t = NULL;

    ESPY_TRY(espy_tensors_parse(cx, bytes, &t));
    if (!file_meta_is(t, "format", "espy-head") || !file_meta_is(t, "revision", "1") ||
        !file_meta_is(t, "head", head)) {
        espy_tensors_destroy(cx, &t);
        return espy_fail(cx, ESPY_E_FORMAT,
                         "this is not a saved %s head of this program's format: train again", head);
    }
    *out = t;
    return ESPY_E_OK;
}

static bool file_fits(size_t have, size_t want)
{
    return want == SIZE_MAX ? have >= 1 : have == want;
}

static bool file_finite(const espy_tensor_entry *t)
{
    if (t->dtype == ESPY_F32)
        for (size_t i = 0; i < t->bytes / sizeof(float); i++)
            if (!isfinite(((const float *)t->data)[i]))
                return false;
    if (t->dtype == ESPY_F64)
        for (size_t i = 0; i < t->bytes / sizeof(double); i++)
            if (!isfinite(((const double *)t->data)[i]))
                return false;
    return true;
}

espy_err espy_head_file_need(espy_ctx *cx, const espy_tensors *t, const char *name,
                             espy_dtype dtype, size_t rows, size_t columns,
                             const espy_tensor_entry **out)
{
    const espy_tensor_entry *at;

    ESPY_TRY(espy_tensors_need(cx, t, name, dtype, columns ? 2 : 1, &at));
    if (!file_fits(at->dims[0], rows) || (columns && !file_fits(at->dims[1], columns)))
        return espy_fail(cx, ESPY_E_FORMAT, "saved head: \"%s\" has the wrong size: train again",
                         name);
    if (!file_finite(at))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "saved head: \"%s\" holds what is not a number: train again", name);
    *out = at;
    return ESPY_E_OK;
}

espy_err espy_head_file_need_int(espy_ctx *cx, const espy_tensors *t, const char *name, int64_t lo,
                                 int64_t hi, int64_t *out)
{
    const espy_tensor_entry *at;

    ESPY_TRY(espy_head_file_need(cx, t, name, ESPY_I64, 1, 0, &at));
    int64_t v = *(const int64_t *)at->data;
    if (v < lo || v > hi)
        return espy_fail(cx, ESPY_E_FORMAT, "saved head: \"%s\" is out of range: train again",
                         name);
    *out = v;
    return ESPY_E_OK;
}

espy_err espy_head_file_need_scaler(espy_ctx *cx, const espy_tensors *t, size_t dim,
                                    espy_scaler *out)
{
    const espy_tensor_entry *mean, *scale;
    int64_t n;

    *out = (espy_scaler){.dim = dim};
    if (!espy_tensors_find(t, "scaler.mean"))
        return ESPY_E_OK;
    ESPY_TRY(espy_head_file_need(cx, t, "scaler.mean", ESPY_F64, dim, 0, &mean));
    ESPY_TRY(espy_head_file_need(cx, t, "scaler.scale", ESPY_F64, dim, 0, &scale));
    ESPY_TRY(espy_head_file_need_int(cx, t, "scaler.n", 1, INT32_MAX, &n));
    for (size_t d = 0; d < dim; d++)
        if (!(((const double *)scale->data)[d] > 0))
            return espy_fail(cx, ESPY_E_FORMAT, "saved head: a scale is not positive: train again");
    espy_scaler s = {.dim = dim, .n = (size_t)n};
    if (!(s.mean = espy_array(cx, dim, sizeof *s.mean)) ||
        !(s.scale = espy_array(cx, dim, sizeof *s.scale))) {
        espy_scaler_free(cx, &s);
        return ESPY_E_NOMEM;
    }
    memcpy(s.mean, mean->data, dim * sizeof *s.mean);
    memcpy(s.scale, scale->data, dim * sizeof *s.scale);
    *out = s;
    return ESPY_E_OK;
}
