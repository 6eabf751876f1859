/* SPDX-License-Identifier: Apache-2.0
 * http - query strings and urlencoded bodies (application/x-www-form-urlencoded, WHATWG URL).
 * Depends on: base. */
#ifndef ESPY_HTTP_FORM_H
#define ESPY_HTTP_FORM_H

#include "base/mem.h"

#define ESPY_FORM_FIELDS 1000 /* most in one text */

typedef struct espy_form_field {
    const char *name, *value; /* UTF-8 without NUL; value "" when there is no '=' */
} espy_form_field;

typedef struct espy_form {
    espy_form_field *at; /* in the order of the text; a name may come again */
    size_t n;
    char *text; /* what the fields point into */
} espy_form;

/* Reads "a=1&b=two+words&c=%C3%A4"; empty pieces between '&' are passed over.
 *   *out  on success the caller's, espy_form_free(); on failure not written
 * Errors: FORMAT (broken %XX, NUL, not UTF-8: names the field), LIMIT (too many fields), NOMEM. */
espy_err espy_form_parse(espy_ctx *cx, const char *text, size_t n, espy_form *out) ESPY_NODISCARD;
void espy_form_free(espy_ctx *cx, espy_form *form);

/* Decodes %XX in text of n bytes, and '+' as a blank when plus is set, into out with room for
 * n + 1; *length without the zero that ends it.  False: broken %XX, NUL or not UTF-8.  out may be
 * text. For path segments, too. */
bool espy_percent_decode(const char *text, size_t n, bool plus, char *out, size_t *length);

#endif
