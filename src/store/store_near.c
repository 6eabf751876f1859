/* SPDX-License-Identifier: Apache-2.0
 * store - nearest samples: an exact scan everywhere; on PostgreSQL, where the extension pgvector
 * can be had, candidates from an HNSW index of cosines, ranked exactly (docs/decisions/018).
 *
 * The index is a table near_<dim> beside the embeddings, as `vector`, above 2000 dimensions as
 * `halfvec`.  near_encoders names the encoders that are in it; a trigger on embeddings queues what
 * comes later in near_queue, and whoever asks next puts that in.  What is deleted goes by itself.
 */
#include "store/near.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

#define NEAR_VECTOR_DIM 2000  /* the most that an index of `vector` takes */
#define NEAR_HALFVEC_DIM 4000 /* and one of `halfvec` */
#define NEAR_DIM_MAX 65536

/* -- ranking ----------------------------------------------------------------------------------- */
/* The best so far, best first. */
typedef struct near_list {
    espy_near *at;
    size_t n, k;
} near_list;

static void near_offer(near_list *l, espy_near v)
{
    size_t i = l->n < l->k ? l->n++ : l->k;
    for (; i > 0; i--) {
        const espy_near *b = &l->at[i - 1];
        if (b->similarity > v.similarity || (b->similarity == v.similarity && b->sample < v.sample))
            break;
        if (i < l->k)
            l->at[i] = *b;
    }
    if (i < l->k)
        l->at[i] = v;
}

static float near_cosine(const float *x, const float *y, size_t dim)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < dim; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xx > 0 && yy > 0 ? (float)(xy / sqrt(xx * yy)) : 0;
}

/* Offers every row of (sample, label, vector). */
static espy_err near_rank(espy_ctx *cx, espy_store *st, const char *sql, const espy_db_value *args,
                          size_t args_n, const float *x, size_t dim, near_list *l)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    float *y = espy_floats(cx, dim);
    if (y == NULL)
        return ESPY_E_NOMEM;
    ESPY_GO(ops->query(cx, st->db, sql, args, args_n, &rows));
    for (;;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        size_t same = dim;
        ESPY_GO(espy_db_vector(cx, st, rows, 2, 1, &same, &y, 0));
        near_offer(l, (espy_near){.sample = ops->integer(rows, 0),
                                  .label = ops->integer(rows, 1),
                                  .similarity = near_cosine(x, y, dim)});
    }
out:
    ops->done(rows);
    espy_free(cx, y);
    return e;
}

static espy_err near_scan(espy_ctx *cx, espy_store *st, int64_t collection, const char *encoder,
                          const float *x, size_t dim, int64_t but, near_list *l)
{
    static const char sql[] =
        "SELECT s.id, s.label, e.vector FROM labels l JOIN samples s ON s.label = l.id"
        " JOIN media m ON m.id = s.media AND m.deleted IS NULL"
        " JOIN embeddings e ON e.sample = s.id AND e.encoder_digest = $1"
        " WHERE l.collection = $2 AND l.deleted IS NULL AND s.id <> $3";
    l->n = 0;
    return near_rank(cx, st, sql, DB_ARGS(DB_TEXT(encoder), DB_INT(collection), DB_INT(but)), x,
                     dim, l);
}

/* -- the index --------------------------------------------------------------------------------- */
/* Of one encoder.  The statements stay as long as the connection, which knows them by address. */
struct espy_near_index {
    espy_near_index *next;
    char *encoder;
    char *insert, *find;
};

void espy_near_free(espy_ctx *cx, espy_store *st)
{
    for (espy_near_index *i = st->near, *next; i != NULL; i = next) {
        next = i->next;
        espy_free(cx, i->encoder);
        espy_free(cx, i->insert);
        espy_free(cx, i->find);
        espy_free(cx, i);
    }
    st->near = NULL;
    espy_free(cx, st->near_schema);
    st->near_schema = NULL;
}

/* One text, "" when there is none. */
static espy_err near_ask(espy_ctx *cx, espy_store *st, const char *sql, char **out)
{
    espy_db_rows *rows = NULL;
    bool more = false;
    ESPY_TRY(st->db->ops->query(cx, st->db, sql, NULL, 0, &rows));
    espy_err e = st->db->ops->next(cx, rows, &more);
    if (e == ESPY_E_OK && more)
        e = espy_db_text(cx, st, rows, 0, out);
    st->db->ops->done(rows);
    if (e == ESPY_E_OK && *out == NULL) {
        *out = espy_strdup(cx, "");
        e = *out == NULL ? ESPY_E_NOMEM : ESPY_E_OK;
    }
    return e;
}

/* Finds the extension, or makes it where that is allowed; asked once.  near_schema becomes the
 * schema that it is in, quoted, or "" where it cannot be had. */
static espy_err near_extension(espy_ctx *cx, espy_store *st)
{
    static const char schema[] = "SELECT quote_ident(n.nspname) FROM pg_extension e"
                                 " JOIN pg_namespace n ON n.oid = e.extnamespace"
                                 " WHERE e.extname = 'vector'";
    static const char version[] = "SELECT extversion FROM pg_extension WHERE extname = 'vector'";
    char *text = NULL, *found = NULL;
    if (st->near_schema != NULL)
        return ESPY_E_OK;
    espy_ctx sub = espy_ctx_child(cx);
    if (st->db->ops->run(&sub, st->db, "CREATE EXTENSION IF NOT EXISTS vector SCHEMA public") !=
        ESPY_E_OK)
        espy_log(cx, ESPY_LOG_DEBUG, "no pgvector: %s", sub.text);
    ESPY_TRY(near_ask(cx, st, schema, &found));
    espy_err e = near_ask(cx, st, version, &text);
    if (e == ESPY_E_OK) {
        unsigned major = 0, minor = 0;
        (void)sscanf(text, "%u.%u", &major, &minor);
        st->near_version = (int)(major * 100 + minor);
        if (st->near_version < 5 || strlen(found) > 100) /* HNSW came with 0.5 */
            found[0] = '\0';
        st->near_schema = found;
        found = NULL;
    }
    espy_free(cx, text);
    espy_free(cx, found);
    return e;
}

/* The type and its operators for a dimension; NULL: no index takes it. */
static const char *near_type(const espy_store *st, size_t dim)
{
    if (dim <= NEAR_VECTOR_DIM)
        return "vector";
    return dim <= NEAR_HALFVEC_DIM && st->near_version >= 7 ? "halfvec" : NULL;
}

/* Runs statements in which %S is the extension's schema, %T the type and %D the dimension. */
static espy_err near_run(espy_ctx *cx, espy_store *st, const char *type, size_t dim,
                         const char *const *statements, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        espy_buf sql;
        espy_err e = ESPY_E_OK;
        espy_buf_init(&sql, 4096);
        for (const char *p = statements[i]; *p != '\0' && e == ESPY_E_OK; p++) {
            if (*p != '%')
                e = espy_buf_append(cx, &sql, p, 1);
            else if (*++p == 'D')
                e = espy_buf_printf(cx, &sql, "%zu", dim);
            else
                e = espy_buf_text(cx, &sql, *p == 'S' ? st->near_schema : type);
        }
        if (e == ESPY_E_OK)
            e = st->db->ops->run(cx, st->db, (const char *)sql.data);
        espy_buf_free(cx, &sql);
        ESPY_TRY(e);
    }
    return ESPY_E_OK;
}

/* Tables and trigger. */
static const char *const near_tables[] = {
    ("CREATE TABLE IF NOT EXISTS near_encoders (encoder_digest TEXT COLLATE \"C\" PRIMARY KEY)"),
    ("CREATE TABLE IF NOT EXISTS near_queue (sample BIGINT NOT NULL,"
     " encoder_digest TEXT COLLATE \"C\" NOT NULL, PRIMARY KEY (encoder_digest, sample),"
     " FOREIGN KEY (sample, encoder_digest) REFERENCES embeddings ON DELETE CASCADE)"),
    ("CREATE TABLE IF NOT EXISTS near_%D (sample BIGINT NOT NULL,"
     " encoder_digest TEXT COLLATE \"C\" NOT NULL, v %S.%T(%D) NOT NULL,"
     " PRIMARY KEY (sample, encoder_digest),"
     " FOREIGN KEY (sample, encoder_digest) REFERENCES embeddings ON DELETE CASCADE)"),
    ("CREATE OR REPLACE FUNCTION espy_near_queue() RETURNS trigger LANGUAGE plpgsql AS $$"
     " BEGIN IF EXISTS (SELECT 1 FROM near_encoders n"
     " WHERE n.encoder_digest = NEW.encoder_digest) THEN"
     " INSERT INTO near_queue VALUES (NEW.sample, NEW.encoder_digest) ON CONFLICT DO NOTHING;"
     " END IF; RETURN NULL; END $$"),
    ("CREATE OR REPLACE TRIGGER embeddings_near AFTER INSERT ON embeddings FOR EACH ROW"
     " EXECUTE FUNCTION espy_near_queue()")};
/* After the first filling: an index is made faster than it grows. */
static const char *const near_hnsw[] = {
    ("CREATE INDEX IF NOT EXISTS near_%D_v ON near_%D USING hnsw (v %S.%T_cosine_ops)"),
    ("ANALYZE near_%D")};

/* A vector as the extension reads it: "[0.5,...]". */
static espy_err near_text(espy_ctx *cx, const float *x, size_t dim, espy_buf *out)
{
    out->size = 0;
    for (size_t i = 0; i < dim; i++)
        ESPY_TRY(espy_buf_printf(cx, out, "%s%.9g", i == 0 ? "[" : ",", (double)x[i]));
    return espy_buf_text(cx, out, "]");
}

/* Puts the next ones that are queued for the encoder into the table; inside a transaction. */
static espy_err near_fill(espy_ctx *cx, espy_store *st, const espy_near_index *index, size_t dim)
{
    static const char next[] = "SELECT q.sample, e.vector FROM near_queue q JOIN embeddings e"
                               " ON e.sample = q.sample AND e.encoder_digest = q.encoder_digest"
                               " WHERE q.encoder_digest = $1 ORDER BY q.sample LIMIT 500";
    static const char done[] = "DELETE FROM near_queue WHERE encoder_digest = $1 AND sample <= $2";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_buf text;
    int64_t last = 0;
    bool more = false;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, (size_t)1 << 20);
    float *y = espy_floats(cx, dim);
    if (y == NULL)
        return ESPY_E_NOMEM;
    ESPY_GO(ops->query(cx, st->db, next, DB_ARGS(DB_TEXT(index->encoder)), &rows));
    for (;;) {
        size_t same = dim;
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            break;
        last = ops->integer(rows, 0);
        ESPY_GO(espy_db_vector(cx, st, rows, 1, 1, &same, &y, 0));
        ESPY_GO(near_text(cx, y, dim, &text));
        ESPY_GO(espy_db_exec(
            cx, st, index->insert,
            DB_ARGS(DB_INT(last), DB_TEXT(index->encoder), DB_TEXT((const char *)text.data))));
    }
    e = espy_db_exec(cx, st, done, DB_ARGS(DB_TEXT(index->encoder), DB_INT(last)));
out:
    ops->done(rows);
    espy_buf_free(cx, &text);
    espy_free(cx, y);
    return e;
}

/* The statements of an encoder, made once. */
static espy_err near_index(espy_ctx *cx, espy_store *st, const char *encoder, const char *type,
                           size_t dim, espy_near_index **out)
{
    for (espy_near_index *i = st->near; i != NULL; i = i->next) {
        if (strcmp(i->encoder, encoder) == 0) {
            *out = i;
            return ESPY_E_OK;
        }
    }
    const char *s = st->near_schema;
    espy_near_index *i = espy_zalloc(cx, sizeof *i);
    if (i == NULL)
        return ESPY_E_NOMEM;
    i->next = st->near;
    st->near = i;
    i->insert = espy_sprintf(cx,
                             "INSERT INTO near_%zu (sample, encoder_digest, v)"
                             " VALUES ($1, $2, CAST($3 AS %s.%s)) ON CONFLICT DO NOTHING",
                             dim, s, type);
    i->find = espy_sprintf(cx,
                           "SELECT s.id, s.label, e.vector FROM near_%zu v"
                           " JOIN samples s ON s.id = v.sample JOIN labels l ON l.id = s.label"
                           " JOIN media m ON m.id = s.media AND m.deleted IS NULL"
                           " JOIN embeddings e ON e.sample = v.sample"
                           " AND e.encoder_digest = v.encoder_digest"
                           " WHERE v.encoder_digest = $1 AND l.collection = $2"
                           " AND l.deleted IS NULL AND v.sample <> $3"
                           " ORDER BY v.v OPERATOR(%s.<=>) CAST($4 AS %s.%s) LIMIT $5",
                           dim, s, s, type);
    i->encoder = espy_strdup(cx, encoder);
    if (i->insert == NULL || i->find == NULL || i->encoder == NULL) {
        st->near = i->next;
        espy_free(cx, i->insert);
        espy_free(cx, i->find);
        espy_free(cx, i->encoder);
        espy_free(cx, i);
        return ESPY_E_NOMEM;
    }
    *out = i;
    return ESPY_E_OK;
}

/* Makes the tables and queues the encoder's embeddings of before, once. */
static espy_err near_begin(espy_ctx *cx, espy_store *st, const espy_near_index *index,
                           const char *type, size_t dim)
{
    static const char name[] = "INSERT INTO near_encoders VALUES ($1) ON CONFLICT DO NOTHING"
                               " RETURNING 1";
    static const char all[] = "INSERT INTO near_queue SELECT sample, encoder_digest FROM embeddings"
                              " WHERE encoder_digest = $1 ON CONFLICT DO NOTHING";
    bool first = false;
    int64_t one;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(near_run(cx, st, type, dim, near_tables, sizeof near_tables / sizeof near_tables[0]));
    ESPY_GO(espy_db_find(cx, st, name, DB_ARGS(DB_TEXT(index->encoder)), &first, &one));
    if (first)
        ESPY_GO(espy_db_exec(cx, st, all, DB_ARGS(DB_TEXT(index->encoder))));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* Takes in all that is queued, in several transactions: other writers have their turn in between.
 */
static espy_err near_drain(espy_ctx *cx, espy_store *st, const espy_near_index *index, size_t dim)
{
    static const char queued[] = "SELECT sample FROM near_queue WHERE encoder_digest = $1 LIMIT 1";
    int64_t sample;
    bool more = false;
    for (;;) {
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(espy_db_find(cx, st, queued, DB_ARGS(DB_TEXT(index->encoder)), &more, &sample));
        if (!more)
            return ESPY_E_OK;
        ESPY_TRY(espy_store_begin(cx, st));
        espy_err e = near_fill(cx, st, index, dim);
        if (e == ESPY_E_OK)
            e = espy_store_commit(cx, st);
        if (e != ESPY_E_OK) {
            espy_store_rollback(cx, st);
            return e;
        }
    }
}

/* Makes sure that everything is in the index. */
static espy_err near_ready(espy_ctx *cx, espy_store *st, const espy_near_index *index,
                           const char *type, size_t dim)
{
    static const char there[] = "SELECT to_regclass('near_encoders') IS NOT NULL";
    static const char named[] = "SELECT count(*) FROM near_encoders WHERE encoder_digest = $1";
    static const char indexed[] = "SELECT to_regclass($1) IS NOT NULL";
    char name[32];
    int64_t n = 0;
    ESPY_TRY(espy_db_number(cx, st, there, NULL, 0, &n));
    if (n != 0)
        ESPY_TRY(espy_db_number(cx, st, named, DB_ARGS(DB_TEXT(index->encoder)), &n));
    if (n == 0)
        ESPY_TRY(near_begin(cx, st, index, type, dim));
    ESPY_TRY(near_drain(cx, st, index, dim));
    snprintf(name, sizeof name, "near_%zu_v", dim);
    ESPY_TRY(espy_db_number(cx, st, indexed, DB_ARGS(DB_TEXT(name)), &n));
    return n != 0 ? ESPY_E_OK : near_run(cx, st, type, dim, near_hnsw, 2);
}

/* Candidates of the index, ranked.  The scan goes on until enough of them are of the collection
 * (pgvector 0.8; before that the first 400 have to do). */
static espy_err near_candidates(espy_ctx *cx, espy_store *st, const espy_near_index *index,
                                int64_t collection, const float *x, size_t dim, int64_t but,
                                near_list *l)
{
    static const char go_on[] = "SELECT set_config('hnsw.iterative_scan', 'strict_order', true)";
    /* without a sort the order has to come from the index, whatever the server thinks of it */
    static const char wide[] =
        "SELECT set_config('hnsw.ef_search', $1, true), set_config('enable_sort', 'off', true)";
    char ef[16];
    espy_buf text;
    espy_err e = ESPY_E_OK;
    size_t want = 4 * l->k + 32;
    espy_buf_init(&text, (size_t)1 << 20);
    snprintf(ef, sizeof ef, "%zu", st->near_version < 8 ? 400 : want < 1000 ? want : (size_t)1000);
    l->n = 0;
    ESPY_TRY(st->db->ops->begin(cx, st->db, false));
    ESPY_GO(near_text(cx, x, dim, &text));
    ESPY_GO(espy_db_exec(cx, st, wide, DB_ARGS(DB_TEXT(ef))));
    if (st->near_version >= 8)
        ESPY_GO(espy_db_exec(cx, st, go_on, NULL, 0));
    e = near_rank(cx, st, index->find,
                  DB_ARGS(DB_TEXT(index->encoder), DB_INT(collection), DB_INT(but),
                          DB_TEXT((const char *)text.data), DB_INT((int64_t)want)),
                  x, dim, l);
out:
    espy_store_rollback(cx, st);
    espy_buf_free(cx, &text);
    return e;
}

espy_err espy_store_nearest(espy_ctx *cx, espy_store *st, int64_t collection,
                            const char *encoder_digest, const float *x, size_t dim, size_t k,
                            int64_t but, espy_near *out, size_t *n)
{
    near_list l = {.at = out, .k = k};
    espy_near_index *index = NULL;
    *n = 0;
    if (dim == 0 || dim > NEAR_DIM_MAX)
        return espy_fail(cx, ESPY_E_ARG, "no embedding has %zu numbers", dim);
    for (size_t i = 0; i < dim; i++) {
        if (!isfinite(x[i]))
            return espy_fail(cx, ESPY_E_ARG, "a vector holds numbers that are not finite");
    }
    if (k == 0)
        return ESPY_E_OK;
    if (st->db->ops->server && st->db->depth == 0) {
        ESPY_TRY(near_extension(cx, st));
        const char *type = st->near_schema[0] == '\0' ? NULL : near_type(st, dim);
        if (type != NULL) {
            ESPY_TRY(near_index(cx, st, encoder_digest, type, dim, &index));
            ESPY_TRY(near_ready(cx, st, index, type, dim));
            ESPY_TRY(near_candidates(cx, st, index, collection, x, dim, but, &l));
        }
    }
    if (l.n < k) /* no index, or it gave too few: everything is looked at */
        ESPY_TRY(near_scan(cx, st, collection, encoder_digest, x, dim, but, &l));
    *n = l.n;
    return ESPY_E_OK;
}
