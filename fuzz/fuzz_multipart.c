/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a content type (the first line) and a body of it.  They are refused with one line of
 * text, or the parts lie within the body, one behind the other, and their texts are plain. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "http/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_text(const char *s)
{
    if (!espy_utf8_valid(s, strlen(s)))
        abort();
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    espy_ctx cx;
    espy_multipart m;
    espy_ctx_init(&cx);
    const uint8_t *eol = size ? memchr(data, '\n', size) : NULL;
    if (!eol)
        return 0;
    char *type = espy_strndup(&cx, (const char *)data, (size_t)(eol - data));
    const espy_span body = {eol + 1, size - (size_t)(eol + 1 - data)};
    const uint8_t *from = body.data;
    if (!type)
        abort();
    if (espy_multipart_parse(&cx, type, body, &m) == ESPY_E_OK) {
        for (size_t i = 0; i < m.n; i++) {
            const espy_part *p = &m.at[i];
            if (p->data.data < from || p->data.data + p->data.size > data + size)
                abort();
            from = p->data.data + p->data.size;
            fuzz_text(p->name);
            fuzz_text(p->type);
            if (p->filename) {
                fuzz_text(p->filename);
                if (strpbrk(p->filename, "/\\"))
                    abort();
            }
        }
        espy_multipart_free(&cx, &m);
    } else if (!cx.text[0] || strchr(cx.text, '\n')) {
        abort();
    }
    espy_free(&cx, type);
    return 0;
}
