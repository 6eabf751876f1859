/* SPDX-License-Identifier: Apache-2.0
 * http - a training as a job. */
#include "http/learning.h"

#include <math.h>
#include <string.h>

#include "base/text.h"
#include "flow/learn.h"
#include "flow/models_folder.h"
#include "flow/trigger.h"
#include "http/make.h"
#include "http/notify.h"
#include "http/serving.h"
#include "store/collection.h"

typedef struct learning {
    espy_working *w;
    const espy_learning *how;
    espy_collection c;
    const espy_encoder *encoder; /* of the server's cache */
    espy_dataset data;
    espy_ingest ingest;
    espy_json *counts; /* files of the folder by label */
    char *live_head;
    espy_canaries canaries;
    char fired[64]; /* the reason of one that fired by itself */
    double started, encoded;
    espy_json *result;
} learning;

static const espy_json *asked(const learning *l, const char *key)
{
    return espy_json_get(l->w->request, key);
}

static void learning_free(learning *l)
{
    espy_ctx *cx = l->w->cx;
    espy_canaries_free(cx, &l->canaries);
    espy_free(cx, l->live_head);
    espy_json_free(l->counts);
    espy_ingest_free(cx, &l->ingest);
    espy_dataset_free(cx, &l->data);
    espy_collection_free(cx, &l->c);
    espy_json_free(l->result);
}

/* -- what is told ------------------------------------------------------------------------------ */
static void learning_say(void *self, const char *line)
{
    espy_working_log(self, "%s", line);
}

static void learning_epoch(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    espy_working *w = self;
    char line[160];
    espy_json *o = NULL;
    espy_epoch_line(number, most, e, line);
    espy_working_log(w, "%s", line);
    espy_ctx cx = espy_ctx_child(w->cx);
    espy_made m = espy_make_object(&cx);
    espy_put_int(&m, "epoch", (int64_t)number);
    espy_put_int(&m, "epochs", (int64_t)most);
    espy_put_real(&m, "loss", (double)e->loss);
    espy_put_real(&m, "accuracy", (double)e->accuracy);
    espy_put_real(&m, "val_loss", (double)e->val_loss);
    espy_put_real(&m, "val_accuracy", (double)e->val_accuracy);
    if (espy_made_end(&m, &o) == ESPY_E_OK)
        espy_working_tell(w, "epoch", o);
    espy_progress_step(&w->progress, "training", number, most);
}

/* -- what is learned --------------------------------------------------------------------------- */
static espy_recipe learning_recipe(const learning *l)
{
    espy_recipe r = espy_recipe_usual();
    r.head = espy_json_string(asked(l, "head"), NULL);
    r.seed = (uint64_t)espy_json_int(asked(l, "seed"), (int64_t)r.seed);
    r.clusters = (size_t)espy_json_int(asked(l, "clusters"), (int64_t)r.clusters);
    r.epochs = (size_t)espy_json_int(asked(l, "epochs"), (int64_t)r.epochs);
    r.validation = espy_json_number(asked(l, "validation"), r.validation);
    r.test_share = espy_json_number(asked(l, "test_share"), l->how->test_share);
    r.threshold = espy_json_number(asked(l, "threshold"), -1);
    r.epoch = learning_epoch;
    r.self = l->w;
    return r;
}

/* Whether one that fires by itself has to: between its order and now another may have learned. */
static espy_err learning_due(learning *l, bool *due)
{
    espy_ctx *cx = l->w->cx;
    const int64_t least = espy_json_int(asked(l, "least"), -1);
    espy_json *now = NULL, *last = NULL;
    int64_t added = 0;
    espy_err e = ESPY_E_OK;
    *due = true;
    if (least < 0)
        return ESPY_E_OK;
    if (l->how->dir)
        ESPY_GO(
            espy_trigger_count_folder(cx, l->how->dir, espy_modality_find(l->c.modality), &now));
    else
        ESPY_GO(espy_trigger_count_store(cx, l->w->ws, &l->c, &now));
    ESPY_GO(espy_trigger_last(cx, l->w->ws, &l->c, l->how->dir != NULL, &last));
    *due = espy_trigger_decide(now, last, least, &added);
    espy_trigger_reason(added, l->fired);
    if (!*due) {
        espy_made m = espy_make_object(cx);
        espy_put_bool(&m, "trained", false);
        espy_put_int(&m, "new_samples", added);
        ESPY_GO(espy_made_end(&m, &l->result));
    }
out:
    espy_json_free(now);
    espy_json_free(last);
    return e;
}

static espy_err learning_folder(learning *l)
{
    espy_working *w = l->w;
    const espy_told told = {learning_say, w};
    const espy_ingest_options how = {.actor = "folder", .progress = &w->progress};
    if (!l->how->dir)
        return ESPY_E_OK;
    ESPY_TRY(espy_learn_dataset(w->cx, l->how->dir, espy_encoder_modality(l->encoder), &l->data));
    ESPY_TRY(espy_learn_counts(w->cx, &l->data, &l->counts));
    return espy_learn_folder(w->cx, w->ws, &l->c, l->encoder, l->how->dir, &l->data, &how, &told,
                             &l->ingest);
}

static espy_err learning_head(learning *l, espy_fit_options *fit)
{
    const espy_told told = {learning_say, l->w};
    if (!fit->head)
        fit->head = l->how->head;
    if (fit->head)
        return ESPY_E_OK;
    ESPY_TRY(espy_learn_head(l->w->cx, l->w->ws, &l->c, &told, &l->live_head));
    fit->head = l->live_head;
    return ESPY_E_OK;
}

/* One that was chosen goes on, unless the request has another, or null: find it anew. */
static espy_err learning_threshold(const learning *l, espy_recipe *recipe)
{
    const espy_told told = {learning_say, l->w};
    return asked(l, "threshold")
               ? ESPY_E_OK
               : espy_learn_threshold(l->w->cx, l->w->ws, &l->c, &told, &recipe->threshold);
}

static espy_err learning_check(const learning *l, const espy_fit_options *fit)
{
    espy_ctx *cx = l->w->cx;
    const bool sounds = espy_encoder_modality(l->encoder)->hears;
    if (espy_json_int(asked(l, "augment"), 0) && !sounds)
        return espy_fail(cx, ESPY_E_ARG, "augment is for recordings");
    if (!l->how->models)
        return ESPY_E_OK;
    if (!sounds || !fit->head || strcmp(fit->head, "mlp") != 0 || fit->test_share <= 0)
        return espy_fail(cx, ESPY_E_ARG,
                         "the folder of networks keeps those of recordings, measured: use head "
                         "\"mlp\" and a test_share above 0");
    return espy_models_ready(cx, l->how->models);
}

/* In the transaction that stores the version. */
static espy_err learning_stored(espy_ctx *cx, void *self, const espy_renewal *r)
{
    learning *l = self;
    const double now = espy_time_monotonic();
    const double seconds[3] = {l->encoded - l->started, now - l->encoded, now - l->started};
    ESPY_TRY(espy_learned_json(cx, r, &l->ingest, seconds, &l->result));
    if (!r->promoted)
        ESPY_TRY(espy_notify(cx, l->w->serving, l->w->ws->store, l->c.id, "gate.refused",
                             espy_time_now(), l->result));
    return espy_working_finish(l->w, l->result);
}

static espy_err learning_renew(learning *l, const espy_fit_options *fit,
                               const espy_gate_options *gate)
{
    espy_working *w = l->w;
    espy_ctx *cx = w->cx;
    espy_renewal r = {0};
    char *path = NULL, why[700];
    const espy_renew_options renew = {
        .fit = fit,
        .gate = gate,
        .reason = l->fired[0] ? l->fired : espy_json_string(asked(l, "reason"), l->how->reason),
        .file_counts = l->counts,
        .encoder = l->encoder,
        .copies = (size_t)espy_json_int(asked(l, "augment"), 0),
        .stored = learning_stored,
        .self = l};
    espy_err e = l->how->models
                     ? espy_models_renew(cx, w->ws, &l->c, l->how->models, &renew, &r, &path)
                     : espy_flow_renew(cx, w->ws, &l->c, &renew, &r);
    if (e == ESPY_E_OK && !r.promoted) {
        espy_learned_refusal(&r, why, sizeof why);
        espy_log(cx, ESPY_LOG_WARN, "collection \"%s\": %s", l->c.name, why);
    }
    espy_free(cx, path);
    espy_renewal_free(cx, &r);
    return e;
}

espy_err espy_learning_run(espy_working *w, const espy_learning *how, espy_json **result)
{
    espy_ctx *cx = w->cx;
    learning l = {.w = w, .how = how, .started = espy_time_monotonic()};
    espy_recipe recipe = learning_recipe(&l);
    espy_fit_options fit;
    espy_gate_options gate;
    bool due;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_collection_get(cx, w->ws->store, w->job->collection, &l.c));
    ESPY_GO(learning_due(&l, &due));
    if (!due)
        goto told;
    ESPY_GO(espy_models_encoder(cx, w->serving->models, w->ws, &l.c, &l.encoder));
    ESPY_GO(learning_threshold(&l, &recipe));
    ESPY_GO(espy_recipe_fit(cx, &recipe, l.encoder, &fit));
    ESPY_GO(learning_head(&l, &fit));
    ESPY_GO(learning_check(&l, &fit));
    ESPY_GO(learning_folder(&l));
    ESPY_GO(espy_learn_gate(cx, w->ws, l.encoder, espy_json_number(asked(&l, "min_accuracy"), -1),
                            espy_json_bool(asked(&l, "force"), false), &l.canaries, &gate));
    l.encoded = espy_time_monotonic();
    ESPY_GO(learning_renew(&l, &fit, &gate));
told:
    *result = l.result;
    l.result = NULL;
out:
    learning_free(&l);
    return e;
}
