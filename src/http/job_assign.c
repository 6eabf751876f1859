/* SPDX-License-Identifier: Apache-2.0
 * http - the job "assign": samples get the labels of those that they are most like. */
#include "flow/assign.h"
#include "flow/embed.h"
#include "http/make.h"
#include "http/runner.h"
#include "http/serving.h"
#include "store/collection.h"

static espy_err assign_result(espy_ctx *cx, const espy_assign_options *o, const espy_assignments *a,
                              espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_real(&m, "threshold", o->threshold);
    espy_put_int(&m, "samples", (int64_t)a->n);
    espy_put_int(&m, "assigned", (int64_t)a->assigned);
    espy_put_int(&m, "matched", (int64_t)a->matched);
    espy_put_int(&m, "no_match", (int64_t)a->no_match);
    espy_put_int(&m, "ambiguous", (int64_t)a->ambiguous);
    espy_put_int(&m, "skipped", (int64_t)a->skipped);
    espy_put_int(&m, "references", (int64_t)a->references);
    espy_put_id(&m, "event", a->event);
    return espy_made_end(&m, out);
}

static void assign_options(espy_working *w, const espy_encoder *encoder, espy_assign_options *o)
{
    const espy_json *r = w->request;
    *o = espy_assign_defaults();
    o->session = espy_json_string(espy_json_get(r, "session"), NULL);
    o->date = espy_json_string(espy_json_get(r, "date"), NULL);
    o->k = (size_t)espy_json_int(espy_json_get(r, "k"), (int64_t)o->k);
    o->margin = espy_json_number(espy_json_get(r, "margin"), o->margin);
    o->voting = espy_json_bool(espy_json_get(r, "use_voting"), o->voting);
    o->average = espy_json_bool(espy_json_get(r, "average"), o->average);
    o->commit = espy_json_bool(espy_json_get(r, "commit"), o->commit);
    o->threshold = espy_json_number(espy_json_get(r, "threshold"), -1);
    o->progress = &w->progress;
    if (o->threshold >= 0)
        return;
    o->threshold = espy_assign_cosine((double)espy_encoder_pack(encoder)->floor);
}

/* request: session, date, k, threshold, margin, use_voting, average, commit, as the options of
 * `espy assign`. */
static espy_err run(espy_working *w, espy_json **result)
{
    espy_ctx *cx = w->cx;
    espy_collection c = {0};
    const espy_encoder *encoder;
    espy_assign_options o;
    espy_assignments a = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_collection_get(cx, w->ws->store, w->job->collection, &c));
    ESPY_GO(espy_models_encoder(cx, w->serving->models, w->ws, &c, &encoder));
    ESPY_GO(espy_flow_embed_found(cx, w->ws, &c, encoder, &w->progress));
    assign_options(w, encoder, &o);
    ESPY_GO(espy_flow_assign(cx, w->ws, &c, &o, &a));
    ESPY_GO(assign_result(cx, &o, &a, result));
out:
    espy_assignments_free(cx, &a);
    espy_collection_free(cx, &c);
    return e;
}

const espy_job_kind espy_job_assign = {"assign", run};
