/* SPDX-License-Identifier: Apache-2.0
 * http - Prometheus metrics (metrics.h).
 *
 * A family has up to three labels with fixed values; its series lie in an array over their product.
 * Those of requests are printed once they were touched, all others from the start, so that the
 * first event shows as a rise.  Times are summed in nanoseconds: integers add without a lock. */
#include "http/metrics.h"

#include <dirent.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

typedef enum metric_set {
    SET_NONE,
    SET_ROUTE,
    SET_METHOD,
    SET_STATUS,
    SET_LANE,
    SET_MODALITY,
    SET_OUTCOME,
    SET_JOB,
    SET_STATE,
    SET_RESULT,
    SETS
} metric_set;

typedef enum metric_kind {
    KIND_COUNTER,
    KIND_GAUGE,
    KIND_SECONDS,  /* a counter of time */
    KIND_HISTOGRAM /* of times */
} metric_kind;

typedef enum metric_id {
    REQUESTS,
    BYTES_IN,
    BYTES_OUT,
    WAITING,
    DECISIONS,
    ENCODED,
    ENCODE_SECONDS,
    JOBS,
    LOGINS,
    FAMILIES
} metric_id;

enum { LABELS = 3, BUCKETS = 14 };

typedef struct metric_family {
    const char *name, *help;
    metric_kind kind;
    metric_set labels[LABELS];
} metric_family;

static const metric_family metrics_families[FAMILIES] = {
    [REQUESTS] = {"espy_http_request_duration_seconds",
                  "Time from the request to its answer.",
                  KIND_HISTOGRAM,
                  {SET_ROUTE, SET_METHOD, SET_STATUS}},
    [BYTES_IN] = {"espy_http_request_bytes_total",
                  "Bytes of request bodies.",
                  KIND_COUNTER,
                  {SET_ROUTE}},
    [BYTES_OUT] = {"espy_http_response_bytes_total",
                   "Bytes of response bodies.",
                   KIND_COUNTER,
                   {SET_ROUTE}},
    [WAITING] = {"espy_requests_waiting",
                 "Requests that wait for a worker.",
                 KIND_GAUGE,
                 {SET_LANE}},
    [DECISIONS] = {"espy_decisions_total",
                   "Answers, by kind.",
                   KIND_COUNTER,
                   {SET_MODALITY, SET_OUTCOME}},
    [ENCODED] = {"espy_samples_encoded_total",
                 "Samples that became embeddings.",
                 KIND_COUNTER,
                 {SET_MODALITY}},
    [ENCODE_SECONDS] = {"espy_encode_seconds_total",
                        "Time spent on embeddings, over all workers.",
                        KIND_SECONDS,
                        {SET_MODALITY}},
    [JOBS] = {"espy_jobs_total", "Jobs that entered a state.", KIND_COUNTER, {SET_JOB, SET_STATE}},
    [LOGINS] = {"espy_logins_total", "Tries to log in.", KIND_COUNTER, {SET_RESULT}},
};

/* Upper bounds of the buckets; the last one is without bound. */
static const struct {
    const char *text;
    uint64_t nanos;
} metrics_bounds[BUCKETS] = {
    {"0.001", 1000000},   {"0.0025", 2500000},  {"0.005", 5000000},   {"0.01", 10000000},
    {"0.025", 25000000},  {"0.05", 50000000},   {"0.1", 100000000},   {"0.25", 250000000},
    {"0.5", 500000000},   {"1", 1000000000},    {"2.5", 2500000000u}, {"10", 10000000000u},
    {"60", 60000000000u}, {"+Inf", UINT64_MAX},
};

static const char *const metrics_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "other"};
static const char *const metrics_statuses[] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
static const char *const metrics_outcomes[] = {"known",        "unknown",   "ambiguous",
                                               "poor_quality", "no_sample", "error"};
static const char *const metrics_results[] = {"failed", "passed"};

typedef struct metric_label {
    const char *name;
    const char *const *values;
    size_t n;
    const char *rest; /* stands behind the values; NULL: nothing does */
} metric_label;

typedef struct metric_series {
    _Atomic int64_t count; /* of a counter or histogram; level of a gauge */
    _Atomic uint64_t nanos;
    _Atomic uint64_t buckets[BUCKETS]; /* of a histogram, each for itself */
} metric_series;

struct espy_metrics {
    metric_label labels[SETS];
    metric_series *series[FAMILIES];
    double started; /* seconds since 1970 */
    double since;   /* the same on the clock that only goes forward */
};

static size_t label_count(const espy_metrics *m, metric_set set)
{
    return set == SET_NONE ? 1 : m->labels[set].n + (m->labels[set].rest != NULL);
}

static size_t family_count(const espy_metrics *m, metric_id id)
{
    size_t n = 1;
    for (size_t i = 0; i < LABELS; i++)
        n *= label_count(m, metrics_families[id].labels[i]);
    return n;
}

espy_err espy_metrics_create(espy_ctx *cx, const espy_metrics_names *names, espy_metrics **out)
{
#define METRICS_FIXED(array) array, sizeof array / sizeof *array
    const metric_label labels[SETS] = {
        [SET_ROUTE] = {"route", names->routes, names->n_routes, "other"},
        [SET_METHOD] = {"method", METRICS_FIXED(metrics_methods)},
        [SET_STATUS] = {"status", METRICS_FIXED(metrics_statuses)},
        [SET_LANE] = {"lane", names->lanes, names->n_lanes},
        [SET_MODALITY] = {"modality", names->modalities, names->n_modalities},
        [SET_OUTCOME] = {"decision", METRICS_FIXED(metrics_outcomes)},
        [SET_JOB] = {"kind", names->job_kinds, names->n_job_kinds},
        [SET_STATE] = {"state", names->job_states, names->n_job_states},
        [SET_RESULT] = {"result", METRICS_FIXED(metrics_results)},
    };
#undef METRICS_FIXED
    espy_metrics *m = espy_zalloc(cx, sizeof *m);
    if (!m)
        return cx->code;
    memcpy(m->labels, labels, sizeof labels);
    m->started = espy_time_now();
    m->since = espy_time_monotonic();
    for (size_t i = 0; i < FAMILIES; i++) {
        const size_t n = family_count(m, i);
        m->series[i] = n ? espy_array(cx, n, sizeof *m->series[i]) : NULL;
        if (!m->series[i]) {
            espy_metrics_destroy(cx, &m);
            return n ? cx->code : espy_fail(cx, ESPY_E_ARG, "a label of metrics has no values");
        }
    }
    *out = m;
    return ESPY_E_OK;
}

void espy_metrics_destroy(espy_ctx *cx, espy_metrics **m)
{
    if (!*m)
        return;
    for (size_t i = 0; i < FAMILIES; i++)
        espy_free(cx, (*m)->series[i]);
    espy_free(cx, *m);
    *m = NULL;
}

/* ---- counting ---- */

espy_method_label espy_metrics_method(const char *method)
{
    for (size_t i = 0; i < ESPY_METHOD_OTHER; i++)
        if (strcmp(method, metrics_methods[i]) == 0)
            return (espy_method_label)i;
    return ESPY_METHOD_OTHER;
}

/* The series of these label values; those that a family does not have are 0. */
static metric_series *metrics_at(espy_metrics *m, metric_id id, size_t a, size_t b, size_t c)
{
    const size_t at[LABELS] = {a, b, c};
    size_t place = 0;
    for (size_t i = 0; i < LABELS; i++) {
        const size_t n = label_count(m, metrics_families[id].labels[i]);
        place = place * n + (at[i] < n ? at[i] : n - 1);
    }
    return &m->series[id][place];
}

static void metrics_add(_Atomic uint64_t *to, uint64_t n)
{
    atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static void metrics_count(espy_metrics *m, metric_id id, size_t a, size_t b, int64_t n)
{
    atomic_fetch_add_explicit(&metrics_at(m, id, a, b, 0)->count, n, memory_order_relaxed);
}

static uint64_t metrics_nanos(double seconds)
{
    return seconds > 0 ? (uint64_t)fmin(seconds * 1e9, 9e18) : 0; /* NaN: 0 */
}

void espy_metrics_request(espy_metrics *m, size_t route, espy_method_label method, int status,
                          double seconds, uint64_t bytes_in, uint64_t bytes_out)
{
    const size_t kind = status < 200 ? 0 : status < 500 ? (size_t)status / 100 - 1 : 4;
    const uint64_t nanos = metrics_nanos(seconds);
    metric_series *s = metrics_at(m, REQUESTS, route, method, kind);
    size_t b = 0;
    while (nanos > metrics_bounds[b].nanos)
        b++;
    metrics_add(&s->buckets[b], 1);
    metrics_add(&s->nanos, nanos);
    metrics_count(m, BYTES_IN, route, 0, (int64_t)bytes_in);
    metrics_count(m, BYTES_OUT, route, 0, (int64_t)bytes_out);
}

void espy_metrics_waiting(espy_metrics *m, size_t lane, int change)
{
    metrics_count(m, WAITING, lane, 0, change);
}

void espy_metrics_decision(espy_metrics *m, size_t modality, espy_outcome outcome)
{
    metrics_count(m, DECISIONS, modality, outcome, 1);
}

void espy_metrics_encoded(espy_metrics *m, size_t modality, uint64_t samples, double seconds)
{
    metrics_count(m, ENCODED, modality, 0, (int64_t)samples);
    metrics_add(&metrics_at(m, ENCODE_SECONDS, modality, 0, 0)->nanos, metrics_nanos(seconds));
}

void espy_metrics_job(espy_metrics *m, size_t kind, size_t state)
{
    metrics_count(m, JOBS, kind, state, 1);
}

void espy_metrics_login(espy_metrics *m, bool passed)
{
    metrics_count(m, LOGINS, passed, 0, 1);
}

/* ---- printing ---- */

static espy_err print_head(espy_ctx *cx, espy_buf *out, const char *name, const char *help,
                           const char *type)
{
    return espy_buf_printf(cx, out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* NAME="value" with what the format wants escaped. */
static espy_err print_label(espy_ctx *cx, espy_buf *out, const char *name, const char *value)
{
    ESPY_TRY(espy_buf_printf(cx, out, "%s=\"", name));
    for (; *value; value++) {
        if (*value == '\n') {
            ESPY_TRY(espy_buf_text(cx, out, "\\n"));
            continue;
        }
        if (*value == '\\' || *value == '"')
            ESPY_TRY(espy_buf_text(cx, out, "\\"));
        ESPY_TRY(espy_buf_append(cx, out, value, 1));
    }
    return espy_buf_text(cx, out, "\"");
}

/* "name_suffix{labels,le="..."} " of the series at `place`. */
static espy_err print_name(espy_ctx *cx, espy_buf *out, const espy_metrics *m, metric_id id,
                           size_t place, const char *suffix, const char *le)
{
    const metric_family *f = &metrics_families[id];
    size_t at[LABELS];
    for (size_t i = LABELS; i-- > 0;) {
        const size_t n = label_count(m, f->labels[i]);
        at[i] = place % n;
        place /= n;
    }
    ESPY_TRY(espy_buf_printf(cx, out, "%s%s", f->name, suffix));
    for (size_t i = 0; i < LABELS && f->labels[i] != SET_NONE; i++) {
        const metric_label *l = &m->labels[f->labels[i]];
        ESPY_TRY(espy_buf_text(cx, out, i ? "," : "{"));
        ESPY_TRY(print_label(cx, out, l->name, at[i] < l->n ? l->values[at[i]] : l->rest));
    }
    if (le)
        ESPY_TRY(espy_buf_printf(cx, out, ",le=\"%s\"", le));
    return espy_buf_text(cx, out, "} ");
}

static espy_err print_seconds(espy_ctx *cx, espy_buf *out, uint64_t nanos)
{
    return espy_buf_printf(cx, out, "%llu.%09llu\n", (unsigned long long)(nanos / 1000000000),
                           (unsigned long long)(nanos % 1000000000));
}

/* The number of all is the sum of the buckets as they were read, so that the two always agree. */
static espy_err print_histogram(espy_ctx *cx, espy_buf *out, const espy_metrics *m, metric_id id,
                                size_t place)
{
    const metric_series *s = &m->series[id][place];
    unsigned long long upto[BUCKETS], sum = 0;
    for (size_t b = 0; b < BUCKETS; b++)
        upto[b] = sum += atomic_load_explicit(&s->buckets[b], memory_order_relaxed);
    if (sum == 0)
        return ESPY_E_OK;
    for (size_t b = 0; b < BUCKETS; b++) {
        ESPY_TRY(print_name(cx, out, m, id, place, "_bucket", metrics_bounds[b].text));
        ESPY_TRY(espy_buf_printf(cx, out, "%llu\n", upto[b]));
    }
    ESPY_TRY(print_name(cx, out, m, id, place, "_sum", NULL));
    ESPY_TRY(print_seconds(cx, out, atomic_load_explicit(&s->nanos, memory_order_relaxed)));
    ESPY_TRY(print_name(cx, out, m, id, place, "_count", NULL));
    return espy_buf_printf(cx, out, "%llu\n", sum);
}

static espy_err print_family(espy_ctx *cx, espy_buf *out, const espy_metrics *m, metric_id id)
{
    static const char *const types[] = {"counter", "gauge", "counter", "histogram"};
    const metric_family *f = &metrics_families[id];
    const size_t n = family_count(m, id);
    ESPY_TRY(print_head(cx, out, f->name, f->help, types[f->kind]));
    for (size_t i = 0; i < n; i++) {
        const metric_series *s = &m->series[id][i];
        const long long count = atomic_load_explicit(&s->count, memory_order_relaxed);
        if (f->kind == KIND_HISTOGRAM) {
            ESPY_TRY(print_histogram(cx, out, m, id, i));
            continue;
        }
        if (f->labels[0] == SET_ROUTE && count == 0)
            continue;
        ESPY_TRY(print_name(cx, out, m, id, i, "", NULL));
        if (f->kind == KIND_SECONDS)
            ESPY_TRY(print_seconds(cx, out, atomic_load_explicit(&s->nanos, memory_order_relaxed)));
        else
            ESPY_TRY(espy_buf_printf(cx, out, "%lld\n", count));
    }
    return ESPY_E_OK;
}

uint64_t espy_process_memory(void)
{
    unsigned long long all, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%llu %llu", &all, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t process_files(void)
{
    uint64_t n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* without ".", ".." and the folder itself */
}

static espy_err print_one(espy_ctx *cx, espy_buf *out, const char *name, const char *type,
                          const char *help, uint64_t value)
{
    ESPY_TRY(print_head(cx, out, name, help, type));
    return espy_buf_printf(cx, out, "%s %llu\n", name, (unsigned long long)value);
}

static espy_err print_time(espy_ctx *cx, espy_buf *out, const char *name, const char *type,
                           const char *help, double seconds)
{
    ESPY_TRY(print_head(cx, out, name, help, type));
    ESPY_TRY(espy_buf_printf(cx, out, "%s ", name));
    return print_seconds(cx, out, metrics_nanos(seconds));
}

/* What every Prometheus client library tells, by its usual names, and espy's own two. */
static espy_err print_process(espy_ctx *cx, espy_buf *out, const espy_metrics *m)
{
    struct rlimit files = {0};
    struct timespec cpu = {0};
    getrlimit(RLIMIT_NOFILE, &files);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    ESPY_TRY(print_one(cx, out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                       espy_process_memory()));
    ESPY_TRY(print_one(cx, out, "process_open_fds", "gauge", "Open files.", process_files()));
    ESPY_TRY(print_one(cx, out, "process_max_fds", "gauge", "Most files that may be open.",
                       files.rlim_cur));
    ESPY_TRY(print_time(cx, out, "process_cpu_seconds_total", "counter", "Time on all CPUs.",
                        (double)cpu.tv_sec + (double)cpu.tv_nsec * 1e-9));
    ESPY_TRY(print_time(cx, out, "process_start_time_seconds", "gauge",
                        "When it began, in seconds since 1970.", m->started));
    ESPY_TRY(print_time(cx, out, "espy_uptime_seconds", "gauge", "Time since it began.",
                        espy_time_monotonic() - m->since));
    ESPY_TRY(print_head(cx, out, "espy_build_info", "The program's version.", "gauge"));
    return espy_buf_text(cx, out, "espy_build_info{version=\"" ESPY_VERSION "\"} 1\n");
}

espy_err espy_metrics_print(espy_ctx *cx, const espy_metrics *m, espy_buf *out)
{
    for (size_t i = 0; i < FAMILIES; i++)
        ESPY_TRY(print_family(cx, out, m, i));
    return print_process(cx, out, m);
}
