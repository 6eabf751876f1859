/* SPDX-License-Identifier: Apache-2.0
 * head - knn: nearest samples, which works from one sample per label on.
 *
 * A label's score is the mean of the k largest cosines between the query and its samples (of all of
 * them where it has fewer).  Probabilities are the softmax of score / temperature.  The temperature
 * is half the standard deviation of the cosines between samples of different labels: a lead by one
 * deviation of what strangers to each other differ by multiplies the odds by e^2, whatever the
 * encoder's scale.  KNN_PRIOR_PAIRS pairs with deviation KNN_PRIOR_SD, typical of face embeddings,
 * are mixed in so that a handful of samples cannot make it absurd.
 *
 * File: "knn.shape" I64 3 (samples, dim, labels), "knn.k" I64 1, "knn.temperature" F64 1.  The
 * vectors stay where they are: the gallery is given again when the head is loaded. */
#include <math.h>

#include "head/head_file.h"
#include "learn/gallery.h"

#define KNN_PRIOR_PAIRS 10.0
#define KNN_PRIOR_SD 0.08
#define KNN_COLDEST 0.005
#define KNN_HOTTEST 0.1

enum { KNN_CHUNK = 1024 /* queries answered at a time, which bounds the scratch */ };

extern const espy_head_ops espy_head_knn;

typedef struct head_knn {
    espy_head head;
    espy_rows gallery; /* borrowed */
    int64_t k;
    double temperature;
} head_knn;

static void knn_destroy(espy_ctx *cx, espy_head *head)
{
    espy_free(cx, head);
}

static espy_err knn_make(espy_ctx *cx, const espy_rows *gallery, int64_t k, double temperature,
                         espy_head **out)
{
    head_knn *h = espy_zalloc(cx, sizeof *h);

    if (!h)
        return ESPY_E_NOMEM;
    h->head = (espy_head){.ops = &espy_head_knn, .dim = gallery->dim, .classes = gallery->classes};
    h->gallery = *gallery;
    h->k = k;
    h->temperature = temperature;
    *out = &h->head;
    return ESPY_E_OK;
}

static espy_err knn_fit(espy_ctx *cx, const espy_gallery *data, const espy_head_options *options,
                        espy_head **out)
{
    espy_rows rows = {data->x, data->y, data->n, data->dim, data->classes};
    espy_gallery_spread spread;

    ESPY_TRY(espy_rows_check(cx, &rows));
    ESPY_TRY(espy_gallery_between(cx, &rows, &spread));
    double weight = spread.pairs + KNN_PRIOR_PAIRS;
    double var =
        (spread.sd * spread.sd * spread.pairs + KNN_PRIOR_SD * KNN_PRIOR_SD * KNN_PRIOR_PAIRS) /
        weight;
    double t = fmin(fmax(sqrt(var) / 2, KNN_COLDEST), KNN_HOTTEST);
    size_t k = options->k ? options->k : 5;
    return knn_make(cx, &rows, k < rows.n ? (int64_t)k : (int64_t)rows.n, t, out);
}

static espy_err knn_others(espy_ctx *cx, const espy_head *head, const float *x, const size_t *own,
                           size_t n, float *p)
{
    const head_knn *h = (const head_knn *)head;

    for (size_t at = 0; at < n; at += KNN_CHUNK) {
        size_t m = n - at < KNN_CHUNK ? n - at : KNN_CHUNK;
        ESPY_TRY(espy_gallery_others(cx, &h->gallery, x + at * head->dim, own ? own + at : NULL, m,
                                     (size_t)h->k, p + at * head->classes));
    }
    for (size_t i = 0; i < n; i++)
        espy_head_softmax(p + i * head->classes, head->classes, h->temperature);
    return ESPY_E_OK;
}

static espy_err knn_probabilities(espy_ctx *cx, const espy_head *head, const float *x, size_t n,
                                  float *p)
{
    return knn_others(cx, head, x, NULL, n, p);
}

espy_err espy_head_others(espy_ctx *cx, const espy_head *head, const float *x, const size_t *own,
                          size_t n, float *p)
{
    return head->ops == &espy_head_knn ? knn_others(cx, head, x, own, n, p)
                                       : head->ops->probabilities(cx, head, x, n, p);
}

static espy_err knn_save(espy_ctx *cx, const espy_head *head, espy_buf *out)
{
    const head_knn *h = (const head_knn *)head;
    const int64_t shape[3] = {(int64_t)h->gallery.n, (int64_t)head->dim, (int64_t)head->classes};
    espy_head_file f = {.n = 0};

    espy_head_file_add(&f, "knn.shape", ESPY_I64, 3, 0, shape);
    espy_head_file_add(&f, "knn.k", ESPY_I64, 1, 0, &h->k);
    espy_head_file_add(&f, "knn.temperature", ESPY_F64, 1, 0, &h->temperature);
    return espy_head_file_write(cx, &f, "knn", out);
}

static espy_err knn_load(espy_ctx *cx, espy_span bytes, const espy_gallery *gallery,
                         espy_head **out)
{
    espy_tensors *t = NULL;
    const espy_tensor_entry *shape, *temperature;
    int64_t k;
    espy_err e;

    if (!gallery)
        return espy_fail(cx, ESPY_E_ARG, "a knn head needs the samples of its version to answer");
    ESPY_TRY(espy_head_file_open(cx, bytes, "knn", &t));
    ESPY_GO(espy_head_file_need(cx, t, "knn.shape", ESPY_I64, 3, 0, &shape));
    ESPY_GO(espy_head_file_need_int(cx, t, "knn.k", 1, INT32_MAX, &k));
    ESPY_GO(espy_head_file_need(cx, t, "knn.temperature", ESPY_F64, 1, 0, &temperature));
    const int64_t *s = shape->data;
    double hot = *(const double *)temperature->data;
    if (!(hot >= KNN_COLDEST && hot <= KNN_HOTTEST)) {
        e = espy_fail(cx, ESPY_E_FORMAT,
                      "saved head: \"knn.temperature\" is out of range: train again");
        goto out;
    }
    if (s[0] < 1 || (uint64_t)s[0] != gallery->n || s[1] < 1 || (uint64_t)s[1] != gallery->dim ||
        s[2] < 2 || (uint64_t)s[2] != gallery->classes) {
        e = espy_fail(cx, ESPY_E_FORMAT,
                      "the samples at hand are not those this knn head was made of: train again");
        goto out;
    }
    espy_rows rows = {gallery->x, gallery->y, gallery->n, gallery->dim, gallery->classes};
    ESPY_GO(espy_rows_check(cx, &rows));
    ESPY_GO(knn_make(cx, &rows, k, hot, out));
out:
    espy_tensors_destroy(cx, &t);
    return e;
}

const espy_head_ops espy_head_knn = {
    .name = "knn",
    .help = "nearest samples of each label, from one sample per label on",
    .few = true,
    .fit = knn_fit,
    .probabilities = knn_probabilities,
    .save = knn_save,
    .load = knn_load,
    .destroy = knn_destroy,
};
