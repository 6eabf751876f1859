/* SPDX-License-Identifier: Apache-2.0
 * http - query strings and urlencoded bodies (form.h). */
#include "http/form.h"

#include <string.h>

#include "base/text.h"

static int form_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool espy_percent_decode(const char *text, size_t n, bool plus, char *out, size_t *length)
{
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%') {
            const int high = i + 2 < n ? form_digit(text[i + 1]) : -1;
            const int low = high >= 0 ? form_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        out[to++] = c;
    }
    out[to] = '\0';
    *length = to;
    return espy_utf8_valid(out, to);
}

/* Reads one piece "name=value" of n > 0 bytes into text[], which has room for n + 1. */
static espy_err form_field(espy_ctx *cx, const char *from, size_t n, size_t number, char *text,
                           espy_form_field *out, size_t *used)
{
    size_t length;
    const char *equals = memchr(from, '=', n);
    const size_t name = equals ? (size_t)(equals - from) : n;
    if (!espy_percent_decode(from, name, true, text, &length))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the name of field %zu is not percent-encoded UTF-8 text", number);
    out->name = text;
    *used = length + 1;
    out->value = text + length; /* "" */
    if (!equals)
        return ESPY_E_OK;
    text += *used;
    if (!espy_percent_decode(equals + 1, n - name - 1, true, text, &length))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the value of field %zu is not percent-encoded UTF-8 text", number);
    out->value = text;
    *used += length + 1;
    return ESPY_E_OK;
}

static size_t form_count(const char *text, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += text[i] != '&' && (i == 0 || text[i - 1] == '&');
    return count;
}

espy_err espy_form_parse(espy_ctx *cx, const char *text, size_t n, espy_form *out)
{
    espy_form f = {0};
    espy_err e = ESPY_E_OK;
    const size_t count = form_count(text, n);
    size_t used = 0, piece;
    if (count > ESPY_FORM_FIELDS)
        return espy_fail(cx, ESPY_E_LIMIT, "%zu fields are more than %d", count, ESPY_FORM_FIELDS);
    f.at = espy_array(cx, count, sizeof *f.at);
    f.text = espy_alloc(cx, n + 1); /* every field is followed by '&' or the end: room for zeros */
    if (!f.at || !f.text)
        ESPY_GO(cx->code);
    for (size_t from = 0, end; from < n; from = end + 1) {
        const char *and = memchr(text + from, '&', n - from);
        end = and? (size_t)(and-text) : n;
        if (end == from)
            continue;
        ESPY_GO(
            form_field(cx, text + from, end - from, f.n + 1, f.text + used, &f.at[f.n], &piece));
        used += piece;
        f.n++;
    }
    *out = f;
    f = (espy_form){0};
out:
    espy_form_free(cx, &f);
    return e;
}

void espy_form_free(espy_ctx *cx, espy_form *form)
{
    espy_free(cx, form->at);
    espy_free(cx, form->text);
    *form = (espy_form){0};
}
