/* SPDX-License-Identifier: Apache-2.0
 * flow - changes. */
#include "flow/changes.h"

#include <stdlib.h>
#include <string.h>

void espy_changes_free(espy_ctx *cx, espy_changes *c)
{
    espy_free(cx, c->at);
    *c = (espy_changes){0};
}

/* The answers of one version, by the place in the pool. */
typedef struct changes_side {
    const espy_identifier *id;
    espy_changed_side *at;
} changes_side;

static espy_err changes_tell(espy_ctx *cx, void *self, size_t i, const espy_stored *s)
{
    changes_side *side = self;
    const espy_identifier *id = side->id;
    (void)cx;
    espy_verdict v = espy_identify_verdict(&id->rule, id->gallery.labels, id->head->classes,
                                           &s->scan, s->p, s->cosine);
    side->at[i] =
        (espy_changed_side){v, v.decision == ESPY_KNOWN ? &id->gallery.labels[v.label] : NULL};
    return ESPY_E_OK;
}

static bool changes_right(const espy_changed_side *side, int64_t label)
{
    return side->label && side->label->id == label;
}

static int changes_order(const void *a, const void *b)
{
    const espy_change *p = a, *q = b;
    if (p->kind != q->kind)
        return p->kind < q->kind ? -1 : 1;
    return p->sample > q->sample ? -1 : p->sample < q->sample;
}

/* What a person or a folder said whose it is; 0: neither did. */
static int64_t changes_label(const espy_pool_sample *s)
{
    return strcmp(s->actor, "user") == 0 || strcmp(s->actor, "folder") == 0 ? s->label : 0;
}

/* Counts one sample, and notes it when the answers differ. */
static void changes_add(const espy_pool_sample *s, const espy_changed_side *before,
                        const espy_changed_side *after, espy_changes *c)
{
    const int64_t label = changes_label(s);
    const bool was = label && changes_right(before, label),
               is = label && changes_right(after, label);
    c->asked++;
    c->labelled += label != 0;
    c->right_before += was;
    c->right_after += is;
    if (before->verdict.decision == after->verdict.decision &&
        (before->label ? before->label->id : 0) == (after->label ? after->label->id : 0))
        return;
    c->at[c->n++] = (espy_change){
        s->sample, s->media,
        label,     was ? ESPY_TURNED_WRONG : is ? ESPY_TURNED_RIGHT : ESPY_TURNED_OTHER,
        *before,   *after};
}

espy_err espy_flow_changes(espy_ctx *cx, espy_workspace *ws, espy_asked_version before,
                           espy_asked_version after, espy_changes *out)
{
    const espy_collection *c = &after.id->collection;
    const espy_pool_filter some = {.collection = c->id, .newest = ESPY_STORED_NEWEST};
    espy_sample_pool pool = {0};
    espy_changes found = {0};
    changes_side was = {.id = before.id}, is = {.id = after.id};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_pool_some(cx, ws->store, &some, c->encoder_digest, &pool, NULL));
    was.at = espy_array(cx, pool.n, sizeof *was.at);
    is.at = espy_array(cx, pool.n, sizeof *is.at);
    found.at = espy_array(cx, pool.n, sizeof *found.at);
    if (!was.at || !is.at || !found.at)
        ESPY_GO(cx->code);
    ESPY_GO(espy_stored_ask(cx, before, &pool, changes_tell, &was));
    ESPY_GO(espy_stored_ask(cx, after, &pool, changes_tell, &is));
    for (size_t i = 0; i < pool.n; i++)
        changes_add(&pool.at[i], &was.at[i], &is.at[i], &found);
    if (found.n)
        qsort(found.at, found.n, sizeof *found.at, changes_order);
    *out = found;
    found = (espy_changes){0};
out:
    espy_free(cx, was.at);
    espy_free(cx, is.at);
    espy_sample_pool_free(cx, &pool);
    espy_changes_free(cx, &found);
    return e;
}
