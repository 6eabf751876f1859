/* SPDX-License-Identifier: Apache-2.0
 * artifact - the files that the two described SmartAttendance trainers leave: clean retraining (S0)
 * and production training (S1).  Each is written crash-safe.
 * Depends on: base, and sk_model.h of this module. */
#ifndef ESPY_ARTIFACT_SMARTATTENDANCE_H
#define ESPY_ARTIFACT_SMARTATTENDANCE_H

#include "artifact/sk_model.h"

typedef struct espy_training_student {
    const char *id, *name;
    size_t images;     /* found in the folder */
    size_t embeddings; /* kept */
} espy_training_student;

typedef struct espy_training_threshold {
    double threshold, accuracy; /* accuracy among the accepted, 0 when there are none */
    size_t accepted, total;
} espy_training_threshold;

typedef struct espy_training_skip {
    const char *path, *reason;
} espy_training_skip;

/* What one training did; everything borrowed.  Fields marked S0 or S1 are used by that writer
 * alone. */
typedef struct espy_training_facts {
    const char *out_dir;        /* made when missing */
    const char *embeds_out;     /* S0: made when missing */
    const espy_sk_model *model; /* with labels: the ids in order */

    const float *x;    /* n x model->dim, unit rows, not scaled: everything that was embedded */
    const uint32_t *y; /* n: class of each row */
    size_t n;

    const espy_training_student *students; /* S0 */
    size_t student_count;
    size_t images_found;               /* S0 */
    const espy_training_skip *skipped; /* S0 */
    size_t skipped_count;
    const char *const *errors; /* S0: lines of the error log */
    size_t error_count;

    double accuracy;                           /* on the held-out part */
    const char *report;                        /* S0: classification report, ends in a newline */
    const char *confusion_matrix;              /* S0: text, ends in a newline */
    const espy_training_threshold *thresholds; /* S0 */
    size_t threshold_count;
    double threshold; /* recommended (S0), chosen (S1) */

    double date;            /* seconds since 1970 */
    const char *device;     /* S0: "CPU, 2 threads" */
    const char *detector;   /* "SCRFD" */
    const char *alignment;  /* S0 */
    const char *embedder;   /* "InceptionResnetV1" */
    const char *pretrained; /* S1: "vggface2" */
    const char *classifier; /* one line for people: "SVM, linear kernel, balanced" */

    /* Called after each file is in place, for the "Saved" lines; may be NULL.
     *   what  S0: "classifier", "label encoder", ...;  path  borrowed for the call */
    void (*saved)(void *self, const char *what, const char *path);
    void *saved_self;
} espy_training_facts;

/* S0: face_classifier_v1.pkl, label_encoder.pkl, label_encoder_classes.npy and scaler.pkl in
 * out_dir; X.npy, y.npy (ids), labels.csv, training_report.txt and MODEL_README.md in embeds_out.
 * Errors: IO, NOMEM, ARG (an id that is not UTF-8). */
espy_err espy_artifact_write_clean(espy_ctx *cx, const espy_training_facts *f) ESPY_NODISCARD;

/* S1: face_classifier_v1.pkl, label_encoder_classes.npy, X.npy, y.npy (numbers),
 * training_metadata.json and training_summary.txt in out_dir. */
espy_err espy_artifact_write_production(espy_ctx *cx, const espy_training_facts *f) ESPY_NODISCARD;

/* The object that S1 embeds in the pickle and writes as training_metadata.json; caller owns. */
espy_err espy_artifact_production_metadata(espy_ctx *cx, const espy_training_facts *f,
                                           espy_json **out) ESPY_NODISCARD;

#endif
