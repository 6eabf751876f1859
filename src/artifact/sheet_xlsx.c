/* SPDX-License-Identifier: Apache-2.0
 * artifact - spreadsheets (sheet_xlsx.h). */
#include "artifact/sheet_xlsx.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/text.h"

enum { WIDTH_MIN = 9, WIDTH_MAX = 60 }; /* of a column, in characters */

static espy_err xlsx_text_check(espy_ctx *cx, const char *text, size_t row)
{
    const size_t n = strlen(text);
    if (!espy_utf8_valid(text, n))
        return espy_fail(cx, ESPY_E_ARG, "row %zu of the table has text that is not UTF-8", row);
    if (espy_utf8_length(text) > ESPY_XLSX_CHARS)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "row %zu of the table has a text of more than %d characters", row,
                         ESPY_XLSX_CHARS);
    return ESPY_E_OK;
}

static espy_err xlsx_check(espy_ctx *cx, const espy_xlsx_table *t)
{
    if (t->columns == 0 || t->created == 0)
        return espy_fail(cx, ESPY_E_ARG, "a table has a column and a time of its making");
    if (t->columns > ESPY_XLSX_COLUMNS || t->rows > ESPY_XLSX_ROWS)
        return espy_fail(cx, ESPY_E_LIMIT,
                         "%zu rows of %zu columns do not fit into a spreadsheet of %d rows and %d "
                         "columns; export it as CSV",
                         t->rows, t->columns, ESPY_XLSX_ROWS, ESPY_XLSX_COLUMNS);
    if (!espy_utf8_valid(t->sheet, strlen(t->sheet)))
        return espy_fail(cx, ESPY_E_ARG, "the name of the sheet is not UTF-8");
    for (size_t c = 0; c < t->columns; c++)
        ESPY_TRY(xlsx_text_check(cx, t->header[c], 0));
    for (size_t i = 0; i < t->rows * t->columns; i++)
        if (t->cells[i].text)
            ESPY_TRY(xlsx_text_check(cx, t->cells[i].text, 1 + i / t->columns));
    return ESPY_E_OK;
}

static espy_err xlsx_failed(espy_ctx *cx, lxw_error code)
{
    if (code == LXW_ERROR_MEMORY_MALLOC_FAILED)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    return espy_fail(cx, ESPY_E_IO, "the spreadsheet cannot be written: %s; is there room in /tmp?",
                     lxw_strerror(code));
}

/* As wide as its longest text, within reason. */
static void xlsx_width(lxw_worksheet *sheet, const espy_xlsx_table *t, size_t column)
{
    size_t width = espy_utf8_length(t->header[column]) + 1;
    for (size_t r = 0; r < t->rows && width < WIDTH_MAX; r++) {
        const char *text = t->cells[r * t->columns + column].text;
        const size_t n = text ? espy_utf8_length(text) + 1 : 0;
        width = n > width ? n : width;
    }
    width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : width;
    worksheet_set_column(sheet, (lxw_col_t)column, (lxw_col_t)column, (double)width, NULL);
}

static lxw_error xlsx_fill(lxw_worksheet *sheet, lxw_format *bold, const espy_xlsx_table *t)
{
    lxw_error e = LXW_NO_ERROR;
    for (size_t c = 0; c < t->columns && e == LXW_NO_ERROR; c++) {
        xlsx_width(sheet, t, c);
        e = worksheet_write_string(sheet, 0, (lxw_col_t)c, t->header[c], bold);
    }
    worksheet_freeze_panes(sheet, 1, 0);
    for (size_t i = 0; i < t->rows * t->columns && e == LXW_NO_ERROR; i++) {
        const lxw_row_t row = (lxw_row_t)(1 + i / t->columns);
        const lxw_col_t column = (lxw_col_t)(i % t->columns);
        if (t->cells[i].text)
            e = worksheet_write_string(sheet, row, column, t->cells[i].text, NULL);
        else if (isfinite(t->cells[i].number))
            e = worksheet_write_number(sheet, row, column, t->cells[i].number, NULL);
    }
    return e;
}

/* Writes the file under a name. */
static espy_err xlsx_make(espy_ctx *cx, const espy_xlsx_table *t, const char *path)
{
    lxw_doc_properties properties = {.created = (time_t)t->created};
    lxw_workbook *book = workbook_new(path);
    if (!book)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    if (!*t->sheet || workbook_validate_sheet_name(book, t->sheet) != LXW_NO_ERROR) {
        lxw_workbook_free(book);
        return espy_fail(cx, ESPY_E_ARG, "a sheet cannot be named \"%.80s\"", t->sheet);
    }
    workbook_set_properties(book, &properties);
    lxw_worksheet *sheet = workbook_add_worksheet(book, t->sheet);
    lxw_format *bold = workbook_add_format(book);
    if (!sheet || !bold) {
        lxw_workbook_free(book);
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    }
    format_set_bold(bold);
    lxw_error code = xlsx_fill(sheet, bold, t);
    const lxw_error closed = workbook_close(book); /* frees it, whatever it says */
    code = code == LXW_NO_ERROR ? closed : code;
    return code == LXW_NO_ERROR ? ESPY_E_OK : xlsx_failed(cx, code);
}

/* Appends all of an open file. */
static espy_err xlsx_read(espy_ctx *cx, int fd, espy_buf *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return espy_fail(cx, ESPY_E_IO, "the spreadsheet cannot be read: %s", strerror(errno));
    const size_t n = (size_t)st.st_size;
    if (n > out->max - out->size)
        return espy_fail(cx, ESPY_E_LIMIT, "the spreadsheet would have %zu bytes, more than %zu", n,
                         out->max - out->size);
    void *map = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return espy_fail(cx, ESPY_E_IO, "the spreadsheet cannot be read: %s", strerror(errno));
    const espy_err e = espy_buf_append(cx, out, map, n);
    munmap(map, n);
    return e;
}

espy_err espy_xlsx_write(espy_ctx *cx, const espy_xlsx_table *table, espy_buf *out)
{
    char path[32];
    ESPY_TRY(xlsx_check(cx, table));
    const int fd = memfd_create("sheet.xlsx", MFD_CLOEXEC);
    if (fd < 0)
        return espy_fail(cx, ESPY_E_IO, "no file in memory: %s", strerror(errno));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    espy_err e = xlsx_make(cx, table, path);
    if (e == ESPY_E_OK)
        e = xlsx_read(cx, fd, out);
    close(fd);
    return e;
}
