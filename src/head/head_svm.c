/* SPDX-License-Identifier: Apache-2.0
 * head - svm: linear one-vs-one support vector machine with Platt probabilities.
 *
 * File: "svm.x" F32 n x dim, "svm.coef" F32 (classes - 1) x n, "svm.count" I64 classes, "svm.index"
 * I64 n (only when known), "svm.intercept" "svm.prob_a" "svm.prob_b" F64 pairs; meanings in
 * learn/svm.h; and the scaler. */
#include <string.h>

#include "head/head_file.h"
#include "head/head_parts.h"

enum { SVM_CHUNK = 1024 /* queries answered at a time, which bounds the scratch */ };

extern const espy_head_ops espy_head_svm;

typedef struct head_svm {
    espy_head_scaled base;
    espy_svm *svm;
} head_svm;

static void svm_destroy(espy_ctx *cx, espy_head *head)
{
    head_svm *h = (head_svm *)head;

    espy_scaler_free(cx, &h->base.scaler);
    espy_svm_destroy(cx, &h->svm);
    espy_free(cx, h);
}

const espy_svm *espy_head_svm_model(const espy_head *head)
{
    return head->ops == &espy_head_svm ? ((const head_svm *)head)->svm : NULL;
}

espy_err espy_head_svm_take(espy_ctx *cx, espy_scaler *scaler, espy_svm **model, espy_head **out)
{
    espy_svm *m = *model;
    size_t n = 0;

    for (size_t c = 0; c < m->classes; c++)
        n += m->count[c];
    if (m->classes < 2 || m->classes > ESPY_SVM_CLASSES || m->dim == 0 || n != m->n ||
        (scaler->mean && scaler->dim != m->dim))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the parts of this svm do not fit together: train again");
    head_svm *h = espy_zalloc(cx, sizeof *h);
    if (!h)
        return ESPY_E_NOMEM;
    h->base.head = (espy_head){.ops = &espy_head_svm, .dim = m->dim, .classes = m->classes};
    h->base.scaler = *scaler;
    h->base.scaler.dim = m->dim;
    h->svm = m;
    *scaler = (espy_scaler){0};
    *model = NULL;
    *out = &h->base.head;
    return ESPY_E_OK;
}

static espy_err svm_fit(espy_ctx *cx, const espy_gallery *data, const espy_head_options *options,
                        espy_head **out)
{
    espy_rows rows = *data;
    espy_svm_options o = {
        .c = options->c, .balanced = options->balanced, .seed = options->seed ? options->seed : 42};
    espy_scaler scaler = {0};
    espy_svm *svm = NULL;
    float *x = NULL;
    espy_err e;

    ESPY_TRY(espy_rows_check(cx, &rows));
    if (options->scale)
        ESPY_GO(espy_head_scale(cx, &rows, &scaler, &x));
    ESPY_GO(espy_svm_fit(cx, &rows, &o, &svm));
    ESPY_GO(espy_head_svm_take(cx, &scaler, &svm, out));
out:
    espy_free(cx, x);
    espy_scaler_free(cx, &scaler);
    espy_svm_destroy(cx, &svm);
    return e;
}

static espy_err svm_probabilities(espy_ctx *cx, const espy_head *head, const float *x, size_t n,
                                  float *p)
{
    const head_svm *h = (const head_svm *)head;
    size_t dim = head->dim, classes = head->classes, chunk = n < SVM_CHUNK ? n : SVM_CHUNK;
    double *scaled = espy_array(cx, chunk * dim, sizeof *scaled);
    double *exact = espy_array(cx, chunk * classes, sizeof *exact);
    espy_err e = ESPY_E_OK;

    if (!scaled || !exact) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    for (size_t at = 0; at < n; at += chunk) {
        size_t m = n - at < chunk ? n - at : chunk;
        for (size_t i = 0; i < m; i++)
            espy_scaler_apply_row(&h->base.scaler, x + (at + i) * dim, scaled + i * dim);
        ESPY_GO(espy_svm_probabilities(cx, h->svm, scaled, m, exact));
        for (size_t i = 0; i < m * classes; i++)
            p[at * classes + i] = (float)exact[i];
    }
out:
    espy_free(cx, scaled);
    espy_free(cx, exact);
    return e;
}

static int64_t *svm_widen(espy_ctx *cx, const uint32_t *v, size_t n)
{
    int64_t *to = espy_array(cx, n, sizeof *to);

    for (size_t i = 0; to && i < n; i++)
        to[i] = v[i];
    return to;
}

static espy_err svm_save(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    const head_svm *h = (const head_svm *)head;
    const espy_svm *s = h->svm;
    espy_head_file f = {.n = 0};
    int64_t *count = svm_widen(cx, s->count, s->classes);
    int64_t *index = s->index ? svm_widen(cx, s->index, s->n) : NULL;
    espy_err e = ESPY_E_NOMEM;

    if (!count || (s->index && !index))
        goto out;
    espy_head_file_add_scaler(&f, &h->base.scaler);
    espy_head_file_add(&f, "svm.x", ESPY_F32, s->n, s->dim, s->x);
    espy_head_file_add(&f, "svm.coef", ESPY_F32, s->classes - 1, s->n, s->coef);
    espy_head_file_add(&f, "svm.count", ESPY_I64, s->classes, 0, count);
    if (index)
        espy_head_file_add(&f, "svm.index", ESPY_I64, s->n, 0, index);
    espy_head_file_add(&f, "svm.intercept", ESPY_F64, s->pairs, 0, s->intercept);
    espy_head_file_add(&f, "svm.prob_a", ESPY_F64, s->pairs, 0, s->prob_a);
    espy_head_file_add(&f, "svm.prob_b", ESPY_F64, s->pairs, 0, s->prob_b);
    e = espy_head_file_write(cx, &f, "svm", out);
out:
    espy_free(cx, count);
    espy_free(cx, index);
    return e;
}

/* Integers of the file as uint32; FORMAT when one is outside [0, most]. */
static espy_err svm_narrow(espy_ctx *cx, const espy_tensor_entry *t, size_t most, uint32_t *to)
{
    const int64_t *v = t->data;

    for (size_t i = 0; i < t->dims[0]; i++) {
        if (v[i] < 0 || (uint64_t)v[i] > most)
            return espy_fail(cx, ESPY_E_FORMAT, "saved head: \"%s\" is out of range: train again",
                             t->name);
        to[i] = (uint32_t)v[i];
    }
    return ESPY_E_OK;
}

static espy_err svm_load(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery,
                         espy_head **out)
{
    espy_tensors *t = NULL;
    espy_scaler scaler = {0};
    espy_svm *s = NULL;
    const espy_tensor_entry *x, *coef, *count, *index = NULL, *b, *pa, *pb;
    espy_err e;
    (void)gallery;

    ESPY_TRY(espy_head_file_open(cx, bytes, "svm", &t));
    ESPY_GO(espy_head_file_need(cx, t, "svm.x", ESPY_F32, SIZE_MAX, SIZE_MAX, &x));
    size_t n = x->dims[0], dim = x->dims[1];
    ESPY_GO(espy_head_file_need(cx, t, "svm.count", ESPY_I64, SIZE_MAX, 0, &count));
    size_t classes = count->dims[0];
    if (classes < 2 || classes > ESPY_SVM_CLASSES || n > INT32_MAX || dim > INT32_MAX) {
        e = espy_fail(cx, ESPY_E_FORMAT, "saved head: %zu labels are not for an svm", classes);
        goto out;
    }
    size_t pairs = classes * (classes - 1) / 2;
    ESPY_GO(espy_head_file_need(cx, t, "svm.coef", ESPY_F32, classes - 1, n, &coef));
    ESPY_GO(espy_head_file_need(cx, t, "svm.intercept", ESPY_F64, pairs, 0, &b));
    ESPY_GO(espy_head_file_need(cx, t, "svm.prob_a", ESPY_F64, pairs, 0, &pa));
    ESPY_GO(espy_head_file_need(cx, t, "svm.prob_b", ESPY_F64, pairs, 0, &pb));
    if (espy_tensors_find(t, "svm.index"))
        ESPY_GO(espy_head_file_need(cx, t, "svm.index", ESPY_I64, n, 0, &index));
    ESPY_GO(espy_head_file_need_scaler(cx, t, dim, &scaler));
    ESPY_GO(espy_svm_create(cx, dim, classes, n, &s));
    ESPY_GO(svm_narrow(cx, count, n, s->count));
    if (index) {
        if (!(s->index = espy_array(cx, n, sizeof *s->index))) {
            e = ESPY_E_NOMEM;
            goto out;
        }
        ESPY_GO(svm_narrow(cx, index, UINT32_MAX, s->index));
    }
    memcpy(s->x, x->data, x->bytes);
    memcpy(s->coef, coef->data, coef->bytes);
    memcpy(s->intercept, b->data, b->bytes);
    memcpy(s->prob_a, pa->data, pa->bytes);
    memcpy(s->prob_b, pb->data, pb->bytes);
    ESPY_GO(espy_head_svm_take(cx, &scaler, &s, out));
out:
    espy_tensors_destroy(cx, &t);
    espy_scaler_free(cx, &scaler);
    espy_svm_destroy(cx, &s);
    return e;
}

const espy_head_ops espy_head_svm = {
    .name = "svm",
    .help = "linear support vector machine, one per pair of labels, up to 1000 labels",
    .fit = svm_fit,
    .probabilities = svm_probabilities,
    .save = svm_save,
    .load = svm_load,
    .destroy = svm_destroy,
};
