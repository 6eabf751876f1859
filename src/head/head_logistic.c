/* SPDX-License-Identifier: Apache-2.0
 * head - logistic: one-vs-rest logistic regression.
 *
 * File: "logistic.coef" F32 classes x dim, "logistic.intercept" F64 classes; and the scaler. */
#include <string.h>

#include "head/head_file.h"
#include "head/head_parts.h"

enum { LOGISTIC_CHUNK = 1024 /* queries answered at a time, which bounds the scratch */ };

extern const espy_head_ops espy_head_logistic;

typedef struct head_logistic {
    espy_head_scaled base;
    espy_logistic *model;
} head_logistic;

static void logistic_destroy(espy_ctx *cx, espy_head *head)
{
    head_logistic *h = (head_logistic *)head;

    espy_scaler_free(cx, &h->base.scaler);
    espy_logistic_destroy(cx, &h->model);
    espy_free(cx, h);
}

const espy_logistic *espy_head_logistic_model(const espy_head *head)
{
    return head->ops == &espy_head_logistic ? ((const head_logistic *)head)->model : NULL;
}

espy_err espy_head_logistic_take(espy_ctx *cx, espy_scaler *scaler, espy_logistic **model,
                                 espy_head **out)
{
    espy_logistic *m = *model;

    if (m->classes < 2 || m->dim == 0 || (scaler->mean && scaler->dim != m->dim))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the parts of this logistic head do not fit together: train again");
    head_logistic *h = espy_zalloc(cx, sizeof *h);
    if (!h)
        return ESPY_E_NOMEM;
    h->base.head = (espy_head){.ops = &espy_head_logistic, .dim = m->dim, .classes = m->classes};
    h->base.scaler = *scaler;
    h->base.scaler.dim = m->dim;
    h->model = m;
    *scaler = (espy_scaler){0};
    *model = NULL;
    *out = &h->base.head;
    return ESPY_E_OK;
}

static espy_err logistic_fit(espy_ctx *cx, const espy_gallery *data,
                             const espy_head_options *options, espy_head **out)
{
    espy_rows rows = *data;
    espy_logistic_options o = {.c = options->c, .balanced = options->balanced};
    espy_scaler scaler = {0};
    espy_logistic *model = NULL;
    float *x = NULL;
    espy_err e;

    ESPY_TRY(espy_rows_check(cx, &rows));
    if (options->scale)
        ESPY_GO(espy_head_scale(cx, &rows, &scaler, &x));
    ESPY_GO(espy_logistic_fit(cx, &rows, &o, &model));
    ESPY_GO(espy_head_logistic_take(cx, &scaler, &model, out));
out:
    espy_free(cx, x);
    espy_scaler_free(cx, &scaler);
    espy_logistic_destroy(cx, &model);
    return e;
}

static espy_err logistic_probabilities(espy_ctx *cx, const espy_head *head, const float *x,
                                       size_t n, float *p)
{
    const head_logistic *h = (const head_logistic *)head;
    size_t dim = head->dim, chunk = n < LOGISTIC_CHUNK ? n : LOGISTIC_CHUNK;
    float *scaled = espy_floats(cx, chunk * dim);
    espy_err e = ESPY_E_OK;

    if (!scaled)
        return ESPY_E_NOMEM;
    for (size_t at = 0; at < n; at += chunk) {
        size_t m = n - at < chunk ? n - at : chunk;
        espy_scaler_apply(&h->base.scaler, x + at * dim, m, scaled);
        ESPY_GO(espy_logistic_probabilities(cx, h->model, scaled, m, p + at * head->classes));
    }
out:
    espy_free(cx, scaled);
    return e;
}

static espy_err logistic_save(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    const head_logistic *h = (const head_logistic *)head;
    const espy_logistic *m = h->model;
    espy_head_file f = {.n = 0};

    espy_head_file_add_scaler(&f, &h->base.scaler);
    espy_head_file_add(&f, "logistic.coef", ESPY_F32, m->classes, m->dim, m->coef);
    espy_head_file_add(&f, "logistic.intercept", ESPY_F64, m->classes, 0, m->intercept);
    return espy_head_file_write(cx, &f, "logistic", out);
}

static espy_err logistic_load(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery,
                              espy_head **out)
{
    espy_tensors *t = NULL;
    espy_scaler scaler = {0};
    espy_logistic *m = NULL;
    const espy_tensor_entry *coef, *intercept;
    espy_err e;
    (void)gallery;

    ESPY_TRY(espy_head_file_open(cx, bytes, "logistic", &t));
    ESPY_GO(espy_head_file_need(cx, t, "logistic.coef", ESPY_F32, SIZE_MAX, SIZE_MAX, &coef));
    size_t classes = coef->dims[0], dim = coef->dims[1];
    ESPY_GO(espy_head_file_need(cx, t, "logistic.intercept", ESPY_F64, classes, 0, &intercept));
    ESPY_GO(espy_head_file_need_scaler(cx, t, dim, &scaler));
    ESPY_GO(espy_logistic_create(cx, dim, classes, &m));
    memcpy(m->coef, coef->data, coef->bytes);
    memcpy(m->intercept, intercept->data, intercept->bytes);
    ESPY_GO(espy_head_logistic_take(cx, &scaler, &m, out));
out:
    espy_tensors_destroy(cx, &t);
    espy_scaler_free(cx, &scaler);
    espy_logistic_destroy(cx, &m);
    return e;
}

const espy_head_ops espy_head_logistic = {
    .name = "logistic",
    .help = "logistic regression, one label against the rest, for thousands of labels",
    .fit = logistic_fit,
    .probabilities = logistic_probabilities,
    .save = logistic_save,
    .load = logistic_load,
    .destroy = logistic_destroy,
};
