/* SPDX-License-Identifier: Apache-2.0
 * learn - stratified splits. */
#include "learn/split.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "learn/rows.h"

/* The label with the k-th largest remainder gets one more: order by (remainder, shuffled place). */
typedef struct split_share {
    double rest;
    uint32_t place; /* random, so that ties do not favour the first labels */
    uint32_t label;
} split_share;

static int split_by_rest(const void *a, const void *b)
{
    const split_share *p = a, *q = b;

    if (p->rest != q->rest)
        return p->rest > q->rest ? -1 : 1;
    return p->place < q->place ? -1 : 1;
}

static int split_by_value(const void *a, const void *b)
{
    uint32_t p = *(const uint32_t *)a, q = *(const uint32_t *)b;

    return p < q ? -1 : p > q;
}

/* take[c]: how many samples of each label go to the test part; total of them in all. */
static espy_err split_shares(espy_ctx *cx, const size_t *start, size_t classes, size_t total,
                             size_t usable, espy_random *r, size_t *take)
{
    espy_err e = ESPY_E_NOMEM;
    uint32_t *place = espy_array(cx, classes, sizeof *place);
    split_share *share = espy_array(cx, classes, sizeof *share);
    size_t m = 0, left = total;

    if (!place || !share)
        goto out;
    for (size_t c = 0; c < classes; c++)
        place[c] = (uint32_t)c;
    espy_random_shuffle(r, place, classes);
    for (size_t c = 0; c < classes; c++) {
        size_t n_c = start[c + 1] - start[c];
        if (n_c < 2)
            continue;
        double exact = (double)n_c * (double)total / (double)usable;
        size_t whole = (size_t)exact < n_c - 1 ? (size_t)exact : n_c - 1;
        take[c] = whole;
        left -= whole;
        share[m++] = (split_share){exact - (double)whole, place[c], (uint32_t)c};
    }
    qsort(share, m, sizeof *share, split_by_rest);
    /* More than one round only when labels were capped at n_c - 1. */
    for (bool moved = true; left > 0 && moved;) {
        moved = false;
        for (size_t i = 0; i < m && left > 0; i++) {
            size_t c = share[i].label;
            if (take[c] + 1 < start[c + 1] - start[c]) {
                take[c]++;
                left--;
                moved = true;
            }
        }
    }
    e = ESPY_E_OK;
out:
    espy_free(cx, place);
    espy_free(cx, share);
    return e;
}

espy_err espy_split_stratified(espy_ctx *cx, const uint32_t *y, size_t n, size_t classes,
                               double fraction, uint64_t seed, espy_split *out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_split s = {0};
    uint32_t *order = NULL;
    size_t *start = NULL, *take = NULL, usable = 0;
    espy_rows rows = {.y = y, .n = n, .classes = classes};
    espy_random r;

    if (!(fraction > 0 && fraction < 1))
        return espy_fail(cx, ESPY_E_ARG, "the test share is %g: give one between 0 and 1",
                         fraction);
    ESPY_GO(espy_rows_group(cx, &rows, &order, &start));
    e = ESPY_E_NOMEM;
    if (!(s.train = espy_array(cx, n, sizeof *s.train)) ||
        !(s.test = espy_array(cx, n, sizeof *s.test)) ||
        !(s.single = espy_array(cx, classes, sizeof *s.single)) ||
        !(take = espy_array(cx, classes, sizeof *take)))
        goto out;
    size_t many = 0;
    for (size_t c = 0; c < classes; c++) {
        size_t n_c = start[c + 1] - start[c];
        if (n_c == 1)
            s.single[s.single_n++] = (uint32_t)c;
        if (n_c >= 2) {
            usable += n_c;
            many++;
        }
    }
    if (many == 0) {
        e = espy_fail(
            cx, ESPY_E_DATA,
            "every label has one sample, so none can be held back to measure: add samples "
            "or use --head knn");
        goto out;
    }
    /* The small backs off what rounding adds to a product that is whole: 0.2 * 15 = 3. */
    size_t total = (size_t)ceil((double)n * fraction - 1e-9);
    if (total > usable - many)
        total = usable - many;
    if (total < many) {
        e = espy_fail(cx, ESPY_E_DATA,
                      "%zu test samples cannot cover %zu labels: add samples (5 of each label are "
                      "enough) or raise the test share",
                      total, many);
        goto out;
    }
    espy_random_seed(&r, seed, 1);
    ESPY_GO(split_shares(cx, start, classes, total, usable, &r, take));
    for (size_t c = 0; c < classes; c++) {
        size_t n_c = start[c + 1] - start[c];
        uint32_t *of = order + start[c];
        espy_random_shuffle(&r, of, n_c);
        memcpy(s.test + s.test_n, of, take[c] * sizeof *of);
        memcpy(s.train + s.train_n, of + take[c], (n_c - take[c]) * sizeof *of);
        s.test_n += take[c];
        s.train_n += n_c - take[c];
    }
    qsort(s.train, s.train_n, sizeof *s.train, split_by_value);
    qsort(s.test, s.test_n, sizeof *s.test, split_by_value);
    *out = s;
    s = (espy_split){0};
    e = ESPY_E_OK;
out:
    espy_split_free(cx, &s);
    espy_free(cx, order);
    espy_free(cx, start);
    espy_free(cx, take);
    return e;
}

void espy_split_free(espy_ctx *cx, espy_split *s)
{
    if (!s)
        return;
    espy_free(cx, s->train);
    espy_free(cx, s->test);
    espy_free(cx, s->single);
    *s = (espy_split){0};
}

espy_err espy_split_folds(espy_ctx *cx, const uint32_t *y, size_t n, size_t classes, size_t k,
                          uint64_t seed, uint32_t *fold)
{
    espy_rows rows = {.y = y, .n = n, .classes = classes};
    uint32_t *order = NULL;
    size_t *start = NULL, next = 0;
    espy_random r;

    if (k < 2)
        return espy_fail(cx, ESPY_E_ARG, "%zu folds: give at least 2", k);
    ESPY_TRY(espy_rows_group(cx, &rows, &order, &start));
    espy_random_seed(&r, seed, 2);
    for (size_t c = 0; c < classes; c++) {
        espy_random_shuffle(&r, order + start[c], start[c + 1] - start[c]);
        for (size_t i = start[c]; i < start[c + 1]; i++)
            fold[order[i]] = (uint32_t)(next++ % k);
    }
    espy_free(cx, order);
    espy_free(cx, start);
    return ESPY_E_OK;
}
