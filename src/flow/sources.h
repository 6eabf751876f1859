/* SPDX-License-Identifier: Apache-2.0
 * flow - what recordings were cut from, where their names do not tell: a table of files and
 * sources.
 */
#ifndef ESPY_FLOW_SOURCES_H
#define ESPY_FLOW_SOURCES_H

#include "base/mem.h"

typedef struct espy_source {
    char *file, *name;
} espy_source;

typedef struct espy_sources {
    espy_source *at; /* sorted by file */
    size_t n, room;
} espy_sources;

/* Reads a CSV file with a header that names the columns "file" and "source"; others are passed
 * over. A file is "dog_bark/a.wav" or any longer end of its path.  Errors: NOT_FOUND, FORMAT,
 * NOMEM. */
espy_err espy_sources_read(espy_ctx *cx, const char *path, espy_sources *out) ESPY_NODISCARD;
void espy_sources_free(espy_ctx *cx, espy_sources *s);

/* The source of a file: by the table, whose longest fitting end counts, else by its name
 * (espy_recording_of); NULL when neither tells; caller owns.  s NULL: no table. */
espy_err espy_sources_find(espy_ctx *cx, const espy_sources *s, const char *path,
                           char **out) ESPY_NODISCARD;

#endif
