/* SPDX-License-Identifier: Apache-2.0
 * http - the job "cluster": unlabelled samples become groups. */
#include <string.h>

#include "flow/assign.h"
#include "flow/embed.h"
#include "flow/group.h"
#include "http/make.h"
#include "http/runner.h"
#include "http/serving.h"
#include "store/collection.h"

static espy_err cluster_result(espy_ctx *cx, const espy_group_options *o, const espy_grouping *g,
                               espy_json **out)
{
    espy_made m = espy_make_object(cx), groups = espy_make_array(cx);
    size_t fresh = 0;
    for (size_t i = 0; i < g->n; i++) {
        espy_made at = espy_make_object(cx);
        fresh += g->at[i].fresh;
        espy_put_id(&at, "id", g->at[i].label);
        espy_put_text(&at, "label", g->at[i].code);
        espy_put_text(&at, "name", g->at[i].name);
        espy_put_bool(&at, "new", g->at[i].fresh);
        espy_put_int(&at, "size", (int64_t)g->at[i].size);
        espy_put_made(&groups, NULL, &at);
    }
    espy_put_real(&m, "threshold", o->threshold);
    espy_put_int(&m, "samples", (int64_t)g->pool.n);
    espy_put_int(&m, "noise", (int64_t)g->noise);
    espy_put_int(&m, "clusters", (int64_t)g->n);
    espy_put_int(&m, "labels_created", o->create_labels ? (int64_t)fresh : 0);
    espy_put_int(&m, "labelled", (int64_t)g->filed);
    espy_put_id(&m, "event", g->event);
    espy_put_made(&m, "groups", &groups);
    return espy_made_end(&m, out);
}

static void cluster_options(espy_working *w, const espy_encoder *encoder, espy_group_options *o)
{
    const espy_json *r = w->request;
    const char *method = espy_json_string(espy_json_get(r, "method"), "average");
    const double threshold = espy_json_number(espy_json_get(r, "threshold"), -1);
    *o = espy_group_defaults();
    o->session = espy_json_string(espy_json_get(r, "session"), NULL);
    o->date = espy_json_string(espy_json_get(r, "date"), NULL);
    o->method = strcmp(method, "dbscan") == 0 ? ESPY_GROUP_DBSCAN : ESPY_GROUP_AVERAGE;
    o->max_clusters = espy_json_get(r, "max_clusters")
                          ? (size_t)espy_json_int(espy_json_get(r, "max_clusters"), 0)
                          : ESPY_GROUP_ANY_NUMBER;
    o->min_samples = (size_t)espy_json_int(espy_json_get(r, "min_samples"), 2);
    o->include_identified = espy_json_bool(espy_json_get(r, "include_identified"), false);
    o->create_labels = espy_json_bool(espy_json_get(r, "create_labels"), true);
    o->assign = o->create_labels && espy_json_bool(espy_json_get(r, "assign"), true);
    o->threshold = threshold;
    o->progress = &w->progress;
    if (threshold >= 0)
        return;
    /* what suits the pack: DBSCAN joins by single pairs, as assignment does, and not by means */
    const double floor = (double)espy_encoder_pack(encoder)->floor;
    o->threshold =
        o->method == ESPY_GROUP_DBSCAN ? espy_assign_cosine(floor) : espy_group_cosine(floor);
}

/* request: session, date, method, threshold, max_clusters, min_samples, include_identified,
 * create_labels, assign, as the options of `espy cluster`. */
static espy_err run(espy_working *w, espy_json **result)
{
    espy_ctx *cx = w->cx;
    espy_collection c = {0};
    const espy_encoder *encoder;
    espy_group_options o;
    espy_grouping g = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_store_collection_get(cx, w->ws->store, w->job->collection, &c));
    ESPY_GO(espy_models_encoder(cx, w->serving->models, w->ws, &c, &encoder));
    ESPY_GO(espy_flow_embed_found(cx, w->ws, &c, encoder, &w->progress));
    cluster_options(w, encoder, &o);
    ESPY_GO(espy_flow_group(cx, w->ws, &c, &o, &g));
    ESPY_GO(cluster_result(cx, &o, &g, result));
out:
    espy_grouping_free(cx, &g);
    espy_collection_free(cx, &c);
    return e;
}

const espy_job_kind espy_job_cluster = {"cluster", run};
