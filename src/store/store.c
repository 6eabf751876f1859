/* SPDX-License-Identifier: Apache-2.0
 * store - opening, transactions, collections, labels, events, counts. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "store/store_internal.h"

#define STORE_NAME_BYTES 1024 /* of a collection's, label's or encoder's name */
#define STORE_DETAIL_MAX                                                     \
    ((size_t)64 << 20) /* of an event: one that moves a million samples fits \
                        */

/* -- steps that all files share ---------------------------------------------------------------- */
espy_db_value espy_db_text_value(const char *s)
{
    if (s == NULL)
        return DB_NONE;
    return (espy_db_value){.kind = ESPY_DB_TEXT, .p = s, .n = strlen(s)};
}

espy_err espy_db_exec(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t n)
{
    bool found;
    int64_t value;
    return espy_db_find(cx, st, sql, args, n, &found, &value);
}

espy_err espy_db_find(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t n, bool *found, int64_t *value)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(ops->query(cx, st->db, sql, args, n, &rows));
    espy_err e = ops->next(cx, rows, &more);
    if (e == ESPY_E_OK) {
        *found = more;
        if (more)
            *value = ops->integer(rows, 0);
    }
    ops->done(rows);
    return e;
}

espy_err espy_db_number(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                        size_t n, int64_t *value)
{
    bool found = false;
    ESPY_TRY(espy_db_find(cx, st, sql, args, n, &found, value));
    if (!found)
        return espy_fail(cx, ESPY_E_INTERNAL, "no row came back: %.60s", sql);
    return ESPY_E_OK;
}

espy_err espy_db_text(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, char **out)
{
    espy_span s = {0};
    if (st->db->ops->is_null(rows, column)) {
        *out = NULL;
        return ESPY_E_OK;
    }
    ESPY_TRY(st->db->ops->bytes(cx, rows, column, &s));
    *out = espy_strndup(cx, s.size == 0 ? "" : (const char *)s.data, s.size);
    return *out == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
}

espy_err espy_db_digest(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column,
                        char out[ESPY_DIGEST_HEX])
{
    espy_span s = {0};
    ESPY_TRY(st->db->ops->bytes(cx, rows, column, &s));
    out[0] = '\0';
    if (s.size == ESPY_DIGEST_HEX - 1) {
        memcpy(out, s.data, s.size);
        out[s.size] = '\0';
    }
    if (!espy_digest_valid(out))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "%s: the store holds a digest that is none; run `espy doctor`", st->dir);
    return ESPY_E_OK;
}

espy_err espy_store_grow(espy_ctx *cx, void **at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return ESPY_E_OK;
    size_t want = *room == 0 ? 16 : *room;
    if (!espy_mul_size(want, 2, &want))
        return espy_fail(cx, ESPY_E_LIMIT, "too many rows");
    void *p = espy_resize(cx, *at, want, size);
    if (p == NULL)
        return cx->code == ESPY_E_OK ? ESPY_E_NOMEM : cx->code;
    *at = p;
    *room = want;
    return ESPY_E_OK;
}

espy_err espy_db_list(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                      size_t args_n, const espy_db_items *items, void *out, size_t *n)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    void *list = NULL;
    size_t count = 0, room = 0;
    bool more = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(ops->query(cx, st->db, sql, args, args_n, &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        ESPY_GO(espy_store_grow(cx, &list, count, &room, items->size));
        void *item = (char *)list + count++ * items->size;
        memset(item, 0, items->size);
        ESPY_GO(items->read(cx, st, rows, item));
    }
    memcpy(out, &list, sizeof list);
    *n = count;
    list = NULL;
    count = 0;
out:
    ops->done(rows);
    for (size_t i = 0; i < count && items->drop != NULL; i++)
        items->drop(cx, (char *)list + i * items->size);
    espy_free(cx, list);
    return e;
}

espy_err espy_db_one(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                     size_t args_n, const espy_db_items *items, void *out, bool *found)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    *found = false;
    ESPY_TRY(ops->query(cx, st->db, sql, args, args_n, &rows));
    ESPY_GO(ops->next(cx, rows, found));
    if (*found) {
        memset(out, 0, items->size);
        e = items->read(cx, st, rows, out);
    }
    if (e != ESPY_E_OK && items->drop != NULL) {
        items->drop(cx, out);
        memset(out, 0, items->size);
    }
out:
    ops->done(rows);
    return e;
}

static espy_err db_id_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    (void)cx;
    *(int64_t *)item = st->db->ops->integer(rows, 0);
    return ESPY_E_OK;
}

espy_err espy_db_ids(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                     size_t args_n, int64_t **out, size_t *n)
{
    static const espy_db_items items = {sizeof **out, db_id_row, NULL};
    return espy_db_list(cx, st, sql, args, args_n, &items, out, n);
}

void espy_db_items_free(espy_ctx *cx, const espy_db_items *items, void *list, size_t n)
{
    for (size_t i = 0; i < n && items->drop != NULL; i++)
        items->drop(cx, (char *)list + i * items->size);
    espy_free(cx, list);
}

int64_t espy_page_limit(const espy_page *page)
{
    return page->limit > INT64_MAX ? INT64_MAX : (int64_t)page->limit;
}

int64_t espy_page_offset(const espy_page *page)
{
    return page->offset > INT64_MAX ? INT64_MAX : (int64_t)page->offset;
}

espy_err espy_store_check_text(espy_ctx *cx, const char *what, const char *s, size_t max)
{
    size_t n = strnlen(s, max + 1);
    if (n > max)
        return espy_fail(cx, ESPY_E_ARG, "%s has more than %zu bytes; shorten it", what, max);
    if (!espy_utf8_valid(s, n))
        return espy_fail(cx, ESPY_E_ARG, "%s is not UTF-8", what);
    return ESPY_E_OK;
}

espy_err espy_store_check_detail(espy_ctx *cx, const char *what, const char *s)
{
    espy_json *v = NULL;
    ESPY_TRY(espy_store_check_text(cx, what, s, ESPY_DETAIL_MAX));
    espy_err e = espy_json_parse(cx, s, strlen(s), &v);
    bool object = e == ESPY_E_OK && espy_json_is_object(v);
    espy_json_free(v);
    if (object || e == ESPY_E_NOMEM)
        return e;
    espy_clear(cx);
    return espy_fail(cx, ESPY_E_ARG, "%s must be a JSON object", what);
}

/* YYYY-MM-DD, a day that there is. */
static bool store_date_valid(const char *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int part[3] = {0}; /* year, month, day */
    for (int i = 0, at = 0; i < 10; i++) {
        bool dash = i == 4 || i == 7;
        if (dash ? s[i] != '-' : s[i] < '0' || s[i] > '9')
            return false;
        at += dash;
        if (!dash)
            part[at] = part[at] * 10 + (s[i] - '0');
    }
    if (s[10] != '\0' || part[0] == 0 || part[1] < 1 || part[1] > 12)
        return false;
    bool leap = part[0] % 4 == 0 && (part[0] % 100 != 0 || part[0] % 400 == 0);
    int most = days[part[1] - 1] + (part[1] == 2 && leap);
    return part[2] >= 1 && part[2] <= most;
}

espy_err espy_store_check_date(espy_ctx *cx, const char *s)
{
    if (store_date_valid(s))
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_ARG, "'%.40s' is no date; write it as YYYY-MM-DD", s);
}

espy_err espy_store_pattern(espy_ctx *cx, const char *search, char **out)
{
    espy_buf b;
    size_t n = search == NULL ? 0 : strnlen(search, STORE_NAME_BYTES);
    espy_buf_init(&b, 2 * STORE_NAME_BYTES + 16);
    ESPY_TRY(espy_buf_append(cx, &b, "%", 1));
    for (size_t i = 0; i < n; i++) {
        char c = search[i];
        if (c == '%' || c == '_' || c == '!')
            ESPY_TRY(espy_buf_append(cx, &b, "!", 1));
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
        ESPY_TRY(espy_buf_append(cx, &b, &c, 1));
    }
    ESPY_TRY(espy_buf_append(cx, &b, "%", n > 0 ? 1 : 0));
    *out = espy_strndup(cx, (const char *)b.data, b.size);
    espy_buf_free(cx, &b);
    return *out == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
}

espy_err espy_store_check_user(espy_ctx *cx, espy_store *st, int64_t user)
{
    static const char sql[] = "SELECT id FROM users WHERE id = $1";
    bool found = user == 0;
    int64_t id;
    if (!found)
        ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_INT(user)), &found, &id));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no user %lld", (long long)user);
}

espy_err espy_store_check_collection(espy_ctx *cx, espy_store *st, int64_t collection)
{
    static const char sql[] = "SELECT id FROM collections WHERE id = $1 AND deleted IS NULL";
    bool found = false;
    int64_t id;
    ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_INT(collection)), &found, &id));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no collection %lld",
                             (long long)collection);
}

espy_err espy_store_check_name(espy_ctx *cx, const char *what, const char *s)
{
    size_t n = s == NULL ? 0 : strnlen(s, STORE_NAME_BYTES + 1);
    if (n == 0 || n > STORE_NAME_BYTES)
        return espy_fail(cx, ESPY_E_ARG, "%s must have 1 to %d bytes", what, STORE_NAME_BYTES);
    char shown[256];
    if (!espy_utf8_valid(s, n))
        return espy_fail(cx, ESPY_E_ARG, "%s \"%s\" is not UTF-8; rename it", what,
                         espy_text_shown(s, shown, sizeof shown));
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return espy_fail(cx, ESPY_E_ARG, "%s \"%s\" has a control character; rename it", what,
                             espy_text_shown(s, shown, sizeof shown));
    }
    return ESPY_E_OK;
}

/* -- opening and transactions ------------------------------------------------------------------ */
bool espy_store_url(const char *s)
{
    return strncmp(s, "postgresql://", 13) == 0 || strncmp(s, "postgres://", 11) == 0;
}

espy_err espy_store_open(espy_ctx *cx, const char *dir, espy_store **out)
{
    return espy_store_open_at(cx, &(espy_store_place){.dir = dir}, out);
}

/* Media files that an erasure before could not delete, or a crash kept: tried again. */
static void store_sweep(espy_ctx *cx, espy_store *st)
{
    espy_ctx sub = espy_ctx_child(cx);
    if (espy_media_sweep(&sub, st) != ESPY_E_OK)
        espy_log(cx, ESPY_LOG_WARN, "%s", sub.text);
}

espy_err espy_store_open_at(espy_ctx *cx, const espy_store_place *place, espy_store **out)
{
    espy_err e = ESPY_E_NOMEM;
    if (place->url != NULL && !espy_store_url(place->url))
        return espy_fail(cx, ESPY_E_ARG,
                         "a store's address is postgresql://USER@HOST:PORT/DATABASE; leave it out "
                         "for a database in the workspace folder");
    ESPY_TRY(espy_dir_make(cx, place->dir));
    espy_store *st = espy_zalloc(cx, sizeof *st);
    if (st == NULL)
        return e;
    st->dir = espy_strdup(cx, place->dir);
    if (st->dir == NULL)
        goto out;
    if (place->media != NULL)
        st->media = espy_strdup(cx, place->media);
    else if (place->url == NULL)
        st->media = espy_path_join(cx, place->dir, "media");
    if (st->media == NULL && (place->media != NULL || place->url == NULL))
        goto out;
    ESPY_GO(place->url == NULL ? espy_db_sqlite.open(cx, place->dir, &st->db)
                               : espy_db_postgres.open(cx, place->url, &st->db));
    store_sweep(cx, st);
    *out = st;
    return ESPY_E_OK;
out:
    espy_store_close(cx, &st);
    return e;
}

void espy_store_close(espy_ctx *cx, espy_store **store)
{
    espy_store *st = *store;
    if (st == NULL)
        return;
    if (st->db != NULL)
        st->db->ops->close(cx, st->db);
    espy_near_free(cx, st);
    espy_media_drop(cx, st);
    espy_free(cx, st->parts);
    espy_free(cx, st->pending);
    espy_free(cx, st->media);
    espy_free(cx, st->dir);
    espy_free(cx, st);
    *store = NULL;
}

const char *espy_store_dir(const espy_store *st)
{
    return st->dir;
}

const char *espy_store_shown(const espy_store *st)
{
    return st->db->ops->shown(st->db);
}

bool espy_store_on_server(const espy_store *st)
{
    return st->db->ops->server;
}

espy_err espy_store_changed(espy_ctx *cx, espy_store *st, double seconds, bool *changed)
{
    return st->db->ops->changed(cx, st->db, seconds, changed);
}

espy_err espy_store_begin(espy_ctx *cx, espy_store *st)
{
    return st->db->ops->begin(cx, st->db, true);
}

espy_err espy_store_commit(espy_ctx *cx, espy_store *st)
{
    if (st->db->depth == 1)
        ESPY_TRY(espy_media_settle(cx, st));
    ESPY_TRY(st->db->ops->commit(cx, st->db));
    for (size_t i = 0; i < st->pending_n; i++) {
        if (st->pending[i].depth > st->db->depth)
            st->pending[i].depth = st->db->depth;
    }
    if (st->db->depth == 0)
        espy_version_flush(cx, st);
    return ESPY_E_OK;
}

void espy_store_rollback(espy_ctx *cx, espy_store *st)
{
    st->db->ops->rollback(st->db);
    if (st->db->depth == 0)
        espy_media_drop(cx, st);
    size_t kept = 0;
    for (size_t i = 0; i < st->pending_n; i++) {
        if (st->pending[i].depth <= st->db->depth)
            st->pending[kept++] = st->pending[i];
    }
    st->pending_n = kept;
}

/* -- counts --------------------------------------------------------------------------------------
 */
espy_err espy_store_counts(espy_ctx *cx, espy_store *st, int64_t collection, espy_counts *out)
{
    static const char labels[] = "SELECT count(*) FROM labels WHERE collection = $1";
    static const char media[] =
        "SELECT count(*) FROM media WHERE collection = $1 AND deleted IS NULL";
    static const char scans[] =
        "SELECT count(*) FROM media m JOIN scans s ON s.media = m.id WHERE m.collection = $1"
        " AND m.deleted IS NULL";
    static const char samples[] =
        "SELECT count(*) FROM media m JOIN samples s ON s.media = m.id WHERE m.collection = $1"
        " AND m.deleted IS NULL AND s.deleted IS NULL";
    static const char labelled[] =
        "SELECT count(*) FROM labels l JOIN samples s ON s.label = l.id"
        " JOIN media m ON m.id = s.media WHERE l.collection = $1 AND m.deleted IS NULL";
    static const char embeddings[] =
        "SELECT count(*) FROM media m JOIN samples s ON s.media = m.id"
        " JOIN embeddings e ON e.sample = s.id WHERE m.collection = $1 AND m.deleted IS NULL"
        " AND s.deleted IS NULL";
    static const char versions[] = "SELECT count(*) FROM versions WHERE collection = $1";
    static const char events[] = "SELECT count(*) FROM events WHERE collection = $1";
    espy_counts c = {0};
    const struct {
        const char *sql;
        int64_t *out;
    } asked[] = {{labels, &c.labels},     {media, &c.media},       {scans, &c.scans},
                 {samples, &c.samples},   {labelled, &c.labelled}, {embeddings, &c.embeddings},
                 {versions, &c.versions}, {events, &c.events}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        ESPY_TRY(espy_db_number(cx, st, asked[i].sql, DB_ARGS(DB_INT(collection)), asked[i].out));
    *out = c;
    return ESPY_E_OK;
}

/* -- labels ------------------------------------------------------------------------------------ */
#define STORE_LABEL_COLUMNS "SELECT " LABEL_FIELDS " FROM labels l"

/* The label that a code means: the one that has it, else the one that had it. */
static espy_err store_label_meant(espy_ctx *cx, espy_store *st, int64_t collection,
                                  const char *code, int64_t *label, bool *found)
{
    static const char now[] = "SELECT id FROM labels WHERE collection = $1 AND code = $2"
                              " AND deleted IS NULL";
    static const char once[] = "SELECT c.label FROM label_codes c JOIN labels l ON l.id = c.label"
                               " WHERE c.collection = $1 AND c.code = $2 AND l.deleted IS NULL";
    static const char gone[] = "SELECT id FROM labels WHERE collection = $1 AND code = $2";
    const char *const sql[] = {now, once, gone};
    *found = false;
    for (size_t i = 0; i < 3 && !*found; i++)
        ESPY_TRY(
            espy_db_find(cx, st, sql[i], DB_ARGS(DB_INT(collection), DB_TEXT(code)), found, label));
    return ESPY_E_OK;
}

/* A label that is there gets the name that is given, unless a person named it. */
static espy_err store_label_again(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                  const char *code, const char *name)
{
    espy_label old = {0}, to;
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, "job", "label.rename", &ch));
    ESPY_GO(espy_store_label_get(cx, st, collection, label, &old));
    if (old.deleted)
        ESPY_GO(espy_fail(cx, ESPY_E_EXISTS,
                          "label '%s' was deleted by a person; take it back (espy label undo), or "
                          "use another code",
                          code));
    to = old;
    /* a folder called by the code alone tells no name */
    if (name != NULL && !old.named && strcmp(old.code, code) == 0 && strcmp(name, code) != 0)
        to.name = (char *)(uintptr_t)name;
    if (strcmp(old.name, to.name) != 0) {
        to.grouped = false;
        ESPY_GO(espy_change_label(cx, st, &ch, &old, &to));
    }
    e = espy_change_end(cx, st, &ch, label, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &old);
    return e;
}

espy_err espy_store_label(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                          const char *name, int64_t *id)
{
    static const char insert[] = "INSERT INTO labels (collection, code, name, created)"
                                 " VALUES ($1, $2, $3, $4) RETURNING id";
    int64_t label = 0;
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_check_name(cx, "a label's code", code));
    if (name != NULL)
        ESPY_TRY(espy_store_check_name(cx, "a label's name", name));

    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(store_label_meant(cx, st, collection, code, &label, &found));
    if (found) {
        ESPY_GO(store_label_again(cx, st, collection, label, code, name));
    } else {
        ESPY_GO(
            espy_db_number(cx, st, insert,
                           DB_ARGS(DB_INT(collection), DB_TEXT(code),
                                   DB_TEXT(name == NULL ? code : name), DB_REAL(espy_time_now())),
                           &label));
        ESPY_GO(espy_store_event_add(cx, st, collection, "job", "label.create", label, 0, 0, NULL));
    }
    ESPY_GO(espy_store_commit(cx, st));
    *id = label;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

void espy_label_free(espy_ctx *cx, espy_label *label)
{
    espy_free(cx, label->code);
    espy_free(cx, label->name);
    *label = (espy_label){0};
}

espy_err espy_label_read(espy_ctx *cx, espy_store *st, espy_db_rows *rows, espy_label *out)
{
    const espy_db_ops *ops = st->db->ops;
    espy_label l = {.id = ops->integer(rows, 0),
                    .samples = (size_t)ops->integer(rows, 3),
                    .deleted = !ops->is_null(rows, 5),
                    .named = ops->integer(rows, 6) != 0,
                    .learned = ops->integer(rows, 7) != 0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_db_text(cx, st, rows, 1, &l.code));
    ESPY_GO(espy_db_text(cx, st, rows, 2, &l.name));
    ESPY_GO(espy_db_grouped(cx, st, rows, 4, &l.grouped));
    *out = l;
    return ESPY_E_OK;
out:
    espy_label_free(cx, &l);
    return e;
}

static espy_err store_label_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    return espy_label_read(cx, st, rows, item);
}

/* The one label that a query finds; *found false when there is none. */
static espy_err store_label_one(espy_ctx *cx, espy_store *st, const char *sql,
                                const espy_db_value *args, size_t n, espy_label *out, bool *found)
{
    espy_db_rows *rows = NULL;
    ESPY_TRY(st->db->ops->query(cx, st->db, sql, args, n, &rows));
    espy_err e = st->db->ops->next(cx, rows, found);
    if (e == ESPY_E_OK && *found)
        e = store_label_row(cx, st, rows, out);
    st->db->ops->done(rows);
    return e;
}

espy_err espy_store_label_get(espy_ctx *cx, espy_store *st, int64_t collection, int64_t id,
                              espy_label *out)
{
    static const char sql[] = STORE_LABEL_COLUMNS " WHERE l.collection = $1 AND l.id = $2";
    bool found = false;
    ESPY_TRY(store_label_one(cx, st, sql, DB_ARGS(DB_INT(collection), DB_INT(id)), out, &found));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no label %lld in this collection",
                         (long long)id);
    return ESPY_E_OK;
}

espy_err espy_store_label_find(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               espy_label *out)
{
    static const char sql[] =
        STORE_LABEL_COLUMNS " WHERE l.collection = $1 AND l.code = $2 AND l.deleted IS NULL";
    bool found = false;
    ESPY_TRY(store_label_one(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(code)), out, &found));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no label '%s'; see `espy label list`",
                         code);
    return ESPY_E_OK;
}

static void store_label_drop(espy_ctx *cx, void *item)
{
    espy_label_free(cx, item);
}

espy_err espy_store_labels(espy_ctx *cx, espy_store *st, int64_t collection, espy_label **out,
                           size_t *n)
{
    static const char sql[] = STORE_LABEL_COLUMNS " WHERE l.collection = $1 ORDER BY l.code";
    static const espy_db_items items = {sizeof **out, store_label_row, store_label_drop};
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(collection)), &items, out, n);
}

void espy_labels_free(espy_ctx *cx, espy_label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        espy_label_free(cx, &labels[i]);
    espy_free(cx, labels);
}

/* -- events ------------------------------------------------------------------------------------ */
espy_err espy_store_event_add(espy_ctx *cx, espy_store *st, int64_t collection, const char *actor,
                              const char *action, int64_t label, int64_t sample, int64_t version,
                              espy_json *detail)
{
    static const char sql[] =
        "INSERT INTO events (time, collection, actor, action, label, sample, version, detail)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    espy_buf text;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, STORE_DETAIL_MAX);
    if (detail != NULL)
        ESPY_GO(espy_json_print(cx, detail, 0, &text));
    e = espy_db_number(cx, st, sql,
                       DB_ARGS(DB_REAL(espy_time_now()), DB_INT(collection), DB_TEXT(actor),
                               DB_TEXT(action), DB_ID(label), DB_ID(sample), DB_ID(version),
                               DB_TEXT((const char *)text.data)),
                       &st->event);
out:
    espy_buf_free(cx, &text);
    espy_json_free(detail);
    return e;
}

int64_t espy_store_event(const espy_store *st)
{
    return st->event;
}

static void store_event_drop(espy_ctx *cx, void *item)
{
    espy_event *v = item;
    espy_free(cx, v->actor);
    espy_free(cx, v->action);
    espy_free(cx, v->detail);
}

#define STORE_EVENT_FIELDS                                                                  \
    "e.id, e.time, e.actor, e.action, e.label, e.sample, e.version, e.detail, e.collection" \
    ", CASE WHEN " STORE_EVENT_UNDOABLE " THEN 1 ELSE 0 END"                                \
    ", CASE WHEN " STORE_UNDONE " THEN 1 ELSE 0 END"
/* A collection that is deleted has to come back before anything in it is undone. */
#define STORE_EVENT_UNDOABLE                                                                  \
    STORE_UNDOABLE " AND EXISTS (SELECT 1 FROM collections here WHERE here.id = e.collection" \
                   " AND here.deleted IS NULL)"

static espy_err store_event_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_event *v = item;
    *v = (espy_event){.id = ops->integer(rows, 0),
                      .time = ops->real(rows, 1),
                      .label = ops->integer(rows, 4),
                      .sample = ops->integer(rows, 5),
                      .version = ops->integer(rows, 6),
                      .collection = ops->integer(rows, 8),
                      .undoable = ops->integer(rows, 9) != 0,
                      .undone = ops->integer(rows, 10) != 0};
    ESPY_TRY(espy_db_text(cx, st, rows, 2, &v->actor));
    ESPY_TRY(espy_db_text(cx, st, rows, 3, &v->action));
    return espy_db_text(cx, st, rows, 7, &v->detail);
}

#define STORE_EVENTS "SELECT " STORE_EVENT_FIELDS " FROM events e WHERE "
#define STORE_EVENTS_IN STORE_EVENTS "e.collection = $1"
#define STORE_EVENTS_OF                                           \
    STORE_EVENTS "($1 = 0 OR EXISTS (SELECT 1 FROM collections c" \
                 " WHERE c.id = e.collection AND c.owner = $1))"
#define STORE_EVENTS_ONLY " AND ($3 = 0 OR (" STORE_EVENT_UNDOABLE "))"
#define STORE_EVENTS_UP " AND e.id > $2" STORE_EVENTS_ONLY " ORDER BY e.id LIMIT $4"
#define STORE_EVENTS_DOWN " AND e.id < $2" STORE_EVENTS_ONLY " ORDER BY e.id DESC LIMIT $4"

espy_err espy_store_events_page(espy_ctx *cx, espy_store *st, const espy_event_filter *f,
                                int64_t cursor, size_t max, espy_event **out, size_t *n)
{
    static const char in_up[] = STORE_EVENTS_IN STORE_EVENTS_UP;
    static const char in_down[] = STORE_EVENTS_IN STORE_EVENTS_DOWN;
    static const char of_up[] = STORE_EVENTS_OF STORE_EVENTS_UP;
    static const char of_down[] = STORE_EVENTS_OF STORE_EVENTS_DOWN;
    static const espy_db_items items = {sizeof **out, store_event_row, store_event_drop};
    const char *sql = f->collection ? (f->newest ? in_down : in_up) : (f->newest ? of_down : of_up);
    int64_t limit = max > INT64_MAX ? INT64_MAX : (int64_t)max;
    return espy_db_list(cx, st, sql,
                        DB_ARGS(DB_INT(f->collection ? f->collection : f->owner),
                                DB_INT(f->newest && cursor == 0 ? INT64_MAX : cursor),
                                DB_INT(f->undoable), DB_INT(limit)),
                        &items, out, n);
}

espy_err espy_store_events(espy_ctx *cx, espy_store *st, int64_t collection, int64_t after,
                           size_t max, espy_event **out, size_t *n)
{
    const espy_event_filter f = {.collection = collection};
    return espy_store_events_page(cx, st, &f, after, max, out, n);
}

espy_err espy_store_events_of(espy_ctx *cx, espy_store *st, int64_t owner, int64_t after,
                              size_t max, espy_event **out, size_t *n)
{
    return espy_store_events_page(cx, st, &(espy_event_filter){.owner = owner}, after, max, out, n);
}

espy_err espy_store_events_last(espy_ctx *cx, espy_store *st, int64_t *id)
{
    static const char sql[] = "SELECT COALESCE(max(id), 0) FROM events";
    return espy_db_number(cx, st, sql, NULL, 0, id);
}

void espy_events_free(espy_ctx *cx, espy_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        store_event_drop(cx, &events[i]);
    espy_free(cx, events);
}
