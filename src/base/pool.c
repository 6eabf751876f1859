/* SPDX-License-Identifier: Apache-2.0
 * base - the thread pool: workers wait for a job and take its items one by one.
 *
 * Invariants, under `lock`:
 *   P1  at most one job runs at a time; `job` is NULL between jobs.
 *   P2  a job lives on the stack of espy_parallel(), which returns only when no worker is in it
 *       (inside == 0) and no item is left.
 *   P3  a context handed to a task has pool == NULL, so nested calls run in that task's thread. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

typedef struct pool_job {
    espy_task *task;
    void *self;
    size_t n;
    atomic_size_t next;
    atomic_bool stop;
    espy_ctx child;  /* what each worker's context starts as */
    espy_ctx *cx;    /* the caller's; its failure fields are written under the pool's lock */
    espy_err err;    /* of the first item that failed, likewise */
    unsigned inside; /* workers at work, under the pool's lock */
} pool_job;

struct espy_pool {
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    pool_job *job;
    uint64_t round; /* counts jobs, so that a worker enters each once */
    bool quit;
    unsigned size, started;
    pthread_t *threads; /* size - 1: the caller is worker 0 */
    struct pool_seat {
        espy_pool *pool;
        unsigned worker;
    } * seats;
};

/* The quota of cgroup v2 ("max 100000" or "150000 100000") or v1, as whole cores, 0 when unlimited.
 */
static unsigned pool_quota(void)
{
    double quota = -1, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (f) {
        char word[32];
        if (fscanf(f, "%31s %lf", word, &period) == 2 && strcmp(word, "max") != 0)
            quota = strtod(word, NULL);
        fclose(f);
    } else if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re"))) {
        if (fscanf(f, "%lf", &quota) != 1)
            quota = -1;
        fclose(f);
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re"))) {
            if (fscanf(f, "%lf", &period) != 1)
                period = 0;
            fclose(f);
        }
    }
    if (quota <= 0 || period <= 0)
        return 0;
    double cores = quota / period;
    return cores < 1 ? 1 : (unsigned)cores;
}

unsigned espy_cpu_count(void)
{
    cpu_set_t set;
    unsigned n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        n = (unsigned)CPU_COUNT(&set);
    } else {
        long online = sysconf(_SC_NPROCESSORS_ONLN);
        n = online > 0 ? (unsigned)online : 1;
    }
    unsigned quota = pool_quota();
    if (quota && quota < n)
        n = quota;
    return n ? n : 1;
}

static void pool_work(espy_pool *pool, pool_job *job, unsigned worker)
{
    espy_ctx cx = job->child;
    while (!atomic_load_explicit(&job->stop, memory_order_relaxed)) {
        size_t i = atomic_fetch_add(&job->next, 1);
        if (i >= job->n)
            break;
        espy_err e = espy_cancelled(&cx);
        if (e == ESPY_E_OK)
            e = job->task(&cx, job->self, i, worker);
        if (e != ESPY_E_OK) {
            atomic_store(&job->stop, true);
            pthread_mutex_lock(&pool->lock);
            espy_ctx_adopt(job->cx, &cx);
            if (job->err == ESPY_E_OK)
                job->err = e;
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void *pool_thread(void *arg)
{
    struct pool_seat *seat = arg;
    espy_pool *pool = seat->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->quit && (!pool->job || pool->round == seen))
            pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->quit)
            break;
        pool_job *job = pool->job;
        seen = pool->round;
        job->inside++;
        pthread_mutex_unlock(&pool->lock);
        pool_work(pool, job, seat->worker);
        pthread_mutex_lock(&pool->lock);
        if (--job->inside == 0) /* broadcast: callers that wait for their turn wait on it too */
            pthread_cond_broadcast(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

espy_err espy_pool_create(espy_ctx *cx, unsigned threads, espy_pool **out)
{
    if (!threads)
        threads = espy_cpu_count();
    if (threads > 1024)
        return espy_fail(cx, ESPY_E_ARG, "%u threads asked for; the most is 1024", threads);
    espy_pool *pool = espy_zalloc(cx, sizeof *pool);
    if (!pool)
        return cx->code;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->size = threads;
    pool->threads = espy_array(cx, threads, sizeof *pool->threads);
    pool->seats = pool->threads ? espy_array(cx, threads, sizeof *pool->seats) : NULL;
    espy_err e = pool->seats ? ESPY_E_OK : cx->code;
    for (unsigned i = 1; e == ESPY_E_OK && i < threads; i++) {
        pool->seats[i - 1] = (struct pool_seat){pool, i};
        if (pthread_create(&pool->threads[i - 1], NULL, pool_thread, &pool->seats[i - 1]) != 0)
            e = espy_fail(cx, ESPY_E_NOMEM, "the system gave no thread; try fewer (--threads)");
        else
            pool->started++;
    }
    if (e != ESPY_E_OK)
        espy_pool_destroy(cx, &pool);
    else
        *out = pool;
    return e;
}

void espy_pool_destroy(espy_ctx *cx, espy_pool **at)
{
    espy_pool *pool = *at;
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    espy_free(cx, pool->threads);
    espy_free(cx, pool->seats);
    espy_free(cx, pool);
    *at = NULL;
}

unsigned espy_pool_size(const espy_pool *pool)
{
    return pool ? pool->size : 1;
}

static espy_err pool_alone(espy_ctx *cx, size_t n, espy_task *task, void *self)
{
    for (size_t i = 0; i < n; i++) {
        ESPY_TRY(espy_cancelled(cx));
        ESPY_TRY(task(cx, self, i, 0));
    }
    return ESPY_E_OK;
}

espy_err espy_parallel(espy_ctx *cx, size_t n, espy_task *task, void *self)
{
    espy_pool *pool = cx->pool;
    if (!pool || pool->size == 1 || n < 2)
        return pool_alone(cx, n, task, self);
    pool_job job = {.task = task, .self = self, .n = n, .child = espy_ctx_child(cx), .cx = cx};
    job.child.pool = NULL; /* P3 */
    pthread_mutex_lock(&pool->lock);
    while (pool->job) /* P1: another thread's job is running */
        pthread_cond_wait(&pool->done, &pool->lock);
    pool->job = &job;
    pool->round++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);

    pool_work(pool, &job, 0);

    pthread_mutex_lock(&pool->lock);
    while (job.inside) /* P2 */
        pthread_cond_wait(&pool->done, &pool->lock);
    pool->job = NULL;
    pthread_cond_broadcast(&pool->done);
    pthread_mutex_unlock(&pool->lock);
    return job.err;
}
