/* SPDX-License-Identifier: Apache-2.0
 * A real PostgreSQL for tests: pg_virtualenv's, or the one that ESPY_TEST_POSTGRES names. */
#ifndef ESPY_TESTS_PG_SERVER_H
#define ESPY_TESTS_PG_SERVER_H

#include "store_case.h"

/* Its address, started with the first call and gone with the program; NULL, said once, where there
 * is none. */
const char *pg_server(void);

/* The address of the schema that belongs to a name (a folder's): made by the first call, then the
 * same; in a static buffer (four alternate). */
const char *pg_schema(const char *name);

/* Runs SQL in a schema's address; the first value as text ("" for none) in a static buffer. */
const char *pg_sql(const char *url, const char *sql);
/* The same where it is to fail: its SQLSTATE. */
const char *pg_sql_fails(const char *url, const char *sql);

/* Stores on PostgreSQL, media in it or in files: what is used like espy_store_open(). */
espy_err pg_open_rows(espy_ctx *cx, const char *dir, espy_store **out);
espy_err pg_open_files(espy_ctx *cx, const char *dir, espy_store **out);
/* Empties the schema that belongs to a folder. */
void pg_clear(const char *dir);

#endif
