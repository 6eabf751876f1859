/* SPDX-License-Identifier: Apache-2.0
 * flow - renew. */
#include "flow/renew.h"

#include <string.h>

#include "flow/augment.h"
#include "flow/embed.h"

espy_err espy_flow_renew_fit(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                             const espy_renew_options *options, espy_renewal *out)
{
    espy_renewal r = {.gate = {.passed = true, .promote = true}};
    espy_err e = ESPY_E_OK;
    espy_fit_options fit = *options->fit;
    if (options->encoder && strcmp(c->encoder_digest, espy_encoder_digest(options->encoder)) != 0)
        return espy_fail(cx, ESPY_E_ARG,
                         "collection \"%s\" was made with encoder %s (%s) and learns with it only",
                         c->name, c->encoder, c->precision);
    if (options->encoder)
        ESPY_GO(espy_flow_embed_found(cx, ws, c, options->encoder, NULL));
    ESPY_GO(espy_training_set_load(cx, ws->store, c, 0, &r.set));
    espy_augmenter augmenter = {ws, options->encoder, &r.set, options->copies, fit.settings.seed};
    if (options->copies) {
        fit.more = espy_augment;
        fit.more_self = &augmenter;
    }
    ESPY_GO(espy_flow_fit(cx, &r.set.rows, r.set.codes, &fit, &r.fit));
    if (options->measured && !r.fit.split.test_n)
        ESPY_GO(espy_fail(cx, ESPY_E_DATA,
                          "nothing can be held back to measure, nothing was stored: no label has "
                          "samples from three sources; add some"));
    ESPY_GO(espy_store_alias(cx, ws->store, c->id, "live", &r.live));
    if (options->gate)
        ESPY_GO(espy_flow_gate(cx, ws, c, r.live, &r.set, &r.fit, &fit, options->gate, &r.gate));
    *out = r;
    r = (espy_renewal){0};
out:
    espy_renewal_free(cx, &r);
    return e;
}

espy_err espy_flow_renew_store(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                               const espy_renew_options *options, espy_renewal *r)
{
    espy_json *gate = NULL;
    const int64_t live = r->live;
    espy_err e = ESPY_E_OK;
    if (options->gate)
        ESPY_TRY(espy_gate_json(cx, &r->gate, &gate));
    const espy_publication how = {options->reason,      gate,
                                  options->file_counts, r->gate.promote,
                                  options->copies,      options->gate ? &r->gate.strangers : NULL};
    e = espy_store_begin(cx, ws->store);
    if (e != ESPY_E_OK)
        goto done;
    ESPY_GO(espy_flow_add(cx, ws, c, &r->set, &r->fit, options->fit, &how, &r->version));
    r->promoted = r->gate.promote;
    if (r->promoted)
        r->live = r->version;
    if (options->stored)
        ESPY_GO(options->stored(cx, options->self, r));
    ESPY_GO(espy_store_commit(cx, ws->store));
out:
    if (e != ESPY_E_OK) {
        espy_store_rollback(cx, ws->store);
        r->version = 0;
        r->live = live;
        r->promoted = false;
    }
done:
    espy_json_free(gate);
    return e;
}

espy_err espy_flow_renew(espy_ctx *cx, espy_workspace *ws, const espy_collection *c,
                         const espy_renew_options *options, espy_renewal *out)
{
    espy_renewal r = {0};
    ESPY_TRY(espy_flow_renew_fit(cx, ws, c, options, &r));
    espy_err e = espy_flow_renew_store(cx, ws, c, options, &r);
    if (e == ESPY_E_OK)
        *out = r;
    else
        espy_renewal_free(cx, &r);
    return e;
}

void espy_renewal_free(espy_ctx *cx, espy_renewal *r)
{
    espy_gate_free(cx, &r->gate);
    espy_fit_free(cx, &r->fit);
    espy_training_set_free(cx, &r->set);
    *r = (espy_renewal){0};
}
