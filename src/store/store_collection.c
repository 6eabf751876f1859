/* SPDX-License-Identifier: Apache-2.0
 * store - collections. */
#include "store/collection.h"

#include <string.h>

#include "base/text.h"
#include "store/label.h"
#include "store/store_internal.h"

/* -- rows -------------------------------------------------------------------------------------- */
void espy_collection_free(espy_ctx *cx, espy_collection *c)
{
    espy_free(cx, c->name);
    espy_free(cx, c->modality);
    espy_free(cx, c->encoder);
    espy_free(cx, c->encoder_digest);
    espy_free(cx, c->precision);
    espy_free(cx, c->description);
    *c = (espy_collection){0};
}

#define COLLECTION_SELECT                                                                       \
    "SELECT c.id, c.name, c.modality, c.encoder, c.encoder_digest, c.precision, c.description," \
    " c.owner, c.active, c.created FROM collections c"

static espy_err collection_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_collection *out = item;
    const espy_db_ops *ops = st->db->ops;
    espy_collection c = {.id = ops->integer(rows, 0),
                         .owner = ops->integer(rows, 7),
                         .active = ops->integer(rows, 8) != 0,
                         .created = ops->real(rows, 9)};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_db_text(cx, st, rows, 1, &c.name));
    ESPY_GO(espy_db_text(cx, st, rows, 2, &c.modality));
    ESPY_GO(espy_db_text(cx, st, rows, 3, &c.encoder));
    ESPY_GO(espy_db_text(cx, st, rows, 4, &c.encoder_digest));
    ESPY_GO(espy_db_text(cx, st, rows, 5, &c.precision));
    ESPY_GO(espy_db_text(cx, st, rows, 6, &c.description));
    *out = c;
    return ESPY_E_OK;
out:
    espy_collection_free(cx, &c);
    return e;
}

static void collection_drop(espy_ctx *cx, void *item)
{
    espy_collection_free(cx, item);
}

static const espy_db_items collection_items = {sizeof(espy_collection), collection_row,
                                               collection_drop};

void espy_collections_free(espy_ctx *cx, espy_collection *collections, size_t n)
{
    espy_db_items_free(cx, &collection_items, collections, n);
}

/* -- looking ----------------------------------------------------------------------------------- */
espy_err espy_store_collection(espy_ctx *cx, espy_store *st, const char *name, espy_collection *out)
{
    static const char sql[] = COLLECTION_SELECT " WHERE c.name = $1 AND c.deleted IS NULL";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_TEXT(name)), &collection_items, out, &found));
    if (found)
        return ESPY_E_OK;
    return espy_fail(cx, ESPY_E_NOT_FOUND,
                     "there is no collection '%s' in %s; train one, or choose another workspace",
                     name, st->dir);
}

espy_err espy_store_collection_get(espy_ctx *cx, espy_store *st, int64_t id, espy_collection *out)
{
    static const char sql[] = COLLECTION_SELECT " WHERE c.id = $1 AND c.deleted IS NULL";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &collection_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no collection %lld", (long long)id);
}

espy_err espy_store_collections(espy_ctx *cx, espy_store *st, espy_collection **out, size_t *n)
{
    static const char sql[] = COLLECTION_SELECT " WHERE c.deleted IS NULL ORDER BY c.name";
    return espy_db_list(cx, st, sql, NULL, 0, &collection_items, out, n);
}

espy_err espy_store_collection_page(espy_ctx *cx, espy_store *st, const espy_collection_filter *f,
                                    const espy_page *page, espy_collection **out, size_t *n,
                                    int64_t *total)
{
#define COLLECTION_OF                                                        \
    " WHERE (c.deleted IS NOT NULL) = ($1 = 1) AND ($2 = 0 OR c.owner = $2)" \
    " AND ($3 = '' OR c.modality = $3)"                                      \
    " AND (lower(c.name) LIKE $4 ESCAPE '!' OR lower(c.description) LIKE $4 ESCAPE '!')"
    static const char count[] = "SELECT count(*) FROM collections c" COLLECTION_OF;
    static const char sql[] = COLLECTION_SELECT COLLECTION_OF
        " AND ($5 = 0 OR c.id < $5) ORDER BY c.id DESC LIMIT $6 OFFSET $7";
#undef COLLECTION_OF
    char *pattern = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_pattern(cx, f->search, &pattern));
    const espy_db_value args[] = {DB_INT(f->deleted),
                                  DB_INT(f->owner),
                                  DB_TEXT(f->modality == NULL ? "" : f->modality),
                                  DB_TEXT(pattern),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_GO(espy_db_number(cx, st, count, args, 4, total));
    e = espy_db_list(cx, st, sql, args, 7, &collection_items, out, n);
out:
    espy_free(cx, pattern);
    return e;
}

/* -- making and changing ----------------------------------------------------------------------- */
/* EXISTS when another collection that is there has the name. */
static espy_err collection_name_free(espy_ctx *cx, espy_store *st, const char *name, int64_t but)
{
    static const char sql[] =
        "SELECT id FROM collections WHERE name = $1 AND id <> $2 AND deleted IS NULL";
    bool found = false;
    int64_t id;
    ESPY_TRY(espy_store_check_name(cx, "the collection's name", name));
    ESPY_TRY(espy_db_find(cx, st, sql, DB_ARGS(DB_TEXT(name), DB_INT(but)), &found, &id));
    if (found)
        return espy_fail(cx, ESPY_E_EXISTS, "there is already a collection '%s' in %s", name,
                         st->dir);
    return ESPY_E_OK;
}

espy_err espy_store_collection_create(espy_ctx *cx, espy_store *st, const espy_collection *c,
                                      int64_t *id)
{
    static const char insert[] = "INSERT INTO collections (name, modality, encoder, encoder_digest,"
                                 " precision, created, owner, description)"
                                 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id";
    const char *description = c->description == NULL ? "" : c->description;
    ESPY_TRY(espy_store_check_text(cx, "a collection's description", description, STORE_NOTE_MAX));
    ESPY_TRY(espy_store_check_name(cx, "the encoder's name", c->encoder));
    ESPY_TRY(espy_store_check_name(cx, "the encoder's digest", c->encoder_digest));
    ESPY_TRY(espy_store_check_name(cx, "the precision", c->precision));
    if (c->modality == NULL ||
        (strcmp(c->modality, "face") != 0 && strcmp(c->modality, "sound") != 0))
        return espy_fail(cx, ESPY_E_ARG, "a collection's modality is 'face' or 'sound'");

    espy_err e = ESPY_E_OK;
    int64_t new_id = 0;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(collection_name_free(cx, st, c->name, 0));
    ESPY_GO(espy_store_check_user(cx, st, c->owner));
    ESPY_GO(espy_db_number(cx, st, insert,
                           DB_ARGS(DB_TEXT(c->name), DB_TEXT(c->modality), DB_TEXT(c->encoder),
                                   DB_TEXT(c->encoder_digest), DB_TEXT(c->precision),
                                   DB_REAL(espy_time_now()), DB_ID(c->owner), DB_TEXT(description)),
                           &new_id));
    ESPY_GO(espy_store_event_add(cx, st, new_id, "job", "collection.create", 0, 0, 0, NULL));
    ESPY_GO(espy_store_commit(cx, st));
    *id = new_id;
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}

espy_err espy_store_collection_update(espy_ctx *cx, espy_store *st, int64_t id,
                                      const espy_collection_change *change)
{
    static const char sql[] =
        "UPDATE collections SET name = $1, description = $2, active = $3, owner = $4 WHERE id = $5";
    espy_collection was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_collection_get(cx, st, id, &was));
    espy_collection to = was;
    if (change->name != NULL)
        to.name = (char *)(uintptr_t)change->name;
    if (change->description != NULL)
        to.description = (char *)(uintptr_t)change->description;
    if (change->active != NULL)
        to.active = *change->active;
    if (change->owner != NULL)
        to.owner = *change->owner;
    ESPY_GO(
        espy_store_check_text(cx, "a collection's description", to.description, STORE_NOTE_MAX));
    ESPY_GO(collection_name_free(cx, st, to.name, id));
    ESPY_GO(espy_store_check_user(cx, st, to.owner));
    ESPY_GO(espy_db_exec(cx, st, sql,
                         DB_ARGS(DB_TEXT(to.name), DB_TEXT(to.description), DB_INT(to.active),
                                 DB_ID(to.owner), DB_INT(id))));
    ESPY_GO(espy_store_commit(cx, st));
    espy_collection_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_collection_free(cx, &was);
    return e;
}

/* -- deleting ---------------------------------------------------------------------------------- */
espy_err espy_store_collection_delete(espy_ctx *cx, espy_store *st, int64_t id, const char *actor)
{
    static const char jobs[] =
        "UPDATE jobs SET stop = 1, finished = CASE WHEN state = 'queued' THEN $1 END,"
        " state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state END"
        " WHERE collection = $2 AND state IN ('queued', 'running')";
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, id, actor, "collection.delete", &ch));
    ESPY_GO(espy_store_check_collection(cx, st, id));
    ESPY_GO(espy_change_gone(cx, st, &ch, ESPY_GONE_COLLECTION, id));
    ESPY_GO(espy_db_exec(cx, st, jobs, DB_ARGS(DB_REAL(espy_time_now()), DB_INT(id))));
    e = espy_change_end(cx, st, &ch, 0, 0);
out:
    espy_change_drop(cx, st, &ch);
    return e;
}

espy_err espy_store_collection_restore(espy_ctx *cx, espy_store *st, int64_t id, const char *actor)
{
    espy_err e = ESPY_E_OK;
    bool back = false;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_change_back(cx, st, ESPY_GONE_COLLECTION, id, &back));
    if (!back)
        ESPY_GO(
            espy_fail(cx, ESPY_E_NOT_FOUND, "there is no deleted collection %lld", (long long)id));
    ESPY_GO(espy_store_event_add(cx, st, id, actor, "collection.restore", 0, 0, 0, NULL));
    ESPY_GO(espy_store_commit(cx, st));
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    return e;
}
