/* SPDX-License-Identifier: Apache-2.0
 * artifact - comma-separated tables (csv.h). */
#include "artifact/csv.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

/* Whether a spreadsheet might compute the cell. */
static bool csv_formula(const char *s)
{
    double number;
    return *s && strchr("=+-@\t\r\n", *s) && !espy_parse_real(s, -INFINITY, INFINITY, &number);
}

static espy_err csv_cell(espy_ctx *cx, espy_buf *out, const char *s, bool guard)
{
    size_t n = strlen(s);
    bool quote = strpbrk(s, ",\"\r\n") || (n && (s[0] == ' ' || s[n - 1] == ' '));
    if (quote)
        ESPY_TRY(espy_buf_text(cx, out, "\""));
    if (guard && csv_formula(s))
        ESPY_TRY(espy_buf_text(cx, out, "'"));
    for (const char *q; (q = strchr(s, '"')) != NULL; s = q + 1) {
        ESPY_TRY(espy_buf_append(cx, out, s, (size_t)(q - s)));
        ESPY_TRY(espy_buf_text(cx, out, "\"\""));
    }
    ESPY_TRY(espy_buf_text(cx, out, s));
    return quote ? espy_buf_text(cx, out, "\"") : ESPY_E_OK;
}

static espy_err csv_row(espy_ctx *cx, espy_buf *out, const char *const *cells, size_t n, bool guard)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            ESPY_TRY(espy_buf_text(cx, out, ","));
        ESPY_TRY(csv_cell(cx, out, cells[i], guard));
    }
    return espy_buf_text(cx, out, "\n");
}

espy_err espy_csv_row(espy_ctx *cx, espy_buf *out, const char *const *cells, size_t n)
{
    return csv_row(cx, out, cells, n, false);
}

espy_err espy_csv_row_guarded(espy_ctx *cx, espy_buf *out, const char *const *cells, size_t n)
{
    return csv_row(cx, out, cells, n, true);
}

/* One cell at *at, closed in place; *at moves behind it and what ends it, which *end tells: ',' or
 * 0 for the end of the row.  False when a quote is not closed. */
static bool csv_cell_read(char **at, size_t *line, char **cell, char *end)
{
    char *from = *at, *to = from;
    const bool quoted = *from == '"';
    *cell = to;
    for (from += quoted; *from; from++) {
        if (quoted && *from == '"' && from[1] != '"')
            break;
        if (!quoted && strchr(",\r\n", *from))
            break;
        *line += *from == '\n';
        from += quoted && *from == '"'; /* two stand for one */
        *to++ = *from;
    }
    if (quoted && *from++ != '"')
        return false;
    while (*from && !strchr(",\r\n", *from)) /* what follows a closing quote belongs to it */
        *to++ = *from++;
    *end = *from == ',' ? ',' : '\0';
    if (from[0] == '\r' && from[1] == '\n')
        from++;
    *line += *from == '\n' || *from == '\r'; /* old Macs end lines so */
    if (*from)
        from++;
    *to = '\0';
    *at = from;
    return true;
}

espy_err espy_csv_read(espy_ctx *cx, espy_buf *text, espy_csv_fn *row, void *self)
{
    char *cells[ESPY_CSV_CELLS], *at = (char *)text->data;
    size_t line = 1;
    if (at && strncmp(at, "\xef\xbb\xbf", 3) == 0) /* the mark that spreadsheets put before UTF-8 */
        at += 3;
    while (at && *at) {
        size_t n = 0, first = line;
        for (char end = ','; end == ',';) {
            if (n == ESPY_CSV_CELLS)
                return espy_fail(cx, ESPY_E_FORMAT, "line %zu: more than %d cells", first,
                                 ESPY_CSV_CELLS);
            if (!csv_cell_read(&at, &line, &cells[n++], &end))
                return espy_fail(cx, ESPY_E_FORMAT, "line %zu: a quote is not closed", first);
        }
        if (n > 1 || cells[0][0])
            ESPY_TRY(row(cx, self, first, cells, n));
    }
    return ESPY_E_OK;
}
