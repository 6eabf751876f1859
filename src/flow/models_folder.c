/* SPDX-License-Identifier: Apache-2.0
 * flow - the models folder of the described sound system. */
#include "flow/models_folder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/ecosight.h"
#include "artifact/keras.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "encode/listen.h"
#include "head/head_parts.h"

#define MODELS_PRODUCTION "yamnet_classifier_v2.keras"
#define MODELS_PREVIOUS "yamnet_classifier_v2.previous.keras"
#define MODELS_NETWORK ((size_t)1 << 30) /* bytes of one */
#define MODELS_FILE ((size_t)64 << 20)   /* of the files beside it */
#define MODELS_EPOCHS 100
#define MODELS_BATCH 64
#define MODELS_RATE 0.001

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

static espy_err models_write(espy_ctx *cx, const espy_models_run *run, const espy_head_network *net,
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

static espy_err models_copy(espy_ctx *cx, const char *from, const char *to_folder, const char *name)
{
    espy_buf bytes;
    espy_err e = ESPY_E_OK;
    char *to = espy_path_join(cx, to_folder, name);
    espy_buf_init(&bytes, MODELS_NETWORK);
    if (!to)
        ESPY_GO(cx->code);
    ESPY_GO(espy_file_read(cx, from, bytes.max, &bytes));
    ESPY_GO(espy_file_write(cx, to, bytes.data, bytes.size));
out:
    espy_buf_free(cx, &bytes);
    espy_free(cx, to);
    return e;
}

/* The network last, so that what stands beside it is never older than it. */
static espy_err models_produce(espy_ctx *cx, const char *folder, const char *network,
                               const char *beside)
{
    espy_dir_list list = {0};
    espy_err e = ESPY_E_OK;
    char now[ESPY_DIGEST_HEX], next[ESPY_DIGEST_HEX];
    char *from = NULL, *production = espy_path_join(cx, folder, MODELS_PRODUCTION);
    if (!production)
        return cx->code;
    if (espy_file_exists(production)) {
        ESPY_GO(espy_digest_file(cx, production, now));
        ESPY_GO(espy_digest_file(cx, network, next));
        if (strcmp(now, next) != 0)
            ESPY_GO(models_copy(cx, production, folder, MODELS_PREVIOUS));
    }
    ESPY_GO(espy_dir_read(cx, beside, &list));
    for (size_t i = 0; i < list.n; i++) {
        espy_free(cx, from);
        from = espy_path_join(cx, beside, list.at[i].name);
        if (!from)
            ESPY_GO(cx->code);
        if (!list.at[i].is_dir)
            ESPY_GO(models_copy(cx, from, folder, list.at[i].name));
    }
    ESPY_GO(models_copy(cx, network, folder, MODELS_PRODUCTION));
out:
    espy_free(cx, from);
    espy_free(cx, production);
    espy_dir_list_free(cx, &list);
    return e;
}

/* The last promoted entry of the log: its model_path, or NULL; borrowed from the log. */
static const char *models_production_of(const espy_json *log)
{
    const espy_json *entries = espy_ecosight_log_entries(log);
    for (size_t i = espy_json_count(entries); i-- > 0;) {
        const espy_json *v = espy_json_at(entries, i);
        if (espy_json_bool(espy_json_get(v, "promoted"), false))
            return espy_json_string(espy_json_get(v, "model_path"), NULL);
    }
    return NULL;
}

/* ---- a training ---------------------------------------------------------------------------- */

static espy_err models_counts(espy_ctx *cx, const espy_models_run *run, size_t **out)
{
    const espy_training_set *set = &run->renewal->set;
    size_t *counts = espy_array(cx, set->n_labels, sizeof *counts);
    if (!counts)
        return cx->code;
    for (size_t i = 0; i < set->n_labels; i++)
        counts[i] = (size_t)espy_json_int(espy_json_get(run->counts, set->codes[i]), 0);
    *out = counts;
    return ESPY_E_OK;
}

static espy_err models_report(espy_ctx *cx, const espy_models_run *run,
                              const espy_head_network *net, espy_ecosight_report *out)
{
    const espy_renewal *r = run->renewal;
    const espy_fit *fit = &r->fit;
    *out = (espy_ecosight_report){.date = run->date,
                                  .classes = r->set.codes,
                                  .n_classes = r->set.n_labels,
                                  .encoder = espy_encoder_pack(run->encoder)->name,
                                  .sample_rate = espy_encoder_rate(run->encoder),
                                  .mean = net->mean,
                                  .std = net->std,
                                  .mlp = net->mlp,
                                  .history = net->history,
                                  .epochs = run->fit->settings.epochs ? run->fit->settings.epochs
                                                                      : MODELS_EPOCHS,
                                  .batch = MODELS_BATCH,
                                  .rate = MODELS_RATE,
                                  .train = net->history->train,
                                  .validation = net->history->validation,
                                  .test = fit->split.test_n,
                                  .metrics = &fit->metrics,
                                  .confusion = fit->confusion,
                                  .trigger_reason = run->reason,
                                  .min_accuracy = run->min_accuracy > 0 ? run->min_accuracy : NAN,
                                  .promoted = r->promoted};
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

espy_err espy_models_save(espy_ctx *cx, const espy_models_run *run, char **path)
{
    espy_head_network net;
    espy_ecosight_report report;
    espy_json *log = NULL;
    size_t *counts = NULL;
    char *name = NULL, *network = NULL, *beside = NULL, *log_path = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_head_mlp_network(run->renewal->fit.head, &net))
        return espy_fail(cx, ESPY_E_ARG, "a models folder holds networks: train with --head mlp");
    if (!run->renewal->fit.split.test_n)
        return espy_fail(cx, ESPY_E_DATA,
                         "nothing was held back to measure, which the models folder tells of: add "
                         "samples, or raise --test-share");
    ESPY_GO(espy_dir_make(cx, run->folder));
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
    report.previous_model = models_production_of(log);
    ESPY_GO(models_write(cx, run, &net, &report, network, beside));
    if (report.promoted)
        ESPY_GO(models_produce(cx, run->folder, network, beside));
    ESPY_GO(models_log(cx, &report, run->renewal->version, log_path));
    *path = network;
    network = NULL;
out:
    espy_json_free(log);
    espy_free(cx, counts);
    espy_free(cx, name);
    espy_free(cx, network);
    espy_free(cx, beside);
    espy_free(cx, log_path);
    return e;
}

/* ---- rollback ------------------------------------------------------------------------------ */

/* Where the network of a version lies: by its name, for the folder may have moved. */
static espy_err models_find(espy_ctx *cx, const espy_json *log, const char *folder, int64_t version,
                            char **network, char **beside)
{
    const espy_json *entries = espy_ecosight_log_entries(log);
    const char *path = NULL;
    for (size_t i = espy_json_count(entries); i-- > 0 && !path;) {
        const espy_json *v = espy_json_at(entries, i);
        if (espy_json_int(espy_json_get(v, "version"), 0) == version)
            path = espy_json_string(espy_json_get(v, "model_path"), NULL);
    }
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
    static const char key[] = "rollback_history";
    char stamp[32], local[32];
    espy_json *entry = espy_json_object(), *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    const espy_json *old = espy_json_get(log, key);
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
    ESPY_GO(espy_json_append(cx, list, espy_json_ref(entry)));
    ESPY_GO(espy_json_set(cx, log, key, espy_json_ref(list)));
    ESPY_GO(espy_json_save(cx, log, log_path));
out:
    espy_json_free(entry);
    espy_json_free(list);
    return e;
}

espy_err espy_models_rollback(espy_ctx *cx, const char *folder, int64_t version, const char *reason,
                              double date)
{
    espy_json *log = NULL;
    char *network = NULL, *beside = NULL;
    char *log_path = espy_path_join(cx, folder, ESPY_ECOSIGHT_LOG);
    espy_err e = ESPY_E_OK;
    if (!log_path)
        return cx->code;
    ESPY_GO(espy_ecosight_log_load(cx, log_path, &log));
    ESPY_GO(models_find(cx, log, folder, version, &network, &beside));
    ESPY_GO(models_produce(cx, folder, network, beside));
    ESPY_GO(models_note(cx, log, log_path, version, network, reason, date));
out:
    espy_json_free(log);
    espy_free(cx, network);
    espy_free(cx, beside);
    espy_free(cx, log_path);
    return e;
}
