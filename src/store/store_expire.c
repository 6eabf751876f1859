/* SPDX-License-Identifier: Apache-2.0
 * store - removing media that were kept long enough. */
#include "store/erase.h"
#include "store/store_internal.h"

/* A group whose samples go. */
typedef struct expire_group {
    int64_t collection, label;
} expire_group;

typedef struct expire_run {
    espy_store *st;
    espy_expiry before;
    expire_group *groups;
    size_t groups_n, groups_room, removed;
} expire_run;

/* Remembers the groups that a media's samples are in. */
static espy_err expire_groups(espy_ctx *cx, expire_run *r, int64_t media)
{
    static const char sql[] = "SELECT DISTINCT l.collection, l.id FROM samples s"
                              " JOIN labels l ON l.id = s.label WHERE s.media = $1";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql, DB_ARGS(DB_INT(media)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_store_grow(cx, (void **)&r->groups, r->groups_n, &r->groups_room,
                                sizeof *r->groups));
        r->groups[r->groups_n++] = (expire_group){ops->integer(rows, 0), ops->integer(rows, 1)};
    }
out:
    ops->done(rows);
    return e;
}

/* The next media above *id that goes; *id 0 at the end. */
static espy_err expire_next(espy_ctx *cx, const expire_run *r, int64_t *id,
                            char digest[ESPY_DIGEST_HEX])
{
    static const char sql[] =
        "SELECT m.id, m.digest FROM media m WHERE m.id > $1"
        " AND ((((m.probe = 1 AND m.created < $2) OR m.created < $3)"
        "  AND NOT EXISTS (SELECT 1 FROM samples s LEFT JOIN labels l ON l.id = s.label"
        "   WHERE s.media = m.id AND s.deleted IS NULL AND s.labelled_by IS NOT NULL"
        "   AND (s.labelled_by <> 'job' OR l.origin = 'user'))) OR m.deleted < $4)"
        " AND NOT EXISTS (SELECT 1 FROM samples s JOIN version_samples x ON x.sample = s.id"
        "  WHERE s.media = m.id) ORDER BY m.id LIMIT 1";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql,
                        DB_ARGS(DB_INT(*id), DB_REAL(r->before.probes), DB_REAL(r->before.unknowns),
                                DB_REAL(r->before.deleted)),
                        &rows));
    espy_err e = ops->next(cx, rows, &more);
    *id = e == ESPY_E_OK && more ? ops->integer(rows, 0) : 0;
    if (*id != 0)
        e = espy_db_digest(cx, r->st, rows, 1, digest);
    ops->done(rows);
    return e;
}

static espy_err expire_all(espy_ctx *cx, expire_run *r)
{
    static const char media[] = "DELETE FROM media WHERE id = $1";
    static const char sessions[] = "DELETE FROM sessions WHERE deleted < $1 AND NOT EXISTS"
                                   " (SELECT 1 FROM media m WHERE m.session = sessions.id)";
    static const char samples[] = "DELETE FROM samples WHERE deleted < $1 AND NOT EXISTS"
                                  " (SELECT 1 FROM version_samples x WHERE x.sample = samples.id)";
    char digest[ESPY_DIGEST_HEX];
    for (int64_t id = 0;;) {
        ESPY_TRY(expire_next(cx, r, &id, digest));
        if (id == 0)
            break;
        ESPY_TRY(expire_groups(cx, r, id));
        ESPY_TRY(espy_db_exec(cx, r->st, media, DB_ARGS(DB_INT(id))));
        ESPY_TRY(espy_media_forget(cx, r->st, digest));
        r->removed++;
    }
    ESPY_TRY(espy_db_exec(cx, r->st, sessions, DB_ARGS(DB_REAL(r->before.deleted))));
    ESPY_TRY(espy_db_exec(cx, r->st, samples, DB_ARGS(DB_REAL(r->before.deleted))));
    for (size_t i = 0; i < r->groups_n; i++) {
        espy_change ch = {0};
        ESPY_TRY(espy_change_begin(cx, r->st, r->groups[i].collection, "job", "label.expire", &ch));
        espy_err e = espy_change_tidy(cx, r->st, &ch, r->groups[i].label);
        if (e == ESPY_E_OK)
            e = espy_change_end(cx, r->st, &ch, r->groups[i].label, 0);
        espy_change_drop(cx, r->st, &ch);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

espy_err espy_store_expire(espy_ctx *cx, espy_store *st, const espy_expiry *before, size_t *removed)
{
    expire_run r = {.st = st, .before = *before};
    ESPY_TRY(espy_store_begin(cx, st));
    espy_err e = expire_all(cx, &r);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, st);
    espy_free(cx, r.groups);
    *removed = r.removed;
    return e == ESPY_E_OK && r.removed > 0 ? espy_media_sweep(cx, st) : e;
}
