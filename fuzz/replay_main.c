/* SPDX-License-Identifier: Apache-2.0
 * Runs a fuzz target over every file of the given folders (or over given files), without libFuzzer:
 * the corpus as a test. */
#include <stdio.h>

#include "base/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static espy_err replay_file(espy_ctx *cx, const char *path)
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 26);
    ESPY_TRY(espy_file_read(cx, path, b.max, &b));
    /* An exact copy, so that a read past the end is seen by the sanitizer. */
    uint8_t *copy = espy_alloc(cx, b.size);
    if (copy) {
        for (size_t i = 0; i < b.size; i++)
            copy[i] = b.data[i];
        LLVMFuzzerTestOneInput(copy, b.size);
        espy_free(cx, copy);
    }
    espy_buf_free(cx, &b);
    return copy ? ESPY_E_OK : ESPY_E_NOMEM;
}

static espy_err replay_folder(espy_ctx *cx, const char *path, size_t *n)
{
    espy_dir_list list = {0};
    ESPY_TRY(espy_dir_read(cx, path, &list));
    espy_err e = ESPY_E_OK;
    for (size_t i = 0; i < list.n && e == ESPY_E_OK; i++) {
        if (list.at[i].is_dir)
            continue;
        char *file = espy_path_join(cx, path, list.at[i].name);
        e = file ? replay_file(cx, file) : ESPY_E_NOMEM;
        espy_free(cx, file);
        *n += 1;
    }
    espy_dir_list_free(cx, &list);
    return e;
}

int main(int argc, char **argv)
{
    espy_ctx cx;
    espy_ctx_init(&cx);
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        espy_err e;
        if (espy_dir_exists(argv[i])) {
            e = replay_folder(&cx, argv[i], &n);
        } else {
            e = replay_file(&cx, argv[i]);
            n++;
        }
        if (e != ESPY_E_OK) {
            fprintf(stderr, "%s\n", cx.text);
            return 1;
        }
    }
    if (n == 0) {
        fprintf(stderr, "nothing to replay: give the corpus folder\n");
        return 1;
    }
    printf("%zu inputs\n", n);
    return 0;
}
