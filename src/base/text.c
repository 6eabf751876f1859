/* SPDX-License-Identifier: Apache-2.0
 * base - text and time. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/file.h"

bool espy_parse_int(const char *s, int64_t lo, int64_t hi, int64_t *out)
{
    if (!s || !*s || strspn(s, "+-0123456789") != strlen(s))
        return false;
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    if (errno || *end || v < lo || v > hi)
        return false;
    *out = v;
    return true;
}

bool espy_parse_real(const char *s, double lo, double hi, double *out)
{
    if (!s || !*s || strspn(s, "+-0123456789.eE") != strlen(s))
        return false;
    locale_t c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return false;
    char *end;
    double v = strtod_l(s, &end, c);
    freelocale(c);
    if (*end || !isfinite(v) || v < lo || v > hi)
        return false;
    *out = v;
    return true;
}

bool espy_ends_with_nocase(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && strcasecmp(s + n - m, suffix) == 0;
}

bool espy_equal_nocase(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
bool espy_utf8_valid(const char *s, size_t n)
{
    if (n == 0) /* of an empty text there may be no pointer */
        return true;
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        if (*p < 0x80) {
            p++;
            continue;
        }
        int more = *p >= 0xf0 ? 3 : *p >= 0xe0 ? 2 : 1;
        if (*p < 0xc2 || *p > 0xf4 || end - p <= more)
            return false;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
            return false;
        for (int i = 1; i <= more; i++)
            if ((p[i] & 0xc0) != 0x80)
                return false;
        p += more + 1;
    }
    return true;
}

void espy_utf8_mend(char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)s[i] >= 0x80)
            s[i] = '?';
    }
}

const char *espy_text_shown(const char *s, char *out, size_t room)
{
    const bool utf8 = espy_utf8_valid(s, strlen(s));
    size_t at = 0;
    for (; *s && at + 5 < room; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8))
            at += (size_t)snprintf(out + at, room - at, "\\x%02x", c);
        else
            out[at++] = *s;
    }
    if (utf8 && ((unsigned char)*s & 0xc0) == 0x80) /* cut within a character: none of it */
        while (at > 0 && ((unsigned char)out[--at] & 0xc0) == 0x80)
            ;
    out[at] = '\0';
    return out;
}

size_t espy_utf8_length(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

double espy_time_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double espy_time_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void text_time(double t, bool local, const char *fmt, char out[32])
{
    time_t s = (time_t)floor(t);
    struct tm tm;
    if (local)
        localtime_r(&s, &tm);
    else
        gmtime_r(&s, &tm);
    if (strftime(out, 32, fmt, &tm) == 0)
        out[0] = '\0';
}

void espy_time_iso(double t, char out[32])
{
    text_time(t, false, "%Y-%m-%dT%H:%M:%SZ", out);
}

void espy_time_local(double t, char out[32])
{
    text_time(t, true, "%Y-%m-%d %H:%M:%S", out);
}

void espy_time_stamp(double t, char out[32])
{
    text_time(t, true, "%Y%m%d_%H%M%S", out);
}

/* The C library takes a name that it does not know for UTC, so the file is looked for first. */
espy_err espy_time_zone(espy_ctx *cx, const char *name)
{
    const char *dir = espy_env("TZDIR");
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%s", dir ? dir : "/usr/share/zoneinfo", name);
    bool good = *name && *name != '/' && !strstr(name, "..") && n > 0 && (size_t)n < sizeof path &&
                espy_file_exists(path);
    if (!good && strcmp(name, "UTC") != 0)
        return espy_fail(cx, ESPY_E_ARG,
                         "there is no time zone \"%s\"; give one such as Europe/Berlin", name);
    if (setenv("TZ", name, 1) != 0)
        return espy_fail(cx, ESPY_E_NOMEM, "out of memory");
    tzset();
    return ESPY_E_OK;
}
