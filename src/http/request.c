/* SPDX-License-Identifier: Apache-2.0
 * http - from what was sent to the values of the route's fields.
 *
 * A value comes as text (path, query, form) or as JSON; each type is read from either, and what
 * reaches the handler is JSON of the right type and range. */
#include "http/request.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "http/form.h"
#include "http/multipart.h"
#include "http/serving.h"
#include "http/token.h"

#define REQUEST_TEXT ((size_t)64 << 10) /* longest text field where the table says nothing */

/* -- paths ------------------------------------------------------------------------------------- */
/* The next segment of a path: *from moves behind it.  False at the end; one slash at the end is
 * none. */
static bool path_next(const char **from, const char **segment, size_t *n)
{
    const char *p = *from;
    if (*p == '/')
        p++;
    if (!*p || *p == '?')
        return false;
    *segment = p;
    *n = strcspn(p, "/?");
    *from = p + *n;
    return true;
}

bool espy_path_fits(const char *template, const char *raw)
{
    const char *a, *b;
    size_t na, nb;
    for (;;) {
        bool more_a = path_next(&template, &a, &na), more_b = path_next(&raw, &b, &nb);
        if (!more_a || !more_b)
            return more_a == more_b;
        if (a[0] == '{' ? nb == 0 : na != nb || memcmp(a, b, na) != 0)
            return false;
    }
}

/* -- one value --------------------------------------------------------------------------------- */
espy_err espy_refuse_field(espy_call *call, const char *field, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!call->wrong)
        call->wrong = espy_json_object();
    espy_json *texts = espy_json_array();
    ESPY_TRY(espy_json_append(call->cx, texts, espy_json_of_string(text)));
    ESPY_TRY(espy_json_set(call->cx, call->wrong, field, texts));
    return espy_fail(call->cx, ESPY_E_ARG, "%s: %s", field, text);
}

/* Notes what is wrong and goes on, so that all fields are told at once.  NOMEM stays. */
#define WRONG(call, f, ...)                                                 \
    do {                                                                    \
        espy_err wrong_e = espy_refuse_field(call, (f)->name, __VA_ARGS__); \
        if (wrong_e == ESPY_E_NOMEM)                                        \
            return wrong_e;                                                 \
        espy_clear((call)->cx);                                             \
        return ESPY_E_OK;                                                   \
    } while (0)

static bool one_of(const char *list, const char *text)
{
    size_t n = strlen(text);
    for (const char *p = list; *p; p += strcspn(p, "|"), p += *p == '|')
        if (strcspn(p, "|") == n && memcmp(p, text, n) == 0)
            return true;
    return false;
}

static bool has_control(const char *s)
{
    for (; *s; s++)
        if (((unsigned char)*s < 0x20 && *s != '\n' && *s != '\r' && *s != '\t') || *s == 0x7f)
            return true;
    return false;
}

static espy_err put(espy_call *call, const espy_field *f, espy_json *v)
{
    return espy_json_set(call->cx, call->values, f->name, v);
}

static espy_err take_text(espy_call *call, const espy_field *f, const char *s)
{
    size_t n = strlen(s), most = f->hi > 0 ? (size_t)f->hi : REQUEST_TEXT;
    if (has_control(s))
        WRONG(call, f, "control characters are not allowed");
    if (f->one_of && !one_of(f->one_of, s))
        WRONG(call, f, "\"%.60s\" is not one of: %s", s, f->one_of);
    if ((double)n < f->lo || n > most)
        WRONG(call, f, "a text of %.0f to %zu bytes is expected", f->lo, most);
    return put(call, f, espy_json_of_string(s));
}

static espy_err take_digits(espy_call *call, const espy_field *f, int64_t v)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)v);
    return take_text(call, f, text);
}

/* A day of the Gregorian calendar, as ISO 8601 writes it. */
static bool is_date(const char *s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    char end;
    if (strlen(s) != 10 || strspn(s, "0123456789-") != 10 || s[4] != '-' || s[7] != '-' ||
        sscanf(s, "%4d-%2d-%2d%c", &year, &month, &day, &end) != 3)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static espy_err take_date(espy_call *call, const espy_field *f, const char *s)
{
    if (!is_date(s))
        WRONG(call, f, "a day is expected, YYYY-MM-DD");
    return put(call, f, espy_json_of_string(s));
}

static espy_err take_number(espy_call *call, const espy_field *f, double v)
{
    if (!(v >= f->lo && v <= f->hi))
        WRONG(call, f, "a number from %g to %g is expected", f->lo, f->hi);
    return put(call, f, espy_json_of_number(v));
}

static espy_err take_int(espy_call *call, const espy_field *f, bool is, int64_t v)
{
    if (!is || (double)v < f->lo || (double)v > f->hi)
        WRONG(call, f, "a whole number from %.0f to %.0f is expected", f->lo, f->hi);
    return put(call, f, espy_json_of_int(v));
}

static espy_err take_list(espy_call *call, const espy_field *f, const espy_json *v)
{
    size_t n = espy_json_count(v);
    if (!espy_json_is_array(v))
        WRONG(call, f, "a list is expected");
    if (n > call->serving->options->limits.ids)
        WRONG(call, f, "at most %zu items are taken", call->serving->options->limits.ids);
    if ((double)n < f->lo || (double)n > f->hi)
        WRONG(call, f, "a list of %.0f to %.0f items is expected; it has %zu", f->lo, f->hi, n);
    for (size_t i = 0; i < n; i++) {
        const espy_json *item = espy_json_at(v, i);
        if (f->type == ESPY_FIELD_IDS && (!espy_json_is_int(item) || espy_json_int(item, 0) < 1))
            WRONG(call, f, "item %zu is not a positive whole number", i + 1);
        if (f->type == ESPY_FIELD_NUMBERS && !espy_json_is_number(item))
            WRONG(call, f, "item %zu is not a number", i + 1);
        if (f->type == ESPY_FIELD_TEXTS &&
            (!espy_json_is_string(item) || has_control(espy_json_string(item, ""))))
            WRONG(call, f, "item %zu is not a text", i + 1);
    }
    return put(call, f, espy_json_ref((espy_json *)(uintptr_t)v));
}

static espy_err take_upload(espy_call *call, const espy_upload *u)
{
    espy_ctx *cx = call->cx;
    if (call->uploads_n == call->uploads_room) {
        size_t room = call->uploads_room ? 2 * call->uploads_room : 4;
        espy_upload *more = espy_resize(cx, call->uploads, room, sizeof *more);
        if (!more)
            return cx->code;
        call->uploads = more;
        call->uploads_room = room;
    }
    espy_upload copy = *u;
    copy.name = espy_strdup(cx, u->name);
    copy.file = espy_strdup(cx, u->file ? u->file : "");
    copy.type = espy_strdup(cx, u->type ? u->type : "");
    if (!copy.name || !copy.file || !copy.type) {
        espy_free(cx, copy.name);
        espy_free(cx, copy.file);
        espy_free(cx, copy.type);
        return cx->code;
    }
    call->uploads[call->uploads_n++] = copy;
    return ESPY_E_OK;
}

static espy_err take_base64(espy_call *call, const espy_field *f, const char *text)
{
    espy_ctx *cx = call->cx;
    espy_buf b;
    espy_buf_init(&b, call->serving->options->limits.body);
    espy_err e = espy_base64_decode(cx, text, strlen(text), &b);
    if (e == ESPY_E_FORMAT) {
        espy_clear(cx);
        espy_buf_free(cx, &b);
        WRONG(call, f, "a file, or its bytes in base64, is expected");
    }
    ESPY_TRY(e);
    e = take_upload(call, &(espy_upload){.name = (char *)(uintptr_t)f->name,
                                         .bytes = espy_span_of(&b),
                                         .owned = true});
    if (e != ESPY_E_OK)
        espy_buf_free(cx, &b);
    return e;
}

static espy_err take_plain(espy_call *call, const espy_field *f, const char *s);

/* The described interfaces were loose: a number may come as a text, and a text as a number. */
static bool take_is_loose(const espy_call *call, const espy_field *f, const espy_json *v)
{
    bool text = f->type == ESPY_FIELD_TEXT;
    return !call->service->strict && f->type != ESPY_FIELD_FILE &&
           (text ? espy_json_is_number(v) : espy_json_is_string(v));
}

static espy_err take_loose(espy_call *call, const espy_field *f, const espy_json *v)
{
    char number[32];
    if (espy_json_is_string(v))
        return take_plain(call, f, espy_json_string(v, ""));
    if (espy_json_is_int(v))
        snprintf(number, sizeof number, "%lld", (long long)espy_json_int(v, 0));
    else
        snprintf(number, sizeof number, "%.15g", espy_json_number(v, 0));
    return take_text(call, f, number);
}

/* A value that came as JSON. */
static espy_err take_json(espy_call *call, const espy_field *f, const espy_json *v)
{
    if (espy_json_is_null(v)) {
        if (!call->nulls)
            call->nulls = espy_json_object();
        return espy_json_set(call->cx, call->nulls, f->name, espy_json_of_bool(true));
    }
    if (take_is_loose(call, f, v))
        return take_loose(call, f, v);
    switch (f->type) {
    case ESPY_FIELD_TEXT:
        if (espy_json_is_int(v) && !f->one_of) /* a name that is a number */
            return take_digits(call, f, espy_json_int(v, 0));
        if (!espy_json_is_string(v))
            WRONG(call, f, "a text is expected");
        return take_text(call, f, espy_json_string(v, ""));
    case ESPY_FIELD_DATE:
        return take_date(call, f, espy_json_string(v, ""));
    case ESPY_FIELD_INT:
        return take_int(call, f, espy_json_is_int(v), espy_json_int(v, 0));
    case ESPY_FIELD_REAL:
        return take_number(call, f, espy_json_is_number(v) ? espy_json_number(v, 0) : NAN);
    case ESPY_FIELD_BOOL:
        if (espy_json_bool(v, false) == espy_json_bool(v, true))
            return put(call, f, espy_json_of_bool(espy_json_bool(v, false)));
        WRONG(call, f, "true or false is expected");
    case ESPY_FIELD_IDS:
    case ESPY_FIELD_NUMBERS:
    case ESPY_FIELD_TEXTS:
        return take_list(call, f, v);
    case ESPY_FIELD_OBJECT:
        if (!espy_json_is_object(v))
            WRONG(call, f, "an object is expected");
        return put(call, f, espy_json_ref((espy_json *)(uintptr_t)v));
    case ESPY_FIELD_FILE:
        if (espy_json_is_string(v))
            return take_base64(call, f, espy_json_string(v, ""));
        for (size_t i = 0; espy_json_is_array(v) && i < espy_json_count(v); i++) {
            const char *text = espy_json_string(espy_json_at(v, i), NULL);
            if (!text)
                WRONG(call, f, "item %zu is not a text in base64", i + 1);
            ESPY_TRY(take_base64(call, f, text));
        }
        if (!espy_json_is_array(v))
            WRONG(call, f, "a file in base64 is expected");
        return ESPY_E_OK;
    }
    return ESPY_E_OK;
}

static bool read_bool(const char *s, bool *out)
{
    *out = one_of("true|1|yes|on|True", s);
    return *out || one_of("false|0|no|off|False", s);
}

/* A list that came as text: JSON, or items with commas between. */
static espy_err take_list_text(espy_call *call, const espy_field *f, const char *s)
{
    espy_ctx *cx = call->cx;
    espy_json *v = NULL;
    espy_buf b;
    espy_buf_init(&b, strlen(s) + 3);
    espy_err e = ESPY_E_OK;
    if (s[0] == '[')
        ESPY_GO(espy_buf_text(cx, &b, s));
    else if (f->type != ESPY_FIELD_TEXTS)
        ESPY_GO(espy_buf_printf(cx, &b, "[%s]", s));
    if (b.size) {
        e = espy_json_parse(cx, b.data, b.size, &v);
        if (e == ESPY_E_FORMAT) {
            espy_clear(cx);
            e = espy_refuse_field(call, f->name, "a list is expected");
            if (e == ESPY_E_ARG) { /* noted; the other fields are looked at too */
                espy_clear(cx);
                e = ESPY_E_OK;
            }
            goto out;
        }
        ESPY_GO(e);
    } else {
        v = espy_json_array();
        for (const char *p = s; *p && e == ESPY_E_OK;) {
            size_t n = strcspn(p, ",");
            char *item = espy_strndup(cx, p, n);
            e = item ? espy_json_append(cx, v, espy_json_of_string(item)) : cx->code;
            espy_free(cx, item);
            p += n + (p[n] == ',');
        }
        ESPY_GO(e);
    }
    e = take_list(call, f, v);
out:
    espy_json_free(v);
    espy_buf_free(cx, &b);
    return e;
}

/* A value that came as text. */
static espy_err take_plain(espy_call *call, const espy_field *f, const char *s)
{
    espy_ctx *cx = call->cx;
    int64_t n = 0;
    double x = 0;
    bool b = false;
    espy_json *v = NULL;
    switch (f->type) {
    case ESPY_FIELD_TEXT:
        return take_text(call, f, s);
    case ESPY_FIELD_DATE:
        return take_date(call, f, s);
    case ESPY_FIELD_INT:
        b = espy_parse_int(s, INT64_MIN, INT64_MAX, &n);
        return take_int(call, f, b, n);
    case ESPY_FIELD_REAL:
        return take_number(call, f, espy_parse_real(s, -1e300, 1e300, &x) ? x : NAN);
    case ESPY_FIELD_BOOL:
        if (!read_bool(s, &b))
            WRONG(call, f, "true or false is expected");
        return put(call, f, espy_json_of_bool(b));
    case ESPY_FIELD_IDS:
    case ESPY_FIELD_NUMBERS:
    case ESPY_FIELD_TEXTS:
        return take_list_text(call, f, s);
    case ESPY_FIELD_OBJECT: {
        espy_err e = espy_json_too_deep((espy_span){(const uint8_t *)s, strlen(s)},
                                        call->serving->options->limits.json_depth)
                         ? ESPY_E_FORMAT
                         : espy_json_parse(cx, s, strlen(s), &v);
        if (e == ESPY_E_FORMAT) {
            espy_clear(cx);
            WRONG(call, f, "an object in JSON is expected");
        }
        ESPY_TRY(e);
        e = take_json(call, f, v);
        espy_json_free(v);
        return e;
    }
    case ESPY_FIELD_FILE:
        return take_base64(call, f, s);
    }
    return ESPY_E_OK;
}

/* -- where values come from -------------------------------------------------------------------- */
static const espy_field *field_find(const espy_call *call, const char *name, bool query)
{
    for (const espy_field *f = call->route->fields; f && f->name; f++) {
        bool here = query ? f->place == ESPY_IN_QUERY || f->place == ESPY_IN_EITHER
                          : f->place == ESPY_IN_BODY || f->place == ESPY_IN_EITHER;
        if (here && strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* A name that is in no table: a typing mistake is told where the interface is ours. */
static espy_err unexpected(espy_call *call, const char *name)
{
    if (!call->service->strict)
        return ESPY_E_OK;
    char shown[80];
    espy_err e = espy_refuse_field(call, espy_text_shown(name, shown, sizeof shown),
                                   "there is no such field here");
    if (e == ESPY_E_NOMEM)
        return e;
    espy_clear(call->cx);
    return ESPY_E_OK;
}

static espy_err request_path(espy_call *call, const char *raw)
{
    const char *template = call->route->path, *a, *b;
    size_t na, nb, n;
    char value[1025];
    while (path_next(&template, &a, &na) && path_next(&raw, &b, &nb)) {
        if (a[0] != '{')
            continue;
        const espy_field *f = call->route->fields;
        while (f->name && (strlen(f->name) != na - 2 || memcmp(f->name, a + 1, na - 2) != 0))
            f++;
        if (!f->name)
            return espy_fail(call->cx, ESPY_E_INTERNAL, "%s: no field for %.*s", call->route->path,
                             (int)na, a);
        if (nb >= sizeof value || !espy_percent_decode(b, nb, false, value, &n))
            return espy_fail(call->cx, ESPY_E_NOT_FOUND, "%s: not found", f->name);
        ESPY_TRY(take_plain(call, f, value));
        if (call->wrong) /* what cannot be an id is nobody's */
            return espy_fail(call->cx, ESPY_E_NOT_FOUND, "%s: not found", f->name);
    }
    return ESPY_E_OK;
}

static espy_err request_form(espy_call *call, const espy_form *form, bool query)
{
    if (form->n > call->serving->options->limits.fields)
        return espy_fail(call->cx, ESPY_E_LIMIT, "more than %zu fields",
                         call->serving->options->limits.fields);
    for (size_t i = 0; i < form->n; i++) {
        const espy_field *f = field_find(call, form->at[i].name, query);
        if (f)
            ESPY_TRY(take_plain(call, f, form->at[i].value));
        else
            ESPY_TRY(unexpected(call, form->at[i].name));
    }
    return ESPY_E_OK;
}

static espy_err request_text_form(espy_call *call, const char *text, size_t n, bool query)
{
    espy_form form = {0};
    ESPY_TRY(espy_form_parse(call->cx, text, n, &form));
    espy_err e = request_form(call, &form, query);
    espy_form_free(call->cx, &form);
    return e;
}

bool espy_json_too_deep(espy_span text, size_t most)
{
    size_t depth = 0;
    bool in_text = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (in_text) {
            i += c == '\\';
            in_text = c != '"';
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            if (++depth > most)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static espy_err request_json(espy_call *call, espy_span body)
{
    espy_json *v = NULL;
    void *it = NULL;
    const char *key;
    const espy_json *value;
    espy_err e = ESPY_E_OK;
    size_t depth = call->serving->options->limits.json_depth;
    if (espy_json_too_deep(body, depth))
        return espy_fail(call->cx, ESPY_E_ARG, "the JSON body is nested more than %zu deep", depth);
    ESPY_TRY(espy_json_parse(call->cx, body.data, body.size, &v));
    if (!espy_json_is_object(v))
        ESPY_GO(espy_fail(call->cx, ESPY_E_ARG, "the body is to be a JSON object"));
    if (espy_json_count(v) > call->serving->options->limits.fields)
        ESPY_GO(espy_fail(call->cx, ESPY_E_LIMIT, "more than %zu fields",
                          call->serving->options->limits.fields));
    while (espy_json_next(v, &it, &key, &value)) {
        const espy_field *f = field_find(call, key, false);
        if (f)
            ESPY_GO(take_json(call, f, value));
        else
            ESPY_GO(unexpected(call, key));
    }
out:
    espy_json_free(v);
    return e;
}

static espy_err request_part(espy_call *call, const espy_part *part)
{
    espy_ctx *cx = call->cx;
    const espy_field *f = field_find(call, part->name, false);
    if (!f)
        return unexpected(call, part->name);
    if (f->type == ESPY_FIELD_FILE && part->filename)
        return part->data.size == 0 && !part->filename[0]
                   ? ESPY_E_OK /* a file input that was left empty */
                   : take_upload(call, &(espy_upload){.name = part->name,
                                                      .file = part->filename,
                                                      .type = part->type,
                                                      .bytes = part->data});
    if (memchr(part->data.data, 0, part->data.size) ||
        !espy_utf8_valid((const char *)part->data.data, part->data.size))
        WRONG(call, f, "the text is not UTF-8");
    char *text = espy_strndup(cx, (const char *)part->data.data, part->data.size);
    if (!text)
        return cx->code;
    espy_err e = take_plain(call, f, text);
    espy_free(cx, text);
    return e;
}

static espy_err request_multipart(espy_call *call, const char *type, espy_span body)
{
    espy_multipart m = {0};
    espy_err e = ESPY_E_OK;
    ESPY_TRY(espy_multipart_parse(call->cx, type, body, &m));
    if (m.n > call->serving->options->limits.fields)
        ESPY_GO(espy_fail(call->cx, ESPY_E_LIMIT, "more than %zu parts",
                          call->serving->options->limits.fields));
    for (size_t i = 0; i < m.n; i++)
        ESPY_GO(request_part(call, &m.at[i]));
out:
    espy_multipart_free(call->cx, &m);
    return e;
}

/* The route's field that the whole body may be, or NULL. */
static const espy_field *request_file_field(const espy_call *call)
{
    for (const espy_field *f = call->route->fields; f && f->name; f++)
        if (f->type == ESPY_FIELD_FILE)
            return f;
    return NULL;
}

static bool type_is(const char *type, const char *is)
{
    size_t n = strlen(is);
    return strncasecmp(type, is, n) == 0 && (!type[n] || strchr("; \t", type[n]));
}

static bool request_wants_body(const espy_call *call)
{
    for (const espy_field *f = call->route->fields; f && f->name; f++)
        if (f->place == ESPY_IN_BODY || f->place == ESPY_IN_EITHER)
            return true;
    return false;
}

static espy_err request_body(espy_call *call, const char *type, espy_span body)
{
    const espy_field *file = request_file_field(call);
    if (body.size == 0 || !request_wants_body(call))
        return ESPY_E_OK;
    if (type && espy_multipart_is(type))
        return request_multipart(call, type, body);
    if (type && type_is(type, "application/x-www-form-urlencoded")) {
        if (body.data[0] == '{' || (body.data[0] >= 0x80 && file)) /* curl -d, --data-binary */
            return espy_fail(call->cx, ESPY_E_UNSUPPORTED,
                             "the body is no form: send its own Content-Type, such as %s",
                             body.data[0] == '{' ? "application/json" : "image/jpeg");
        return request_text_form(call, (const char *)body.data, body.size, false);
    }
    if (!type || type_is(type, "application/json"))
        return request_json(call, body);
    if (file && (strncasecmp(type, "image/", 6) == 0 || strncasecmp(type, "audio/", 6) == 0 ||
                 type_is(type, "application/octet-stream") || type_is(type, "application/zip")))
        return take_upload(call, &(espy_upload){.name = (char *)(uintptr_t)file->name,
                                                .type = (char *)(uintptr_t)type,
                                                .bytes = body});
    return espy_fail(call->cx, ESPY_E_UNSUPPORTED,
                     "a body of type %.80s is not read here; send application/json or "
                     "multipart/form-data",
                     type);
}

/* -- the table's word -------------------------------------------------------------------------- */
static espy_err request_default(espy_call *call, const espy_field *f)
{
    espy_json *v = NULL;
    if (f->required)
        WRONG(call, f, "this field is required");
    if (!f->fallback)
        return ESPY_E_OK;
    /* wrapped, for a JSON text is an object or an array */
    char text[256];
    snprintf(text, sizeof text, "[%s]", f->fallback);
    ESPY_TRY(espy_json_parse(call->cx, text, strlen(text), &v));
    espy_err e = put(call, f, espy_json_ref((espy_json *)(uintptr_t)espy_json_at(v, 0)));
    espy_json_free(v);
    return e;
}

static espy_err request_complete(espy_call *call)
{
    for (const espy_field *f = call->route->fields; f && f->name; f++) {
        size_t files = f->type == ESPY_FIELD_FILE ? espy_call_files(call, f->name) : 0;
        bool told = call->wrong && espy_json_get(call->wrong, f->name);
        if (told)
            continue;
        if (files ? (double)files > f->hi : espy_json_get(call->values, f->name) != NULL) {
            if (!files)
                continue;
            espy_err e = espy_refuse_field(call, f->name, "at most %.0f files are taken", f->hi);
            if (e == ESPY_E_NOMEM)
                return e;
            espy_clear(call->cx);
        } else if (!files) {
            ESPY_TRY(request_default(call, f));
        }
    }
    return ESPY_E_OK;
}

espy_err espy_request_read(espy_call *call, const char *raw, const char *type, espy_span body)
{
    const char *query = strchr(raw, '?');
    call->values = espy_json_object();
    if (!call->values)
        return espy_fail(call->cx, ESPY_E_NOMEM, "out of memory");
    if (!call->route->fields)
        return ESPY_E_OK;
    ESPY_TRY(request_path(call, raw));
    if (query)
        ESPY_TRY(request_text_form(call, query + 1, strlen(query + 1), true));
    ESPY_TRY(request_body(call, type, body));
    ESPY_TRY(request_complete(call));
    if (call->wrong)
        return espy_fail(call->cx, ESPY_E_ARG, "the request has fields that are wrong");
    return ESPY_E_OK;
}

void espy_request_free(espy_call *call)
{
    espy_ctx *cx = call->cx;
    for (size_t i = 0; i < call->uploads_n; i++) {
        espy_upload *u = &call->uploads[i];
        espy_free(cx, u->name);
        espy_free(cx, u->file);
        espy_free(cx, u->type);
        if (u->owned)
            espy_free(cx, (void *)(uintptr_t)u->bytes.data);
    }
    espy_free(cx, call->uploads);
    espy_json_free(call->values);
    espy_json_free(call->nulls);
    espy_json_free(call->wrong);
}
