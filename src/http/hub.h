/* SPDX-License-Identifier: Apache-2.0
 * http - streams of server-sent events (WHATWG HTML, "Server-sent events").
 *
 * A client listens to a topic ("job:12", "live:7", "events").  Whoever publishes to the topic
 * reaches all that listen; a client that does not keep up is cut off. */
#ifndef ESPY_HTTP_HUB_H
#define ESPY_HTTP_HUB_H

#include "http/call.h"

#define ESPY_STREAM_ROOM ((size_t)256 << 10) /* bytes that may wait for a slow client */

#define ESPY_TOPIC 128 /* bytes of a topic with its zero */

typedef struct espy_hub espy_hub;
espy_err espy_hub_create(espy_ctx *cx, size_t most, espy_hub **out) ESPY_NODISCARD;
void espy_hub_destroy(espy_ctx *cx, espy_hub **hub); /* all streams are closed */
void espy_hub_close(espy_hub *hub);                  /* ends all streams, and takes no more */

/* Answers the call with a stream on a topic.  since: where the topic's source is to begin (an event
 * id), for espy_hub_topics().  LIMIT when there are too many. */
espy_err espy_reply_stream(espy_call *call, const char *topic, int64_t since) ESPY_NODISCARD;

/* Sends an event to all who listen.  event: its name, a literal; data: one JSON value.  id: 0, or
 * what a client that comes back sends as Last-Event-ID.  A topic nobody listens to costs nothing.
 */
espy_err espy_hub_publish(espy_ctx *cx, espy_hub *hub, const char *topic, const char *event,
                          int64_t id, const espy_json *data) ESPY_NODISCARD;
/* The same for the state of something: a stream that was told the same state last is passed over.
 */
espy_err espy_hub_publish_state(espy_ctx *cx, espy_hub *hub, const char *topic, const char *event,
                                const espy_json *data) ESPY_NODISCARD;
/* Ends the streams of a topic after what was published. */
void espy_hub_end(espy_hub *hub, const char *topic);
/* Whether anybody listens to a topic. */
bool espy_hub_heard(espy_hub *hub, const char *topic);

/* What a source has to look after: every topic that is listened to, once, with the smallest event
 * id that its clients have seen; then all have seen it.  Returns the number; at most `room`. */
typedef struct espy_hub_topic {
    char topic[ESPY_TOPIC];
    int64_t since;
} espy_hub_topic;
size_t espy_hub_topics(espy_hub *hub, espy_hub_topic *out, size_t room);
/* Comments that keep connections alive and find those that are gone. */
void espy_hub_beat(espy_hub *hub);

/* -- for server.c ------------------------------------------------------------------------------ */
/* Reads what waits: the number of bytes, -1 at the end, or 0 for none yet: then pause(self) was
 * called, and wake(self) is once there is something. */
ptrdiff_t espy_stream_read(espy_stream *s, char *out, size_t room, void (*pause)(void *self),
                           void (*wake)(void *self), void *self);
void espy_stream_close(espy_stream *s); /* the client is gone: the stream is freed */

#endif
