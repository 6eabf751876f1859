/* SPDX-License-Identifier: Apache-2.0
 * base - context, failures, logging. */
#include "base/ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static void *ctx_resize(void *self, void *p, size_t n, size_t align)
{
    (void)self;
    if (n == 0) {
        free(p);
        return NULL;
    }
    if (align)
        return aligned_alloc(align, (n + align - 1) / align * align);
    return realloc(p, n);
}

void espy_ctx_init(espy_ctx *cx)
{
    *cx = (espy_ctx){
        .memory = {ctx_resize, NULL},
        .max = {.file_bytes = (size_t)1 << 30,
                .image_pixels = 100u * 1000 * 1000,
                .image_side = 30000},
        .io = &espy_io_posix,
        .log_level = ESPY_LOG_INFO,
    };
}

espy_ctx espy_ctx_child(const espy_ctx *cx)
{
    espy_ctx child = *cx;
    espy_clear(&child);
    return child;
}

espy_err espy_ctx_adopt(espy_ctx *cx, const espy_ctx *child)
{
    if (child->code != ESPY_E_OK && cx->code == ESPY_E_OK) {
        cx->code = child->code;
        cx->file = child->file;
        cx->line = child->line;
        memcpy(cx->text, child->text, sizeof cx->text);
    }
    return child->code;
}

/* Texts stay one line, whatever came from outside. */
static void ctx_one_line(char *p)
{
    for (; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
}

espy_err espy_fail_at(espy_ctx *cx, const char *file, int line, espy_err code, const char *fmt, ...)
{
    if (cx->code != ESPY_E_OK)
        return cx->code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(cx->text, sizeof cx->text, fmt, ap);
    va_end(ap);
    ctx_one_line(cx->text);
    cx->code = code;
    cx->file = file;
    cx->line = line;
    return code;
}

espy_err espy_fail_in(espy_ctx *cx, const char *fmt, ...)
{
    if (cx->code == ESPY_E_OK)
        return ESPY_E_OK;
    char before[sizeof cx->text];
    memcpy(before, cx->text, sizeof before);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(cx->text, sizeof cx->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof cx->text)
        snprintf(cx->text + n, sizeof cx->text - (size_t)n, ": %s", before);
    ctx_one_line(cx->text);
    return cx->code;
}

void espy_clear(espy_ctx *cx)
{
    cx->code = ESPY_E_OK;
    cx->text[0] = '\0';
    cx->file = NULL;
    cx->line = 0;
}

espy_err espy_cancelled(espy_ctx *cx)
{
    if (cx->cancel && atomic_load_explicit(cx->cancel, memory_order_relaxed))
        return espy_fail(cx, ESPY_E_CANCELLED, "interrupted; nothing was changed by this step");
    return ESPY_E_OK;
}

void espy_log(const espy_ctx *cx, espy_log_level level, const char *fmt, ...)
{
    if (!cx->log || level > cx->log_level)
        return;
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    cx->log(cx->log_self, level, line);
}

const char *espy_library_version(void)
{
    return ESPY_VERSION;
}

const char *espy_err_text(espy_err e)
{
    switch (e) {
#define ESPY_ERR_TEXT(name, value, exit_code, text) \
    case ESPY_E_##name:                             \
        return text;
        ESPY_ERR_MAP(ESPY_ERR_TEXT)
#undef ESPY_ERR_TEXT
    }
    return "unknown error";
}
