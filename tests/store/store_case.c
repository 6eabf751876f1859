/* SPDX-License-Identifier: Apache-2.0 */
#include "store_case.h"
#include "store/group.h"
#include "store/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_dump.h"
#include "support/support.h"

const char *case_dir(espy_ctx *cx)
{
    static char at[2][256];
    static int turn, count;
    const char *root = getenv("TMPDIR");
    if (root == NULL) /* thousands of small synced writes: in memory where that is possible */
        root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    turn ^= 1;
    snprintf(at[turn], sizeof at[turn], "%s/espy-store-%ld-%d", root, (long)getpid(), count++);
    CASE_OK(cx, espy_dir_remove(cx, at[turn]));
    return at[turn];
}

const char *case_path(const char *dir, const char *name)
{
    static char at[400];
    snprintf(at, sizeof at, "%s/%s", dir, name);
    return at;
}

int64_t case_collection(espy_ctx *cx, espy_store *st, const char *name)
{
    int64_t id = 0;
    CASE_OK(cx, espy_store_collection_create(cx, st, &case_template(name), &id));
    return id;
}

int64_t case_media(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest)
{
    char text[32], hex[ESPY_DIGEST_HEX];
    int64_t id = 0;
    int n = snprintf(text, sizeof text, "media %d", k);
    espy_digest(text, (size_t)n, hex);
    espy_span bytes = {(const uint8_t *)text, (size_t)n};
    CASE_OK(cx, espy_store_media(cx, st, collection, bytes, hex, "folder/photo.jpg", &id));
    if (digest != NULL)
        memcpy(digest, hex, sizeof hex);
    return id;
}

espy_scan case_scan(espy_ctx *cx, size_t n, size_t dim, int seed)
{
    espy_scan s = {.width = 640, .height = 480, .n = n, .dim = dim};
    s.at = espy_array(cx, n, sizeof *s.at);
    s.vectors = espy_floats(cx, n * dim);
    for (size_t i = 0; i < n; i++) {
        s.at[i] = (espy_scan_sample){.box = {100.0f * (float)i, 10, 50, 60.5f},
                                     .score = 0.75f,
                                     .sharpness = 1.5f,
                                     .embedding = s.vectors + i * dim};
        for (size_t k = 0; k < dim; k++)
            s.vectors[i * dim + k] = (float)(seed * 100 + (int)i) + (float)k / 16.0f;
    }
    return s;
}

int64_t case_sample(espy_ctx *cx, espy_store *st, int64_t collection, int k, char *digest)
{
    int64_t media = case_media(cx, st, collection, k, digest);
    espy_scan s = case_scan(cx, 1, 4, k);
    CASE_OK(cx, espy_store_scan_put(cx, st, media, "all", "enc", "det", &s));
    int64_t id = s.at[0].id;
    espy_scan_free(cx, &s);
    return id;
}

int64_t case_version(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                     const int64_t *samples, size_t n)
{
    int64_t number = 0;
    espy_json *json = espy_json_object();
    espy_span bytes = {(const uint8_t *)head, strlen(head)};
    CASE_OK(cx, espy_json_set(cx, json, "note", espy_json_of_string("test")));
    espy_err e =
        espy_store_version_add(cx, st, collection, "svm", json, bytes, samples, n, &number);
    espy_json_free(json);
    if (e != ESPY_E_OK)
        espy_clear(cx);
    return e == ESPY_E_OK ? number : -1;
}

/* -- pictures ---------------------------------------------------------------------------------- */
enum { PICTURE_TABLES = 32 };

typedef struct picture {
    espy_buf text;
    int64_t *ids[PICTURE_TABLES]; /* of each table, ascending */
    size_t n[PICTURE_TABLES];
    int pass; /* 0: ids are gathered, 1: rows are told */
} picture;

/* The table that a column refers to, or -1. */
static int picture_refers(const char *table, const char *column)
{
    static const char *const to[][2] = {{"collection", "collections"},
                                        {"label", "labels"},
                                        {"sample", "samples"},
                                        {"media", "media"},
                                        {"scan", "scans"},
                                        {"version", "versions"},
                                        {"session", "sessions"},
                                        {"owner", "users"},
                                        {"marked_by", "users"},
                                        {"account", "users"},
                                        {"id", ""},
                                        {"from", "labels"}};
    const char *name = NULL;
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        if (strcmp(to[i][0], column) == 0)
            name = to[i][1][0] == '\0' ? table : to[i][1];
    }
    if (name == NULL || (strcmp(table, "events") == 0 && strcmp(column, "version") == 0))
        return -1; /* an event tells a version's number */
    for (size_t i = 0; i < espy_dump_tables_n; i++) {
        if (strcmp(espy_dump_tables[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int64_t picture_rank(const picture *p, int table, int64_t id)
{
    for (size_t i = 0; i < p->n[table]; i++) {
        if (p->ids[table][i] == id)
            return (int64_t)i + 1;
    }
    return 0;
}

/* A value whose whole numbers are ids of a table; -1: they are not. */
static void picture_value(espy_ctx *cx, const picture *p, const espy_json *v, int table,
                          espy_buf *out)
{
    if (table >= 0 && espy_json_is_int(v))
        CASE_OK(cx, espy_buf_printf(cx, out, "#%lld",
                                    (long long)picture_rank(p, table, espy_json_int(v, 0))));
    else
        CASE_OK(cx, espy_json_print(cx, v, 0, out));
}

/* What an event says: {"from": label, "by": ..}, {"event": id}, or lists of rows that begin with
 * ids. */
static void picture_detail(espy_ctx *cx, const picture *p, const char *text, espy_buf *out)
{
    static const char *const lists[][3] = {{"samples", "sample", "label"},
                                           {"labels", "label", ""},
                                           {"refused", "sample", "label"},
                                           {"allowed", "sample", "label"}};
    espy_json *detail = NULL;
    void *it = NULL;
    const char *key;
    const espy_json *v;
    CASE_OK(cx, espy_json_parse(cx, text, strlen(text), &detail));
    while (espy_json_next(detail, &it, &key, &v)) {
        const char *const *list = NULL;
        for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
            list = strcmp(lists[i][0], key) == 0 ? lists[i] : list;
        CASE_OK(cx, espy_buf_printf(cx, out, "%s:", key));
        bool was = strcmp(key, "from") == 0 && espy_json_get(detail, "by") != NULL;
        if (list == NULL)
            picture_value(cx, p, v,
                          was                         ? picture_refers("", "label")
                          : strcmp(key, "event") == 0 ? picture_refers("events", "id")
                                                      : -1,
                          out);
        for (size_t i = 0; list != NULL && i < espy_json_count(v); i++) {
            const espy_json *row = espy_json_at(v, i);
            for (size_t k = 0; k < espy_json_count(row); k++) {
                CASE_OK(cx, espy_buf_text(cx, out, k == 0 ? "\n  " : " "));
                picture_value(cx, p, espy_json_at(row, k),
                              k < 2 ? picture_refers("", list[k + 1]) : -1, out);
            }
        }
    }
    espy_json_free(detail);
}

static void picture_row(espy_ctx *cx, picture *p, size_t table, const espy_json *row)
{
    const espy_dump_table *t = &espy_dump_tables[table];
    char columns[400], *rest = columns;
    snprintf(columns, sizeof columns, "%s", t->columns);
    for (size_t i = 0; i < espy_json_count(row); i++) {
        const espy_json *v = espy_json_at(row, i);
        const char *column = rest;
        rest = strchr(rest, ',');
        if (rest != NULL) {
            *rest++ = '\0';
            rest += *rest == ' ';
        }
        CASE_OK(cx, espy_buf_printf(cx, &p->text, "%s %s=", t->name, column));
        if (strcmp(column, "detail") == 0 && espy_json_is_string(v))
            picture_detail(cx, p, espy_json_string(v, ""), &p->text);
        else
            picture_value(cx, p, v, picture_refers(t->name, column), &p->text);
        CASE_OK(cx, espy_buf_text(cx, &p->text, "\n"));
    }
}

static espy_err picture_part(espy_ctx *cx, void *self, const char *name, espy_span bytes)
{
    picture *p = self;
    if (strncmp(name, "rows/", 5) != 0) {
        if (p->pass == 1 && strcmp(name, DUMP_HEAD) != 0)
            return espy_buf_printf(cx, &p->text, "%s %zu\n", name, bytes.size);
        return ESPY_E_OK;
    }
    size_t table = (size_t)strtol(name + 5, NULL, 10) - 1;
    while (bytes.size > 0) {
        const uint8_t *end = memchr(bytes.data, '\n', bytes.size);
        size_t n = (size_t)(end - bytes.data);
        espy_json *row = NULL;
        CASE_OK(cx, espy_json_parse(cx, bytes.data, n, &row));
        if (p->pass == 1) {
            picture_row(cx, p, table, row);
        } else {
            p->ids[table] = espy_resize(cx, p->ids[table], p->n[table] + 1, sizeof(int64_t));
            p->ids[table][p->n[table]++] = espy_json_int(espy_json_at(row, 0), 0);
        }
        espy_json_free(row);
        bytes.data += n + 1;
        bytes.size -= n + 1;
    }
    return ESPY_E_OK;
}

void case_parts(espy_ctx *cx, espy_store *st, espy_buf *out)
{
    picture p = {0};
    espy_buf_init(&p.text, (size_t)256 << 20);
    for (p.pass = 0; p.pass < 2; p.pass++)
        CASE_OK(cx, espy_store_dump(cx, st, NULL, picture_part, &p));
    for (size_t i = 0; i < PICTURE_TABLES; i++)
        espy_free(cx, p.ids[i]);
    *out = p.text;
}

void case_same(const espy_buf *a, const espy_buf *b)
{
    size_t at = 0, line = 0;
    while (at < a->size && at < b->size && a->data[at] == b->data[at]) {
        if (a->data[at++] == '\n')
            line = at;
    }
    if (at < a->size || at < b->size)
        fail_msg("these differ:\n%.200s\n---\n%.200s", (const char *)a->data + line,
                 (const char *)b->data + line);
}

espy_err case_life(espy_ctx *cx, case_open *open_store, const char *dir)
{
    espy_store *st = NULL;
    espy_json *json = NULL;
    espy_scan s = {0}, got = {0};
    espy_vectors v = {0};
    espy_version version = {0}, *versions = NULL;
    espy_label *labels = NULL;
    espy_event *events = NULL;
    espy_finding *findings = NULL;
    espy_labelled *labelled = NULL;
    espy_collection c = {0}, *collections = NULL;
    espy_buf bytes = {0};
    size_t n_versions = 0, n_labels = 0, n_events = 0, n_findings = 0, n_labelled = 0, n_c = 0;
    char digest[ESPY_DIGEST_HEX];
    espy_span photo = {(const uint8_t *)"photo", 5}, head = {(const uint8_t *)"head", 4};
    int64_t id = 0, other = 0, media = 0, label = 0, number = 0;
    espy_err e = ESPY_E_OK;
    espy_digest(photo.data, photo.size, digest);
    ESPY_GO(espy_dir_remove(cx, dir));
    ESPY_GO(open_store(cx, dir, &st));
    ESPY_GO(espy_store_collection_create(cx, st, &case_template("c"), &id));
    ESPY_GO(espy_store_collection_create(cx, st, &case_template("d"), &other));
    ESPY_GO(espy_store_collection(cx, st, "c", &c));
    ESPY_GO(espy_store_collections(cx, st, &collections, &n_c));
    ESPY_GO(espy_store_label(cx, st, id, "A", "name", &label));
    ESPY_GO(espy_store_label(cx, st, id, "A", "new name", &label));
    ESPY_GO(espy_store_media(cx, st, id, photo, digest, "p.jpg", &media));
    ESPY_GO(espy_store_media_bytes(cx, st, digest, 100, &bytes));
    s.n = 1;
    s.dim = 2;
    s.vectors = espy_floats(cx, 2);
    s.at = espy_array(cx, 1, sizeof *s.at);
    s.error = espy_strdup(cx, "text");
    if (s.vectors == NULL || s.at == NULL || s.error == NULL) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    s.at[0].embedding = s.vectors;
    s.at[0].has_points = true;
    ESPY_GO(espy_store_scan_put(cx, st, media, "all", "enc", "det", &s));
    ESPY_GO(espy_store_scan_get(cx, st, other, digest, "all", "enc", &got));
    ESPY_GO(espy_store_sample_label(cx, st, s.at[0].id, label, "folder"));
    ESPY_GO(espy_store_sample_label(cx, st, s.at[0].id, label, "user"));
    ESPY_GO(espy_store_labels(cx, st, id, &labels, &n_labels));
    ESPY_GO(espy_store_labelled(cx, st, id, NULL, &labelled, &n_labelled));
    json = espy_json_object();
    ESPY_GO(espy_store_version_add(cx, st, id, "svm", json, head, &s.at[0].id, 1, &number));
    ESPY_GO(espy_store_promote(cx, st, id, number, "because"));
    ESPY_GO(espy_store_version(cx, st, id, number, &version));
    ESPY_GO(espy_store_versions(cx, st, id, &versions, &n_versions));
    ESPY_GO(espy_store_vectors(cx, st, id, number, "enc", &v));
    ESPY_GO(espy_store_events(cx, st, id, 0, 100, &events, &n_events));
    ESPY_GO(espy_store_check(cx, st, &findings, &n_findings));
out:
    espy_scan_free(cx, &s);
    espy_scan_free(cx, &got);
    espy_vectors_free(cx, &v);
    espy_version_free(cx, &version);
    espy_versions_free(cx, versions, n_versions);
    espy_labels_free(cx, labels, n_labels);
    espy_events_free(cx, events, n_events);
    espy_findings_free(cx, findings, n_findings);
    espy_free(cx, labelled);
    espy_collection_free(cx, &c);
    for (size_t i = 0; i < n_c; i++)
        espy_collection_free(cx, &collections[i]);
    espy_free(cx, collections);
    espy_buf_free(cx, &bytes);
    espy_json_free(json);
    espy_store_close(cx, &st);
    return e;
}

void case_picture(espy_ctx *cx, espy_store *st, int64_t c, char *out, size_t room)
{
    espy_label *l = NULL;
    espy_sample_pool p = {0};
    espy_rejection *r = NULL;
    size_t n = 0, m = 0, at = 0;
    CASE_OK(cx, espy_store_labels(cx, st, c, &l, &n));
    CASE_OK(cx, espy_store_pool(cx, st, c, 0, "enc", &p));
    CASE_OK(cx, espy_store_rejections(cx, st, c, &r, &m));
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!l[i].deleted)
            at += (size_t)snprintf(out + at, room - at, "%s=%s%s(%zu) ", l[i].code, l[i].name,
                                   l[i].grouped ? "*" : "", l[i].samples);
    for (size_t i = 0; i < p.n; i++)
        at += (size_t)snprintf(out + at, room - at, "%lld:%lld%s ", (long long)p.at[i].sample,
                               (long long)p.at[i].label, p.at[i].actor);
    for (size_t i = 0; i < m; i++)
        at += (size_t)snprintf(out + at, room - at, "!%lld/%lld ", (long long)r[i].sample,
                               (long long)r[i].label);
    espy_labels_free(cx, l, n);
    espy_sample_pool_free(cx, &p);
    espy_free(cx, r);
}
