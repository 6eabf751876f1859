/* SPDX-License-Identifier: Apache-2.0
 * http - things of the store as the JSON of /v1. */
#include "http/shapes.h"

#include <string.h>

#include "base/text.h"

espy_err espy_json_set_time(espy_ctx *cx, espy_json *o, const char *key, double t)
{
    char text[32];
    if (t > 0)
        espy_time_iso(t, text);
    return espy_json_set(cx, o, key, t > 0 ? espy_json_of_string(text) : espy_json_null_value());
}

espy_err espy_json_set_raw(espy_ctx *cx, espy_json *o, const char *key, const char *text)
{
    espy_json *v = NULL;
    if (!text || !*text || espy_json_parse(cx, text, strlen(text), &v) != ESPY_E_OK) {
        espy_clear(cx);
        v = espy_json_null_value();
    }
    return espy_json_set(cx, o, key, v);
}

espy_err espy_json_set_id(espy_ctx *cx, espy_json *o, const char *key, int64_t id)
{
    return espy_json_set(cx, o, key, id ? espy_json_of_int(id) : espy_json_null_value());
}

espy_err espy_event_json(espy_ctx *cx, const espy_event *event, espy_json **out)
{
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "id", espy_json_of_int(event->id)));
    ESPY_GO(espy_json_set_id(cx, o, "collection", event->collection));
    ESPY_GO(espy_json_set_time(cx, o, "time", event->time));
    ESPY_GO(espy_json_set(cx, o, "actor", espy_json_of_string(event->actor)));
    ESPY_GO(espy_json_set(cx, o, "action", espy_json_of_string(event->action)));
    ESPY_GO(espy_json_set_id(cx, o, "label", event->label));
    ESPY_GO(espy_json_set_id(cx, o, "sample", event->sample));
    ESPY_GO(espy_json_set_id(cx, o, "version", event->version));
    ESPY_GO(espy_json_set_raw(cx, o, "detail", event->detail));
    *out = o;
    return ESPY_E_OK;
out:
    espy_json_free(o);
    return e;
}

espy_err espy_job_json(espy_ctx *cx, const espy_job *job, bool log, espy_json **out)
{
    espy_json *o = espy_json_object();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "id", espy_json_of_int(job->id)));
    ESPY_GO(espy_json_set_id(cx, o, "collection", job->collection));
    ESPY_GO(espy_json_set(cx, o, "kind", espy_json_of_string(job->kind)));
    ESPY_GO(espy_json_set(cx, o, "state", espy_json_of_string(job->state)));
    ESPY_GO(espy_json_set(cx, o, "progress", espy_json_of_number(job->progress)));
    ESPY_GO(espy_json_set(cx, o, "stopping", espy_json_of_bool(job->stop && !job->finished)));
    ESPY_GO(espy_json_set(cx, o, "attempt", espy_json_of_int(job->attempt)));
    ESPY_GO(espy_json_set_raw(cx, o, "request", job->request));
    ESPY_GO(espy_json_set_raw(cx, o, "result", job->result));
    ESPY_GO(espy_json_set(cx, o, "error", espy_json_of_string(job->error)));
    ESPY_GO(espy_json_set_time(cx, o, "created", job->created));
    ESPY_GO(espy_json_set_time(cx, o, "started", job->started));
    ESPY_GO(espy_json_set_time(cx, o, "finished", job->finished));
    if (log)
        ESPY_GO(espy_json_set(cx, o, "log", espy_json_of_string(job->log ? job->log : "")));
    *out = o;
    return ESPY_E_OK;
out:
    espy_json_free(o);
    return e;
}
