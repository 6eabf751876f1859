/* SPDX-License-Identifier: Apache-2.0
 * store - attendance. */
#include "store/attendance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

/* -- marking ----------------------------------------------------------------------------------- */
/* The collection of a session and label that are there. */
static espy_err attendance_of(espy_ctx *cx, espy_store *st, int64_t session, int64_t label,
                              int64_t *collection)
{
    static const char find[] = "SELECT s.collection FROM sessions s JOIN collections c"
                               " ON c.id = s.collection WHERE s.id = $1 AND s.deleted IS NULL"
                               " AND c.deleted IS NULL";
    static const char of[] = "SELECT collection FROM labels WHERE id = $1 AND deleted IS NULL";
    bool found = false;
    int64_t other = 0;
    ESPY_TRY(espy_db_find(cx, st, find, DB_ARGS(DB_INT(session)), &found, collection));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no session %lld", (long long)session);
    ESPY_TRY(espy_db_find(cx, st, of, DB_ARGS(DB_INT(label)), &found, &other));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no label %lld", (long long)label);
    if (other != *collection)
        return espy_fail(cx, ESPY_E_ARG, "label %lld is not of the collection of session %lld",
                         (long long)label, (long long)session);
    return ESPY_E_OK;
}

static espy_err attendance_check(espy_ctx *cx, espy_store *st, const espy_mark *m,
                                 int64_t collection)
{
    espy_sample_state s = {0};
    ESPY_TRY(espy_store_check_date(cx, m->day));
    if (m->note != NULL)
        ESPY_TRY(espy_store_check_text(cx, "a note", m->note, STORE_NOTE_MAX));
    if (!m->manual && !m->present)
        return espy_fail(cx, ESPY_E_ARG, "a sample shows who is there, not who is absent");
    ESPY_TRY(espy_store_check_user(cx, st, m->user));
    if (m->sample != 0) {
        ESPY_TRY(espy_sample_state_read(cx, st, m->sample, &s));
        if (s.collection != collection)
            return espy_fail(cx, ESPY_E_ARG, "sample %lld is not of this collection",
                             (long long)m->sample);
    }
    return ESPY_E_OK;
}

/* What a person says is an event: {"session", "day", "present"}, null once it is taken back. */
static espy_err attendance_event(espy_ctx *cx, espy_store *st, int64_t collection, int64_t session,
                                 int64_t label, const char *day, const char *action,
                                 espy_json *present)
{
    espy_json *detail = espy_json_object();
    espy_err e = espy_json_set(cx, detail, "present", present);
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, detail, "session", espy_json_of_int(session));
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, detail, "day", espy_json_of_string(day));
    if (e != ESPY_E_OK) {
        espy_json_free(detail);
        return e;
    }
    return espy_store_event_add(cx, st, collection, "user", action, label, 0, 0, detail);
}

static espy_err attendance_write(espy_ctx *cx, espy_store *st, const espy_mark *m, bool there,
                                 int64_t *id)
{
    static const char insert[] =
        "INSERT INTO attendance (session, label, day, present, source, sample, marked_by,"
        " confidence, note, time) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
    static const char update[] =
        "UPDATE attendance SET present = $1, source = $2, sample = $3, marked_by = $4,"
        " confidence = $5, time = $6 WHERE id = $7";
    static const char note[] = "UPDATE attendance SET note = $1 WHERE id = $2";
    const espy_db_value source = DB_TEXT(m->manual ? "manual" : "sample");
    const espy_db_value confidence = isnan(m->confidence) ? DB_NONE : DB_REAL(m->confidence);
    const double now = espy_time_now();
    if (!there)
        return espy_db_number(cx, st, insert,
                              DB_ARGS(DB_INT(m->session), DB_INT(m->label), DB_TEXT(m->day),
                                      DB_INT(m->present), source, DB_ID(m->sample), DB_ID(m->user),
                                      confidence, DB_TEXT(m->note == NULL ? "" : m->note),
                                      DB_REAL(now)),
                              id);
    if (m->note != NULL)
        ESPY_TRY(espy_db_exec(cx, st, note, DB_ARGS(DB_TEXT(m->note), DB_INT(*id))));
    return espy_db_exec(cx, st, update,
                        DB_ARGS(DB_INT(m->present), source, DB_ID(m->sample), DB_ID(m->user),
                                confidence, DB_REAL(now), DB_INT(*id)));
}

espy_err espy_store_attendance_mark(espy_ctx *cx, espy_store *st, const espy_mark *mark,
                                    int64_t *id, bool *fresh, bool *kept)
{
    static const char find[] =
        "SELECT id FROM attendance WHERE session = $1 AND label = $2 AND day = $3";
    static const char said[] = "SELECT id FROM attendance WHERE id = $1 AND source = 'manual'";
    bool there = false, manual = false;
    int64_t collection = 0, row = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(attendance_of(cx, st, mark->session, mark->label, &collection));
    ESPY_GO(attendance_check(cx, st, mark, collection));
    ESPY_GO(espy_db_find(cx, st, find,
                         DB_ARGS(DB_INT(mark->session), DB_INT(mark->label), DB_TEXT(mark->day)),
                         &there, &row));
    if (there)
        ESPY_GO(espy_db_find(cx, st, said, DB_ARGS(DB_INT(row)), &manual, &row));
    if (!manual || mark->manual)
        ESPY_GO(attendance_write(cx, st, mark, there, &row));
    if (mark->manual)
        ESPY_GO(attendance_event(cx, st, collection, mark->session, mark->label, mark->day,
                                 "attendance.mark", espy_json_of_bool(mark->present)));
    ESPY_GO(espy_store_commit(cx, st));
    *id = row;
    *fresh = !there;
    *kept = manual && !mark->manual;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_attendance_unmark(espy_ctx *cx, espy_store *st, int64_t session, int64_t label,
                                      const char *day, bool manual, size_t *removed)
{
#define UNMARK_OF                                                                  \
    " FROM attendance WHERE session = $1 AND label = $2 AND ($3 = '' OR day = $3)" \
    " AND ($4 = 0 OR source = 'manual')"
    static const char count[] = "SELECT count(*)" UNMARK_OF;
    static const char sql[] = "DELETE" UNMARK_OF;
#undef UNMARK_OF
    const espy_db_value args[] = {DB_INT(session), DB_INT(label), DB_TEXT(day == NULL ? "" : day),
                                  DB_INT(manual)};
    int64_t collection = 0, n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(attendance_of(cx, st, session, label, &collection));
    ESPY_GO(espy_db_number(cx, st, count, args, 4, &n));
    ESPY_GO(espy_db_exec(cx, st, sql, args, 4));
    if (n > 0)
        ESPY_GO(attendance_event(cx, st, collection, session, label, day, "attendance.unmark",
                                 espy_json_null_value()));
    ESPY_GO(espy_store_commit(cx, st));
    *removed = (size_t)n;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* -- looking ----------------------------------------------------------------------------------- */
#define ATTENDANCE_FROM                                                                      \
    " FROM attendance a JOIN sessions s ON s.id = a.session JOIN labels l ON l.id = a.label" \
    " JOIN collections c ON c.id = s.collection"

static void attendance_drop(espy_ctx *cx, void *item)
{
    espy_attendance *a = item;
    espy_free(cx, a->session_name);
    espy_free(cx, a->code);
    espy_free(cx, a->name);
    espy_free(cx, a->note);
}

static espy_err attendance_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_attendance *a = item;
    espy_span day = {0};
    *a = (espy_attendance){.id = ops->integer(rows, 0),
                           .collection = ops->integer(rows, 1),
                           .session = ops->integer(rows, 2),
                           .label = ops->integer(rows, 3),
                           .present = ops->integer(rows, 8) != 0,
                           .manual = ops->integer(rows, 9) != 0,
                           .sample = ops->integer(rows, 10),
                           .user = ops->integer(rows, 11),
                           .confidence = ops->is_null(rows, 12) ? (double)NAN : ops->real(rows, 12),
                           .time = ops->real(rows, 14)};
    ESPY_TRY(ops->bytes(cx, rows, 7, &day));
    if (day.size >= sizeof a->day)
        return espy_fail(cx, ESPY_E_FORMAT, "%s: a day of attendance is none; run `espy doctor`",
                         st->dir);
    memcpy(a->day, day.data, day.size);
    ESPY_TRY(espy_db_text(cx, st, rows, 4, &a->session_name));
    ESPY_TRY(espy_db_text(cx, st, rows, 5, &a->code));
    ESPY_TRY(espy_db_text(cx, st, rows, 6, &a->name));
    return espy_db_text(cx, st, rows, 13, &a->note);
}

static const espy_db_items attendance_items = {sizeof(espy_attendance), attendance_row,
                                               attendance_drop};

void espy_attendance_free(espy_ctx *cx, espy_attendance *rows, size_t n)
{
    espy_db_items_free(cx, &attendance_items, rows, n);
}

espy_err espy_store_attendance_page(espy_ctx *cx, espy_store *st, const espy_attendance_filter *f,
                                    const espy_page *page, espy_attendance **out, size_t *n,
                                    int64_t *total)
{
/* A pair of statements for each way in, so that its index is used. */
#define ATTENDANCE_ANY(n, column) " AND (" n " = 0 OR " column " = " n ")"
#define ATTENDANCE_ONE(n, column) " AND " column " = " n
#define ATTENDANCE_OF(session, label)                                                            \
    ATTENDANCE_FROM                                                                              \
    " WHERE s.deleted IS NULL AND l.deleted IS NULL AND c.deleted IS NULL"                       \
    " AND ($1 = 0 OR c.id = $1)" session("$2", "a.session")                                      \
        label("$3", "a.label") " AND ($4 = 0 OR s.owner = $4) AND ($5 = 0 OR c.owner = $5) AND " \
                               "($6 = 0 OR l.account = $6)"                                      \
                               " AND ($7 = '' OR l.code = $7) AND ($8 = '' OR a.day >= $8) AND " \
                               "($9 = '' OR a.day <= $9)"
#define ATTENDANCE_LIST(of)                                                            \
    {                                                                                  \
        "SELECT count(*)" of,                                                          \
            "SELECT a.id, c.id, s.id, l.id, s.name, l.code, l.name, a.day, a.present," \
            " CASE a.source WHEN 'manual' THEN 1 ELSE 0 END, a.sample, a.marked_by,"   \
            " a.confidence, a.note, a.time" of                                         \
            " AND ($10 = 0 OR (a.time, a.id) < (SELECT y.time, y.id FROM attendance y" \
            " WHERE y.id = $10)) ORDER BY a.time DESC, a.id DESC LIMIT $11 OFFSET $12" \
    }
    static const struct {
        const char *count, *sql;
    } lists[] = {ATTENDANCE_LIST(ATTENDANCE_OF(ATTENDANCE_ONE, ATTENDANCE_ANY)),
                 ATTENDANCE_LIST(ATTENDANCE_OF(ATTENDANCE_ANY, ATTENDANCE_ONE)),
                 ATTENDANCE_LIST(ATTENDANCE_OF(ATTENDANCE_ANY, ATTENDANCE_ANY))};
#undef ATTENDANCE_OF
#undef ATTENDANCE_LIST
    const size_t way = f->session != 0 ? 0 : f->label != 0 ? 1 : 2;
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->session),
                                  DB_INT(f->label),
                                  DB_INT(f->session_owner),
                                  DB_INT(f->collection_owner),
                                  DB_INT(f->account),
                                  DB_TEXT(f->code == NULL ? "" : f->code),
                                  DB_TEXT(f->from == NULL ? "" : f->from),
                                  DB_TEXT(f->to == NULL ? "" : f->to),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_TRY(espy_db_number(cx, st, lists[way].count, args, 9, total));
    return espy_db_list(cx, st, lists[way].sql, args, 12, &attendance_items, out, n);
}

/* -- presence ---------------------------------------------------------------------------------- */
static espy_err presence_samples_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    (void)cx;
    *(espy_presence *)item = (espy_presence){.label = ops->integer(rows, 0),
                                             .session = ops->integer(rows, 1),
                                             .samples = (size_t)ops->integer(rows, 2),
                                             .present = true};
    return ESPY_E_OK;
}

static espy_err presence_marks_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    const bool there = ops->integer(rows, 2) != 0, said = ops->integer(rows, 3) != 0;
    (void)cx;
    *(espy_presence *)item = (espy_presence){.label = ops->integer(rows, 0),
                                             .session = ops->integer(rows, 1),
                                             .said = said,
                                             .there = said && there,
                                             .present = there};
    return ESPY_E_OK;
}

static int presence_order(const espy_presence *a, const espy_presence *b)
{
    int by = a->label < b->label ? -1 : a->label > b->label;
    return by != 0 ? by : a->session < b->session ? -1 : a->session > b->session;
}

/* Adds b to a, both of one label and session: a person's last word holds. */
static void presence_join(espy_presence *a, const espy_presence *b)
{
    a->samples += b->samples;
    if (b->said) {
        a->said = true;
        a->there = b->there;
    }
    a->present = a->said ? a->there : a->present || b->present;
}

/* Takes the lists, both in order, together into one that has room. */
static size_t presence_merge(const espy_presence *a, size_t a_n, const espy_presence *b, size_t b_n,
                             espy_presence *out)
{
    size_t n = 0;
    for (size_t i = 0, k = 0; i < a_n || k < b_n;) {
        bool first = k == b_n || (i < a_n && presence_order(&a[i], &b[k]) <= 0);
        const espy_presence *next = first ? &a[i++] : &b[k++];
        if (n > 0 && presence_order(&out[n - 1], next) == 0)
            presence_join(&out[n - 1], next);
        else
            out[n++] = *next;
    }
    return n;
}

/* The ids as a parameter of PRESENCE_LISTED; the caller's. */
static espy_err presence_ids(espy_ctx *cx, const espy_store *st, const int64_t *ids, size_t n,
                             espy_buf *out)
{
    const bool server = st->db->ops->server;
    espy_buf_init(out, 32 + 24 * n);
    ESPY_TRY(espy_buf_printf(cx, out, server ? "{" : "["));
    for (size_t i = 0; i < n; i++)
        ESPY_TRY(espy_buf_printf(cx, out, i ? ",%lld" : "%lld", (long long)ids[i]));
    return espy_buf_printf(cx, out, server ? "}" : "]");
}

#define PRESENCE_SHOWN(whose)                                                            \
    "SELECT p.label, m.session, count(*) FROM media m JOIN samples p ON p.media = m.id"  \
    " JOIN labels l ON l.id = p.label JOIN sessions s ON s.id = m.session"               \
    " WHERE " whose " AND m.deleted IS NULL AND l.deleted IS NULL AND s.deleted IS NULL" \
    " GROUP BY p.label, m.session ORDER BY p.label, m.session"
#define PRESENCE_MARKED(whose)                                                               \
    "SELECT a.label, a.session, a.present, CASE a.source WHEN 'manual' THEN 1 ELSE 0 END"    \
    " FROM attendance a JOIN sessions s ON s.id = a.session JOIN labels l ON l.id = a.label" \
    " WHERE " whose " AND s.deleted IS NULL AND l.deleted IS NULL"                           \
    " ORDER BY a.label, a.session, a.time, a.id"
#define PRESENCE_OF " AND ($2 = 0 OR s.collection = $2)"
#define PRESENCE_LISTED(column) column " IN (SELECT value FROM json_each($1))" PRESENCE_OF
#define PRESENCE_LISTED_PG(column) column " = ANY (CAST($1 AS bigint[]))" PRESENCE_OF

/* Both of one moment. */
static espy_err presence_read(espy_ctx *cx, espy_store *st, const char *shown, const char *marked,
                              const espy_db_value *args, size_t n_args, espy_presence *of[2],
                              size_t n[2])
{
    static const espy_db_items shown_items = {sizeof **of, presence_samples_row, NULL};
    static const espy_db_items marked_items = {sizeof **of, presence_marks_row, NULL};
    ESPY_TRY(st->db->ops->begin(cx, st->db, false));
    espy_err e = espy_db_list(cx, st, shown, args, n_args, &shown_items, &of[0], &n[0]);
    if (e == ESPY_E_OK)
        e = espy_db_list(cx, st, marked, args, n_args, &marked_items, &of[1], &n[1]);
    espy_store_rollback(cx, st);
    return e;
}

static espy_err presence_read_listed(espy_ctx *cx, espy_store *st, int64_t collection,
                                     const int64_t *sessions, size_t n_sessions,
                                     espy_presence *of[2], size_t n[2])
{
    static const char *const shown[] = {PRESENCE_SHOWN(PRESENCE_LISTED("m.session")),
                                        PRESENCE_SHOWN(PRESENCE_LISTED_PG("m.session"))};
    static const char *const marked[] = {PRESENCE_MARKED(PRESENCE_LISTED("a.session")),
                                         PRESENCE_MARKED(PRESENCE_LISTED_PG("a.session"))};
    const bool server = st->db->ops->server;
    espy_buf ids;
    espy_err e = presence_ids(cx, st, sessions, n_sessions, &ids);
    if (e == ESPY_E_OK)
        e = presence_read(cx, st, shown[server], marked[server],
                          DB_ARGS(DB_TEXT((const char *)ids.data), DB_INT(collection)), of, n);
    espy_buf_free(cx, &ids);
    return e;
}

espy_err espy_store_presence(espy_ctx *cx, espy_store *st, int64_t collection,
                             const int64_t *sessions, size_t n_sessions, espy_presence **out,
                             size_t *n)
{
    static const char shown[] = PRESENCE_SHOWN("m.collection = $1");
    static const char marked[] = PRESENCE_MARKED("s.collection = $1");
    espy_presence *of[2] = {0};
    size_t of_n[2] = {0};
    espy_err e = ESPY_E_OK;
    if (n_sessions > 0)
        ESPY_GO(presence_read_listed(cx, st, collection, sessions, n_sessions, of, of_n));
    else
        ESPY_GO(presence_read(cx, st, shown, marked, DB_ARGS(DB_INT(collection)), of, of_n));
    espy_presence *both = espy_array(cx, of_n[0] + of_n[1], sizeof *both);
    if (both == NULL)
        ESPY_GO(cx->code);
    *n = presence_merge(of[0], of_n[0], of[1], of_n[1], both);
    *out = both;
out:
    espy_free(cx, of[0]);
    espy_free(cx, of[1]);
    return e;
}

static int presence_key_order(const void *a, const void *b)
{
    return presence_order(a, b);
}

const espy_presence *espy_presence_find(const espy_presence *at, size_t n, int64_t label,
                                        int64_t session)
{
    const espy_presence key = {.label = label, .session = session};
    return n > 0 ? bsearch(&key, at, n, sizeof key, presence_key_order) : NULL;
}

/* -- how many ---------------------------------------------------------------------------------- */
typedef struct present_count {
    int64_t session, n;
} present_count;

static int present_order(const void *a, const void *b)
{
    const present_count *x = a, *y = b;
    return x->session < y->session ? -1 : x->session > y->session;
}

static present_count *present_find(present_count *sorted, size_t n, int64_t session)
{
    const present_count key = {.session = session};
    return bsearch(&key, sorted, n, sizeof key, present_order);
}

espy_err espy_store_present(espy_ctx *cx, espy_store *st, const int64_t *sessions, size_t n,
                            int64_t *present)
{
    espy_presence *there = NULL;
    size_t there_n = 0;
    if (n == 0)
        return ESPY_E_OK;
    present_count *sorted = espy_array(cx, n, sizeof *sorted);
    if (sorted == NULL)
        return cx->code;
    for (size_t i = 0; i < n; i++)
        sorted[i].session = sessions[i];
    qsort(sorted, n, sizeof *sorted, present_order);
    espy_err e = espy_store_presence(cx, st, 0, sessions, n, &there, &there_n);
    for (size_t i = 0; i < there_n; i++)
        present_find(sorted, n, there[i].session)->n += there[i].present;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        present[i] = present_find(sorted, n, sessions[i])->n;
    espy_free(cx, there);
    espy_free(cx, sorted);
    return e;
}
