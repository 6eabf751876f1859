/* SPDX-License-Identifier: Apache-2.0 */
#include "pg_server.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

static int server_state; /* 0: not tried, 1: there, -1: not */
static char server[256];
static pid_t server_pid;
static int server_hold = -1; /* the server lives until this pipe is closed, however we end */

/* Whoever is left waits for the server's end, so that no cluster outlives the test. */
static void server_stop(void)
{
    if (server_pid != getpid())
        return;
    close(server_hold);
    while (wait(NULL) > 0)
        ;
}

/* Starts a program that tells an address and then waits for the end of its input. */
static bool server_start(const char *const *argv)
{
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0); /* a signal at the terminal is the test's, not the server's */
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(out[1], 2);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    server_hold = in[1];
    if (server_pid == 0)
        atexit(server_stop);
    server_pid = getpid();
    while (fgets(server, sizeof server, said) != NULL) {
        server[strcspn(server, "\n")] = '\0';
        if (strncmp(server, "postgresql://", 13) == 0)
            return true; /* `said` stays open: what else the server says is nobody's */
        fprintf(stderr, "%s\n", server);
    }
    fclose(said);
    close(server_hold);
    return false;
}

/* Tests run beside each other: each tries a port of its own. */
static long server_port(int try)
{
    return 20000 + ((long)getpid() * 3 + try) % 12000;
}

static bool server_virtualenv(int try)
{
    char options[80];
    snprintf(options, sizeof options, "-e UTF8 --locale=C.UTF-8 -p %ld", server_port(try));
    return server_start((const char *const[]){
        "/usr/bin/pg_virtualenv", "-t", "-o", "max_connections=60", "-c", options, "sh", "-c",
        "echo postgresql://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE; exec cat >/dev/null",
        NULL});
}

bool pg_vector_server(void)
{
    char port[16];
    snprintf(port, sizeof port, "%ld", server_port(0));
    bool there = server_start(
        (const char *const[]){"/bin/sh", test_source("tests/store/pgvector.sh"), port, NULL});
    server_state = there ? 1 : -1;
    return there;
}

const char *pg_server(void)
{
    const char *given = getenv("ESPY_TEST_POSTGRES");
    if (server_state == 0) {
        server_state = -1;
        if (given != NULL && strlen(given) < sizeof server) {
            strcpy(server, given);
            server_state = 1;
        } else if (access("/usr/bin/pg_virtualenv", X_OK) != 0) {
            printf("SKIP: no pg_virtualenv (Debian packages postgresql and postgresql-common)\n");
        } else if (server_virtualenv(0) || server_virtualenv(1) || server_virtualenv(2)) {
            server_state = 1;
        } else {
            printf("SKIP: pg_virtualenv started no server\n");
        }
        fflush(stdout);
    }
    return server_state > 0 ? server : NULL;
}

static PGconn *sql_connect(const char *url)
{
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PGresult *quiet = PQexec(conn, "SET client_min_messages = warning");
    PQclear(quiet);
    return conn;
}

const char *pg_sql(const char *url, const char *sql)
{
    static char out[4096];
    PGconn *conn = sql_connect(url);
    PGresult *r = PQexec(conn, sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    snprintf(out, sizeof out, "%s", PQntuples(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    PQfinish(conn);
    return out;
}

const char *pg_sql_fails(const char *url, const char *sql)
{
    static char out[16];
    PGconn *conn = sql_connect(url);
    PGresult *r = PQexec(conn, sql);
    snprintf(out, sizeof out, "%s",
             PQresultStatus(r) == PGRES_FATAL_ERROR ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : "");
    PQclear(r);
    PQfinish(conn);
    return out;
}

/* "t_" and the hexadecimal of a short hash (FNV-1a) of the name. */
static void schema_name(const char *name, char out[32])
{
    uint64_t h = 14695981039346656037u;
    for (const char *p = name; *p != '\0'; p++)
        h = (h ^ (uint8_t)*p) * 1099511628211u;
    snprintf(out, 32, "t_%016llx", (unsigned long long)h);
}

const char *pg_schema(const char *name)
{
    static char at[4][400];
    static int turn;
    char schema[32], sql[100];
    turn = (turn + 1) % 4;
    schema_name(name, schema);
    snprintf(at[turn], sizeof at[turn], "%s%soptions=-csearch_path%%3D%s", pg_server(),
             strchr(pg_server(), '?') != NULL ? "&" : "?", schema);
    snprintf(sql, sizeof sql, "CREATE SCHEMA IF NOT EXISTS %s", schema);
    pg_sql(pg_server(), sql);
    return at[turn];
}

void pg_clear(const char *dir)
{
    char schema[32], sql[100];
    schema_name(dir, schema);
    snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", schema);
    pg_sql(pg_server(), sql);
}

static espy_err pg_open_rows(espy_ctx *cx, const char *dir, espy_store **out)
{
    return espy_store_open_at(cx, &(espy_store_place){.dir = dir, .url = pg_schema(dir)}, out);
}

static espy_err pg_open_files(espy_ctx *cx, const char *dir, espy_store **out)
{
    char media[400];
    snprintf(media, sizeof media, "%s/shared", dir);
    return espy_store_open_at(
        cx, &(espy_store_place){.dir = dir, .url = pg_schema(dir), .media = media}, out);
}

/* -- backends ---------------------------------------------------------------------------------- */
static const backend backends[] = {{"sqlite", espy_store_open, false, false},
                                   {"postgresql", pg_open_rows, true, true},
                                   {"postgresql, media in files", pg_open_files, true, false}};
const backend *on;
const char *on_dir;

const backend *backend_next(const backend *b)
{
    const backend *end = backends + sizeof backends / sizeof backends[0];
    b = b == NULL ? backends : b + 1;
    while (b < end && b->server && pg_server() == NULL)
        b++;
    return b < end ? b : NULL;
}

const char *backend_begin(espy_ctx *cx, const backend *b)
{
    on = b;
    on_dir = case_dir(cx);
    return on_dir;
}

void backend_end(espy_ctx *cx)
{
    CASE_OK(cx, espy_dir_remove(cx, on_dir));
    if (on->server)
        pg_clear(on_dir);
}
