/* SPDX-License-Identifier: Apache-2.0
 * http - attendance (attend.h). */
#include "http/attend.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void espy_attend_day(const espy_session *s, char day[11])
{
    char now[32];
    espy_time_local(espy_time_now(), now);
    snprintf(day, 11, "%.10s", s->date && *s->date ? s->date : now);
}

bool espy_attend_enabled(espy_ctx *cx, const espy_label_info *l)
{
    espy_ctx own = espy_ctx_child(cx);
    espy_json *v = NULL;
    if (!l->detail || !*l->detail)
        return true;
    espy_ignore(espy_json_parse(&own, l->detail, strlen(l->detail), &v));
    bool enabled = espy_json_bool(espy_json_get(v, "enabled"), true);
    espy_json_free(v);
    return enabled;
}

espy_err espy_attend_label(espy_call *call, int64_t collection, const char *code, espy_label *out,
                           bool *there)
{
    espy_ctx *cx = call->cx;
    espy_label_info l = {0};
    *there = false;
    espy_err e = espy_store_label_find(cx, call->ws->store, collection, code, out);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return ESPY_E_OK;
    }
    ESPY_TRY(e);
    e = espy_store_label_info(cx, call->ws->store, out->id, &l);
    *there = e == ESPY_E_OK && espy_attend_enabled(cx, &l);
    espy_label_info_free(cx, &l);
    if (!*there)
        espy_label_free(cx, out);
    return e;
}
