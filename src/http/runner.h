/* SPDX-License-Identifier: Apache-2.0
 * http - jobs: long work that survives a restart, taken from the store by whichever server is free.
 *
 * A job runs in a thread of low priority with its own pool, so that requests are answered first.  A
 * server that stops gives its job back; one that is killed loses it when its lease runs out. */
#ifndef ESPY_HTTP_RUNNER_H
#define ESPY_HTTP_RUNNER_H

#include "http/call.h"
#include "store/job.h"

typedef struct espy_runner espy_runner;

/* What a job's code is given. */
typedef struct espy_working {
    espy_ctx *cx; /* cancelled when somebody wants the job to stop, or the server stops */
    espy_serving *serving;
    espy_workspace *ws;
    const espy_job *job;
    const espy_json *request;
    espy_progress progress; /* reaches the store and all who listen to "job:ID" */
    struct espy_runner *runner;
    bool settled; /* how it ended is in the store already */
    bool again;   /* it was given back */
} espy_working;

/* A line of the job's log; also to those who listen. */
void espy_working_log(espy_working *w, const char *fmt, ...) ESPY_PRINTF(2, 3);
/* An event to those who listen; takes over `data`.  event: a literal. */
void espy_working_tell(espy_working *w, const char *event, espy_json *data);

/* Finishes the job as done, as part of the transaction that stores its work; run() then returns OK
 * once that is committed.  CANCELLED when another server has the job by now: the work must not
 * count, so the transaction is to be rolled back. */
espy_err espy_working_finish(espy_working *w, const espy_json *result) ESPY_NODISCARD;
/* Gives the job back, to be taken again so many seconds from now; run() then returns OK.  tried: it
 * counts as a try. */
espy_err espy_working_retry(espy_working *w, bool tried, double seconds) ESPY_NODISCARD;

/* One kind of job.  run: begun anew when its server died, so it must bear being begun again.
 * *result: one JSON object, the caller's; on failure cx tells why. */
typedef struct espy_job_kind {
    const char *name;
    espy_err (*run)(espy_working *w, espy_json **result);
} espy_job_kind;
extern const espy_job_kind *const espy_job_kinds[]; /* ends with NULL */
extern const char *const espy_job_states[];         /* "queued", ...; ends with NULL */

/* light: takes deliveries to webhooks, and what excludes no other job, and has no pool: beside one
 * that takes all but deliveries, so that neither a training nor a silent receiver holds up the
 * other. */
espy_err espy_runner_start(espy_ctx *cx, espy_serving *serving, bool light,
                           espy_runner **out) ESPY_NODISCARD;
/* Ends its threads; others may still wake it. */
void espy_runner_quit(espy_runner *runner);
void espy_runner_stop(espy_ctx *cx, espy_runner **runner);
/* There may be a job: look now.  From any thread; NULL: nothing. */
void espy_runner_wake(espy_runner *runner);

/* Orders a job and wakes the runners.  exclusive: see espy_job_order; with `once` one that waits or
 * runs already is told instead of a second one (*fresh false). */
espy_err espy_jobs_order(espy_ctx *cx, espy_serving *serving, espy_store *st,
                         const espy_job_order *order, bool once, int64_t *id,
                         bool *fresh) ESPY_NODISCARD;

#endif
