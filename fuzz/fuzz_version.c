/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the text of a version.json, as somebody may have changed it.  It is refused or read;
 * what was accepted is printed and read again with the same result.  (The head's file is a
 * safetensors file: fuzz_tensors.) */
#include <string.h>

#include "store/store_internal.h"

/* The digest that the text claims, so that the way past the check is walked too. */
static void fuzz_claimed(const uint8_t *text, size_t n, char digest[ESPY_DIGEST_HEX])
{
    static const char key[] = "head_sha256";
    const uint8_t *at = memmem(text, n, key, sizeof key - 1);
    memset(digest, '0', ESPY_DIGEST_HEX - 1);
    digest[ESPY_DIGEST_HEX - 1] = '\0';
    for (size_t i = at == NULL ? n : (size_t)(at - text); i + ESPY_DIGEST_HEX <= n; i++) {
        memcpy(digest, text + i, ESPY_DIGEST_HEX - 1);
        if (espy_digest_valid(digest))
            return;
    }
}

static void fuzz_json(espy_ctx *cx, espy_span json, const char *digest)
{
    espy_version v = {0}, again = {0};
    espy_buf text = {0};
    espy_buf_init(&text, (size_t)1 << 24);
    if (espy_version_parse(cx, json, digest, &v) == ESPY_E_OK) {
        if (espy_json_print(cx, v.json, 2, &text) != ESPY_E_OK ||
            espy_version_parse(cx, espy_span_of(&text), digest, &again) != ESPY_E_OK ||
            again.number != v.number || strcmp(again.head, v.head) != 0 ||
            strcmp(again.digest, digest) != 0)
            __builtin_trap();
    } else if (cx->text[0] == '\0' || strchr(cx->text, '\n') != NULL) {
        __builtin_trap(); /* a failure says why, in one line */
    }
    espy_version_free(cx, &v);
    espy_version_free(cx, &again);
    espy_buf_free(cx, &text);
    espy_clear(cx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char digest[ESPY_DIGEST_HEX];
    espy_ctx cx;
    espy_ctx_init(&cx);
    espy_digest("", 0, digest);
    fuzz_json(&cx, (espy_span){data, size}, digest);
    fuzz_claimed(data, size, digest);
    fuzz_json(&cx, (espy_span){data, size}, digest);
    return 0;
}
