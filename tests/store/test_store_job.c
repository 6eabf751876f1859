/* SPDX-License-Identifier: Apache-2.0
 * Jobs: who may do what with them, and two processes that work through many while workers are
 * killed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "pg_server.h"
#include "store/job.h"
#include "support/support.h"

/* -- known cases ------------------------------------------------------------------------------- */
static void expect_state(espy_ctx *cx, espy_store *st, int64_t id, const char *state)
{
    espy_job j;
    CASE_OK(cx, espy_store_job_get(cx, st, id, &j));
    assert_string_equal(j.state, state);
    espy_job_free(cx, &j);
}

static void test_life(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), a = 0, b = 0, bad = 0;
    espy_job j = {0}, none, *list = NULL;
    espy_job_word word;
    bool taken = true;
    size_t n = 0;
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", 60, &none, &taken));
    assert_false(taken);
    CASE_OK(cx, espy_store_job_add(cx, st, c, "train", "{\"head\": \"svm\"}", &a));
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "cluster", "{}", &b));
    CASE_FAILS(cx, ARG, espy_store_job_add(cx, st, c, "train", "{", &bad));
    CASE_FAILS(cx, ARG, espy_store_job_add(cx, st, c, "", "{}", &bad));
    CASE_FAILS(cx, STORE, espy_store_job_add(cx, st, c + 99, "train", "{}", &bad));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", 60, &j, &taken));
    assert_true(taken && j.id == a && j.collection == c && j.attempt == 1 && !j.stop);
    assert_string_equal(j.kind, "train");
    assert_string_equal(j.request, "{\"head\": \"svm\"}");
    assert_true(j.started > 1e9 && j.finished == 0 && j.lease > j.started + 50);

    CASE_OK(cx, espy_store_job_beat(cx, st, &j, 0.25, 60, &word));
    assert_int_equal(word, ESPY_JOB_GO_ON);
    CASE_OK(cx, espy_store_job_log(cx, st, &j, "one", &word));
    CASE_OK(cx, espy_store_job_log(cx, st, &j, "two", &word));
    CASE_OK(cx, espy_store_job_cancel(cx, st, a));
    CASE_OK(cx, espy_store_job_beat(cx, st, &j, 0.5, 60, &word));
    assert_int_equal(word, ESPY_JOB_STOP);
    CASE_FAILS(cx, ARG, espy_store_job_finish(cx, st, &j, "over", NULL, NULL, &word));
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "cancelled", NULL, "by request", &word));
    assert_int_equal(word, ESPY_JOB_GO_ON);
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word)); /* it is over */
    assert_int_equal(word, ESPY_JOB_LOST);
    CASE_OK(cx, espy_store_job_beat(cx, st, &j, 1, 60, &word));
    assert_int_equal(word, ESPY_JOB_LOST);
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_get(cx, st, a, &j));
    assert_string_equal(j.state, "cancelled");
    assert_string_equal(j.log, "one\ntwo\n");
    assert_string_equal(j.error, "by request");
    assert_true(j.progress == 0.5 && j.finished >= j.started);
    espy_job_free(cx, &j);
    CASE_FAILS(cx, EXISTS, espy_store_job_cancel(cx, st, a));
    CASE_OK(cx, espy_store_job_cancel(cx, st, b)); /* it had not begun */
    expect_state(cx, st, b, "cancelled");
    CASE_FAILS(cx, NOT_FOUND, espy_store_job_cancel(cx, st, b + 9));
    CASE_FAILS(cx, NOT_FOUND, espy_store_job_get(cx, st, b + 9, &j));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", 60, &none, &taken));
    assert_false(taken);
    CASE_OK(cx, espy_store_jobs(cx, st, NULL, 10, &list, &n));
    assert_true(n == 2 && list[0].id == b && list[1].id == a);
    espy_jobs_free(cx, list, n);
    CASE_OK(cx, espy_store_jobs(cx, st, "done", 10, &list, &n));
    assert_int_equal(n, 0);
    espy_jobs_free(cx, list, n);
}

/* A lease that ran out: the next one gets the job, the first can do nothing more. */
static void test_lease(espy_ctx *cx, espy_store *st)
{
    espy_job first = {0}, again = {0}, none;
    espy_job_word word;
    bool taken = false;
    int64_t id = 0;
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "train", "[]", &id));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", -1, &first, &taken));
    assert_true(taken);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w2", 60, &again, &taken));
    assert_true(taken && again.id == id && again.attempt == 2);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", 60, &none, &taken)); /* it is w2's now */
    assert_false(taken);
    CASE_OK(cx, espy_store_job_beat(cx, st, &first, 0.9, 60, &word));
    assert_int_equal(word, ESPY_JOB_LOST);
    CASE_OK(cx, espy_store_job_log(cx, st, &first, "not heard", &word));
    assert_int_equal(word, ESPY_JOB_LOST);
    CASE_OK(cx, espy_store_job_finish(cx, st, &first, "done", "1", NULL, &word));
    assert_int_equal(word, ESPY_JOB_LOST);
    CASE_OK(cx, espy_store_job_finish(cx, st, &again, "done", "2", NULL, &word));
    assert_int_equal(word, ESPY_JOB_GO_ON);
    espy_job_free(cx, &first);
    espy_job_free(cx, &again);
    CASE_OK(cx, espy_store_job_get(cx, st, id, &first));
    assert_string_equal(first.result, "2");
    assert_string_equal(first.log, "");
    assert_true(first.progress == 1);
    espy_job_free(cx, &first);

    /* the same worker, too, has to know which attempt is meant */
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "train", "[]", &id));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", -1, &first, &taken));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w1", 60, &again, &taken));
    CASE_OK(cx, espy_store_job_finish(cx, st, &first, "done", NULL, NULL, &word));
    assert_int_equal(word, ESPY_JOB_LOST);
    CASE_OK(cx, espy_store_job_finish(cx, st, &again, "failed", NULL, "x", &word));
    espy_job_free(cx, &first);
    espy_job_free(cx, &again);

    /* what ends every worker is given up */
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "poison", "[]", &id));
    for (int i = 0; i < ESPY_JOB_ATTEMPTS; i++) {
        CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", -1, &first, &taken));
        assert_true(taken && first.attempt == i + 1);
        espy_job_free(cx, &first);
    }
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", -1, &none, &taken));
    assert_false(taken);
    expect_state(cx, st, id, "failed");
}

/* Finishing is part of the transaction that stores the work. */
static void test_with_work(espy_ctx *cx, espy_store *st)
{
    espy_job j = {0};
    espy_job_word word;
    espy_counts n;
    bool taken = false;
    int64_t c = case_collection(cx, st, "c"), id = 0, label = 0;
    CASE_OK(cx, espy_store_job_add(cx, st, c, "train", "{}", &id));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &j, &taken));
    CASE_OK(cx, espy_store_begin(cx, st));
    CASE_OK(cx, espy_store_label(cx, st, c, "A", NULL, &label));
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
    espy_store_rollback(cx, st);
    expect_state(cx, st, id, "running");
    CASE_OK(cx, espy_store_counts(cx, st, c, &n));
    assert_int_equal(n.labels, 0);
    espy_job_free(cx, &j);
}

static void test_long_log(espy_ctx *cx, espy_store *st)
{
    static char line[40000];
    espy_job j = {0};
    espy_job_word word;
    bool taken = false;
    int64_t id = 0;
    memset(line, 'x', sizeof line - 1);
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "talk", "{}", &id));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &j, &taken));
    for (int i = 0; i < 40; i++) {
        CASE_OK(cx, espy_store_job_log(cx, st, &j, line, &word));
        assert_int_equal(word, ESPY_JOB_GO_ON);
    }
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_get(cx, st, id, &j));
    assert_true(strlen(j.log) < ESPY_JOB_LOG && strlen(j.log) > ESPY_JOB_LOG / 2);
    espy_job_free(cx, &j);
}

/* Given back: untried it does not count, tried it does; it waits for its time. */
static void test_release(espy_ctx *cx, espy_store *st)
{
    espy_job j = {0}, none;
    espy_job_word word;
    bool taken = false;
    int64_t id = 0, later = 0;
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "work", "{}", &id));
    for (int i = 0; i < 2 * ESPY_JOB_ATTEMPTS; i++) { /* a worker that stops each time */
        CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &j, &taken));
        assert_true(taken && j.id == id && j.attempt == i + 1 && j.released == i);
        CASE_OK(cx, espy_store_job_release(cx, st, &j, false, 0, &word));
        assert_int_equal(word, ESPY_JOB_GO_ON);
        CASE_OK(cx, espy_store_job_release(cx, st, &j, false, 0, &word)); /* not his any more */
        assert_int_equal(word, ESPY_JOB_LOST);
        espy_job_free(cx, &j);
        expect_state(cx, st, id, "queued");
    }
    for (int i = 0; i < ESPY_JOB_ATTEMPTS; i++) { /* it may still be tried as often as any other */
        CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", -1, &j, &taken));
        assert_true(taken);
        espy_job_free(cx, &j);
    }
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", -1, &none, &taken));
    assert_false(taken);
    expect_state(cx, st, id, "failed");

    CASE_OK(cx, espy_store_job_order(cx, st,
                                     &(espy_job_order){.kind = "later",
                                                       .request = "{}",
                                                       .not_before = espy_time_now() + 0.4},
                                     &later));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &none, &taken));
    assert_false(taken);
    usleep(450000);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &j, &taken));
    assert_true(taken && j.id == later && j.not_before > 1e9);
    CASE_OK(cx, espy_store_job_release(cx, st, &j, true, espy_time_now() + 60, &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &none, &taken));
    assert_false(taken);
    CASE_OK(cx, espy_store_job_get(cx, st, later, &j));
    assert_true(j.attempt == 1 && j.released == 0 && j.lease == 0);
    espy_job_free(cx, &j);
    /* what somebody wants cancelled is not done again */
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "work", "{}", &id));
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w", 60, &j, &taken));
    CASE_OK(cx, espy_store_job_cancel(cx, st, id));
    CASE_OK(cx, espy_store_job_release(cx, st, &j, false, 0, &word));
    assert_int_equal(word, ESPY_JOB_STOP);
    espy_job_free(cx, &j);
    expect_state(cx, st, id, "cancelled");
}

/* Of jobs that exclude each other one runs; those of others pass by. */
static void test_exclusive(espy_ctx *cx, espy_store *st)
{
    espy_job first = {0}, j = {0}, none;
    espy_job_word word;
    bool taken = false, found = true;
    int64_t a = 0, b = 0, other = 0, plain = 0, hook[2];
    const espy_job_choice light = {"webhook", true}, heavy = {"webhook", false};
    const espy_job_order told = {.kind = "webhook", .request = "{}", .exclusive = "webhook:1"};
    const espy_job_order train = {.kind = "train", .request = "{}", .exclusive = "train:1"};
    espy_job_order two = train;
    two.exclusive = "train:2";
    CASE_OK(cx, espy_store_job_exclusive(cx, st, "train:1", &j, &found));
    assert_false(found);
    CASE_OK(cx, espy_store_job_order(cx, st, &train, &a));
    CASE_OK(cx, espy_store_job_order(cx, st, &train, &b));
    CASE_OK(cx, espy_store_job_order(cx, st, &two, &other));
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "work", "{}", &plain));
    CASE_OK(cx, espy_store_job_exclusive(cx, st, "train:1", &j, &found));
    assert_true(found && j.id == a);
    assert_string_equal(j.exclusive, "train:1");
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, &light, "w0", 60, &j, &taken));
    assert_true(taken && j.id == plain); /* the youngest, but it excludes no other */
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, &light, "w0", 60, &none, &taken));
    assert_false(taken);
    CASE_OK(cx, espy_store_job_order(cx, st, &told, &hook[0]));
    CASE_OK(cx, espy_store_job_order(cx, st, &told, &hook[1]));
    CASE_OK(cx, espy_store_job_take(cx, st, &light, "w0", 60, &j, &taken));
    assert_true(taken && j.id == hook[0]); /* its own kind, though it excludes others */
    CASE_OK(cx, espy_store_job_take(cx, st, &light, "w3", 60, &none, &taken));
    assert_false(taken); /* one at a time */
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, &heavy, "w1", 60, &first, &taken));
    assert_true(taken && first.id == a);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w2", 60, &j, &taken));
    assert_true(taken && j.id == other); /* b waits for a */
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, &heavy, "w2", 60, &none, &taken));
    assert_false(taken); /* never of the light ones' kind */
    CASE_OK(cx, espy_store_job_take(cx, st, &light, "w0", 60, &j, &taken));
    assert_true(taken && j.id == hook[1]);
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_release(cx, st, &first, false, espy_time_now() + 60, &word));
    espy_job_free(cx, &first);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w2", -1, &j, &taken)); /* a is put off: b */
    assert_true(taken && j.id == b);
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_take(cx, st, NULL, "w3", 60, &j, &taken)); /* w2 is dead */
    assert_true(taken && j.id == b && j.attempt == 2);
    CASE_OK(cx, espy_store_job_finish(cx, st, &j, "failed", NULL, "x", &word));
    espy_job_free(cx, &j);
    CASE_OK(cx, espy_store_job_exclusive(cx, st, "train:1", &j, &found));
    assert_true(found && j.id == a);
    espy_job_free(cx, &j);
}

static void test_pages(espy_ctx *cx, espy_store *st)
{
    int64_t c = case_collection(cx, st, "c"), id[4] = {0}, total = 0;
    espy_job *list = NULL;
    size_t n = 0;
    CASE_OK(cx, espy_store_job_add(cx, st, c, "train", "{}", &id[0]));
    CASE_OK(cx, espy_store_job_add(cx, st, c, "cluster", "{}", &id[1]));
    CASE_OK(cx, espy_store_job_add(cx, st, 0, "train", "{}", &id[2]));
    CASE_OK(cx, espy_store_job_cancel(cx, st, id[0]));
    const struct {
        espy_job_filter f;
        int64_t first, total;
    } asked[] = {{{0}, id[2], 3},
                 {{.collection = c}, id[1], 2},
                 {{.kind = "train"}, id[2], 2},
                 {{.state = "cancelled"}, id[0], 1},
                 {{.collection_owner = 7}, 0, 0}};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        CASE_OK(cx, espy_store_job_page(cx, st, &asked[i].f, &(espy_page){.limit = 9}, &list, &n,
                                        &total));
        assert_true(total == asked[i].total && n == (size_t)total);
        assert_true(n == 0 || (list[0].id == asked[i].first && list[0].log == NULL));
        espy_jobs_free(cx, list, n);
    }
    CASE_OK(cx, espy_store_job_page(cx, st, &asked[0].f, &(espy_page){.cursor = id[2], .limit = 1},
                                    &list, &n, NULL));
    assert_true(n == 1 && list[0].id == id[1]);
    espy_jobs_free(cx, list, n);
}

static void run_cases(void **state)
{
    (void)state;
    static void (*const cases[])(espy_ctx *, espy_store *) = {
        test_life,    test_lease,     test_with_work, test_long_log,
        test_release, test_exclusive, test_pages};
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            espy_ctx cx;
            test_memory m;
            espy_store *st = NULL;
            test_memory_init(&cx, &m);
            CASE_OK(&cx, b->open(&cx, backend_begin(&cx, b), &st));
            cases[i](&cx, st);
            espy_store_close(&cx, &st);
            backend_end(&cx);
            assert_int_equal(m.live, 0);
        }
    }
}

/* -- many workers ------------------------------------------------------------------------------ */
enum { JOBS = 200, WORKERS = 3, KILLS = 10 };
#define LEASE 0.6

/* Tells through a pipe which job it began ('b') and which it finished ('f'). */
typedef struct word_of_worker {
    char what;
    int64_t job;
} word_of_worker;

static void worker_tell(int to, char what, int64_t job)
{
    word_of_worker w = {what, job};
    if (write(to, &w, sizeof w) != sizeof w)
        _exit(4);
}

/* Works until there is nothing left; each job takes some milliseconds. */
static void worker_run(espy_ctx *cx, const backend *b, const char *dir, int to)
{
    char name[32];
    espy_store *st = NULL;
    snprintf(name, sizeof name, "worker %ld", (long)getpid());
    CASE_OK(cx, b->open(cx, dir, &st));
    for (double idle = 0; idle < 3 * LEASE;) {
        espy_job j = {0};
        espy_job_word word;
        bool taken = false;
        CASE_OK(cx, espy_store_job_take(cx, st, NULL, name, LEASE, &j, &taken));
        if (!taken) {
            usleep(20000);
            idle += 0.02;
            continue;
        }
        idle = 0;
        worker_tell(to, 'b', j.id);
        usleep((useconds_t)(1000 + 997 * (j.id % 7)));
        CASE_OK(cx, espy_store_job_beat(cx, st, &j, 0.5, LEASE, &word));
        assert_int_not_equal(word, ESPY_JOB_STOP);
        if (word == ESPY_JOB_GO_ON)
            CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", j.request, NULL, &word));
        if (word == ESPY_JOB_GO_ON)
            worker_tell(to, 'f', j.id);
        espy_job_free(cx, &j);
    }
    espy_store_close(cx, &st);
}

static pid_t worker_start(espy_ctx *cx, const backend *b, const char *dir, int to)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        worker_run(cx, b, dir, to);
        _exit(0);
    }
    return child;
}

static void work_through(espy_ctx *cx, const backend *b, int kills)
{
    const char *dir = backend_begin(cx, b);
    espy_store *st = NULL;
    espy_job *list = NULL;
    pid_t worker[WORKERS];
    int words[2], begun[JOBS + 1] = {0}, finished[JOBS + 1] = {0}, again = 0;
    size_t n = 0;
    int64_t first = 0, id = 0;
    CASE_OK(cx, b->open(cx, dir, &st));
    for (int i = 0; i < JOBS; i++) {
        char request[32];
        snprintf(request, sizeof request, "{\"n\":%d}", i);
        CASE_OK(cx, espy_store_job_add(cx, st, 0, "work", request, &id));
        first = i == 0 ? id : first;
    }
    espy_store_close(cx, &st); /* a connection is not carried over a fork */
    assert_int_equal(pipe(words), 0);
    for (int i = 0; i < WORKERS; i++)
        worker[i] = worker_start(cx, b, dir, words[1]);
    for (int i = 0; i < kills; i++) {
        usleep((useconds_t)(40000 + 3001 * i));
        kill(worker[i % WORKERS], SIGKILL);
        waitpid(worker[i % WORKERS], NULL, 0);
        worker[i % WORKERS] = worker_start(cx, b, dir, words[1]);
    }
    close(words[1]);
    word_of_worker w;
    while (read(words[0], &w, sizeof w) == sizeof w) {
        assert_true(w.job >= first && w.job < first + JOBS);
        ++*(w.what == 'b' ? &begun[w.job - first] : &finished[w.job - first]);
    }
    close(words[0]);
    for (int i = 0; i < WORKERS; i++) {
        int status = 0;
        waitpid(worker[i], &status, 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    CASE_OK(cx, b->open(cx, dir, &st));
    CASE_OK(cx, espy_store_jobs(cx, st, NULL, 2 * JOBS, &list, &n));
    assert_int_equal(n, JOBS);
    for (size_t i = 0; i < n; i++) {
        const espy_job *j = &list[n - 1 - i];
        assert_string_equal(j->state, "done");
        assert_string_equal(j->result, j->request); /* its own, not another's */
        assert_true(begun[i] >= 1 && begun[i] <= j->attempt && finished[i] <= 1);
        if (kills == 0) /* nobody does again what somebody does already */
            assert_true(begun[i] == 1 && finished[i] == 1 && j->attempt == 1);
        again += j->attempt > 1;
    }
    assert_true(again <= kills);
    printf("%s: %d jobs, %d workers killed, %d jobs begun again\n", b->name, JOBS, kills, again);
    espy_jobs_free(cx, list, n);
    espy_store_close(cx, &st);
    backend_end(cx);
}

static void run_workers(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_ctx_init(&cx);
        if (b->server && !b->rows)
            continue;
        work_through(&cx, b, 0);
        work_through(&cx, b, KILLS);
    }
}

/* -- many takers of jobs that exclude each other ----------------------------------------------- */
enum { TAKERS = 5, GROUPS = 3, EACH = 12, PLAIN = 20 };

/* A group's turn is a folder that one process at a time can make. */
static void taker_run(espy_ctx *cx, const backend *b, const char *dir, const char *turns)
{
    char name[32], turn[400];
    espy_store *st = NULL;
    snprintf(name, sizeof name, "taker %ld", (long)getpid());
    CASE_OK(cx, b->open(cx, dir, &st));
    for (int idle = 0; idle < 40;) {
        espy_job j = {0};
        espy_job_word word;
        bool taken = false;
        CASE_OK(cx, espy_store_job_take(cx, st, NULL, name, 60, &j, &taken));
        if (!taken) {
            usleep(10000);
            idle++;
            continue;
        }
        idle = 0;
        snprintf(turn, sizeof turn, "%s/%s", turns, j.exclusive);
        if (j.exclusive[0] != '\0' && mkdir(turn, 0700) != 0)
            _exit(3); /* another one runs */
        usleep((useconds_t)(500 + 997 * (j.id % 5)));
        if (j.exclusive[0] != '\0' && rmdir(turn) != 0)
            _exit(4);
        if (j.id % 4 == 0 && j.released == 0)
            CASE_OK(cx, espy_store_job_release(cx, st, &j, false, 0, &word));
        else
            CASE_OK(cx, espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &word));
        if (word != ESPY_JOB_GO_ON)
            _exit(5);
        espy_job_free(cx, &j);
    }
    espy_store_close(cx, &st);
}

static void run_exclusive_takers(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_ctx_init(&cx);
        if (b->server && !b->rows)
            continue;
        const char *dir = backend_begin(&cx, b);
        char turns[400];
        espy_store *st = NULL;
        pid_t taker[TAKERS];
        int64_t id = 0, total = 0;
        size_t n = 0;
        espy_job *list = NULL;
        CASE_OK(&cx, b->open(&cx, dir, &st));
        snprintf(turns, sizeof turns, "%s/turns", dir);
        CASE_OK(&cx, espy_dir_make(&cx, turns));
        for (int i = 0; i < GROUPS * EACH + PLAIN; i++) {
            char group[16];
            snprintf(group, sizeof group, "group %d", i % GROUPS);
            CASE_OK(&cx, espy_store_job_order(
                             &cx, st,
                             &(espy_job_order){.kind = "work",
                                               .request = "{}",
                                               .exclusive = i < GROUPS * EACH ? group : NULL},
                             &id));
        }
        espy_store_close(&cx, &st);
        fflush(stdout);
        for (int i = 0; i < TAKERS; i++) {
            taker[i] = fork();
            if (taker[i] == 0) {
                taker_run(&cx, b, dir, turns);
                _exit(0);
            }
        }
        for (int i = 0; i < TAKERS; i++) {
            int status = 0;
            waitpid(taker[i], &status, 0);
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail_msg("%s: a taker ended with %d", b->name, WEXITSTATUS(status));
        }
        CASE_OK(&cx, b->open(&cx, dir, &st));
        CASE_OK(&cx, espy_store_job_page(&cx, st, &(espy_job_filter){.state = "done"},
                                         &(espy_page){.limit = 1}, &list, &n, &total));
        assert_int_equal(total, GROUPS * EACH + PLAIN);
        espy_jobs_free(&cx, list, n);
        espy_store_close(&cx, &st);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_cases), cmocka_unit_test(run_workers),
                                       cmocka_unit_test(run_exclusive_takers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
