/* SPDX-License-Identifier: Apache-2.0
 * base - SHA-256 (FIPS 180-4, by libcrypto) and its lower-case hexadecimal form. */
#ifndef ESPY_BASE_DIGEST_H
#define ESPY_BASE_DIGEST_H

#include "base/mem.h"

#define ESPY_DIGEST_HEX 65 /* 64 digits and the terminating zero */

void espy_digest(const void *p, size_t n, char out[ESPY_DIGEST_HEX]);
espy_err espy_digest_file(espy_ctx *cx, const char *path, char out[ESPY_DIGEST_HEX]) ESPY_NODISCARD;
bool espy_digest_valid(const char *hex); /* 64 lower-case hexadecimal digits */

#endif
