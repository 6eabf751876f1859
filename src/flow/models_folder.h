/* SPDX-License-Identifier: Apache-2.0
 * flow - the models folder of the described sound system (S4): what a training leaves there, and
 * which network is in production.
 *
 * - retrained_model_<stamp>.keras: the network of one training, kept for ever
 * - retrained_model_<stamp>/: its class_names.json, model_metadata.json, ...
 * - yamnet_classifier_v2.keras: the network in production, a copy; beside it copies of its files
 * - yamnet_classifier_v2.previous.keras: the one before it
 * - retraining_log.json: an entry per training, and one per rollback */
#ifndef ESPY_FLOW_MODELS_FOLDER_H
#define ESPY_FLOW_MODELS_FOLDER_H

#include "flow/renew.h"

#define ESPY_MODELS_FOLDER "models" /* where a training keeps them when none is named */

/* Whether a training could be kept there: asked before it begins.  Errors: FORMAT (a damaged log),
 * IO (the folder cannot be made), NOMEM. */
espy_err espy_models_ready(espy_ctx *cx, const char *folder) ESPY_NODISCARD;

/* espy_flow_renew() that also keeps the network and its files in the folder, puts them into
 * production when the version is promoted, and adds the entry to the log.  One program at a time
 * writes there; others wait.  Version and promotion are undone when the files cannot be kept, so
 * after a failure what was live is live.  *path: of the network, the caller's.
 * Errors: ARG (the head is no mlp), DATA (nothing could be held back to measure), FORMAT (a damaged
 * log), IO, NOMEM, and espy_flow_renew()'s. */
espy_err espy_models_renew(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const char *folder, const espy_renew_options *how, espy_renewal *out,
                           char **path) ESPY_NODISCARD;

/* espy_flow_rollback() that also puts the network of that version, by what the log tells, into
 * production and notes it in the log's "rollback_history".  The network is looked up and read
 * before anything moves; repeating the call completes one that was interrupted.
 * Errors: NOT_FOUND (folder, log or files do not have it), FORMAT, IO, NOMEM, and
 * espy_flow_rollback()'s. */
espy_err espy_models_rollback(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                              const char *folder, int64_t to, const char *reason, int64_t *from,
                              int64_t *now) ESPY_NODISCARD;

/* The version in production there where that is another one than `version` and the folder has the
 * network of `version` too; else 0, also without a log.  Errors: FORMAT, IO, NOMEM. */
espy_err espy_models_lags(espy_ctx *cx, const char *folder, int64_t version,
                          int64_t *production) ESPY_NODISCARD;

#endif
