/* SPDX-License-Identifier: Apache-2.0
 * http - jobs. */
#include "http/runner.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"
#include "base/text.h"
#include "http/make.h"
#include "http/notify.h"
#include "http/serving.h"
#include "http/work.h"

#define RUNNER_LEASE 20.0 /* seconds; a job of a server that died is taken again after them */
#define RUNNER_BEAT 1.0   /* also how soon a job hears that it is to stop */
#define RUNNER_LOOK 1.0   /* how long a job that another server ordered waits at most */
#define RUNNER_NICE 15
#define RUNNER_RESULT ((size_t)16 << 20)

#define KINDS(X)      \
    X(assign)         \
    X(cluster)        \
    X(embed)          \
    X(expire)         \
    X(retrain_sounds) \
    X(train)          \
    X(webhook)

#define KIND_DECLARE(name) extern const espy_job_kind espy_job_##name;
KINDS(KIND_DECLARE)
#undef KIND_DECLARE

const espy_job_kind *const espy_job_kinds[] = {
#define KIND_LIST(name) &espy_job_##name,
    KINDS(KIND_LIST)
#undef KIND_LIST
        NULL};
const char *const espy_job_states[] = {"queued", "running", "done", "failed", "cancelled", NULL};

struct espy_runner {
    espy_serving *serving;
    pthread_t works, beats;
    bool started, light;
    char name[160];
    espy_ctx cx, beat_cx;
    unsigned settings;
    espy_workspace ws, beat_ws; /* beats go over their own connection, beside long transactions */
    pthread_mutex_t lock;
    pthread_cond_t some;
    bool stop, woken;
    /* of the job that runs, under the lock: */
    const espy_job *job;
    double progress, told;
    atomic_bool cancel;
    bool lost;
};

/* -- what a job says --------------------------------------------------------------------------- */
static void runner_tell(espy_ctx *cx, espy_runner *r, const espy_job *job, const char *event,
                        espy_json *data)
{
    char topic[64];
    snprintf(topic, sizeof topic, "job:%lld", (long long)job->id);
    if (data)
        espy_ignore(espy_hub_publish(cx, r->serving->hub, topic, event, 0, data));
    espy_json_free(data);
}

void espy_working_log(espy_working *w, const char *fmt, ...)
{
    char line[1000];
    espy_job_word word;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    espy_ctx cx = espy_ctx_child(w->cx);
    cx.cancel = NULL;
    espy_ignore(espy_store_job_log(&cx, w->ws->store, w->job, line, &word));
    espy_json *o = espy_json_object();
    espy_ignore(espy_json_set(&cx, o, "line", espy_json_of_string(line)));
    runner_tell(&cx, w->runner, w->job, "log", o);
}

void espy_working_tell(espy_working *w, const char *event, espy_json *data)
{
    espy_ctx cx = espy_ctx_child(w->cx);
    runner_tell(&cx, w->runner, w->job, event, data);
}

espy_err espy_working_finish(espy_working *w, const espy_json *result)
{
    espy_job_word word = ESPY_JOB_GO_ON;
    espy_buf text;
    espy_buf_init(&text, RUNNER_RESULT);
    ESPY_TRY(espy_json_print(w->cx, result, 0, &text));
    espy_err e = espy_store_job_finish(w->cx, w->ws->store, w->job, "done", (const char *)text.data,
                                       NULL, &word);
    espy_buf_free(w->cx, &text);
    ESPY_TRY(e);
    if (word == ESPY_JOB_LOST)
        return espy_fail(w->cx, ESPY_E_CANCELLED, "another server has this job by now");
    w->settled = true;
    return ESPY_E_OK;
}

espy_err espy_working_retry(espy_working *w, bool tried, double seconds)
{
    espy_job_word word = ESPY_JOB_GO_ON;
    ESPY_TRY(espy_store_job_release(w->cx, w->ws->store, w->job, tried, espy_time_now() + seconds,
                                    &word));
    w->settled = w->again = true;
    return ESPY_E_OK;
}

/* Progress of all stages as one number would go back and forth: a stage is told by name. */
static void runner_step(void *self, const char *stage, size_t done, size_t total)
{
    espy_working *w = self;
    espy_runner *r = w->runner;
    double share = total ? (double)done / (double)total : 0, now = espy_time_monotonic();
    pthread_mutex_lock(&r->lock);
    r->progress = share;
    bool tell = done == total || now - r->told > 0.2;
    if (tell)
        r->told = now;
    pthread_mutex_unlock(&r->lock);
    if (!tell)
        return;
    espy_ctx cx = espy_ctx_child(w->cx);
    espy_json *o = espy_json_object();
    espy_err e = espy_json_set(&cx, o, "stage", espy_json_of_string(stage));
    if (e == ESPY_E_OK)
        e = espy_json_set(&cx, o, "done", espy_json_of_int((int64_t)done));
    if (e == ESPY_E_OK)
        e = espy_json_set(&cx, o, "total", espy_json_of_int((int64_t)total));
    runner_tell(&cx, r, w->job, "progress", o);
}

/* -- the thread that keeps the lease ----------------------------------------------------------- */
static void runner_wait(espy_runner *r, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)seconds;
    until.tv_nsec += (long)((seconds - floor(seconds)) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&r->some, &r->lock, &until);
}

static void runner_beat(espy_runner *r)
{
    espy_job_word word = ESPY_JOB_GO_ON;
    pthread_mutex_lock(&r->lock);
    espy_job job = r->job ? *r->job : (espy_job){0}; /* numbers alone: its texts may go meanwhile */
    job.worker = r->name;
    double progress = r->progress;
    pthread_mutex_unlock(&r->lock);
    if (!job.id)
        return;
    espy_clear(&r->beat_cx);
    espy_err e =
        espy_store_job_beat(&r->beat_cx, r->beat_ws.store, &job, progress, RUNNER_LEASE, &word);
    if (e != ESPY_E_OK) {
        espy_log(&r->beat_cx, ESPY_LOG_WARN, "job %lld: %s", (long long)job.id, r->beat_cx.text);
        return;
    }
    pthread_mutex_lock(&r->lock);
    if (word != ESPY_JOB_GO_ON && r->job && r->job->id == job.id) {
        r->cancel = true;
        r->lost = word == ESPY_JOB_LOST;
    }
    pthread_mutex_unlock(&r->lock);
}

static void *runner_beats(void *self)
{
    espy_runner *r = self;
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        runner_wait(r, RUNNER_BEAT);
        if (!r->stop && r->job) {
            pthread_mutex_unlock(&r->lock);
            runner_beat(r);
            pthread_mutex_lock(&r->lock);
        }
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* -- the thread that works --------------------------------------------------------------------- */
static size_t names_find(const char *const *names, const char *name)
{
    size_t i = 0;
    while (names[i] && strcmp(names[i], name) != 0)
        i++;
    return i;
}

static size_t kind_number(const char *name)
{
    size_t i = 0;
    while (espy_job_kinds[i] && strcmp(espy_job_kinds[i]->name, name) != 0)
        i++;
    return i;
}

static void runner_count(espy_runner *r, const espy_job *job, const char *state)
{
    espy_metrics_job(r->serving->metrics, kind_number(job->kind),
                     names_find(espy_job_states, state));
}

static espy_err runner_do(espy_working *w, espy_json **result)
{
    const espy_job *job = w->job;
    const espy_job_kind *kind = espy_job_kinds[kind_number(job->kind)];
    espy_json *request = NULL;
    if (!kind)
        return espy_fail(w->cx, ESPY_E_UNSUPPORTED,
                         "this program does not know jobs of kind \"%s\"", job->kind);
    ESPY_TRY(espy_json_parse(w->cx, job->request, strlen(job->request), &request));
    w->request = request;
    espy_err e = kind->run(w, result);
    espy_json_free(request);
    w->request = NULL;
    if (e != ESPY_E_OK) /* what settled it was rolled back */
        w->settled = w->again = false;
    return e;
}

/* What people may read of a failure: what they can do something about, and of ours no path or SQL.
 */
static const char *runner_error(const espy_runner *r, espy_err e)
{
    switch (e) {
    case ESPY_E_OK:
        return NULL;
    case ESPY_E_NOMEM:
    case ESPY_E_IO:
    case ESPY_E_STORE:
    case ESPY_E_DIGEST:
    case ESPY_E_INTERNAL:
        return "something went wrong in the server; its log tells what, by the job's number";
    case ESPY_E_ARG:
    case ESPY_E_FORMAT:
    case ESPY_E_LIMIT:
    case ESPY_E_NOT_FOUND:
    case ESPY_E_EXISTS:
    case ESPY_E_UNSUPPORTED:
    case ESPY_E_DATA:
    case ESPY_E_CANCELLED:
        break;
    }
    return r->cx.text;
}

/* Stores how it ended.  A server that stops gives the job back, to be begun again. */
static const char *runner_store(espy_ctx *cx, espy_runner *r, const espy_job *job, espy_err e,
                                const espy_json *result)
{
    espy_job_word word = ESPY_JOB_GO_ON;
    espy_buf text;
    const char *state = e == ESPY_E_OK ? "done" : e == ESPY_E_CANCELLED ? "cancelled" : "failed";
    espy_buf_init(&text, RUNNER_RESULT);
    const char *error = runner_error(r, e);
    if (e == ESPY_E_OK && result && espy_json_print(cx, result, 0, &text) != ESPY_E_OK) {
        state = "failed";
        error = "the result is too large to be kept";
        espy_buf_free(cx, &text);
        espy_clear(cx);
    }
    espy_err stored;
    if (e == ESPY_E_CANCELLED && r->serving->stopping)
        stored = espy_store_job_release(cx, r->ws.store, job, false, 0, &word);
    else
        stored = espy_store_job_finish(cx, r->ws.store, job, state, (const char *)text.data, error,
                                       &word);
    if (stored != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_ERROR, "job %lld: how it ended could not be stored: %s",
                 (long long)job->id, cx->text);
    espy_buf_free(cx, &text);
    espy_clear(cx);
    return stored == ESPY_E_OK && word != ESPY_JOB_LOST ? state : NULL;
}

/* Those who listen, and webhooks, hear how it ended. */
static void runner_ended(espy_ctx *cx, espy_runner *r, const espy_job *job, const char *state,
                         const char *error)
{
    char topic[64];
    espy_made m = espy_make_object(cx);
    espy_json *o = NULL;
    espy_put_text(&m, "state", state);
    if (error)
        espy_put_text(&m, "error", error);
    if (espy_made_end(&m, &o) == ESPY_E_OK)
        runner_tell(cx, r, job, "end", o);
    snprintf(topic, sizeof topic, "job:%lld", (long long)job->id);
    espy_hub_end(r->serving->hub, topic);
    espy_clear(cx);
    if (!r->serving->stopping && strcmp(job->kind, "webhook") != 0 &&
        espy_notify_job(cx, r->serving, r->ws.store, job, state, error) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN, "job %lld: webhooks: %s", (long long)job->id, cx->text);
}

static void runner_end(espy_runner *r, const espy_working *w, espy_err e, const espy_json *result)
{
    const espy_job *job = w->job;
    espy_ctx cx = espy_ctx_child(&r->cx);
    cx.cancel = NULL;
    const char *state = w->again     ? "queued"
                        : w->settled ? "done"
                                     : runner_store(&cx, r, job, e, result);
    const char *error = e == ESPY_E_OK ? NULL : r->cx.text;
    if (!state)
        return;
    runner_count(r, job, state);
    espy_log(&cx, ESPY_LOG_INFO, "job %lld (%s): %s%s%s", (long long)job->id, job->kind, state,
             error ? ": " : "", error ? error : "");
    if (!w->again)
        runner_ended(&cx, r, job, state, runner_error(r, e));
}

static void runner_run(espy_runner *r, const espy_job *job)
{
    espy_json *result = NULL;
    espy_err e = ESPY_E_CANCELLED;
    espy_working w = {.cx = &r->cx, .serving = r->serving, .ws = &r->ws, .job = job, .runner = r};
    w.progress = (espy_progress){runner_step, &w};
    espy_clear(&r->cx);
    pthread_mutex_lock(&r->lock);
    r->job = job;
    r->progress = 0;
    r->lost = false;
    r->cancel = r->stop;
    pthread_mutex_unlock(&r->lock);
    runner_count(r, job, "running");
    if (job->stop)
        (void)espy_fail(&r->cx, e, "cancelled before it began");
    else
        e = runner_do(&w, &result);
    pthread_mutex_lock(&r->lock);
    r->job = NULL;
    bool lost = r->lost;
    pthread_mutex_unlock(&r->lock);
    if (!lost || w.settled)
        runner_end(r, &w, e, result);
    espy_json_free(result);
}

static espy_err runner_take(espy_runner *r, espy_job *job, bool *taken)
{
    const espy_job_choice choice = {.kind = "webhook", .light = r->light};
    return espy_store_job_take(&r->cx, r->ws.store, &choice, r->name, RUNNER_LEASE, job, taken);
}

static void *runner_works(void *self)
{
    espy_runner *r = self;
    bool told = false; /* that the store does not answer */
    /* requests are answered first, by the threads and networks of the others */
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), RUNNER_NICE);
    if (!r->light)
        espy_ignore(espy_pool_create(&r->cx, 0, &r->cx.pool));
    pthread_mutex_lock(&r->lock);
    while (!r->stop) {
        espy_job job = {0};
        bool taken = false;
        r->woken = false;
        pthread_mutex_unlock(&r->lock);
        espy_clear(&r->cx);
        r->cancel = false;
        espy_work_renew(&r->cx, r->serving, &r->settings, &r->ws);
        bool gone = runner_take(r, &job, &taken) != ESPY_E_OK;
        if (gone && !told)
            espy_log(&r->cx, ESPY_LOG_WARN, "jobs: %s", r->cx.text);
        told = gone;
        if (taken)
            runner_run(r, &job);
        espy_job_free(&r->cx, &job);
        pthread_mutex_lock(&r->lock);
        if (!taken && !r->woken && !r->stop)
            runner_wait(r, RUNNER_LOOK);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* -- start and stop ---------------------------------------------------------------------------- */
espy_err espy_runner_start(espy_ctx *cx, espy_serving *serving, bool light, espy_runner **out)
{
    espy_err e = ESPY_E_OK;
    char host[64] = "";
    espy_runner *r = espy_zalloc(cx, sizeof *r);
    if (!r)
        return cx->code;
    r->serving = serving;
    r->light = light;
    (void)gethostname(host, sizeof host - 1);
    snprintf(r->name, sizeof r->name, "%s:%ld:%.0f%s", host, (long)getpid(),
             1000 * espy_time_monotonic(), light ? ":light" : "");
    r->cx = espy_ctx_child(cx);
    r->cx.cancel = &r->cancel;
    r->cx.pool = NULL;
    r->beat_cx = espy_ctx_child(cx);
    r->beat_cx.cancel = NULL;
    r->beat_cx.pool = NULL;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->some, NULL);
    ESPY_GO(espy_workspace_open(cx, serving->workspace, false, &r->ws));
    ESPY_GO(espy_workspace_open(cx, serving->workspace, false, &r->beat_ws));
    if (pthread_create(&r->works, NULL, runner_works, r) != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_INTERNAL, "a thread could not be started"));
    r->started = true;
    if (pthread_create(&r->beats, NULL, runner_beats, r) != 0) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->works, NULL);
        r->started = false;
        ESPY_GO(espy_fail(cx, ESPY_E_INTERNAL, "a thread could not be started"));
    }
    *out = r;
    return ESPY_E_OK;
out:
    espy_runner_stop(cx, &r);
    return e;
}

void espy_runner_quit(espy_runner *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    r->cancel = true;
    pthread_cond_broadcast(&r->some);
    pthread_mutex_unlock(&r->lock);
    if (r->started) {
        pthread_join(r->works, NULL);
        pthread_join(r->beats, NULL);
        r->started = false;
    }
}

void espy_runner_stop(espy_ctx *cx, espy_runner **runner)
{
    espy_runner *r = *runner;
    if (!r)
        return;
    espy_runner_quit(r);
    espy_pool_destroy(&r->cx, &r->cx.pool);
    espy_workspace_close(cx, &r->ws);
    espy_workspace_close(cx, &r->beat_ws);
    pthread_cond_destroy(&r->some);
    pthread_mutex_destroy(&r->lock);
    espy_free(cx, r);
    *runner = NULL;
}

void espy_runner_wake(espy_runner *runner)
{
    if (!runner)
        return;
    pthread_mutex_lock(&runner->lock);
    runner->woken = true;
    pthread_cond_broadcast(&runner->some);
    pthread_mutex_unlock(&runner->lock);
}

espy_err espy_jobs_order(espy_ctx *cx, espy_serving *serving, espy_store *st,
                         const espy_job_order *order, bool once, int64_t *id, bool *fresh)
{
    espy_job there = {0};
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    if (once)
        ESPY_GO(espy_store_job_exclusive(cx, st, order->exclusive, &there, &found));
    *id = there.id;
    *fresh = !found;
    if (!found)
        ESPY_GO(espy_store_job_order(cx, st, order, id));
    ESPY_GO(espy_store_commit(cx, st));
    espy_job_free(cx, &there);
    if (!found) {
        espy_metrics_job(serving->metrics, kind_number(order->kind), 0);
        espy_runner_wake(serving->runner);
        espy_runner_wake(serving->light);
    }
    return ESPY_E_OK;
out:
    espy_job_free(cx, &there);
    espy_store_rollback(cx, st);
    return e;
}
