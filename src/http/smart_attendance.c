/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: faces in a frame, who they are, sessions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "flow/scan.h"
#include "http/asked.h"
#include "http/attend.h"
#include "http/smart.h"
#include "store/attendance.h"

/* -- detect ------------------------------------------------------------------------------------ */
void espy_smart_put_box(espy_made *m, const char *key, const float box[4])
{
    static const char *const names[] = {"x", "y", "w", "h"};
    espy_made o = espy_make_object(m->cx);
    for (size_t i = 0; i < 4; i++)
        espy_put_int(&o, names[i], lrintf(box[i]));
    espy_put_made(m, key, &o);
}

static void put_face(espy_made *list, const espy_scan_sample *s)
{
    espy_made face = espy_make_object(list->cx), points = espy_make_array(list->cx);
    espy_smart_put_box(&face, "bbox", s->box);
    for (size_t i = 0; s->has_points && i < 5; i++) {
        espy_made point = espy_make_array(list->cx);
        espy_put_int(&point, NULL, lrintf(s->points[2 * i]));
        espy_put_int(&point, NULL, lrintf(s->points[2 * i + 1]));
        espy_put_made(&points, NULL, &point);
    }
    espy_put_made(&face, "landmarks", &points);
    espy_put_real(&face, "confidence", (double)s->score);
    espy_put_made(list, NULL, &face);
}

static espy_err detect_face(espy_call *call)
{
    static const espy_find_options boxes = {.no_crops = true};
    espy_ctx *cx = call->cx;
    const espy_encoder *encoder;
    espy_collection c = {0};
    espy_scan scan = {0};
    espy_json *v = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_smart_collection(call, &c));
    ESPY_GO(espy_models_encoder(cx, call->serving->models, call->ws, &c, &encoder));
    e = espy_flow_scan_memory(cx, encoder, &boxes, espy_call_file(call, "image", 0)->bytes, &scan);
    ESPY_GO(espy_smart_unread(call, e, "the image"));
    espy_made m = espy_make_object(cx), faces = espy_make_array(cx);
    for (size_t i = 0; i < scan.n; i++)
        put_face(&faces, &scan.at[i]);
    espy_put_text(&m, "status", scan.n ? "success" : "no_face");
    espy_put_made(&m, "faces", &faces);
    espy_put_int(&m, "count", (int64_t)scan.n);
    ESPY_GO(espy_made_end(&m, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    return e;
}

/* -- recognise --------------------------------------------------------------------------------- */
static size_t largest_face(const espy_result *r)
{
    size_t best = 0;
    for (size_t i = 1; i < r->n; i++)
        if (r->at[i].box[2] * r->at[i].box[3] > r->at[best].box[2] * r->at[best].box[3])
            best = i;
    return best;
}

static void look_answer(const espy_result *r, espy_smart_seen *out)
{
    if (r->n == 0)
        return;
    const espy_answer *a = &r->at[largest_face(r)];
    out->word = a->decision == ESPY_KNOWN ? ESPY_SMART_RECOGNIZED : ESPY_SMART_UNKNOWN;
    out->probability = (double)a->probability;
    memcpy(out->box, a->box, sizeof out->box);
    if (a->label)
        snprintf(out->code, sizeof out->code, "%s", a->label);
}

espy_err espy_smart_look(espy_call *call, int64_t owner, espy_smart_seen *out)
{
    espy_ctx *cx = call->cx;
    espy_identify_options rule = {.floor = -2, .no_floor = call->serving->options->literal};
    espy_collection c = {0};
    espy_scan scan = {0};
    espy_result *r = NULL;
    *out = (espy_smart_seen){.word = ESPY_SMART_NO_FACE};
    ESPY_TRY(espy_smart_threshold(call, owner, &rule.threshold));
    ESPY_TRY(espy_smart_collection(call, &c));
    espy_err e = espy_asked_identify(call, &c, 0, &rule, NULL,
                                     espy_call_file(call, "image", 0)->bytes, &scan, &r);
    if (e == ESPY_E_OK)
        look_answer(r, out);
    espy_result_free(r);
    espy_scan_free(cx, &scan);
    espy_collection_free(cx, &c);
    if (e == ESPY_E_NOT_FOUND) { /* nothing was trained, or its pack is not installed */
        espy_clear(cx);
        out->word = ESPY_SMART_NO_MODEL;
        return ESPY_E_OK;
    }
    return espy_smart_unread(call, e, "the image");
}

espy_err espy_smart_reply_word(espy_call *call, const espy_smart_seen *seen)
{
    static const char *const words[] = {"no_face", "unknown", "recognized", "error"};
    static const char *const texts[] = {"No face detected", "Face not recognized", "Recognized",
                                        "No model is loaded; train one"};
    espy_made m = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_text(&m, "status", words[seen->word]);
    espy_put_text(&m, "message", texts[seen->word]);
    if (seen->word == ESPY_SMART_NO_MODEL) {
        espy_put_text(&m, "error", texts[seen->word]);
        espy_put_bool(&m, "requires_model", true);
    } else if (seen->word != ESPY_SMART_NO_FACE) {
        espy_put_real(&m, "confidence", seen->probability);
        espy_smart_put_box(&m, "bbox", seen->box);
    }
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err recognized_reply(espy_call *call, const espy_smart_seen *seen,
                                 const espy_label *student, bool fresh, bool kept)
{
    espy_made m = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_text(&m, "status", fresh ? "recognized" : "already_marked");
    espy_put_text(&m, "message", fresh ? "Attendance marked" : "Attendance was marked already");
    espy_put_text(&m, "student_id", student->code);
    espy_put_text(&m, "student_name", student->name);
    espy_put_real(&m, "confidence", seen->probability);
    espy_put_time(&m, "timestamp", espy_time_now());
    espy_smart_put_box(&m, "bbox", seen->box);
    espy_put_bool(&m, fresh ? "new_entry" : "updated", !kept);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* One row for each student, session and day; seen again, its time and confidence are new. */
static espy_err recognized(espy_call *call, const espy_session *s, espy_smart_seen *seen)
{
    espy_ctx *cx = call->cx;
    char today[32];
    espy_label student = {0};
    int64_t id;
    bool there, fresh = false, kept = false;
    espy_err e = ESPY_E_OK;
    ESPY_GO(espy_attend_label(call, s->collection, seen->code, &student, &there));
    if (!there) {
        seen->word = ESPY_SMART_UNKNOWN;
        ESPY_GO(espy_smart_reply_word(call, seen));
        goto out;
    }
    espy_time_local(espy_time_now(), today);
    today[10] = 0;
    const espy_mark mark = {.session = s->id,
                            .label = student.id,
                            .day = today,
                            .present = true,
                            .user = call->who.user,
                            .confidence = seen->probability};
    ESPY_GO(espy_store_attendance_mark(cx, call->ws->store, &mark, &id, &fresh, &kept));
    e = recognized_reply(call, seen, &student, fresh, kept);
out:
    espy_label_free(cx, &student);
    return e;
}

/* A session that the caller may not see is none. */
static espy_err session_asked(espy_call *call, espy_session *out)
{
    ESPY_TRY(espy_smart_session(call, espy_call_int(call, "session_id"), out));
    if (espy_smart_session_own(call, out))
        return ESPY_E_OK;
    espy_session_free(call->cx, out);
    return espy_fail(call->cx, ESPY_E_NOT_FOUND, "there is no such session");
}

static espy_err recognize(espy_call *call)
{
    espy_smart_seen seen;
    espy_session s = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(session_asked(call, &s));
    if (s.closed)
        ESPY_GO(espy_refuse(call, 400, "inactive", "the session is not active"));
    ESPY_GO(espy_smart_look(call, s.owner, &seen));
    e = seen.word == ESPY_SMART_RECOGNIZED ? recognized(call, &s, &seen)
                                           : espy_smart_reply_word(call, &seen);
out:
    espy_session_free(call->cx, &s);
    return e;
}

/* -- sessions ---------------------------------------------------------------------------------- */
static espy_err reply_session(espy_call *call, int status, const char *message, int64_t id)
{
    espy_session s = {0};
    espy_json *v = NULL;
    int64_t present = 0;
    ESPY_TRY(espy_store_session_get(call->cx, call->ws->store, id, &s));
    espy_err e = espy_store_present(call->cx, call->ws->store, &id, 1, &present);
    if (e == ESPY_E_OK)
        e = espy_smart_session_json(call, &s, present, &v);
    espy_session_free(call->cx, &s);
    ESPY_TRY(e);
    espy_made m = espy_make_object(call->cx);
    espy_put_text(&m, "message", message);
    espy_put_int(&m, "session_id", id);
    espy_put(&m, "session", v);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, status, v);
}

/* An instructor whose account lists sections or kinds of session holds none beside. */
static bool start_listed(const espy_json *list, const char *value)
{
    size_t n = espy_json_count(list);
    for (size_t i = 0; i < n; i++)
        if (strcmp(espy_json_string(espy_json_at(list, i), ""), value) == 0)
            return true;
    return n == 0;
}

/* The instructor's name goes into `detail`. */
static espy_err start_allowed(espy_call *call, const char *user_detail)
{
    espy_json *v = NULL;
    ESPY_TRY(espy_smart_detail(call->cx, user_detail, &v));
    bool section = start_listed(espy_json_get(v, "sections"), espy_call_text(call, "section_id"));
    bool kind =
        start_listed(espy_json_get(v, "session_types"), espy_call_text(call, "session_type"));
    espy_json_free(v);
    if (section && kind)
        return ESPY_E_OK;
    return espy_refuse(call, 403, NULL, "this account holds no %s of that kind",
                       section ? "session" : "section");
}

/* The session's detail, with who holds it. */
static espy_err start_detail(espy_call *call, espy_buf *out)
{
    espy_ctx *cx = call->cx;
    espy_user u = {0};
    espy_buf name;
    espy_json *o = NULL;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&name, ESPY_DETAIL_MAX);
    if (call->who.user)
        ESPY_TRY(espy_store_user_get(cx, call->ws->store, call->who.user, &u));
    if (call->who.role == ESPY_INSTRUCTOR)
        ESPY_GO(start_allowed(call, u.detail));
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "instructor_name",
                  u.full_name && *u.full_name ? u.full_name : call->who.name);
    ESPY_GO(espy_made_end(&m, &o));
    e = espy_json_print(cx, o, 0, &name);
    espy_json_free(o);
    ESPY_GO(e);
    e = espy_smart_detail_sent(call, (const char *)name.data, espy_smart_session_fields, out);
out:
    espy_buf_free(cx, &name);
    espy_user_free(cx, &u);
    return e;
}

/* Names of one day are told apart by a number: "Algebra", "Algebra (2)", ... */
static espy_err start_add(espy_call *call, espy_session *s, int64_t *id)
{
    enum { MOST = 1000 };
    espy_ctx *cx = call->cx;
    const char *wanted = s->name;
    char name[700];
    for (int k = 1; k <= MOST; k++) {
        if (k > 1)
            snprintf(name, sizeof name, "%s (%d)", wanted, k);
        else
            snprintf(name, sizeof name, "%s", wanted);
        s->name = name;
        espy_err e = espy_store_session_add(cx, call->ws->store, s, id);
        if (e != ESPY_E_EXISTS)
            return e;
        espy_clear(cx);
    }
    return espy_refuse(call, 409, NULL, "there are %d sessions of this name today", MOST);
}

static espy_err start_session(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char now[32], usual[600];
    const char *name = espy_call_text(call, "name"), *course = espy_call_text(call, "course");
    espy_buf detail = {0};
    int64_t id = 0;
    espy_session s = {.owner = call->who.user};
    ESPY_TRY(espy_smart_collection_id(call, &s.collection));
    ESPY_TRY(start_detail(call, &detail));
    espy_time_local(espy_time_now(), now);
    now[10] = 0;
    snprintf(usual, sizeof usual, "%s %s %s", course && *course ? course : "Section",
             espy_call_text(call, "section_id"), espy_call_text(call, "session_type"));
    s.name = name && *name ? (char *)(uintptr_t)name : usual;
    s.date = now;
    s.start_time = now + 11;
    s.detail = (char *)detail.data;
    espy_err e = start_add(call, &s, &id);
    espy_buf_free(cx, &detail);
    ESPY_TRY(e);
    return reply_session(call, 201, "Session started", id);
}

static espy_err end_session(espy_call *call)
{
    espy_session s = {0};
    int64_t id = espy_call_int(call, "session_id");
    ESPY_TRY(espy_smart_session(call, id, &s));
    bool own = espy_smart_session_own(call, &s), closed = s.closed;
    espy_session_free(call->cx, &s);
    if (!own)
        return espy_refuse(call, 403, NULL, "this session is another instructor's");
    if (closed)
        return espy_refuse(call, 400, "inactive", "the session has ended already");
    ESPY_TRY(espy_smart_session_close(call, id));
    return reply_session(call, 200, "Session ended", id);
}

static espy_err session_show(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_session s = {0};
    espy_json *v = NULL;
    int64_t present = 0;
    ESPY_TRY(session_asked(call, &s));
    int64_t id = s.id;
    espy_err e = espy_store_present(call->cx, call->ws->store, &s.id, 1, &present);
    if (e == ESPY_E_OK)
        e = espy_smart_session_json(call, &s, present, &v);
    espy_session_free(cx, &s);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx), list = espy_make_array(cx);
    espy_put(&m, "session", v);
    espy_ignore(espy_smart_session_rows(call, id, &list)); /* list keeps the failure */
    espy_put_int(&m, "count", (int64_t)espy_json_count(list.v));
    espy_put_made(&m, "attendance", &list);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err test_ping(espy_call *call)
{
    espy_made m = espy_make_object(call->cx);
    espy_json *v = NULL;
    espy_put_text(&m, "status", "ok");
    espy_put_text(&m, "message", "pong");
    espy_put_time(&m, "timestamp", espy_time_now());
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

/* -- tables ------------------------------------------------------------------------------------ */
static const espy_field detect_fields[] = {ESPY_SMART_IMAGE, {0}};

static const espy_field recognize_fields[] = {ESPY_SMART_IMAGE,
                                              {"session_id", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9e15,
                                               true, NULL, NULL,
                                               "the session that they are marked in"},
                                              {0}};

static const espy_field start_fields[] = {
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 256, false, NULL, NULL,
     "of the session; else from course, section and kind"},
    {"course", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 256, false, NULL, NULL, "course"},
    {"session_type", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 16, true, NULL, "lab|theory", "its kind"},
    {"time_block", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 16, true, NULL, "morning|afternoon", "when"},
    {"section_id", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 64, true, NULL, NULL, "section"},
    {"year", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 64, true, NULL, NULL, "year of study"},
    {0}};

static const espy_field end_fields[] = {
    {"session_id", ESPY_IN_BODY, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "the session"}, {0}};

static const espy_field show_fields[] = {
    {"session_id", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "the session"}, {0}};

const espy_route espy_routes_smart_attendance[] = {
    {"POST", "/api/attendance/detect-face", &espy_service_smartattendance, ESPY_MAY_SELF,
     ESPY_LANE_INFER, detect_fields, "Where faces are in a picture", "200 SmartFaces|503",
     detect_face},
    {"POST", "/api/attendance/recognize", &espy_service_smartattendance, ESPY_MAY_ENROLL,
     ESPY_LANE_INFER, recognize_fields,
     "Recognise the largest face of a picture and mark the student present, once a day",
     "200 SmartRecognition|404", recognize},
    {"POST", "/api/attendance/start-session", &espy_service_smartattendance, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, start_fields, "Start a session", "201 SmartSessionMade|409", start_session},
    {"POST", "/api/attendance/end-session", &espy_service_smartattendance, ESPY_MAY_ENROLL,
     ESPY_LANE_QUICK, end_fields, "End an own session", "200 SmartSessionMade|404", end_session},
    {"GET", "/api/attendance/session/{session_id}", &espy_service_smartattendance, ESPY_MAY_READ,
     ESPY_LANE_QUICK, show_fields, "A session and who was there", "200 SmartSessionRows|404",
     session_show},
    {"GET", "/api/attendance/test-ping", &espy_service_smartattendance, ESPY_ANYONE,
     ESPY_LANE_QUICK, NULL, "Whether the server is there", "200 Health", test_ping},
    {0}};

const espy_schema espy_schemas_smart_attendance[] = {
    {"SmartBox", "{\"type\":\"object\",\"required\":[\"x\",\"y\",\"w\",\"h\"],\"properties\":{"
                 "\"x\":{\"type\":\"integer\"},\"y\":{\"type\":\"integer\"},\"w\":{\"type\":"
                 "\"integer\"},\"h\":{\"type\":\"integer\"}}}"},
    {"SmartFaces",
     "{\"type\":\"object\",\"required\":[\"status\",\"faces\",\"count\"],\"properties\":{"
     "\"status\":{\"enum\":[\"success\",\"no_face\"]},\"faces\":{\"type\":\"array\",\"items\":{"
     "\"type\":\"object\",\"properties\":{\"bbox\":{\"$ref\":\"#/components/schemas/SmartBox\"},"
     "\"landmarks\":{\"type\":\"array\"},\"confidence\":{\"type\":\"number\"}}}},\"count\":{"
     "\"type\":\"integer\"}}}"},
    {"SmartRecognition",
     "{\"type\":\"object\",\"required\":[\"status\",\"message\"],\"properties\":{\"status\":{"
     "\"enum\":[\"recognized\",\"already_marked\",\"unknown\",\"no_face\",\"error\"]},\"message\":{"
     "\"type\":\"string\"},\"error\":{\"type\":\"string\"},\"requires_model\":{\"type\":"
     "\"boolean\"},\"student_id\":{\"type\":\"string\"},\"student_name\":{\"type\":\"string\"},"
     "\"confidence\":{\"type\":[\"number\",\"null\"]},\"timestamp\":{\"type\":\"string\"},\"bbox\":"
     "{\"$ref\":\"#/components/schemas/SmartBox\"},\"new_entry\":{\"type\":\"boolean\"},"
     "\"updated\":{\"type\":\"boolean\"}}}"},
    {"SmartSession",
     "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"status\",\"attendance_count\"],"
     "\"properties\":{\"id\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},\"course\":{"
     "\"type\":[\"string\",\"null\"]},\"section_id\":{\"type\":[\"string\",\"null\"]},\"year\":{"
     "\"type\":[\"string\",\"null\"]},\"session_type\":{\"type\":[\"string\",\"null\"]},\"time_"
     "block\":{\"type\":[\"string\",\"null\"]},\"instructor_id\":{\"type\":[\"integer\",\"null\"]},"
     "\"instructor_name\":{\"type\":[\"string\",\"null\"]},\"start_time\":{\"type\":[\"string\","
     "\"null\"]},\"end_time\":{\"type\":[\"string\",\"null\"]},\"status\":{\"enum\":[\"active\","
     "\"ended\"]},\"attendance_count\":{\"type\":\"integer\"}}}"},
    {"SmartSessionMade",
     "{\"type\":\"object\",\"required\":[\"message\",\"session_id\",\"session\"],\"properties\":{"
     "\"message\":{\"type\":\"string\"},\"session_id\":{\"type\":\"integer\"},\"session\":{"
     "\"$ref\":\"#/components/schemas/SmartSession\"}}}"},
    {"SmartRecord",
     "{\"type\":\"object\",\"required\":[\"student_id\",\"student_name\",\"session_id\","
     "\"timestamp\",\"confidence\",\"status\"],\"properties\":{\"id\":{\"type\":\"integer\"},"
     "\"student_id\":{\"type\":\"string\"},\"student_name\":{\"type\":\"string\"},\"session_id\":{"
     "\"type\":\"integer\"},\"session_name\":{\"type\":\"string\"},\"timestamp\":{\"type\":"
     "\"string\"},\"date\":{\"type\":\"string\"},\"time\":{\"type\":\"string\"},\"confidence\":{"
     "\"type\":[\"number\",\"null\"]},\"status\":{\"enum\":[\"present\",\"absent\"]},\"manual\":{"
     "\"type\":\"boolean\"}}}"},
    {"SmartSessionRows",
     "{\"type\":\"object\",\"required\":[\"session\",\"attendance\",\"count\"],\"properties\":{"
     "\"session\":{\"$ref\":\"#/components/schemas/SmartSession\"},\"attendance\":{\"type\":"
     "\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartRecord\"}},\"count\":{\"type\":"
     "\"integer\"}}}"},
    {0}};
