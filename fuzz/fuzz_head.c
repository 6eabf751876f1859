/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the saved file of a head.  Every registered head refuses it with one line of text or
 * takes it; what was taken answers, and is saved and loaded again with the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "head/head.h"

#define FUZZ_CELLS 65536 /* most values of one answer's work; larger heads are only loaded */

/* The samples a knn head answers with. */
static const float fuzz_x[] = {1, 0, 0, 1, 1, 0.1f, 0.1f, 1, 1, 0.2f, 0.2f, 1};
static const uint32_t fuzz_y[] = {0, 1, 0, 1, 0, 1};
static const espy_gallery fuzz_gallery = {fuzz_x, fuzz_y, 6, 2, 2};

static void fuzz_answer(espy_ctx *cx, const espy_head *h)
{
    float *x = espy_floats(cx, h->dim), *p = espy_floats(cx, h->classes);

    if (!x || !p || h->ops->probabilities(cx, h, x, 1, p) != ESPY_E_OK)
        abort();
    espy_free(cx, x);
    espy_free(cx, p);
}

static void fuzz_again(espy_ctx *cx, const espy_head *h)
{
    espy_buf one, two;
    espy_head *again = NULL;

    espy_buf_init(&one, (size_t)1 << 26);
    espy_buf_init(&two, (size_t)1 << 26);
    if (h->ops->save(cx, h, &one) != ESPY_E_OK ||
        h->ops->load(cx, espy_span_of(&one), &fuzz_gallery, &again) != ESPY_E_OK ||
        again->ops->save(cx, again, &two) != ESPY_E_OK || one.size != two.size ||
        memcmp(one.data, two.data, one.size) != 0)
        abort();
    espy_head_destroy(cx, &again);
    espy_buf_free(cx, &one);
    espy_buf_free(cx, &two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t k = 0; espy_heads[k]; k++) {
        espy_ctx cx;
        espy_head *h = NULL;

        espy_ctx_init(&cx);
        if (espy_heads[k]->load(&cx, (espy_span){data, size}, &fuzz_gallery, &h) == ESPY_E_OK) {
            if (h->dim < FUZZ_CELLS && h->classes * h->classes < FUZZ_CELLS)
                fuzz_answer(&cx, h);
            fuzz_again(&cx, h);
            espy_head_destroy(&cx, &h);
        } else if (h || cx.text[0] == '\0' || strchr(cx.text, '\n')) {
            abort();
        }
    }
    return 0;
}
