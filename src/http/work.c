/* SPDX-License-Identifier: Apache-2.0
 * http - worker threads. */
#include "http/work.h"

#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "http/serving.h"

#define WORK_LOGINS 32 /* may wait for a password to be hashed */

typedef struct worker {
    struct espy_work *work;
    struct lane *lane;
    pthread_t thread;
    bool started;
    espy_ctx cx;
    espy_workspace ws;
    atomic_bool cancel;
    double deadline; /* of what it does now, under the lane's lock; 0: nothing */
    unsigned settings;
} worker;

typedef struct lane {
    pthread_mutex_t lock;
    pthread_cond_t some;
    espy_work_item *first, **last;
    size_t waiting;
    worker *workers;
    unsigned n;
} lane;

struct espy_work {
    espy_serving *serving;
    lane lanes[ESPY_LANES];
    atomic_bool stop;
};

/* The next item; NULL: the server stops and nothing waits. */
static espy_work_item *worker_next(worker *w)
{
    lane *l = w->lane;
    pthread_mutex_lock(&l->lock);
    w->deadline = 0;
    while (!l->first && !w->work->stop)
        pthread_cond_wait(&l->some, &l->lock);
    espy_work_item *item = l->first;
    if (item) {
        l->first = item->next;
        if (!l->first)
            l->last = &l->first;
        l->waiting--;
        w->cancel = false;
        w->deadline = item->deadline;
    }
    pthread_mutex_unlock(&l->lock);
    return item;
}

bool espy_work_renew(espy_ctx *cx, espy_serving *serving, unsigned *seen, espy_workspace *ws)
{
    espy_workspace fresh = {0};
    unsigned settings = serving->settings;
    if (settings == *seen)
        return false;
    *seen = settings;
    if (espy_workspace_open(cx, serving->workspace, false, &fresh) == ESPY_E_OK) {
        espy_workspace_close(cx, ws);
        *ws = fresh;
    } else {
        espy_log(cx, ESPY_LOG_WARN, "reload: %s; the old settings stay", cx->text);
        espy_workspace_close(cx, &fresh);
    }
    espy_clear(cx);
    return true;
}

static void *worker_main(void *self)
{
    worker *w = self;
    espy_work_item *item;
    while ((item = worker_next(w))) {
        espy_metrics_waiting(w->work->serving->metrics, item->lane, -1);
        espy_work_renew(&w->cx, w->work->serving, &w->settings, &w->ws);
        item->run(item, &w->cx, &w->ws);
    }
    return NULL;
}

static espy_err worker_start(espy_ctx *cx, espy_work *work, lane *l, worker *w)
{
    w->work = work;
    w->lane = l;
    w->cx = espy_ctx_child(cx);
    w->cx.cancel = &w->cancel;
    w->cx.pool = NULL;
    espy_err e = espy_workspace_open(&w->cx, work->serving->workspace, false, &w->ws);
    if (e != ESPY_E_OK)
        return espy_ctx_adopt(cx, &w->cx);
    if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
        return espy_fail(cx, ESPY_E_INTERNAL, "a thread could not be started");
    w->started = true;
    return ESPY_E_OK;
}

espy_err espy_work_start(espy_ctx *cx, espy_serving *serving, const unsigned n[ESPY_LANES],
                         espy_work **out)
{
    espy_err e = ESPY_E_OK;
    espy_work *work = espy_zalloc(cx, sizeof *work);
    if (!work)
        return cx->code;
    work->serving = serving;
    for (size_t k = 0; k < ESPY_LANES; k++) {
        lane *l = &work->lanes[k];
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->some, NULL);
        l->last = &l->first;
    }
    for (size_t k = 0; k < ESPY_LANES; k++) {
        lane *l = &work->lanes[k];
        l->workers = espy_array(cx, n[k], sizeof *l->workers);
        if (!l->workers)
            ESPY_GO(cx->code);
        l->n = n[k];
        for (unsigned i = 0; i < n[k]; i++)
            ESPY_GO(worker_start(cx, work, l, &l->workers[i]));
    }
    *out = work;
    return ESPY_E_OK;
out:
    espy_work_free(cx, &work);
    return e;
}

void espy_work_end(espy_work *work)
{
    work->stop = true;
    for (size_t k = 0; k < ESPY_LANES; k++) {
        lane *l = &work->lanes[k];
        pthread_mutex_lock(&l->lock);
        pthread_cond_broadcast(&l->some);
        pthread_mutex_unlock(&l->lock);
        for (unsigned i = 0; l->workers && i < l->n; i++) {
            if (l->workers[i].started)
                pthread_join(l->workers[i].thread, NULL);
            l->workers[i].started = false;
        }
    }
}

void espy_work_free(espy_ctx *cx, espy_work **work)
{
    espy_work *w = *work;
    if (!w)
        return;
    espy_work_end(w);
    for (size_t k = 0; k < ESPY_LANES; k++) {
        lane *l = &w->lanes[k];
        for (unsigned i = 0; l->workers && i < l->n; i++)
            espy_workspace_close(&l->workers[i].cx, &l->workers[i].ws);
        espy_free(cx, l->workers);
        pthread_cond_destroy(&l->some);
        pthread_mutex_destroy(&l->lock);
    }
    espy_free(cx, w);
    *work = NULL;
}

/* A password takes a tenth of a second: who would wait for many others hears so at once. */
static size_t lane_room(const espy_work *work, espy_lane which)
{
    size_t most = work->serving->options->limits.waiting;
    return which == ESPY_LANE_LOGIN && most > WORK_LOGINS ? WORK_LOGINS : most;
}

bool espy_work_push(espy_work *work, espy_work_item *item)
{
    lane *l = &work->lanes[item->lane];
    pthread_mutex_lock(&l->lock);
    bool room = l->waiting < lane_room(work, item->lane) && !work->stop;
    if (room) {
        item->next = NULL;
        *l->last = item;
        l->last = &item->next;
        l->waiting++;
        pthread_cond_signal(&l->some);
    }
    pthread_mutex_unlock(&l->lock);
    if (room)
        espy_metrics_waiting(work->serving->metrics, item->lane, 1);
    return room;
}

void espy_work_watch(espy_work *work)
{
    double now = espy_time_monotonic();
    for (size_t k = 0; k < ESPY_LANES; k++) {
        lane *l = &work->lanes[k];
        pthread_mutex_lock(&l->lock);
        for (unsigned i = 0; i < l->n; i++)
            if (l->workers[i].deadline > 0 && now > l->workers[i].deadline)
                l->workers[i].cancel = true;
        pthread_mutex_unlock(&l->lock);
    }
}
