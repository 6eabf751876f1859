/* SPDX-License-Identifier: Apache-2.0
 * base - memory. */
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define MEM_LARGE_PAGE ((size_t)2 << 20) /* bytes */

/* Large blocks (networks, galleries) are filled once and read often: on large pages they cost a
 * fifth of the faults and fewer misses of the translation buffer.  A kernel that does not want to
 * changes nothing. */
static void *mem_large(void *p, size_t size)
{
#if defined(MADV_HUGEPAGE)
    if (p && size >= 2 * MEM_LARGE_PAGE) {
        size_t skip = (MEM_LARGE_PAGE - (uintptr_t)p % MEM_LARGE_PAGE) % MEM_LARGE_PAGE;
        (void)madvise((uint8_t *)p + skip, (size - skip) / MEM_LARGE_PAGE * MEM_LARGE_PAGE,
                      MADV_HUGEPAGE);
    }
#else
    (void)size;
#endif
    return p;
}

static void *mem_get(espy_ctx *cx, size_t size, size_t align)
{
    void *p = cx->memory.resize(cx->memory.self, NULL, size ? size : 1, align);
    if (!p)
        espy_fail(cx, ESPY_E_NOMEM, "out of memory (%zu bytes wanted)", size);
    return mem_large(p, size);
}

void *espy_alloc(espy_ctx *cx, size_t size)
{
    return mem_get(cx, size, 0);
}

void *espy_zalloc(espy_ctx *cx, size_t size)
{
    void *p = mem_get(cx, size, 0);
    if (p)
        memset(p, 0, size ? size : 1);
    return p;
}

void *espy_array(espy_ctx *cx, size_t n, size_t size)
{
    size_t bytes;
    if (!espy_mul_size(n, size, &bytes)) {
        espy_fail(cx, ESPY_E_LIMIT, "%zu items of %zu bytes do not fit in memory", n, size);
        return NULL;
    }
    return espy_zalloc(cx, bytes);
}

void *espy_resize(espy_ctx *cx, void *p, size_t n, size_t size)
{
    size_t bytes;
    if (!espy_mul_size(n, size, &bytes)) {
        espy_fail(cx, ESPY_E_LIMIT, "%zu items of %zu bytes do not fit in memory", n, size);
        return NULL;
    }
    void *q = cx->memory.resize(cx->memory.self, p, bytes ? bytes : 1, 0);
    if (!q)
        espy_fail(cx, ESPY_E_NOMEM, "out of memory (%zu bytes wanted)", bytes);
    return mem_large(q, bytes);
}

float *espy_floats(espy_ctx *cx, size_t n)
{
    size_t bytes;
    if (!espy_mul_size(n, sizeof(float), &bytes)) {
        espy_fail(cx, ESPY_E_LIMIT, "%zu numbers do not fit in memory", n);
        return NULL;
    }
    void *p = mem_get(cx, bytes, 64);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void espy_free(espy_ctx *cx, void *p)
{
    if (p)
        cx->memory.resize(cx->memory.self, p, 0, 0);
}

char *espy_strndup(espy_ctx *cx, const char *s, size_t n)
{
    n = strnlen(s, n);
    char *p = espy_alloc(cx, n + 1);
    if (p) {
        memcpy(p, s, n);
        p[n] = '\0';
    }
    return p;
}

char *espy_strdup(espy_ctx *cx, const char *s)
{
    return espy_strndup(cx, s, strlen(s));
}

char *espy_sprintf(espy_ctx *cx, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *p = n < 0 ? NULL : espy_alloc(cx, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, again);
    else if (n < 0)
        espy_fail(cx, ESPY_E_INTERNAL, "text could not be formatted");
    va_end(again);
    return p;
}

bool espy_mul_size(size_t a, size_t b, size_t *out)
{
    if (a && b > SIZE_MAX / a)
        return false;
    *out = a * b;
    return true;
}

bool espy_add_size(size_t a, size_t b, size_t *out)
{
    if (b > SIZE_MAX - a)
        return false;
    *out = a + b;
    return true;
}

void espy_buf_init(espy_buf *b, size_t max)
{
    *b = (espy_buf){.max = max};
}

void espy_buf_free(espy_ctx *cx, espy_buf *b)
{
    espy_free(cx, b->data);
    *b = (espy_buf){.max = b->max};
}

/* Makes room for n more bytes and the zero behind them; frees the buffer when it cannot. */
static espy_err buf_room(espy_ctx *cx, espy_buf *b, size_t n)
{
    size_t need;
    if (!espy_add_size(b->size, n, &need) || need > b->max || need == SIZE_MAX) {
        espy_buf_free(cx, b);
        return espy_fail(cx, ESPY_E_LIMIT, "more than the %zu bytes allowed here", b->max);
    }
    if (need + 1 <= b->room)
        return ESPY_E_OK;
    size_t room = b->room ? b->room : 256;
    while (room < need + 1)
        room = room > SIZE_MAX / 2 ? need + 1 : room * 2;
    void *p = espy_resize(cx, b->data, room, 1);
    if (!p) {
        espy_buf_free(cx, b);
        return cx->code;
    }
    b->data = p;
    b->room = room;
    return ESPY_E_OK;
}

espy_err espy_buf_append(espy_ctx *cx, espy_buf *b, const void *p, size_t n)
{
    ESPY_TRY(buf_room(cx, b, n));
    if (n)
        memcpy(b->data + b->size, p, n);
    b->size += n;
    b->data[b->size] = 0;
    return ESPY_E_OK;
}

espy_err espy_buf_text(espy_ctx *cx, espy_buf *b, const char *s)
{
    return espy_buf_append(cx, b, s, strlen(s));
}

espy_err espy_buf_printf(espy_ctx *cx, espy_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    espy_err e = n < 0 ? espy_fail(cx, ESPY_E_INTERNAL, "text could not be formatted")
                       : buf_room(cx, b, (size_t)n);
    if (e == ESPY_E_OK) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return e;
}
