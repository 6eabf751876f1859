/* SPDX-License-Identifier: Apache-2.0
 * learn - metrics of classification and verification. */
#include "learn/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static double metrics_ratio(double a, double b)
{
    return b > 0 ? a / b : 0.0;
}

espy_err espy_metrics_compute(espy_ctx *cx, const uint32_t *truth, const uint32_t *answer, size_t n,
                              size_t classes, espy_metrics *out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_metrics m = {.n = n, .classes = classes};
    size_t *hit = espy_array(cx, classes, sizeof *hit);
    size_t *said = espy_array(cx, classes, sizeof *said);

    m.per_class = espy_array(cx, classes, sizeof *m.per_class);
    if (!hit || !said || !m.per_class)
        goto out;
    for (size_t i = 0; i < n; i++) {
        m.per_class[truth[i]].support++;
        said[answer[i]]++;
        if (truth[i] == answer[i]) {
            hit[truth[i]]++;
            m.correct++;
        }
    }
    m.accuracy = metrics_ratio((double)m.correct, (double)n);
    for (size_t c = 0; c < classes; c++) {
        espy_class_metrics *k = &m.per_class[c];
        double share = metrics_ratio((double)k->support, (double)n), even = 1.0 / (double)classes;
        k->precision = metrics_ratio((double)hit[c], (double)said[c]);
        k->recall = metrics_ratio((double)hit[c], (double)k->support);
        k->f1 = metrics_ratio(2.0 * (double)hit[c], (double)(said[c] + k->support));
        m.macro.precision += even * k->precision;
        m.macro.recall += even * k->recall;
        m.macro.f1 += even * k->f1;
        m.weighted.precision += share * k->precision;
        m.weighted.recall += share * k->recall;
        m.weighted.f1 += share * k->f1;
    }
    m.macro.support = m.weighted.support = n;
    *out = m;
    m.per_class = NULL;
    e = ESPY_E_OK;
out:
    espy_free(cx, hit);
    espy_free(cx, said);
    espy_free(cx, m.per_class);
    return e;
}

void espy_metrics_free(espy_ctx *cx, espy_metrics *m)
{
    if (!m)
        return;
    espy_free(cx, m->per_class);
    *m = (espy_metrics){0};
}

void espy_metrics_confusion(const uint32_t *truth, const uint32_t *answer, size_t n, size_t classes,
                            uint32_t *matrix)
{
    memset(matrix, 0, classes * classes * sizeof *matrix);
    for (size_t i = 0; i < n; i++)
        matrix[truth[i] * classes + answer[i]]++;
}

static espy_err metrics_name(espy_ctx *cx, espy_buf *out, const char *name, size_t width)
{
    size_t have = espy_utf8_length(name);

    return espy_buf_printf(cx, out, "%*s%s ", (int)(width > have ? width - have : 0), "", name);
}

static espy_err metrics_row(espy_ctx *cx, espy_buf *out, const char *name, size_t width,
                            const espy_class_metrics *m)
{
    ESPY_TRY(metrics_name(cx, out, name, width));
    return espy_buf_printf(cx, out, " %9.2f %9.2f %9.2f %9zu\n", m->precision, m->recall, m->f1,
                           m->support);
}

espy_err espy_metrics_report(espy_ctx *cx, const espy_metrics *m, const char *const *names,
                             espy_buf *out)
{
    size_t width = strlen("weighted avg");

    for (size_t c = 0; c < m->classes; c++)
        if (espy_utf8_length(names[c]) > width)
            width = espy_utf8_length(names[c]);
    ESPY_TRY(metrics_name(cx, out, "", width));
    ESPY_TRY(espy_buf_printf(cx, out, " %9s %9s %9s %9s\n\n", "precision", "recall", "f1-score",
                             "support"));
    for (size_t c = 0; c < m->classes; c++)
        ESPY_TRY(metrics_row(cx, out, names[c], width, &m->per_class[c]));
    ESPY_TRY(espy_buf_text(cx, out, "\n"));
    ESPY_TRY(metrics_name(cx, out, "accuracy", width));
    ESPY_TRY(espy_buf_printf(cx, out, " %9s %9s %9.2f %9zu\n", "", "", m->accuracy, m->n));
    ESPY_TRY(metrics_row(cx, out, "macro avg", width, &m->macro));
    return metrics_row(cx, out, "weighted avg", width, &m->weighted);
}

void espy_metrics_argmax(const float *p, size_t n, size_t classes, uint32_t *answer)
{
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            if (p[i * classes + c] > p[i * classes + best])
                best = c;
        answer[i] = (uint32_t)best;
    }
}

typedef struct metrics_pair {
    float score;
    uint8_t same;
} metrics_pair;

static int metrics_descending(const void *a, const void *b)
{
    float p = ((const metrics_pair *)a)->score, q = ((const metrics_pair *)b)->score;

    return p > q ? -1 : p < q;
}

espy_err espy_metrics_verify(espy_ctx *cx, const float *score, const uint8_t *same, size_t n,
                             espy_verification *out)
{
    size_t pos = 0, bad = 0;

    for (size_t i = 0; i < n; i++) {
        pos += same[i] != 0;
        bad += !isfinite(score[i]);
    }
    if (bad || pos == 0 || pos == n)
        return espy_fail(cx, ESPY_E_DATA,
                         bad ? "a similarity is not a number: compare the pair again"
                             : "verification needs pairs of both kinds, same and different");
    metrics_pair *p = espy_array(cx, n, sizeof *p);
    if (!p)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        p[i] = (metrics_pair){score[i], same[i] != 0};
    qsort(p, n, sizeof *p, metrics_descending);

    /* Walk the ROC curve from "nothing is the same" down; one point per distinct score. */
    double np = (double)pos, nn = (double)(n - pos), tp = 0, fp = 0, area = 0;
    espy_verification v = {.accuracy = nn / (double)n,
                           .threshold = nextafterf(p[0].score, INFINITY)};
    bool crossed = false;
    for (size_t i = 0; i < n;) {
        double tp0 = tp, fp0 = fp;
        size_t j = i;
        for (; j < n && p[j].score == p[i].score; j++) {
            tp += p[j].same;
            fp += !p[j].same;
        }
        area += (fp - fp0) * (tp + tp0) / 2;
        if ((tp + nn - fp) / (double)n > v.accuracy) {
            v.accuracy = (tp + nn - fp) / (double)n;
            v.threshold = p[i].score;
        }
        /* False accepts rise and false rejects fall; they meet within this step. */
        double far0 = fp0 / nn, frr0 = 1 - tp0 / np, far = fp / nn, frr = 1 - tp / np;
        if (!crossed && far >= frr) {
            double t = (frr0 - far0) / ((far - far0) + (frr0 - frr));
            v.eer = far0 + t * (far - far0);
            v.eer_threshold = p[i].score;
            crossed = true;
        }
        i = j;
    }
    v.auc = area / (np * nn);
    *out = v;
    espy_free(cx, p);
    return ESPY_E_OK;
}
