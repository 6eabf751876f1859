/* SPDX-License-Identifier: Apache-2.0
 * store - the logical content of a store, in parts: written, read, copied (docs/formats/backup.md).
 *
 * A row is one line of JSON: its columns in the table's order; bytes as base64 (RFC 4648).  Numbers
 * are written so that they read back as they were (17 digits). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/store_dump.h"

#define DUMP_PART ((size_t)1 << 20)     /* a part ends with the row that passes this size */
#define DUMP_PART_MAX ((size_t)3 << 30) /* for the largest head in base64 */
#define DUMP_COLUMNS 20

/* Each table's columns and their kinds: I its own id, i integer, r real, t text, b bytes. */
#define P1 "$1"
#define P2 P1 ", $2"
#define P3 P2 ", $3"
#define P4 P3 ", $4"
#define P5 P4 ", $5"
#define P6 P5 ", $6"
#define P7 P6 ", $7"
#define P8 P7 ", $8"
#define P9 P8 ", $9"
#define P10 P9 ", $10"
#define P11 P10 ", $11"
#define P12 P11 ", $12"
#define P13 P12 ", $13"
#define P14 P13 ", $14"
#define P15 P14 ", $15"
#define P16 P15 ", $16"
#define P17 P16 ", $17"
#define P18 P17 ", $18"
#define P19 P18 ", $19"
#define TABLE(name, order, columns, kinds, params)                                \
    {                                                                             \
        name, columns, kinds, "SELECT " columns " FROM " name " ORDER BY " order, \
            "INSERT INTO " name " (" columns ") VALUES (" params ")"              \
    }

/* In an order in which every row finds what it refers to.  Not here: unlinks, which is about files
 * of this store alone, and media_bytes, whose content are the media. */
const espy_dump_table espy_dump_tables[] = {
    TABLE("users", "id", "id, name, full_name, email, password, role, enabled, created, detail",
          "Itttttirt", P9),
    TABLE("collections", "id",
          "id, name, modality, encoder, encoder_digest, precision, last_version, created, owner,"
          " description, active, deleted",
          "Itttttiritir", P12),
    TABLE("keys", "id", "id, owner, name, digest, created, used, expires, scopes, collection",
          "Iittrrrii", P9),
    TABLE("labels", "id",
          "id, collection, code, name, created, origin, email, deleted, named,"
          " account, detail",
          "Iittrttriit", P11),
    TABLE("label_codes", "collection, code", "collection, code, label", "iti", P3),
    TABLE("sessions", "id",
          "id, collection, name, date, start_time, end_time, notes, created,"
          " owner, state, opened, closed, detail, deleted",
          "Iitttttritrrtr", P14),
    TABLE("media", "id",
          "id, collection, digest, bytes, source, created, recording, session, probe, deleted",
          "Iititrtiir", P10),
    TABLE("scans", "id",
          "id, media, mode, encoder_digest, detector_digest, width, height, error, created",
          "Iitttiitr", P9),
    TABLE("samples", "id",
          "id, media, detector_digest, box_x, box_y, box_w, box_h, points, whole, score, sharpness,"
          " label, labelled_by, created, confidence, deleted",
          "Iitrrrrbirritrrr", P16),
    TABLE("scan_samples", "scan, position", "scan, position, sample", "iii", P3),
    TABLE("embeddings", "sample, encoder_digest", "sample, encoder_digest, vector", "itb", P3),
    TABLE("versions", "id", "id, collection, number, head, digest, created, json, bytes",
          "Iiittrtb", P8),
    TABLE("version_samples", "version, label, sample", "version, label, sample", "iii", P3),
    TABLE("aliases", "collection, alias", "collection, alias, number", "iti", P3),
    TABLE("events", "id", "id, time, collection, actor, action, label, sample, version, detail",
          "Irittiiit", P9),
    TABLE("rejections", "sample, label", "sample, label, created", "iir", P3),
    TABLE("attendance", "id",
          "id, session, label, day, present, source, sample, marked_by, confidence, note, time",
          "Iiititiirtr", P11),
    TABLE("jobs", "id",
          "id, collection, kind, state, request, result, error, log, progress, stop, worker, lease,"
          " attempt, created, started, finished, not_before, exclusive, released",
          "Iittttttritrirrrrti", P19),
    TABLE("erasures", "id", "id, collection, token, receipt, created, done", "Iittrr", P6),
    TABLE("settings", "name", "name, value", "tt", P2),
    TABLE("idempotency", "owner, key", "owner, key, route, request, status, body, created",
          "itttitr", P7),
    TABLE("webhooks", "id", "id, owner, collection, url, events, secret, enabled, created",
          "Iiitttir", P8),
};
const size_t espy_dump_tables_n = sizeof espy_dump_tables / sizeof espy_dump_tables[0];

/* -- rows as text ------------------------------------------------------------------------------ */
static espy_err dump_real(espy_ctx *cx, double v, espy_buf *out)
{
    char text[40];
    if (!isfinite(v))
        return espy_buf_text(cx, out, "null");
    snprintf(text, sizeof text, "%.17g", v);
    return espy_buf_printf(cx, out, "%s%s", text, strpbrk(text, ".e") == NULL ? ".0" : "");
}

static espy_err dump_text(espy_ctx *cx, espy_span s, espy_buf *out)
{
    char *mended = NULL;
    const uint8_t *p = s.data;
    espy_err e = ESPY_E_OK;
    if (!espy_utf8_valid((const char *)p, s.size)) { /* a file's name, in an SQLite store */
        mended = espy_strndup(cx, (const char *)p, s.size);
        if (mended == NULL)
            return ESPY_E_NOMEM;
        espy_utf8_mend(mended, s.size);
        p = (const uint8_t *)mended;
    }
    ESPY_GO(espy_buf_append(cx, out, "\"", 1));
    for (size_t i = 0, from = 0; i <= s.size; i++) {
        bool plain = i < s.size && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\';
        if (plain)
            continue;
        if (i > from)
            ESPY_GO(espy_buf_append(cx, out, p + from, i - from));
        from = i + 1;
        if (i < s.size && p[i] < 0x20)
            ESPY_GO(espy_buf_printf(cx, out, "\\u%04x", (unsigned)p[i]));
        else if (i < s.size)
            ESPY_GO(espy_buf_append(cx, out, p[i] == '"' ? "\\\"" : "\\\\", 2));
    }
    e = espy_buf_append(cx, out, "\"", 1);
out:
    espy_free(cx, mended);
    return e;
}

static const char dump_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static espy_err dump_bytes(espy_ctx *cx, espy_span s, espy_buf *out)
{
    char four[4];
    ESPY_TRY(espy_buf_append(cx, out, "\"", 1));
    for (size_t i = 0; i < s.size; i += 3) {
        size_t n = s.size - i < 3 ? s.size - i : 3;
        uint32_t v = (uint32_t)s.data[i] << 16;
        v |= n > 1 ? (uint32_t)s.data[i + 1] << 8 : 0;
        v |= n > 2 ? (uint32_t)s.data[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= n ? dump_digits[v >> (18 - 6 * k) & 63] : '=';
        ESPY_TRY(espy_buf_append(cx, out, four, 4));
    }
    return espy_buf_append(cx, out, "\"", 1);
}

static espy_err dump_row(espy_ctx *cx, espy_store *st, const espy_dump_table *t, espy_db_rows *rows,
                         espy_buf *out)
{
    const espy_db_ops *ops = st->db->ops;
    for (int i = 0; t->kinds[i] != '\0'; i++) {
        espy_span s = {0};
        ESPY_TRY(espy_buf_text(cx, out, i == 0 ? "[" : ","));
        if (ops->is_null(rows, i)) {
            ESPY_TRY(espy_buf_text(cx, out, "null"));
            continue;
        }
        switch (t->kinds[i]) {
        case 'r':
            ESPY_TRY(dump_real(cx, ops->real(rows, i), out));
            break;
        case 't':
            ESPY_TRY(ops->bytes(cx, rows, i, &s));
            ESPY_TRY(dump_text(cx, s, out));
            break;
        case 'b':
            ESPY_TRY(ops->bytes(cx, rows, i, &s));
            ESPY_TRY(dump_bytes(cx, s, out));
            break;
        default:
            ESPY_TRY(espy_buf_printf(cx, out, "%lld", (long long)ops->integer(rows, i)));
        }
    }
    return espy_buf_text(cx, out, "]\n");
}

/* -- giving ------------------------------------------------------------------------------------ */
static espy_err dump_table(espy_ctx *cx, espy_store *st, size_t at, espy_part_fn *part, void *self)
{
    const espy_dump_table *t = &espy_dump_tables[at];
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    char name[64];
    bool more = true;
    espy_err e = ESPY_E_OK;
    espy_buf lines;
    espy_buf_init(&lines, DUMP_PART_MAX);
    ESPY_TRY(ops->query(cx, st->db, t->select, NULL, 0, &rows));
    for (unsigned number = 1; more;) {
        ESPY_GO(espy_cancelled(cx));
        ESPY_GO(ops->next(cx, rows, &more));
        if (more)
            ESPY_GO(dump_row(cx, st, t, rows, &lines));
        if (lines.size >= DUMP_PART || (!more && lines.size > 0)) {
            snprintf(name, sizeof name, "rows/%02zu-%s/%06u.jsonl", at + 1, t->name, number++);
            ESPY_GO(part(cx, self, name, espy_span_of(&lines)));
            lines.size = 0;
        }
    }
out:
    ops->done(rows);
    espy_buf_free(cx, &lines);
    return e;
}

/* The first part: what the rest is about, and the ids that were given out. */
static espy_err dump_head(espy_ctx *cx, espy_store *st, espy_buf *out)
{
    ESPY_TRY(
        espy_buf_printf(cx, out, "{\"format\": 1, \"schema\": %d,\n \"tables\": [", DB_SCHEMA));
    for (size_t i = 0; i < espy_dump_tables_n; i++) {
        const espy_dump_table *t = &espy_dump_tables[i];
        int64_t last = 0;
        if (t->kinds[0] == 'I')
            ESPY_TRY(st->db->ops->last_id(cx, st->db, t->name, &last));
        ESPY_TRY(espy_buf_printf(
            cx, out,
            "%s\n  {\"table\": \"%s\", \"columns\": \"%s\", \"kinds\": \"%s\", \"last_id\": %lld}",
            i == 0 ? "" : ",", t->name, t->columns, t->kinds, (long long)last));
    }
    return espy_buf_text(cx, out, "]}\n");
}

static espy_err dump_one_media(espy_ctx *cx, espy_store *st, const char *digest, espy_part_fn *part,
                               void *self)
{
    char name[ESPY_DIGEST_HEX + 16];
    espy_ctx sub = espy_ctx_child(cx);
    espy_buf b = {0};
    espy_err e = espy_store_media_bytes(&sub, st, digest, cx->max.file_bytes, &b);
    bool missing = e == ESPY_E_NOT_FOUND || e == ESPY_E_DIGEST;
    if (e != ESPY_E_OK && !missing)
        return espy_ctx_adopt(cx, &sub);
    if (missing)
        espy_log(cx, ESPY_LOG_WARN, "%s", sub.text);
    snprintf(name, sizeof name, "%s/%s", missing ? "missing" : "media", digest);
    e = part(cx, self, name, espy_span_of(&b));
    espy_buf_free(cx, &b);
    return e;
}

static espy_err dump_media(espy_ctx *cx, espy_store *st, const espy_progress *progress,
                           espy_part_fn *part, void *self)
{
    static const char count[] = "SELECT count(DISTINCT digest) FROM media";
    static const char sql[] = "SELECT digest FROM media WHERE digest > $1 ORDER BY digest LIMIT 1";
    const espy_db_ops *ops = st->db->ops;
    char digest[ESPY_DIGEST_HEX] = "";
    int64_t total = 0;
    ESPY_TRY(espy_db_number(cx, st, count, NULL, 0, &total));
    for (size_t done = 0;; done++) {
        char next[ESPY_DIGEST_HEX] = "";
        espy_db_rows *rows = NULL;
        bool more = false;
        espy_progress_step(progress, "media", done, (size_t)total);
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
        ESPY_TRY(dump_one_media(cx, st, digest, part, self));
    }
}

espy_err espy_store_dump(espy_ctx *cx, espy_store *st, const espy_progress *progress,
                         espy_part_fn *part, void *self)
{
    espy_err e = ESPY_E_OK;
    espy_buf head;
    espy_buf_init(&head, DUMP_PART);
    ESPY_TRY(st->db->ops->begin(cx, st->db, false)); /* all of one moment */
    ESPY_GO(dump_head(cx, st, &head));
    ESPY_GO(part(cx, self, DUMP_HEAD, espy_span_of(&head)));
    for (size_t i = 0; i < espy_dump_tables_n; i++)
        ESPY_GO(dump_table(cx, st, i, part, self));
    e = dump_media(cx, st, progress, part, self);
out:
    espy_store_rollback(cx, st);
    espy_buf_free(cx, &head);
    return e;
}

/* -- taking in --------------------------------------------------------------------------------- */
static espy_err load_bad(espy_ctx *cx, const char *name, const char *what)
{
    return espy_fail(cx, ESPY_E_FORMAT, "%s: %s", name, what);
}

/* false: not base64. */
static espy_err load_bytes(espy_ctx *cx, const char *s, espy_buf *out, bool *good)
{
    size_t n = strlen(s), pad = 0;
    *good = n % 4 == 0;
    while (pad < 2 && pad < n && s[n - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; *good && i < n; i += 4) {
        uint32_t v = 0;
        size_t keep = i + 4 < n ? 3 : 3 - pad;
        for (size_t k = 0; k < 4; k++) {
            const char *at = i + k < n - pad ? strchr(dump_digits, s[i + k]) : dump_digits;
            *good = *good && at != NULL;
            v = v << 6 | (at == NULL ? 0 : (uint32_t)(at - dump_digits));
        }
        const uint8_t three[3] = {(uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};
        ESPY_TRY(espy_buf_append(cx, out, three, keep));
    }
    return ESPY_E_OK;
}

/* One value of the kind that its column has. */
static espy_err load_value(espy_ctx *cx, const espy_json *v, char kind, espy_buf *bytes,
                           espy_db_value *out, bool *good)
{
    bool is_text = espy_json_is_string(v);
    *out = DB_NONE;
    *good = true;
    if (espy_json_is_null(v))
        return ESPY_E_OK;
    if (kind == 'r') {
        *good = espy_json_is_number(v);
        *out = DB_REAL(espy_json_number(v, 0));
    } else if (kind == 't') {
        *good = is_text;
        *out = DB_TEXT(espy_json_string(v, ""));
    } else if (kind == 'b') {
        *good = is_text;
        if (is_text)
            ESPY_TRY(load_bytes(cx, espy_json_string(v, ""), bytes, good));
        *out = DB_BLOB(bytes->data, bytes->size);
    } else {
        *good = espy_json_is_int(v) && (kind != 'I' || espy_json_int(v, 0) > 0);
        *out = DB_INT(espy_json_int(v, 0));
    }
    return ESPY_E_OK;
}

static espy_err load_row(espy_ctx *cx, espy_store *st, const espy_dump_table *t, const char *name,
                         espy_span line)
{
    espy_json *row = NULL;
    espy_db_value args[DUMP_COLUMNS];
    espy_buf bytes; /* no table has two columns of bytes */
    size_t n = strlen(t->kinds);
    espy_err e = ESPY_E_OK;
    espy_buf_init(&bytes, DUMP_PART_MAX);
    e = espy_json_parse(cx, line.data, line.size, &row);
    if (e != ESPY_E_OK)
        return e == ESPY_E_NOMEM ? e : espy_fail_in(cx, "%s", name);
    if (!espy_json_is_array(row) || espy_json_count(row) != n)
        ESPY_GO(load_bad(cx, name, "a row has other columns than it should"));
    for (size_t i = 0; i < n; i++) {
        bool good = false;
        ESPY_GO(load_value(cx, espy_json_at(row, i), t->kinds[i], &bytes, &args[i], &good));
        if (!good)
            ESPY_GO(load_bad(cx, name, "a row holds a value of the wrong kind"));
    }
    e = espy_db_exec(cx, st, t->insert, args, n);
    if (e == ESPY_E_STORE)
        e = espy_fail_in(cx, "%s", name);
out:
    espy_buf_free(cx, &bytes);
    espy_json_free(row);
    return e;
}

/* The table of "rows/NN-TABLE/NNNNNN.jsonl", or NULL. */
static const espy_dump_table *load_table(const char *name)
{
    const char *at = strchr(name, '-');
    for (size_t i = 0; at != NULL && i < espy_dump_tables_n; i++) {
        size_t n = strlen(espy_dump_tables[i].name);
        if (strncmp(at + 1, espy_dump_tables[i].name, n) == 0 && at[1 + n] == '/')
            return &espy_dump_tables[i];
    }
    return NULL;
}

static espy_err load_rows(espy_ctx *cx, espy_store *st, const char *name, espy_span bytes)
{
    const espy_dump_table *t = load_table(name);
    if (t == NULL)
        return load_bad(cx, name, "is of a table that this espy does not know; update espy");
    while (bytes.size > 0) {
        const uint8_t *end = memchr(bytes.data, '\n', bytes.size);
        if (end == NULL)
            return load_bad(cx, name, "is cut off");
        size_t n = (size_t)(end - bytes.data);
        ESPY_TRY(load_row(cx, st, t, name, (espy_span){bytes.data, n}));
        bytes.data += n + 1;
        bytes.size -= n + 1;
    }
    return ESPY_E_OK;
}

static espy_err load_head_table(espy_ctx *cx, espy_store *st, const espy_json *described,
                                const espy_dump_table *t)
{
    const espy_json *last = espy_json_get(described, "last_id");
    if (strcmp(espy_json_string(espy_json_get(described, "table"), ""), t->name) != 0 ||
        strcmp(espy_json_string(espy_json_get(described, "columns"), ""), t->columns) != 0 ||
        strcmp(espy_json_string(espy_json_get(described, "kinds"), ""), t->kinds) != 0 ||
        espy_json_int(last, -1) < 0)
        return load_bad(cx, DUMP_HEAD, "describes other tables than this espy has");
    if (t->kinds[0] != 'I')
        return ESPY_E_OK;
    return st->db->ops->set_last_id(cx, st->db, t->name, espy_json_int(last, 0));
}

static espy_err load_head(espy_ctx *cx, espy_store *st, espy_span bytes)
{
    espy_json *head = NULL;
    espy_err e = espy_json_parse(cx, bytes.data, bytes.size, &head);
    if (e != ESPY_E_OK)
        return e == ESPY_E_NOMEM ? e : espy_fail_in(cx, DUMP_HEAD);
    const espy_json *tables = espy_json_get(head, "tables");
    int64_t schema = espy_json_int(espy_json_get(head, "schema"), 0);
    if (espy_json_int(espy_json_get(head, "format"), 0) != 1 || schema != DB_SCHEMA)
        ESPY_GO(espy_fail(cx, ESPY_E_FORMAT,
                          DUMP_HEAD ": is of schema %lld, this espy reads %d; use the espy that "
                                    "wrote it, or one that is newer",
                          (long long)schema, DB_SCHEMA));
    if (espy_json_count(tables) != espy_dump_tables_n)
        ESPY_GO(load_bad(cx, DUMP_HEAD, "describes other tables than this espy has"));
    for (size_t i = 0; i < espy_dump_tables_n; i++)
        ESPY_GO(load_head_table(cx, st, espy_json_at(tables, i), &espy_dump_tables[i]));
out:
    espy_json_free(head);
    return e;
}

espy_err espy_store_load(espy_ctx *cx, espy_store *st, const char *name, espy_span bytes)
{
    ESPY_TRY(espy_cancelled(cx));
    if (strcmp(name, DUMP_HEAD) == 0)
        return load_head(cx, st, bytes);
    if (strncmp(name, "rows/", 5) == 0)
        return load_rows(cx, st, name, bytes);
    if (strncmp(name, "media/", 6) == 0 && espy_digest_valid(name + 6))
        return espy_media_put(cx, st, bytes, name + 6);
    if (strncmp(name, "missing/", 8) == 0 && espy_digest_valid(name + 8) && bytes.size == 0)
        return ESPY_E_OK;
    char shown[128];
    return load_bad(cx, espy_text_shown(name, shown, sizeof shown), "has no place in a store");
}

/* -- copying ----------------------------------------------------------------------------------- */
espy_err espy_dump_note(espy_ctx *cx, espy_dump_list *l, const char *name, espy_span bytes)
{
    char digest[ESPY_DIGEST_HEX];
    espy_digest(bytes.data, bytes.size, digest);
    if (strncmp(name, "media/", 6) == 0)
        l->media++;
    if (strncmp(name, "missing/", 8) == 0)
        l->missing++;
    if (strncmp(name, "rows/", 5) == 0) {
        for (size_t i = 0; i < bytes.size; i++)
            l->rows += bytes.data[i] == '\n';
    }
    return espy_buf_printf(cx, &l->sums, "%s  %s\n", digest, name);
}

void espy_dump_list_init(espy_dump_list *l)
{
    *l = (espy_dump_list){0};
    espy_buf_init(&l->sums, (size_t)2 << 30);
}

void espy_dump_list_copied(const espy_dump_list *l, espy_copied *out)
{
    *out = (espy_copied){.rows = l->rows, .media = l->media, .missing = l->missing};
    espy_digest(l->sums.data, l->sums.size, out->digest);
}

static espy_err dump_note_part(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    return espy_dump_note(cx, self, name, bytes);
}

espy_err espy_dump_empty(espy_ctx *cx, espy_store *st)
{
    static const char sql[] = "SELECT (SELECT count(*) FROM collections)"
                              " + (SELECT count(*) FROM users) + (SELECT count(*) FROM events)"
                              " + (SELECT count(*) FROM jobs) + (SELECT count(*) FROM settings)";
    int64_t n = 0;
    ESPY_TRY(espy_db_number(cx, st, sql, NULL, 0, &n));
    if (n != 0)
        return espy_fail(cx, ESPY_E_EXISTS,
                         "%s: holds something already; choose an empty workspace or database",
                         espy_store_shown(st));
    return ESPY_E_OK;
}

espy_err espy_dump_prove(espy_ctx *cx, espy_store *st, const espy_progress *progress,
                         const espy_dump_list *wanted)
{
    espy_dump_list is;
    espy_dump_list_init(&is);
    espy_err e = espy_store_dump(cx, st, progress, dump_note_part, &is);
    if (e == ESPY_E_OK && (is.sums.size != wanted->sums.size ||
                           memcmp(is.sums.data, wanted->sums.data, is.sums.size) != 0))
        e = espy_fail(cx, ESPY_E_DIGEST,
                      "%s: does not read back as it was written; do not use it, and check its disk",
                      espy_store_shown(st));
    espy_buf_free(cx, &is.sums);
    return e;
}

typedef struct copy_state {
    espy_store *to;
    espy_dump_list list;
} copy_state;

static espy_err copy_part(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    copy_state *c = self;
    ESPY_TRY(espy_dump_note(cx, &c->list, name, bytes));
    return espy_store_load(cx, c->to, name, bytes);
}

espy_err espy_store_copy(espy_ctx *cx, espy_store *from, espy_store *to,
                         const espy_progress *progress, espy_copied *out)
{
    copy_state c = {.to = to};
    espy_err e = ESPY_E_OK;
    espy_dump_list_init(&c.list);
    ESPY_TRY(espy_store_begin(cx, to));
    e = espy_dump_empty(cx, to);
    if (e == ESPY_E_OK)
        e = espy_store_dump(cx, from, progress, copy_part, &c);
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, to);
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, to);
        goto out;
    }
    ESPY_GO(espy_dump_prove(cx, to, progress, &c.list));
    espy_dump_list_copied(&c.list, out);
out:
    espy_buf_free(cx, &c.list.sums);
    return e;
}
