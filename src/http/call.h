/* SPDX-License-Identifier: Apache-2.0
 * http - one request as its handler sees it: who asks, what was sent (checked by the route's
 * table), what is answered.
 *
 * A handler runs in a worker thread, with that worker's context and connection to the store.  It
 * returns OK after one espy_reply_...(), or an error: what the error code means in HTTP is decided
 * in service.c (NOT_FOUND 404, ARG and FORMAT 400, EXISTS 409, LIMIT 413, UNSUPPORTED 415, DATA
 * 422, STORE and IO 503, else 500), unless espy_refuse() said another status.  The text of a
 * failure reaches the client, but for 5xx, whose text goes to the log alone. */
#ifndef ESPY_HTTP_CALL_H
#define ESPY_HTTP_CALL_H

#include "flow/workspace.h"
#include "http/route.h"

typedef struct espy_serving espy_serving; /* what all requests share: serving.h */
typedef struct espy_stream espy_stream;   /* hub.h */

typedef enum espy_role { ESPY_STUDENT, ESPY_INSTRUCTOR, ESPY_ADMIN } espy_role;
const char *espy_role_name(espy_role role); /* "student", ... */

typedef struct espy_caller {
    int64_t user; /* 0: nobody, or this machine itself (trusted) */
    int64_t key;  /* the API key used; 0: none */
    char name[128];
    espy_role role;
    unsigned may;       /* set of espy_may */
    int64_t collection; /* the only one that the key is for; 0: all */
    char csrf[44];      /* of the session by cookie; "": it is none */
} espy_caller;

typedef struct espy_upload {
    char *name; /* of the field */
    char *file; /* file name without folders, or "" */
    char *type; /* content type, or "" */
    espy_span bytes;
    bool owned; /* bytes were decoded, not borrowed from the body */
} espy_upload;

typedef struct espy_reply {
    int status; /* 0: none yet */
    const char *type;
    espy_buf body;
    espy_stream *stream; /* instead of a body */
    bool secret;         /* `kept` instead of the body is remembered for a request with the same
                            Idempotency-Key */
    espy_buf kept;
    struct {
        char *name, *value;
    } headers[12];
    size_t headers_n;
} espy_reply;

struct espy_call {
    espy_ctx *cx;
    espy_serving *serving;
    espy_workspace *ws;
    const espy_route *route;
    const espy_service *service;
    const char *method; /* as it was sent */
    const char *peer;   /* numeric address, behind a proxy on this machine the one that it tells; of
                           IPv6 the network of 64 bits */
    char id[24];        /* of the request */
    bool loopback;      /* from this machine, and not passed on by a proxy */
    espy_caller who;
    espy_reply reply;

    /* The rest belongs to call.c, request.c and service.c. */
    const char *(*header)(void *self, const char *name);
    void *header_self;
    espy_json *values; /* by field */
    espy_json *nulls;  /* {field: true}: sent as null, which is as if not sent */
    espy_upload *uploads;
    size_t uploads_n, uploads_room;
    espy_json *wrong; /* {field: [texts]} */
    int refused;      /* status of espy_refuse(); 0: none */
    const char *refused_code;
};

/* -- what was sent ----------------------------------------------------------------------------- */
/* A header of the request, or NULL. */
const char *espy_call_header(const espy_call *call, const char *name);

/* Whether the field was sent (or has a default). */
bool espy_call_has(const espy_call *call, const char *field);
/* Whether it was sent as null: what changes a thing may take that for "none". */
bool espy_call_null(const espy_call *call, const char *field);
/* NULL, 0, false where it was not. */
const char *espy_call_text(const espy_call *call, const char *field);
int64_t espy_call_int(const espy_call *call, const char *field);
double espy_call_real(const espy_call *call, const char *field);
bool espy_call_bool(const espy_call *call, const char *field);
const espy_json *espy_call_json(const espy_call *call, const char *field); /* lists and objects */
/* File i of a field, or NULL. */
const espy_upload *espy_call_file(const espy_call *call, const char *field, size_t i);
size_t espy_call_files(const espy_call *call, const char *field);
/* An IDS field as numbers; the caller frees it.  *n 0 and NULL where it was not sent. */
espy_err espy_call_ids(const espy_call *call, const char *field, int64_t **ids,
                       size_t *n) ESPY_NODISCARD;

/* -- what is refused --------------------------------------------------------------------------- */
/* Another status than the error's own: 401, 403, 409 ...  code NULL: the status's usual one. */
espy_err espy_refuse(espy_call *call, int status, const char *code, const char *fmt, ...)
    ESPY_PRINTF(4, 5);
/* A field is wrong in a way that the table cannot tell: 400 with the field's name. */
espy_err espy_refuse_field(espy_call *call, const char *field, const char *fmt, ...)
    ESPY_PRINTF(3, 4);

/* -- what is answered: one of these, once ------------------------------------------------------ */
/* Takes over `v`, also on failure. */
espy_err espy_reply_json(espy_call *call, int status, espy_json *v) ESPY_NODISCARD;
/* The same with a member that is a secret: it is told this once, and null where the answer is given
 * again (Idempotency-Key). */
espy_err espy_reply_secret(espy_call *call, int status, espy_json *v,
                           const char *member) ESPY_NODISCARD;
/* type: a literal.  Takes over the buffer's content. */
espy_err espy_reply_bytes(espy_call *call, int status, const char *type,
                          espy_buf *bytes) ESPY_NODISCARD;
espy_err espy_reply_text(espy_call *call, int status, const char *type,
                         const char *text) ESPY_NODISCARD;
espy_err espy_reply_empty(espy_call *call, int status) ESPY_NODISCARD; /* 204 */
/* Adds a header; value without control characters (ARG). */
espy_err espy_reply_header(espy_call *call, const char *name, const char *value) ESPY_NODISCARD;

/* -- for the server ---------------------------------------------------------------------------- */
/* Runs the request: who asks, what was sent, the handler, and the shape of a failure.  Never fails:
 * there is always a reply.
 *   raw  the path and query as they were sent;  body  the complete body */
void espy_call_run(espy_call *call, const char *raw, espy_span body);
/* A reply for what went wrong before or instead of a handler. */
void espy_call_fault(espy_call *call, int status, const char *code, const char *text);
void espy_call_free(espy_call *call);

/* The route for a method and the path of a raw target; NULL: none, and then *allowed lists the
 * methods that the path has ("GET, POST"; "" for none).  It is found without decoding the path's
 * parameters. */
const espy_route *espy_route_find(const char *method, const char *raw, char *allowed, size_t room);
/* The service whose paths begin like this one. */
const espy_service *espy_service_of(const char *raw);

/* -- things of the caller ---------------------------------------------------------------------- */
/* The collection by its id (digits) or name, of the caller's own or any for administrators and for
 * those who may act in it.  NOT_FOUND otherwise. */
espy_err espy_call_collection(espy_call *call, const char *id_or_name,
                              espy_collection *out) ESPY_NODISCARD;
/* NOT_FOUND unless the collection of this id is the caller's (see above). */
espy_err espy_call_owns(espy_call *call, int64_t collection) ESPY_NODISCARD;
/* Whether the caller may do this: 403 says so. */
espy_err espy_call_may(espy_call *call, unsigned may) ESPY_NODISCARD;

#endif
