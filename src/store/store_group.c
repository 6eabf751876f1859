/* SPDX-License-Identifier: Apache-2.0
 * store - probes, the pool of samples, filing what grouping and assignment found. */
#include "store/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/store_internal.h"

espy_err espy_store_media_probe(espy_ctx *cx, espy_store *st, int64_t media, bool probe)
{
    static const char on[] =
        "UPDATE media SET probe = 1 WHERE id = $1 AND session IS NULL AND NOT EXISTS (SELECT 1"
        " FROM samples s WHERE s.media = media.id AND s.labelled_by IS NOT NULL)"
        " AND (SELECT count(*) FROM scans c WHERE c.media = media.id) <= 1";
    static const char off[] = "UPDATE media SET probe = 0 WHERE id = $1 AND probe = 1";
    return espy_db_exec(cx, st, probe ? on : off, DB_ARGS(DB_INT(media)));
}

/* -- the pool ---------------------------------------------------------------------------------- */
void espy_sample_pool_free(espy_ctx *cx, espy_sample_pool *p)
{
    espy_free(cx, p->at);
    espy_free(cx, p->x);
    *p = (espy_sample_pool){0};
}

#define POOL_FROM                                                                          \
    " FROM media m JOIN samples s ON s.media = m.id"                                       \
    " JOIN embeddings e ON e.sample = s.id AND e.encoder_digest = $1"                      \
    " LEFT JOIN labels l ON l.id = s.label"                                                \
    " WHERE m.collection = $2 AND m.probe = 0 AND m.deleted IS NULL AND s.deleted IS NULL" \
    " AND ($3 = 0 OR m.session = $3)"                                                      \
    " AND ($4 = 0 OR (s.label IS NULL AND coalesce(s.labelled_by, '') <> 'user')"          \
    " OR (s.labelled_by = 'job' AND l.origin = 'user'))"

static espy_err pool_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, espy_sample_pool *p,
                         size_t at)
{
    const espy_db_ops *ops = st->db->ops;
    espy_pool_sample *s = &p->at[at];
    *s = (espy_pool_sample){.sample = ops->integer(rows, 0),
                            .media = ops->integer(rows, 1),
                            .label = ops->integer(rows, 2),
                            .whole = ops->integer(rows, 12) != 0,
                            .score = (float)ops->real(rows, 9),
                            .sharpness = (float)ops->real(rows, 10)};
    ESPY_TRY(espy_db_actor(cx, st, rows, 3, s->actor));
    ESPY_TRY(espy_db_grouped(cx, st, rows, 4, &s->grouped));
    for (int k = 0; k < 4; k++)
        s->box[k] = (float)ops->real(rows, 5 + k);
    return espy_db_vector(cx, st, rows, 11, p->n, &p->dim, &p->x, at);
}

/* The newest come first from the database, and stand last in the pool. */
static espy_err pool_read(espy_ctx *cx, espy_store *st, const espy_pool_filter *f,
                          const char *encoder_digest, espy_sample_pool *p, size_t *total)
{
    static const char count[] = "SELECT count(*)" POOL_FROM;
    static const char sql[] =
        "SELECT s.id, s.media, s.label, s.labelled_by, l.origin, s.box_x, s.box_y, s.box_w,"
        " s.box_h, s.score, s.sharpness, e.vector, s.whole" POOL_FROM
        " ORDER BY s.id DESC LIMIT $5";
    const espy_db_ops *ops = st->db->ops;
    espy_db_rows *rows = NULL;
    espy_err e = ESPY_E_OK;
    int64_t n = 0;
    bool more = true;
    const espy_db_value args[] = {DB_TEXT(encoder_digest), DB_INT(f->collection),
                                  DB_INT(f->session), DB_INT(f->waiting),
                                  DB_INT(f->newest ? (int64_t)f->newest : INT64_MAX)};
    ESPY_TRY(espy_db_number(cx, st, count, args, 4, &n));
    *total = (size_t)n;
    p->n = f->newest && f->newest < *total ? f->newest : *total;
    p->at = espy_array(cx, p->n, sizeof *p->at);
    if (p->at == NULL)
        return cx->code;
    ESPY_TRY(ops->query(cx, st->db, sql, args, 5, &rows));
    for (size_t i = p->n; i-- > 0;) {
        ESPY_GO(ops->next(cx, rows, &more));
        if (!more)
            ESPY_GO(espy_fail(cx, ESPY_E_INTERNAL, "fewer samples than were counted"));
        ESPY_GO(pool_row(cx, st, rows, p, i));
    }
out:
    ops->done(rows);
    return e;
}

espy_err espy_store_pool_some(espy_ctx *cx, espy_store *st, const espy_pool_filter *f,
                              const char *encoder_digest, espy_sample_pool *out, size_t *total)
{
    espy_sample_pool p = {0};
    size_t all = 0;
    ESPY_TRY(st->db->ops->begin(cx, st->db, false)); /* count and rows of one moment */
    espy_err e = pool_read(cx, st, f, encoder_digest, &p, &all);
    espy_store_rollback(cx, st);
    if (e != ESPY_E_OK) {
        espy_sample_pool_free(cx, &p);
        return e;
    }
    *out = p;
    if (total)
        *total = all;
    return ESPY_E_OK;
}

espy_err espy_store_pool(espy_ctx *cx, espy_store *st, int64_t collection, int64_t session,
                         const char *encoder_digest, espy_sample_pool *out)
{
    const espy_pool_filter all = {.collection = collection, .session = session};
    return espy_store_pool_some(cx, st, &all, encoder_digest, out, NULL);
}

/* -- filing ------------------------------------------------------------------------------------ */
/* Whether the sample is still what was seen, and may be given the label. */
static espy_err file_allowed(espy_ctx *cx, espy_store *st, int64_t collection, const espy_filing *f,
                             int64_t label, bool *allowed)
{
    static const char refused[] = "SELECT sample FROM rejections WHERE sample = $1 AND label = $2";
    static const char lives[] =
        "SELECT id FROM labels WHERE collection = $1 AND id = $2 AND deleted IS NULL";
    espy_sample_state s = {0};
    bool no = false, there = label == 0;
    int64_t id;
    *allowed = false;
    espy_err e = espy_sample_state_read(cx, st, f->sample, &s);
    if (e == ESPY_E_NOT_FOUND) { /* erased since */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    if (s.collection != collection || strcmp(s.actor, "user") == 0 || s.label != f->seen->label ||
        s.grouped != f->seen->grouped || strcmp(s.actor, f->seen->actor) != 0)
        return ESPY_E_OK;
    ESPY_TRY(espy_db_find(cx, st, refused, DB_ARGS(DB_INT(f->sample), DB_INT(label)), &no, &id));
    if (!there)
        ESPY_TRY(
            espy_db_find(cx, st, lives, DB_ARGS(DB_INT(collection), DB_INT(label)), &there, &id));
    *allowed = there && !no;
    return ESPY_E_OK;
}

static espy_err file_one(espy_ctx *cx, espy_store *st, espy_change *ch, espy_filing *f,
                         int64_t label)
{
    ESPY_TRY(file_allowed(cx, st, ch->collection, f, label, &f->filed));
    if (!f->filed)
        return ESPY_E_OK;
    return espy_change_sample(cx, st, ch, f->sample, label, label != 0 ? "job" : "", f->confidence);
}

static int file_id_order(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Groups that have lost their last sample go. */
static espy_err file_tidy(espy_ctx *cx, espy_store *st, espy_change *ch, const espy_filing *f,
                          size_t n)
{
    size_t count = 0;
    espy_err e = ESPY_E_OK;
    int64_t *had = espy_array(cx, n, sizeof *had);
    if (had == NULL)
        return cx->code;
    for (size_t i = 0; i < n; i++)
        if (f[i].filed && f[i].seen->grouped)
            had[count++] = f[i].seen->label;
    if (count > 0)
        qsort(had, count, sizeof *had, file_id_order);
    for (size_t i = 0; i < count && e == ESPY_E_OK; i++)
        if (i == 0 || had[i] != had[i - 1])
            e = espy_change_tidy(cx, st, ch, had[i]);
    espy_free(cx, had);
    return e;
}

/* New groups; two runs at once number theirs alike. */
static espy_err file_fresh(espy_ctx *cx, espy_store *st, espy_change *ch, espy_new_label *fresh)
{
    espy_err e = espy_change_label_new(cx, st, ch, fresh->code, fresh->name, true, &fresh->id);
    if (e != ESPY_E_EXISTS)
        return e;
    espy_clear(cx);
    return espy_fail(
        cx, ESPY_E_EXISTS,
        "another run made groups meanwhile (%s); nothing was filed, run this one again",
        fresh->code);
}

espy_err espy_store_file(espy_ctx *cx, espy_store *st, int64_t collection, const char *action,
                         espy_new_label *fresh, size_t fresh_n, espy_filing *filings, size_t n,
                         size_t *filed)
{
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    *filed = 0;
    ESPY_TRY(espy_change_begin(cx, st, collection, "job", action, &ch));
    for (size_t i = 0; i < fresh_n; i++)
        ESPY_GO(file_fresh(cx, st, &ch, &fresh[i]));
    for (size_t i = 0; i < n; i++) {
        espy_filing *f = &filings[i];
        ESPY_GO(file_one(cx, st, &ch, f, f->label < 0 ? fresh[-1 - f->label].id : f->label));
        *filed += f->filed;
    }
    ESPY_GO(file_tidy(cx, st, &ch, filings, n));
    e = espy_change_end(cx, st, &ch, 0, 0);
out:
    espy_change_drop(cx, st, &ch);
    return e;
}
