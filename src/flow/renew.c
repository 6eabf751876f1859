/* SPDX-License-Identifier: Apache-2.0
 * flow - renew. */
#include "flow/renew.h"

#include <stdlib.h>
#include <string.h>

#include "flow/augment.h"

static int renew_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

typedef struct renew_label {
    size_t samples, sources;
    size_t rest; /* samples that are left when its largest source is held back */
} renew_label;

static renew_label renew_count(const espy_training_set *set, uint32_t label, uint64_t *room)
{
    renew_label l = {0};
    size_t run = 0, largest = 0;
    for (size_t i = 0; i < set->rows.n; i++)
        if (set->y[i] == label)
            room[l.samples++] = set->vectors.group[i];
    qsort(room, l.samples, sizeof *room, renew_order);
    for (size_t i = 0; i < l.samples; i++) {
        run = i && room[i] == room[i - 1] ? run + 1 : 1;
        l.sources += run == 1;
        largest = run > largest ? run : largest;
    }
    l.rest = l.sources < 2 ? l.samples : l.samples - largest;
    return l;
}

/* Names the label that stands in the way: the one that would keep fewer than two samples to learn
 * from, else the one with the fewest sources. */
static espy_err renew_unmeasured(espy_ctx *cx, const espy_training_set *set)
{
    renew_label worst = {0};
    size_t at = 0, least = SIZE_MAX;
    uint64_t *room = espy_array(cx, set->rows.n, sizeof *room);
    if (!room)
        return cx->code;
    for (uint32_t c = 0; c < set->n_labels; c++) {
        renew_label l = renew_count(set, c, room);
        size_t rank = l.rest < 2 ? l.rest : 2 + l.sources;
        if (rank > least || (rank == least && l.samples >= worst.samples))
            continue;
        least = rank;
        worst = l;
        at = c;
    }
    espy_free(cx, room);
    return espy_fail(
        cx, ESPY_E_DATA,
        "nothing can be held back to measure, nothing was stored: label %s has too few "
        "sources (samples: %zu, sources: %zu); add samples of it until it has three "
        "sources at least",
        set->codes[at], worst.samples, worst.sources);
}

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
    ESPY_GO(espy_training_set_load(cx, ws->store, c, 0, &r.set));
    espy_augmenter augmenter = {ws, options->encoder, &r.set, options->copies, fit.settings.seed};
    if (options->copies) {
        fit.more = espy_augment;
        fit.more_self = &augmenter;
    }
    ESPY_GO(espy_flow_fit(cx, &r.set.rows, r.set.codes, &fit, &r.fit));
    if (options->measured && !r.fit.split.test_n)
        ESPY_GO(renew_unmeasured(cx, &r.set));
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
    if (options->gate)
        ESPY_TRY(espy_gate_json(cx, &r->gate, &gate));
    const espy_publication how = {options->reason, gate, options->file_counts, r->gate.promote,
                                  options->copies};
    espy_err e = espy_flow_add(cx, ws, c, &r->set, &r->fit, options->fit, &how, &r->version);
    espy_json_free(gate);
    ESPY_TRY(e);
    r->promoted = r->gate.promote;
    if (r->promoted)
        r->live = r->version;
    return ESPY_E_OK;
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
