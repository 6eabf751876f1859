/* SPDX-License-Identifier: Apache-2.0
 * http - secrets, by libsodium (token.h). */
#include "http/token.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

_Static_assert(ESPY_PASSWORD_HASH == crypto_pwhash_STRBYTES, "the text of a hash fits");
_Static_assert(ESPY_HMAC_BYTES == crypto_auth_hmacsha256_BYTES, "HMAC-SHA256");

#define TOKEN_WAITERS 16u /* for each that is let in */

struct espy_password_gate {
    pthread_mutex_t lock;
    pthread_cond_t left;
    unsigned room, inside, waiting;
};

/* Chooses libsodium's implementations; harmless when somebody did so before. */
static espy_err token_ready(espy_ctx *cx)
{
    if (sodium_init() < 0)
        return espy_fail(cx, ESPY_E_INTERNAL, "libsodium cannot be used on this machine");
    return ESPY_E_OK;
}

/* ---- passwords ---- */

espy_err espy_password_gate_create(espy_ctx *cx, unsigned at_once, espy_password_gate **out)
{
    ESPY_TRY(token_ready(cx));
    if (at_once == 0)
        return espy_fail(cx, ESPY_E_ARG, "at least one password has to be checked at a time");
    espy_password_gate *g = espy_zalloc(cx, sizeof *g);
    if (!g)
        return cx->code;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->left, NULL);
    g->room = at_once;
    *out = g;
    return ESPY_E_OK;
}

void espy_password_gate_destroy(espy_ctx *cx, espy_password_gate **gate)
{
    if (!*gate)
        return;
    pthread_cond_destroy(&(*gate)->left);
    pthread_mutex_destroy(&(*gate)->lock);
    espy_free(cx, *gate);
    *gate = NULL;
}

static espy_err gate_enter(espy_ctx *cx, espy_password_gate *g)
{
    pthread_mutex_lock(&g->lock);
    const bool full = g->inside == g->room && g->waiting / TOKEN_WAITERS >= g->room;
    if (!full) {
        g->waiting++;
        while (g->inside == g->room)
            pthread_cond_wait(&g->left, &g->lock);
        g->waiting--;
        g->inside++;
    }
    pthread_mutex_unlock(&g->lock);
    return full ? espy_fail(cx, ESPY_E_LIMIT, "too many log in at once; try again in a moment")
                : ESPY_E_OK;
}

static void gate_leave(espy_password_gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->inside--;
    pthread_cond_signal(&g->left);
    pthread_mutex_unlock(&g->lock);
}

espy_err espy_password_hash(espy_ctx *cx, espy_password_gate *gate, const char *password,
                            char out[ESPY_PASSWORD_HASH])
{
    const size_t n = strlen(password);
    if (n == 0 || n > ESPY_PASSWORD_BYTES)
        return espy_fail(cx, ESPY_E_ARG, "a password has 1 to %d bytes", ESPY_PASSWORD_BYTES);
    ESPY_TRY(gate_enter(cx, gate));
    const int bad =
        crypto_pwhash_str_alg(out, password, n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                              crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13);
    gate_leave(gate);
    return bad ? espy_fail(cx, ESPY_E_NOMEM, "no memory to hash a password (64 MiB)") : ESPY_E_OK;
}

espy_err espy_password_verify(espy_ctx *cx, espy_password_gate *gate, const char *hash,
                              const char *password, bool *good)
{
    /* of random bytes that nobody kept */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$s2eAwHQ+3MdeV6LiGV4QKw$"
                                 "rFYHcAJ9j2W1KK9BquxAQ3sKKVuWnXv9EwVU2SvFvOc";
    const size_t n = strlen(password);
    if (n == 0 || n > ESPY_PASSWORD_BYTES) {
        *good = false; /* no hash was made of such a one */
        return ESPY_E_OK;
    }
    ESPY_TRY(gate_enter(cx, gate));
    errno = 0;
    const bool same = crypto_pwhash_str_verify(hash ? hash : nobody, password, n) == 0;
    const bool memory = errno == ENOMEM;
    gate_leave(gate);
    if (!same && memory)
        return espy_fail(cx, ESPY_E_NOMEM, "no memory to check a password (64 MiB)");
    *good = same && hash;
    return ESPY_E_OK;
}

/* ---- random tokens, comparison, signature ---- */

espy_err espy_token_bytes(espy_ctx *cx, void *out, size_t n)
{
    ESPY_TRY(token_ready(cx));
    randombytes_buf(out, n);
    return ESPY_E_OK;
}

espy_err espy_token_text(espy_ctx *cx, char out[ESPY_TOKEN_TEXT])
{
    uint8_t bytes[32];
    ESPY_TRY(espy_token_bytes(cx, bytes, sizeof bytes));
    sodium_bin2base64(out, ESPY_TOKEN_TEXT, bytes, sizeof bytes,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(bytes, sizeof bytes);
    return ESPY_E_OK;
}

bool espy_token_equal(const char *a, const char *b)
{
    const size_t n = strlen(a);
    return n == strlen(b) && sodium_memcmp(a, b, n) == 0;
}

void espy_hmac(espy_span key, const espy_span *parts, size_t n, uint8_t out[ESPY_HMAC_BYTES])
{
    crypto_auth_hmacsha256_state s;
    crypto_auth_hmacsha256_init(&s, key.data, key.size);
    for (size_t i = 0; i < n; i++)
        crypto_auth_hmacsha256_update(&s, parts[i].data, parts[i].size);
    crypto_auth_hmacsha256_final(&s, out);
    sodium_memzero(&s, sizeof s);
}

/* ---- base64 ---- */

/* Makes n bytes free behind the content of out, which stays as it is. */
static espy_err base64_room(espy_ctx *cx, espy_buf *out, size_t n, uint8_t **at)
{
    static const uint8_t zeros[256];
    const size_t before = out->size;
    for (size_t done = 0, piece; done < n; done += piece) {
        piece = n - done < sizeof zeros ? n - done : sizeof zeros;
        ESPY_TRY(espy_buf_append(cx, out, zeros, piece));
    }
    *at = out->data + before;
    return ESPY_E_OK;
}

espy_err espy_base64(espy_ctx *cx, espy_span bytes, bool url, espy_buf *out)
{
    const int variant =
        url ? sodium_base64_VARIANT_URLSAFE_NO_PADDING : sodium_base64_VARIANT_ORIGINAL;
    uint8_t *at;
    if (bytes.size == 0)
        return ESPY_E_OK;
    if (bytes.size > SIZE_MAX / 2)
        return espy_fail(cx, ESPY_E_LIMIT, "too long for base64");
    const size_t n = sodium_base64_encoded_len(bytes.size, variant); /* with its zero */
    ESPY_TRY(base64_room(cx, out, n, &at));
    sodium_bin2base64((char *)at, n, bytes.data, bytes.size, variant);
    out->size--;
    return ESPY_E_OK;
}

static bool base64_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What one character stands for, -1: none. */
static int base64_digit(char c, bool url)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == (url ? '-' : '+') ? 62 : c == (url ? '_' : '/') ? 63 : -1;
}

/* Bytes that so many digits stand for. */
static size_t base64_bytes(size_t digits)
{
    return digits / 4 * 3 + digits % 4 * 3 / 4;
}

/* Decodes digits between blanks.  libsodium's own reader takes bytes above 0x7f for digits.  False:
 * another character, one digit alone at the end, or bits there that belong to no byte. */
static bool base64_read(const char *text, size_t n, bool url, uint8_t *out)
{
    uint32_t word = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        if (base64_blank(text[i]))
            continue;
        const int digit = base64_digit(text[i], url);
        if (digit < 0)
            return false;
        word = word << 6 | (uint32_t)digit;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(word >> bits);
        }
    }
    return bits < 6 && (word & ((1u << bits) - 1)) == 0;
}

espy_err espy_base64_decode(espy_ctx *cx, const char *text, size_t n, espy_buf *out)
{
    size_t digits = 0;
    uint8_t *at;
    if (n >= 5 && strncasecmp(text, "data:", 5) == 0) {
        const char *comma = memchr(text, ',', n);
        if (!comma || comma - text < 12 || strncasecmp(comma - 7, ";base64", 7) != 0)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "a data URL with \";base64,\" was expected; send the bytes as base64");
        n -= (size_t)(comma + 1 - text);
        text = comma + 1;
    }
    while (n > 0 && (text[n - 1] == '=' || base64_blank(text[n - 1])))
        n--;
    for (size_t i = 0; i < n; i++)
        digits += !base64_blank(text[i]);
    const size_t bytes = base64_bytes(digits);
    if (digits == 0)
        return ESPY_E_OK;
    if (digits % 4 == 1)
        return espy_fail(cx, ESPY_E_FORMAT, "the base64 text is cut off");
    if (bytes > out->max - out->size)
        return espy_fail(cx, ESPY_E_LIMIT, "the base64 text is for %zu bytes, more than %zu", bytes,
                         out->max - out->size);
    ESPY_TRY(base64_room(cx, out, bytes, &at));
    if (!base64_read(text, n, memchr(text, '-', n) || memchr(text, '_', n), at)) {
        espy_buf_free(cx, out);
        return espy_fail(cx, ESPY_E_FORMAT, "the text is not base64");
    }
    return ESPY_E_OK;
}

/* ---- JSON web tokens ---- */

static espy_err jwt_key(espy_ctx *cx, espy_span key)
{
    if (key.size < ESPY_JWT_KEY_BYTES)
        return espy_fail(cx, ESPY_E_ARG, "the key of tokens needs at least %d bytes",
                         ESPY_JWT_KEY_BYTES);
    return ESPY_E_OK;
}

static void jwt_mac(espy_span key, const void *text, size_t n, uint8_t mac[ESPY_HMAC_BYTES])
{
    espy_hmac(key, &(espy_span){text, n}, 1, mac);
}

espy_err espy_jwt_sign(espy_ctx *cx, const espy_json *claims, espy_span key, espy_buf *out)
{
    static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    uint8_t mac[ESPY_HMAC_BYTES];
    espy_buf text, token;
    espy_err e = ESPY_E_OK;
    espy_buf_init(&text, ESPY_JWT_BYTES);
    espy_buf_init(&token, ESPY_JWT_BYTES);
    ESPY_TRY(jwt_key(cx, key));
    if (!espy_json_is_number(espy_json_get(claims, "exp")))
        return espy_fail(cx, ESPY_E_ARG, "the claims of a token need a number \"exp\"");
    ESPY_GO(espy_json_print(cx, claims, 0, &text));
    ESPY_GO(espy_base64(cx, (espy_span){(const uint8_t *)head, sizeof head - 1}, true, &token));
    ESPY_GO(espy_buf_text(cx, &token, "."));
    ESPY_GO(espy_base64(cx, espy_span_of(&text), true, &token));
    jwt_mac(key, token.data, token.size, mac);
    ESPY_GO(espy_buf_text(cx, &token, "."));
    ESPY_GO(espy_base64(cx, (espy_span){mac, sizeof mac}, true, &token));
    ESPY_GO(espy_buf_append(cx, out, token.data, token.size));
out:
    espy_buf_free(cx, &text);
    espy_buf_free(cx, &token);
    return e;
}

static espy_err jwt_none(espy_ctx *cx)
{
    return espy_fail(cx, ESPY_E_FORMAT, "this is not a token; log in again");
}

/* One of the three pieces; strictly the alphabet of RFC 7515: no padding, no blanks. */
static espy_err jwt_piece(espy_ctx *cx, const char *text, size_t n, uint8_t *out, size_t room,
                          size_t *made)
{
    *made = base64_bytes(n);
    if (n == 0 || *made > room || strcspn(text, " \t\r\n") < n || !base64_read(text, n, true, out))
        return jwt_none(cx);
    return ESPY_E_OK;
}

static espy_err jwt_object(espy_ctx *cx, const char *text, size_t n, espy_json **out)
{
    uint8_t bytes[ESPY_JWT_BYTES];
    size_t made;
    espy_json *v = NULL;
    ESPY_TRY(jwt_piece(cx, text, n, bytes, sizeof bytes, &made));
    if (espy_json_parse(cx, bytes, made, &v) != ESPY_E_OK) {
        if (cx->code == ESPY_E_NOMEM)
            return cx->code;
        espy_clear(cx);
        return jwt_none(cx);
    }
    if (!espy_json_is_object(v)) {
        espy_json_free(v);
        return jwt_none(cx);
    }
    *out = v;
    return ESPY_E_OK;
}

static espy_err jwt_header(espy_ctx *cx, const char *text, size_t n)
{
    espy_json *head = NULL;
    ESPY_TRY(jwt_object(cx, text, n, &head));
    const bool good =
        strcmp(espy_json_string(espy_json_get(head, "alg"), ""), "HS256") == 0 &&
        !espy_json_get(head, "crit"); /* extensions that would have to be understood */
    espy_json_free(head);
    return good ? ESPY_E_OK
                : espy_fail(cx, ESPY_E_FORMAT, "the token is not signed with HS256; log in again");
}

static espy_err jwt_times(espy_ctx *cx, const espy_json *claims, double now)
{
    const espy_json *exp = espy_json_get(claims, "exp"), *nbf = espy_json_get(claims, "nbf");
    if (!espy_json_is_number(exp) || (nbf && !espy_json_is_number(nbf)))
        return jwt_none(cx);
    if (!(now < espy_json_number(exp, 0)))
        return espy_fail(cx, ESPY_E_DATA, "the token has expired; log in again");
    if (nbf && !(now >= espy_json_number(nbf, 0)))
        return espy_fail(cx, ESPY_E_DATA, "the token is not valid yet; check the clocks");
    return ESPY_E_OK;
}

espy_err espy_jwt_verify(espy_ctx *cx, const char *text, espy_span key, double now,
                         espy_json **claims)
{
    uint8_t mac[ESPY_HMAC_BYTES], told[ESPY_HMAC_BYTES];
    size_t made = 0;
    espy_json *v = NULL;
    ESPY_TRY(jwt_key(cx, key));
    const size_t n = strnlen(text, ESPY_JWT_BYTES + 1);
    if (n > ESPY_JWT_BYTES)
        return espy_fail(cx, ESPY_E_LIMIT, "the token is longer than %d bytes; log in again",
                         ESPY_JWT_BYTES);
    const char *dot = strchr(text, '.'), *last = dot ? strchr(dot + 1, '.') : NULL;
    if (!last || strchr(last + 1, '.'))
        return jwt_none(cx);
    ESPY_TRY(jwt_header(cx, text, (size_t)(dot - text)));
    ESPY_TRY(jwt_piece(cx, last + 1, n - (size_t)(last + 1 - text), told, sizeof told, &made));
    jwt_mac(key, text, (size_t)(last - text), mac);
    if (made != sizeof mac || sodium_memcmp(mac, told, sizeof mac) != 0)
        return espy_fail(cx, ESPY_E_DIGEST, "the token was not signed here; log in again");
    ESPY_TRY(jwt_object(cx, dot + 1, (size_t)(last - dot - 1), &v));
    const espy_err e = jwt_times(cx, v, now);
    if (e != ESPY_E_OK) {
        espy_json_free(v);
        return e;
    }
    *claims = v;
    return ESPY_E_OK;
}
