/* SPDX-License-Identifier: Apache-2.0
 * What people say about labels, sessions, the pool and filing: known cases, and long random
 * sequences that undo must take back step by step. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "pg_server.h"
#include "store/erase.h"
#include "store/gallery.h"
#include "store/group.h"
#include "store/label.h"
#include "store_case.h"
#include "support/support.h"

#define STARTED(cx, st)    \
    espy_ctx cx;           \
    espy_ctx_init(&cx);    \
    espy_store *st = NULL; \
    CASE_OK(&cx, on->open(&cx, backend_begin(&cx, on), &st))
#define ENDED(cx, st)           \
    espy_store_close(&cx, &st); \
    backend_end(&cx)

static int64_t label(espy_ctx *cx, espy_store *st, int64_t c, const char *code)
{
    int64_t id = 0;
    CASE_OK(cx, espy_store_label(cx, st, c, code, NULL, &id));
    return id;
}

/* Undoes the event that the last change told, which is to be of this action. */
static void undo_told(espy_ctx *cx, espy_store *st, int64_t c, const char *action)
{
    espy_undone u = {0};
    int64_t event = espy_store_event(st), last = 0;
    CASE_OK(cx, espy_store_events_last(cx, st, &last));
    assert_true(event > 0 && event == last);
    CASE_OK(cx, espy_store_undo(cx, st, c, event, "user", &u));
    assert_true(u.event == event);
    assert_string_equal(u.action, action);
    espy_free(cx, u.action);
}

/* Every change tells its event; one that changes nothing tells none, not that of the one before. */
static void told_events(espy_ctx *cx, espy_store *st, int64_t c, int64_t label, const int64_t *s)
{
    int64_t made = 0;
    CASE_OK(cx, espy_store_label_rename(cx, st, c, label, "ADA2", NULL, "user"));
    undo_told(cx, st, c, "label.rename");
    CASE_OK(cx, espy_store_label_split(cx, st, c, label, s, 1, "N", NULL, "user", &made));
    undo_told(cx, st, c, "label.split");
    CASE_OK(cx, espy_store_label_reject(cx, st, c, label, s, 2));
    undo_told(cx, st, c, "label.reject");
    CASE_OK(cx, espy_store_label_set(cx, st, c, label, s, 1));
    assert_true(espy_store_event(st) == 0);
    CASE_OK(cx, espy_store_label_clear(cx, st, c, s, 1));
    undo_told(cx, st, c, "sample.label");
}

static void run_operations(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), d = case_collection(&cx, st, "d");
    int64_t ada = label(&cx, st, c, "ADA"), bob = label(&cx, st, c, "BOB");
    int64_t foreign = label(&cx, st, d, "EVE"), made = 0, s[6];
    char before[2000], after[2000];
    size_t moved = 0, left = 0;
    espy_undone u = {0};
    espy_label l = {0};
    for (int i = 0; i < 6; i++)
        s[i] = case_sample(&cx, st, c, i, NULL);
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, ada, s, 4));
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, bob, s + 4, 2));
    case_picture(&cx, st, c, before, sizeof before);

    /* what does not fit is refused and changes nothing */
    CASE_FAILS(&cx, EXISTS, espy_store_label_rename(&cx, st, c, ada, "BOB", NULL, "user"));
    CASE_FAILS(&cx, ARG, espy_store_label_rename(&cx, st, c, ada, NULL, "", "user"));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_rename(&cx, st, c, foreign, "X", NULL, "user"));
    CASE_FAILS(&cx, ARG, espy_store_label_merge(&cx, st, c, ada, ada, "user", &moved, &left));
    CASE_FAILS(&cx, NOT_FOUND,
               espy_store_label_merge(&cx, st, c, ada, foreign, "user", &moved, &left));
    CASE_FAILS(&cx, ARG, espy_store_label_split(&cx, st, c, ada, s, 4, "N", NULL, "user", &made));
    CASE_FAILS(&cx, ARG, espy_store_label_split(&cx, st, c, ada, s, 0, "N", NULL, "user", &made));
    CASE_FAILS(&cx, NOT_FOUND,
               espy_store_label_split(&cx, st, c, ada, s + 4, 1, "N", NULL, "user", &made));
    CASE_FAILS(&cx, EXISTS,
               espy_store_label_split(&cx, st, c, ada, s, 1, "BOB", NULL, "user", &made));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_set(&cx, st, d, foreign, s, 1));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_reject(&cx, st, d, foreign, s, 1));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_find(&cx, st, c, "EVE", &l));
    case_picture(&cx, st, c, after, sizeof after);
    assert_string_equal(after, before);

    CASE_OK(&cx, espy_store_label_rename(&cx, st, c, ada, "ADA1", "Ada Lovelace", "user"));
    CASE_OK(&cx, espy_store_label_find(&cx, st, c, "ADA1", &l));
    assert_string_equal(l.name, "Ada Lovelace");
    espy_label_free(&cx, &l);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "label.rename");
    espy_free(&cx, u.action);
    case_picture(&cx, st, c, after, sizeof after);
    assert_string_equal(after, before);

    /* a sample that was refused to a label does not come to it by a merge */
    CASE_OK(&cx, espy_store_label_reject(&cx, st, c, bob, s, 1));
    CASE_OK(&cx, espy_store_label_merge(&cx, st, c, ada, bob, "user", &moved, &left));
    assert_int_equal(moved, 3);
    assert_int_equal(left, 1);
    CASE_FAILS(&cx, NOT_FOUND, espy_store_label_rename(&cx, st, c, ada, "X", NULL, "user"));
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "label.merge");
    assert_int_equal(u.samples, 4);
    assert_int_equal(u.kept, 0);
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u)); /* the refusal */
    espy_free(&cx, u.action);
    case_picture(&cx, st, c, after, sizeof after);
    assert_string_equal(after, before);

    told_events(&cx, st, c, ada, s);
    case_picture(&cx, st, c, after, sizeof after);
    assert_string_equal(after, before);

    /* what was changed since stays when an older event is undone */
    CASE_OK(&cx, espy_store_label_delete(&cx, st, c, ada, "user"));
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, bob, s, 1));
    espy_event *ev = NULL;
    size_t n = 0;
    CASE_OK(&cx, espy_store_events(&cx, st, c, 0, 1000, &ev, &n));
    int64_t event = ev[n - 2].id;
    assert_string_equal(ev[n - 2].action, "label.delete");
    espy_events_free(&cx, ev, n);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, event, "user", &u));
    assert_int_equal(u.event, event);
    assert_int_equal(u.samples, 3);
    assert_int_equal(u.kept, 1);
    espy_free(&cx, u.action);
    CASE_FAILS(&cx, NOT_FOUND, espy_store_undo(&cx, st, c, event, "user", &u));
    CASE_OK(&cx, espy_store_label_find(&cx, st, c, "BOB", &l));
    assert_int_equal(l.samples, 3);
    espy_label_free(&cx, &l);
    ENDED(cx, st);
}

/* What a folder says after people have spoken: `espy train DIR` again. */
static void run_folders(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), ann = label(&cx, st, c, "Ann"), id = 0;
    int64_t bob = label(&cx, st, c, "Bob"), carl = label(&cx, st, c, "Carl"), s[3];
    espy_label l = {0};
    espy_undone u = {0};
    size_t moved = 0, left = 0;
    for (int i = 0; i < 3; i++)
        s[i] = case_sample(&cx, st, c, i, NULL);

    /* a renamed label is found by its old code, and keeps the name that it was given */
    CASE_OK(&cx, espy_store_label_rename(&cx, st, c, bob, "ROB", "Robert", "user"));
    CASE_OK(&cx, espy_store_label(&cx, st, c, "Bob", "bob of the folder", &id));
    assert_true(id == bob);
    CASE_OK(&cx, espy_store_label(&cx, st, c, "ROB", "rob of the folder", &id));
    CASE_OK(&cx, espy_store_label_get(&cx, st, c, bob, &l));
    assert_string_equal(l.name, "Robert");
    espy_label_free(&cx, &l);

    /* a merged one is the one that it became, along a chain */
    CASE_OK(&cx, espy_store_label_merge(&cx, st, c, ann, bob, "user", &moved, &left));
    CASE_OK(&cx, espy_store_label_merge(&cx, st, c, bob, carl, "user", &moved, &left));
    static const char *const codes[] = {"Ann", "Bob", "ROB", "Carl"};
    for (int i = 0; i < 4; i++) {
        CASE_OK(&cx, espy_store_label(&cx, st, c, codes[i], NULL, &id));
        assert_true(id == carl);
    }
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label(&cx, st, c, "ROB", NULL, &id));
    assert_true(id == bob);

    /* a deleted one is not made again, but by a person */
    CASE_OK(&cx, espy_store_label_delete(&cx, st, c, carl, "user"));
    CASE_FAILS(&cx, EXISTS, espy_store_label(&cx, st, c, "Carl", NULL, &id));
    CASE_OK(&cx, espy_store_label_make(&cx, st, c, "Carl", NULL, &id));
    assert_true(id == carl);
    CASE_OK(&cx, espy_store_label_make(&cx, st, c, "Dora", "Dora D", &id));
    CASE_OK(&cx, espy_store_label(&cx, st, c, "Dora", "dora", &id));
    CASE_OK(&cx, espy_store_label_get(&cx, st, c, id, &l));
    assert_string_equal(l.name, "Dora D");
    espy_label_free(&cx, &l);

    /* what was refused is not given by a folder, and is by a person */
    CASE_OK(&cx, espy_store_label_reject(&cx, st, c, carl, s, 1));
    CASE_FAILS(&cx, EXISTS, espy_store_sample_label(&cx, st, s[0], carl, "folder"));
    CASE_OK(&cx, espy_store_sample_label(&cx, st, s[1], carl, "folder"));
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, carl, s, 1));
    ENDED(cx, st);
}

/* Undo in odd orders: only what is still as the event left it goes back. */
static void run_odd_undo(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), bob = label(&cx, st, c, "Bob"), first = 0;
    int64_t s = case_sample(&cx, st, c, 0, NULL);
    espy_event *ev = NULL;
    espy_undone u = {0};
    espy_label l = {0};
    size_t n = 0;
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, bob, &s, 1));
    CASE_OK(&cx, espy_store_label_rename(&cx, st, c, bob, "B1", "One", "user"));
    CASE_OK(&cx, espy_store_events(&cx, st, c, 0, 1000, &ev, &n));
    first = ev[n - 1].id;
    espy_events_free(&cx, ev, n);
    CASE_OK(&cx, espy_store_label_rename(&cx, st, c, bob, "B2", NULL, "user"));
    /* the first rename made code and name; the second one has made another code since */
    CASE_OK(&cx, espy_store_undo(&cx, st, c, first, "user", &u));
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_get(&cx, st, c, bob, &l));
    assert_string_equal(l.code, "B2");
    assert_string_equal(l.name, "Bob");
    espy_label_free(&cx, &l);
    CASE_OK(&cx, espy_store_label_delete(&cx, st, c, bob, "user"));
    CASE_OK(&cx, espy_store_events(&cx, st, c, first, 1000, &ev, &n));
    int64_t second = ev[0].id;
    espy_events_free(&cx, ev, n);
    CASE_OK(&cx,
            espy_store_undo(&cx, st, c, second, "user", &u)); /* the rename, not the deletion */
    assert_string_equal(u.action, "label.rename");
    espy_free(&cx, u.action);
    CASE_OK(&cx, espy_store_label_get(&cx, st, c, bob, &l));
    assert_true(l.deleted);
    espy_label_free(&cx, &l);
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "label.delete");
    assert_int_equal(u.samples, 1);
    espy_free(&cx, u.action);
    ENDED(cx, st);
}

/* The label of a group that is gone is never another group's. */
static void run_groups_gone(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), ada = label(&cx, st, c, "ADA"), s[2];
    espy_sample_pool p = {0};
    size_t n = 0, m = 0;
    for (int i = 0; i < 2; i++)
        s[i] = case_sample(&cx, st, c, i, NULL);
    CASE_OK(&cx, espy_store_pool(&cx, st, c, 0, "enc", &p));
    espy_new_label one = {.code = "cluster_1", .name = "Unknown"}, again = one;
    espy_filing f = {s[0], -1, (double)NAN, &p.at[0], false};
    espy_filing g = {s[1], -1, (double)NAN, &p.at[1], false};
    CASE_OK(&cx, espy_store_file(&cx, st, c, "group", &one, 1, &f, 1, &n));
    CASE_OK(&cx, espy_store_label_merge(&cx, st, c, one.id, ada, "user", &n, &m));
    CASE_FAILS(&cx, EXISTS, espy_store_file(&cx, st, c, "group", &again, 1, &g, 1, &n));
    espy_sample_pool_free(&cx, &p);
    ENDED(cx, st);
}

static void run_filing(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), ada = label(&cx, st, c, "ADA"), s[4];
    char before[2000], after[2000];
    espy_sample_pool p = {0};
    espy_undone u = {0};
    size_t filed = 0;
    int64_t last = 0;
    for (int i = 0; i < 4; i++)
        s[i] = case_sample(&cx, st, c, i, NULL);
    CASE_OK(&cx, espy_store_label_set(&cx, st, c, ada, s, 1));
    CASE_OK(&cx, espy_store_label_reject(&cx, st, c, ada, s + 1, 1));
    case_picture(&cx, st, c, before, sizeof before);
    espy_new_label fresh = {.code = "cluster_1_1", .name = "Unknown Class_c_Cluster_1"};
    espy_sample_pool seen = {0};
    CASE_OK(&cx, espy_store_pool(&cx, st, c, 0, "enc", &seen));
    espy_filing filings[] = {{s[0], -1, (double)NAN, &seen.at[0], true}, /* a person's: stays */
                             {s[1], ada, 0.9, &seen.at[1], true},        /* refused: stays */
                             {s[2], -1, (double)NAN, &seen.at[2], false},
                             {s[3], ada, 0.75, &seen.at[3], false}};
    CASE_OK(&cx, espy_store_file(&cx, st, c, "group", &fresh, 1, filings, 4, &filed));
    assert_int_equal(filed, 2);
    assert_int_equal(espy_store_events_last(&cx, st, &last), ESPY_E_OK);
    assert_true(espy_store_event(st) == last);
    for (int i = 0; i < 4; i++)
        assert_true(filings[i].filed == (i >= 2));
    CASE_OK(&cx, espy_store_pool(&cx, st, c, 0, "enc", &p));
    assert_int_equal(p.n, 4);
    assert_int_equal(p.dim, 4);
    assert_true(p.at[0].label == ada && strcmp(p.at[0].actor, "user") == 0);
    assert_true(p.at[1].label == 0);
    assert_true(p.at[2].label == fresh.id && p.at[2].grouped);
    assert_true(p.at[3].label == ada && !p.at[3].grouped && strcmp(p.at[3].actor, "job") == 0);
    /* a group that nobody named is not learned: it is unknown */
    espy_vectors v;
    CASE_OK(&cx, espy_store_vectors(&cx, st, c, 0, "enc", &v));
    assert_int_equal(v.n, 2);
    assert_true(v.label[0] == ada && v.label[1] == ada);
    espy_vectors_free(&cx, &v);
    espy_sample_pool_free(&cx, &p);
    CASE_FAILS(&cx, EXISTS, espy_store_file(&cx, st, c, "group", &fresh, 1, filings, 4, &filed));
    CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
    assert_string_equal(u.action, "group");
    espy_free(&cx, u.action);
    case_picture(&cx, st, c, after, sizeof after);
    assert_string_equal(after, before);
    espy_sample_pool_free(&cx, &seen);
    ENDED(cx, st);
}

static void run_sessions(void **state)
{
    (void)state;
    STARTED(cx, st);
    int64_t c = case_collection(&cx, st, "c"), d = case_collection(&cx, st, "d");
    int64_t one = 0, two = 0, again = 0, other = 0;
    int64_t m = case_media(&cx, st, c, 1, NULL);
    espy_session *list = NULL;
    size_t n = 0;
    bool there = false;
    CASE_OK(&cx, espy_store_session(&cx, st, c, "Maths", NULL, &one));
    CASE_OK(&cx, espy_store_session(&cx, st, c, "Maths", "2026-02-28", &two));
    CASE_OK(&cx, espy_store_session(&cx, st, c, "Maths", NULL, &again));
    CASE_OK(&cx, espy_store_session(&cx, st, d, "Maths", NULL, &other));
    assert_true(one == again && one != two && other != one);
    CASE_FAILS(&cx, ARG, espy_store_session(&cx, st, c, "Maths", "2026-2-28", &again));
    CASE_FAILS(&cx, ARG, espy_store_session(&cx, st, c, "Maths", "2026-13-01", &again));
    CASE_FAILS(&cx, ARG, espy_store_session(&cx, st, c, "", NULL, &again));
    CASE_FAILS(&cx, NOT_FOUND, espy_store_session(&cx, st, c + 99, "x", NULL, &again));
    CASE_OK(&cx, espy_store_session_find(&cx, st, c, "Maths", &again));
    assert_true(again == two); /* the newest */
    CASE_FAILS(&cx, NOT_FOUND, espy_store_session_find(&cx, st, c, "Art", &again));
    CASE_OK(&cx, espy_store_media_session(&cx, st, m, one, &there));
    assert_true(there);
    CASE_OK(&cx, espy_store_media_session(&cx, st, m, two, &there));
    assert_false(there); /* it stays where it is */
    CASE_FAILS(&cx, NOT_FOUND, espy_store_media_session(&cx, st, m, other, &there));
    CASE_OK(&cx, espy_store_sessions(&cx, st, c, &list, &n));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].media, 1);
    assert_string_equal(list[1].date, "2026-02-28");
    espy_sessions_free(&cx, list, n);
    ENDED(cx, st);
}

/* -- random operations, then undo all the way back --------------------------------------------- */
enum { STEPS = 60, SAMPLES = 12, LABELS = 9 };

/* One operation that may be refused; true when it was an event that can be undone. */
static bool random_step(espy_ctx *cx, espy_store *st, int64_t c, espy_random *r,
                        const int64_t *labels, const int64_t *s, int number)
{
    espy_event *ev = NULL;
    size_t before = 0, after = 0, a = 0, b = 0;
    int64_t l = labels[espy_random_below(r, LABELS)], k = labels[espy_random_below(r, LABELS)];
    const int64_t *at = s + espy_random_below(r, SAMPLES - 3);
    size_t n = 1 + espy_random_below(r, 3);
    char code[32];
    int64_t made;
    espy_new_label fresh = {.code = code, .name = "group"};
    espy_sample_pool seen = {0};
    CASE_OK(cx, espy_store_pool(cx, st, c, 0, "enc", &seen));
    const espy_pool_sample *of[2] = {NULL, NULL}; /* NULL: it was taken away */
    for (size_t i = 0; i < seen.n; i++)
        for (size_t j = 0; j < 2; j++)
            if (seen.at[i].sample == at[j])
                of[j] = &seen.at[i];
    espy_filing f[2] = {{at[0], k, 0.5, of[0], false}, {at[1], -1, (double)NAN, of[1], false}};
    snprintf(code, sizeof code, "N%d", number);
    CASE_OK(cx, espy_store_events(cx, st, c, 0, 100000, &ev, &before));
    espy_events_free(cx, ev, before);
    espy_err e = ESPY_E_OK;
    switch (espy_random_below(r, 9)) {
    case 0:
        e = espy_store_label_rename(cx, st, c, l, code, "renamed", "user");
        break;
    case 1:
        e = espy_store_label_merge(cx, st, c, l, k, "user", &a, &b);
        break;
    case 2:
        e = espy_store_label_split(cx, st, c, l, at, n, code, NULL, "user", &made);
        break;
    case 3:
        e = espy_store_label_delete(cx, st, c, l, "user");
        break;
    case 4:
        e = espy_store_label_reject(cx, st, c, l, at, n);
        break;
    case 5:
        if (of[0] != NULL && of[1] != NULL)
            e = espy_store_file(cx, st, c, "group", &fresh, 1, f, 2, &a);
        break;
    case 6:
        e = espy_store_sample_label(cx, st, at[0], l, "user");
        break;
    case 7:
        e = espy_store_sample_delete(cx, st, c, at[0], "user");
        break;
    default:
        e = espy_store_label_set(cx, st, c, espy_random_below(r, 4) ? l : 0, at, n);
        break;
    }
    espy_sample_pool_free(cx, &seen);
    if (e == ESPY_E_NOMEM || e == ESPY_E_STORE || e == ESPY_E_INTERNAL)
        fail_msg("%s: %s", espy_err_text(e), cx->text);
    espy_clear(cx);
    CASE_OK(cx, espy_store_events(cx, st, c, 0, 100000, &ev, &after));
    espy_events_free(cx, ev, after);
    assert_true(e == ESPY_E_OK || after == before);
    return after > before;
}

static void random_begin(espy_ctx *cx, espy_store *st, int64_t c, int64_t *labels, int64_t *s)
{
    for (int i = 0; i < LABELS; i++) {
        char code[8];
        snprintf(code, sizeof code, "L%d", i);
        labels[i] = label(cx, st, c, code);
    }
    for (int i = 0; i < SAMPLES; i++)
        s[i] = case_sample(cx, st, c, i, NULL);
}

static void run_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        STARTED(cx, st);
        static char pictures[STEPS + 1][4000];
        char now[4000];
        int64_t c = case_collection(&cx, st, "c"), labels[LABELS], s[SAMPLES];
        size_t depth = 0;
        espy_random r;
        espy_random_seed(&r, seed, 7);
        random_begin(&cx, st, c, labels, s);
        for (int i = 0; i < STEPS; i++) {
            case_picture(&cx, st, c, pictures[depth], sizeof pictures[depth]);
            depth += random_step(&cx, st, c, &r, labels, s, i);
        }
        assert_true(depth > STEPS / 3);
        while (depth-- > 0) {
            espy_undone u = {0};
            CASE_OK(&cx, espy_store_undo(&cx, st, c, 0, "user", &u));
            assert_int_equal(u.kept, 0);
            case_picture(&cx, st, c, now, sizeof now);
            if (strcmp(now, pictures[depth]) != 0)
                fail_msg("seed %d, undo of %s:\n%s\n%s", (int)seed, u.action, now, pictures[depth]);
            espy_free(&cx, u.action);
        }
        espy_undone u = {0};
        CASE_FAILS(&cx, NOT_FOUND, espy_store_undo(&cx, st, c, 0, "user", &u));
        ENDED(cx, st);
    }
}

/* -- random operations and undoing, then everybody is erased ----------------------------------- */
static espy_err nothing_left(espy_ctx *cx, void *self, espy_span media, const float (*boxes)[4],
                             size_t n, espy_buf *out)
{
    (void)self;
    (void)boxes;
    espy_buf_init(out, 1000);
    return espy_buf_printf(cx, out, "%zu of %zu bytes", n, media.size);
}

static void run_random_erase(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        STARTED(cx, st);
        int64_t c = case_collection(&cx, st, "c"), labels[LABELS], s[SAMPLES];
        espy_random r;
        espy_random_seed(&r, seed, 9);
        random_begin(&cx, st, c, labels, s);
        for (int i = 0; i < STEPS; i++) {
            espy_undone u = {0};
            random_step(&cx, st, c, &r, labels, s, i);
            if (i % 7 == 3 && espy_store_undo(&cx, st, c, 0, "user", &u) == ESPY_E_OK)
                espy_free(&cx, u.action);
            espy_clear(&cx);
        }
        espy_label *list = NULL;
        size_t n = 0;
        CASE_OK(&cx, espy_store_labels(&cx, st, c, &list, &n));
        for (size_t i = 0; i < n; i++) {
            espy_json *receipt = NULL;
            espy_err e = espy_store_erase(&cx, st, c, list[i].id, nothing_left, NULL, &receipt);
            if (e != ESPY_E_OK && e != ESPY_E_NOT_FOUND && e != ESPY_E_ARG)
                fail_msg("seed %d, label %lld: %s: %s", (int)seed, (long long)list[i].id,
                         espy_err_text(e), cx.text);
            espy_clear(&cx);
            espy_json_free(receipt);
        }
        espy_labels_free(&cx, list, n);
        ENDED(cx, st);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_operations), cmocka_unit_test(run_filing),
        cmocka_unit_test(run_sessions),   cmocka_unit_test(run_folders),
        cmocka_unit_test(run_odd_undo),   cmocka_unit_test(run_groups_gone),
        cmocka_unit_test(run_random),     cmocka_unit_test(run_random_erase)};
    int failed = 0;
    for (on = backend_next(NULL); on != NULL; on = backend_next(on)) {
        printf("on %s\n", on->name);
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
