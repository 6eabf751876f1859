/* SPDX-License-Identifier: Apache-2.0
 * http - /v1: logging in and out, one's own account, the accounts of others. */
#include <stdio.h>
#include <string.h>

#include "http/auth.h"
#include "http/make.h"
#include "http/serving.h"
#include "http/shapes.h"

/* -- shapes ------------------------------------------------------------------------------------ */
static espy_err user_json(espy_ctx *cx, const espy_user *u, espy_json **out)
{
    espy_made m = espy_make_object(cx);
    espy_put_id(&m, "id", u->id);
    espy_put_text(&m, "name", u->name);
    espy_put_text(&m, "full_name", u->full_name);
    espy_put_text(&m, "email", u->email);
    espy_put_text(&m, "role", u->role);
    espy_put_bool(&m, "enabled", u->enabled);
    espy_put_raw(&m, "detail", u->detail);
    espy_put_time(&m, "created", u->created);
    return espy_made_end(&m, out);
}

static espy_err user_item(espy_ctx *cx, const void *item, espy_json **out)
{
    return user_json(cx, item, out);
}

static espy_err user_reply(espy_call *call, int status, int64_t id)
{
    espy_user u = {0};
    espy_json *v = NULL;
    ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, id, &u));
    espy_err e = user_json(call->cx, &u, &v);
    espy_user_free(call->cx, &u);
    ESPY_TRY(e);
    return espy_reply_json(call, status, v);
}

/* -- logging in -------------------------------------------------------------------------------- */
/* Whether the client speaks TLS, to us or to the proxy before us. */
static bool login_is_secure(const espy_call *call)
{
    const char *proxy = espy_call_header(call, "X-Forwarded-Proto");
    return call->serving->options->certificate || (proxy && strcmp(proxy, "https") == 0);
}

/* The console's session: no script reads it and no other site sends it. */
static espy_err login_cookie(espy_call *call, const char *token, double seconds)
{
    espy_ctx *cx = call->cx;
    espy_buf b;
    espy_buf_init(&b, ESPY_JWT_BYTES + 256);
    ESPY_TRY(espy_buf_printf(cx, &b, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%.0f%s",
                             ESPY_COOKIE, token, seconds, login_is_secure(call) ? "; Secure" : ""));
    espy_err e = espy_reply_header(call, "Set-Cookie", (const char *)b.data);
    espy_buf_free(cx, &b);
    return e;
}

static espy_err login(espy_call *call)
{
    espy_ctx *cx = call->cx;
    bool cookie = espy_call_bool(call, "cookie");
    double seconds = 3600 * call->serving->options->session_hours;
    char csrf[ESPY_TOKEN_TEXT];
    espy_user user = {0};
    espy_json *v = NULL;
    espy_buf token;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&token, ESPY_JWT_BYTES);
    if (cookie && espy_auth_cross_site(call))
        return espy_refuse(call, 403, "csrf", "a page of another site cannot log in here");
    ESPY_TRY(espy_auth_password(call, espy_call_text(call, "name"),
                                espy_call_text(call, "password"), &user));
    if (cookie)
        ESPY_GO(espy_token_text(cx, csrf));
    ESPY_GO(espy_auth_token(call, &user, cookie ? ESPY_TOKEN_COOKIE : ESPY_TOKEN_ACCESS,
                            cookie ? csrf : NULL, &token));
    if (cookie)
        ESPY_GO(login_cookie(call, (const char *)token.data, seconds));
    ESPY_GO(user_json(cx, &user, &v));
    espy_made m = espy_make_object(cx);
    if (cookie)
        espy_put_text(&m, "csrf", csrf);
    else
        espy_put_text(&m, "access", (const char *)token.data);
    espy_put_real(&m, "expires_in", seconds);
    espy_put(&m, "user", v);
    ESPY_GO(espy_made_end(&m, &v));
    e = espy_reply_json(call, 200, v);
out:
    espy_buf_free(cx, &token);
    espy_user_free(cx, &user);
    return e;
}

static espy_err logout(espy_call *call)
{
    if (espy_auth_cross_site(call))
        return espy_refuse(call, 403, "csrf", "a page of another site cannot log out here");
    ESPY_TRY(login_cookie(call, "", 0));
    /* whoever sits down at this browser next finds no pictures of the last one's */
    ESPY_TRY(espy_reply_header(call, "Clear-Site-Data", "\"cache\""));
    return espy_reply_empty(call, 204);
}

/* -- one's own account ------------------------------------------------------------------------- */
static void own_may(const espy_call *call, espy_made *m)
{
    static const struct {
        unsigned may;
        const char *name;
    } names[] = {{ESPY_MAY_READ, "read"},
                 {ESPY_MAY_IDENTIFY, "identify"},
                 {ESPY_MAY_ENROLL, "enroll"},
                 {ESPY_MAY_ADMIN, "admin"}};
    espy_made list = espy_make_array(call->cx);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (call->who.may & names[i].may)
            espy_put_text(&list, NULL, names[i].name);
    espy_put_made(m, "may", &list);
}

static espy_err me(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_user u = {.name = call->who.name,
                   .role = (char *)(uintptr_t)espy_role_name(call->who.role),
                   .enabled = true};
    espy_user own = {0};
    espy_json *v = NULL;
    if (call->who.user)
        ESPY_TRY(espy_store_user_get(cx, call->ws->store, call->who.user, &own));
    espy_err e = user_json(cx, call->who.user ? &own : &u, &v);
    espy_user_free(cx, &own);
    ESPY_TRY(e);
    espy_made m = espy_make_object(cx);
    espy_put(&m, "user", v);
    own_may(call, &m);
    espy_put_text(&m, "csrf", call->who.csrf[0] ? call->who.csrf : NULL);
    ESPY_TRY(espy_made_end(&m, &v));
    return espy_reply_json(call, 200, v);
}

static espy_err password(espy_call *call)
{
    ESPY_TRY(espy_auth_change_password(call, "current", "password", ESPY_WRONG_PASSWORD));
    return espy_reply_empty(call, 204);
}

/* -- accounts ---------------------------------------------------------------------------------- */
static espy_err users_list(espy_call *call)
{
    espy_ctx *cx = call->cx;
    espy_page page;
    espy_user *users = NULL;
    espy_page_items items = {.size = sizeof *users, .shape = user_item};
    ESPY_TRY(espy_page_asked(call, &page));
    ESPY_TRY(espy_store_users(cx, call->ws->store, espy_call_text(call, "role"), &page, &users,
                              &items.n, &items.total));
    items.at = users;
    espy_err e = espy_reply_page(call, &page, &items);
    espy_users_free(cx, users, items.n);
    return e;
}

static espy_err user_add(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char hash[ESPY_PASSWORD_HASH];
    espy_buf detail;
    int64_t id = 0;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_auth_hash(call, "password", espy_call_text(call, "password"), hash));
    ESPY_GO(espy_detail_asked(call, &detail));
    const char *email = espy_call_text(call, "email");
    const espy_user u = {.name = (char *)(uintptr_t)espy_call_text(call, "name"),
                         .full_name = (char *)(uintptr_t)espy_call_text(call, "full_name"),
                         .email = email && *email ? (char *)(uintptr_t)email : NULL,
                         .password = hash,
                         .role = (char *)(uintptr_t)espy_call_text(call, "role"),
                         .detail = (char *)detail.data};
    ESPY_GO(espy_store_user_add(cx, call->ws->store, &u, &id));
    e = user_reply(call, 201, id);
out:
    espy_buf_free(cx, &detail);
    return e;
}

static espy_err user_get(espy_call *call)
{
    return user_reply(call, 200, espy_call_int(call, "user"));
}

static espy_err user_change(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char hash[ESPY_PASSWORD_HASH];
    const char *new_password = espy_call_text(call, "password");
    bool enabled = espy_call_bool(call, "enabled");
    int64_t id = espy_call_int(call, "user");
    espy_buf detail;
    espy_err e = ESPY_E_OK;
    if (new_password)
        ESPY_TRY(espy_auth_hash(call, "password", new_password, hash));
    ESPY_GO(espy_detail_asked(call, &detail));
    const espy_user_change change = {.name = espy_call_text(call, "name"),
                                     .full_name = espy_call_text(call, "full_name"),
                                     .email = espy_call_text(call, "email"),
                                     .password = new_password ? hash : NULL,
                                     .role = espy_call_text(call, "role"),
                                     .detail = (const char *)detail.data,
                                     .enabled = espy_call_has(call, "enabled") ? &enabled : NULL};
    ESPY_GO(espy_store_user_update(cx, call->ws->store, id, &change));
    e = user_reply(call, 200, id);
out:
    espy_buf_free(cx, &detail);
    return e;
}

static espy_err user_delete(espy_call *call)
{
    ESPY_TRY(espy_store_user_delete(call->cx, call->ws->store, espy_call_int(call, "user")));
    return espy_reply_empty(call, 204);
}

/* -- tables ------------------------------------------------------------------------------------ */
static const espy_field login_fields[] = {
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "the account"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "its password"},
    {"cookie", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, "false", NULL,
     "for pages: the session is a cookie that scripts cannot read, and what changes something has "
     "to bring csrf in X-CSRF-Token"},
    {0}};

static const espy_field password_fields[] = {
    {"current", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "the password of now"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL,
     "the new one, at least 8 bytes"},
    {0}};

#define USER_FIELD                                                                           \
    {                                                                                        \
        "user", ESPY_IN_PATH, ESPY_FIELD_INT, 1, 9e15, true, NULL, NULL, "id of the account" \
    }
#define USER_ROLES "admin|instructor|student"

static const espy_field users_fields[] = {{"role", ESPY_IN_QUERY, ESPY_FIELD_TEXT, 0, 0, false,
                                           NULL, USER_ROLES, "accounts of this role alone"},
                                          ESPY_PAGE_FIELDS,
                                          {0}};

static const espy_field user_fields[] = {USER_FIELD, {0}};

static const espy_field user_add_fields[] = {
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "what one logs in with"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, true, NULL, NULL, "at least 8 bytes"},
    {"role", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 0, true, NULL, USER_ROLES,
     "admins may do everything, instructors what belongs to them, students see themselves"},
    {"full_name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL, "for people"},
    {"email", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL, "of nobody else"},
    {"detail", ESPY_IN_BODY, ESPY_FIELD_OBJECT, 0, 0, false, NULL, NULL,
     "anything else: department, year, ..."},
    {0}};

static const espy_field user_change_fields[] = {
    USER_FIELD,
    {"name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, false, NULL, NULL, "what one logs in with"},
    {"password", ESPY_IN_BODY, ESPY_FIELD_TEXT, 1, 1024, false, NULL, NULL,
     "a new one, at least 8 bytes; what is logged in has to log in again"},
    {"role", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 0, false, NULL, USER_ROLES, "another role"},
    {"full_name", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL, "for people"},
    {"email", ESPY_IN_BODY, ESPY_FIELD_TEXT, 0, 1024, false, NULL, NULL,
     "of nobody else; \"\": none"},
    {"detail", ESPY_IN_BODY, ESPY_FIELD_OBJECT, 0, 0, false, NULL, NULL,
     "anything else, instead of what was there"},
    {"enabled", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 1, false, NULL, NULL,
     "whether it can log in and its keys are good"},
    {0}};

const espy_route espy_routes_v1_people[] = {
    {"POST", "/v1/auth/login", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_LOGIN, login_fields,
     "Log in", "200 Login|401|403|429", login},
    {"POST", "/v1/auth/logout", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_QUICK, NULL,
     "Take the session's cookie away", "204|403", logout},
    {"GET", "/v1/auth/me", &espy_service_v1, ESPY_MAY_SELF, ESPY_LANE_QUICK, NULL, "Who is asking",
     "200 Me", me},
    {"PUT", "/v1/auth/password", &espy_service_v1, ESPY_MAY_SELF, ESPY_LANE_LOGIN, password_fields,
     "Change the own password; everything that is logged in has to log in again", "204|409|429",
     password},
    {"GET", "/v1/users", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_QUICK, users_fields,
     "The accounts", "200 Users", users_list},
    {"POST", "/v1/users", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_LOGIN, user_add_fields,
     "Make an account", "201 User|409", user_add},
    {"GET", "/v1/users/{user}", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_QUICK, user_fields,
     "One account", "200 User|404", user_get},
    {"PATCH", "/v1/users/{user}", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_LOGIN,
     user_change_fields, "Change an account; the last administrator stays one", "200 User|404|409",
     user_change},
    {"DELETE", "/v1/users/{user}", &espy_service_v1, ESPY_MAY_ADMIN, ESPY_LANE_QUICK, user_fields,
     "Delete an account with its keys; its collections become the administrators'", "204|404|409",
     user_delete},
    {0}};

const espy_schema espy_schemas_v1_people[] = {
    {"User",
     "{\"type\":\"object\",\"required\":[\"id\",\"name\",\"full_name\",\"email\",\"role\","
     "\"enabled\",\"detail\",\"created\"],\"properties\":{\"id\":{\"type\":[\"integer\",\"null\"]},"
     "\"name\":{\"type\":\"string\"},\"full_name\":{\"type\":[\"string\",\"null\"]},"
     "\"email\":{\"type\":[\"string\",\"null\"]},\"role\":{\"enum\":[\"admin\","
     "\"instructor\",\"student\"]},\"enabled\":{\"type\":\"boolean\"},\"detail\":{\"type\":"
     "[\"object\",\"null\"]},\"created\":{\"type\":[\"string\",\"null\"]}}}"},
    {"Users", "{\"type\":\"object\",\"required\":[\"items\",\"next_cursor\",\"total\"],"
              "\"properties\":{\"items\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/"
              "schemas/User\"}},\"next_cursor\":{\"type\":[\"string\",\"null\"]},\"total\":{"
              "\"type\":\"integer\"}}}"},
    {"Login", "{\"type\":\"object\",\"required\":[\"user\",\"expires_in\"],\"properties\":{"
              "\"access\":{\"type\":\"string\"},\"csrf\":{\"type\":\"string\"},\"expires_in\":{"
              "\"type\":\"number\"},\"user\":{\"$ref\":\"#/components/schemas/User\"}}}"},
    {"Me", "{\"type\":\"object\",\"required\":[\"user\",\"may\",\"csrf\"],\"properties\":{"
           "\"user\":{\"$ref\":\"#/components/schemas/User\"},\"may\":{\"type\":\"array\","
           "\"items\":{\"enum\":[\"read\",\"identify\",\"enroll\",\"admin\"]}},\"csrf\":{"
           "\"type\":[\"string\",\"null\"]}}}"},
    {0}};
