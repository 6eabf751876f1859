/* SPDX-License-Identifier: Apache-2.0
 * flow/gate and flow/renew: what each check says on synthetic vectors, that a refused version is
 * stored and does not answer, that force is recorded, and failing allocations. */
#include "life_case.h"

#include "flow/renew.h"

static flow_case data; /* too large for a stack */

static const espy_fit_options usual = {.test_share = 0.2,
                                       .rule = ESPY_THRESHOLD_FIXED,
                                       .threshold = 0.4,
                                       .floor = 0.3,
                                       .settings = {.seed = 42}};
static const espy_gate_options bare = {.named = ESPY_GATE_NAMED};

typedef struct bench {
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_training_set set;
    espy_fit fit;
    espy_gate gate;
    espy_fit_options recipe;
} bench;

static void bench_open(bench *b, size_t labels, size_t per_label, double spread, uint64_t seed)
{
    *b = (bench){.recipe = usual};
    test_memory_init(&b->cx, &b->m);
    flow_make(&data, labels, per_label, spread, seed);
    life_open(&b->cx, &b->ws, &b->c);
}

static void bench_close(bench *b)
{
    espy_gate_free(&b->cx, &b->gate);
    espy_fit_free(&b->cx, &b->fit);
    espy_training_set_free(&b->cx, &b->set);
    life_close(&b->cx, &b->ws, &b->c);
    assert_int_equal(b->m.live, 0);
}

static void bench_fit(bench *b)
{
    espy_fit_free(&b->cx, &b->fit);
    espy_training_set_free(&b->cx, &b->set);
    LIFE_OK(&b->cx, espy_training_set_load(&b->cx, b->ws.store, &b->c, 0, &b->set));
    LIFE_OK(&b->cx, espy_flow_fit(&b->cx, &b->set.rows, b->set.codes, &b->recipe, &b->fit));
}

/* Makes the fit live as it is, asking nobody. */
static int64_t bench_promote(bench *b)
{
    int64_t number;
    LIFE_OK(&b->cx, espy_flow_publish(&b->cx, &b->ws, &b->c, &b->set, &b->fit, &b->recipe, "test",
                                      &number));
    return number;
}

static const espy_gate_check *bench_gate(bench *b, int64_t live, const espy_gate_options *o,
                                         const char *name)
{
    espy_gate_free(&b->cx, &b->gate);
    LIFE_OK(&b->cx,
            espy_flow_gate(&b->cx, &b->ws, &b->c, live, &b->set, &b->fit, &b->recipe, o, &b->gate));
    for (size_t i = 0; i < b->gate.n; i++)
        if (strcmp(b->gate.at[i].name, name) == 0)
            return &b->gate.at[i];
    return NULL;
}

/* Makes the fit wrong on n held-out samples of labels below `labels`. */
static void bench_spoil(bench *b, size_t n, uint32_t labels)
{
    for (size_t k = 0; k < b->fit.split.test_n && n; k++) {
        uint32_t truth = b->set.y[b->fit.split.test[k]];
        if (truth < labels && b->fit.answer[k] == truth) {
            b->fit.answer[k] = truth ? 0 : 1;
            n--;
        }
    }
    assert_int_equal(n, 0);
}

static void test_min_accuracy(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 4, 10, 0.3, 1);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 40, "one");
    bench_fit(&b);
    espy_gate_options o = bare;
    assert_null(bench_gate(&b, 0, &o, "min_accuracy"));
    assert_null(bench_gate(&b, 0, &o, "live")); /* a first training */
    assert_int_equal(b.gate.n, 0);
    assert_true(b.gate.passed && b.gate.promote && !b.gate.text[0]);
    o.min_accuracy = 0.9;
    b.fit.metrics.accuracy = 0.9;
    const espy_gate_check *k = bench_gate(&b, 0, &o, "min_accuracy");
    assert_true(k->passed && k->value == 0.9 && k->limit == 0.9);
    b.fit.metrics.accuracy = 0.89;
    k = bench_gate(&b, 0, &o, "min_accuracy");
    assert_false(k->passed || k->warning || b.gate.passed || b.gate.promote);
    assert_string_equal(b.gate.text, "accuracy 0.8900 is below 0.9000");
    o.force = true;
    bench_gate(&b, 0, &o, "min_accuracy");
    assert_true(!b.gate.passed && b.gate.promote);
    o.force = false;
    b.recipe.test_share = 0; /* nothing held back: what was asked for cannot be shown */
    bench_fit(&b);
    k = bench_gate(&b, 0, &o, "min_accuracy");
    assert_false(k->passed || b.gate.promote);
    assert_true(isnan(k->value));
    bench_close(&b);
}

static void test_same_samples(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 8, 10, 0.3, 2);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 80, "one");
    bench_fit(&b);
    int64_t live = bench_promote(&b);
    bench_fit(&b); /* the same samples, so the same 16 are held out that live did not see */
    const espy_gate_check *k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed && k->value == k->limit && k->limit > 0.9);
    assert_true(!k->note[0] && b.gate.promote);
    bench_spoil(&b, 1, 8);
    k = bench_gate(&b, live, &bare, "live");
    assert_false(k->passed || b.gate.promote);
    assert_true(fabs(k->limit - k->value - 1.0 / 16) < 1e-9);
    assert_non_null(strstr(b.gate.text, "held-out samples right where version 1 has"));
    bench_close(&b);
}

/* Two labels that live does not know. */
static void test_newcomers(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 10, 20, 0.3, 3);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 160, "one");
    b.recipe.test_share = 0.6; /* so that live has seen less than half */
    bench_fit(&b);
    int64_t live = bench_promote(&b);
    b.recipe.test_share = 0.3;
    life_add(&b.cx, &b.ws, &b.c, &data, 160, 200, "two");
    bench_fit(&b);
    const espy_gate_check *k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed && !k->note[0]);

    /* of the samples of common labels that live has not seen, spoil some */
    size_t unseen = 0, at[200];
    for (size_t i = 0; i < b.fit.split.test_n; i++) {
        uint32_t row = b.fit.split.test[i];
        if (b.set.y[row] < 8)
            at[unseen++] = i;
    }
    espy_vectors old;
    LIFE_OK(&b.cx, espy_store_vectors(&b.cx, b.ws.store, b.c.id, live, "enc", &old));
    size_t kept = 0;
    for (size_t i = 0; i < unseen; i++) {
        bool seen = false;
        for (size_t v = 0; v < old.n; v++)
            seen = seen || old.sample[v] == b.set.vectors.sample[b.fit.split.test[at[i]]];
        if (!seen)
            at[kept++] = at[i];
    }
    espy_vectors_free(&b.cx, &old);
    assert_true(kept >= 16);
    uint32_t truth[200];
    for (size_t i = 0; i < kept; i++)
        truth[i] = b.set.y[b.fit.split.test[at[i]]];
    b.fit.answer[at[0]] = 8; /* a newcomer takes one sample: that is chance, and more is won */
    k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed && k->value < k->limit);
    assert_non_null(strstr(k->note, "labels that it does not know"));
    for (size_t i = 0; i < 5; i++)
        b.fit.answer[at[i]] = 8; /* five are more than chance, whatever is won */
    k = bench_gate(&b, live, &bare, "live");
    assert_false(k->passed);
    for (size_t i = 1; i < 5; i++)
        b.fit.answer[at[i]] = truth[i];
    for (size_t i = 0; i < b.fit.split.test_n; i++) /* one lost, and nothing won */
        if (b.set.y[b.fit.split.test[i]] >= 8)
            b.fit.answer[i] = 0;
    k = bench_gate(&b, live, &bare, "live");
    assert_false(k->passed);
    bench_close(&b);
}

/* Live has seen everything, or too much: the accuracies as measured are all there is. */
static void test_figures(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 8, 10, 0.3, 4);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 80, "one");
    b.recipe.refit = true;
    bench_fit(&b);
    b.fit.metrics.accuracy = 1;
    int64_t live = bench_promote(&b);
    bench_fit(&b);
    b.fit.metrics.accuracy = 15.0 / 16;
    const espy_gate_check *k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed && k->value > k->limit && k->limit < 0.9);
    assert_non_null(strstr(k->note, "as measured"));
    b.fit.metrics.accuracy = 0.5;
    k = bench_gate(&b, live, &bare, "live");
    assert_false(k->passed || b.gate.promote);
    assert_non_null(strstr(k->note, "more than chance does"));
    b.recipe.test_share = 0;
    bench_fit(&b);
    k = bench_gate(&b, live, &bare, "live");
    assert_false(k->passed || k->warning || b.gate.promote); /* live was measured */
    assert_true(isnan(k->value) && k->limit == 1);
    assert_non_null(
        strstr(b.gate.text, "was not measured, and version 1 has 1.0000: hold samples back"));
    espy_gate_options forced = bare;
    forced.force = true;
    k = bench_gate(&b, live, &forced, "live");
    assert_true(!k->passed && b.gate.promote);
    live = bench_promote(&b);
    k = bench_gate(&b, live, &bare, "live"); /* neither was */
    assert_true(k->passed && isnan(k->limit) && b.gate.promote);
    assert_non_null(strstr(k->note, "this one was not measured"));
    b.recipe.test_share = 0.2;
    bench_fit(&b);
    k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed);
    assert_non_null(strstr(k->note, "the live version was not measured"));
    bench_close(&b);
}

/* A live version that cannot be read, or of another encoder, does not keep its successor out. */
static void test_not_comparable(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 4, 10, 0.3, 5);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 40, "one");
    bench_fit(&b);
    int64_t live = bench_promote(&b);
    bench_fit(&b);
    espy_collection own = b.c;
    b.c.encoder_digest = (char *)"other";
    const espy_gate_check *k = bench_gate(&b, live, &bare, "live");
    b.c = own;
    assert_true(k->passed && isnan(k->value));
    assert_non_null(strstr(k->note, "another encoder"));
    espy_json *json = espy_json_object();
    LIFE_OK(&b.cx, espy_json_set(&b.cx, json, "threshold", espy_json_of_int(1)));
    LIFE_OK(&b.cx, espy_store_version_add(&b.cx, b.ws.store, b.c.id, "svm", json,
                                          (espy_span){(const uint8_t *)"no head", 7},
                                          b.set.vectors.sample, 40, &live));
    espy_json_free(json);
    k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed);
    assert_non_null(strstr(k->note, "not comparable"));
    bench_close(&b);
}

static void test_canaries(void **state)
{
    (void)state;
    bench b;
    float nobody[FLOW_DIM] = {0};
    espy_random r;
    bench_open(&b, 6, 10, 0.3, 6);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 60, "one");
    espy_random_seed(&r, 77, 1);
    flow_direction(&r, nobody);
    for (int refit = 0; refit < 2; refit++) {
        b.recipe.refit = refit;
        bench_fit(&b);
        espy_canary canaries[] = {{"silence", nobody},
                                  {"noise", data.x + b.fit.split.train[0] * FLOW_DIM}};
        espy_gate_options o = bare;
        o.canaries = canaries;
        o.n_canaries = 1;
        assert_true(bench_gate(&b, 0, &o, "silence")->passed);
        assert_true(b.gate.promote);
        o.n_canaries = 2;
        const espy_gate_check *k = bench_gate(&b, 0, &o, "noise");
        assert_false(k->passed || k->warning || b.gate.promote);
        assert_non_null(strstr(b.gate.text, "noise is taken for L000"));
        assert_true(bench_gate(&b, 0, &o, "silence")->passed);
        canaries[1].warning = true; /* rain is like noise: told, and no more */
        k = bench_gate(&b, 0, &o, "noise");
        assert_true(!k->passed && k->warning && b.gate.promote && !b.gate.text[0]);
        canaries[1].poor = true; /* answered with poor_quality before anybody is asked */
        assert_true(bench_gate(&b, 0, &o, "noise")->passed && b.gate.promote);
    }
    bench_close(&b);
}

static void no_epoch(void *self, size_t number, size_t most, const espy_mlp_epoch *e)
{
    (void)self;
    (void)number;
    (void)most;
    (void)e;
    fail_msg("an epoch of a label left out was told");
}

/* Labels that look alike: a stranger of that kind is named. */
static void make_twins(void)
{
    espy_random r;
    float center[FLOW_DIM];
    flow_make(&data, 4, 10, 0.3, 7);
    espy_random_seed(&r, 7, 7);
    flow_direction(&r, center);
    for (size_t i = 0; i < 20; i++) {
        float *x = data.x + i * FLOW_DIM;
        flow_direction(&r, x);
        for (int d = 0; d < FLOW_DIM; d++)
            x[d] = center[d] + 0.2f * x[d];
        flow_unit(x);
    }
}

static void test_left_out(void **state)
{
    (void)state;
    bench b;
    bench_open(&b, 5, 10, 0.3, 8);
    espy_gate_options o = bare;
    o.left_out = ESPY_GATE_LEFT_OUT;
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 20, "two labels");
    bench_fit(&b);
    const espy_gate_check *k = bench_gate(&b, 0, &o, "left_out");
    assert_true(k->passed && isnan(k->value));
    assert_non_null(strstr(k->note, "skipped"));
    life_add(&b.cx, &b.ws, &b.c, &data, 20, 50, "five");
    b.recipe.settings.epoch = no_epoch;
    bench_fit(&b);
    k = bench_gate(&b, 0, &o, "left_out");
    assert_true(k->passed && k->value <= 0.1 && k->limit == ESPY_GATE_NAMED);
    const espy_strangers *strangers = &b.gate.strangers;
    size_t named = 0;
    for (size_t i = 0; i < strangers->passed; i++)
        named += strangers->top[i] >= (float)b.fit.threshold;
    assert_int_equal(strangers->asked, 30); /* three labels of ten */
    assert_int_equal(strangers->named, named);
    assert_true(fabs(k->value - (double)named / 30) < 1e-12);
    bench_close(&b);

    bench_open(&b, 4, 4, 0.3, 8);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 16, "few");
    bench_fit(&b);
    k = bench_gate(&b, 0, &o, "left_out");
    assert_true(k->passed && strstr(k->note, "too few samples"));
    bench_close(&b);
}

static void test_left_out_against_live(void **state)
{
    (void)state;
    bench b;
    espy_renewal r;
    espy_gate_options o = bare;
    o.left_out = 2; /* the twins: all have as many samples, so the first two codes */
    bench_open(&b, 4, 10, 0.3, 7);
    make_twins();
    /* accuracy between twins is what it is: let only this check speak */
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 40, "one");
    bench_fit(&b);
    const espy_gate_check *k = bench_gate(&b, 0, &o, "left_out");
    assert_true(k->value > 0.5);
    assert_true(!k->passed && k->warning && b.gate.passed && b.gate.promote);
    bench_promote(&b); /* a live version without a gate: still nobody knows */
    k = bench_gate(&b, 1, &o, "left_out");
    assert_true(k->warning && b.gate.promote);

    /* with a live version that does as badly nothing is lost; with a better one it is refused */
    const espy_renew_options how = {.fit = &b.recipe, .gate = &o, .reason = "test"};
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && r.version == 2 && r.live == 2);
    espy_renewal_free(&b.cx, &r);
    k = bench_gate(&b, 2, &o, "left_out");
    assert_true(k->passed && k->limit >= k->value && k->value > 0.5);
    bench_close(&b);

    bench_open(&b, 4, 10, 0.3, 7);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 40, "no twins");
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && r.gate.at[0].value <= 0.2);
    espy_renewal_free(&b.cx, &r);
    make_twins();
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 20, "twins of each other");
    bench_fit(&b);
    k = bench_gate(&b, 1, &o, "left_out");
    assert_true(k->limit == ESPY_GATE_NAMED);
    assert_false(k->passed || k->warning || b.gate.promote);
    bench_close(&b);
}

/* Clips of a recording that live learned from are not new to it. */
static void test_sources(void **state)
{
    (void)state;
    bench b;
    espy_training_set again;
    bench_open(&b, 8, 10, 0.3, 9);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 80, "one");
    bench_fit(&b);
    int64_t live = bench_promote(&b);
    bench_fit(&b);
    bench_spoil(&b, 1, 8);
    assert_false(bench_gate(&b, live, &bare, "live")->passed); /* by samples */
    for (size_t i = 0; i < 80; i++) { /* one recording per label, live has heard them all */
        const char name[] = {(char)('a' + b.set.y[i]), '\0'};
        LIFE_OK(&b.cx, espy_store_sample_recording(&b.cx, b.ws.store, b.set.vectors.sample[i], name,
                                                   true));
    }
    LIFE_OK(&b.cx, espy_training_set_load(&b.cx, b.ws.store, &b.c, 0, &again));
    memcpy(b.set.vectors.group, again.vectors.group, 80 * sizeof *again.vectors.group);
    espy_training_set_free(&b.cx, &again);
    const espy_gate_check *k = bench_gate(&b, live, &bare, "live");
    assert_true(k->passed && strstr(k->note, "only 0 held-out samples"));
    bench_close(&b);
}

static void test_renew(void **state)
{
    (void)state;
    bench b;
    espy_renewal r;
    espy_version v;
    espy_gate_options o = bare;
    const espy_renew_options how = {.fit = &usual, .gate = &o, .reason = "weekly"};
    bench_open(&b, 4, 10, 0.3, 10);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 40, "one");
    o.min_accuracy = 0.5;
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && r.version == 1 && r.live == 1 && r.set.n_labels == 4);
    espy_renewal_free(&b.cx, &r);
    o.min_accuracy = 1.5; /* nobody reaches it */
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(!r.promoted && r.version == 2 && r.live == 1 && r.gate.text[0]);
    espy_renewal_free(&b.cx, &r);
    assert_int_equal(life_alias(&b.cx, &b.ws, &b.c, "live"), 1);
    assert_int_equal(life_alias(&b.cx, &b.ws, &b.c, "previous"), 0);
    LIFE_OK(&b.cx, espy_store_version(&b.cx, b.ws.store, b.c.id, 2, &v));
    const espy_json *gate = espy_json_get(v.json, "gate");
    const espy_json *first = espy_json_at(espy_json_get(gate, "checks"), 0);
    assert_false(espy_json_bool(espy_json_get(gate, "passed"), true));
    assert_null(espy_json_get(gate, "forced"));
    assert_int_equal(espy_json_count(espy_json_get(gate, "checks")), 2); /* live, too */
    assert_string_equal(espy_json_string(espy_json_get(first, "name"), ""), "min_accuracy");
    assert_false(espy_json_bool(espy_json_get(first, "passed"), true));
    assert_true(espy_json_number(espy_json_get(first, "limit"), 0) == 1.5);
    assert_true(espy_json_is_number(espy_json_get(first, "value")));
    assert_string_equal(espy_json_string(espy_json_get(v.json, "reason"), ""), "weekly");
    espy_version_free(&b.cx, &v);
    o.force = true;
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && r.version == 3 && r.live == 3);
    espy_renewal_free(&b.cx, &r);
    assert_int_equal(life_alias(&b.cx, &b.ws, &b.c, "live"), 3);
    LIFE_OK(&b.cx, espy_store_version(&b.cx, b.ws.store, b.c.id, 3, &v));
    assert_true(espy_json_bool(espy_json_get(espy_json_get(v.json, "gate"), "forced"), false));
    espy_version_free(&b.cx, &v);
    const espy_renew_options alone = {.fit = &usual, .reason = "enroll"};
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &alone, &r));
    assert_true(r.promoted && r.version == 4);
    espy_renewal_free(&b.cx, &r);
    atomic_bool stop = true;
    b.cx.cancel = &stop;
    assert_int_equal(espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r), ESPY_E_CANCELLED);
    b.cx.cancel = NULL;
    espy_clear(&b.cx);
    assert_int_equal(life_alias(&b.cx, &b.ws, &b.c, "live"), 4);
    bench_close(&b);
}

/* What is to be kept with its figures is refused before it is stored when there are none. */
static void test_unmeasured(void **state)
{
    (void)state;
    bench b;
    espy_renewal r;
    espy_counts n;
    espy_gate_options o = bare;
    o.force = true;
    bench_open(&b, 4, 10, 0.3, 12);
    espy_renew_options how = {.fit = &b.recipe, .gate = &o, .reason = "test", .measured = true};
    b.recipe.head = "svm";
    for (size_t i = 0; i < 4; i++)
        life_add(&b.cx, &b.ws, &b.c, &data, 10 * i, 10 * i + 2, data.names[i]);
    assert_int_equal(espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r), ESPY_E_DATA);
    if (!strstr(b.cx.text, "no label has samples from three sources"))
        fail_msg("%s", b.cx.text);
    espy_clear(&b.cx);
    LIFE_OK(&b.cx, espy_store_counts(&b.cx, b.ws.store, b.c.id, &n));
    assert_int_equal(n.versions, 0);

    /* with more it is measured; what is not may answer by force alone */
    static const char *const more[] = {"m0", "m1", "m2", "m3"}; /* other media */
    for (size_t i = 0; i < 4; i++)
        life_add(&b.cx, &b.ws, &b.c, &data, 10 * i + 2, 10 * i + 10, more[i]);
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && r.live == 1);
    espy_renewal_free(&b.cx, &r);
    b.recipe.test_share = 0;
    assert_int_equal(espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r), ESPY_E_DATA);
    espy_clear(&b.cx);
    TEST_FAULT_LOOP(&b.cx, &b.m,
                    espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r) == ESPY_E_DATA
                        ? (espy_clear(&b.cx), ESPY_E_OK)
                        : b.cx.code,
                    (void)0);
    how.measured = o.force = false;
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(!r.promoted && !r.gate.passed && r.live == 1);
    espy_renewal_free(&b.cx, &r);
    o.force = true;
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    assert_true(r.promoted && !r.gate.passed && r.live == 3);
    espy_renewal_free(&b.cx, &r);
    bench_close(&b);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    bench b;
    espy_renewal r;
    float nobody[FLOW_DIM] = {1};
    const espy_canary canary = {"silence", nobody};
    const espy_gate_options o = {.min_accuracy = 0.1,
                                 .canaries = &canary,
                                 .n_canaries = 1,
                                 .left_out = 1,
                                 .named = ESPY_GATE_NAMED};
    espy_fit_options recipe = usual;
    recipe.head = "knn";
    espy_json *json;
    const espy_renew_options how = {.fit = &recipe, .gate = &o, .reason = "test"};
    bench_open(&b, 3, 17, 0.3, 11);
    life_add(&b.cx, &b.ws, &b.c, &data, 0, 51, "one");
    LIFE_OK(&b.cx, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r));
    espy_renewal_free(&b.cx, &r);
    bench_fit(&b);
    bench_promote(&b);
    assert_true(bench_gate(&b, 2, &o, "live")->value > 0 &&
                !bench_gate(&b, 2, &o, "live")->note[0]);
    espy_gate_free(&b.cx, &b.gate);
    TEST_FAULT_LOOP(&b.cx, &b.m,
                    espy_flow_gate(&b.cx, &b.ws, &b.c, 2, &b.set, &b.fit, &recipe, &o, &b.gate),
                    espy_gate_free(&b.cx, &b.gate));
    bench_gate(&b, 2, &o, "live");
    TEST_FAULT_LOOP(&b.cx, &b.m, espy_gate_json(&b.cx, &b.gate, &json), espy_json_free(json));
    TEST_FAULT_LOOP(&b.cx, &b.m, espy_flow_renew(&b.cx, &b.ws, &b.c, &how, &r),
                    espy_renewal_free(&b.cx, &r));
    bench_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_min_accuracy),   cmocka_unit_test(test_same_samples),
        cmocka_unit_test(test_newcomers),      cmocka_unit_test(test_figures),
        cmocka_unit_test(test_not_comparable), cmocka_unit_test(test_canaries),
        cmocka_unit_test(test_left_out),       cmocka_unit_test(test_left_out_against_live),
        cmocka_unit_test(test_sources),        cmocka_unit_test(test_renew),
        cmocka_unit_test(test_out_of_memory),  cmocka_unit_test(test_unmeasured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
