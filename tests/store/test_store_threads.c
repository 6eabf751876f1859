/* SPDX-License-Identifier: Apache-2.0
 * A server's threads, each with a connection of its own, do the same at the same time: what is to
 * happen once happens once. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "pg_server.h"
#include "store/attendance.h"
#include "store/job.h"
#include "store/session.h"
#include "store/setting.h"
#include "store/user.h"
#include "support/support.h"

enum { THREADS = 4, ROUNDS = 12 };

typedef struct crowd {
    char dir[256], url[400]; /* url: "" for the folder alone */
    int64_t session, label[ROUNDS];
    atomic_int fresh_requests, fresh_rows, users, taken, failed;
    char secret[THREADS][16];
} crowd;

typedef struct member {
    crowd *of;
    int number;
} member;

static espy_err round_of(espy_ctx *cx, espy_store *st, crowd *w, int i)
{
    char key[16];
    espy_once_word word;
    int status = 0;
    char *body = NULL;
    int64_t id = 0;
    bool fresh = false, kept = false, taken = false;
    espy_job j = {0};
    espy_job_word said;
    snprintf(key, sizeof key, "key %d", i);
    ESPY_TRY(espy_store_once_begin(cx, st, &(espy_once){.key = key, .route = "r", .request = "q"},
                                   &word, &status, &body));
    w->fresh_requests += word == ESPY_ONCE_FRESH;
    ESPY_TRY(espy_store_attendance_mark(cx, st,
                                        &(espy_mark){.session = w->session,
                                                     .label = w->label[i],
                                                     .day = "2026-03-02",
                                                     .present = true,
                                                     .confidence = (double)NAN},
                                        &id, &fresh, &kept));
    w->fresh_rows += fresh;
    espy_err e = espy_store_user_add(
        cx, st, &(espy_user){.name = key, .password = (char *)"h", .role = (char *)"student"}, &id);
    w->users += e == ESPY_E_OK;
    if (e == ESPY_E_EXISTS) {
        espy_clear(cx);
        e = ESPY_E_OK;
    }
    ESPY_TRY(e);
    ESPY_TRY(espy_store_job_take(cx, st, NULL, key, 60, &j, &taken));
    if (taken) {
        w->taken++;
        e = espy_store_job_finish(cx, st, &j, "done", NULL, NULL, &said);
        espy_job_free(cx, &j);
    }
    return e;
}

static void *member_run(void *self)
{
    const member *m = self;
    crowd *w = m->of;
    espy_ctx cx;
    espy_store *st = NULL;
    char mine[16], *value = NULL;
    espy_ctx_init(&cx);
    snprintf(mine, sizeof mine, "secret %d", m->number);
    const espy_store_place place = {.dir = w->dir, .url = w->url[0] != '\0' ? w->url : NULL};
    espy_err e = espy_store_open_at(&cx, &place, &st);
    if (e == ESPY_E_OK)
        e = espy_store_setting_first(&cx, st, "jwt", mine, &value);
    if (e == ESPY_E_OK)
        snprintf(w->secret[m->number], sizeof w->secret[0], "%s", value);
    espy_free(&cx, value);
    for (int i = 0; i < ROUNDS && e == ESPY_E_OK; i++)
        e = round_of(&cx, st, w, i);
    if (e != ESPY_E_OK) {
        w->failed++;
        fprintf(stderr, "thread %d: %s\n", m->number, cx.text);
    }
    espy_store_close(&cx, &st);
    return NULL;
}

static void run_crowd(void **state)
{
    (void)state;
    for (const backend *b = backend_next(NULL); b != NULL; b = backend_next(b)) {
        espy_ctx cx;
        espy_store *st = NULL;
        pthread_t thread[THREADS];
        member of[THREADS];
        crowd w = {0};
        int64_t id = 0;
        espy_ctx_init(&cx);
        if (b->server && !b->rows)
            continue;
        snprintf(w.dir, sizeof w.dir, "%s", backend_begin(&cx, b));
        CASE_OK(&cx, b->open(&cx, w.dir, &st));
        int64_t c = case_collection(&cx, st, "c");
        CASE_OK(&cx, espy_store_session(&cx, st, c, "s", NULL, &w.session));
        for (int i = 0; i < ROUNDS; i++) {
            char code[8];
            snprintf(code, sizeof code, "L%d", i);
            CASE_OK(&cx, espy_store_label(&cx, st, c, code, NULL, &w.label[i]));
            CASE_OK(&cx, espy_store_job_order(&cx, st,
                                              &(espy_job_order){.kind = "k",
                                                                .request = "{}",
                                                                .exclusive = i % 2 ? "x" : NULL},
                                              &id));
        }
        snprintf(w.url, sizeof w.url, "%s", b->server ? pg_schema(w.dir) : "");
        for (int i = 0; i < THREADS; i++) {
            of[i] = (member){&w, i};
            assert_int_equal(pthread_create(&thread[i], NULL, member_run, &of[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(w.failed, 0);
        assert_int_equal(w.fresh_requests, ROUNDS);
        assert_int_equal(w.fresh_rows, ROUNDS);
        assert_int_equal(w.users, ROUNDS);
        espy_job *left = NULL; /* who excluded each other may have left some */
        size_t n = 0;
        CASE_OK(&cx, espy_store_jobs(&cx, st, "queued", ROUNDS, &left, &n));
        assert_int_equal(w.taken + (int)n, ROUNDS);
        assert_true(w.taken >= ROUNDS / 2);
        espy_jobs_free(&cx, left, n);
        for (int i = 1; i < THREADS; i++)
            assert_string_equal(w.secret[i], w.secret[0]);
        espy_store_close(&cx, &st);
        backend_end(&cx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(run_crowd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
