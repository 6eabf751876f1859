/* SPDX-License-Identifier: Apache-2.0
 * http - AttendanSee: logins by JSON web token and accounts, as Django's djoser and simplejwt have
 * them. */
#include <stdio.h>
#include <string.h>

#include "http/attendansee.h"
#include "http/auth.h"
#include "http/token.h"

/* -- tokens ------------------------------------------------------------------------------------ */
static espy_err auth_put_token(espy_call *call, espy_made *m, const char *key, const espy_user *u,
                               espy_token_kind kind)
{
    espy_buf b;
    espy_buf_init(&b, ESPY_JWT_BYTES + 1);
    ESPY_TRY(espy_auth_token(call, u, kind, NULL, &b));
    espy_put_text(m, key, (const char *)b.data);
    espy_buf_free(call->cx, &b);
    return ESPY_E_OK;
}

static espy_err auth_tokens(espy_call *call, const espy_user *u, bool refresh)
{
    espy_made m = espy_make_object(call->cx);
    espy_err e = auth_put_token(call, &m, "access", u, ESPY_TOKEN_ACCESS);
    if (e == ESPY_E_OK && refresh)
        e = auth_put_token(call, &m, "refresh", u, ESPY_TOKEN_REFRESH);
    if (e != ESPY_E_OK && m.e == ESPY_E_OK)
        m.e = e;
    return espy_see_end(call, 200, &m);
}

static espy_err auth_create(espy_call *call)
{
    espy_user u = {0};
    ESPY_TRY(espy_auth_password(call, espy_call_text(call, "username"),
                                espy_call_text(call, "password"), &u));
    espy_err e = auth_tokens(call, &u, true);
    espy_user_free(call->cx, &u);
    return e;
}

static espy_err auth_refresh(espy_call *call)
{
    espy_user u = {0};
    ESPY_TRY(espy_auth_verify(call, espy_call_text(call, "refresh"), ESPY_TOKEN_REFRESH, &u));
    espy_err e = auth_tokens(call, &u, false);
    espy_user_free(call->cx, &u);
    return e;
}

/* Either kind of token. */
static espy_err auth_check(espy_call *call)
{
    espy_user u = {0};
    const char *token = espy_call_text(call, "token");
    espy_err e = espy_auth_verify(call, token, ESPY_TOKEN_ACCESS, &u);
    if (e != ESPY_E_OK && call->refused == 401) {
        espy_clear(call->cx);
        call->refused = 0;
        e = espy_auth_verify(call, token, ESPY_TOKEN_REFRESH, &u);
    }
    espy_user_free(call->cx, &u);
    ESPY_TRY(e);
    return espy_reply_json(call, 200, espy_json_object());
}

/* -- accounts ---------------------------------------------------------------------------------- */
static espy_err auth_user_json(espy_see *see, const void *item, espy_json **out)
{
    const espy_user *u = item;
    espy_ctx *cx = see->call->cx;
    const char *name = u->full_name ? u->full_name : "";
    size_t n = strcspn(name, " ");
    char *first = espy_strndup(cx, name, n);
    if (!first)
        return cx->code;
    espy_made m = espy_make_object(cx);
    espy_put_int(&m, "id", u->id);
    espy_put_text(&m, "username", u->name);
    espy_put_text(&m, "email", u->email ? u->email : "");
    espy_put_text(&m, "first_name", first);
    espy_put_text(&m, "last_name", name[n] ? name + n + 1 : "");
    espy_put_bool(&m, "is_staff", strcmp(u->role, "admin") == 0);
    espy_put_bool(&m, "is_active", u->enabled);
    espy_put_text(&m, "role", u->role);
    espy_free(cx, first);
    return espy_made_end(&m, out);
}

static espy_err auth_reply_user(espy_call *call, int status, int64_t id)
{
    espy_user u = {0};
    ESPY_TRY(espy_store_user_get(call->cx, call->ws->store, id, &u));
    espy_err e = espy_see_reply(call, status, auth_user_json, &u);
    espy_user_free(call->cx, &u);
    return e;
}

/* A request from this machine that is trusted has no account. */
static espy_err auth_need_account(espy_call *call)
{
    return call->who.user ? ESPY_E_OK
                          : espy_refuse(call, 401, NULL,
                                        "Authentication credentials were not provided: log in");
}

static espy_err auth_me(espy_call *call)
{
    ESPY_TRY(auth_need_account(call));
    return auth_reply_user(call, 200, call->who.user);
}

/* EXISTS is the e-mail address of somebody else, or the user name. */
static espy_err auth_taken(espy_call *call, espy_err e)
{
    if (e != ESPY_E_EXISTS)
        return e;
    const bool email = strstr(call->cx->text, "mail") != NULL;
    espy_clear(call->cx);
    return espy_refuse_field(call, email ? "email" : "username",
                             "A user with that %s already exists.",
                             email ? "email address" : "username");
}

static espy_err auth_me_update(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const char *first = espy_call_text(call, "first_name"),
               *last = espy_call_text(call, "last_name");
    char *name = NULL;
    ESPY_TRY(auth_need_account(call));
    if (first || last) {
        name = espy_see_name(cx, first ? first : "", last ? last : "");
        if (!name)
            return cx->code;
    }
    const espy_user_change change = {.email = espy_call_text(call, "email"), .full_name = name};
    espy_err e = espy_store_user_update(cx, call->ws->store, call->who.user, &change);
    espy_free(cx, name);
    ESPY_TRY(auth_taken(call, e));
    return auth_reply_user(call, 200, call->who.user);
}

static espy_err auth_set_password(espy_call *call)
{
    ESPY_TRY(auth_need_account(call));
    ESPY_TRY(
        espy_auth_change_password(call, "current_password", "new_password", "Invalid password."));
    return espy_reply_empty(call, 204);
}

static espy_err auth_users(espy_call *call)
{
    espy_ctx *cx = call->cx;
    const espy_page page = espy_see_page(call);
    espy_user *at = NULL;
    size_t n = 0;
    int64_t total = 0;
    ESPY_TRY(espy_store_users(cx, call->ws->store, NULL, &page, &at, &n, &total));
    espy_err e = espy_see_reply_page(call, auth_user_json, at, sizeof *at, n, total);
    espy_users_free(cx, at, n);
    return e;
}

static espy_err auth_user_make(espy_call *call)
{
    espy_ctx *cx = call->cx;
    char hash[ESPY_PASSWORD_HASH];
    const char *email = espy_call_text(call, "email");
    int64_t id = 0;
    ESPY_TRY(espy_auth_hash(call, "password", espy_call_text(call, "password"), hash));
    char *name =
        espy_see_name(cx, espy_call_text(call, "first_name"), espy_call_text(call, "last_name"));
    if (!name)
        return cx->code;
    const espy_user u = {.name = (char *)(uintptr_t)espy_call_text(call, "username"),
                         .full_name = name,
                         .email = email && *email ? (char *)(uintptr_t)email : NULL,
                         .password = hash,
                         .role = (char *)(uintptr_t)espy_role_name(
                             espy_call_bool(call, "is_staff") ? ESPY_ADMIN : ESPY_INSTRUCTOR)};
    espy_err e = espy_store_user_add(cx, call->ws->store, &u, &id);
    espy_free(cx, name);
    ESPY_TRY(auth_taken(call, e));
    return auth_reply_user(call, 201, id);
}

/* -- routes ------------------------------------------------------------------------------------ */
#define AUTH_TEXT(name, lo, hi, required, fallback, help)                           \
    {                                                                               \
        name, ESPY_IN_BODY, ESPY_FIELD_TEXT, lo, hi, required, fallback, NULL, help \
    }

static const espy_field create_fields[] = {
    AUTH_TEXT("username", 1, 150, true, NULL, "who"),
    AUTH_TEXT("password", 1, ESPY_PASSWORD_BYTES, true, NULL, "password"),
    {0}};
static const espy_field refresh_fields[] = {
    AUTH_TEXT("refresh", 1, ESPY_JWT_BYTES, true, NULL, "the login's refresh token"), {0}};
static const espy_field check_fields[] = {
    AUTH_TEXT("token", 1, ESPY_JWT_BYTES, true, NULL, "a token of either kind"), {0}};
static const espy_field me_fields[] = {
    AUTH_TEXT("email", 0, 254, false, NULL, "e-mail address"),
    AUTH_TEXT("first_name", 0, 150, false, NULL, "first name; sent together with the last"),
    AUTH_TEXT("last_name", 0, 150, false, NULL, "last name"),
    {0}};
static const espy_field password_fields[] = {
    AUTH_TEXT("current_password", 1, ESPY_PASSWORD_BYTES, true, NULL, "the one that holds"),
    AUTH_TEXT("new_password", 1, ESPY_PASSWORD_BYTES, true, NULL, "at least 8 characters"),
    {0}};
static const espy_field users_fields[] = {ESPY_SEE_PAGE(1000), {0}};
static const espy_field make_fields[] = {
    AUTH_TEXT("username", 1, 150, true, NULL, "unique"),
    AUTH_TEXT("password", 1, ESPY_PASSWORD_BYTES, true, NULL, "at least 8 characters"),
    AUTH_TEXT("email", 0, 254, false, NULL, "e-mail address"),
    AUTH_TEXT("first_name", 0, 150, false, "\"\"", "first name"),
    AUTH_TEXT("last_name", 0, 150, false, "\"\"", "last name"),
    {"is_staff", ESPY_IN_BODY, ESPY_FIELD_BOOL, 0, 0, false, "false", NULL,
     "an administrator, who sees everything; else owns classes"},
    {0}};

#define SEE_IN(lane, method, path, may, fields, summary, answers, run)                             \
    {                                                                                              \
        method, "/api/auth/" path, &espy_service_attendansee, may, lane, fields, summary, answers, \
            run                                                                                    \
    }
#define SEE(...) SEE_IN(ESPY_LANE_QUICK, __VA_ARGS__)
#define SEE_PASSWORD(...) SEE_IN(ESPY_LANE_LOGIN, __VA_ARGS__)
const espy_route espy_routes_attendansee_auth[] = {
    SEE_PASSWORD("POST", "jwt/create/", ESPY_ANYONE, create_fields, "Log in",
                 "200 SeeTokens|401|429", auth_create),
    SEE("POST", "jwt/refresh/", ESPY_ANYONE, refresh_fields, "A new access token",
        "200 SeeTokens|401", auth_refresh),
    SEE("POST", "jwt/verify/", ESPY_ANYONE, check_fields, "Whether a token holds",
        "200 SeeNothing|401", auth_check),
    SEE("GET", "users/me/", ESPY_MAY_SELF, NULL, "Who one is", "200 SeeUser", auth_me),
    SEE("PUT", "users/me/", ESPY_MAY_SELF, me_fields, "Change one's account", "200 SeeUser",
        auth_me_update),
    SEE("PATCH", "users/me/", ESPY_MAY_SELF, me_fields, "Change one's account", "200 SeeUser",
        auth_me_update),
    SEE_PASSWORD("POST", "users/set_password/", ESPY_MAY_SELF, password_fields,
                 "Change one's password: all tokens end", "204|429", auth_set_password),
    SEE("GET", "users/", ESPY_MAY_ADMIN, users_fields, "List accounts", "200 SeeUsers|404",
        auth_users),
    SEE_PASSWORD("POST", "users/", ESPY_MAY_ADMIN, make_fields, "Make an account", "201 SeeUser",
                 auth_user_make),
    {0}};

const espy_schema espy_schemas_attendansee_auth[] = {
    {"SeeTokens",
     "{\"type\":\"object\",\"required\":[\"access\"],\"properties\":{\"access\":{\"type\":\"strin"
     "g\"},\"refresh\":{\"type\":\"string\"}}}"},
    {"SeeNothing", "{\"type\":\"object\"}"},
    {"SeeUser",
     "{\"type\":\"object\",\"required\":[\"id\",\"username\",\"email\",\"first_name\",\"last_name"
     "\",\"is_staff\",\"is_active\",\"role\"],\"properties\":{\"id\":{\"type\":\"integer\"},\"user"
     "name\":{\"type\":\"string\"},\"email\":{\"type\":\"string\"},\"first_name\":{\"type\":\"stri"
     "ng\"},\"last_name\":{\"type\":\"string\"},\"is_staff\":{\"type\":\"boolean\"},\"is_active\""
     ":{\"type\":\"boolean\"},\"role\":{\"type\":\"string\"}}}"},
    {"SeeUsers",
     "{\"type\":\"object\",\"required\":[\"count\",\"next\",\"previous\",\"results\"],\"propertie"
     "s\":{\"count\":{\"type\":\"integer\"},\"next\":{\"type\":[\"string\",\"null\"]},\"previous\":"
     "{\"type\":[\"string\",\"null\"]},\"results\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/comp"
     "onents/schemas/SeeUser\"}}}}"},
    {0}};
