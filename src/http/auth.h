/* SPDX-License-Identifier: Apache-2.0
 * http - who asks: users by token or cookie, programs by key, this machine by trust. */
#ifndef ESPY_HTTP_AUTH_H
#define ESPY_HTTP_AUTH_H

#include "http/call.h"
#include "http/rate.h"
#include "store/user.h"

#define ESPY_KEY_PREFIX "espy_" /* API keys begin with it, so that they are told from tokens */
#define ESPY_COOKIE "espy_session"
#define ESPY_CSRF_HEADER "X-CSRF-Token"
#define ESPY_PASSWORD_LEAST 8 /* bytes of a password */

/* Fills call->who and holds it against the route's `may`: 401 without a valid token, 403 when it
 * may not.  A request by cookie that changes something must bring the token's csrf value in
 * ESPY_CSRF_HEADER (double submit). */
espy_err espy_auth(espy_call *call) ESPY_NODISCARD;

/* Whether a browser says that the request comes from a page of another site: such a one may not set
 * or take away the console's cookie. */
bool espy_auth_cross_site(const espy_call *call);
/* Any thread, before call->ws is there: nothing was sent that could tell who asks, and this machine
 * is not trusted.  What a route that is not for anyone answers then, with 401: */
bool espy_auth_stranger(const espy_call *call);
#define ESPY_AUTH_STRANGER "Authentication credentials were not provided: log in, or send a key"

/* What a role may; students and everybody SELF. */
unsigned espy_role_may(espy_role role);
bool espy_role_read(const char *name, espy_role *out);

/* Counts a try of the caller's address (rate.h).  Refused: 429 with Retry-After.
 *   what  "failed logins" */
espy_err espy_auth_rate(espy_call *call, espy_rate *rate, const char *name,
                        const char *what) ESPY_NODISCARD;

/* Checks name and password behind the login rate limit.  Refused: 401 (wrong, or the account is
 * disabled, in the same words), 429 with Retry-After.  `user` is the caller's, espy_user_free(). */
espy_err espy_auth_password(espy_call *call, const char *name, const char *password,
                            espy_user *user) ESPY_NODISCARD;

/* Kinds of tokens: what a token of one kind opens, one of another does not. */
typedef enum espy_token_kind {
    ESPY_TOKEN_ACCESS,  /* Authorization: Bearer; options->session_hours */
    ESPY_TOKEN_REFRESH, /* buys access tokens; 30 days */
    ESPY_TOKEN_COOKIE   /* the console's session; options->session_hours */
} espy_token_kind;

/* Appends a token for the user.  csrf: of a cookie, else NULL.  It ends with its time, with the
 * account, and with the password that it was made under. */
espy_err espy_auth_token(espy_call *call, const espy_user *user, espy_token_kind kind,
                         const char *csrf, espy_buf *out) ESPY_NODISCARD;
/* The user of a token.  401 when it is not valid (any more). */
espy_err espy_auth_verify(espy_call *call, const char *token, espy_token_kind kind,
                          espy_user *user) ESPY_NODISCARD;

/* A new password: 8..1024 bytes; hashes it.  A field that is wrong is told by its name. */
espy_err espy_auth_hash(espy_call *call, const char *field, const char *password,
                        char out[128]) ESPY_NODISCARD;
/* The caller's own password: the current one is checked behind the login rate limit.  Refused: 400
 * (fields), 409 (the request is of no account), 429.
 *   wrong  what a current one that is not right is told */
#define ESPY_WRONG_PASSWORD "this is not the current password"
espy_err espy_auth_change_password(espy_call *call, const char *current_field,
                                   const char *new_field, const char *wrong) ESPY_NODISCARD;

#endif
