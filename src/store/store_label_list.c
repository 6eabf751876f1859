/* SPDX-License-Identifier: Apache-2.0
 * store - labels in pages, and what is kept about them beside code and name. */
#include "base/text.h"
#include "store/label.h"
#include "store/store_internal.h"

#define LABEL_INFO_SELECT                                                              \
    "SELECT " LABEL_FIELDS ", l.collection, l.account, l.email, l.detail, l.created,"  \
    " (SELECT count(DISTINCT m.session) FROM samples s JOIN media m ON m.id = s.media" \
    " WHERE s.label = l.id AND m.deleted IS NULL AND m.session IS NOT NULL) FROM labels l"
/* Those that are there, of collections that are. */
#define LABEL_THERE                                                    \
    " WHERE l.deleted IS NULL AND EXISTS (SELECT 1 FROM collections c" \
    " WHERE c.id = l.collection AND c.deleted IS NULL)"

void espy_label_info_free(espy_ctx *cx, espy_label_info *l)
{
    espy_label_free(cx, &l->label);
    espy_free(cx, l->email);
    espy_free(cx, l->detail);
    *l = (espy_label_info){0};
}

static espy_err label_info_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    enum { AT = LABEL_FIELD_COUNT };
    const espy_db_ops *ops = st->db->ops;
    espy_label_info *l = item;
    *l = (espy_label_info){.collection = ops->integer(rows, AT),
                           .account = ops->integer(rows, AT + 1),
                           .created = ops->real(rows, AT + 4),
                           .sessions = (size_t)ops->integer(rows, AT + 5)};
    ESPY_TRY(espy_label_read(cx, st, rows, &l->label));
    ESPY_TRY(espy_db_text(cx, st, rows, AT + 2, &l->email));
    return espy_db_text(cx, st, rows, AT + 3, &l->detail);
}

static void label_info_drop(espy_ctx *cx, void *item)
{
    espy_label_info_free(cx, item);
}

static const espy_db_items label_items = {sizeof(espy_label_info), label_info_row, label_info_drop};

void espy_label_infos_free(espy_ctx *cx, espy_label_info *labels, size_t n)
{
    espy_db_items_free(cx, &label_items, labels, n);
}

espy_err espy_store_label_info(espy_ctx *cx, espy_store *st, int64_t id, espy_label_info *out)
{
    static const char sql[] = LABEL_INFO_SELECT LABEL_THERE " AND l.id = $1";
    bool found = false;
    ESPY_TRY(espy_db_one(cx, st, sql, DB_ARGS(DB_INT(id)), &label_items, out, &found));
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no label %lld", (long long)id);
}

espy_err espy_store_label_page(espy_ctx *cx, espy_store *st, const espy_label_filter *f,
                               const espy_page *page, espy_label_info **out, size_t *n,
                               int64_t *total)
{
#define LABEL_OF                                                                             \
    LABEL_THERE " AND ($1 = 0 OR l.collection = $1)"                                         \
                " AND ($2 = 0 OR EXISTS (SELECT 1 FROM collections c"                        \
                " WHERE c.id = l.collection AND c.owner = $2))"                              \
                " AND ($3 = 0 OR l.account = $3)"                                            \
                " AND ($4 = 0 OR ($4 = 1 AND l.origin = 'cluster')"                          \
                " OR ($4 = 2 AND l.origin = 'user'))"                                        \
                " AND (lower(l.code) LIKE $5 ESCAPE '!' OR lower(l.name) LIKE $5 ESCAPE '!'" \
                " OR lower(l.email) LIKE $5 ESCAPE '!')"                                     \
                " AND ($6 = '' OR EXISTS (SELECT 1 FROM collections c"                       \
                " WHERE c.id = l.collection AND c.modality = $6))"
    static const char count[] = "SELECT count(*) FROM labels l" LABEL_OF;
    static const char sql[] = LABEL_INFO_SELECT LABEL_OF
        " AND ($7 = 0 OR (l.collection, l.code) > (SELECT y.collection, y.code FROM labels y"
        " WHERE y.id = $7)) ORDER BY l.collection, l.code LIMIT $8 OFFSET $9";
#undef LABEL_OF
    char *pattern = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_pattern(cx, f->search, &pattern));
    const espy_db_value args[] = {DB_INT(f->collection),
                                  DB_INT(f->owner),
                                  DB_INT(f->account),
                                  DB_INT(f->grouped),
                                  DB_TEXT(pattern),
                                  DB_TEXT(f->modality == NULL ? "" : f->modality),
                                  DB_INT(page->cursor),
                                  DB_INT(espy_page_limit(page)),
                                  DB_INT(espy_page_offset(page))};
    if (total != NULL)
        ESPY_GO(espy_db_number(cx, st, count, args, 6, total));
    e = espy_db_list(cx, st, sql, args, 9, &label_items, out, n);
out:
    espy_free(cx, pattern);
    return e;
}

espy_err espy_store_label_edit(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                               const espy_label_change *change, const char *actor)
{
    static const char sql[] =
        "UPDATE labels SET email = $1, detail = $2, account = $3 WHERE id = $4";
    espy_label_info was = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_store_begin(cx, st));
    ESPY_GO(espy_store_label_info(cx, st, label, &was));
    if (was.collection != collection)
        ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "there is no label %lld in this collection",
                          (long long)label));
    const char *email = change->email != NULL ? change->email : was.email;
    const char *detail = change->detail != NULL ? change->detail : was.detail;
    int64_t account = change->account != NULL ? *change->account : was.account;
    ESPY_GO(espy_store_check_text(cx, "a label's e-mail address", email, 1024));
    ESPY_GO(espy_store_check_detail(cx, "a label's detail", detail));
    ESPY_GO(espy_store_check_user(cx, st, account));
    ESPY_GO(espy_db_exec(cx, st, sql,
                         DB_ARGS(DB_TEXT(email), DB_TEXT(detail), DB_ID(account), DB_INT(label))));
    ESPY_GO(espy_store_event_add(cx, st, collection, actor, "label.edit", label, 0, 0, NULL));
    ESPY_GO(espy_store_commit(cx, st));
    espy_label_info_free(cx, &was);
    return ESPY_E_OK;
out:
    espy_store_rollback(cx, st);
    espy_label_info_free(cx, &was);
    return e;
}
