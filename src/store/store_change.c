/* SPDX-License-Identifier: Apache-2.0
 * store - changes that can be undone: one event each, whose detail lists what was there before.
 *
 * detail: {"samples": [[sample, label, by, confidence, new label, new by] ...],
 *          "labels": [[label, code, name, origin, deleted, named,
 *                      and the same five as they are now] ...]   a new one: [label] alone,
 *          "refused": [[sample, label] ...], "allowed": [[sample, label] ...],
 *          "attendance": [[row, label] ...],
 *          "collections": [[id] ...], "sessions": [[id] ...], "media": [[id] ...],
 *          "removed": [[sample] ...]}   taken away
 * with null for nothing; lists that are empty are left out.  docs/formats/store.md */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "store/group.h"
#include "store/label.h"
#include "store/store_internal.h"

espy_err espy_change_begin(espy_ctx *cx, espy_store *st, int64_t collection, const char *actor,
                           const char *action, espy_change *ch)
{
    *ch = (espy_change){.collection = collection, .actor = actor, .action = action};
    st->event = 0;
    ch->detail = espy_json_object();
    if (ch->detail == NULL)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    espy_err e = espy_store_begin(cx, st);
    if (e != ESPY_E_OK) {
        espy_json_free(ch->detail);
        ch->detail = NULL;
    }
    return e;
}

void espy_change_drop(espy_ctx *cx, espy_store *st, espy_change *ch)
{
    (void)cx;
    if (ch->detail == NULL)
        return;
    espy_json_free(ch->detail);
    ch->detail = NULL;
    espy_store_rollback(cx, st);
}

espy_err espy_change_end(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t label,
                         int64_t sample)
{
    espy_json *detail = ch->detail;
    espy_err e = ESPY_E_OK;
    ch->detail = NULL;
    if (espy_json_count(detail) > 0)
        e = espy_store_event_add(cx, st, ch->collection, ch->actor, ch->action, label, sample, 0,
                                 detail);
    else
        espy_json_free(detail); /* nothing was changed: nothing happened */
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, st);
    return e;
}

/* Appends a row to one of the lists of the detail.  Takes over `row`; NULL is NOMEM. */
static espy_err change_note(espy_ctx *cx, espy_change *ch, const char *list, espy_json *row)
{
    const espy_json *at = espy_json_get(ch->detail, list);
    if (at == NULL) {
        espy_err e = espy_json_set(cx, ch->detail, list, espy_json_array());
        if (e != ESPY_E_OK) {
            espy_json_free(row);
            return e;
        }
        at = espy_json_get(ch->detail, list);
    }
    return espy_json_append(cx, (espy_json *)(uintptr_t)at, row);
}

static espy_json *change_id(int64_t id)
{
    return id != 0 ? espy_json_of_int(id) : espy_json_null_value();
}

static espy_json *change_text(const char *s)
{
    return espy_json_of_string(s[0] != '\0' ? s : NULL);
}

/* [values ...]; takes them over, NULL among them is NOMEM. */
static espy_err change_row(espy_ctx *cx, espy_json *const *values, size_t n, espy_json **out)
{
    espy_json *row = espy_json_array();
    espy_err e = row == NULL ? espy_fail(cx, ESPY_E_NOMEM, "out of memory") : ESPY_E_OK;
    for (size_t i = 0; i < n; i++) {
        if (e == ESPY_E_OK)
            e = espy_json_append(cx, row, values[i]);
        else
            espy_json_free(values[i]);
    }
    if (e != ESPY_E_OK) {
        espy_json_free(row);
        return e;
    }
    *out = row;
    return ESPY_E_OK;
}

#define CHANGE_ROW(cx, out, ...)                                                        \
    change_row((cx), (espy_json *[]){__VA_ARGS__},                                      \
               sizeof((espy_json *[]){__VA_ARGS__}) /                                   \
                   sizeof(espy_json *), /* counts the values without evaluating them */ \
               (out))

/* -- samples ----------------------------------------------------------------------------------- */
espy_err espy_change_sample(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t sample,
                            int64_t label, const char *by, double confidence)
{
    static const char update[] =
        "UPDATE samples SET label = $1, labelled_by = $2, confidence = $3 WHERE id = $4";
    espy_sample_state old = {0};
    espy_json *row = NULL;
    ESPY_TRY(espy_sample_state_read(cx, st, sample, &old));
    if (old.collection != ch->collection)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "sample %lld is not of this collection",
                         (long long)sample);
    if (old.label == label && strcmp(old.actor, by) == 0)
        return ESPY_E_OK;
    if (strcmp(old.actor, "user") == 0 && strcmp(ch->actor, "user") != 0)
        return espy_fail(cx, ESPY_E_EXISTS,
                         "sample %lld was labelled by a person; only a person changes that",
                         (long long)sample);
    ESPY_TRY(CHANGE_ROW(cx, &row, espy_json_of_int(sample), change_id(old.label),
                        change_text(old.actor), espy_json_of_number(old.confidence),
                        change_id(label), change_text(by)));
    ESPY_TRY(change_note(cx, ch, "samples", row));
    if (label != 0)
        ESPY_TRY(espy_store_media_probe(cx, st, old.media, false));
    return espy_db_exec(cx, st, update,
                        DB_ARGS(DB_ID(label), by[0] != '\0' ? DB_TEXT(by) : DB_NONE,
                                isnan(confidence) ? DB_NONE : DB_REAL(confidence), DB_INT(sample)));
}

/* -- labels ------------------------------------------------------------------------------------ */
espy_err espy_change_code_free(espy_ctx *cx, espy_store *st, const espy_change *ch,
                               const char *code, int64_t but)
{
    static const char sql[] =
        "SELECT id FROM labels WHERE collection = $1 AND code = $2 AND id <> $3";
    static const char living[] = "SELECT id FROM labels WHERE id = $1 AND deleted IS NULL";
    bool found = false, lives = false;
    int64_t id = 0;
    ESPY_TRY(espy_store_check_name(cx, "a label's code", code));
    ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_INT(ch->collection), DB_TEXT(code), DB_INT(but)),
                          &found, &id));
    if (!found)
        return ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, living, DB_ARGS(DB_INT(id)), &lives, &id));
    return espy_fail(cx, ESPY_E_EXISTS,
                     lives ? "there is already a label '%s'; take another code, or merge the two"
                           : "label '%s' was deleted; take it back (espy label undo), erase it, or "
                             "take another code",
                     code);
}

/* [label, code, name, origin, deleted, named, and the same of what it becomes]. */
static espy_err change_label_row(espy_ctx *cx, const espy_label *old, const espy_label *to,
                                 espy_json **out)
{
    static const char *const origin[] = {"user", "cluster"};
    return CHANGE_ROW(cx, out, espy_json_of_int(old->id), espy_json_of_string(old->code),
                      espy_json_of_string(old->name), espy_json_of_string(origin[old->grouped]),
                      espy_json_of_bool(old->deleted), espy_json_of_bool(old->named),
                      espy_json_of_string(to->code), espy_json_of_string(to->name),
                      espy_json_of_string(origin[to->grouped]), espy_json_of_bool(to->deleted),
                      espy_json_of_bool(to->named));
}

espy_err espy_change_label(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_label *old,
                           const espy_label *to)
{
    static const char update[] = "UPDATE labels SET code = $1, name = $2, origin = $3,"
                                 " deleted = $4, named = $5 WHERE id = $6";
    espy_json *row = NULL;
    ESPY_TRY(change_label_row(cx, old, to, &row));
    ESPY_TRY(change_note(cx, ch, "labels", row));
    return espy_db_exec(cx, st, update,
                        DB_ARGS(DB_TEXT(to->code), DB_TEXT(to->name),
                                DB_TEXT(to->grouped ? "cluster" : "user"),
                                to->deleted ? DB_REAL(espy_time_now()) : DB_NONE, DB_INT(to->named),
                                DB_INT(old->id)));
}

espy_err espy_change_code(espy_ctx *cx, espy_store *st, const espy_change *ch, const char *code,
                          int64_t label)
{
    static const char sql[] =
        "INSERT INTO label_codes (collection, code, label) VALUES ($1, $2, $3)"
        " ON CONFLICT (collection, code) DO UPDATE SET label = excluded.label";
    static const char move[] = "UPDATE label_codes SET label = $1 WHERE label ="
                               " (SELECT id FROM labels WHERE collection = $2 AND code = $3)";
    ESPY_TRY(
        espy_db_exec(cx, st, move, DB_ARGS(DB_INT(label), DB_INT(ch->collection), DB_TEXT(code))));
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_INT(ch->collection), DB_TEXT(code), DB_INT(label)));
}

espy_err espy_change_label_new(espy_ctx *cx, espy_store *st, espy_change *ch, const char *code,
                               const char *name, bool grouped, int64_t *id)
{
    static const char insert[] =
        "INSERT INTO labels (collection, code, name, created, origin, named)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id";
    espy_json *row = NULL;
    ESPY_TRY(espy_store_check_name(cx, "a label's name", name));
    ESPY_TRY(espy_change_code_free(cx, st, ch, code, 0));
    ESPY_TRY(espy_db_number(cx, st, insert,
                            DB_ARGS(DB_INT(ch->collection), DB_TEXT(code), DB_TEXT(name),
                                    DB_REAL(espy_time_now()), DB_TEXT(grouped ? "cluster" : "user"),
                                    DB_INT(strcmp(ch->actor, "user") == 0)),
                            id));
    ESPY_TRY(CHANGE_ROW(cx, &row, espy_json_of_int(*id)));
    return change_note(cx, ch, "labels", row);
}

espy_err espy_change_tidy(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t label)
{
    static const char empty[] =
        "SELECT id FROM labels WHERE id = $1 AND origin = 'cluster' AND deleted IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM samples s WHERE s.label = labels.id)";
    espy_label old = {0}, gone;
    int64_t id;
    bool found = false;
    ESPY_TRY(espy_db_find(cx, st, empty, DB_ARGS(DB_INT(label)), &found, &id));
    if (!found)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_label_get(cx, st, ch->collection, label, &old));
    gone = old;
    gone.deleted = true;
    espy_err e = espy_change_label(cx, st, ch, &old, &gone);
    espy_label_free(cx, &old);
    return e;
}

/* -- refusals ---------------------------------------------------------------------------------- */
espy_err espy_change_refusal(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t sample,
                             int64_t label, bool refused)
{
    static const char find[] = "SELECT sample FROM rejections WHERE sample = $1 AND label = $2";
    static const char insert[] =
        "INSERT INTO rejections (sample, label, created) VALUES ($1, $2, $3)";
    static const char remove[] = "DELETE FROM rejections WHERE sample = $1 AND label = $2";
    bool found = false;
    int64_t id;
    espy_json *row = NULL;
    ESPY_TRY(espy_db_find(cx, st, find, DB_ARGS(DB_INT(sample), DB_INT(label)), &found, &id));
    if (found == refused)
        return ESPY_E_OK;
    ESPY_TRY(CHANGE_ROW(cx, &row, espy_json_of_int(sample), espy_json_of_int(label)));
    ESPY_TRY(change_note(cx, ch, refused ? "refused" : "allowed", row));
    if (!refused)
        return espy_db_exec(cx, st, remove, DB_ARGS(DB_INT(sample), DB_INT(label)));
    return espy_db_exec(cx, st, insert,
                        DB_ARGS(DB_INT(sample), DB_INT(label), DB_REAL(espy_time_now())));
}

/* -- attendance -------------------------------------------------------------------------------- */
espy_err espy_change_attendance(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t row,
                                int64_t from, int64_t to)
{
    static const char update[] = "UPDATE attendance SET label = $1 WHERE id = $2";
    espy_json *note = NULL;
    ESPY_TRY(CHANGE_ROW(cx, &note, espy_json_of_int(row), espy_json_of_int(from)));
    ESPY_TRY(change_note(cx, ch, "attendance", note));
    return espy_db_exec(cx, st, update, DB_ARGS(DB_INT(to), DB_INT(row)));
}

/* -- taking away ------------------------------------------------------------------------------- */
/* taken: who has the name of the row $1 by now; NULL: it has none.  there: whether the row $1 can
 * come back. */
typedef struct change_kind {
    const char *list, *away, *there, *taken, *back;
} change_kind;
static const change_kind change_kinds[ESPY_GONE_KINDS] = {
    [ESPY_GONE_COLLECTION] =
        {"collections", "UPDATE collections SET deleted = $1 WHERE id = $2 AND deleted IS NULL",
         "SELECT id FROM collections WHERE id = $1 AND deleted IS NOT NULL",
         "SELECT o.id FROM collections c JOIN collections o ON o.name = c.name"
         " WHERE c.id = $1 AND o.deleted IS NULL",
         "UPDATE collections SET deleted = NULL WHERE id = $1"},
    [ESPY_GONE_SESSION] =
        {"sessions", "UPDATE sessions SET deleted = $1 WHERE id = $2 AND deleted IS NULL",
         "SELECT id FROM sessions WHERE id = $1 AND deleted IS NOT NULL",
         "SELECT o.id FROM sessions s JOIN sessions o ON o.collection = s.collection"
         " AND o.name = s.name AND o.date = s.date WHERE s.id = $1 AND o.deleted IS NULL",
         "UPDATE sessions SET deleted = NULL WHERE id = $1"},
    [ESPY_GONE_MEDIA] =
        {"media", "UPDATE media SET deleted = $1 WHERE id = $2 AND deleted IS NULL",
         "SELECT m.id FROM media m WHERE m.id = $1 AND m.deleted IS NOT NULL AND NOT EXISTS"
         " (SELECT 1 FROM sessions s WHERE s.id = m.session AND s.deleted IS NOT NULL)",
         NULL, "UPDATE media SET deleted = NULL WHERE id = $1"},
    [ESPY_GONE_SAMPLE] = {"removed",
                          "UPDATE samples SET deleted = $1 WHERE id = $2 AND deleted IS NULL",
                          "SELECT id FROM samples WHERE id = $1 AND deleted IS NOT NULL", NULL,
                          "UPDATE samples SET deleted = NULL WHERE id = $1"},
};

espy_err espy_change_gone(espy_ctx *cx, espy_store *st, espy_change *ch, espy_gone kind, int64_t id)
{
    espy_json *row = NULL;
    ESPY_TRY(CHANGE_ROW(cx, &row, espy_json_of_int(id)));
    ESPY_TRY(change_note(cx, ch, change_kinds[kind].list, row));
    return espy_db_exec(cx, st, change_kinds[kind].away,
                        DB_ARGS(DB_REAL(espy_time_now()), DB_INT(id)));
}

espy_err espy_change_back(espy_ctx *cx, espy_store *st, espy_gone kind, int64_t id, bool *back)
{
    const change_kind *k = &change_kinds[kind];
    bool taken = false;
    int64_t other;
    ESPY_TRY(espy_db_find(cx, st, k->there, DB_ARGS(DB_INT(id)), back, &other));
    if (!*back)
        return ESPY_E_OK;
    if (k->taken != NULL)
        ESPY_TRY(espy_db_find(cx, st, k->taken, DB_ARGS(DB_INT(id)), &taken, &other));
    if (taken)
        return espy_fail(cx, ESPY_E_EXISTS,
                         "another one of these %s has the name by now; rename that first", k->list);
    return espy_db_exec(cx, st, k->back, DB_ARGS(DB_INT(id)));
}

/* -- undo -------------------------------------------------------------------------------------- */
/* The event that is undone, as its row has it. */
typedef struct change_event {
    int64_t id, label, sample;
    char *actor, *action, *detail;
} change_event;

static void change_event_free(espy_ctx *cx, change_event *v)
{
    espy_free(cx, v->actor);
    espy_free(cx, v->action);
    espy_free(cx, v->detail);
}

/* The event, or with 0 the last one that can be undone. */
static espy_err change_find(espy_ctx *cx, espy_store *st, int64_t collection, int64_t event,
                            change_event *out)
{
    static const char sql[] =
        "SELECT e.id, e.label, e.sample, e.actor, e.action, e.detail FROM events e"
        " WHERE e.collection = $1 AND (e.id = $2 OR $2 = 0) AND " STORE_UNDOABLE
        " ORDER BY e.id DESC LIMIT 1";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(collection), DB_INT(event)), &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (!more) {
        e = event == 0 ? espy_fail(cx, ESPY_E_NOT_FOUND, "there is nothing to undo")
                       : espy_fail(cx, ESPY_E_NOT_FOUND,
                                   "event %lld cannot be undone, or was already; see `espy label "
                                   "history`",
                                   (long long)event);
        goto out;
    }
    out->id = ops->integer(rows, 0);
    out->label = ops->integer(rows, 1);
    out->sample = ops->integer(rows, 2);
    ESPY_GO(espy_db_text(cx, st, rows, 3, &out->actor));
    ESPY_GO(espy_db_text(cx, st, rows, 4, &out->action));
    ESPY_GO(espy_db_text(cx, st, rows, 5, &out->detail));
out:
    ops->done(rows);
    return e;
}

static int64_t row_id(const espy_json *row, size_t i)
{
    return espy_json_int(espy_json_at(row, i), 0);
}

static bool row_true(const espy_json *row, size_t i)
{
    return espy_json_bool(espy_json_at(row, i), false);
}

static const char *row_text(const espy_json *row, size_t i)
{
    return espy_json_string(espy_json_at(row, i), "");
}

/* Whether the label is still there, and the sample (0: not asked): they may have been erased. */
static espy_err undo_possible(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                              bool *out)
{
    static const char sql[] = "SELECT l.id FROM labels l WHERE l.id = $1"
                              " AND ($2 = 0 OR EXISTS (SELECT 1 FROM samples s WHERE s.id = $2))";
    int64_t id;
    return espy_db_find(cx, st, sql, DB_ARGS(DB_INT(label), DB_INT(sample)), out, &id);
}

/* A sample that an event changed. */
typedef struct undo_change {
    int64_t sample;
    int64_t label; /* what it gets back */
    const char *by;
    double confidence;
    int64_t left; /* as the event left it */
    const char *left_by;
} undo_change;

/* Whether the sample is as the event left it, or was taken away by it and found again by a scan. */
static bool undo_untouched(const espy_json *detail, const undo_change *u,
                           const espy_sample_state *now)
{
    const bool found_again = espy_json_get(detail, "removed") != NULL && now->actor[0] == '\0';
    return now->label == u->left && (strcmp(now->actor, u->left_by) == 0 || found_again);
}

/* Whether the event deleted the label, so that undoing it brings it back. */
static bool undo_brings_back(const espy_json *detail, int64_t label)
{
    const espy_json *labels = espy_json_get(detail, "labels");
    for (size_t i = 0; i < espy_json_count(labels); i++) {
        const espy_json *row = espy_json_at(labels, i);
        if (row_id(row, 0) == label && espy_json_count(row) > 1 && !row_true(row, 4))
            return true;
    }
    return false;
}

/* Whose the sample becomes.  A label that is deleted takes no sample back, unless it comes back
 * too: the one that it was merged into does; a group is there again; else the sample waits for a
 * word. *possible false: the label was erased. */
static espy_err undo_target(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *detail,
                            undo_change *u, bool *possible)
{
    static const char there[] = "SELECT id FROM labels WHERE id = $1 AND deleted IS NULL";
    static const char merged[] =
        "SELECT c.label FROM labels o JOIN label_codes c ON c.collection = o.collection"
        " AND c.code = o.code AND c.label <> o.id JOIN labels l ON l.id = c.label"
        " AND l.deleted IS NULL WHERE o.id = $1";
    espy_label l = {0}, back;
    bool found = false;
    int64_t into = 0;
    *possible = true;
    if (u->label == 0)
        return ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, there, DB_ARGS(DB_INT(u->label)), &found, &into));
    if (found)
        return ESPY_E_OK;
    ESPY_TRY(undo_possible(cx, st, 0, u->label, possible));
    if (!*possible || undo_brings_back(detail, u->label))
        return ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, merged, DB_ARGS(DB_INT(u->label)), &found, &into));
    if (found) {
        u->label = into;
        return ESPY_E_OK;
    }
    ESPY_TRY(espy_store_label_get(cx, st, ch->collection, u->label, &l));
    espy_err e = ESPY_E_OK;
    if (l.grouped) {
        back = l;
        back.deleted = false;
        e = espy_change_label(cx, st, ch, &l, &back);
    } else {
        u->label = 0;
        u->by = "";
    }
    espy_label_free(cx, &l);
    return e;
}

/* Puts one sample back, unless somebody has changed it since. */
static espy_err undo_sample(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *detail,
                            undo_change u, espy_undone *out)
{
    espy_sample_state now = {0};
    espy_err e = espy_sample_state_read(cx, st, u.sample, &now);
    if (e == ESPY_E_NOT_FOUND)
        espy_clear(cx);
    else
        ESPY_TRY(e);
    if (e == ESPY_E_NOT_FOUND || !undo_untouched(detail, &u, &now)) {
        out->kept++;
        return ESPY_E_OK;
    }
    bool possible = false;
    ESPY_TRY(undo_target(cx, st, ch, detail, &u, &possible));
    *(possible ? &out->samples : &out->kept) += 1;
    return possible ? espy_change_sample(cx, st, ch, u.sample, u.label, u.by, u.confidence)
                    : ESPY_E_OK;
}

static espy_err undo_samples(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *detail,
                             espy_undone *out)
{
    const espy_json *list = espy_json_get(detail, "samples");
    for (size_t i = espy_json_count(list); i-- > 0;) {
        const espy_json *r = espy_json_at(list, i);
        const undo_change u = {.sample = row_id(r, 0),
                               .label = row_id(r, 1),
                               .by = row_text(r, 2),
                               .confidence = espy_json_number(espy_json_at(r, 3), (double)NAN),
                               .left = row_id(r, 4),
                               .left_by = row_text(r, 5)};
        ESPY_TRY(undo_sample(cx, st, ch, detail, u, out));
    }
    return ESPY_E_OK;
}

/* What undoing leaves of a label: each part goes back that is still as the event made it.  Events
 * of before there were new values in them are taken to have left what is there. */
static void undo_label_parts(const espy_json *row, const espy_label *now, bool has_samples,
                             espy_label *to)
{
    const bool whole = espy_json_count(row) < 11;
    *to = *now;
    if (whole || strcmp(row_text(row, 6), now->code) == 0)
        to->code = (char *)(uintptr_t)row_text(row, 1);
    if (whole || strcmp(row_text(row, 7), now->name) == 0)
        to->name = (char *)(uintptr_t)row_text(row, 2);
    if (whole || (strcmp(row_text(row, 8), "cluster") == 0) == now->grouped)
        to->grouped = strcmp(row_text(row, 3), "cluster") == 0;
    if (whole || row_true(row, 9) == now->deleted)
        to->deleted = row_true(row, 4) && !has_samples;
    if (whole || row_true(row, 10) == now->named)
        to->named = row_true(row, 5);
}

/* Gives one label its code, name and place back.  A label that the change made is deleted, unless
 * samples have come to it since. */
static espy_err undo_label(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *row)
{
    /* those of media that were taken away count: they may come back */
    static const char has[] = "SELECT id FROM samples WHERE label = $1 LIMIT 1";
    static const char codes[] =
        "DELETE FROM label_codes WHERE collection = $1 AND code = $2 AND label <> $3";
    espy_label old = {0}, to = {0};
    int64_t sample;
    bool has_samples = false;
    ESPY_TRY(espy_db_find(cx, st, has, DB_ARGS(DB_INT(row_id(row, 0))), &has_samples, &sample));
    espy_err e = espy_store_label_get(cx, st, ch->collection, row_id(row, 0), &old);
    if (e == ESPY_E_NOT_FOUND) { /* erased since */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    to = old;
    if (espy_json_count(row) == 1)
        to.deleted = !has_samples;
    else
        undo_label_parts(row, &old, has_samples, &to);
    e = espy_change_code_free(cx, st, ch, to.code, old.id);
    if (e == ESPY_E_OK)
        e = espy_change_label(cx, st, ch, &old, &to);
    if (e == ESPY_E_OK && old.deleted && !to.deleted) /* it is not that other one any more */
        e = espy_db_exec(cx, st, codes,
                         DB_ARGS(DB_INT(ch->collection), DB_TEXT(to.code), DB_INT(old.id)));
    espy_label_free(cx, &old);
    return e;
}

/* Refusals that were made are taken back, those taken back are made. */
static espy_err undo_refusals(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *list,
                              bool refused)
{
    for (size_t i = 0; i < espy_json_count(list); i++) {
        const espy_json *r = espy_json_at(list, i);
        bool possible = false;
        ESPY_TRY(undo_possible(cx, st, row_id(r, 0), row_id(r, 1), &possible));
        if (possible)
            ESPY_TRY(espy_change_refusal(cx, st, ch, row_id(r, 0), row_id(r, 1), refused));
    }
    return ESPY_E_OK;
}

static espy_err undo_attendance(espy_ctx *cx, espy_store *st, espy_change *ch,
                                const espy_json *list)
{
    for (size_t i = 0; i < espy_json_count(list); i++) {
        const espy_json *r = espy_json_at(list, i);
        bool possible = false;
        ESPY_TRY(undo_possible(cx, st, 0, row_id(r, 1), &possible));
        if (possible)
            ESPY_TRY(espy_change_attendance(cx, st, ch, row_id(r, 0), 0, row_id(r, 1)));
    }
    return ESPY_E_OK;
}

/* What was taken away comes back, unless it has gone for good. */
static espy_err undo_gone(espy_ctx *cx, espy_store *st, const espy_json *detail, espy_undone *out)
{
    for (int kind = 0; kind < ESPY_GONE_KINDS; kind++) {
        const espy_json *list = espy_json_get(detail, change_kinds[kind].list);
        for (size_t i = 0; i < espy_json_count(list); i++) {
            bool back = false;
            ESPY_TRY(
                espy_change_back(cx, st, (espy_gone)kind, row_id(espy_json_at(list, i), 0), &back));
            if (kind == ESPY_GONE_MEDIA)
                *(back ? &out->media : &out->kept) += 1;
            /* where it had a word on it that goes back, too, that one counts */
            if (kind == ESPY_GONE_SAMPLE && espy_json_get(detail, "samples") == NULL)
                *(back ? &out->samples : &out->kept) += 1;
        }
    }
    return ESPY_E_OK;
}

/* The inverse of what the detail lists. */
static espy_err undo_detail(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_json *detail,
                            espy_undone *out)
{
    const espy_json *labels = espy_json_get(detail, "labels");
    ESPY_TRY(undo_gone(cx, st, detail, out));
    ESPY_TRY(undo_samples(cx, st, ch, detail, out));
    ESPY_TRY(undo_refusals(cx, st, ch, espy_json_get(detail, "refused"), false));
    ESPY_TRY(undo_refusals(cx, st, ch, espy_json_get(detail, "allowed"), true));
    ESPY_TRY(undo_attendance(cx, st, ch, espy_json_get(detail, "attendance")));
    for (size_t i = espy_json_count(labels); i-- > 0;) /* once samples have left new labels */
        ESPY_TRY(undo_label(cx, st, ch, espy_json_at(labels, i)));
    return ESPY_E_OK;
}

/* The event of espy_store_sample_label(): the sample's column, {"from", "by"}. */
static espy_err undo_single(espy_ctx *cx, espy_store *st, espy_change *ch, const change_event *v,
                            const espy_json *detail, espy_undone *out)
{
    const undo_change u = {.sample = v->sample,
                           .label = espy_json_int(espy_json_get(detail, "from"), 0),
                           .by = espy_json_string(espy_json_get(detail, "by"), ""),
                           .confidence = (double)NAN,
                           .left = v->label,
                           .left_by = v->actor};
    return undo_sample(cx, st, ch, detail, u, out);
}

espy_err espy_store_undo(espy_ctx *cx, espy_store *st, int64_t collection, int64_t event,
                         const char *actor, espy_undone *out)
{
    change_event v = {0};
    espy_change ch = {0};
    espy_json *detail = NULL, *done = NULL;
    espy_undone u = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "undo", &ch));
    ESPY_GO(change_find(cx, st, collection, event, &v));
    ESPY_GO(espy_json_parse(cx, v.detail, strlen(v.detail), &detail));
    if (espy_json_get(detail, "by") != NULL)
        ESPY_GO(undo_single(cx, st, &ch, &v, detail, &u));
    else
        ESPY_GO(undo_detail(cx, st, &ch, detail, &u));
    /* what the undo itself changed is the mirror image of that event: it need not be told twice */
    done = espy_json_object();
    ESPY_GO(espy_json_set(cx, done, "event", espy_json_of_int(v.id)));
    espy_json_free(ch.detail);
    ch.detail = done;
    done = NULL;
    e = espy_change_end(cx, st, &ch, v.label, v.sample);
    if (e != ESPY_E_OK)
        goto out;
    u.event = v.id;
    u.action = v.action;
    v.action = NULL;
    *out = u;
out:
    espy_json_free(done);
    espy_json_free(detail);
    espy_change_drop(cx, st, &ch);
    change_event_free(cx, &v);
    return e;
}
