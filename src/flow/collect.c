/* SPDX-License-Identifier: Apache-2.0
 * flow - collect. */
#include "flow/collect.h"

#include <string.h>

#include "flow/scan.h"
#include "store/group.h"

typedef struct collect_run {
    espy_store *store;
    const espy_collect_options *options;
    int64_t session; /* 0: none */
    espy_collected *out;
} collect_run;

/* Within the transaction that keeps the scan. */
static espy_err collect_one(espy_ctx *cx, void *self, size_t i, const espy_scan *scan, bool fresh)
{
    collect_run *r = self;
    bool there = true;
    if (scan->error) {
        r->out->errors++;
        if (r->options->skipped)
            r->options->skipped(r->options->self, i, scan->error);
        return ESPY_E_OK;
    }
    r->out->media++;
    r->out->samples += scan->n;
    r->out->fresh += fresh;
    ESPY_TRY(espy_store_media_probe(cx, r->store, scan->media, false));
    if (r->session)
        ESPY_TRY(espy_store_media_session(cx, r->store, scan->media, r->session, &there));
    r->out->elsewhere += !there;
    return ESPY_E_OK;
}

espy_err espy_flow_collect(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const espy_encoder *encoder, const char *const *paths, size_t n,
                           const espy_collect_options *options, espy_collected *out)
{
    collect_run r = {.store = ws->store, .options = options, .out = out};
    *out = (espy_collected){0};
    if (options->session)
        ESPY_TRY(
            espy_store_session(cx, ws->store, c->id, options->session, options->date, &r.session));
    const espy_scan_job job = {.encoder = encoder,
                               /* all faces of a photo; of a recording what training takes */
                               .find = {.largest = espy_encoder_modality(encoder)->hears},
                               .store = ws->store,
                               .collection = c->id,
                               .progress = options->progress,
                               .stage = "encoding"};
    return espy_flow_scan(cx, &job, paths, n, collect_one, &r);
}

espy_err espy_flow_session(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                           const char *name, const char *date, int64_t *id)
{
    espy_session *list = NULL;
    size_t n = 0, at = 0;
    if (!date)
        return espy_store_session_find(cx, ws->store, c->id, name, id);
    ESPY_TRY(espy_store_sessions(cx, ws->store, c->id, &list, &n));
    while (at < n && (strcmp(list[at].name, name) != 0 || strcmp(list[at].date, date) != 0))
        at++;
    bool found = at < n;
    if (found)
        *id = list[at].id;
    espy_sessions_free(cx, list, n);
    return found ? ESPY_E_OK
                 : espy_fail(cx, ESPY_E_NOT_FOUND, "there is no session '%s' of %s", name, date);
}
