/* SPDX-License-Identifier: Apache-2.0
 * http/metrics: sums from many threads, labels, and a text that holds together while it is written.
 * With the argument "print" prints a text for check_metrics.py. */
#include "support/support.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/metrics.h"

static const char *const metrics_routes[] = {"/v1/collections/{id}", "/odd\"\\\n"};
static const char *const metrics_kinds[] = {"train", "cluster"};
static const char *const metrics_states[] = {"queued", "running", "done", "failed", "cancelled"};
static const char *const metrics_lanes[] = {"quick", "infer", "long"};
static const char *const metrics_modalities[] = {"face", "sound"};
static const espy_metrics_names metrics_names = {metrics_routes,     2, metrics_kinds, 2,
                                                 metrics_states,     5, metrics_lanes, 3,
                                                 metrics_modalities, 2};

static void metrics_some(espy_metrics *m)
{
    static const double seconds[] = {0, 0.001, 0.0011, 0.3, 60, 61, -1, NAN, 1e300};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        espy_metrics_request(m, 0, ESPY_METHOD_GET, 200, seconds[i], 10, 1000);
    espy_metrics_request(m, 1, ESPY_METHOD_POST, 404, 0.02, 0, 0);
    espy_metrics_request(m, 2, espy_metrics_method("BREW"), 503, 0.02, 0, 0);
    espy_metrics_request(m, 99, espy_metrics_method("DELETE"), 777, 0.02, 5, 0);
    espy_metrics_waiting(m, 1, 1);
    espy_metrics_waiting(m, 1, 1);
    espy_metrics_waiting(m, 1, -1);
    espy_metrics_decision(m, 0, ESPY_OUTCOME_KNOWN);
    espy_metrics_decision(m, 0, ESPY_OUTCOME_KNOWN);
    espy_metrics_decision(m, 1, ESPY_OUTCOME_NO_SAMPLE);
    espy_metrics_encoded(m, 0, 30, 1.25);
    espy_metrics_encoded(m, 0, 3, 0.5);
    espy_metrics_job(m, 0, 2);
    espy_metrics_login(m, true);
    espy_metrics_login(m, false);
    espy_metrics_login(m, false);
}

static espy_err metrics_make(espy_ctx *cx, espy_metrics **m, espy_buf *out)
{
    espy_buf_init(out, (size_t)1 << 20);
    ESPY_TRY(espy_metrics_create(cx, &metrics_names, m));
    metrics_some(*m);
    const espy_err e = espy_metrics_print(cx, *m, out);
    if (e != ESPY_E_OK) {
        espy_buf_free(cx, out);
        espy_metrics_destroy(cx, m);
    }
    return e;
}

/* The number behind a name with its labels; -1 when the line is not there. */
static double metrics_value(const espy_buf *text, const char *series)
{
    const size_t n = strlen(series);
    for (const char *at = (const char *)text->data; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, series, n) == 0 && at[n] == ' ')
            return atof(at + n);
    }
    return -1;
}

static void test_text(void **state)
{
    (void)state;
#define ROUTE "espy_http_request_duration_seconds"
#define FIRST "{route=\"/v1/collections/{id}\",method=\"GET\",status=\"2xx\""
    static const struct {
        const char *series;
        double value;
    } t[] = {
        {ROUTE "_bucket" FIRST ",le=\"0.001\"}", 4},
        {ROUTE "_bucket" FIRST ",le=\"0.0025\"}", 5},
        {ROUTE "_bucket" FIRST ",le=\"0.25\"}", 5},
        {ROUTE "_bucket" FIRST ",le=\"0.5\"}", 6},
        {ROUTE "_bucket" FIRST ",le=\"60\"}", 7},
        {ROUTE "_bucket" FIRST ",le=\"+Inf\"}", 9},
        {ROUTE "_count" FIRST "}", 9},
        {ROUTE "_count{route=\"/odd\\\"\\\\\\n\",method=\"POST\",status=\"4xx\"}", 1},
        {ROUTE "_sum{route=\"other\",method=\"other\",status=\"5xx\"}", 0.02},
        {ROUTE "_count{route=\"other\",method=\"DELETE\",status=\"5xx\"}", 1},
        {ROUTE "_count{route=\"other\",method=\"GET\",status=\"5xx\"}", -1},
        {"espy_http_request_bytes_total{route=\"/v1/collections/{id}\"}", 90},
        {"espy_http_response_bytes_total{route=\"/v1/collections/{id}\"}", 9000},
        {"espy_http_request_bytes_total{route=\"other\"}", 5},
        {"espy_requests_waiting{lane=\"quick\"}", 0},
        {"espy_requests_waiting{lane=\"infer\"}", 1},
        {"espy_decisions_total{modality=\"face\",decision=\"known\"}", 2},
        {"espy_decisions_total{modality=\"sound\",decision=\"no_sample\"}", 1},
        {"espy_decisions_total{modality=\"sound\",decision=\"ambiguous\"}", 0},
        {"espy_samples_encoded_total{modality=\"face\"}", 33},
        {"espy_encode_seconds_total{modality=\"face\"}", 1.75},
        {"espy_jobs_total{kind=\"train\",state=\"done\"}", 1},
        {"espy_jobs_total{kind=\"cluster\",state=\"queued\"}", 0},
        {"espy_logins_total{result=\"failed\"}", 2},
        {"espy_build_info{version=\"" ESPY_VERSION "\"}", 1},
    };
    espy_ctx cx;
    test_memory m;
    espy_metrics *x = NULL;
    espy_buf out;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, metrics_make(&cx, &x, &out), {
        espy_buf_free(&cx, &out);
        espy_metrics_destroy(&cx, &x);
    });
    assert_int_equal(metrics_make(&cx, &x, &out), ESPY_E_OK);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_true(fabs(metrics_value(&out, t[i].series) - t[i].value) < 1e-9);
    assert_true(metrics_value(&out, "process_resident_memory_bytes") > 1e5);
    assert_true(metrics_value(&out, "process_open_fds") >= 3);
    assert_true(metrics_value(&out, "process_start_time_seconds") > 1.6e9);
    assert_true(metrics_value(&out, "espy_uptime_seconds") >= 0);
    espy_buf_free(&cx, &out);
    espy_metrics_destroy(&cx, &x);
    espy_metrics_names none = metrics_names;
    none.n_lanes = 0;
    assert_int_equal(espy_metrics_create(&cx, &none, &x), ESPY_E_ARG);
    assert_int_equal(m.live, 0);
}

static void *metrics_work(void *self)
{
    espy_metrics *m = self;
    for (int i = 0; i < 2000; i++) {
        espy_metrics_request(m, 0, ESPY_METHOD_GET, 200, i * 1e-5, 1, 2);
        espy_metrics_waiting(m, 2, i % 2 ? -1 : 1);
        espy_metrics_encoded(m, 0, 1, 0.001);
    }
    return NULL;
}

/* Nothing is lost, and every text in between has buckets that never fall. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    espy_ctx cx;
    espy_metrics *x = NULL;
    espy_buf out;
    espy_ctx_init(&cx);
    espy_buf_init(&out, (size_t)1 << 20);
    assert_int_equal(espy_metrics_create(&cx, &metrics_names, &x), ESPY_E_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, metrics_work, x), 0);
    for (int i = 0; i < 20; i++) {
        espy_buf_free(&cx, &out);
        assert_int_equal(espy_metrics_print(&cx, x, &out), ESPY_E_OK);
        const double all = metrics_value(&out, ROUTE "_count" FIRST "}");
        assert_true(metrics_value(&out, ROUTE "_bucket" FIRST ",le=\"+Inf\"}") == all);
        assert_true(metrics_value(&out, ROUTE "_bucket" FIRST ",le=\"0.01\"}") <= all);
    }
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    espy_buf_free(&cx, &out);
    assert_int_equal(espy_metrics_print(&cx, x, &out), ESPY_E_OK);
    assert_true(metrics_value(&out, ROUTE "_count" FIRST "}") == 8000);
    assert_true(
        metrics_value(&out, "espy_http_response_bytes_total{route=\"/v1/collections/{id}\"}") ==
        16000);
    assert_true(metrics_value(&out, "espy_requests_waiting{lane=\"long\"}") == 0);
    assert_true(fabs(metrics_value(&out, "espy_encode_seconds_total{modality=\"face\"}") - 8) <
                1e-9);
    espy_buf_free(&cx, &out);
    espy_metrics_destroy(&cx, &x);
}

static int metrics_show(void)
{
    espy_ctx cx;
    espy_metrics *x = NULL;
    espy_buf out;
    espy_ctx_init(&cx);
    if (metrics_make(&cx, &x, &out) != ESPY_E_OK)
        return 1;
    fwrite(out.data, 1, out.size, stdout);
    espy_buf_free(&cx, &out);
    espy_metrics_destroy(&cx, &x);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_threads),
    };
    if (argc > 1 && strcmp(argv[1], "print") == 0)
        return metrics_show();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
