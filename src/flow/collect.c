/* SPDX-License-Identifier: Apache-2.0
 * flow - collect. */
#include "flow/collect.h"

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
