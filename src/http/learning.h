/* SPDX-License-Identifier: Apache-2.0
 * http - a training as a job: what "train" and "retrain_sounds" share.
 *
 * The version and the end of the job are one transaction: a job that was begun anew because its
 * server died leaves one version, whatever became of the first attempt. */
#ifndef ESPY_HTTP_LEARNING_H
#define ESPY_HTTP_LEARNING_H

#include "http/runner.h"

/* What the kind of job says; the request says the rest:
 *   head, seed, epochs, clusters, validation, test_share, threshold, augment, min_accuracy, force,
 *   reason   as the options of `espy train`
 *   threshold  null: find it anew; not there: as of the version that answers now, where it was
 *            chosen
 *   least    only if that many samples are new since the last training; then the reason is told by
 *            their number */
typedef struct espy_learning {
    const char *dir;    /* the folder that is read first; NULL: what the collection holds */
    const char *models; /* EcoSight's folder of networks; NULL: they are not kept there */
    const char *head;   /* when the request names none; NULL: the kind that answers now */
    const char *reason; /* when the request says none */
    double test_share;  /* when the request says none */
} espy_learning;

/* Trains the job's collection.  Every epoch is a line of the log and an event "epoch" {epoch,
 * epochs, loss, accuracy, val_loss, val_accuracy}.  The result is what `espy train --json` tells,
 * or {"trained": false, "new_samples": n} where `least` was not reached. */
espy_err espy_learning_run(espy_working *w, const espy_learning *how,
                           espy_json **result) ESPY_NODISCARD;

#endif
