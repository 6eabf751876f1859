/* SPDX-License-Identifier: Apache-2.0
 * http - things of the store as the JSON of /v1 (schemas.c has the schemas).  *out: the caller's.
 */
#ifndef ESPY_HTTP_SHAPES_H
#define ESPY_HTTP_SHAPES_H

#include "base/json.h"
#include "store/job.h"

espy_err espy_event_json(espy_ctx *cx, const espy_event *event, espy_json **out) ESPY_NODISCARD;
/* log: with the job's log. */
espy_err espy_job_json(espy_ctx *cx, const espy_job *job, bool log, espy_json **out) ESPY_NODISCARD;

/* Times are told as "2026-11-26T04:18:27Z"; 0 as null. */
espy_err espy_json_set_time(espy_ctx *cx, espy_json *o, const char *key, double t) ESPY_NODISCARD;
/* Sets the value of a JSON text, or null where it is NULL or none. */
espy_err espy_json_set_raw(espy_ctx *cx, espy_json *o, const char *key,
                           const char *text) ESPY_NODISCARD;
/* Ids of 0 are null. */
espy_err espy_json_set_id(espy_ctx *cx, espy_json *o, const char *key, int64_t id) ESPY_NODISCARD;

#endif
