/* SPDX-License-Identifier: Apache-2.0
 * http - the server: what recognises, learns and remembers, for programs and browsers.
 * Depends on: flow and what is below it.
 *
 *   server.c   libmicrohttpd: connections, bodies, answers; one thread that never waits
 *   work.c     worker threads in four lanes, each with its own connection to the store
 *   call.h     one request as its handler sees it; route.h: the tables that handlers stand in
 *   auth.c     who asks; service.c: how an error looks in each of the four interfaces
 *   models.c   encoders and versions that are open, shared by the workers; warm.c opens them
 *   runner.c   jobs; hub.c: streams of server-sent events
 *   *_routes.c the handlers, one file per kind of thing
 *
 * Documents: docs/server.md, docs/api.md. */
#ifndef ESPY_HTTP_HTTP_H
#define ESPY_HTTP_HTTP_H

#include "base/mem.h"

/* Bounds on what a client can make the server do.  Each has a test. */
typedef struct espy_http_limits {
    size_t body;            /* bytes of a request's body */
    size_t bodies;          /* bytes of all bodies that are in memory */
    size_t fields;          /* fields in a form, parts in a multipart body, arguments in a query */
    size_t json_depth;      /* arrays and objects within each other */
    size_t ids;             /* items of one list: ids of a batch, numbers of a vector */
    size_t waiting;         /* requests that wait for a worker, in each lane */
    size_t connections;     /* open at once */
    size_t per_address;     /* connections of one address; 0: no other limit */
    size_t streams;         /* open server-sent event streams */
    double request_seconds; /* from the first byte to the answer */
    double long_seconds;    /* the same for what groups, assigns and imports */
    double idle_seconds;    /* a connection on which nothing happens is closed */
} espy_http_limits;
espy_http_limits espy_http_limits_usual(void);

typedef struct espy_serve_options {
    const char *workspace;         /* folder, or NULL: found as by every command */
    const char *address;           /* "127.0.0.1", "::", ... */
    uint16_t port;                 /* 0: any free one, said aloud */
    const char *certificate, *key; /* PEM files; both or neither */
    const char *allow_origin;      /* pages of this origin may ask (CORS), "*": all; NULL: none */
    const char *sounds_dir, *models_dir; /* EcoSight's folders */
    bool trust_loopback;  /* requests from this machine act as an administrator without a token */
    bool private_hooks;   /* webhooks may go to addresses of this machine and network */
    unsigned workers;     /* that encode; 0: one per CPU */
    double session_hours; /* how long a login holds */
    double threshold; /* SmartAttendance: least probability to be recognised; -1: the version's */
    bool literal;     /* SmartAttendance: it alone decides, as in the described system */
    espy_http_limits limits;
} espy_serve_options;

/* Serves until cx->cancel is set, then finishes what was begun.  *reload true asks for what SIGHUP
 * does: espy.conf is read anew and the live versions are opened anew; it is set back to false.
 * Errors: ARG (options), IO (address in use), NOT_FOUND, STORE, NOMEM. */
espy_err espy_serve(espy_ctx *cx, const espy_serve_options *options,
                    atomic_bool *reload) ESPY_NODISCARD;

#endif
