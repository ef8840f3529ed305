/* SPDX-License-Identifier: MIT */
/* pgcachewatch status: what is installed, and who is there. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <libpq-fe.h>

#include <pgcachewatch/version.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/connection.h"
#include "cli/options.h"
#include "cli/table_checks.h"
#include "cli/watch_command.h"

static const char server_sql[] =
    "SELECT pg_catalog.current_setting('server_version'),"
    "       pg_catalog.current_database(),"
    "       pg_catalog.pg_notification_queue_usage()";

/*
 * Nobody can see on which channels another session listens. What can be seen
 * is its name: see application_name of pgcw_listener_options.
 */
static const char sessions_sql[] =
    "SELECT pid, usename, coalesce(client_addr::text, 'local'),"
    "       pg_catalog.to_char(backend_start AT TIME ZONE 'UTC',"
    "                          'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    "       application_name"
    "  FROM pg_catalog.pg_stat_activity"
    " WHERE application_name ~ '^pgcachewatch(:|$)'"
    "   AND datname = pg_catalog.current_database()"
    "   AND pid <> pg_catalog.pg_backend_pid()"
    "   AND backend_type = 'client backend'"
    " ORDER BY backend_start, pid";

/* The slot of a listener has a name that nothing else has. */
static const char slots_sql[] =
    "SELECT s.active_pid, a.usename, coalesce(a.client_addr::text, 'local'),"
    "       pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC',"
    "                          'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
    "       a.application_name"
    "  FROM pg_catalog.pg_replication_slots AS s"
    "  LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = s.active_pid"
    " WHERE s.slot_name::text ~ '^pgcw_[0-9a-f]{16}$'"
    "   AND s.database = pg_catalog.current_database() AND s.active"
    " ORDER BY a.backend_start, s.active_pid";

/* All that was found out. */
struct status {
    struct pgcwi_watched watched;
    struct pgcwi_findings findings;
    PGresult *server;
    PGresult *listeners;
};

static bool
is_wal(const struct status *status)
{
    return status->watched.install->transport == PGCW_TRANSPORT_WAL;
}

static bool
find_out(struct status *status)
{
    const struct pgcwi_watched *watched = &status->watched;

    status->server = pgcwi_ask(watched->connection, watched->findings, "server",
                               server_sql, NULL);
    status->listeners =
        pgcwi_ask(watched->connection, watched->findings, "listeners",
                  is_wal(status) ? slots_sql : sessions_sql, NULL);
    if (status->server == NULL || status->listeners == NULL) {
        return false;
    }
    pgcwi_watched_check_tables(watched);
    return true;
}

static void
print_text(const struct status *status)
{
    const PGresult *server = status->server;
    int listener_count = PQntuples(status->listeners);

    printf("library    %s\n", pgcw_version());
    printf("server     PostgreSQL %s\n", PQgetvalue(server, 0, 0));
    printf("database   %s\n", PQgetvalue(server, 0, 1));
    printf("transport  %s\n", is_wal(status) ? "wal" : "notify");
    printf("channel    %s\n", status->watched.channel);
    printf("queue      %.1f %% in use\n",
           100.0 * strtod(PQgetvalue(server, 0, 2), NULL));
    printf(is_wal(status)
               ? "listeners  %d replication slots of the library\n"
               : "listeners  %d sessions named pgcachewatch; on which channels "
                 "is not visible\n",
           listener_count);
    for (int i = 0; i < listener_count; i++) {
        printf("           %s, process %s, role %s, from %s, since %s\n",
               PQgetvalue(status->listeners, i, 4),
               PQgetvalue(status->listeners, i, 0),
               PQgetvalue(status->listeners, i, 1),
               PQgetvalue(status->listeners, i, 2),
               PQgetvalue(status->listeners, i, 3));
    }
    pgcwi_findings_print(&status->findings);
}

static json_t *
listeners_json(const struct status *status)
{
    json_t *all = json_array();

    for (int i = 0; i < PQntuples(status->listeners); i++) {
        json_t *one = json_pack(
            "{s:I, s:s, s:s, s:s, s:s}", "process",
            (json_int_t)strtoll(PQgetvalue(status->listeners, i, 0), NULL, 10),
            "role", PQgetvalue(status->listeners, i, 1), "from",
            PQgetvalue(status->listeners, i, 2), "since",
            PQgetvalue(status->listeners, i, 3), "name",
            PQgetvalue(status->listeners, i, 4));

        if (json_array_append_new(all, one) != 0) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static void
print_json(struct status *status)
{
    json_t *listeners = listeners_json(status);
    json_t *all = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:f, s:o*, s:O*}", "library", pgcw_version(),
        "server", PQgetvalue(status->server, 0, 0), "database",
        PQgetvalue(status->server, 0, 1), "transport",
        is_wal(status) ? "wal" : "notify", "channel", status->watched.channel,
        "queue_usage", strtod(PQgetvalue(status->server, 0, 2), NULL),
        "listeners", listeners, "tables", status->findings.list);

    if (all == NULL || listeners == NULL ||
        json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0) {
        status->findings.is_cut = true;
    }
    putchar('\n');
    json_decref(all);
}

static int
report(struct status *status, bool is_found, bool is_json)
{
    if (!is_found) {
        pgcwi_findings_print(&status->findings);
        return PGCWI_EXIT_FAILURE;
    }
    if (is_json) {
        print_json(status);
    } else {
        print_text(status);
    }
    if (status->findings.is_cut) {
        fprintf(stderr, "pgcachewatch: no memory: something is missing\n");
        return PGCWI_EXIT_FAILURE;
    }
    return PGCWI_EXIT_OK;
}

static int
run(const struct pgcwi_watch_arguments *arguments)
{
    struct status status = {0};
    PGconn *connection = pgcwi_connection_open(&arguments->server);
    int code = PGCWI_EXIT_FAILURE;

    status.watched.findings = &status.findings;
    if (connection != NULL &&
        pgcwi_watched_init(&status.watched, &arguments->install)) {
        pgcwi_watched_connect(&status.watched, connection);
        code = report(&status, find_out(&status), arguments->is_json);
    }
    PQclear(status.server);
    PQclear(status.listeners);
    pgcwi_watched_fini(&status.watched);
    pgcwi_findings_fini(&status.findings);
    PQfinish(connection);
    return code;
}

int
pgcwi_command_status(int argc, char **argv)
{
    static const struct pgcwi_watch_command command = {
        .name = "status",
        .description =
            "Shows versions, who listens as far as PostgreSQL lets one see "
            "it, how full the\n"
            "queue of notifications is, and of each table whether its "
            "triggers are there,\n"
            "missing, disabled or changed by hand. Judges nothing: it ends "
            "with 0 whatever\n"
            "it has found; see doctor.",
    };
    struct pgcwi_watch_arguments arguments = {.install =
                                                  PGCW_INSTALL_OPTIONS_INIT};
    int code = pgcwi_watch_command_parse(&command, argc, argv, &arguments);

    return code == PGCWI_OPTIONS_PARSED ? run(&arguments) : code;
}
