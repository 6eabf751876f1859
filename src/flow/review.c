/* SPDX-License-Identifier: Apache-2.0
 * flow - review. */
#include "flow/review.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kern/kern.h"
#include "learn/gallery.h"
#include "store/label.h"

/* How far from the border an answer is near it: a share of the threshold, and a cosine. */
#define REVIEW_PROBABILITY 0.1
#define REVIEW_COSINE 0.03

const char *espy_review_reason_name(espy_review_reason r)
{
    static const char *const names[] = {
        [ESPY_REVIEW_AMBIGUOUS] = "ambiguous", [ESPY_REVIEW_BORDER] = "border",
        [ESPY_REVIEW_CONFIRM] = "confirm",     [ESPY_REVIEW_UNKNOWN] = "unknown",
        [ESPY_REVIEW_POOR] = "poor_quality",
    };
    return names[r];
}

void espy_review_free(espy_ctx *cx, espy_review *r)
{
    espy_free(cx, r->at);
    espy_training_set_free(cx, &r->references);
    espy_labels_free(cx, r->labels, r->labels_n);
    *r = (espy_review){0};
}

typedef struct review_run {
    bool version; /* probabilities are a version's; else they are cosines */
    espy_decision_rule rule;
    const espy_label *labels;
    size_t classes;
    espy_rejection *refused; /* by sample */
    size_t refused_n, refused_at;
    float *p, *cosine; /* classes: of a sample to which labels were refused */
    espy_review *review;
} review_run;

static void review_run_free(espy_ctx *cx, review_run *r)
{
    espy_free(cx, r->refused);
    espy_free(cx, r->p);
    espy_free(cx, r->cosine);
}

/* -- one sample -------------------------------------------------------------------------------- */
/* The best labels that are there, best first; *n how many. */
static void review_best(const review_run *r, const float *p, uint32_t at[ESPY_REVIEW_CANDIDATES],
                        size_t *n)
{
    *n = 0;
    for (uint32_t c = 0; c < r->classes; c++) {
        if (r->labels[c].deleted || p[c] < -1)
            continue;
        size_t i = *n < ESPY_REVIEW_CANDIDATES ? (*n)++ : ESPY_REVIEW_CANDIDATES;
        for (; i > 0 && p[c] > p[at[i - 1]]; i--)
            if (i < ESPY_REVIEW_CANDIDATES)
                at[i] = at[i - 1];
        if (i < ESPY_REVIEW_CANDIDATES)
            at[i] = c;
    }
}

/* Takes the labels that a person refused to the sample out of the answer: p and cosine become the
 * run's own.  Samples come in the order of the refusals. */
static void review_refuse(review_run *r, int64_t sample, const float **p, const float **cosine)
{
    while (r->refused_at < r->refused_n && r->refused[r->refused_at].sample < sample)
        r->refused_at++;
    if (r->refused_at == r->refused_n || r->refused[r->refused_at].sample != sample)
        return;
    memcpy(r->p, *p, r->classes * sizeof *r->p);
    memcpy(r->cosine, *cosine, r->classes * sizeof *r->cosine);
    for (size_t i = r->refused_at; i < r->refused_n && r->refused[i].sample == sample; i++)
        for (size_t c = 0; c < r->classes; c++)
            if (r->labels[c].id == r->refused[i].label)
                r->p[c] = r->cosine[c] = -2;
    *p = r->p;
    *cosine = r->cosine;
}

/* How far the answer is from the border between known and unknown; below 1 it is near. */
static double review_border(const review_run *r, const espy_verdict *v)
{
    const double likely =
        ((double)v->probability - r->rule.threshold) / (REVIEW_PROBABILITY * r->rule.threshold);
    const double near = ((double)v->similarity - r->rule.floor) / REVIEW_COSINE;
    return r->version && r->rule.threshold > 0 ? fabs(fmin(likely, near)) : fabs(near);
}

static void review_judge(const review_run *r, const espy_verdict *v, espy_review_item *item)
{
    const double border = review_border(r, v);
    const double second = item->n > 1 ? (double)item->margin : (double)INFINITY;
    item->decision = v->decision;
    if (v->decision == ESPY_POOR_QUALITY) {
        item->reason = ESPY_REVIEW_POOR;
        item->order = -(double)v->similarity;
    } else if (v->decision == ESPY_AMBIGUOUS) {
        item->reason = ESPY_REVIEW_AMBIGUOUS;
        item->order = second;
    } else if (item->n && border < 1) {
        item->reason = ESPY_REVIEW_BORDER;
        item->order = border;
    } else if (v->decision == ESPY_KNOWN) {
        item->reason = ESPY_REVIEW_CONFIRM;
        item->order = -(double)v->probability;
    } else {
        item->reason = ESPY_REVIEW_UNKNOWN;
        item->order = -(double)v->similarity;
    }
}

static const espy_label *review_label(const espy_review *r, int64_t id)
{
    for (size_t i = 0; i < r->labels_n; i++)
        if (r->labels[i].id == id && !r->labels[i].deleted)
            return &r->labels[i];
    return NULL;
}

/* The label that the sample has comes first, whether the version knows it or not: it is what is
 * asked about. */
static void review_present(const review_run *r, const espy_stored *s, espy_review_item *item)
{
    const int64_t id = s->sample->label;
    espy_review_candidate first = {review_label(r->review, id), NAN, NAN, 0};
    size_t at = 0;
    if (!first.label)
        return;
    for (size_t c = 0; c < r->classes; c++)
        if (r->labels[c].id == id) {
            first.probability = r->version ? s->p[c] : NAN;
            first.similarity = s->cosine[c];
        }
    while (at < item->n && item->candidates[at].label->id != id)
        at++;
    if (at == ESPY_REVIEW_CANDIDATES)
        at--;
    else if (at == item->n)
        item->n++;
    memmove(item->candidates + 1, item->candidates, at * sizeof first);
    item->candidates[0] = first;
}

/* Files one sample, unless all that would be shown of it was refused. */
static espy_err review_tell(espy_ctx *cx, void *self, size_t i, const espy_stored *s)
{
    review_run *r = self;
    const float *p = s->p, *cosine = s->cosine;
    uint32_t shown[ESPY_REVIEW_CANDIDATES], at[ESPY_REVIEW_CANDIDATES];
    size_t n, left = 0;
    (void)cx;
    review_best(r, p, shown, &n);
    review_refuse(r, s->sample->sample, &p, &cosine);
    for (size_t k = 0; k < n; k++)
        left += p[shown[k]] >= -1;
    if (n && !left)
        return ESPY_E_OK;
    espy_review_item *item = &r->review->at[r->review->n++];
    *item = (espy_review_item){.sample = s->sample->sample, .place = i};
    espy_verdict v = {.decision = ESPY_UNKNOWN, .probability = -2, .similarity = -2};
    if (r->classes)
        v = espy_identify_verdict(&r->rule, r->labels, r->classes, &s->scan, p, cosine);
    review_best(r, p, at, &item->n);
    for (size_t k = 0; k < item->n; k++)
        item->candidates[k] = (espy_review_candidate){
            &r->labels[at[k]], r->version ? p[at[k]] : NAN, cosine[at[k]], 0};
    item->margin = item->n > 1 ? p[at[0]] - p[at[1]] : NAN;
    review_judge(r, &v, item);
    review_present(r, s, item);
    if (!r->version)
        item->margin = NAN;
    return ESPY_E_OK;
}

/* -- who is asked ------------------------------------------------------------------------------ */
/* What people and folders labelled. */
static espy_err review_references(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                                  espy_training_set *out)
{
    espy_labelled *all = NULL;
    size_t n = 0, kept = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_labelled(cx, ws->store, c->id, NULL, &all, &n));
    int64_t *ids = espy_array(cx, n, sizeof *ids);
    if (!ids)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].actor, "job") != 0)
            ids[kept++] = all[i].sample;
    if (kept)
        e = espy_training_set_load_only(cx, ws->store, c, ids, kept, out);
out:
    espy_free(cx, ids);
    espy_free(cx, all);
    return e;
}

/* The rule where nothing was learned: the pack's floor and limits; a cosine stands for the
 * probability. */
static espy_err review_rule(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                            espy_decision_rule *rule)
{
    espy_pack *pack = NULL;
    *rule = espy_decision_rule_make(-2, 0);
    rule->margin_probability = -4;
    espy_err e = espy_pack_open(cx, c->encoder, ws->dir, &pack);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    rule->floor = (double)pack->floor;
    rule->min_side = pack->min_side;
    rule->min_score = pack->min_score;
    rule->min_sharpness = pack->min_sharpness;
    espy_pack_destroy(cx, &pack);
    return ESPY_E_OK;
}

/* Asks the references alone. */
static espy_err review_nearest(espy_ctx *cx, review_run *r, const espy_sample_pool *pool)
{
    const espy_rows *rows = &r->review->references.rows;
    float *cosine = espy_floats(cx, pool->n * r->classes);
    espy_err e = ESPY_E_OK;
    if (!cosine)
        return cx->code;
    if (r->classes)
        ESPY_GO(espy_gallery_nearest(cx, rows, pool->x, pool->n, cosine));
    for (size_t i = 0; i < pool->n; i++) {
        const float *near = cosine + i * r->classes;
        const espy_stored s = {&pool->at[i], espy_stored_scan(&pool->at[i]), near, near};
        ESPY_GO(review_tell(cx, r, i, &s));
    }
out:
    espy_free(cx, cosine);
    return e;
}

/* -- what is told ------------------------------------------------------------------------------ */
static int review_order(const void *a, const void *b)
{
    const espy_review_item *p = a, *q = b;
    if (p->reason != q->reason)
        return p->reason < q->reason ? -1 : 1;
    if (p->order != q->order)
        return p->order < q->order ? -1 : 1;
    return p->sample > q->sample ? -1 : p->sample < q->sample;
}

/* The nearest reference of each candidate. */
static void review_refer(const espy_sample_pool *pool, espy_review *r)
{
    const espy_vectors *v = &r->references.vectors;
    espy_kern kern;
    espy_kern_init(&kern, espy_cpu_detect());
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->at[i].n; k++) {
            espy_review_candidate *candidate = &r->at[i].candidates[k];
            const float *x = pool->x + r->at[i].place * pool->dim;
            float best = -2;
            for (size_t row = 0; row < v->n; row++) {
                if (v->label[row] != candidate->label->id)
                    continue;
                float likeness = kern.dot(x, v->x + row * v->dim, v->dim);
                if (likeness > best) {
                    best = likeness;
                    candidate->reference = v->sample[row];
                }
            }
        }
}

static espy_err review_prepare(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const espy_identifier *live, review_run *r)
{
    espy_training_set *references = &r->review->references;
    ESPY_TRY(review_references(cx, ws, c, references));
    ESPY_TRY(espy_store_labels(cx, ws->store, c->id, &r->review->labels, &r->review->labels_n));
    ESPY_TRY(espy_store_rejections(cx, ws->store, c->id, &r->refused, &r->refused_n));
    if (live)
        r->rule = live->rule;
    else
        ESPY_TRY(review_rule(cx, ws, c, &r->rule));
    r->version = live != NULL;
    r->labels = live ? live->gallery.labels : references->labels;
    r->classes = live ? live->head->classes : references->n_labels;
    r->review->threshold = live ? live->rule.threshold : (double)NAN;
    r->review->floor = r->rule.floor;
    r->p = espy_floats(cx, r->classes);
    r->cosine = espy_floats(cx, r->classes);
    return r->p && r->cosine ? ESPY_E_OK : cx->code;
}

espy_err espy_flow_review(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          espy_asked_version live, int64_t session, size_t limit, espy_review *out)
{
    const espy_pool_filter some = {
        .collection = c->id, .session = session, .waiting = true, .newest = ESPY_STORED_NEWEST};
    espy_review found = {0};
    review_run r = {.review = &found};
    espy_sample_pool pool = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(review_prepare(cx, ws, c, live.id, &r));
    ESPY_GO(espy_store_pool_some(cx, ws->store, &some, c->encoder_digest, &pool, &found.total));
    found.at = espy_array(cx, pool.n, sizeof *found.at);
    if (!found.at)
        ESPY_GO(cx->code);
    ESPY_GO(live.id ? espy_stored_ask(cx, live, &pool, review_tell, &r)
                    : review_nearest(cx, &r, &pool));
    found.total -= pool.n - found.n;
    if (found.n)
        qsort(found.at, found.n, sizeof *found.at, review_order);
    found.n = found.n < limit ? found.n : limit;
    review_refer(&pool, &found);
    *out = found;
    found = (espy_review){0};
out:
    espy_sample_pool_free(cx, &pool);
    review_run_free(cx, &r);
    espy_review_free(cx, &found);
    return e;
}
