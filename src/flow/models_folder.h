/* SPDX-License-Identifier: Apache-2.0
 * flow - the models folder of the described sound system (S4): what a training leaves there, and
 * which network is in production.
 *
 *   retrained_model_<stamp>.keras   the network of one training, kept for ever
 *   retrained_model_<stamp>/        its class_names.json, model_metadata.json, ...
 *   yamnet_classifier_v2.keras      the network in production, a copy; beside it copies of its
 * files yamnet_classifier_v2.previous.keras   the one before it retraining_log.json             an
 * entry per training, and one per rollback */
#ifndef ESPY_FLOW_MODELS_FOLDER_H
#define ESPY_FLOW_MODELS_FOLDER_H

#include "flow/renew.h"

typedef struct espy_models_run {
    const char *folder; /* made when missing */
    const espy_renewal *renewal;
    const espy_fit_options *fit;
    const espy_encoder *encoder;
    const espy_json
        *counts;         /* {label code: files or samples}, from which the next trigger counts */
    const char *reason;  /* "Manual trigger" */
    double min_accuracy; /* 0: none was asked for */
    double date;         /* seconds since 1970 */
} espy_models_run;

/* Whether a training could be kept there: asked before it begins.  Errors: FORMAT (a damaged log),
 * IO (the folder cannot be made), NOMEM. */
espy_err espy_models_ready(espy_ctx *cx, const char *folder) ESPY_NODISCARD;

/* Writes the network and its files, puts them into production when the version was promoted, and
 * adds the entry to the log, which is the last step.  *path: of the network, the caller's. Errors:
 * ARG (the head is no mlp), FORMAT (a damaged log), IO, NOMEM. */
espy_err espy_models_save(espy_ctx *cx, const espy_models_run *run, char **path) ESPY_NODISCARD;

/* Puts the network of an earlier training, by the version that the log tells of, into production
 * and notes it in the log's "rollback_history".  Errors: NOT_FOUND (the log or the files do not
 * have it), FORMAT, IO, NOMEM. */
espy_err espy_models_rollback(espy_ctx *cx, const char *folder, int64_t version, const char *reason,
                              double date) ESPY_NODISCARD;

#endif
