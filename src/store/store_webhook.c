/* SPDX-License-Identifier: Apache-2.0
 * store - webhooks. */
#include "store/webhook.h"

#include "base/text.h"
#include "store/store_internal.h"

#define WEBHOOK_SELECT \
    "SELECT id, owner, collection, url, events, secret, enabled, created FROM webhooks"

void espy_webhook_free(espy_ctx *cx, espy_webhook *w)
{
    espy_free(cx, w->url);
    espy_free(cx, w->events);
    espy_free(cx, w->secret);
    *w = (espy_webhook){0};
}

static espy_err webhook_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_webhook *w = item;
    *w = (espy_webhook){.id = ops->integer(rows, 0),
                        .owner = ops->integer(rows, 1),
                        .collection = ops->integer(rows, 2),
                        .enabled = ops->integer(rows, 6) != 0,
                        .created = ops->real(rows, 7)};
    ESPY_TRY(espy_db_text(cx, st, rows, 3, &w->url));
    ESPY_TRY(espy_db_text(cx, st, rows, 4, &w->events));
    return espy_db_text(cx, st, rows, 5, &w->secret);
}

static void webhook_drop(espy_ctx *cx, void *item)
{
    espy_webhook_free(cx, item);
}

static const espy_db_items webhook_items = {sizeof(espy_webhook), webhook_row, webhook_drop};

void espy_webhooks_free(espy_ctx *cx, espy_webhook *webhooks, size_t n)
{
    espy_db_items_free(cx, &webhook_items, webhooks, n);
}

static espy_err webhook_check(espy_ctx *cx, const espy_webhook *w)
{
    ESPY_TRY(espy_store_check_name(cx, "a webhook's address", w->url));
    ESPY_TRY(espy_store_check_name(cx, "a webhook's events", w->events));
    return espy_store_check_name(cx, "a webhook's secret", w->secret);
}

espy_err espy_store_webhook_add(espy_ctx *cx, espy_store *st, const espy_webhook *w, int64_t *id)
{
    static const char sql[] =
        "INSERT INTO webhooks (owner, collection, url, events, secret, created)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    espy_err e = ESPY_E_OK;
    ESPY_TRY(webhook_check(cx, w));
    if (w->owner == 0)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "a webhook needs an owner");
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_check_user(cx, st, w->owner));
    if (w->collection != 0)
        ESPY_GO(espy_store_check_collection(cx, st, w->collection));
    ESPY_GO(
        espy_db_number(cx, st, sql,
                       DB_ARGS(DB_INT(w->owner), DB_ID(w->collection), DB_TEXT(w->url),
                               DB_TEXT(w->events), DB_TEXT(w->secret), DB_REAL(espy_time_now())),
                       id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_webhook_get(espy_ctx *cx, espy_store *st, int64_t id, espy_webhook *out)
{
    static const char sql[] = WEBHOOK_SELECT " WHERE id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &webhook_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no webhook %lld", (long long)id);
}

espy_err espy_store_webhooks(espy_ctx *cx, espy_store *st, int64_t owner, espy_webhook **out,
                             size_t *n)
{
    static const char sql[] = WEBHOOK_SELECT " WHERE ($1 = 0 OR owner = $1) ORDER BY id";
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(owner)), &webhook_items, out, n);
}

espy_err espy_store_webhook_update(espy_ctx *cx, espy_store *st, int64_t id,
                                   const espy_webhook_change *change)
{
    static const char sql[] =
        "UPDATE webhooks SET url = $1, events = $2, secret = $3, enabled = $4 WHERE id = $5";
    espy_webhook was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_webhook_get(cx, st, id, &was));
    espy_webhook to = was;
    if (change->url != NULL)
        to.url = (char *)(uintptr_t)change->url;
    if (change->events != NULL)
        to.events = (char *)(uintptr_t)change->events;
    if (change->secret != NULL)
        to.secret = (char *)(uintptr_t)change->secret;
    if (change->enabled != NULL)
        to.enabled = *change->enabled;
    ESPY_GO(webhook_check(cx, &to));
    ESPY_GO(espy_db_exec(cx, st, sql,
                         DB_ARGS(DB_TEXT(to.url), DB_TEXT(to.events), DB_TEXT(to.secret),
                                 DB_INT(to.enabled), DB_INT(id))));
    ESPY_GO(espy_store_commit(cx, st));
    espy_webhook_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_webhook_free(cx, &was);
    return e;
}

espy_err espy_store_webhook_delete(espy_ctx *cx, espy_store *st, int64_t id)
{
    static const char sql[] = "DELETE FROM webhooks WHERE id = $1";
    espy_webhook was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_webhook_get(cx, st, id, &was));
    ESPY_GO(espy_db_exec(cx, st, sql, DB_ARGS(DB_INT(id))));
    ESPY_GO(espy_store_commit(cx, st));
    espy_webhook_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_webhook_free(cx, &was);
    return e;
}
