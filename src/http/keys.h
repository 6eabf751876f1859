/* SPDX-License-Identifier: Apache-2.0
 * http - API keys: how they are made, and the names of what they may. */
#ifndef ESPY_HTTP_KEYS_H
#define ESPY_HTTP_KEYS_H

#include "http/auth.h"
#include "http/token.h"

#define ESPY_KEY_TEXT (sizeof ESPY_KEY_PREFIX + ESPY_TOKEN_TEXT) /* text of a key with its zero */
#define ESPY_SCOPE_LIST "read, identify, enroll, admin"

/* The scope of a name of n bytes ("read"); 0 when there is none. */
int64_t espy_scope_find(const char *name, size_t n);
/* The name of the scope of bit i, from 0 on; NULL behind the last. */
const char *espy_scope_name(size_t i);
/* A list of the names; *out is the caller's. */
espy_err espy_scopes_json(espy_ctx *cx, int64_t scopes, espy_json **out) ESPY_NODISCARD;

/* Makes a key and keeps its digest; `text` is seen this once.  Of k, owner, collection, name,
 * scopes and expires are read.  Errors: as espy_store_key_add(). */
espy_err espy_key_make(espy_ctx *cx, espy_store *st, const espy_key *k, char text[ESPY_KEY_TEXT],
                       int64_t *id) ESPY_NODISCARD;

#endif
