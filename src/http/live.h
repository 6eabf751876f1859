/* SPDX-License-Identifier: Apache-2.0
 * http - live streams: what is known of a camera or a microphone between one request and the next.
 *
 * The state is this process's alone; frames of one stream go to one server. */
#ifndef ESPY_HTTP_LIVE_H
#define ESPY_HTTP_LIVE_H

#include "flow/track.h"

#define ESPY_LIVE_STREAMS 256
#define ESPY_LIVE_SECONDS 60.0 /* a stream without a frame for so long is forgotten */
#define ESPY_LIVE_HEARD 12.0   /* seconds of sound that are kept to hear across chunks */
#define ESPY_LIVE_EVENTS 32    /* sound events that may still grow */

typedef struct espy_live_event {
    int64_t id;
    char label[128];
    double start, end; /* seconds since the stream began */
} espy_live_event;

typedef struct espy_live_stream {
    espy_tracker tracker; /* faces */
    float *wave;          /* sounds: the last seconds, at the encoder's rate */
    size_t have;
    double end; /* seconds of sound so far */
    espy_live_event events[ESPY_LIVE_EVENTS];
    size_t events_n;
    int64_t given; /* event ids */
} espy_live_stream;

typedef struct espy_live espy_live;
espy_err espy_live_create(espy_ctx *cx, espy_live **out) ESPY_NODISCARD;
void espy_live_destroy(espy_ctx *cx, espy_live **live);

/* The stream of that name of a user in a collection, which nobody else has until it is given back.
 * Errors: EXISTS (somebody has had it for seconds), LIMIT (too many streams), NOMEM. */
espy_err espy_live_take(espy_ctx *cx, espy_live *live, int64_t collection, int64_t user,
                        const char *name, espy_live_stream **out) ESPY_NODISCARD;
void espy_live_give(espy_live *live, espy_live_stream *stream);

#endif
