/* SPDX-License-Identifier: Apache-2.0
 * http - whoever asked to be told over HTTP is told: the one place where what happens becomes
 * deliveries.  A delivery is a job ("webhook"), so it survives a restart and is tried again.
 *
 * What is told: every event of the store by its action (docs/formats/store.md), and "job.done",
 * "job.failed", "job.cancelled", "gate.refused".  The body is
 *   {"event": action, "time": "...", "collection": id or null, "data": {...}}. */
#ifndef ESPY_HTTP_NOTIFY_H
#define ESPY_HTTP_NOTIFY_H

#include "http/call.h"
#include "store/job.h"

/* Orders a delivery for each webhook that wants it; part of the transaction that is open, if one
 * is.  collection 0: of none, which administrators' webhooks alone hear of.  time: seconds since
 * 1970; data: borrowed. */
espy_err espy_notify(espy_ctx *cx, espy_serving *serving, espy_store *st, int64_t collection,
                     const char *action, double time, const espy_json *data) ESPY_NODISCARD;

/* How a job ended. */
espy_err espy_notify_job(espy_ctx *cx, espy_serving *serving, espy_store *st, const espy_job *job,
                         const char *state, const char *error) ESPY_NODISCARD;

/* At the start of a server: while nobody asked to be told, what happened is nobody's news. */
espy_err espy_notify_begin(espy_ctx *cx, espy_store *st) ESPY_NODISCARD;
/* The store's events since the last call, on whatever server that was: each is told once. */
espy_err espy_notify_events(espy_ctx *cx, espy_serving *serving, espy_store *st) ESPY_NODISCARD;

#endif
