/* SPDX-License-Identifier: Apache-2.0
 * http/automatic: two servers on a store and a clock that runs through weeks at once: a training is
 * ordered once, at the appointed time, and only when enough is new. */
#include "support/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "http/automatic.h"
#include "http/serving.h"
#include "http/sound_folder.h"
#include "media/sound.h"
#include "store/job.h"

#define FRIDAY INT64_C(1795737600) /* 2026-11-27 00:00 UTC */
#define SUNDAY (FRIDAY + 2 * 86400 + 2 * 3600)
#define WEEK INT64_C(604800)

/* -- a clock ----------------------------------------------------------------------------------- */
static atomic_llong clock_time = FRIDAY;

static int64_t clock_now(void *self)
{
    (void)self;
    return clock_time;
}

static espy_err clock_wait(espy_ctx *cx, void *self, int64_t until)
{
    (void)self;
    while (clock_time < until) {
        ESPY_TRY(espy_cancelled(cx));
        usleep(1000);
    }
    return espy_cancelled(cx);
}

static const espy_clock fast = {clock_now, clock_wait, NULL};

/* -- servers ----------------------------------------------------------------------------------- */
typedef struct one_server {
    espy_ctx cx;
    espy_serving s;
    espy_runner *runner;
    espy_automatic *automatic;
} one_server;

static void good(espy_ctx *cx, espy_err e)
{
    if (e != ESPY_E_OK)
        fail_msg("%s", cx->text);
}

static void server_start(one_server *one, const char *dir, const espy_serve_options *o)
{
    static const char *const routes[] = {"/"}, *const lanes[] = {"quick"}, *const kinds[] = {"any"};
    const espy_metrics_names names = {routes, 1, kinds, 1, espy_job_states, 5, lanes, 1, kinds, 1};
    espy_ctx *cx = &one->cx;
    espy_ctx_init(cx);
    one->s = (espy_serving){.cx = cx, .options = o, .workspace = (char *)(uintptr_t)dir};
    good(cx, espy_models_create(cx, &one->s.models));
    good(cx, espy_hub_create(cx, 4, &one->s.hub));
    good(cx, espy_metrics_create(cx, &names, &one->s.metrics));
    good(cx, espy_runner_start(cx, &one->s, false, &one->runner));
    one->s.runner = one->runner;
    good(cx, espy_automatic_start(cx, &one->s, &fast, &one->automatic));
    assert_non_null(one->automatic);
}

static void server_stop(one_server *one)
{
    espy_automatic_stop(&one->cx, &one->automatic);
    espy_runner_stop(&one->cx, &one->runner);
    espy_metrics_destroy(&one->cx, &one->s.metrics);
    espy_hub_destroy(&one->cx, &one->s.hub);
    espy_models_destroy(&one->cx, &one->s.models);
}

/* -- what is there ----------------------------------------------------------------------------- */
static void add_sounds(espy_ctx *cx, const char *dir, int from, int to)
{
    static float x[8000];
    for (int i = from; i < to; i++) {
        char path[600];
        espy_buf b;
        for (size_t k = 0; k < 8000; k++) {
            const double t = (double)k / 16000, hertz = (i % 2 ? 300 : 2500) + 7 * i;
            x[k] = (float)(0.5 * sin(6.283185307 * hertz * t));
        }
        espy_buf_init(&b, (size_t)1 << 20);
        good(cx, espy_sound_to_wav(cx, x, 8000, 16000, &b));
        snprintf(path, sizeof path, "%s/%s/%d.wav", dir, i % 2 ? "low" : "high", i);
        good(cx, espy_file_write(cx, path, b.data, b.size));
        espy_buf_free(cx, &b);
    }
}

static size_t jobs(espy_ctx *cx, espy_workspace *ws, const char *state)
{
    espy_job *all = NULL;
    size_t n = 0;
    good(cx, espy_store_jobs(cx, ws->store, state, 100, &all, &n));
    espy_jobs_free(cx, all, n);
    return n;
}

static void wait_for(espy_ctx *cx, espy_workspace *ws, const char *state, size_t n)
{
    for (int i = 0; i < 6000 && jobs(cx, ws, state) != n; i++)
        usleep(10000);
    assert_int_equal(jobs(cx, ws, state), n);
}

static void test_weeks(void **state)
{
    (void)state;
    char dir[512], sounds[540], models[540], path[600];
    const char conf[] = "schedule = sun 02:00\nencoder = melstats\n";
    espy_ctx cx;
    espy_workspace ws = {0};
    one_server a = {0}, b = {0};
    espy_ctx_init(&cx);
    good(&cx, espy_time_zone(&cx, "UTC"));
    snprintf(dir, sizeof dir, "%s/ws", test_folder());
    snprintf(sounds, sizeof sounds, "%s/audio", test_folder());
    snprintf(models, sizeof models, "%s/models", test_folder());
    good(&cx, espy_workspace_open(&cx, dir, true, &ws));
    snprintf(path, sizeof path, "%s/espy.conf", dir);
    good(&cx, espy_file_write(&cx, path, conf, strlen(conf)));
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", sounds, i ? "low" : "high");
        good(&cx, espy_dir_make(&cx, path));
    }
    add_sounds(&cx, sounds, 0, 49);
    const espy_serve_options o = {.sounds_dir = sounds, .models_dir = models};
    server_start(&a, dir, &o);
    server_start(&b, dir, &o);
    clock_time = SUNDAY - 1;
    usleep(200000);
    assert_int_equal(jobs(&cx, &ws, NULL), 0);
    clock_time = SUNDAY; /* 49 are not enough */
    usleep(500000);
    assert_int_equal(jobs(&cx, &ws, NULL), 0);
    add_sounds(&cx, sounds, 49, 51);
    clock_time = SUNDAY + WEEK - 1;
    usleep(200000);
    assert_int_equal(jobs(&cx, &ws, NULL), 0);
    clock_time = SUNDAY + WEEK;
    wait_for(&cx, &ws, "done", 1);
    usleep(500000);
    assert_int_equal(jobs(&cx, &ws, NULL), 1);
    clock_time = SUNDAY + 2 * WEEK; /* nothing is new */
    usleep(500000);
    assert_int_equal(jobs(&cx, &ws, NULL), 1);
    /* what could not be looked at is looked at again a minute later, not only after a week */
    add_sounds(&cx, sounds, 51, 120);
    snprintf(path, sizeof path, "%s/%s", sounds, "\xff\xfe");
    good(&cx, espy_dir_make(&cx, path));
    clock_time = SUNDAY + 3 * WEEK;
    usleep(500000);
    assert_int_equal(jobs(&cx, &ws, NULL), 1);
    assert_int_equal(rmdir(path), 0);
    clock_time = SUNDAY + 3 * WEEK + 61;
    wait_for(&cx, &ws, "done", 2);
    server_stop(&a);
    server_stop(&b);
    espy_workspace_close(&cx, &ws);
}

/* A setting that cannot be read is told when the server starts. */
static void test_wrong_schedule(void **state)
{
    (void)state;
    char dir[512], path[600];
    espy_ctx cx;
    espy_workspace ws = {0};
    espy_automatic *a = NULL;
    espy_ctx_init(&cx);
    snprintf(dir, sizeof dir, "%s/wrong", test_folder());
    good(&cx, espy_workspace_open(&cx, dir, true, &ws));
    espy_serving s = {.cx = &cx, .workspace = dir};
    good(&cx, espy_automatic_start(&cx, &s, &fast, &a)); /* no setting, no thread */
    assert_null(a);
    snprintf(path, sizeof path, "%s/espy.conf", dir);
    good(&cx, espy_file_write(&cx, path, "schedule = someday\n", 19));
    assert_int_equal(espy_automatic_start(&cx, &s, &fast, &a), ESPY_E_ARG);
    assert_null(a);
    espy_workspace_close(&cx, &ws);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_weeks),
                                       cmocka_unit_test(test_wrong_schedule)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
