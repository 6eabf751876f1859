/* SPDX-License-Identifier: Apache-2.0
 * flow - rollback. */
#include "flow/rollback.h"

#include "flow/identify.h"

static espy_err rollback_prove(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               int64_t number)
{
    const espy_identify_options own = {.threshold = -1, .floor = -2};
    espy_identifier id;
    bool cached;
    espy_err e = espy_store_version_check(cx, ws->store, c->id, number, &cached);
    if (e == ESPY_E_OK)
        e = espy_identifier_open(cx, ws, c->name, number, NULL, &own, &id);
    if (e == ESPY_E_OK)
        espy_identifier_close(cx, &id);
    else if (e != ESPY_E_NOT_FOUND && e != ESPY_E_NOMEM)
        e = espy_fail_in(cx, "version %lld cannot answer, nothing was changed", (long long)number);
    return e;
}

espy_err espy_flow_rollback(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t to,
                            const char *why, int64_t *from, int64_t *now)
{
    int64_t live = 0;
    ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "live", &live));
    if (!to)
        ESPY_TRY(espy_store_alias(cx, ws->store, c->id, "previous", &to));
    if (!to)
        return espy_fail(cx, ESPY_E_NOT_FOUND,
                         "collection \"%s\" has no previous version to go back to; see: espy "
                         "versions",
                         c->name);
    if (to != live) {
        ESPY_TRY(rollback_prove(cx, ws, c, to));
        char *reason = espy_sprintf(cx, "rollback%s%s", why ? ": " : "", why ? why : "");
        if (!reason)
            return cx->code;
        espy_err e = espy_store_promote(cx, ws->store, c->id, to, reason);
        espy_free(cx, reason);
        ESPY_TRY(e);
    }
    *from = live;
    *now = to;
    return ESPY_E_OK;
}
