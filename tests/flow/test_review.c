/* SPDX-License-Identifier: Apache-2.0
 * flow/stored, flow/changes and flow/review on synthetic vectors: no sample finds itself, what was
 * asked once is told the same again, and failing allocations leave nothing behind.  What waits and
 * in which order: tests/cli/serve_review.py. */
#include "life_case.h"
#include "support/support.h"

#include <math.h>
#include <string.h>

#include "flow/changes.h"
#include "flow/renew.h"
#include "flow/review.h"

enum { LABELS = 4, EACH = 12, ALL = LABELS * EACH };

static flow_case data; /* too large for a stack */

typedef struct desk {
    espy_ctx cx;
    test_memory m;
    espy_workspace ws;
    espy_collection c;
    espy_identifier first, second; /* of a part, and of everything */
    espy_stored_memory *memory;
} desk;

static void desk_learn(desk *d, const char *head, espy_identifier *out)
{
    const espy_fit_options recipe = {.head = head, .floor = 0.3, .settings = {.seed = 42}};
    const espy_renew_options how = {.fit = &recipe, .reason = "test"};
    const espy_identify_options usual = {.threshold = -1, .floor = -2};
    espy_renewal r;
    LIFE_OK(&d->cx, espy_flow_renew(&d->cx, &d->ws, &d->c, &how, &r));
    LIFE_OK(&d->cx, espy_identifier_open(&d->cx, &d->ws, d->c.name, r.version, NULL, &usual, out));
    espy_renewal_free(&d->cx, &r);
}

static void desk_open(desk *d, const char *head)
{
    test_memory_init(&d->cx, &d->m);
    flow_make(&data, LABELS, EACH, 0.4, 5);
    life_open(&d->cx, &d->ws, &d->c);
    life_add(&d->cx, &d->ws, &d->c, &data, 0, 3 * EACH, "three labels");
    desk_learn(d, head, &d->first);
    life_add(&d->cx, &d->ws, &d->c, &data, 3 * EACH, ALL, "one more");
    desk_learn(d, head, &d->second);
    LIFE_OK(&d->cx, espy_stored_memory_create(&d->cx, &d->memory));
}

static void desk_close(desk *d)
{
    espy_stored_memory_destroy(&d->cx, &d->memory);
    espy_identifier_close(&d->cx, &d->first);
    espy_identifier_close(&d->cx, &d->second);
    life_close(&d->cx, &d->ws, &d->c);
    assert_int_equal(d->m.live, 0);
}

/* What a version said of all samples. */
typedef struct answers {
    float p[ALL][LABELS], cosine[ALL][LABELS];
    size_t n;
} answers;

static espy_err answers_note(espy_ctx *cx, void *self, size_t i, const espy_stored *s)
{
    answers *a = self;
    (void)cx;
    assert_int_equal(i, a->n);
    memcpy(a->p[i], s->p, sizeof a->p[i]);
    memcpy(a->cosine[i], s->cosine, sizeof a->cosine[i]);
    a->n++;
    return ESPY_E_OK;
}

static void ask(desk *d, espy_stored_memory *memory, const espy_sample_pool *pool, answers *a)
{
    memset(a, 0, sizeof *a);
    LIFE_OK(&d->cx, espy_stored_ask(&d->cx, (espy_asked_version){&d->second, memory}, pool,
                                    answers_note, a));
    assert_int_equal(a->n, ALL);
}

/* The k largest cosines of row i to rows of a label, itself left out; their mean. */
static double others(const espy_sample_pool *pool, size_t i, uint32_t label, size_t k)
{
    double best[8] = {-2, -2, -2, -2, -2, -2, -2, -2}, sum = 0;
    for (size_t j = 0; j < pool->n; j++) {
        double v = 0;
        for (size_t x = 0; x < pool->dim; x++)
            v += (double)pool->x[i * pool->dim + x] * (double)pool->x[j * pool->dim + x];
        for (size_t at = 0; data.y[j] == label && j != i && at < k; at++)
            if (v > best[at]) {
                double smaller = best[at];
                best[at] = v;
                v = smaller;
            }
    }
    for (size_t at = 0; at < k; at++)
        sum += best[at];
    return sum / (double)k;
}

static void test_nobody_finds_himself(void **state)
{
    (void)state;
    static answers fresh, kept, again;
    desk d;
    espy_sample_pool pool = {0};
    desk_open(&d, "knn");
    LIFE_OK(&d.cx, espy_store_pool(&d.cx, d.ws.store, d.c.id, 0, "enc", &pool));
    assert_int_equal(pool.n, ALL);
    ask(&d, NULL, &pool, &fresh);
    /* probabilities are the softmax of mean cosines: two of one row tell the temperature */
    const double temperature = (others(&pool, 0, 0, 5) - others(&pool, 0, 1, 5)) /
                               log((double)fresh.p[0][0] / (double)fresh.p[0][1]);
    for (size_t i = 0; i < ALL; i++) {
        double e[LABELS], sum = 0;
        for (uint32_t c = 0; c < LABELS; c++) {
            assert_float_equal(fresh.cosine[i][c], others(&pool, i, c, 1), 1e-5);
            sum += e[c] = exp(others(&pool, i, c, 5) / temperature);
        }
        for (uint32_t c = 0; c < LABELS; c++)
            assert_float_equal(fresh.p[i][c], e[c] / sum, 1e-3);
    }
    ask(&d, d.memory, &pool, &kept);
    ask(&d, d.memory, &pool, &again);
    assert_memory_equal(&fresh, &kept, sizeof fresh);
    assert_memory_equal(&fresh, &again, sizeof fresh);
    espy_sample_pool_free(&d.cx, &pool);
    desk_close(&d);
}

static void test_changes(void **state)
{
    (void)state;
    desk d;
    espy_changes c;
    desk_open(&d, "prototypes");
    const espy_asked_version first = {&d.first, NULL}, second = {&d.second, d.memory};
    LIFE_OK(&d.cx, espy_flow_changes(&d.cx, &d.ws, first, first, &c));
    assert_true(c.n == 0 && c.asked == ALL && c.labelled == ALL);
    espy_changes_free(&d.cx, &c);
    LIFE_OK(&d.cx, espy_flow_changes(&d.cx, &d.ws, first, second, &c));
    assert_true(c.right_after > c.right_before && c.n >= c.right_after - c.right_before);
    for (size_t i = 0; i < c.n; i++)
        assert_true(i == 0 || c.at[i - 1].kind <= c.at[i].kind);
    espy_changes_free(&d.cx, &c);
    TEST_FAULT_LOOP(&d.cx, &d.m, espy_flow_changes(&d.cx, &d.ws, first, second, &c),
                    espy_changes_free(&d.cx, &c));
    desk_close(&d);
}

static void test_review(void **state)
{
    (void)state;
    desk d;
    espy_review r;
    espy_sample_pool pool = {0};
    desk_open(&d, "prototypes");
    LIFE_OK(&d.cx, espy_store_pool(&d.cx, d.ws.store, d.c.id, 0, "enc", &pool));
    for (size_t i = 0; i < ALL; i += 6) /* a folder does not know them any more: they wait */
        LIFE_OK(&d.cx, espy_store_sample_label(&d.cx, d.ws.store, pool.at[i].sample, 0, "folder"));
    const espy_asked_version versions[] = {{NULL, NULL}, {&d.second, d.memory}};
    for (size_t k = 0; k < 2; k++) {
        LIFE_OK(&d.cx, espy_flow_review(&d.cx, &d.ws, &d.c, versions[k], 0, 5, &r));
        assert_true(r.n == 5 && r.total == ALL / 6 && isnan(r.threshold) == (k == 0));
        for (size_t i = 0; i < r.n; i++) {
            assert_int_equal(r.at[i].n, ESPY_REVIEW_CANDIDATES);
            assert_true(i == 0 || r.at[i - 1].reason <= r.at[i].reason);
            for (size_t n = 0; n < r.at[i].n; n++)
                assert_true(r.at[i].candidates[n].reference > 0);
        }
        espy_review_free(&d.cx, &r);
        TEST_FAULT_LOOP(&d.cx, &d.m, espy_flow_review(&d.cx, &d.ws, &d.c, versions[k], 0, 5, &r),
                        espy_review_free(&d.cx, &r));
    }
    espy_sample_pool_free(&d.cx, &pool);
    desk_close(&d);
}

/* A job labels one sample with the fourth label, which the first version has not learned, and one
 * of the first label with the third. */
static void test_present(void **state)
{
    (void)state;
    desk d;
    espy_review r;
    espy_sample_pool pool = {0};
    desk_open(&d, "prototypes");
    LIFE_OK(&d.cx, espy_store_pool(&d.cx, d.ws.store, d.c.id, 0, "enc", &pool));
    const espy_pool_sample *fourth = &pool.at[ALL - 1], *other = &pool.at[0];
    const espy_pool_sample *third = &pool.at[2 * EACH];
    const espy_asked_version versions[] = {{NULL, NULL}, {&d.first, NULL}, {&d.second, NULL}};
    LIFE_OK(&d.cx, espy_store_sample_label(&d.cx, d.ws.store, fourth->sample, 0, "folder"));
    LIFE_OK(&d.cx,
            espy_store_sample_label(&d.cx, d.ws.store, fourth->sample, fourth->label, "job"));
    LIFE_OK(&d.cx, espy_store_sample_label(&d.cx, d.ws.store, other->sample, third->label, "job"));
    for (size_t k = 0; k < 3; k++) {
        LIFE_OK(&d.cx, espy_flow_review(&d.cx, &d.ws, &d.c, versions[k], 0, 5, &r));
        assert_int_equal(r.n, 2);
        for (size_t i = 0; i < 2; i++) {
            const espy_review_item *item = &r.at[i];
            const bool learned = k != 1 || item->sample == other->sample;
            const espy_review_candidate *all = item->candidates;
            assert_int_equal(item->n, ESPY_REVIEW_CANDIDATES);
            assert_int_equal(all[0].label->id,
                             item->sample == fourth->sample ? fourth->label : third->label);
            assert_int_equal(isnan(all[0].similarity), !learned);
            assert_int_equal(isnan(all[0].probability), k == 0 || !learned);
            assert_true(all[0].reference > 0 && all[0].reference != item->sample);
            assert_true(all[1].label->id != all[0].label->id &&
                        all[2].label->id != all[0].label->id);
            assert_true(k == 0 ? all[1].similarity >= all[2].similarity
                               : all[1].probability >= all[2].probability);
        }
        espy_review_free(&d.cx, &r);
    }
    espy_sample_pool_free(&d.cx, &pool);
    desk_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_finds_himself),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_review),
        cmocka_unit_test(test_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
