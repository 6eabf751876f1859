/* SPDX-License-Identifier: Apache-2.0
 * http - one request: accessors, replies, and the way from request to reply. */
#include "http/call.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/auth.h"
#include "http/request.h"
#include "http/serving.h"
#include "store/setting.h"

#define REPLY_MOST ((size_t)256 << 20)

/* -- what was sent ----------------------------------------------------------------------------- */
const char *espy_call_header(const espy_call *call, const char *name)
{
    return call->header(call->header_self, name);
}

bool espy_call_has(const espy_call *call, const char *field)
{
    return espy_json_get(call->values, field) || espy_call_files(call, field);
}

bool espy_call_null(const espy_call *call, const char *field)
{
    return espy_json_get(call->nulls, field) != NULL;
}

const char *espy_call_text(const espy_call *call, const char *field)
{
    return espy_json_string(espy_json_get(call->values, field), NULL);
}

int64_t espy_call_int(const espy_call *call, const char *field)
{
    return espy_json_int(espy_json_get(call->values, field), 0);
}

double espy_call_real(const espy_call *call, const char *field)
{
    return espy_json_number(espy_json_get(call->values, field), 0);
}

bool espy_call_bool(const espy_call *call, const char *field)
{
    return espy_json_bool(espy_json_get(call->values, field), false);
}

const espy_json *espy_call_json(const espy_call *call, const char *field)
{
    return espy_json_get(call->values, field);
}

const espy_upload *espy_call_file(const espy_call *call, const char *field, size_t i)
{
    for (size_t k = 0; k < call->uploads_n; k++)
        if (strcmp(call->uploads[k].name, field) == 0 && i-- == 0)
            return &call->uploads[k];
    return NULL;
}

size_t espy_call_files(const espy_call *call, const char *field)
{
    size_t n = 0;
    while (espy_call_file(call, field, n))
        n++;
    return n;
}

espy_err espy_call_ids(const espy_call *call, const char *field, int64_t **ids, size_t *n)
{
    const espy_json *list = espy_call_json(call, field);
    *ids = NULL;
    *n = espy_json_count(list);
    if (!*n)
        return ESPY_E_OK;
    *ids = espy_array(call->cx, *n, sizeof **ids);
    if (!*ids)
        return call->cx->code;
    for (size_t i = 0; i < *n; i++)
        (*ids)[i] = espy_json_int(espy_json_at(list, i), 0);
    return ESPY_E_OK;
}

/* -- replies ----------------------------------------------------------------------------------- */
espy_err espy_reply_bytes(espy_call *call, int status, const char *type, espy_buf *bytes)
{
    espy_buf_free(call->cx, &call->reply.body);
    call->reply.status = status;
    call->reply.type = type;
    call->reply.body = *bytes;
    espy_buf_init(bytes, bytes->max);
    return ESPY_E_OK;
}

espy_err espy_reply_json(espy_call *call, int status, espy_json *v)
{
    espy_buf b;
    espy_buf_init(&b, REPLY_MOST);
    if (!v)
        return espy_fail(call->cx, ESPY_E_NOMEM, "out of memory");
    espy_err e = espy_json_print(call->cx, v, 0, &b);
    espy_json_free(v);
    ESPY_TRY(e);
    return espy_reply_bytes(call, status, "application/json", &b);
}

espy_err espy_reply_secret(espy_call *call, int status, espy_json *v, const char *member)
{
    espy_reply *r = &call->reply;
    espy_err e = espy_reply_json(call, status, v ? espy_json_ref(v) : NULL);
    espy_buf_init(&r->kept, REPLY_MOST);
    r->secret = true;
    if (e == ESPY_E_OK)
        e = espy_json_set(call->cx, v, member, espy_json_null_value());
    if (e == ESPY_E_OK)
        e = espy_json_print(call->cx, v, 0, &r->kept);
    espy_json_free(v);
    return e;
}

espy_err espy_reply_text(espy_call *call, int status, const char *type, const char *text)
{
    espy_buf b;
    espy_buf_init(&b, REPLY_MOST);
    ESPY_TRY(espy_buf_text(call->cx, &b, text));
    return espy_reply_bytes(call, status, type, &b);
}

espy_err espy_reply_empty(espy_call *call, int status)
{
    espy_buf_free(call->cx, &call->reply.body);
    call->reply.status = status;
    call->reply.type = NULL;
    return ESPY_E_OK;
}

espy_err espy_reply_header(espy_call *call, const char *name, const char *value)
{
    espy_ctx *cx = call->cx;
    espy_reply *r = &call->reply;
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return espy_fail(cx, ESPY_E_ARG, "header %s: control characters", name);
    if (r->headers_n == sizeof r->headers / sizeof *r->headers)
        return espy_fail(cx, ESPY_E_INTERNAL, "too many headers");
    char *n = espy_strdup(cx, name), *v = espy_strdup(cx, value);
    if (!n || !v) {
        espy_free(cx, n);
        espy_free(cx, v);
        return cx->code;
    }
    r->headers[r->headers_n].name = n;
    r->headers[r->headers_n++].value = v;
    return ESPY_E_OK;
}

/* -- failures ---------------------------------------------------------------------------------- */
espy_err espy_refuse(espy_call *call, int status, const char *code, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    call->refused = status;
    call->refused_code = code;
    return espy_fail(call->cx, ESPY_E_ARG, "%s", text);
}

static int status_of(espy_err e)
{
    switch (e) {
    case ESPY_E_NOT_FOUND:
        return 404;
    case ESPY_E_ARG:
    case ESPY_E_FORMAT:
        return 400;
    case ESPY_E_EXISTS:
        return 409;
    case ESPY_E_LIMIT:
        return 413;
    case ESPY_E_UNSUPPORTED:
        return 415;
    case ESPY_E_DATA:
        return 422;
    case ESPY_E_STORE:
    case ESPY_E_IO: /* a full disk, mostly */
    case ESPY_E_CANCELLED:
        return 503;
    case ESPY_E_OK:
    case ESPY_E_NOMEM:
    case ESPY_E_DIGEST:
    case ESPY_E_INTERNAL:
        return 500;
    }
    return 500;
}

static const char *code_of(int status)
{
    switch (status) {
    case 400:
        return "invalid";
    case 401:
        return "unauthenticated";
    case 403:
        return "forbidden";
    case 404:
        return "not_found";
    case 405:
        return "method_not_allowed";
    case 408:
        return "timeout";
    case 409:
        return "conflict";
    case 413:
        return "too_large";
    case 415:
        return "unsupported";
    case 416:
        return "no_such_part";
    case 422:
        return "unprocessable";
    case 429:
        return "too_many_requests";
    case 503:
        return "unavailable";
    default:
        return status < 500 ? "refused" : "internal";
    }
}

/* What the client reads of a failure of ours: no path, no SQL. */
static const char *text_of(int status)
{
    return status == 503 ? "the server cannot do this now; try again in a moment"
                         : "something went wrong here; the log tells what, by the request's id";
}

void espy_call_fault(espy_call *call, int status, const char *code, const char *text)
{
    espy_ctx *cx = call->cx;
    espy_json *body = NULL;
    const espy_fault fault = {.status = status,
                              .code = code ? code : code_of(status),
                              .text = text,
                              .fields = status == 400 ? call->wrong : NULL};
    espy_clear(cx);
    espy_err e = call->service->shape(cx, call, &fault, &body);
    if (e == ESPY_E_OK)
        e = espy_reply_json(call, status, body);
    if (e != ESPY_E_OK) { /* no memory: the status alone */
        espy_clear(cx);
        espy_ignore(espy_reply_empty(call, status));
    }
    if (status == 401 && e == ESPY_E_OK)
        espy_ignore(espy_reply_header(call, "WWW-Authenticate", "Bearer"));
    if ((status == 503 || status == 429) && call->reply.headers_n == 0)
        espy_ignore(espy_reply_header(call, "Retry-After", "1"));
    espy_clear(cx);
}

/* A handler's failure becomes the reply. */
static void call_failed(espy_call *call, espy_err e)
{
    espy_ctx *cx = call->cx;
    char text[sizeof cx->text];
    int status = call->refused ? call->refused : status_of(e);
    snprintf(text, sizeof text, "%s", cx->text[0] ? cx->text : espy_err_text(e));
    if (status >= 500 && !call->refused) {
        espy_log(cx, e == ESPY_E_CANCELLED ? ESPY_LOG_INFO : ESPY_LOG_ERROR, "%s %s: %s [%s]",
                 call->route ? call->route->method : "", call->route ? call->route->path : "", text,
                 call->id);
        snprintf(text, sizeof text, "%s", text_of(status));
    }
    espy_call_fault(call, status, call->refused ? call->refused_code : NULL, text);
}

/* -- requests that are done once --------------------------------------------------------------- */
#define ONCE_HEADER "Idempotency-Key"
#define ONCE_KEY 255 /* longest key */

/* A request of ours that makes something, or orders a job, may bring a key, so that sending it
 * again is harmless. */
static const char *once_key(const espy_call *call)
{
    return call->service == &espy_service_v1 && strcmp(call->method, "POST") == 0 &&
                   (strstr(call->route->answers, "201") || strstr(call->route->answers, "202"))
               ? espy_call_header(call, ONCE_HEADER)
               : NULL;
}

static bool once_key_valid(const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < n; i++)
        if (key[i] < 0x21 || key[i] > 0x7e)
            return false;
    return n >= 1 && n <= ONCE_KEY;
}

/* What was asked: where, the fields as they were understood, and the files. */
static espy_err once_digest(espy_call *call, const char *raw, char out[ESPY_DIGEST_HEX])
{
    espy_ctx *cx = call->cx;
    char digest[ESPY_DIGEST_HEX];
    espy_buf b;
    espy_buf_init(&b, REPLY_MOST);
    ESPY_TRY(espy_buf_printf(cx, &b, "%s\n", raw));
    ESPY_TRY(espy_json_print(cx, call->values, 0, &b));
    for (size_t i = 0; i < call->uploads_n; i++) {
        const espy_upload *u = &call->uploads[i];
        espy_digest(u->bytes.data, u->bytes.size, digest);
        ESPY_TRY(espy_buf_printf(cx, &b, "\n%s %s %s", u->name, digest, u->file));
    }
    espy_digest(b.data, b.size, out);
    espy_buf_free(cx, &b);
    return ESPY_E_OK;
}

/* The answer that was given then. */
static espy_err once_again(espy_call *call, int status, const char *body)
{
    ESPY_TRY(espy_reply_header(call, "Idempotent-Replay", "true"));
    return body ? espy_reply_text(call, status, "application/json", body)
                : espy_reply_empty(call, status);
}

/* Keeps the answer, or lets the request be sent again when there is none worth keeping.  What was
 * done is done: a store that cannot keep the answer is logged. */
static void once_end(espy_call *call, const espy_once *once, espy_err e)
{
    const espy_reply *r = &call->reply;
    const espy_buf *body = r->secret ? &r->kept : &r->body;
    espy_ctx own = espy_ctx_child(call->cx);
    bool done = e == ESPY_E_OK && r->status < 300 && !r->stream;
    espy_err kept = done ? espy_store_once_finish(&own, call->ws->store, once, r->status,
                                                  (const char *)body->data)
                         : espy_store_once_forget(&own, call->ws->store, once);
    if (kept != ESPY_E_OK)
        espy_log(call->cx, ESPY_LOG_WARN, "%s: %s [%s]", ONCE_HEADER, own.text, call->id);
}

static espy_err call_once(espy_call *call, const char *raw, const char *key)
{
    espy_ctx *cx = call->cx;
    char request[ESPY_DIGEST_HEX], route[256];
    espy_once_word word;
    char *body = NULL;
    int status = 0;
    if (!once_key_valid(key))
        return espy_refuse(call, 400, NULL, "%s: 1 to %d printable ASCII characters are expected",
                           ONCE_HEADER, ONCE_KEY);
    ESPY_TRY(once_digest(call, raw, request));
    /* what one key of a user may see, another may not */
    snprintf(route, sizeof route, "%s %s key %lld", call->route->method, call->route->path,
             (long long)call->who.key);
    const espy_once once = {call->who.user, key, route, request};
    espy_err e = espy_store_once_begin(cx, call->ws->store, &once, &word, &status, &body);
    if (e == ESPY_E_EXISTS) {
        espy_clear(cx);
        return espy_refuse(call, 409, "key_reused", "this %s was sent with another request",
                           ONCE_HEADER);
    }
    ESPY_TRY(e);
    if (word == ESPY_ONCE_BUSY)
        return espy_refuse(call, 409, "running", "the first request of this %s is still running",
                           ONCE_HEADER);
    if (word == ESPY_ONCE_DONE) {
        e = once_again(call, status, body);
        espy_free(cx, body);
        return e;
    }
    e = call->route->run(call);
    once_end(call, &once, e);
    return e;
}

/* -- the way from request to reply ------------------------------------------------------------- */
static espy_err call_steps(espy_call *call, const char *raw, espy_span body)
{
    ESPY_TRY(espy_auth(call));
    ESPY_TRY(espy_request_read(call, raw, espy_call_header(call, "Content-Type"), body));
    const char *once = once_key(call);
    ESPY_TRY(once ? call_once(call, raw, once) : call->route->run(call));
    if (!call->reply.status)
        return espy_fail(call->cx, ESPY_E_INTERNAL, "the handler gave no answer");
    return ESPY_E_OK;
}

void espy_call_run(espy_call *call, const char *raw, espy_span body)
{
    espy_clear(call->cx);
    espy_err e = call_steps(call, raw, body);
    if (e != ESPY_E_OK)
        call_failed(call, e);
    espy_clear(call->cx);
}

void espy_call_free(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_request_free(call);
    espy_buf_free(cx, &call->reply.body);
    espy_buf_free(cx, &call->reply.kept);
    for (size_t i = 0; i < call->reply.headers_n; i++) {
        espy_free(cx, call->reply.headers[i].name);
        espy_free(cx, call->reply.headers[i].value);
    }
}
