/* SPDX-License-Identifier: Apache-2.0
 * http - bytes that are known, and parts of them. */
#include "http/bytes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* -- what is known ----------------------------------------------------------------------------- */
bool espy_call_knows(const espy_call *call, const char *tag)
{
    const char *tags = espy_call_header(call, "If-None-Match");
    return tags && (strstr(tags, tag) || strcmp(tags, "*") == 0);
}

espy_err espy_reply_tag(espy_call *call, const char *tag)
{
    ESPY_TRY(espy_reply_header(call, "Cache-Control", "private, no-cache"));
    return espy_reply_header(call, "ETag", tag);
}

espy_err espy_reply_known(espy_call *call, const char *tag)
{
    ESPY_TRY(espy_reply_tag(call, tag));
    return espy_reply_empty(call, 304);
}

/* -- parts ------------------------------------------------------------------------------------- */
typedef enum part_word { PART_ALL, PART_SOME, PART_NOWHERE } part_word;

/* Digits, as far as they go; a number beyond all sizes is SIZE_MAX.  Whether there are any. */
static bool part_number(const char **p, size_t *out)
{
    const char *first = *p;
    size_t n = 0;
    for (; **p >= '0' && **p <= '9'; ++*p) {
        const size_t digit = (size_t)(**p - '0');
        n = n > (SIZE_MAX - digit) / 10 ? SIZE_MAX : 10 * n + digit;
    }
    if (*p > first)
        *out = n;
    return *p > first;
}

/* bytes=FIRST-LAST, bytes=FIRST- or bytes=-LENGTH, of so many bytes. */
static part_word part_read(const char *range, size_t size, size_t *first, size_t *n)
{
    size_t from = 0, to = SIZE_MAX;
    if (strncasecmp(range, "bytes=", 6) != 0)
        return PART_ALL;
    range += 6;
    const bool has_from = part_number(&range, &from);
    if (*range++ != '-')
        return PART_ALL;
    const bool has_to = part_number(&range, &to);
    if (*range || !(has_from || has_to) || (has_from && to < from))
        return PART_ALL;
    if (!has_from) {
        from = to < size ? size - to : 0;
        to = SIZE_MAX;
    }
    if (from >= size)
        return PART_NOWHERE;
    *first = from;
    *n = (to < size - 1 ? to : size - 1) - from + 1;
    return PART_SOME;
}

/* Of HEAD, too, all is told: Range is for GET alone.  A weak tag or a date fits no state. */
static part_word part_asked(const espy_call *call, const char *tag, size_t size, size_t *first,
                            size_t *n)
{
    const char *range = espy_call_header(call, "Range");
    const char *state = espy_call_header(call, "If-Range");
    if (!range || strcmp(call->method, "GET") != 0 || (state && strcmp(state, tag) != 0))
        return PART_ALL;
    return part_read(range, size, first, n);
}

static espy_err part_nowhere(espy_call *call, size_t size)
{
    char text[48];
    snprintf(text, sizeof text, "bytes */%zu", size);
    ESPY_TRY(espy_reply_header(call, "Content-Range", text));
    return espy_refuse(call, 416, NULL, "there are %zu bytes; a part within them is expected",
                       size);
}

espy_err espy_reply_part(espy_call *call, const char *type, const char *tag, espy_buf *bytes)
{
    char text[96];
    size_t first = 0, n = bytes->size;
    const part_word word = part_asked(call, tag, bytes->size, &first, &n);
    if (word == PART_NOWHERE)
        return part_nowhere(call, bytes->size);
    ESPY_TRY(espy_reply_tag(call, tag));
    ESPY_TRY(espy_reply_header(call, "Accept-Ranges", "bytes"));
    if (word == PART_ALL)
        return espy_reply_bytes(call, 200, type, bytes);
    snprintf(text, sizeof text, "bytes %zu-%zu/%zu", first, first + n - 1, bytes->size);
    ESPY_TRY(espy_reply_header(call, "Content-Range", text));
    memmove(bytes->data, bytes->data + first, n);
    bytes->size = n;
    return espy_reply_bytes(call, 206, type, bytes);
}
