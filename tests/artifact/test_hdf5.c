/* SPDX-License-Identifier: Apache-2.0
 * artifact: HDF5 files.  Those of h5py are in fuzz/corpus/hdf5 (fuzz/seeds.py); ours are read back,
 * and by h5py where there is one. */
#include "support/support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "artifact/hdf5.h"

static const float hdf5_matrix[6] = {0, 1, 2, 3, 4, 5};
static const espy_hdf5_item hdf5_items[] = {
    {"layers/dense/vars/0", hdf5_matrix, 2, {2, 3}},
    {"layers/dense/vars/1", hdf5_matrix + 1, 1, {3, 0}},
    {"layers/dense_1/vars/0", hdf5_matrix + 2, 2, {1, 4}},
};
#define HDF5_ITEMS (sizeof hdf5_items / sizeof hdf5_items[0])

static espy_buf hdf5_seed(espy_ctx *cx, const char *name)
{
    char path[96] = "fuzz/corpus/hdf5/";
    return test_read(cx, test_source(strcat(path, name)));
}

static espy_err hdf5_write(espy_ctx *cx, espy_buf *out)
{
    espy_buf_init(out, 1 << 20);
    espy_err e = espy_hdf5_write(cx, hdf5_items, HDF5_ITEMS, out);
    if (e)
        espy_buf_free(cx, out);
    return e;
}

static espy_err hdf5_get(espy_ctx *cx, espy_span bytes, const char *path, espy_hdf5_array *a)
{
    espy_hdf5 h;
    espy_clear(cx);
    ESPY_TRY(espy_hdf5_open(cx, bytes, &h));
    return espy_hdf5_array_at(cx, &h, path, a);
}

static void test_round_trip(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b, again;
    espy_hdf5 h;
    bool there;
    test_memory_init(&cx, &m);
    assert_int_equal(hdf5_write(&cx, &b), ESPY_E_OK);
    assert_int_equal(hdf5_write(&cx, &again), ESPY_E_OK);
    assert_int_equal(b.size, again.size);
    assert_memory_equal(b.data, again.data, b.size);
    assert_int_equal(espy_hdf5_open(&cx, espy_span_of(&b), &h), ESPY_E_OK);
    for (size_t i = 0; i < HDF5_ITEMS; i++) {
        const espy_hdf5_item *item = &hdf5_items[i];
        espy_hdf5_array a;
        float x[6];
        assert_int_equal(espy_hdf5_array_at(&cx, &h, item->path, &a), ESPY_E_OK);
        assert_int_equal(a.rank, item->rank);
        assert_int_equal(a.dims[0], item->dims[0]);
        assert_int_equal(a.dims[1], item->dims[1]);
        assert_int_equal(espy_hdf5_floats(&cx, &a, item->path, x), ESPY_E_OK);
        assert_memory_equal(x, item->data, a.n * sizeof *x);
    }
    assert_int_equal(espy_hdf5_has(&cx, &h, "layers/dense/vars", &there), ESPY_E_OK);
    assert_true(there);
    assert_int_equal(espy_hdf5_has(&cx, &h, "layers/dense_2/vars", &there), ESPY_E_OK);
    assert_false(there);
    assert_int_equal(espy_hdf5_has(&cx, &h, "layers/dense/vars/0/1", &there), ESPY_E_OK);
    assert_false(there);
    assert_int_equal(espy_hdf5_has(&cx, &h, "layers//vars", &there), ESPY_E_ARG);
    espy_buf_free(&cx, &b);
    espy_buf_free(&cx, &again);
    assert_int_equal(m.live, 0);
}

static void test_refused_writes(void **state)
{
    (void)state;
    const espy_hdf5_item twice[] = {hdf5_items[0], hdf5_items[0]};
    const espy_hdf5_item below[] = {hdf5_items[1], {"layers/dense/vars/1/2", hdf5_matrix, 1, {1}}};
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    espy_buf_init(&b, 1 << 20);
    assert_int_equal(espy_hdf5_write(&cx, twice, 2, &b), ESPY_E_ARG);
    espy_clear(&cx);
    assert_int_equal(espy_hdf5_write(&cx, below, 2, &b), ESPY_E_NOMEM);
    espy_clear(&cx);
    espy_buf_init(&b, 1024);
    assert_int_equal(espy_hdf5_write(&cx, hdf5_items, HDF5_ITEMS, &b), ESPY_E_LIMIT);
    assert_int_equal(m.live, 0);
}

/* What h5py wrote. */
static void test_foreign(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_hdf5_array a;
    float x[8];
    test_memory_init(&cx, &m);
    espy_buf b = hdf5_seed(&cx, "numbers.h5");
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "vars/0", &a), ESPY_E_OK);
    assert_true(a.type == ESPY_HDF5_F32 && a.rank == 2 && a.dims[0] == 2 && a.dims[1] == 3);
    assert_memory_equal(a.data, hdf5_matrix, sizeof hdf5_matrix);
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "vars/1", &a), ESPY_E_OK);
    assert_true(a.type == ESPY_HDF5_F64 && a.rank == 1 && a.n == 3);
    assert_int_equal(espy_hdf5_floats(&cx, &a, "vars/1", x), ESPY_E_OK);
    assert_true(x[0] == 0 && x[1] == 0.25f && x[2] == 0.5f);
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "vars/2", &a), ESPY_E_OK);
    assert_true(a.type == ESPY_HDF5_INT && a.rank == 0 && a.n == 1);
    assert_int_equal(espy_hdf5_floats(&cx, &a, "vars/2", x), ESPY_E_UNSUPPORTED);
    assert_non_null(strstr(cx.text, "vars/2"));
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "vars/3", &a), ESPY_E_OK);
    assert_true(a.type == ESPY_HDF5_F32 && a.rank == 0 && a.n == 1);
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "vars/4", &a), ESPY_E_OK);
    assert_true(a.rank == 2 && a.n == 0 && a.dims[1] == 4);
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "compact", &a), ESPY_E_OK);
    assert_int_equal(espy_hdf5_floats(&cx, &a, "compact", x), ESPY_E_OK);
    assert_true(a.n == 2 && x[0] == 1.5f && x[1] == 2.5f);
    espy_buf_free(&cx, &b);
    b = hdf5_seed(&cx, "deep_tree.h5"); /* a tree of two levels */
    for (int i = 0; i <= 300; i++) {
        char name[8];
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(hdf5_get(&cx, espy_span_of(&b), name, &a), ESPY_E_OK);
    }
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "301", &a), ESPY_E_FORMAT);
    espy_buf_free(&cx, &b);
    b = hdf5_seed(&cx, "many_attributes.h5"); /* a header in several blocks */
    assert_int_equal(hdf5_get(&cx, espy_span_of(&b), "0", &a), ESPY_E_OK);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

static void test_unread(void **state)
{
    (void)state;
    static const struct {
        const char *file, *path;
        espy_err e;
        const char *text;
    } cases[] = {
        {"unread.h5", "big", ESPY_E_UNSUPPORTED, "little-endian"},
        {"unread.h5", "half", ESPY_E_UNSUPPORTED, "float32"},
        {"unread.h5", "text", ESPY_E_UNSUPPORTED, "elements"},
        {"unread.h5", "rank5", ESPY_E_UNSUPPORTED, "4 dimensions"},
        {"unread.h5", "pieces", ESPY_E_UNSUPPORTED, "compressed"},
        {"unread.h5", "outside", ESPY_E_UNSUPPORTED, "other files"},
        {"unread.h5", "nothing", ESPY_E_FORMAT, "array"},
        {"unread.h5", "soft", ESPY_E_UNSUPPORTED, "soft links"},
        {"unread.h5", "none", ESPY_E_FORMAT, "no array none"},
        {"numbers.h5", "vars", ESPY_E_FORMAT, "no array vars"},
        {"latest.h5", "vars/0", ESPY_E_UNSUPPORTED, "latest"},
        {"no.h5", "vars/0", ESPY_E_FORMAT, "not an HDF5 file"},
    };
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        espy_hdf5_array a;
        espy_buf b = hdf5_seed(&cx, cases[i].file);
        espy_err e = hdf5_get(&cx, espy_span_of(&b), cases[i].path, &a);
        if (e != cases[i].e || !strstr(cx.text, cases[i].text))
            print_error("%s %s: %d \"%s\"\n", cases[i].file, cases[i].path, (int)e, cx.text);
        assert_int_equal(e, cases[i].e);
        assert_non_null(strstr(cx.text, cases[i].text));
        assert_null(strchr(cx.text, '\n'));
        espy_buf_free(&cx, &b);
    }
    assert_int_equal(m.live, 0);
}

/* An exact copy of the first n bytes, so that a read past the end is seen by the sanitizer. */
static espy_err hdf5_try(espy_ctx *cx, const uint8_t *bytes, size_t n, bool patch_end)
{
    espy_hdf5_array a;
    uint64_t end = n;
    uint8_t *copy = espy_alloc(cx, n);
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    if (patch_end && n >= 48)
        memcpy(copy + 40, &end, sizeof end); /* or the first check would refuse it */
    espy_err e = hdf5_get(cx, (espy_span){copy, n}, "vars/0", &a);
    if (e == ESPY_E_OK)
        assert_true(a.data >= copy && a.bytes <= n && (size_t)(a.data - copy) <= n - a.bytes);
    else
        assert_true(cx->text[0] != '\0' && !strchr(cx->text, '\n'));
    espy_free(cx, copy);
    return e;
}

static void test_damage(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    test_memory_init(&cx, &m);
    espy_buf b = hdf5_seed(&cx, "numbers.h5");
    for (size_t n = 0; n < b.size; n++) {
        assert_int_equal(hdf5_try(&cx, b.data, n, false), ESPY_E_FORMAT);
        (void)hdf5_try(&cx, b.data, n, true);
    }
    for (size_t bit = 0; bit < b.size * 8; bit++) {
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        (void)hdf5_try(&cx, b.data, b.size, false);
        b.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

/* A tree whose nodes all point at one node a level below: 32^8 ways, ended by H3. */
static void test_bomb(void **state)
{
    (void)state;
    enum { LEVELS = 8, CHILDREN = 32, NODE = 24 + CHILDREN * 16, FIRST = 128, HEAP = 128 + 32 };
    static uint8_t file[HEAP + LEVELS * NODE];
    espy_ctx cx;
    test_memory m;
    espy_hdf5_array a;
    test_memory_init(&cx, &m);
    espy_buf b = hdf5_seed(&cx, "numbers.h5");
    memcpy(file, b.data, FIRST);
    espy_buf_free(&cx, &b);
    const uint64_t end = sizeof file, heap = FIRST, empty = 0, tree = HEAP;
    memcpy(file + 40, &end, 8);
    memcpy(file + 80, &tree, 8);
    memcpy(file + 88, &heap, 8);
    memcpy(file + FIRST, "HEAP", 4);
    memcpy(file + FIRST + 8, &empty, 8);
    for (int i = 0; i < LEVELS; i++) {
        uint8_t *node = file + HEAP + i * NODE;
        uint64_t next = (uint64_t)(HEAP + (i + 1) * NODE);
        memcpy(node, "TREE", 4);
        node[5] = (uint8_t)(LEVELS - 1 - i);
        node[6] = CHILDREN;
        for (int c = 0; c < CHILDREN; c++)
            memcpy(node + 24 + c * 16 + 8, &next, 8);
        if (i == LEVELS - 1) /* leaves: symbol nodes that would be damaged */
            node[6] = 0;
    }
    assert_int_equal(hdf5_get(&cx, (espy_span){file, sizeof file}, "vars/0", &a), ESPY_E_LIMIT);
    assert_int_equal(m.live, 0);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    test_memory_init(&cx, &m);
    TEST_FAULT_LOOP(&cx, &m, hdf5_write(&cx, &b), espy_buf_free(&cx, &b));
    assert_int_equal(m.live, 0);
}

static void *hdf5_thread(void *out)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (int i = 0; i < 20; i++) {
        espy_buf_free(&cx, out);
        if (hdf5_write(&cx, out) != ESPY_E_OK)
            break;
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t thread[THREADS];
    espy_buf b[THREADS] = {{0}};
    espy_ctx cx;
    espy_ctx_init(&cx);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, hdf5_thread, &b[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(b[i].size, b[0].size);
        assert_true(b[i].size > 0);
        assert_memory_equal(b[i].data, b[0].data, b[0].size);
    }
    for (int i = 0; i < THREADS; i++)
        espy_buf_free(&cx, &b[i]);
}

static void test_h5py(void **state)
{
    (void)state;
    espy_ctx cx;
    test_memory m;
    espy_buf b;
    char path[128], command[512];
    test_memory_init(&cx, &m);
    if (system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
        print_message("no python3-h5py\n");
        skip();
    }
    assert_int_equal(hdf5_write(&cx, &b), ESPY_E_OK);
    snprintf(path, sizeof path, "%s/a.h5", test_folder());
    assert_int_equal(espy_file_write(&cx, path, b.data, b.size), ESPY_E_OK);
    snprintf(command, sizeof command,
             "/usr/bin/python3 -c 'import h5py\nf = h5py.File(\"%s\")\n"
             "assert f[\"layers/dense/vars/0\"][()].tolist() == [[0, 1, 2], [3, 4, 5]]\n"
             "assert f[\"layers/dense/vars/1\"][()].tolist() == [1, 2, 3]\n"
             "assert f[\"layers/dense_1/vars/0\"].dtype == \"<f4\"\n"
             "assert sorted(f[\"layers\"]) == [\"dense\", \"dense_1\"]'",
             path);
    assert_int_equal(system(command), 0);
    espy_buf_free(&cx, &b);
    assert_int_equal(m.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_refused_writes),
        cmocka_unit_test(test_foreign),       cmocka_unit_test(test_unread),
        cmocka_unit_test(test_damage),        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_out_of_memory), cmocka_unit_test(test_threads),
        cmocka_unit_test(test_h5py),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
