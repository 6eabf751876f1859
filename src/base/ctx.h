/* SPDX-License-Identifier: Apache-2.0
 * base - the context that every fallible call takes first: the reason of a failure, the allocator,
 * limits, logging, cancellation and the thread pool.
 *
 * A context belongs to one thread at a time.  Work handed to the pool gets a child context each
 * (pool.h), whose first failure is carried back.  Nothing here is global. */
#ifndef ESPY_BASE_CTX_H
#define ESPY_BASE_CTX_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "espy/espy.h"

#if defined(__GNUC__)
#define ESPY_NODISCARD __attribute__((warn_unused_result))
#define ESPY_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define ESPY_NODISCARD
#define ESPY_PRINTF(fmt, first)
#endif

typedef struct espy_pool espy_pool;
typedef struct espy_io espy_io;

/* The allocator.  resize(self, NULL, n, align) allocates, resize(self, p, 0, 0) frees and returns
 * NULL, else it moves.  align 0: as malloc; a power of two is given only with p NULL.
 * Must be callable from any thread. */
typedef struct espy_memory {
    void *(*resize)(void *self, void *p, size_t n, size_t align);
    void *self;
} espy_memory;

/* Bounds on what is read from outside; checked before anything is allocated. */
typedef struct espy_limits {
    size_t file_bytes;   /* one media file, network or foreign file */
    size_t image_pixels; /* width x height of one picture */
    size_t image_side;   /* width or height */
} espy_limits;

typedef enum espy_log_level {
    ESPY_LOG_ERROR,
    ESPY_LOG_WARN,
    ESPY_LOG_INFO,
    ESPY_LOG_DEBUG
} espy_log_level;

/* Receives one line without newline.  May be called from several threads. */
typedef void espy_log_fn(void *self, espy_log_level level, const char *line);

typedef struct espy_ctx {
    espy_err code;    /* the first failure since espy_clear() */
    char text[512];   /* its text: one line that says what to do */
    const char *file; /* where it was found */
    int line;
    espy_memory memory;
    espy_limits max;
    const espy_io *io; /* file operations, replaced by fault tests */
    espy_log_fn *log;  /* NULL: silent */
    void *log_self;
    espy_log_level log_level;
    const atomic_bool *cancel; /* NULL, or set to true to make long work stop with CANCELLED */
    espy_pool *pool;           /* NULL: everything runs in the calling thread */
} espy_ctx;

/* Fills a context: C allocator, default limits, real files, no log, no cancel, no pool. */
void espy_ctx_init(espy_ctx *cx);

/* A context for another thread: everything shared but the failure. */
espy_ctx espy_ctx_child(const espy_ctx *cx);

/* Carries the child's failure, if any, into cx (first wins) and returns it. */
espy_err espy_ctx_adopt(espy_ctx *cx, const espy_ctx *child);

/* Notes a failure where it is found and returns its code.  The first one wins. */
espy_err espy_fail_at(espy_ctx *cx, const char *file, int line, espy_err code, const char *fmt, ...)
    ESPY_PRINTF(5, 6);
#define espy_fail(cx, code, ...) espy_fail_at((cx), __FILE__, __LINE__, (code), __VA_ARGS__)

/* Puts "prefix: " before the text of the failure noted in cx, so that the reader learns which file
 * or item it was; returns the code that is noted. */
espy_err espy_fail_in(espy_ctx *cx, const char *fmt, ...) ESPY_PRINTF(2, 3);

/* Forgets the failure, for callers that carry on (one bad picture among many). */
void espy_clear(espy_ctx *cx);

/* CANCELLED once the cancel flag is set, else OK.  Call it in loops that take long. */
espy_err espy_cancelled(espy_ctx *cx) ESPY_NODISCARD;

/* For a failure that changes nothing, such as that of telling somebody. */
static inline void espy_ignore(espy_err e)
{
    (void)e;
}

void espy_log(const espy_ctx *cx, espy_log_level level, const char *fmt, ...) ESPY_PRINTF(3, 4);

/* Returns the error to the caller when nothing is held; with something held use `goto out`. */
#define ESPY_TRY(expr)                   \
    do {                                 \
        espy_err espy_try_err_ = (expr); \
        if (espy_try_err_ != ESPY_E_OK)  \
            return espy_try_err_;        \
    } while (0)
/* The same with something held: needs `espy_err e` and a label `out`. */
#define ESPY_GO(expr)       \
    do {                    \
        e = (expr);         \
        if (e != ESPY_E_OK) \
            goto out;       \
    } while (0)

#endif
