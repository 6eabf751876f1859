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

#endif
