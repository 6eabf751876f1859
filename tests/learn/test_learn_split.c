/* SPDX-License-Identifier: Apache-2.0
 * Splits and folds of rows that come from common sources. */
#include <string.h>

#include "base/random.h"
#include "learn/split.h"
#include "support/support.h"

static espy_ctx cx;
static test_memory memory;

enum { MOST = 12000, LABELS = 6, FOLDS = 5 };

static uint32_t y[MOST], fold[MOST], fold2[MOST];
static uint64_t group[MOST];
static uint8_t held[MOST];

static espy_split split(size_t n, size_t classes, double share, uint64_t seed)
{
    espy_split s;

    if (espy_split_stratified(&cx, y, group, n, classes, share, seed, &s) != ESPY_E_OK)
        fail_msg("%s", cx.text);
    assert_int_equal(s.train_n + s.test_n, n);
    memset(held, 2, n);
    for (size_t i = 0; i < s.train_n; i++)
        held[s.train[i]] = 0;
    for (size_t i = 0; i < s.test_n; i++)
        held[s.test[i]] = 1;
    for (size_t i = 0; i < n; i++)
        assert_true(held[i] < 2);
    return s;
}

/* `sources` of 1 to `most` rows, numbered from `first` on; spanning: rows of a source have labels
 * of their own. */
static size_t make(size_t n, uint64_t first, size_t sources, uint32_t most, bool spanning,
                   uint64_t seed)
{
    espy_random r;

    espy_random_seed(&r, seed, 3);
    for (uint64_t s = first; s < first + sources; s++) {
        uint32_t label = espy_random_below(&r, LABELS);
        for (uint32_t k = 1 + espy_random_below(&r, most); k > 0; k--, n++) {
            assert_true(n < MOST);
            y[n] = spanning ? (label + espy_random_below(&r, 2)) % LABELS : label;
            group[n] = s * 1000003;
        }
    }
    return n;
}

/* Sources of one row: the totals of C-11's fractions. */
static void test_totals(void **state)
{
    const size_t until[] = {5200, 8700, 9990, 10000};
    size_t in_test[4] = {0}, n = 0;
    (void)state;

    for (size_t i = 0; i < 10000; i++) {
        y[i] = (uint32_t)((i >= until[0]) + (i >= until[1]) + (i >= until[2]));
        group[i] = 7 * i;
    }
    espy_split s = split(10000, 4, 0.15, 42);
    assert_int_equal(s.test_n, 1500);
    for (size_t i = 0; i < s.test_n; i++)
        in_test[y[s.test[i]]]++;
    assert_int_equal(in_test[0], 780);
    assert_int_equal(in_test[1], 525);
    assert_true(in_test[2] >= 193 && in_test[2] <= 194);
    assert_true(in_test[3] >= 1);
    for (size_t i = 0; i < s.train_n; i++, n++) {
        y[n] = y[s.train[i]];
        group[n] = group[s.train[i]];
    }
    espy_split_free(&cx, &s);
    s = split(n, 4, 0.15, 42);
    assert_int_equal(s.test_n, 1275);
    assert_int_equal(s.train_n, 7225);
    espy_split_free(&cx, &s);
    /* a label of two rows whose share rounds to none gives one all the same */
    y[0] = y[1] = 3;
    for (size_t i = 2; i < 100; i++)
        y[i] = (uint32_t)(i % 3);
    s = split(100, 4, 0.1, 42);
    assert_int_equal(s.test_n, 10);
    assert_int_equal(held[0] + held[1], 1);
    espy_split_free(&cx, &s);
}

/* Nobody is parted; a label of two sources has some on both sides and not more than its share
 * beyond one source. */
static void check_split(size_t n, bool spanning)
{
    size_t rows[LABELS] = {0}, out[LABELS] = {0}, first[LABELS];
    bool many[LABELS] = {false};

    for (size_t i = 0; i < n; i++) {
        uint32_t c = y[i];
        if (i > 0 && group[i] == group[i - 1])
            assert_int_equal(held[i], held[i - 1]);
        many[c] = many[c] || (rows[c] > 0 && group[i] != group[first[c]]);
        if (rows[c]++ == 0)
            first[c] = i;
        out[c] += held[i];
    }
    for (size_t c = 0; c < LABELS; c++) {
        assert_true(rows[c] == 0 || out[c] < rows[c]);
        assert_true(!many[c] || spanning || out[c] > 0);
        assert_true(many[c] || out[c] == 0);
    }
}

static void test_random_groups(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        bool spanning = seed % 3 == 0;
        size_t n = make(0, seed, 12 + 5 * seed, 1 + (uint32_t)seed % 9, spanning, seed);
        espy_split s = split(n, LABELS, 0.15, seed);
        check_split(n, spanning);
        if (n > 400 && !spanning)
            assert_true((double)s.test_n <= 0.15 * (double)n + 1 &&
                        (double)s.test_n >= 0.15 * (double)n - LABELS * 9);
        espy_split_free(&cx, &s);
    }
}

/* Where rows stand does not matter. */
static void test_order(void **state)
{
    (void)state;
    static uint8_t before[MOST];
    size_t n = make(0, 1, 300, 4, true, 5);
    espy_split s = split(n, LABELS, 0.2, 9);

    memcpy(before, held, n);
    espy_split_free(&cx, &s);
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t label = y[i];
        uint64_t g = group[i];
        y[i] = y[n - 1 - i];
        group[i] = group[n - 1 - i];
        y[n - 1 - i] = label;
        group[n - 1 - i] = g;
    }
    s = split(n, LABELS, 0.2, 9);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(held[i], before[n - 1 - i]);
    espy_split_free(&cx, &s);
}

/* With a tenth more sources, 96 to 100 of 100 held-out rows were still held out, 99 of 100 rows on
 * their side, 95 in their fold. */
static void test_added_rows(void **state)
{
    const uint32_t most[] = {1, 6};
    (void)state;

    for (size_t k = 0; k < 4; k++) {
        static uint8_t before[MOST];
        size_t n = make(0, 1, 1000, most[k % 2], k >= 2, 21), stayed = 0, out = 0, same = 0,
               kept = 0;
        espy_split s = split(n, LABELS, 0.15, 42);
        memcpy(before, held, n);
        espy_split_free(&cx, &s);
        assert_int_equal(espy_split_folds(&cx, y, group, n, LABELS, FOLDS, 42, fold), ESPY_E_OK);
        size_t more = make(n, 5000, 100, most[k % 2], k >= 2, 22);
        s = split(more, LABELS, 0.15, 42);
        espy_split_free(&cx, &s);
        assert_int_equal(espy_split_folds(&cx, y, group, more, LABELS, FOLDS, 42, fold2),
                         ESPY_E_OK);
        for (size_t i = 0; i < n; i++) {
            out += before[i];
            stayed += before[i] && held[i];
            same += before[i] == held[i];
            kept += fold[i] == fold2[i];
        }
        print_message(
            "sources of up to %u rows%s: %.3f of what was held out is, %.3f of all are on "
            "their side, %.3f in their fold\n",
            most[k % 2], k >= 2 ? " and several labels" : "", (double)stayed / (double)out,
            (double)same / (double)n, (double)kept / (double)n);
        assert_true((double)stayed >= 0.9 * (double)out);
        assert_true((double)same >= 0.98 * (double)n);
        assert_true((double)kept >= 0.9 * (double)n);
    }
}

/* Two labels in every source, and a label of one. */
static void test_spanning(void **state)
{
    const uint32_t labels[] = {0, 1, 0, 1, 0, 1, 2, 2, 2};
    const uint64_t groups[] = {5, 5, 6, 6, 7, 7, 8, 8, 8};
    (void)state;

    memcpy(y, labels, sizeof labels);
    memcpy(group, groups, sizeof groups);
    espy_split s = split(9, 3, 0.3, 1);
    assert_int_equal(s.test_n, 2);
    assert_int_equal(s.single_n, 1);
    assert_int_equal(s.single[0], 2);
    assert_true(s.test[0] % 2 == 0 && s.test[1] == s.test[0] + 1);
    espy_split_free(&cx, &s);
    assert_int_equal(espy_split_folds(&cx, y, group, 9, 3, 3, 1, fold), ESPY_E_OK);
    assert_true(fold[0] == fold[1] && fold[2] == fold[3] && fold[4] == fold[5]);
    assert_true(fold[0] != fold[2] && fold[0] != fold[4] && fold[2] != fold[4]);
    assert_true(fold[6] == fold[7] && fold[7] == fold[8]);
    /* one source each */
    memset(group, 0, 9 * sizeof *group);
    assert_int_equal(espy_split_stratified(&cx, y, group, 9, 3, 0.3, 1, &s), ESPY_E_DATA);
    assert_non_null(strstr(cx.text, "every label has one source"));
    espy_clear(&cx);
}

static void test_folds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t all[FOLDS] = {0}, of[LABELS][FOLDS] = {{0}};
        uint32_t most = seed % 2 ? 1 : 7;
        size_t n = make(0, seed, 8 + 3 * seed, most, seed % 4 == 0, seed), least = n, last = 0;
        assert_int_equal(espy_split_folds(&cx, y, group, n, LABELS, FOLDS, seed, fold), ESPY_E_OK);
        for (size_t i = 0; i < n; i++) {
            assert_true(fold[i] < FOLDS);
            assert_true(i == 0 || group[i] != group[i - 1] || fold[i] == fold[i - 1]);
            all[fold[i]]++;
            of[y[i]][fold[i]]++;
        }
        for (size_t f = 0; f < FOLDS; f++) {
            least = all[f] < least ? all[f] : least;
            last = all[f] > last ? all[f] : last;
            for (size_t c = 0; c < LABELS && most == 1; c++)
                assert_true(of[c][f] <= of[c][(f + 1) % FOLDS] + 1);
        }
        assert_true(most > 1 || last <= least + 1);
    }
}

static espy_err both(size_t n)
{
    espy_split s;

    ESPY_TRY(espy_split_folds(&cx, y, group, n, LABELS, FOLDS, 1, fold));
    ESPY_TRY(espy_split_stratified(&cx, y, group, n, LABELS, 0.2, 1, &s));
    espy_split_free(&cx, &s);
    return ESPY_E_OK;
}

static void test_faults(void **state)
{
    size_t n = make(0, 1, 40, 3, true, 2);
    (void)state;

    TEST_FAULT_LOOP(&cx, &memory, both(n), (void)0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_totals),   cmocka_unit_test(test_random_groups),
        cmocka_unit_test(test_order),    cmocka_unit_test(test_added_rows),
        cmocka_unit_test(test_spanning), cmocka_unit_test(test_folds),
        cmocka_unit_test(test_faults),
    };

    test_memory_init(&cx, &memory);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
