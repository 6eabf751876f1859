/* SPDX-License-Identifier: Apache-2.0
 * learn - how well two groupings of the same rows agree, from the counts of rows per pair of
 * clusters, of which at most n are not 0. */
#include <stdlib.h>

#include "learn/cluster.h"

typedef struct agreement_row {
    uint32_t truth, answer;
} agreement_row;

static int agreement_by_truth(const void *a, const void *b)
{
    const agreement_row *p = a, *q = b;

    if (p->truth != q->truth)
        return p->truth < q->truth ? -1 : 1;
    return p->answer < q->answer ? -1 : p->answer > q->answer;
}

typedef struct agreement_name {
    int32_t name;
    uint32_t row;
} agreement_name;

static int agreement_by_name(const void *a, const void *b)
{
    const agreement_name *p = a, *q = b;

    if (p->name != q->name)
        return p->name < q->name ? -1 : 1;
    return p->row < q->row ? -1 : p->row > q->row;
}

/* number[i]: of row i's cluster, below n; size: rows of each. */
static espy_err agreement_number(espy_ctx *cx, const int32_t *name, size_t n, uint32_t *number,
                                 uint32_t *size)
{
    agreement_name *at = espy_array(cx, n, sizeof *at);
    uint32_t k = 0;

    if (!at)
        return ESPY_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        at[i] = (agreement_name){name[i], (uint32_t)i};
    qsort(at, n, sizeof *at, agreement_by_name);
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && (at[i].name != at[i - 1].name || at[i].name < 0))
            k++;
        number[at[i].row] = k;
        size[k]++;
    }
    espy_free(cx, at);
    return ESPY_E_OK;
}

static double agreement_pairs(double rows)
{
    return rows * (rows - 1) / 2;
}

static espy_cluster_score agreement_score(double precision, double recall)
{
    double sum = precision + recall;

    return (espy_cluster_score){precision, recall, sum > 0 ? 2 * precision * recall / sum : 0};
}

/* (index - expected) / (largest - expected), equation 5 of Hubert and Arabie with the pairs of each
 * side's clusters. */
static double agreement_rand(double both, double truth, double answer, double all)
{
    double expected = all > 0 ? truth * answer / all : 0, largest = (truth + answer) / 2;

    return largest == expected ? 1 : (both - expected) / (largest - expected);
}

espy_err espy_cluster_agree(espy_ctx *cx, const int32_t *truth, const int32_t *answer, size_t n,
                            espy_cluster_agreement *out)
{
    double both = 0, ours = 0, theirs = 0, precision = 0, recall = 0;
    espy_err e = ESPY_E_NOMEM;

    if (n == 0)
        return espy_fail(cx, ESPY_E_DATA, "no samples to compare two groupings of");
    if (n > INT32_MAX)
        return espy_fail(cx, ESPY_E_LIMIT, "%zu samples are too many to compare groupings of", n);
    uint32_t *t = espy_array(cx, n, 4 * sizeof *t);
    agreement_row *row = espy_array(cx, n, sizeof *row);
    if (!t || !row)
        goto out;
    uint32_t *a = t + n, *truth_size = t + 2 * n, *answer_size = t + 3 * n;
    ESPY_GO(agreement_number(cx, truth, n, t, truth_size));
    ESPY_GO(agreement_number(cx, answer, n, a, answer_size));
    for (size_t i = 0; i < n; i++)
        row[i] = (agreement_row){t[i], a[i]};
    qsort(row, n, sizeof *row, agreement_by_truth);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && agreement_by_truth(&row[i], &row[end]) == 0;)
            end++;
        double rows = (double)(end - i);
        both += agreement_pairs(rows);
        precision += rows * rows / answer_size[row[i].answer];
        recall += rows * rows / truth_size[row[i].truth];
    }
    for (size_t i = 0; i < n; i++) {
        ours += agreement_pairs(answer_size[i]);
        theirs += agreement_pairs(truth_size[i]);
    }
    out->pairs = agreement_score(ours > 0 ? both / ours : 1, theirs > 0 ? both / theirs : 1);
    out->bcubed = agreement_score(precision / (double)n, recall / (double)n);
    out->rand = agreement_rand(both, theirs, ours, agreement_pairs((double)n));
out:
    espy_free(cx, t);
    espy_free(cx, row);
    return e;
}
