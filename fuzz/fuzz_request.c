/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a request from anybody: a line with the target, a line with the content type, then
 * the body.  It is refused with one line of text, or every value is of its field's type. */
#include <stdlib.h>

#include "../tests/http/request_case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_values(const espy_call *call)
{
    for (const espy_field *f = call->route->fields; f->name; f++) {
        const espy_json *v = espy_call_json(call, f->name);
        if (!v)
            continue;
        bool good = f->type == ESPY_FIELD_INT      ? espy_json_is_int(v)
                    : f->type == ESPY_FIELD_REAL   ? espy_json_is_number(v)
                    : f->type == ESPY_FIELD_TEXT   ? espy_json_is_string(v)
                    : f->type == ESPY_FIELD_DATE   ? espy_json_is_string(v)
                    : f->type == ESPY_FIELD_OBJECT ? espy_json_is_object(v)
                    : f->type == ESPY_FIELD_BOOL   ? true
                                                   : espy_json_is_array(v);
        if (!good || (f->type == ESPY_FIELD_INT && (espy_json_int(v, 0) < (int64_t)f->lo ||
                                                    espy_json_int(v, 0) > (int64_t)f->hi)))
            abort();
    }
}

/* The next line as a text; data moves behind it. */
static char *fuzz_line(espy_ctx *cx, const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
    size_t n = end ? (size_t)(end - *data) : *size;
    char *line = espy_strndup(cx, n ? (const char *)*data : "", n);
    *data += end ? n + 1 : n;
    *size -= end ? n + 1 : n;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    request_case c;
    espy_ctx_init(&cx);
    char *target = fuzz_line(&cx, &data, &size), *type = fuzz_line(&cx, &data, &size);
    if (target && type && espy_path_fits(request_route.path, target)) {
        request_begin(&cx, &c);
        espy_err e =
            espy_request_read(&c.call, target, type[0] ? type : NULL, (espy_span){data, size});
        if (e == ESPY_E_OK)
            fuzz_values(&c.call);
        else if (!cx.text[0] || strchr(cx.text, '\n'))
            abort();
        espy_request_free(&c.call);
    }
    espy_free(&cx, target);
    espy_free(&cx, type);
    return 0;
}
