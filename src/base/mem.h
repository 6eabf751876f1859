/* SPDX-License-Identifier: Apache-2.0
 * base - memory: every allocation goes through the context, so that tests can make each one fail.
 * Sizes are checked for overflow before they are multiplied. */
#ifndef ESPY_BASE_MEM_H
#define ESPY_BASE_MEM_H

#include "base/ctx.h"

/* New memory; NULL with NOMEM noted in cx.  A size of 0 gives a pointer that can be freed. */
void *espy_alloc(espy_ctx *cx, size_t size);           /* not initialised */
void *espy_zalloc(espy_ctx *cx, size_t size);          /* all zero */
void *espy_array(espy_ctx *cx, size_t n, size_t size); /* n x size, zeroed; LIMIT on overflow */

/* Grows or shrinks; on failure p is untouched and still the caller's. */
void *espy_resize(espy_ctx *cx, void *p, size_t n, size_t size);

/* 64-byte aligned array of n floats, zeroed, freed with espy_free(). */
float *espy_floats(espy_ctx *cx, size_t n);

void espy_free(espy_ctx *cx, void *p); /* NULL is fine */

char *espy_strdup(espy_ctx *cx, const char *s);
char *espy_strndup(espy_ctx *cx, const char *s, size_t n);
char *espy_sprintf(espy_ctx *cx, const char *fmt, ...) ESPY_PRINTF(2, 3); /* caller owns */

/* *out = a*b or a+b; false when it does not fit. */
bool espy_mul_size(size_t a, size_t b, size_t *out);
bool espy_add_size(size_t a, size_t b, size_t *out);

/* A growing byte buffer with a mandatory maximum.  A failing append frees it; every append is to be
 * checked, because the next one would start a new content. */
typedef struct espy_buf {
    uint8_t *data; /* always followed by one zero byte once anything was appended */
    size_t size;
    size_t room;
    size_t max;
} espy_buf;

void espy_buf_init(espy_buf *b, size_t max);
espy_err espy_buf_append(espy_ctx *cx, espy_buf *b, const void *p, size_t n) ESPY_NODISCARD;
espy_err espy_buf_text(espy_ctx *cx, espy_buf *b, const char *s) ESPY_NODISCARD;
espy_err espy_buf_printf(espy_ctx *cx, espy_buf *b, const char *fmt, ...)
    ESPY_PRINTF(3, 4) ESPY_NODISCARD;
void espy_buf_free(espy_ctx *cx, espy_buf *b);

/* Borrowed bytes. */
typedef struct espy_span {
    const uint8_t *data;
    size_t size;
} espy_span;

static inline espy_span espy_span_of(const espy_buf *b)
{
    return (espy_span){b->data, b->size};
}

#endif
