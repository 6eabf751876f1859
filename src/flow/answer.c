/* SPDX-License-Identifier: Apache-2.0
 * flow - samples and answers as JSON. */
#include "flow/answer.h"

#include <math.h>

espy_err espy_json_set_floats(espy_ctx *cx, espy_json *object, const char *key, const float *v,
                              size_t n)
{
    espy_json *a = espy_json_array();
    for (size_t i = 0; i < n; i++) {
        espy_err e = espy_json_append(cx, a, espy_json_of_float(v[i]));
        if (e != ESPY_E_OK) {
            espy_json_free(a);
            return e;
        }
    }
    return espy_json_set(cx, object, key, a);
}

/* Pixels and seconds are told to a hundredth: more would only look exact. */
static float hundredth(float v)
{
    return roundf(v * 100) / 100;
}

espy_err espy_sample_json(espy_ctx *cx, const espy_modality *modality, const espy_scan_sample *s,
                          size_t dim, bool points, bool embedding, espy_json **out)
{
    espy_json *o = espy_json_object(), *list = NULL;
    espy_err e = ESPY_E_OK;
    float box[4];
    for (int i = 0; i < 4; i++)
        box[i] = hundredth(s->box[i]);
    if (modality->hears) {
        ESPY_GO(espy_json_set(cx, o, "start", espy_json_of_float(box[0])));
        ESPY_GO(espy_json_set(cx, o, "end", espy_json_of_float(hundredth(s->box[0] + s->box[2]))));
    } else {
        ESPY_GO(espy_json_set_floats(cx, o, "box", box, 4));
    }
    ESPY_GO(espy_json_set(cx, o, "score", espy_json_of_float(s->score)));
    if (points && s->has_points) {
        list = espy_json_array();
        for (int i = 0; i < 5; i++) {
            espy_json *pair = espy_json_array();
            ESPY_GO(espy_json_append(cx, list, pair));
            ESPY_GO(espy_json_append(cx, pair, espy_json_of_float(hundredth(s->points[2 * i]))));
            ESPY_GO(
                espy_json_append(cx, pair, espy_json_of_float(hundredth(s->points[2 * i + 1]))));
        }
        ESPY_GO(espy_json_set(cx, o, "points", espy_json_ref(list)));
    }
    if (embedding && s->embedding)
        ESPY_GO(espy_json_set_floats(cx, o, "embedding", s->embedding, dim));
    *out = o;
    o = NULL;
out:
    espy_json_free(list);
    espy_json_free(o);
    return e;
}

static espy_err answer_json(espy_ctx *cx, const espy_answer *a, espy_json *o)
{
    espy_json *list = espy_json_array();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "decision", espy_json_of_string(espy_decision_name(a->decision))));
    ESPY_GO(espy_json_set(cx, o, "label", espy_json_of_string(a->label)));
    ESPY_GO(espy_json_set(cx, o, "name", espy_json_of_string(a->name)));
    ESPY_GO(espy_json_set(cx, o, "similarity", espy_json_of_float(a->similarity)));
    ESPY_GO(espy_json_set(cx, o, "probability", espy_json_of_float(a->probability)));
    for (size_t i = 0; i < a->candidate_count; i++) {
        const espy_candidate *c = &a->candidates[i];
        espy_json *v = espy_json_object();
        ESPY_GO(espy_json_append(cx, list, v));
        ESPY_GO(espy_json_set(cx, v, "label", espy_json_of_string(c->label)));
        ESPY_GO(espy_json_set(cx, v, "similarity", espy_json_of_float(c->similarity)));
        ESPY_GO(espy_json_set(cx, v, "probability", espy_json_of_float(c->probability)));
    }
    ESPY_GO(espy_json_set(cx, o, "candidates", espy_json_ref(list)));
out:
    espy_json_free(list);
    return e;
}

espy_err espy_result_json(espy_ctx *cx, const espy_modality *modality, const char *path,
                          const espy_scan *scan, const espy_result *r, espy_json **out)
{
    espy_json *o = espy_json_object(), *samples = espy_json_array(), *s = NULL;
    const char *decision = scan->error       ? "error"
                           : modality->hears ? "sounds"
                           : scan->n         ? "faces"
                                             : "no_face";
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "media", espy_json_of_string(path)));
    ESPY_GO(espy_json_set(cx, o, "decision", espy_json_of_string(decision)));
    ESPY_GO(espy_json_set(cx, o, "error", espy_json_of_string(scan->error)));
    for (size_t i = 0; r && i < scan->n; i++) {
        ESPY_GO(espy_sample_json(cx, modality, &scan->at[i], scan->dim, false, false, &s));
        ESPY_GO(answer_json(cx, &r->at[i], s));
        espy_json *given = s;
        s = NULL;
        ESPY_GO(espy_json_append(cx, samples, given));
    }
    ESPY_GO(espy_json_set(cx, o, "samples", espy_json_ref(samples)));
    *out = o;
    o = NULL;
out:
    espy_json_free(s);
    espy_json_free(samples);
    espy_json_free(o);
    return e;
}
