/* SPDX-License-Identifier: Apache-2.0
 * http - JSON built in a row. */
#include "http/make.h"

#include <string.h>

#include "base/text.h"

static espy_made make(espy_ctx *cx, espy_json *v)
{
    return (espy_made){cx, v, v ? ESPY_E_OK : espy_fail(cx, ESPY_E_NOMEM, "out of memory")};
}

espy_made espy_make_object(espy_ctx *cx)
{
    return make(cx, espy_json_object());
}

espy_made espy_make_array(espy_ctx *cx)
{
    return make(cx, espy_json_array());
}

void espy_put(espy_made *m, const char *key, espy_json *v)
{
    if (m->e != ESPY_E_OK)
        espy_json_free(v);
    else
        m->e = key ? espy_json_set(m->cx, m->v, key, v) : espy_json_append(m->cx, m->v, v);
}

void espy_put_text(espy_made *m, const char *key, const char *s)
{
    espy_put(m, key, espy_json_of_string(s));
}

void espy_put_int(espy_made *m, const char *key, int64_t v)
{
    espy_put(m, key, espy_json_of_int(v));
}

void espy_put_real(espy_made *m, const char *key, double v)
{
    espy_put(m, key, espy_json_of_number(v));
}

void espy_put_bool(espy_made *m, const char *key, bool v)
{
    espy_put(m, key, espy_json_of_bool(v));
}

void espy_put_null(espy_made *m, const char *key)
{
    espy_put(m, key, espy_json_null_value());
}

void espy_put_id(espy_made *m, const char *key, int64_t id)
{
    espy_put(m, key, id ? espy_json_of_int(id) : espy_json_null_value());
}

void espy_put_time(espy_made *m, const char *key, double t)
{
    char text[32];
    if (t > 0)
        espy_time_iso(t, text);
    espy_put_text(m, key, t > 0 ? text : NULL);
}

void espy_put_raw(espy_made *m, const char *key, const char *json)
{
    espy_json *v = NULL;
    espy_ctx cx = espy_ctx_child(m->cx);
    if (!json || !*json || espy_json_parse(&cx, json, strlen(json), &v) != ESPY_E_OK)
        v = espy_json_null_value();
    espy_put(m, key, v);
}

void espy_put_floats(espy_made *m, const char *key, const float *v, size_t n)
{
    espy_made list = espy_make_array(m->cx);
    for (size_t i = 0; i < n; i++)
        espy_put(&list, NULL, espy_json_of_float(v[i]));
    espy_put_made(m, key, &list);
}

void espy_put_made(espy_made *m, const char *key, espy_made *inner)
{
    if (inner->e == ESPY_E_OK) {
        espy_put(m, key, inner->v);
    } else {
        espy_json_free(inner->v);
        m->e = m->e != ESPY_E_OK ? m->e : inner->e;
    }
    inner->v = NULL;
}

espy_err espy_made_end(espy_made *m, espy_json **out)
{
    if (m->e == ESPY_E_OK)
        *out = m->v;
    else
        espy_json_free(m->v);
    m->v = NULL;
    return m->e;
}
