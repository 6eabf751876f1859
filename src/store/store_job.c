/* SPDX-License-Identifier: Apache-2.0
 * store - jobs.  Each step is one statement, so that it needs no transaction of its own; it is read
 * to its end, where a failure to commit shows. */
#include "store/job.h"

#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

#define JOB_COLUMNS                                                                     \
    "id, collection, kind, state, request, result, error, log, progress, stop, worker," \
    " attempt, lease, created, started, finished"
/* The worker that has it, and no other. */
#define JOB_MINE(id, worker, attempt) \
    " WHERE id = " id " AND worker = " worker " AND attempt = " attempt " AND state = 'running'"

void espy_job_free(espy_ctx *cx, espy_job *job)
{
    espy_free(cx, job->kind);
    espy_free(cx, job->state);
    espy_free(cx, job->request);
    espy_free(cx, job->result);
    espy_free(cx, job->error);
    espy_free(cx, job->log);
    espy_free(cx, job->worker);
    *job = (espy_job){0};
}

void espy_jobs_free(espy_ctx *cx, espy_job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        espy_job_free(cx, &jobs[i]);
    espy_free(cx, jobs);
}

/* From a row of JOB_COLUMNS. */
static espy_err job_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_job *out = item;
    const espy_db_ops *ops = st->db->ops;
    espy_err e = ESPY_E_OK;
    *out = (espy_job){.id = ops->integer(rows, 0),
                      .collection = ops->integer(rows, 1),
                      .progress = ops->real(rows, 8),
                      .stop = ops->integer(rows, 9) != 0,
                      .attempt = ops->integer(rows, 11),
                      .lease = ops->real(rows, 12),
                      .created = ops->real(rows, 13),
                      .started = ops->real(rows, 14),
                      .finished = ops->real(rows, 15)};
    ESPY_GO(espy_db_text(cx, st, rows, 2, &out->kind));
    ESPY_GO(espy_db_text(cx, st, rows, 3, &out->state));
    ESPY_GO(espy_db_text(cx, st, rows, 4, &out->request));
    ESPY_GO(espy_db_text(cx, st, rows, 5, &out->result));
    ESPY_GO(espy_db_text(cx, st, rows, 6, &out->error));
    ESPY_GO(espy_db_text(cx, st, rows, 7, &out->log));
    ESPY_GO(espy_db_text(cx, st, rows, 10, &out->worker));
    return ESPY_E_OK;
out:
    espy_job_free(cx, out);
    return e;
}

/* Runs a statement that gives at most one job, to its end. */
static espy_err job_one(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                        size_t n, espy_job *out, bool *found)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_job job = {0};
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, st->db, sql, args, n, &rows));
    ESPY_GO(ops->next(cx, rows, found));
    if (*found) {
        ESPY_GO(job_row(cx, st, rows, &job));
        ESPY_GO(ops->next(cx, rows, &more));
        *out = job;
        job = (espy_job){0};
    }
out:
    ops->done(rows);
    espy_job_free(cx, &job);
    return e;
}

/* The same for one that gives an integer. */
static espy_err job_step(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                         size_t n, bool *found, int64_t *value)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, st->db, sql, args, n, &rows));
    ESPY_GO(ops->next(cx, rows, found));
    if (*found) {
        *value = ops->integer(rows, 0);
        ESPY_GO(ops->next(cx, rows, &more));
    }
out:
    ops->done(rows);
    return e;
}

/* -- asking for work --------------------------------------------------------------------------- */
espy_err espy_store_job_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *kind,
                            const char *request, int64_t *id)
{
    static const char sql[] = "INSERT INTO jobs (collection, kind, state, request, created)"
                              " VALUES ($1, $2, 'queued', $3, $4) RETURNING id";
    espy_json *json = NULL;
    bool found = false;
    ESPY_TRY(espy_store_check_name(cx, "a job's kind", kind));
    espy_err e = espy_json_parse(cx, request, strlen(request), &json);
    espy_json_free(json);
    if (e == ESPY_E_FORMAT) {
        espy_clear(cx);
        return espy_fail(cx, ESPY_E_ARG, "a job's request is a JSON text");
    }
    ESPY_TRY(e);
    return job_step(
        cx, st, sql,
        DB_ARGS(DB_ID(collection), DB_TEXT(kind), DB_TEXT(request), DB_REAL(espy_time_now())),
        &found, id);
}

espy_err espy_store_job_cancel(espy_ctx *cx, espy_store *st, int64_t id)
{
    static const char sql[] =
        "UPDATE jobs SET stop = 1, finished = CASE WHEN state = 'queued' THEN $1 END,"
        " state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END"
        " WHERE id = $2 AND state IN ('queued', 'running') RETURNING id";
    static const char there[] = "SELECT id FROM jobs WHERE id = $1";
    bool found = false;
    int64_t same;
    ESPY_TRY(job_step(cx, st, sql, DB_ARGS(DB_REAL(espy_time_now()), DB_INT(id)), &found, &same));
    if (found)
        return ESPY_E_OK;
    ESPY_TRY(job_step(cx, st, there, DB_ARGS(DB_INT(id)), &found, &same));
    return found ? espy_fail(cx, ESPY_E_EXISTS, "job %lld is over already", (long long)id)
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no job %lld", (long long)id);
}

/* -- doing it ---------------------------------------------------------------------------------- */
/* Jobs that end every worker that takes them. */
static espy_err job_give_up(espy_ctx *cx, espy_store *st, double now)
{
    static const char sql[] = "UPDATE jobs SET state = 'failed', finished = $1,"
                              " error = 'every worker that took it died; look into its log'"
                              " WHERE state = 'running' AND lease < $1 AND attempt >= $2";
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_REAL(now), DB_INT(ESPY_JOB_ATTEMPTS)));
}

espy_err espy_store_job_take(espy_ctx *cx, espy_store *st, const char *worker, double lease,
                             espy_job *out, bool *taken)
{
#define JOB_TAKE(lock)                                                                         \
    "UPDATE jobs SET state = 'running', worker = $1, lease = $2, attempt = attempt + 1,"       \
    " started = COALESCE(started, $3), progress = 0 WHERE id = (SELECT j.id FROM jobs j"       \
    " WHERE j.state = 'queued' OR (j.state = 'running' AND j.lease < $3) ORDER BY j.id LIMIT " \
    "1" lock ") RETURNING " JOB_COLUMNS
    static const char alone[] = JOB_TAKE(""), locking[] = JOB_TAKE(" FOR UPDATE SKIP LOCKED");
#undef JOB_TAKE
    static const char any[] = "SELECT id FROM jobs WHERE state = 'queued'"
                              " OR (state = 'running' AND lease < $1) LIMIT 1";
    double now = espy_time_now();
    int64_t id;
    ESPY_TRY(espy_store_check_name(cx, "a worker's name", worker));
    ESPY_TRY(espy_db_find(cx, st, any, DB_ARGS(DB_REAL(now)), taken, &id));
    if (!*taken) /* the common case: who only looks locks nothing */
        return ESPY_E_OK;
    ESPY_TRY(job_give_up(cx, st, now));
    return job_one(cx, st, st->db->ops->server ? locking : alone,
                   DB_ARGS(DB_TEXT(worker), DB_REAL(now + lease), DB_REAL(now)), out, taken);
}

espy_err espy_store_job_beat(espy_ctx *cx, espy_store *st, const espy_job *job, double progress,
                             double lease, espy_job_word *word)
{
    static const char sql[] =
        "UPDATE jobs SET progress = $1, lease = $2" JOB_MINE("$3", "$4", "$5") " RETURNING stop";
    bool mine = false;
    int64_t stop = 0;
    ESPY_TRY(job_step(cx, st, sql,
                      DB_ARGS(DB_REAL(progress), DB_REAL(espy_time_now() + lease), DB_INT(job->id),
                              DB_TEXT(job->worker), DB_INT(job->attempt)),
                      &mine, &stop));
    *word = !mine ? ESPY_JOB_LOST : stop ? ESPY_JOB_STOP : ESPY_JOB_GO_ON;
    return ESPY_E_OK;
}

espy_err espy_store_job_log(espy_ctx *cx, espy_store *st, const espy_job *job, const char *line,
                            espy_job_word *word)
{
    static const char sql[] = "UPDATE jobs SET log = CASE WHEN length(log) + length($1) < $2 THEN "
                              "log || $1 ELSE log END" JOB_MINE("$3", "$4", "$5") " RETURNING stop";
    bool mine = false;
    int64_t stop = 0;
    char *text = espy_sprintf(cx, "%s\n", line);
    if (text == NULL)
        return ESPY_E_NOMEM;
    espy_err e = job_step(cx, st, sql,
                          DB_ARGS(DB_TEXT(text), DB_INT((int64_t)ESPY_JOB_LOG), DB_INT(job->id),
                                  DB_TEXT(job->worker), DB_INT(job->attempt)),
                          &mine, &stop);
    espy_free(cx, text);
    if (e == ESPY_E_OK)
        *word = !mine ? ESPY_JOB_LOST : stop ? ESPY_JOB_STOP : ESPY_JOB_GO_ON;
    return e;
}

espy_err espy_store_job_finish(espy_ctx *cx, espy_store *st, const espy_job *job, const char *state,
                               const char *result, const char *error, espy_job_word *word)
{
    static const char sql[] = "UPDATE jobs SET state = $1, result = $2, error = $3, finished = $4,"
                              " progress = CASE WHEN $1 = 'done' THEN 1 ELSE progress END" JOB_MINE(
                                  "$5", "$6", "$7") " RETURNING stop";
    bool mine = false;
    int64_t stop;
    if (strcmp(state, "done") != 0 && strcmp(state, "failed") != 0 &&
        strcmp(state, "cancelled") != 0)
        return espy_fail(cx, ESPY_E_ARG, "a job ends 'done', 'failed' or 'cancelled'");
    ESPY_TRY(
        job_step(cx, st, sql,
                 DB_ARGS(DB_TEXT(state), DB_TEXT(result), DB_TEXT(error), DB_REAL(espy_time_now()),
                         DB_INT(job->id), DB_TEXT(job->worker), DB_INT(job->attempt)),
                 &mine, &stop));
    *word = mine ? ESPY_JOB_GO_ON : ESPY_JOB_LOST;
    return ESPY_E_OK;
}

/* -- looking ----------------------------------------------------------------------------------- */
espy_err espy_store_job_get(espy_ctx *cx, espy_store *st, int64_t id, espy_job *out)
{
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE id = $1";
    bool found = false;
    ESPY_TRY(job_one(cx, st, sql, DB_ARGS(DB_INT(id)), out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no job %lld", (long long)id);
}

static void job_drop(espy_ctx *cx, void *item)
{
    espy_job_free(cx, item);
}

espy_err espy_store_jobs(espy_ctx *cx, espy_store *st, const char *state, size_t max,
                         espy_job **out, size_t *n)
{
    static const char sql[] =
        "SELECT " JOB_COLUMNS " FROM jobs WHERE state = $1 OR $1 = '' ORDER BY id DESC LIMIT $2";
    static const espy_db_items items = {sizeof **out, job_row, job_drop};
    int64_t limit = max > INT64_MAX ? INT64_MAX : (int64_t)max;
    return espy_db_list(cx, st, sql, DB_ARGS(DB_TEXT(state == NULL ? "" : state), DB_INT(limit)),
                        &items, out, n);
}
