/* SPDX-License-Identifier: Apache-2.0
 * store - erasing a label, and media that were kept long enough. */
#include "store/erase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_internal.h"

#define ERASE_OVERLAP 0.5 /* intersection over union from which two boxes are one face */
#define ERASE_SHORT 3     /* shorter names are looked for as whole texts only */
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
    char token[24];
    char **names; /* all that the label was ever called */
    size_t names_n, names_room;
    erase_sample *samples; /* by digest, then id */
    size_t samples_n, samples_room;
    erase_version *versions;
    size_t versions_n, versions_room;
    int64_t removed, blanked, texts, erasure;
} erase_run;

static void erase_run_free(espy_ctx *cx, erase_run *r)
{
    for (size_t i = 0; i < r->names_n; i++)
        espy_free(cx, r->names[i]);
    espy_free(cx, r->names);
    espy_free(cx, r->samples);
    espy_free(cx, r->versions);
}

/* -- names ------------------------------------------------------------------------------------- */
/* A label called like an actor or an origin is not looked for: those words stand everywhere. */
static espy_err erase_name(espy_ctx *cx, erase_run *r, const char *name)
{
    static const char *const words[] = {"folder", "user", "job", "cluster"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return ESPY_E_OK;
    for (size_t i = 0; i < r->names_n; i++)
        if (strcmp(r->names[i], name) == 0)
            return ESPY_E_OK;
    ESPY_TRY(espy_store_grow(cx, (void **)&r->names, r->names_n, &r->names_room, sizeof *r->names));
    r->names[r->names_n] = espy_strdup(cx, name);
    return r->names[r->names_n++] == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
}

/* The names that one event tells of the label: changes list [label, code, name, ...]. */
static espy_err erase_names_of(espy_ctx *cx, erase_run *r, const char *detail, bool own)
{
    espy_json *v = NULL;
    ESPY_TRY(espy_json_parse(cx, detail, strlen(detail), &v));
    const espy_json *labels = espy_json_get(v, "labels");
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < espy_json_count(labels) && e == ESPY_E_OK; i++) {
        const espy_json *row = espy_json_at(labels, i);
        if (espy_json_int(espy_json_at(row, 0), 0) != r->label || espy_json_count(row) < 3)
            continue;
        e = erase_name(cx, r, espy_json_string(espy_json_at(row, 1), ""));
        if (e == ESPY_E_OK)
            e = erase_name(cx, r, espy_json_string(espy_json_at(row, 2), ""));
    }
    static const char *const keys[] = {"from", "to"}; /* a rename of schema 2 */
    for (size_t k = 0; own && k < 2 && e == ESPY_E_OK; k++)
        if (espy_json_is_string(espy_json_get(v, keys[k])))
            e = erase_name(cx, r, espy_json_string(espy_json_get(v, keys[k]), ""));
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
    ESPY_TRY(espy_store_label_get(cx, r->st, r->collection, r->label, &l));
    ESPY_GO(erase_name(cx, r, l.code));
    ESPY_GO(erase_name(cx, r, l.name));
    ESPY_GO(ops->query(cx, r->st->db, sql, DB_ARGS(DB_INT(r->collection)), &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_db_text(cx, r->st, rows, 0, &detail));
        ESPY_GO(espy_db_text(cx, r->st, rows, 1, &action));
        ESPY_GO(erase_names_of(cx, r, detail,
                               strcmp(action, "label.rename") == 0 &&
                                   ops->integer(rows, 2) == r->label));
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
static bool erase_word_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (unsigned char)c >= 0x80;
}

/* Length of the name that stands at `at` as a word of its own, the longest one; 0: none does. */
static size_t erase_match(const erase_run *r, const char *text, const char *at)
{
    size_t best = 0;
    if (at > text && erase_word_byte(at[-1]))
        return 0;
    for (size_t i = 0; i < r->names_n; i++) {
        size_t n = strlen(r->names[i]);
        if (n <= best || strncmp(at, r->names[i], n) != 0 || erase_word_byte(at[n]))
            continue;
        bool whole = (at == text || at[-1] == '"') && (at[n] == '\0' || at[n] == '"');
        if (n >= ERASE_SHORT || whole)
            best = n;
    }
    return best;
}

static bool erase_mentions(const erase_run *r, const char *text)
{
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        if (erase_match(r, text, p) > 0)
            return true;
    return false;
}

/* The text with the token for every name; caller owns. */
static espy_err erase_text(espy_ctx *cx, const erase_run *r, const char *text, char **out)
{
    espy_buf b;
    espy_buf_init(&b, ERASE_TEXT_MAX);
    espy_err e = ESPY_E_OK;
    for (const char *p = text; *p != '\0' && e == ESPY_E_OK;) {
        size_t n = erase_match(r, text, p);
        e = n > 0 ? espy_buf_text(cx, &b, r->token) : espy_buf_append(cx, &b, p, 1);
        p += n > 0 ? n : 1;
    }
    if (e == ESPY_E_OK) {
        *out = espy_strndup(cx, b.size > 0 ? (const char *)b.data : "", b.size);
        e = *out == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    }
    espy_buf_free(cx, &b);
    return e;
}

static espy_err erase_json(espy_ctx *cx, const erase_run *r, const espy_json *v, espy_json **out);

static espy_err erase_json_array(espy_ctx *cx, const erase_run *r, const espy_json *v,
                                 espy_json *to)
{
    for (size_t i = 0; i < espy_json_count(v); i++) {
        espy_json *item = NULL;
        ESPY_TRY(erase_json(cx, r, espy_json_at(v, i), &item));
        ESPY_TRY(espy_json_append(cx, to, item));
    }
    return ESPY_E_OK;
}

static espy_err erase_json_object(espy_ctx *cx, const erase_run *r, const espy_json *v,
                                  espy_json *to)
{
    void *it = NULL;
    const char *key;
    const espy_json *value;
    while (espy_json_next(v, &it, &key, &value)) {
        espy_json *item = NULL;
        ESPY_TRY(erase_json(cx, r, value, &item));
        ESPY_TRY(espy_json_set(cx, to, key, item));
    }
    return ESPY_E_OK;
}

/* A copy of a value with the token for every name in its strings; keys are vocabulary. */
static espy_err erase_json(espy_ctx *cx, const erase_run *r, const espy_json *v, espy_json **out)
{
    char *text = NULL;
    espy_err e = ESPY_E_OK;
    if (espy_json_is_string(v)) {
        ESPY_TRY(erase_text(cx, r, espy_json_string(v, ""), &text));
        *out = espy_json_of_string(text);
        espy_free(cx, text);
    } else if (espy_json_is_array(v)) {
        *out = espy_json_array();
        e = erase_json_array(cx, r, v, *out);
    } else if (espy_json_is_object(v)) {
        *out = espy_json_object();
        e = erase_json_object(cx, r, v, *out);
    } else {
        *out = espy_json_ref((espy_json *)(uintptr_t)v);
    }
    if (e == ESPY_E_OK && *out == NULL)
        e = espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (e != ESPY_E_OK) {
        espy_json_free(*out);
        *out = NULL;
    }
    return e;
}

/* Whether a string of the value names the label; keys: or a key of an object does. */
static bool erase_json_mentions(const erase_run *r, const espy_json *v, bool keys)
{
    void *it = NULL;
    const char *key;
    const espy_json *value;
    if (espy_json_is_string(v))
        return erase_mentions(r, espy_json_string(v, ""));
    for (size_t i = 0; espy_json_is_array(v) && i < espy_json_count(v); i++)
        if (erase_json_mentions(r, espy_json_at(v, i), keys))
            return true;
    while (espy_json_is_object(v) && espy_json_next(v, &it, &key, &value))
        if ((keys && erase_mentions(r, key)) || erase_json_mentions(r, value, keys))
            return true;
    return false;
}

/* Looks at one text, which is JSON or not; *to: what it becomes, NULL when it names nobody. */
static espy_err erase_one(espy_ctx *cx, const erase_run *r, const char *text, bool json, char **to)
{
    espy_json *v = NULL, *changed = NULL;
    espy_buf out;
    espy_err e = ESPY_E_OK;
    *to = NULL;
    if (!erase_mentions(r, text)) /* the quick look: also at keys */
        return ESPY_E_OK;
    if (!json)
        return erase_text(cx, r, text, to);
    espy_buf_init(&out, ERASE_TEXT_MAX);
    ESPY_GO(espy_json_parse(cx, text, strlen(text), &v));
    if (!erase_json_mentions(r, v, false))
        goto out;
    ESPY_GO(erase_json(cx, r, v, &changed));
    ESPY_GO(espy_json_print(cx, changed, 0, &out));
    *to = espy_strndup(cx, (const char *)out.data, out.size);
    e = *to == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
out:
    espy_buf_free(cx, &out);
    espy_json_free(v);
    espy_json_free(changed);
    return e;
}

/* A column in which names may stand.  next: the row with the lowest id above $2, of collection $1;
 * update: $1 the text, $2 the id. */
typedef struct erase_column {
    const char *next, *update;
    bool json;
} erase_column;

#define ERASE_COLUMN(table, column, of, json)                                            \
    {                                                                                    \
        "SELECT id, " column " FROM " table " WHERE " of " = $1 AND id > $2 AND " column \
        " IS NOT NULL ORDER BY id LIMIT 1",                                              \
            "UPDATE " table " SET " column " = $1 WHERE id = $2", json                   \
    }
#define ERASE_OF_SESSION "(SELECT collection FROM sessions x WHERE x.id = session)"

static const erase_column erase_columns[] = {
    ERASE_COLUMN("events", "actor", "collection", false),
    ERASE_COLUMN("events", "detail", "collection", true),
    ERASE_COLUMN("media", "source", "collection", false),
    ERASE_COLUMN("media", "recording", "collection", false),
    ERASE_COLUMN("sessions", "notes", "collection", false),
    ERASE_COLUMN("jobs", "request", "collection", true),
    ERASE_COLUMN("jobs", "result", "collection", true),
    ERASE_COLUMN("jobs", "error", "collection", false),
    ERASE_COLUMN("jobs", "log", "collection", false),
    ERASE_COLUMN("attendance", "note", ERASE_OF_SESSION, false),
};
#define ERASE_COLUMNS (sizeof erase_columns / sizeof erase_columns[0])

/* The next row of a column; *id 0 at the end. */
static espy_err erase_next(espy_ctx *cx, const erase_run *r, const erase_column *c, int64_t *id,
                           char **text)
{
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(
        ops->query(cx, r->st->db, c->next, DB_ARGS(DB_INT(r->collection), DB_INT(*id)), &rows));
    espy_err e = ops->next(cx, rows, &more);
    *id = e == ESPY_E_OK && more ? ops->integer(rows, 0) : 0;
    if (*id != 0)
        e = espy_db_text(cx, r->st, rows, 1, text);
    ops->done(rows);
    return e;
}

/* Puts the token into every text of a column, or with `left` only counts those that name the label.
 */
static espy_err erase_column_texts(espy_ctx *cx, erase_run *r, const erase_column *c, int64_t *left)
{
    for (int64_t id = 0;;) {
        char *text = NULL, *to = NULL;
        ESPY_TRY(erase_next(cx, r, c, &id, &text));
        if (id == 0)
            return ESPY_E_OK;
        espy_err e = erase_one(cx, r, text, c->json, &to);
        if (e == ESPY_E_OK && to != NULL && left != NULL)
            ++*left;
        if (e == ESPY_E_OK && to != NULL && left == NULL) {
            e = espy_db_exec(cx, r->st, c->update, DB_ARGS(DB_TEXT(to), DB_INT(id)));
            r->texts++;
        }
        espy_free(cx, text);
        espy_free(cx, to);
        ESPY_TRY(e);
    }
}

static espy_err erase_texts(espy_ctx *cx, erase_run *r, int64_t *left)
{
    for (size_t c = 0; c < ERASE_COLUMNS; c++)
        ESPY_TRY(erase_column_texts(cx, r, &erase_columns[c], left));
    return ESPY_E_OK;
}

/* -- samples ----------------------------------------------------------------------------------- */
static bool erase_has(const erase_run *r, int64_t sample)
{
    for (size_t i = 0; i < r->samples_n; i++)
        if (r->samples[i].id == sample)
            return true;
    return false;
}

/* Adds the samples of a query of (id, box_x, box_y, box_w, box_h, digest); with `near` only those
 * that lie where it does. */
static espy_err erase_add(espy_ctx *cx, erase_run *r, const char *sql, const espy_db_value *args,
                          size_t n, const float near[4])
{
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql, args, n, &rows));
    for (;;) {
        erase_sample s = {0};
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        s.id = ops->integer(rows, 0);
        for (int k = 0; k < 4; k++)
            s.box[k] = (float)ops->real(rows, 1 + k);
        ESPY_GO(espy_db_digest(cx, r->st, rows, 5, s.digest));
        if (erase_has(r, s.id) || (near != NULL && espy_box_overlap(near, s.box) < ERASE_OVERLAP))
            continue;
        ESPY_GO(espy_store_grow(cx, (void **)&r->samples, r->samples_n, &r->samples_room,
                                sizeof *r->samples));
        r->samples[r->samples_n++] = s;
    }
out:
    ops->done(rows);
    return e;
}

#define ERASE_SAMPLE                                                           \
    "SELECT s.id, s.box_x, s.box_y, s.box_w, s.box_h, m.digest FROM samples s" \
    " JOIN media m ON m.id = s.media"

/* What a deleted label had: its deletion says so. */
static espy_err erase_add_deleted(espy_ctx *cx, erase_run *r)
{
    static const char find[] = "SELECT detail FROM events WHERE collection = $1 AND label = $2"
                               " AND action = 'label.delete' ORDER BY id DESC LIMIT 1";
    static const char sql[] = ERASE_SAMPLE " WHERE s.id = $1 AND s.label IS NULL";
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
        ESPY_GO(erase_add(cx, r, sql, DB_ARGS(DB_INT(id)), NULL));
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

/* The samples of the label, and those at the same place of the same media: other detectors', other
 * collections'. */
static espy_err erase_samples(espy_ctx *cx, erase_run *r)
{
    static const char own[] = ERASE_SAMPLE " WHERE s.label = $1";
    static const char same[] = ERASE_SAMPLE " WHERE m.digest = $1";
    espy_label l = {0};
    ESPY_TRY(erase_add(cx, r, own, DB_ARGS(DB_INT(r->label)), NULL));
    ESPY_TRY(espy_store_label_get(cx, r->st, r->collection, r->label, &l));
    bool deleted = l.deleted;
    espy_label_free(cx, &l);
    if (deleted)
        ESPY_TRY(erase_add_deleted(cx, r));
    size_t n = r->samples_n;
    for (size_t i = 0; i < n; i++) {
        const erase_sample s = r->samples[i];
        ESPY_TRY(erase_add(cx, r, same, DB_ARGS(DB_TEXT(s.digest)), s.box));
    }
    if (r->samples_n > 0)
        qsort(r->samples, r->samples_n, sizeof *r->samples, erase_sample_order);
    return ESPY_E_OK;
}

/* -- versions ---------------------------------------------------------------------------------- */
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
        const erase_version v = {ops->integer(rows, 0), ops->integer(rows, 1),
                                 ops->integer(rows, 2)};
        bool known = false;
        for (size_t i = 0; i < r->versions_n; i++)
            known = known || r->versions[i].id == v.id;
        if (known)
            continue;
        ESPY_GO(espy_store_grow(cx, (void **)&r->versions, r->versions_n, &r->versions_room,
                                sizeof *r->versions));
        r->versions[r->versions_n++] = v;
    }
out:
    ops->done(rows);
    return e;
}

/* Whether the parts of a version.json that may name labels name this one. */
static espy_err erase_version_names(espy_ctx *cx, const erase_run *r, const char *text, bool *named)
{
    static const char *const parts[] = {"classes", "sample_counts", "file_counts", "gate",
                                        "reason"};
    espy_json *v = NULL;
    *named = false;
    if (!erase_mentions(r, text))
        return ESPY_E_OK;
    ESPY_TRY(espy_json_parse(cx, text, strlen(text), &v));
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && !*named; i++)
        *named = erase_json_mentions(r, espy_json_get(v, parts[i]), i == 1 || i == 2);
    espy_json_free(v);
    return ESPY_E_OK;
}

/* Versions of the collection whose version.json names the label, though none of its samples was
 * learned from: what a gate compared with. */
static espy_err erase_versions_naming(espy_ctx *cx, erase_run *r, int64_t *left)
{
    static const erase_column json = {"SELECT id, json FROM versions WHERE collection = $1"
                                      " AND id > $2 ORDER BY id LIMIT 1",
                                      NULL, true};
    static const char one[] = "SELECT id, collection, number FROM versions WHERE id = $1";
    for (int64_t id = 0;;) {
        char *text = NULL;
        ESPY_TRY(erase_next(cx, r, &json, &id, &text));
        if (id == 0)
            return ESPY_E_OK;
        bool named = false;
        espy_err e = erase_version_names(cx, r, text, &named);
        espy_free(cx, text);
        ESPY_TRY(e);
        if (named && left != NULL)
            ++*left;
        else if (named)
            ESPY_TRY(erase_version_add(cx, r, one, DB_ARGS(DB_INT(id))));
    }
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
    ESPY_TRY(erase_version_add(cx, r, by_label, DB_ARGS(DB_INT(r->label))));
    for (size_t i = 0; i < r->samples_n; i++)
        ESPY_TRY(erase_version_add(cx, r, by_sample, DB_ARGS(DB_INT(r->samples[i].id))));
    ESPY_TRY(erase_versions_naming(cx, r, NULL));
    for (size_t i = 0; i < r->versions_n; i++) {
        const erase_version *v = &r->versions[i];
        ESPY_TRY(
            espy_db_exec(cx, r->st, aliases, DB_ARGS(DB_INT(v->collection), DB_INT(v->number))));
        ESPY_TRY(espy_db_exec(cx, r->st, lineage, DB_ARGS(DB_INT(v->id))));
        ESPY_TRY(espy_db_exec(cx, r->st, versions, DB_ARGS(DB_INT(v->id))));
        /* the files are a cache: should the transaction fail, they are made again */
        ESPY_TRY(espy_version_cache_remove(cx, r->st, v->collection, v->number));
    }
    return ESPY_E_OK;
}

/* -- media ------------------------------------------------------------------------------------- */
/* Blanks the samples first .. first + n - 1, which are in one media, and files the result under its
 * new digest in place of the old one. */
static espy_err erase_blank(espy_ctx *cx, erase_run *r, size_t first, size_t n)
{
    static const char update[] = "UPDATE media SET digest = $1, bytes = $2 WHERE digest = $3";
    const char *old = r->samples[first].digest;
    char digest[ESPY_DIGEST_HEX];
    espy_buf before = {0}, after = {0};
    float(*boxes)[4] = espy_array(cx, n, sizeof *boxes);
    espy_err e = boxes == NULL ? cx->code : ESPY_E_OK;
    for (size_t i = 0; e == ESPY_E_OK && i < n; i++)
        memcpy(boxes[i], r->samples[first + i].box, sizeof boxes[i]);
    if (e == ESPY_E_OK)
        e = espy_store_media_bytes(cx, r->st, old, cx->max.file_bytes, &before);
    if (e == ESPY_E_OK)
        e = r->blank(cx, r->self, espy_span_of(&before), (const float(*)[4])boxes, n, &after);
    if (e == ESPY_E_OK) {
        espy_digest(after.data, after.size, digest);
        e = espy_media_put(cx, r->st, espy_span_of(&after), digest);
    }
    if (e == ESPY_E_OK)
        e = espy_db_exec(cx, r->st, update,
                         DB_ARGS(DB_TEXT(digest), DB_INT((int64_t)after.size), DB_TEXT(old)));
    espy_free(cx, boxes);
    espy_buf_free(cx, &before);
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
    if ((uint64_t)shown > n) {
        ESPY_TRY(erase_blank(cx, r, first, n));
        r->blanked++;
    } else {
        r->removed++;
    }
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
    ESPY_TRY(espy_db_number(cx, r->st, label, DB_ARGS(DB_INT(r->label)), left));
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
    espy_json *v = espy_json_object();
    espy_err e = ESPY_E_OK;
    espy_time_iso(espy_time_now(), when);
    ESPY_GO(espy_json_set(cx, v, "token", espy_json_of_string(r->token)));
    ESPY_GO(espy_json_set(cx, v, "time", espy_json_of_string(when)));
    ESPY_GO(espy_json_set(cx, v, "samples", espy_json_of_int((int64_t)r->samples_n)));
    ESPY_GO(espy_json_set(cx, v, "media_removed", espy_json_of_int(r->removed)));
    ESPY_GO(espy_json_set(cx, v, "media_blanked", espy_json_of_int(r->blanked)));
    ESPY_GO(espy_json_set(cx, v, "versions_removed", espy_json_of_int((int64_t)r->versions_n)));
    ESPY_GO(espy_json_set(cx, v, "texts_changed", espy_json_of_int(r->texts)));
    ESPY_GO(espy_json_set(cx, v, "leftovers", espy_json_of_int(left)));
    *out = v;
    return ESPY_E_OK;
out:
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
    snprintf(r->token, sizeof r->token, "erased-%.12s", digest);
    return espy_db_number(cx, r->st, insert,
                          DB_ARGS(DB_INT(r->collection), DB_TEXT(r->token), DB_REAL(now)),
                          &r->erasure);
}

static espy_err erase_all(espy_ctx *cx, erase_run *r, espy_json **receipt)
{
    static const char label[] = "DELETE FROM labels WHERE id = $1";
    int64_t left = 0;
    ESPY_TRY(erase_names(cx, r));
    ESPY_TRY(erase_samples(cx, r));
    ESPY_TRY(erase_open(cx, r));
    ESPY_TRY(erase_versions(cx, r));
    ESPY_TRY(erase_media(cx, r));
    ESPY_TRY(espy_db_exec(cx, r->st, label, DB_ARGS(DB_INT(r->label))));
    ESPY_TRY(erase_texts(cx, r, NULL));
    ESPY_TRY(erase_left(cx, r, &left));
    if (left != 0)
        return espy_fail(cx, ESPY_E_INTERNAL, "%lld traces would be left; nothing was erased",
                         (long long)left);
    ESPY_TRY(erase_receipt(cx, r, left, receipt));
    return erase_close(cx, r, *receipt);
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
    if (e != ESPY_E_OK)
        espy_store_rollback(cx, st);
    erase_run_free(cx, &r);
    if (e == ESPY_E_OK)
        e = espy_media_sweep(cx, st);
    if (e == ESPY_E_OK)
        e = st->db->ops->scrub(cx, st->db, st->dir);
    if (e == ESPY_E_OK)
        *receipt = made;
    else
        espy_json_free(made);
    return e;
}

/* -- retention --------------------------------------------------------------------------------- */
/* A group whose samples go. */
typedef struct expire_group {
    int64_t collection, label;
} expire_group;

typedef struct expire_run {
    espy_store *st;
    double probes, unknowns;
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
        " AND ((m.probe = 1 AND m.created < $2) OR m.created < $3)"
        " AND NOT EXISTS (SELECT 1 FROM samples s LEFT JOIN labels l ON l.id = s.label"
        "  WHERE s.media = m.id AND s.labelled_by IS NOT NULL"
        "  AND (s.labelled_by <> 'job' OR l.origin = 'user'))"
        " AND NOT EXISTS (SELECT 1 FROM samples s JOIN version_samples x ON x.sample = s.id"
        "  WHERE s.media = m.id) ORDER BY m.id LIMIT 1";
    const espy_db_ops *ops = r->st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(ops->query(cx, r->st->db, sql,
                        DB_ARGS(DB_INT(*id), DB_REAL(r->probes), DB_REAL(r->unknowns)), &rows));
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

espy_err espy_store_expire(espy_ctx *cx, espy_store *st, double probes, double unknowns,
                           size_t *removed)
{
    expire_run r = {.st = st, .probes = probes, .unknowns = unknowns};
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
