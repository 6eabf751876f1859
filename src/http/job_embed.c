/* SPDX-License-Identifier: Apache-2.0
 * http - the job "embed": the samples of a collection get vectors under another pack. */
#include "flow/embed.h"
#include "http/make.h"
#include "http/runner.h"
#include "http/serving.h"
#include "store/collection.h"

/* request: {"pack": name, "session": name or null}.  What has a vector under the pack is passed
 * over, so one that is begun anew goes on. */
static espy_err run(espy_working *w, espy_json **result)
{
    espy_ctx *cx = w->cx;
    const char *pack, *session = espy_json_string(espy_json_get(w->request, "session"), NULL);
    const espy_encoder *encoder;
    espy_collection c = {0};
    espy_embedded done = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_json_need_string(cx, w->request, "pack", &pack));
    ESPY_GO(espy_store_collection_get(cx, w->ws->store, w->job->collection, &c));
    ESPY_GO(espy_models_pack(cx, w->serving->models, w->ws, pack, &encoder));
    ESPY_GO(espy_flow_embed(cx, w->ws, &c, encoder, session, &w->progress, &done));
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "pack", pack);
    espy_put_int(&m, "samples", (int64_t)done.samples);
    espy_put_int(&m, "errors", (int64_t)done.errors);
    e = espy_made_end(&m, result);
out:
    espy_collection_free(cx, &c);
    return e;
}

const espy_job_kind espy_job_embed = {"embed", run};
