/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: lists of attendance, as JSON, CSV and spreadsheet. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "artifact/csv.h"
#include "artifact/sheet_xlsx.h"
#include "base/text.h"
#include "http/smart.h"
#include "store/attendance.h"

#define RECORDS 1000       /* in one list */
#define EXPORT_ROWS 200000 /* in one file */
#define EXPORT_BYTES ((size_t)128 << 20)

/* -- what is asked for ------------------------------------------------------------------------- */
static espy_err records_day(espy_call *call, const char *field, const char **out)
{
    int y, m, d, n = 0;
    *out = espy_call_text(call, field);
    if (*out && (sscanf(*out, "%4d-%2d-%2d%n", &y, &m, &d, &n) != 3 || (*out)[n] || m < 1 ||
                 m > 12 || d < 1 || d > 31))
        return espy_refuse_field(call, field, "a day as YYYY-MM-DD is expected");
    return ESPY_E_OK;
}

static espy_err records_filter(espy_call *call, bool account, espy_attendance_filter *f)
{
    *f = (espy_attendance_filter){.session = espy_call_int(call, "session_id"),
                                  .code = espy_call_text(call, "student_id")};
    ESPY_TRY(records_day(call, "start_date", &f->from));
    ESPY_TRY(records_day(call, "end_date", &f->to));
    ESPY_TRY(espy_smart_collection_id(call, &f->collection));
    if (account)
        f->account = call->who.user;
    else if (call->who.role != ESPY_ADMIN)
        f->session_owner = call->who.user;
    return ESPY_E_OK;
}

/* -- JSON -------------------------------------------------------------------------------------- */
static espy_err record_json(espy_ctx *cx, const espy_attendance *a, espy_json **out)
{
    char when[32];
    espy_time_local(a->time, when);
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", a->id);
    espy_put_text(&m, "student_id", a->code);
    espy_put_text(&m, "student_name", a->name);
    espy_put_int(&m, "session_id", a->session);
    espy_put_text(&m, "session_name", a->session_name);
    espy_put_time(&m, "timestamp", a->time);
    espy_put_text(&m, "date", a->day);
    espy_put_text(&m, "time", when + 11);
    espy_put_real(&m, "confidence", a->confidence);
    espy_put_text(&m, "status", a->present ? "present" : "absent");
    espy_put_bool(&m, "manual", a->manual);
    return espy_made_end(&m, out);
}

static void records_put(espy_made *list, const espy_attendance *rows, size_t n)
{
    espy_json *v = NULL;
    for (size_t i = 0; i < n && list->e == ESPY_E_OK; i++) {
        list->e = record_json(list->cx, &rows[i], &v);
        if (list->e == ESPY_E_OK)
            espy_put(list, NULL, v);
    }
}

espy_err espy_smart_reply_records(espy_call *call, const char *key, bool account)
{
    static const espy_page page = {.limit = RECORDS};
    espy_ctx *cx = call->cx;
    espy_attendance_filter f;
    espy_attendance *rows = NULL;
    espy_json *v = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(records_filter(call, account, &f));
    ESPY_TRY(espy_store_attendance_page(cx, call->ws->store, &f, &page, &rows, &n, &total));
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    records_put(&list, rows, n);
    espy_attendance_free(cx, rows, n);
    espy_put_made(&m, key, &list);
    espy_put_int(&m, "count", (int64_t)n);
    espy_put_int(&m, "total", total);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

espy_err espy_smart_session_rows(espy_call *call, int64_t session, espy_made *list)
{
    espy_page page = {.limit = RECORDS};
    const espy_attendance_filter f = {.session = session};
    size_t n = 0;
    do {
        espy_attendance *rows = NULL;
        n = 0;
        ESPY_TRY(espy_store_attendance_page(call->cx, call->ws->store, &f, &page, &rows, &n, NULL));
        records_put(list, rows, n);
        page.cursor = n ? rows[n - 1].id : 0;
        espy_attendance_free(call->cx, rows, n);
    } while (n == RECORDS && list->e == ESPY_E_OK);
    return list->e;
}

/* -- files ------------------------------------------------------------------------------------- */
static const char *const export_header[] = {"Date",    "Time",       "Student ID", "Student Name",
                                            "Session", "Confidence", "Status"};
#define EXPORT_COLUMNS (sizeof export_header / sizeof *export_header)

/* Every row of the filter, in one list. */
static espy_err export_rows(espy_call *call, espy_attendance **out, size_t *n)
{
    const espy_page page = {.limit = EXPORT_ROWS};
    espy_attendance_filter f;
    int64_t total = 0;
    ESPY_TRY(records_filter(call, false, &f));
    ESPY_TRY(espy_store_attendance_page(call->cx, call->ws->store, &f, &page, out, n, &total));
    if (total <= EXPORT_ROWS)
        return ESPY_E_OK;
    espy_attendance_free(call->cx, *out, *n);
    return espy_fail(call->cx, ESPY_E_LIMIT,
                     "%lld rows: a file has at most %d; narrow start_date and end_date",
                     (long long)total, EXPORT_ROWS);
}

/* The texts of a row that are not the attendance's own. */
typedef struct export_texts {
    char time[32], confidence[16];
} export_texts;

static void export_cells(const espy_attendance *a, export_texts *t,
                         const char *cells[EXPORT_COLUMNS])
{
    espy_time_local(a->time, t->time);
    t->confidence[0] = 0;
    if (isfinite(a->confidence))
        snprintf(t->confidence, sizeof t->confidence, "%.2f%%", 100 * a->confidence);
    const char *all[EXPORT_COLUMNS] = {a->day,
                                       t->time + 11,
                                       a->code,
                                       a->name,
                                       a->session_name,
                                       t->confidence,
                                       a->present ? "present" : "absent"};
    memcpy(cells, all, sizeof all);
}

/* "attendance_20261126.csv" */
static espy_err export_name(espy_call *call, const char *suffix)
{
    char stamp[32], text[96];
    espy_time_stamp(espy_time_now(), stamp);
    snprintf(text, sizeof text, "attachment; filename=\"attendance_%.8s.%s\"", stamp, suffix);
    return espy_reply_header(call, "Content-Disposition", text);
}

espy_err espy_smart_reply_csv(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const char *cells[EXPORT_COLUMNS];
    export_texts texts;
    espy_attendance *rows = NULL;
    size_t n = 0;
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, EXPORT_BYTES);
    ESPY_TRY(export_rows(call, &rows, &n));
    ESPY_GO(espy_csv_row(cx, &b, export_header, EXPORT_COLUMNS));
    for (size_t i = 0; i < n; i++) {
        export_cells(&rows[i], &texts, cells);
        ESPY_GO(espy_csv_row_guarded(cx, &b, cells, EXPORT_COLUMNS));
    }
    ESPY_GO(export_name(call, "csv"));
    e = espy_reply_bytes(call, 200, "text/csv; charset=utf-8", &b);
out:
    espy_buf_free(cx, &b);
    espy_attendance_free(cx, rows, n);
    return e;
}

espy_err espy_smart_reply_excel(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_attendance *rows = NULL;
    espy_xlsx_cell *cells = NULL;
    export_texts *texts = NULL;
    const char *one[EXPORT_COLUMNS];
    size_t n = 0;
    espy_buf b;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&b, EXPORT_BYTES);
    ESPY_TRY(export_rows(call, &rows, &n));
    cells = espy_array(cx, n * EXPORT_COLUMNS, sizeof *cells);
    texts = cells ? espy_array(cx, n, sizeof *texts) : NULL;
    if (!texts)
        ESPY_GO(cx->code);
    for (size_t i = 0; i < n; i++) {
        export_cells(&rows[i], &texts[i], one);
        for (size_t k = 0; k < EXPORT_COLUMNS; k++)
            cells[i * EXPORT_COLUMNS + k].text = one[k];
    }
    const espy_xlsx_table table = {.sheet = "Attendance",
                                   .header = export_header,
                                   .columns = EXPORT_COLUMNS,
                                   .rows = n,
                                   .cells = cells,
                                   .created = (int64_t)espy_time_now()};
    ESPY_GO(espy_xlsx_write(cx, &table, &b));
    ESPY_GO(export_name(call, "xlsx"));
    e = espy_reply_bytes(call, 200,
                         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &b);
out:
    espy_buf_free(cx, &b);
    espy_free(cx, texts);
    espy_free(cx, cells);
    espy_attendance_free(cx, rows, n);
    return e;
}
