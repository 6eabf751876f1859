/* SPDX-License-Identifier: Apache-2.0
 * store - checking everything that it holds, for `espy doctor`. */
#include <string.h>

#include "base/file.h"
#include "store/store_internal.h"

typedef struct check_list {
    const char *name; /* of the database */
    espy_finding *at;
    size_t n, room;
} check_list;

void espy_findings_free(espy_ctx *cx, espy_finding *findings, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        espy_free(cx, findings[i].item);
        espy_free(cx, findings[i].text);
    }
    espy_free(cx, findings);
}

/* Takes over `item`, also on failure; NULL is NOMEM. */
static espy_err check_note(espy_ctx *cx, check_list *l, bool harm, char *item, const char *text)
{
    char *copy = item == NULL ? NULL : espy_strdup(cx, text);
    espy_err e = copy == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    if (e == ESPY_E_OK)
        e = espy_store_grow(cx, (void **)&l->at, l->n, &l->room, sizeof *l->at);
    if (e != ESPY_E_OK) {
        espy_free(cx, item);
        espy_free(cx, copy);
        return e;
    }
    l->at[l->n++] = (espy_finding){.harm = harm, .item = item, .text = copy};
    return ESPY_E_OK;
}

/* What the driver reports: damage of the database itself. */
static espy_err check_report(espy_ctx *cx, void *self, const char *line)
{
    char *text =
        espy_sprintf(cx, "%s; restore a backup, or move the store away and train again", line);
    if (text == NULL)
        return ESPY_E_NOMEM;
    check_list *l = self;
    espy_err e = check_note(cx, l, true, espy_strdup(cx, l->name), text);
    espy_free(cx, text);
    return e;
}

/* Fatal for the check itself; everything else is a finding. */
static bool check_stops(espy_err e)
{
    return e == ESPY_E_NOMEM || e == ESPY_E_CANCELLED || e == ESPY_E_INTERNAL;
}

static espy_err check_media(espy_ctx *cx, espy_store *st, check_list *l)
{
    /* One digest at a time, so that no reading transaction stays open while files are read. */
    static const char sql[] = "SELECT digest FROM media WHERE digest > $1 ORDER BY digest LIMIT 1";
    const espy_db_ops *ops = st->db->ops;
    char digest[ESPY_DIGEST_HEX] = "";
    for (;;) {
        espy_db_rows *rows = NULL;
        bool more = false;
        char next[ESPY_DIGEST_HEX] = "";
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_TEXT(digest)), &rows));
        espy_err e = ops->next(cx, rows, &more);
        if (e == ESPY_E_OK && more)
            e = espy_db_digest(cx, st, rows, 0, next);
        ops->done(rows);
        ESPY_TRY(e);
        if (!more)
            return ESPY_E_OK;
        memcpy(digest, next, sizeof digest);
        espy_ctx sub = espy_ctx_child(cx);
        e = espy_media_check(&sub, st, digest);
        if (check_stops(e))
            return espy_ctx_adopt(cx, &sub);
        if (e != ESPY_E_OK)
            ESPY_TRY(check_note(cx, l, true, espy_media_shown(cx, st, digest), sub.text));
    }
}

static espy_err check_version(espy_ctx *cx, espy_store *st, check_list *l, int64_t collection,
                              int64_t number)
{
    bool cached = true;
    espy_ctx sub = espy_ctx_child(cx);
    espy_err e = espy_store_version_check(&sub, st, collection, number, &cached);
    if (check_stops(e))
        return espy_ctx_adopt(cx, &sub);
    if (e == ESPY_E_OK && cached)
        return ESPY_E_OK;
    char *item = espy_sprintf(cx, "collections/%lld/versions/%lld", (long long)collection,
                              (long long)number);
    return check_note(cx, l, e != ESPY_E_OK, item,
                      e != ESPY_E_OK
                          ? sub.text
                          : "the files are missing or differ from the store; they are made "
                            "again when the version is next used");
}

static espy_err check_versions(espy_ctx *cx, espy_store *st, check_list *l)
{
    static const char sql[] = "SELECT id, collection, number FROM versions WHERE id > $1"
                              " ORDER BY id LIMIT 1";
    const espy_db_ops *ops = st->db->ops;
    for (int64_t id = 0, collection = 0, number = 0;;) {
        espy_db_rows *rows = NULL;
        bool more = false;
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(id)), &rows));
        espy_err e = ops->next(cx, rows, &more);
        if (e == ESPY_E_OK && more) {
            id = ops->integer(rows, 0);
            collection = ops->integer(rows, 1);
            number = ops->integer(rows, 2);
        }
        ops->done(rows);
        ESPY_TRY(e);
        if (!more)
            return ESPY_E_OK;
        ESPY_TRY(check_version(cx, st, l, collection, number));
    }
}

espy_err espy_store_check(espy_ctx *cx, espy_store *st, espy_finding **out, size_t *n)
{
    check_list l = {.name = espy_store_on_server(st) ? espy_store_shown(st) : "store.db"};
    espy_err e = ESPY_E_OK;
    ESPY_GO(st->db->ops->check(cx, st->db, check_report, &l));
    ESPY_GO(check_media(cx, st, &l));
    ESPY_GO(check_versions(cx, st, &l));
    *out = l.at;
    *n = l.n;
    l = (check_list){0};
out:
    espy_findings_free(cx, l.at, l.n);
    return e;
}
