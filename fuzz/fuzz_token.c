/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: text that is taken for a token, for base64, and for the claims of a token that was
 * signed here.  Nobody signs without the key; what was decoded is encoded and decoded unchanged;
 * claims that pass are signed again and pass. */
#include <stdlib.h>
#include <string.h>

#include "http/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key_bytes[ESPY_JWT_KEY_BYTES] = {1, 2, 3};
static const espy_span key = {key_bytes, sizeof key_bytes};

static void fuzz_refused(espy_ctx *cx)
{
    if (!cx->text[0] || strchr(cx->text, '\n'))
        abort();
    espy_clear(cx);
}

static void fuzz_base64(espy_ctx *cx, const char *text, size_t n)
{
    espy_buf b, back, again;
    espy_buf_init(&b, (size_t)1 << 20);
    espy_buf_init(&back, (size_t)2 << 20);
    espy_buf_init(&again, (size_t)1 << 20);
    if (espy_base64_decode(cx, text, n, &b) == ESPY_E_OK) {
        if (espy_base64(cx, espy_span_of(&b), n % 2, &back) != ESPY_E_OK ||
            espy_base64_decode(cx, (char *)back.data, back.size, &again) != ESPY_E_OK ||
            again.size != b.size || (b.size && memcmp(again.data, b.data, b.size) != 0))
            abort();
    } else {
        fuzz_refused(cx);
    }
    espy_buf_free(cx, &b);
    espy_buf_free(cx, &back);
    espy_buf_free(cx, &again);
}

/* A token with these bytes as claims, rightly signed. */
static void fuzz_claims(espy_ctx *cx, espy_span claims)
{
    uint8_t mac[ESPY_HMAC_BYTES];
    espy_json *v = NULL;
    espy_buf token;
    espy_buf_init(&token, (size_t)2 << 20);
    if (espy_buf_text(cx, &token, "eyJhbGciOiJIUzI1NiJ9.") != ESPY_E_OK ||
        espy_base64(cx, claims, true, &token) != ESPY_E_OK)
        abort();
    espy_hmac(key, &(espy_span){token.data, token.size}, 1, mac);
    if (espy_buf_text(cx, &token, ".") != ESPY_E_OK ||
        espy_base64(cx, (espy_span){mac, sizeof mac}, true, &token) != ESPY_E_OK)
        abort();
    espy_err e = espy_jwt_verify(cx, (char *)token.data, key, 1000, &v);
    espy_buf_free(cx, &token);
    if (e != ESPY_E_OK) {
        fuzz_refused(cx);
        return;
    }
    e = espy_jwt_sign(cx, v, key, &token);
    espy_json_free(v);
    if (e != ESPY_E_OK) {
        if (e != ESPY_E_LIMIT) /* escapes may make it longer */
            abort();
        espy_clear(cx);
    } else if (espy_jwt_verify(cx, (char *)token.data, key, 1000, &v) != ESPY_E_OK) {
        abort();
    } else {
        espy_json_free(v);
    }
    espy_buf_free(cx, &token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_json *v = NULL;
    espy_ctx_init(&cx);
    if (size == 0 || size > ((size_t)1 << 19))
        return 0;
    char *text = espy_strndup(&cx, (const char *)data, size);
    if (!text || espy_jwt_verify(&cx, text, key, 1000, &v) == ESPY_E_OK)
        abort();
    fuzz_refused(&cx);
    espy_free(&cx, text);
    fuzz_base64(&cx, (const char *)data, size);
    fuzz_claims(&cx, (espy_span){data, size});
    return 0;
}
