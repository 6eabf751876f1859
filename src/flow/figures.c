/* SPDX-License-Identifier: Apache-2.0
 * flow - what was measured of a fit. */
#include "flow/figures.h"

/* {"label", "precision", "recall", "f1", "support"} */
static espy_err figures_class(espy_ctx *cx, const char *name, const espy_class_metrics *m,
                              espy_json *list)
{
    espy_json *o = espy_json_object();
    ESPY_TRY(espy_json_append(cx, list, o)); /* refuses a NULL o */
    ESPY_TRY(espy_json_set(cx, o, "label", espy_json_of_string(name)));
    ESPY_TRY(espy_json_set(cx, o, "precision", espy_json_of_number(m->precision)));
    ESPY_TRY(espy_json_set(cx, o, "recall", espy_json_of_number(m->recall)));
    ESPY_TRY(espy_json_set(cx, o, "f1", espy_json_of_number(m->f1)));
    return espy_json_set(cx, o, "support", espy_json_of_int((int64_t)m->support));
}

/* [truth, answer, count] */
static espy_err figures_cell(espy_ctx *cx, size_t truth, size_t answer, uint32_t count,
                             espy_json *list)
{
    const int64_t value[] = {(int64_t)truth, (int64_t)answer, count};
    espy_json *cell = espy_json_array();
    ESPY_TRY(espy_json_append(cx, list, cell));
    for (size_t i = 0; i < 3; i++)
        ESPY_TRY(espy_json_append(cx, cell, espy_json_of_int(value[i])));
    return ESPY_E_OK;
}

static espy_err figures_threshold(espy_ctx *cx, const espy_threshold_row *t,
                                  const espy_strangers *s, espy_json *list)
{
    int64_t named = 0;
    espy_json *o = espy_json_object();
    ESPY_TRY(espy_json_append(cx, list, o));
    ESPY_TRY(espy_json_set(cx, o, "threshold", espy_json_of_number(t->threshold)));
    ESPY_TRY(espy_json_set(cx, o, "accuracy", espy_json_of_number(t->accuracy)));
    ESPY_TRY(espy_json_set(cx, o, "coverage", espy_json_of_number(t->coverage)));
    ESPY_TRY(espy_json_set(cx, o, "accepted", espy_json_of_int((int64_t)t->accepted)));
    ESPY_TRY(espy_json_set(cx, o, "total", espy_json_of_int((int64_t)t->total)));
    if (!s || !s->asked)
        return ESPY_E_OK;
    for (size_t i = 0; i < s->passed; i++)
        named += s->top[i] >= (float)t->threshold;
    ESPY_TRY(espy_json_set(cx, o, "strangers", espy_json_of_int((int64_t)s->asked)));
    return espy_json_set(cx, o, "named", espy_json_of_int(named));
}

espy_err espy_figures_json(espy_ctx *cx, const char *const *names, const espy_fit *fit,
                           const espy_strangers *strangers, espy_json **out)
{
    const size_t classes = fit->metrics.classes;
    espy_threshold_row rows[ESPY_THRESHOLD_FINE_ROWS];
    espy_json *o = espy_json_object(), *per_class = espy_json_array();
    espy_json *confusion = espy_json_array(), *thresholds = espy_json_array();
    espy_err e = ESPY_E_OK;
    for (size_t c = 0; c < classes; c++)
        ESPY_GO(figures_class(cx, names[c], &fit->metrics.per_class[c], per_class));
    for (size_t i = 0; i < classes * classes; i++)
        if (fit->confusion[i])
            ESPY_GO(figures_cell(cx, i / classes, i % classes, fit->confusion[i], confusion));
    const size_t n =
        espy_threshold_fine(fit->top, fit->correct, fit->split.test_n, fit->threshold, rows);
    for (size_t i = 0; i < n; i++)
        ESPY_GO(figures_threshold(cx, &rows[i], strangers, thresholds));
    ESPY_GO(espy_json_set(cx, o, "per_class", espy_json_ref(per_class)));
    ESPY_GO(espy_json_set(cx, o, "confusion", espy_json_ref(confusion)));
    ESPY_GO(espy_json_set(cx, o, "thresholds", espy_json_ref(thresholds)));
    *out = o;
    o = NULL;
out:
    espy_json_free(per_class);
    espy_json_free(confusion);
    espy_json_free(thresholds);
    espy_json_free(o);
    return e;
}
