/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "cli/demo_data.h"

#define CANNOT_LOAD "cannot load the rows"
#define TABLE_NAME_BYTES (PGCWI_DEMO_NAME_BYTES + 16)

/* The process's number alone could be another's, on another machine. */
void
pgcwi_demo_data_name(struct pgcwi_demo_run *run)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    unsigned mark = (unsigned)((uint64_t)now.tv_nsec / 1000 % 0x10000);
    snprintf(run->schema, sizeof(run->schema), "pgcachewatch_demo_%ld_%04x",
             (long)getpid(), mark);
    snprintf(run->channel, sizeof(run->channel), "ch_pgcw_demo_%ld_%04x",
             (long)getpid(), mark);
}

static uint64_t
rows_of(uint64_t row_count, unsigned table)
{
    return (row_count + PGCWI_DEMO_TABLES - 1 - table) / PGCWI_DEMO_TABLES;
}

static bool
create_table(struct pgcwi_demo_run *run, PGconn *connection, unsigned table)
{
    char sql[1024];
    snprintf(sql, sizeof(sql),
             "CREATE TABLE %s.items_%02u (id bigint PRIMARY KEY, "
             "version bigint NOT NULL, payload text NOT NULL); "
             "INSERT INTO %s.items_%02u SELECT i, 1, "
             "rpad('item ' || i || ' of table %u ', 100, md5(i::text)) "
             "FROM generate_series(1, %llu) AS i",
             run->schema, table, run->schema, table, table,
             (unsigned long long)rows_of(run->options->rows, table));
    return pgcwi_demo_execute(run, connection, sql, CANNOT_LOAD);
}

static bool
install(const struct pgcwi_demo_run *run, PGconn *connection,
        struct pgcw_error *error)
{
    char storage[PGCWI_DEMO_TABLES][TABLE_NAME_BYTES];
    const char *names[PGCWI_DEMO_TABLES];
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        snprintf(storage[table], TABLE_NAME_BYTES, "%s.items_%02u", run->schema,
                 table);
        names[table] = storage[table];
    }
    options.channel = run->channel;
    options.tables = names;
    options.table_count = PGCWI_DEMO_TABLES;
    options.rows = run->options->has_row_keys;
    options.transport = run->options->transport;
    enum pgcw_status status =
        pgcw_install_plan(connection, &options, &plan, error);
    if (status == PGCW_OK) {
        status = pgcw_plan_commit(connection, plan, error);
    }
    pgcw_plan_destroy(plan);
    return status == PGCW_OK;
}

/* Wherever something of the channel is: perhaps not all was made. */
static bool
uninstall(const struct pgcwi_demo_run *run, PGconn *connection)
{
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;
    options.channel = run->channel;
    options.transport = run->options->transport;
    enum pgcw_status status =
        pgcw_uninstall_plan(connection, &options, &plan, NULL);
    if (status == PGCW_OK) {
        status = pgcw_plan_commit(connection, plan, NULL);
    }
    pgcw_plan_destroy(plan);
    return status == PGCW_OK;
}

bool
pgcwi_demo_data_create(struct pgcwi_demo_run *run, struct pg_conn *connection,
                       pgcwi_demo_progress_fn *progress, void *context)
{
    char sql[128];
    struct pgcw_error error;
    uint64_t done = 0;
    snprintf(sql, sizeof(sql), "CREATE SCHEMA %s", run->schema);
    run->has_schema = pgcwi_demo_execute(run, connection, sql, CANNOT_LOAD);
    if (!run->has_schema) {
        return false;
    }
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        if (pgcwi_demo_is_interrupted(run) ||
            !create_table(run, connection, table)) {
            return false;
        }
        done += rows_of(run->options->rows, table);
        progress(context, done, run->options->rows);
    }
    return install(run, connection, &error) ||
           pgcwi_demo_fail(run, "cannot install: %s", error.detail);
}

/* The triggers first: their function may lie outside of the schema. */
static bool
drop(const struct pgcwi_demo_run *run, PGconn *connection)
{
    char sql[256];
    bool is_uninstalled = uninstall(run, connection);
    snprintf(sql, sizeof(sql),
             "SET client_min_messages = warning; "
             "DROP SCHEMA IF EXISTS %s CASCADE",
             run->schema);
    PGresult *result = PQexec(connection, sql);
    bool is_dropped = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    return is_uninstalled && is_dropped;
}

bool
pgcwi_demo_data_drop(const struct pgcwi_demo_run *run)
{
    if (!run->has_schema || run->is_database_removed) {
        return true;
    }
    PGconn *connection = PQconnectdb(run->dsn);
    bool is_gone =
        PQstatus(connection) == CONNECTION_OK && drop(run, connection);
    if (!is_gone) {
        (void)fprintf(
            stderr,
            "pgcachewatch demo: could not remove all that it has made: %s\n"
            "It is the schema %s, and what this prints:\n"
            "    pgcachewatch uninstall --channel-name %s%s\n",
            PQerrorMessage(connection), run->schema, run->channel,
            run->options->transport == PGCW_TRANSPORT_WAL ? " --transport wal"
                                                          : "");
    }
    PQfinish(connection);
    return is_gone;
}
