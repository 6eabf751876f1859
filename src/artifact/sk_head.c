/* SPDX-License-Identifier: Apache-2.0
 * artifact - from one of our heads to what scikit-learn keeps (sk_model.h), and back. */
#include <string.h>

#include "artifact/sk_model.h"
#include "head/head_parts.h"

/* A copy in double; NULL with NOMEM noted. */
static double *head_widen(espy_ctx *cx, const float *v, size_t n)
{
    double *to = espy_array(cx, n, sizeof *to);
    for (size_t i = 0; to && i < n; i++)
        to[i] = v[i];
    return to;
}

static double *head_copy(espy_ctx *cx, const double *v, size_t n)
{
    double *to = espy_array(cx, n, sizeof *to);
    if (to && n)
        memcpy(to, v, n * sizeof *to);
    return to;
}

static espy_err head_svc(espy_ctx *cx, const espy_svm *s, size_t rows, espy_sk_model *m)
{
    espy_sk_svc *to = &m->svc;
    m->kind = ESPY_SK_SVC;
    to->n = s->n;
    to->rows = rows;
    if (!(to->vectors = head_widen(cx, s->x, s->n * s->dim)) ||
        !(to->dual = head_widen(cx, s->coef, (s->classes - 1) * s->n)) ||
        !(to->intercept = head_copy(cx, s->intercept, s->pairs)) ||
        !(to->prob_a = head_copy(cx, s->prob_a, s->pairs)) ||
        !(to->prob_b = head_copy(cx, s->prob_b, s->pairs)) ||
        !(to->index = espy_array(cx, s->n, sizeof *to->index)) ||
        !(to->per_class = espy_array(cx, s->classes, sizeof *to->per_class)) ||
        !(to->class_weight = espy_array(cx, s->classes, sizeof *to->class_weight)))
        return cx->code;
    for (size_t i = 0; i < s->n; i++)
        to->index[i] = (int32_t)(s->index ? s->index[i] : i);
    for (size_t i = 0; i < s->classes; i++) {
        to->per_class[i] = (int32_t)s->count[i];
        to->class_weight[i] = 1; /* shown only: it is in the dual coefficients already */
    }
    return ESPY_E_OK;
}

static espy_err head_logistic(espy_ctx *cx, const espy_logistic *l, espy_sk_model *m)
{
    m->kind = ESPY_SK_LOGISTIC;
    m->logistic.rows = l->classes;
    if (!(m->logistic.coef = head_widen(cx, l->coef, l->classes * l->dim)) ||
        !(m->logistic.intercept = head_copy(cx, l->intercept, l->classes)))
        return cx->code;
    return ESPY_E_OK;
}

static espy_err head_scaler(espy_ctx *cx, const espy_scaler *s, espy_sk_model *m)
{
    espy_sk_scaler *to = &m->scaler;
    if (!s || !s->mean)
        return ESPY_E_OK;
    to->samples = (int64_t)s->n;
    if (!(to->mean = head_copy(cx, s->mean, m->dim)) ||
        !(to->scale = head_copy(cx, s->scale, m->dim)) ||
        !(to->variance = head_copy(cx, s->scale, m->dim)))
        return cx->code;
    for (size_t i = 0; i < m->dim; i++)
        to->variance[i] *= to->scale[i];
    return ESPY_E_OK;
}

espy_err espy_sk_from_head(espy_ctx *cx, const espy_head *head, const char *const *labels,
                           espy_sk_model *out)
{
    const espy_svm *svm = espy_head_svm_model(head);
    const espy_logistic *logistic = espy_head_logistic_model(head);
    const espy_scaler *scaler = espy_head_scaler(head);
    espy_err e = ESPY_E_OK;
    espy_sk_model m = {.dim = head->dim, .classes = head->classes, .c = 1};
    if (!svm && !logistic)
        return espy_fail(
            cx, ESPY_E_UNSUPPORTED,
            "a %s head has no form in scikit-learn's files; an svm or a logistic one has%s",
            head->ops->name,
            strcmp(head->ops->name, "prototypes") == 0
                ? "; it can be exported as onnx, and espy retrain characters leaves a pickle of "
                  "KMeans"
                : "");
    m.codes = espy_array(cx, m.classes, sizeof *m.codes);
    if (!m.codes) {
        e = cx->code;
        goto out;
    }
    for (size_t i = 0; i < m.classes; i++)
        m.codes[i] = (int64_t)i;
    ESPY_GO(espy_sk_set_labels(cx, &m, labels, m.classes));
    if (svm)
        ESPY_GO(head_svc(cx, svm, scaler ? scaler->n : svm->n, &m));
    else
        ESPY_GO(head_logistic(cx, logistic, &m));
    ESPY_GO(head_scaler(cx, scaler, &m));
    *out = m;
    m = (espy_sk_model){0};
out:
    espy_sk_free(cx, &m);
    return e;
}

/* -- back -------------------------------------------------------------------------------------- */
static void narrow(const double *v, size_t n, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)v[i];
}

static espy_err back_scaler(espy_ctx *cx, const espy_sk_model *m, espy_scaler *to)
{
    if (!m->scaler.mean)
        return ESPY_E_OK;
    to->dim = m->dim;
    to->n = (size_t)m->scaler.samples;
    to->mean = head_copy(cx, m->scaler.mean, m->dim);
    to->scale = to->mean ? head_copy(cx, m->scaler.scale, m->dim) : NULL;
    return to->scale ? ESPY_E_OK : cx->code;
}

static espy_err back_svm(espy_ctx *cx, const espy_sk_model *m, espy_scaler *scaler, espy_head **out)
{
    const espy_sk_svc *from = &m->svc;
    espy_svm *s = NULL;
    ESPY_TRY(espy_svm_create(cx, m->dim, m->classes, from->n, &s));
    narrow(from->vectors, from->n * m->dim, s->x);
    narrow(from->dual, (m->classes - 1) * from->n, s->coef);
    for (size_t i = 0; i < m->classes; i++)
        s->count[i] = (uint32_t)from->per_class[i];
    memcpy(s->intercept, from->intercept, s->pairs * sizeof *s->intercept);
    memcpy(s->prob_a, from->prob_a, s->pairs * sizeof *s->prob_a);
    memcpy(s->prob_b, from->prob_b, s->pairs * sizeof *s->prob_b);
    espy_err e = espy_head_svm_take(cx, scaler, &s, out);
    espy_svm_destroy(cx, &s);
    return e;
}

/* With two classes scikit-learn keeps the row of the second alone. */
static espy_err back_logistic(espy_ctx *cx, const espy_sk_model *m, espy_scaler *scaler,
                              espy_head **out)
{
    const espy_sk_logistic *from = &m->logistic;
    espy_logistic *l = NULL;
    if (from->softmax)
        return espy_fail(cx, ESPY_E_UNSUPPORTED,
                         "a multinomial logistic regression has no head here; train it "
                         "one-vs-rest, or an SVC");
    ESPY_TRY(espy_logistic_create(cx, m->dim, m->classes, &l));
    size_t first = m->classes - from->rows;
    narrow(from->coef, from->rows * m->dim, l->coef + first * m->dim);
    memcpy(l->intercept + first, from->intercept, from->rows * sizeof *l->intercept);
    for (size_t i = 0; first && i < m->dim; i++)
        l->coef[i] = -l->coef[m->dim + i];
    if (first)
        l->intercept[0] = -l->intercept[1];
    espy_err e = espy_head_logistic_take(cx, scaler, &l, out);
    espy_logistic_destroy(cx, &l);
    return e;
}

espy_err espy_sk_to_head(espy_ctx *cx, const espy_sk_model *m, espy_head **out)
{
    espy_scaler scaler = {0};
    espy_err e = back_scaler(cx, m, &scaler);
    if (e == ESPY_E_OK)
        e = m->kind == ESPY_SK_SVC ? back_svm(cx, m, &scaler, out)
                                   : back_logistic(cx, m, &scaler, out);
    espy_scaler_free(cx, &scaler);
    return e;
}
