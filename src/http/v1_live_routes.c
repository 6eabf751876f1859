/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: frames of a camera and chunks of a microphone, one after the other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "encode/listen.h"
#include "encode/wave.h"
#include "http/asked.h"
#include "http/attend.h"
#include "http/live.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/attendance.h"
#include "store/label.h"
#include "store/session.h"

#define LIVE_GAP 0.96 /* seconds: events of one label this close are one */

static void topic_of(const espy_call *call, const espy_collection *c, char *out, size_t room)
{
    snprintf(out, room, "live:%lld:%lld:%s", (long long)c->id, (long long)call->who.user,
             espy_call_text(call, "stream"));
}

/* -- faces ------------------------------------------------------------------------------------- */
typedef struct live_run {
    espy_call *call;
    espy_collection c;
    espy_scan scan;
    espy_result *result;
    int64_t session; /* whose attendance list fills; 0: none */
    char day[11];    /* of the session */
} live_run;

/* Who was seen long enough is marked in the session once, unless switched off; *word: "new",
 * "already", or NULL.  Somebody who steps into another's place may go on with that one's track, so
 * it remembers whom it was told for, too. */
static espy_err live_mark(live_run *run, espy_track *track, const char *code, const char **word)
{
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    espy_label label = {0};
    int64_t id;
    bool there, fresh = false, kept = false;
    if (!run->session)
        return ESPY_E_OK;
    ESPY_TRY(espy_attend_label(call, run->c.id, code, &label, &there));
    if (!there)
        return ESPY_E_OK;
    if (track->told[0] == run->session && track->told[1] == label.id) {
        espy_label_free(cx, &label);
        return ESPY_E_OK;
    }
    const espy_mark mark = {.session = run->session,
                            .label = label.id,
                            .day = run->day,
                            .present = true,
                            .user = call->who.user,
                            .confidence = NAN};
    espy_err e = espy_store_attendance_mark(cx, call->ws->store, &mark, &id, &fresh, &kept);
    espy_label_free(cx, &label);
    ESPY_TRY(e);
    track->told[0] = run->session;
    track->told[1] = mark.label;
    *word = fresh ? "new" : "already";
    return ESPY_E_OK;
}

/* Adds the track of sample i to its answer. */
static espy_err live_sample(live_run *run, espy_track *track, espy_made *m)
{
    const char *label = NULL, *marked = NULL;
    if (!track) {
        espy_put_null(m, "track");
        return m->e;
    }
    espy_consensus c = espy_track_consensus(track, &label);
    if (c == ESPY_CONSENSUS_KNOWN)
        ESPY_TRY(live_mark(run, track, label, &marked));
    espy_made t = espy_make_object(run->call->cx);
    espy_put_int(&t, "id", track->id);
    espy_put_int(&t, "frames", (int64_t)track->frames);
    espy_put_text(&t, "consensus", espy_consensus_name(c));
    espy_put_text(&t, "label", label);
    espy_put_text(&t, "marked", marked);
    espy_put_made(m, "track", &t);
    return m->e;
}

static espy_err live_faces(live_run *run, espy_live_stream *stream, espy_json **out)
{
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    espy_json *line = NULL;
    const double floor =
        0.5; /* two frames of one face are more alike than two photos of one person */
    espy_track **tracks = espy_array(cx, run->scan.n, sizeof *tracks);
    espy_err e = ESPY_E_OK;
    if (!tracks)
        return cx->code;
    ESPY_GO(espy_tracker_frame(cx, &stream->tracker, &run->scan, run->result, floor, tracks));
    ESPY_GO(espy_result_json(cx, espy_modality_find(run->c.modality),
                             espy_call_text(call, "stream"), &run->scan, run->result, &line));
    espy_made m = {cx, line, ESPY_E_OK};
    espy_put_int(&m, "frame", stream->tracker.frame);
    espy_put_int(&m, "width", run->scan.width);
    espy_put_int(&m, "height", run->scan.height);
    const espy_json *samples = espy_json_get(line, "samples");
    for (size_t i = 0; i < run->scan.n && m.e == ESPY_E_OK; i++) {
        espy_made s = {cx, (espy_json *)(uintptr_t)espy_json_at(samples, i), ESPY_E_OK};
        m.e = live_sample(run, tracks[i], &s);
    }
    e = espy_made_end(&m, out);
out:
    espy_free(cx, tracks);
    return e;
}

/* -- sounds ------------------------------------------------------------------------------------ */
/* The chunk comes behind what was kept; more than ESPY_LIVE_HEARD is let go at the front. */
static espy_err live_hear(espy_ctx *cx, espy_live_stream *s, espy_span file, int rate,
                          double *seconds)
{
    const size_t room = (size_t)(ESPY_LIVE_HEARD * rate);
    espy_wave *w = NULL;
    size_t got = 0, n = 0;
    float block[4096];
    espy_err e = ESPY_E_OK;
    if (!s->wave)
        s->wave = espy_floats(cx, room);
    if (!s->wave)
        return cx->code;
    ESPY_TRY(espy_wave_open(cx, NULL, file, rate, 0, 0, &w));
    do {
        ESPY_GO(espy_wave_read(cx, w, block, sizeof block / sizeof *block, &got));
        size_t over = s->have + got > room ? s->have + got - room : 0;
        memmove(s->wave, s->wave + over, (s->have - over) * sizeof *s->wave);
        s->have -= over;
        memcpy(s->wave + s->have, block, got * sizeof *block);
        s->have += got;
        n += got;
    } while (got == sizeof block / sizeof *block);
    *seconds = (double)n / rate;
    s->end += *seconds;
out:
    espy_wave_close(cx, &w);
    return e;
}

/* The event of before that this one goes on with, or a new one. */
static espy_live_event *live_event(espy_live_stream *s, const char *label, double start, double end)
{
    for (size_t i = 0; i < s->events_n; i++) {
        espy_live_event *v = &s->events[i];
        if (strcmp(v->label, label) == 0 && start <= v->end + LIVE_GAP && end >= v->start) {
            v->end = end > v->end ? end : v->end;
            return v;
        }
    }
    if (s->events_n == ESPY_LIVE_EVENTS) {
        memmove(s->events, s->events + 1, (ESPY_LIVE_EVENTS - 1) * sizeof *s->events);
        s->events_n--;
    }
    espy_live_event *v = &s->events[s->events_n++];
    *v = (espy_live_event){.id = ++s->given, .start = start, .end = end};
    snprintf(v->label, sizeof v->label, "%s", label);
    return v;
}

static espy_err live_sounds(live_run *run, espy_live_stream *s, espy_span file, espy_json **out)
{
    static const espy_listen_options usual = {ESPY_LISTEN_USUAL};
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    espy_buf wav;
    double seconds = 0;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&wav, (size_t)16 << 20);
    ESPY_TRY(espy_models_encoder(cx, call->serving->models, call->ws, &run->c, &encoder));
    const int rate = espy_encoder_rate(encoder);
    ESPY_GO(live_hear(cx, s, file, rate, &seconds));
    ESPY_GO(espy_sound_to_wav(cx, s->wave, s->have, rate, &wav));
    ESPY_GO(espy_asked_identify(call, &run->c, 0, NULL, &usual, espy_span_of(&wav), &run->scan,
                                &run->result));
    const double from = s->end - (double)s->have / rate;
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    for (size_t i = 0; i < run->result->n; i++) {
        const espy_answer *a = &run->result->at[i];
        double start = from + (double)a->box[0], end = start + (double)a->box[2];
        if (a->decision != ESPY_KNOWN || end < s->end - seconds - LIVE_GAP)
            continue; /* told with an earlier chunk, and over */
        const espy_live_event *v = live_event(s, a->label, start, end);
        espy_made o = espy_make_object(cx);
        espy_put_int(&o, "id", v->id);
        espy_put_text(&o, "label", a->label);
        espy_put_text(&o, "name", a->name);
        espy_put_real(&o, "start", round(100 * v->start) / 100);
        espy_put_real(&o, "end", round(100 * v->end) / 100);
        espy_put_bool(&o, "open", v->end > s->end - LIVE_GAP);
        espy_put(&o, "probability", espy_json_of_float(a->probability));
        espy_put(&o, "similarity", espy_json_of_float(a->similarity));
        espy_put_made(&list, NULL, &o);
    }
    espy_put_text(&m, "media", espy_call_text(call, "stream"));
    espy_put_text(&m, "decision", "sounds");
    espy_put_real(&m, "heard", round(100 * s->end) / 100);
    espy_put_made(&m, "events", &list);
    e = espy_made_end(&m, out);
out:
    espy_buf_free(cx, &wav);
    return e;
}

/* -- the routes -------------------------------------------------------------------------------- */
static espy_err live_session(live_run *run)
{
    espy_session s = {0};
    espy_call *call = run->call;
    if (!espy_call_has(call, "session"))
        return ESPY_E_OK;
    ESPY_TRY(espy_call_may(call, ESPY_MAY_ENROLL));
    ESPY_TRY(espy_store_session_get(call->cx, call->ws->store, espy_call_int(call, "session"), &s));
    bool own = s.collection == run->c.id, closed = s.closed;
    run->session = s.id;
    espy_attend_day(&s, run->day);
    espy_session_free(call->cx, &s);
    if (!own)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "the collection has no such session");
    return closed ? espy_refuse(call, 409, "closed", "the session is closed") : ESPY_E_OK;
}

static espy_err live_answer(live_run *run, espy_json **out)
{
    espy_call *call = run->call;
    espy_ctx *cx = call->cx;
    const espy_span file = espy_call_file(call, "file", 0)->bytes;
    const espy_modality *m = espy_modality_find(run->c.modality);
    espy_live_stream *stream = NULL;
    ESPY_TRY(live_session(run));
    if (!m->hears) /* frames may be encoded side by side; only their order is the stream's */
        ESPY_TRY(espy_asked_identify(call, &run->c, 0, NULL, NULL, file, &run->scan, &run->result));
    ESPY_TRY(espy_live_take(cx, call->serving->live, run->c.id, call->who.user,
                            espy_call_text(call, "stream"), &stream));
    espy_err e = m->hears ? live_sounds(run, stream, file, out) : live_faces(run, stream, out);
    espy_live_give(call->serving->live, stream);
    return e;
}

static espy_err frame(espy_call *call)
{
    espy_ctx *cx = call->cx;
    live_run run = {.call = call};
    espy_json *o = NULL;
    char topic[128];
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &run.c));
    espy_err e = live_answer(&run, &o);
    if (e == ESPY_E_OK) {
        topic_of(call, &run.c, topic, sizeof topic);
        espy_ignore(espy_hub_publish(cx, call->serving->hub, topic, "frame", 0, o));
        e = espy_reply_json(call, 200, o);
    }
    espy_result_free(run.result);
    espy_scan_free(cx, &run.scan);
    espy_collection_free(cx, &run.c);
    return e;
}

static espy_err stream(espy_call *call)
{
    espy_collection c = {0};
    char topic[128];
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    topic_of(call, &c, topic, sizeof topic);
    espy_collection_free(call->cx, &c);
    return espy_reply_stream(call, topic, 0);
}

#define STREAM_FIELD                                                           \
    {                                                                          \
        "stream", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 64, true, NULL, NULL,      \
            "a name of the client's choice, one for each camera or microphone" \
    }
static const espy_field frame_fields[] = {ESPY_COLLECTION_FIELD,
                                          STREAM_FIELD,
                                          {"file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL,
                                           NULL, "the next picture, or the next seconds of sound"},
                                          {"session", ESPY_IN_EITHER, ESPY_FIELD_INT, 1,
                                           9007199254740991.0, false, NULL, NULL,
                                           "session whose attendance list fills"},
                                          {0}};
static const espy_field stream_fields[] = {ESPY_COLLECTION_FIELD, STREAM_FIELD, {0}};

const espy_route espy_routes_v1_live[] = {
    {"POST", "/v1/collections/{collection}/live/{stream}/frames", &espy_service_v1,
     ESPY_MAY_IDENTIFY, ESPY_LANE_INFER, frame_fields,
     "The next frame or chunk: who is there, and what several frames agree on",
     "200 LiveFrame|404|409", frame},
    {"GET", "/v1/collections/{collection}/live/{stream}/stream", &espy_service_v1,
     ESPY_MAY_IDENTIFY, ESPY_LANE_QUICK, stream_fields,
     "The answers to the frames as server-sent events", "200 text/event-stream|404", stream},
    {0}};

const espy_schema espy_schemas_v1_live[] = {
    {"LiveFrame",
     "{\"type\":\"object\",\"required\":[\"media\",\"decision\"],\"properties\":{"
     "\"media\":{\"type\":\"string\"},\"decision\":{\"enum\":[\"faces\",\"no_face\","
     "\"sounds\"]},\"samples\":{\"type\":\"array\"},\"events\":{\"type\":\"array\"}}}"},
    {0}};
