/* SPDX-License-Identifier: Apache-2.0
 * flow - the table of sources. */
#include "flow/sources.h"

#include <stdlib.h>
#include <string.h>

#include "artifact/csv.h"
#include "base/file.h"
#include "flow/dataset.h"

#define SOURCES_BYTES ((size_t)256 << 20)

typedef struct sources_reader {
    espy_sources *to;
    size_t file, source; /* columns, from 1; 0: the header has not been read */
} sources_reader;

static size_t sources_column(char *const *cells, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(cells[i], name) == 0)
            return i + 1;
    return 0;
}

static espy_err sources_row(espy_ctx *cx, void *self, size_t line, char *const *cells, size_t n)
{
    sources_reader *r = self;
    espy_sources *s = r->to;
    if (!r->file) {
        r->file = sources_column(cells, n, "file");
        r->source = sources_column(cells, n, "source");
        if (!r->file || !r->source)
            return espy_fail(cx, ESPY_E_FORMAT,
                             "line %zu: a header with the columns \"file\" and \"source\" was "
                             "expected",
                             line);
        return ESPY_E_OK;
    }
    if (n < r->file || n < r->source)
        return espy_fail(cx, ESPY_E_FORMAT, "line %zu: has %zu cells, too few", line, n);
    if (!cells[r->source - 1][0]) /* it is not told */
        return ESPY_E_OK;
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        espy_source *at = espy_resize(cx, s->at, room, sizeof *at);
        if (!at)
            return cx->code;
        s->at = at;
        s->room = room;
    }
    espy_source *one = &s->at[s->n++];
    one->file = espy_strdup(cx, cells[r->file - 1]);
    one->name = espy_strdup(cx, cells[r->source - 1]);
    return one->file && one->name ? ESPY_E_OK : cx->code;
}

static int sources_order(const void *a, const void *b)
{
    return strcmp(((const espy_source *)a)->file, ((const espy_source *)b)->file);
}

espy_err espy_sources_read(espy_ctx *cx, const char *path, espy_sources *out)
{
    espy_sources s = {0};
    sources_reader r = {.to = &s};
    espy_buf text;
    espy_buf_init(&text, SOURCES_BYTES);
    espy_err e = espy_file_read(cx, path, text.max, &text);
    if (e == ESPY_E_OK) {
        e = espy_csv_read(cx, &text, sources_row, &r);
        if (e == ESPY_E_OK && !s.n)
            e = espy_fail(cx, ESPY_E_FORMAT, "names no file");
        if (e != ESPY_E_OK)
            (void)espy_fail_in(cx, "%s", path);
    }
    espy_buf_free(cx, &text);
    if (e != ESPY_E_OK) {
        espy_sources_free(cx, &s);
        return e;
    }
    qsort(s.at, s.n, sizeof *s.at, sources_order);
    for (size_t i = 1; i < s.n; i++)
        if (strcmp(s.at[i - 1].file, s.at[i].file) == 0) {
            e = espy_fail(cx, ESPY_E_FORMAT, "%s: %s stands in it twice", path, s.at[i].file);
            espy_sources_free(cx, &s);
            return e;
        }
    *out = s;
    return ESPY_E_OK;
}

void espy_sources_free(espy_ctx *cx, espy_sources *s)
{
    for (size_t i = 0; i < s->n; i++) {
        espy_free(cx, s->at[i].file);
        espy_free(cx, s->at[i].name);
    }
    espy_free(cx, s->at);
    *s = (espy_sources){0};
}

espy_err espy_sources_find(espy_ctx *cx, const espy_sources *s, const char *path, bool *told,
                           char **out)
{
    *told = false;
    for (const char *end = path; s && end;) {
        const espy_source want = {(char *)(uintptr_t)end, NULL};
        const espy_source *found = bsearch(&want, s->at, s->n, sizeof *s->at, sources_order);
        if (found) {
            *told = true;
            *out = espy_strdup(cx, found->name);
            return *out ? ESPY_E_OK : cx->code;
        }
        end = strchr(end, '/');
        end = end ? end + 1 : NULL;
    }
    return espy_recording_of(cx, path, out);
}
