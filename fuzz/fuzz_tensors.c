/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a version's head file (safetensors) from anybody.  It is refused with one line of
 * text, or read; what was read is written and read back unchanged. */
#include <stdlib.h>
#include <string.h>

#include "base/tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_same(const espy_tensors *a, const espy_tensors *b)
{
    if (espy_tensors_count(a) != espy_tensors_count(b))
        abort();
    for (size_t i = 0; i < espy_tensors_count(a); i++) {
        const espy_tensor_entry *x = espy_tensors_at(a, i), *y = espy_tensors_at(b, i);
        if (strcmp(x->name, y->name) != 0 || x->dtype != y->dtype || x->rank != y->rank ||
            x->bytes != y->bytes || memcmp(x->dims, y->dims, sizeof x->dims) != 0 ||
            (x->bytes && memcmp(x->data, y->data, x->bytes) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_tensors *a = NULL, *b = NULL;
    espy_buf file;
    espy_ctx_init(&cx);
    espy_buf_init(&file, (size_t)1 << 26);
    espy_err e = espy_tensors_parse(&cx, (espy_span){data, size}, &a);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        return 0;
    }
    if (espy_tensors_write(&cx, espy_tensors_at(a, 0), espy_tensors_count(a), NULL, &file) !=
            ESPY_E_OK ||
        espy_tensors_parse(&cx, espy_span_of(&file), &b) != ESPY_E_OK)
        abort();
    fuzz_same(a, b);
    espy_tensors_destroy(&cx, &a);
    espy_tensors_destroy(&cx, &b);
    espy_buf_free(&cx, &file);
    return 0;
}
