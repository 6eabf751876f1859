/* SPDX-License-Identifier: Apache-2.0
 * flow - the two described trainers (S0 clean, S1 production) on the one road: the same index,
 * embed, fit and save, with their defaults and their files.  The program prints their frames
 * between the steps. */
#ifndef ESPY_FLOW_RETRAIN_H
#define ESPY_FLOW_RETRAIN_H

#include "artifact/smartattendance.h"
#include "flow/train.h"

typedef struct espy_retrain {
    espy_workspace *ws;          /* borrowed */
    const espy_encoder *encoder; /* borrowed */
    espy_collection collection;
    espy_dataset data;
    espy_ingest ingest;
    espy_training_set labelled;
    espy_fit_options options;
    espy_fit fit;
    int64_t version;
} espy_retrain;

/* Folders of one run: the students' photos, the classifier's files, S0's other files. */
typedef struct espy_retrain_paths {
    const char *data, *out, *embeds;
} espy_retrain_paths;

/* The folders that are meant when none are named (C-05): below backend/ where the photos or else
 * the classifier are there, else the same below the working directory, taken for backend/.  Where
 * neither is there: inside says which of the two. */
espy_retrain_paths espy_retrain_default_paths(bool inside);

/* Reads student folders (ids before the first underscore; jpg, jpeg, png, bmp). */
espy_err espy_retrain_read(espy_ctx *cx, const char *dir, espy_dataset *out) ESPY_NODISCARD;

/* The same into r->data; DATA also when there is one student only. */
espy_err espy_retrain_index(espy_ctx *cx, const char *dir, espy_retrain *r) ESPY_NODISCARD;

/* Finds or makes the collection; r->ws and r->encoder must be set.  give_way: when another encoder
 * made the one of that name, NAME-PACK-DIGEST (8 digits of the encoder's) is taken, so that a
 * retrain from scratch works with every encoder; else that is ARG. */
espy_err espy_retrain_collection(espy_ctx *cx, espy_retrain *r, const char *name,
                                 bool give_way) ESPY_NODISCARD;

/* Embeds the largest face of each picture.  whole_if_none: S1.  DATA when nothing came out. */
espy_err espy_retrain_embed(espy_ctx *cx, espy_retrain *r, bool whole_if_none,
                            const espy_progress *progress) ESPY_NODISCARD;

/* Fits by r->options. */
espy_err espy_retrain_fit(espy_ctx *cx, espy_retrain *r) ESPY_NODISCARD;

typedef struct espy_retrain_layout {
    bool production; /* S1's files, else S0's */
    const char *out_dir, *embeds_out;
    void (*saved)(void *self, const char *what, const char *path);
    void *self;
} espy_retrain_layout;

/* Writes the files of the layout. */
espy_err espy_retrain_save(espy_ctx *cx, const espy_retrain *r,
                           const espy_retrain_layout *layout) ESPY_NODISCARD;

/* Publishes the version; the last step, so that nothing answers differently after a failure. */
espy_err espy_retrain_publish(espy_ctx *cx, espy_retrain *r) ESPY_NODISCARD;

void espy_retrain_free(espy_ctx *cx, espy_retrain *r);

/* S0's first step: deletes what an earlier run left (ten named items), tells of each.  All ten are
 * checked before the first is deleted; links are taken away and never followed.
 * ARG when one of them lies inside the dataset folder or holds it; then nothing is deleted. */
espy_err espy_retrain_cleanup(espy_ctx *cx, const char *data_dir, const char *out_dir,
                              const char *embeds_out, void (*deleted)(void *self, const char *path),
                              void *self, size_t *count) ESPY_NODISCARD;
/* The check alone. */
espy_err espy_retrain_cleanup_check(espy_ctx *cx, const char *data_dir, const char *out_dir,
                                    const char *embeds_out) ESPY_NODISCARD;

#endif
