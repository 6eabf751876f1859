/* SPDX-License-Identifier: Apache-2.0
 * store - versions: immutable rows with their lineage, aliases, and the cache of files
 * collections/<id>/versions/<n>/{version.json,head.safetensors} (docs/formats/version.md).
 *
 * The cache is compared with the row before it is used (S3): version.json byte by byte,
 * head.safetensors by its digest. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_internal.h"

#define VERSION_JSON "version.json"
#define VERSION_HEAD "head.safetensors"
#define VERSION_JSON_MAX ((size_t)64 << 20)

void espy_version_free(espy_ctx *cx, espy_version *v)
{
    espy_free(cx, v->head);
    espy_json_free(v->json);
    espy_buf_free(cx, &v->bytes);
    *v = (espy_version){0};
}

void espy_versions_free(espy_ctx *cx, espy_version *versions, size_t n)
{
    for (size_t i = 0; i < n; i++)
        espy_version_free(cx, &versions[i]);
    espy_free(cx, versions);
}

/* -- the two files ----------------------------------------------------------------------------- */
/* What the store itself needs of version.json: version, head, head_sha256. */
static espy_err version_parse_json(espy_ctx *cx, espy_span json, espy_version *v)
{
    const char *head = NULL, *digest = NULL;
    ESPY_TRY(espy_json_parse(cx, json.data, json.size, &v->json));
    if (!espy_json_is_object(v->json))
        return espy_fail(cx, ESPY_E_FORMAT, "is not a JSON object");
    ESPY_TRY(espy_json_need_int(cx, v->json, "version", 1, INT64_MAX, &v->number));
    ESPY_TRY(espy_json_need_string(cx, v->json, "head", &head));
    ESPY_TRY(espy_json_need_string(cx, v->json, "head_sha256", &digest));
    if (!espy_digest_valid(digest))
        return espy_fail(cx, ESPY_E_FORMAT, "\"head_sha256\" has not 64 hexadecimal digits");
    memcpy(v->digest, digest, ESPY_DIGEST_HEX);
    v->head = espy_strdup(cx, head);
    return v->head == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
}

espy_err espy_version_parse(espy_ctx *cx, espy_span json, const char *head_digest,
                            espy_version *out)
{
    espy_version v = {0};
    espy_err e = version_parse_json(cx, json, &v);
    if (e != ESPY_E_OK)
        e = espy_fail_in(cx, VERSION_JSON);
    else if (strcmp(v.digest, head_digest) != 0)
        e = espy_fail(cx, ESPY_E_DIGEST, VERSION_HEAD " does not match \"head_sha256\"");
    if (e == ESPY_E_OK)
        *out = v;
    else
        espy_version_free(cx, &v);
    return e;
}

/* -- the row ----------------------------------------------------------------------------------- */
typedef struct version_row {
    int64_t collection, number;
    char digest[ESPY_DIGEST_HEX];
    double created;
    char *json;
    size_t head_size;
} version_row;

static espy_err version_missing(espy_ctx *cx, int64_t number)
{
    return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no version %lld; see `espy versions`",
                     (long long)number);
}

static espy_err version_row_read(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                                 version_row *out)
{
    static const char sql[] = "SELECT digest, created, json, length(bytes) FROM versions"
                              " WHERE collection = $1 AND number = $2";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    version_row r = {.collection = collection, .number = number};
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(collection), DB_INT(number)), &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (!more) {
        e = version_missing(cx, number);
        goto out;
    }
    r.created = ops->real(rows, 1);
    r.head_size = (size_t)ops->integer(rows, 3);
    ESPY_GO(espy_db_digest(cx, st, rows, 0, r.digest));
    ESPY_GO(espy_db_text(cx, st, rows, 2, &r.json));
    *out = r;
out:
    ops->done(rows);
    return e;
}

/* The head's bytes, and what their digest really is. */
static espy_err version_row_bytes(espy_ctx *cx, espy_store *st, const version_row *r, espy_buf *out,
                                  char actual[ESPY_DIGEST_HEX])
{
    static const char sql[] = "SELECT bytes FROM versions WHERE collection = $1 AND number = $2";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    espy_span s = {0};
    bool more = false;
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(r->collection), DB_INT(r->number)), &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (!more) {
        e = version_missing(cx, r->number);
        goto out;
    }
    ESPY_GO(ops->bytes(cx, rows, 0, &s));
    espy_buf_init(out, s.size);
    ESPY_GO(espy_buf_append(cx, out, s.data, s.size));
    espy_digest(out->data, out->size, actual);
out:
    ops->done(rows);
    return e;
}

/* -- the cache --------------------------------------------------------------------------------- */
/* "DIR/collections/<id>/versions", caller owns. */
static char *version_parent(espy_ctx *cx, const espy_store *st, int64_t collection)
{
    return espy_sprintf(cx, "%s/collections/%lld/versions", st->dir, (long long)collection);
}

/* Whether one file of the cache has the size; its bytes in *out. */
static espy_err version_file_read(espy_ctx *cx, const char *folder, const char *name, size_t size,
                                  espy_buf *out, bool *good)
{
    char *path = espy_path_join(cx, folder, name);
    if (path == NULL)
        return ESPY_E_NOMEM;
    espy_err e = ESPY_E_OK;
    if (espy_file_exists(path))
        e = espy_file_read(cx, path, size, out);
    *good = e == ESPY_E_OK && out->size == size;
    espy_free(cx, path);
    return e;
}

/* Reads the cache.  *good: both files are as the row says, *head holds the head.  Anything else is
 * no error, for the store has the version; NOMEM is the one failure. */
static espy_err version_cache_read(espy_ctx *cx, const espy_store *st, const version_row *r,
                                   espy_buf *head, bool *good)
{
    espy_ctx sub = espy_ctx_child(cx); /* damage found here is none of the caller's failures */
    espy_buf json = {0}, bytes = {0};
    char actual[ESPY_DIGEST_HEX];
    size_t size = strlen(r->json);
    espy_err e = ESPY_E_OK;
    *good = false;
    char *parent = version_parent(&sub, st, r->collection);
    char *folder =
        parent == NULL ? NULL : espy_sprintf(&sub, "%s/%lld", parent, (long long)r->number);
    if (folder == NULL) {
        e = ESPY_E_NOMEM;
        goto out;
    }
    ESPY_GO(version_file_read(&sub, folder, VERSION_JSON, size, &json, good));
    if (!*good || memcmp(json.data, r->json, size) != 0) {
        *good = false;
        goto out;
    }
    ESPY_GO(version_file_read(&sub, folder, VERSION_HEAD, r->head_size, &bytes, good));
    if (!*good)
        goto out;
    espy_digest(bytes.data, bytes.size, actual);
    *good = memcmp(actual, r->digest, ESPY_DIGEST_HEX) == 0;
    if (*good) {
        *head = bytes;
        bytes = (espy_buf){0};
    }
out:
    if (e == ESPY_E_NOMEM)
        e = espy_ctx_adopt(cx, &sub);
    else
        e = ESPY_E_OK;
    espy_buf_free(&sub, &json);
    espy_buf_free(&sub, &bytes);
    espy_free(&sub, folder);
    espy_free(&sub, parent);
    return e;
}

static espy_err version_file_write(espy_ctx *cx, const char *folder, const char *name,
                                   espy_span bytes)
{
    char *path = espy_path_join(cx, folder, name);
    if (path == NULL)
        return ESPY_E_NOMEM;
    espy_err e = espy_file_write(cx, path, bytes.data, bytes.size);
    espy_free(cx, path);
    return e;
}

/* Writes both files into a hidden folder, then gives it its name.  A folder that has the name by
 * now is damaged or of a transaction that never was.  Writers of one version, which write the same
 * bytes, take turns; what a crash leaves hidden is cleared by the next attempt. */
static espy_err version_cache_make(espy_ctx *cx, const espy_store *st, const version_row *r,
                                   espy_span head)
{
    espy_span json = {(const uint8_t *)r->json, strlen(r->json)};
    espy_err e = ESPY_E_NOMEM;
    char *folder = NULL, *part = NULL;
    int lock = -1;
    char *parent = version_parent(cx, st, r->collection);
    if (parent == NULL)
        goto out;
    folder = espy_sprintf(cx, "%s/%lld", parent, (long long)r->number);
    part = espy_sprintf(cx, "%s/.%lld.part", parent, (long long)r->number);
    if (folder == NULL || part == NULL)
        goto out;
    ESPY_GO(espy_dir_make(cx, parent));
    ESPY_GO(espy_dir_lock(cx, parent, &lock));
    ESPY_GO(espy_dir_remove(cx, part));
    ESPY_GO(espy_dir_make(cx, part));
    e = version_file_write(cx, part, VERSION_JSON, json);
    if (e == ESPY_E_OK)
        e = version_file_write(cx, part, VERSION_HEAD, head);
    if (e == ESPY_E_OK)
        e = espy_dir_remove(cx, folder);
    if (e == ESPY_E_OK && cx->io->rename(part, folder) != 0)
        e = espy_fail(cx, ESPY_E_IO, "%s: cannot be made; check the permissions of its folder",
                      folder);
    if (e == ESPY_E_OK)
        e = espy_dir_sync(cx, parent);
    if (e != ESPY_E_OK) {
        espy_ctx sub = espy_ctx_child(cx);
        if (espy_dir_remove(&sub, part) != ESPY_E_OK)
            espy_log(cx, ESPY_LOG_DEBUG, "%s: is left behind: %s", part, sub.text);
    }
out:
    espy_dir_unlock(cx, lock);
    espy_free(cx, part);
    espy_free(cx, folder);
    espy_free(cx, parent);
    return e;
}

/* The same, where a failure is no matter: a full disk or a read-only folder must not stop answers.
 */
static void version_cache_write(espy_ctx *cx, const espy_store *st, const version_row *r,
                                espy_span head)
{
    espy_ctx sub = espy_ctx_child(cx);
    if (version_cache_make(&sub, st, r, head) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN,
                 "version %lld is stored, but its files could not be written: %s",
                 (long long)r->number, sub.text);
}

espy_err espy_version_cache_remove(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number)
{
    espy_err e = ESPY_E_NOMEM;
    char *folder = NULL, *parent = version_parent(cx, st, collection);
    if (parent != NULL)
        folder = espy_sprintf(cx, "%s/%lld", parent, (long long)number);
    if (folder != NULL)
        e = espy_dir_remove(cx, folder);
    espy_free(cx, folder);
    espy_free(cx, parent);
    return e;
}

void espy_version_flush(espy_ctx *cx, espy_store *st)
{
    for (size_t i = 0; i < st->pending_n; i++) {
        espy_ctx sub = espy_ctx_child(cx);
        espy_version v;
        if (espy_store_version(&sub, st, st->pending[i].collection, st->pending[i].number, &v) ==
            ESPY_E_OK)
            espy_version_free(&sub, &v);
        else
            espy_log(cx, ESPY_LOG_WARN, "version %lld is stored, but could not be read back: %s",
                     (long long)st->pending[i].number, sub.text);
    }
    st->pending_n = 0;
}

/* -- reading ----------------------------------------------------------------------------------- */
espy_err espy_store_version(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            espy_version *out)
{
    version_row r = {0};
    espy_buf head = {0};
    espy_version v = {0};
    char actual[ESPY_DIGEST_HEX];
    bool cached = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(version_row_read(cx, st, collection, number, &r));
    memcpy(actual, r.digest, sizeof actual); /* what a good cache has */
    ESPY_GO(version_cache_read(cx, st, &r, &head, &cached));
    if (!cached)
        ESPY_GO(version_row_bytes(cx, st, &r, &head, actual));
    e = espy_version_parse(cx, (espy_span){(const uint8_t *)r.json, strlen(r.json)}, actual, &v);
    if (e == ESPY_E_OK && (v.number != number || strcmp(v.digest, r.digest) != 0))
        e = espy_fail(cx, ESPY_E_DIGEST, "its row and its version.json differ");
    if (e != ESPY_E_OK) {
        if (e != ESPY_E_NOMEM)
            e = espy_fail_in(cx, "%s: version %lld is damaged (train again, or promote another)",
                             st->dir, (long long)number);
        goto out;
    }
    if (!cached)
        version_cache_write(cx, st, &r, espy_span_of(&head));
    v.created = r.created;
    v.bytes = head;
    head = (espy_buf){0};
    *out = v;
    v = (espy_version){0};
out:
    espy_version_free(cx, &v);
    espy_buf_free(cx, &head);
    espy_free(cx, r.json);
    return e;
}

espy_err espy_store_version_check(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                                  bool *cached)
{
    char actual[ESPY_DIGEST_HEX];
    version_row r = {0};
    espy_buf head = {0}, stored = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(version_row_read(cx, st, collection, number, &r));
    ESPY_GO(version_cache_read(cx, st, &r, &head, cached));
    ESPY_GO(version_row_bytes(cx, st, &r, &stored, actual));
    if (strcmp(actual, r.digest) != 0)
        e = espy_fail(cx, ESPY_E_DIGEST,
                      "is damaged in the store; train again, or restore a backup of store.db");
out:
    espy_buf_free(cx, &head);
    espy_buf_free(cx, &stored);
    espy_free(cx, r.json);
    return e;
}

static espy_err version_row_head(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_version *v = item;
    espy_span s = {0};
    v->created = st->db->ops->real(rows, 1);
    ESPY_TRY(st->db->ops->bytes(cx, rows, 0, &s));
    return version_parse_json(cx, s, v);
}

static void version_drop(espy_ctx *cx, void *item)
{
    espy_version_free(cx, item);
}

espy_err espy_store_versions(espy_ctx *cx, espy_store *st, int64_t collection, espy_version **out,
                             size_t *n)
{
    static const char sql[] = "SELECT json, created FROM versions WHERE collection = $1"
                              " ORDER BY number DESC";
    static const espy_db_items items = {sizeof **out, version_row_head, version_drop};
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(collection)), &items, out, n);
}

/* -- adding ------------------------------------------------------------------------------------ */
/* Completes version.json and prints it: what the row and the file hold. */
static espy_err version_complete(espy_ctx *cx, espy_json *json, int64_t number, const char *head,
                                 double created, const char *digest, espy_buf *out)
{
    char iso[32];
    espy_time_iso(created, iso);
    ESPY_TRY(espy_json_set(cx, json, "version", espy_json_of_int(number)));
    ESPY_TRY(espy_json_set(cx, json, "head", espy_json_of_string(head)));
    ESPY_TRY(espy_json_set(cx, json, "created", espy_json_of_string(iso)));
    ESPY_TRY(espy_json_set(cx, json, "head_sha256", espy_json_of_string(digest)));
    espy_buf_init(out, VERSION_JSON_MAX);
    ESPY_TRY(espy_json_print(cx, json, 2, out));
    if (out->data[out->size - 1] != '\n')
        ESPY_TRY(espy_buf_text(cx, out, "\n"));
    return ESPY_E_OK;
}

/* The samples of the version, with the labels that they have now. */
static espy_err version_lineage(espy_ctx *cx, espy_store *st, int64_t collection, int64_t version,
                                const int64_t *samples, size_t n)
{
    static const char label[] = "SELECT s.label FROM samples s JOIN labels l ON l.id = s.label"
                                " WHERE s.id = $1 AND l.collection = $2";
    static const char insert[] = "INSERT INTO version_samples (version, label, sample)"
                                 " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING sample";
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        int64_t id = 0, back = 0;
        ESPY_TRY(espy_db_find(cx, st, label, DB_ARGS(DB_INT(samples[i]), DB_INT(collection)),
                              &found, &id));
        if (!found)
            return espy_fail(
                cx, ESPY_E_DATA,
                "sample %lld lost its label while the version was trained; train again",
                (long long)samples[i]);
        ESPY_TRY(espy_db_find(cx, st, insert,
                              DB_ARGS(DB_INT(version), DB_INT(id), DB_INT(samples[i])), &found,
                              &back));
        if (!found)
            return espy_fail(cx, ESPY_E_ARG, "sample %lld is twice in the lineage",
                             (long long)samples[i]);
    }
    return ESPY_E_OK;
}

/* Remembers to write the cache after the outermost commit. */
static espy_err version_pending(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number)
{
    ESPY_TRY(espy_store_grow(cx, (void **)&st->pending, st->pending_n, &st->pending_room,
                             sizeof *st->pending));
    st->pending[st->pending_n++] = (espy_store_pending){collection, number, st->db->depth};
    return ESPY_E_OK;
}

static espy_err version_insert(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                               espy_json *json, espy_span bytes, int64_t *number, int64_t *id)
{
    static const char next[] =
        "UPDATE collections SET last_version = last_version + 1 WHERE id = $1"
        " RETURNING last_version";
    static const char insert[] =
        "INSERT INTO versions (collection, number, head, digest, created, json, bytes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id";
    char digest[ESPY_DIGEST_HEX];
    double created = espy_time_now();
    espy_buf text = {0};
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, next, DB_ARGS(DB_INT(collection)), &found, number));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no collection %lld",
                         (long long)collection);
    espy_digest(bytes.data, bytes.size, digest);
    ESPY_GO(version_complete(cx, json, *number, head, created, digest, &text));
    ESPY_GO(
        espy_db_number(cx, st, insert,
                       DB_ARGS(DB_INT(collection), DB_INT(*number), DB_TEXT(head), DB_TEXT(digest),
                               DB_REAL(created), DB_TEXT((const char *)text.data),
                               DB_BLOB(bytes.data, bytes.size)),
                       id));
out:
    espy_buf_free(cx, &text);
    return e;
}

espy_err espy_store_version_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *head,
                                espy_json *json, espy_span bytes, const int64_t *samples, size_t n,
                                int64_t *number)
{
    espy_err e = ESPY_E_OK;
    int64_t made = 0, id = 0;
    ESPY_TRY(espy_store_check_name(cx, "the head's name", head));
    if (!espy_json_is_object(json) || bytes.size == 0)
        return espy_fail(cx, ESPY_E_ARG, "a version needs a JSON object and the bytes of its head");
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(version_insert(cx, st, collection, head, json, bytes, &made, &id));
    ESPY_GO(version_lineage(cx, st, collection, id, samples, n));
    ESPY_GO(espy_store_event_add(cx, st, collection, "job", "version.add", 0, 0, made, NULL));
    ESPY_GO(version_pending(cx, st, collection, made));
    ESPY_GO(espy_store_commit(cx, st));
    *number = made;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* -- aliases ----------------------------------------------------------------------------------- */
espy_err espy_store_alias(espy_ctx *cx, espy_store *st, int64_t collection, const char *alias,
                          int64_t *number)
{
    static const char sql[] = "SELECT number FROM aliases WHERE collection = $1 AND alias = $2";
    bool found = false;
    int64_t n = 0;
    ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(alias)), &found, &n));
    *number = found ? n : 0;
    return ESPY_E_OK;
}

static espy_err version_alias_set(espy_ctx *cx, espy_store *st, int64_t collection,
                                  const char *alias, int64_t number)
{
    static const char sql[] =
        "INSERT INTO aliases (collection, alias, number) VALUES ($1, $2, $3)"
        " ON CONFLICT (collection, alias) DO UPDATE SET number = excluded.number";
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(alias), DB_INT(number)));
}

static espy_err version_promote_event(espy_ctx *cx, espy_store *st, int64_t collection,
                                      int64_t from, int64_t to, const char *reason)
{
    espy_json *detail = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, detail, "from",
                          from != 0 ? espy_json_of_int(from) : espy_json_null_value()));
    ESPY_GO(espy_json_set(cx, detail, "reason", espy_json_of_string(reason)));
    e = espy_store_event_add(cx, st, collection, "job", "version.promote", 0, 0, to, detail);
    detail = NULL;
out:
    espy_json_free(detail);
    return e;
}

espy_err espy_store_promote(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                            const char *reason)
{
    static const char find[] = "SELECT id FROM versions WHERE collection = $1 AND number = $2";
    espy_err e = ESPY_E_OK;
    int64_t live = 0, id = 0;
    bool found = false;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_db_find(cx, st, find, DB_ARGS(DB_INT(collection), DB_INT(number)), &found, &id));
    if (!found) {
        e = version_missing(cx, number);
        goto out;
    }
    ESPY_GO(espy_store_alias(cx, st, collection, "live", &live));
    if (live != number) {
        if (live != 0)
            ESPY_GO(version_alias_set(cx, st, collection, "previous", live));
        ESPY_GO(version_alias_set(cx, st, collection, "live", number));
        ESPY_GO(version_promote_event(cx, st, collection, live, number, reason));
        ESPY_GO(st->db->ops->announce(cx, st->db, collection));
    }
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}
