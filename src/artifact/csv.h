/* SPDX-License-Identifier: Apache-2.0
 * artifact - comma-separated tables: quoting of RFC 4180, UTF-8, lines that end in LF as text files
 * here do (every CSV reader takes both endings).
 * Depends on: base. */
#ifndef ESPY_ARTIFACT_CSV_H
#define ESPY_ARTIFACT_CSV_H

#include "base/mem.h"

/* Appends one row.  Cells with a comma, quote, line break or blank at either end are quoted;
 * nothing is added to a cell, so what is read back is what was written. */
espy_err espy_csv_row(espy_ctx *cx, espy_buf *out, const char *const *cells,
                      size_t n) ESPY_NODISCARD;

/* The same for tables that people open in a spreadsheet: a cell that begins with = + - @, a tab or
 * a line break and is not a number gets an apostrophe before it, so that no name becomes a formula.
 */
espy_err espy_csv_row_guarded(espy_ctx *cx, espy_buf *out, const char *const *cells,
                              size_t n) ESPY_NODISCARD;

/* Receives one row of n > 0 cells, whose texts are its own until it returns; line: where it begins,
 * counted from 1. */
typedef espy_err espy_csv_fn(espy_ctx *cx, void *self, size_t line, char *const *cells, size_t n);

#define ESPY_CSV_CELLS 256 /* most in a row */

/* Reads a table row by row: RFC 4180, either line ending, empty lines and a byte order mark passed
 * over; text is changed. Errors: FORMAT (a quote that is not closed, too many cells: names the
 * line), what `row` returns.
 */
espy_err espy_csv_read(espy_ctx *cx, espy_buf *text, espy_csv_fn *row, void *self) ESPY_NODISCARD;

#endif
