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

/* A row under its group's place in the order. */
typedef struct split_item {
    uint64_t place;
    uint32_t label, row;
} split_item;

/* The rows of one source: items first .. first + n. */
typedef struct split_source {
    uint64_t place;
    size_t first, n;
    uint32_t label; /* the one of its labels that has the fewest sources */
} split_source;

typedef struct split_sources {
    split_item *item; /* by place, then label */
    split_source *at; /* by place */
    size_t n;
    size_t *of; /* sources of each label */
} split_sources;

static int split_by_place(const void *a, const void *b)
{
    const split_item *p = a, *q = b;

    if (p->place != q->place)
        return p->place < q->place ? -1 : 1;
    if (p->label != q->label)
        return p->label < q->label ? -1 : 1;
    return p->row < q->row ? -1 : 1;
}

static int split_by_label(const void *a, const void *b)
{
    const split_source *p = a, *q = b;

    if (p->label != q->label)
        return p->label < q->label ? -1 : 1;
    return p->place < q->place ? -1 : p->place > q->place;
}

/* The mixer of splitmix64 (Steele, Lea, Flood 2014): one to one, so groups never share a place. */
static uint64_t split_mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ULL;
    v = (v ^ v >> 27) * 0x94d049bb133111ebULL;
    return v ^ v >> 31;
}

static void split_sources_free(espy_ctx *cx, split_sources *s)
{
    espy_free(cx, s->item);
    espy_free(cx, s->at);
    espy_free(cx, s->of);
}

/* How many of n items, at least one, have the label of the first. */
static size_t split_run(const split_item *at, size_t n)
{
    size_t m = 1;

    while (m < n && at[m].label == at->label)
        m++;
    return m;
}

/* On failure what was made is there to be freed. */
static espy_err split_sources_make(espy_ctx *cx, const uint32_t *y, const uint64_t *group, size_t n,
                                   size_t classes, uint64_t seed, split_sources *s)
{
    if (!(s->item = espy_array(cx, n, sizeof *s->item)) ||
        !(s->at = espy_array(cx, n, sizeof *s->at)) ||
        !(s->of = espy_array(cx, classes, sizeof *s->of)))
        return cx->code;
    for (size_t i = 0; i < n; i++)
        s->item[i] = (split_item){split_mix(group[i] ^ split_mix(seed)), y[i], (uint32_t)i};
    qsort(s->item, n, sizeof *s->item, split_by_place);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || s->item[i].place != s->item[i - 1].place)
            s->at[s->n++] = (split_source){.place = s->item[i].place, .first = i};
        s->at[s->n - 1].n++;
    }
    for (size_t g = 0; g < s->n; g++) {
        const split_item *at = s->item + s->at[g].first;
        for (size_t i = 0; i < s->at[g].n; i += split_run(at + i, s->at[g].n - i))
            s->of[at[i].label]++;
    }
    for (size_t g = 0; g < s->n; g++) {
        const split_item *at = s->item + s->at[g].first;
        s->at[g].label = at->label;
        for (size_t i = 1; i < s->at[g].n; i++)
            if (s->of[at[i].label] < s->of[s->at[g].label])
                s->at[g].label = at[i].label;
    }
    return ESPY_E_OK;
}

/* take[c]: how many samples of each label go to the test part; total of them in all.  of: sources
 * of each label. */
static espy_err split_shares(espy_ctx *cx, const size_t *start, const size_t *of, size_t classes,
                             size_t total, size_t usable, espy_random *r, size_t *take)
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
        if (of[c] < 2)
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

/* Every label of two sources gives one sample at least, at the cost of the one that gives most. */
static void split_one_each(const size_t *of, size_t classes, size_t *take)
{
    for (size_t c = 0; c < classes; c++) {
        size_t most = 0;
        if (of[c] < 2 || take[c] > 0)
            continue;
        for (size_t d = 1; d < classes; d++)
            most = take[d] > take[most] ? d : most;
        take[most]--;
        take[c] = 1;
    }
}

/* What has been held back of each label. */
typedef struct split_taken {
    size_t *got;   /* samples */
    size_t *left;  /* sources that are still in training */
    uint8_t *full; /* its next source would have passed its share */
} split_taken;

/* Whether a source may be held back: each of its labels keeps another one, and within: none passes
 * its share; else one of them has given nothing yet. */
static bool split_may(const split_item *at, size_t n, const size_t *take, bool within,
                      split_taken *t)
{
    bool may = true, wanted = within;

    for (size_t i = 0, m; i < n; i += m) {
        uint32_t c = at[i].label;
        m = split_run(at + i, n - i);
        if (t->got[c] + m > take[c])
            t->full[c] = 1;
        may = may && t->left[c] >= 2 && !(within && t->full[c]);
        wanted = wanted || t->got[c] == 0;
    }
    return may && wanted;
}

/* Takes sources in their order within the shares; then, of labels that gave none, the first. */
static espy_err split_hold(espy_ctx *cx, const split_sources *s, size_t classes, const size_t *take,
                           uint8_t *held)
{
    espy_err e = ESPY_E_NOMEM;
    split_taken t = {espy_array(cx, classes, sizeof *t.got),
                     espy_array(cx, classes, sizeof *t.left), espy_array(cx, classes, 1)};

    if (!t.got || !t.left || !t.full)
        goto out;
    memcpy(t.left, s->of, classes * sizeof *t.left);
    for (int pass = 0; pass < 2; pass++)
        for (size_t g = 0; g < s->n; g++) {
            const split_item *at = s->item + s->at[g].first;
            size_t n = s->at[g].n;
            if (held[at->row] || !split_may(at, n, take, pass == 0, &t))
                continue;
            for (size_t i = 0; i < n; i++) {
                held[at[i].row] = 1;
                t.got[at[i].label]++;
                t.left[at[i].label] -= i == 0 || at[i].label != at[i - 1].label;
            }
        }
    e = ESPY_E_OK;
out:
    espy_free(cx, t.got);
    espy_free(cx, t.left);
    espy_free(cx, t.full);
    return e;
}

espy_err espy_split_stratified(espy_ctx *cx, const uint32_t *y, const uint64_t *group, size_t n,
                               size_t classes, double fraction, uint64_t seed, espy_split *out)
{
    espy_err e = ESPY_E_NOMEM;
    espy_split s = {0};
    split_sources sources = {0};
    uint32_t *order = NULL;
    uint8_t *held = NULL;
    size_t *start = NULL, *take = NULL, *of = NULL, usable = 0, many = 0;
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
        !(held = espy_array(cx, n, sizeof *held)) || !(of = espy_array(cx, classes, sizeof *of)) ||
        !(take = espy_array(cx, classes, sizeof *take)))
        goto out;
    if (group)
        ESPY_GO(split_sources_make(cx, y, group, n, classes, seed, &sources));
    for (size_t c = 0; c < classes; c++) {
        size_t n_c = start[c + 1] - start[c];
        of[c] = group ? sources.of[c] : n_c;
        if (of[c] == 1)
            s.single[s.single_n++] = (uint32_t)c;
        if (of[c] >= 2) {
            usable += n_c;
            many++;
        }
    }
    if (many == 0) {
        e = espy_fail(cx, ESPY_E_DATA,
                      "every label has one %s, so none can be held back to measure: add samples "
                      "or use --head knn",
                      group ? "source" : "sample");
        goto out;
    }
    /* The small backs off what rounding adds to a product that is whole: 0.2 * 15 = 3. */
    size_t total = (size_t)ceil((double)usable * fraction - 1e-9);
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
    ESPY_GO(split_shares(cx, start, of, classes, total, usable, &r, take));
    if (group) {
        split_one_each(of, classes, take);
        ESPY_GO(split_hold(cx, &sources, classes, take, held));
    }
    for (size_t c = 0; c < classes && !group; c++) {
        espy_random_shuffle(&r, order + start[c], start[c + 1] - start[c]);
        for (size_t i = 0; i < take[c]; i++)
            held[order[start[c] + i]] = 1;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (held[i])
            s.test[s.test_n++] = i;
        else
            s.train[s.train_n++] = i;
    }
    *out = s;
    s = (espy_split){0};
    e = ESPY_E_OK;
out:
    espy_split_free(cx, &s);
    split_sources_free(cx, &sources);
    espy_free(cx, order);
    espy_free(cx, start);
    espy_free(cx, held);
    espy_free(cx, of);
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

/* Each fold gets a stretch of each label's sources; the folds of those one longer than the others
 * follow on from label to label. */
static espy_err split_folds_of_groups(espy_ctx *cx, const uint32_t *y, const uint64_t *group,
                                      size_t n, size_t classes, size_t k, uint64_t seed,
                                      uint32_t *fold)
{
    espy_err e = ESPY_E_OK;
    split_sources s = {0};
    size_t next = 0;

    ESPY_GO(split_sources_make(cx, y, group, n, classes, seed, &s));
    qsort(s.at, s.n, sizeof *s.at, split_by_label);
    for (size_t from = 0, to; from < s.n; from = to) {
        for (to = from + 1; to < s.n && s.at[to].label == s.at[from].label;)
            to++;
        size_t each = (to - from) / k, more = (to - from) % k, g = from;
        for (size_t f = 0; f < k; f++)
            for (size_t end = g + each + ((f + k - next) % k < more); g < end; g++)
                for (size_t i = 0; i < s.at[g].n; i++)
                    fold[s.item[s.at[g].first + i].row] = (uint32_t)f;
        next = (next + more) % k;
    }
out:
    split_sources_free(cx, &s);
    return e;
}

espy_err espy_split_folds(espy_ctx *cx, const uint32_t *y, const uint64_t *group, size_t n,
                          size_t classes, size_t k, uint64_t seed, uint32_t *fold)
{
    espy_rows rows = {.y = y, .n = n, .classes = classes};
    uint32_t *order = NULL;
    size_t *start = NULL, next = 0;
    espy_random r;

    if (k < 2)
        return espy_fail(cx, ESPY_E_ARG, "%zu folds: give at least 2", k);
    if (group)
        return split_folds_of_groups(cx, y, group, n, classes, k, seed, fold);
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
