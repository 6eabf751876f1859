/* SPDX-License-Identifier: Apache-2.0
 * http - SmartAttendance's interface: logging in, students who register, who one is. */
#include "http/auth.h"
#include "http/smart.h"

static espy_err login(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_user u = {0};
    espy_json *v = NULL;
    espy_buf token;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&token, ESPY_JWT_BYTES);
    ESPY_TRY(espy_auth_password(call, espy_call_text(call, "username"),
                                espy_call_text(call, "password"), &u));
    ESPY_GO(espy_auth_token(call, &u, ESPY_TOKEN_ACCESS, NULL, &token));
    ESPY_GO(espy_smart_user_json(call, &u, &v));
    espy_made m = espy_make_object(cx);
    espy_put_text(&m, "access_token", (const char *)token.data);
    espy_put(&m, "user", v);
    ESPY_GO(espy_made_end(&m, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_buf_free(cx, &token);
    espy_user_free(cx, &u);
    return e;
}

/* Account and label, or neither. */
static espy_err register_both(espy_call *call, const char *hash, int64_t *label)
{
    int64_t account;
    espy_store *st = call->ws->store;
    ESPY_TRY(espy_store_begin(call->cx, st));
    espy_err e = espy_smart_user_make(call, ESPY_STUDENT, NULL, hash, &account);
    if (e == ESPY_E_OK)
        e = espy_smart_student_make(call, account, true, label);
    if (e == ESPY_E_OK)
        e = espy_store_commit(call->cx, st);
    if (e != ESPY_E_OK)
        espy_store_rollback(call->cx, st);
    return e;
}

static espy_err register_student(espy_call *call)
{
    double allowed;
    char hash[ESPY_PASSWORD_HASH];
    int64_t label = 0, collection;
    ESPY_TRY(espy_smart_setting(call, ESPY_SMART_REGISTRATION, 1, &allowed));
    if (allowed == 0)
        return espy_refuse(call, 403, NULL,
                           "students do not register here; ask an administrator for an account");
    ESPY_TRY(espy_smart_collection_id(call, &collection)); /* made outside the transaction */
    ESPY_TRY(espy_auth_rate(call, call->serving->registrations, "", "registrations from here"));
    ESPY_TRY(espy_smart_hash(call, hash));
    ESPY_TRY(register_both(call, hash, &label));
    return espy_smart_reply_student(call, 201, "Registered", label);
}

static espy_err me(espy_call *call)
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

static const espy_field login_fields[] = {
    {"username", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "the account"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "its password"},
    {0}};

static const espy_field register_fields[] = {
    {"username", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 256, true, NULL, NULL, "what one logs in with"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "at least 8 bytes"},
    {"email", ESPY_IN_BODY, ESPY_FIELD_TEXT, 3, 256, true, NULL, NULL, "of nobody else"},
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 256, true, NULL, NULL, "full name"},
    {"student_id", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 64, true, NULL, NULL, "such as STU001"},
    {"department", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 256, false, NULL, NULL, "department"},
    {"year", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 64, false, NULL, NULL, "year of study"},
    {"section", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 64, false, NULL, NULL, "section"},
    {0}};

const espy_route espy_routes_smart_auth[] = {
    {"POST", "/api/auth/login", &espy_service_smartattendance, ESPY_ANYONE, ESPY_LANE_LOGIN,
     login_fields, "Log in", "200 SmartLogin|401|429", login},
    {"POST", "/api/auth/register-student", &espy_service_smartattendance, ESPY_ANYONE,
     ESPY_LANE_LOGIN, register_fields, "A student makes an account",
     "201 SmartStudentMade|403|409|429", register_student},
    {"GET", "/api/auth/me", &espy_service_smartattendance, ESPY_MAY_SELF, ESPY_LANE_QUICK, NULL,
     "Who is asking", "200 SmartUser|404", me},
    {0}};

const espy_schema espy_schemas_smart_auth[] = {
    {"SmartUser", "{\"type\":\"object\",\"required\":[\"id\",\"username\",\"email\",\"role\","
                  "\"name\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"username\":{\"type\":"
                  "\"string\"},\"email\":{\"type\":[\"string\",\"null\"]},\"role\":{\"enum\":["
                  "\"admin\",\"instructor\",\"student\"]},\"name\":{\"type\":\"string\"},"
                  "\"enabled\":{\"type\":\"boolean\"},\"student_id\":{\"type\":[\"string\","
                  "\"null\"]}}}"},
    {"SmartLogin", "{\"type\":\"object\",\"required\":[\"access_token\",\"user\"],\"properties\":{"
                   "\"access_token\":{\"type\":\"string\"},\"user\":{\"$ref\":\"#/components/"
                   "schemas/SmartUser\"}}}"},
    {"SmartStudent",
     "{\"type\":\"object\",\"required\":[\"id\",\"student_id\",\"name\",\"face_registered\","
     "\"face_images_count\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"user_id\":{\"type\":["
     "\"integer\",\"null\"]},\"student_id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},"
     "\"email\":{\"type\":[\"string\",\"null\"]},\"enabled\":{\"type\":\"boolean\"},\"face_"
     "registered\":{\"type\":\"boolean\"},\"face_images_count\":{\"type\":\"integer\"}}}"},
    {"SmartStudentMade",
     "{\"type\":\"object\",\"required\":[\"message\",\"student\"],\"properties\":{\"message\":{"
     "\"type\":\"string\"},\"student\":{\"$ref\":\"#/components/schemas/SmartStudent\"}}}"},
    {"SmartStudents",
     "{\"type\":\"object\",\"required\":[\"students\",\"count\"],\"properties\":{\"students\":{"
     "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/SmartStudent\"}},\"count\":{"
     "\"type\":\"integer\"}}}"},
    {"SmartMessage", "{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{\"message\":{"
                     "\"type\":\"string\"}}}"},
    {0}};
