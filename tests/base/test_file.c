/* SPDX-License-Identifier: Apache-2.0
 * base/file: reading, crash-safe writing with every single call failing, folders. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* File operations of which the n-th fails with `fault_errno`; 0: none.  Writes are cut short in any
 * case, so that going on after a short write is tested too. */
static long fault_at, fault_seen;
static int fault_errno;

static bool fault_now(void)
{
    fault_seen++;
    if (fault_seen != fault_at)
        return false;
    errno = fault_errno;
    return true;
}

static int fault_open(const char *path, int flags, unsigned mode)
{
    return fault_now() ? -1 : open(path, flags, mode);
}

static ssize_t fault_read(int fd, void *p, size_t n)
{
    return fault_now() ? -1 : read(fd, p, n > 700 ? 700 : n);
}

static ssize_t fault_write(int fd, const void *p, size_t n)
{
    return fault_now() ? -1 : write(fd, p, n > 700 ? 700 : n);
}

static int fault_sync(int fd)
{
    return fault_now() ? -1 : fsync(fd);
}

static int fault_close(int fd)
{
    int bad = close(fd); /* the descriptor is gone in any case, as close(2) has it */
    return fault_now() ? -1 : bad;
}

static int fault_rename(const char *from, const char *to)
{
    return fault_now() ? -1 : rename(from, to);
}

static const espy_io fault_io = {fault_open,  fault_read,   fault_write, fault_sync,
                                 fault_close, fault_rename, unlink,      NULL};

static void fault_start(espy_ctx *cx, long at, int err)
{
    cx->io = &fault_io;
    fault_at = at;
    fault_seen = 0;
    fault_errno = err;
}

static int open_files(void)
{
    espy_ctx cx;
    espy_dir_list l = {0};
    espy_ctx_init(&cx);
    assert_int_equal(espy_dir_read(&cx, "/proc/self/fd", &l), ESPY_E_OK);
    int n = (int)l.n;
    espy_dir_list_free(&cx, &l);
    return n;
}

static void holds(espy_ctx *cx, const char *path, const char *text, size_t n)
{
    espy_buf b = test_read(cx, path);
    assert_int_equal(b.size, n);
    assert_memory_equal(b.data, text, n);
    espy_buf_free(cx, &b);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000};
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    char *path = espy_path_join(&cx, test_folder(), "f");
    char *text = espy_alloc(&cx, 300000);
    for (size_t i = 0; i < 300000; i++)
        text[i] = (char)(i * 7 + i / 256);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        assert_int_equal(espy_file_write(&cx, path, text, sizes[s]), ESPY_E_OK);
        holds(&cx, path, text, sizes[s]);
        espy_buf b;
        assert_int_equal(espy_file_read(&cx, path, sizes[s], &b), ESPY_E_OK); /* exactly */
        assert_int_equal(b.data[b.size], 0);
        assert_int_equal(espy_buf_text(&cx, &b, ""), ESPY_E_OK);
        espy_buf_free(&cx, &b);
        if (sizes[s]) {
            assert_int_equal(espy_file_read(&cx, path, sizes[s] - 1, &b), ESPY_E_LIMIT);
            assert_non_null(strstr(cx.text, path));
            espy_clear(&cx);
        }
    }
    assert_int_equal(espy_file_append(&cx, path, "more", 4), ESPY_E_OK);
    espy_buf b = test_read(&cx, path);
    assert_int_equal(b.size, 300004);
    assert_memory_equal(b.data + 300000, "more", 4);
    espy_buf_free(&cx, &b);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(espy_file_append(&cx, path, "new", 3), ESPY_E_OK);
    holds(&cx, path, "new", 3);
    espy_free(&cx, path);
    espy_free(&cx, text);
    assert_int_equal(m.live, 0);
}

/* After a failure of any one call the old or the new content is there, whole, and nothing else. */
static void test_every_call_fails(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    char old[3000], new[2500];
    test_memory_init(&cx, &m);
    const char *dir = test_folder();
    char *path = espy_path_join(&cx, dir, "f");
    memset(old, 'o', sizeof old);
    memset(new, 'n', sizeof new);
    int files = open_files();
    bool done = false;
    for (long n = 1; !done; n++) {
        cx.io = &espy_io_posix;
        assert_int_equal(espy_file_write(&cx, path, old, sizeof old), ESPY_E_OK);
        fault_start(&cx, n, EIO);
        espy_err e = espy_file_write(&cx, path, new, sizeof new);
        done = fault_seen < n;
        assert_int_equal(e == ESPY_E_OK, done || cx.code == ESPY_E_OK);
        cx.io = &espy_io_posix;
        espy_clear(&cx);
        espy_buf b = test_read(&cx, path);
        if (b.data[0] == 'o' && !done) {
            assert_int_equal(e, ESPY_E_IO);
            assert_int_equal(b.size, sizeof old);
            assert_memory_equal(b.data, old, sizeof old);
        } else {
            assert_int_equal(b.size, sizeof new);
            assert_memory_equal(b.data, new, sizeof new);
        }
        espy_buf_free(&cx, &b);
        espy_dir_list l = {0};
        assert_int_equal(espy_dir_read(&cx, dir, &l), ESPY_E_OK);
        assert_int_equal(l.n, 1);
        espy_dir_list_free(&cx, &l);
        assert_true(n < 50);
    }
    assert_int_equal(open_files(), files);
    espy_free(&cx, path);
    assert_int_equal(m.live, 0);
}

static void test_reading_fails(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    char text[3000];
    test_memory_init(&cx, &m);
    char *path = espy_path_join(&cx, test_folder(), "f");
    memset(text, 'x', sizeof text);
    assert_int_equal(espy_file_write(&cx, path, text, sizeof text), ESPY_E_OK);
    int files = open_files();
    for (long n = 1; n <= 6; n++) { /* open, then reads of 700 bytes */
        fault_start(&cx, n, EIO);
        assert_int_equal(espy_file_read(&cx, path, 10000, &b), ESPY_E_IO);
        assert_non_null(strstr(cx.text, path));
        espy_clear(&cx);
    }
    fault_start(&cx, 3, EINTR); /* a signal is no failure */
    assert_int_equal(espy_file_read(&cx, path, 10000, &b), ESPY_E_OK);
    assert_int_equal(b.size, sizeof text);
    espy_buf_free(&cx, &b);
    fault_start(&cx, 2, EINTR);
    assert_int_equal(espy_file_write(&cx, path, text, 10), ESPY_E_OK);
    for (long n = 1; n <= 3; n++) {
        fault_start(&cx, n, EIO);
        assert_int_equal(espy_file_append(&cx, path, "x", 1), ESPY_E_IO);
        espy_clear(&cx);
    }
    cx.io = &espy_io_posix;
    TEST_FAULT_LOOP(&cx, &m, espy_file_read(&cx, path, 10000, &b), espy_buf_free(&cx, &b));
    TEST_FAULT_LOOP(&cx, &m, espy_file_write(&cx, path, "y", 1), (void)0);
    assert_int_equal(open_files(), files);
    espy_free(&cx, path);
    assert_int_equal(m.live, 0);
}

static void test_remedies(void **state)
{
    (void)state;
    espy_ctx cx;
    espy_buf b;
    espy_ctx_init(&cx);
    const char *dir = test_folder();
    char *path = espy_path_join(&cx, dir, "f");
    fault_start(&cx, 2, ENOSPC);
    assert_int_equal(espy_file_write(&cx, path, "x", 1), ESPY_E_IO);
    assert_non_null(strstr(cx.text, "make room on the disk"));
    espy_clear(&cx);
    fault_start(&cx, 1, EACCES);
    assert_int_equal(espy_file_write(&cx, path, "x", 1), ESPY_E_IO);
    assert_non_null(strstr(cx.text, "who may"));
    espy_clear(&cx);
    fault_start(&cx, 1, EROFS);
    assert_int_equal(espy_file_write(&cx, path, "x", 1), ESPY_E_IO);
    assert_non_null(strstr(cx.text, "can be written"));
    espy_clear(&cx);
    cx.io = &espy_io_posix;
    assert_int_equal(espy_file_read(&cx, path, 10, &b), ESPY_E_NOT_FOUND);
    assert_non_null(strstr(cx.text, path));
    espy_clear(&cx);
    assert_int_equal(espy_file_read(&cx, dir, 10, &b), ESPY_E_IO);
    assert_non_null(strstr(cx.text, "is a folder"));
    espy_clear(&cx);
    assert_int_equal(espy_file_write(&cx, dir, "x", 1), ESPY_E_IO); /* rename onto a folder */
    espy_clear(&cx);
    /* no size is announced there: the limit holds for what is read */
    assert_int_equal(espy_file_read(&cx, "/dev/zero", 100000, &b), ESPY_E_LIMIT);
    espy_clear(&cx);
    /* a file of which only the size is large must not be allocated */
    assert_int_equal(espy_file_write(&cx, path, "x", 1), ESPY_E_OK);
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
    assert_int_equal(espy_file_read(&cx, path, 1 << 20, &b), ESPY_E_LIMIT);
    espy_free(&cx, path);
}

static char *put(espy_ctx *cx, const char *dir, const char *name)
{
    char *path = espy_path_join(cx, dir, name);
    assert_int_equal(espy_file_write(cx, path, name, strlen(name)), ESPY_E_OK);
    return path;
}

static void test_dir_read(void **state)
{
    (void)state;
    static const char *const names[] = {"b", "a", "B", ".hidden", "\xc3\xa9", "a10", "a2"};
    static const char *const want[] = {"B", "a", "a10", "a2", "b", "sub", "\xc3\xa9"};
    espy_ctx cx;
    test_memory m;
    espy_dir_list l = {0};
    test_memory_init(&cx, &m);
    const char *dir = test_folder();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        espy_free(&cx, put(&cx, dir, names[i]));
    char *sub = espy_path_join(&cx, dir, "sub"), *dangling = espy_path_join(&cx, dir, "dangling");
    assert_int_equal(espy_dir_make(&cx, sub), ESPY_E_OK);
    assert_int_equal(symlink("/nowhere/at/all", dangling), 0);
    TEST_FAULT_LOOP(&cx, &m, espy_dir_read(&cx, dir, &l), espy_dir_list_free(&cx, &l));
    assert_int_equal(espy_dir_read(&cx, dir, &l), ESPY_E_OK);
    assert_int_equal(l.n, sizeof want / sizeof *want);
    for (size_t i = 0; i < l.n; i++) {
        assert_string_equal(l.at[i].name, want[i]);
        assert_int_equal(l.at[i].is_dir, strcmp(want[i], "sub") == 0);
        if (!l.at[i].is_dir)
            assert_int_equal(l.at[i].size, strlen(want[i]));
    }
    espy_dir_list_free(&cx, &l);
    for (int i = 0; i < 200; i++) { /* the list grows */
        char name[16];
        snprintf(name, sizeof name, "n%03d", i);
        char *path = espy_path_join(&cx, sub, name);
        assert_int_equal(espy_file_append(&cx, path, "", 0), ESPY_E_OK);
        espy_free(&cx, path);
    }
    assert_int_equal(espy_dir_read(&cx, sub, &l), ESPY_E_OK);
    assert_int_equal(l.n, 200);
    assert_string_equal(l.at[199].name, "n199");
    espy_dir_list_free(&cx, &l);
    espy_free(&cx, sub);
    sub = espy_path_join(&cx, dir, "absent");
    assert_int_equal(espy_dir_read(&cx, sub, &l), ESPY_E_NOT_FOUND);
    espy_free(&cx, sub);
    espy_free(&cx, dangling);
    assert_int_equal(m.live, 0);
}

static void test_dir_remove(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    const char *dir = test_folder();
    char *keep = espy_path_join(&cx, dir, "keep"), *tree = espy_path_join(&cx, dir, "tree");
    char *deep = espy_path_join(&cx, tree, "a/b/c"), *link = espy_path_join(&cx, tree, "a/link");
    char *alias = espy_path_join(&cx, dir, "alias");
    assert_int_equal(espy_dir_make(&cx, keep), ESPY_E_OK);
    assert_int_equal(espy_dir_make(&cx, deep), ESPY_E_OK);
    assert_int_equal(espy_dir_make(&cx, deep), ESPY_E_OK); /* fine when it is there */
    char *kept = put(&cx, keep, "file");
    espy_free(&cx, put(&cx, deep, ".hidden"));
    espy_free(&cx, put(&cx, deep, "seen"));
    assert_int_equal(symlink(keep, link), 0);
    assert_int_equal(symlink(keep, alias), 0);
    assert_int_equal(espy_dir_remove(&cx, tree), ESPY_E_OK);
    assert_false(espy_dir_exists(tree));
    assert_true(espy_file_exists(kept)); /* the link was removed, not followed */
    assert_int_equal(espy_dir_remove(&cx, tree), ESPY_E_OK);
    assert_int_equal(espy_dir_remove(&cx, alias), ESPY_E_IO); /* a link itself is not entered */
    assert_true(espy_file_exists(kept));
    espy_clear(&cx);
    assert_int_equal(espy_dir_remove(&cx, kept), ESPY_E_IO);
    espy_clear(&cx);
    assert_int_equal(espy_dir_make(&cx, kept), ESPY_E_IO); /* a file is in the way */
    assert_non_null(strstr(cx.text, kept));
    espy_clear(&cx);
    TEST_FAULT_LOOP(&cx, &m, espy_dir_make(&cx, deep), (void)0);
    while (espy_dir_exists(tree)) { /* one allocation further each time */
        static long n;
        m.countdown = ++n;
        m.hit = 0;
        espy_err e = espy_dir_remove(&cx, tree);
        assert_int_equal(e, m.hit ? ESPY_E_NOMEM : ESPY_E_OK);
        espy_clear(&cx);
    }
    m.countdown = 0;
    espy_free(&cx, keep);
    espy_free(&cx, kept);
    espy_free(&cx, tree);
    espy_free(&cx, deep);
    espy_free(&cx, link);
    espy_free(&cx, alias);
    assert_int_equal(m.live, 0);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b, *joined;
    } t[] = {{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *p = espy_path_join(&cx, t[i].a, t[i].b);
        assert_string_equal(p, t[i].joined);
        espy_free(&cx, p);
    }
    assert_string_equal(espy_path_name("/a/b.c"), "b.c");
    assert_string_equal(espy_path_name("b.c"), "b.c");
    assert_string_equal(espy_path_name("a/"), "");
    assert_string_equal(espy_path_suffix("/a.b/c.tar.JPG"), ".JPG");
    assert_string_equal(espy_path_suffix("/a.b/c"), "");
    assert_string_equal(espy_path_suffix("/a/.hidden"), "");
    char *program = espy_path_program(&cx);
    assert_true(program && espy_dir_exists(program));
    espy_free(&cx, program);
}

typedef struct writer {
    const char *path;
    char letter;
    espy_err e;
} writer;

static void *writer_main(void *self)
{
    writer *w = self;
    espy_ctx cx;
    char text[5000];
    espy_ctx_init(&cx);
    memset(text, w->letter, sizeof text);
    for (int i = 0; i < 30 && w->e == ESPY_E_OK; i++)
        w->e = espy_file_write(&cx, w->path, text, sizeof text);
    return NULL;
}

/* Two threads that write one file: at any time it is one's or the other's. */
static void test_two_writers(void **state)
{
    (void)state;
    espy_ctx cx;
    pthread_t id[2];
    espy_ctx_init(&cx);
    char *path = put(&cx, test_folder(), "f");
    writer w[2] = {{path, 'a', ESPY_E_OK}, {path, 'b', ESPY_E_OK}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&id[i], NULL, writer_main, &w[i]), 0);
    for (int i = 0; i < 100; i++) {
        espy_buf b = test_read(&cx, path);
        assert_true(b.size == 5000 || b.size == 1);
        for (size_t k = 1; k < b.size; k++)
            assert_int_equal(b.data[k], b.data[0]);
        espy_buf_free(&cx, &b);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(id[i], NULL), 0);
        assert_int_equal(w[i].e, ESPY_E_OK);
    }
    espy_free(&cx, path);
}

typedef struct waiter {
    espy_ctx cx;
    const char *path;
    espy_err e;
} waiter;

static void *lock_main(void *self)
{
    waiter *w = self;
    int fd = -1;
    w->e = espy_dir_lock(&w->cx, w->path, &fd);
    espy_dir_unlock(&w->cx, fd);
    return NULL;
}

static void test_lock(void **state)
{
    (void)state;
    espy_ctx cx;
    pthread_t id;
    waiter w = {.path = test_folder()};
    int fd = -1;
    atomic_bool stop = true;
    espy_ctx_init(&cx);
    espy_ctx_init(&w.cx);
    assert_int_equal(espy_dir_lock(&cx, "/nowhere", &fd), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    assert_int_equal(espy_dir_lock(&cx, w.path, &fd), ESPY_E_OK);
    w.cx.cancel = &stop;
    lock_main(&w);
    assert_int_equal(w.e, ESPY_E_CANCELLED);
    espy_clear(&w.cx);
    w.cx.cancel = NULL;
    assert_int_equal(pthread_create(&id, NULL, lock_main, &w), 0);
    usleep(50000);
    espy_dir_unlock(&cx, fd);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_int_equal(w.e, ESPY_E_OK);
    espy_dir_unlock(&cx, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_every_call_fails),
        cmocka_unit_test(test_reading_fails), cmocka_unit_test(test_remedies),
        cmocka_unit_test(test_dir_read),      cmocka_unit_test(test_dir_remove),
        cmocka_unit_test(test_paths),         cmocka_unit_test(test_two_writers),
        cmocka_unit_test(test_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
