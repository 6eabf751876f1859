/* SPDX-License-Identifier: Apache-2.0
 * store - erasing a label for good. */
#include "store/erase.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_internal.h"

#define ERASE_OVERLAP 0.5 /* intersection over union from which two boxes are one face */
#define ERASE_TEXT_MAX ((size_t)64 << 20)

/* A sample that goes. */
typedef struct erase_sample {
    int64_t id;
    float box[4];
    char digest[ESPY_DIGEST_HEX]; /* of its media */
} erase_sample;

typedef struct erase_version {
    int64_t id, collection, number;
} erase_version;

typedef struct erase_run {
    espy_store *st;
    int64_t collection, label;
    espy_blank_fn *blank;
    void *self;
    espy_words words; /* the label and those merged into it, what all were ever called, the token */
    int64_t
        *elsewhere; /* labels of other collections that lose samples: pairs of collection, label */
    size_t elsewhere_n, elsewhere_room;
    erase_sample *samples; /* by digest, then id */
    size_t samples_n, samples_room;
    erase_version *versions;
    size_t versions_n, versions_room;
    int64_t removed, blanked, texts, erasure;
} erase_run;

static void erase_run_free(espy_ctx *cx, erase_run *r)
{
    espy_words_free(cx, &r->words);
    espy_free(cx, r->elsewhere);
    espy_free(cx, r->samples);
    espy_free(cx, r->versions);
}

/* -- which labels ------------------------------------------------------------------------------ */
static espy_err erase_label_push(espy_ctx *cx, espy_words *w, int64_t label)
{
    ESPY_TRY(
        espy_store_grow(cx, (void **)&w->labels, w->labels_n, &w->labels_room, sizeof *w->labels));
    w->labels[w->labels_n++] = label;
    return ESPY_E_OK;
}

/* The label, and those that were merged into it. */
static espy_err erase_labels(espy_ctx *cx, erase_run *r)
{
    static const char sql[] = "SELECT o.id FROM label_codes c JOIN labels o"
                              " ON o.collection = c.collection AND o.code = c.code"
                              " WHERE c.label = $1 AND o.id <> $1 AND o.deleted IS NOT NULL";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(erase_label_push(cx, &r->words, r->label));
    ESPY_TRY(ops->query(cx, r->st->db, sql, DB_ARGS(DB_INT(r->label)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(erase_label_push(cx, &r->words, ops->integer(rows, 0)));
    }
out:
    ops->done(rows);
    return e;
}

/* -- names ------------------------------------------------------------------------------------- */
/* What the other labels of the collection are called. */
static espy_err erase_others(espy_ctx *cx, erase_run *r)
{
    espy_label *at = NULL;
    size_t n = 0;
    ESPY_TRY(espy_store_labels(cx, r->st, r->collection, &at, &n));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
        if (espy_words_of(&r->words, at[i].id))
            continue;
        e = espy_words_add(cx, &r->words, at[i].code, false);
        if (e == ESPY_E_OK)
            e = espy_words_add(cx, &r->words, at[i].name, false);
    }
    espy_labels_free(cx, at, n);
    return e;
}

/* The names that one event tells of the label: changes list [label, code, name, ...]. */
static espy_err erase_names_of(espy_ctx *cx, erase_run *r, const char *detail, bool own)
{
    espy_json *v = NULL;
    ESPY_TRY(espy_json_parse(cx, detail, strlen(detail), &v));
    const espy_json *labels = espy_json_get(v, "labels");
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < espy_json_count(labels) && e == ESPY_E_OK; i++) {
        static const size_t texts[] = {1, 2, 6, 7}; /* code and name, and what they became */
        const espy_json *row = espy_json_at(labels, i);
        if (!espy_words_of(&r->words, espy_json_int(espy_json_at(row, 0), 0)))
            continue;
        for (size_t k = 0; k < 4 && e == ESPY_E_OK; k++)
            e = espy_words_add(cx, &r->words, espy_json_string(espy_json_at(row, texts[k]), ""),
                               true);
    }
    static const char *const keys[] = {"from", "to"}; /* a rename of schema 2 */
    for (size_t k = 0; own && k < 2 && e == ESPY_E_OK; k++)
        e = espy_words_add(cx, &r->words, espy_json_string(espy_json_get(v, keys[k]), ""), true);
    espy_json_free(v);
    return e;
}

static espy_err erase_names(espy_ctx *cx, erase_run *r)
{
    static const char sql[] = "SELECT detail, action, label FROM events WHERE collection = $1"
                              " AND action LIKE 'label.%' AND detail IS NOT NULL ORDER BY id";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_label l = {0};
    char *detail = NULL, *action = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    for (size_t i = 0; i < r->words.labels_n; i++) {
        espy_label_free(cx, &l);
        ESPY_GO(espy_store_label_get(cx, r->st, r->collection, r->words.labels[i], &l));
        ESPY_GO(espy_words_add(cx, &r->words, l.code, true));
        ESPY_GO(espy_words_add(cx, &r->words, l.name, true));
    }
    ESPY_GO(ops->query(cx, r->st->db, sql, DB_ARGS(DB_INT(r->collection)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_db_text(cx, r->st, rows, 0, &detail));
        ESPY_GO(espy_db_text(cx, r->st, rows, 1, &action));
        ESPY_GO(erase_names_of(cx, r, detail,
                               strcmp(action, "label.rename") == 0 &&
                                   espy_words_of(&r->words, ops->integer(rows, 2))));
        espy_free(cx, detail);
        espy_free(cx, action);
        detail = action = NULL;
    }
out:
    ops->done(rows);
    espy_free(cx, detail);
    espy_free(cx, action);
    espy_label_free(cx, &l);
    return e;
}

/* -- texts ------------------------------------------------------------------------------------- */
/* A column in which names may stand.  read: id and text of a collection, $1; update: $1 the text,
 * $2 the id. */
typedef struct erase_column {
    const char *read, *update;
    bool json;
} erase_column;

#define ERASE_COLUMN(table, column, of, json)                                                \
    {                                                                                        \
        "SELECT id, " column " FROM " table " WHERE " of " = $1 AND " column " IS NOT NULL", \
            "UPDATE " table " SET " column " = $1 WHERE id = $2", json                       \
    }
#define ERASE_OF_SESSION "(SELECT collection FROM sessions x WHERE x.id = session)"

static const erase_column erase_columns[] = {
    ERASE_COLUMN("events", "actor", "collection", false),
    ERASE_COLUMN("events", "detail", "collection", true),
    ERASE_COLUMN("media", "source", "collection", false),
    ERASE_COLUMN("media", "recording", "collection", false),
    {"SELECT id, name FROM sessions WHERE collection = $1",
     /* two of one day that bore names of the label stay two */
     "UPDATE sessions SET name = CASE WHEN EXISTS (SELECT 1 FROM sessions o"
     " WHERE o.collection = sessions.collection AND o.date = sessions.date AND o.name = $1"
     " AND o.id <> $2) THEN $1 || ' ' || CAST($2 AS TEXT) ELSE $1 END WHERE id = $2",
     false},
    ERASE_COLUMN("sessions", "notes", "collection", false),
    ERASE_COLUMN("sessions", "detail", "collection", true),
    ERASE_COLUMN("labels", "detail", "collection", true),
    ERASE_COLUMN("collections", "description", "id", false),
    ERASE_COLUMN("jobs", "request", "collection", true),
    ERASE_COLUMN("jobs", "result", "collection", true),
    ERASE_COLUMN("jobs", "error", "collection", false),
    ERASE_COLUMN("jobs", "log", "collection", false),
    ERASE_COLUMN("attendance", "note", ERASE_OF_SESSION, false),
};
#define ERASE_COLUMNS (sizeof erase_columns / sizeof erase_columns[0])

/* A text that becomes another one. */
typedef struct erase_edit {
    int64_t id;
    char *to;
} erase_edit;

typedef struct erase_edits {
    erase_edit *at;
    size_t n, room;
} erase_edits;

static void erase_edits_free(espy_ctx *cx, erase_edits *l)
{
    for (size_t i = 0; i < l->n; i++)
        espy_free(cx, l->at[i].to);
    espy_free(cx, l->at);
}

/* The texts of a column that name the label, with what they become. */
static espy_err erase_column_find(espy_ctx *cx, const erase_run *r, const erase_column *c,
                                  erase_edits *out)
{
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    char *text = NULL, *to = NULL;
    ESPY_TRY(ops->query(cx, r->st->db, c->read, DB_ARGS(DB_INT(r->collection)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_db_text(cx, r->st, rows, 1, &text));
        ESPY_GO(espy_words_replace(cx, &r->words, text, c->json, &to));
        espy_free(cx, text);
        text = NULL;
        if (to == NULL)
            continue;
        ESPY_GO(espy_store_grow(cx, (void **)&out->at, out->n, &out->room, sizeof *out->at));
        out->at[out->n++] = (erase_edit){ops->integer(rows, 0), to};
        to = NULL;
    }
out:
    ops->done(rows);
    espy_free(cx, text);
    espy_free(cx, to);
    return e;
}

/* Puts the token into every text, or with `left` only counts those that name the label. */
static espy_err erase_texts(espy_ctx *cx, erase_run *r, int64_t *left)
{
    espy_err e = ESPY_E_OK;
    for (size_t c = 0; c < ERASE_COLUMNS && e == ESPY_E_OK; c++) {
        erase_edits l = {0};
        e = erase_column_find(cx, r, &erase_columns[c], &l);
        if (left != NULL)
            *left += (int64_t)l.n;
        for (size_t i = 0; i < l.n && e == ESPY_E_OK && left == NULL; i++) {
            e = espy_db_exec(cx, r->st, erase_columns[c].update,
                             DB_ARGS(DB_TEXT(l.at[i].to), DB_INT(l.at[i].id)));
            r->texts++;
        }
        erase_edits_free(cx, &l);
    }
    return e;
}

/* -- samples ----------------------------------------------------------------------------------- */
#define ERASE_SAMPLE                                                               \
    "SELECT s.id, s.box_x, s.box_y, s.box_w, s.box_h, m.digest, s.whole, s.label," \
    " m.collection FROM samples s JOIN media m ON m.id = s.media"

/* Whether two boxes show one face: most of the smaller one lies in the other. */
static bool erase_same_place(const float a[4], const float b[4])
{
    const bool flat = a[3] == 0 && b[3] == 0; /* stretches of a recording */
    float high_a = flat ? 1 : a[3], high_b = flat ? 1 : b[3];
    float w = fminf(a[0] + a[2], b[0] + b[2]) - fmaxf(a[0], b[0]);
    float h = fminf(a[1] + high_a, b[1] + high_b) - fmaxf(a[1], b[1]);
    float least = fminf(a[2] * high_a, b[2] * high_b);
    return w > 0 && h > 0 && w * h >= ERASE_OVERLAP * least;
}

static espy_err erase_push(espy_ctx *cx, erase_run *r, const erase_sample *s)
{
    ESPY_TRY(espy_store_grow(cx, (void **)&r->samples, r->samples_n, &r->samples_room,
                             sizeof *r->samples));
    r->samples[r->samples_n++] = *s;
    return ESPY_E_OK;
}

/* Remembers that a label of another collection loses a sample. */
static espy_err erase_elsewhere(espy_ctx *cx, erase_run *r, int64_t collection, int64_t label)
{
    if (label == 0 || collection == r->collection)
        return ESPY_E_OK;
    for (size_t i = 0; i < r->elsewhere_n; i += 2)
        if (r->elsewhere[i + 1] == label)
            return ESPY_E_OK;
    for (int k = 0; k < 2; k++) {
        ESPY_TRY(espy_store_grow(cx, (void **)&r->elsewhere, r->elsewhere_n, &r->elsewhere_room,
                                 sizeof *r->elsewhere));
        r->elsewhere[r->elsewhere_n++] = k == 0 ? collection : label;
    }
    return ESPY_E_OK;
}

/* Whether a sample is one of first .. first + n - 1, *known, or lies where one of them does.  A
 * picture that was taken whole shows everybody who is in it. */
static bool erase_near(const erase_run *r, size_t first, size_t n, const erase_sample *s,
                       bool whole, bool *known)
{
    bool near = false;
    *known = false;
    for (size_t i = first; i < first + n && !*known; i++) {
        *known = r->samples[i].id == s->id;
        near = near || whole || erase_same_place(r->samples[i].box, s->box);
    }
    return near;
}

/* Adds the samples of a query; with n > 0 only those that are not among first .. first + n - 1, but
 * where one of these is. */
static espy_err erase_add(espy_ctx *cx, erase_run *r, const char *sql, espy_db_value arg,
                          size_t first, size_t n)
{
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql, &arg, 1, &rows));
    for (;;) {
        erase_sample s = {0};
        bool known = false;
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        s.id = ops->integer(rows, 0);
        for (int k = 0; k < 4; k++)
            s.box[k] = (float)ops->real(rows, 1 + k);
        ESPY_GO(espy_db_digest(cx, r->st, rows, 5, s.digest));
        if (n > 0 && (!erase_near(r, first, n, &s, ops->integer(rows, 6) != 0, &known) || known))
            continue;
        ESPY_GO(erase_push(cx, r, &s));
        ESPY_GO(erase_elsewhere(cx, r, ops->integer(rows, 8), ops->integer(rows, 7)));
    }
out:
    ops->done(rows);
    return e;
}

/* What a deleted label had: its deletion says so.  What a person has given to somebody since is
 * that one's; what grouping or assignment took is not. */
static espy_err erase_add_deleted(espy_ctx *cx, erase_run *r)
{
    static const char find[] = "SELECT detail FROM events WHERE collection = $1 AND label = $2"
                               " AND action = 'label.delete' ORDER BY id DESC LIMIT 1";
    static const char sql[] =
        ERASE_SAMPLE " WHERE s.id = $1 AND (s.label IS NULL OR s.labelled_by = 'job')";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_json *v = NULL;
    char *detail = NULL;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(
        ops->query(cx, r->st->db, find, DB_ARGS(DB_INT(r->collection), DB_INT(r->label)), &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (more)
        ESPY_GO(espy_db_text(cx, r->st, rows, 0, &detail));
    ops->done(rows);
    rows = NULL;
    if (detail == NULL)
        goto out;
    ESPY_GO(espy_json_parse(cx, detail, strlen(detail), &v));
    const espy_json *samples = espy_json_get(v, "samples");
    for (size_t i = 0; i < espy_json_count(samples); i++) {
        int64_t id = espy_json_int(espy_json_at(espy_json_at(samples, i), 0), 0);
        ESPY_GO(erase_add(cx, r, sql, DB_INT(id), 0, 0));
    }
out:
    ops->done(rows);
    espy_free(cx, detail);
    espy_json_free(v);
    return e;
}

static int erase_sample_order(const void *a, const void *b)
{
    const erase_sample *x = a, *y = b;
    int by = strcmp(x->digest, y->digest);
    return by != 0 ? by : x->id < y->id ? -1 : x->id > y->id;
}

/* In order, and each once. */
static void erase_sort(erase_run *r)
{
    size_t n = 0;
    if (r->samples_n > 0)
        qsort(r->samples, r->samples_n, sizeof *r->samples, erase_sample_order);
    for (size_t i = 0; i < r->samples_n; i++)
        if (n == 0 || r->samples[i].id != r->samples[n - 1].id)
            r->samples[n++] = r->samples[i];
    r->samples_n = n;
}

/* A label that was merged into another one is that one: its samples cannot be told apart any more.
 */
static espy_err erase_not_merged(espy_ctx *cx, const erase_run *r, const espy_label *l)
{
    static const char sql[] = "SELECT c.label FROM label_codes c JOIN labels l ON l.id = c.label"
                              " WHERE c.collection = $1 AND c.code = $2 AND c.label <> $3"
                              " AND l.deleted IS NULL";
    espy_label into = {0};
    int64_t id = 0;
    bool found = false;
    ESPY_TRY(espy_db_find(cx, r->st, sql,
                          DB_ARGS(DB_INT(r->collection), DB_TEXT(l->code), DB_INT(l->id)), &found,
                          &id));
    if (!found)
        return ESPY_E_OK;
    ESPY_TRY(espy_store_label_get(cx, r->st, r->collection, id, &into));
    espy_err e = espy_fail(cx, ESPY_E_ARG,
                           "label '%s' was merged into '%s'; erase that one, or undo the merge",
                           l->code, into.code);
    espy_label_free(cx, &into);
    return e;
}

/* The samples of the label, those taken away while they were its, and those at the same place of
 * the same media: other detectors', other collections'. */
static espy_err erase_samples(espy_ctx *cx, erase_run *r)
{
    static const char own[] = ERASE_SAMPLE " WHERE s.label = $1";
    static const char same[] = ERASE_SAMPLE " WHERE m.digest = $1";
    /* unless they went as somebody else's since */
    static const char removed[] =
        ERASE_SAMPLE " WHERE s.deleted IS NOT NULL AND s.id IN (SELECT e.sample FROM labels l"
                     " JOIN events e ON e.collection = l.collection AND e.label = l.id"
                     " AND e.action = 'sample.delete' WHERE l.id = $1"
                     " AND NOT EXISTS (SELECT 1 FROM events u WHERE u.collection = e.collection"
                     "  AND u.id > e.id AND u.sample = e.sample AND u.action = 'sample.delete'"
                     "  AND u.label IS NOT NULL))";
    espy_label l = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_label_get(cx, r->st, r->collection, r->label, &l));
    if (l.deleted)
        e = erase_not_merged(cx, r, &l);
    if (e == ESPY_E_OK && l.deleted)
        e = erase_add_deleted(cx, r);
    espy_label_free(cx, &l);
    ESPY_TRY(e);
    for (size_t i = 0; i < r->words.labels_n; i++) {
        ESPY_TRY(erase_add(cx, r, own, DB_INT(r->words.labels[i]), 0, 0));
        ESPY_TRY(erase_add(cx, r, removed, DB_INT(r->words.labels[i]), 0, 0));
    }
    erase_sort(r);
    for (size_t i = 0, n = r->samples_n, end; i < n; i = end) {
        char digest[ESPY_DIGEST_HEX]; /* the list may move while it is looked for */
        memcpy(digest, r->samples[i].digest, sizeof digest);
        for (end = i + 1; end < n && strcmp(r->samples[end].digest, digest) == 0;)
            end++;
        ESPY_TRY(erase_add(cx, r, same, DB_TEXT(digest), i, end - i));
    }
    erase_sort(r);
    return ESPY_E_OK;
}

/* -- versions ---------------------------------------------------------------------------------- */
static espy_err erase_version_push(espy_ctx *cx, erase_run *r, erase_version v)
{
    for (size_t i = 0; i < r->versions_n; i++)
        if (r->versions[i].id == v.id)
            return ESPY_E_OK;
    ESPY_TRY(espy_store_grow(cx, (void **)&r->versions, r->versions_n, &r->versions_room,
                             sizeof *r->versions));
    r->versions[r->versions_n++] = v;
    return ESPY_E_OK;
}

static espy_err erase_version_add(espy_ctx *cx, erase_run *r, const char *sql,
                                  const espy_db_value *args, size_t n)
{
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql, args, n, &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(erase_version_push(
            cx, r,
            (erase_version){ops->integer(rows, 0), ops->integer(rows, 1), ops->integer(rows, 2)}));
    }
out:
    ops->done(rows);
    return e;
}

/* Whether a version.json names the label: as a class, by a count, or in what a gate noted. */
static bool erase_version_names(const erase_run *r, const espy_json *v)
{
    static const char *const counts[] = {"sample_counts", "file_counts"};
    const espy_json *classes = espy_json_get(v, "classes");
    for (size_t i = 0; i < espy_json_count(classes); i++)
        if (espy_words_is(&r->words, espy_json_string(espy_json_at(classes, i), "")))
            return true;
    for (size_t k = 0; k < 2; k++) {
        void *it = NULL;
        const char *key;
        const espy_json *value, *of = espy_json_get(v, counts[k]);
        while (espy_json_is_object(of) && espy_json_next(of, &it, &key, &value))
            if (espy_words_is(&r->words, key))
                return true;
    }
    return espy_words_in_json(&r->words, espy_json_get(v, "gate")) ||
           espy_words_in_json(&r->words, espy_json_get(v, "reason"));
}

/* Versions of the collection that name the label though none of its samples was learned from; with
 * `left` they are only counted.  Codes of labels that are there now are theirs. */
static espy_err erase_versions_naming(espy_ctx *cx, erase_run *r, int64_t *left)
{
    static const char sql[] =
        "SELECT id, collection, number, json FROM versions WHERE collection = $1";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_json *v = NULL;
    char *text = NULL;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, r->st->db, sql, DB_ARGS(DB_INT(r->collection)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_db_text(cx, r->st, rows, 3, &text));
        ESPY_GO(espy_json_parse(cx, text, strlen(text), &v));
        bool named = erase_version_names(r, v);
        espy_json_free(v);
        espy_free(cx, text);
        v = NULL;
        text = NULL;
        if (named && left != NULL)
            ++*left;
        else if (named)
            ESPY_GO(erase_version_push(cx, r,
                                       (erase_version){ops->integer(rows, 0), ops->integer(rows, 1),
                                                       ops->integer(rows, 2)}));
    }
out:
    ops->done(rows);
    espy_json_free(v);
    espy_free(cx, text);
    return e;
}

/* The files are a cache: should the transaction fail, they are made again. */
static espy_err erase_caches(espy_ctx *cx, const erase_run *r)
{
    for (size_t i = 0; i < r->versions_n; i++)
        ESPY_TRY(
            espy_version_cache_remove(cx, r->st, r->versions[i].collection, r->versions[i].number));
    return ESPY_E_OK;
}

static espy_err erase_versions(espy_ctx *cx, erase_run *r)
{
    static const char by_label[] = "SELECT DISTINCT v.id, v.collection, v.number FROM versions v"
                                   " JOIN version_samples x ON x.version = v.id WHERE x.label = $1";
    static const char by_sample[] =
        "SELECT DISTINCT v.id, v.collection, v.number FROM versions v"
        " JOIN version_samples x ON x.version = v.id WHERE x.sample = $1";
    static const char aliases[] = "DELETE FROM aliases WHERE collection = $1 AND number = $2";
    static const char lineage[] = "DELETE FROM version_samples WHERE version = $1";
    static const char versions[] = "DELETE FROM versions WHERE id = $1";
    for (size_t i = 0; i < r->words.labels_n; i++)
        ESPY_TRY(erase_version_add(cx, r, by_label, DB_ARGS(DB_INT(r->words.labels[i]))));
    for (size_t i = 0; i < r->samples_n; i++)
        ESPY_TRY(erase_version_add(cx, r, by_sample, DB_ARGS(DB_INT(r->samples[i].id))));
    ESPY_TRY(erase_versions_naming(cx, r, NULL));
    for (size_t i = 0; i < r->versions_n; i++) {
        const erase_version *v = &r->versions[i];
        ESPY_TRY(
            espy_db_exec(cx, r->st, aliases, DB_ARGS(DB_INT(v->collection), DB_INT(v->number))));
        ESPY_TRY(espy_db_exec(cx, r->st, lineage, DB_ARGS(DB_INT(v->id))));
        ESPY_TRY(espy_db_exec(cx, r->st, versions, DB_ARGS(DB_INT(v->id))));
    }
    return erase_caches(cx, r);
}

/* -- media ------------------------------------------------------------------------------------- */
/* What stands for a media after samples first .. first + n - 1 are blanked.  *lost: it cannot be
 * read any more, and the token stands for it. */
static espy_err erase_blanked(espy_ctx *cx, erase_run *r, size_t first, size_t n, espy_buf *out,
                              bool *lost)
{
    espy_ctx sub = espy_ctx_child(cx);
    espy_buf before = {0};
    float(*boxes)[4] = espy_array(cx, n, sizeof *boxes);
    if (boxes == NULL)
        return cx->code;
    for (size_t i = 0; i < n; i++)
        memcpy(boxes[i], r->samples[first + i].box, sizeof boxes[i]);
    espy_err e =
        espy_store_media_bytes(&sub, r->st, r->samples[first].digest, cx->max.file_bytes, &before);
    if (e == ESPY_E_OK)
        e = r->blank(&sub, r->self, espy_span_of(&before), (const float(*)[4])boxes, n, out);
    espy_free(cx, boxes);
    espy_buf_free(cx, &before);
    *lost = e == ESPY_E_NOT_FOUND || e == ESPY_E_DIGEST || e == ESPY_E_FORMAT || e == ESPY_E_LIMIT;
    if (!*lost)
        return e == ESPY_E_OK ? e : espy_ctx_adopt(cx, &sub);
    espy_buf_init(out, ERASE_TEXT_MAX);
    return espy_buf_printf(cx, out, "%s %s", r->words.token, r->samples[first].digest);
}

/* Takes the names out of where a media came from, in every collection. */
static espy_err erase_sources(espy_ctx *cx, erase_run *r, const char *digest)
{
    static const char read[] = "SELECT id, source FROM media WHERE digest = $1";
    static const char update[] = "UPDATE media SET source = $1, recording = NULL WHERE id = $2";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    erase_edits l = {0};
    char *text = NULL;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, r->st->db, read, DB_ARGS(DB_TEXT(digest)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_db_text(cx, r->st, rows, 1, &text));
        ESPY_GO(espy_store_grow(cx, (void **)&l.at, l.n, &l.room, sizeof *l.at));
        l.at[l.n] = (erase_edit){ops->integer(rows, 0), NULL};
        ESPY_GO(espy_words_text(cx, &r->words, text, &l.at[l.n].to));
        r->texts += strcmp(text, l.at[l.n++].to) != 0;
        espy_free(cx, text);
        text = NULL;
    }
    ops->done(rows);
    rows = NULL;
    for (size_t i = 0; i < l.n; i++)
        ESPY_GO(espy_db_exec(cx, r->st, update, DB_ARGS(DB_TEXT(l.at[i].to), DB_INT(l.at[i].id))));
out:
    ops->done(rows);
    espy_free(cx, text);
    erase_edits_free(cx, &l);
    return e;
}

/* Blanks samples first .. first + n - 1 of a media and files the result under its new digest in
 * place of the old one. */
static espy_err erase_blank(espy_ctx *cx, erase_run *r, size_t first, size_t n)
{
    static const char taken[] = "SELECT id FROM media WHERE digest = $1";
    static const char update[] = "UPDATE media SET digest = $1, bytes = $2 WHERE digest = $3";
    const char *old = r->samples[first].digest;
    char digest[ESPY_DIGEST_HEX];
    espy_buf after = {0};
    bool lost = false, found = false;
    int64_t id;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(erase_sources(cx, r, old));
    ESPY_GO(erase_blanked(cx, r, first, n, &after, &lost));
    espy_digest(after.data, after.size, digest);
    ESPY_GO(espy_db_find(cx, r->st, taken, DB_ARGS(DB_TEXT(digest)), &found, &id));
    if (found) { /* this photo was blanked before and came again: behind their end files may grow */
        ESPY_GO(espy_buf_text(cx, &after, r->words.token));
        espy_digest(after.data, after.size, digest);
    }
    ESPY_GO(espy_media_put(cx, r->st, espy_span_of(&after), digest));
    ESPY_GO(espy_db_exec(cx, r->st, update,
                         DB_ARGS(DB_TEXT(digest), DB_INT((int64_t)after.size), DB_TEXT(old))));
    *(lost ? &r->removed : &r->blanked) += 1;
out:
    espy_buf_free(cx, &after);
    return e;
}

/* One media that shows samples first .. first + n - 1. */
static espy_err erase_media_one(espy_ctx *cx, erase_run *r, size_t first, size_t n)
{
    static const char all[] = "SELECT count(*) FROM samples s JOIN media m ON m.id = s.media"
                              " WHERE m.digest = $1";
    static const char sample[] = "DELETE FROM samples WHERE id = $1";
    static const char media[] = "DELETE FROM media WHERE digest = $1";
    const char *digest = r->samples[first].digest;
    int64_t shown = 0;
    ESPY_TRY(espy_db_number(cx, r->st, all, DB_ARGS(DB_TEXT(digest)), &shown));
    if ((uint64_t)shown > n)
        ESPY_TRY(erase_blank(cx, r, first, n));
    else
        r->removed++;
    for (size_t i = first; i < first + n; i++)
        ESPY_TRY(espy_db_exec(cx, r->st, sample, DB_ARGS(DB_INT(r->samples[i].id))));
    ESPY_TRY(espy_db_exec(cx, r->st, media, DB_ARGS(DB_TEXT(digest)))); /* none when blanked */
    return espy_media_forget(cx, r->st, digest);
}

static espy_err erase_media(espy_ctx *cx, erase_run *r)
{
    for (size_t i = 0, end; i < r->samples_n; i = end) {
        end = i + 1;
        while (end < r->samples_n && strcmp(r->samples[end].digest, r->samples[i].digest) == 0)
            end++;
        ESPY_TRY(erase_media_one(cx, r, i, end - i));
    }
    return ESPY_E_OK;
}

/* -- counting what is left --------------------------------------------------------------------- */
static espy_err erase_left(espy_ctx *cx, erase_run *r, int64_t *left)
{
    static const char label[] = "SELECT (SELECT count(*) FROM labels WHERE id = $1)"
                                " + (SELECT count(*) FROM samples WHERE label = $1)"
                                " + (SELECT count(*) FROM version_samples WHERE label = $1)"
                                " + (SELECT count(*) FROM rejections WHERE label = $1)"
                                " + (SELECT count(*) FROM attendance WHERE label = $1)";
    static const char sample[] = "SELECT (SELECT count(*) FROM samples WHERE id = $1)"
                                 " + (SELECT count(*) FROM embeddings WHERE sample = $1)"
                                 " + (SELECT count(*) FROM scan_samples WHERE sample = $1)"
                                 " + (SELECT count(*) FROM version_samples WHERE sample = $1)"
                                 " + (SELECT count(*) FROM media WHERE digest = $2)";
    int64_t n = 0;
    for (size_t i = 0; i < r->words.labels_n; i++) {
        ESPY_TRY(espy_db_number(cx, r->st, label, DB_ARGS(DB_INT(r->words.labels[i])), &n));
        *left += n;
    }
    for (size_t i = 0; i < r->samples_n; i++) {
        ESPY_TRY(espy_db_number(cx, r->st, sample,
                                DB_ARGS(DB_INT(r->samples[i].id), DB_TEXT(r->samples[i].digest)),
                                &n));
        *left += n;
    }
    ESPY_TRY(erase_texts(cx, r, left));
    return erase_versions_naming(cx, r, left);
}

static espy_err erase_receipt(espy_ctx *cx, const erase_run *r, int64_t left, espy_json **out)
{
    char when[32];
    espy_json *v = espy_json_object(), *list = NULL;
    espy_err e = ESPY_E_OK;
    espy_time_iso(espy_time_now(), when);
    ESPY_GO(espy_json_set(cx, v, "token", espy_json_of_string(r->words.token)));
    ESPY_GO(espy_json_set(cx, v, "time", espy_json_of_string(when)));
    ESPY_GO(espy_json_set(cx, v, "samples", espy_json_of_int((int64_t)r->samples_n)));
    ESPY_GO(espy_json_set(cx, v, "media_removed", espy_json_of_int(r->removed)));
    ESPY_GO(espy_json_set(cx, v, "media_blanked", espy_json_of_int(r->blanked)));
    ESPY_GO(espy_json_set(cx, v, "versions_removed", espy_json_of_int((int64_t)r->versions_n)));
    ESPY_GO(espy_json_set(cx, v, "texts_changed", espy_json_of_int(r->texts)));
    ESPY_GO(espy_json_set(cx, v, "leftovers", espy_json_of_int(left)));
    list = espy_json_array();
    for (size_t i = 0; i < r->elsewhere_n; i += 2) {
        espy_json *pair = espy_json_array();
        ESPY_GO(espy_json_append(cx, list, pair));
        ESPY_GO(espy_json_append(cx, pair, espy_json_of_int(r->elsewhere[i])));
        ESPY_GO(espy_json_append(cx, pair, espy_json_of_int(r->elsewhere[i + 1])));
    }
    ESPY_GO(espy_json_set(cx, v, "elsewhere", espy_json_ref(list)));
    espy_json_free(list);
    *out = v;
    return ESPY_E_OK;
out:
    espy_json_free(list);
    espy_json_free(v);
    return e;
}

/* Keeps the receipt with the erasure, which ends with it, and in an event. */
static espy_err erase_close(espy_ctx *cx, erase_run *r, espy_json *receipt)
{
    static const char done[] = "UPDATE erasures SET receipt = $1, done = $2 WHERE id = $3";
    espy_buf text;
    espy_buf_init(&text, ERASE_TEXT_MAX);
    espy_err e = espy_json_print(cx, receipt, 0, &text);
    if (e == ESPY_E_OK)
        e = espy_db_exec(cx, r->st, done,
                         DB_ARGS(DB_TEXT((const char *)text.data), DB_REAL(espy_time_now()),
                                 DB_INT(r->erasure)));
    espy_buf_free(cx, &text);
    if (e == ESPY_E_OK)
        e = espy_store_event_add(cx, r->st, r->collection, "user", "label.erase", r->label, 0, 0,
                                 espy_json_ref(receipt));
    return e;
}

/* -- the whole --------------------------------------------------------------------------------- */
/* The token says nothing of whom it stands for. */
static espy_err erase_open(espy_ctx *cx, erase_run *r)
{
    static const char insert[] = "INSERT INTO erasures (collection, token, created)"
                                 " VALUES ($1, $2, $3) RETURNING id";
    char text[96], digest[ESPY_DIGEST_HEX];
    double now = espy_time_now();
    int n = snprintf(text, sizeof text, "%lld %lld %.9f", (long long)r->collection,
                     (long long)r->label, now);
    espy_digest(text, (size_t)n, digest);
    snprintf(r->words.token, sizeof r->words.token, "erased-%.12s", digest);
    return espy_db_number(cx, r->st, insert,
                          DB_ARGS(DB_INT(r->collection), DB_TEXT(r->words.token), DB_REAL(now)),
                          &r->erasure);
}

static espy_err erase_all(espy_ctx *cx, erase_run *r, espy_json **receipt)
{
    static const char label[] = "DELETE FROM labels WHERE id = $1";
    static const char answers[] =
        "DELETE FROM idempotency"; /* they tell names, and soon go anyway */
    int64_t left = 0;
    ESPY_TRY(erase_labels(cx, r));
    ESPY_TRY(erase_names(cx, r));
    ESPY_TRY(erase_others(cx, r));
    ESPY_TRY(erase_samples(cx, r));
    ESPY_TRY(erase_open(cx, r));
    ESPY_TRY(erase_versions(cx, r));
    ESPY_TRY(erase_media(cx, r));
    for (size_t i = 0; i < r->words.labels_n; i++)
        ESPY_TRY(espy_db_exec(cx, r->st, label, DB_ARGS(DB_INT(r->words.labels[i]))));
    ESPY_TRY(espy_db_exec(cx, r->st, answers, NULL, 0));
    ESPY_TRY(erase_texts(cx, r, NULL));
    ESPY_TRY(erase_left(cx, r, &left));
    if (left != 0)
        return espy_fail(cx, ESPY_E_INTERNAL, "%lld traces would be left; nothing was erased",
                         (long long)left);
    ESPY_TRY(erase_receipt(cx, r, left, receipt));
    return erase_close(cx, r, *receipt);
}

/* What is done once the erasure is committed.  A failure leaves bytes behind that nothing names; it
 * is told, and opening the store or ending its other readers mends it. */
static void erase_files(espy_ctx *cx, erase_run *r)
{
    espy_store *st = r->st;
    for (int step = 0; step < 3; step++) {
        espy_ctx sub = espy_ctx_child(cx);
        espy_err e = step == 0   ? espy_media_sweep(&sub, st)
                     : step == 1 ? erase_caches(&sub, r)
                                 : st->db->ops->scrub(&sub, st->db, st->dir);
        if (e != ESPY_E_OK)
            espy_log(cx, ESPY_LOG_WARN, "erased, but %s", sub.text);
    }
}

espy_err espy_store_erase(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                          espy_blank_fn *blank, void *self, espy_json **receipt)
{
    erase_run r = {
        .st = st, .collection = collection, .label = label, .blank = blank, .self = self};
    espy_json *made = NULL;
    ESPY_TRY(espy_store_begin(cx, st));
    espy_err e = erase_all(cx, &r, &made);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e == ESPY_E_OK) {
        erase_files(cx, &r);
        *receipt = made;
    } else {
        espy_store_rollback(cx, st);
        espy_json_free(made);
    }
    erase_run_free(cx, &r);
    return e;
}
