/* SPDX-License-Identifier: Apache-2.0
 * http - versions that went live. */
#include "http/warm.h"

#include <pthread.h>

#include "http/serving.h"
#include "http/work.h"

typedef struct warm_live {
    int64_t collection, version;
} warm_live;

struct espy_warm {
    espy_serving *serving;
    pthread_t thread;
    bool started;
    espy_ctx cx;
    atomic_bool cancel;
    espy_workspace ws;
    unsigned settings;
    warm_live *live; /* what was opened last, and what could not be */
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t some;
    bool woken, stop; /* under the lock */
};

static bool warm_was_live(const espy_warm *w, warm_live now)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->live[i].collection == now.collection)
            return w->live[i].version == now.version;
    return false;
}

static void warm_open(espy_ctx *cx, espy_warm *w, const espy_collection *c, warm_live *now)
{
    espy_model *model = NULL;
    now->collection = c->id;
    espy_err e = espy_store_alias(cx, w->ws.store, c->id, "live", &now->version);
    if (e == ESPY_E_OK && (!now->version || warm_was_live(w, *now)))
        return;
    if (e == ESPY_E_OK)
        e = espy_models_get(cx, w->serving->models, &w->ws, c, 0, &model);
    espy_models_put(cx, w->serving->models, &model);
    if (e == ESPY_E_OK)
        espy_log(cx, ESPY_LOG_DEBUG, "collection %lld: version %lld is open", (long long)c->id,
                 (long long)now->version);
    else if (e != ESPY_E_CANCELLED)
        espy_log(cx, ESPY_LOG_WARN, "collection \"%s\": %s", c->name, cx->text);
    espy_clear(cx);
}

static void warm_look(espy_ctx *cx, espy_warm *w)
{
    espy_collection *all = NULL;
    warm_live *live = NULL;
    size_t n = 0;
    if (espy_store_collections(cx, w->ws.store, &all, &n) == ESPY_E_OK)
        live = espy_array(cx, n, sizeof *live);
    if (n && !live)
        espy_log(cx, ESPY_LOG_WARN, "%s", cx->text);
    for (size_t i = 0; i < n; i++) {
        if (live)
            warm_open(cx, w, &all[i], &live[i]);
        espy_collection_free(cx, &all[i]);
    }
    espy_free(cx, all);
    espy_clear(cx);
    espy_free(cx, w->live);
    w->live = live;
    w->n = live ? n : 0;
}

static bool warm_wait(espy_warm *w)
{
    pthread_mutex_lock(&w->lock);
    while (!w->woken && !w->stop)
        pthread_cond_wait(&w->some, &w->lock);
    w->woken = false;
    bool go_on = !w->stop;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void *warm_main(void *self)
{
    espy_warm *w = self;
    while (warm_wait(w)) {
        if (espy_work_renew(&w->cx, w->serving, &w->settings, &w->ws))
            w->n = 0;
        warm_look(&w->cx, w);
    }
    return NULL;
}

espy_err espy_warm_start(espy_ctx *cx, espy_serving *serving, espy_warm **out)
{
    espy_err e = ESPY_E_OK;
    espy_warm *w = espy_zalloc(cx, sizeof *w);
    if (!w)
        return cx->code;
    w->serving = serving;
    w->cx = espy_ctx_child(cx);
    w->cx.cancel = &w->cancel;
    w->cx.pool = NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->some, NULL);
    ESPY_GO(espy_workspace_open(cx, serving->workspace, false, &w->ws));
    warm_look(cx, w);
    if (pthread_create(&w->thread, NULL, warm_main, w) != 0)
        ESPY_GO(espy_fail(cx, ESPY_E_INTERNAL, "a thread could not be started"));
    w->started = true;
    *out = w;
    return ESPY_E_OK;
out:
    espy_warm_stop(cx, &w);
    return e;
}

void espy_warm_stop(espy_ctx *cx, espy_warm **warm)
{
    espy_warm *w = *warm;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    w->cancel = true;
    pthread_cond_signal(&w->some);
    pthread_mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    espy_workspace_close(cx, &w->ws);
    espy_free(cx, w->live);
    pthread_cond_destroy(&w->some);
    pthread_mutex_destroy(&w->lock);
    espy_free(cx, w);
    *warm = NULL;
}

void espy_warm_wake(espy_warm *warm)
{
    pthread_mutex_lock(&warm->lock);
    warm->woken = true;
    pthread_cond_signal(&warm->some);
    pthread_mutex_unlock(&warm->lock);
}
