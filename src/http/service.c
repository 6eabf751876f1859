/* SPDX-License-Identifier: Apache-2.0
 * http - how an error looks in each of the four interfaces. */
#include "http/call.h"

#include <stdio.h>

/* {"error": {"code", "message", "details"}, "request_id"} */
static espy_err shape_v1(espy_ctx *cx, const espy_call *call, const espy_fault *fault,
                         espy_json **body)
{
    espy_json *o = espy_json_object(), *error = espy_json_object();
    espy_json *details =
        fault->fields ? espy_json_ref((espy_json *)(uintptr_t)fault->fields) : espy_json_object();
    espy_err e = espy_json_set(cx, error, "code", espy_json_of_string(fault->code));
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, error, "message", espy_json_of_string(fault->text));
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, error, "details", espy_json_ref(details));
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, o, "error", espy_json_ref(error));
    if (e == ESPY_E_OK)
        e = espy_json_set(cx, o, "request_id", espy_json_of_string(call->id));
    espy_json_free(details);
    espy_json_free(error);
    if (e != ESPY_E_OK) {
        espy_json_free(o);
        return e;
    }
    *body = o;
    return ESPY_E_OK;
}

/* One object of up to two texts. */
static espy_err shape_pair(espy_ctx *cx, const char *key, const char *text, const char *key2,
                           const char *text2, espy_json **body)
{
    espy_json *o = espy_json_object();
    espy_err e = espy_json_set(cx, o, key, espy_json_of_string(text));
    if (e == ESPY_E_OK && key2)
        e = espy_json_set(cx, o, key2, espy_json_of_string(text2));
    if (e != ESPY_E_OK) {
        espy_json_free(o);
        return e;
    }
    *body = o;
    return ESPY_E_OK;
}

/* SPEC 5.3: {field: [messages]}; what concerns the login {"detail"}; 500 {"error", "details"}; else
 * {"error"}. */
static espy_err shape_attendansee(espy_ctx *cx, const espy_call *call, const espy_fault *fault,
                                  espy_json **body)
{
    (void)call;
    if (fault->fields) {
        *body = espy_json_ref((espy_json *)(uintptr_t)fault->fields);
        return ESPY_E_OK;
    }
    if (fault->status == 401 || fault->status == 403 || fault->status == 404 ||
        fault->status == 405 || fault->status == 429)
        return shape_pair(cx, "detail", fault->text, NULL, NULL, body);
    if (fault->status >= 500)
        return shape_pair(cx, "error", "Internal server error", "details", fault->text, body);
    return shape_pair(cx, "error", fault->text, NULL, NULL, body);
}

/* For interfaces that tell one text: the first field that is wrong, by its name. */
static const char *shape_named(const espy_fault *fault, char *out, size_t room)
{
    void *it = NULL;
    const char *field;
    const espy_json *texts;
    if (!fault->fields || !espy_json_next(fault->fields, &it, &field, &texts))
        return fault->text;
    snprintf(out, room, "%.100s: %s", field, espy_json_string(espy_json_at(texts, 0), fault->text));
    return out;
}

static espy_err shape_smartattendance(espy_ctx *cx, const espy_call *call, const espy_fault *fault,
                                      espy_json **body)
{
    char room[400];
    const char *text = shape_named(fault, room, sizeof room);
    (void)call;
    return shape_pair(cx, "error", text, "message", text, body);
}

static espy_err shape_ecosight(espy_ctx *cx, const espy_call *call, const espy_fault *fault,
                               espy_json **body)
{
    char room[400];
    (void)call;
    return shape_pair(cx, "detail", shape_named(fault, room, sizeof room), NULL, NULL, body);
}

const espy_service espy_service_v1 = {"v1", "espy", "Error", true, shape_v1};
const espy_service espy_service_attendansee = {"attendansee", "AttendanSee", "AttendanSeeError",
                                               false, shape_attendansee};
const espy_service espy_service_smartattendance = {
    "smartattendance", "SmartAttendance", "SmartAttendanceError", false, shape_smartattendance};
const espy_service espy_service_ecosight = {"ecosight", "EcoSight", "EcoSightError", false,
                                            shape_ecosight};
