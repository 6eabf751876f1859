/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char *test_source(const char *relative)
{
    static char at[2][1024];
    static int turn;
    const char *root = getenv("ESPY_SOURCE_ROOT");
    turn ^= 1;
    snprintf(at[turn], sizeof at[turn], "%s/%s", root ? root : ".", relative);
    return at[turn];
}

const char *test_shared(const char *relative)
{
    static char at[1024];
    const char *root = getenv("ESPY_SHARED");
    struct stat st;
    if (root)
        snprintf(at, sizeof at, "%s/%s", root, relative);
    else
        snprintf(at, sizeof at, "%s/%s", test_source("../shared"), relative);
    return stat(at, &st) == 0 ? at : NULL;
}

void test_skip_all(const char *why)
{
    printf("SKIP: %s\n", why);
    exit(77);
}

static char folder_path[64];

static void folder_gone(void)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    if (espy_dir_remove(&cx, folder_path) != ESPY_E_OK)
        print_error("%s\n", cx.text);
}

const char *test_folder(void)
{
    if (folder_path[0])
        folder_gone();
    else
        atexit(folder_gone);
    strcpy(folder_path, "/tmp/espy-test-XXXXXX");
    if (!mkdtemp(folder_path))
        fail_msg("no temporary folder");
    return folder_path;
}

const char *test_path(const char *name, const char *suffix)
{
    static char path[4][256];
    static int turn;
    if (!folder_path[0])
        test_folder();
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s%s", folder_path, name, suffix);
    return path[turn];
}

espy_buf test_read(espy_ctx *cx, const char *path)
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 30);
    espy_err e = espy_file_read(cx, path, b.max, &b);
    if (e != ESPY_E_OK)
        fail_msg("%s", cx->text);
    return b;
}

test_array test_npy(const char *path)
{
    test_array a = {0};
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    unsigned char head[10];
    if (fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\1", 7) != 0)
        fail_msg("%s is not an npy v1 file", path);
    size_t len = head[8] | (size_t)head[9] << 8;
    char *text = calloc(1, len + 1);
    if (fread(text, 1, len, f) != len)
        fail_msg("%s is truncated", path);
    size_t item = 0;
    const struct {
        const char *name;
        char kind;
        size_t item;
    } kinds[] = {{"<f4", 'f', 4}, {"<f8", 'd', 8}, {"<i8", 'i', 8}, {"|u1", 'u', 1}};
    for (size_t i = 0; i < 4; i++)
        if (strstr(text, kinds[i].name)) {
            a.kind = kinds[i].kind;
            item = kinds[i].item;
        }
    char *p = strstr(text, "'shape':");
    if (!item || !p || strstr(text, "'fortran_order': True"))
        fail_msg("%s has a type or order that this reader lacks", path);
    p = strchr(p, '(') + 1;
    a.n = 1;
    while (a.rank < 6 && *p != ')') {
        char *end;
        size_t d = (size_t)strtoull(p, &end, 10);
        if (end != p) {
            a.dims[a.rank++] = d;
            a.n *= d;
        }
        p = *end == ',' || *end == ' ' ? end + 1 : end;
    }
    free(text);
    a.data = malloc(a.n * item + 1);
    if (fread(a.data, item, a.n, f) != a.n)
        fail_msg("%s is truncated", path);
    fclose(f);
    return a;
}

void test_array_free(test_array *a)
{
    free(a->data);
    *a = (test_array){0};
}

static void *memory_resize(void *self, void *p, size_t n, size_t align)
{
    test_memory *m = self;
    if (n == 0) {
        if (p)
            __atomic_fetch_sub(&m->live, 1, __ATOMIC_RELAXED);
        free(p);
        return NULL;
    }
    if (m->countdown > 0 && (--m->countdown == 0)) {
        m->hit = 1;
        if (m->sticky)
            m->countdown = 1;
        return NULL;
    }
    void *q = align ? aligned_alloc(align, (n + align - 1) / align * align) : realloc(p, n);
    if (q && !p)
        __atomic_fetch_add(&m->live, 1, __ATOMIC_RELAXED);
    return q;
}

void test_memory_init(espy_ctx *cx, test_memory *m)
{
    *m = (test_memory){0};
    espy_ctx_init(cx);
    cx->memory = (espy_memory){memory_resize, m};
}
