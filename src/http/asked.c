/* SPDX-License-Identifier: Apache-2.0
 * http - media that were sent: encode, ask a version. */
#include "http/asked.h"

#include <string.h>

#include "base/text.h"
#include "flow/scan.h"
#include "http/serving.h"

static size_t modality_number(const espy_modality *m)
{
    return m->hears ? 1 : 0;
}

espy_err espy_asked_scan(espy_call *call, const espy_encoder *encoder, espy_span file,
                         espy_scan *out)
{
    static const espy_find_options all = {0};
    espy_ctx *cx = call->cx;
    double begun = espy_time_monotonic();
    ESPY_TRY(espy_flow_scan_memory(cx, encoder, &all, file, out));
    espy_metrics_encoded(call->serving->metrics, modality_number(espy_encoder_modality(encoder)),
                         out->n, espy_time_monotonic() - begun);
    return ESPY_E_OK;
}

void espy_asked_count(espy_call *call, const espy_modality *m, const espy_result *r)
{
    espy_metrics *metrics = call->serving->metrics;
    call->serving->predictions++;
    if (r->n == 0)
        espy_metrics_decision(metrics, modality_number(m), ESPY_OUTCOME_NO_SAMPLE);
    for (size_t i = 0; i < r->n; i++)
        espy_metrics_decision(metrics, modality_number(m), (espy_outcome)r->at[i].decision);
}

espy_err espy_asked_identify(espy_call *call, const espy_collection *c, int64_t version,
                             const espy_identify_options *rule, const espy_listen_options *listen,
                             espy_span file, espy_scan *scan, espy_result **result)
{
    static const espy_listen_options usual = {ESPY_LISTEN_USUAL};
    espy_ctx *cx = call->cx;
    espy_models *models = call->serving->models;
    espy_model *model = NULL;
    espy_err e = ESPY_E_OK;
    *scan = (espy_scan){0};
    *result = NULL;
    ESPY_TRY(espy_models_get(cx, models, call->ws, c, version, &model));
    espy_identifier id = model->id; /* borrowed; only the rule is this request's own */
    if (rule && rule->threshold >= 0)
        id.rule.threshold = rule->threshold;
    if (rule && rule->floor >= -1)
        id.rule.floor = rule->floor;
    id.rule.no_floor = rule && rule->no_floor;
    const espy_modality *m = espy_encoder_modality(id.encoder);
    if (m->hears) {
        e = espy_listen(cx, &id, NULL, file, listen ? listen : &usual, scan, result);
    } else {
        ESPY_GO(espy_asked_scan(call, id.encoder, file, scan));
        e = espy_identify_scan(cx, &id, scan, result);
    }
    if (e == ESPY_E_OK)
        espy_asked_count(call, m, *result);
out:
    espy_models_put(cx, models, &model);
    return e;
}
