/* SPDX-License-Identifier: Apache-2.0
 * flow - rollback: an earlier version answers again. */
#ifndef ESPY_FLOW_ROLLBACK_H
#define ESPY_FLOW_ROLLBACK_H

#include "flow/workspace.h"

/* Moves `live` to a version that has proved that it can answer: the store's copy has its digest,
 * the head is read, the samples that it was trained on are there and fit it.  Nothing moves on
 * failure.  The version that answered so far becomes `previous`.
 *   to      number, or 0 for `previous`
 *   why     one line for the history, or NULL
 *   *from, *now   what was live and what is; the same when `to` was live already
 * Errors: NOT_FOUND (no such version; nothing to go back to), DIGEST, FORMAT, DATA, UNSUPPORTED,
 * STORE, NOMEM. */
espy_err espy_flow_rollback(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t to,
                            const char *why, int64_t *from, int64_t *now) ESPY_NODISCARD;

#endif
