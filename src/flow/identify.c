/* SPDX-License-Identifier: Apache-2.0
 * flow - identify. */
#include "flow/identify.h"

#include <math.h>
#include <string.h>

#include "learn/gallery.h"

const char *espy_decision_name(espy_decision d)
{
    switch (d) {
    case ESPY_KNOWN:
        return "known";
    case ESPY_UNKNOWN:
        return "unknown";
    case ESPY_AMBIGUOUS:
        return "ambiguous";
    case ESPY_POOR_QUALITY:
        return "poor_quality";
    }
    return "";
}

static espy_err identifier_misfit(espy_ctx *cx, const espy_identifier *id)
{
    return espy_fail(cx, ESPY_E_DATA,
                     "version %lld no longer fits the labels of collection \"%s\"; run: espy train",
                     (long long)id->version.number, id->collection.name);
}

/* The version's samples in the order of its classes.  It says which labels these are by id, for a
 * label may have another code by now. */
static espy_err identifier_gallery(espy_ctx *cx, espy_store *store, espy_identifier *id)
{
    const espy_json *ids = espy_json_get(id->version.json, "label_ids");
    ESPY_TRY(espy_training_set_load(cx, store, &id->collection, id->version.number, &id->gallery));
    if (!ids)
        return ESPY_E_OK;
    espy_err e = espy_training_set_order(cx, &id->gallery, ids);
    if (e != ESPY_E_DATA)
        return e;
    espy_clear(cx);
    return identifier_misfit(cx, id);
}

/* The classes of version.json must be the labels that the lineage has, in the same order; versions
 * of before there were label ids tell it by code alone. */
static espy_err identifier_check(espy_ctx *cx, const espy_identifier *id)
{
    const espy_json *classes = espy_json_get(id->version.json, "classes");
    bool by_code = !espy_json_get(id->version.json, "label_ids");
    bool same = espy_json_count(classes) == id->gallery.n_labels &&
                id->head->classes == id->gallery.n_labels && id->head->dim == id->gallery.rows.dim;
    for (size_t i = 0; same && by_code && i < id->gallery.n_labels; i++)
        same = strcmp(espy_json_string(espy_json_at(classes, i), ""), id->gallery.codes[i]) == 0;
    return same ? ESPY_E_OK : identifier_misfit(cx, id);
}

static espy_err identifier_rule(espy_ctx *cx, espy_identifier *id, const espy_identify_options *o)
{
    double threshold, floor;
    const espy_json *v = id->version.json;
    ESPY_TRY(espy_json_need_number(cx, v, "threshold", 0, 1, &threshold));
    ESPY_TRY(espy_json_need_number(cx, v, "floor", -1, 1, &floor));
    id->rule = espy_decision_rule_make(o->threshold >= 0 ? o->threshold : threshold,
                                       o->floor >= -1 ? o->floor : floor);
    id->rule.no_floor = o->no_floor;
    if (!id->encoder)
        return ESPY_E_OK;
    const espy_pack *pack = espy_encoder_pack(id->encoder);
    id->rule.min_side = pack->min_side;
    id->rule.min_score = pack->min_score;
    id->rule.min_sharpness = pack->min_sharpness;
    return ESPY_E_OK;
}

espy_err espy_identifier_open(espy_ctx *cx, espy_workspace *ws, const char *collection,
                              int64_t version, const espy_encoder *encoder,
                              const espy_identify_options *options, espy_identifier *out)
{
    espy_identifier id = {.encoder = encoder};
    espy_err e = espy_workspace_collection_existing(
        cx, ws, collection, encoder ? espy_encoder_modality(encoder) : NULL, &id.collection);
    ESPY_GO(e);
    if (encoder && strcmp(id.collection.encoder_digest, espy_encoder_digest(encoder)) != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG, "collection \"%s\" answers with encoder %s (%s) only",
                          id.collection.name, id.collection.encoder, id.collection.precision));
    if (!version)
        ESPY_GO(espy_store_alias(cx, ws->store, id.collection.id, "live", &version));
    if (!version)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND,
                          "collection \"%s\" has learned nothing yet; run: espy train DIR",
                          id.collection.name));
    ESPY_GO(espy_store_version(cx, ws->store, id.collection.id, version, &id.version));
    ESPY_GO(identifier_gallery(cx, ws->store, &id));
    const espy_head_ops *ops = espy_head_find(id.version.head);
    if (!ops)
        ESPY_GO(espy_fail(cx, ESPY_E_UNSUPPORTED,
                          "version %lld has head \"%s\", which this program lacks",
                          (long long)version, id.version.head));
    const espy_rows *r = &id.gallery.rows;
    ESPY_GO(ops->load(cx, espy_span_of(&id.version.bytes), r, &id.head));
    espy_buf_free(cx, &id.version.bytes);
    ESPY_GO(identifier_check(cx, &id));
    ESPY_GO(identifier_rule(cx, &id, options));
    *out = id;
    id = (espy_identifier){0};
out:
    espy_identifier_close(cx, &id);
    return e;
}

void espy_identifier_close(espy_ctx *cx, espy_identifier *id)
{
    espy_head_destroy(cx, &id->head);
    espy_training_set_free(cx, &id->gallery);
    espy_version_free(cx, &id->version);
    espy_collection_free(cx, &id->collection);
    *id = (espy_identifier){0};
}

/* The most probable labels of one sample, best first; those that were deleted since left out. */
static size_t identify_candidates(const espy_identifier *id, const float *p, const float *cosine,
                                  espy_candidate *out)
{
    size_t n = 0, classes = id->head->classes;
    uint32_t at[ESPY_CANDIDATES];
    for (uint32_t c = 0; c < classes; c++) {
        if (id->gallery.labels[c].deleted)
            continue;
        size_t i = n < ESPY_CANDIDATES ? n++ : ESPY_CANDIDATES;
        for (; i > 0 && p[c] > p[at[i - 1]]; i--)
            if (i < ESPY_CANDIDATES)
                at[i] = at[i - 1];
        if (i < ESPY_CANDIDATES)
            at[i] = c;
    }
    for (size_t i = 0; i < n; i++)
        out[i] = (espy_candidate){id->gallery.codes[at[i]], id->gallery.labels[at[i]].name,
                                  cosine[at[i]], p[at[i]]};
    return n;
}

espy_verdict espy_identify_verdict(const espy_decision_rule *rule, const espy_label *labels,
                                   size_t classes, const espy_scan_sample *s, const float *p,
                                   const float *cosine)
{
    espy_quality q = {fminf(s->box[2], s->box[3]), s->score, s->sharpness};
    if (s->whole) /* a picture taken whole has no detector to judge it by */
        q.score = ESPY_QUALITY_UNKNOWN;
    espy_verdict v = espy_decide(rule, p, cosine, classes, &q);
    if (!labels[v.label].deleted)
        return v;
    /* who was deleted is nobody that is known; the figures are those of the best that is there */
    size_t best = SIZE_MAX;
    for (size_t c = 0; c < classes; c++)
        if (!labels[c].deleted && (best == SIZE_MAX || p[c] > p[best]))
            best = c;
    if (v.decision != ESPY_POOR_QUALITY)
        v.decision = ESPY_UNKNOWN;
    v.label = best == SIZE_MAX ? v.label : (uint32_t)best;
    v.similarity = best == SIZE_MAX ? 0 : cosine[best];
    v.probability = best == SIZE_MAX ? 0 : p[best];
    return v;
}

static void identify_answer(const espy_identifier *id, const espy_scan_sample *s, const float *p,
                            const float *cosine, espy_candidate *candidates, espy_answer *out)
{
    espy_verdict v =
        espy_identify_verdict(&id->rule, id->gallery.labels, id->head->classes, s, p, cosine);
    *out = (espy_answer){.score = s->score,
                         .decision = v.decision,
                         .similarity = v.similarity,
                         .probability = v.probability,
                         .candidates = candidates};
    memcpy(out->box, s->box, sizeof out->box);
    out->candidate_count = identify_candidates(id, p, cosine, candidates);
}

static const char *identify_copy(char **to, const char *text)
{
    size_t n = strlen(text) + 1;
    const char *copy = memcpy(*to, text, n);
    *to += n;
    return copy;
}

/* The result outlives the identifier, so its texts are its own.  The label of a known answer is its
 * first candidate: both are the first of the most probable labels. */
static espy_err identify_own_texts(espy_ctx *cx, espy_result *r)
{
    size_t bytes = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->at[i].candidate_count; k++)
            bytes += strlen(r->at[i].candidates[k].label) + strlen(r->at[i].candidates[k].name) + 2;
    char *to = r->texts = espy_alloc(cx, bytes);
    if (!to)
        return cx->code;
    for (size_t i = 0; i < r->n; i++) {
        espy_candidate *c = r->candidates + i * ESPY_CANDIDATES;
        for (size_t k = 0; k < r->at[i].candidate_count; k++) {
            c[k].label = identify_copy(&to, c[k].label);
            c[k].name = identify_copy(&to, c[k].name);
        }
        if (r->at[i].decision == ESPY_KNOWN) {
            r->at[i].label = c[0].label;
            r->at[i].name = c[0].name;
        }
    }
    return ESPY_E_OK;
}

espy_err espy_identify_answers(espy_ctx *cx, const espy_identifier *id, const espy_scan *scan,
                               const float *p, const float *cosine, espy_result **out)
{
    size_t classes = id->head->classes;
    espy_err e = ESPY_E_OK;
    espy_result *r = espy_zalloc(cx, sizeof *r);
    if (!r)
        return cx->code;
    r->memory = cx->memory;
    r->at = espy_array(cx, scan->n, sizeof *r->at);
    r->candidates = espy_array(cx, scan->n, ESPY_CANDIDATES * sizeof *r->candidates);
    if (!r->at || !r->candidates)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < scan->n; i++)
        identify_answer(id, &scan->at[i], p + i * classes, cosine + i * classes,
                        r->candidates + i * ESPY_CANDIDATES, &r->at[i]);
    r->n = scan->n;
    ESPY_GO(identify_own_texts(cx, r));
    *out = r;
    r = NULL;
out:
    espy_result_free(r);
    return e;
}

espy_err espy_identify_scan(espy_ctx *cx, const espy_identifier *id, const espy_scan *scan,
                            espy_result **out)
{
    size_t classes = id->head->classes;
    espy_err e = ESPY_E_OK;
    float *p = espy_floats(cx, scan->n * classes), *cosine = espy_floats(cx, scan->n * classes);
    if (!p || !cosine)
        ESPY_GO(cx->code);
    if (scan->n) {
        ESPY_GO(id->head->ops->probabilities(cx, id->head, scan->vectors, scan->n, p));
        ESPY_GO(espy_gallery_nearest(cx, &id->gallery.rows, scan->vectors, scan->n, cosine));
    }
    ESPY_GO(espy_identify_answers(cx, id, scan, p, cosine, out));
out:
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}
