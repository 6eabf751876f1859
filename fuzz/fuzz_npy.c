/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: an .npy file from anybody.  It is refused with one line of text, or read; what was
 * read is written and read back unchanged. */
#include <stdlib.h>
#include <string.h>

#include "artifact/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_same(const espy_npy *a, const espy_npy *b)
{
    if (a->type != b->type || a->n != b->n)
        abort();
    if (a->type == ESPY_NPY_TEXT) {
        char **s = a->data, **t = b->data;
        for (size_t i = 0; i < a->n; i++)
            if (strcmp(s[i], t[i]) != 0)
                abort();
        return;
    }
    size_t bytes = a->n * (a->type == ESPY_NPY_F32 ? sizeof(float) : sizeof(int64_t));
    if (memcmp(a->data, b->data, bytes) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_npy a, b;
    espy_buf file;
    espy_ctx_init(&cx);
    espy_buf_init(&file, (size_t)1 << 26);
    espy_err e = espy_npy_parse(&cx, (espy_span){data, size}, &a);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        return 0;
    }
    if (a.type == ESPY_NPY_F32)
        e = espy_npy_put_f32(&cx, &file, a.data, a.rank, a.dims);
    else if (a.type == ESPY_NPY_I64)
        e = espy_npy_put_i64(&cx, &file, a.data, a.n);
    else if (a.type == ESPY_NPY_TEXT)
        e = espy_npy_put_text(&cx, &file, a.data, a.n);
    if (e != ESPY_E_OK)
        abort();
    if (file.size) {
        if (espy_npy_parse(&cx, espy_span_of(&file), &b) != ESPY_E_OK)
            abort();
        fuzz_same(&a, &b);
        espy_npy_free(&cx, &b);
    }
    espy_buf_free(&cx, &file);
    espy_npy_free(&cx, &a);
    return 0;
}
