/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: what instructors see and set. */
#include <string.h>

#include "http/auth.h"
#include "http/smart.h"

static espy_err records(espy_call *call)
{
    return espy_smart_reply_records(call, "records", false);
}

/* -- settings ---------------------------------------------------------------------------------- */
static espy_err settings_reply(espy_call *call)
{
    double own = 0, used = 0;
    espy_json *v = NULL, *detail = NULL;
    espy_user u = {0};
    if (call->who.user) {
        ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, call->who.user, &u));
        espy_err e = espy_smart_detail(call->cx, u.detail, &detail);
        espy_user_free(call->cx, &u);
        ESPY_TRY(e);
        own = espy_json_number(espy_json_get(detail, "confidence_threshold"), 0);
        espy_json_free(detail);
    }
    ESPY_TRY(espy_smart_threshold_now(call, call->who.user, &used));
    espy_made m = espy_make_object(call->cx);
    if (own > 0)
        espy_put_real(&m, "confidence_threshold", own);
    else
        espy_put_null(&m, "confidence_threshold");
    espy_put_real(&m, ESPY_SMART_THRESHOLD, used);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err settings_put(espy_call *call)
{
    static const char *const fields[] = {"confidence_threshold", NULL};
    if (!call->who.user)
        return espy_refuse(call, 409, NULL, "this request is of no account");
    ESPY_TRY(espy_smart_user_change(call, call->who.user, fields, ""));
    return settings_reply(call);
}

static espy_err change_password(espy_call *call)
{
    ESPY_TRY(
        espy_auth_change_password(call, "current_password", "new_password", ESPY_WRONG_PASSWORD));
    return espy_smart_reply_message(call, 200, "Password changed; log in again");
}

/* -- who and what ------------------------------------------------------------------------------ */
static espy_err info(espy_call *call)
{
    espy_user u = {0};
    espy_json *v = NULL;
    if (!call->who.user)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "this request is of no account");
    ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, call->who.user, &u));
    espy_err e = espy_smart_user_json(call, &u, &v);
    espy_user_free(call->cx, &u);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, v);
}

static bool list_has(const espy_json *list, const char *text)
{
    for (size_t i = 0; i < espy_json_count(list); i++)
        if (strcmp(espy_json_string(espy_json_at(list, i), ""), text) == 0)
            return true;
    return false;
}

/* Those that students are in. */
static espy_err sections_of_students(espy_call *call, espy_json *list)
{
    enum { PAGE = 1000 };
    espy_ctx *cx = call->cx;
    espy_page page = {.limit = PAGE};
    espy_label_filter f = {0};
    espy_json *detail = NULL;
    size_t n = 0;
    ESPY_TRY(espy_smart_collection_id(call, &f.collection));
    do {
        espy_label_info *at = NULL;
        ESPY_TRY(espy_store_label_page(cx, call->ws->store, &f, &page, &at, &n, NULL));
        espy_err e = ESPY_E_OK;
        for (size_t i = 0; i < n && e == ESPY_E_OK; i++) {
            page.cursor = at[i].label.id;
            e = espy_smart_detail(cx, at[i].detail, &detail);
            const char *section =
                e == ESPY_E_OK ? espy_json_string(espy_json_get(detail, "section"), "") : "";
            if (*section && !list_has(list, section))
                e = espy_json_append(cx, list, espy_json_of_string(section));
            espy_json_free(detail);
            detail = NULL;
        }
        espy_label_infos_free(cx, at, n);
        ESPY_TRY(e);
    } while (n == PAGE);
    return ESPY_E_OK;
}

/* The account's own, else those of all students. */
static espy_err sections_list(espy_call *call, espy_json **out)
{
    espy_ctx *cx = call->cx;
    espy_user u = {0};
    espy_json *detail = NULL;
    if (call->who.user) {
        ESPY_TRY(espy_store_user_get(cx, call->ws->store, call->who.user, &u));
        espy_err e = espy_smart_detail(cx, u.detail, &detail);
        espy_user_free(cx, &u);
        ESPY_TRY(e);
    }
    const espy_json *own = espy_json_get(detail, "sections");
    if (espy_json_count(own)) {
        *out = espy_json_ref((espy_json *)(uintptr_t)own);
        espy_json_free(detail);
        return ESPY_E_OK;
    }
    espy_json_free(detail);
    espy_json *list = espy_json_array();
    espy_err e = sections_of_students(call, list);
    if (e == ESPY_E_OK)
        *out = list;
    else
        espy_json_free(list);
    return e;
}

static espy_err sections(espy_call *call)
{
    espy_json *list = NULL, *v = NULL;
    ESPY_TRY(sections_list(call, &list));
    espy_made m = espy_make_object(call->cx);
    espy_put(&m, "sections", list);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* -- tables ------------------------------------------------------------------------------------ */
static const espy_field record_fields[] = {ESPY_SMART_RECORD_FIELDS, {0}};

static const espy_field settings_fields[] = {
    {"confidence_threshold", ESPY_IN_BODY, ESPY_FIELD_REAL, 0, 1, true, NULL, NULL,
     "least probability to be recognised in the own sessions; 0: as the administrators set it"},
    {0}};

static const espy_field password_fields[] = {
    {"current_password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL,
     "the password of now"},
    {"new_password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "at least 8 bytes"},
    {0}};

static const espy_field student_fields[] = {
    {"search", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 256, false, NULL, NULL,
     "stands in student_id, name or e-mail"},
    {"section", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 64, false, NULL, NULL, "of this section alone"},
    {0}};

const espy_route espy_routes_smart_instructor[] = {
    {"GET", "/api/instructor/records", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_QUICK, record_fields, "Attendance of the own sessions, at most 1000 rows",
     "200 SmartRecords", records},
    {"GET", "/api/instructor/records/export/csv", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_LONG, record_fields, "The same as a CSV file", "200 text/csv", espy_smart_reply_csv},
    {"GET", "/api/instructor/records/export/excel", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_LONG, record_fields, "The same as a spreadsheet",
     "200 application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
     espy_smart_reply_excel},
    {"GET", "/api/instructor/settings", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_QUICK, NULL, "The own settings", "200 SmartSettings", settings_reply},
    {"PUT", "/api/instructor/settings", &espy_service_smartattendance, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, settings_fields, "Change the own settings", "200 SmartSettings|409",
     settings_put},
    {"PUT", "/api/instructor/change-password", &espy_service_smartattendance, ESPY_MAY_SELF,
     ESPY_LANE_LOGIN, password_fields, "Change the own password", "200 SmartMessage|409|429",
     change_password},
    {"GET", "/api/instructor/sections", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_QUICK, NULL, "The own sections", "200 SmartSections", sections},
    {"GET", "/api/instructor/info", &espy_service_smartattendance, ESPY_MAY_READ, ESPY_LANE_QUICK,
     NULL, "The own account", "200 SmartUser|404", info},
    {"GET", "/api/instructor/students", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_QUICK, student_fields, "The students", "200 SmartStudents",
     espy_smart_reply_students},
    {0}};

const espy_schema espy_schemas_smart_instructor[] = {
    {"SmartRecords",
     "{\"type\":\"object\",\"required\":[\"count\",\"total\"],\"properties\":{\"records\":{"
     "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartRecord\"}},"
     "\"attendance\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartRecord\"}}"
     ",\"count\":{\"type\":\"integer\"},\"total\":{\"type\":\"integer\"}}}"},
    {"SmartSettings",
     "{\"type\":\"object\",\"required\":[\"face_recognition_threshold\"],\"properties\":{"
     "\"confidence_threshold\":{\"type\":[\"number\",\"null\"]},\"face_recognition_threshold\":{"
     "\"type\":\"number\"},\"session_timeout_minutes\":{\"type\":\"number\"},\"allow_registration\""
     ":{\"type\":\"boolean\"}}}"},
    {"SmartSections", "{\"type\":\"object\",\"required\":[\"sections\"],\"properties\":{"
                      "\"sections\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}"},
    {0}};
