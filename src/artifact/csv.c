/* SPDX-License-Identifier: Apache-2.0
 * artifact - comma-separated tables (csv.h). */
#include "artifact/csv.h"

#include <string.h>

static espy_err csv_cell(espy_ctx *cx, espy_buf *out, const char *s)
{
    size_t n = strlen(s);
    bool quote = strpbrk(s, ",\"\r\n") || (n && (s[0] == ' ' || s[n - 1] == ' '));
    if (!quote)
        return espy_buf_append(cx, out, s, n);
    ESPY_TRY(espy_buf_text(cx, out, "\""));
    for (const char *q; (q = strchr(s, '"')) != NULL; s = q + 1) {
        ESPY_TRY(espy_buf_append(cx, out, s, (size_t)(q - s)));
        ESPY_TRY(espy_buf_text(cx, out, "\"\""));
    }
    ESPY_TRY(espy_buf_text(cx, out, s));
    return espy_buf_text(cx, out, "\"");
}

espy_err espy_csv_row(espy_ctx *cx, espy_buf *out, const char *const *cells, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            ESPY_TRY(espy_buf_text(cx, out, ","));
        ESPY_TRY(csv_cell(cx, out, cells[i]));
    }
    return espy_buf_text(cx, out, "\n");
}
