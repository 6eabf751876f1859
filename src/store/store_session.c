/* SPDX-License-Identifier: Apache-2.0
 * store - sessions. */
#include "store/session.h"

#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

/* -- rows -------------------------------------------------------------------------------------- */
#define SESSION_MEDIA " FROM media m WHERE m.session = s.id AND m.deleted IS NULL"
#define SESSION_SAMPLES                                                                           \
    " FROM media m JOIN samples p ON p.media = m.id WHERE m.session = s.id AND m.deleted IS NULL" \
    " AND p.deleted IS NULL"
#define SESSION_SELECT                                                                             \
    "SELECT s.id, s.collection, s.owner, s.name, s.date, s.start_time, s.end_time, s.notes,"       \
    " s.detail, CASE s.state WHEN 'closed' THEN 1 ELSE 0 END, s.created, s.opened, s.closed,"      \
    " (SELECT count(*)" SESSION_MEDIA "),"                                                         \
    " (SELECT count(*)" SESSION_MEDIA " AND EXISTS (SELECT 1 FROM scans x WHERE x.media = m.id))," \
    " (SELECT count(*)" SESSION_SAMPLES "),"                                                       \
    " (SELECT count(*)" SESSION_SAMPLES " AND p.label IS NOT NULL) FROM sessions s"
/* Those that are there, of collections that are. */
#define SESSION_THERE                                                  \
    " WHERE s.deleted IS NULL AND EXISTS (SELECT 1 FROM collections c" \
    " WHERE c.id = s.collection AND c.deleted IS NULL)"

void espy_session_free(espy_ctx *cx, espy_session *s)
{
    espy_free(cx, s->name);
    espy_free(cx, s->date);
    espy_free(cx, s->start_time);
    espy_free(cx, s->end_time);
    espy_free(cx, s->notes);
    espy_free(cx, s->detail);
    *s = (espy_session){0};
}

static espy_err session_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_session *s = item;
    *s = (espy_session){.id = ops->integer(rows, 0),
                        .collection = ops->integer(rows, 1),
                        .owner = ops->integer(rows, 2),
                        .closed = ops->integer(rows, 9) != 0,
                        .created = ops->real(rows, 10),
                        .opened = ops->real(rows, 11),
                        .ended = ops->real(rows, 12),
                        .media = (size_t)ops->integer(rows, 13),
                        .scanned = (size_t)ops->integer(rows, 14),
                        .samples = (size_t)ops->integer(rows, 15),
                        .labelled = (size_t)ops->integer(rows, 16)};
    char **const texts[] = {&s->name,     &s->date,  &s->start_time,
                            &s->end_time, &s->notes, &s->detail};
    for (int i = 0; i < 6; i++)
        ESPY_TRY(espy_db_text(cx, st, rows, 3 + i, texts[i]));
    return ESPY_E_OK;
}

static void session_drop(espy_ctx *cx, void *item)
{
    espy_session_free(cx, item);
}

static const espy_db_items session_items = {sizeof(espy_session), session_row, session_drop};

void espy_sessions_free(espy_ctx *cx, espy_session *sessions, size_t n)
{
    espy_db_items_free(cx, &session_items, sessions, n);
}

/* -- looking ----------------------------------------------------------------------------------- */
espy_err espy_store_session_find(espy_ctx *cx, espy_store *st, int64_t collection, const char *name,
                                 int64_t *id)
{
    static const char sql[] = "SELECT id FROM sessions WHERE collection = $1 AND name = $2"
                              " AND deleted IS NULL ORDER BY date DESC LIMIT 1";
    bool found = false;
    ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(name)), &found, id));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "there is no session '%s'; make it with: espy cluster DIR --session '%s'",
                         name, name);
    return ESPY_E_OK;
}

espy_err espy_store_session_get(espy_ctx *cx, espy_store *st, int64_t id, espy_session *out)
{
    static const char sql[] = SESSION_SELECT SESSION_THERE " AND s.id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &session_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no session %lld", (long long)id);
}

espy_err espy_store_sessions(espy_ctx *cx, espy_store *st, int64_t collection, espy_session **out,
                             size_t *n)
{
    static const char sql[] =
        SESSION_SELECT " WHERE s.collection = $1 AND s.deleted IS NULL ORDER BY s.id";
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(collection)), &session_items, out, n);
}

espy_err espy_store_session_page(espy_ctx *cx, espy_store *st, const espy_session_filter *f,
                                 const espy_page *page, espy_session **out, size_t *n,
                                 int64_t *total)
{
#define SESSION_OF                                                                               \
    SESSION_THERE " AND ($1 = 0 OR s.collection = $1) AND ($2 = 0 OR s.owner = $2)"              \
                  " AND ($3 = 0 OR EXISTS (SELECT 1 FROM collections c"                          \
                  " WHERE c.id = s.collection AND c.owner = $3))"                                \
                  " AND ($4 = '' OR s.state = $4) AND ($5 = '' OR s.date >= $5)"                 \
                  " AND ($6 = '' OR (s.date <= $6 AND s.date <> ''))"                            \
                  " AND (lower(s.name) LIKE $7 ESCAPE '!' OR lower(s.notes) LIKE $7 ESCAPE '!')" \
                  " AND ($8 = 0 OR s.owner = $8 OR EXISTS (SELECT 1 FROM collections c"          \
                  " WHERE c.id = s.collection AND c.owner = $8))"                                \
                  " AND ($9 = '' OR EXISTS (SELECT 1 FROM collections c"                         \
                  " WHERE c.id = s.collection AND c.modality = $9))"
    static const char count[] = "SELECT count(*) FROM sessions s" SESSION_OF;
    static const char sql[] = SESSION_SELECT SESSION_OF
        " AND ($10 = 0 OR s.id < $10) ORDER BY s.id DESC LIMIT $11 OFFSET $12";
#undef SESSION_OF
    char *pattern = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_pattern(cx, f->search, &pattern));
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->owner),
                                  DB_INT(f->collection_owner),
                                  DB_TEXT(f->state == NULL ? "" : f->state),
                                  DB_TEXT(f->from == NULL ? "" : f->from),
                                  DB_TEXT(f->to == NULL ? "" : f->to),
                                  DB_TEXT(pattern),
                                  DB_INT(f->mine),
                                  DB_TEXT(f->modality == NULL ? "" : f->modality),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_GO(espy_db_number(cx, st, count, args, 9, total));
    e = espy_db_list(cx, st, sql, args, 12, &session_items, out, n);
out:
    espy_free(cx, pattern);
    return e;
}

/* -- making and changing ----------------------------------------------------------------------- */
/* HH:MM or HH:MM:SS. */
static espy_err session_check_time(espy_ctx *cx, const char *s)
{
    static const char form[] = "00:00:00";
    size_t n = s == NULL ? 0 : strnlen(s, sizeof form);
    bool good = s == NULL || n == 5 || n == 8;
    for (size_t i = 0; good && i < n; i++)
        good = form[i] == ':' ? s[i] == ':' : s[i] >= '0' && s[i] <= '9';
    for (size_t i = 0; good && i < n; i += 3) {
        int v = (s[i] - '0') * 10 + (s[i + 1] - '0');
        good = v < (i == 0 ? 24 : 60);
    }
    return good ? ESPY_E_OK
                : espy_fail(cx, ESPY_E_ARG, "'%.40s' is no time; write it as HH:MM or HH:MM:SS", s);
}

/* Everything that a session must be; no other one that is there may have its name and date. */
static espy_err session_check(espy_ctx *cx, espy_store *st, const espy_session *s)
{
    static const char taken[] = "SELECT id FROM sessions WHERE collection = $1 AND name = $2"
                                " AND date = $3 AND id <> $4 AND deleted IS NULL";
    bool found = false;
    int64_t id;
    ESPY_TRY(espy_store_check_name(cx, "a session's name", s->name));
    if (s->date[0] != '\0')
        ESPY_TRY(espy_store_check_date(cx, s->date));
    ESPY_TRY(session_check_time(cx, s->start_time));
    ESPY_TRY(session_check_time(cx, s->end_time));
    ESPY_TRY(espy_store_check_text(cx, "a session's notes", s->notes, STORE_NOTE_MAX));
    ESPY_TRY(espy_store_check_detail(cx, "a session's detail", s->detail));
    ESPY_TRY(espy_store_check_user(cx, st, s->owner));
    ESPY_TRY(espy_db_find(
        cx, st, taken,
        DB_ARGS(DB_INT(s->collection), DB_TEXT(s->name), DB_TEXT(s->date), DB_INT(s->id)), &found,
        &id));
    if (found)
        return espy_fail(cx, ESPY_E_EXISTS, "there is already a session '%.200s'%s%s", s->name,
                         s->date[0] != '\0' ? " of " : "", s->date);
    return ESPY_E_OK;
}

/* Times of "" are none. */
static void session_no_times(espy_session *s)
{
    if (s->start_time != NULL && s->start_time[0] == '\0')
        s->start_time = NULL;
    if (s->end_time != NULL && s->end_time[0] == '\0')
        s->end_time = NULL;
}

espy_err espy_store_session_add(espy_ctx *cx, espy_store *st, const espy_session *s, int64_t *id)
{
    static const char sql[] =
        "INSERT INTO sessions (collection, owner, name, date, start_time, end_time, notes, detail,"
        " created, opened) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING id";
    espy_session to = *s;
    espy_err e = ESPY_E_OK;
    to.id = 0;
    if (to.date == NULL)
        to.date = (char *)(uintptr_t) "";
    if (to.notes == NULL)
        to.notes = (char *)(uintptr_t) "";
    if (to.detail == NULL)
        to.detail = (char *)(uintptr_t) "{}";
    session_no_times(&to);
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_check_collection(cx, st, to.collection));
    ESPY_GO(session_check(cx, st, &to));
    ESPY_GO(espy_db_number(cx, st, sql,
                           DB_ARGS(DB_INT(to.collection), DB_ID(to.owner), DB_TEXT(to.name),
                                   DB_TEXT(to.date), DB_TEXT(to.start_time), DB_TEXT(to.end_time),
                                   DB_TEXT(to.notes), DB_TEXT(to.detail), DB_REAL(espy_time_now())),
                           id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_session(espy_ctx *cx, espy_store *st, int64_t collection, const char *name,
                            const char *date, int64_t *id)
{
    static const char find[] = "SELECT id FROM sessions WHERE collection = $1 AND name = $2"
                               " AND date = $3 AND deleted IS NULL";
    bool found = false;
    espy_err e = ESPY_E_OK;
    if (date != NULL)
        ESPY_TRY(espy_store_check_date(cx, date));
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_db_find(cx, st, find,
                         DB_ARGS(DB_INT(collection), DB_TEXT(name), DB_TEXT(date ? date : "")),
                         &found, id));
    if (!found)
        ESPY_GO(espy_store_session_add(cx, st,
                                       &(espy_session){.collection = collection,
                                                       .name = (char *)(uintptr_t)name,
                                                       .date = (char *)(uintptr_t)date},
                                       id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* The session as it is to be; borrows from both. */
static espy_session session_changed(const espy_session *was, const espy_session_change *c)
{
    espy_session to = *was;
    const struct {
        char **at;
        const char *value;
    } texts[] = {
        {&to.name, c->name},         {&to.date, c->date},   {&to.start_time, c->start_time},
        {&to.end_time, c->end_time}, {&to.notes, c->notes}, {&to.detail, c->detail}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].value != NULL)
            *texts[i].at = (char *)(uintptr_t)texts[i].value;
    session_no_times(&to);
    if (c->owner != NULL)
        to.owner = *c->owner;
    if (c->closed != NULL && *c->closed != was->closed) {
        to.closed = *c->closed;
        *(to.closed ? &to.ended : &to.opened) = espy_time_now();
        if (!to.closed)
            to.ended = 0;
    }
    return to;
}

espy_err espy_store_session_update(espy_ctx *cx, espy_store *st, int64_t id,
                                   const espy_session_change *change)
{
    static const char sql[] =
        "UPDATE sessions SET name = $1, date = $2, start_time = $3, end_time = $4, notes = $5,"
        " detail = $6, owner = $7, state = $8, opened = $9, closed = $10 WHERE id = $11";
    espy_session was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_session_get(cx, st, id, &was));
    const espy_session to = session_changed(&was, change);
    ESPY_GO(session_check(cx, st, &to));
    ESPY_GO(espy_db_exec(cx, st, sql,
                         DB_ARGS(DB_TEXT(to.name), DB_TEXT(to.date), DB_TEXT(to.start_time),
                                 DB_TEXT(to.end_time), DB_TEXT(to.notes), DB_TEXT(to.detail),
                                 DB_ID(to.owner), DB_TEXT(to.closed ? "closed" : "open"),
                                 to.opened > 0 ? DB_REAL(to.opened) : DB_NONE,
                                 to.ended > 0 ? DB_REAL(to.ended) : DB_NONE, DB_INT(id))));
    ESPY_GO(espy_store_commit(cx, st));
    espy_session_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_session_free(cx, &was);
    return e;
}

/* -- deleting ---------------------------------------------------------------------------------- */
espy_err espy_store_session_delete(espy_ctx *cx, espy_store *st, int64_t id, const char *actor)
{
    static const char sql[] =
        "SELECT id FROM media WHERE session = $1 AND deleted IS NULL ORDER BY id";
    espy_session s = {0};
    espy_change ch = {0};
    int64_t *media = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_session_get(cx, st, id, &s));
    int64_t collection = s.collection;
    espy_session_free(cx, &s);
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "session.delete", &ch));
    ESPY_GO(espy_store_session_get(cx, st, id, &s)); /* nobody has deleted it meanwhile */
    espy_session_free(cx, &s);
    ESPY_GO(espy_db_ids(cx, st, sql, DB_ARGS(DB_INT(id)), &media, &n));
    ESPY_GO(espy_change_gone(cx, st, &ch, ESPY_GONE_SESSION, id));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_change_gone(cx, st, &ch, ESPY_GONE_MEDIA, media[i]));
    e = espy_change_end(cx, st, &ch, 0, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_free(cx, media);
    return e;
}

espy_err espy_store_media_session(espy_ctx *cx, espy_store *st, int64_t media, int64_t session,
                                  bool *there)
{
    static const char both[] = "SELECT m.session FROM media m JOIN sessions s"
                               " ON s.collection = m.collection WHERE m.id = $1 AND s.id = $2"
                               " AND m.deleted IS NULL AND s.deleted IS NULL";
    static const char update[] = "UPDATE media SET session = $1 WHERE id = $2";
    int64_t now = 0;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_db_find(cx, st, both, DB_ARGS(DB_INT(media), DB_INT(session)), &found, &now));
    if (!found)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND,
                          "there is no media %lld in the collection of session %lld",
                          (long long)media, (long long)session));
    if (now == 0)
        ESPY_GO(espy_db_exec(cx, st, update, DB_ARGS(DB_INT(session), DB_INT(media))));
    ESPY_GO(espy_store_commit(cx, st));
    *there = now == 0 || now == session;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}
