/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: an HDF5 file from anybody.  Every path in it is refused with one line of text, or
 * leads to an array whose elements lie within the file; numbers that were read are written by
 * libhdf5 and read back unchanged. */
#include <stdlib.h>
#include <string.h>

#include "artifact/hdf5.h"

#define FUZZ_ELEMENTS 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_back(espy_ctx *cx, const float *x, const espy_hdf5_array *a)
{
    espy_buf file;
    espy_hdf5 h;
    espy_hdf5_array again;
    float y[FUZZ_ELEMENTS];
    if (a->n == 0 || a->rank < 1 || a->rank > 2) /* libhdf5 refuses 0 x 2^63 */
        return;
    const espy_hdf5_item item = {"a/b", x, a->rank, {a->dims[0], a->dims[1]}};
    espy_buf_init(&file, (size_t)1 << 20);
    if (espy_hdf5_write(cx, &item, 1, &file) != ESPY_E_OK ||
        espy_hdf5_open(cx, espy_span_of(&file), &h) != ESPY_E_OK ||
        espy_hdf5_array_at(cx, &h, "a/b", &again) != ESPY_E_OK || again.n != a->n ||
        espy_hdf5_floats(cx, &again, "a/b", y) != ESPY_E_OK || memcmp(x, y, a->n * sizeof *x) != 0)
        abort();
    espy_buf_free(cx, &file);
}

static void fuzz_path(const espy_hdf5 *h, const char *path)
{
    espy_ctx cx;
    espy_hdf5_array a;
    float x[FUZZ_ELEMENTS];
    espy_ctx_init(&cx);
    espy_err e = espy_hdf5_array_at(&cx, h, path, &a);
    if (e == ESPY_E_OK && a.n &&
        (a.data < h->bytes.data || a.data + a.bytes > h->bytes.data + h->bytes.size))
        abort();
    if (e == ESPY_E_OK && a.n <= FUZZ_ELEMENTS) {
        e = espy_hdf5_floats(&cx, &a, path, x);
        if (e == ESPY_E_OK)
            fuzz_back(&cx, x, &a);
    }
    if (e != ESPY_E_OK && (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = {"vars/0", "vars/1", "vars/4", "compact", "0",
                                        "299",    "big",    "pieces", "outside", "nothing"};
    espy_ctx cx;
    espy_hdf5 h;
    espy_ctx_init(&cx);
    if (espy_hdf5_open(&cx, (espy_span){data, size}, &h) != ESPY_E_OK)
        return 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        fuzz_path(&h, paths[i]);
    return 0;
}
