/* SPDX-License-Identifier: Apache-2.0
 * base - the one thread pool.  It is made by the program (or espy_open) and passed in the context.
 * Work is cut into numbered items; results must not depend on which worker took which item, so that
 * they are equal on any number of threads. */
#ifndef ESPY_BASE_POOL_H
#define ESPY_BASE_POOL_H

#include "base/ctx.h"

/* Cores this process may use: the smaller of its affinity and its cgroup quota, at least 1. */
unsigned espy_cpu_count(void);

/* threads 0: espy_cpu_count().  The calling thread is one of them. */
espy_err espy_pool_create(espy_ctx *cx, unsigned threads, espy_pool **out) ESPY_NODISCARD;
void espy_pool_destroy(espy_ctx *cx, espy_pool **pool);
unsigned espy_pool_size(const espy_pool *pool); /* NULL: 1 */

/* One item of work.  cx: this worker's own context.  worker: 0..size-1, for scratch per worker. */
typedef espy_err espy_task(espy_ctx *cx, void *self, size_t item, unsigned worker);

/* Runs items 0..n-1 on all workers and waits.  The first failure (or the cancel flag) stops the
 * rest and is noted in cx.  A call from inside a task runs in that task's thread alone. */
espy_err espy_parallel(espy_ctx *cx, size_t n, espy_task *task, void *self) ESPY_NODISCARD;

#endif
