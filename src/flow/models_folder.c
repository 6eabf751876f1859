/* SPDX-License-Identifier: Apache-2.0
 * flow - the models folder of the described sound system. */
#include "flow/models_folder.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/ecosight.h"
#include "artifact/keras.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "encode/listen.h"
#include "flow/rollback.h"
#include "head/head_parts.h"

#define MODELS_PRODUCTION "yamnet_classifier_v2.keras"
#define MODELS_PREVIOUS "yamnet_classifier_v2.previous.keras"
#define MODELS_HISTORY "rollback_history"
#define MODELS_TRAININGS "trainings"     /* of a rollback: how many trainings the log had */
#define MODELS_NETWORK ((size_t)1 << 30) /* bytes of one */
#define MODELS_EPOCHS 100
#define MODELS_BATCH 64
#define MODELS_RATE 0.001

typedef struct models_run {
    const char *folder;
    const espy_renewal *renewal;
    const espy_renew_options *how;
    double date; /* seconds since 1970 */
} models_run;

/* A file that is written under another name and gets its own when all are there. */
typedef struct models_file {
    char *from, *to;
} models_file;

typedef struct models_stage {
    models_file *at;
    size_t n;
} models_stage;

/* ---- writing ------------------------------------------------------------------------------- */

/* A name that is not taken: two trainings may end in one second. */
static char *models_name(espy_ctx *cx, const char *folder, double date)
{
    char stamp[32];
    espy_time_stamp(date, stamp);
    for (int i = 1; i < 1000; i++) {
        char *name = i == 1 ? espy_sprintf(cx, "retrained_model_%s", stamp)
                            : espy_sprintf(cx, "retrained_model_%s_%d", stamp, i);
        char *path = name ? espy_sprintf(cx, "%s/%s.keras", folder, name) : NULL;
        const bool free = path && !espy_file_exists(path);
        espy_free(cx, path);
        if (free || !path)
            return path ? name : NULL;
        espy_free(cx, name);
    }
    (void)espy_fail(cx, ESPY_E_EXISTS, "%s holds too many networks of one second", folder);
    return NULL;
}

/* Cross-entropy on the held-out part. */
static espy_err models_test_loss(espy_ctx *cx, const espy_renewal *r, double *out)
{
    const espy_fit *fit = &r->fit;
    const espy_rows *rows = &r->set.rows;
    espy_err e = ESPY_E_OK;
    double sum = 0;
    float *x = espy_floats(cx, rows->dim), *p = espy_floats(cx, rows->classes);
    if (!x || !p)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < fit->split.test_n; i++) {
        const uint32_t at = fit->split.test[i];
        memcpy(x, rows->x + at * rows->dim, rows->dim * sizeof *x);
        ESPY_GO(fit->ops->probabilities(cx, fit->head, x, 1, p));
        sum -= log(fmax((double)p[rows->y[at]], 1e-7)); /* Keras's epsilon */
    }
    *out = fit->split.test_n ? sum / (double)fit->split.test_n : NAN;
out:
    espy_free(cx, x);
    espy_free(cx, p);
    return e;
}

static espy_err models_write(espy_ctx *cx, const models_run *run, const espy_head_network *net,
                             const espy_ecosight_report *report, const char *path,
                             const char *beside)
{
    const espy_keras_facts facts = {report->classes, net->mean, net->std, report->encoder,
                                    run->date};
    espy_buf bytes;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&bytes, MODELS_NETWORK);
    ESPY_GO(espy_keras_write(cx, net->mlp, &facts, &bytes));
    ESPY_GO(espy_dir_make(cx, beside));
    ESPY_GO(espy_ecosight_write(cx, report, beside));
    ESPY_GO(espy_file_write(cx, path, bytes.data, bytes.size));
out:
    espy_buf_free(cx, &bytes);
    return e;
}

espy_err espy_models_ready(espy_ctx *cx, const char *folder)
{
    espy_json *log = NULL;
    char *path = espy_path_join(cx, folder, ESPY_ECOSIGHT_LOG);
    if (!path)
        return cx->code;
    espy_err e = espy_ecosight_log_load(cx, path, &log);
    espy_json_free(log);
    espy_free(cx, path);
    return e == ESPY_E_OK ? espy_dir_make(cx, folder) : e;
}

/* ---- production ---------------------------------------------------------------------------- */

/* Room for it was made. */
static espy_err models_stage_add(espy_ctx *cx, const char *from, const char *folder,
                                 const char *name, models_stage *stage)
{
    espy_buf bytes;
    espy_err e = ESPY_E_OK;
    models_file f = {espy_sprintf(cx, "%s/.%s.next", folder, name),
                     espy_path_join(cx, folder, name)};
    espy_buf_init(&bytes, MODELS_NETWORK);
    if (!f.from || !f.to)
        ESPY_GO(cx->code);
    ESPY_GO(espy_file_read(cx, from, bytes.max, &bytes));
    ESPY_GO(espy_file_write(cx, f.from, bytes.data, bytes.size));
    stage->at[stage->n++] = f;
    f = (models_file){0};
out:
    espy_buf_free(cx, &bytes);
    espy_free(cx, f.from);
    espy_free(cx, f.to);
    return e;
}

/* Writes the files of production under other names: the previous network, the network, its files;
 * in that order they get their names. */
static espy_err models_stage_make(espy_ctx *cx, const char *folder, const char *network,
                                  const char *beside, models_stage *stage)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    char now[ESPY_DIGEST_HEX], next[ESPY_DIGEST_HEX];
    char *from = NULL, *production = espy_path_join(cx, folder, MODELS_PRODUCTION);
    if (!production)
        return cx->code;
    ESPY_GO(espy_dir_read(cx, beside, &list));
    stage->at = espy_array(cx, list.n + 2, sizeof *stage->at);
    if (!stage->at)
        ESPY_GO(cx->code);
    if (espy_file_exists(production)) {
        ESPY_GO(espy_digest_file(cx, production, now));
        ESPY_GO(espy_digest_file(cx, network, next));
        if (strcmp(now, next) != 0)
            ESPY_GO(models_stage_add(cx, production, folder, MODELS_PREVIOUS, stage));
    }
    ESPY_GO(models_stage_add(cx, network, folder, MODELS_PRODUCTION, stage));
    for (size_t i = 0; i < list.n; i++) {
        espy_free(cx, from);
        from = espy_path_join(cx, beside, list.at[i].name);
        if (!from)
            ESPY_GO(cx->code);
        if (!list.at[i].is_dir)
            ESPY_GO(models_stage_add(cx, from, folder, list.at[i].name, stage));
    }
out:
    espy_free(cx, from);
    espy_free(cx, production);
    espy_dir_list_free(cx, &list);
    return e;
}

static espy_err models_stage_place(espy_ctx *cx, const char *folder, models_stage *stage)
{
    for (size_t i = 0; i < stage->n; i++) {
        models_file *f = &stage->at[i];
        if (cx->io->rename(f->from, f->to) != 0)
            return espy_fail(cx, ESPY_E_IO, "cannot put %s into production: %s", f->to,
                             strerror(errno));
        espy_free(cx, f->from);
        f->from = NULL;
    }
    return stage->n ? espy_dir_sync(cx, folder) : ESPY_E_OK;
}

/* What has not got its name goes. */
static void models_stage_free(espy_ctx *cx, models_stage *stage)
{
    for (size_t i = 0; i < stage->n; i++) {
        if (stage->at[i].from)
            cx->io->unlink(stage->at[i].from);
        espy_free(cx, stage->at[i].from);
        espy_free(cx, stage->at[i].to);
    }
    espy_free(cx, stage->at);
}

/* The entry that put into production what is there: the later one of the last promoted training
 * and the last rollback; NULL: none; borrowed from the log. */
static const espy_json *models_production_of(const espy_json *log)
{
    const espy_json *entries = espy_ecosight_log_entries(log), *trained = NULL;
    const espy_json *history = espy_json_get(log, MODELS_HISTORY);
    size_t rollbacks = espy_json_count(history), at = espy_json_count(entries);
    const espy_json *back = rollbacks ? espy_json_at(history, rollbacks - 1) : NULL;
    while (!trained && at-- > 0)
        if (espy_json_bool(espy_json_get(espy_json_at(entries, at), "promoted"), false))
            trained = espy_json_at(entries, at);
    if (!trained || !back)
        return trained ? trained : back;
    int order = strcmp(espy_json_string(espy_json_get(trained, "timestamp"), ""),
                       espy_json_string(espy_json_get(back, "timestamp"), ""));
    if (!order) /* in one second */
        order =
            (int64_t)at >= espy_json_int(espy_json_get(back, MODELS_TRAININGS), INT64_MAX) ? 1 : -1;
    return order > 0 ? trained : back;
}

/* ---- a training ---------------------------------------------------------------------------- */

static espy_err models_counts(espy_ctx *cx, const models_run *run, size_t **out)
{
    const espy_training_set *set = &run->renewal->set;
    espy_json *own = NULL;
    if (!run->how->file_counts)
        ESPY_TRY(espy_training_set_counts(cx, set, &own));
    const espy_json *by = own ? own : run->how->file_counts;
    size_t *counts = espy_array(cx, set->n_labels, sizeof *counts);
    for (size_t i = 0; counts && i < set->n_labels; i++)
        counts[i] = (size_t)espy_json_int(espy_json_get(by, set->codes[i]), 0);
    espy_json_free(own);
    *out = counts;
    return counts ? ESPY_E_OK : cx->code;
}

static espy_err models_report(espy_ctx *cx, const models_run *run, const espy_head_network *net,
                              espy_ecosight_report *out)
{
    const espy_renewal *r = run->renewal;
    const espy_fit *fit = &r->fit;
    const double least = run->how->gate ? run->how->gate->min_accuracy : 0;
    *out = (espy_ecosight_report){
        .date = run->date,
        .classes = r->set.codes,
        .n_classes = r->set.n_labels,
        .encoder = espy_encoder_pack(run->how->encoder)->name,
        .sample_rate = espy_encoder_rate(run->how->encoder),
        .mean = net->mean,
        .std = net->std,
        .mlp = net->mlp,
        .history = net->history,
        .epochs = run->how->fit->settings.epochs ? run->how->fit->settings.epochs : MODELS_EPOCHS,
        .batch = MODELS_BATCH,
        .rate = MODELS_RATE,
        .train = net->history->train,
        .validation = net->history->validation,
        .test = fit->split.test_n,
        .metrics = &fit->metrics,
        .confusion = fit->confusion,
        .trigger_reason = run->how->reason,
        .min_accuracy = least > 0 ? least : NAN,
        .promoted = r->gate.promote};
    return models_test_loss(cx, r, &out->test_loss);
}

/* The log's entry with the number of the version, by which a rollback finds it. */
static espy_err models_log(espy_ctx *cx, const espy_ecosight_report *report, int64_t version,
                           const char *log)
{
    espy_json *entry = NULL;
    ESPY_TRY(espy_ecosight_entry(cx, report, &entry));
    espy_err e = espy_json_set(cx, entry, "version", espy_json_of_int(version));
    if (e == ESPY_E_OK)
        return espy_ecosight_log_append(cx, log, entry);
    espy_json_free(entry);
    return e;
}

/* Adds the version to the store and the entry to the log, and puts the staged files into
 * production, so that a failure leaves everything as it was: the store's transaction is the last to
 * be completed.  A crash before that leaves `live` as it was and perhaps an entry of, or production
 * with, a version that the store does not have; the next training takes that number. */
static espy_err models_publish(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const models_run *run, const espy_ecosight_report *report,
                               const char *log_path, models_stage *stage, espy_renewal *r)
{
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, ws->store));
    ESPY_GO(espy_flow_renew_store(cx, ws, c, run->how, r));
    ESPY_GO(models_log(cx, report, r->version, log_path));
    ESPY_GO(models_stage_place(cx, run->folder, stage));
    ESPY_GO(espy_store_commit(cx, ws->store));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, ws->store);
    return e;
}

/* Of a training that came to nothing; the failure is noted already. */
static void models_discard(espy_ctx *cx, const char *network, const char *beside)
{
    espy_ctx sub = espy_ctx_child(cx);
    cx->io->unlink(network);
    if (espy_dir_remove(&sub, beside) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN, "%s", sub.text);
}

static espy_err models_save(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                            const models_run *run, espy_renewal *r, char **path)
{
    espy_head_network net;
    espy_ecosight_report report;
    models_stage stage = {0};
    espy_json *log = NULL;
    size_t *counts = NULL;
    char *name = NULL, *network = NULL, *beside = NULL, *log_path = NULL;
    bool written = false;
    espy_err e = ESPY_E_OK;
    if (!espy_head_mlp_network(r->fit.head, &net))
        return espy_fail(cx, ESPY_E_ARG, "a models folder holds networks: train with --head mlp");
    log_path = espy_path_join(cx, run->folder, ESPY_ECOSIGHT_LOG);
    name = log_path ? models_name(cx, run->folder, run->date) : NULL;
    network = name ? espy_sprintf(cx, "%s/%s.keras", run->folder, name) : NULL;
    beside = network ? espy_path_join(cx, run->folder, name) : NULL;
    if (!beside)
        ESPY_GO(cx->code);
    ESPY_GO(espy_ecosight_log_load(cx, log_path, &log));
    ESPY_GO(models_counts(cx, run, &counts));
    ESPY_GO(models_report(cx, run, &net, &report));
    report.model_name = name;
    report.model_path = network;
    report.counts = counts;
    report.previous_model =
        espy_json_string(espy_json_get(models_production_of(log), "model_path"), NULL);
    written = true;
    ESPY_GO(models_write(cx, run, &net, &report, network, beside));
    if (report.promoted)
        ESPY_GO(models_stage_make(cx, run->folder, network, beside, &stage));
    ESPY_GO(models_publish(cx, ws, c, run, &report, log_path, &stage, r));
    written = false;
    *path = network;
    network = NULL;
out:
    if (written)
        models_discard(cx, network, beside);
    models_stage_free(cx, &stage);
    espy_json_free(log);
    espy_free(cx, counts);
    espy_free(cx, name);
    espy_free(cx, network);
    espy_free(cx, beside);
    espy_free(cx, log_path);
    return e;
}

espy_err espy_models_renew(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const char *folder, const espy_renew_options *how, espy_renewal *out,
                           char **path)
{
    espy_renewal r = {0};
    espy_renew_options own = *how;
    models_run run = {.folder = folder, .renewal = &r, .how = &own};
    int lock = -1;
    espy_err e = ESPY_E_OK;
    own.measured = true; /* the files tell of it */
    ESPY_TRY(espy_flow_renew_fit(cx, ws, c, &own, &r));
    ESPY_GO(espy_dir_make(cx, folder));
    ESPY_GO(espy_dir_lock(cx, folder, &lock));
    run.date = espy_time_now();
    ESPY_GO(models_save(cx, ws, c, &run, &r, path));
    *out = r;
    r = (espy_renewal){0};
out:
    espy_dir_unlock(cx, lock);
    espy_renewal_free(cx, &r);
    return e;
}

/* ---- rollback ------------------------------------------------------------------------------ */

/* The network of a version as the log has it: the last, should there be two; NULL: none. */
static const char *models_path_of(const espy_json *log, int64_t version)
{
    const espy_json *entries = espy_ecosight_log_entries(log);
    for (size_t i = espy_json_count(entries); i-- > 0;) {
        const espy_json *v = espy_json_at(entries, i);
        if (espy_json_int(espy_json_get(v, "version"), 0) == version)
            return espy_json_string(espy_json_get(v, "model_path"), NULL);
    }
    return NULL;
}

/* Where it lies: by its name, for the folder may have moved. */
static espy_err models_find(espy_ctx *cx, const espy_json *log, const char *folder, int64_t version,
                            char **network, char **beside)
{
    const char *path = models_path_of(log, version);
    if (!path)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "%s/" ESPY_ECOSIGHT_LOG " knows no network of version %lld", folder,
                         (long long)version);
    const char *name = espy_path_name(path);
    *network = espy_path_join(cx, folder, name);
    *beside = espy_sprintf(cx, "%s/%.*s", folder, (int)(espy_path_suffix(name) - name), name);
    return *network && *beside ? ESPY_E_OK : cx->code;
}

static espy_err models_note(espy_ctx *cx, espy_json *log, const char *log_path, int64_t version,
                            const char *network, const char *reason, double date)
{
    char stamp[32], local[32];
    espy_json *entry = espy_json_object(), *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    const espy_json *old = espy_json_get(log, MODELS_HISTORY);
    espy_time_stamp(date, stamp);
    espy_time_local(date, local);
    for (size_t i = 0; i < espy_json_count(old); i++)
        ESPY_GO(espy_json_append(cx, list,
                                 espy_json_ref((espy_json *)(uintptr_t)espy_json_at(old, i))));
    ESPY_GO(espy_json_set(cx, entry, "timestamp", espy_json_of_string(stamp)));
    ESPY_GO(espy_json_set(cx, entry, "datetime", espy_json_of_string(local)));
    ESPY_GO(espy_json_set(cx, entry, "version", espy_json_of_int(version)));
    ESPY_GO(espy_json_set(cx, entry, "model_path", espy_json_of_string(network)));
    ESPY_GO(espy_json_set(cx, entry, "reason", espy_json_of_string(reason)));
    ESPY_GO(
        espy_json_set(cx, entry, MODELS_TRAININGS,
                      espy_json_of_int((int64_t)espy_json_count(espy_ecosight_log_entries(log)))));
    ESPY_GO(espy_json_append(cx, list, espy_json_ref(entry)));
    ESPY_GO(espy_json_set(cx, log, MODELS_HISTORY, espy_json_ref(list)));
    ESPY_GO(espy_json_save(cx, log, log_path));
out:
    espy_json_free(entry);
    espy_json_free(list);
    return e;
}

/* That the file holds a network. */
static espy_err models_prove(espy_ctx *cx, const char *network)
{
    espy_buf bytes;
    espy_mlp *mlp = NULL;
    espy_json *notes = NULL;
    espy_buf_init(&bytes, MODELS_NETWORK);
    espy_err e = espy_file_read(cx, network, bytes.max, &bytes);
    if (e == ESPY_E_OK) {
        e = espy_keras_read(cx, espy_span_of(&bytes), &mlp, &notes);
        if (e != ESPY_E_OK && e != ESPY_E_NOMEM)
            e = espy_fail_in(cx, "%s", network);
    }
    espy_mlp_destroy(cx, &mlp);
    espy_json_free(notes);
    espy_buf_free(cx, &bytes);
    return e;
}

/* The folder is locked.  `live` moves in a transaction that is completed last, so that until then
 * a failure leaves it where it was.  What is slow or may fail, reading and staging, comes first;
 * then the log, then the renames, the network's first.  A crash among these leaves `live` as it was
 * and production on its way: the same command again finds the same network and completes it. */
static espy_err models_go_back(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const char *folder, int64_t to, const char *reason, int64_t *from,
                               int64_t *now)
{
    espy_json *log = NULL;
    models_stage stage = {0};
    char *network = NULL, *beside = NULL;
    char *log_path = espy_path_join(cx, folder, ESPY_ECOSIGHT_LOG);
    bool moving = false;
    espy_err e = ESPY_E_OK;
    if (!log_path)
        return cx->code;
    e = espy_store_begin(cx, ws->store);
    if (e != ESPY_E_OK)
        goto done;
    ESPY_GO(espy_flow_rollback(cx, ws, c, to, reason, from, now));
    ESPY_GO(espy_ecosight_log_load(cx, log_path, &log));
    ESPY_GO(models_find(cx, log, folder, *now, &network, &beside));
    ESPY_GO(models_prove(cx, network));
    ESPY_GO(models_stage_make(cx, folder, network, beside, &stage));
    ESPY_GO(models_note(cx, log, log_path, *now, network, reason, espy_time_now()));
    moving = true;
    ESPY_GO(models_stage_place(cx, folder, &stage));
    ESPY_GO(espy_store_commit(cx, ws->store));
out:
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, ws->store);
        if (!moving)
            (void)espy_fail_in(cx, "the version that answers is as it was");
        else
            (void)espy_fail_in(cx,
                               "%s is half way, the version that answers is as it was; give "
                               "the same command again",
                               folder);
    }
done:
    models_stage_free(cx, &stage);
    espy_json_free(log);
    espy_free(cx, network);
    espy_free(cx, beside);
    espy_free(cx, log_path);
    return e;
}

espy_err espy_models_rollback(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const char *folder, int64_t to, const char *reason, int64_t *from,
                              int64_t *now)
{
    int lock;
    ESPY_TRY(espy_dir_lock(cx, folder, &lock));
    espy_err e = models_go_back(cx, ws, c, folder, to, reason, from, now);
    espy_dir_unlock(cx, lock);
    return e;
}

espy_err espy_models_lags(espy_ctx *cx, const char *folder, int64_t version, int64_t *production)
{
    espy_json *log = NULL;
    char *path = espy_path_join(cx, folder, ESPY_ECOSIGHT_LOG);
    *production = 0;
    if (!path)
        return cx->code;
    espy_err e = espy_ecosight_log_load(cx, path, &log);
    int64_t there = espy_json_int(espy_json_get(models_production_of(log), "version"), 0);
    if (e == ESPY_E_OK && there != version && models_path_of(log, version))
        *production = there;
    espy_json_free(log);
    espy_free(cx, path);
    return e;
}
