/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a comma-separated table from anybody.  It is refused with one line of text, or its
 * rows are written and read again unchanged. */
#include <stdlib.h>
#include <string.h>

#include "artifact/csv.h"

#define MARK "\xef\xbb\xbf" /* what stands before the text, so that a cell may begin so */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes what is read. */
static espy_err fuzz_row(espy_ctx *cx, void *self, size_t line, char *const *cells, size_t n)
{
    if (line == 0 || n == 0 || n > ESPY_CSV_CELLS)
        abort();
    return espy_csv_row(cx, self, (const char *const *)cells, n);
}

static espy_err fuzz_copy(espy_ctx *cx, espy_buf *from, espy_buf *to)
{
    espy_buf_init(to, (size_t)64 << 20);
    ESPY_TRY(espy_buf_text(cx, to, MARK));
    return espy_csv_read(cx, from, fuzz_row, to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_buf text, once, twice, copy;
    espy_ctx_init(&cx);
    espy_buf_init(&text, size);
    espy_buf_init(&copy, (size_t)64 << 20);
    if (espy_buf_append(&cx, &text, data, size) != ESPY_E_OK)
        abort();
    if (fuzz_copy(&cx, &text, &once) == ESPY_E_OK) {
        if (espy_buf_append(&cx, &copy, once.data, once.size) != ESPY_E_OK ||
            fuzz_copy(&cx, &copy, &twice) != ESPY_E_OK || twice.size != once.size ||
            memcmp(twice.data, once.data, once.size) != 0)
            abort();
        espy_buf_free(&cx, &twice);
        espy_buf_free(&cx, &copy);
    } else if (!cx.text[0] || strchr(cx.text, '\n')) {
        abort();
    }
    espy_buf_free(&cx, &text);
    espy_buf_free(&cx, &once);
    return 0;
}
