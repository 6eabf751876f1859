/* SPDX-License-Identifier: Apache-2.0
 * http - JSON built in a row: the first failure stays until the end tells it.
 *
 *     espy_made m = espy_make_object(cx);
 *     espy_put_text(&m, "name", name);
 *     espy_put_id(&m, "session", session);
 *     return espy_made_end(&m, out);
 */
#ifndef ESPY_HTTP_MAKE_H
#define ESPY_HTTP_MAKE_H

#include "base/json.h"

typedef struct espy_made {
    espy_ctx *cx;
    espy_json *v;
    espy_err e;
} espy_made;
espy_made espy_make_object(espy_ctx *cx);
espy_made espy_make_array(espy_ctx *cx);

/* key NULL: appended to an array. */
void espy_put(espy_made *m, const char *key, espy_json *v);       /* takes over v */
void espy_put_text(espy_made *m, const char *key, const char *s); /* NULL: null */
void espy_put_int(espy_made *m, const char *key, int64_t v);
void espy_put_real(espy_made *m, const char *key, double v); /* NaN: null */
void espy_put_bool(espy_made *m, const char *key, bool v);
void espy_put_null(espy_made *m, const char *key);
void espy_put_id(espy_made *m, const char *key, int64_t id); /* 0: null */
void espy_put_time(espy_made *m, const char *key, double t); /* "2026-11-26T04:18:27Z"; 0: null */
void espy_put_raw(espy_made *m, const char *key,
                  const char *json); /* a JSON text; NULL or none: null */
void espy_put_floats(espy_made *m, const char *key, const float *v, size_t n);
void espy_put_made(espy_made *m, const char *key, espy_made *inner); /* its value, or its failure */

/* The value is the caller's; on failure nothing is. */
espy_err espy_made_end(espy_made *m, espy_json **out) ESPY_NODISCARD;

#endif
