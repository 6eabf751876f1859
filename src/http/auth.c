/* SPDX-License-Identifier: Apache-2.0
 * http - who asks. */
#include "http/auth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/serving.h"
#include "http/token.h"
#include "store/collection.h"

#define REFRESH_SECONDS (30 * 86400.0)

const char *espy_role_name(espy_role role)
{
    return role == ESPY_ADMIN ? "admin" : role == ESPY_INSTRUCTOR ? "instructor" : "student";
}

bool espy_role_read(const char *name, espy_role *out)
{
    for (espy_role r = ESPY_STUDENT; r <= ESPY_ADMIN; r++)
        if (strcmp(name, espy_role_name(r)) == 0) {
            *out = r;
            return true;
        }
    return false;
}

unsigned espy_role_may(espy_role role)
{
    switch (role) {
    case ESPY_ADMIN:
        return ESPY_MAY_READ | ESPY_MAY_IDENTIFY | ESPY_MAY_ENROLL | ESPY_MAY_ADMIN | ESPY_MAY_SELF;
    case ESPY_INSTRUCTOR:
        return ESPY_MAY_READ | ESPY_MAY_IDENTIFY | ESPY_MAY_ENROLL | ESPY_MAY_SELF;
    case ESPY_STUDENT:
        return ESPY_MAY_SELF;
    }
    return 0;
}

/* -- tokens ------------------------------------------------------------------------------------ */
static const char *token_kind_name(espy_token_kind kind)
{
    return kind == ESPY_TOKEN_ACCESS ? "access" : kind == ESPY_TOKEN_REFRESH ? "refresh" : "cookie";
}

static espy_span auth_secret(const espy_call *call)
{
    return (espy_span){call->serving->secret, sizeof call->serving->secret};
}

/* Tells passwords apart, and tells nothing about them: tokens end with the password. */
static void auth_mark(const espy_call *call, const espy_user *user, char out[17])
{
    uint8_t mac[ESPY_HMAC_BYTES];
    const espy_span part = {(const uint8_t *)user->password, strlen(user->password)};
    espy_hmac(auth_secret(call), &part, 1, mac);
    for (size_t i = 0; i < 8; i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

espy_err espy_auth_token(espy_call *call, const espy_user *user, espy_token_kind kind,
                         const char *csrf, espy_buf *out)
{
    espy_ctx *cx = call->cx;
    char mark[17];
    double now = floor(espy_time_now());
    double last =
        kind == ESPY_TOKEN_REFRESH ? REFRESH_SECONDS : 3600 * call->serving->options->session_hours;
    espy_json *claims = espy_json_object();
    espy_err e = ESPY_E_OK;
    auth_mark(call, user, mark);
    ESPY_GO(espy_json_set(cx, claims, "user_id", espy_json_of_int(user->id)));
    ESPY_GO(espy_json_set(cx, claims, "token_type", espy_json_of_string(token_kind_name(kind))));
    ESPY_GO(espy_json_set(cx, claims, "pw", espy_json_of_string(mark)));
    ESPY_GO(espy_json_set(cx, claims, "iat", espy_json_of_int((int64_t)now)));
    ESPY_GO(espy_json_set(cx, claims, "exp", espy_json_of_int((int64_t)(now + last))));
    if (csrf)
        ESPY_GO(espy_json_set(cx, claims, "csrf", espy_json_of_string(csrf)));
    e = espy_jwt_sign(cx, claims, auth_secret(call), out);
out:
    espy_json_free(claims);
    return e;
}

static espy_err auth_invalid(espy_call *call)
{
    espy_clear(call->cx);
    return espy_refuse(call, 401, NULL, "the token is not valid, or not any more; log in again");
}

/* The claims of a token of a kind, and the user, if both hold. */
static espy_err auth_read(espy_call *call, const char *token, espy_token_kind kind, espy_user *user,
                          espy_json **claims)
{
    espy_ctx *cx = call->cx;
    char mark[17];
    espy_json *c = NULL;
    espy_user u = {0};
    espy_err e = espy_jwt_verify(cx, token, auth_secret(call), espy_time_now(), &c);
    if (e == ESPY_E_NOMEM)
        return e;
    if (e != ESPY_E_OK)
        return auth_invalid(call);
    if (strcmp(espy_json_string(espy_json_get(c, "token_type"), ""), token_kind_name(kind)) != 0)
        ESPY_GO(auth_invalid(call));
    e = espy_store_user_get(cx, call->ws->store, espy_json_int(espy_json_get(c, "user_id"), 0), &u);
    if (e == ESPY_E_NOT_FOUND)
        ESPY_GO(auth_invalid(call));
    ESPY_GO(e);
    auth_mark(call, &u, mark);
    if (!u.enabled || !espy_token_equal(mark, espy_json_string(espy_json_get(c, "pw"), "")))
        ESPY_GO(auth_invalid(call));
    *user = u;
    *claims = c;
    return ESPY_E_OK;
out:
    espy_user_free(cx, &u);
    espy_json_free(c);
    return e;
}

espy_err espy_auth_verify(espy_call *call, const char *token, espy_token_kind kind, espy_user *user)
{
    espy_json *claims = NULL;
    ESPY_TRY(auth_read(call, token, kind, user, &claims));
    espy_json_free(claims);
    return ESPY_E_OK;
}

/* -- the caller -------------------------------------------------------------------------------- */
static void auth_is(espy_call *call, const espy_user *user)
{
    espy_role role = ESPY_STUDENT;
    (void)espy_role_read(user->role, &role);
    call->who = (espy_caller){.user = user->id, .role = role, .may = espy_role_may(role)};
    snprintf(call->who.name, sizeof call->who.name, "%s", user->name);
}

static espy_err auth_by_key(espy_call *call, const char *text)
{
    char digest[ESPY_DIGEST_HEX];
    espy_key key = {0};
    espy_user owner = {0};
    espy_digest(text, strlen(text), digest);
    espy_err e = espy_store_key_find(call->cx, call->ws->store, digest, &key, &owner);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(call->cx);
        return espy_refuse(call, 401, NULL, "there is no such key, or not any more");
    }
    ESPY_TRY(e);
    auth_is(call, &owner);
    call->who.key = key.id;
    call->who.collection = key.collection;
    call->who.may &= (unsigned)key.scopes;
    if (key.collection) /* accounts and settings are of no collection */
        call->who.may &= ~(unsigned)ESPY_MAY_ADMIN;
    espy_key_free(call->cx, &key);
    espy_user_free(call->cx, &owner);
    return ESPY_E_OK;
}

static espy_err auth_by_token(espy_call *call, const char *text, espy_token_kind kind)
{
    espy_user user = {0};
    espy_json *claims = NULL;
    espy_err e = ESPY_E_OK;
    ESPY_TRY(auth_read(call, text, kind, &user, &claims));
    bool safe = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    const char *csrf = espy_json_string(espy_json_get(claims, "csrf"), "");
    const char *sent = espy_call_header(call, ESPY_CSRF_HEADER);
    if (kind == ESPY_TOKEN_COOKIE && !safe && !(sent && *csrf && espy_token_equal(sent, csrf)))
        e = espy_refuse(call, 403, "csrf", "a request by cookie has to bring %s", ESPY_CSRF_HEADER);
    else
        auth_is(call, &user);
    if (e == ESPY_E_OK && kind == ESPY_TOKEN_COOKIE)
        snprintf(call->who.csrf, sizeof call->who.csrf, "%s", csrf);
    espy_user_free(call->cx, &user);
    espy_json_free(claims);
    return e;
}

/* The value of a cookie: false when there is none. */
static bool cookie_value(const char *header, const char *name, char *out, size_t room)
{
    size_t n = strlen(name);
    for (const char *p = header; p && *p; p += strcspn(p, ";"), p += *p == ';') {
        p += strspn(p, " ");
        if (strncmp(p, name, n) == 0 && p[n] == '=') {
            size_t m = strcspn(p + n + 1, ";");
            if (m >= room)
                return false;
            memcpy(out, p + n + 1, m);
            out[m] = 0;
            return true;
        }
    }
    return false;
}

/* Whether a host ("localhost:8000", "[::1]") or an origin behind its "://" is this machine. */
static bool host_is_loopback(const char *host)
{
    size_t n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
    return (n == 9 && strncasecmp(host, "localhost", n) == 0) ||
           (n == 5 && strncmp(host, "[::1]", n) == 0) ||
           (n >= 7 && n <= 15 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == n);
}

bool espy_auth_cross_site(const espy_call *call)
{
    const char *site = espy_call_header(call, "Sec-Fetch-Site");
    const char *origin = espy_call_header(call, "Origin"), *host = espy_call_header(call, "Host");
    if (site)
        return strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    const char *at = origin ? strstr(origin, "://") : NULL;
    return origin && (!at || !host || strcmp(at + 3, host) != 0);
}

/* Trust is for programs and pages of this machine: not for a page from elsewhere that a browser on
 * it shows, nor for a name that somebody made point here. */
static bool auth_trusts(const espy_call *call)
{
    const char *host = espy_call_header(call, "Host"), *origin = espy_call_header(call, "Origin");
    const char *site = espy_call_header(call, "Sec-Fetch-Site");
    if (!call->serving->options->trust_loopback || !call->loopback)
        return false;
    if (origin) {
        const char *at = strstr(origin, "://");
        if (!at || !host_is_loopback(at + 3))
            return false;
    }
    if (site && strcmp(site, "cross-site") == 0)
        return false;
    return host && host_is_loopback(host);
}

bool espy_auth_stranger(const espy_call *call)
{
    char cookie[ESPY_JWT_BYTES + 1];
    return !espy_call_header(call, "Authorization") && !espy_call_header(call, "X-Api-Key") &&
           !cookie_value(espy_call_header(call, "Cookie"), ESPY_COOKIE, cookie, sizeof cookie) &&
           !auth_trusts(call);
}

/* Who it is; who.may 0: nobody known. */
static espy_err auth_caller(espy_call *call)
{
    char cookie[ESPY_JWT_BYTES + 1];
    const char *bearer = espy_call_header(call, "Authorization");
    const char *key = espy_call_header(call, "X-Api-Key");
    if (bearer) {
        size_t n = strcspn(bearer, " ");
        if (n == 6 && strncasecmp(bearer, "Bearer", n) == 0 && bearer[n])
            bearer += n + 1;
        else if (n == 3 && strncmp(bearer, "JWT", n) == 0 && bearer[n])
            bearer += n + 1;
        else
            return espy_refuse(call, 401, NULL, "Authorization: Bearer TOKEN is expected");
        if (strncmp(bearer, ESPY_KEY_PREFIX, strlen(ESPY_KEY_PREFIX)) == 0)
            return auth_by_key(call, bearer);
        return auth_by_token(call, bearer, ESPY_TOKEN_ACCESS);
    }
    if (key)
        return auth_by_key(call, key);
    if (cookie_value(espy_call_header(call, "Cookie"), ESPY_COOKIE, cookie, sizeof cookie))
        return auth_by_token(call, cookie, ESPY_TOKEN_COOKIE);
    if (auth_trusts(call)) {
        call->who = (espy_caller){.role = ESPY_ADMIN, .may = espy_role_may(ESPY_ADMIN)};
        snprintf(call->who.name, sizeof call->who.name, "loopback");
    }
    return ESPY_E_OK;
}

static const char *may_name(unsigned may)
{
    switch (may) {
    case ESPY_MAY_READ:
        return "the scope read";
    case ESPY_MAY_IDENTIFY:
        return "the scope identify";
    case ESPY_MAY_ENROLL:
        return "the scope enroll";
    case ESPY_MAY_ADMIN:
        return "an administrator";
    default:
        return "a login of its own";
    }
}

espy_err espy_call_may(espy_call *call, unsigned may)
{
    if ((call->who.may & may) == may)
        return ESPY_E_OK;
    if (!call->who.may)
        return espy_refuse(call, 401, NULL, ESPY_AUTH_STRANGER);
    return espy_refuse(call, 403, NULL, "this %s may not do that: it needs %s",
                       call->who.key ? "key" : "account", may_name(may));
}

espy_err espy_auth(espy_call *call)
{
    if (call->route->may == ESPY_ANYONE)
        return ESPY_E_OK;
    ESPY_TRY(auth_caller(call));
    return espy_call_may(call, call->route->may);
}

/* -- passwords --------------------------------------------------------------------------------- */
espy_err espy_auth_rate(espy_call *call, espy_rate *rate, const char *name, const char *what)
{
    char seconds[24];
    double wait = espy_rate_try(rate, name, call->peer, espy_time_monotonic());
    if (wait == 0)
        return ESPY_E_OK;
    snprintf(seconds, sizeof seconds, "%.0f", ceil(wait));
    ESPY_TRY(espy_reply_header(call, "Retry-After", seconds));
    return espy_refuse(call, 429, NULL, "too many %s; try again in %s s", what, seconds);
}

/* Counts the try as a failure, of the name from its address and of the address, until it passed. */
static espy_err auth_slow(espy_call *call, const char *name)
{
    espy_serving *s = call->serving;
    ESPY_TRY(espy_auth_rate(call, s->addresses, "", "failed logins"));
    espy_err e = espy_auth_rate(call, s->logins, name, "failed logins");
    if (e != ESPY_E_OK)
        espy_rate_back(s->addresses, "", call->peer);
    return e;
}

espy_err espy_auth_password(espy_call *call, const char *name, const char *password,
                            espy_user *user)
{
    espy_ctx *cx = call->cx;
    espy_serving *s = call->serving;
    espy_user u = {0};
    bool good = false;
    ESPY_TRY(auth_slow(call, name));
    espy_err e = espy_store_user_find(cx, call->ws->store, name, &u);
    if (e == ESPY_E_NOT_FOUND)
        espy_clear(cx);
    else if (e != ESPY_E_OK)
        return e;
    e = espy_password_verify(cx, s->passwords, u.password, password, &good);
    if (e == ESPY_E_LIMIT) {
        espy_clear(cx);
        ESPY_GO(espy_refuse(call, 503, "busy", "too many are logging in; try again"));
    }
    ESPY_GO(e);
    good = good && u.enabled;
    espy_metrics_login(s->metrics, good);
    if (!good)
        ESPY_GO(espy_refuse(call, 401, "wrong_password",
                            "No active account found with the given credentials"));
    espy_rate_passed(s->logins, name, call->peer);
    espy_rate_back(s->addresses, "", call->peer);
    *user = u;
    return ESPY_E_OK;
out:
    espy_user_free(cx, &u);
    return e;
}

espy_err espy_auth_hash(espy_call *call, const char *field, const char *password, char out[128])
{
    if (strlen(password) < ESPY_PASSWORD_LEAST)
        return espy_refuse_field(call, field, "a password has at least %d characters",
                                 ESPY_PASSWORD_LEAST);
    return espy_password_hash(call->cx, call->serving->passwords, password, out);
}

espy_err espy_auth_change_password(espy_call *call, const char *current_field,
                                   const char *new_field, const char *wrong)
{
    espy_ctx *cx = call->cx;
    char hash[ESPY_PASSWORD_HASH];
    espy_user u = {0};
    if (!call->who.user)
        return espy_refuse(call, 409, NULL, "this request is of no account");
    espy_err e = espy_auth_password(call, call->who.name, espy_call_text(call, current_field), &u);
    espy_user_free(cx, &u);
    if (call->refused == 401) { /* the login itself is good */
        espy_clear(cx);
        call->refused = 0;
        return espy_refuse_field(call, current_field, "%s", wrong);
    }
    ESPY_TRY(e);
    ESPY_TRY(espy_auth_hash(call, new_field, espy_call_text(call, new_field), hash));
    const espy_user_change change = {.password = hash};
    return espy_store_user_update(cx, call->ws->store, call->who.user, &change);
}

/* -- things of the caller ---------------------------------------------------------------------- */
static bool caller_owns(const espy_call *call, int64_t collection, int64_t owner)
{
    const espy_caller *who = &call->who;
    if (who->collection && who->collection != collection)
        return false;
    return who->role == ESPY_ADMIN || (who->role == ESPY_INSTRUCTOR && owner == who->user);
}

espy_err espy_call_collection(espy_call *call, const char *id_or_name, espy_collection *out)
{
    espy_ctx *cx = call->cx;
    int64_t id;
    espy_collection c = {0};
    espy_err e = espy_parse_int(id_or_name, 1, INT64_MAX, &id)
                     ? espy_store_collection_get(cx, call->ws->store, id, &c)
                     : espy_store_collection(cx, call->ws->store, id_or_name, &c);
    if (e == ESPY_E_NOT_FOUND) {
        espy_clear(cx);
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no such collection");
    }
    ESPY_TRY(e);
    if (!caller_owns(call, c.id, c.owner)) {
        espy_collection_free(cx, &c);
        return espy_fail(cx, ESPY_E_NOT_FOUND, "there is no such collection");
    }
    *out = c;
    return ESPY_E_OK;
}

espy_err espy_call_owns(espy_call *call, int64_t collection)
{
    espy_collection c = {0};
    espy_err e = espy_store_collection_get(call->cx, call->ws->store, collection, &c);
    bool owns = e == ESPY_E_OK && caller_owns(call, c.id, c.owner);
    espy_collection_free(call->cx, &c);
    if (e != ESPY_E_OK && e != ESPY_E_NOT_FOUND)
        return e;
    espy_clear(call->cx);
    return owns ? ESPY_E_OK : espy_fail(call->cx, ESPY_E_NOT_FOUND, "not found");
}
