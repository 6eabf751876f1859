/* SPDX-License-Identifier: Apache-2.0
 * store - settings, and requests that are done once. */
#include "store/setting.h"

#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

#define SETTING_MAX ((size_t)1 << 20)
#define ONCE_BODY_MAX ((size_t)64 << 20)

/* -- settings ---------------------------------------------------------------------------------- */
static espy_err setting_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    return espy_db_text(cx, st, rows, 0, item);
}

espy_err espy_store_setting(espy_ctx *cx, espy_store *st, const char *name, char **value)
{
    static const char sql[] = "SELECT value FROM settings WHERE name = $1";
    static const espy_db_items items = {sizeof(char *), setting_row, NULL};
    char *got = NULL;
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_TEXT(name)), &items, &got, &found));
    *value = got;
    return ESPY_E_OK;
}

espy_err espy_store_setting_set(espy_ctx *cx, espy_store *st, const char *name, const char *value)
{
    static const char set[] = "INSERT INTO settings (name, value) VALUES ($1, $2)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    static const char unset[] = "DELETE FROM settings WHERE name = $1";
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_check_name(cx, "a setting's name", name));
    if (value != NULL)
        ESPY_TRY(espy_store_check_text(cx, name, value, SETTING_MAX));
    ESPY_TRY(espy_store_begin(cx, st));
    if (value != NULL)
        ESPY_GO(espy_db_exec(cx, st, set, DB_ARGS(DB_TEXT(name), DB_TEXT(value))));
    else
        ESPY_GO(espy_db_exec(cx, st, unset, DB_ARGS(DB_TEXT(name))));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_setting_first(espy_ctx *cx, espy_store *st, const char *name, const char *fresh,
                                  char **value)
{
    char *got = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_setting(cx, st, name, &got));
    if (got != NULL) {
        *value = got;
        return ESPY_E_OK;
    }
    ESPY_TRY(espy_store_begin(cx, st)); /* from here on nobody else sets it */
    ESPY_GO(espy_store_setting(cx, st, name, &got));
    if (got == NULL) {
        ESPY_GO(espy_store_setting_set(cx, st, name, fresh));
        ESPY_GO(espy_store_setting(cx, st, name, &got));
    }
    ESPY_GO(espy_store_commit(cx, st));
    *value = got;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_free(cx, got);
    return e;
}

/* -- requests that are done once --------------------------------------------------------------- */
/* What is kept of a request. */
typedef struct once_row {
    char *route, *request, *body;
    bool done;
    int status;
    double created;
} once_row;

static void once_drop(espy_ctx *cx, void *item)
{
    once_row *r = item;
    espy_free(cx, r->route);
    espy_free(cx, r->request);
    espy_free(cx, r->body);
}

static espy_err once_read(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    once_row *r = item;
    r->done = !ops->is_null(rows, 2);
    r->status = (int)ops->integer(rows, 2);
    r->created = ops->real(rows, 4);
    ESPY_TRY(espy_db_text(cx, st, rows, 0, &r->route));
    ESPY_TRY(espy_db_text(cx, st, rows, 1, &r->request));
    return espy_db_text(cx, st, rows, 3, &r->body);
}

static espy_err once_put(espy_ctx *cx, espy_store *st, const espy_once *o, double now)
{
    static const char sql[] =
        "INSERT INTO idempotency (owner, key, route, request, created) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (owner, key) DO UPDATE SET route = excluded.route,"
        " request = excluded.request, created = excluded.created, status = NULL, body = NULL";
    return espy_db_exec(cx, st, sql,
                        DB_ARGS(DB_INT(o->owner), DB_TEXT(o->key), DB_TEXT(o->route),
                                DB_TEXT(o->request), DB_REAL(now)));
}

/* What the row of the key means for this request.  The body goes over to *body. */
static espy_err once_judge(espy_ctx *cx, const espy_once *o, once_row *r, double now,
                           espy_once_word *word, int *status, char **body)
{
    double kept = r->done ? ESPY_ONCE_KEPT : ESPY_ONCE_RUNNING;
    *word = ESPY_ONCE_FRESH;
    if (r->created < now - kept)
        return ESPY_E_OK;
    if (strcmp(r->route, o->route) != 0 || strcmp(r->request, o->request) != 0)
        return espy_fail(cx, ESPY_E_EXISTS,
                         "this idempotency key was used for another request; take a new one");
    *word = r->done ? ESPY_ONCE_DONE : ESPY_ONCE_BUSY;
    if (r->done) {
        *status = r->status;
        *body = r->body;
        r->body = NULL;
    }
    return ESPY_E_OK;
}

espy_err espy_store_once_begin(espy_ctx *cx, espy_store *st, const espy_once *o,
                               espy_once_word *word, int *status, char **body)
{
    static const char sql[] = "SELECT route, request, status, body, created FROM idempotency"
                              " WHERE owner = $1 AND key = $2";
    static const espy_db_items items = {sizeof(once_row), once_read, once_drop};
    once_row r = {0};
    bool found = false;
    double now = espy_time_now();
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_check_name(cx, "an idempotency key", o->key));
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(
        espy_db_one(cx, st, sql, DB_ARGS(DB_INT(o->owner), DB_TEXT(o->key)), &items, &r, &found));
    *word = ESPY_ONCE_FRESH;
    if (found)
        ESPY_GO(once_judge(cx, o, &r, now, word, status, body));
    if (*word == ESPY_ONCE_FRESH)
        ESPY_GO(once_put(cx, st, o, now));
    ESPY_GO(espy_store_commit(cx, st));
    once_drop(cx, &r);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    once_drop(cx, &r);
    return e;
}

espy_err espy_store_once_finish(espy_ctx *cx, espy_store *st, const espy_once *o, int status,
                                const char *body)
{
    static const char sql[] =
        "UPDATE idempotency SET status = $1, body = $2 WHERE owner = $3 AND key = $4"
        " AND route = $5 AND request = $6";
    if (body != NULL)
        ESPY_TRY(espy_store_check_text(cx, "an answer", body, ONCE_BODY_MAX));
    return espy_db_exec(cx, st, sql,
                        DB_ARGS(DB_INT(status), DB_TEXT(body), DB_INT(o->owner), DB_TEXT(o->key),
                                DB_TEXT(o->route), DB_TEXT(o->request)));
}

espy_err espy_store_once_forget(espy_ctx *cx, espy_store *st, const espy_once *o)
{
    static const char sql[] = "DELETE FROM idempotency WHERE owner = $1 AND key = $2"
                              " AND route = $3 AND request = $4 AND status IS NULL";
    return espy_db_exec(
        cx, st, sql,
        DB_ARGS(DB_INT(o->owner), DB_TEXT(o->key), DB_TEXT(o->route), DB_TEXT(o->request)));
}

espy_err espy_store_once_sweep(espy_ctx *cx, espy_store *st)
{
    static const char sql[] = "DELETE FROM idempotency WHERE created < $1";
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_REAL(espy_time_now() - ESPY_ONCE_KEPT)));
}
