/* SPDX-License-Identifier: Apache-2.0
 * Assignment: the decision on the cases that SPEC 5.10 tells, the run on synthetic people, and that
 * it changes nothing that it should not. */
#include "people_case.h"

#include "flow/assign.h"

static espy_assignments assigned(people *p, const espy_assign_options *o)
{
    espy_assignments a = {0};
    PEOPLE_OK(p, espy_flow_assign(&p->cx, &p->ws, &p->c, o, &a));
    return a;
}

static espy_assign_options telling(void)
{
    espy_assign_options o = espy_assign_defaults();
    o.commit = false;
    return o;
}

/* What is said of one sample. */
static espy_assignment ask(people *p, espy_assign_options o, int64_t sample)
{
    o.samples = &sample;
    o.samples_n = 1;
    espy_assignments a = assigned(p, &o);
    assert_int_equal(a.n, 1);
    espy_assignment one = a.at[0];
    assert_int_equal(one.sample, sample);
    espy_assignments_free(&p->cx, &a);
    return one;
}

/* A photo each of n vectors of three numbers, labelled by hand where a code is given. */
static void vectors(people *p, const float (*x)[3], const char *const *codes, size_t n,
                    int64_t *samples)
{
    for (size_t i = 0; i < n; i++) {
        people_photo(p, NULL, x[i], 1, 3, samples + i);
        if (codes && codes[i])
            people_set(p, codes[i], samples + i, 1);
    }
}

static int64_t label_id(people *p, const char *code)
{
    espy_label l = {0};
    PEOPLE_OK(p, espy_store_label_find(&p->cx, p->ws.store, p->c.id, code, &l));
    int64_t id = l.id;
    espy_label_free(&p->cx, &l);
    return id;
}

/* -- the decision ------------------------------------------------------------------------------ */
static espy_assignment decide(espy_assign_options o, const espy_neighbour *near, size_t n)
{
    espy_assignment a = {.nearest_n = n};
    memcpy(a.nearest, near, n * sizeof *near);
    espy_assign_decide(&o, &a);
    return a;
}

static void run_votes(void **state)
{
    (void)state;
    espy_assign_options o = espy_assign_defaults();
    o.threshold = 0.7;

    /* two votes each: the larger mean wins, and is the confidence */
    const espy_neighbour tie[] = {{2, 1, 0.90f}, {2, 2, 0.88f}, {1, 3, 0.85f}, {1, 4, 0.80f}};
    espy_assignment a = decide(o, tie, 4);
    assert_int_equal(a.status, ESPY_MATCH_FOUND);
    assert_int_equal(a.label, 2);
    assert_true(fabsf(a.confidence - 0.89f) < 1e-6f);
    assert_true(fabsf(a.margin - 0.05f) < 1e-6f);

    /* most votes, though another one's is nearest; without voting it is the nearest */
    const espy_neighbour most[] = {{1, 1, 0.95f}, {2, 2, 0.90f}, {2, 3, 0.89f}, {2, 4, 0.88f}};
    a = decide(o, most, 4);
    assert_true(a.status == ESPY_MATCH_FOUND && a.label == 2);
    o.voting = false;
    a = decide(o, most, 4);
    assert_true(a.status == ESPY_MATCH_FOUND && a.label == 1);
    assert_true(a.confidence == 0.95f);
    o.voting = true;

    /* half of those that count is enough, less is not */
    const espy_neighbour half[] = {
        {1, 1, 0.9f}, {1, 2, 0.9f}, {2, 3, 0.8f}, {3, 4, 0.8f}, {4, 5, 0.6f}};
    a = decide(o, half, 5);
    assert_true(a.status == ESPY_MATCH_FOUND && a.label == 1);
    const espy_neighbour third[] = {{1, 1, 0.9f}, {2, 2, 0.8f}, {3, 3, 0.75f}};
    a = decide(o, third, 3);
    assert_true(a.status == ESPY_NO_MATCH && a.label == 0 && a.confidence == 0);

    /* one neighbour at the threshold counts, none below it */
    const espy_neighbour low[] = {{1, 1, 0.75f}, {2, 2, 0.5f}};
    o.threshold = 0.75;
    a = decide(o, low, 2);
    assert_true(a.status == ESPY_MATCH_FOUND && a.label == 1 && a.margin == 2);
    o.threshold = 0.76;
    assert_int_equal(decide(o, low, 2).status, ESPY_NO_MATCH);
    assert_int_equal(decide(o, low, 0).status, ESPY_NO_MATCH);
}

static void run_ambiguous(void **state)
{
    (void)state;
    espy_assign_options o = espy_assign_defaults();
    const espy_neighbour close[] = {{1, 1, 0.90f}, {2, 2, 0.89f}};
    espy_assignment a = decide(o, close, 2);
    assert_int_equal(a.status, ESPY_ASSIGN_AMBIGUOUS);
    assert_int_equal(a.label, 1); /* told, not given */
    o.margin = 0;
    assert_int_equal(decide(o, close, 2).status, ESPY_MATCH_FOUND);

    /* one odd neighbour does not stand against three; without voting it does */
    const espy_neighbour odd[] = {{1, 1, 0.90f}, {2, 2, 0.89f}, {1, 3, 0.88f}, {1, 4, 0.87f}};
    o.margin = 0.03;
    assert_int_equal(decide(o, odd, 4).status, ESPY_MATCH_FOUND);
    o.voting = false;
    assert_int_equal(decide(o, odd, 4).status, ESPY_ASSIGN_AMBIGUOUS);
}

/* -- the run on the described vectors ---------------------------------------------------------- */
static void run_oracles(void **state)
{
    (void)state;
    static const float refs[][3] = {{0.9f, 0.1f, 0}, {0, 1, 0}, {0.95f, 0.05f, 0}, {0, 0, 1}};
    static const float query[][3] = {{1, 0, 0}};
    static const char *const codes[] = {"1", "2", "3", "4"};
    people p;
    int64_t s[4], q;
    espy_assign_options o = telling();
    people_open(&p, "c");
    vectors(&p, refs, codes, 4, s);
    vectors(&p, query, NULL, 1, &q);
    o.k = 2;
    o.margin = 0;
    espy_assignment a = ask(&p, o, q);
    assert_int_equal(a.nearest_n, 2);
    assert_int_equal(a.nearest[0].label, label_id(&p, "3"));
    assert_int_equal(a.nearest[0].sample, s[2]);
    assert_int_equal(a.nearest[1].label, label_id(&p, "1"));
    assert_int_equal(a.status, ESPY_MATCH_FOUND);
    people_close(&p);

    static const float majority[][3] = {
        {0.9f, 0.1f, 0}, {0.85f, 0.15f, 0}, {0.88f, 0.12f, 0}, {0.8f, 0.2f, 0}};
    static const char *const of[] = {"1", "1", "1", "2"};
    people_open(&p, "c");
    vectors(&p, majority, of, 4, s);
    vectors(&p, query, NULL, 1, &q);
    o = telling();
    o.k = 4;
    o.threshold = 0.7;
    a = ask(&p, o, q);
    assert_int_equal(a.status, ESPY_MATCH_FOUND);
    assert_int_equal(a.label, label_id(&p, "1"));
    assert_int_equal(a.nearest_n, 4);
    people_close(&p);

    static const float centres[][3] = {{1, 0, 0}, {0, 1, 0}};
    static const float near[][3] = {{0.95f, 0.05f, 0}, {0, 0.95f, 0.05f}};
    people_open(&p, "c");
    vectors(&p, centres, codes, 2, s);
    vectors(&p, near, NULL, 2, s + 2);
    o.average = true;
    assert_int_equal(ask(&p, o, s[2]).label, label_id(&p, "1"));
    a = ask(&p, o, s[3]);
    assert_int_equal(a.label, label_id(&p, "2"));
    assert_int_equal(a.nearest[0].sample, 0); /* a mean, no sample */
    people_close(&p);
}

static void run_limits(void **state)
{
    (void)state;
    static const float x[][3] = {{1, 0, 0}, {0.99f, 0.01f, 0}};
    static const char *const codes[] = {"ADA", NULL};
    people p;
    int64_t s[2];
    espy_assignments a = {0};
    people_open(&p, "c");
    vectors(&p, x, codes, 2, s);
    espy_assign_options o = telling();
    const size_t ks[] = {0, ESPY_ASSIGN_K_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        o.k = ks[i];
        PEOPLE_FAILS(&p, ARG, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a));
    }
    const double bad[] = {1.1, -0.1, (double)NAN};
    for (size_t i = 0; i < 3; i++) {
        o = telling();
        o.threshold = bad[i];
        PEOPLE_FAILS(&p, ARG, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a));
        o = telling();
        o.margin = bad[i];
        PEOPLE_FAILS(&p, ARG, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a));
    }
    o = telling();
    o.session = "Monday";
    PEOPLE_FAILS(&p, NOT_FOUND, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a));
    o = telling();
    const int64_t foreign = 99;
    o.samples = &foreign;
    o.samples_n = 1;
    PEOPLE_FAILS(&p, NOT_FOUND, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a));
    o = telling();
    o.k = ESPY_ASSIGN_K_MAX;
    assert_int_equal(ask(&p, o, s[1]).nearest_n, 1); /* all that there are */
    people_close(&p);
}

static void run_statuses(void **state)
{
    (void)state;
    static const float x[][3] = {{1, 0, 0}, {0.9f, 0.1f, 0}, {0, 1, 0}, {0.8f, 0.1f, 0}};
    people p;
    int64_t s[4];
    people_open(&p, "c");
    vectors(&p, x, NULL, 4, s);
    espy_assign_options o = telling();
    assert_int_equal(ask(&p, o, s[0]).status, ESPY_NO_REFERENCE_DATA);
    int64_t ada = people_set(&p, "ADA", s, 1);
    espy_assignment a = ask(&p, o, s[0]);
    assert_int_equal(a.status, ESPY_ALREADY_IDENTIFIED);
    assert_int_equal(a.label, ada);
    a = ask(&p, o, s[2]);
    assert_int_equal(a.status, ESPY_NO_MATCH);
    assert_true(a.confidence == 0 && a.label == 0 && a.nearest_n == 1);
    PEOPLE_OK(&p, espy_store_label_set(&p.cx, p.ws.store, p.c.id, 0, s + 3, 1));
    assert_int_equal(ask(&p, o, s[3]).status,
                     ESPY_ALREADY_IDENTIFIED); /* nobody's: a person said so */
    o.threshold = 0.999;
    a = ask(&p, o, s[1]);
    assert_int_equal(a.status, ESPY_NO_MATCH);
    assert_int_equal(a.nearest[0].label, ada);
    o = espy_assign_defaults();
    a = ask(&p, o, s[1]);
    assert_int_equal(a.status, ESPY_ASSIGNED);
    assert_int_equal(people_label(&p, s[1]), ada);
    for (int i = 0; i <= ESPY_NO_REFERENCE_DATA; i++)
        assert_non_null(espy_assign_status_name((espy_assign_status)i));
    assert_string_equal(espy_assign_status_name(ESPY_NO_REFERENCE_DATA), "no_reference_data");
    people_close(&p);
}

/* Four people who are much alike: the samples of each stand together, so each is told (C-03), where
 * the means of four would never have half of the votes. */
static void run_four_alike(void **state)
{
    (void)state;
    people p;
    int64_t s[12], q[4];
    float x[5];
    char code[8];
    people_open(&p, "c");
    for (int person = 0; person < 4; person++)
        for (int i = 0; i < 4; i++) {
            for (int k = 0; k < 4; k++)
                x[k] = k == person ? 1.0f : 0.5f;
            x[4] = 0.1f * (float)i;
            people_photo(&p, NULL, x, 1, 5, i < 3 ? &s[3 * person + i] : &q[person]);
        }
    for (int person = 0; person < 4; person++) {
        snprintf(code, sizeof code, "P%d", person);
        people_set(&p, code, s + 3 * person, 3);
    }
    espy_assign_options o = telling();
    for (int person = 0; person < 4; person++) {
        snprintf(code, sizeof code, "P%d", person);
        espy_assignment a = ask(&p, o, q[person]);
        assert_int_equal(a.status, ESPY_MATCH_FOUND);
        assert_int_equal(a.label, label_id(&p, code));
        assert_true(a.nearest[4].label != a.label && (double)a.nearest[4].similarity > o.threshold);
    }
    o.average = true;
    assert_int_equal(ask(&p, o, q[0]).status, ESPY_NO_MATCH);
    o.voting = false;
    espy_assignment a = ask(&p, o, q[3]);
    assert_int_equal(a.status, ESPY_MATCH_FOUND);
    assert_int_equal(a.label, label_id(&p, "P3"));
    assert_int_equal(a.nearest_n, 4);
    people_close(&p);
}

/* -- what is stored ---------------------------------------------------------------------------- */
static void run_commit(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    int64_t s[30];
    flow_make(&d, 3, 10, 0.3, 21);
    people_open(&p, "c");
    people_rows(&p, NULL, &d, 0, 30, s);
    for (size_t l = 0; l < 3; l++)
        people_set(&p, d.names[l], s + 10 * l, 5);
    espy_assign_options o = telling();
    char *before = people_picture(&p, true);
    espy_assignments a = assigned(&p, &o);
    assert_int_equal(a.n, 15);
    assert_int_equal(a.matched, 15);
    assert_int_equal(a.references, 15);
    espy_assignments_free(&p.cx, &a);
    people_same(&p, before, true);

    before = people_picture(&p, false);
    o.commit = true;
    a = assigned(&p, &o);
    assert_int_equal(a.assigned, 15);
    for (size_t i = 0; i < 30; i++)
        assert_int_equal(people_label(&p, s[i]), label_id(&p, d.names[i / 10]));
    espy_assignments_free(&p.cx, &a);
    a = assigned(&p, &o);
    assert_int_equal(a.n, 0); /* nothing is left to do */
    espy_assignments_free(&p.cx, &a);
    assert_int_equal(people_undo(&p, "assign").samples, 15);
    people_same(&p, before, false);
    people_close(&p);
}

/* Samples that are given a label in a run are no references before the next. */
static void run_snapshot(void **state)
{
    (void)state;
    static const float x[][3] = {{1, 0, 0}, {0.8f, 0.6f, 0}, {0.28f, 0.96f, 0}};
    static const char *const codes[] = {"ADA", NULL, NULL};
    people p;
    int64_t s[3];
    people_open(&p, "c");
    vectors(&p, x, codes, 3, s);
    espy_assign_options o = espy_assign_defaults();
    o.threshold = 0.75;
    for (int run = 0; run < 2; run++) {
        espy_assignments a = assigned(&p, &o);
        assert_int_equal(a.assigned, 1);
        assert_int_equal(a.no_match, 1 - run);
        assert_int_equal(people_label(&p, s[2]) != 0, run == 1);
        espy_assignments_free(&p.cx, &a);
    }
    people_close(&p);
}

static void run_rejected(void **state)
{
    (void)state;
    enum { MANY = 30 };
    people p;
    int64_t ada[MANY], bob[2], q;
    float x[3] = {1, 0, 0};
    people_open(&p, "c");
    for (int i = 0; i < MANY; i++) {
        x[1] = 0.001f * (float)i;
        people_photo(&p, NULL, x, 1, 3, ada + i);
    }
    people_set(&p, "ADA", ada, MANY);
    people_photo(&p, NULL, x, 1, 3, &q);
    x[1] = 0.5f;
    for (int i = 0; i < 2; i++)
        people_photo(&p, NULL, x, 1, 3, bob + i);
    people_set(&p, "BOB", bob, 2);
    espy_assign_options o = telling();
    assert_int_equal(ask(&p, o, q).label, label_id(&p, "ADA"));
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, p.ws.store, p.c.id, label_id(&p, "ADA"), &q, 1));
    for (int average = 0; average < 2; average++) {
        o.average = average == 1;
        espy_assignment a = ask(&p, o, q);
        assert_int_equal(a.nearest_n, average ? 1 : 2); /* though thirty of ADA's are nearer */
        assert_int_equal(a.nearest[0].label, label_id(&p, "BOB"));
        assert_int_equal(a.label, label_id(&p, "BOB"));
    }
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, p.ws.store, p.c.id, label_id(&p, "BOB"), &q, 1));
    espy_assignment a = ask(&p, o, q);
    assert_true(a.status == ESPY_NO_MATCH && a.nearest_n == 0);
    people_close(&p);
}

static void run_one_photo(void **state)
{
    (void)state;
    static const float refs[][3] = {{1, 0, 0}, {0, 1, 0}};
    static const char *const codes[] = {"ADA", "BOB"};
    static const float photo[] = {0.9f, 0.1f, 0, 0.99f, 0.1f, 0, 0, 1, 0.1f};
    people p;
    int64_t s[2], q[3], r[2];
    people_open(&p, "c");
    vectors(&p, refs, codes, 2, s);
    people_photo(&p, NULL, photo, 3, 3, q);
    espy_assign_options o = espy_assign_defaults();
    espy_assignments a = assigned(&p, &o);
    assert_int_equal(a.assigned, 2);
    assert_int_equal(a.at[0].status, ESPY_NO_MATCH); /* the other face is more like ADA */
    assert_true(a.at[0].label == 0 && a.at[0].confidence == 0);
    assert_int_equal(people_label(&p, q[1]), label_id(&p, "ADA"));
    assert_int_equal(people_label(&p, q[2]), label_id(&p, "BOB"));
    espy_assignments_free(&p.cx, &a);

    a = assigned(&p, &o); /* ADA and BOB are in the photo already: nobody is left */
    assert_int_equal(a.n, 1);
    assert_int_equal(a.at[0].status, ESPY_NO_MATCH);
    assert_int_equal(a.at[0].nearest_n, 0);
    espy_assignments_free(&p.cx, &a);

    people_photo(&p, NULL, photo, 2, 3, r);
    people_set(&p, "ADA", r, 1); /* a person says that it is the first */
    assert_int_equal(ask(&p, o, r[1]).status, ESPY_NO_MATCH);
    people_close(&p);
}

static void run_session(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    int64_t s[20];
    flow_make(&d, 2, 10, 0.3, 8);
    people_open(&p, "c");
    for (size_t l = 0; l < 2; l++) {
        people_rows(&p, "Monday", &d, 10 * l, 10 * l + 5, s + 10 * l);
        people_rows(&p, l ? "Wednesday" : "Tuesday", &d, 10 * l + 5, 10 * l + 10, s + 10 * l + 5);
        people_set(&p, d.names[l], s + 10 * l, 5);
    }
    espy_assign_options o = espy_assign_defaults();
    o.session = "Tuesday";
    espy_assignments a = assigned(&p, &o);
    assert_int_equal(a.n, 5);
    assert_int_equal(a.assigned, 5);
    assert_int_equal(a.references, 10); /* of all sessions */
    for (size_t i = 5; i < 10; i++)
        assert_int_equal(people_label(&p, s[i]), label_id(&p, d.names[0]));
    assert_int_equal(people_label(&p, s[15]), 0);
    espy_assignments_free(&p.cx, &a);
    people_close(&p);
}

/* 100 samples against 2000 references of 50 people. */
static void run_many(void **state)
{
    (void)state;
    enum { PEOPLE = 50, REFS = 40, ASKED = 2 };
    people p;
    espy_random r;
    float center[FLOW_DIM], x[FLOW_DIM];
    int64_t s[REFS], q[PEOPLE * ASKED];
    char code[8];
    espy_random_seed(&r, 4, 4);
    people_open(&p, "c");
    PEOPLE_OK(&p, espy_store_begin(&p.cx, p.ws.store));
    for (int k = 0; k < PEOPLE; k++) {
        flow_direction(&r, center);
        for (int i = 0; i < REFS + ASKED; i++) {
            flow_direction(&r, x);
            for (int d = 0; d < FLOW_DIM; d++)
                x[d] = center[d] + 0.4f * x[d];
            people_photo(&p, NULL, x, 1, FLOW_DIM, i < REFS ? s + i : q + ASKED * k + i - REFS);
        }
        snprintf(code, sizeof code, "P%d", k);
        people_set(&p, code, s, REFS);
    }
    PEOPLE_OK(&p, espy_store_commit(&p.cx, p.ws.store));
    espy_assign_options o = espy_assign_defaults();
    espy_assignments a = assigned(&p, &o);
    assert_int_equal(a.n, PEOPLE * ASKED);
    assert_int_equal(a.references, PEOPLE * REFS);
    assert_int_equal(a.assigned, PEOPLE * ASKED);
    espy_assignments_free(&p.cx, &a);
    for (int i = 0; i < PEOPLE * ASKED; i += 7) {
        snprintf(code, sizeof code, "P%d", i / ASKED);
        assert_int_equal(people_label(&p, q[i]), label_id(&p, code));
    }
    people_close(&p);
}

/* -- while it runs ----------------------------------------------------------------------------- */
typedef struct meddler {
    people *p;
    int64_t sample, label;
} meddler;

static void meddle(void *self, const char *stage, size_t done, size_t total)
{
    meddler *m = self;
    (void)stage, (void)done, (void)total;
    m->label = people_set(m->p, "EVE", &m->sample, 1);
}

static void run_labelled_meanwhile(void **state)
{
    (void)state;
    static const float x[][3] = {{1, 0, 0}, {0.99f, 0.1f, 0}, {0.98f, 0.1f, 0}};
    static const char *const codes[] = {"ADA", NULL, NULL};
    people p;
    int64_t s[3];
    people_open(&p, "c");
    vectors(&p, x, codes, 3, s);
    meddler m = {.p = &p, .sample = s[1]};
    const espy_progress progress = {meddle, &m};
    espy_assign_options o = espy_assign_defaults();
    o.progress = &progress;
    espy_assignments a = assigned(&p, &o);
    assert_int_equal(a.at[0].status, ESPY_ALREADY_IDENTIFIED);
    assert_int_equal(a.at[1].status, ESPY_ASSIGNED);
    assert_true(a.assigned == 1 && a.skipped == 1);
    assert_int_equal(people_label(&p, s[1]), m.label);
    espy_assignments_free(&p.cx, &a);
    people_close(&p);
}

static void run_out_of_memory(void **state)
{
    (void)state;
    static flow_case d;
    people p;
    int64_t s[12];
    espy_assignments a = {0};
    flow_make(&d, 2, 6, 0.3, 2);
    people_open(&p, "c");
    people_rows(&p, "Monday", &d, 0, 12, s);
    people_set(&p, "ADA", s, 3);
    people_set(&p, "BOB", s + 6, 3);
    PEOPLE_OK(&p, espy_store_label_reject(&p.cx, p.ws.store, p.c.id, 1, s + 4, 1));
    espy_assign_options o = espy_assign_defaults();
    o.session = "Monday";
    char *before = people_picture(&p, false);
    for (int average = 0; average < 2; average++) {
        o.average = average == 1;
        o.voting = average == 0;
        a = assigned(&p, &o); /* the store keeps its statements */
        espy_assignments_free(&p.cx, &a);
        people_undo(&p, "assign");
        TEST_FAULT_LOOP(&p.cx, &p.memory, espy_flow_assign(&p.cx, &p.ws, &p.c, &o, &a),
                        (espy_assignments_free(&p.cx, &a), people_undo(&p, "assign")));
    }
    people_same(&p, before, false);
    people_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_votes),
        cmocka_unit_test(run_ambiguous),
        cmocka_unit_test(run_oracles),
        cmocka_unit_test(run_limits),
        cmocka_unit_test(run_statuses),
        cmocka_unit_test(run_four_alike),
        cmocka_unit_test(run_commit),
        cmocka_unit_test(run_snapshot),
        cmocka_unit_test(run_rejected),
        cmocka_unit_test(run_one_photo),
        cmocka_unit_test(run_session),
        cmocka_unit_test(run_many),
        cmocka_unit_test(run_labelled_meanwhile),
        cmocka_unit_test(run_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
