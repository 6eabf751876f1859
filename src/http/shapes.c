/* SPDX-License-Identifier: Apache-2.0
 * http - things of the store as the JSON of /v1. */
#include "http/shapes.h"

#include <stdio.h>

#include "base/text.h"
#include "http/make.h"
#include "store/label.h"

espy_err espy_event_json(espy_ctx *cx, const espy_event *event, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", event->id);
    espy_put_id(&m, "collection", event->collection);
    espy_put_time(&m, "time", event->time);
    espy_put_text(&m, "actor", event->actor);
    espy_put_text(&m, "action", event->action);
    espy_put_id(&m, "label", event->label);
    espy_put_id(&m, "sample", event->sample);
    espy_put_id(&m, "version", event->version);
    espy_put_bool(&m, "undoable", event->undoable);
    espy_put_bool(&m, "undone", event->undone);
    espy_put_raw(&m, "detail", event->detail);
    return espy_made_end(&m, out);
}

espy_err espy_job_json(espy_ctx *cx, const espy_job *job, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", job->id);
    espy_put_id(&m, "collection", job->collection);
    espy_put_text(&m, "kind", job->kind);
    espy_put_text(&m, "state", job->state);
    espy_put_real(&m, "progress", job->progress);
    espy_put_bool(&m, "stopping", job->stop && job->finished == 0);
    espy_put_int(&m, "attempt", job->attempt);
    espy_put_raw(&m, "request", job->request);
    espy_put_raw(&m, "result", job->result);
    espy_put_text(&m, "error", job->error);
    espy_put_time(&m, "created", job->created);
    espy_put_time(&m, "started", job->started);
    espy_put_time(&m, "finished", job->finished);
    return espy_made_end(&m, out);
}

espy_err espy_sample_info_json(espy_ctx *cx, const espy_sample_info *s, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", s->id);
    espy_put_int(&m, "collection", s->collection);
    espy_put_int(&m, "media", s->media);
    espy_put_id(&m, "session", s->session);
    espy_put_floats(&m, "box", s->box, 4);
    espy_put_real(&m, "score", (double)s->score);
    espy_put_real(&m, "sharpness", (double)s->sharpness);
    espy_put_id(&m, "label", s->label);
    espy_put_text(&m, "code", s->code);
    espy_put_text(&m, "name", s->name);
    espy_put_text(&m, "labelled_by", s->actor[0] ? s->actor : NULL);
    espy_put_bool(&m, "grouped", s->grouped);
    espy_put_real(&m, "confidence", s->confidence);
    espy_put_time(&m, "created", s->created);
    return espy_made_end(&m, out);
}

static espy_err near_item(espy_call *call, const espy_near *near, espy_made *list)
{
    espy_label_info l = {0};
    espy_ctx *cx = call->cx;
    espy_err e = espy_store_label_info(cx, call->ws->store, near->label, &l);
    if (e == ESPY_E_NOT_FOUND) { /* deleted meanwhile */
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "sample", near->sample);
    espy_put_int(&m, "label", near->label);
    espy_put_text(&m, "code", l.label.code);
    espy_put_text(&m, "name", l.label.name);
    espy_put(&m, "similarity", espy_json_of_float(near->similarity));
    espy_put_made(list, NULL, &m);
    espy_label_info_free(cx, &l);
    return list->e;
}

espy_err espy_near_json(espy_call *call, const espy_near *near, size_t n, espy_json **out)
{
    espy_made list = espy_make_array(call->cx), m = espy_make_object(call->cx);
    for (size_t i = 0; i < n && list.e == ESPY_E_OK; i++)
        list.e = near_item(call, &near[i], &list);
    espy_put_made(&m, "items", &list);
    return espy_made_end(&m, out);
}

espy_err espy_reply_gone(espy_call *call)
{
    const int64_t event = espy_store_event(call->ws->store);
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)event);
    if (event)
        ESPY_TRY(espy_reply_header(call, "X-Espy-Event", id));
    return espy_reply_empty(call, 204);
}

/* -- fields ------------------------------------------------------------------------------------ */
espy_err espy_collection_asked(espy_call *call, int64_t *id)
{
    const char *name = espy_call_text(call, "collection");
    espy_collection c = {0};
    *id = call->who.collection;
    if (!name)
        return ESPY_E_OK;
    ESPY_TRY(espy_call_collection(call, name, &c));
    *id = c.id;
    espy_collection_free(call->cx, &c);
    return ESPY_E_OK;
}

espy_err espy_media_asked(espy_call *call, espy_media_info *out)
{
    ESPY_TRY(espy_store_media_get(call->cx, call->ws->store, espy_call_int(call, "media"), out));
    espy_err e = espy_call_owns(call, out->collection);
    if (e != ESPY_E_OK)
        espy_media_info_free(call->cx, out);
    return e;
}

espy_err espy_sample_asked(espy_call *call, espy_sample_info *out)
{
    ESPY_TRY(espy_store_sample_get(call->cx, call->ws->store, espy_call_int(call, "sample"), out));
    espy_err e = espy_call_owns(call, out->collection);
    if (e != ESPY_E_OK)
        espy_sample_info_free(call->cx, out);
    return e;
}

espy_err espy_detail_asked(espy_call *call, espy_buf *text)
{
    const espy_json *detail = espy_call_json(call, "detail");
    espy_buf_init(text, ESPY_DETAIL_MAX);
    espy_err e = detail ? espy_json_print(call->cx, detail, 0, text) : ESPY_E_OK;
    if (e != ESPY_E_LIMIT)
        return e;
    espy_clear(call->cx);
    return espy_refuse_field(call, "detail", "an object of at most %zu bytes is expected",
                             ESPY_DETAIL_MAX);
}

/* -- pages ------------------------------------------------------------------------------------- */
espy_err espy_page_asked(espy_call *call, espy_page *page)
{
    const char *cursor = espy_call_text(call, "cursor");
    *page = (espy_page){.limit = (size_t)espy_call_int(call, "limit") + 1};
    if (cursor && !espy_parse_int(cursor, 1, INT64_MAX, &page->cursor))
        return espy_refuse_field(call, "cursor", "take next_cursor of the answer before");
    return ESPY_E_OK;
}

espy_err espy_reply_page(espy_call *call, const espy_page *page, const espy_page_items *items)
{
    espy_ctx *cx = call->cx;
    size_t told = items->n < page->limit ? items->n : page->limit - 1;
    char cursor[32];
    espy_made list = espy_make_array(cx), m = espy_make_object(cx);
    espy_json *v = NULL;
    for (size_t i = 0; i < told && list.e == ESPY_E_OK; i++) {
        const char *item = (const char *)items->at + i * items->size;
        list.e = items->shape(cx, item, &v);
        if (list.e == ESPY_E_OK)
            espy_put(&list, NULL, v);
        snprintf(cursor, sizeof cursor, "%lld", (long long)*(const int64_t *)(const void *)item);
    }
    espy_put_made(&m, "items", &list);
    espy_put_text(&m, "next_cursor", told && told < items->n ? cursor : NULL);
    if (items->total >= 0)
        espy_put_int(&m, "total", items->total);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}
