/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a Keras file from anybody.  Input: an archive; or a configuration, a zero byte and
 * weights, which are put into one, so that its checksums do not stand in the way.  It is refused
 * with one line of text, or read; what was read is written and read back unchanged. */
#include <stdlib.h>
#include <string.h>

#include "artifact/keras.h"
#include "base/zip.h"

#define FUZZ_WEIGHTS 16384 /* of a layer; larger ones are only read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_same(const float *a, const float *b, size_t n)
{
    return (a == NULL) == (b == NULL) && (!a || memcmp(a, b, n * sizeof *a) == 0);
}

static void fuzz_back(espy_ctx *cx, const espy_mlp *m)
{
    const espy_keras_facts facts = {.std = 1};
    espy_buf file;
    espy_mlp *again;
    espy_json *notes;
    espy_buf_init(&file, (size_t)1 << 26);
    if (espy_keras_write(cx, m, &facts, &file) != ESPY_E_OK ||
        espy_keras_read(cx, espy_span_of(&file), &again, &notes) != ESPY_E_OK || again->n != m->n ||
        again->dim != m->dim || !notes)
        abort();
    for (size_t i = 0; i < m->n; i++) {
        const espy_mlp_layer *k = &m->at[i], *l = &again->at[i];
        if (k->out != l->out || !fuzz_same(k->weights, l->weights, k->in * k->out) ||
            !fuzz_same(k->bias, l->bias, k->out) || !fuzz_same(k->gamma, l->gamma, k->out) ||
            !fuzz_same(k->beta, l->beta, k->out) || !fuzz_same(k->mean, l->mean, k->out) ||
            !fuzz_same(k->variance, l->variance, k->out))
            abort();
    }
    espy_json_free(notes);
    espy_mlp_destroy(cx, &again);
    espy_buf_free(cx, &file);
}

static void fuzz_archive(espy_span file)
{
    espy_ctx cx;
    espy_mlp *m;
    espy_json *notes;
    espy_ctx_init(&cx);
    cx.max.file_bytes = (size_t)1 << 20;
    espy_err e = espy_keras_read(&cx, file, &m, &notes);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        return;
    }
    bool small = true;
    for (size_t i = 0; i < m->n; i++)
        small = small && m->at[i].in * m->at[i].out <= FUZZ_WEIGHTS;
    if (small)
        fuzz_back(&cx, m);
    espy_json_free(notes);
    espy_mlp_destroy(&cx, &m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    if (!zero || (size > 2 && memcmp(data, "PK", 2) == 0)) {
        fuzz_archive((espy_span){data, size});
        return 0;
    }
    espy_ctx cx;
    espy_buf file;
    size_t n = (size_t)(zero - data);
    const espy_zip_member members[] = {{"metadata.json", {(const uint8_t *)"{}", 2}},
                                       {"config.json", {data, n}},
                                       {"model.weights.h5", {zero + 1, size - n - 1}}};
    espy_ctx_init(&cx);
    espy_buf_init(&file, (size_t)1 << 26);
    if (espy_zip_write(&cx, members, 3, &file) != ESPY_E_OK)
        abort();
    fuzz_archive(espy_span_of(&file));
    espy_buf_free(&cx, &file);
    return 0;
}
