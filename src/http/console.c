/* SPDX-License-Identifier: Apache-2.0
 * http - GET /console/{file}, and the page at /.
 *
 * Every file is kept and sent as gzip, which all browsers take; nothing is compressed here. */
#include "http/console.h"

#include <string.h>

#include "http/bytes.h"

#define CONSOLE_INDEX "index.html"

/* What the pages may load and who may frame them.  Pictures and recordings of the user are shown as
 * blob: before they are sent.  Camera and microphone are for this origin alone. */
static const struct {
    const char *name, *value;
} console_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
     "media-src 'self' blob:; connect-src 'self'; worker-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'"},
    {"Referrer-Policy", "no-referrer"},
    {"Permissions-Policy", "camera=(self), microphone=(self), geolocation=()"},
    {"Cross-Origin-Opener-Policy", "same-origin"}};

static const espy_console_file *console_find(const char *name)
{
    for (const espy_console_file *f = espy_console_files; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* A name with a hash always means the same content; the page is asked for each time. */
static const char *console_keeping(const espy_console_file *f)
{
    return strcmp(f->name, CONSOLE_INDEX) == 0 ? "no-cache" : "public, max-age=31536000, immutable";
}

static espy_err console_send(espy_call *call, const espy_console_file *f)
{
    espy_buf b;
    for (size_t i = 0; i < sizeof console_headers / sizeof *console_headers; i++)
        ESPY_TRY(espy_reply_header(call, console_headers[i].name, console_headers[i].value));
    ESPY_TRY(espy_reply_header(call, "Cache-Control", console_keeping(f)));
    ESPY_TRY(espy_reply_header(call, "ETag", f->etag));
    ESPY_TRY(espy_reply_header(call, "Content-Encoding", "gzip"));
    espy_buf_init(&b, f->size);
    ESPY_TRY(espy_buf_append(call->cx, &b, f->gzip, f->size));
    /* 304 tells the length that 200 would have; the library then sends no body */
    return espy_reply_bytes(call, espy_call_knows(call, f->etag) ? 304 : 200, f->type, &b);
}

bool espy_console_asked(const espy_call *call)
{
    const char *accept = espy_call_header(call, "Accept");
    return accept && strstr(accept, "text/html") && console_find(CONSOLE_INDEX);
}

espy_err espy_console_page(espy_call *call)
{
    return console_send(call, console_find(CONSOLE_INDEX));
}

static espy_err console_file(espy_call *call)
{
    const espy_console_file *f = console_find(espy_call_text(call, "file"));
    if (!f)
        return espy_fail(call->cx, ESPY_E_NOT_FOUND, "the console has no file of this name");
    return console_send(call, f);
}

static const espy_field console_fields[] = {
    {"file", ESPY_IN_PATH, ESPY_FIELD_TEXT, 1, 255, true, NULL, NULL, "as a page names it"}, {0}};

const espy_route espy_routes_console[] = {
    {"GET", "/console/{file}", &espy_service_v1, ESPY_ANYONE, ESPY_LANE_QUICK, console_fields,
     "A script, style or picture of the web console", "200 */*|304|404", console_file},
    {0}};

const espy_schema espy_schemas_console[] = {{0}};
