/* SPDX-License-Identifier: Apache-2.0
 * A real PostgreSQL for tests: pg_virtualenv's, or the one that ESPY_TEST_POSTGRES names. */
#ifndef ESPY_TESTS_PG_SERVER_H
#define ESPY_TESTS_PG_SERVER_H

#include "store_case.h"

/* Its address, started with the first call and gone with the program; NULL, said once, where there
 * is none. */
const char *pg_server(void);

/* Before the first of these calls: starts one that has pgvector instead, if that can be had. */
bool pg_vector_server(void);

/* The address of the schema that belongs to a name (a folder's): made by the first call, then the
 * same; in a static buffer (four alternate). */
const char *pg_schema(const char *name);

/* Runs SQL in a schema's address; the first value as text ("" for none) in a static buffer. */
const char *pg_sql(const char *url, const char *sql);
/* The same where it is to fail: its SQLSTATE. */
const char *pg_sql_fails(const char *url, const char *sql);

/* Empties the schema that belongs to a folder. */
void pg_clear(const char *dir);

/* Everything that a store can stand on. */
typedef struct backend {
    const char *name;
    case_open *open;
    bool server; /* PostgreSQL; the schema is that of the folder */
    bool rows;   /* the database holds the media */
} backend;

/* The next backend that can be had, NULL at the end; the first after NULL. */
const backend *backend_next(const backend *b);

/* What the test runs on, chosen with an empty folder, which it returns, and an empty schema. */
extern const backend *on;
extern const char *on_dir;
const char *backend_begin(espy_ctx *cx, const backend *b);
void backend_end(espy_ctx *cx);

#endif
