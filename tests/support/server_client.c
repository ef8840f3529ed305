/* SPDX-License-Identifier: MIT */
#include "support/server_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_BYTES 2048

static void
ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

PGconn *
server_connect(const char *database)
{
    const char *const keywords[] = {"dbname", NULL};
    const char *const values[] = {database, NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 0);

    if (PQstatus(connection) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s\n", PQerrorMessage(connection));
        PQfinish(connection);
        return NULL;
    }
    (void)PQsetNoticeReceiver(connection, ignore_notice, NULL);
    return connection;
}

static void
tell_failure(const PGconn *connection, const char *sql)
{
    (void)fprintf(stderr, "%.200s: %s\n", sql, PQerrorMessage(connection));
}

bool
server_run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool is_done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!is_done) {
        tell_failure(connection, sql);
    }
    PQclear(result);
    return is_done;
}

bool
server_runf(PGconn *connection, const char *format, ...)
{
    char sql[SQL_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(sql, sizeof(sql), format, arguments);
    va_end(arguments);
    return length >= 0 && length < SQL_BYTES && server_run(connection, sql);
}

int64_t
server_number(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    int64_t number = -1;

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0) {
        number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    } else {
        tell_failure(connection, sql);
    }
    PQclear(result);
    return number;
}

static PGconn *
renew_database(const char *database, bool is_to_be)
{
    PGconn *connection = server_connect("postgres");
    bool is_done =
        connection != NULL &&
        server_runf(connection, "DROP DATABASE IF EXISTS %s WITH (FORCE)",
                    database) &&
        (!is_to_be ||
         server_runf(connection, "CREATE DATABASE %s TEMPLATE template0",
                     database));

    PQfinish(connection);
    return is_done && is_to_be ? server_connect(database) : NULL;
}

PGconn *
server_make_database(const char *database)
{
    return renew_database(database, true);
}

void
server_drop_database(PGconn *connection, const char *database)
{
    PQfinish(connection);
    (void)renew_database(database, false);
}

int64_t
server_end_listeners(PGconn *connection)
{
    return server_number(connection, "SELECT count(pg_terminate_backend(pid))"
                                     " FROM pg_stat_activity"
                                     " WHERE application_name = 'pgcachewatch'"
                                     " AND datname = current_database()");
}

enum pgcw_transport
server_transport(void)
{
    const char *name = getenv("PGCW_TEST_TRANSPORT");

    return name != NULL && strcmp(name, "wal") == 0 ? PGCW_TRANSPORT_WAL
                                                    : PGCW_TRANSPORT_NOTIFY;
}

bool
server_emit(PGconn *connection, const struct pgcw_event *event)
{
    enum pgcw_status status = server_transport() == PGCW_TRANSPORT_WAL
                                  ? pgcw_event_emit_wal(connection, event, NULL)
                                  : pgcw_event_emit(connection, event, NULL);

    return status == PGCW_OK;
}

static bool
publish(PGconn *connection, const char *table, const char *channel)
{
    return server_runf(connection,
                       "DROP PUBLICATION IF EXISTS"
                       " pb_pgcachewatch_table_change_%s;"
                       "CREATE PUBLICATION pb_pgcachewatch_table_change_%s"
                       " FOR TABLE %s WITH"
                       " (publish_via_partition_root);"
                       "CREATE OR REPLACE FUNCTION tell(text, text)"
                       " RETURNS void LANGUAGE sql AS"
                       " 'SELECT pg_logical_emit_message(true, $1, $2)'",
                       channel, channel, table);
}

/* As the Python library's. */
static bool
make_trigger(PGconn *connection, const char *table, const char *channel)
{
    return server_runf(connection,
                       "CREATE OR REPLACE FUNCTION fn_%s()"
                       " RETURNS TRIGGER AS $$ BEGIN"
                       " PERFORM pg_notify('%s', json_build_object("
                       "'operation', lower(TG_OP), 'table', TG_TABLE_NAME,"
                       " 'sent_at', NOW())::text);"
                       " RETURN NEW; END; $$ LANGUAGE plpgsql;"
                       "CREATE OR REPLACE FUNCTION tell(text, text)"
                       " RETURNS void LANGUAGE sql AS"
                       " 'SELECT pg_notify($1, $2)';"
                       "CREATE TRIGGER tg_%s AFTER INSERT OR UPDATE OR DELETE"
                       " OR TRUNCATE ON %s EXECUTE FUNCTION fn_%s()",
                       channel, channel, channel, table, channel);
}

bool
server_make_table(PGconn *connection, const char *table, int rows,
                  const char *channel)
{
    return server_runf(connection,
                       "DROP TABLE IF EXISTS %s;"
                       "CREATE TABLE %s (id integer PRIMARY KEY,"
                       " version bigint NOT NULL DEFAULT 0);"
                       "INSERT INTO %s SELECT generate_series(1, %d)",
                       table, table, table, rows) &&
           (server_transport() == PGCW_TRANSPORT_WAL
                ? publish(connection, table, channel)
                : make_trigger(connection, table, channel));
}
