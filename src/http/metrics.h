/* SPDX-License-Identifier: Apache-2.0
 * http - what the server counts, as Prometheus text (exposition format 0.0.4).
 * Depends on: base.  Thread use: every call from any thread; counting never blocks or allocates.
 * Label values come from fixed sets: route templates and the names below, never text from a
 * request, never the name of a person. */
#ifndef ESPY_HTTP_METRICS_H
#define ESPY_HTTP_METRICS_H

#include "base/mem.h"

typedef struct espy_metrics espy_metrics;

/* Label values of each set.  The order is that of the enums. */
typedef enum espy_method_label {
    ESPY_METHOD_GET,
    ESPY_METHOD_POST,
    ESPY_METHOD_PUT,
    ESPY_METHOD_PATCH,
    ESPY_METHOD_DELETE,
    ESPY_METHOD_OTHER
} espy_method_label;
espy_method_label espy_metrics_method(const char *method); /* "GET", ... */

/* How one sample, or a media without any, was answered. */
typedef enum espy_outcome {
    ESPY_OUTCOME_KNOWN, /* the first four as espy_decision */
    ESPY_OUTCOME_UNKNOWN,
    ESPY_OUTCOME_AMBIGUOUS,
    ESPY_OUTCOME_POOR_QUALITY,
    ESPY_OUTCOME_NO_SAMPLE,
    ESPY_OUTCOME_ERROR
} espy_outcome;

typedef struct espy_metrics_names {
    const char *const *routes; /* templates, "/v1/collections/{id}"; borrowed until destroyed */
    size_t n_routes;
    const char *const *job_kinds; /* "train", ... */
    size_t n_job_kinds;
    const char *const *job_states; /* "queued", ... */
    size_t n_job_states;
    const char *const *lanes; /* queues of the workers */
    size_t n_lanes;
    const char *const *modalities; /* "face", "sound" */
    size_t n_modalities;
} espy_metrics_names;

/* Errors: ARG (a set is empty), NOMEM. */
espy_err espy_metrics_create(espy_ctx *cx, const espy_metrics_names *names,
                             espy_metrics **out) ESPY_NODISCARD;
void espy_metrics_destroy(espy_ctx *cx, espy_metrics **m); /* NULL-safe */

/* A request that was answered.  route: index of its template, n_routes: none matched ("other").
 * status: of HTTP, 100..599. */
void espy_metrics_request(espy_metrics *m, size_t route, espy_method_label method, int status,
                          double seconds, uint64_t bytes_in, uint64_t bytes_out);
void espy_metrics_waiting(espy_metrics *m, size_t lane, int change); /* +1 queued, -1 taken */
void espy_metrics_decision(espy_metrics *m, size_t modality, espy_outcome outcome);
void espy_metrics_encoded(espy_metrics *m, size_t modality, uint64_t samples, double seconds);
void espy_metrics_job(espy_metrics *m, size_t kind, size_t state); /* entered this state */
void espy_metrics_login(espy_metrics *m, bool passed);

/* Appends all families, and of the process: resident bytes, open files, start time, uptime. */
espy_err espy_metrics_print(espy_ctx *cx, const espy_metrics *m, espy_buf *out) ESPY_NODISCARD;

#define ESPY_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* Resident bytes of this process, from /proc/self/statm; 0 where it cannot be read. */
uint64_t espy_process_memory(void);

#endif
