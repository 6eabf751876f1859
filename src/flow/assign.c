/* SPDX-License-Identifier: Apache-2.0
 * flow - assign. */
#include "flow/assign.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "flow/collect.h"
#include "index/index.h"
#include "store/label.h"

#define ASSIGN_SPARE 16   /* neighbours asked for beyond k, since some may be refused */
#define ASSIGN_BATCH 1024 /* samples searched for at once: between looks at the cancel flag */

const char *espy_assign_status_name(espy_assign_status s)
{
    static const char *const names[] = {
        [ESPY_ASSIGNED] = "assigned",
        [ESPY_MATCH_FOUND] = "match_found",
        [ESPY_NO_MATCH] = "no_match",
        [ESPY_ASSIGN_AMBIGUOUS] = "ambiguous",
        [ESPY_ALREADY_IDENTIFIED] = "already_identified",
        [ESPY_NO_REFERENCE_DATA] = "no_reference_data",
    };
    return names[s];
}

espy_assign_options espy_assign_defaults(void)
{
    return (espy_assign_options){
        .k = 5, .threshold = 0.6, .margin = 0.03, .voting = true, .commit = true};
}

double espy_assign_cosine(double floor)
{
    return floor + (1 - floor) * (1 - floor) / 4;
}

void espy_assignments_free(espy_ctx *cx, espy_assignments *a)
{
    espy_free(cx, a->at);
    *a = (espy_assignments){0};
}

/* -- the decision ------------------------------------------------------------------------------ */
/* What the neighbours that count say of one label. */
typedef struct assign_vote {
    int64_t label;
    size_t votes;
    double sum;
} assign_vote;

/* Counts the neighbours at or above the threshold by label, in order of first appearance. */
static size_t assign_votes(const espy_assign_options *o, const espy_assignment *a,
                           assign_vote *votes, size_t *valid)
{
    size_t n = 0;
    *valid = 0;
    for (size_t i = 0; i < a->nearest_n; i++) {
        size_t at = 0;
        if ((double)a->nearest[i].similarity < o->threshold)
            continue;
        ++*valid;
        while (at < n && votes[at].label != a->nearest[i].label)
            at++;
        if (at == n)
            votes[n++] = (assign_vote){.label = a->nearest[i].label};
        votes[at].votes++;
        votes[at].sum += (double)a->nearest[i].similarity;
    }
    return n;
}

/* Most votes, then the larger mean; NULL when it has less than half of the valid ones. */
static const assign_vote *assign_winner(const espy_assign_options *o, const assign_vote *votes,
                                        size_t n, size_t valid)
{
    const assign_vote *best = n > 0 ? &votes[0] : NULL; /* the nearest one's */
    if (!o->voting)
        return best;
    for (size_t i = 1; i < n; i++) {
        double mean = votes[i].sum / (double)votes[i].votes;
        double most = best->sum / (double)best->votes;
        if (votes[i].votes > best->votes || (votes[i].votes == best->votes && mean > most))
            best = &votes[i];
    }
    return best && 2 * best->votes >= valid ? best : NULL;
}

/* Whether another label might as well be right: without voting any is, with voting one that has
 * more than half of the winner's votes. */
static bool assign_rival(const espy_assign_options *o, const assign_vote *votes, size_t n,
                         const assign_vote *w, int64_t label)
{
    size_t at = 0;
    if (!o->voting)
        return true;
    while (at < n && votes[at].label != label)
        at++;
    return at < n && 2 * votes[at].votes > w->votes;
}

void espy_assign_decide(const espy_assign_options *o, espy_assignment *a)
{
    assign_vote votes[ESPY_ASSIGN_K_MAX];
    size_t valid;
    float own = -2, other = -2;
    size_t n = assign_votes(o, a, votes, &valid);
    const assign_vote *w = assign_winner(o, votes, n, valid);
    a->status = ESPY_NO_MATCH;
    a->label = 0;
    a->confidence = a->margin = 0;
    if (!w)
        return;
    for (size_t i = a->nearest_n; i-- > 0;) {
        const espy_neighbour *near = &a->nearest[i];
        if (near->label == w->label)
            own = near->similarity;
        else if (assign_rival(o, votes, n, w, near->label))
            other = near->similarity;
    }
    a->label = w->label;
    a->margin = other < -1 ? 2 : own - other;
    a->confidence = o->voting ? (float)(w->sum / (double)w->votes) : own;
    a->status =
        o->margin > 0 && (double)a->margin < o->margin ? ESPY_ASSIGN_AMBIGUOUS : ESPY_MATCH_FOUND;
}

/* -- the run ----------------------------------------------------------------------------------- */
typedef struct assign_pair {
    int64_t a, b;
} assign_pair;

static int assign_pair_order(const void *x, const void *y)
{
    const assign_pair *p = x, *q = y;
    if (p->a != q->a)
        return p->a < q->a ? -1 : 1;
    return p->b < q->b ? -1 : p->b > q->b;
}

static bool assign_pair_has(const assign_pair *list, size_t n, int64_t a, int64_t b)
{
    const assign_pair key = {a, b};
    return n > 0 && bsearch(&key, list, n, sizeof *list, assign_pair_order) != NULL;
}

typedef struct assign_run {
    espy_workspace *ws;
    const espy_collection *c;
    const espy_assign_options *o;
    bool photos;             /* two samples of one media have different labels */
    espy_sample_pool pool;   /* the whole collection */
    int64_t *label, *sample; /* of each reference */
    size_t references;
    espy_index *index;    /* of the references, by their place */
    assign_pair *refused; /* (sample, label) */
    size_t refused_n;
    assign_pair *seen; /* (media, label) */
    size_t seen_n;
    size_t *asked; /* places in the pool of the samples that look for a label */
    size_t asked_n;
} assign_run;

static void assign_run_free(espy_ctx *cx, assign_run *r)
{
    espy_sample_pool_free(cx, &r->pool);
    espy_free(cx, r->label);
    espy_free(cx, r->sample);
    espy_index_destroy(cx, &r->index);
    espy_free(cx, r->refused);
    espy_free(cx, r->seen);
    espy_free(cx, r->asked);
}

static espy_err assign_check(espy_ctx *cx, const espy_assign_options *o)
{
    if (o->k < 1 || o->k > ESPY_ASSIGN_K_MAX)
        return espy_fail(cx, ESPY_E_ARG, "the number of neighbours k must be from 1 to %d",
                         ESPY_ASSIGN_K_MAX);
    if (!(o->threshold >= 0 && o->threshold <= 1))
        return espy_fail(cx, ESPY_E_ARG, "the similarity threshold must be from 0 to 1");
    if (!(o->margin >= 0 && o->margin <= 1))
        return espy_fail(cx, ESPY_E_ARG, "the margin must be from 0 to 1");
    return ESPY_E_OK;
}

/* Adds a mean vector for each label instead of its samples: sums will do, for only the direction
 * counts. */
static espy_err assign_means(espy_ctx *cx, assign_run *r, float *x)
{
    const size_t dim = r->pool.dim;
    size_t n = 0;
    assign_pair *by = espy_array(cx, r->references, sizeof *by);
    if (!by)
        return cx->code;
    for (size_t i = 0; i < r->references; i++)
        by[i] = (assign_pair){r->label[i], (int64_t)i};
    qsort(by, r->references, sizeof *by, assign_pair_order);
    float *sum = espy_floats(cx, r->references * dim);
    for (size_t i = 0; sum && i < r->references; i++) {
        if (i == 0 || by[i].a != by[i - 1].a)
            r->label[n++] = by[i].a; /* ascending: overwrites only what was read into `by` */
        const float *from = x + (size_t)by[i].b * dim;
        for (size_t k = 0; k < dim; k++)
            sum[(n - 1) * dim + k] += from[k];
    }
    if (sum)
        memcpy(x, sum, n * dim * sizeof *x);
    for (size_t i = 0; i < n; i++)
        r->sample[i] = 0;
    r->references = n;
    espy_free(cx, by);
    espy_free(cx, sum);
    return sum ? ESPY_E_OK : cx->code;
}

/* The identified samples become an index. */
static espy_err assign_references(espy_ctx *cx, assign_run *r)
{
    const espy_sample_pool *p = &r->pool;
    espy_err e = ESPY_E_OK;
    r->label = espy_array(cx, p->n, sizeof *r->label);
    r->sample = espy_array(cx, p->n, sizeof *r->sample);
    float *x = espy_floats(cx, p->n * p->dim);
    int64_t *ids = espy_array(cx, p->n, sizeof *ids);
    if (!r->label || !r->sample || !x || !ids)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < p->n; i++) {
        if (p->at[i].label == 0)
            continue;
        size_t at = r->references++;
        r->label[at] = p->at[i].label;
        r->sample[at] = p->at[i].sample;
        ids[at] = (int64_t)at;
        memcpy(x + at * p->dim, p->x + i * p->dim, p->dim * sizeof *x);
    }
    if (r->references == 0)
        goto out;
    if (r->o->average)
        ESPY_GO(assign_means(cx, r, x));
    /* bytes find the candidates, the vectors themselves put them in order */
    const espy_index_options options = {.kind = ESPY_NEAR_INT8,
                                        .keep = true,
                                        .method =
                                            espy_index_choose(r->references, p->dim, r->asked_n)};
    ESPY_GO(espy_index_create(cx, p->dim, &options, &r->index));
    ESPY_GO(espy_index_add(cx, r->index, ids, x, r->references));
out:
    espy_free(cx, x);
    espy_free(cx, ids);
    return e;
}

/* What must not be: refusals, and labels that are in a photo already. */
static espy_err assign_forbidden(espy_ctx *cx, assign_run *r)
{
    espy_rejection *refused = NULL;
    ESPY_TRY(espy_store_rejections(cx, r->ws->store, r->c->id, &refused, &r->refused_n));
    r->refused = espy_array(cx, r->refused_n, sizeof *r->refused);
    for (size_t i = 0; r->refused && i < r->refused_n; i++)
        r->refused[i] = (assign_pair){refused[i].sample, refused[i].label};
    espy_free(cx, refused);
    r->seen = espy_array(cx, r->pool.n, sizeof *r->seen);
    if (!r->refused || !r->seen)
        return cx->code;
    for (size_t i = 0; r->photos && i < r->pool.n; i++)
        if (r->pool.at[i].label != 0)
            r->seen[r->seen_n++] = (assign_pair){r->pool.at[i].media, r->pool.at[i].label};
    if (r->refused_n > 0)
        qsort(r->refused, r->refused_n, sizeof *r->refused, assign_pair_order);
    if (r->seen_n > 0)
        qsort(r->seen, r->seen_n, sizeof *r->seen, assign_pair_order);
    return ESPY_E_OK;
}

/* Place of a sample in the pool, which is in order of their ids; SIZE_MAX when it is not there. */
static size_t assign_place(const espy_sample_pool *p, int64_t sample)
{
    size_t lo = 0, hi = p->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->at[mid].sample < sample)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < p->n && p->at[lo].sample == sample ? lo : SIZE_MAX;
}

/* Which samples are asked about: those named, else those of the session or collection that have no
 * label. */
static espy_err assign_asked(espy_ctx *cx, assign_run *r)
{
    const espy_assign_options *o = r->o;
    espy_sample_pool session = {0};
    const espy_sample_pool *from = &r->pool;
    int64_t id = 0;
    espy_err e = ESPY_E_OK;
    r->asked =
        espy_array(cx, r->pool.n > o->samples_n ? r->pool.n : o->samples_n, sizeof *r->asked);
    if (!r->asked)
        return cx->code;
    for (size_t i = 0; o->samples && i < o->samples_n; i++) {
        size_t at = assign_place(&r->pool, o->samples[i]);
        if (at == SIZE_MAX)
            return espy_fail(cx, ESPY_E_NOT_FOUND,
                             "collection \"%s\" has no sample %lld with an embedding", r->c->name,
                             (long long)o->samples[i]);
        r->asked[r->asked_n++] = at;
    }
    if (o->samples)
        return ESPY_E_OK;
    if (o->session) {
        ESPY_TRY(espy_flow_session(cx, r->ws, r->c, o->session, o->date, &id));
        ESPY_TRY(espy_store_pool(cx, r->ws->store, r->c->id, id, r->c->encoder_digest, &session));
        from = &session;
    }
    for (size_t i = 0; i < from->n; i++) {
        size_t at = from == &r->pool ? i : assign_place(&r->pool, from->at[i].sample);
        if (at != SIZE_MAX && r->pool.at[at].label == 0 && r->pool.at[at].actor[0] == '\0')
            r->asked[r->asked_n++] = at;
    }
    espy_sample_pool_free(cx, &session);
    return e;
}

/* -- neighbours -------------------------------------------------------------------------------- */
/* One sample, for the index's filter. */
typedef struct assign_asker {
    const assign_run *r;
    const espy_pool_sample *s;
} assign_asker;

static bool assign_allowed(const void *self, int64_t id)
{
    const assign_asker *q = self;
    int64_t label = q->r->label[id];
    return !assign_pair_has(q->r->refused, q->r->refused_n, q->s->sample, label) &&
           !assign_pair_has(q->r->seen, q->r->seen_n, q->s->media, label);
}

/* Takes the first k hits that are allowed. */
static void assign_take(const assign_asker *q, const espy_hit *hits, size_t n, espy_assignment *out)
{
    out->nearest_n = 0;
    for (size_t i = 0; i < n && out->nearest_n < q->r->o->k; i++)
        if (assign_allowed(q, hits[i].id))
            out->nearest[out->nearest_n++] =
                (espy_neighbour){q->r->label[hits[i].id], q->r->sample[hits[i].id], hits[i].cosine};
}

/* The neighbours of samples first .. first + n - 1 of those asked.  More than k are looked for at
 * once; where so many of them are forbidden that some may be missing, again with the filter. */
static espy_err assign_batch(espy_ctx *cx, const assign_run *r, size_t first, size_t n,
                             espy_assignment *out)
{
    const size_t dim = r->pool.dim, wide = r->o->k + ASSIGN_SPARE;
    const espy_index_query query = {.k = wide};
    float *x = espy_floats(cx, n * dim);
    espy_hit *hits = espy_array(cx, n * wide, sizeof *hits);
    size_t *found = espy_array(cx, n, sizeof *found);
    espy_err e = x && hits && found ? ESPY_E_OK : cx->code;
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++)
        memcpy(x + i * dim, r->pool.x + r->asked[first + i] * dim, dim * sizeof *x);
    if (e == ESPY_E_OK)
        e = espy_index_search(cx, r->index, x, n, &query, hits, found);
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++) {
        const assign_asker q = {r, &r->pool.at[r->asked[first + i]]};
        const espy_index_query alone = {.k = r->o->k, .allowed = assign_allowed, .self = &q};
        assign_take(&q, hits + i * wide, found[i], &out[i]);
        if (out[i].nearest_n == r->o->k || found[i] == r->references)
            continue;
        e = espy_index_search(cx, r->index, x + i * dim, 1, &alone, hits + i * wide, &found[i]);
        if (e == ESPY_E_OK)
            assign_take(&q, hits + i * wide, found[i], &out[i]);
    }
    espy_free(cx, x);
    espy_free(cx, hits);
    espy_free(cx, found);
    return e;
}

/* -- filing ------------------------------------------------------------------------------------ */
static int assign_better(const void *x, const void *y)
{
    const espy_assignment *a = *(espy_assignment *const *)x, *b = *(espy_assignment *const *)y;
    if (a->media != b->media)
        return a->media < b->media ? -1 : 1;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    if (a->confidence != b->confidence)
        return a->confidence > b->confidence ? -1 : 1;
    return a->sample < b->sample ? -1 : a->sample > b->sample;
}

/* Of several faces of one photo that match one label only the best is it. */
static espy_err assign_once_a_photo(espy_ctx *cx, espy_assignments *a)
{
    espy_assignment **match = espy_array(cx, a->n, sizeof *match);
    size_t n = 0;
    if (!match)
        return cx->code;
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].status == ESPY_MATCH_FOUND)
            match[n++] = &a->at[i];
    if (n > 0)
        qsort(match, n, sizeof(espy_assignment *), assign_better);
    for (size_t i = 1; i < n; i++) {
        if (match[i]->media != match[i - 1]->media || match[i]->label != match[i - 1]->label)
            continue;
        match[i]->status = ESPY_NO_MATCH;
        match[i]->confidence = 0;
    }
    for (size_t i = 0; i < n; i++)
        if (match[i]->status == ESPY_NO_MATCH)
            match[i]->label = 0;
    espy_free(cx, match);
    return ESPY_E_OK;
}

/* A sample that a person labelled meanwhile is identified already. */
static espy_err assign_commit(espy_ctx *cx, const assign_run *r, espy_assignments *a)
{
    espy_filing *filings = espy_array(cx, a->n, sizeof *filings);
    size_t n = 0, filed = 0;
    if (!filings)
        return cx->code;
    for (size_t i = 0; i < a->n; i++)
        if (a->at[i].status == ESPY_MATCH_FOUND)
            filings[n++] =
                (espy_filing){a->at[i].sample, a->at[i].label, (double)a->at[i].confidence,
                              &r->pool.at[r->asked[i]], false};
    espy_err e = espy_store_file(cx, r->ws->store, r->c->id, "assign", NULL, 0, filings, n, &filed);
    if (e == ESPY_E_OK)
        a->event = espy_store_event(r->ws->store);
    for (size_t i = 0, k = 0; e == ESPY_E_OK && i < a->n; i++)
        if (a->at[i].status == ESPY_MATCH_FOUND)
            a->at[i].status = filings[k++].filed ? ESPY_ASSIGNED : ESPY_ALREADY_IDENTIFIED;
    espy_free(cx, filings);
    return e;
}

static void assign_count(espy_assignments *a)
{
    for (size_t i = 0; i < a->n; i++) {
        espy_assign_status s = a->at[i].status;
        a->assigned += s == ESPY_ASSIGNED;
        a->matched += s == ESPY_MATCH_FOUND;
        a->no_match += s == ESPY_NO_MATCH;
        a->ambiguous += s == ESPY_ASSIGN_AMBIGUOUS;
        a->skipped += s == ESPY_ALREADY_IDENTIFIED || s == ESPY_NO_REFERENCE_DATA;
    }
}

static espy_err assign_all(espy_ctx *cx, const assign_run *r, espy_assignments *a)
{
    for (size_t first = 0; first < r->asked_n; first += ASSIGN_BATCH) {
        size_t n = r->asked_n - first < ASSIGN_BATCH ? r->asked_n - first : ASSIGN_BATCH;
        ESPY_TRY(espy_cancelled(cx));
        if (r->index)
            ESPY_TRY(assign_batch(cx, r, first, n, a->at + first));
        espy_progress_step(r->o->progress, "assigning", first + n, r->asked_n);
    }
    for (size_t i = 0; i < a->n; i++) {
        const espy_pool_sample *s = &r->pool.at[r->asked[i]];
        espy_assignment *to = &a->at[i];
        to->sample = s->sample;
        to->media = s->media;
        if (s->label != 0 || s->actor[0] != '\0') {
            to->status = ESPY_ALREADY_IDENTIFIED;
            to->label = s->label;
        } else if (!r->index) {
            to->status = ESPY_NO_REFERENCE_DATA;
        } else {
            espy_assign_decide(r->o, to);
        }
    }
    return r->photos ? assign_once_a_photo(cx, a) : ESPY_E_OK;
}

static espy_err assign_road(espy_ctx *cx, assign_run *r, espy_assignments *a)
{
    ESPY_TRY(espy_store_pool(cx, r->ws->store, r->c->id, 0, r->c->encoder_digest, &r->pool));
    ESPY_TRY(assign_asked(cx, r));
    ESPY_TRY(assign_references(cx, r));
    ESPY_TRY(assign_forbidden(cx, r));
    a->at = espy_array(cx, r->asked_n, sizeof *a->at);
    if (!a->at)
        return cx->code;
    a->n = r->asked_n;
    a->references = r->references;
    ESPY_TRY(assign_all(cx, r, a));
    if (r->o->commit)
        ESPY_TRY(assign_commit(cx, r, a));
    assign_count(a);
    return ESPY_E_OK;
}

espy_err espy_flow_assign(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const espy_assign_options *options, espy_assignments *out)
{
    assign_run r = {
        .ws = ws, .c = c, .o = options, .photos = !espy_modality_find(c->modality)->hears};
    espy_assignments a = {0};
    ESPY_TRY(assign_check(cx, options));
    espy_err e = assign_road(cx, &r, &a);
    assign_run_free(cx, &r);
    if (e == ESPY_E_OK)
        *out = a;
    else
        espy_assignments_free(cx, &a);
    return e;
}
