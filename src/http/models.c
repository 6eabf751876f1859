/* SPDX-License-Identifier: Apache-2.0
 * http - encoders and versions that are open.
 *
 *   M1  a model in the list is either fresh or stale; a stale one is closed by its last user
 *   M2  opening happens outside the lock: two workers may open the same version, one keeps it */
#include "http/models.h"

#include <pthread.h>
#include <string.h>

#define MODELS_KEPT 8 /* versions that stay open though they are not live */

typedef struct models_encoder {
    struct models_encoder *next;
    espy_encoder *encoder;
    char *pack, *precision;
} models_encoder;

struct espy_models {
    pthread_mutex_t lock;
    pthread_mutex_t opening; /* one encoder at a time: it takes a second and much memory */
    models_encoder *encoders;
    espy_model *first;
};

espy_err espy_models_create(espy_ctx *cx, espy_models **out)
{
    espy_models *m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    pthread_mutex_init(&m->lock, NULL);
    pthread_mutex_init(&m->opening, NULL);
    *out = m;
    return ESPY_E_OK;
}

static void model_close(espy_ctx *cx, espy_model *model)
{
    espy_identifier_close(cx, &model->id);
    espy_stored_memory_destroy(cx, &model->memory);
    espy_free(cx, model);
}

void espy_models_destroy(espy_ctx *cx, espy_models **models)
{
    espy_models *m = *models;
    if (!m)
        return;
    while (m->first) {
        espy_model *model = m->first;
        m->first = model->next;
        model_close(cx, model);
    }
    while (m->encoders) {
        models_encoder *at = m->encoders;
        m->encoders = at->next;
        espy_encoder_destroy(cx, &at->encoder);
        espy_free(cx, at->pack);
        espy_free(cx, at->precision);
        espy_free(cx, at);
    }
    pthread_mutex_destroy(&m->lock);
    pthread_mutex_destroy(&m->opening);
    espy_free(cx, m);
    *models = NULL;
}

/* -- encoders ---------------------------------------------------------------------------------- */
static const espy_encoder *models_encoder_there(espy_models *m, const char *pack,
                                                const char *precision)
{
    const espy_encoder *found = NULL;
    pthread_mutex_lock(&m->lock);
    for (models_encoder *at = m->encoders; at && !found; at = at->next)
        if (strcmp(at->pack, pack) == 0 && strcmp(at->precision, precision) == 0)
            found = at->encoder;
    pthread_mutex_unlock(&m->lock);
    return found;
}

static espy_err models_encoder_open(espy_ctx *cx, espy_models *m, espy_workspace *ws,
                                    const char *pack, const char *precision,
                                    const espy_encoder **out)
{
    espy_err e = ESPY_E_OK;
    models_encoder *at = espy_zalloc(cx, sizeof *at);
    if (!at)
        return cx->code;
    at->pack = espy_strdup(cx, pack);
    at->precision = espy_strdup(cx, precision);
    if (!at->pack || !at->precision)
        ESPY_GO(cx->code);
    ESPY_GO(espy_encoder_open(cx, pack, ws->dir, precision, 1, &at->encoder));
    *out = at->encoder;
    pthread_mutex_lock(&m->lock);
    at->next = m->encoders;
    m->encoders = at;
    pthread_mutex_unlock(&m->lock);
    return ESPY_E_OK;
out:
    espy_free(cx, at->pack);
    espy_free(cx, at->precision);
    espy_free(cx, at);
    return e;
}

static espy_err models_encoder_get(espy_ctx *cx, espy_models *m, espy_workspace *ws,
                                   const char *pack, const char *precision,
                                   const espy_encoder **out)
{
    espy_err e = ESPY_E_OK;
    *out = models_encoder_there(m, pack, precision);
    if (*out)
        return ESPY_E_OK;
    pthread_mutex_lock(&m->opening);
    *out = models_encoder_there(m, pack, precision);
    if (!*out)
        e = models_encoder_open(cx, m, ws, pack, precision, out);
    pthread_mutex_unlock(&m->opening);
    return e;
}

espy_err espy_models_encoder(espy_ctx *cx, espy_models *m, espy_workspace *ws,
                             const espy_collection *c, const espy_encoder **out)
{
    ESPY_TRY(models_encoder_get(cx, m, ws, c->encoder, c->precision, out));
    if (strcmp(espy_encoder_digest(*out), c->encoder_digest) == 0)
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_DIGEST,
                     "pack %s is another one than collection \"%s\" was made with; see espy doctor",
                     c->encoder, c->name);
}

espy_err espy_models_pack(espy_ctx *cx, espy_models *m, espy_workspace *ws, const char *pack,
                          const espy_encoder **out)
{
    return models_encoder_get(cx, m, ws, pack, "auto", out);
}

/* -- versions ---------------------------------------------------------------------------------- */
/* With the lock held: takes a stale model that nobody uses out of the list. */
static espy_model *models_take_dead(espy_models *m)
{
    for (espy_model **at = &m->first; *at; at = &(*at)->next)
        if ((*at)->stale && (*at)->users == 0) {
            espy_model *dead = *at;
            *at = dead->next;
            return dead;
        }
    return NULL;
}

static void models_sweep(espy_ctx *cx, espy_models *m)
{
    espy_model *dead;
    do {
        pthread_mutex_lock(&m->lock);
        dead = models_take_dead(m);
        pthread_mutex_unlock(&m->lock);
        if (dead)
            model_close(cx, dead);
    } while (dead);
}

void espy_models_put(espy_ctx *cx, espy_models *m, espy_model **model)
{
    if (!*model)
        return;
    pthread_mutex_lock(&m->lock);
    (*model)->users--;
    pthread_mutex_unlock(&m->lock);
    *model = NULL;
    models_sweep(cx, m);
}

void espy_models_forget(espy_ctx *cx, espy_models *m)
{
    pthread_mutex_lock(&m->lock);
    for (espy_model *at = m->first; at; at = at->next)
        at->stale = true;
    pthread_mutex_unlock(&m->lock);
    models_sweep(cx, m);
}

/* What changes how a version answers without another version: names, and labels that are gone. */
static bool models_event_counts(const char *action)
{
    static const char *const counts[] = {"label.rename", "label.merge", "label.split",
                                         "label.delete", "label.erase", "label.expire",
                                         "undo"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        if (strcmp(action, counts[i]) == 0)
            return true;
    return false;
}

/* Reads what happened after *seen, and whether anything of it counts. */
static espy_err models_news(espy_ctx *cx, espy_store *st, int64_t collection, int64_t *seen,
                            bool *counts)
{
    size_t n;
    do {
        espy_event *events = NULL;
        n = 0;
        ESPY_TRY(espy_store_events(cx, st, collection, *seen, 256, &events, &n));
        for (size_t i = 0; i < n; i++) {
            *counts = *counts || models_event_counts(events[i].action);
            *seen = events[i].id;
        }
        espy_events_free(cx, events, n);
    } while (n == 256);
    return ESPY_E_OK;
}

static espy_model *models_find(espy_models *m, int64_t collection, int64_t version)
{
    for (espy_model *at = m->first; at; at = at->next)
        if (!at->stale && at->id.collection.id == collection && at->id.version.number == version)
            return at;
    return NULL;
}

/* A model that is there and as it should be; *out NULL when there is none. */
static espy_err models_there(espy_ctx *cx, espy_models *m, espy_store *st, int64_t collection,
                             int64_t version, espy_model **out)
{
    bool counts = false;
    pthread_mutex_lock(&m->lock);
    espy_model *model = models_find(m, collection, version);
    int64_t seen = model ? model->seen : 0;
    if (model)
        model->users++;
    pthread_mutex_unlock(&m->lock);
    if (!model)
        return ESPY_E_OK;
    espy_err e = models_news(cx, st, collection, &seen, &counts);
    pthread_mutex_lock(&m->lock);
    model->stale = model->stale || counts;
    if (seen > model->seen)
        model->seen = seen;
    pthread_mutex_unlock(&m->lock);
    if (e == ESPY_E_OK && !counts)
        *out = model;
    else
        espy_models_put(cx, m, &model);
    return e;
}

/* Of the versions that were asked for by number, the oldest beyond MODELS_KEPT go. */
static void models_thin(espy_models *m)
{
    size_t n = 0;
    for (espy_model *at = m->first; at; at = at->next)
        if (!at->stale && !at->live && ++n > MODELS_KEPT)
            at->stale = true;
}

/* Those of the collection that no longer answer are closed with their last user. */
static void models_add(espy_models *m, espy_model *model, bool live)
{
    pthread_mutex_lock(&m->lock);
    espy_model *other = models_find(m, model->id.collection.id, model->id.version.number);
    if (other)
        other->stale = true;
    for (espy_model *at = m->first; live && at; at = at->next)
        if (at->id.collection.id == model->id.collection.id)
            at->stale = true;
    model->users = 1;
    model->live = live;
    model->next = m->first;
    m->first = model;
    models_thin(m);
    pthread_mutex_unlock(&m->lock);
}

static espy_err models_open(espy_ctx *cx, espy_models *m, espy_workspace *ws,
                            const espy_collection *c, int64_t version, espy_model **out)
{
    static const espy_identify_options usual = {.threshold = -1, .floor = -2};
    const espy_encoder *encoder;
    bool counts = false;
    espy_model *model = espy_zalloc(cx, sizeof *model);
    espy_err e = ESPY_E_OK;
    if (!model)
        return cx->code;
    ESPY_GO(espy_stored_memory_create(cx, &model->memory));
    ESPY_GO(espy_models_encoder(cx, m, ws, c, &encoder));
    ESPY_GO(models_news(cx, ws->store, c->id, &model->seen, &counts));
    ESPY_GO(espy_identifier_open(cx, ws, c->name, version, encoder, &usual, &model->id));
    *out = model;
    return ESPY_E_OK;
out:
    model_close(cx, model);
    return e;
}

espy_err espy_models_get(espy_ctx *cx, espy_models *m, espy_workspace *ws, const espy_collection *c,
                         int64_t version, espy_model **out)
{
    bool live = version == 0;
    *out = NULL;
    if (live)
        ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "live", &version));
    if (!version)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "collection \"%s\" has learned nothing yet; train it", c->name);
    ESPY_TRY(models_there(cx, m, ws->store, c->id, version, out));
    if (*out)
        return ESPY_E_OK;
    ESPY_TRY(models_open(cx, m, ws, c, version, out));
    models_add(m, *out, live);
    models_sweep(cx, m);
    return ESPY_E_OK;
}
