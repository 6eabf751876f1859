/* SPDX-License-Identifier: Apache-2.0
 * What several tests need: where the shared data are, golden arrays, skipping, failing allocators.
 */
#ifndef ESPY_TESTS_SUPPORT_H
#define ESPY_TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"

/* Under a sanitizer, where less has to do. */
#if defined(__has_feature)
#define TEST_SLOW (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_SLOW 1
#else
#define TEST_SLOW 0
#endif

/* Path of a file in ../shared (or $ESPY_SHARED), in a static buffer; NULL when it is not there. */
const char *test_shared(const char *relative);

/* Path of a file in the source tree, in a static buffer (two alternate). */
const char *test_source(const char *relative);

/* Ends the program with exit code 77 and the reason: everything in it needs this. */
void test_skip_all(const char *why) __attribute__((noreturn));

/* An .npy v1 file (C order) read whole; only '<f4', '<f8', '<i8', '|u1'.  Fails the test on error.
 */
typedef struct test_array {
    void *data;
    char kind; /* 'f' float, 'd' double, 'i' int64, 'u' uint8 */
    int rank;
    size_t dims[6], n;
} test_array;
test_array test_npy(const char *path);
void test_array_free(test_array *a);

/* Path of a new empty folder, in a static buffer; it is gone when the program ends. */
const char *test_folder(void);

/* Path of the file NAMESUFFIX in that folder, which is made when there is none, in a static buffer
 * (four alternate). */
const char *test_path(const char *name, const char *suffix);

/* Bytes of a file; fails the test when it cannot be read. */
espy_buf test_read(espy_ctx *cx, const char *path);

/* A context with standard limits whose allocator counts live blocks and can be told to fail. */
typedef struct test_memory {
    long live;      /* blocks not freed */
    long countdown; /* the allocation that fails: 1 is the next; 0 none */
    int sticky;     /* all later ones fail too */
    int hit;        /* whether one was failed */
} test_memory;
void test_memory_init(espy_ctx *cx, test_memory *m);

/* Runs `expr` (an espy_err) with the 1st, 2nd, 3rd ... allocation failing, until it passes without
 * a failure being hit; demands NOMEM whenever one was hit.  `after` frees what a success made.
 * Leaks are reported by the live count. */
#define TEST_FAULT_LOOP(cx, m, expr, after)                \
    do {                                                   \
        for (long fault_n_ = 1;; fault_n_++) {             \
            espy_clear(cx);                                \
            long live_before_ = (m)->live;                 \
            (m)->countdown = fault_n_;                     \
            (m)->hit = 0;                                  \
            espy_err fault_e_ = (expr);                    \
            (m)->countdown = 0;                            \
            if ((m)->hit && fault_e_ != ESPY_E_OK) {       \
                assert_int_equal(fault_e_, ESPY_E_NOMEM);  \
                assert_int_equal((m)->live, live_before_); \
            } else {                                       \
                assert_int_equal(fault_e_, ESPY_E_OK);     \
                after;                                     \
                assert_int_equal((m)->live, live_before_); \
                if (!(m)->hit)                             \
                    break;                                 \
            }                                              \
        }                                                  \
        espy_clear(cx);                                    \
    } while (0)

#endif
