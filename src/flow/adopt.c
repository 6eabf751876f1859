/* SPDX-License-Identifier: Apache-2.0
 * flow - adopt. */
#include "flow/adopt.h"

#include <stdlib.h>
#include <string.h>

#include "learn/decision.h"
#include "learn/gallery.h"

#define ADOPT_LEAST 0.5 /* share of the samples here that it has to recognise */

static espy_err adopt_check(espy_ctx *cx, const espy_collection *c, const espy_encoder *encoder,
                            const espy_sk_model *m)
{
    const char *trained =
        espy_json_string(espy_json_get(m->metadata, "embedding_model"),
                         espy_json_string(espy_json_get(m->extra, "embedding_model"), NULL));
    bool ours = espy_json_get(m->metadata, "software_version") != NULL;
    if (!m->labels)
        return espy_fail(cx, ESPY_E_ARG,
                         "the classifier does not name its classes; give its label encoder or "
                         "class list first");
    if (ours && trained && strcmp(trained, c->encoder) != 0)
        return espy_fail(cx, ESPY_E_ARG, "the classifier was trained with encoder %s, not with %s",
                         trained, c->encoder);
    if (m->dim != espy_encoder_dim(encoder))
        return espy_fail(cx, ESPY_E_ARG,
                         "the classifier was trained on embeddings of %zu values; %s gives %zu",
                         m->dim, c->encoder, espy_encoder_dim(encoder));
    return ESPY_E_OK;
}

static int adopt_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The label of the class among those of the set; n_labels when there is none. */
static size_t adopt_label(const espy_training_set *all, const char *code)
{
    size_t i = 0;
    while (i < all->n_labels && strcmp(all->codes[i], code) != 0)
        i++;
    return i;
}

/* The samples of the classifier's labels, in the order of its classes. */
static espy_err adopt_gallery(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const espy_sk_model *m, espy_training_set *out)
{
    espy_training_set all = {0}, set = {0};
    espy_json *ids = espy_json_array();
    int64_t *samples = NULL;
    bool *wanted = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_training_set_load(cx, ws->store, c, 0, &all));
    samples = espy_array(cx, all.vectors.n, sizeof *samples);
    wanted = samples ? espy_array(cx, all.n_labels, sizeof *wanted) : NULL;
    if (!wanted)
        ESPY_GO(cx->code);
    for (size_t k = 0; k < m->classes; k++) {
        size_t i = adopt_label(&all, m->labels[k]);
        if (i == all.n_labels)
            ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                              "the classifier knows \"%.80s\", of whom collection \"%s\" has no "
                              "samples; enroll them first",
                              m->labels[k], c->name));
        wanted[i] = true;
        ESPY_GO(espy_json_append(cx, ids, espy_json_of_int(all.labels[i].id)));
    }
    for (size_t v = 0; v < all.vectors.n; v++)
        if (wanted[all.y[v]])
            samples[n++] = all.vectors.sample[v];
    qsort(samples, n, sizeof *samples, adopt_order);
    ESPY_GO(espy_training_set_load_only(cx, ws->store, c, samples, n, &set));
    ESPY_GO(espy_training_set_order(cx, &set, ids));
    *out = set;
    set = (espy_training_set){0};
out:
    espy_training_set_free(cx, &set);
    espy_training_set_free(cx, &all);
    espy_json_free(ids);
    espy_free(cx, samples);
    espy_free(cx, wanted);
    return e;
}

/* Whether it knows whom it says it knows. */
static espy_err adopt_proof(espy_ctx *cx, const espy_head *head, const espy_rows *rows)
{
    size_t good = 0, classes = head->classes;
    float *p = espy_floats(cx, rows->n * classes);
    if (!p)
        return cx->code;
    espy_err e = head->ops->probabilities(cx, head, rows->x, rows->n, p);
    for (size_t i = 0; i < rows->n && e == ESPY_E_OK; i++) {
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            if (p[i * classes + k] > p[i * classes + best])
                best = k;
        good += best == rows->y[i];
    }
    espy_free(cx, p);
    ESPY_TRY(e);
    if ((double)good < ADOPT_LEAST * (double)rows->n)
        return espy_fail(cx, ESPY_E_DATA,
                         "the classifier recognises %zu of the %zu samples here: it was trained on "
                         "the embeddings of another encoder",
                         good, rows->n);
    return ESPY_E_OK;
}

/* Half the way at most, as where no sample was held out. */
static espy_err adopt_floor(espy_ctx *cx, const espy_encoder *encoder, const espy_rows *rows,
                            double *out)
{
    double pack = (double)espy_encoder_pack(encoder)->floor;
    espy_gallery_spread spread = {.largest = -1};
    ESPY_TRY(espy_gallery_between(cx, rows, &spread));
    *out = espy_decision_floor(pack, (double)spread.largest, pack + (1 - pack) / 2);
    return ESPY_E_OK;
}

espy_err espy_flow_adopt(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_encoder *encoder, const espy_sk_model *m, const char *reason,
                         int64_t *number)
{
    static const espy_fit_options options = {.rule = ESPY_THRESHOLD_FIXED};
    espy_training_set set = {0};
    espy_fit fit = {.threshold = espy_json_number(espy_json_get(m->metadata, "threshold"),
                                                  ESPY_THRESHOLD_DEFAULT)};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(adopt_check(cx, c, encoder, m));
    ESPY_TRY(adopt_gallery(cx, ws, c, m, &set));
    ESPY_GO(espy_sk_to_head(cx, m, &fit.head));
    fit.ops = fit.head->ops;
    ESPY_GO(adopt_proof(cx, fit.head, &set.rows));
    ESPY_GO(adopt_floor(cx, encoder, &set.rows, &fit.floor));
    if (!(fit.threshold >= 0 && fit.threshold <= 1))
        fit.threshold = ESPY_THRESHOLD_DEFAULT;
    e = espy_flow_publish(cx, ws, c, &set, &fit, &options, reason, number);
out:
    espy_head_destroy(cx, &fit.head);
    espy_training_set_free(cx, &set);
    return e;
}
