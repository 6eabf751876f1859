/* SPDX-License-Identifier: Apache-2.0
 * artifact - a classifier as scikit-learn keeps it: answers, names, freeing (sk_model.h). */
#include "artifact/sk_model.h"

#include <math.h>
#include <string.h>

#include "learn/platt.h"

#define SK_LEAST 1e-7 /* of a pairwise probability, as libsvm has it */

void espy_sk_free(espy_ctx *cx, espy_sk_model *m)
{
    espy_free(cx, m->svc.index);
    espy_free(cx, m->svc.vectors);
    espy_free(cx, m->svc.per_class);
    espy_free(cx, m->svc.dual);
    espy_free(cx, m->svc.intercept);
    espy_free(cx, m->svc.prob_a);
    espy_free(cx, m->svc.prob_b);
    espy_free(cx, m->svc.class_weight);
    espy_free(cx, m->logistic.coef);
    espy_free(cx, m->logistic.intercept);
    espy_free(cx, m->scaler.mean);
    espy_free(cx, m->scaler.variance);
    espy_free(cx, m->scaler.scale);
    espy_free(cx, m->codes);
    espy_free(cx, m->labels);
    espy_json_free(m->metadata);
    espy_json_free(m->extra);
    *m = (espy_sk_model){0};
}

espy_err espy_sk_set_labels(espy_ctx *cx, espy_sk_model *m, const char *const *names, size_t n)
{
    size_t bytes = m->classes * sizeof(char *);
    for (size_t i = 0; i < m->classes; i++) {
        if (m->codes[i] < 0 || (uint64_t)m->codes[i] >= n)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "the classifier knows class %lld, but there are %zu labels; the files "
                             "are of two trainings",
                             (long long)m->codes[i], n);
        bytes += strlen(names[m->codes[i]]) + 1;
        if (bytes > cx->max.file_bytes) /* many classes may share one long name */
            return espy_fail(cx, ESPY_E_LIMIT, "the labels are too long");
    }
    char **labels = espy_alloc(cx, bytes);
    if (!labels)
        return cx->code;
    char *to = (char *)(labels + m->classes);
    for (size_t i = 0; i < m->classes; i++) {
        size_t size = strlen(names[m->codes[i]]) + 1;
        labels[i] = memcpy(to, names[m->codes[i]], size);
        to += size;
    }
    espy_free(cx, m->labels);
    m->labels = labels;
    return ESPY_E_OK;
}

/* ---- answers ---- */

static double sk_dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Room for the work on one row. */
typedef struct sk_scratch {
    double *x;      /* dim: the scaled row */
    double *k;      /* svc.n: products with the support vectors */
    double *r;      /* classes x classes: pairwise probabilities */
    double *q, *qp; /* of the coupling */
} sk_scratch;

static void sk_svc_row(const espy_sk_model *m, const sk_scratch *s, double *out)
{
    const espy_sk_svc *v = &m->svc;
    size_t k = m->classes, pair = 0, at_i = 0;
    for (size_t i = 0; i < v->n; i++)
        s->k[i] = sk_dot(v->vectors + i * m->dim, s->x, m->dim);
    for (size_t i = 0; i < k; i++) {
        size_t in_i = (size_t)v->per_class[i], at_j = at_i + in_i;
        for (size_t j = i + 1; j < k; j++, pair++) {
            size_t in_j = (size_t)v->per_class[j];
            double f = v->intercept[pair] +
                       sk_dot(v->dual + (j - 1) * v->n + at_i, s->k + at_i, in_i) +
                       sk_dot(v->dual + i * v->n + at_j, s->k + at_j, in_j);
            double p = espy_platt_probability(f, v->prob_a[pair], v->prob_b[pair]);
            p = fmin(fmax(p, SK_LEAST), 1 - SK_LEAST);
            s->r[i * k + j] = p;
            s->r[j * k + i] = 1 - p;
            at_j += in_j;
        }
        at_i += in_i;
    }
    espy_platt_couple(s->r, k, s->q, s->qp, out);
}

static void sk_logistic_row(const espy_sk_model *m, const sk_scratch *s, double *out)
{
    const espy_sk_logistic *l = &m->logistic;
    double sum = 0, most = -INFINITY;
    for (size_t i = 0; i < l->rows; i++) {
        out[i] = l->intercept[i] + sk_dot(l->coef + i * m->dim, s->x, m->dim);
        most = fmax(most, out[i]);
    }
    if (l->rows == 1) {
        out[1] = espy_platt_probability(out[0], -1, 0);
        out[0] = 1 - out[1];
        return;
    }
    for (size_t i = 0; i < l->rows; i++) {
        out[i] = l->softmax ? exp(out[i] - most) : espy_platt_probability(out[i], -1, 0);
        sum += out[i];
    }
    for (size_t i = 0; i < l->rows; i++)
        out[i] = sum > 0 ? out[i] / sum : 1 / (double)l->rows;
}

espy_err espy_sk_probabilities(espy_ctx *cx, const espy_sk_model *m, const float *x, size_t n,
                               double *out)
{
    espy_err e = ESPY_E_OK;
    const espy_sk_scaler *scaler = &m->scaler;
    size_t square;
    if (!espy_mul_size(m->classes, m->classes, &square))
        return espy_fail(cx, ESPY_E_LIMIT, "%zu classes are too many", m->classes);
    bool svc = m->kind == ESPY_SK_SVC;
    sk_scratch s = {
        .x = espy_array(cx, m->dim, sizeof(double)),
        .k = espy_array(cx, svc ? m->svc.n : 0, sizeof(double)),
        .r = espy_array(cx, svc ? square : 0, sizeof(double)),
        .q = espy_array(cx, svc ? square : 0, sizeof(double)),
        .qp = espy_array(cx, m->classes, sizeof(double)),
    };
    if (!s.x || !s.k || !s.r || !s.q || !s.qp) {
        e = cx->code;
        goto out;
    }
    for (size_t row = 0; row < n; row++) {
        ESPY_GO(espy_cancelled(cx));
        for (size_t i = 0; i < m->dim; i++) {
            double v = x[row * m->dim + i];
            s.x[i] = scaler->mean ? (v - scaler->mean[i]) / scaler->scale[i] : v;
        }
        if (svc)
            sk_svc_row(m, &s, out + row * m->classes);
        else
            sk_logistic_row(m, &s, out + row * m->classes);
    }
out:
    espy_free(cx, s.x);
    espy_free(cx, s.k);
    espy_free(cx, s.r);
    espy_free(cx, s.q);
    espy_free(cx, s.qp);
    return e;
}
