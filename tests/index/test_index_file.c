/* SPDX-License-Identifier: Apache-2.0
 * index: files that are opened where they lie, and files that are not what they say. */
#include "index_case.h"

#include <errno.h>

#include "base/digest.h"
#include "base/pool.h"
#include "index/index_parts.h"

static const struct {
    espy_near_kind kind;
    espy_index_method method;
    bool keep;
} shapes[] = {
    {ESPY_NEAR_F32, ESPY_INDEX_SCAN, false},   {ESPY_NEAR_BF16, ESPY_INDEX_SCAN, false},
    {ESPY_NEAR_INT8, ESPY_INDEX_SCAN, true},   {ESPY_NEAR_F32, ESPY_INDEX_GRAPH, false},
    {ESPY_NEAR_BF16, ESPY_INDEX_GRAPH, true},  {ESPY_NEAR_INT8, ESPY_INDEX_GRAPH, true},
    {ESPY_NEAR_INT8, ESPY_INDEX_GRAPH, false},
};
#define SHAPES (sizeof shapes / sizeof *shapes)

static espy_index *open_index(espy_ctx *cx, const char *path)
{
    espy_index *ix = NULL;
    if (espy_index_open(cx, path, &ix) != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return ix;
}

static void check_same(espy_ctx *cx, const espy_index *a, const espy_index *b, const index_case *c)
{
    case_answer x = case_ask(cx, a, c, &(espy_index_query){.k = 6});
    case_answer y = case_ask(cx, b, c, &(espy_index_query){.k = 6});
    assert_int_equal(espy_index_count(a), espy_index_count(b));
    assert_true(case_same(&x, &y));
    case_answer_free(&x);
    case_answer_free(&y);
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(TEST_SLOW ? 300 : 1500, 40, 20);
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < SHAPES; i++) {
        const char *path = test_path("round", ".idx"), *again = test_path("again", ".idx");
        espy_index *ix = case_index(&cx, &c, shapes[i].kind, shapes[i].method, shapes[i].keep);
        for (size_t r = 0; r < c.n; r += 5)
            assert_int_equal(espy_index_remove(&cx, ix, c.ids[r]), ESPY_E_OK);
        assert_int_equal(espy_index_save(&cx, ix, path), ESPY_E_OK);
        espy_index *opened = open_index(&cx, path);
        const espy_index_options a = espy_index_settings(ix), b = espy_index_settings(opened);
        assert_true(a.kind == b.kind && a.method == b.method && a.keep == b.keep &&
                    a.links == b.links && a.effort == b.effort);
        check_same(&cx, ix, opened, &c);
        /* saved from the map, over the file that is mapped: the same bytes */
        assert_int_equal(espy_index_save(&cx, opened, again), ESPY_E_OK);
        assert_int_equal(espy_index_save(&cx, opened, path), ESPY_E_OK);
        espy_buf x = test_read(&cx, path), y = test_read(&cx, again);
        assert_int_equal(x.size, y.size);
        assert_memory_equal(x.data, y.data, x.size);
        espy_buf_free(&cx, &x);
        espy_buf_free(&cx, &y);
        check_same(&cx, ix, opened, &c);
        /* changes after opening are those of the index that was never saved */
        for (size_t r = 0; r < c.n; r += 10) {
            const float *v = c.vectors + r * c.dim;
            assert_int_equal(espy_index_add(&cx, ix, &c.ids[r], v, 1), ESPY_E_OK);
            assert_int_equal(espy_index_add(&cx, opened, &c.ids[r], v, 1), ESPY_E_OK);
        }
        assert_int_equal(espy_index_add(&cx, opened, c.ids, c.vectors, 1), ESPY_E_EXISTS);
        espy_clear(&cx);
        assert_int_equal(espy_index_remove(&cx, ix, c.ids[1]), ESPY_E_OK);
        assert_int_equal(espy_index_remove(&cx, opened, c.ids[1]), ESPY_E_OK);
        check_same(&cx, ix, opened, &c);
        espy_index_destroy(&cx, &ix);
        espy_index_destroy(&cx, &opened);
    }
    case_free(&c);
    assert_int_equal(m.live, 0);
}

/* The same calls give the same file on any number of threads. */
static void test_same_bytes(void **state)
{
    (void)state;
    index_case c = case_make(TEST_SLOW ? 700 : 3000, 32, 1);
    espy_buf first = {0};
    for (unsigned threads = 1; threads <= 3; threads++) {
        espy_ctx cx;
        const char *path = test_path("bytes", ".idx");
        espy_ctx_init(&cx);
        assert_int_equal(espy_pool_create(&cx, threads, &cx.pool), ESPY_E_OK);
        espy_index *ix = case_index(&cx, &c, ESPY_NEAR_INT8, ESPY_INDEX_GRAPH, false);
        assert_int_equal(espy_index_save(&cx, ix, path), ESPY_E_OK);
        espy_buf b = test_read(&cx, path);
        if (threads == 1) {
            first = b;
        } else {
            assert_int_equal(b.size, first.size);
            assert_memory_equal(b.data, first.data, b.size);
            espy_buf_free(&cx, &b);
        }
        if (threads == 3)
            espy_buf_free(&cx, &first);
        espy_index_destroy(&cx, &ix);
        espy_pool_destroy(&cx, &cx.pool);
    }
    case_free(&c);
}

static void test_empty(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case none = case_make(0, 5, 3), some = case_make(3, 5, 3);
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < SHAPES; i++) {
        const char *path = test_path("empty", ".idx");
        espy_index *ix = case_index(&cx, &none, shapes[i].kind, shapes[i].method, shapes[i].keep);
        assert_int_equal(espy_index_save(&cx, ix, path), ESPY_E_OK);
        espy_index_destroy(&cx, &ix);
        ix = open_index(&cx, path);
        case_answer a = case_ask(&cx, ix, &none, &(espy_index_query){.k = 1});
        assert_int_equal(a.found[0] + a.found[1] + a.found[2], 0);
        case_answer_free(&a);
        assert_int_equal(espy_index_add(&cx, ix, some.ids, some.vectors, 3), ESPY_E_OK);
        a = case_ask(&cx, ix, &some, &(espy_index_query){.k = 5});
        assert_int_equal(a.found[0], 3);
        case_answer_free(&a);
        espy_index_destroy(&cx, &ix);
    }
    case_free(&none);
    case_free(&some);
    assert_int_equal(m.live, 0);
}

static int no_sync(int fd)
{
    (void)fd;
    return 0;
}

static void must_refuse(espy_ctx *cx, const char *path, const uint8_t *p, size_t n)
{
    espy_index *ix = NULL;
    assert_int_equal(espy_file_write(cx, path, p, n), ESPY_E_OK);
    assert_int_equal(espy_index_open(cx, path, &ix), ESPY_E_FORMAT);
    assert_null(ix);
    assert_true(cx->text[0] && !strchr(cx->text, '\n'));
    espy_clear(cx);
}

/* Every cut and every changed byte is seen. */
static void test_damaged(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(40, 6, 1);
    const char *path = test_path("damaged", ".idx");
    espy_io io = espy_io_posix;
    io.sync = no_sync; /* thousands of files */
    test_memory_init(&cx, &m);
    cx.io = &io;
    for (size_t i = 0; i < SHAPES; i++) {
        espy_index *ix = case_index(&cx, &c, shapes[i].kind, shapes[i].method, shapes[i].keep);
        assert_int_equal(espy_index_save(&cx, ix, path), ESPY_E_OK);
        espy_index_destroy(&cx, &ix);
        espy_buf b = test_read(&cx, path);
        for (size_t n = 0; n < b.size; n += n < 600 ? 1 : 97)
            must_refuse(&cx, path, b.data, n);
        for (size_t at = 0; at < b.size; at += at < 600 ? 1 : 31) {
            b.data[at] ^= (uint8_t)(1u << at % 8);
            must_refuse(&cx, path, b.data, b.size);
            b.data[at] ^= (uint8_t)(1u << at % 8);
        }
        assert_int_equal(espy_buf_append(&cx, &b, "", 1), ESPY_E_OK);
        must_refuse(&cx, path, b.data, b.size);
        espy_buf_free(&cx, &b);
    }
    espy_index *ix = NULL;
    assert_int_equal(espy_index_open(&cx, test_path("nothing", ".idx"), &ix), ESPY_E_NOT_FOUND);
    espy_clear(&cx);
    assert_int_equal(espy_index_open(&cx, test_folder(), &ix), ESPY_E_IO);
    case_free(&c);
    assert_int_equal(m.live, 0);
}

/* Bytes that somebody made up, digests and all: they are refused, or can be searched and changed.
 */
static void test_hostile(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_random r;
    index_case c = case_make(60, 6, 5);
    test_memory_init(&cx, &m);
    espy_random_seed(&r, 8, 8);
    for (size_t i = 0; i < SHAPES; i++) {
        const char *path = test_path("hostile", ".idx");
        espy_index *ix = case_index(&cx, &c, shapes[i].kind, shapes[i].method, shapes[i].keep);
        assert_int_equal(espy_index_remove(&cx, ix, c.ids[7]), ESPY_E_OK);
        assert_int_equal(espy_index_save(&cx, ix, path), ESPY_E_OK);
        espy_index_destroy(&cx, &ix);
        espy_buf good = test_read(&cx, path);
        uint8_t *bad = espy_alloc(&cx, good.size);
        size_t taken = 0;
        for (int round = 0; round < (TEST_SLOW ? 300 : 3000); round++) {
            memcpy(bad, good.data, good.size);
            for (uint32_t hit = 1 + espy_random_below(&r, 3); hit > 0; hit--) {
                const size_t most = round % 3 ? good.size : 128;
                const uint32_t value = espy_random_u32(&r) >> espy_random_below(&r, 32);
                memcpy(bad + espy_random_below(&r, (uint32_t)(most / 4)) * 4, &value, 4);
            }
            espy_err e = espy_index_parse(&cx, (espy_span){bad, good.size}, &ix);
            assert_true(e == ESPY_E_OK || e == ESPY_E_FORMAT);
            espy_clear(&cx);
            if (e != ESPY_E_OK)
                continue;
            taken++;
            if (espy_index_dim(ix) == c.dim) {
                case_answer a = case_ask(&cx, ix, &c, &(espy_index_query){.k = 9});
                case_answer_free(&a);
                e = espy_index_remove(&cx, ix, c.ids[2]);
                espy_clear(&cx);
                e = espy_index_add(&cx, ix, &(int64_t){1}, c.queries, 1);
                espy_clear(&cx);
            }
            espy_index_destroy(&cx, &ix);
        }
        assert_true(taken > 0);
        espy_free(&cx, bad);
        espy_buf_free(&cx, &good);
    }
    case_free(&c);
    assert_int_equal(m.live, 0);
}

static int writes_left;

static ssize_t failing_write(int fd, const void *p, size_t n)
{
    if (writes_left-- > 0)
        return espy_io_posix.write(fd, p, n);
    errno = ENOSPC;
    return -1;
}

/* A save that fails leaves the old file. */
static void test_full_disk(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(50, 6, 3);
    const char *path = test_path("full", ".idx");
    espy_io io = espy_io_posix;
    io.write = failing_write;
    test_memory_init(&cx, &m);
    espy_index *old = case_index(&cx, &c, ESPY_NEAR_INT8, ESPY_INDEX_GRAPH, true);
    espy_index *new = case_index(&cx, &c, ESPY_NEAR_INT8, ESPY_INDEX_GRAPH, true);
    assert_int_equal(espy_index_remove(&cx, new, c.ids[0]), ESPY_E_OK);
    assert_int_equal(espy_index_save(&cx, old, path), ESPY_E_OK);
    for (int n = 0; n < 5; n++) {
        writes_left = n;
        cx.io = &io;
        assert_int_equal(espy_index_save(&cx, new, path), ESPY_E_IO);
        cx.io = &espy_io_posix;
        espy_clear(&cx);
        espy_index *ix = open_index(&cx, path);
        check_same(&cx, ix, old, &c);
        espy_index_destroy(&cx, &ix);
    }
    espy_index_destroy(&cx, &old);
    espy_index_destroy(&cx, &new);
    case_free(&c);
    assert_int_equal(m.live, 0);
}

static espy_err save_open_add(espy_ctx *cx, const espy_index *ix, const index_case *c,
                              espy_index **out)
{
    espy_index *opened = NULL;
    const char *path = test_path("memory", ".idx");
    ESPY_TRY(espy_index_save(cx, ix, path));
    ESPY_TRY(espy_index_open(cx, path, &opened));
    espy_err e = espy_index_add(cx, opened, &(int64_t){1}, c->queries, 1);
    if (e == ESPY_E_OK)
        *out = opened;
    else
        espy_index_destroy(cx, &opened);
    return e;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    index_case c = case_make(50, 6, 3);
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < SHAPES; i++) {
        espy_index *opened = NULL,
                   *ix = case_index(&cx, &c, shapes[i].kind, shapes[i].method, shapes[i].keep);
        TEST_FAULT_LOOP(&cx, &m, save_open_add(&cx, ix, &c, &opened),
                        espy_index_destroy(&cx, &opened));
        espy_index_destroy(&cx, &ix);
    }
    case_free(&c);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_empty),         cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_hostile),       cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
