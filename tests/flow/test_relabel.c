/* SPDX-License-Identifier: Apache-2.0
 * What a trained version answers after its labels were renamed, deleted and brought back. */
#include "life_case.h"

#include "flow/identify.h"
#include "store/label.h"

static flow_case data;

static void learn(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, const char *head)
{
    const espy_fit_options o = {.head = head,
                                .test_share = 0.2,
                                .refit = true,
                                .floor = 0.3,
                                .rule = ESPY_THRESHOLD_FIXED,
                                .threshold = 0.4};
    espy_training_set set;
    espy_fit f;
    int64_t number;
    LIFE_OK(cx, espy_training_set_load(cx, ws->store, c, 0, &set));
    LIFE_OK(cx, espy_flow_fit(cx, &set.rows, set.codes, &o, &f));
    LIFE_OK(cx, espy_flow_publish(cx, ws, c, &set, &f, &o, "test", &number));
    espy_fit_free(cx, &f);
    espy_training_set_free(cx, &set);
}

/* Asks about row i of the data; the answer's label goes to `out`, "" when it is none. */
static void ask(espy_ctx *cx, espy_workspace *ws, size_t i, char out[16])
{
    const espy_identify_options o = {.threshold = -1, .floor = -2};
    espy_scan_sample s = {.box = {0, 0, 50, 50}, .score = 0.9f, .sharpness = 100};
    const espy_scan scan = {.at = &s, .n = 1, .dim = FLOW_DIM, .vectors = data.x + i * FLOW_DIM};
    espy_identifier id;
    espy_result *r = NULL;
    LIFE_OK(cx, espy_identifier_open(cx, ws, "things", 0, NULL, &o, &id));
    LIFE_OK(cx, espy_identify_scan(cx, &id, &scan, &r));
    const espy_answer *a = espy_result_at(r, 0);
    snprintf(out, 16, "%s", a->label ? a->label : "");
    for (size_t k = 0; k < a->candidate_count; k++)
        assert_true(a->candidates[k].probability >= 0 && a->candidates[k].label != NULL);
    espy_result_free(r);
    espy_identifier_close(cx, &id);
}

/* Rows 0..7 are L000's, 8..15 L001's, 16..23 L002's. */
static void expect(espy_ctx *cx, espy_workspace *ws, const char *first, const char *second,
                   const char *third)
{
    const char *const want[] = {first, second, third};
    for (size_t i = 0; i < 24; i += 3) {
        char got[16];
        ask(cx, ws, i, got);
        assert_string_equal(got, want[i / 8]);
    }
}

static int64_t find(espy_ctx *cx, espy_workspace *ws, const espy_collection *c, const char *code)
{
    espy_label l = {0};
    LIFE_OK(cx, espy_store_label_find(cx, ws->store, c->id, code, &l));
    int64_t id = l.id;
    espy_label_free(cx, &l);
    return id;
}

static void test_relabel(void **state)
{
    (void)state;
    static const char *const heads[] = {"svm", "knn", "logistic"};
    for (size_t h = 0; h < 3; h++) {
        espy_ctx cx;
        espy_workspace ws;
        espy_collection c;
        espy_undone u = {0};
        espy_ctx_init(&cx);
        flow_make(&data, 3, 8, 0.2, 12);
        life_open(&cx, &ws, &c);
        life_add(&cx, &ws, &c, &data, 0, 24, "one");
        learn(&cx, &ws, &c, heads[h]);
        expect(&cx, &ws, "L000", "L001", "L002");

        /* the new code sorts last, and the answers do not change places */
        int64_t first = find(&cx, &ws, &c, "L000");
        LIFE_OK(&cx, espy_store_label_rename(&cx, ws.store, c.id, first, "ZED", "Zed", "user"));
        expect(&cx, &ws, "ZED", "L001", "L002");

        LIFE_OK(&cx, espy_store_label_delete(&cx, ws.store, c.id, first, "user"));
        expect(&cx, &ws, "", "L001", "L002");
        LIFE_OK(&cx, espy_store_undo(&cx, ws.store, c.id, 0, "user", &u));
        espy_free(&cx, u.action);
        expect(&cx, &ws, "ZED", "L001", "L002");

        learn(&cx, &ws, &c, heads[h]);
        expect(&cx, &ws, "ZED", "L001", "L002");
        life_close(&cx, &ws, &c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_relabel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
