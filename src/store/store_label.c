/* SPDX-License-Identifier: Apache-2.0
 * store - what people say about labels. */
#include "store/label.h"

#include <math.h>
#include <string.h>

#include "store/store_internal.h"

static espy_err label_samples(espy_ctx *cx, espy_store *st, int64_t label, int64_t **out, size_t *n)
{
    static const char sql[] = "SELECT id FROM samples WHERE label = $1 ORDER BY id";
    return espy_db_ids(cx, st, sql, DB_ARGS(DB_INT(label)), out, n);
}

static espy_err label_living(espy_ctx *cx, espy_store *st, int64_t collection, int64_t id,
                             espy_label *out)
{
    ESPY_TRY(espy_store_label_get(cx, st, collection, id, out));
    if (!out->deleted)
        return ESPY_E_OK;
    espy_err e =
        espy_fail(cx, ESPY_E_NOT_FOUND, "label '%s' was deleted; undo that first", out->code);
    espy_label_free(cx, out);
    return e;
}

espy_err espy_store_label_rename(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const char *code, const char *name, const char *actor)
{
    espy_label old = {0}, to;
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    if (name != NULL)
        ESPY_TRY(espy_store_check_name(cx, "a label's name", name));
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "label.rename", &ch));
    ESPY_GO(label_living(cx, st, collection, label, &old));
    to = old;
    to.grouped = false;
    if (code != NULL && strcmp(code, old.code) != 0) {
        ESPY_GO(espy_change_code_free(cx, st, &ch, code, label));
        ESPY_GO(espy_change_code(cx, st, &ch, old.code, label));
        to.code = (char *)(uintptr_t)code;
    }
    if (name != NULL)
        to.name = (char *)(uintptr_t)name;
    to.named = old.named || strcmp(actor, "user") == 0;
    if (old.grouped || to.named != old.named || strcmp(to.code, old.code) != 0 ||
        strcmp(to.name, old.name) != 0)
        ESPY_GO(espy_change_label(cx, st, &ch, &old, &to));
    e = espy_change_end(cx, st, &ch, label, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &old);
    return e;
}

/* Whether a person has refused the label to the sample. */
static espy_err label_refused(espy_ctx *cx, espy_store *st, int64_t sample, int64_t label,
                              bool *out)
{
    static const char sql[] = "SELECT sample FROM rejections WHERE sample = $1 AND label = $2";
    int64_t id;
    return espy_db_find(cx, st, sql, DB_ARGS(DB_INT(sample), DB_INT(label)), out, &id);
}

/* Two groups that a person merged are one person: grouping takes them apart no more. */
static espy_err merge_pin(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t into)
{
    int64_t *samples = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(label_samples(cx, st, into, &samples, &n));
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
        espy_sample_state s = {0};
        e = espy_sample_state_read(cx, st, samples[i], &s);
        if (e == ESPY_E_OK)
            e = espy_change_sample(cx, st, ch, samples[i], into, ch->actor, s.confidence);
    }
    espy_free(cx, samples);
    return e;
}

static espy_err merge_samples(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t from,
                              int64_t into, size_t *moved, size_t *left)
{
    int64_t *samples = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(label_samples(cx, st, from, &samples, &n));
    for (size_t i = 0; i < n; i++) {
        espy_sample_state s = {0};
        bool refused = false;
        ESPY_GO(label_refused(cx, st, samples[i], into, &refused));
        ESPY_GO(espy_sample_state_read(cx, st, samples[i], &s));
        /* who merges says whose the samples are */
        ESPY_GO(espy_change_sample(cx, st, ch, samples[i], refused ? 0 : into,
                                   refused ? "" : ch->actor, s.confidence));
        *(refused ? left : moved) += 1;
    }
out:
    espy_free(cx, samples);
    return e;
}

/* What was refused to `from` is refused to `into`, except to samples that are `into`'s by now. */
static espy_err merge_refusals(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t from,
                               int64_t into)
{
    static const char sql[] =
        "SELECT r.sample FROM rejections r JOIN samples s ON s.id = r.sample"
        " WHERE r.label = $1 AND s.label IS DISTINCT FROM $2 ORDER BY r.sample";
    int64_t *samples = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_db_ids(cx, st, sql, DB_ARGS(DB_INT(from), DB_INT(into)), &samples, &n));
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        e = espy_change_refusal(cx, st, ch, samples[i], into, true);
    espy_free(cx, samples);
    return e;
}

/* Attendance of `from` becomes that of `into`, where `into` has none in that session and day. */
static espy_err merge_attendance(espy_ctx *cx, espy_store *st, espy_change *ch, int64_t from,
                                 int64_t into)
{
    static const char sql[] =
        "SELECT a.id FROM attendance a WHERE a.label = $1 AND NOT EXISTS (SELECT 1"
        " FROM attendance b WHERE b.label = $2 AND b.session = a.session AND b.day = a.day)"
        " ORDER BY a.id";
    int64_t *ids = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_db_ids(cx, st, sql, DB_ARGS(DB_INT(from), DB_INT(into)), &ids, &n));
    for (size_t i = 0; i < n && e == ESPY_E_OK; i++)
        e = espy_change_attendance(cx, st, ch, ids[i], from, into);
    espy_free(cx, ids);
    return e;
}

espy_err espy_store_code_meant(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               bool *meant)
{
    static const char sql[] = "SELECT label FROM label_codes WHERE collection = $1 AND code = $2"
                              " UNION SELECT id FROM labels WHERE collection = $1 AND code = $2";
    int64_t id;
    return espy_db_find(cx, st, sql, DB_ARGS(DB_INT(collection), DB_TEXT(code)), meant, &id);
}

espy_err espy_store_label_make(espy_ctx *cx, espy_store *st, int64_t collection, const char *code,
                               const char *name, int64_t *id)
{
    static const char find[] = "SELECT id FROM labels WHERE collection = $1 AND code = $2";
    espy_label old = {0}, again;
    espy_change ch = {0};
    bool found = false;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, "user", "label.create", &ch));
    ESPY_GO(espy_db_find(cx, st, find, DB_ARGS(DB_INT(collection), DB_TEXT(code)), &found, id));
    if (!found) {
        ESPY_GO(espy_change_label_new(cx, st, &ch, code, name == NULL ? code : name, false, id));
    } else {
        ESPY_GO(espy_store_label_get(cx, st, collection, *id, &old));
        again = old;
        again.deleted = false;
        if (old.deleted)
            ESPY_GO(espy_change_label(cx, st, &ch, &old, &again));
    }
    e = espy_change_end(cx, st, &ch, *id, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &old);
    return e;
}

espy_err espy_store_label_merge(espy_ctx *cx, espy_store *st, int64_t collection, int64_t from,
                                int64_t into, const char *actor, size_t *moved, size_t *left)
{
    espy_label a = {0}, b = {0}, gone, named;
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    if (from == into)
        return espy_fail(cx, ESPY_E_ARG, "a label cannot be merged into itself");
    *moved = *left = 0;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "label.merge", &ch));
    ESPY_GO(label_living(cx, st, collection, from, &a));
    ESPY_GO(label_living(cx, st, collection, into, &b));
    ESPY_GO(merge_samples(cx, st, &ch, from, into, moved, left));
    if (a.grouped && b.grouped)
        ESPY_GO(merge_pin(cx, st, &ch, into));
    ESPY_GO(merge_refusals(cx, st, &ch, from, into));
    ESPY_GO(merge_attendance(cx, st, &ch, from, into));
    gone = a;
    gone.deleted = true;
    ESPY_GO(espy_change_label(cx, st, &ch, &a, &gone));
    ESPY_GO(espy_change_code(cx, st, &ch, a.code, into));
    named = b;
    named.grouped = a.grouped && b.grouped; /* two groups make a group */
    if (named.grouped != b.grouped)
        ESPY_GO(espy_change_label(cx, st, &ch, &b, &named));
    e = espy_change_end(cx, st, &ch, into, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &a);
    espy_label_free(cx, &b);
    return e;
}

espy_err espy_store_label_split(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                const int64_t *samples, size_t n, const char *code,
                                const char *name, const char *actor, int64_t *made)
{
    espy_label old = {0};
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "label.split", &ch));
    ESPY_GO(label_living(cx, st, collection, label, &old));
    if (n == 0 || n >= old.samples)
        ESPY_GO(espy_fail(cx, ESPY_E_ARG,
                          "label '%s' has %zu samples: a split takes at least one and leaves at "
                          "least one",
                          old.code, old.samples));
    ESPY_GO(espy_change_label_new(cx, st, &ch, code, name == NULL ? code : name, false, made));
    for (size_t i = 0; i < n; i++) {
        espy_sample_state s = {0};
        ESPY_GO(espy_sample_state_read(cx, st, samples[i], &s));
        if (s.label != label)
            ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "sample %lld is not of label '%s'",
                              (long long)samples[i], old.code));
        ESPY_GO(espy_change_sample(cx, st, &ch, samples[i], *made, actor, (double)NAN));
        ESPY_GO(espy_change_refusal(cx, st, &ch, samples[i], label, true));
    }
    e = espy_change_end(cx, st, &ch, label, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &old);
    return e;
}

espy_err espy_store_label_delete(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const char *actor)
{
    espy_label old = {0}, gone;
    espy_change ch = {0};
    int64_t *samples = NULL;
    size_t n = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, actor, "label.delete", &ch));
    ESPY_GO(label_living(cx, st, collection, label, &old));
    ESPY_GO(label_samples(cx, st, label, &samples, &n));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_change_sample(cx, st, &ch, samples[i], 0, "", (double)NAN));
    gone = old;
    gone.deleted = true;
    ESPY_GO(espy_change_label(cx, st, &ch, &old, &gone));
    e = espy_change_end(cx, st, &ch, label, 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_free(cx, samples);
    espy_label_free(cx, &old);
    return e;
}

espy_err espy_store_label_set(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                              const int64_t *samples, size_t n)
{
    espy_label to = {0};
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, "user", "sample.label", &ch));
    if (label != 0)
        ESPY_GO(label_living(cx, st, collection, label, &to));
    for (size_t i = 0; i < n; i++) {
        ESPY_GO(espy_change_sample(cx, st, &ch, samples[i], label, "user", (double)NAN));
        if (label != 0)
            ESPY_GO(espy_change_refusal(cx, st, &ch, samples[i], label, false));
    }
    e = espy_change_end(cx, st, &ch, label, n == 1 ? samples[0] : 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &to);
    return e;
}

espy_err espy_store_label_clear(espy_ctx *cx, espy_store *st, int64_t collection,
                                const int64_t *samples, size_t n)
{
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, "user", "sample.label", &ch));
    for (size_t i = 0; i < n; i++)
        ESPY_GO(espy_change_sample(cx, st, &ch, samples[i], 0, "", (double)NAN));
    e = espy_change_end(cx, st, &ch, 0, n == 1 ? samples[0] : 0);
out:
    espy_change_drop(cx, st, &ch);
    return e;
}

espy_err espy_store_label_reject(espy_ctx *cx, espy_store *st, int64_t collection, int64_t label,
                                 const int64_t *samples, size_t n)
{
    espy_label from = {0};
    espy_change ch = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_change_begin(cx, st, collection, "user", "label.reject", &ch));
    ESPY_GO(label_living(cx, st, collection, label, &from));
    for (size_t i = 0; i < n; i++) {
        espy_sample_state s = {0};
        ESPY_GO(espy_sample_state_read(cx, st, samples[i], &s));
        if (s.collection != collection)
            ESPY_GO(espy_fail(cx, ESPY_E_NOT_FOUND, "sample %lld is not of this collection",
                              (long long)samples[i]));
        if (s.label == label)
            ESPY_GO(espy_change_sample(cx, st, &ch, samples[i], 0, "", (double)NAN));
        ESPY_GO(espy_change_refusal(cx, st, &ch, samples[i], label, true));
    }
    e = espy_change_end(cx, st, &ch, label, n == 1 ? samples[0] : 0);
out:
    espy_change_drop(cx, st, &ch);
    espy_label_free(cx, &from);
    return e;
}

static espy_err rejection_row(espy_ctx *cx, espy_store *st, espy_db_rows *rows, void *item)
{
    espy_rejection *r = item;
    (void)cx;
    r->sample = st->db->ops->integer(rows, 0);
    r->label = st->db->ops->integer(rows, 1);
    return ESPY_E_OK;
}

espy_err espy_store_rejections(espy_ctx *cx, espy_store *st, int64_t collection,
                               espy_rejection **out, size_t *n)
{
    static const char sql[] = "SELECT r.sample, r.label FROM labels l"
                              " JOIN rejections r ON r.label = l.id"
                              " WHERE l.collection = $1 ORDER BY r.sample, r.label";
    static const espy_db_items items = {sizeof **out, rejection_row, NULL};
    return espy_db_list(cx, st, sql, DB_ARGS(DB_INT(collection)), &items, out, n);
}
