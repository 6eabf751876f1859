/* SPDX-License-Identifier: Apache-2.0
 * flow - the quality gate. */
#include "flow/gate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/evaluate.h"
#include "flow/identify.h"
#include "learn/gallery.h"

#define GATE_SAMPLES 10 /* fewest samples, and one per label, on which two heads are compared */
#define GATE_SIGMAS 2.0 /* standard errors that chance is allowed */
#define GATE_ENOUGH 5   /* samples of a label that is left out */

/* One gate at work. */
typedef struct gate_job {
    espy_workspace *ws;
    const espy_collection *c;
    const espy_training_set *data;
    const espy_fit *fit;
    const espy_fit_options *recipe;
    const espy_gate_options *options;
    espy_identifier live; /* its head is NULL when there is none to compare with */
    double live_named;    /* what its own left_out check found; NaN: nobody knows */
    espy_gate *gate;
} gate_job;

/* Room for all checks was made. */
static espy_gate_check *gate_add(gate_job *j, const char *name)
{
    espy_gate_check *k = &j->gate->at[j->gate->n++];
    *k = (espy_gate_check){.passed = true, .value = NAN, .limit = NAN};
    snprintf(k->name, sizeof k->name, "%s", name);
    return k;
}

static void gate_min_accuracy(gate_job *j)
{
    double least = j->options->min_accuracy;
    if (least <= 0)
        return;
    espy_gate_check *k = gate_add(j, "min_accuracy");
    k->limit = least;
    if (!j->fit->split.test_n) {
        k->passed = false;
        snprintf(k->note, sizeof k->note,
                 "accuracy was not measured, too few samples to hold any back");
        return;
    }
    k->value = j->fit->metrics.accuracy;
    k->passed = k->value >= least;
    if (!k->passed)
        snprintf(k->note, sizeof k->note, "accuracy %.4f is below %.4f", k->value, least);
}

/* -- not worse than live ----------------------------------------------------------------------- */
/* What both heads made of the held-out samples. */
typedef struct gate_duel {
    size_t n;           /* samples that live did not learn from, of labels that it knows */
    size_t fresh, live; /* of these right */
    size_t lost, won;   /* right in live only, in the new one only */
    size_t newcomers;   /* samples of labels that live does not know */
    size_t newcomers_right;
    size_t labels; /* known to both */
} gate_duel;

static int gate_order_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int gate_order_group(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* seen: of each row of the new data, whether live learned from it or from its source, also where
 * the sample that it learned from has gone since. */
static espy_err gate_seen(espy_ctx *cx, const gate_job *j, bool *seen)
{
    const espy_vectors *old = &j->live.gallery.vectors, *now = &j->data->vectors;
    espy_err e = ESPY_E_OK;
    int64_t *id = espy_array(cx, old->n, sizeof *id);
    uint64_t *group = espy_array(cx, old->n, sizeof *group);
    if (!id || !group)
        ESPY_GO(cx->code);
    memcpy(id, old->sample, old->n * sizeof *id);
    memcpy(group, old->group, old->n * sizeof *group);
    qsort(id, old->n, sizeof *id, gate_order_id);
    qsort(group, old->n, sizeof *group, gate_order_group);
    for (size_t i = 0; i < now->n; i++)
        seen[i] = bsearch(&now->sample[i], id, old->n, sizeof *id, gate_order_id) ||
                  bsearch(&now->group[i], group, old->n, sizeof *group, gate_order_group);
out:
    espy_free(cx, id);
    espy_free(cx, group);
    return e;
}

/* to[l]: the new class of live's class l, UINT32_MAX where it has gone; known[c]: whether live
 * knows the new class c.  Both lists of codes are sorted. */
static void gate_classes(const gate_job *j, uint32_t *to, bool *known, gate_duel *d)
{
    const espy_training_set *old = &j->live.gallery, *new = j->data;
    for (size_t l = 0, c = 0; l < old->n_labels; l++) {
        while (c < new->n_labels && strcmp(new->codes[c], old->codes[l]) < 0)
            c++;
        bool same = c < new->n_labels &&strcmp(new->codes[c], old->codes[l]) == 0;
        to[l] = same ? (uint32_t)c : UINT32_MAX;
        if (same) {
            known[c] = true;
            d->labels++;
        }
    }
}

static espy_err gate_fight(espy_ctx *cx, const gate_job *j, gate_duel *d)
{
    const espy_fit *fit = j->fit;
    const espy_head *head = j->live.head;
    const espy_rows *rows = &j->data->rows;
    espy_err e = ESPY_E_OK;
    size_t test = fit->split.test_n, dim = rows->dim;
    bool *seen = espy_array(cx, rows->n, sizeof *seen);
    bool *known = espy_array(cx, rows->classes, sizeof *known);
    uint32_t *to = espy_array(cx, head->classes, sizeof *to);
    uint32_t *which = espy_array(cx, test, sizeof *which),
             *answer = espy_array(cx, test, sizeof *answer);
    float *x = espy_floats(cx, test * dim), *p = espy_floats(cx, test * head->classes);
    if (!seen || !known || !to || !which || !answer || !x || !p)
        ESPY_GO(cx->code);
    ESPY_GO(gate_seen(cx, j, seen));
    gate_classes(j, to, known, d);
    for (uint32_t k = 0; k < test; k++) {
        uint32_t i = fit->split.test[k];
        if (!known[rows->y[i]]) {
            d->newcomers++;
            d->newcomers_right += fit->answer[k] == rows->y[i];
        } else if (!seen[i]) {
            memcpy(x + d->n * dim, rows->x + i * dim, dim * sizeof *x);
            which[d->n++] = k;
        }
    }
    if (d->n)
        ESPY_GO(head->ops->probabilities(cx, head, x, d->n, p));
    espy_metrics_argmax(p, d->n, head->classes, answer);
    for (size_t n = 0; n < d->n; n++) {
        uint32_t truth = rows->y[fit->split.test[which[n]]];
        bool fresh = fit->answer[which[n]] == truth, live = to[answer[n]] == truth;
        d->fresh += fresh;
        d->live += live;
        d->lost += live && !fresh;
        d->won += fresh && !live;
    }
out:
    espy_free(cx, seen);
    espy_free(cx, known);
    espy_free(cx, to);
    espy_free(cx, which);
    espy_free(cx, answer);
    espy_free(cx, x);
    espy_free(cx, p);
    return e;
}

/* On the same samples.  Labels that live does not know count as wrong for it only when what was
 * lost on the others is no more than chance does: they must not hide damage to those that are
 * answered today, nor may one sample keep a newcomer out. */
static void gate_by_samples(const gate_job *j, const gate_duel *d, espy_gate_check *k)
{
    k->value = (double)d->fresh / (double)d->n;
    k->limit = (double)d->live / (double)d->n;
    k->passed = d->fresh >= d->live;
    if (k->passed)
        return;
    bool chance = (double)(d->lost - d->won) <= GATE_SIGMAS * sqrt((double)(d->lost + d->won));
    k->passed = d->newcomers && chance && d->fresh + d->newcomers_right >= d->live;
    if (k->passed)
        snprintf(k->note, sizeof k->note,
                 "%zu right where version %lld has %zu, which chance does; with the %zu samples of "
                 "labels that it does not know this one has no fewer",
                 d->fresh, (long long)j->live.version.number, d->live, d->newcomers);
    else
        snprintf(k->note, sizeof k->note,
                 "%zu of %zu held-out samples right where version %lld has %zu", d->fresh, d->n,
                 (long long)j->live.version.number, d->live);
}

/* Variance of a share of n with Laplace's correction, so that 1.0 of 8 is not certain. */
static double gate_variance(double share, double n)
{
    double p = (share * n + 1) / (n + 2);
    return p * (1 - p) / n;
}

/* By the accuracies as measured, each on samples that its own head did not see.  Nothing that was
 * not measured takes the place of what was. */
static void gate_by_figures(const gate_job *j, const gate_duel *d, espy_gate_check *k)
{
    const espy_json *metrics = espy_json_get(j->live.version.json, "metrics");
    const espy_json *live = espy_json_get(metrics, "accuracy");
    double held_out = espy_json_number(espy_json_get(metrics, "held_out"), 0);
    if (!j->fit->split.test_n && espy_json_is_number(live) && held_out >= 1) {
        k->limit = espy_json_number(live, 0);
        k->passed = false;
        snprintf(k->note, sizeof k->note,
                 "its accuracy was not measured, and version %lld has %.4f: %s",
                 (long long)j->live.version.number, k->limit,
                 j->recipe->test_share > 0 ? "add samples of the labels that have fewest"
                                           : "hold samples back with --test-share");
        return;
    }
    if (!j->fit->split.test_n || !espy_json_is_number(live) || held_out < 1) {
        snprintf(k->note, sizeof k->note, "not comparable: the accuracy of %s was not measured",
                 j->fit->split.test_n ? "the live version" : "this one");
        return;
    }
    double accuracy = espy_json_number(live, 0);
    k->value = j->fit->metrics.accuracy;
    k->limit = accuracy - GATE_SIGMAS * sqrt(gate_variance(accuracy, held_out) +
                                             gate_variance(k->value, (double)j->fit->split.test_n));
    k->passed = k->value >= k->limit;
    if (k->passed)
        snprintf(
            k->note, sizeof k->note,
            "only %zu held-out samples are new to version %lld: accuracies as measured, within "
            "two standard errors",
            d->n, (long long)j->live.version.number);
    else
        snprintf(k->note, sizeof k->note,
                 "accuracy %.4f where version %lld has %.4f, more than chance does", k->value,
                 (long long)j->live.version.number, accuracy);
}

/* Opens the live version.  One that cannot be read or was made under another encoder is no measure;
 * *why says so. */
static espy_err gate_open_live(espy_ctx *cx, gate_job *j, int64_t number, char *why, size_t room)
{
    const espy_identify_options own = {.threshold = -1, .floor = -2};
    espy_ctx sub = espy_ctx_child(cx);
    espy_err e = espy_identifier_open(&sub, j->ws, j->c->name, number, NULL, &own, &j->live);
    if (e == ESPY_E_NOMEM || e == ESPY_E_CANCELLED || e == ESPY_E_STORE)
        return espy_ctx_adopt(cx, &sub);
    if (e != ESPY_E_OK) {
        snprintf(why, room, "not comparable: %.150s", sub.text);
        return ESPY_E_OK;
    }
    const espy_json *gate = espy_json_get(j->live.version.json, "gate");
    const espy_json *checks = espy_json_get(gate, "checks");
    for (size_t i = 0; i < espy_json_count(checks); i++) {
        const espy_json *k = espy_json_at(checks, i);
        if (strcmp(espy_json_string(espy_json_get(k, "name"), ""), "left_out") == 0)
            j->live_named = espy_json_number(espy_json_get(k, "value"), NAN);
    }
    const char *digest =
        espy_json_string(espy_json_get(j->live.version.json, "encoder_digest"), "");
    if (strcmp(digest, j->c->encoder_digest) != 0) {
        snprintf(why, room, "not comparable: version %lld was trained under another encoder",
                 (long long)number);
        espy_identifier_close(cx, &j->live);
    }
    return ESPY_E_OK;
}

static espy_err gate_live(espy_ctx *cx, gate_job *j, int64_t number)
{
    gate_duel d = {0};
    if (!number)
        return ESPY_E_OK;
    espy_gate_check *k = gate_add(j, "live");
    ESPY_TRY(gate_open_live(cx, j, number, k->note, sizeof k->note));
    if (!j->live.head)
        return ESPY_E_OK;
    if (j->fit->split.test_n)
        ESPY_TRY(gate_fight(cx, j, &d));
    if (d.n >= GATE_SAMPLES && d.n >= d.labels)
        gate_by_samples(j, &d, k);
    else
        gate_by_figures(j, &d, k);
    return ESPY_E_OK;
}

/* -- what must come out unknown ---------------------------------------------------------------- */
/* Asks a head about n rows; counts those named as somebody known. */
static espy_err gate_ask(espy_ctx *cx, const espy_fit *fit, const espy_rows *all, const float *x,
                         size_t n, espy_verdict *first, size_t *named)
{
    /* a head that saw everything is asked with everything as its gallery */
    espy_rows gallery = *all;
    if (fit->split.test_n && !fit->refitted)
        gallery =
            (espy_rows){fit->train_x, fit->train_y, fit->split.train_n, all->dim, all->classes};
    espy_err e = ESPY_E_OK;
    size_t classes = all->classes;
    float *p = espy_floats(cx, n * classes), *cosine = espy_floats(cx, n * classes);
    if (!p || !cosine)
        ESPY_GO(cx->code);
    ESPY_GO(fit->ops->probabilities(cx, fit->head, x, n, p));
    ESPY_GO(espy_gallery_nearest(cx, &gallery, x, n, cosine));
    espy_decision_rule rule = espy_decision_rule_make(fit->threshold, fit->floor);
    for (size_t i = 0; i < n; i++) {
        espy_verdict v = espy_decide(&rule, p + i * classes, cosine + i * classes, classes, NULL);
        *named += v.decision == ESPY_KNOWN;
        if (!i)
            *first = v;
    }
out:
    espy_free(cx, p);
    espy_free(cx, cosine);
    return e;
}

static espy_err gate_canaries(espy_ctx *cx, gate_job *j)
{
    for (size_t i = 0; i < j->options->n_canaries; i++) {
        const espy_canary *canary = &j->options->canaries[i];
        espy_verdict v;
        size_t named = 0;
        espy_gate_check *k = gate_add(j, canary->name);
        ESPY_TRY(gate_ask(cx, j->fit, &j->data->rows, canary->x, 1, &v, &named));
        k->value = (double)v.probability;
        k->limit = j->fit->threshold;
        k->passed = !named || canary->poor;
        k->warning = !k->passed && canary->warning;
        if (!k->passed)
            snprintf(k->note, sizeof k->note,
                     "%s is taken for %.60s (probability %.2f, similarity %.2f)", canary->name,
                     j->data->codes[v.label], (double)v.probability, (double)v.similarity);
    }
    return ESPY_E_OK;
}

/* -- labels left out ----------------------------------------------------------------------------
 */
typedef struct gate_label {
    uint32_t label;
    size_t n;
} gate_label;

/* Most samples first: they tell most; then by code. */
static int gate_order_label(const void *a, const void *b)
{
    const gate_label *p = a, *q = b;
    if (p->n != q->n)
        return p->n > q->n ? -1 : 1;
    return p->label < q->label ? -1 : 1;
}

/* Fits without the label under the version's own threshold, so that one fit does, and asks.
 * A rest that cannot be fitted is left out of the sums. */
static espy_err gate_leave_out(espy_ctx *cx, const gate_job *j, uint32_t label)
{
    espy_ctx sub = espy_ctx_child(cx); /* its remarks are not about the version */
    espy_fit_options o = *j->recipe;
    o.head = j->fit->ops->name;
    o.settings.epoch = NULL;
    o.rule = ESPY_THRESHOLD_FIXED;
    o.threshold = j->fit->threshold;
    o.refit = false;
    o.more = NULL;
    sub.log = NULL;
    if (espy_flow_leave_out(&sub, &j->data->rows, j->data->codes, label, &o, &j->gate->strangers) ==
        ESPY_E_DATA)
        espy_clear(&sub);
    return espy_ctx_adopt(cx, &sub);
}

static espy_err gate_left_out(espy_ctx *cx, gate_job *j)
{
    const espy_rows *rows = &j->data->rows;
    const espy_strangers *s = &j->gate->strangers;
    size_t most = j->options->left_out;
    if (!most)
        return ESPY_E_OK;
    espy_gate_check *k = gate_add(j, "left_out");
    k->limit = j->options->named;
    if (rows->classes < 3) {
        snprintf(k->note, sizeof k->note, "skipped: there are fewer than three labels");
        return ESPY_E_OK;
    }
    gate_label *label = espy_array(cx, rows->classes, sizeof *label);
    if (!label)
        return cx->code;
    espy_err e = ESPY_E_OK;
    for (uint32_t c = 0; c < rows->classes; c++)
        label[c].label = c;
    for (size_t i = 0; i < rows->n; i++)
        label[rows->y[i]].n++;
    qsort(label, rows->classes, sizeof *label, gate_order_label);
    for (size_t i = 0; i < most && i < rows->classes && label[i].n >= GATE_ENOUGH; i++)
        ESPY_GO(gate_leave_out(cx, j, label[i].label));
    if (!s->asked) {
        snprintf(k->note, sizeof k->note, "skipped: too few samples to leave a label out");
        goto out;
    }
    k->value = (double)s->named / (double)s->asked;
    if (!isnan(j->live_named)) /* as many samples are taken to have been asked then */
        k->limit = fmax(k->limit,
                        j->live_named +
                            GATE_SIGMAS * sqrt(2 * gate_variance(j->live_named, (double)s->asked)));
    k->passed = k->value <= k->limit;
    k->warning = !k->passed && isnan(j->live_named);
    if (!k->passed)
        snprintf(k->note, sizeof k->note,
                 "%zu of %zu samples of labels that were left out are named as somebody known",
                 s->named, s->asked);
out:
    espy_free(cx, label);
    return e;
}

/* -- all of them --------------------------------------------------------------------------------
 */
static void gate_judge(espy_ctx *cx, gate_job *j)
{
    espy_gate *g = j->gate;
    size_t at = 0;
    g->passed = true;
    for (size_t i = 0; i < g->n; i++) {
        const espy_gate_check *k = &g->at[i];
        if (k->warning)
            espy_log(cx, ESPY_LOG_WARN, "what is unknown may be named: %s", k->note);
        if (k->passed || k->warning)
            continue;
        g->passed = false;
        if (at < sizeof g->text)
            at += (size_t)snprintf(g->text + at, sizeof g->text - at, "%s%s", at ? "; " : "",
                                   k->note);
    }
    g->promote = g->passed || j->options->force;
}

espy_err espy_flow_gate(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, int64_t live,
                        const espy_training_set *data, const espy_fit *fit,
                        const espy_fit_options *recipe, const espy_gate_options *options,
                        espy_gate *out)
{
    espy_gate g = {0};
    gate_job j = {ws, c, data, fit, recipe, options, .live_named = NAN, .gate = &g};
    espy_err e = ESPY_E_OK;
    g.at = espy_array(cx, 3 + options->n_canaries, sizeof *g.at);
    if (!g.at)
        ESPY_GO(cx->code);
    gate_min_accuracy(&j);
    ESPY_GO(gate_live(cx, &j, live));
    ESPY_GO(gate_canaries(cx, &j));
    ESPY_GO(gate_left_out(cx, &j));
    gate_judge(cx, &j);
    *out = g;
    g = (espy_gate){0};
out:
    espy_identifier_close(cx, &j.live);
    espy_gate_free(cx, &g);
    return e;
}

void espy_gate_free(espy_ctx *cx, espy_gate *g)
{
    espy_free(cx, g->at);
    espy_strangers_free(cx, &g->strangers);
    *g = (espy_gate){0};
}

static espy_err gate_check_json(espy_ctx *cx, const espy_gate_check *k, espy_json *o)
{
    ESPY_TRY(espy_json_set(cx, o, "name", espy_json_of_string(k->name)));
    ESPY_TRY(espy_json_set(cx, o, "passed", espy_json_of_bool(k->passed)));
    ESPY_TRY(espy_json_set(cx, o, "value", espy_json_of_number(k->value)));
    ESPY_TRY(espy_json_set(cx, o, "limit", espy_json_of_number(k->limit)));
    if (k->warning)
        ESPY_TRY(espy_json_set(cx, o, "warning", espy_json_of_bool(true)));
    if (k->note[0])
        ESPY_TRY(espy_json_set(cx, o, "note", espy_json_of_string(k->note)));
    return ESPY_E_OK;
}

espy_err espy_gate_json(espy_ctx *cx, const espy_gate *g, espy_json **out)
{
    espy_json *o = espy_json_object(), *checks = espy_json_array();
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_json_set(cx, o, "passed", espy_json_of_bool(g->passed)));
    if (g->promote && !g->passed)
        ESPY_GO(espy_json_set(cx, o, "forced", espy_json_of_bool(true)));
    for (size_t i = 0; i < g->n; i++) {
        espy_json *k = espy_json_object();
        ESPY_GO(espy_json_append(cx, checks, k)); /* refuses a NULL k */
        ESPY_GO(gate_check_json(cx, &g->at[i], k));
    }
    ESPY_GO(espy_json_set(cx, o, "checks", espy_json_ref(checks)));
    *out = o;
    o = NULL;
out:
    espy_json_free(checks);
    espy_json_free(o);
    return e;
}
