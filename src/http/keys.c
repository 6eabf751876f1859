/* SPDX-License-Identifier: Apache-2.0
 * http - API keys. */
#include "http/keys.h"

#include <stdio.h>
#include <string.h>

static const char *const scope_names[] = {"read", "identify", "enroll", "admin"};
#define SCOPES (sizeof scope_names / sizeof *scope_names)

const char *espy_scope_name(size_t i)
{
    return i < SCOPES ? scope_names[i] : NULL;
}

int64_t espy_scope_find(const char *name, size_t n)
{
    for (size_t i = 0; i < SCOPES; i++)
        if (strlen(scope_names[i]) == n && memcmp(scope_names[i], name, n) == 0)
            return INT64_C(1) << i;
    return 0;
}

espy_err espy_scopes_json(espy_ctx *cx, int64_t scopes, espy_json **out)
{
    espy_json *list = espy_json_array();
    for (size_t i = 0; i < SCOPES; i++) {
        if (!(scopes & (INT64_C(1) << i)))
            continue;
        espy_err e = espy_json_append(cx, list, espy_json_of_string(scope_names[i]));
        if (e != ESPY_E_OK) {
            espy_json_free(list);
            return e;
        }
    }
    *out = list;
    return list ? ESPY_E_OK : espy_fail(cx, ESPY_E_NOMEM, "out of memory");
}

espy_err espy_key_make(espy_ctx *cx, espy_store *st, const espy_key *k, char text[ESPY_KEY_TEXT],
                       int64_t *id)
{
    char token[ESPY_TOKEN_TEXT];
    espy_key key = *k;
    ESPY_TRY(espy_token_text(cx, token));
    snprintf(text, ESPY_KEY_TEXT, "%s%s", ESPY_KEY_PREFIX, token);
    espy_digest(text, strlen(text), key.digest);
    return espy_store_key_add(cx, st, &key, id);
}
