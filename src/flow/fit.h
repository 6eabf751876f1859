/* SPDX-License-Identifier: Apache-2.0
 * flow - fit and evaluate: labelled vectors become a head with a threshold, a floor and figures. */
#ifndef ESPY_FLOW_FIT_H
#define ESPY_FLOW_FIT_H

#include "head/head.h"
#include "learn/metrics.h"
#include "learn/rows.h"
#include "learn/split.h"
#include "learn/threshold.h"

typedef enum espy_threshold_rule {
    ESPY_THRESHOLD_RECOMMENDED, /* S0: from the table (C-02) */
    ESPY_THRESHOLD_ACCEPT,      /* S1: accepts `percent` of correct held-out samples (C-01) */
    ESPY_THRESHOLD_FOLDS,       /* the same over out-of-fold answers to the training part: there are
                                   more of them, so the number is steadier */
    ESPY_THRESHOLD_LITERAL,     /* S1 as written: percentile of the training probabilities */
    ESPY_THRESHOLD_FIXED        /* as given */
} espy_threshold_rule;

/* More rows to learn from, owned: n x dim, labels, and the sources they share with others. */
typedef struct espy_fit_more {
    float *x;
    uint32_t *y;
    uint64_t *group;
    size_t n;
} espy_fit_more;
void espy_fit_more_free(espy_ctx *cx, espy_fit_more *m);

/* Makes them of the rows at[0 .. n): those that the head is about to learn from. */
typedef espy_err espy_fit_more_fn(espy_ctx *cx, void *self, const uint32_t *at, size_t n,
                                  espy_fit_more *out);

typedef struct espy_fit_options {
    const char *head; /* NULL: the usual one; knn when a label has one sample or there are > 1000 */
    const char *usual; /* NULL: svm */
    espy_head_options settings;
    double test_share; /* held back for measuring, e.g. 0.2 */
    bool refit;        /* measure on the held-out part, then fit again on everything */
    espy_threshold_rule rule;
    espy_fit_more_fn *more; /* or NULL; not for knn, whose rows are its memory */
    void *more_self;
    double percent;    /* ACCEPT and LITERAL: 1..100 */
    double threshold;  /* FIXED */
    double floor;      /* the pack's least cosine; raised by what the gallery shows, */
    double floor_loss; /* but not so far that more than this percent of correct held-out samples
                          would be lost; 0: 5 */
} espy_fit_options;

typedef struct espy_fit {
    const espy_head_ops *ops;
    espy_head *head; /* knn looks into train_x, or into the caller's rows when refitted */
    float *train_x;  /* the training part of the split; NULL without a held-out part */
    uint32_t *train_y;
    espy_split split;     /* test_n = 0: too few samples to hold any back */
    bool refitted;        /* the head saw everything; the figures are of the held-out part */
    espy_metrics metrics; /* on the held-out part */
    uint32_t *answer;     /* test_n: argmax on each held-out sample, in the split's order */
    float *top;           /* test_n: its probability */
    uint8_t *correct;     /* test_n: whether it was right */
    espy_buf report;      /* classification report as text; empty without a held-out part */
    uint32_t *confusion;  /* classes x classes */
    espy_threshold_row table[ESPY_THRESHOLD_ROWS];
    double threshold; /* by the rule */
    double literal;   /* S1's number as written, for the record; 0 unless asked for by rule */
    double floor;
} espy_fit;

/* names: one text per class, for the report.  Where settings have no mean and std, those of all
 * rows go to every fit, held-out part and folds included; settings.epoch hears of the fit alone
 * whose head is kept. Errors: DATA with a remedy (one label, too few samples for this head, ...),
 * ARG (no such head), CANCELLED, NOMEM. */
espy_err espy_flow_fit(espy_ctx *cx, const espy_rows *rows, const char *const *names,
                       const espy_fit_options *options, espy_fit *out) ESPY_NODISCARD;
void espy_fit_free(espy_ctx *cx, espy_fit *f);

/* Rows dealt over folds, one after the other as held-out part. */
typedef struct espy_fit_fold {
    espy_rows train, test; /* views into what follows, made by espy_fit_fold_take() */
    float *x;
    uint32_t *y, *of; /* of: the fold of each row */
    uint64_t *group;  /* NULL where the rows have none */
} espy_fit_fold;

/* Deals the rows over k folds; no source is parted.  Free it also on failure. */
espy_err espy_fit_folds(espy_ctx *cx, const espy_rows *rows, size_t k, uint64_t seed,
                        espy_fit_fold *f) ESPY_NODISCARD;
/* Copies the rows with those of fold k behind all others. */
void espy_fit_fold_take(const espy_rows *rows, uint32_t k, espy_fit_fold *f);
void espy_fit_fold_free(espy_ctx *cx, espy_fit_fold *f);

/* The confusion matrix as text: a header of labels, one row per true label. */
espy_err espy_fit_confusion_text(espy_ctx *cx, const espy_fit *f, const char *const *names,
                                 espy_buf *out) ESPY_NODISCARD;

#endif
