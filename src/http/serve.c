/* SPDX-License-Identifier: Apache-2.0
 * http - starting, watching, reloading and stopping the server. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/text.h"
#include "http/auth.h"
#include "http/automatic.h"
#include "http/notify.h"
#include "http/server.h"
#include "http/serving.h"
#include "http/systemd.h"
#include "http/warm.h"
#include "store/setting.h"

#define SERVE_LOOK 0.25    /* seconds between two looks at what there is to do */
#define SERVE_TELL 1.0     /* between two looks at what webhooks want to hear */
#define SERVE_BEAT 15.0    /* between two signs of life on a stream */
#define SERVE_SWEEP 3600.0 /* between two looks for answers that are kept no longer */
#define SERVE_GRACE 30.0   /* for requests that were begun, when it is told to stop */
#define SERVE_LOGINS 2     /* passwords hashed at once: 64 MiB each */

espy_http_limits espy_http_limits_usual(void)
{
    return (espy_http_limits){.body = (size_t)64 << 20,
                              .bodies = (size_t)512 << 20,
                              .fields = 1000,
                              .json_depth = 32,
                              .ids = 10000,
                              .waiting = 256,
                              .connections = 4096,
                              .streams = 128,
                              .request_seconds = 60,
                              .long_seconds = 900,
                              .idle_seconds = 60};
}

/* Everything that is started, in the order in which it is. */
typedef struct serve_run {
    espy_serving s;
    espy_ctx base;     /* what s.cx is: no call ever fails in it */
    espy_workspace ws; /* of this thread */
    espy_work *work;
    espy_server *server;
    espy_automatic *automatic;
    espy_warm *warm;
    double beaten, told, swept;
    bool store_gone; /* it did not answer when it was last asked */
} serve_run;

/* -- first start ------------------------------------------------------------------------------- */
/* Tokens are signed with a secret of the store, so that every machine on it takes them. */
static espy_err serve_secret(espy_ctx *cx, serve_run *r)
{
    char fresh[ESPY_TOKEN_TEXT];
    char *text = NULL;
    ESPY_TRY(espy_token_text(cx, fresh));
    ESPY_TRY(espy_store_setting_first(cx, r->ws.store, "token_secret", fresh, &text));
    const espy_span part = {(const uint8_t *)text, strlen(text)};
    espy_hmac((espy_span){(const uint8_t *)"espy tokens", 11}, &part, 1, r->s.secret);
    espy_free(cx, text);
    return ESPY_E_OK;
}

/* Where there is no administrator, the first one, with a password that is told this once. */
static espy_err serve_first_user(espy_ctx *cx, serve_run *r)
{
    static const espy_page none = {0};
    espy_user *users = NULL;
    size_t n = 0;
    int64_t total = 0, id;
    char password[ESPY_TOKEN_TEXT], hash[ESPY_PASSWORD_HASH];
    ESPY_TRY(espy_store_users(cx, r->ws.store, "admin", &none, &users, &n, &total));
    espy_users_free(cx, users, n);
    if (total > 0)
        return ESPY_E_OK;
    ESPY_TRY(espy_token_text(cx, password));
    password[20] = 0; /* 120 bits */
    ESPY_TRY(espy_password_hash(cx, r->s.passwords, password, hash));
    const espy_user admin = {.name = "admin", .password = hash, .role = "admin"};
    espy_err e = espy_store_user_add(cx, r->ws.store, &admin, &id);
    if (e == ESPY_E_EXISTS) { /* another server on the same store was first */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    fprintf(stderr,
            "The first administrator is \"admin\" with the password %s\n"
            "It is shown this once; change it with: espy user password admin\n",
            password);
    return ESPY_E_OK;
}

/* -- metrics ----------------------------------------------------------------------------------- */
static espy_err serve_metrics(espy_ctx *cx, serve_run *r)
{
    static const char *const lanes[ESPY_LANES] = {"quick", "login", "infer", "long"};
    static const char *const modalities[] = {"face", "sound"};
    size_t n = 0, kinds = 0, states = 0;
    const char **routes = NULL, **names = NULL;
    espy_err e = ESPY_E_OK;
    for (const espy_route *const *t = espy_routes; *t; t++)
        for (const espy_route *route = *t; route->method; route++)
            n++;
    while (espy_job_kinds[kinds])
        kinds++;
    while (espy_job_states[states])
        states++;
    r->s.routes = routes = espy_array(cx, n, sizeof *routes);
    r->s.kinds = names = espy_array(cx, kinds + 1, sizeof *names);
    if (!routes || !names)
        return cx->code;
    n = 0;
    for (const espy_route *const *t = espy_routes; *t; t++)
        for (const espy_route *route = *t; route->method; route++)
            routes[n++] = route->path;
    for (size_t i = 0; i < kinds; i++)
        names[i] = espy_job_kinds[i]->name;
    const espy_metrics_names of = {routes, n,     names,      kinds,      espy_job_states,
                                   states, lanes, ESPY_LANES, modalities, 2};
    ESPY_GO(espy_metrics_create(cx, &of, &r->s.metrics));
out:
    return e;
}

/* Routes of one path that differ in their method are one. */
size_t espy_route_number(const espy_route *route)
{
    size_t n = 0;
    for (const espy_route *const *t = espy_routes; *t; t++)
        for (const espy_route *at = *t; at->method; at++, n++)
            if (route && strcmp(at->path, route->path) == 0)
                return n;
    return n;
}

void espy_serving_listen(const espy_serving *serving, char out[ESPY_LISTEN_TEXT])
{
    const espy_serve_options *o = serving->options;
    const bool six = strchr(o->address, ':') != NULL;
    snprintf(out, ESPY_LISTEN_TEXT, "%s://%s%.255s%s:%u", o->certificate ? "https" : "http",
             six ? "[" : "", o->address, six ? "]" : "", serving->port);
}

/* -- while it runs ----------------------------------------------------------------------------- */
/* The schedule anew; one that is wrong is told of, and the server goes on without. */
static void serve_schedule(espy_ctx *cx, serve_run *r)
{
    espy_automatic_stop(cx, &r->automatic);
    if (espy_automatic_start(cx, &r->s, &espy_clock_real, &r->automatic) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_ERROR, "espy.conf: %s", cx->text);
    espy_clear(cx);
}

/* Whether espy.conf can be read and names the same store: else the old settings stay, all of them.
 */
static bool serve_settings_good(espy_ctx *cx, const serve_run *r)
{
    espy_workspace ws = {0};
    espy_err e = espy_workspace_open(cx, r->s.workspace, false, &ws);
    if (e == ESPY_E_OK && strcmp(espy_store_shown(ws.store), espy_store_shown(r->ws.store)) != 0)
        e = espy_fail(cx, ESPY_E_ARG, "espy.conf names another store, which needs a new start");
    bool good = e == ESPY_E_OK;
    if (!good)
        espy_log(cx, ESPY_LOG_WARN, "reload: %s; the old settings stay", cx->text);
    espy_workspace_close(cx, &ws);
    espy_clear(cx);
    return good;
}

static void serve_reload(espy_ctx *cx, serve_run *r)
{
    if (!serve_settings_good(cx, r))
        return;
    espy_log(cx, ESPY_LOG_INFO, "reloading");
    espy_ignore(espy_systemd_notify(cx, ESPY_SYSTEMD_RELOADING, NULL));
    r->s.settings++;
    espy_models_forget(cx, r->s.models);
    serve_schedule(cx, r);
    espy_warm_wake(r->warm);
    espy_ignore(espy_systemd_notify(cx, ESPY_SYSTEMD_READY, NULL));
    espy_clear(cx);
}

static void serve_look(espy_ctx *cx, serve_run *r)
{
    bool changed = false;
    double now = espy_time_monotonic();
    if (espy_store_changed(cx, r->ws.store, SERVE_LOOK, &changed) != ESPY_E_OK) {
        if (cx->code != ESPY_E_CANCELLED) {
            if (!r->store_gone)
                espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
            r->store_gone = true;
            usleep((useconds_t)(1e6 * SERVE_LOOK));
        }
        espy_clear(cx);
    } else if (r->store_gone) {
        r->store_gone = false;
        espy_log(cx, ESPY_LOG_INFO, "the store answers again");
    }
    if (changed)
        espy_warm_wake(r->warm);
    espy_watch_topics(cx, &r->s, &r->ws);
    espy_work_watch(r->work);
    espy_server_watch(r->server);
    if (now - r->told > SERVE_TELL) {
        espy_clear(cx);
        if (espy_notify_events(cx, &r->s, r->ws.store) != ESPY_E_OK)
            espy_log(cx, ESPY_LOG_WARN, "webhooks: %s", cx->text);
        r->told = now;
    }
    if (now - r->beaten > SERVE_BEAT) {
        espy_hub_beat(r->s.hub);
        r->beaten = now;
    }
    if (now - r->swept > SERVE_SWEEP) {
        if (espy_store_once_sweep(cx, r->ws.store) != ESPY_E_OK)
            espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
        r->swept = now;
    }
    espy_clear(cx);
}

static espy_err serve_run_until(espy_ctx *cx, serve_run *r, atomic_bool *reload)
{
    const atomic_bool *stop = cx->cancel;
    while (!(stop && *stop)) {
        if (atomic_exchange(reload, false))
            serve_reload(cx, r);
        serve_look(cx, r);
    }
    return ESPY_E_OK;
}

/* -- start and stop ---------------------------------------------------------------------------- */
static espy_err serve_start(espy_ctx *cx, serve_run *r, const espy_serve_options *o)
{
    unsigned cores = o->workers ? o->workers : espy_cpu_count();
    const unsigned lanes[ESPY_LANES] = {4, SERVE_LOGINS, cores, 2};
    espy_runner *runner = NULL;
    char listen[ESPY_LISTEN_TEXT];
    int fd = -1;
    r->base = espy_ctx_child(cx);
    r->base.cancel = NULL;
    r->s.cx = &r->base;
    r->s.options = o;
    r->s.started = espy_time_now();
    r->s.workers = cores;
    ESPY_TRY(espy_systemd_listen(cx, &fd));
    ESPY_TRY(espy_workspace_open(cx, o->workspace, true, &r->ws));
    r->s.workspace = espy_strdup(cx, r->ws.dir);
    if (!r->s.workspace)
        return cx->code;
    ESPY_TRY(espy_password_gate_create(cx, SERVE_LOGINS, &r->s.passwords));
    ESPY_TRY(espy_rate_create(cx, &espy_rate_login, 4096, &r->s.logins));
    ESPY_TRY(espy_rate_create(cx, &espy_rate_register, 4096, &r->s.registrations));
    ESPY_TRY(espy_rate_create(cx, &espy_rate_hooks, 1024, &r->s.hooks));
    ESPY_TRY(espy_rate_create(cx, &espy_rate_address, 4096, &r->s.addresses));
    ESPY_TRY(espy_models_create(cx, &r->s.models));
    ESPY_TRY(espy_pictures_create(cx, ESPY_PICTURES_ROOM, &r->s.pictures));
    ESPY_TRY(espy_hub_create(cx, o->limits.streams, &r->s.hub));
    ESPY_TRY(espy_live_create(cx, &r->s.live));
    ESPY_TRY(serve_metrics(cx, r));
    ESPY_TRY(serve_secret(cx, r));
    ESPY_TRY(serve_first_user(cx, r));
    ESPY_TRY(espy_notify_begin(cx, r->ws.store));
    ESPY_TRY(espy_runner_start(cx, &r->s, false, &runner));
    r->s.runner = runner;
    ESPY_TRY(espy_runner_start(cx, &r->s, true, &runner));
    r->s.light = runner;
    ESPY_TRY(espy_automatic_start(cx, &r->s, &espy_clock_real, &r->automatic));
    ESPY_TRY(espy_work_start(cx, &r->s, lanes, &r->work));
    ESPY_TRY(espy_server_start(cx, &r->s, r->work, fd, &r->server));
    r->s.port = espy_server_port(r->server);
    espy_serving_listen(&r->s, listen);
    fprintf(stderr, "Listening on %s\n", listen);
    if (!o->certificate && strncmp(o->address, "127.", 4) != 0 && strcmp(o->address, "::1") != 0)
        espy_log(
            cx, ESPY_LOG_WARN,
            "without --certificate passwords and keys travel in clear; or let a proxy speak TLS");
    if (o->trust_loopback)
        espy_log(cx, ESPY_LOG_WARN,
                 "--trust-loopback: whoever is on this machine acts as an administrator");
    ESPY_TRY(espy_warm_start(cx, &r->s, &r->warm));
    r->s.ready = true;
    return espy_systemd_notify(cx, ESPY_SYSTEMD_READY, NULL);
}

/* Until what has begun to arrive is answered, or its time is over. */
static void serve_finish(serve_run *r)
{
    double end = espy_time_monotonic() + SERVE_GRACE;
    while (espy_server_busy(r->server) && espy_time_monotonic() < end) {
        espy_work_watch(r->work);
        espy_server_watch(r->server);
        usleep(5000);
    }
}

/* What was begun is finished: streams end, workers empty their queues, then connections close. */
static void serve_stop(espy_ctx *cx, serve_run *r)
{
    r->s.stopping = true;
    r->s.ready = false;
    espy_ignore(espy_systemd_notify(cx, ESPY_SYSTEMD_STOPPING, NULL));
    if (r->server)
        espy_server_quiesce(r->server);
    if (r->s.hub)
        espy_hub_close(r->s.hub);
    if (r->server)
        serve_finish(r);
    if (r->work)
        espy_work_end(r->work); /* connections that are kept may still send: they get 503 */
    espy_automatic_stop(cx, &r->automatic);
    espy_warm_stop(cx, &r->warm);
    espy_runner_quit(r->s.light);
    espy_runner_quit(r->s.runner);
    espy_runner *runner = r->s.runner, *light = r->s.light;
    espy_runner_stop(cx, &runner);
    espy_runner_stop(cx, &light);
    espy_server_stop(cx, &r->server);
    espy_work_free(cx, &r->work);
    espy_hub_destroy(cx, &r->s.hub);
    espy_live_destroy(cx, &r->s.live);
    espy_pictures_destroy(cx, &r->s.pictures);
    espy_models_destroy(cx, &r->s.models);
    espy_metrics_destroy(cx, &r->s.metrics);
    espy_rate_destroy(cx, &r->s.registrations);
    espy_rate_destroy(cx, &r->s.logins);
    espy_rate_destroy(cx, &r->s.hooks);
    espy_rate_destroy(cx, &r->s.addresses);
    espy_password_gate_destroy(cx, &r->s.passwords);
    espy_workspace_close(cx, &r->ws);
    espy_free(cx, r->s.workspace);
    espy_free(cx, (void *)(uintptr_t)r->s.routes);
    espy_free(cx, (void *)(uintptr_t)r->s.kinds);
}

espy_err espy_serve(espy_ctx *cx, const espy_serve_options *options, atomic_bool *reload)
{
    serve_run r = {0};
    espy_err e = serve_start(cx, &r, options);
    if (e == ESPY_E_OK)
        e = serve_run_until(cx, &r, reload);
    /* ending takes no notice of the signal that asked for it */
    espy_ctx end = espy_ctx_child(cx);
    end.cancel = NULL;
    serve_stop(&end, &r);
    return e;
}
