/* SPDX-License-Identifier: Apache-2.0
 * flow - from a recording to events. */
#include "flow/listen.h"

#include <math.h>
#include <string.h>

#include "encode/listen.h"
#include "flow/scan.h"
#include "learn/gallery.h"

#define LISTEN_HOLD 0.8         /* share of the threshold that keeps a label going */
#define LISTEN_HOLD_COSINE 0.05 /* and how far below the floor its cosine may fall */
#define LISTEN_WINDOW_MOST 64   /* patches */

/* What a window was taken for: a label, or one of the decisions without one. */
typedef struct listen_kind {
    espy_decision decision;
    uint32_t label; /* of ESPY_KNOWN */
    bool held;      /* known only because it was so before */
} listen_kind;

typedef struct listen_event {
    listen_kind kind;
    double start, end;
    float level, best; /* loudest window; probability of the best one, */
    float *p, *cosine; /* whose answers these are, `classes` each */
} listen_event;

typedef struct listen_run {
    const espy_identifier *id;
    const espy_listen_options *o;
    espy_listen_times times;
    size_t dim, classes, window; /* window: patches */
    float *vectors;              /* patches that windows still need, then those of the next block */
    espy_patch *patches;
    size_t have;                      /* patches there */
    size_t passed;                    /* windows told so far */
    double edge;                      /* where the last of them ends */
    bool whole;                       /* the recording is one sample */
    float *rows, *level, *p, *cosine; /* of the windows of a block */
    listen_event *at;                 /* events; the last one may still grow */
    size_t n, room;
} listen_run;

static void listen_free(espy_ctx *cx, listen_run *r)
{
    for (size_t i = 0; i < r->n; i++)
        espy_free(cx, r->at[i].p);
    espy_free(cx, r->at);
    espy_free(cx, r->vectors);
    espy_free(cx, r->patches);
    espy_free(cx, r->rows);
    espy_free(cx, r->level);
    espy_free(cx, r->p);
    espy_free(cx, r->cosine);
}

static espy_err listen_make(espy_ctx *cx, listen_run *r)
{
    const size_t most = LISTEN_WINDOW_MOST + ESPY_LISTEN_BLOCK;
    const double patches = round((r->o->window - r->times.patch) / r->times.step) + 1;
    r->window = (size_t)fmin(fmax(patches, 1), LISTEN_WINDOW_MOST);
    r->vectors = espy_floats(cx, most * r->dim);
    r->patches = espy_array(cx, most, sizeof *r->patches);
    r->rows = espy_floats(cx, most * r->dim);
    r->level = espy_floats(cx, most);
    r->p = espy_floats(cx, most * r->classes);
    r->cosine = espy_floats(cx, most * r->classes);
    return cx->code;
}

/* ---- windows to events --------------------------------------------------------------------- */

/* The rule's decision, or the label that goes on. */
static listen_kind listen_decide(const listen_run *r, const float *p, const float *cosine,
                                 float level)
{
    const espy_decision_rule *rule = &r->id->rule;
    const espy_quality q = {ESPY_QUALITY_UNKNOWN, level, ESPY_QUALITY_UNKNOWN};
    const espy_verdict v = espy_decide(rule, p, cosine, r->classes, &q);
    const listen_event *last = r->n ? &r->at[r->n - 1] : NULL;
    if (v.decision == ESPY_KNOWN)
        return (listen_kind){ESPY_KNOWN, v.label, false};
    if (last && last->end >= r->edge && last->kind.decision == ESPY_KNOWN &&
        v.decision != ESPY_POOR_QUALITY && v.label == last->kind.label &&
        (double)v.probability >= LISTEN_HOLD * rule->threshold &&
        (rule->no_floor || (double)v.similarity >= rule->floor - LISTEN_HOLD_COSINE))
        return (listen_kind){ESPY_KNOWN, v.label, true};
    return (listen_kind){v.decision, 0, false};
}

static bool listen_same(listen_kind a, listen_kind b)
{
    return a.decision == b.decision && a.label == b.label;
}

/* The event that a stretch goes on with, or NULL.  A label goes on over stretches without one,
 * which become part of it. */
static listen_event *listen_before(espy_ctx *cx, listen_run *r, listen_kind kind, double start)
{
    const bool known = kind.decision == ESPY_KNOWN;
    size_t n = r->n;
    while (known && n && r->at[n - 1].kind.decision != ESPY_KNOWN)
        n--;
    listen_event *e = n ? &r->at[n - 1] : NULL;
    if (!e || !listen_same(e->kind, kind) || start - e->end > (known ? r->o->gap : 0) + 1e-9)
        return NULL;
    while (r->n > n)
        espy_free(cx, r->at[--r->n].p);
    return e;
}

static espy_err listen_begin(espy_ctx *cx, listen_run *r, listen_kind kind, double start,
                             listen_event **out)
{
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 16;
        listen_event *at = espy_resize(cx, r->at, room, sizeof *at);
        if (!at)
            return cx->code;
        r->at = at;
        r->room = room;
    }
    float *both = espy_floats(cx, 2 * r->classes);
    if (!both)
        return cx->code;
    *out = &r->at[r->n++];
    **out = (listen_event){kind, start, start, 0, -1, both, both + r->classes};
    return ESPY_E_OK;
}

/* Begins an event, or goes on with one of the same kind that ended close enough before. */
static espy_err listen_note(espy_ctx *cx, listen_run *r, listen_kind kind, double start, double end,
                            const float *p, const float *cosine, float level)
{
    const size_t bytes = r->classes * sizeof *p;
    if (kind.decision != ESPY_KNOWN && !r->o->all && !r->whole)
        return ESPY_E_OK;
    listen_event *e = listen_before(cx, r, kind, start);
    if (!e)
        ESPY_TRY(listen_begin(cx, r, kind, start, &e));
    e->end = end;
    e->level = fmaxf(e->level, level);
    const float score = kind.decision == ESPY_KNOWN ? p[kind.label] : level;
    if (score > e->best && !kind.held) {
        e->best = score;
        memcpy(e->p, p, bytes);
        memcpy(e->cosine, cosine, bytes);
    }
    return ESPY_E_OK;
}

/* Makes one of two unknown stretches that touch: b becomes part of a. */
static void listen_join(espy_ctx *cx, listen_event *a, listen_event *b)
{
    a->end = b->end;
    if (b->level > a->level) { /* the louder one is told of */
        espy_free(cx, a->p);
        a->p = b->p;
        a->cosine = b->cosine;
        a->level = b->level;
    } else {
        espy_free(cx, b->p);
    }
}

/* An event that ended and is too short is not kept, or is a stretch in which nothing is known. */
static void listen_drop_short(espy_ctx *cx, listen_run *r)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->n; i++) {
        listen_event e = r->at[i], *last = kept ? &r->at[kept - 1] : NULL;
        if (e.kind.decision == ESPY_KNOWN && e.end - e.start < r->o->least - 1e-9) {
            if (!r->o->all) {
                espy_free(cx, e.p);
                continue;
            }
            e.kind = (listen_kind){ESPY_UNKNOWN, 0, false};
        }
        if (last && e.kind.decision == ESPY_UNKNOWN && listen_same(last->kind, e.kind))
            listen_join(cx, last, &e);
        else
            r->at[kept++] = e;
    }
    r->n = kept;
}

/* Answers n windows of `size` patches that lie at the beginning of what is there; nothing lies
 * beyond `heard` seconds. */
static espy_err listen_windows(espy_ctx *cx, listen_run *r, size_t n, size_t size, double heard)
{
    const espy_identifier *id = r->id;
    const double step = r->times.step, half = ((double)(size - 1) * step + r->times.patch) / 2;
    for (size_t i = 0; i < n; i++) {
        ESPY_TRY(espy_patches_mean(cx, r->vectors + i * r->dim, r->patches + i, size, r->dim,
                                   r->rows + i * r->dim));
        r->level[i] = 0;
        for (size_t k = 0; k < size; k++)
            r->level[i] = fmaxf(r->level[i], r->patches[i + k].level);
    }
    ESPY_TRY(id->head->ops->probabilities(cx, id->head, r->rows, n, r->p));
    ESPY_TRY(espy_gallery_nearest(cx, &id->gallery.rows, r->rows, n, r->cosine));
    for (size_t i = 0; i < n; i++) {
        const float *p = r->p + i * r->classes, *cosine = r->cosine + i * r->classes;
        const listen_kind kind = listen_decide(r, p, cosine, r->level[i]);
        const double end = fmin((double)(r->passed + i) * step + half + step / 2, heard);
        ESPY_TRY(listen_note(cx, r, kind, r->edge, end, p, cosine, r->level[i]));
        r->edge = end;
    }
    r->passed += n;
    return ESPY_E_OK;
}

/* Drops the first n patches. */
static void listen_shift(listen_run *r, size_t n)
{
    r->have -= n;
    memmove(r->vectors, r->vectors + n * r->dim, r->have * r->dim * sizeof *r->vectors);
    memmove(r->patches, r->patches + n, r->have * sizeof *r->patches);
}

/* What the last window was taken for lasts to the end. */
static void listen_end(listen_run *r, double heard)
{
    if (r->n && r->at[r->n - 1].end >= r->edge)
        r->at[r->n - 1].end = heard;
}

static espy_err listen_all(espy_ctx *cx, listen_run *r, espy_listener *l)
{
    for (bool ended = false; !ended;) {
        size_t n;
        ESPY_TRY(espy_listener_next(cx, l, ESPY_LISTEN_BLOCK, r->vectors + r->have * r->dim, NULL,
                                    r->patches + r->have, &n));
        ended = n < ESPY_LISTEN_BLOCK;
        r->have += n;
        const double heard = espy_listener_heard(l);
        const bool short_one = ended && r->passed == 0;
        r->whole = short_one && heard <= r->times.clip + 1e-6;
        const size_t size = r->whole || (short_one && r->have < r->window) ? r->have : r->window;
        if (size == 0 || r->have < size)
            continue;
        const size_t windows = r->have - size + 1;
        ESPY_TRY(listen_windows(cx, r, windows, size, heard));
        listen_shift(r, windows);
    }
    if (r->passed == 0 && r->o->start > 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the recording ends before %g s, where it was to begin",
                         r->o->start);
    if (r->passed == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "the file holds no sound: not one value");
    listen_end(r, espy_listener_heard(l));
    return ESPY_E_OK;
}

/* ---- events to answers --------------------------------------------------------------------- */

static espy_err listen_answer(espy_ctx *cx, const listen_run *r, espy_scan *scan,
                              espy_result **result)
{
    espy_err e = ESPY_E_OK;
    float *p = espy_floats(cx, r->n * r->classes), *cosine = espy_floats(cx, r->n * r->classes);
    scan->at = espy_array(cx, r->n, sizeof *scan->at);
    if (!p || !cosine || !scan->at)
        ESPY_GO(cx->code);
    scan->n = r->n;
    for (size_t i = 0; i < r->n; i++) {
        const listen_event *v = &r->at[i];
        scan->at[i] = (espy_scan_sample){
            .box = {(float)(r->o->start + v->start), 0, (float)(v->end - v->start), 0},
            .score = fminf(v->level, 1)};
        memcpy(p + i * r->classes, v->p, r->classes * sizeof *p);
        memcpy(cosine + i * r->classes, v->cosine, r->classes * sizeof *cosine);
    }
    ESPY_GO(espy_identify_answers(cx, r->id, scan, p, cosine, result));
    for (size_t i = 0; i < r->n; i++) /* a dropped event may be one that the rule would name */
        if (r->at[i].kind.decision != ESPY_KNOWN) {
            espy_answer *a = &(*result)->at[i];
            a->decision = r->at[i].kind.decision;
            a->label = a->name = NULL;
        }
out:
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}

espy_err espy_listen(espy_ctx *cx, const espy_identifier *id, const char *path, espy_span file,
                     const espy_listen_options *options, espy_scan *scan, espy_result **result)
{
    listen_run r = {.id = id,
                    .o = options,
                    .times = espy_encoder_times(id->encoder),
                    .dim = espy_encoder_dim(id->encoder),
                    .classes = id->head->classes};
    espy_listener *l = NULL;
    espy_scan s = {.dim = r.dim};
    espy_listen_options one = *options;
    espy_err e = ESPY_E_OK;
    *result = NULL;
    if (options->clip) {
        one.most = r.times.clip;
        one.all = true;
        r.o = &one;
    }
    ESPY_GO(listen_make(cx, &r));
    e = espy_listener_open(cx, id->encoder, path, file, r.o->start, r.o->most, &l);
    if (e == ESPY_E_OK)
        e = listen_all(cx, &r, l);
    if (e != ESPY_E_OK) {
        ESPY_GO(espy_scan_excuse(cx, e, &s));
        *scan = s;
        s = (espy_scan){0};
        goto out;
    }
    if (!r.whole)
        listen_drop_short(cx, &r);
    s.width = (int)fmin(espy_listener_heard(l) * 1000, 2e9);
    ESPY_GO(listen_answer(cx, &r, &s, result));
    *scan = s;
    s = (espy_scan){0};
out:
    espy_listener_close(cx, &l);
    espy_scan_free(cx, &s);
    listen_free(cx, &r);
    return e;
}
