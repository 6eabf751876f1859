/* SPDX-License-Identifier: Apache-2.0
 * http - EcoSight's interface (S4): upload, retrain, watch it, predict, go back. */
#include <stdio.h>
#include <string.h>

#include "artifact/ecosight.h"
#include "base/file.h"
#include "base/text.h"
#include "flow/models_folder.h"
#include "flow/rollback.h"
#include "flow/trigger.h"
#include "http/asked.h"
#include "http/console.h"
#include "http/eco.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/sound_folder.h"
#include "store/job.h"

#define ECOSIGHT_KIND "retrain_sounds"
#define ECOSIGHT_FILE ((size_t)64 << 20) /* bytes of a JSON file of the models folder */

/* -- what all need ----------------------------------------------------------------------------- */
espy_err espy_eco_collection(espy_call *call, bool make, espy_collection *out, bool *found)
{
    espy_ctx *cx = call->cx;
    espy_err e = espy_sounds_collection(cx, call->serving, call->ws, false, out);
    *found = e == ESPY_E_OK;
    if (*found)
        e = espy_call_owns(call, out->id);
    if (*found || e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(cx);
    if (call->who.role != ESPY_ADMIN || call->who.collection)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no collection of sounds yet; an administrator begins it");
    if (!make)
        return ESPY_E_OK;
    ESPY_TRY(espy_sounds_collection(cx, call->serving, call->ws, true, out));
    *found = true;
    return ESPY_E_OK;
}

espy_err espy_eco_reply(espy_call *call, espy_json *body)
{
    char now[32];
    espy_time_iso(espy_time_now(), now);
    espy_err e = espy_json_set(call->cx, body, "timestamp", espy_json_of_string(now));
    if (e != ESPY_E_OK) {
        espy_json_free(body);
        return e;
    }
    return espy_reply_json(call, 200, body);
}

/* The version that answers; version.number 0: none does. */
static espy_err live_version(espy_call *call, const espy_collection *c, espy_version *out)
{
    int64_t live = 0;
    ESPY_TRY(espy_store_alias(call->cx, call->ws->store, c->id, "live", &live));
    return live ? espy_store_version(call->cx, call->ws->store, c->id, live, out) : ESPY_E_OK;
}

static espy_err no_model(espy_call *call)
{
    return espy_refuse(call, 503, NULL, "no model is loaded: upload recordings and train first");
}

/* -- the log of the models folder -------------------------------------------------------------- */
static espy_err log_load(espy_call *call, espy_json **out)
{
    char *path = espy_path_join(call->cx, call->serving->options->models_dir, ESPY_ECOSIGHT_LOG);
    if (!path)
        return call->cx->code;
    espy_err e = espy_ecosight_log_load(call->cx, path, out);
    espy_free(call->cx, path);
    return e;
}

/* The newest entry of a version; NULL: none. */
static const espy_json *log_entry(const espy_json *log, int64_t version)
{
    const espy_json *entries = espy_ecosight_log_entries(log);
    for (size_t i = espy_json_count(entries); i-- > 0;)
        if (espy_json_int(espy_json_get(espy_json_at(entries, i), "version"), 0) == version)
            return espy_json_at(entries, i);
    return NULL;
}

/* "retrained_model_20251118_143045", or "version_3" of one that has no network there. */
static void model_name(const espy_json *log, int64_t version, char *out, size_t room)
{
    const char *path = espy_json_string(espy_json_get(log_entry(log, version), "model_path"), NULL);
    if (!path) {
        snprintf(out, room, "version_%lld", (long long)version);
        return;
    }
    const char *name = espy_path_name(path);
    snprintf(out, room, "%.*s", (int)(espy_path_suffix(name) - name), name);
}

/* -- GET /, /health, /status ------------------------------------------------------------------- */
/* The described answer, or for a browser the console. */
static espy_err root(espy_call *call)
{
    espy_json *o = NULL;
    ESPY_TRY(espy_reply_header(call, "Vary", "Accept"));
    if (espy_console_asked(call))
        return espy_console_page(call);
    espy_made m = espy_make_object(call->cx), ways = espy_make_object(call->cx);
    for (const espy_route *const *t = espy_routes; *t; t++)
        for (const espy_route *r = *t; r->method; r++)
            if (r->service == &espy_service_ecosight && strcmp(r->path, "/") != 0)
                espy_put_text(&ways, r->path, r->summary);
    espy_put_text(&m, "message", "EcoSight's interface, by espy");
    espy_put_text(&m, "version", espy_library_version());
    espy_put_text(&m, "status", "operational");
    espy_put_made(&m, "endpoints", &ways);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

static espy_err health(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_json *o = NULL;
    int64_t live = 0;
    espy_err e = espy_sounds_collection(cx, call->serving, call->ws, false, &c);
    if (e == ESPY_E_OK)
        e = espy_store_alias(cx, call->ws->store, c.id, "live", &live);
    espy_collection_free(cx, &c);
    if (e != ESPY_E_OK && e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(cx);
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "status", "healthy");
    espy_put_bool(&m, "model_loaded", live != 0);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_eco_reply(call, o);
}

static void uptime(const espy_call *call, char out[48])
{
    const long long s = (long long)(espy_time_now() - call->serving->started);
    snprintf(out, 48, "%lldd %lldh %lldm %llds", s / 86400, s / 3600 % 24, s / 60 % 60, s % 60);
}

static espy_err status_json(espy_call *call, const espy_version *v, const espy_json *log,
                            espy_json **out)
{
    char name[256], up[48], date[32];
    const espy_json *classes = espy_json_get(v->json, "classes");
    const espy_json *accuracy = espy_json_get(espy_json_get(v->json, "metrics"), "accuracy");
    model_name(log, v->number, name, sizeof name);
    uptime(call, up);
    espy_time_local(v->created, date);
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "status", "operational");
    espy_put_text(&m, "uptime", up);
    espy_put_int(&m, "total_predictions", call->serving->predictions);
    espy_put_bool(&m, "model_loaded", true);
    espy_put_text(&m, "model_name", name);
    espy_put_text(&m, "training_date", date);
    espy_put(&m, "test_accuracy",
             accuracy ? espy_json_of_number(espy_json_number(accuracy, 0))
                      : espy_json_null_value());
    espy_put_int(&m, "num_classes", (int64_t)espy_json_count(classes));
    espy_put(&m, "classes", espy_json_ref((espy_json *)(uintptr_t)classes));
    return espy_made_end(&m, out);
}

static espy_err status(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_version v = {0};
    espy_json *log = NULL, *o = NULL;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    if (found)
        ESPY_GO(live_version(call, &c, &v));
    if (!v.number)
        ESPY_GO(no_model(call));
    ESPY_GO(log_load(call, &log));
    ESPY_GO(status_json(call, &v, log, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_json_free(log);
    espy_version_free(cx, &v);
    espy_collection_free(cx, &c);
    return e;
}

/* -- GET /metrics, /training-history ----------------------------------------------------------- */
espy_err espy_eco_figures(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_json *o = NULL;
    espy_collection c = {0};
    bool found;
    call->service = &espy_service_ecosight;
    ESPY_TRY(espy_eco_collection(call, false, &c, &found));
    espy_collection_free(cx, &c);
    char *path = espy_path_join(cx, call->serving->options->models_dir, ESPY_ECOSIGHT_METRICS);
    if (!path)
        return cx->code;
    bool there = espy_file_exists(path);
    espy_err e = there ? espy_json_load(cx, path, ECOSIGHT_FILE, &o) : ESPY_E_OK;
    espy_free(cx, path);
    ESPY_TRY(e);
    if (!there)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "Performance metrics not found: train first");
    return espy_reply_json(call, 200, o);
}

/* The curves of the version that answers. */
static void history_curves(espy_made *m, const espy_json *history)
{
    static const char *const curves[] = {"loss", "val_loss", "accuracy", "val_accuracy"};
    espy_made h = espy_make_object(m->cx);
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        const espy_json *list = espy_json_get(history, curves[i]);
        espy_put(&h, curves[i],
                 list ? espy_json_ref((espy_json *)(uintptr_t)list) : espy_json_array());
    }
    espy_put_int(&h, "epochs", (int64_t)espy_json_count(espy_json_get(history, "loss")));
    espy_put_made(m, "training_history", &h);
}

static espy_err training_history(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_version v = {0};
    espy_json *log = NULL, *o = NULL;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    if (found)
        ESPY_GO(live_version(call, &c, &v));
    ESPY_GO(log_load(call, &log));
    const espy_json *history = espy_json_get(v.json, "history");
    espy_made m = espy_make_object(cx);
    espy_put_bool(&m, "has_history", history != NULL);
    history_curves(&m, history);
    espy_put(&m, "retraining_log", espy_json_ref(log));
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_json_free(log);
    espy_version_free(cx, &v);
    espy_collection_free(cx, &c);
    return e;
}

/* -- POST /retrain ----------------------------------------------------------------------------- */
static espy_err retrain_request(espy_call *call, espy_buf *text)
{
    espy_json *o = NULL;
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "reason", espy_call_text(call, "trigger_reason"));
    espy_put_int(&m, "epochs", espy_call_int(call, "epochs"));
    if (espy_call_has(call, "min_accuracy"))
        espy_put_real(&m, "min_accuracy", espy_call_real(call, "min_accuracy"));
    ESPY_TRY(espy_made_end(&m, &o));
    espy_err e = espy_json_print(call->cx, o, 0, text);
    espy_json_free(o);
    return e;
}

static espy_err retrain_tell(espy_call *call, int64_t job, bool fresh)
{
    espy_json *o = NULL;
    espy_made m = espy_make_object(call->cx);
    espy_put_bool(&m, "success", fresh);
    espy_put_text(&m, "message",
                  fresh ? "Retraining started" : "Retraining is already in progress");
    espy_put_text(&m, "status", fresh ? "running" : "in_progress");
    espy_put_int(&m, "job", job);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_eco_reply(call, o);
}

static espy_err retrain(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_buf text;
    char exclusive[48];
    int64_t id = 0;
    bool fresh = false, found = false;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, (size_t)64 << 10);
    if (!espy_dir_exists(call->serving->options->sounds_dir))
        ESPY_GO(espy_refuse(call, 400, NULL, "there are no recordings yet: upload some first"));
    ESPY_GO(espy_eco_collection(call, true, &c, &found));
    ESPY_GO(retrain_request(call, &text));
    snprintf(exclusive, sizeof exclusive, "train:%lld", (long long)c.id);
    const espy_job_order order = {.collection = c.id,
                                  .kind = ECOSIGHT_KIND,
                                  .request = (const char *)text.data,
                                  .exclusive = exclusive};
    ESPY_GO(espy_jobs_order(cx, call->serving, call->ws->store, &order, true, &id, &fresh));
    e = retrain_tell(call, id, fresh);
out:
    espy_buf_free(cx, &text);
    espy_collection_free(cx, &c);
    return e;
}

/* -- GET /retrain/status ----------------------------------------------------------------------- */
/* The curves so far, read from the job's log: the log is in the store, so any server can tell of a
 * training on another one.  A training that was begun anew begins them anew. */
typedef struct retrain_curves {
    long long epoch, epochs;
    espy_made loss, accuracy, val_loss, val_accuracy;
} retrain_curves;

static void curves_begin(espy_ctx *cx, retrain_curves *k)
{
    espy_made *const all[] = {&k->loss, &k->accuracy, &k->val_loss, &k->val_accuracy};
    for (size_t i = 0; i < 4; i++) {
        espy_json_free(all[i]->v);
        *all[i] = espy_make_array(cx);
    }
}

static void curves_line(espy_ctx *cx, retrain_curves *k, const char *line)
{
    long long epoch, epochs;
    double v[4];
    int n = sscanf(line, "Epoch %lld/%lld: loss: %lf, acc: %lf, val_loss: %lf, val_acc: %lf",
                   &epoch, &epochs, &v[0], &v[1], &v[2], &v[3]);
    if (n != 4 && n != 6)
        return;
    if (epoch == 1)
        curves_begin(cx, k);
    k->epoch = epoch;
    k->epochs = epochs;
    espy_put_real(&k->loss, NULL, v[0]);
    espy_put_real(&k->accuracy, NULL, v[1]);
    if (n == 6) {
        espy_put_real(&k->val_loss, NULL, v[2]);
        espy_put_real(&k->val_accuracy, NULL, v[3]);
    }
}

static void curves_last(espy_made *m, const char *key, const espy_made *curve)
{
    const size_t n = espy_json_count(curve->v);
    if (n)
        espy_put_real(m, key, espy_json_number(espy_json_at(curve->v, n - 1), 0));
    else
        espy_put_null(m, key);
}

static void curves_put(espy_made *m, retrain_curves *k)
{
    espy_made h = espy_make_object(m->cx);
    espy_put_int(m, "epoch", k->epoch);
    espy_put_id(m, "epochs", k->epochs);
    curves_last(m, "loss", &k->loss);
    curves_last(m, "accuracy", &k->accuracy);
    curves_last(m, "val_loss", &k->val_loss);
    curves_last(m, "val_accuracy", &k->val_accuracy);
    espy_put_made(&h, "loss", &k->loss);
    espy_put_made(&h, "accuracy", &k->accuracy);
    espy_put_made(&h, "val_loss", &k->val_loss);
    espy_put_made(&h, "val_accuracy", &k->val_accuracy);
    espy_put_made(m, "history", &h);
}

static espy_err retrain_status_json(espy_ctx *cx, const espy_job *job, espy_json **out)
{
    retrain_curves k = {0};
    espy_json *request = NULL;
    espy_made m = espy_make_object(cx);
    curves_begin(cx, &k);
    for (const char *p = job->log; p && *p; p += strcspn(p, "\n"), p += *p == '\n')
        curves_line(cx, &k, p);
    if (job->id)
        espy_ignore(espy_json_parse(cx, job->request, strlen(job->request), &request));
    espy_put_text(&m, "status", job->id ? job->state : "idle");
    espy_put_id(&m, "job", job->id);
    espy_put_text(
        &m, "trigger_reason",
        espy_json_string(espy_json_get(request, "reason"), job->id ? "enough new samples" : NULL));
    espy_put_real(&m, "progress", job->progress);
    espy_put_int(&m, "attempt", job->attempt);
    curves_put(&m, &k);
    espy_put_time(&m, "started", job->started);
    espy_put_time(&m, "finished", job->finished);
    espy_put_text(&m, "error", job->error);
    espy_put_raw(&m, "result", job->result);
    espy_json_free(request);
    return espy_made_end(&m, out);
}

/* The newest training of the folder; job->id 0: there was none. */
static espy_err retrain_newest(espy_call *call, int64_t collection, espy_job *out)
{
    const espy_job_filter filter = {.collection = collection, .kind = ECOSIGHT_KIND};
    const espy_page page = {.limit = 1};
    espy_job *jobs = NULL;
    size_t n = 0;
    ESPY_TRY(espy_store_job_page(call->cx, call->ws->store, &filter, &page, &jobs, &n, NULL));
    const int64_t id = n ? jobs[0].id : 0;
    espy_jobs_free(call->cx, jobs, n);
    return id ? espy_store_job_get(call->cx, call->ws->store, id, out) : ESPY_E_OK;
}

static espy_err retrain_status(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_job job = {0};
    espy_json *o = NULL;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    if (found)
        ESPY_GO(retrain_newest(call, c.id, &job));
    ESPY_GO(retrain_status_json(cx, &job, &o));
    e = espy_eco_reply(call, o);
out:
    espy_job_free(cx, &job);
    espy_collection_free(cx, &c);
    return e;
}

/* -- GET /retrain/trigger ---------------------------------------------------------------------- */
static espy_err retrain_trigger(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const int64_t least = espy_call_int(call, "min_new_samples");
    espy_collection c = {0};
    espy_sounds_new look = {0};
    espy_json *o = NULL;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    ESPY_GO(espy_sounds_look(cx, call->serving, call->ws, found ? &c : NULL, least, &look));
    espy_made m = espy_make_object(cx);
    espy_put_bool(&m, "retrain", look.retrain);
    espy_put_int(&m, "new_samples", look.added);
    espy_put_int(&m, "min_new_samples", least);
    espy_put(&m, "counts", espy_json_ref(look.counts));
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_json_free(look.counts);
    espy_collection_free(cx, &c);
    return e;
}

/* -- GET /models, POST /models/{name}/activate ------------------------------------------------- */
static void models_one(espy_made *list, const espy_version *v, const espy_json *log, int64_t live,
                       int64_t previous)
{
    char name[256], date[32];
    const espy_json *metrics = espy_json_get(v->json, "metrics"),
                    *entry = log_entry(log, v->number);
    const espy_json *accuracy = espy_json_get(metrics, "accuracy");
    const espy_json *classes = espy_json_get(v->json, "classes");
    model_name(log, v->number, name, sizeof name);
    espy_time_local(v->created, date);
    espy_made m = espy_make_object(list->cx);
    espy_put_text(&m, "name", name);
    espy_put_int(&m, "version", v->number);
    espy_put_text(&m, "head", v->head);
    espy_put_text(&m, "training_date", date);
    espy_put(&m, "test_accuracy",
             accuracy ? espy_json_of_number(espy_json_number(accuracy, 0))
                      : espy_json_null_value());
    espy_put_int(&m, "num_classes", (int64_t)espy_json_count(classes));
    espy_put(&m, "classes", espy_json_ref((espy_json *)(uintptr_t)classes));
    espy_put_int(&m, "total_samples", espy_json_int(espy_json_get(v->json, "samples"), 0));
    espy_put_id(&m, "epochs_trained", espy_json_int(espy_json_get(v->json, "epochs"), 0));
    espy_put_text(&m, "trigger_reason", espy_json_string(espy_json_get(v->json, "reason"), NULL));
    espy_put_text(&m, "model_path", espy_json_string(espy_json_get(entry, "model_path"), NULL));
    espy_put_bool(&m, "production", v->number == live);
    espy_put_bool(&m, "previous", v->number == previous);
    espy_put_made(list, NULL, &m);
}

static espy_err models(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_collection c = {0};
    espy_version *all = NULL;
    espy_json *log = NULL, *o = NULL;
    char name[256];
    size_t n = 0;
    int64_t live = 0, previous = 0;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    if (found) {
        ESPY_GO(espy_store_versions(cx, call->ws->store, c.id, &all, &n));
        ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "live", &live));
        ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "previous", &previous));
    }
    ESPY_GO(log_load(call, &log));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    for (size_t i = 0; i < n; i++)
        models_one(&list, &all[i], log, live, previous);
    model_name(log, live, name, sizeof name);
    espy_put_text(&m, "production", live ? name : NULL);
    espy_put_made(&m, "models", &list);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_reply_json(call, 200, o);
out:
    espy_json_free(log);
    espy_versions_free(cx, all, n);
    espy_collection_free(cx, &c);
    return e;
}

/* The version of that name; 0: there is none. */
static espy_err model_find(espy_call *call, const espy_collection *c, const espy_json *log,
                           const char *name, int64_t *version)
{
    espy_version *all = NULL;
    size_t n = 0;
    char its[256];
    ESPY_TRY(espy_store_versions(call->cx, call->ws->store, c->id, &all, &n));
    *version = 0;
    for (size_t i = 0; i < n && !*version; i++) {
        model_name(log, all[i].number, its, sizeof its);
        if (strcmp(its, name) == 0)
            *version = all[i].number;
    }
    espy_versions_free(call->cx, all, n);
    return ESPY_E_OK;
}

static espy_err activate(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const char *name = espy_call_text(call, "name"), *dir = call->serving->options->models_dir;
    const char *why = espy_call_text(call, "reason");
    espy_collection c = {0};
    espy_json *log = NULL, *o = NULL;
    int64_t version = 0, from = 0, now = 0;
    bool found = false;
    char before[256];
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    ESPY_GO(log_load(call, &log));
    if (found)
        ESPY_GO(model_find(call, &c, log, name, &version));
    if (!version)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "there is no model of that name"));
    ESPY_GO(log_entry(log, version)
                ? espy_models_rollback(cx, call->ws, &c, dir, version, why, &from, &now)
                : espy_flow_rollback(cx, call->ws, &c, version, why, &from, &now));
    model_name(log, from, before, sizeof before);
    espy_made m = espy_make_object(cx);
    espy_put_bool(&m, "success", true);
    espy_put_text(&m, "message", from == now ? "It was in production already" : "Model activated");
    espy_put_text(&m, "production", name);
    espy_put_int(&m, "version", now);
    espy_put_text(&m, "previous", from ? before : NULL);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_eco_reply(call, o);
out:
    espy_json_free(log);
    espy_collection_free(cx, &c);
    return e;
}

/* -- POST /predict ----------------------------------------------------------------------------- */
static espy_err predict_json(espy_ctx *cx, const espy_identifier *id, const espy_answer *a,
                             const float *p, double seconds, espy_json **out)
{
    espy_made m = espy_make_object(cx), all = espy_make_object(cx);
    const char *nearest = a->candidate_count ? a->candidates[0].label : NULL;
    for (size_t i = 0; i < id->head->classes; i++)
        espy_put(&all, id->gallery.codes[i], espy_json_of_float(p[i]));
    espy_put_bool(&m, "success", true);
    espy_put_text(&m, "predicted_class", a->decision == ESPY_KNOWN ? a->label : "unknown");
    espy_put(&m, "confidence", espy_json_of_float(a->probability));
    espy_put_made(&m, "all_probabilities", &all);
    espy_put_text(&m, "decision", espy_decision_name(a->decision));
    espy_put_text(&m, "nearest", nearest);
    espy_put_real(&m, "processing_time", seconds);
    return espy_made_end(&m, out);
}

/* The recording's clip through the production network, from the same embedding that training makes
 * of it. */
static espy_err predict_with(espy_call *call, const espy_identifier *id, espy_span file,
                             espy_json **out)
{
    espy_ctx *cx = call->cx;
    const double begun = espy_time_monotonic();
    espy_scan scan = {0};
    espy_result *result = NULL;
    float *p = espy_floats(cx, id->head->classes);
    espy_err e = ESPY_E_OK;
    if (!p)
        return cx->code;
    ESPY_GO(espy_asked_scan(call, id->encoder, file, &scan));
    if (scan.n != 1)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT, "%s", scan.error ? scan.error : "no sound is heard"));
    ESPY_GO(espy_identify_scan(cx, id, &scan, &result));
    ESPY_GO(id->head->ops->probabilities(cx, id->head, scan.vectors, 1, p));
    espy_asked_count(call, espy_encoder_modality(id->encoder), result);
    e = predict_json(cx, id, &result->at[0], p, espy_time_monotonic() - begun, out);
out:
    espy_free(cx, p);
    espy_result_free(result);
    espy_scan_free(cx, &scan);
    return e;
}

static espy_err predict(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_models *cache = call->serving->models;
    espy_collection c = {0};
    espy_model *model = NULL;
    espy_json *o = NULL;
    int64_t live = 0;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_eco_collection(call, false, &c, &found));
    if (found)
        ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "live", &live));
    if (!live)
        ESPY_GO(no_model(call));
    ESPY_GO(espy_models_get(cx, cache, call->ws, &c, live, &model));
    ESPY_GO(predict_with(call, &model->id, espy_call_file(call, "file", 0)->bytes, &o));
    e = espy_eco_reply(call, o);
out:
    espy_models_put(cx, cache, &model);
    espy_collection_free(cx, &c);
    return e;
}

/* -- tables ------------------------------------------------------------------------------------ */
#define RECORDING_FIELD(help)                                               \
    {                                                                       \
        "file", ESPY_IN_BODY, ESPY_FIELD_FILE, 1, 1, true, NULL, NULL, help \
    }

static const espy_field upload_fields[] = {
    RECORDING_FIELD("a recording: WAV is kept as it is, MP3, Ogg, FLAC and AIFF as WAV"),
    {"class_name", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, "\"unknown\"", NULL,
     "a class that is known, or \"unknown\", which is not learned"},
    {0}};
static const espy_field retrain_fields[] = {
    {"trigger_reason", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, "\"Manual trigger\"", NULL,
     "for the history"},
    {"epochs", ESPY_IN_EITHER, ESPY_FIELD_INT, 1, 100000, false, "100", NULL, "most epochs"},
    {"min_accuracy", ESPY_IN_EITHER, ESPY_FIELD_REAL, 0, 1, false, NULL, NULL,
     "least accuracy to go into production; else espy.conf's, and not worse than what is there"},
    {0}};
static const espy_field trigger_fields[] = {{"min_new_samples", ESPY_IN_QUERY, ESPY_FIELD_INT, 0,
                                             1e9, false, "100", NULL,
                                             "new samples that are enough"},
                                            {0}};
static const espy_field activate_fields[] = {
    {"name", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "of the model"},
    {"reason", ESPY_IN_EITHER, ESPY_FIELD_TEXT, 1, 255, false, "\"activated\"", NULL,
     "for the history"},
    {0}};
static const espy_field predict_fields[] = {RECORDING_FIELD("a recording: WAV, MP3, Ogg or FLAC"),
                                            {0}};

#define ECOSIGHT &espy_service_ecosight

const espy_route espy_routes_ecosight[] = {
    {"GET", "/", ECOSIGHT, ESPY_ANYONE, ESPY_LANE_QUICK, NULL,
     "What there is; with Accept: text/html the web console", "200 EcoSightRoot|200 text/html|304",
     root},
    {"GET", "/health", ECOSIGHT, ESPY_ANYONE, ESPY_LANE_QUICK, NULL, "Whether it lives",
     "200 EcoSightHealth", health},
    {"GET", "/status", ECOSIGHT, ESPY_MAY_READ, ESPY_LANE_QUICK, NULL,
     "What answers, and since when", "200 EcoSightStatus|404|503", status},
    {"GET", "/training-history", ECOSIGHT, ESPY_MAY_READ, ESPY_LANE_QUICK, NULL,
     "The curves of the model in production, and all trainings", "200 EcoSightHistory|404",
     training_history},
    {"POST", "/upload", ECOSIGHT, ESPY_MAY_ENROLL, ESPY_LANE_INFER, upload_fields,
     "Keep a recording to learn from", "200 EcoSightUpload|404", espy_eco_upload},
    {"POST", "/retrain", ECOSIGHT, ESPY_MAY_ENROLL, ESPY_LANE_INFER, retrain_fields,
     "Learn anew from all recordings", "200 EcoSightRetrain|404", retrain},
    {"GET", "/retrain/status", ECOSIGHT, ESPY_MAY_READ, ESPY_LANE_QUICK, NULL,
     "How far the last training is", "200 EcoSightRetrainStatus|404", retrain_status},
    {"GET", "/retrain/trigger", ECOSIGHT, ESPY_MAY_READ, ESPY_LANE_QUICK, trigger_fields,
     "Whether enough is new for a training", "200 EcoSightTrigger|404", retrain_trigger},
    {"GET", "/models", ECOSIGHT, ESPY_MAY_READ, ESPY_LANE_QUICK, NULL, "All models, newest first",
     "200 EcoSightModels|404", models},
    {"POST", "/models/{name}/activate", ECOSIGHT, ESPY_MAY_ENROLL, ESPY_LANE_INFER, activate_fields,
     "Put a model into production: rollback", "200 EcoSightActivated|404|422", activate},
    {"POST", "/predict", ECOSIGHT, ESPY_MAY_IDENTIFY, ESPY_LANE_INFER, predict_fields,
     "What is heard in the first seconds of a recording", "200 EcoSightPrediction|404|503",
     predict},
    {0}};

#define TEXT "{\"type\":\"string\"}"
#define WHOLE "{\"type\":\"integer\"}"
#define REAL "{\"type\":\"number\"}"
#define REAL_OR_NULL "{\"type\":[\"number\",\"null\"]}"
#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define BOOL "{\"type\":\"boolean\"}"
#define TEXTS "{\"type\":\"array\",\"items\":" TEXT "}"
#define REALS "{\"type\":\"array\",\"items\":" REAL_OR_NULL "}"
#define OBJECT "{\"type\":\"object\"}"

const espy_schema espy_schemas_ecosight[] = {
    {"EcoSightRoot",
     "{\"type\":\"object\",\"required\":[\"message\",\"version\",\"status\",\"endpoints\"],"
     "\"properties\":{\"message\":" TEXT ",\"version\":" TEXT ",\"status\":" TEXT
     ",\"endpoints\":" OBJECT "}}"},
    {"EcoSightHealth",
     "{\"type\":\"object\",\"required\":[\"status\",\"timestamp\",\"model_loaded\"],"
     "\"properties\":{\"status\":" TEXT ",\"timestamp\":" TEXT ",\"model_loaded\":" BOOL "}}"},
    {"EcoSightStatus",
     "{\"type\":\"object\",\"required\":[\"status\",\"uptime\",\"total_predictions\","
     "\"model_loaded\",\"model_name\",\"training_date\",\"test_accuracy\",\"num_classes\","
     "\"classes\"],\"properties\":{\"status\":" TEXT ",\"uptime\":" TEXT
     ",\"total_predictions\":" WHOLE ",\"model_loaded\":" BOOL ",\"model_name\":" TEXT
     ",\"training_date\":" TEXT ",\"test_accuracy\":" REAL_OR_NULL ",\"num_classes\":" WHOLE
     ",\"classes\":" TEXTS "}}"},
    {"EcoSightHistory",
     "{\"type\":\"object\",\"required\":[\"has_history\",\"training_history\",\"retraining_log\"],"
     "\"properties\":{\"has_history\":" BOOL
     ",\"training_history\":{\"type\":\"object\",\"properties\":{\"loss\":" REALS
     ",\"val_loss\":" REALS ",\"accuracy\":" REALS ",\"val_accuracy\":" REALS ",\"epochs\":" WHOLE
     "}},\"retraining_log\":" OBJECT "}}"},
    {"EcoSightUpload",
     "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"file_path\",\"class\","
     "\"timestamp\"],\"properties\":{\"success\":" BOOL ",\"message\":" TEXT ",\"file_path\":" TEXT
     ",\"class\":" TEXT ",\"retraining\":" BOOL ",\"timestamp\":" TEXT "}}"},
    {"EcoSightRetrain",
     "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"status\"],\"properties\":{"
     "\"success\":" BOOL ",\"message\":" TEXT
     ",\"status\":{\"enum\":[\"running\",\"in_progress\"]},\"job\":" WHOLE ",\"timestamp\":" TEXT
     "}}"},
    {"EcoSightRetrainStatus",
     "{\"type\":\"object\",\"required\":[\"status\",\"epoch\",\"epochs\",\"loss\",\"history\"],"
     "\"properties\":{\"status\":{\"enum\":[\"idle\",\"queued\",\"running\",\"done\",\"failed\","
     "\"cancelled\"]},\"job\":{\"type\":[\"integer\",\"null\"]},\"trigger_reason\":" TEXT_OR_NULL
     ",\"progress\":" REAL ",\"epoch\":" WHOLE
     ",\"epochs\":{\"type\":[\"integer\",\"null\"]},\"loss\":" REAL_OR_NULL
     ",\"accuracy\":" REAL_OR_NULL ",\"val_loss\":" REAL_OR_NULL ",\"val_accuracy\":" REAL_OR_NULL
     ",\"history\":{\"type\":\"object\",\"properties\":{\"loss\":" REALS ",\"accuracy\":" REALS
     ",\"val_loss\":" REALS ",\"val_accuracy\":" REALS "}},\"error\":" TEXT_OR_NULL "}}"},
    {"EcoSightTrigger",
     "{\"type\":\"object\",\"required\":[\"retrain\",\"new_samples\",\"min_new_samples\","
     "\"counts\"],\"properties\":{\"retrain\":" BOOL ",\"new_samples\":" WHOLE
     ",\"min_new_samples\":" WHOLE ",\"counts\":" OBJECT "}}"},
    {"EcoSightModels",
     "{\"type\":\"object\",\"required\":[\"models\",\"production\"],\"properties\":{\"models\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\",\"version\","
     "\"production\"],\"properties\":{\"name\":" TEXT ",\"version\":" WHOLE ",\"head\":" TEXT
     ",\"training_date\":" TEXT ",\"test_accuracy\":" REAL_OR_NULL ",\"num_classes\":" WHOLE
     ",\"classes\":" TEXTS ",\"total_samples\":" WHOLE ",\"production\":" BOOL
     "}}},\"production\":" TEXT_OR_NULL "}}"},
    {"EcoSightActivated",
     "{\"type\":\"object\",\"required\":[\"success\",\"message\",\"production\"],\"properties\":{"
     "\"success\":" BOOL ",\"message\":" TEXT ",\"production\":" TEXT ",\"version\":" WHOLE
     ",\"previous\":" TEXT_OR_NULL ",\"timestamp\":" TEXT "}}"},
    {"EcoSightPrediction",
     "{\"type\":\"object\",\"required\":[\"success\",\"predicted_class\",\"confidence\","
     "\"all_probabilities\",\"processing_time\",\"timestamp\"],\"properties\":{\"success\":" BOOL
     ",\"predicted_class\":" TEXT ",\"confidence\":" REAL
     ",\"all_probabilities\":{\"type\":\"object\",\"additionalProperties\":" REAL
     "},\"decision\":{\"enum\":[\"known\",\"unknown\",\"ambiguous\",\"poor_quality\"]},"
     "\"nearest\":" TEXT_OR_NULL ",\"processing_time\":" REAL ",\"timestamp\":" TEXT "}}"},
    {0}};
