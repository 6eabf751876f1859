/* SPDX-License-Identifier: Apache-2.0
 * http - multipart/form-data (multipart.h).
 *
 *   body      = [preamble CRLF] delimiter *( part delimiter ) "--" [epilogue]
 *   delimiter = "--" boundary, at the start of a line
 *   part      = *( header CRLF ) CRLF content CRLF            (RFC 2046, 5.1.1) */
#include "http/multipart.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "http/form.h"

/* A piece of text that is read from the front. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static bool multipart_control(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return true;
    return false;
}

/* ---- header values: TYPE *( ";" NAME "=" VALUE ) ---- */

static void value_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

/* Copies up to one of the characters of `stop` without blanks at its end.  False: too long. */
static bool value_token(cursor *c, const char *stop, char *out, size_t room)
{
    value_blanks(c);
    const char *from = c->at;
    while (c->at < c->end && !strchr(stop, *c->at))
        c->at++;
    size_t n = (size_t)(c->at - from);
    while (n > 0 && (from[n - 1] == ' ' || from[n - 1] == '\t'))
        n--;
    if (n >= room)
        return false;
    memcpy(out, from, n);
    out[n] = '\0';
    return true;
}

/* A quoted string.  Only \" and \\ are escapes: old browsers send C:\folder\file as it is. */
static bool value_quoted(cursor *c, char *out, size_t room)
{
    size_t n = 0;
    for (c->at++; c->at < c->end && *c->at != '"'; c->at++) {
        if (*c->at == '\\' && c->at + 1 < c->end && (c->at[1] == '"' || c->at[1] == '\\'))
            c->at++;
        if (n + 1 >= room)
            return false;
        out[n++] = *c->at;
    }
    out[n] = '\0';
    if (c->at == c->end)
        return false;
    c->at++;
    value_blanks(c);
    return true;
}

/* The next parameter; *more false at the end.  False: broken or too long. */
static bool value_parameter(cursor *c, char *name, char *value, size_t room, bool *more)
{
    value_blanks(c);
    *more = c->at < c->end;
    if (!*more)
        return true;
    if (*c->at++ != ';')
        return false;
    value_blanks(c);
    if (c->at == c->end) { /* a ';' too much */
        *more = false;
        return true;
    }
    if (!value_token(c, "=;", name, room) || c->at == c->end || *c->at++ != '=')
        return false;
    value_blanks(c);
    return c->at < c->end && *c->at == '"' ? value_quoted(c, value, room)
                                           : value_token(c, ";", value, room);
}

bool espy_multipart_is(const char *content_type)
{
    static const char type[] = "multipart/form-data";
    const size_t n = sizeof type - 1;
    return content_type && strncasecmp(content_type, type, n) == 0 &&
           strchr("; \t", content_type[n]);
}

espy_err espy_multipart_boundary(espy_ctx *cx, const char *content_type,
                                 char out[ESPY_MULTIPART_BOUNDARY])
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "'()+_,-./:=? ";
    char name[ESPY_MULTIPART_NAME], value[ESPY_MULTIPART_NAME];
    cursor c = {content_type, content_type + strlen(content_type)};
    bool more = true, good = value_token(&c, ";", name, sizeof name);
    while (good && more) {
        good = value_parameter(&c, name, value, sizeof value, &more);
        if (good && more && strcasecmp(name, "boundary") == 0) {
            const size_t n = strlen(value);
            if (n == 0 || n >= ESPY_MULTIPART_BOUNDARY || strspn(value, chars) != n ||
                value[n - 1] == ' ')
                break;
            memcpy(out, value, n + 1);
            return ESPY_E_OK;
        }
    }
    return espy_fail(cx, ESPY_E_FORMAT,
                     "the content type multipart/form-data comes without a sound boundary; let the "
                     "HTTP library set it");
}

/* ---- the header of a part ---- */

/* What one part's header says; the texts have ESPY_MULTIPART_NAME bytes. */
typedef struct part_head {
    char name[ESPY_MULTIPART_NAME], filename[ESPY_MULTIPART_NAME], type[ESPY_MULTIPART_NAME];
    bool named, file, extended; /* extended: the file name is filename*'s, which wins */
} part_head;

/* filename* of RFC 8187: UTF-8'language'percent-encoded. */
static bool part_extended(char *value)
{
    size_t n;
    const char *at = strncasecmp(value, "utf-8'", 6) == 0 ? strchr(value + 6, '\'') : NULL;
    if (!at)
        return false;
    at++;
    memmove(value, at, strlen(at) + 1);
    return espy_percent_decode(value, strlen(value), false, value, &n);
}

/* Browsers write a quote in a name as %22 (HTML, 4.10.21.8). */
static void part_quotes(char *s)
{
    char *to = s;
    for (const char *from = s; *from; from++) {
        const bool quote = from[0] == '%' && from[1] == '2' && from[2] == '2';
        *to++ = quote ? '"' : *from;
        from += quote ? 2 : 0;
    }
    *to = '\0';
}

static void part_base_name(char *s)
{
    const char *at = s;
    for (const char *p = s; *p; p++)
        if (*p == '/' || *p == '\\')
            at = p + 1;
    memmove(s, at, strlen(at) + 1);
}

static espy_err part_disposition(espy_ctx *cx, cursor value, part_head *h)
{
    char name[ESPY_MULTIPART_NAME], text[ESPY_MULTIPART_NAME];
    bool more = true, good = value_token(&value, ";", name, sizeof name);
    if (!good || strcasecmp(name, "form-data") != 0)
        return espy_fail(cx, ESPY_E_FORMAT, "its Content-Disposition is not form-data");
    while (more) {
        if (!value_parameter(&value, name, text, sizeof text, &more))
            return espy_fail(cx, ESPY_E_FORMAT,
                             "its Content-Disposition is broken or has a value of more than %d "
                             "bytes",
                             ESPY_MULTIPART_NAME - 1);
        if (!more)
            break;
        const bool extended = strcasecmp(name, "filename*") == 0;
        if (extended && !part_extended(text))
            return espy_fail(cx, ESPY_E_FORMAT, "its filename* is not percent-encoded UTF-8");
        if (strcasecmp(name, "name") == 0) {
            part_quotes(text);
            memcpy(h->name, text, sizeof text);
            h->named = true;
        } else if (extended || (strcasecmp(name, "filename") == 0 && !h->extended)) {
            if (!extended)
                part_quotes(text);
            memcpy(h->filename, text, sizeof text);
            h->file = true;
            h->extended = extended;
        }
    }
    return ESPY_E_OK;
}

static espy_err part_type(espy_ctx *cx, cursor value, part_head *h)
{
    if (!value_token(&value, ";", h->type, sizeof h->type))
        return espy_fail(cx, ESPY_E_FORMAT, "its Content-Type has more than %d bytes",
                         ESPY_MULTIPART_NAME - 1);
    for (char *p = h->type; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return ESPY_E_OK;
}

/* One line "Name: value"; names that are not known are passed over. */
static espy_err part_line(espy_ctx *cx, cursor line, part_head *h)
{
    char name[ESPY_MULTIPART_NAME];
    cursor value = line;
    if (multipart_control(line.at, (size_t)(line.end - line.at)))
        return espy_fail(cx, ESPY_E_FORMAT, "its header has control characters");
    if (!value_token(&value, ":", name, sizeof name) || value.at == value.end)
        return espy_fail(cx, ESPY_E_FORMAT, "its header has a line that is not \"Name: value\"");
    value.at++;
    if (strcasecmp(name, "content-disposition") == 0)
        return part_disposition(cx, value, h);
    if (strcasecmp(name, "content-type") == 0)
        return part_type(cx, value, h);
    if (strcasecmp(name, "content-transfer-encoding") == 0) {
        char how[16] = "";
        if (!value_token(&value, ";", how, sizeof how) ||
            (strcasecmp(how, "binary") && strcasecmp(how, "8bit") && strcasecmp(how, "7bit")))
            return espy_fail(cx, ESPY_E_UNSUPPORTED,
                             "its Content-Transfer-Encoding is not binary; send the bytes as they "
                             "are");
    }
    return ESPY_E_OK;
}

static espy_err part_check(espy_ctx *cx, part_head *h)
{
    if (!h->named)
        return espy_fail(cx, ESPY_E_FORMAT, "it has no name");
    part_base_name(h->filename);
    const char *texts[] = {h->name, h->filename, h->type};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const size_t n = strlen(texts[i]);
        if (!espy_utf8_valid(texts[i], n) || multipart_control(texts[i], n))
            return espy_fail(cx, ESPY_E_FORMAT,
                             "its name, file name or type is not plain UTF-8 text");
    }
    if (strcmp(h->filename, ".") == 0 || strcmp(h->filename, "..") == 0)
        return espy_fail(cx, ESPY_E_FORMAT, "its file name is a folder");
    return ESPY_E_OK;
}

static espy_err part_copy(espy_ctx *cx, const part_head *h, espy_part *out)
{
    out->name = espy_strdup(cx, h->name);
    out->type = espy_strdup(cx, h->type[0] ? h->type : "text/plain");
    if (h->file)
        out->filename = espy_strdup(cx, h->filename);
    return out->name && out->type && (out->filename || !h->file) ? ESPY_E_OK : cx->code;
}

/* Reads the header of a part and moves behind it. */
static espy_err part_header(espy_ctx *cx, cursor *c, espy_part *out)
{
    part_head h = {0};
    const char *from = c->at;
    for (;;) {
        const size_t left = (size_t)(c->end - c->at);
        const char *eol = memmem(c->at, left, "\r\n", 2);
        if ((eol ? eol : c->end) - from > ESPY_MULTIPART_HEADER)
            return espy_fail(cx, ESPY_E_LIMIT, "its header has more than %d bytes",
                             ESPY_MULTIPART_HEADER);
        if (!eol)
            return espy_fail(cx, ESPY_E_FORMAT, "its header does not end");
        const cursor line = {c->at, eol};
        c->at = eol + 2;
        if (line.at == line.end)
            break;
        ESPY_TRY(part_line(cx, line, &h));
    }
    ESPY_TRY(part_check(cx, &h));
    return part_copy(cx, &h, out);
}

/* ---- the body ---- */

/* The next delimiter line: "\r\n--boundary", then "--" or blanks and a line break.  *line is where
 * it begins; c moves behind it.  False: there is none. */
static bool body_delimiter(cursor *c, const char *delimiter, const char **line, bool *last)
{
    const size_t n = strlen(delimiter);
    while (c->at < c->end) {
        const char *found = memmem(c->at, (size_t)(c->end - c->at), delimiter, n);
        if (!found)
            return false;
        cursor after = {found + n, c->end};
        *line = found;
        *last = c->end - after.at >= 2 && memcmp(after.at, "--", 2) == 0;
        if (*last) {
            c->at = after.at + 2;
            return true;
        }
        value_blanks(&after);
        if (c->end - after.at >= 2 && memcmp(after.at, "\r\n", 2) == 0) {
            c->at = after.at + 2;
            return true;
        }
        c->at = found + 2; /* a line that only begins so */
    }
    return false;
}

static espy_err body_grow(espy_ctx *cx, espy_multipart *m, size_t *room)
{
    if (m->n == ESPY_MULTIPART_PARTS)
        return espy_fail(cx, ESPY_E_LIMIT, "the body has more than %d parts", ESPY_MULTIPART_PARTS);
    if (m->n < *room)
        return ESPY_E_OK;
    const size_t more = *room ? 2 * *room : 8;
    espy_part *at = espy_resize(cx, m->at, more, sizeof *at);
    if (!at)
        return cx->code;
    m->at = at;
    *room = more;
    return ESPY_E_OK;
}

/* From behind the first delimiter to the last one. */
static espy_err body_parts(espy_ctx *cx, cursor *c, const char *delimiter, espy_multipart *m)
{
    size_t room = 0;
    for (bool last = false; !last;) {
        const char *end;
        ESPY_TRY(body_grow(cx, m, &room));
        espy_part *part = &m->at[m->n++];
        *part = (espy_part){0};
        if (part_header(cx, c, part) != ESPY_E_OK)
            return espy_fail_in(cx, "part %zu of the body", m->n);
        const char *from = c->at;
        c->at -= 2; /* the line break before a delimiter may be the one that ends the header */
        if (!body_delimiter(c, delimiter, &end, &last))
            return espy_fail(cx, ESPY_E_FORMAT,
                             "part %zu of the body does not end; was it sent whole?", m->n);
        part->data.data = (const uint8_t *)from;
        part->data.size = end > from ? (size_t)(end - from) : 0;
    }
    return ESPY_E_OK;
}

espy_err espy_multipart_parse(espy_ctx *cx, const char *content_type, espy_span body,
                              espy_multipart *out)
{
    char delimiter[4 + ESPY_MULTIPART_BOUNDARY] = "\r\n--";
    espy_multipart m = {0};
    const char *text = (const char *)body.data, *line;
    bool last = false;
    ESPY_TRY(espy_multipart_boundary(cx, content_type, delimiter + 4));
    cursor c = {text, text + body.size};
    const size_t first = strlen(delimiter + 2);
    bool found = body.size >= first && memcmp(text, delimiter + 2, first) == 0;
    if (found) { /* without the line break that a preamble would end with */
        cursor after = {text + first, c.end};
        last = body.size - first >= 2 && memcmp(after.at, "--", 2) == 0;
        value_blanks(&after);
        found = last || (c.end - after.at >= 2 && memcmp(after.at, "\r\n", 2) == 0);
        if (found && !last)
            c.at = after.at + 2;
    }
    if (!found && (body.size == 0 || !body_delimiter(&c, delimiter, &line, &last)))
        return espy_fail(cx, ESPY_E_FORMAT,
                         "the body has no line \"%.80s\", which its content type names as boundary",
                         delimiter + 2);
    const espy_err e = last ? ESPY_E_OK : body_parts(cx, &c, delimiter, &m);
    if (e != ESPY_E_OK) {
        espy_multipart_free(cx, &m);
        return e;
    }
    *out = m;
    return ESPY_E_OK;
}

void espy_multipart_free(espy_ctx *cx, espy_multipart *m)
{
    for (size_t i = 0; i < m->n; i++) {
        espy_free(cx, m->at[i].name);
        espy_free(cx, m->at[i].filename);
        espy_free(cx, m->at[i].type);
    }
    espy_free(cx, m->at);
    *m = (espy_multipart){0};
}
