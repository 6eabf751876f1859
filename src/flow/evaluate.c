/* SPDX-License-Identifier: Apache-2.0
 * flow - cross-validated evaluation. */
#include "flow/evaluate.h"

#include <string.h>

#include "learn/decision.h"
#include "learn/gallery.h"

/* Answers to one set of samples under one fold's model; truth NULL: strangers. */
static espy_err evaluate_answers(espy_ctx *cx, const espy_fit *fit, const espy_rows *train,
                                 const float *x, const uint32_t *truth, size_t n,
                                 espy_evaluation *sum, uint32_t *answer)
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
        if (answer)
            answer[i] = v.label;
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
                            const espy_fit_options *options, uint32_t *answer, espy_evaluation *out)
{
    espy_evaluation sum = {0};
    espy_fit fit = {0};
    espy_fit_fold f = {0};
    espy_err e = ESPY_E_OK;
    uint32_t *of_fold = espy_array(cx, rows->n, sizeof *of_fold);
    if (!of_fold)
        return cx->code;
    ESPY_GO(espy_fit_folds(cx, rows, folds, options->settings.seed, &f));
    for (uint32_t k = 0; k < folds; k++) {
        espy_fit_fold_take(rows, k, &f);
        ESPY_GO(espy_flow_fit(cx, &f.train, names, options, &fit));
        ESPY_GO(evaluate_answers(cx, &fit, &f.train, f.test.x, f.test.y, f.test.n, &sum, of_fold));
        ESPY_GO(evaluate_answers(cx, &fit, &f.train, strangers, NULL, n, &sum, NULL));
        /* the held-out rows lie behind the others, the last one first */
        for (size_t i = 0, at = f.test.n; answer && i < rows->n; i++)
            if (f.of[i] == k)
                answer[i] = of_fold[--at];
        sum.threshold += fit.threshold / (double)folds;
        sum.floor += fit.floor / (double)folds;
        espy_fit_free(cx, &fit);
    }
    *out = sum;
out:
    espy_free(cx, of_fold);
    espy_fit_free(cx, &fit);
    espy_fit_fold_free(cx, &f);
    return e;
}

/* ---- a label left out ---------------------------------------------------------------------- */

/* The rows without a label, and behind them those of the label. */
typedef struct evaluate_rest {
    espy_rows rows;  /* views */
    float *x, *left; /* left: into x */
    uint32_t *y;
    uint64_t *group;
    const char **names;
    size_t n_left;
} evaluate_rest;

static void rest_free(espy_ctx *cx, evaluate_rest *r)
{
    espy_free(cx, r->x);
    espy_free(cx, r->y);
    espy_free(cx, r->group);
    espy_free(cx, (void *)r->names);
}

static espy_err rest_make(espy_ctx *cx, const espy_rows *all, const char *const *names,
                          uint32_t label, evaluate_rest *r)
{
    size_t head = 0, tail = all->n, dim = all->dim;
    r->x = espy_floats(cx, all->n * dim);
    r->y = espy_array(cx, all->n, sizeof *r->y);
    r->group = espy_array(cx, all->n, sizeof *r->group);
    r->names = espy_array(cx, all->classes, sizeof *r->names);
    if (!r->x || !r->y || !r->group || !r->names)
        return cx->code;
    for (size_t i = 0; i < all->n; i++) {
        size_t to = all->y[i] == label ? --tail : head++;
        memcpy(r->x + to * dim, all->x + i * dim, dim * sizeof *r->x);
        r->y[to] = all->y[i] - (all->y[i] > label);
        if (all->group)
            r->group[to] = all->group[i];
    }
    for (size_t c = 0, n = 0; c < all->classes; c++)
        if (c != label)
            r->names[n++] = names[c];
    r->rows = (espy_rows){r->x, r->y, head, dim, all->classes - 1, all->group ? r->group : NULL};
    r->left = r->x + head * dim;
    r->n_left = all->n - head;
    return ESPY_E_OK;
}

void espy_strangers_free(espy_ctx *cx, espy_strangers *s)
{
    espy_free(cx, s->top);
    *s = (espy_strangers){0};
}

/* Asks the samples that were left out. */
static espy_err rest_ask(espy_ctx *cx, const espy_fit *fit, const evaluate_rest *rest,
                         espy_strangers *sum)
{
    const size_t classes = rest->rows.classes, n = rest->n_left;
    espy_err e = ESPY_E_OK;
    float *p = espy_floats(cx, n * classes), *cosine = espy_floats(cx, n * classes);
    float *top = espy_resize(cx, sum->top, sum->asked + n, sizeof *top);
    if (top)
        sum->top = top;
    if (!p || !cosine || !top)
        ESPY_GO(cx->code);
    ESPY_GO(fit->ops->probabilities(cx, fit->head, rest->left, n, p));
    ESPY_GO(espy_gallery_nearest(cx, &rest->rows, rest->left, n, cosine));
    espy_decision_rule any = espy_decision_rule_make(0, fit->floor);
    for (size_t i = 0; i < n; i++) {
        espy_verdict v = espy_decide(&any, p + i * classes, cosine + i * classes, classes, NULL);
        if (v.decision != ESPY_KNOWN)
            continue;
        top[sum->passed++] = v.probability;
        sum->named += v.probability >= (float)fit->threshold;
    }
    sum->asked += n;
out:
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}

espy_err espy_flow_leave_out(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                             uint32_t label, const espy_fit_options *options, espy_strangers *sum)
{
    evaluate_rest rest = {0};
    espy_fit fit = {0};
    espy_err e = ESPY_E_OK;
    ESPY_GO(rest_make(cx, rows, names, label, &rest));
    ESPY_GO(espy_flow_fit(cx, &rest.rows, rest.names, options, &fit));
    ESPY_GO(rest_ask(cx, &fit, &rest, sum));
out:
    espy_fit_free(cx, &fit);
    rest_free(cx, &rest);
    return e;
}
