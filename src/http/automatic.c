/* SPDX-License-Identifier: Apache-2.0
 * http - trainings that begin by themselves. */
#include "http/automatic.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "flow/learn.h"
#include "flow/trigger.h"
#include "http/serving.h"
#include "http/sound_folder.h"
#include "store/job.h"
#include "store/setting.h"

#define AUTOMATIC_DUE "schedule_due" /* setting: the last appointed time that was looked after */
#define AUTOMATIC_PAUSE INT64_C(60)  /* seconds until what failed is looked at again; doubles */
#define AUTOMATIC_TRIES 5            /* how often */

/* -- ordering ---------------------------------------------------------------------------------- */
/* A number of espy.conf; false where it has none. */
static bool automatic_setting(espy_ctx *cx, const espy_workspace *ws, const char *key, int64_t *out)
{
    const char *text = espy_workspace_setting(ws, key);
    if (!text)
        return false;
    if (espy_parse_int(text, 1, 1000000000, out))
        return true;
    espy_log(cx, ESPY_LOG_WARN, "espy.conf: %s = %s: a whole number from 1 on is expected", key,
             text);
    return false;
}

/* Whether one waits already; one that runs may have counted before the last upload. */
static espy_err automatic_waits(espy_ctx *cx, espy_store *st, int64_t collection, const char *kind,
                                bool *waits)
{
    const espy_job_filter filter = {.collection = collection, .kind = kind, .state = "queued"};
    const espy_page page = {.limit = 1};
    espy_job *jobs = NULL;
    size_t n = 0;
    ESPY_TRY(espy_store_job_page(cx, st, &filter, &page, &jobs, &n, NULL));
    *waits = n > 0;
    espy_jobs_free(cx, jobs, n);
    return ESPY_E_OK;
}

static espy_err automatic_order(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                                const espy_collection *c, const char *kind, int64_t least,
                                bool *ordered)
{
    char exclusive[48], request[64];
    int64_t id;
    bool fresh, waits = false;
    espy_err e = ESPY_E_OK;
    snprintf(exclusive, sizeof exclusive, "train:%lld", (long long)c->id);
    snprintf(request, sizeof request, "{\"least\":%lld}", (long long)least);
    const espy_job_order order = {
        .collection = c->id, .kind = kind, .request = request, .exclusive = exclusive};
    ESPY_TRY(espy_store_begin(cx, ws->store));
    ESPY_GO(automatic_waits(cx, ws->store, c->id, kind, &waits));
    if (!waits)
        ESPY_GO(espy_jobs_order(cx, serving, ws->store, &order, false, &id, &fresh));
    ESPY_GO(espy_store_commit(cx, ws->store));
    *ordered = !waits;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, ws->store);
    return e;
}

espy_err espy_automatic_look(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                             const espy_collection *c, bool folder, int64_t least, bool *ordered)
{
    espy_sounds_new files = {0};
    espy_json *now = NULL, *last = NULL;
    int64_t added = 0;
    espy_err e = ESPY_E_OK;
    *ordered = false;
    if (folder) {
        ESPY_GO(espy_sounds_look(cx, serving, ws, c, least, &files));
        added = files.added;
    } else {
        ESPY_GO(espy_trigger_last(cx, ws, c, false, &last));
        if (!last) /* what was never trained waits for a person */
            goto out;
        ESPY_GO(espy_trigger_count_store(cx, ws, c, &now));
        (void)espy_trigger_decide(now, last, least, &added);
    }
    if (added >= least)
        ESPY_GO(automatic_order(cx, serving, ws, c, folder ? "retrain_sounds" : "train", least,
                                ordered));
out:
    espy_json_free(files.counts);
    espy_json_free(now);
    espy_json_free(last);
    return e;
}

espy_err espy_automatic_uploaded(espy_ctx *cx, espy_serving *serving, espy_workspace *ws,
                                 const espy_collection *c, bool folder, bool *ordered)
{
    int64_t least;
    *ordered = false;
    if (!automatic_setting(cx, ws, "trigger", &least))
        return ESPY_E_OK;
    return espy_automatic_look(cx, serving, ws, c, folder, least, ordered);
}

void espy_automatic_after(espy_call *call, const espy_collection *c)
{
    espy_ctx own = espy_ctx_child(call->cx);
    bool ordered;
    if (espy_automatic_uploaded(&own, call->serving, call->ws, c, false, &ordered) != ESPY_E_OK)
        espy_log(call->cx, ESPY_LOG_WARN, "no training could be ordered: %s [%s]", own.text,
                 call->id);
}

/* -- appointed times --------------------------------------------------------------------------- */
struct espy_automatic {
    espy_serving *serving;
    espy_ctx cx;
    espy_workspace ws;
    espy_schedule schedule;
    const espy_clock *clock;
    pthread_t thread;
    bool started;
    atomic_bool stop;
};

/* One appointed time. */
typedef struct automatic_round {
    bool claimed, mine; /* whether it is settled which server looks, and whether it is this one */
    int64_t least;
    size_t ordered, failed;
} automatic_round;

/* Whether this server is the first to come to that time. */
static espy_err automatic_claim(espy_ctx *cx, espy_store *st, int64_t due, bool *first)
{
    char *text = NULL, now[32];
    int64_t last = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_setting(cx, st, AUTOMATIC_DUE, &text));
    *first = !text || !espy_parse_int(text, 0, INT64_MAX, &last) || last < due;
    snprintf(now, sizeof now, "%lld", (long long)due);
    if (*first)
        ESPY_GO(espy_store_setting_set(cx, st, AUTOMATIC_DUE, now));
    ESPY_GO(espy_store_commit(cx, st));
    espy_free(cx, text);
    return ESPY_E_OK;
out:
    espy_free(cx, text);
    espy_store_rollback(cx, st);
    return e;
}

/* What fails is told, and looked at again later; CANCELLED ends the round. */
static espy_err automatic_note(espy_ctx *cx, automatic_round *r, const char *what, espy_err e)
{
    if (e == ESPY_E_OK || e == ESPY_E_CANCELLED)
        return e;
    r->failed++;
    espy_log(cx, ESPY_LOG_ERROR, "schedule: %s: %s", what, cx->text);
    espy_clear(cx);
    return ESPY_E_OK;
}

static espy_err automatic_one(espy_automatic *a, espy_ctx *cx, automatic_round *r,
                              const espy_collection *c, bool folder)
{
    bool did = false;
    espy_err e = espy_automatic_look(cx, a->serving, &a->ws, c, folder, r->least, &did);
    r->ordered += did;
    return automatic_note(cx, r, c->name, e);
}

/* EcoSight's folder first, then what the other collections hold; each for itself, so that one that
 * fails takes nothing from the others, and counting holds up nobody who writes. */
static espy_err automatic_all(espy_automatic *a, espy_ctx *cx, automatic_round *r)
{
    espy_collection sounds = {0}, *all = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    if (espy_dir_exists(a->serving->options->sounds_dir)) {
        e = espy_sounds_collection(cx, a->serving, &a->ws, true, &sounds);
        if (e == ESPY_E_OK)
            e = automatic_one(a, cx, r, &sounds, true);
        ESPY_GO(automatic_note(cx, r, "the folder of sounds", e));
    }
    ESPY_GO(espy_store_collections(cx, a->ws.store, &all, &n));
    for (size_t i = 0; i < n; i++)
        if (all[i].id != sounds.id)
            ESPY_GO(automatic_one(a, cx, r, &all[i], false));
out:
    for (size_t i = 0; i < n; i++)
        espy_collection_free(cx, &all[i]);
    espy_free(cx, all);
    espy_collection_free(cx, &sounds);
    return e;
}

static espy_err automatic_round_once(espy_automatic *a, espy_ctx *cx, automatic_round *r,
                                     int64_t due)
{
    r->failed = 0;
    espy_err e = ESPY_E_OK;
    if (!r->claimed)
        e = automatic_claim(cx, a->ws.store, due, &r->mine);
    r->claimed = e == ESPY_E_OK;
    if (r->claimed && r->mine)
        e = automatic_all(a, cx, r);
    return automatic_note(cx, r, "the store", e);
}

static espy_err automatic_pause(const espy_automatic *a, espy_ctx *cx, int64_t seconds)
{
    const espy_clock *clock = a->clock;
    const int64_t until = clock->now(clock->self) + seconds;
    while (clock->now(clock->self) < until)
        ESPY_TRY(clock->wait(cx, clock->self, until));
    return espy_cancelled(cx);
}

static espy_err automatic_look_now(espy_ctx *cx, void *self, int64_t due)
{
    espy_automatic *a = self;
    automatic_round r = {.least = ESPY_TRIGGER_SCHEDULED_SAMPLES};
    (void)automatic_setting(cx, &a->ws, "schedule_trigger", &r.least);
    ESPY_TRY(automatic_round_once(a, cx, &r, due));
    for (int again = 0; r.failed && again < AUTOMATIC_TRIES; again++) {
        ESPY_TRY(automatic_pause(a, cx, AUTOMATIC_PAUSE << again));
        ESPY_TRY(automatic_round_once(a, cx, &r, due));
    }
    espy_log(cx, ESPY_LOG_INFO, "schedule: %zu training%s ordered", r.ordered,
             r.ordered == 1 ? "" : "s");
    return ESPY_E_OK;
}

/* -- the thread -------------------------------------------------------------------------------- */
static void *automatic_main(void *self)
{
    espy_automatic *a = self;
    if (espy_schedule_run(&a->cx, &a->schedule, a->clock, automatic_look_now, a) !=
        ESPY_E_CANCELLED)
        espy_log(&a->cx, ESPY_LOG_ERROR, "schedule: %s", a->cx.text);
    return NULL;
}

espy_err espy_automatic_start(espy_ctx *cx, espy_serving *serving, const espy_clock *clock,
                              espy_automatic **out)
{
    espy_err e = ESPY_E_OK;
    espy_automatic *a = espy_zalloc(cx, sizeof *a);
    if (!a)
        return cx->code;
    a->serving = serving;
    a->clock = clock;
    a->cx = espy_ctx_child(cx);
    a->cx.cancel = &a->stop;
    a->cx.pool = NULL;
    ESPY_GO(espy_workspace_open(cx, serving->workspace, false, &a->ws));
    const char *when = espy_workspace_setting(&a->ws, "schedule");
    if (!when) {
        espy_automatic_stop(cx, &a);
        return ESPY_E_OK;
    }
    ESPY_GO(espy_schedule_parse(cx, when, &a->schedule));
    if (pthread_create(&a->thread, NULL, automatic_main, a) != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_INTERNAL, "a thread could not be started"));
    a->started = true;
    *out = a;
    return ESPY_E_OK;
out:
    espy_automatic_stop(cx, &a);
    return e;
}

void espy_automatic_stop(espy_ctx *cx, espy_automatic **automatic)
{
    espy_automatic *a = *automatic;
    if (!a)
        return;
    a->stop = true;
    if (a->started)
        pthread_join(a->thread, NULL);
    espy_workspace_close(cx, &a->ws);
    espy_free(cx, a);
    *automatic = NULL;
}
