/* SPDX-License-Identifier: Apache-2.0
 * base - JSON over jansson. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

/* Enough for every decimal of up to 15 digits to print as it was written; what needs the full 17
 * (weights) is never kept in JSON. */
#define JSON_DIGITS 15

/* The line, counted from 1, on which the first zero byte lies. */
static int json_line(const char *text, size_t n)
{
    int line = 1;
    for (size_t i = 0; i < n && text[i]; i++)
        line += text[i] == '\n';
    return line;
}

espy_err espy_json_parse(espy_ctx *cx, const void *text, size_t n, espy_json **out)
{
    json_error_t err;
    if (n && memchr(text, 0, n)) /* jansson passes over a zero byte behind a number */
        return espy_fail(cx, ESPY_E_FORMAT, "not valid JSON: line %d holds a zero byte",
                         json_line(text, n));
    espy_json *v = json_loadb(text ? text : "", n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &err);
    if (!v)
        return espy_fail(
            cx, json_error_code(&err) == json_error_out_of_memory ? ESPY_E_NOMEM : ESPY_E_FORMAT,
            "not valid JSON at line %d, column %d: %s", err.line, err.column, err.text);
    *out = v;
    return ESPY_E_OK;
}

espy_err espy_json_load(espy_ctx *cx, const char *path, size_t max, espy_json **out)
{
    espy_buf b;
    espy_buf_init(&b, max);
    ESPY_TRY(espy_file_read(cx, path, max, &b));
    espy_err e = espy_json_parse(cx, b.data, b.size, out);
    espy_buf_free(cx, &b);
    return e == ESPY_E_OK ? e : espy_fail_in(cx, "%s", path);
}

void espy_json_free(espy_json *v)
{
    json_decref(v);
}

espy_json *espy_json_ref(espy_json *v)
{
    return json_incref(v);
}

typedef struct json_sink {
    espy_ctx *cx;
    espy_buf *out;
} json_sink;

static int json_take(const char *p, size_t n, void *self)
{
    json_sink *s = self;
    return espy_buf_append(s->cx, s->out, p, n) == ESPY_E_OK ? 0 : -1;
}

espy_err espy_json_print(espy_ctx *cx, const espy_json *v, int indent, espy_buf *out)
{
    json_sink sink = {cx, out};
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(JSON_DIGITS);
    flags |= indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT;
    if (json_dump_callback(v, json_take, &sink, flags) != 0) {
        espy_buf_free(cx, out);
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory while writing JSON");
    }
    return ESPY_E_OK;
}

espy_err espy_json_save(espy_ctx *cx, const espy_json *v, const char *path)
{
    espy_buf b;
    espy_buf_init(&b, (size_t)1 << 30);
    espy_err e = espy_json_print(cx, v, 2, &b);
    if (e == ESPY_E_OK)
        e = espy_buf_text(cx, &b, "\n");
    if (e == ESPY_E_OK)
        e = espy_file_write(cx, path, b.data, b.size);
    espy_buf_free(cx, &b);
    return e;
}

const espy_json *espy_json_get(const espy_json *object, const char *key)
{
    return json_object_get(object, key);
}

size_t espy_json_count(const espy_json *v)
{
    return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const espy_json *espy_json_at(const espy_json *array, size_t i)
{
    return json_array_get(array, i);
}

bool espy_json_is_object(const espy_json *v)
{
    return json_is_object(v);
}

bool espy_json_is_array(const espy_json *v)
{
    return json_is_array(v);
}

bool espy_json_is_string(const espy_json *v)
{
    return json_is_string(v);
}

bool espy_json_is_number(const espy_json *v)
{
    return json_is_number(v);
}

bool espy_json_is_int(const espy_json *v)
{
    return json_is_integer(v);
}

bool espy_json_is_null(const espy_json *v)
{
    return json_is_null(v);
}

const char *espy_json_string(const espy_json *v, const char *otherwise)
{
    return json_is_string(v) ? json_string_value(v) : otherwise;
}

double espy_json_number(const espy_json *v, double otherwise)
{
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

int64_t espy_json_int(const espy_json *v, int64_t otherwise)
{
    return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool espy_json_bool(const espy_json *v, bool otherwise)
{
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool espy_json_next(const espy_json *object, void **it, const char **key, const espy_json **value)
{
    /* jansson's iterators take a non-const object though they only read it */
    espy_json *o = (espy_json *)(uintptr_t)object;
    *it = *it ? json_object_iter_next(o, *it) : json_object_iter(o);
    if (!*it)
        return false;
    *key = json_object_iter_key(*it);
    *value = json_object_iter_value(*it);
    return true;
}

espy_err espy_json_need_string(espy_ctx *cx, const espy_json *o, const char *key, const char **out)
{
    const espy_json *v = espy_json_get(o, key);
    if (!json_is_string(v))
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s\" must be a text%s", key,
                         v ? "" : "; it is missing");
    *out = json_string_value(v);
    return ESPY_E_OK;
}

espy_err espy_json_need_int(espy_ctx *cx, const espy_json *o, const char *key, int64_t lo,
                            int64_t hi, int64_t *out)
{
    const espy_json *v = espy_json_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < lo || json_integer_value(v) > hi)
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s\" must be a whole number from %lld to %lld%s",
                         key, (long long)lo, (long long)hi, v ? "" : "; it is missing");
    *out = json_integer_value(v);
    return ESPY_E_OK;
}

espy_err espy_json_need_number(espy_ctx *cx, const espy_json *o, const char *key, double lo,
                               double hi, double *out)
{
    const espy_json *v = espy_json_get(o, key);
    if (!json_is_number(v) || !(json_number_value(v) >= lo && json_number_value(v) <= hi))
        return espy_fail(cx, ESPY_E_FORMAT, "\"%s\" must be a number from %g to %g%s", key, lo, hi,
                         v ? "" : "; it is missing");
    *out = json_number_value(v);
    return ESPY_E_OK;
}

espy_json *espy_json_object(void)
{
    return json_object();
}

espy_json *espy_json_array(void)
{
    return json_array();
}

/* Bytes that are not UTF-8 (file names can hold any) become '?', so that output is always JSON. */
espy_json *espy_json_of_string(const char *s)
{
    if (!s)
        return json_null();
    size_t n = strlen(s);
    if (espy_utf8_valid(s, n))
        return json_stringn_nocheck(s, n);
    char *copy = strdup(s);
    if (!copy)
        return NULL;
    espy_utf8_mend(copy, n);
    espy_json *v = json_stringn_nocheck(copy, n);
    free(copy);
    return v;
}

espy_json *espy_json_of_int(int64_t v)
{
    return json_integer(v);
}

espy_json *espy_json_of_number(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

/* The double nearest to the shortest decimal that reads back as this float, so that 0.1f prints as
 * 0.1 and not as 0.100000001490116. */
espy_json *espy_json_of_float(float v)
{
    if (!isfinite(v))
        return json_null();
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
        double d;
        for (char *p = text; *p; p++)
            if (*p == ',') /* a locale's decimal sign */
                *p = '.';
        if (espy_parse_real(text, -HUGE_VAL, HUGE_VAL, &d) && (float)d == v)
            return json_real(d);
    }
    return json_real((double)v);
}

espy_json *espy_json_of_bool(bool v)
{
    return json_boolean(v);
}

espy_json *espy_json_null_value(void)
{
    return json_null();
}

espy_err espy_json_set(espy_ctx *cx, espy_json *object, const char *key, espy_json *v)
{
    if (!v || json_object_set_new(object, key, v) != 0) {
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory while building JSON");
    }
    return ESPY_E_OK;
}

espy_err espy_json_append(espy_ctx *cx, espy_json *array, espy_json *v)
{
    if (!v || json_array_append_new(array, v) != 0)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory while building JSON");
    return ESPY_E_OK;
}
