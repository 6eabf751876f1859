/* SPDX-License-Identifier: Apache-2.0
 * Writers that are killed, and several at once, on every database: what was acknowledged is there,
 * transactions are whole. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pg_server.h"
#include "support/support.h"

enum { KILLS = 30, SAMPLES = 40 };

/* Labels sample after sample, two labels in turn, and tells each that was stored. */
static void writer_forever(espy_ctx *cx, const backend *b, const char *dir, const int64_t *samples,
                           const int64_t label[2], uint32_t from, int to)
{
    espy_store *st = NULL;
    CASE_OK(cx, b->open(cx, dir, &st));
    for (uint32_t i = from;; i++) {
        CASE_OK(cx, espy_store_begin(cx, st));
        CASE_OK(cx, espy_store_sample_label(cx, st, samples[i % SAMPLES], label[i / SAMPLES % 2],
                                            "user"));
        CASE_OK(cx, espy_store_sample_label(cx, st, samples[(i + 1) % SAMPLES], 0, "user"));
        CASE_OK(cx, espy_store_sample_label(cx, st, samples[(i + 1) % SAMPLES],
                                            label[(i + 1) / SAMPLES % 2], "user"));
        CASE_OK(cx, espy_store_commit(cx, st));
        if (write(to, &i, sizeof i) != sizeof i)
            _exit(3);
    }
}

static void kill_writers(espy_ctx *cx, const backend *b)
{
    const char *dir = backend_begin(cx, b);
    espy_store *st = NULL;
    int64_t c = 0, samples[SAMPLES], label[2];
    uint32_t told = 0;
    CASE_OK(cx, b->open(cx, dir, &st));
    c = case_collection(cx, st, "c");
    for (int i = 0; i < SAMPLES; i++)
        samples[i] = case_sample(cx, st, c, i, NULL);
    CASE_OK(cx, espy_store_label(cx, st, c, "even", NULL, &label[0]));
    CASE_OK(cx, espy_store_label(cx, st, c, "odd", NULL, &label[1]));
    espy_store_close(cx, &st);
    for (int k = 0; k < KILLS; k++) {
        espy_labelled *list = NULL;
        size_t n = 0;
        int words[2];
        bool any = false;
        assert_int_equal(pipe(words), 0);
        fflush(stdout);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            writer_forever(cx, b, dir, samples, label, told + 1, words[1]);
        close(words[1]);
        usleep((useconds_t)((b->server ? 60000 : 15000) + 1777 * k)); /* a server takes a while */
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        for (uint32_t i; read(words[0], &i, sizeof i) == sizeof i; any = true)
            told = i;
        close(words[0]);
        CASE_OK(cx, b->open(cx, dir, &st));
        CASE_OK(cx, espy_store_labelled(cx, st, c, NULL, &list, &n));
        /* the last one told and its neighbour of the same transaction, which the one after it, if
         * it was stored, labels the same */
        for (size_t i = 0; any && i < n; i++) {
            if (list[i].sample == samples[told % SAMPLES])
                assert_true(list[i].label == label[told / SAMPLES % 2]);
            if (list[i].sample == samples[(told + 1) % SAMPLES])
                assert_true(list[i].label == label[(told + 1) / SAMPLES % 2]);
        }
        espy_free(cx, list);
        espy_store_close(cx, &st);
    }
    printf("%s: %d kills, %u transactions acknowledged\n", b->name, KILLS, (unsigned)told);
    assert_true(told >= 5);
    backend_end(cx);
}

static void run_kills(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_ctx_init(&cx);
        kill_writers(&cx, b);
    }
}

/* -- several at once --------------------------------------------------------------------------- */
enum { WRITERS = 4, ROUNDS = 15 };

static void writer_rounds(espy_ctx *cx, const backend *b, const char *dir, int me)
{
    espy_store *st = NULL;
    espy_collection c = {0};
    int64_t id = 0, label = 0;
    CASE_OK(cx, b->open(cx, dir, &st)); /* all of them make the tables, too */
    espy_err e = espy_store_collection_create(cx, st, &case_template("c"), &id);
    if (e == ESPY_E_EXISTS) {
        espy_clear(cx);
        CASE_OK(cx, espy_store_collection(cx, st, "c", &c));
        id = c.id;
    }
    for (int i = 0; i < ROUNDS; i++) {
        char code[32];
        snprintf(code, sizeof code, "W%d-%d", me, i);
        CASE_OK(cx, espy_store_begin(cx, st));
        CASE_OK(cx, espy_store_label(cx, st, id, code, NULL, &label));
        CASE_OK(cx, espy_store_label(cx, st, id, "shared", NULL, &label));
        int64_t s = case_sample(cx, st, id, i, NULL); /* the same photos in all */
        CASE_OK(cx, espy_store_sample_label(cx, st, s, label, "folder"));
        CASE_OK(cx, espy_store_commit(cx, st));
        assert_true(case_version(cx, st, id, code, &s, 1) > 0);
        CASE_OK(cx, espy_store_promote(cx, st, id, 1, "any"));
    }
    espy_collection_free(cx, &c);
    espy_store_close(cx, &st);
}

static void run_processes(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_store *st = NULL;
        espy_counts n;
        espy_finding *f = NULL;
        size_t findings = 0;
        pid_t writer[WRITERS];
        espy_ctx_init(&cx);
        const char *dir = backend_begin(&cx, b);
        if (b->server)
            (void)pg_schema(dir);
        fflush(stdout);
        for (int i = 0; i < WRITERS; i++) {
            writer[i] = fork();
            assert_true(writer[i] >= 0);
            if (writer[i] == 0) {
                writer_rounds(&cx, b, dir, i);
                _exit(0);
            }
        }
        for (int i = 0; i < WRITERS; i++) {
            int status = 0;
            waitpid(writer[i], &status, 0);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        CASE_OK(&cx, b->open(&cx, dir, &st));
        CASE_OK(&cx, espy_store_counts(&cx, st, 1, &n));
        assert_int_equal(n.labels, WRITERS * ROUNDS + 1);
        assert_true(n.media == ROUNDS && n.samples == ROUNDS && n.labelled == ROUNDS);
        assert_int_equal(n.versions, WRITERS * ROUNDS);
        for (int64_t v = 1; v <= n.versions; v++) { /* numbered without a gap */
            espy_version got;
            CASE_OK(&cx, espy_store_version(&cx, st, 1, v, &got));
            espy_version_free(&cx, &got);
        }
        CASE_OK(&cx, espy_store_check(&cx, st, &f, &findings));
        assert_int_equal(findings, 0);
        espy_findings_free(&cx, f, findings);
        espy_store_close(&cx, &st);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_kills),
                                       cmocka_unit_test(run_processes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
