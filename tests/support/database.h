/* SPDX-License-Identifier: MIT */
/*
 * A database for one test program, on the server of PGHOST and the like.
 *
 * Everything asserts that it works: for the test's own thread only.
 */
#ifndef PGCWI_TESTS_SUPPORT_DATABASE_H
#define PGCWI_TESTS_SUPPORT_DATABASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libpq-fe.h>

/* Room for a short text that a query gives. */
#define DATABASE_TEXT_BYTES 4096

static inline void
database_ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

/* Run SQL that must work. */
static inline void
database_run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        print_error("%s\n%s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    assert_true(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK);
}

/* The SQLSTATE with which it fails. */
static inline const char *
database_fail(PGconn *connection, const char *sql)
{
    static char sqlstate[6];
    PGresult *result = PQexec(connection, sql);
    const char *field = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    snprintf(sqlstate, sizeof sqlstate, "%s", field == NULL ? "" : field);
    PQclear(result);
    return sqlstate;
}

/* The first field of the first row, until the next call. */
static inline const char *
database_text(PGconn *connection, const char *sql)
{
    static char text[DATABASE_TEXT_BYTES];
    PGresult *result = PQexec(connection, sql);

    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) == 0) {
        print_error("%s\n%s", sql, PQerrorMessage(connection));
        PQclear(result);
        fail();
    }
    snprintf(text, sizeof text, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    return text;
}

static inline PGconn *
database_connect(const char *name)
{
    const char *const keywords[] = {"dbname", "client_encoding", NULL};
    const char *const values[] = {name, "UTF8", NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 0);

    if (PQstatus(connection) != CONNECTION_OK) {
        print_error("%s", PQerrorMessage(connection));
    }
    assert_int_equal(PQstatus(connection), CONNECTION_OK);
    PQsetNoticeProcessor(connection, database_ignore_notice, NULL);
    return connection;
}

/* Drop the database, and make it if `is_to_be`, from another one. */
static inline void
database_renew(const char *name, int is_to_be)
{
    char sql[256];
    PGconn *connection = database_connect(getenv("PGDATABASE"));

    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    database_run(connection, sql);
    if (is_to_be) {
        snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0",
                 name);
        database_run(connection, sql);
    }
    PQfinish(connection);
}

/* Make the database, anew, and connect to it. */
static inline PGconn *
database_create(const char *name)
{
    database_renew(name, 1);
    return database_connect(name);
}

static inline void
database_drop(PGconn *connection, const char *name)
{
    PQfinish(connection);
    database_renew(name, 0);
}

/* The payload that was heard next, until the next call; NULL: none. As the
 * server tells before it answers, an empty query is all that is needed. */
static inline const char *
database_heard(PGconn *connection)
{
    static char payload[8192];
    PGnotify *notify;

    PQclear(PQexec(connection, ""));
    notify = PQnotifies(connection);
    if (notify == NULL) {
        return NULL;
    }
    snprintf(payload, sizeof payload, "%s", notify->extra);
    PQfreemem(notify);
    return payload;
}

#endif
