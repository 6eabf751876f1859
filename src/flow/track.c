/* SPDX-License-Identifier: Apache-2.0
 * flow - tracks. */
#include "flow/track.h"

#include <string.h>

#define TRACK_OVERLAP 0.3F
#define TRACK_PATIENCE 10

static void track_free(espy_ctx *cx, espy_track *t)
{
    for (size_t i = 0; i < ESPY_TRACK_LOOKS; i++)
        espy_free(cx, t->looks[i]);
    espy_free(cx, t->x);
    *t = (espy_track){0};
}

void espy_tracker_free(espy_ctx *cx, espy_tracker *t)
{
    for (size_t i = 0; i < t->n; i++)
        track_free(cx, &t->at[i]);
    *t = (espy_tracker){0};
}

/* Those that were not seen for long make room; the others keep their order. */
static void tracker_tidy(espy_ctx *cx, espy_tracker *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->frame - t->at[i].last > TRACK_PATIENCE)
            track_free(cx, &t->at[i]);
        else
            t->at[n++] = t->at[i];
    t->n = n;
}

static float cosine(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* The track that a sample goes on with; NULL: none. */
static espy_track *tracker_match(espy_tracker *t, const espy_scan_sample *s, double floor)
{
    espy_track *best = NULL;
    float most = TRACK_OVERLAP;
    for (size_t i = 0; i < t->n; i++) {
        float overlap = espy_box_overlap(t->at[i].box, s->box);
        if (t->at[i].last != t->frame && overlap >= most) {
            most = overlap;
            best = &t->at[i];
        }
    }
    if (best)
        return best;
    most = (float)floor;
    for (size_t i = 0; s->embedding && i < t->n; i++) {
        float like = cosine(t->at[i].x, s->embedding, t->dim);
        if (t->at[i].last != t->frame && like >= most) {
            most = like;
            best = &t->at[i];
        }
    }
    return best;
}

static espy_err track_new(espy_ctx *cx, espy_tracker *t, espy_track **out)
{
    *out = NULL;
    if (t->n == ESPY_TRACKS)
        return ESPY_E_OK;
    float *x = espy_floats(cx, t->dim);
    if (!x)
        return cx->code;
    *out = &t->at[t->n++];
    **out = (espy_track){.id = ++t->given, .x = x};
    return ESPY_E_OK;
}

/* A look too poor to judge says nothing. */
static espy_err track_look(espy_ctx *cx, espy_track *t, const espy_answer *a)
{
    if (a->decision == ESPY_POOR_QUALITY)
        return ESPY_E_OK;
    char *label = espy_strdup(cx, a->label ? a->label : "");
    if (!label)
        return cx->code;
    char **place = &t->looks[t->looked++ % ESPY_TRACK_LOOKS];
    espy_free(cx, *place);
    *place = label;
    return ESPY_E_OK;
}

espy_err espy_tracker_frame(espy_ctx *cx, espy_tracker *t, const espy_scan *scan,
                            const espy_result *r, double floor, espy_track **tracks)
{
    if (t->dim && scan->n && t->dim != scan->dim)
        return espy_fail(cx, ESPY_E_ARG, "the frames have another encoder than those before");
    if (scan->n)
        t->dim = scan->dim;
    t->frame++;
    tracker_tidy(cx, t);
    for (size_t i = 0; i < scan->n; i++) {
        const espy_scan_sample *s = &scan->at[i];
        tracks[i] = tracker_match(t, s, floor);
        if (!tracks[i])
            ESPY_TRY(track_new(cx, t, &tracks[i]));
        if (!tracks[i])
            continue;
        memcpy(tracks[i]->box, s->box, sizeof s->box);
        if (s->embedding)
            memcpy(tracks[i]->x, s->embedding, t->dim * sizeof *s->embedding);
        tracks[i]->last = t->frame;
        tracks[i]->frames++;
        ESPY_TRY(track_look(cx, tracks[i], &r->at[i]));
    }
    return ESPY_E_OK;
}

espy_consensus espy_track_consensus(const espy_track *track, const char **label)
{
    size_t n = track->looked < ESPY_TRACK_LOOKS ? track->looked : ESPY_TRACK_LOOKS;
    *label = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t votes = 0;
        for (size_t k = 0; k < n; k++)
            votes += strcmp(track->looks[i], track->looks[k]) == 0;
        if (track->looks[i][0] && votes >= ESPY_TRACK_LEAST && 2 * votes > n) {
            *label = track->looks[i];
            return ESPY_CONSENSUS_KNOWN;
        }
    }
    return n < ESPY_TRACK_LEAST ? ESPY_CONSENSUS_UNDECIDED : ESPY_CONSENSUS_UNKNOWN;
}

const char *espy_consensus_name(espy_consensus c)
{
    return c == ESPY_CONSENSUS_KNOWN     ? "known"
           : c == ESPY_CONSENSUS_UNKNOWN ? "unknown"
                                         : "undecided";
}
