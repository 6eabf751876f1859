/* SPDX-License-Identifier: Apache-2.0
 * flow - cross-validated evaluation. */
#include "flow/evaluate.h"

#include "learn/decision.h"
#include "learn/gallery.h"

/* Answers to one set of samples under one fold's model; truth NULL: strangers. */
static espy_err evaluate_answers(espy_ctx *cx, const espy_fit *fit, const espy_rows *train,
                                 const float *x, const uint32_t *truth, size_t n,
                                 espy_evaluation *sum)
{
    espy_err e = ESPY_E_OK;
    size_t classes = train->classes;
    float *p = espy_floats(cx, n * classes), *cosine = espy_floats(cx, n * classes);
    if (!p || !cosine)
        ESPY_GO(cx->code);
    ESPY_GO(fit->ops->probabilities(cx, fit->head, x, n, p));
    ESPY_GO(espy_gallery_nearest(cx, train, x, n, cosine));
    espy_decision_rule rule = espy_decision_rule_make(fit->threshold, fit->floor);
    for (size_t i = 0; i < n; i++) {
        espy_verdict v = espy_decide(&rule, p + i * classes, cosine + i * classes, classes, NULL);
        bool known = v.decision == ESPY_KNOWN;
        if (!truth) {
            sum->strangers++;
            sum->named += known;
            continue;
        }
        sum->samples++;
        sum->right += v.label == truth[i];
        sum->accepted += known;
        sum->accepted_right += known && v.label == truth[i];
        sum->ambiguous += v.decision == ESPY_AMBIGUOUS;
    }
out:
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}

espy_err espy_flow_evaluate(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                            const float *strangers, size_t n, size_t folds,
                            const espy_fit_options *options, espy_evaluation *out)
{
    espy_evaluation sum = {0};
    espy_fit fit = {0};
    espy_fit_fold f = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_fit_folds(cx, rows, folds, options->settings.seed, &f));
    for (uint32_t k = 0; k < folds; k++) {
        espy_fit_fold_take(rows, k, &f);
        ESPY_GO(espy_flow_fit(cx, &f.train, names, options, &fit));
        ESPY_GO(evaluate_answers(cx, &fit, &f.train, f.test.x, f.test.y, f.test.n, &sum));
        ESPY_GO(evaluate_answers(cx, &fit, &f.train, strangers, NULL, n, &sum));
        sum.threshold += fit.threshold / (double)folds;
        sum.floor += fit.floor / (double)folds;
        espy_fit_free(cx, &fit);
    }
    *out = sum;
out:
    espy_fit_free(cx, &fit);
    espy_fit_fold_free(cx, &f);
    return e;
}
