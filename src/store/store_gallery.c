/* SPDX-License-Identifier: Apache-2.0
 * store - looking at media and samples, and taking media away. */
#include "store/gallery.h"

#include <math.h>
#include <string.h>

#include "store/store_internal.h"

/* Media that are there, of collections that are. */
#define GALLERY_THERE                                                  \
    " WHERE m.deleted IS NULL AND EXISTS (SELECT 1 FROM collections c" \
    " WHERE c.id = m.collection AND c.deleted IS NULL)"
/* $n: whose collections; 0: all. */
#define GALLERY_OWNER(n)                                     \
    " AND (" n " = 0 OR EXISTS (SELECT 1 FROM collections c" \
    " WHERE c.id = m.collection AND c.owner = " n "))"
/* $n: of which modality; '': all. */
#define GALLERY_MODALITY(n)                                   \
    " AND (" n " = '' OR EXISTS (SELECT 1 FROM collections c" \
    " WHERE c.id = m.collection AND c.modality = " n "))"
/* $n: an espy_asked of a condition. */
#define GALLERY_ASKED(n, condition) \
    " AND (" n " = 0 OR (" n " = 1 AND " condition ") OR (" n " = 2 AND NOT " condition "))"
#define GALLERY_SCANNED "EXISTS (SELECT 1 FROM scans x WHERE x.media = m.id)"

/* -- media ------------------------------------------------------------------------------------- */
#define MEDIA_SELECT                                                                         \
    "SELECT m.id, m.collection, m.session, m.digest, m.bytes, m.source, m.created, m.probe," \
    " x.created, x.error, x.width, x.height,"                                                \
    " (SELECT count(*) FROM samples s WHERE s.media = m.id AND s.deleted IS NULL),"          \
    " (SELECT count(*) FROM samples s WHERE s.media = m.id AND s.label IS NOT NULL)"         \
    " FROM media m LEFT JOIN scans x"                                                        \
    " ON x.id = (SELECT max(y.id) FROM scans y WHERE y.media = m.id)"

void espy_media_info_free(espy_ctx *cx, espy_media_info *m)
{
    espy_free(cx, m->source);
    espy_free(cx, m->error);
    *m = (espy_media_info){0};
}

static espy_err media_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_media_info *m = item;
    *m = (espy_media_info){.id = ops->integer(rows, 0),
                           .collection = ops->integer(rows, 1),
                           .session = ops->integer(rows, 2),
                           .bytes = ops->integer(rows, 4),
                           .created = ops->real(rows, 6),
                           .probe = ops->integer(rows, 7) != 0,
                           .scanned = ops->real(rows, 8),
                           .width = ops->integer(rows, 10),
                           .height = ops->integer(rows, 11),
                           .samples = (size_t)ops->integer(rows, 12),
                           .labelled = (size_t)ops->integer(rows, 13)};
    ESPY_TRY(espy_db_digest(cx, st, rows, 3, m->digest));
    ESPY_TRY(espy_db_text(cx, st, rows, 5, &m->source));
    return espy_db_text(cx, st, rows, 9, &m->error);
}

static void media_drop(espy_ctx *cx, void *item)
{
    espy_media_info_free(cx, item);
}

static const espy_db_items media_items = {sizeof(espy_media_info), media_row, media_drop};

void espy_media_infos_free(espy_ctx *cx, espy_media_info *media, size_t n)
{
    espy_db_items_free(cx, &media_items, media, n);
}

espy_err espy_store_media_get(espy_ctx *cx, espy_store *st, int64_t id, espy_media_info *out)
{
    static const char sql[] = MEDIA_SELECT GALLERY_THERE " AND m.id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &media_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no media %lld", (long long)id);
}

espy_err espy_store_media_page(espy_ctx *cx, espy_store *st, const espy_media_filter *f,
                               const espy_page *page, espy_media_info **out, size_t *n,
                               int64_t *total)
{
/* One pair of statements for each way in, so that its index is used. */
#define MEDIA_COLLECTION_ANY " AND ($1 = 0 OR m.collection = $1)"
#define MEDIA_SESSION_ANY " AND ($2 = 0 OR m.session = $2)"
#define MEDIA_OF(collection, session)                                                         \
    GALLERY_THERE collection session GALLERY_OWNER("$3") GALLERY_ASKED("$4", GALLERY_SCANNED) \
        GALLERY_ASKED("$5", "m.probe = 1") GALLERY_MODALITY("$6")
#define MEDIA_LIST(collection, session)                                                     \
    {                                                                                       \
        "SELECT count(*) FROM media m" MEDIA_OF(collection, session),                       \
            MEDIA_SELECT MEDIA_OF(                                                          \
                collection,                                                                 \
                session) " AND ($7 = 0 OR m.id < $7) ORDER BY m.id DESC LIMIT $8 OFFSET $9" \
    }
    static const struct {
        const char *count, *sql;
    } lists[] = {MEDIA_LIST(MEDIA_COLLECTION_ANY, " AND m.session = $2"),
                 MEDIA_LIST(" AND m.collection = $1", MEDIA_SESSION_ANY),
                 MEDIA_LIST(MEDIA_COLLECTION_ANY, MEDIA_SESSION_ANY)};
#undef MEDIA_COLLECTION_ANY
#undef MEDIA_SESSION_ANY
#undef MEDIA_OF
#undef MEDIA_LIST
    const size_t way = f->session != 0 ? 0 : f->collection != 0 ? 1 : 2;
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->session),
                                  DB_INT(f->owner),
                                  DB_INT(f->scanned),
                                  DB_INT(f->probe),
                                  DB_TEXT(f->modality == NULL ? "" : f->modality),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_TRY(espy_db_number(cx, st, lists[way].count, args, 6, total));
    return espy_db_list(cx, st, lists[way].sql, args, 9, &media_items, out, n);
}

espy_err espy_store_media_delete(espy_ctx *cx, espy_store *st, int64_t collection,
                                 const int64_t *media, size_t n, const char *actor)
{
    static const char of[] = "SELECT collection FROM media WHERE id = $1";
    static const char there[] = "SELECT id FROM media WHERE id = $1 AND deleted IS NULL";
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "media.delete", &ch));
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        int64_t value = 0;
        ESPY_GO(espy_db_find(cx, st, of, DB_ARGS(DB_INT(media[i])), &found, &value));
        if (!found || value != collection)
            ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "there is no media %lld in this collection",
                              (long long)media[i]));
        ESPY_GO(espy_db_find(cx, st, there, DB_ARGS(DB_INT(media[i])), &found, &value));
        if (found)
            ESPY_GO(espy_change_gone(cx, st, &ch, ESPY_GONE_MEDIA, media[i]));
    }
    e = espy_change_end(cx, st, &ch, 0, 0);
out:
    espy_change_drop(cx, st, &ch);
    return e;
}

/* -- samples ----------------------------------------------------------------------------------- */
/* Those that are there. */
#define SAMPLE_FROM " FROM samples s JOIN media m ON m.id = s.media AND s.deleted IS NULL"
#define SAMPLE_SELECT                                                                     \
    "SELECT s.id, m.collection, s.media, m.session, s.label, m.digest, s.box_x, s.box_y," \
    " s.box_w, s.box_h, s.points, s.whole, s.score, s.sharpness, l.code, l.name,"         \
    " s.labelled_by, l.origin, s.confidence, s.created" SAMPLE_FROM                       \
    " LEFT JOIN labels l ON l.id = s.label"

void espy_sample_info_free(espy_ctx *cx, espy_sample_info *s)
{
    espy_free(cx, s->code);
    espy_free(cx, s->name);
    *s = (espy_sample_info){0};
}

static espy_err sample_info_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    const espy_db_ops *ops = st->db->ops;
    espy_sample_info *s = item;
    *s =
        (espy_sample_info){.id = ops->integer(rows, 0),
                           .collection = ops->integer(rows, 1),
                           .media = ops->integer(rows, 2),
                           .session = ops->integer(rows, 3),
                           .label = ops->integer(rows, 4),
                           .whole = ops->integer(rows, 11) != 0,
                           .score = (float)ops->real(rows, 12),
                           .sharpness = (float)ops->real(rows, 13),
                           .confidence = ops->is_null(rows, 18) ? (double)NAN : ops->real(rows, 18),
                           .created = ops->real(rows, 19)};
    for (int k = 0; k < 4; k++)
        s->box[k] = (float)ops->real(rows, 6 + k);
    ESPY_TRY(espy_db_digest(cx, st, rows, 5, s->digest));
    ESPY_TRY(espy_db_points(cx, st, rows, 10, &s->has_points, s->points));
    ESPY_TRY(espy_db_actor(cx, st, rows, 16, s->actor));
    ESPY_TRY(espy_db_grouped(cx, st, rows, 17, &s->grouped));
    ESPY_TRY(espy_db_text(cx, st, rows, 14, &s->code));
    return espy_db_text(cx, st, rows, 15, &s->name);
}

static void sample_info_drop(espy_ctx *cx, void *item)
{
    espy_sample_info_free(cx, item);
}

static const espy_db_items sample_items = {sizeof(espy_sample_info), sample_info_row,
                                           sample_info_drop};

void espy_sample_infos_free(espy_ctx *cx, espy_sample_info *samples, size_t n)
{
    espy_db_items_free(cx, &sample_items, samples, n);
}

espy_err espy_store_sample_get(espy_ctx *cx, espy_store *st, int64_t id, espy_sample_info *out)
{
    static const char sql[] = SAMPLE_SELECT GALLERY_THERE " AND s.id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &sample_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no sample %lld", (long long)id);
}

espy_err espy_store_sample_page(espy_ctx *cx, espy_store *st, const espy_sample_filter *f,
                                const espy_page *page, espy_sample_info **out, size_t *n,
                                int64_t *total)
{
/* The statements for each way in, so that its index is used. */
#define SAMPLE_ANY(n, column) " AND (" n " = 0 OR " column " = " n ")"
#define SAMPLE_ONE(n, column) " AND " column " = " n
#define SAMPLE_OF(collection, session, media, label)                                      \
    GALLERY_THERE collection("$1", "m.collection") session("$2", "m.session")             \
        media("$3", "s.media") label("$4", "s.label") GALLERY_OWNER("$5")                 \
            GALLERY_ASKED("$6", "s.label IS NOT NULL") GALLERY_ASKED("$7", "m.probe = 1") \
                GALLERY_MODALITY("$8")
#define SAMPLE_PART " LIMIT $10 OFFSET $11"
#define SAMPLE_LIST(of)                                                                       \
    {                                                                                         \
        "SELECT count(*)" SAMPLE_FROM of,                                                     \
        {                                                                                     \
            [ESPY_SAMPLES_OLDEST] =                                                           \
                SAMPLE_SELECT of " AND ($9 = 0 OR s.id > $9) ORDER BY s.id" SAMPLE_PART,      \
            [ESPY_SAMPLES_NEWEST] =                                                           \
                SAMPLE_SELECT of " AND ($9 = 0 OR s.id < $9) ORDER BY s.id DESC" SAMPLE_PART, \
            [ESPY_SAMPLES_SCORE] = SAMPLE_SELECT of                                           \
                " AND ($9 = 0 OR (s.score, s.id) < (SELECT y.score, y.id FROM samples y"      \
                " WHERE y.id = $9)) ORDER BY s.score DESC, s.id DESC" SAMPLE_PART             \
        }                                                                                     \
    }
    static const struct {
        const char *count, *sql[3];
    } lists[] = {SAMPLE_LIST(SAMPLE_OF(SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ONE, SAMPLE_ANY)),
                 SAMPLE_LIST(SAMPLE_OF(SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ONE)),
                 SAMPLE_LIST(SAMPLE_OF(SAMPLE_ANY, SAMPLE_ONE, SAMPLE_ANY, SAMPLE_ANY)),
                 SAMPLE_LIST(SAMPLE_OF(SAMPLE_ONE, SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ANY)),
                 SAMPLE_LIST(SAMPLE_OF(SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ANY, SAMPLE_ANY))};
#undef SAMPLE_OF
#undef SAMPLE_PART
#undef SAMPLE_LIST
    const size_t way = f->media != 0        ? 0
                       : f->label != 0      ? 1
                       : f->session != 0    ? 2
                       : f->collection != 0 ? 3
                                            : 4;
    if ((unsigned)f->sort > ESPY_SAMPLES_SCORE)
        return espy_fail(cx, ESPY_E_ARG, "samples have no order %d", (int)f->sort);
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->session),
                                  DB_INT(f->media),
                                  DB_INT(f->label),
                                  DB_INT(f->owner),
                                  DB_INT(f->identified),
                                  DB_INT(f->probe),
                                  DB_TEXT(f->modality == NULL ? "" : f->modality),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_TRY(espy_db_number(cx, st, lists[way].count, args, 8, total));
    return espy_db_list(cx, st, lists[way].sql[f->sort], args, 11, &sample_items, out, n);
}

espy_err espy_store_sample_delete(espy_ctx *cx, espy_store *st, int64_t collection, int64_t sample,
                                  const char *actor)
{
    espy_change ch = {0};
    espy_sample_state old = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "sample.delete", &ch));
    ESPY_GO(espy_sample_state_read(cx, st, sample, &old));
    ESPY_GO(espy_change_sample(cx, st, &ch, sample, 0, actor, (double)NAN));
    ESPY_GO(espy_change_gone(cx, st, &ch, ESPY_GONE_SAMPLE, sample));
    if (old.grouped)
        ESPY_GO(espy_change_tidy(cx, st, &ch, old.label));
    e = espy_change_end(cx, st, &ch, old.label, sample);
out:
    espy_change_drop(cx, st, &ch);
    return e;
}

/* -- embeddings -------------------------------------------------------------------------------- */
espy_err espy_store_sample_vector(espy_ctx *cx, espy_store *st, int64_t sample,
                                  const char *encoder_digest, float **x, size_t *dim)
{
    static const char sql[] =
        "SELECT vector FROM embeddings WHERE sample = $1 AND encoder_digest = $2";
    espy_db_rows *rows = NULL;
    float *v = NULL;
    size_t n = 0;
    bool found = false;
    ESPY_TRY(st->db->ops->query(cx, st->db, sql, DB_ARGS(DB_INT(sample), DB_TEXT(encoder_digest)),
                                &rows));
    espy_err e = st->db->ops->next(cx, rows, &found);
    if (e == ESPY_E_OK && found)
        e = espy_db_vector(cx, st, rows, 0, 1, &n, &v, 0);
    st->db->ops->done(rows);
    ESPY_TRY(e);
    if (!found)
        return ESPY_E_NOT_FOUND;
    *x = v;
    *dim = n;
    return ESPY_E_OK;
}

static espy_err encoder_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_sample_encoder *v = item;
    v->dim = (size_t)st->db->ops->integer(rows, 1) / 4;
    return espy_db_text(cx, st, rows, 0, &v->encoder_digest);
}

static void encoder_drop(espy_ctx *cx, void *item)
{
    espy_sample_encoder *v = item;
    espy_free(cx, v->encoder_digest);
}

static const espy_db_items encoder_items = {sizeof(espy_sample_encoder), encoder_row, encoder_drop};

void espy_sample_encoders_free(espy_ctx *cx, espy_sample_encoder *encoders, size_t n)
{
    espy_db_items_free(cx, &encoder_items, encoders, n);
}

espy_err espy_store_sample_encoders(espy_ctx *cx, espy_store *st, int64_t sample,
                                    espy_sample_encoder **out, size_t *n)
{
    static const char sql[] = "SELECT encoder_digest, length(vector) FROM embeddings"
                              " WHERE sample = $1 ORDER BY encoder_digest";
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(sample)), &encoder_items, out, n);
}
