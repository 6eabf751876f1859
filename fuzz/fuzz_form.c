/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a query string from anybody.  It is refused with one line of text, or its fields are
 * UTF-8; written percent by percent and read again they are the same. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_put(espy_ctx *cx, espy_buf *out, const char *s)
{
    if (!espy_utf8_valid(s, strlen(s)))
        abort();
    for (; *s; s++)
        if (espy_buf_printf(cx, out, "%%%02X", (unsigned char)*s) != ESPY_E_OK)
            abort();
}

static void fuzz_again(espy_ctx *cx, const espy_form *f)
{
    espy_buf b;
    espy_form again;
    espy_buf_init(&b, (size_t)64 << 20);
    for (size_t i = 0; i < f->n; i++) {
        if (espy_buf_text(cx, &b, i ? "&" : "") != ESPY_E_OK)
            abort();
        fuzz_put(cx, &b, f->at[i].name);
        if (espy_buf_text(cx, &b, "=") != ESPY_E_OK)
            abort();
        fuzz_put(cx, &b, f->at[i].value);
    }
    if (espy_form_parse(cx, (char *)b.data, b.size, &again) != ESPY_E_OK || again.n != f->n)
        abort();
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->at[i].name, again.at[i].name) != 0 ||
            strcmp(f->at[i].value, again.at[i].value) != 0)
            abort();
    espy_form_free(cx, &again);
    espy_buf_free(cx, &b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_form f;
    espy_ctx_init(&cx);
    if (espy_form_parse(&cx, (const char *)data, size, &f) == ESPY_E_OK) {
        fuzz_again(&cx, &f);
        espy_form_free(&cx, &f);
    } else if (!cx.text[0] || strchr(cx.text, '\n')) {
        abort();
    }
    return 0;
}
