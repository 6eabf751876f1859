/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: pickled characters from anybody.  They are refused with one line of text, or read;
 * what was read scores a vector, and what we write of it is read back with the same scores. */
#include <stdlib.h>
#include <string.h>

#include "artifact/sk_characters.h"

#define FUZZ_CELLS 4096 /* most values of one answer's work; larger models are only read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_score(espy_ctx *cx, const espy_sk_characters *c, float *score)
{
    float *x = espy_floats(cx, c->model->dim);
    if (!x)
        abort();
    for (size_t i = 0; i < c->model->dim; i++)
        x[i] = (float)(i % 7) / 8;
    espy_scaler_apply(&c->scaler, x, 1, x);
    if (espy_prototypes_score(cx, c->model, x, 1, score) != ESPY_E_OK)
        abort();
    espy_free(cx, x);
}

static void fuzz_back(espy_ctx *cx, espy_sk_characters *c)
{
    espy_buf b;
    espy_sk_characters again;
    size_t n = c->model->classes;
    float *score = espy_floats(cx, n), *other = espy_floats(cx, n);
    c->cluster = espy_array(cx, c->n, sizeof *c->cluster);
    espy_buf_init(&b, (size_t)1 << 26);
    if (!score || !other || !c->cluster || espy_sk_put_characters(cx, c, 42, &b) != ESPY_E_OK ||
        espy_sk_parse_characters(cx, espy_span_of(&b), &again) != ESPY_E_OK)
        abort();
    if (again.model->classes != n || again.model->n != c->model->n || again.n != c->n)
        abort();
    for (size_t i = 0; i < n; i++)
        if (strcmp(again.names[i], c->names[i]) != 0)
            abort();
    fuzz_score(cx, c, score);
    fuzz_score(cx, &again, other);
    if (memcmp(score, other, n * sizeof *score) != 0)
        abort();
    espy_sk_characters_free(cx, &again);
    espy_buf_free(cx, &b);
    espy_free(cx, score);
    espy_free(cx, other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_sk_characters c = {0};
    espy_ctx_init(&cx);
    cx.max.file_bytes = (size_t)1 << 20;
    espy_err e = espy_sk_parse_characters(&cx, (espy_span){data, size}, &c);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        return 0;
    }
    if (c.model->dim <= FUZZ_CELLS && c.model->n <= FUZZ_CELLS)
        fuzz_back(&cx, &c);
    espy_sk_characters_free(&cx, &c);
    return 0;
}
