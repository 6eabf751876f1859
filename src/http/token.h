/* SPDX-License-Identifier: Apache-2.0
 * http - secrets: password hashes, random tokens, signatures, JSON web tokens and base64.
 * Depends on: base.  libsodium's header appears only in token.c.  Thread use: anything from any
 * thread.  Nothing here writes a secret into an error text or a log. */
#ifndef ESPY_HTTP_TOKEN_H
#define ESPY_HTTP_TOKEN_H

#include "base/json.h"

#define ESPY_PASSWORD_HASH 128   /* text of a hash with its zero */
#define ESPY_PASSWORD_BYTES 1024 /* longest password */
#define ESPY_TOKEN_TEXT 44       /* 32 random bytes as base64url, and the zero */
#define ESPY_HMAC_BYTES 32
#define ESPY_JWT_KEY_BYTES 32 /* shortest key of HS256 (RFC 7518, 3.2) */
#define ESPY_JWT_BYTES 8192   /* longest token */

/* One hash costs 64 MiB and about a tenth of a second, so few are computed at a time: the gate lets
 * `at_once` in, makes up to 16 wait for each of them and refuses the rest. */
typedef struct espy_password_gate espy_password_gate;
espy_err espy_password_gate_create(espy_ctx *cx, unsigned at_once,
                                   espy_password_gate **out) ESPY_NODISCARD;
void espy_password_gate_destroy(espy_ctx *cx, espy_password_gate **gate); /* NULL-safe */

/* argon2id (RFC 9106) with libsodium's interactive limits, its salt and costs inside the text.
 * Errors: ARG (empty or too long), LIMIT (too many at once: try again), NOMEM. */
espy_err espy_password_hash(espy_ctx *cx, espy_password_gate *gate, const char *password,
                            char out[ESPY_PASSWORD_HASH]) ESPY_NODISCARD;

/* *good: whether the hash is of this password.  hash NULL (there is no such user) takes as long as
 * any other and is never good.  Errors: LIMIT, NOMEM. */
espy_err espy_password_verify(espy_ctx *cx, espy_password_gate *gate, const char *hash,
                              const char *password, bool *good) ESPY_NODISCARD;

/* Bytes that nobody can guess. */
espy_err espy_token_bytes(espy_ctx *cx, void *out, size_t n) ESPY_NODISCARD;
/* A session or key of 256 bits as text that fits URLs, headers and cookies. */
espy_err espy_token_text(espy_ctx *cx, char out[ESPY_TOKEN_TEXT]) ESPY_NODISCARD;
/* Equality in time that does not depend on where the two differ (their lengths are not hidden). */
bool espy_token_equal(const char *a, const char *b);

/* HMAC-SHA256 (RFC 2104) of the parts, one behind the other; key of any length. */
void espy_hmac(espy_span key, const espy_span *parts, size_t n, uint8_t out[ESPY_HMAC_BYTES]);

/* Appends the base64 of the bytes (RFC 4648): standard with padding, or for URLs without. */
espy_err espy_base64(espy_ctx *cx, espy_span bytes, bool url, espy_buf *out) ESPY_NODISCARD;

/* Appends what base64 text stands for: either alphabet, with or without padding, blanks and line
 * breaks passed over, "data:TYPE;base64," before it dropped; out's maximum bounds it.
 * Errors: FORMAT, LIMIT, NOMEM. */
espy_err espy_base64_decode(espy_ctx *cx, const char *text, size_t n, espy_buf *out) ESPY_NODISCARD;

/* Appends a JSON web token (RFC 7519) signed with HS256.  Claims: an object with the number `exp`,
 * seconds since 1970.  Errors: ARG (no object, no exp, short key), LIMIT, NOMEM. */
espy_err espy_jwt_sign(espy_ctx *cx, const espy_json *claims, espy_span key,
                       espy_buf *out) ESPY_NODISCARD;

/* Reads a token that was signed with this key; *claims is the caller's.  Only HS256 is taken, never
 * `none`; `exp` has to be there and after now, `nbf`, if there, not after it.
 * Errors: FORMAT (no token, another algorithm, no exp), DIGEST (not signed with this key), DATA
 * (expired, not valid yet), LIMIT (longer than ESPY_JWT_BYTES), ARG (short key), NOMEM. */
espy_err espy_jwt_verify(espy_ctx *cx, const char *text, espy_span key, double now,
                         espy_json **claims) ESPY_NODISCARD;

#endif
