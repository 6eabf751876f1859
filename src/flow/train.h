/* SPDX-License-Identifier: Apache-2.0
 * flow - training a collection: ingest a folder, fit, publish a version. */
#ifndef ESPY_FLOW_TRAIN_H
#define ESPY_FLOW_TRAIN_H

#include "base/progress.h"
#include "flow/dataset.h"
#include "flow/evaluate.h"
#include "flow/sources.h"
#include "flow/workspace.h"

/* The labelled vectors of a collection as a fit wants them: classes in order of their codes. */
typedef struct espy_training_set {
    espy_vectors vectors;
    espy_label *labels; /* those that have samples, sorted by code; class i is labels[i] */
    size_t n_labels;
    uint32_t *y;        /* class of each vector */
    const char **codes; /* n_labels, into labels */
    espy_rows rows;     /* vectors.x, y */
} espy_training_set;

/* version 0: all labelled samples; else the lineage of that version. */
espy_err espy_training_set_load(espy_ctx *cx, espy_store *store, const espy_collection *c,
                                int64_t version, espy_training_set *out) ESPY_NODISCARD;
void espy_training_set_free(espy_ctx *cx, espy_training_set *l);

/* The same for the samples named alone (ascending): what a retrain from scratch learns from. */
espy_err espy_training_set_load_only(espy_ctx *cx, espy_store *store, const espy_collection *c,
                                     const int64_t *samples, size_t n,
                                     espy_training_set *out) ESPY_NODISCARD;

/* Puts the labels in the order of these ids (class i is ids[i]), and their samples with them: a
 * label that was renamed since keeps its class.  DATA when they are other labels. */
espy_err espy_training_set_order(espy_ctx *cx, espy_training_set *l,
                                 const espy_json *ids) ESPY_NODISCARD;

/* {label code: samples}: what the next training is compared with (trigger.h); the caller's. */
espy_err espy_training_set_counts(espy_ctx *cx, const espy_training_set *l,
                                  espy_json **out) ESPY_NODISCARD;

typedef struct espy_skip {
    char *path, *reason;
} espy_skip;

/* What an ingest did. */
typedef struct espy_ingest {
    size_t used, fresh; /* files that gave a labelled sample; of these, encoded now */
    espy_skip *skipped; /* files that did not, in order */
    size_t n_skipped;
    size_t *per_folder; /* used files of each folder of the dataset */
    int64_t *samples;   /* the samples that were labelled, ascending, each once */
    size_t n_samples;
    size_t unreadable; /* skipped files that are there but could not be read this time */
    const espy_modality *modality; /* of the files; NULL when there was no ingest */
} espy_ingest;
void espy_ingest_free(espy_ctx *cx, espy_ingest *r);

/* How the samples of a folder's pictures are chosen. */
typedef struct espy_ingest_options {
    bool whole_if_none; /* S1: the whole picture where no face is found */
    const float *box; /* x, y, width, height: the face there instead of the largest one; or NULL */
    const espy_sources *sources; /* what recordings were cut from; NULL: by their names */
    const char *actor;           /* who labels: "folder" (a later run may change it) or "user" */
    const espy_progress *progress;
} espy_ingest_options;

/* Encodes every picture of the dataset into the collection and labels one face of each by its
 * folder. A picture that stands under two labels keeps the first and is skipped for the second. */
espy_err espy_flow_ingest(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const espy_encoder *encoder, const espy_dataset *data,
                          const espy_ingest_options *options, espy_ingest *out) ESPY_NODISCARD;

/* Takes the labels that folders gave off samples whose photo came from below `dir` and is not among
 * those of this ingest any more: the folder is what its owner means now.  Labels that people gave
 * stay. *gone  how many */
espy_err espy_flow_forget(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                          const char *dir, const espy_ingest *ingest, size_t *gone) ESPY_NODISCARD;

/* How a fit becomes a version. */
typedef struct espy_publication {
    const char *reason;     /* why it was trained, one line for the history: "train" */
    espy_json *gate;        /* what the quality gate found (gate.h), borrowed; NULL: nobody asked */
    espy_json *file_counts; /* {label code: files} of the folder learned from, borrowed; or NULL */
    bool promote;           /* `live` moves to it in the same transaction */
    size_t copies;          /* altered copies of each sample that were learned from */
    const espy_strangers *strangers; /* whom the gate asked; NULL: nobody */
} espy_publication;

/* Makes the fit a new, immutable version of the collection. */
espy_err espy_flow_add(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                       const espy_training_set *data, const espy_fit *fit,
                       const espy_fit_options *options, const espy_publication *how,
                       int64_t *number) ESPY_NODISCARD;

/* The same, asking nobody: the version answers at once. */
espy_err espy_flow_publish(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_training_set *data, const espy_fit *fit,
                           const espy_fit_options *options, const char *reason,
                           int64_t *number) ESPY_NODISCARD;

#endif
