/* SPDX-License-Identifier: Apache-2.0
 * base - JSON (RFC 8259) over jansson, whose header appears only in json.c.
 *
 * Reading: typed getters that fail with the key's name.  Writing: a value tree that is printed with
 * keys in the order they were set, numbers at up to 9 (float) or 15 (double) digits. */
#ifndef ESPY_BASE_JSON_H
#define ESPY_BASE_JSON_H

#include "base/mem.h"

typedef struct json_t espy_json; /* reference counted; free with espy_json_free() */

espy_err espy_json_parse(espy_ctx *cx, const void *text, size_t n, espy_json **out) ESPY_NODISCARD;
espy_err espy_json_load(espy_ctx *cx, const char *path, size_t max, espy_json **out) ESPY_NODISCARD;
void espy_json_free(espy_json *v); /* drops one reference; NULL is fine */
espy_json *espy_json_ref(espy_json *v);

/* Text of a value; indent 0 gives one line. */
espy_err espy_json_print(espy_ctx *cx, const espy_json *v, int indent,
                         espy_buf *out) ESPY_NODISCARD;
espy_err espy_json_save(espy_ctx *cx, const espy_json *v,
                        const char *path) ESPY_NODISCARD; /* indent 2 */

/* Borrowed views.  NULL, 0 or the given default when absent or of another type. */
const espy_json *espy_json_get(const espy_json *object, const char *key);
size_t espy_json_count(const espy_json *array_or_object);
const espy_json *espy_json_at(const espy_json *array, size_t i);
bool espy_json_is_object(const espy_json *v);
bool espy_json_is_array(const espy_json *v);
bool espy_json_is_string(const espy_json *v);
bool espy_json_is_number(const espy_json *v);
bool espy_json_is_int(const espy_json *v);
bool espy_json_is_null(const espy_json *v); /* there, and null */
const char *espy_json_string(const espy_json *v, const char *otherwise);
double espy_json_number(const espy_json *v, double otherwise);
int64_t espy_json_int(const espy_json *v, int64_t otherwise);
bool espy_json_bool(const espy_json *v, bool otherwise);

/* Walks an object in insertion order: `it` starts NULL; false at the end. */
bool espy_json_next(const espy_json *object, void **it, const char **key, const espy_json **value);

/* Required members: FORMAT naming the key when absent, of another type or out of range. */
espy_err espy_json_need_string(espy_ctx *cx, const espy_json *o, const char *key,
                               const char **out) ESPY_NODISCARD;
espy_err espy_json_need_int(espy_ctx *cx, const espy_json *o, const char *key, int64_t lo,
                            int64_t hi, int64_t *out) ESPY_NODISCARD;
espy_err espy_json_need_number(espy_ctx *cx, const espy_json *o, const char *key, double lo,
                               double hi, double *out) ESPY_NODISCARD;

/* Building.  Makers return NULL when out of memory; the setters take over `v` (also on failure),
 * refuse a NULL v or a NULL object with NOMEM, and note it in cx.  So a tree may be built in a row:
 *   ESPY_GO(espy_json_set(cx, o, "n", espy_json_of_int(n)));                                   */
espy_json *espy_json_object(void);
espy_json *espy_json_array(void);
espy_json *espy_json_of_string(const char *s); /* NULL s gives null; invalid UTF-8 is mended */
espy_json *espy_json_of_int(int64_t v);
espy_json *espy_json_of_number(double v); /* NaN and infinity give null */
espy_json *espy_json_of_float(float v);   /* printed with 9 significant digits at most */
espy_json *espy_json_of_bool(bool v);
espy_json *espy_json_null_value(void);
espy_err espy_json_set(espy_ctx *cx, espy_json *object, const char *key,
                       espy_json *v) ESPY_NODISCARD;
espy_err espy_json_append(espy_ctx *cx, espy_json *array, espy_json *v) ESPY_NODISCARD;

#endif
