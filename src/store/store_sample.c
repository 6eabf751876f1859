/* SPDX-License-Identifier: Apache-2.0
 * store - media rows, scans, samples, embeddings, labels on samples, training vectors.
 *
 * A vector is kept as 32-bit IEEE 754 numbers, little-endian, without a header; its length tells
 * the dimension. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "store/group.h"
#include "store/store_internal.h"

#define SAMPLE_POINTS 10 /* five points, x and y */
#define SAMPLE_DIM_MAX 65536

static void sample_pack(const float *x, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, &x[i], sizeof u);
        out[4 * i] = (uint8_t)u;
        out[4 * i + 1] = (uint8_t)(u >> 8);
        out[4 * i + 2] = (uint8_t)(u >> 16);
        out[4 * i + 3] = (uint8_t)(u >> 24);
    }
}

static void sample_unpack(const uint8_t *p, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++, p += 4) {
        uint32_t u =
            (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        memcpy(&out[i], &u, sizeof u);
    }
}

static espy_err sample_damaged(espy_ctx *cx, const espy_store *st, const char *what)
{
    return espy_fail(cx, ESPY_E_FORMAT,
                     "%s: %s; restore a backup, or move the store away and train again", st->dir,
                     what);
}

float espy_box_overlap(const float a[4], const float b[4])
{
    const bool flat = a[3] == 0 && b[3] == 0;
    float high_a = flat ? 1 : a[3], high_b = flat ? 1 : b[3];
    float w = fminf(a[0] + a[2], b[0] + b[2]) - fmaxf(a[0], b[0]);
    float h = fminf(a[1] + high_a, b[1] + high_b) - fmaxf(a[1], b[1]);
    if (w <= 0 || h <= 0)
        return 0;
    return w * h / (a[2] * high_a + b[2] * high_b - w * h);
}

/* -- media ------------------------------------------------------------------------------------- */
/* A media that was taken away is there again; its session may not be. */
static espy_err sample_media_again(espy_ctx *cx, espy_store *st, int64_t collection, int64_t id)
{
    static const char sql[] =
        "UPDATE media SET deleted = NULL, created = $1, session = CASE WHEN EXISTS (SELECT 1"
        " FROM sessions s WHERE s.id = media.session AND s.deleted IS NULL) THEN session END"
        " WHERE id = $2";
    espy_json *detail = espy_json_object();
    espy_err e = espy_json_set(cx, detail, "media", espy_json_of_int(id));
    if (e == ESPY_E_OK)
        e = espy_db_exec(cx, st, sql, DB_ARGS(DB_REAL(espy_time_now()), DB_INT(id)));
    if (e == ESPY_E_OK)
        return espy_store_event_add(cx, st, collection, "job", "media.restore", 0, 0, 0, detail);
    espy_json_free(detail);
    return e;
}

/* Finds or creates the media row. */
static espy_err sample_media_row(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const char *digest, int64_t bytes, const char *source, int64_t *id)
{
    static const char find[] = "SELECT id FROM media WHERE collection = $1 AND digest = $2";
    static const char insert[] = "INSERT INTO media (collection, digest, bytes, source, created)"
                                 " VALUES ($1, $2, $3, $4, $5) RETURNING id";
    static const char gone[] = "SELECT id FROM media WHERE id = $1 AND deleted IS NOT NULL";
    bool found = false;
    ESPY_TRY(espy_db_find(cx, st, find, DB_ARGS(DB_INT(collection), DB_TEXT(digest)), &found, id));
    if (found) {
        ESPY_TRY(espy_db_find(cx, st, gone, DB_ARGS(DB_INT(*id)), &found, id));
        return found ? sample_media_again(cx, st, collection, *id) : ESPY_E_OK;
    }
    return espy_db_number(cx, st, insert,
                          DB_ARGS(DB_INT(collection), DB_TEXT(digest), DB_INT(bytes),
                                  DB_TEXT(source == NULL ? "" : source), DB_REAL(espy_time_now())),
                          id);
}

espy_err espy_store_media(espy_ctx *cx, espy_store *st, int64_t collection, espy_span bytes,
                          const char *digest, const char *source, int64_t *id)
{
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_media_put(cx, st, bytes, digest));
    ESPY_GO(sample_media_row(cx, st, collection, digest, (int64_t)bytes.size, source, id));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* -- reading a scan ---------------------------------------------------------------------------- */
void espy_scan_free(espy_ctx *cx, espy_scan *s)
{
    espy_free(cx, s->error);
    espy_free(cx, s->at);
    espy_free(cx, s->vectors);
    *s = (espy_scan){0};
}

espy_err espy_db_points(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, bool *there,
                        float out[SAMPLE_POINTS])
{
    espy_span v = {0};
    *there = !st->db->ops->is_null(rows, column);
    if (!*there)
        return ESPY_E_OK;
    ESPY_TRY(st->db->ops->bytes(cx, rows, column, &v));
    if (v.size != SAMPLE_POINTS * 4)
        return sample_damaged(cx, st, "a sample's points are damaged");
    sample_unpack(v.data, SAMPLE_POINTS, out);
    return ESPY_E_OK;
}

espy_err espy_db_vector(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, size_t n,
                        size_t *dim, float **x, size_t at)
{
    espy_span v = {0};
    ESPY_TRY(st->db->ops->bytes(cx, rows, column, &v));
    size_t d = v.size / 4;
    if (v.size == 0 || v.size % 4 != 0 || d > SAMPLE_DIM_MAX || (*dim != 0 && d != *dim))
        return sample_damaged(cx, st, "embeddings of one encoder have different lengths");
    if (*dim == 0) {
        size_t total;
        if (!espy_mul_size(n, d, &total))
            return espy_fail(cx, ESPY_E_LIMIT, "too many embeddings");
        *x = espy_floats(cx, total);
        if (*x == NULL)
            return ESPY_E_NOMEM;
        *dim = d;
    }
    sample_unpack(v.data, d, *x + at * d);
    return ESPY_E_OK;
}

/* One row of the query in sample_scan_load(). */
static espy_err sample_scan_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, espy_scan *s,
                                size_t at)
{
    const espy_db_ops *ops = st->db->ops;
    espy_scan_sample *p = &s->at[at];
    p->id = ops->integer(rows, 0);
    p->label = ops->integer(rows, 1);
    for (int k = 0; k < 4; k++)
        p->box[k] = (float)ops->real(rows, 2 + k);
    ESPY_TRY(espy_db_points(cx, st, rows, 6, &p->has_points, p->points));
    p->whole = ops->integer(rows, 7) != 0;
    p->score = (float)ops->real(rows, 8);
    p->sharpness = (float)ops->real(rows, 9);
    if (ops->is_null(rows, 10))
        return ESPY_E_OK;
    ESPY_TRY(espy_db_vector(cx, st, rows, 10, s->n, &s->dim, &s->vectors, at));
    p->embedding = s->vectors + at * s->dim;
    return ESPY_E_OK;
}

/* Fills the samples of a scan.  In a collection of its own those that were taken away are left out;
 * of another one all are read, for what was said there is not said here. */
static espy_err sample_scan_load(espy_ctx *cx, espy_store *st, int64_t scan, bool own,
                                 const char *encoder_digest, espy_scan *s)
{
    static const char count[] = "SELECT count(*) FROM scan_samples WHERE scan = $1";
    static const char sql[] =
        "SELECT s.id, s.label, s.box_x, s.box_y, s.box_w, s.box_h, s.points, s.whole, s.score,"
        " s.sharpness, e.vector, s.deleted FROM scan_samples x JOIN samples s ON s.id = x.sample"
        " LEFT JOIN embeddings e ON e.encoder_digest = $1 AND e.sample = s.id"
        " WHERE x.scan = $2 ORDER BY x.position";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    int64_t n = 0;
    size_t kept = 0;
    bool more = false;
    ESPY_TRY(espy_db_number(cx, st, count, DB_ARGS(DB_INT(scan)), &n));
    s->at = espy_array(cx, (size_t)n, sizeof *s->at);
    if (s->at == NULL)
        return ESPY_E_NOMEM;
    s->n = (size_t)n; /* there is room for so many */
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_TEXT(encoder_digest), DB_INT(scan)), &rows));
    for (size_t i = 0; i <= (size_t)n; i++) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (more != (i < (size_t)n)) {
            e = sample_damaged(cx, st, "a scan has other samples than it should");
            goto out;
        }
        if (more && own && !ops->is_null(rows, 11))
            s->gone++;
        else if (more)
            ESPY_GO(sample_scan_row(cx, st, rows, s, kept++));
    }
    s->n = kept;
out:
    ops->done(rows);
    return e;
}

/* What the row of a scan says, apart from its samples. */
typedef struct sample_found {
    int64_t scan, collection, bytes;
    bool gone; /* its media was taken away */
    char *detector_digest, *source;
} sample_found;

static void sample_found_free(espy_ctx *cx, sample_found *f)
{
    espy_free(cx, f->detector_digest);
    espy_free(cx, f->source);
}

/* Looks for a scan, in this collection first.  f->scan stays 0 when nobody has made one. */
static espy_err sample_scan_find(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const char *digest, const char *mode, const char *encoder_digest,
                                 espy_scan *s, sample_found *f)
{
    static const char sql[] =
        "SELECT c.id, m.id, m.collection, m.bytes, c.width, c.height, c.error, c.detector_digest,"
        " m.source, m.deleted FROM media m JOIN scans c ON c.media = m.id"
        " WHERE m.digest = $1 AND c.mode = $2 AND c.encoder_digest = $3"
        " ORDER BY m.collection = $4 DESC, c.id LIMIT 1";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(
        cx, st->db, sql,
        DB_ARGS(DB_TEXT(digest), DB_TEXT(mode), DB_TEXT(encoder_digest), DB_INT(collection)),
        &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (!more)
        goto out;
    f->scan = ops->integer(rows, 0);
    s->media = ops->integer(rows, 1);
    f->collection = ops->integer(rows, 2);
    f->bytes = ops->integer(rows, 3);
    f->gone = !ops->is_null(rows, 9);
    s->width = (int)ops->integer(rows, 4);
    s->height = (int)ops->integer(rows, 5);
    ESPY_GO(espy_db_text(cx, st, rows, 6, &s->error));
    ESPY_GO(espy_db_text(cx, st, rows, 7, &f->detector_digest));
    ESPY_GO(espy_db_text(cx, st, rows, 8, &f->source));
out:
    ops->done(rows);
    return e;
}

/* Files another collection's scan in this one. */
static espy_err sample_scan_copy(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const char *digest, const char *mode, const char *encoder_digest,
                                 const sample_found *f, espy_scan *s)
{
    espy_err e = ESPY_E_OK;
    int64_t media = 0;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(sample_media_row(cx, st, collection, digest, f->bytes, f->source, &media));
    ESPY_GO(espy_store_scan_put(cx, st, media, mode, encoder_digest, f->detector_digest, s));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* Whoever asks for a scan to keep it brings the media back. */
static espy_err sample_scan_again(espy_ctx *cx, espy_store *st, int64_t collection,
                                  const char *digest, const sample_found *f)
{
    espy_err e = ESPY_E_OK;
    int64_t media = 0;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(sample_media_row(cx, st, collection, digest, f->bytes, f->source, &media));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

/* Reads a scan of this collection, or of another one, as f->collection then tells. */
static espy_err sample_scan_read(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const char *digest, const char *mode, const char *encoder_digest,
                                 espy_scan *s, sample_found *f)
{
    /* one reading transaction, so that the row and its samples are of one moment */
    ESPY_TRY(st->db->ops->begin(cx, st->db, false));
    espy_err e = sample_scan_find(cx, st, collection, digest, mode, encoder_digest, s, f);
    if (e == ESPY_E_OK && f->scan != 0)
        e = sample_scan_load(cx, st, f->scan, f->collection == collection, encoder_digest, s);
    espy_store_rollback(cx, st);
    if (e == ESPY_E_OK && f->scan == 0)
        return ESPY_E_NOT_FOUND; /* the common case of a new media: nothing to note */
    return e;
}

espy_err espy_store_scan_get(espy_ctx *cx, espy_store *st, int64_t collection,
                             const char *media_digest, const char *mode, const char *encoder_digest,
                             espy_scan *out)
{
    espy_scan s = {0};
    sample_found f = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(sample_scan_read(cx, st, collection, media_digest, mode, encoder_digest, &s, &f));
    if (f.collection != collection) {
        ESPY_GO(sample_scan_copy(cx, st, collection, media_digest, mode, encoder_digest, &f, &s));
        /* again from here: a sample that this collection had keeps its own embedding */
        sample_found_free(cx, &f);
        espy_scan_free(cx, &s);
        f = (sample_found){0};
        ESPY_GO(sample_scan_read(cx, st, collection, media_digest, mode, encoder_digest, &s, &f));
    }
    if (f.gone)
        ESPY_GO(sample_scan_again(cx, st, collection, media_digest, &f));
    *out = s;
    s = (espy_scan){0};
out:
    sample_found_free(cx, &f);
    espy_scan_free(cx, &s);
    return e;
}

espy_err espy_store_scan_read(espy_ctx *cx, espy_store *st, int64_t collection,
                              const char *media_digest, const char *mode,
                              const char *encoder_digest, bool *own, espy_scan *out)
{
    espy_scan s = {0};
    sample_found f = {0};
    espy_err e = sample_scan_read(cx, st, collection, media_digest, mode, encoder_digest, &s, &f);
    *own = f.collection == collection && !f.gone;
    if (e == ESPY_E_OK && !*own) {
        s.media = 0;
        for (size_t i = 0; i < s.n; i++)
            s.at[i].id = s.at[i].label = 0;
    }
    if (e == ESPY_E_OK)
        *out = s;
    else
        espy_scan_free(cx, &s);
    sample_found_free(cx, &f);
    return e;
}

/* -- writing a scan ---------------------------------------------------------------------------- */
static espy_err sample_check(espy_ctx *cx, const espy_scan *s)
{
    if (s->dim > SAMPLE_DIM_MAX || (s->n > 0 && s->at == NULL))
        return espy_fail(cx, ESPY_E_ARG, "a scan of dimension %zu cannot be stored", s->dim);
    for (size_t i = 0; i < s->n; i++) {
        const espy_scan_sample *p = &s->at[i];
        bool fine = isfinite(p->score) && isfinite(p->sharpness);
        for (int k = 0; k < 4; k++)
            fine = fine && isfinite(p->box[k]);
        for (int k = 0; p->has_points && k < SAMPLE_POINTS; k++)
            fine = fine && isfinite(p->points[k]);
        for (size_t k = 0; p->embedding != NULL && k < s->dim; k++)
            fine = fine && isfinite(p->embedding[k]);
        if (!fine || (p->embedding != NULL && s->dim == 0))
            return espy_fail(cx, ESPY_E_ARG,
                             "sample %zu of a scan holds numbers that are not finite", i);
    }
    return ESPY_E_OK;
}

/* Finds or creates the row of one sample and puts it at its place in the scan.  *gone: it was taken
 * away and stays so; with s->again it is there again, and nobody has said anything of it. */
static espy_err sample_put(espy_ctx *cx, espy_store *st, int64_t scan, const espy_scan *s,
                           size_t at, const char *detector_digest, int64_t *id, int64_t *label,
                           bool *gone)
{
    static const char find[] =
        "SELECT id FROM samples WHERE media = $1 AND detector_digest = $2 AND whole = $3"
        " AND abs(box_x - $4) < 0.5 AND abs(box_y - $5) < 0.5"
        " AND abs(box_x + box_w - $6) < 0.5 AND abs(box_y + box_h - $7) < 0.5"
        " AND id NOT IN (SELECT sample FROM scan_samples WHERE scan = $8) ORDER BY id LIMIT 1";
    static const char insert[] =
        "INSERT INTO samples (media, detector_digest, box_x, box_y, box_w, box_h, points, whole, "
        "score,"
        " sharpness, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id";
    static const char link[] =
        "INSERT INTO scan_samples (scan, position, sample) VALUES ($1, $2, $3)";
    static const char labelled[] = "SELECT label FROM samples WHERE id = $1";
    static const char again[] = "UPDATE samples SET deleted = NULL, labelled_by = NULL"
                                " WHERE id = $1 AND deleted IS NOT NULL";
    static const char away[] = "SELECT id FROM samples WHERE id = $1 AND deleted IS NOT NULL";
    const espy_scan_sample *p = &s->at[at];
    const double box[4] = {p->box[0], p->box[1], p->box[2], p->box[3]};
    uint8_t points[SAMPLE_POINTS * 4];
    int64_t other = 0;
    bool found = false;
    *label = 0;
    ESPY_TRY(espy_db_find(cx, st, find,
                          DB_ARGS(DB_INT(s->media), DB_TEXT(detector_digest), DB_INT(p->whole),
                                  DB_REAL(box[0]), DB_REAL(box[1]), DB_REAL(box[0] + box[2]),
                                  DB_REAL(box[1] + box[3]), DB_INT(scan)),
                          &found, id));
    *gone = false;
    if (found) {
        if (s->again)
            ESPY_TRY(espy_db_exec(cx, st, again, DB_ARGS(DB_INT(*id))));
        else
            ESPY_TRY(espy_db_find(cx, st, away, DB_ARGS(DB_INT(*id)), gone, &other));
        ESPY_TRY(espy_db_number(cx, st, labelled, DB_ARGS(DB_INT(*id)), label));
    } else {
        sample_pack(p->points, SAMPLE_POINTS, points);
        ESPY_TRY(espy_db_number(cx, st, insert,
                                DB_ARGS(DB_INT(s->media), DB_TEXT(detector_digest), DB_REAL(box[0]),
                                        DB_REAL(box[1]), DB_REAL(box[2]), DB_REAL(box[3]),
                                        p->has_points ? DB_BLOB(points, sizeof points) : DB_NONE,
                                        DB_INT(p->whole), DB_REAL((double)p->score),
                                        DB_REAL((double)p->sharpness), DB_REAL(espy_time_now())),
                                id));
    }
    return espy_db_exec(cx, st, link, DB_ARGS(DB_INT(scan), DB_INT((int64_t)at), DB_INT(*id)));
}

/* An embedding that is there stays: versions were trained on it. */
static espy_err sample_embed(espy_ctx *cx, espy_store *st, int64_t sample,
                             const char *encoder_digest, const float *x, size_t dim,
                             uint8_t *scratch)
{
    static const char sql[] = "INSERT INTO embeddings (sample, encoder_digest, vector)"
                              " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    sample_pack(x, dim, scratch);
    return espy_db_exec(
        cx, st, sql, DB_ARGS(DB_INT(sample), DB_TEXT(encoder_digest), DB_BLOB(scratch, dim * 4)));
}

/* The row of the scan itself, new or emptied. */
static espy_err sample_scan_row_put(espy_ctx *cx, espy_store *st, const espy_scan *s,
                                    const char *mode, const char *encoder_digest,
                                    const char *detector_digest, int64_t *id)
{
    static const char media[] = "SELECT id FROM media WHERE id = $1";
    static const char insert[] =
        "INSERT INTO scans (media, mode, encoder_digest, detector_digest, width, height, error, "
        "created)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        " ON CONFLICT (media, mode, encoder_digest) DO UPDATE SET"
        " detector_digest = excluded.detector_digest, width = excluded.width,"
        " height = excluded.height, error = excluded.error, created = excluded.created RETURNING "
        "id";
    static const char clear[] = "DELETE FROM scan_samples WHERE scan = $1";
    bool found = false;
    ESPY_TRY(espy_db_find(cx, st, media, DB_ARGS(DB_INT(s->media)), &found, id));
    if (!found)
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no media %lld", (long long)s->media);
    ESPY_TRY(espy_db_number(cx, st, insert,
                            DB_ARGS(DB_INT(s->media), DB_TEXT(mode), DB_TEXT(encoder_digest),
                                    DB_TEXT(detector_digest), DB_INT(s->width), DB_INT(s->height),
                                    DB_TEXT(s->error), DB_REAL(espy_time_now())),
                            id));
    return espy_db_exec(cx, st, clear, DB_ARGS(DB_INT(*id)));
}

/* Leaves out what was taken away, whose id is 0.  Sample i has row i of the vectors. */
static void sample_scan_shrink(espy_scan *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].id == 0)
            continue;
        espy_scan_sample *to = &s->at[n];
        *to = s->at[i];
        if (to->embedding != NULL && n < i) {
            float *row = s->vectors + n * s->dim;
            memcpy(row, to->embedding, s->dim * sizeof *row);
            to->embedding = row;
        }
        n++;
    }
    s->gone += s->n - n;
    s->n = n;
}

espy_err espy_store_scan_put(espy_ctx *cx, espy_store *st, int64_t media, const char *mode,
                             const char *encoder_digest, const char *detector_digest,
                             espy_scan *scan)
{
    ESPY_TRY(espy_store_check_name(cx, "a scan's mode", mode));
    ESPY_TRY(espy_store_check_name(cx, "the encoder's digest", encoder_digest));
    ESPY_TRY(espy_store_check_name(cx, "the detector's digest", detector_digest));
    ESPY_TRY(sample_check(cx, scan));

    espy_scan s = *scan;
    espy_err e = ESPY_E_OK;
    int64_t id = 0;
    int64_t *made = NULL; /* ids and labels: the caller's scan is touched on success only */
    s.media = media;
    uint8_t *scratch = espy_alloc(cx, s.dim * 4);
    if (scratch == NULL)
        return ESPY_E_NOMEM;
    made = espy_array(cx, s.n, 2 * sizeof *made);
    if (made == NULL) {
        espy_free(cx, scratch);
        return cx->code;
    }
    ESPY_GO(espy_store_begin(cx, st));
    e = sample_scan_row_put(cx, st, &s, mode, encoder_digest, detector_digest, &id);
    for (size_t i = 0; e == ESPY_E_OK && i < s.n; i++) {
        bool gone = false;
        e = sample_put(cx, st, id, &s, i, detector_digest, &made[2 * i], &made[2 * i + 1], &gone);
        if (e == ESPY_E_OK && s.at[i].embedding != NULL)
            e = sample_embed(cx, st, made[2 * i], encoder_digest, s.at[i].embedding, s.dim,
                             scratch);
        if (gone)
            made[2 * i] = 0;
    }
    if (e == ESPY_E_OK)
        e = espy_store_commit(cx, st);
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, st);
        goto out;
    }
    scan->media = media;
    for (size_t i = 0; i < s.n; i++) {
        scan->at[i].id = made[2 * i];
        scan->at[i].label = made[2 * i + 1];
    }
    sample_scan_shrink(scan);
out:
    espy_free(cx, scratch);
    espy_free(cx, made);
    return e;
}

/* -- embeddings under another encoder ---------------------------------------------------------- */
static espy_err sample_bare_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_bare_sample *out = item;
    const espy_db_ops *ops = st->db->ops;
    *out = (espy_bare_sample){.sample = ops->integer(rows, 0),
                              .whole = ops->integer(rows, 7) != 0,
                              .score = (float)ops->real(rows, 8)};
    ESPY_TRY(espy_db_digest(cx, st, rows, 1, out->digest));
    for (int k = 0; k < 4; k++)
        out->box[k] = (float)ops->real(rows, 2 + k);
    return espy_db_points(cx, st, rows, 6, &out->has_points, out->points);
}

espy_err espy_store_bare_samples(espy_ctx *cx, espy_store *st, int64_t collection, int64_t session,
                                 const char *encoder_digest, espy_bare_sample **out, size_t *n)
{
    static const char sql[] =
        "SELECT s.id, m.digest, s.box_x, s.box_y, s.box_w, s.box_h, s.points, s.whole, s.score"
        " FROM media m JOIN samples s ON s.media = m.id WHERE m.collection = $1"
        " AND m.probe = 0 AND m.deleted IS NULL AND s.deleted IS NULL"
        " AND ($2 = 0 OR m.session = $2)"
        " AND NOT EXISTS (SELECT 1"
        "  FROM embeddings e WHERE e.sample = s.id AND e.encoder_digest = $3)"
        " ORDER BY m.id, s.id";
    static const espy_db_items items = {sizeof **out, sample_bare_row, NULL};
    return espy_db_list(cx, st, sql,
                        DB_ARGS(DB_INT(collection), DB_INT(session), DB_TEXT(encoder_digest)),
                        &items, out, n);
}

espy_err espy_store_embed(espy_ctx *cx, espy_store *st, int64_t sample, const char *encoder_digest,
                          const float *x, size_t dim)
{
    espy_sample_state s = {0};
    ESPY_TRY(espy_store_check_name(cx, "the encoder's digest", encoder_digest));
    if (dim == 0 || dim > SAMPLE_DIM_MAX)
        return espy_fail(cx, ESPY_E_ARG, "an embedding of dimension %zu cannot be stored", dim);
    for (size_t k = 0; k < dim; k++)
        if (!isfinite(x[k]))
            return espy_fail(cx, ESPY_E_ARG, "an embedding holds numbers that are not finite");
    ESPY_TRY(espy_sample_state_read(cx, st, sample, &s));
    uint8_t *scratch = espy_alloc(cx, dim * 4);
    if (scratch == NULL)
        return ESPY_E_NOMEM;
    espy_err e = sample_embed(cx, st, sample, encoder_digest, x, dim, scratch);
    espy_free(cx, scratch);
    return e;
}

/* -- labels on samples ------------------------------------------------------------------------- */
/* The actors, as the schema knows them. */
static bool sample_actor_known(const char *actor)
{
    return strcmp(actor, "folder") == 0 || strcmp(actor, "user") == 0 || strcmp(actor, "job") == 0;
}

espy_err espy_db_actor(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, char out[8])
{
    espy_span s = {0};
    ESPY_TRY(st->db->ops->bytes(cx, rows, column, &s));
    if (s.size >= 8)
        return sample_damaged(cx, st, "a sample was labelled by nobody known");
    if (s.size > 0)
        memcpy(out, s.data, s.size);
    out[s.size] = '\0';
    return ESPY_E_OK;
}

espy_err espy_db_grouped(espy_ctx *cx, espy_store *st, espy_db_rows *rows, int column, bool *out)
{
    espy_span s = {0};
    if (!st->db->ops->is_null(rows, column))
        ESPY_TRY(st->db->ops->bytes(cx, rows, column, &s));
    *out = s.size == 7 && memcmp(s.data, "cluster", 7) == 0;
    return ESPY_E_OK;
}

espy_err espy_sample_state_read(espy_ctx *cx, espy_store *st, int64_t sample,
                                espy_sample_state *out)
{
    static const char sql[] =
        "SELECT m.collection, s.label, s.labelled_by, s.confidence, s.media, l.origin"
        " FROM samples s JOIN media m ON m.id = s.media LEFT JOIN labels l ON l.id = s.label"
        " WHERE s.id = $1 AND s.deleted IS NULL";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(sample)), &rows));
    ESPY_GO(ops->next(cx, rows, &more));
    if (!more) {
        e = espy_fail(cx, ESPY_E_NOT_FOUND, "there is no sample %lld", (long long)sample);
        goto out;
    }
    out->collection = ops->integer(rows, 0);
    out->label = ops->integer(rows, 1);
    out->confidence = ops->is_null(rows, 3) ? (double)NAN : ops->real(rows, 3);
    out->media = ops->integer(rows, 4);
    ESPY_GO(espy_db_grouped(cx, st, rows, 5, &out->grouped));
    e = espy_db_actor(cx, st, rows, 2, out->actor);
out:
    ops->done(rows);
    return e;
}

/* The event: which label it had, by whom. */
static espy_err sample_label_event(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                                   const char *actor, const espy_sample_state *old)
{
    espy_json *detail = NULL;
    espy_err e = ESPY_E_OK;
    if (old->actor[0] != '\0' || strcmp(actor, "user") == 0) { /* what a person did can be undone */
        detail = espy_json_object();
        ESPY_GO(
            espy_json_set(cx, detail, "from",
                          old->label != 0 ? espy_json_of_int(old->label) : espy_json_null_value()));
        ESPY_GO(espy_json_set(cx, detail, "by",
                              espy_json_of_string(old->actor[0] != '\0' ? old->actor : NULL)));
    }
    e = espy_store_event_add(cx, st, old->collection, actor, "sample.label", label, sample, 0,
                             detail);
    detail = NULL;
out:
    espy_json_free(detail);
    return e;
}

espy_err espy_store_sample_label(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                                 const char *actor)
{
    static const char owner[] = "SELECT collection FROM labels WHERE id = $1 AND deleted IS NULL";
    static const char update[] = "UPDATE samples SET label = $1, labelled_by = $2,"
                                 " confidence = NULL WHERE id = $3";
    static const char rejected[] = "SELECT sample FROM rejections WHERE sample = $1 AND label = $2";
    espy_sample_state old = {0};
    espy_err e = ESPY_E_OK;
    if (actor == NULL || !sample_actor_known(actor))
        return espy_fail(cx, ESPY_E_ARG, "a sample is labelled by 'folder', 'user' or 'job'");
    bool by_user = strcmp(actor, "user") == 0;

    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_sample_state_read(cx, st, sample, &old));
    if (label != 0) {
        bool found = false;
        int64_t collection = 0;
        ESPY_GO(espy_db_find(cx, st, owner, DB_ARGS(DB_INT(label)), &found, &collection));
        if (!found || collection != old.collection) {
            e = espy_fail(cx, ESPY_E_ARG,
                          "label %lld is deleted, or not of the collection of sample %lld",
                          (long long)label, (long long)sample);
            goto out;
        }
    }
    bool was_user = strcmp(old.actor, "user") == 0;
    if (was_user && !by_user && label != old.label) {
        e = espy_fail(cx, ESPY_E_EXISTS,
                      "sample %lld was labelled by a person; only a person changes that",
                      (long long)sample);
        goto out;
    }
    if (!by_user && label != 0 && label != old.label) {
        bool refused = false;
        int64_t id;
        ESPY_GO(
            espy_db_find(cx, st, rejected, DB_ARGS(DB_INT(sample), DB_INT(label)), &refused, &id));
        if (refused)
            ESPY_GO(espy_fail(cx, ESPY_E_EXISTS,
                              "a person said that sample %lld is not of this label; only a person "
                              "changes that",
                              (long long)sample));
    }
    /* A user who confirms a folder's label makes it a human label; the rest of the same is nothing.
     */
    bool same =
        label == old.label && (was_user || !by_user) && (label == 0 || old.actor[0] != '\0');
    if (!same) {
        ESPY_GO(
            espy_db_exec(cx, st, update, DB_ARGS(DB_ID(label), DB_TEXT(actor), DB_INT(sample))));
        ESPY_GO(sample_label_event(cx, st, sample, label, actor, &old));
        if (label != 0)
            ESPY_GO(espy_store_media_probe(cx, st, old.media, false));
    }
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_sample_source(espy_ctx *cx, espy_store *st, int64_t sample, const char *source)
{
    static const char sql[] = "UPDATE media SET source = $1 WHERE source <> $1"
                              " AND id = (SELECT media FROM samples WHERE id = $2)";
    return espy_db_exec(cx, st, sql, DB_ARGS(DB_TEXT(source), DB_INT(sample)));
}

espy_err espy_store_sample_media(espy_ctx *cx, espy_store *st, int64_t sample,
                                 char digest[ESPY_DIGEST_HEX])
{
    static const char sql[] =
        "SELECT m.digest FROM samples s JOIN media m ON m.id = s.media WHERE s.id = $1";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    bool found = false;
    ESPY_TRY(ops->query(cx, st->db, sql, DB_ARGS(DB_INT(sample)), &rows));
    espy_err e = ops->next(cx, rows, &found);
    if (e == ESPY_E_OK && found)
        e = espy_db_digest(cx, st, rows, 0, digest);
    ops->done(rows);
    if (e == ESPY_E_OK && !found)
        e = espy_fail(cx, ESPY_E_NOT_FOUND, "there is no sample %lld", (long long)sample);
    return e;
}

espy_err espy_store_sample_origin(espy_ctx *cx, espy_store *st, int64_t sample, char **source)
{
    static const char sql[] =
        "SELECT m.source FROM samples s JOIN media m ON m.id = s.media WHERE s.id = $1";
    espy_db_rows *rows = NULL;
    bool found = false;
    ESPY_TRY(st->db->ops->query(cx, st->db, sql, DB_ARGS(DB_INT(sample)), &rows));
    espy_err e = st->db->ops->next(cx, rows, &found);
    if (e == ESPY_E_OK && found)
        e = espy_db_text(cx, st, rows, 0, source);
    st->db->ops->done(rows);
    if (e == ESPY_E_OK && !found)
        e = espy_fail(cx, ESPY_E_NOT_FOUND, "there is no sample %lld", (long long)sample);
    return e;
}

espy_err espy_store_sample_recording(espy_ctx *cx, espy_store *st, int64_t sample,
                                     const char *recording, bool replace)
{
    static const char set[] = "UPDATE media SET recording = $1 WHERE recording IS DISTINCT FROM $1"
                              " AND id = (SELECT media FROM samples WHERE id = $2)";
    static const char first[] = "UPDATE media SET recording = $1 WHERE recording IS NULL"
                                " AND id = (SELECT media FROM samples WHERE id = $2)";
    return espy_db_exec(cx, st, replace ? set : first, DB_ARGS(DB_TEXT(recording), DB_INT(sample)));
}

static espy_err sample_labelled_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_labelled *l = item;
    l->sample = ops->integer(rows, 0);
    l->label = ops->integer(rows, 1);
    l->media = ops->integer(rows, 2);
    return espy_db_actor(cx, st, rows, 3, l->actor);
}

espy_err espy_store_labelled(espy_ctx *cx, espy_store *st, int64_t collection, const char *under,
                             espy_labelled **out, size_t *n)
{
    static const char sql[] = "SELECT s.id, s.label, s.media, s.labelled_by FROM labels l"
                              " JOIN samples s ON s.label = l.id JOIN media m ON m.id = s.media"
                              " WHERE l.collection = $1 AND m.deleted IS NULL AND substr(m.source, "
                              "1, length($2)) = $2 ORDER BY s.id";
    static const espy_db_items items = {sizeof **out, sample_labelled_row, NULL};
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(under ? under : "")),
                        &items, out, n);
}

/* -- training vectors -------------------------------------------------------------------------- */
void espy_vectors_free(espy_ctx *cx, espy_vectors *v)
{
    espy_free(cx, v->x);
    espy_free(cx, v->sample);
    espy_free(cx, v->label);
    espy_free(cx, v->group);
    *v = (espy_vectors){0};
}

/* The loops are written out as CROSS JOIN so that the order comes from the indexes: labels by code,
 * then their samples by id.  Sorting would move every vector once more. */
static const char sample_of_labels[] =
    "SELECT s.id, l.id, e.vector, m.digest, m.recording FROM labels l CROSS JOIN samples s"
    " CROSS JOIN embeddings e CROSS JOIN media m"
    " WHERE l.collection = $1 AND l.deleted IS NULL AND l.origin = 'user' AND s.label = l.id AND "
    "e.sample = s.id"
    " AND e.encoder_digest = $2 AND m.id = s.media AND m.deleted IS NULL ORDER BY l.code, s.id";
static const char sample_of_labels_count[] =
    "SELECT count(*) FROM labels l CROSS JOIN samples s CROSS JOIN embeddings e CROSS JOIN media m"
    " WHERE l.collection = $1 AND l.deleted IS NULL AND l.origin = 'user' AND s.label = l.id AND "
    "e.sample = s.id"
    " AND e.encoder_digest = $2 AND m.id = s.media AND m.deleted IS NULL";
static const char sample_of_version[] =
    "SELECT v.sample, l.id, e.vector, m.digest, m.recording FROM labels l"
    " CROSS JOIN version_samples v CROSS JOIN embeddings e CROSS JOIN samples s CROSS JOIN media m"
    " WHERE l.collection = $1 AND v.version = $2 AND v.label = l.id"
    " AND e.sample = v.sample AND e.encoder_digest = $3 AND s.id = v.sample AND m.id = s.media"
    " ORDER BY l.code, v.sample";
static const char sample_of_version_count[] =
    "SELECT count(*) FROM version_samples WHERE version = $1";

/* The number that samples of one source share: the first eight bytes of the SHA-256 of what the
 * media was cut from, or of the media itself; so it is the same in every store. */
static espy_err sample_group(espy_ctx *cx, espy_db_rows *rows, const espy_db_ops *ops,
                             uint64_t *out)
{
    char digest[ESPY_DIGEST_HEX];
    espy_span of;
    ESPY_TRY(ops->bytes(cx, rows, ops->is_null(rows, 4) ? 3 : 4, &of));
    espy_digest(of.data, of.size, digest);
    *out = 0;
    for (int i = 0; i < 16; i++)
        *out = *out << 4 | (uint64_t)(digest[i] <= '9' ? digest[i] - '0' : digest[i] - 'a' + 10);
    return ESPY_E_OK;
}

/* Fills v->n vectors from (sample, label, vector, media, recording); *got tells how many there
 * were. */
static espy_err sample_vectors_read(espy_ctx *cx, espy_store *st, const char *sql,
                                    const espy_db_value *args, size_t args_n, espy_vectors *v,
                                    size_t *got)
{
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    bool more = false;
    ESPY_TRY(ops->query(cx, st->db, sql, args, args_n, &rows));
    for (*got = 0;; ++*got) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more || *got == v->n)
            break;
        v->sample[*got] = ops->integer(rows, 0);
        v->label[*got] = ops->integer(rows, 1);
        ESPY_GO(espy_db_vector(cx, st, rows, 2, v->n, &v->dim, &v->x, *got));
        ESPY_GO(sample_group(cx, rows, ops, &v->group[*got]));
    }
out:
    ops->done(rows);
    return e;
}

static espy_err sample_vectors(espy_ctx *cx, espy_store *st, int64_t collection, int64_t number,
                               const char *encoder_digest, espy_vectors *v)
{
    static const char find[] = "SELECT id FROM versions WHERE collection = $1 AND number = $2";
    const espy_db_value of_labels[] = {DB_INT(collection), DB_TEXT(encoder_digest)};
    int64_t version = 0, n = 0;
    size_t got = 0;
    if (number == 0) {
        ESPY_TRY(espy_db_number(cx, st, sample_of_labels_count, of_labels, 2, &n));
    } else {
        bool found = false;
        ESPY_TRY(espy_db_find(cx, st, find, DB_ARGS(DB_INT(collection), DB_INT(number)), &found,
                              &version));
        if (!found)
            return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no version %lld; see `espy versions`",
                             (long long)number);
        ESPY_TRY(espy_db_number(cx, st, sample_of_version_count, DB_ARGS(DB_INT(version)), &n));
    }
    v->n = (size_t)n;
    v->sample = espy_array(cx, v->n, sizeof *v->sample);
    v->label = espy_array(cx, v->n, sizeof *v->label);
    v->group = espy_array(cx, v->n, sizeof *v->group);
    if (v->sample == NULL || v->label == NULL || v->group == NULL)
        return cx->code;
    if (number == 0)
        ESPY_TRY(sample_vectors_read(cx, st, sample_of_labels, of_labels, 2, v, &got));
    else
        ESPY_TRY(sample_vectors_read(
            cx, st, sample_of_version,
            DB_ARGS(DB_INT(collection), DB_INT(version), DB_TEXT(encoder_digest)), v, &got));
    if (got != v->n)
        return espy_fail(cx, ESPY_E_DATA,
                         "version %lld was trained on %zu samples, but only %zu have an embedding "
                         "under this encoder; use the encoder of the version",
                         (long long)number, v->n, got);
    return ESPY_E_OK;
}

espy_err espy_store_vectors(espy_ctx *cx, espy_store *st, int64_t collection, int64_t version,
                            const char *encoder_digest, espy_vectors *out)
{
    espy_vectors v = {0};
    ESPY_TRY(st->db->ops->begin(cx, st->db, false)); /* count and rows of one moment */
    espy_err e = sample_vectors(cx, st, collection, version, encoder_digest, &v);
    espy_store_rollback(cx, st);
    if (e == ESPY_E_OK)
        *out = v;
    else
        espy_vectors_free(cx, &v);
    return e;
}
