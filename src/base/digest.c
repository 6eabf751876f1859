/* SPDX-License-Identifier: Apache-2.0
 * base - SHA-256 by libcrypto, which uses the CPU's own instructions where it has them: networks
 * are verified as they are read, so its speed is felt at every start. */
#include "base/digest.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/file.h"

void espy_digest(const void *p, size_t n, char out[ESPY_DIGEST_HEX])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char h[EVP_MAX_MD_SIZE] = {0};
    /* fails only where the algorithm is switched off; the zeros then match no digest */
    (void)EVP_Digest(p ? p : "", n, h, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < 32; i++) {
        out[2 * i] = digits[h[i] >> 4];
        out[2 * i + 1] = digits[h[i] & 15];
    }
    out[64] = '\0';
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
