/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: what people should look at: answers that another version changes, and the queue of
 * samples that wait for somebody's word. */
#include "base/pool.h"
#include "flow/changes.h"
#include "flow/review.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"
#include "store/label.h"

/* A probability or a cosine; null where there is none. */
static void put_figure(espy_made *m, const char *key, float v)
{
    if (v >= -1)
        espy_put(m, key, espy_json_of_float(v));
    else
        espy_put_null(m, key);
}

/* All cores work for one who waits. */
static void cores_take(espy_ctx *cx)
{
    if (espy_pool_create(cx, 0, &cx->pool) != ESPY_E_OK)
        espy_clear(cx); /* it takes longer then */
}

static espy_asked_version version_of(const espy_model *model)
{
    return model ? (espy_asked_version){&model->id, model->memory} : (espy_asked_version){0};
}

/* -- what another version changes -------------------------------------------------------------- */
static void put_side(espy_made *m, const char *key, const espy_changed_side *side)
{
    espy_made o = espy_make_object(m->cx);
    espy_put_text(&o, "decision", espy_decision_name(side->verdict.decision));
    espy_put_text(&o, "label", side->label ? side->label->code : NULL);
    espy_put_text(&o, "name", side->label ? side->label->name : NULL);
    put_figure(&o, "probability", side->verdict.probability);
    put_figure(&o, "similarity", side->verdict.similarity);
    espy_put_made(m, key, &o);
}

static espy_err put_change(espy_call *call, const espy_change *change, espy_made *list)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    espy_made m = espy_make_object(cx);
    espy_err e =
        change->label ? espy_store_label_info(cx, call->ws->store, change->label, &l) : ESPY_E_OK;
    if (e == ESPY_E_NOT_FOUND) /* deleted meanwhile */
        espy_clear(cx);
    else if (e != ESPY_E_OK)
        m.e = e;
    espy_put_int(&m, "sample", change->sample);
    espy_put_int(&m, "media", change->media);
    espy_put_text(&m, "code", l.label.code);
    put_side(&m, "before", &change->before);
    put_side(&m, "after", &change->after);
    espy_put_made(list, NULL, &m);
    espy_label_info_free(cx, &l);
    return list->e;
}

static espy_err reply_changes(espy_call *call, int64_t before, int64_t after, const espy_changes *c)
{
    const size_t limit = (size_t)espy_call_int(call, "limit");
    espy_made m = espy_make_object(call->cx), list = espy_make_array(call->cx);
    espy_json *o = NULL;
    for (size_t i = 0; i < c->n && i < limit && list.e == ESPY_E_OK; i++)
        list.e = put_change(call, &c->at[i], &list);
    espy_put_int(&m, "version", after);
    espy_put_int(&m, "with", before);
    espy_put_int(&m, "asked", (int64_t)c->asked);
    espy_put_int(&m, "changed", (int64_t)c->n);
    espy_put_made(&m, "items", &list);
    espy_put_int(&m, "right_before", (int64_t)c->right_before);
    espy_put_int(&m, "right_after", (int64_t)c->right_after);
    espy_put_int(&m, "labelled", (int64_t)c->labelled);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

static espy_err changes(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    espy_model *before = NULL, *after = NULL;
    espy_changes found = {0};
    espy_collection c = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_models_get(cx, models, call->ws, &c, espy_call_int(call, "version"), &after));
    ESPY_GO(espy_models_get(cx, models, call->ws, &c, espy_call_int(call, "with"), &before));
    cores_take(cx);
    ESPY_GO(espy_flow_changes(cx, call->ws, version_of(before), version_of(after), &found));
    e = reply_changes(call, before->id.version.number, after->id.version.number, &found);
out:
    espy_pool_destroy(cx, &cx->pool);
    espy_changes_free(cx, &found);
    espy_models_put(cx, models, &before);
    espy_models_put(cx, models, &after);
    espy_collection_free(cx, &c);
    return e;
}

/* -- what waits for somebody's word ------------------------------------------------------------ */
static void put_candidates(espy_made *m, const espy_review_item *item)
{
    espy_made list = espy_make_array(m->cx);
    for (size_t i = 0; i < item->n; i++) {
        const espy_review_candidate *c = &item->candidates[i];
        espy_made o = espy_make_object(m->cx);
        espy_put_text(&o, "label", c->label->code);
        espy_put_int(&o, "id", c->label->id);
        espy_put_text(&o, "name", c->label->name);
        put_figure(&o, "probability", c->probability);
        put_figure(&o, "similarity", c->similarity);
        espy_put_id(&o, "reference", c->reference);
        espy_put_made(&list, NULL, &o);
    }
    espy_put_made(m, "candidates", &list);
}

static espy_err put_waiting(espy_call *call, const espy_review_item *item, espy_made *list)
{
    espy_ctx *cx = call->cx;
    espy_sample_info s = {0};
    espy_json *sample = NULL;
    espy_err e = espy_store_sample_get(cx, call->ws->store, item->sample, &s);
    if (e == ESPY_E_NOT_FOUND) { /* taken away meanwhile */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    e = espy_sample_info_json(cx, &s, &sample);
    espy_sample_info_free(cx, &s);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put(&m, "sample", sample);
    espy_put_text(&m, "decision", espy_decision_name(item->decision));
    espy_put_text(&m, "reason", espy_review_reason_name(item->reason));
    put_figure(&m, "margin", item->margin);
    put_candidates(&m, item);
    espy_put_made(list, NULL, &m);
    return list->e;
}

static espy_err reply_review(espy_call *call, const espy_review *r, int64_t version)
{
    espy_made m = espy_make_object(call->cx), list = espy_make_array(call->cx);
    espy_json *o = NULL;
    for (size_t i = 0; i < r->n && list.e == ESPY_E_OK; i++)
        list.e = put_waiting(call, &r->at[i], &list);
    espy_put_made(&m, "items", &list);
    espy_put_int(&m, "total", (int64_t)r->total);
    espy_put_real(&m, "threshold", r->threshold);
    espy_put_real(&m, "floor", r->floor);
    espy_put_id(&m, "version", version);
    ESPY_TRY(espy_made_end(&m, &o));
    return espy_reply_json(call, 200, o);
}

static espy_err review(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    espy_model *live = NULL;
    espy_review found = {0};
    espy_collection c = {0};
    int64_t version = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, espy_call_text(call, "collection"), &c));
    ESPY_GO(espy_store_alias(cx, call->ws->store, c.id, "live", &version));
    if (version)
        ESPY_GO(espy_models_get(cx, models, call->ws, &c, 0, &live));
    cores_take(cx);
    ESPY_GO(espy_flow_review(cx, call->ws, &c, version_of(live), espy_call_int(call, "session"),
                             (size_t)espy_call_int(call, "limit"), &found));
    e = reply_review(call, &found, live ? live->id.version.number : 0);
out:
    espy_pool_destroy(cx, &cx->pool);
    espy_review_free(cx, &found);
    espy_models_put(cx, models, &live);
    espy_collection_free(cx, &c);
    return e;
}

static const espy_field review_fields[] = {
    ESPY_COLLECTION_FIELD,
    {"session", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 9007199254740991.0, false, NULL, NULL,
     "only of this session"},
    {"limit", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1000, false, "100", NULL, "items in the answer"},
    {0}};
static const espy_field changes_fields[] = {
    ESPY_COLLECTION_FIELD,
    ESPY_ID_FIELD("version", "number of the version"),
    {"with", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1e9, false, NULL, NULL,
     "the version that it is compared with; else the one that answers now"},
    {"limit", ESPY_IN_QUERY, ESPY_FIELD_INT, 1, 1000, false, "100", NULL, "items in the answer"},
    {0}};

const espy_route espy_routes_v1_review[] = {
    {"GET", "/v1/collections/{collection}/review", &espy_service_v1, ESPY_MAY_READ, ESPY_LANE_LONG,
     review_fields, "Samples that wait for somebody's word, most useful first",
     "200 Review|404|422", review},
    {"GET", "/v1/collections/{collection}/versions/{version}/changes", &espy_service_v1,
     ESPY_MAY_READ, ESPY_LANE_LONG, changes_fields,
     "Which answers about stored samples another version changes", "200 Changes|404|422", changes},
    {0}};

const espy_schema espy_schemas_v1_review[] = {
    {"Changes",
     "{\"type\":\"object\",\"required\":[\"version\",\"with\",\"asked\",\"changed\",\"items\","
     "\"right_before\",\"right_after\",\"labelled\"],\"properties\":{\"version\":{\"type\":\"i"
     "nteger\"},\"asked\":{\"type\":\"integer\"},\"changed\":{\"type\":\"integer\"},\"items\":"
     "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/Change\"}},\"right_before"
     "\":{\"type\":\"integer\"},\"right_after\":{\"type\":\"integer\"},\"labelled\":{\"type\":"
     "\"integer\"}}}"},
    {"Change",
     "{\"type\":\"object\",\"required\":[\"sample\",\"media\",\"code\",\"before\",\"after\"],"
     "\"properties\":{\"sample\":{\"type\":\"integer\"},\"media\":{\"type\":\"integer\"},\"code\":{"
     "\"type\":[\"string\",\"null\"]},\"before\":{\"$ref\":\"#/components/schemas/ChangedSide\"},"
     "\"after\":{\"$ref\":\"#/components/schemas/ChangedSide\"}}}"},
    {"ChangedSide",
     "{\"type\":\"object\",\"required\":[\"decision\",\"label\",\"name\",\"probability\","
     "\"similarity\"],\"properties\":{\"decision\":{\"enum\":[\"known\",\"unknown\","
     "\"ambiguous\",\"poor_quality\"]},\"label\":{\"type\":[\"string\",\"null\"]},\"name\":{"
     "\"type\":[\"string\",\"null\"]},\"probability\":{\"type\":[\"number\",\"null\"]},"
     "\"similarity\":{"
     "\"type\":[\"number\",\"null\"]}}}"},
    {"Review",
     "{\"type\":\"object\",\"required\":[\"items\",\"total\",\"threshold\",\"floor\",\"version"
     "\"],\"properties\":{\"items\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/sch"
     "emas/Waiting\"}},\"total\":{\"type\":\"integer\"},\"threshold\":{\"type\":[\"number\",\""
     "null\"]},\"floor\":{\"type\":[\"number\",\"null\"]},\"version\":{\"type\":[\"integer\","
     "\"null\"]}}}"},
    {"Waiting",
     "{\"type\":\"object\",\"required\":[\"sample\",\"decision\",\"reason\",\"margin\",\"candi"
     "dates\"],\"properties\":{\"sample\":{\"$ref\":\"#/components/schemas/Sample\"},\"decisio"
     "n\":{\"enum\":[\"known\",\"unknown\",\"ambiguous\",\"poor_quality\"]},\"reason\":{\"enum"
     "\":[\"ambiguous\",\"border\",\"confirm\",\"unknown\",\"poor_quality\"]},\"margin\":{\"ty"
     "pe\":[\"number\",\"null\"]},\"candidates\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/c"
     "omponents/schemas/WaitingCandidate\"}}}}"},
    {"WaitingCandidate",
     "{\"type\":\"object\",\"required\":[\"label\",\"id\",\"name\",\"probability\",\"similarit"
     "y\",\"reference\"],\"properties\":{\"label\":{\"type\":\"string\"},\"id\":{\"type\":\"in"
     "teger\"},\"name\":{\"type\":\"string\"},\"probability\":{\"type\":[\"number\",\"null\"]}"
     ",\"similarity\":{\"type\":[\"number\",\"null\"]},\"reference\":{\"type\":[\"integer\",\""
     "null\"]}}}"},
    {0}};
