/* SPDX-License-Identifier: Apache-2.0
 * head - prototypes: k-means centres of each label, the cosine to the nearest (S2).
 *
 * A label's score is the largest cosine between the scaled query and its centres.  Probabilities
 * are the softmax of score / temperature, which rises with a label's cosine whatever the others
 * have.  The temperature is fitted on out-of-fold scores: centres are made without a fifth of the
 * sources and asked about it, five times; it minimises the cross-entropy to targets that leave
 * 1 / (n + 2) to the other labels (Platt 2000), so that a handful of samples that happen to lie
 * apart do not make it absurd (Guo, Pleiss, Sun, Weinberger 2017, "On calibration of modern neural
 * networks": one temperature).  A label with one source is not asked about.
 *
 * File: "prototypes.centers" F32 centres x dim, in order of label, "prototypes.count" I64 labels:
 * centres of each, "prototypes.temperature" F64 1; and the scaler. */
#include <math.h>
#include <string.h>

#include "head/head_file.h"
#include "head/head_parts.h"
#include "learn/split.h"

#define PROTOTYPES_FOLDS 5
#define PROTOTYPES_ASKED 4096      /* most out-of-fold answers; more would not move it */
#define PROTOTYPES_TEMPERATURE 0.1 /* where nothing can be asked */
#define PROTOTYPES_COLDEST 0.01
#define PROTOTYPES_HOTTEST 1.0
#define PROTOTYPES_HALVINGS 30 /* of the range that the temperature is in */

enum {
    PROTOTYPES_SEED = 42,
    PROTOTYPES_CHUNK = 1024 /* queries answered at a time, which bounds the scratch */
};

extern const espy_head_ops espy_head_prototypes;

typedef struct head_prototypes {
    espy_head_scaled base;
    espy_prototypes *model;
    double temperature;
} head_prototypes;

static void prototypes_destroy(espy_ctx *cx, espy_head *head)
{
    head_prototypes *h = (head_prototypes *)head;

    espy_scaler_free(cx, &h->base.scaler);
    espy_prototypes_destroy(cx, &h->model);
    espy_free(cx, h);
}

bool espy_head_prototypes_model(const espy_head *head, espy_head_prototypes_parts *out)
{
    const head_prototypes *h = (const head_prototypes *)head;

    if (head->ops != &espy_head_prototypes)
        return false;
    *out = (espy_head_prototypes_parts){h->model, h->temperature};
    return true;
}

/* Takes over *scaler and *model on success. */
static espy_err prototypes_make(espy_ctx *cx, espy_scaler *scaler, espy_prototypes **model,
                                double temperature, espy_head **out)
{
    head_prototypes *h = espy_zalloc(cx, sizeof *h);

    if (!h)
        return cx->code;
    h->base.head = (espy_head){
        .ops = &espy_head_prototypes, .dim = (*model)->dim, .classes = (*model)->classes};
    h->base.scaler = *scaler;
    h->base.scaler.dim = (*model)->dim;
    h->model = *model;
    h->temperature = temperature;
    *scaler = (espy_scaler){0};
    *model = NULL;
    *out = &h->base.head;
    return ESPY_E_OK;
}

/* ---- the temperature ---- */

/* Scores of samples that the centres have not seen; -2 where a label had no centres. */
typedef struct prototypes_asked {
    float *score; /* n x classes */
    uint32_t *y;
    size_t n, classes;
} prototypes_asked;

/* d cross-entropy / d(1 / temperature), which grows with 1 / temperature: mean of the scores under
 * the softmax minus their mean under the target, summed over the samples. */
static double prototypes_slope(const prototypes_asked *a, double inverse)
{
    double sum = 0, rest = 1 / ((double)a->n + 2);
    for (size_t i = 0; i < a->n; i++) {
        const float *s = a->score + i * a->classes;
        double top = -2, weight = 0, mean = 0, others = 0;
        size_t n = 0;
        for (size_t c = 0; c < a->classes; c++)
            top = fmax(top, (double)s[c]);
        for (size_t c = 0; c < a->classes; c++) {
            if (!(s[c] > -2))
                continue;
            double w = exp(((double)s[c] - top) * inverse);
            weight += w;
            mean += w * (double)s[c];
            others += c == a->y[i] ? 0 : (double)s[c];
            n += c != a->y[i];
        }
        if (n)
            sum += mean / weight - (1 - rest) * (double)s[a->y[i]] - rest * others / (double)n;
    }
    return sum;
}

static double prototypes_temperature(const prototypes_asked *a)
{
    double lo = log(1 / PROTOTYPES_HOTTEST), hi = log(1 / PROTOTYPES_COLDEST);
    if (a->n == 0)
        return PROTOTYPES_TEMPERATURE;
    for (int i = 0; i < PROTOTYPES_HALVINGS; i++) {
        double mid = (lo + hi) / 2;
        if (prototypes_slope(a, exp(mid)) < 0)
            lo = mid;
        else
            hi = mid;
    }
    return exp(-(lo + hi) / 2);
}

/* Asks centres of the rows outside fold k about some of those in it.  x, y: scratch for all. */
static espy_err prototypes_ask(espy_ctx *cx, const espy_rows *rows, const uint32_t *fold,
                               uint32_t k, size_t clusters, uint64_t seed, float *x, uint32_t *y,
                               prototypes_asked *a)
{
    espy_prototypes *p = NULL;
    size_t n = 0, dim = rows->dim, step = rows->n / PROTOTYPES_ASKED + 1;
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < rows->n; i++)
        if (fold[i] != k) {
            memcpy(x + n * dim, rows->x + i * dim, dim * sizeof *x);
            y[n++] = rows->y[i];
        }
    const espy_rows others = {x, y, n, dim, rows->classes};
    ESPY_GO(espy_prototypes_fit(cx, &others, clusters, seed, NULL, &p));
    for (size_t i = 0; i < rows->n; i += step) {
        float *score = a->score + a->n * a->classes;
        size_t label = rows->y[i];
        if (fold[i] != k || p->start[label] == p->start[label + 1])
            continue;
        ESPY_GO(espy_prototypes_score(cx, p, rows->x + i * dim, 1, score));
        a->y[a->n++] = rows->y[i];
    }
out:
    espy_prototypes_destroy(cx, &p);
    return e;
}

static espy_err prototypes_calibrate(espy_ctx *cx, const espy_rows *rows, size_t clusters,
                                     uint64_t seed, double *temperature)
{
    size_t most = rows->n < PROTOTYPES_ASKED ? rows->n : PROTOTYPES_ASKED;
    prototypes_asked a = {.classes = rows->classes};
    espy_err e = ESPY_E_OK;
    float *x = espy_floats(cx, rows->n * rows->dim);
    uint32_t *y = espy_array(cx, rows->n, sizeof *y);
    uint32_t *fold = espy_array(cx, rows->n, sizeof *fold);
    a.score = espy_array(cx, most * rows->classes, sizeof *a.score);
    a.y = espy_array(cx, most, sizeof *a.y);
    if (!x || !y || !fold || !a.score || !a.y)
        ESPY_GO(cx->code);
    ESPY_GO(espy_split_folds(cx, rows->y, rows->group, rows->n, rows->classes, PROTOTYPES_FOLDS,
                             seed, fold));
    for (uint32_t k = 0; k < PROTOTYPES_FOLDS; k++)
        ESPY_GO(prototypes_ask(cx, rows, fold, k, clusters, seed, x, y, &a));
    *temperature = prototypes_temperature(&a);
out:
    espy_free(cx, a.score);
    espy_free(cx, a.y);
    espy_free(cx, x);
    espy_free(cx, y);
    espy_free(cx, fold);
    return e;
}

/* ---- the head ---- */

/* Centres as they are saved: what answers now is what answers later. */
static void prototypes_round(espy_prototypes *p)
{
    for (size_t i = 0; i < p->n * p->dim; i++)
        p->centers[i] = (double)(float)p->centers[i];
    espy_prototypes_finish(p);
}

static espy_err prototypes_fit(espy_ctx *cx, const espy_gallery *data,
                               const espy_head_options *options, espy_head **out)
{
    espy_rows rows = *data;
    size_t clusters = options->clusters ? options->clusters : ESPY_PROTOTYPES_CLUSTERS;
    uint64_t seed = options->seed ? options->seed : PROTOTYPES_SEED;
    espy_scaler scaler = {0};
    espy_prototypes *model = NULL;
    float *x = NULL;
    double temperature;
    espy_err e;

    ESPY_TRY(espy_rows_check(cx, &rows));
    if (options->scale)
        ESPY_GO(espy_head_scale(cx, &rows, &scaler, &x));
    ESPY_GO(espy_prototypes_fit(cx, &rows, clusters, seed, NULL, &model));
    ESPY_GO(prototypes_calibrate(cx, &rows, clusters, seed, &temperature));
    prototypes_round(model);
    ESPY_GO(prototypes_make(cx, &scaler, &model, temperature, out));
out:
    espy_free(cx, x);
    espy_scaler_free(cx, &scaler);
    espy_prototypes_destroy(cx, &model);
    return e;
}

static espy_err prototypes_probabilities(espy_ctx *cx, const espy_head *head, const float *x,
                                         size_t n, float *p)
{
    const head_prototypes *h = (const head_prototypes *)head;
    size_t dim = head->dim, chunk = n < PROTOTYPES_CHUNK ? n : PROTOTYPES_CHUNK;
    float *scaled = espy_floats(cx, chunk * dim);
    espy_err e = ESPY_E_OK;

    if (!scaled)
        return cx->code;
    for (size_t at = 0; at < n; at += chunk) {
        size_t m = n - at < chunk ? n - at : chunk;
        espy_scaler_apply(&h->base.scaler, x + at * dim, m, scaled);
        ESPY_GO(espy_prototypes_score(cx, h->model, scaled, m, p + at * head->classes));
    }
    for (size_t i = 0; i < n; i++)
        espy_head_softmax(p + i * head->classes, head->classes, h->temperature);
out:
    espy_free(cx, scaled);
    return e;
}

static espy_err prototypes_save(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    const head_prototypes *h = (const head_prototypes *)head;
    const espy_prototypes *p = h->model;
    espy_head_file f = {.n = 0};
    espy_err e = ESPY_E_OK;
    float *centers = espy_floats(cx, p->n * p->dim);
    int64_t *count = espy_array(cx, p->classes, sizeof *count);

    if (!centers || !count)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < p->n * p->dim; i++)
        centers[i] = (float)p->centers[i];
    for (size_t c = 0; c < p->classes; c++)
        count[c] = (int64_t)(p->start[c + 1] - p->start[c]);
    espy_head_file_add_scaler(&f, &h->base.scaler);
    espy_head_file_add(&f, "prototypes.centers", ESPY_F32, p->n, p->dim, centers);
    espy_head_file_add(&f, "prototypes.count", ESPY_I64, p->classes, 0, count);
    espy_head_file_add(&f, "prototypes.temperature", ESPY_F64, 1, 0, &h->temperature);
    ESPY_GO(espy_head_file_write(cx, &f, "prototypes", out));
out:
    espy_free(cx, centers);
    espy_free(cx, count);
    return e;
}

/* Every label has a centre, and the counts are those of all centres. */
static espy_err prototypes_counts(espy_ctx *cx, const espy_tensor_entry *t, size_t n, size_t *count)
{
    const int64_t *v = t->data;
    size_t sum = 0;

    for (size_t c = 0; c < t->dims[0]; c++) {
        if (v[c] < 1 || (uint64_t)v[c] > n - sum)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "saved head: \"prototypes.count\" is out of range: train again");
        count[c] = (size_t)v[c];
        sum += count[c];
    }
    return sum == n
               ? ESPY_E_OK
               : espy_fail(cx, ESPY_E_FORMAT,
                           "saved head: %zu centres of %zu belong to a label: train again", sum, n);
}

static espy_err prototypes_load(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery,
                                espy_head **out)
{
    espy_tensors *t = NULL;
    espy_scaler scaler = {0};
    espy_prototypes *p = NULL;
    const espy_tensor_entry *centers, *counts, *temperature;
    size_t *count = NULL;
    espy_err e;
    (void)gallery;

    ESPY_TRY(espy_head_file_open(cx, bytes, "prototypes", &t));
    ESPY_GO(
        espy_head_file_need(cx, t, "prototypes.centers", ESPY_F32, SIZE_MAX, SIZE_MAX, &centers));
    ESPY_GO(espy_head_file_need(cx, t, "prototypes.count", ESPY_I64, SIZE_MAX, 0, &counts));
    ESPY_GO(espy_head_file_need(cx, t, "prototypes.temperature", ESPY_F64, 1, 0, &temperature));
    size_t classes = counts->dims[0], n = centers->dims[0], dim = centers->dims[1];
    double hot = *(const double *)temperature->data;
    if (classes < 2 || !(hot >= PROTOTYPES_COLDEST && hot <= PROTOTYPES_HOTTEST)) {
        e = espy_fail(cx, ESPY_E_FORMAT, "saved head: \"%s\" is out of range: train again",
                      classes < 2 ? "prototypes.count" : "prototypes.temperature");
        goto out;
    }
    ESPY_GO(espy_head_file_need_scaler(cx, t, dim, &scaler));
    count = espy_array(cx, classes, sizeof *count);
    if (!count)
        ESPY_GO(cx->code);
    ESPY_GO(prototypes_counts(cx, counts, n, count));
    ESPY_GO(espy_prototypes_create(cx, dim, classes, count, &p));
    for (size_t i = 0; i < n * dim; i++)
        p->centers[i] = (double)((const float *)centers->data)[i];
    espy_prototypes_finish(p);
    ESPY_GO(prototypes_make(cx, &scaler, &p, hot, out));
out:
    espy_free(cx, count);
    espy_tensors_destroy(cx, &t);
    espy_scaler_free(cx, &scaler);
    espy_prototypes_destroy(cx, &p);
    return e;
}

const espy_head_ops espy_head_prototypes = {
    .name = "prototypes",
    .help = "a few k-means centres of each label, from one sample per label on",
    .few = true,
    .fit = prototypes_fit,
    .probabilities = prototypes_probabilities,
    .save = prototypes_save,
    .load = prototypes_load,
    .destroy = prototypes_destroy,
};
