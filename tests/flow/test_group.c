/* SPDX-License-Identifier: Apache-2.0
 * Grouping: the cases that SPEC 5.10 tells, how groups are named and keep their labels, and that no
 * run changes what people said. */
#include "people_case.h"

#include "flow/collect.h"
#include "flow/group.h"

static espy_grouping grouped(people *p, const espy_group_options *o)
{
    espy_grouping g = {0};
    PEOPLE_OK(p, espy_flow_group(&p->cx, &p->ws, &p->c, o, &g));
    return g;
}

/* Runs and forgets; how many groups there were. */
static size_t group(people *p, const espy_group_options *o)
{
    espy_grouping g = grouped(p, o);
    size_t n = g.n;
    espy_grouping_free(&p->cx, &g);
    return n;
}

/* The group that a sample is in. */
static int32_t group_of(const espy_grouping *g, int64_t sample)
{
    for (size_t i = 0; i < g->pool.n; i++)
        if (g->pool.at[i].sample == sample)
            return g->group[i];
    fail_msg("sample %lld was not looked at", (long long)sample);
    return 0;
}

static size_t labels_there(people *p)
{
    espy_label *l = NULL;
    size_t n = 0, living = 0;
    PEOPLE_OK(p, espy_store_labels(&p->cx, p->ws.store, p->c.id, &l, &n));
    for (size_t i = 0; i < n; i++)
        living += !l[i].deleted;
    espy_labels_free(&p->cx, l, n);
    return living;
}

/* Three people with five photos each, in "Session 1". */
static void three_people(people *p, int64_t samples[15])
{
    static flow_case d;
    flow_make(&d, 3, 5, 0.3, 7);
    people_open(p, "Math 101");
    people_rows(p, "Session 1", &d, 0, 15, samples);
}

static espy_group_options in_session(void)
{
    espy_group_options o = espy_group_defaults();
    o.session = "Session 1";
    return o;
}

/* -- the described cases ----------------------------------------------------------------------- */
static void run_oracles(void **state)
{
    (void)state;
    static const float four[] = {1, 0, 0, 0.9f, 0.1f, 0, 0, 1, 0, 0, 0.9f, 0.1f};
    people p;
    int64_t s[4];
    espy_group_options o = espy_group_defaults();
    o.threshold = 0.6;
    people_open(&p, "c");
    assert_int_equal(group(&p, &o), 0); /* nothing there */
    people_photo(&p, NULL, four, 1, 3, s);
    assert_int_equal(group(&p, &o), 1); /* one vector */
    for (size_t i = 1; i < 4; i++)
        people_photo(&p, NULL, four + 3 * i, 1, 3, s + i);
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 2);
    assert_int_equal(group_of(&g, s[0]), group_of(&g, s[1]));
    assert_int_equal(group_of(&g, s[2]), group_of(&g, s[3]));
    assert_int_not_equal(group_of(&g, s[0]), group_of(&g, s[2]));
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

static void run_three_people(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    const espy_group_options o = in_session();
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.filed, 15);
    assert_int_equal(g.noise, 0);
    assert_false(g.too_many);
    for (size_t i = 0; i < 3; i++) {
        char code[32], name[80];
        snprintf(code, sizeof code, "cluster_1_%zu", i + 1);
        snprintf(name, sizeof name, "Unknown Class_Math_101_Session_1_Cluster_%zu", i + 1);
        assert_int_equal(g.at[i].size, 5);
        assert_true(g.at[i].fresh);
        assert_string_equal(g.at[i].code, code);
        assert_string_equal(g.at[i].name, name);
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(group_of(&g, s[5 * i + k]), i);
            assert_int_equal(people_label(&p, s[5 * i + k]), g.at[i].label);
        }
    }
    assert_int_equal(labels_there(&p), 3);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

static void run_limits(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    espy_grouping g;
    three_people(&p, s);
    espy_group_options o = in_session();
    o.create_labels = o.assign = false;
    o.max_clusters = 2;
    assert_int_equal(group(&p, &o), 2);
    o.max_clusters = 1;
    assert_int_equal(group(&p, &o), 1);
    o.max_clusters = ESPY_GROUP_CLUSTERS_MAX;
    assert_int_equal(group(&p, &o), 3);
    const size_t counts[] = {0, ESPY_GROUP_CLUSTERS_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        o.max_clusters = counts[i];
        PEOPLE_FAILS(&p, ARG, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    }
    o = in_session();
    const double thresholds[] = {1.1, -0.1, (double)NAN};
    for (size_t i = 0; i < 3; i++) {
        o.threshold = thresholds[i];
        PEOPLE_FAILS(&p, ARG, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    }
    o = in_session();
    o.create_labels = false; /* what would be assigned? */
    PEOPLE_FAILS(&p, ARG, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    o = in_session();
    o.method = ESPY_GROUP_DBSCAN;
    o.min_samples = 1;
    PEOPLE_FAILS(&p, ARG, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    o = in_session();
    o.session = "Session 2";
    PEOPLE_FAILS(&p, NOT_FOUND, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    assert_int_equal(labels_there(&p), 0);
    people_close(&p);
}

static void run_higher_makes_more(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    size_t before = 0, first = 0;
    espy_group_options o = espy_group_defaults();
    flow_make(&d, 6, 12, 0.9, 3);
    people_open(&p, "c");
    people_rows(&p, NULL, &d, 0, 72, NULL);
    o.create_labels = o.assign = false;
    o.max_clusters = ESPY_GROUP_ANY_NUMBER;
    for (int t = 3; t <= 9; t++) {
        o.threshold = t / 10.0;
        size_t n = group(&p, &o);
        assert_true(n >= before);
        before = n;
        first = first ? first : n;
    }
    assert_true(before > first);
    people_close(&p);
}

/* -- what is stored ---------------------------------------------------------------------------- */
static void run_nothing_stored(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    espy_group_options o = in_session();
    o.create_labels = o.assign = false;
    char *before = people_picture(&p, true);
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.filed, 0);
    assert_true(g.at[0].label == 0 && g.at[0].fresh);
    assert_string_equal(g.at[0].code, "cluster_1_1"); /* what it would be called */
    espy_grouping_free(&p.cx, &g);
    people_same(&p, before, true);

    /* labels, but nobody has them; a second run finds them and makes no others */
    o.create_labels = true;
    for (int i = 0; i < 2; i++) {
        g = grouped(&p, &o);
        assert_int_equal(g.filed, 0);
        assert_true(g.at[2].fresh == (i == 0) && g.at[2].label != 0);
        assert_int_equal(labels_there(&p), 3);
        for (size_t k = 0; k < 15; k++)
            assert_int_equal(people_label(&p, s[k]), 0);
        espy_grouping_free(&p.cx, &g);
    }
    o.assign = true;
    g = grouped(&p, &o);
    assert_int_equal(g.filed, 15);
    assert_int_equal(labels_there(&p), 3);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

static void run_second_run_changes_nothing(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    espy_group_options o = in_session();
    group(&p, &o);
    char *before = people_picture(&p, true);
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.filed, 0);
    assert_false(g.at[0].fresh || g.at[1].fresh || g.at[2].fresh);
    espy_grouping_free(&p.cx, &g);
    people_same(&p, before, true);

    /* neither does the whole collection, nor a person who sees the groups twice */
    o.session = NULL;
    before = people_picture(&p, true);
    assert_int_equal(group(&p, &o), 3);
    people_same(&p, before, true);

    /* undone, it is as if it had not been; done again, the labels are the same ones */
    int64_t label = people_label(&p, s[0]);
    o = in_session();
    assert_int_equal(people_undo(&p, "group").samples, 15);
    assert_int_equal(labels_there(&p), 0);
    assert_int_equal(people_label(&p, s[0]), 0);
    group(&p, &o);
    assert_int_equal(people_label(&p, s[0]), label);
    people_close(&p);
}

static void run_names(void **state)
{
    (void)state;
    static const struct {
        const char *collection, *session, *name;
    } cases[] = {
        {"Math101", "Session 1", "Unknown Class_Math101_Session_1_Cluster_1"},
        {"Class of 2026", "first day", "Unknown Class_of_2026_Session_first_day_Cluster_1"},
        {"Classics", "Sessions", "Unknown Class_Classics_Session_Sessions_Cluster_1"},
        {"a  b", "session_2", "Unknown Class_a__b_session_2_Cluster_1"},
        {"Math101", NULL, "Unknown Class_Math101_Cluster_1"},
    };
    static const float x[] = {1, 0, 0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        people p;
        espy_group_options o = espy_group_defaults();
        people_open(&p, cases[i].collection);
        people_photo(&p, cases[i].session, x, 1, 3, NULL);
        o.session = cases[i].session;
        espy_grouping g = grouped(&p, &o);
        assert_string_equal(g.at[0].name, cases[i].name);
        espy_grouping_free(&p.cx, &g);
        people_close(&p);
    }
}

/* -- sessions and names ------------------------------------------------------------------------ */
static void run_two_sessions(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    int64_t s[20];
    flow_make(&d, 2, 10, 0.3, 5);
    people_open(&p, "c");
    for (size_t l = 0; l < 2; l++) {
        people_rows(&p, "Monday", &d, 10 * l, 10 * l + 5, s + 10 * l);
        people_rows(&p, "Tuesday", &d, 10 * l + 5, 10 * l + 10, s + 10 * l + 5);
    }
    espy_group_options o = espy_group_defaults();
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.at[0].size, 10);
    assert_int_equal(group_of(&g, s[0]), group_of(&g, s[9]));
    assert_string_equal(g.at[0].code, "cluster_c1_1");
    espy_grouping_free(&p.cx, &g);

    /* a session alone sees its own only, and keeps the groups that there are */
    o.session = "Tuesday";
    char *before = people_picture(&p, true);
    g = grouped(&p, &o);
    assert_int_equal(g.pool.n, 10);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.at[0].size, 5);
    espy_grouping_free(&p.cx, &g);
    people_same(&p, before, true);
    people_close(&p);
}

/* Two sessions of one name: the day tells them apart, without it the newest is meant. */
static void run_days(void **state)
{
    (void)state;
    static const float x[] = {1, 0, 0};
    people p;
    int64_t first = 0, second = 0, id = 0;
    espy_grouping g;
    people_open(&p, "c");
    people_photo(&p, "Maths", x, 1, 3, NULL); /* a day that nobody told */
    PEOPLE_OK(&p, espy_store_session(&p.cx, p.ws.store, p.c.id, "Maths", "2026-03-01", &first));
    PEOPLE_OK(&p, espy_store_session(&p.cx, p.ws.store, p.c.id, "Maths", "2026-02-01", &second));
    PEOPLE_OK(&p, espy_flow_session(&p.cx, &p.ws, &p.c, "Maths", NULL, &id));
    assert_int_equal(id, first);
    PEOPLE_OK(&p, espy_flow_session(&p.cx, &p.ws, &p.c, "Maths", "2026-02-01", &id));
    assert_int_equal(id, second);
    PEOPLE_FAILS(&p, NOT_FOUND, espy_flow_session(&p.cx, &p.ws, &p.c, "Maths", "2026-02-02", &id));
    espy_group_options o = espy_group_defaults();
    o.session = "Maths";
    assert_int_equal(group(&p, &o), 0); /* a session without photos */
    o.date = "";
    assert_int_equal(group(&p, &o), 1);
    o.date = "2026-02-02";
    PEOPLE_FAILS(&p, NOT_FOUND, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g));
    people_close(&p);
}

static void run_include_identified(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    int64_t ada = people_set(&p, "ADA", s, 2); /* two of the first person's five */
    espy_group_options o = espy_group_defaults();
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 3); /* without the named: a group of three, two of five */
    assert_int_equal(group_of(&g, s[0]), ESPY_GROUP_NOBODY);
    assert_int_equal(g.filed, 13);
    espy_grouping_free(&p.cx, &g);
    people_undo(&p, "group");

    o.include_identified = true;
    g = grouped(&p, &o);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.filed, 13);
    assert_int_equal(g.at[group_of(&g, s[4])].label, ada);
    assert_string_equal(g.at[group_of(&g, s[4])].code, "ADA");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(people_label(&p, s[i]), ada);
    espy_grouping_free(&p.cx, &g);
    people_undo(&p, "group");

    /* in a session the named always count */
    o = in_session();
    g = grouped(&p, &o);
    assert_int_equal(g.at[group_of(&g, s[4])].label, ada);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

/* Two people with names never come into one group, however alike they are; who is like both goes to
 * one of them, and both keep their samples. */
static void run_names_stay_apart(void **state)
{
    (void)state;
    static const float x[] = {1, 0, 0, 0.99f, 0.14f, 0, 0.995f, 0.1f, 0};
    people p;
    int64_t s[3];
    people_open(&p, "c");
    for (size_t i = 0; i < 3; i++)
        people_photo(&p, NULL, x + 3 * i, 1, 3, s + i);
    int64_t ada = people_set(&p, "ADA", s, 1), bob = people_set(&p, "BOB", s + 1, 1);
    espy_group_options o = espy_group_defaults();
    o.include_identified = true;
    o.max_clusters = 1; /* cannot be */
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 2);
    assert_true(g.too_many);
    assert_int_equal(people_label(&p, s[0]), ada);
    assert_int_equal(people_label(&p, s[1]), bob);
    assert_int_equal(people_label(&p, s[2]), bob);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

/* -- what people said stays -------------------------------------------------------------------- */
static void run_decisions_stay(void **state)
{
    (void)state;
    people p;
    int64_t s[15], made = 0;
    three_people(&p, s);
    espy_group_options o = in_session();
    group(&p, &o);
    espy_store *st = p.ws.store;
    int64_t one = people_label(&p, s[0]), two = people_label(&p, s[5]),
            three = people_label(&p, s[10]);

    PEOPLE_OK(&p, espy_store_label_rename(&p.cx, st, p.c.id, one, "ADA", "Ada", "user"));
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, st, p.c.id, two, s + 5, 1));
    PEOPLE_OK(&p, espy_store_label_split(&p.cx, st, p.c.id, three, s + 10, 2, "EVE", "Eve", "user",
                                         &made));
    int64_t bob = people_set(&p, "BOB", s + 14, 1);
    PEOPLE_OK(&p, espy_store_label_set(&p.cx, st, p.c.id, 0, s + 9, 1)); /* nobody that is known */

    for (int run = 0; run < 2; run++) {
        o.include_identified = run == 1;
        o.session = run == 0 ? "Session 1" : NULL;
        espy_grouping g = grouped(&p, &o);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(people_label(&p, s[i]), one);
        assert_int_not_equal(people_label(&p, s[5]), two); /* alone, in a group of its own */
        assert_int_not_equal(people_label(&p, s[5]), 0);
        for (size_t i = 6; i < 9; i++)
            assert_int_equal(people_label(&p, s[i]), two);
        assert_int_equal(people_label(&p, s[9]), 0);
        assert_int_equal(group_of(&g, s[9]), ESPY_GROUP_NOBODY);
        assert_int_equal(people_label(&p, s[10]), made);
        assert_int_equal(people_label(&p, s[11]), made);
        assert_int_equal(people_label(&p, s[14]), bob);
        assert_int_equal(people_label(&p, s[12]), bob); /* a name gathers those who are like it */
        assert_int_equal(people_label(&p, s[13]), bob);
        espy_grouping_free(&p.cx, &g);
    }
    people_close(&p);
}

/* All samples refused to a group leave it empty; its label is not used for them again. */
static void run_refused_group(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    espy_group_options o = in_session();
    group(&p, &o);
    int64_t one = people_label(&p, s[0]);
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, p.ws.store, p.c.id, one, s, 5));
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 3);
    assert_int_equal(g.filed, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_not_equal(people_label(&p, s[i]), one);
        assert_int_equal(people_label(&p, s[i]), people_label(&p, s[0]));
    }
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

static void run_one_photo(void **state)
{
    (void)state;
    static const float x[] = {1, 0, 0, 1, 0.01f, 0}, third[] = {1, 0.02f, 0};
    people p;
    int64_t s[5];
    people_open(&p, "c");
    people_photo(&p, NULL, x, 2, 3, s);
    people_photo(&p, NULL, x, 2, 3, s + 2);
    people_photo(&p, NULL, third, 1, 3, s + 4);
    espy_group_options o = espy_group_defaults();
    o.max_clusters = 1;
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 2);
    assert_true(g.too_many);
    assert_int_not_equal(people_label(&p, s[0]), people_label(&p, s[1]));
    assert_int_not_equal(people_label(&p, s[2]), people_label(&p, s[3]));
    assert_int_equal(people_label(&p, s[0]), people_label(&p, s[2]));
    espy_grouping_free(&p.cx, &g);

    /* DBSCAN, which knows no photos, does so too */
    people_undo(&p, "group");
    o.method = ESPY_GROUP_DBSCAN;
    group(&p, &o);
    assert_int_not_equal(people_label(&p, s[0]), 0);
    assert_int_not_equal(people_label(&p, s[0]), people_label(&p, s[1]));
    assert_int_not_equal(people_label(&p, s[2]), people_label(&p, s[3]));
    o.method = ESPY_GROUP_AVERAGE;

    /* one of the two has a name: the other is somebody else */
    int64_t ada = people_set(&p, "ADA", s, 1);
    o.include_identified = true;
    group(&p, &o);
    assert_int_equal(people_label(&p, s[2]), ada);
    assert_int_not_equal(people_label(&p, s[1]), ada);
    people_close(&p);
}

static void run_dbscan(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    int64_t s[14];
    flow_make(&d, 4, 6, 0.3, 17);
    people_open(&p, "c");
    people_rows(&p, NULL, &d, 0, 12, s);       /* two people with six photos each */
    people_rows(&p, NULL, &d, 12, 13, s + 12); /* and two with one */
    people_rows(&p, NULL, &d, 18, 19, s + 13);
    espy_group_options o = espy_group_defaults();
    o.method = ESPY_GROUP_DBSCAN;
    espy_grouping g = grouped(&p, &o);
    assert_int_equal(g.n, 2);
    assert_int_equal(g.noise, 2);
    assert_int_equal(g.filed, 12);
    assert_int_equal(group_of(&g, s[12]), ESPY_GROUP_NOBODY);
    assert_int_equal(people_label(&p, s[12]), 0);
    assert_int_equal(people_label(&p, s[13]), 0);
    espy_grouping_free(&p.cx, &g);
    o.min_samples = 7; /* nobody is seen that often: the groups go */
    g = grouped(&p, &o);
    assert_int_equal(g.n, 0);
    assert_int_equal(g.noise, 14);
    assert_int_equal(labels_there(&p), 0);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

/* -- while it runs ----------------------------------------------------------------------------- */
typedef struct meddler {
    people *p;
    int64_t sample, label;
    bool done;
} meddler;

static void meddle(void *self, const char *stage, size_t done, size_t total)
{
    meddler *m = self;
    (void)stage, (void)done, (void)total;
    if (m->done)
        return;
    m->done = true;
    m->label = people_set(m->p, "EVE", &m->sample, 1);
}

static void run_labelled_meanwhile(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    meddler m = {.p = &p, .sample = s[7]};
    const espy_progress progress = {meddle, &m};
    espy_group_options o = in_session();
    o.progress = &progress;
    espy_grouping g = grouped(&p, &o);
    assert_true(m.done);
    assert_int_equal(g.filed, 14);
    assert_int_equal(people_label(&p, s[7]), m.label);
    espy_grouping_free(&p.cx, &g);
    people_close(&p);
}

static void run_out_of_memory(void **state)
{
    (void)state;
    people p;
    int64_t s[15];
    three_people(&p, s);
    people_set(&p, "ADA", s, 1);
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, p.ws.store, p.c.id, 1, s + 6, 1));
    espy_group_options o = in_session();
    espy_grouping g = {0};
    char *before = people_picture(&p, false);
    group(&p, &o); /* the store keeps its statements */
    people_undo(&p, "group");
    TEST_FAULT_LOOP(&p.cx, &p.memory, espy_flow_group(&p.cx, &p.ws, &p.c, &o, &g),
                    (espy_grouping_free(&p.cx, &g), people_undo(&p, "group")));
    people_same(&p, before, false);
    people_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_oracles),
        cmocka_unit_test(run_three_people),
        cmocka_unit_test(run_limits),
        cmocka_unit_test(run_higher_makes_more),
        cmocka_unit_test(run_nothing_stored),
        cmocka_unit_test(run_second_run_changes_nothing),
        cmocka_unit_test(run_names),
        cmocka_unit_test(run_two_sessions),
        cmocka_unit_test(run_days),
        cmocka_unit_test(run_include_identified),
        cmocka_unit_test(run_names_stay_apart),
        cmocka_unit_test(run_decisions_stay),
        cmocka_unit_test(run_refused_group),
        cmocka_unit_test(run_one_photo),
        cmocka_unit_test(run_dbscan),
        cmocka_unit_test(run_labelled_meanwhile),
        cmocka_unit_test(run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
