/* SPDX-License-Identifier: Apache-2.0
 * flow - S1's tester. */
#include "flow/tester.h"

#include <math.h>
#include <string.h>

#include "artifact/npy.h"
#include "base/file.h"
#include "learn/gallery.h"
#include "learn/threshold.h"

/* Class of row i of y.npy: a number (S1) or an id (S0). */
static bool tester_class(const espy_tester *t, const espy_npy *y, size_t i, uint32_t *out)
{
    if (y->type == ESPY_NPY_I64) {
        int64_t v = ((const int64_t *)y->data)[i];
        *out = (uint32_t)v;
        return v >= 0 && (uint64_t)v < t->model.classes;
    }
    for (size_t c = 0; y->type == ESPY_NPY_TEXT && t->model.labels && c < t->model.classes; c++)
        if (strcmp(t->model.labels[c], ((char **)y->data)[i]) == 0) {
            *out = (uint32_t)c;
            return true;
        }
    return false;
}

/* X.npy and y.npy beside the model (S1) are its gallery.  Without them only the probability
 * decides, and the caller is told. */
static espy_err tester_gallery(espy_ctx *cx, const char *folder, espy_tester *t)
{
    espy_npy x = {0}, y = {0};
    espy_err e = ESPY_E_OK;
    char *xp = espy_path_join(cx, folder, "X.npy"), *yp = espy_path_join(cx, folder, "y.npy");
    if (!xp || !yp)
        ESPY_GO(cx->code);
    if (!espy_file_exists(xp) || !espy_file_exists(yp)) {
        espy_log(cx, ESPY_LOG_WARN,
                 "%s has no X.npy and y.npy: strangers are refused by probability alone", folder);
        goto out;
    }
    ESPY_GO(espy_npy_load(cx, xp, &x));
    ESPY_GO(espy_npy_load(cx, yp, &y));
    bool fits = x.type == ESPY_NPY_F32 && x.rank == 2 && x.dims[1] == t->model.dim && y.rank == 1 &&
                y.n == x.dims[0];
    t->y = espy_array(cx, y.n, sizeof *t->y);
    if (!t->y)
        ESPY_GO(cx->code);
    for (size_t i = 0; fits && i < y.n; i++)
        fits = tester_class(t, &y, i, &t->y[i]);
    if (!fits)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT,
                          "%s and y.npy do not belong to the classifier beside them; train again",
                          xp));
    t->x = x.data;
    x.data = NULL;
    t->gallery = (espy_rows){t->x, t->y, y.n, t->model.dim, t->model.classes};
out:
    espy_npy_free(cx, &x);
    espy_npy_free(cx, &y);
    espy_free(cx, xp);
    espy_free(cx, yp);
    return e;
}

espy_err espy_tester_load(espy_ctx *cx, const char *folder, espy_tester *out)
{
    *out = (espy_tester){0};
    return espy_sk_load(cx, folder, &out->model);
}

const espy_json *espy_tester_fact(const espy_tester *t, const char *key)
{
    const espy_json *v = espy_json_get(t->model.metadata, key);
    return v ? v : espy_json_get(t->model.extra, key);
}

const char *espy_tester_encoder(const espy_tester *t)
{
    const char *name = espy_json_string(espy_tester_fact(t, "embedding_model"), NULL);
    /* the described system's own name for the network of this pack */
    return name && strcmp(name, "InceptionResnetV1") == 0 ? "facenet" : name;
}

/* A model of espy names its pack; the name in somebody else's may mean anything. */
static espy_err tester_check(espy_ctx *cx, const char *folder, const espy_encoder *encoder,
                             const espy_tester *t)
{
    const char *trained = espy_tester_encoder(t), *pack = espy_encoder_pack(encoder)->name;
    if (trained && strcmp(trained, pack) != 0) {
        if (espy_tester_fact(t, "software_version") || strcmp(trained, "facenet") == 0)
            return espy_fail(cx, ESPY_E_ARG,
                             "%s was trained with encoder %s, not with %s; leave out --encoder",
                             folder, trained, pack);
        espy_log(cx, ESPY_LOG_WARN, "%s was trained with %s: encoder %s may not fit", folder,
                 trained, pack);
    }
    if (t->model.dim != espy_encoder_dim(encoder))
        return espy_fail(cx, ESPY_E_ARG,
                         "%s was trained on embeddings of %zu values, encoder %s gives %zu; name "
                         "the right one with --encoder",
                         folder, t->model.dim, pack, espy_encoder_dim(encoder));
    return ESPY_E_OK;
}

espy_err espy_tester_ready(espy_ctx *cx, const char *folder, const espy_encoder *encoder,
                           const espy_tester_options *o, espy_tester *t)
{
    espy_gallery_spread spread = {.largest = -1};
    const espy_pack *pack = espy_encoder_pack(encoder);
    ESPY_TRY(tester_check(cx, folder, encoder, t));
    ESPY_TRY(tester_gallery(cx, folder, t));
    if (t->gallery.n)
        ESPY_TRY(espy_gallery_between(cx, &t->gallery, &spread));
    double own =
        espy_json_number(espy_json_get(t->model.metadata, "threshold"), ESPY_THRESHOLD_DEFAULT);
    if (!(own >= 0 && own <= 1)) {
        espy_log(cx, ESPY_LOG_WARN, "the model's threshold %g is no probability; %.2f is used", own,
                 ESPY_THRESHOLD_DEFAULT);
        own = ESPY_THRESHOLD_DEFAULT;
    }
    /* held-out samples are not known here, so the gallery may raise the floor by half the way only
     */
    double most = o->floor + (1 - o->floor) / 2;
    t->rule = espy_decision_rule_make(o->threshold >= 0 ? o->threshold : own,
                                      espy_decision_floor(o->floor, (double)spread.largest, most));
    t->rule.no_floor = o->no_floor || !t->gallery.n;
    t->rule.min_side = pack->min_side;
    t->rule.min_score = pack->min_score;
    t->rule.min_sharpness = pack->min_sharpness;
    return ESPY_E_OK;
}

void espy_tester_close(espy_ctx *cx, espy_tester *t)
{
    espy_sk_free(cx, &t->model);
    espy_free(cx, t->x);
    espy_free(cx, t->y);
    *t = (espy_tester){0};
}

espy_err espy_tester_answer(espy_ctx *cx, const espy_tester *t, const espy_scan_sample *s, float *p,
                            espy_verdict *out)
{
    espy_err e = ESPY_E_OK;
    size_t classes = t->model.classes;
    double *wide = espy_array(cx, classes, sizeof *wide);
    float *cosine = espy_floats(cx, classes);
    if (!wide || !cosine)
        ESPY_GO(cx->code);
    ESPY_GO(espy_sk_probabilities(cx, &t->model, s->embedding, 1, wide));
    for (size_t c = 0; c < classes; c++)
        p[c] = (float)wide[c];
    if (t->gallery.n)
        ESPY_GO(espy_gallery_nearest(cx, &t->gallery, s->embedding, 1, cosine));
    espy_quality q = {fminf(s->box[2], s->box[3]), s->whole ? ESPY_QUALITY_UNKNOWN : s->score,
                      s->sharpness};
    *out = espy_decide(&t->rule, p, t->gallery.n ? cosine : NULL, classes, &q);
out:
    espy_free(cx, wide);
    espy_free(cx, cosine);
    return e;
}
