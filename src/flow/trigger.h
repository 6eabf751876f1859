/* SPDX-License-Identifier: Apache-2.0
 * flow - the trigger: whether enough has been added since the last training (SPEC 6.4).
 *
 * Counts are JSON objects {label code: number}, as in version.json and retraining_log.json.  The
 * label "unknown" is never counted (C-25): what lies there has no label yet. */
#ifndef ESPY_FLOW_TRIGGER_H
#define ESPY_FLOW_TRIGGER_H

#include "flow/workspace.h"

#define ESPY_TRIGGER_SAMPLES 100          /* new samples that are enough */
#define ESPY_TRIGGER_SCHEDULED_SAMPLES 50 /* at an appointed time */

/* *added = sum over the labels of `current` of current - last (missing: 0).  Negative when more was
 * taken away; labels that are only in `last` do not count.  True from `least` on, and always when
 * nothing was trained yet (last NULL, or without labels). */
bool espy_trigger_decide(const espy_json *current, const espy_json *last, int64_t least,
                         int64_t *added);

/* Files of the modality (NULL: of none) in each label's folder of `dir` by label code; folders
 * without such files count 0.  Errors: NOT_FOUND, IO, NOMEM. */
espy_err espy_trigger_count_folder(espy_ctx *cx, const char *dir, const espy_modality *modality,
                                   espy_json **out) ESPY_NODISCARD;

/* Labelled samples of a collection by label code. */
espy_err espy_trigger_count_store(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                                  espy_json **out) ESPY_NODISCARD;

/* What the last training counted, promoted or not; *out NULL when there was none.
 * files: what is compared are files of a folder.  Then the newest version that was trained from a
 * folder tells how many files that had, for some may hold nothing to learn from and would be new
 * for ever; without one it is the samples of the newest version, as for the store. */
espy_err espy_trigger_last(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, bool files,
                           espy_json **out) ESPY_NODISCARD;

/* The same from the last entry of a retraining_log.json; *out NULL when it is not there or has no
 * entry.  Errors: FORMAT, IO, NOMEM. */
espy_err espy_trigger_last_of_log(espy_ctx *cx, const char *path, espy_json **out) ESPY_NODISCARD;

#endif
