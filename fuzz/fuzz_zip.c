/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a zip archive from anybody.  A file in it is refused with one line of text, or read
 * within its bound; what was read is packed and read back unchanged. */
#include <stdlib.h>
#include <string.h>

#include "base/zip.h"

#define FUZZ_MOST 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_member(const uint8_t *data, size_t size, const char *name)
{
    espy_ctx cx;
    espy_buf content, archive, again;
    espy_ctx_init(&cx);
    espy_buf_init(&content, FUZZ_MOST);
    espy_buf_init(&archive, 2 * FUZZ_MOST);
    espy_buf_init(&again, FUZZ_MOST);
    espy_err e = espy_zip_read(&cx, (espy_span){data, size}, name, &content);
    if (e != ESPY_E_OK) {
        if (!cx.text[0] || strchr(cx.text, '\n') || e != cx.code)
            abort();
        espy_buf_free(&cx, &content);
        return;
    }
    espy_zip_member m = {name, espy_span_of(&content)};
    if (espy_zip_write(&cx, &m, 1, &archive) != ESPY_E_OK ||
        espy_zip_read(&cx, espy_span_of(&archive), name, &again) != ESPY_E_OK ||
        again.size != content.size ||
        (content.size && memcmp(again.data, content.data, content.size) != 0))
        abort();
    espy_buf_free(&cx, &content);
    espy_buf_free(&cx, &archive);
    espy_buf_free(&cx, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_member(data, size, "a");
    fuzz_member(data, size, "dir/b");
    return 0;
}
