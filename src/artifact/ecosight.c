/* SPDX-License-Identifier: Apache-2.0
 * artifact - EcoSight's files (ecosight.h).  Keys are those of SPEC 6.5: the seed's, those that its
 * pages read, and our additions at the end of each object. */
#include "artifact/ecosight.h"

#include <math.h>
#include <string.h>

#include "artifact/sk_model.h"
#include "base/file.h"
#include "base/text.h"

#define ECO_LOG_MAX ((size_t)64 << 20)
#define ECO_FILE_MAX ((size_t)64 << 20)
#define ECO_KEY "retraining_history"

/* An object in the making: after the first failure every put does nothing, and e says why. */
typedef struct eco_object {
    espy_ctx *cx;
    espy_json *json;
    espy_err e;
} eco_object;

static eco_object eco_begin(espy_ctx *cx)
{
    return (eco_object){.cx = cx, .json = espy_json_object()};
}

/* Takes over v. */
static void eco_put(eco_object *o, const char *key, espy_json *v)
{
    if (o->e)
        espy_json_free(v);
    else
        o->e = espy_json_set(o->cx, o->json, key, v);
}

static void eco_text(eco_object *o, const char *key, const char *s)
{
    eco_put(o, key, espy_json_of_string(s));
}

static void eco_count(eco_object *o, const char *key, size_t n)
{
    eco_put(o, key, espy_json_of_int((int64_t)n));
}

static void eco_number(eco_object *o, const char *key, double v)
{
    eco_put(o, key, espy_json_of_number(v));
}

static void eco_object_put(eco_object *o, const char *key, eco_object *inner)
{
    if (!o->e)
        o->e = inner->e;
    eco_put(o, key, inner->json);
    inner->json = NULL;
}

static espy_err eco_end(eco_object *o, espy_json **out)
{
    if (o->e)
        espy_json_free(o->json);
    else
        *out = o->json;
    return o->e;
}

/* An array of n values that `at` makes. */
static void eco_list(eco_object *o, const char *key, size_t n,
                     espy_json *(*at)(const void *self, size_t i), const void *self)
{
    espy_json *list = espy_json_array();
    for (size_t i = 0; i < n && !o->e; i++)
        o->e = espy_json_append(o->cx, list, at(self, i));
    eco_put(o, key, list);
}

static espy_json *eco_class(const void *self, size_t i)
{
    const espy_ecosight_report *r = self;
    return espy_json_of_string(r->classes[i]);
}

static espy_json *eco_precision(const void *self, size_t i)
{
    return espy_json_of_number(((const espy_class_metrics *)self)[i].precision);
}

static espy_json *eco_recall(const void *self, size_t i)
{
    return espy_json_of_number(((const espy_class_metrics *)self)[i].recall);
}

static espy_json *eco_f1(const void *self, size_t i)
{
    return espy_json_of_number(((const espy_class_metrics *)self)[i].f1);
}

static void eco_scores(eco_object *o, const espy_ecosight_report *r)
{
    eco_list(o, "precision", r->n_classes, eco_precision, r->metrics->per_class);
    eco_list(o, "recall", r->n_classes, eco_recall, r->metrics->per_class);
    eco_list(o, "f1_score", r->n_classes, eco_f1, r->metrics->per_class);
}

espy_err espy_ecosight_class_names(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out)
{
    espy_json *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < r->n_classes && e == ESPY_E_OK; i++)
        e = espy_json_append(cx, list, espy_json_of_string(r->classes[i]));
    if (e == ESPY_E_OK && !list)
        e = espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (e)
        espy_json_free(list);
    else
        *out = list;
    return e;
}

/* ---- model_metadata.json ---- */

static espy_json *eco_units(const void *self, size_t i)
{
    return espy_json_of_int((int64_t)((const espy_mlp *)self)->at[i].out);
}

static espy_json *eco_dropout(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp *)self)->at[i].dropout);
}

static espy_json *eco_dim(const void *self, size_t i)
{
    (void)i;
    return espy_json_of_int((int64_t)((const espy_mlp *)self)->dim);
}

/* Hidden layers; the output has as many units as there are classes. */
static void eco_architecture(eco_object *o, const espy_ecosight_report *r)
{
    eco_object a = eco_begin(o->cx), n = eco_begin(o->cx);
    espy_mlp_count count = espy_mlp_parameters(r->mlp);
    size_t hidden = r->mlp->n - 1;
    eco_list(&a, "layers", hidden, eco_units, r->mlp);
    eco_text(&a, "activation", "relu");
    eco_list(&a, "dropout_rates", hidden, eco_dropout, r->mlp);
    eco_text(&a, "optimizer", "adam");
    eco_number(&a, "learning_rate", r->rate);
    eco_put(&a, "batch_normalization",
            espy_json_of_bool(hidden > 0 && r->mlp->at[0].gamma != NULL));
    eco_text(&a, "output_activation", "softmax");
    eco_count(&n, "total", count.all);
    eco_count(&n, "trainable", count.trainable);
    eco_count(&n, "dense", count.dense);
    eco_object_put(&a, "parameters", &n);
    eco_object_put(o, "architecture", &a);
}

static void eco_training(eco_object *o, const espy_ecosight_report *r)
{
    eco_object t = eco_begin(o->cx);
    eco_count(&t, "epochs", r->epochs);
    eco_count(&t, "batch_size", r->batch);
    eco_count(&t, "train_samples", r->train);
    eco_count(&t, "val_samples", r->validation);
    eco_count(&t, "test_samples", r->test);
    eco_count(&t, "epochs_trained", r->history->n);
    eco_object_put(o, "training_config", &t);
}

espy_err espy_ecosight_metadata(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out)
{
    char date[32];
    eco_object o = eco_begin(cx);
    espy_time_local(r->date, date);
    eco_text(&o, "model_name", r->model_name);
    eco_text(&o, "model_type", "Sequential (Dense, BatchNormalization, Dropout)");
    eco_text(&o, "training_date", date);
    eco_count(&o, "num_classes", r->n_classes);
    eco_list(&o, "classes", r->n_classes, eco_class, r);
    eco_list(&o, "input_shape", 1, eco_dim, r->mlp);
    eco_number(&o, "test_accuracy", r->metrics->accuracy);
    eco_number(&o, "test_loss", r->test_loss);
    eco_count(&o, "sample_rate", (size_t)r->sample_rate);
    eco_architecture(&o, r);
    eco_training(&o, r);
    eco_number(&o, "mean", r->mean);
    eco_number(&o, "std", r->std);
    eco_text(&o, "encoder", r->encoder);
    eco_text(&o, "input",
             "(x - mean) / std of the recording's embedding x, which is the mean of the encoder's "
             "embeddings over time");
    eco_text(&o, "software_version", "espy " ESPY_VERSION);
    return eco_end(&o, out);
}

/* ---- performance_metrics.json ---- */

static void eco_confusion(eco_object *o, const espy_ecosight_report *r)
{
    espy_json *matrix = espy_json_array();
    for (size_t i = 0; i < r->n_classes && !o->e; i++) {
        espy_json *row = espy_json_array();
        for (size_t k = 0; k < r->n_classes && !o->e; k++)
            o->e =
                espy_json_append(o->cx, row, espy_json_of_int(r->confusion[i * r->n_classes + k]));
        if (o->e)
            espy_json_free(row);
        else
            o->e = espy_json_append(o->cx, matrix, row);
    }
    eco_put(o, "confusion_matrix", matrix);
}

espy_err espy_ecosight_metrics(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out)
{
    eco_object o = eco_begin(cx), each = eco_begin(cx);
    eco_scores(&o, r);
    eco_confusion(&o, r);
    for (size_t i = 0; i < r->n_classes; i++) {
        const espy_class_metrics *c = &r->metrics->per_class[i];
        eco_object one = eco_begin(cx);
        eco_number(&one, "precision", c->precision);
        eco_number(&one, "recall", c->recall);
        eco_number(&one, "f1_score", c->f1);
        eco_count(&one, "support", c->support);
        eco_object_put(&each, r->classes[i], &one);
    }
    eco_object_put(&o, "per_class_metrics", &each);
    eco_list(&o, "classes", r->n_classes, eco_class, r);
    eco_number(&o, "test_accuracy", r->metrics->accuracy);
    eco_number(&o, "test_loss", r->test_loss);
    return eco_end(&o, out);
}

/* ---- training_history ---- */

static espy_json *eco_loss(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp_epoch *)self)[i].loss);
}

static espy_json *eco_accuracy(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp_epoch *)self)[i].accuracy);
}

static espy_json *eco_val_loss(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp_epoch *)self)[i].val_loss);
}

static espy_json *eco_val_accuracy(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp_epoch *)self)[i].val_accuracy);
}

static espy_json *eco_rate(const void *self, size_t i)
{
    return espy_json_of_float(((const espy_mlp_epoch *)self)[i].rate);
}

espy_err espy_ecosight_history(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out)
{
    const espy_mlp_history *h = r->history;
    bool validated = h->n > 0 && !isnan(h->at[0].val_loss);
    eco_object o = eco_begin(cx);
    eco_list(&o, "accuracy", h->n, eco_accuracy, h->at);
    eco_list(&o, "loss", h->n, eco_loss, h->at);
    if (validated) {
        eco_list(&o, "val_accuracy", h->n, eco_val_accuracy, h->at);
        eco_list(&o, "val_loss", h->n, eco_val_loss, h->at);
    }
    eco_list(&o, "learning_rate", h->n, eco_rate, h->at);
    return eco_end(&o, out);
}

/* ---- retraining_log.json ---- */

espy_err espy_ecosight_entry(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out)
{
    char stamp[32], date[32];
    size_t total = 0;
    eco_object o = eco_begin(cx), counts = eco_begin(cx), scores = eco_begin(cx);
    espy_time_stamp(r->date, stamp);
    espy_time_local(r->date, date);
    for (size_t i = 0; i < r->n_classes; i++) {
        eco_count(&counts, r->classes[i], r->counts[i]);
        total += r->counts[i];
    }
    eco_scores(&scores, r);
    eco_text(&o, "timestamp", stamp);
    eco_text(&o, "datetime", date);
    eco_number(&o, "test_accuracy", r->metrics->accuracy);
    eco_count(&o, "num_classes", r->n_classes);
    eco_object_put(&o, "sample_counts", &counts);
    eco_count(&o, "total_samples", total);
    eco_count(&o, "epochs_trained", r->history->n);
    eco_text(&o, "model_path", r->model_path);
    eco_number(&o, "test_loss", r->test_loss);
    eco_list(&o, "classes", r->n_classes, eco_class, r);
    eco_object_put(&o, "metrics", &scores);
    eco_text(&o, "trigger_reason", r->trigger_reason);
    eco_number(&o, "min_accuracy", r->min_accuracy); /* null when none was asked for */
    eco_put(&o, "promoted", espy_json_of_bool(r->promoted));
    eco_text(&o, "previous_model", r->previous_model);
    return eco_end(&o, out);
}

const espy_json *espy_ecosight_log_entries(const espy_json *log)
{
    return espy_json_get(log, ECO_KEY);
}

espy_err espy_ecosight_log_load(espy_ctx *cx, const char *path, espy_json **out)
{
    espy_json *log = NULL;
    espy_err e = ESPY_E_OK;
    if (!espy_file_exists(path)) {
        eco_object o = eco_begin(cx);
        eco_put(&o, ECO_KEY, espy_json_array());
        return eco_end(&o, out);
    }
    e = espy_json_load(cx, path, ECO_LOG_MAX, &log);
    if (e == ESPY_E_OK && !espy_json_is_array(espy_ecosight_log_entries(log)))
        e = espy_fail(cx, ESPY_E_FORMAT, "%s: holds no list " ECO_KEY, path);
    if (e == ESPY_E_FORMAT) {
        espy_json_free(log);
        return espy_fail_in(cx, "the log is damaged and was left alone; repair it or move it away");
    }
    if (e == ESPY_E_OK)
        *out = log;
    return e;
}

espy_err espy_ecosight_log_append(espy_ctx *cx, const char *path, espy_json *entry)
{
    espy_err e = ESPY_E_OK;
    espy_json *log = NULL;
    ESPY_GO(espy_ecosight_log_load(cx, path, &log));
    /* The list belongs to the log, which is ours to complete. */
    e = espy_json_append(cx, (espy_json *)espy_ecosight_log_entries(log), entry);
    entry = NULL;
    ESPY_GO(e);
    ESPY_GO(espy_json_save(cx, log, path));
out:
    espy_json_free(entry);
    espy_json_free(log);
    return e;
}

/* ---- the folder ---- */

typedef espy_err eco_make(espy_ctx *cx, const espy_ecosight_report *r, espy_json **out);

static espy_err eco_save(espy_ctx *cx, const espy_ecosight_report *r, const char *folder,
                         const char *name, eco_make *make, bool pickled)
{
    espy_err e = ESPY_E_OK;
    espy_json *v = NULL;
    espy_buf b;
    espy_buf_init(&b, ECO_FILE_MAX);
    char *path = espy_path_join(cx, folder, name);
    if (!path)
        return cx->code;
    ESPY_GO(make(cx, r, &v));
    if (pickled) {
        ESPY_GO(espy_sk_put_plain(cx, v, &b));
        ESPY_GO(espy_file_write(cx, path, b.data, b.size));
    } else {
        ESPY_GO(espy_json_save(cx, v, path));
    }
out:
    espy_buf_free(cx, &b);
    espy_json_free(v);
    espy_free(cx, path);
    return e;
}

espy_err espy_ecosight_write(espy_ctx *cx, const espy_ecosight_report *r, const char *folder)
{
    static const struct {
        const char *name;
        eco_make *make;
        bool pickled;
    } files[] = {
        {ESPY_ECOSIGHT_CLASSES, espy_ecosight_class_names, false},
        {ESPY_ECOSIGHT_METADATA, espy_ecosight_metadata, false},
        {ESPY_ECOSIGHT_METRICS, espy_ecosight_metrics, false},
        {ESPY_ECOSIGHT_HISTORY, espy_ecosight_history, false},
        {ESPY_ECOSIGHT_HISTORY_PICKLE, espy_ecosight_history, true},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        ESPY_TRY(eco_save(cx, r, folder, files[i].name, files[i].make, files[i].pickled));
    return ESPY_E_OK;
}
