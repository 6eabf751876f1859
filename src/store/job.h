/* SPDX-License-Identifier: Apache-2.0
 * store - jobs: long pieces of work that any process on the store may take, with progress, log and
 * cancel.
 *
 * A job belongs to the worker that took it until its lease runs out: a worker that died is not
 * waited for longer than that.  It is then taken again, at most ESPY_JOB_ATTEMPTS times in all, so
 * the work of a job must bear being begun again; but only the worker that has it now can finish it.
 * Leases are told by the workers' clocks, which must agree within a part of the lease.
 *
 * These calls take no part in the lock that writers wait for: outside a transaction they do not
 * wait for one on PostgreSQL. */
#ifndef ESPY_STORE_JOB_H
#define ESPY_STORE_JOB_H

#include "store/store.h"

#define ESPY_JOB_ATTEMPTS 5
#define ESPY_JOB_LOG ((size_t)1 << 20) /* what a log holds; further lines are left out */

typedef struct espy_job {
    int64_t id, collection;            /* collection 0: none */
    char *kind;                        /* "train", "cluster", ... */
    char *state;                       /* "queued", "running", "done", "failed", "cancelled" */
    char *request;                     /* JSON */
    char *result, *error;              /* JSON, one line; NULL: none */
    char *log;                         /* lines */
    double progress;                   /* 0..1 */
    bool stop;                         /* somebody wants it cancelled */
    char *worker;                      /* who has or had it; NULL: nobody yet */
    int64_t attempt;                   /* how often it was taken */
    int64_t released;                  /* how often it was given back without having been tried */
    char *exclusive;                   /* jobs with the same text run one at a time; "": at once */
    double not_before;                 /* when it may be taken at the earliest; 0: at once */
    double lease;                      /* until when the worker is trusted to be alive */
    double created, started, finished; /* seconds since 1970; 0: not yet */
} espy_job;
void espy_job_free(espy_ctx *cx, espy_job *job);
void espy_jobs_free(espy_ctx *cx, espy_job *jobs, size_t n);

/* request: a JSON text.  Errors: ARG. */
espy_err espy_store_job_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *kind,
                            const char *request, int64_t *id) ESPY_NODISCARD;

/* The same with all that there is to say. */
typedef struct espy_job_order {
    int64_t collection; /* 0: none */
    const char *kind, *request;
    const char *exclusive; /* "train:3": of such jobs one runs, the others wait; NULL: none such */
    double not_before;     /* seconds since 1970; 0: at once */
} espy_job_order;
espy_err espy_store_job_order(espy_ctx *cx, espy_store *st, const espy_job_order *order,
                              int64_t *id) ESPY_NODISCARD;
/* The oldest job of that exclusive text which is queued or running; *found false: there is none.
 * Whoever adds one only then does both in one transaction. */
espy_err espy_store_job_exclusive(espy_ctx *cx, espy_store *st, const char *exclusive,
                                  espy_job *out, bool *found) ESPY_NODISCARD;

/* Which jobs a worker takes: one for the short ones keeps them from waiting behind long ones, and
 * the long ones from waiting behind a kind that waits for others. */
typedef struct espy_job_choice {
    const char *kind; /* "": none */
    bool light;       /* that kind, and what excludes no other; else all but that kind */
} espy_job_choice;

/* Takes the oldest job of the choice (NULL: of all) that waits, or whose worker's lease has run
 * out, for so many seconds.  worker: a name that no other worker has (machine, process, thread).
 * *taken false: there is none.  One that comes with `stop` is to be finished as "cancelled". Taking
 * an exclusive one waits for those who write. */
espy_err espy_store_job_take(espy_ctx *cx, espy_store *st, const espy_job_choice *choice,
                             const char *worker, double lease, espy_job *out,
                             bool *taken) ESPY_NODISCARD;

/* What the worker has to do. */
typedef enum espy_job_word {
    ESPY_JOB_GO_ON,
    ESPY_JOB_STOP, /* finish it as "cancelled" */
    ESPY_JOB_LOST  /* another worker has it by now: leave it */
} espy_job_word;

/* Says that the worker is alive for so many seconds more, and how far it is.  To be called several
 * times within a lease. */
espy_err espy_store_job_beat(espy_ctx *cx, espy_store *st, const espy_job *job, double progress,
                             double lease, espy_job_word *word) ESPY_NODISCARD;
/* Appends a line to the log. */
espy_err espy_store_job_log(espy_ctx *cx, espy_store *st, const espy_job *job, const char *line,
                            espy_job_word *word) ESPY_NODISCARD;
/* state: "done", "failed" or "cancelled".  *word LOST: nothing was changed, and what the job did
 * must not count.  Inside the transaction that stores the job's work, the two are one. */
espy_err espy_store_job_finish(espy_ctx *cx, espy_store *st, const espy_job *job, const char *state,
                               const char *result, const char *error,
                               espy_job_word *word) ESPY_NODISCARD;

/* Gives the job back, to be taken again from `not_before` on (seconds since 1970; 0: at once).
 * tried: it counts as an attempt (a retry); else as none (the worker stops).  One that somebody
 * wants cancelled is cancelled.  A job that is given back is not given up, whatever its attempts:
 * whoever retries counts them. */
espy_err espy_store_job_release(espy_ctx *cx, espy_store *st, const espy_job *job, bool tried,
                                double not_before, espy_job_word *word) ESPY_NODISCARD;

/* One that waits is cancelled; one that runs is asked to stop.  Errors: NOT_FOUND, EXISTS (it is
 * over). */
espy_err espy_store_job_cancel(espy_ctx *cx, espy_store *st, int64_t id) ESPY_NODISCARD;

/* NOT_FOUND, noted in cx. */
espy_err espy_store_job_get(espy_ctx *cx, espy_store *st, int64_t id, espy_job *out) ESPY_NODISCARD;
typedef struct espy_job_filter {
    int64_t collection;       /* 0: all */
    int64_t collection_owner; /* whose collections; 0: all, and jobs of none */
    const char *kind, *state; /* NULL: all */
} espy_job_filter;
/* Newest first; cursor: an id.  Logs are left out (NULL).  total: NULL, or how many there are. */
espy_err espy_store_job_page(espy_ctx *cx, espy_store *st, const espy_job_filter *f,
                             const espy_page *page, espy_job **out, size_t *n,
                             int64_t *total) ESPY_NODISCARD;
/* Newest first, at most `max`; state NULL: all. */
espy_err espy_store_jobs(espy_ctx *cx, espy_store *st, const char *state, size_t max,
                         espy_job **out, size_t *n) ESPY_NODISCARD;

#endif
