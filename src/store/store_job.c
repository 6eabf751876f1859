/* SPDX-License-Identifier: Apache-2.0
 * store - jobs.  Each step is one statement, so that it needs no transaction of its own; it is read
 * to its end, where a failure to commit shows. */
#include "store/job.h"

#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

#define JOB_COLUMNS_WITH(log)                                                               \
    "id, collection, kind, state, request, result, error, " log ", progress, stop, worker," \
    " attempt, lease, created, started, finished, not_before, exclusive, released"
#define JOB_COLUMNS JOB_COLUMNS_WITH("log")
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
    espy_free(cx, job->exclusive);
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
                      .finished = ops->real(rows, 15),
                      .not_before = ops->real(rows, 16),
                      .released = ops->integer(rows, 18)};
    ESPY_GO(espy_db_text(cx, st, rows, 2, &out->kind));
    ESPY_GO(espy_db_text(cx, st, rows, 3, &out->state));
    ESPY_GO(espy_db_text(cx, st, rows, 4, &out->request));
    ESPY_GO(espy_db_text(cx, st, rows, 5, &out->result));
    ESPY_GO(espy_db_text(cx, st, rows, 6, &out->error));
    ESPY_GO(espy_db_text(cx, st, rows, 7, &out->log));
    ESPY_GO(espy_db_text(cx, st, rows, 10, &out->worker));
    ESPY_GO(espy_db_text(cx, st, rows, 17, &out->exclusive));
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

/* A time, or none. */
static espy_db_value job_time(double t)
{
    return t > 0 ? DB_REAL(t) : DB_NONE;
}

/* -- asking for work --------------------------------------------------------------------------- */
espy_err espy_store_job_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *kind,
                            const char *request, int64_t *id)
{
    return espy_store_job_order(
        cx, st, &(espy_job_order){.collection = collection, .kind = kind, .request = request}, id);
}

espy_err espy_store_job_order(espy_ctx *cx, espy_store *st, const espy_job_order *order,
                              int64_t *id)
{
    static const char sql[] =
        "INSERT INTO jobs (collection, kind, state, request, created, exclusive, not_before)"
        " VALUES ($1, $2, 'queued', $3, $4, $5, $6) RETURNING id";
    const char *exclusive = order->exclusive == NULL ? "" : order->exclusive;
    espy_json *json = NULL;
    bool found = false;
    ESPY_TRY(espy_store_check_name(cx, "a job's kind", order->kind));
    if (exclusive[0] != '\0')
        ESPY_TRY(espy_store_check_name(cx, "what a job has alone", exclusive));
    espy_err e = espy_json_parse(cx, order->request, strlen(order->request), &json);
    espy_json_free(json);
    if (e == ESPY_E_FORMAT) {
        espy_clear(cx);
        return espy_fail(cx, ESPY_E_ARG, "a job's request is a JSON text");
    }
    ESPY_TRY(e);
    return job_step(cx, st, sql,
                    DB_ARGS(DB_ID(order->collection), DB_TEXT(order->kind), DB_TEXT(order->request),
                            DB_REAL(espy_time_now()), DB_TEXT(exclusive),
                            job_time(order->not_before)),
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
                              " WHERE state = 'running' AND lease < $1"
                              " AND attempt - released >= $2";
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_REAL(now), DB_INT(ESPY_JOB_ATTEMPTS)));
}

/* A job that may be taken at time `now`: it waits and its time has come, or its worker is dead; and
 * no other one runs that excludes it. */
#define JOB_READY(now)                                                                   \
    "((j.state = 'queued' AND (j.not_before IS NULL OR j.not_before <= " now "))"        \
    " OR (j.state = 'running' AND j.lease < " now "))"                                   \
    " AND (j.exclusive = '' OR NOT EXISTS (SELECT 1 FROM jobs o WHERE o.exclusive <> ''" \
    " AND o.exclusive = j.exclusive AND o.state = 'running' AND o.id <> j.id))"

/* Those of a choice: whether it is light, and its kind. */
#define JOB_CHOSEN(light, kind)                                                                    \
    " AND CASE WHEN " light " = 1 THEN j.exclusive = '' OR j.kind = " kind " ELSE j.kind <> " kind \
    " END"

typedef struct job_taker {
    const espy_job_choice *choice;
    const char *worker;
    double lease, now;
} job_taker;

/* Takes the oldest one that is ready, of those that exclude others, or of the rest. */
static espy_err job_take_of(espy_ctx *cx, espy_store *st, const job_taker *t, bool exclusive,
                            espy_job *out, bool *taken)
{
#define JOB_TAKE(which, lock)                                                            \
    "UPDATE jobs SET state = 'running', worker = $1, lease = $2, attempt = attempt + 1," \
    " started = COALESCE(started, $3), progress = 0 WHERE id = (SELECT j.id FROM jobs j" \
    " WHERE j.exclusive " which " '' AND " JOB_READY("$3")                               \
        JOB_CHOSEN("$4", "$5") " ORDER BY j.id LIMIT 1" lock ") RETURNING " JOB_COLUMNS
#define JOB_LOCK " FOR UPDATE OF j SKIP LOCKED"
    static const char alone[] = JOB_TAKE("=", ""), locking[] = JOB_TAKE("=", JOB_LOCK);
    static const char one_alone[] = JOB_TAKE("<>", ""), one_locking[] = JOB_TAKE("<>", JOB_LOCK);
#undef JOB_TAKE
#undef JOB_LOCK
    bool server = st->db->ops->server;
    const char *sql = exclusive ? (server ? one_locking : one_alone) : server ? locking : alone;
    return job_one(cx, st, sql,
                   DB_ARGS(DB_TEXT(t->worker), DB_REAL(t->now + t->lease), DB_REAL(t->now),
                           DB_INT(t->choice->light), DB_TEXT(t->choice->kind)),
                   out, taken);
}

/* Whether another one runs is seen rightly only by one taker at a time: so they take turns, as
 * those who write do. */
static espy_err job_take_exclusive(espy_ctx *cx, espy_store *st, const job_taker *t, espy_job *out,
                                   bool *taken)
{
    espy_job job = {0};
    espy_err e = ESPY_E_OK;
    *taken = false;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(job_take_of(cx, st, t, true, &job, taken));
    ESPY_GO(espy_store_commit(cx, st));
    if (*taken)
        *out = job;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_job_free(cx, &job);
    return e;
}

espy_err espy_store_job_take(espy_ctx *cx, espy_store *st, const espy_job_choice *choice,
                             const char *worker, double lease, espy_job *out, bool *taken)
{
    static const char any[] =
        "SELECT CASE WHEN j.exclusive = '' THEN 0 ELSE 1 END FROM jobs j"
        " WHERE " JOB_READY("$1") JOB_CHOSEN("$2", "$3") " ORDER BY j.id LIMIT 1";
    static const espy_job_choice every = {.kind = ""};
    const job_taker t = {choice == NULL ? &every : choice, worker, lease, espy_time_now()};
    int64_t exclusive = 0;
    ESPY_TRY(espy_store_check_name(cx, "a worker's name", worker));
    ESPY_TRY(espy_db_find(cx, st, any,
                          DB_ARGS(DB_REAL(t.now), DB_INT(t.choice->light), DB_TEXT(t.choice->kind)),
                          taken, &exclusive));
    if (!*taken) /* the common case: who only looks locks nothing */
        return ESPY_E_OK;
    ESPY_TRY(job_give_up(cx, st, t.now));
    *taken = false;
    if (exclusive != 0)
        ESPY_TRY(job_take_exclusive(cx, st, &t, out, taken));
    return *taken ? ESPY_E_OK : job_take_of(cx, st, &t, false, out, taken);
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

espy_err espy_store_job_release(espy_ctx *cx, espy_store *st, const espy_job *job, bool tried,
                                double not_before, espy_job_word *word)
{
    static const char sql[] =
        "UPDATE jobs SET state = CASE WHEN stop = 1 THEN 'cancelled' ELSE 'queued' END,"
        " finished = CASE WHEN stop = 1 THEN $1 END, not_before = $2, lease = NULL, progress = 0,"
        " released = released + $3" JOB_MINE("$4", "$5", "$6") " RETURNING stop";
    bool mine = false;
    int64_t stop = 0;
    ESPY_TRY(job_step(cx, st, sql,
                      DB_ARGS(DB_REAL(espy_time_now()), job_time(not_before), DB_INT(tried ? 0 : 1),
                              DB_INT(job->id), DB_TEXT(job->worker), DB_INT(job->attempt)),
                      &mine, &stop));
    *word = !mine ? ESPY_JOB_LOST : stop ? ESPY_JOB_STOP : ESPY_JOB_GO_ON;
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

espy_err espy_store_job_exclusive(espy_ctx *cx, espy_store *st, const char *exclusive,
                                  espy_job *out, bool *found)
{
    static const char sql[] = "SELECT " JOB_COLUMNS " FROM jobs WHERE exclusive = $1"
                              " AND state IN ('queued', 'running') ORDER BY id LIMIT 1";
    *found = false;
    if (exclusive[0] == '\0')
        return ESPY_E_OK;
    return job_one(cx, st, sql, DB_ARGS(DB_TEXT(exclusive)), out, found);
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

espy_err espy_store_job_page(espy_ctx *cx, espy_store *st, const espy_job_filter *f,
                             const espy_page *page, espy_job **out, size_t *n, int64_t *total)
{
#define JOB_OF                                                                     \
    " FROM jobs WHERE ($1 = 0 OR collection = $1) AND ($2 = 0 OR EXISTS (SELECT 1" \
    " FROM collections c WHERE c.id = jobs.collection AND c.owner = $2"            \
    " AND c.deleted IS NULL)) AND ($3 = '' OR kind = $3) AND ($4 = '' OR state = $4)"
    static const char count[] = "SELECT count(*)" JOB_OF;
    static const char sql[] =
        "SELECT " JOB_COLUMNS_WITH("NULL") JOB_OF " AND ($5 = 0 OR id < $5)"
                                                  " ORDER BY id DESC LIMIT $6 OFFSET $7";
#undef JOB_OF
    static const espy_db_items items = {sizeof **out, job_row, job_drop};
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->collection_owner),
                                  DB_TEXT(f->kind == NULL ? "" : f->kind),
                                  DB_TEXT(f->state == NULL ? "" : f->state),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_TRY(espy_db_number(cx, st, count, args, 4, total));
    return espy_db_list(cx, st, sql, args, 7, &items, out, n);
}
