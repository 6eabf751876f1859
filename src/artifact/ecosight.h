/* SPDX-License-Identifier: Apache-2.0
 * artifact - the files that the described EcoSight trainer (S4) leaves beside its networks
 * (SPEC 6.5): what a run did, for people, pages and the next run.  The network itself: keras.h.
 * Depends on: base, learn, and sk_model.h of this module. */
#ifndef ESPY_ARTIFACT_ECOSIGHT_H
#define ESPY_ARTIFACT_ECOSIGHT_H

#include "base/json.h"
#include "learn/metrics.h"
#include "learn/mlp.h"

#define ESPY_ECOSIGHT_LOG "retraining_log.json"
#define ESPY_ECOSIGHT_CLASSES "class_names.json"
#define ESPY_ECOSIGHT_METADATA "model_metadata.json"
#define ESPY_ECOSIGHT_METRICS "performance_metrics.json"
#define ESPY_ECOSIGHT_HISTORY "training_history.json"
#define ESPY_ECOSIGHT_HISTORY_PICKLE "training_history.pkl"

/* One run of training; everything borrowed. */
typedef struct espy_ecosight_report {
    double date;            /* seconds since 1970; told in local time, as S4 does */
    const char *model_name; /* "retrained_model_20251118_143045" */
    const char
        *model_path; /* as the log keeps it: "models/retrained_model_20251118_143045.keras" */

    const char *const *classes; /* names in the order of the network's outputs */
    const size_t *counts;       /* recordings of each class, from which the next trigger counts */
    size_t n_classes;           /* = mlp->classes */

    const char *encoder; /* "yamnet" */
    int sample_rate;     /* Hz that the encoder hears */
    double mean, std;    /* the network's input is (embedding - mean) / std */
    const espy_mlp *mlp;

    const espy_mlp_history *history; /* epochs_trained is history->n */
    size_t epochs, batch;            /* that were asked for */
    double rate;                     /* of Adam, at the start */
    size_t train, validation, test;  /* samples of each part */

    double test_loss;
    const espy_metrics *metrics; /* of the test part */
    const uint32_t *confusion;   /* n_classes x n_classes, truth in rows (espy_metrics_confusion) */

    const char *trigger_reason; /* "Manual trigger" */
    double min_accuracy;        /* NaN: none was asked for */
    bool promoted;              /* it became the production network */
    const char *previous_model; /* production until then; NULL: there was none */
} espy_ecosight_report;

/* The files' contents; *out is the caller's.  Errors: NOMEM. */
espy_err espy_ecosight_class_names(espy_ctx *cx, const espy_ecosight_report *r,
                                   espy_json **out) ESPY_NODISCARD;
espy_err espy_ecosight_metadata(espy_ctx *cx, const espy_ecosight_report *r,
                                espy_json **out) ESPY_NODISCARD;
espy_err espy_ecosight_metrics(espy_ctx *cx, const espy_ecosight_report *r,
                               espy_json **out) ESPY_NODISCARD;
/* Lists of numbers, one per epoch: accuracy, loss, val_accuracy, val_loss (these two where there
 * was a validation part), learning_rate. */
espy_err espy_ecosight_history(espy_ctx *cx, const espy_ecosight_report *r,
                               espy_json **out) ESPY_NODISCARD;
/* What the log keeps of the run. */
espy_err espy_ecosight_entry(espy_ctx *cx, const espy_ecosight_report *r,
                             espy_json **out) ESPY_NODISCARD;

/* Writes the first four into a folder that is there, the history as JSON and as a pickle; each file
 * is the old or the new one after a crash.  Errors: IO, NOMEM. */
espy_err espy_ecosight_write(espy_ctx *cx, const espy_ecosight_report *r,
                             const char *folder) ESPY_NODISCARD;

/* The log {"retraining_history": [ENTRY, ...]}, oldest first; without a file an empty one.  *out is
 * the caller's.  Errors: FORMAT (damaged: says what to do), LIMIT, IO, NOMEM. */
espy_err espy_ecosight_log_load(espy_ctx *cx, const char *path, espy_json **out) ESPY_NODISCARD;
/* Entries of a log that was loaded; borrowed. */
const espy_json *espy_ecosight_log_entries(const espy_json *log);

/* Adds an entry at the end and keeps everything else in the file, also what this version does not
 * know.  The file is the old or the new one after a crash; one that cannot be read is left alone.
 * One writer at a time.  Takes over `entry`, also on failure.  Errors: as
 * espy_ecosight_log_load(). */
espy_err espy_ecosight_log_append(espy_ctx *cx, const char *path, espy_json *entry) ESPY_NODISCARD;

#endif
