/* SPDX-License-Identifier: Apache-2.0
 * artifact - a table as a spreadsheet (Office Open XML, .xlsx), by libxlsxwriter.
 * Depends on: base. */
#ifndef ESPY_ARTIFACT_SHEET_XLSX_H
#define ESPY_ARTIFACT_SHEET_XLSX_H

#include "base/mem.h"

#define ESPY_XLSX_ROWS 1048575 /* below the header */
#define ESPY_XLSX_COLUMNS 16384
#define ESPY_XLSX_CHARS 32767 /* code points of a text cell */

typedef struct espy_xlsx_cell {
    const char *text; /* UTF-8, never taken for a formula; NULL: the number */
    double number;    /* NaN and infinity leave the cell empty */
} espy_xlsx_cell;

typedef struct espy_xlsx_table {
    const char *sheet; /* name of the sheet: 1..31 characters without []:*?/\, no ' at either end */
    const char *const *header; /* columns texts, written bold and kept in sight */
    size_t columns, rows;
    const espy_xlsx_cell *cells; /* rows x columns, row by row */
    int64_t created;             /* seconds since 1970, for the file's properties; not 0 */
} espy_xlsx_table;

/* Appends the file.  The same table gives the same bytes.
 * Errors: ARG (name of the sheet, text that is not UTF-8, no column), LIMIT (rows, columns, text,
 * out's maximum), IO (temporary files, which libxlsxwriter needs in /tmp), NOMEM. */
espy_err espy_xlsx_write(espy_ctx *cx, const espy_xlsx_table *table, espy_buf *out) ESPY_NODISCARD;

#endif
