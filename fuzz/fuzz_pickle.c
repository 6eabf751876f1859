/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a pickled classifier from anybody.  It is refused with one line of text, or read;
 * what was read answers with probabilities, and what we write of it is read back with the same
 * answers. */
#include <stdlib.h>
#include <string.h>

#include "artifact/sk_model.h"

#define FUZZ_CELLS 4096 /* most values of one answer's work; larger models are only read */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_back(espy_ctx *cx, const espy_sk_model *m, const float *x, const double *p)
{
    espy_buf b;
    espy_sk_model again;
    double *q = espy_array(cx, m->classes, sizeof *q);
    espy_buf_init(&b, (size_t)1 << 26);
    if (!q || espy_sk_put_production(cx, m, m->metadata, &b) != ESPY_E_OK ||
        espy_sk_parse(cx, espy_span_of(&b), &again) != ESPY_E_OK)
        abort();
    if (again.dim != m->dim || again.classes != m->classes || again.kind != m->kind)
        abort();
    for (size_t i = 0; i < m->classes; i++)
        if (strcmp(again.labels[i], m->labels[i]) != 0)
            abort();
    if (espy_sk_probabilities(cx, &again, x, 1, q) != ESPY_E_OK ||
        memcmp(p, q, m->classes * sizeof *q) != 0)
        abort();
    espy_sk_free(cx, &again);
    espy_buf_free(cx, &b);
    espy_free(cx, q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_sk_model m;
    espy_ctx_init(&cx);
    cx.max.file_bytes = (size_t)1 << 20;
    espy_err e = espy_sk_parse(&cx, (espy_span){data, size}, &m);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        return 0;
    }
    if (m.dim <= FUZZ_CELLS && m.classes <= 64 && m.svc.n <= FUZZ_CELLS) {
        float *x = espy_floats(&cx, m.dim);
        double *p = espy_array(&cx, m.classes, sizeof *p);
        if (!x || !p)
            abort();
        for (size_t i = 0; i < m.dim; i++)
            x[i] = (float)(i % 7) / 8;
        if (espy_sk_probabilities(&cx, &m, x, 1, p) != ESPY_E_OK)
            abort();
        if (m.labels)
            fuzz_back(&cx, &m, x, p);
        espy_free(&cx, x);
        espy_free(&cx, p);
    }
    espy_sk_free(&cx, &m);
    return 0;
}
