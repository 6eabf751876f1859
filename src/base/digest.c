/* SPDX-License-Identifier: Apache-2.0
 * base - SHA-256 by libsodium. */
#include "base/digest.h"

#include <sodium.h>
#include <string.h>

#include "base/file.h"

void espy_digest(const void *p, size_t n, char out[ESPY_DIGEST_HEX])
{
    unsigned char h[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(h, p ? p : (const unsigned char *)"", n);
    sodium_bin2hex(out, ESPY_DIGEST_HEX, h, sizeof h);
}

espy_err espy_digest_file(espy_ctx *cx, const char *path, char out[ESPY_DIGEST_HEX])
{
    espy_buf b;
    espy_buf_init(&b, cx->max.file_bytes);
    ESPY_TRY(espy_file_read(cx, path, cx->max.file_bytes, &b));
    espy_digest(b.data, b.size, out);
    espy_buf_free(cx, &b);
    return ESPY_E_OK;
}

bool espy_digest_valid(const char *hex)
{
    return hex && strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}
