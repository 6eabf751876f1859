/* SPDX-License-Identifier: Apache-2.0
 * http - libmicrohttpd: connections, bodies, answers.
 *
 * One thread waits for all sockets, by poll(): with epoll this library (0.9.75) does not notice
 * that a client has left when its last bytes came together with the end, nor sends what it answers
 * itself to a first line that is too large.  A thousand idle connections cost a quarter of a
 * millisecond each time that something happens.  The thread finds the route, collects the body and
 * gives the complete request to a worker; meanwhile the connection is suspended and costs nothing.
 * The worker fills the reply and resumes the connection.
 *
 *   E1  an exchange belongs to the event thread until it is pushed, then to the worker until it
 *       resumes the connection, then to the event thread again
 *   E2  every suspended connection is resumed: by its worker, or by its stream
 *   E3  a wire is in the server's list while its socket is open: whoever has the lock may shut it
 */
#include "http/server.h"

#include <arpa/inet.h>
#include <math.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "http/auth.h"
#include "http/serving.h"
#include "http/token.h"
#include "http/work.h"

#define SERVER_MEMORY ((size_t)64 << 10)  /* of one connection: request line and headers */
#define SERVER_STRANGER ((size_t)1 << 20) /* largest body before it is known who asks */
#define SERVER_SLOWEST 65536.0 /* bytes of an answer that a client takes in a second at least */
#define SERVER_FULL "too many large bodies are under way; try again"
/* An answer, a user's file among them, that a browser opens as a page of its own can do nothing. */
#define SERVER_POLICY "default-src 'none'; frame-ancestors 'none'; sandbox"
#define SERVER_TLS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* A connection.  Whoever sends his request too slowly, though never so slowly as to be idle, is cut
 * off at the deadline. */
typedef struct wire {
    struct wire *next, **link;
    int fd;
    double deadline;    /* monotonic, of the request, then of its answer; INFINITY between */
    struct exchange *x; /* the event thread's; NULL: none has begun */
} wire;

struct espy_server {
    espy_serving *serving;
    espy_work *work;
    struct MHD_Daemon *daemon;
    espy_buf certificate, key;
    pthread_mutex_t lock; /* of the wires */
    wire *wires;
    size_t bodies;       /* bytes of all bodies in memory: the event thread's */
    atomic_size_t begun; /* requests from their first line to the end of their answer */
    atomic_bool started;
    char said[256]; /* by the library, last, while it started */
    uint16_t port;
};

typedef enum exchange_state { TAKING, WAITING, DONE } exchange_state;

/* One request from its first line to its last byte. */
typedef struct exchange {
    espy_work_item item; /* first */
    espy_server *server;
    struct MHD_Connection *connection;
    wire *wire;
    exchange_state state;
    char *raw; /* path and query as sent */
    const char *method;
    const espy_route *route;
    espy_buf body;
    struct {
        int status;              /* 0: nothing to refuse */
        const char *code, *text; /* literals; code NULL: the status's usual one */
    } refusal;
    double begun; /* monotonic */
    char peer[INET6_ADDRSTRLEN];
    espy_call call;
} exchange;

/* -- connections ------------------------------------------------------------------------------- */
static void wire_until(espy_server *server, wire *w, double seconds)
{
    pthread_mutex_lock(&server->lock);
    w->deadline = espy_time_monotonic() + seconds;
    pthread_mutex_unlock(&server->lock);
}

static double wire_patience(const espy_server *server)
{
    return server->serving->options->limits.idle_seconds +
           server->serving->options->limits.request_seconds;
}

static void wire_begin(espy_server *server, struct MHD_Connection *connection, void **own)
{
    espy_ctx cx = espy_ctx_child(server->serving->cx);
    wire *w = *own = espy_zalloc(&cx, sizeof *w);
    if (!w)
        return;
    w->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    w->deadline = espy_time_monotonic() + wire_patience(server);
    pthread_mutex_lock(&server->lock);
    w->next = server->wires;
    w->link = &server->wires;
    if (w->next)
        w->next->link = &w->next;
    server->wires = w;
    pthread_mutex_unlock(&server->lock);
}

static void wire_end(espy_server *server, wire *w)
{
    espy_ctx cx = espy_ctx_child(server->serving->cx);
    pthread_mutex_lock(&server->lock);
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    pthread_mutex_unlock(&server->lock);
    espy_free(&cx, w);
}

void espy_server_watch(espy_server *server)
{
    double now = espy_time_monotonic();
    pthread_mutex_lock(&server->lock);
    for (wire *w = server->wires; w; w = w->next)
        if (now > w->deadline)
            shutdown(w->fd, SHUT_RDWR); /* the event thread sees its end */
    pthread_mutex_unlock(&server->lock);
}

/* -- one exchange ------------------------------------------------------------------------------ */
static void *exchange_begin(void *self, const char *raw, struct MHD_Connection *connection)
{
    espy_server *server = self;
    espy_ctx own = espy_ctx_child(server->serving->cx);
    wire *w =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    exchange *x = w ? espy_zalloc(&own, sizeof *x) : NULL;
    if (!x)
        return NULL;
    x->wire = w;
    x->server = server;
    x->connection = connection;
    x->begun = espy_time_monotonic();
    x->raw = espy_strdup(&own, raw);
    espy_buf_init(&x->body, server->serving->options->limits.body);
    if (!x->raw) {
        espy_free(&own, x);
        return NULL;
    }
    w->x = x;
    server->begun++;
    return x;
}

/* What came of the body is no longer needed. */
static void exchange_drop(exchange *x)
{
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    x->server->bodies -= x->body.size;
    espy_buf_free(&own, &x->body);
}

static void exchange_free(exchange *x)
{
    x->server->begun--;
    x->wire->x = NULL;
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    x->call.cx = &own;
    espy_call_free(&x->call);
    exchange_drop(x);
    espy_free(&own, x->raw);
    espy_free(&own, x);
}

static const char *exchange_header(void *self, const char *name)
{
    exchange *x = self;
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static bool address_is_loopback(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    if (a->sa_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(in6) || (IN6_IS_ADDR_V4MAPPED(in6) && in6->s6_addr[12] == 127);
    }
    return false;
}

/* Who has one IPv6 address of a network has all of it. */
static void address_text(const struct sockaddr *a, char *out, size_t room)
{
    if (a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out,
                  (socklen_t)room);
    if (a->sa_family == AF_INET6) {
        struct in6_addr net = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        if (!IN6_IS_ADDR_V4MAPPED(&net))
            memset(net.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &net, out, (socklen_t)room);
    }
}

/* The last address of X-Forwarded-For, which the proxy nearest to this server has written. */
static bool address_read(const char *passed, char *out, size_t room)
{
    struct sockaddr_storage a = {0};
    const char *last = strrchr(passed, ',');
    last = last ? last + 1 : passed;
    last += strspn(last, " ");
    if (inet_pton(AF_INET, last, &((struct sockaddr_in *)&a)->sin_addr) == 1)
        a.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, last, &((struct sockaddr_in6 *)&a)->sin6_addr) == 1)
        a.ss_family = AF_INET6;
    else
        return false;
    address_text((const struct sockaddr *)&a, out, room);
    return true;
}

static void exchange_peer(exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info ? info->client_addr : NULL;
    snprintf(x->peer, sizeof x->peer, "-");
    if (!a)
        return;
    const char *passed = exchange_header(x, "X-Forwarded-For");
    bool here = address_is_loopback(a);
    if (!here || !passed || !address_read(passed, x->peer, sizeof x->peer))
        address_text(a, x->peer, sizeof x->peer);
    x->call.loopback = here && !passed && !exchange_header(x, "Forwarded");
}

/* What the handler will see, but for what the worker brings. */
static void exchange_call(exchange *x, const char *method)
{
    uint8_t random[8];
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    espy_call *call = &x->call;
    *call = (espy_call){.serving = x->server->serving,
                        .route = x->route,
                        .service = x->route ? x->route->service : espy_service_of(x->raw),
                        .method = method,
                        .peer = x->peer,
                        .header = exchange_header,
                        .header_self = x};
    espy_buf_init(&call->reply.body, 0);
    if (espy_token_bytes(&own, random, sizeof random) == ESPY_E_OK)
        for (size_t i = 0; i < sizeof random; i++)
            snprintf(call->id + 2 * i, 3, "%02x", random[i]);
    exchange_peer(x);
}

/* In the worker's thread. */
static void exchange_run(espy_work_item *item, espy_ctx *cx, espy_workspace *ws)
{
    exchange *x = (exchange *)item;
    x->call.cx = cx;
    x->call.ws = ws;
    if (espy_time_monotonic() > item->deadline)
        espy_call_fault(&x->call, 503, "busy", "the server was too busy to answer in time");
    else
        espy_call_run(&x->call, x->raw, espy_span_of(&x->body));
    x->call.cx = NULL;
    x->call.ws = NULL;
    x->state = DONE;
    MHD_resume_connection(x->connection);
}

/* -- replies ----------------------------------------------------------------------------------- */
static void reply_body_free(void *self)
{
    espy_ctx own;
    espy_ctx_init(&own);
    espy_free(&own, self);
}

/* Both are called with the stream's lock held, so that no wake comes between finding nothing and
 * being suspended. */
static void stream_pause(void *connection)
{
    MHD_suspend_connection(connection);
}

static void stream_wake(void *connection)
{
    MHD_resume_connection(connection);
}

typedef struct stream_reader {
    espy_stream *stream;
    struct MHD_Connection *connection;
} stream_reader;

static ssize_t stream_read(void *self, uint64_t at, char *out, size_t room)
{
    stream_reader *r = self;
    (void)at;
    ptrdiff_t n = espy_stream_read(r->stream, out, room, stream_pause, stream_wake, r->connection);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void stream_done(void *self)
{
    stream_reader *r = self;
    espy_stream_close(r->stream);
    reply_body_free(r);
}

static struct MHD_Response *reply_stream(exchange *x)
{
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    stream_reader *r = espy_zalloc(&own, sizeof *r);
    if (!r)
        return NULL;
    *r = (stream_reader){x->call.reply.stream, x->connection};
    x->call.reply.stream = NULL;
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, stream_read, r, stream_done);
    if (!response)
        stream_done(r);
    return response;
}

/* The body moves into the response. */
static struct MHD_Response *reply_bytes(exchange *x)
{
    espy_buf *body = &x->call.reply.body;
    struct MHD_Response *response =
        body->size
            ? MHD_create_response_from_buffer_with_free_callback(body->size, body->data,
                                                                 reply_body_free)
            : MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    if (response && body->size)
        espy_buf_init(body, 0);
    return response;
}

/* Unless the handler said otherwise. */
static void reply_default(struct MHD_Response *response, const char *name, const char *value)
{
    if (!MHD_get_response_header(response, name))
        MHD_add_response_header(response, name, value);
}

static void reply_headers(exchange *x, struct MHD_Response *response)
{
    const espy_reply *r = &x->call.reply;
    const char *origin = x->server->serving->options->allow_origin;
    if (r->type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, r->type);
    MHD_add_response_header(response, "X-Request-Id", x->call.id);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < r->headers_n; i++)
        MHD_add_response_header(response, r->headers[i].name, r->headers[i].value);
    reply_default(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    reply_default(response, "Content-Security-Policy", SERVER_POLICY);
    if (!origin)
        return;
    MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    MHD_add_response_header(response, "Access-Control-Allow-Methods",
                            "GET, POST, PUT, PATCH, DELETE");
    MHD_add_response_header(response, "Access-Control-Allow-Headers",
                            "Authorization, Content-Type, Idempotency-Key, X-Api-Key");
}

/* One line a request: no path, which may hold names, but the route's template. */
static void exchange_log(const exchange *x, int status, size_t bytes)
{
    const espy_serving *s = x->server->serving;
    double seconds = espy_time_monotonic() - x->begun;
    espy_metrics_request(s->metrics, espy_route_number(x->route),
                         espy_metrics_method(x->call.method), status, seconds, x->body.size, bytes);
    espy_log(s->cx, ESPY_LOG_DEBUG,
             "request id=%s method=%s route=%s status=%d ms=%.1f in=%zu out=%zu user=%lld",
             x->call.id, x->call.method, x->route ? x->route->path : "-", status, 1000 * seconds,
             x->body.size, bytes, (long long)x->call.who.user);
}

/* Time that a client has to take an answer. */
static double reply_seconds(const exchange *x, size_t bytes)
{
    return x->server->serving->options->limits.request_seconds + (double)bytes / SERVER_SLOWEST;
}

static enum MHD_Result exchange_reply(exchange *x)
{
    int status = x->call.reply.status;
    size_t bytes = x->call.reply.body.size;
    bool streams = x->call.reply.stream;
    struct MHD_Response *response = streams ? reply_stream(x) : reply_bytes(x);
    if (!response)
        return MHD_NO;
    reply_headers(x, response);
    /* a body that was not read is followed by no other request */
    if (x->state == TAKING || x->server->serving->stopping)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    exchange_log(x, status, bytes);
    /* whoever takes the answer too slowly is cut off; a stream is, by what waits for it (hub.h) */
    wire_until(x->server, x->wire, streams ? INFINITY : reply_seconds(x, bytes));
    enum MHD_Result ok = MHD_queue_response(x->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return ok;
}

/* An answer by the event thread itself. */
static enum MHD_Result exchange_refuse(exchange *x, int status, const char *code, const char *text)
{
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    x->call.cx = &own;
    espy_call_fault(&x->call, status, code, text);
    x->call.cx = NULL;
    return exchange_reply(x);
}

/* -- from the first line to the worker --------------------------------------------------------- */
/* What needs no worker: no such path, no such method, nobody who asks; 204: a browser asks whether
 * a page of another origin may. */
static void exchange_judge(exchange *x, const char *allowed)
{
    espy_ctx own = espy_ctx_child(x->server->serving->cx);
    if (x->route) {
        if (x->route->may != ESPY_ANYONE && espy_auth_stranger(&x->call)) {
            x->refusal.status = 401;
            x->refusal.text = ESPY_AUTH_STRANGER;
        }
        return;
    }
    x->refusal.status = 404;
    x->refusal.text = "there is nothing at this path";
    if (!allowed[0])
        return;
    if (strcmp(x->method, "OPTIONS") == 0 && x->server->serving->options->allow_origin) {
        x->refusal.status = 204;
        return;
    }
    x->refusal.status = 405;
    x->refusal.text = "this path does not take the method; see Allow";
    x->call.cx = &own;
    espy_ignore(espy_reply_header(&x->call, "Allow", allowed));
    x->call.cx = NULL;
}

static enum MHD_Result exchange_refused(exchange *x)
{
    if (x->refusal.status != 204)
        return exchange_refuse(x, x->refusal.status, x->refusal.code, x->refusal.text);
    x->call.reply.status = 204;
    return exchange_reply(x);
}

/* Largest body that is taken. */
static size_t exchange_most(const exchange *x)
{
    size_t most = x->server->serving->options->limits.body;
    bool known = x->route && x->route->may != ESPY_ANYONE && !x->refusal.status;
    return known || most < SERVER_STRANGER ? most : SERVER_STRANGER;
}

static enum MHD_Result exchange_too_large(exchange *x)
{
    char text[96];
    snprintf(text, sizeof text, "a body of at most %zu bytes is taken", exchange_most(x));
    return exchange_refuse(x, 413, NULL, text);
}

/* Whether what is refused is so before its body has come: the connection ends with the answer.  Who
 * forgot to log in is told so behind a body of usual size, for many clients only listen then. */
static bool exchange_refused_first(exchange *x, int64_t length)
{
    bool endless = exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    return x->refusal.status &&
           (endless || (x->refusal.status == 401 ? (uint64_t)length > exchange_most(x) : length));
}

static enum MHD_Result exchange_first(exchange *x, const char *method)
{
    char allowed[64];
    const espy_http_limits *limits = &x->server->serving->options->limits;
    wire_until(x->server, x->wire, limits->request_seconds);
    x->method = method;
    x->route = espy_route_find(method, x->raw, allowed, sizeof allowed);
    exchange_call(x, method);
    exchange_judge(x, allowed);
    const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    int64_t n = 0;
    if (length && !espy_parse_int(length, 0, INT64_MAX, &n))
        n = INT64_MAX;
    if (exchange_refused_first(x, n))
        return exchange_refused(x);
    if ((uint64_t)n > exchange_most(x))
        return exchange_too_large(x);
    if ((uint64_t)n > limits->bodies - x->server->bodies)
        return exchange_refuse(x, 503, "busy", SERVER_FULL);
    return MHD_YES;
}

/* The body so far is dropped, and so is what comes. */
static void exchange_give_up(exchange *x, int status, const char *code, const char *text)
{
    x->refusal.status = status;
    x->refusal.code = code;
    x->refusal.text = text;
    exchange_drop(x);
}

static enum MHD_Result exchange_more(exchange *x, const char *data, size_t *size)
{
    espy_server *server = x->server;
    espy_ctx own = espy_ctx_child(server->serving->cx);
    size_t n = *size;
    *size = 0;
    if (x->refusal.status)
        return MHD_YES;
    if (n > exchange_most(x) - x->body.size) {
        exchange_give_up(x, 413, NULL, "the body is larger than the server takes");
    } else if (n > server->serving->options->limits.bodies - server->bodies) {
        exchange_give_up(x, 503, "busy", SERVER_FULL);
    } else {
        size_t before = x->body.size;
        bool kept = espy_buf_append(&own, &x->body, data, n) == ESPY_E_OK;
        server->bodies = server->bodies - before + x->body.size;
        if (!kept)
            exchange_give_up(x, 503, "busy", SERVER_FULL);
    }
    return MHD_YES;
}

static enum MHD_Result exchange_push(exchange *x)
{
    const espy_http_limits *limits = &x->server->serving->options->limits;
    x->state = WAITING; /* whatever follows, the body has been read */
    wire_until(x->server, x->wire, INFINITY);
    if (x->refusal.status)
        return exchange_refused(x);
    x->item.lane = x->route->lane;
    x->item.run = exchange_run;
    x->item.deadline = x->begun + (x->route->lane == ESPY_LANE_LONG ? limits->long_seconds
                                                                    : limits->request_seconds);
    MHD_suspend_connection(x->connection);
    if (espy_work_push(x->server->work, &x->item))
        return MHD_YES;
    MHD_resume_connection(x->connection);
    return exchange_refuse(x, 503, "busy",
                           x->server->serving->stopping
                               ? "the server is stopping; try again"
                               : "too many requests are waiting; try again");
}

static enum MHD_Result server_take(void *self, struct MHD_Connection *connection, const char *url,
                                   const char *method, const char *http, const char *data,
                                   size_t *size, void **own)
{
    exchange *x = *own;
    (void)self;
    (void)connection;
    (void)url;
    (void)http;
    if (!x)
        return MHD_NO;
    if (x->state == DONE)
        return exchange_reply(x);
    if (!x->method)
        return exchange_first(x, method);
    if (*size)
        return exchange_more(x, data, size);
    return exchange_push(x);
}

static void server_completed(void *self, struct MHD_Connection *connection, void **own,
                             enum MHD_RequestTerminationCode how)
{
    espy_server *server = self;
    exchange *x = *own;
    (void)connection;
    (void)how;
    if (!x)
        return;
    wire_until(server, x->wire, wire_patience(server));
    exchange_free(x);
    *own = NULL;
}

static void server_connection(void *self, struct MHD_Connection *connection, void **own,
                              enum MHD_ConnectionNotificationCode what)
{
    wire *w = *own;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        wire_begin(self, connection, own);
    } else if (w) {
        if (w->x) /* the library refused a request that had begun, and did not say so */
            exchange_free(w->x);
        wire_end(self, w);
    }
}

/* Paths and queries are decoded by the route's table, field by field. */
static size_t server_keep(void *self, struct MHD_Connection *connection, char *text)
{
    (void)self;
    (void)connection;
    return strlen(text);
}

static void server_log(void *self, const char *fmt, va_list ap)
{
    espy_server *server = self;
    char line[sizeof server->said];
    vsnprintf(line, sizeof line, fmt, ap);
    line[strcspn(line, "\n")] = 0;
    espy_log(server->serving->cx, ESPY_LOG_DEBUG, "http: %s", line);
    if (!server->started)
        memcpy(server->said, line, sizeof line);
}

/* -- start and stop ---------------------------------------------------------------------------- */
static espy_err server_address(espy_ctx *cx, const espy_serve_options *o,
                               struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, o->address, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(o->port);
    } else if (inet_pton(AF_INET6, o->address, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(o->port);
    } else {
        return espy_fail(cx, ESPY_E_ARG,
                         "--listen %s: an IP address is expected, such as 127.0.0.1 or 0.0.0.0",
                         o->address);
    }
    return ESPY_E_OK;
}

static espy_err server_tls(espy_ctx *cx, espy_server *server, const espy_serve_options *o)
{
    if (!o->certificate && !o->key)
        return ESPY_E_OK;
    if (!o->certificate || !o->key)
        return espy_fail(cx, ESPY_E_ARG, "--certificate and --key go together; name both");
    ESPY_TRY(espy_file_read(cx, o->certificate, (size_t)1 << 20, &server->certificate));
    ESPY_TRY(espy_file_read(cx, o->key, (size_t)1 << 20, &server->key));
    ESPY_TRY(espy_buf_append(cx, &server->certificate, "", 1));
    return espy_buf_append(cx, &server->key, "", 1);
}

static espy_err server_daemon(espy_ctx *cx, espy_server *server, int fd)
{
    const espy_serve_options *o = server->serving->options;
    struct sockaddr_storage address;
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    ESPY_TRY(server_address(cx, o, &address));
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    struct MHD_OptionItem more[5] = {{MHD_OPTION_END, 0, NULL}};
    size_t n = 0;
    if (fd >= 0)
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_LISTEN_SOCKET, fd, NULL};
    if (server->certificate.size) {
        flags |= MHD_USE_TLS;
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, server->certificate.data};
        more[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, server->key.data};
        more[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)SERVER_TLS};
    }
    more[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    server->daemon = MHD_start_daemon(
        flags, o->port, NULL, NULL, server_take, server, MHD_OPTION_EXTERNAL_LOGGER, server_log,
        server, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_begin, server, MHD_OPTION_NOTIFY_COMPLETED, server_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, server_connection, server, MHD_OPTION_UNESCAPE_CALLBACK,
        server_keep, server, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->limits.connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)o->limits.per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->limits.idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, SERVER_MEMORY, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    server->started = true;
    if (!server->daemon && server->certificate.size)
        return espy_fail(cx, ESPY_E_IO, "%s port %u cannot be listened to with certificate %s: %s",
                         o->address, o->port, o->certificate, server->said);
    if (!server->daemon)
        return espy_fail(cx, ESPY_E_IO,
                         "%s port %u cannot be listened to: %s; name another --port or --listen",
                         o->address, o->port, server->said);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    server->port = info ? info->port : o->port;
    return ESPY_E_OK;
}

espy_err espy_server_start(espy_ctx *cx, espy_serving *serving, espy_work *work, int fd,
                           espy_server **out)
{
    espy_server *server = espy_zalloc(cx, sizeof *server);
    espy_err e = ESPY_E_OK;
    if (!server)
        return cx->code;
    server->serving = serving;
    server->work = work;
    pthread_mutex_init(&server->lock, NULL);
    espy_buf_init(&server->certificate, (size_t)2 << 20);
    espy_buf_init(&server->key, (size_t)2 << 20);
    ESPY_GO(server_tls(cx, server, serving->options));
    ESPY_GO(server_daemon(cx, server, fd));
    *out = server;
    return ESPY_E_OK;
out:
    espy_server_stop(cx, &server);
    return e;
}

uint16_t espy_server_port(const espy_server *server)
{
    return server->port;
}

void espy_server_quiesce(espy_server *server)
{
    MHD_socket fd = MHD_quiesce_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
}

bool espy_server_busy(const espy_server *server)
{
    return server->begun > 0;
}

void espy_server_stop(espy_ctx *cx, espy_server **server)
{
    espy_server *s = *server;
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    pthread_mutex_destroy(&s->lock);
    espy_buf_free(cx, &s->certificate);
    espy_buf_free(cx, &s->key);
    espy_free(cx, s);
    *server = NULL;
}
