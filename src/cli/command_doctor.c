/* SPDX-License-Identifier: MIT */
/* pgcachewatch doctor: tries a server, and says what is wrong with it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/doctor.h"
#include "cli/doctor_limits.h"
#include "cli/options.h"
#include "cli/watch_command.h"

static int64_t
now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
examine_server(struct pgcwi_watched *watched, const char *dsn)
{
    bool is_wal = watched->install->transport == PGCW_TRANSPORT_WAL;
    bool can_listen;

    if (!pgcwi_doctor_judge_version(watched->findings,
                                    PQserverVersion(watched->connection))) {
        return;
    }
    can_listen = pgcwi_doctor_check_server(watched);
    if (is_wal && can_listen) {
        can_listen = pgcwi_doctor_check_wal(watched);
    }
    if (can_listen) {
        pgcwi_doctor_check_listener(watched, dsn);
    }
    pgcwi_watched_check_tables(watched);
    if (!is_wal) {
        pgcwi_watched_check_roles(watched);
    }
}

static void
examine(struct pgcwi_watched *watched, const char *dsn)
{
    int64_t start_us = now_us();
    PGconn *connection = pgcwi_doctor_connect(dsn);

    if (PQstatus(connection) == CONNECTION_OK) {
        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_OK, "connection", NULL},
            "connected to database %s as %s, host %s, port %s",
            PQdb(connection), PQuser(connection), PQhost(connection),
            PQport(connection));
        pgcwi_doctor_judge_connecting(watched->findings, now_us() - start_us);
        pgcwi_watched_connect(watched, connection);
        examine_server(watched, dsn);
    } else {
        pgcwi_doctor_check_listener(watched, dsn);
    }
    PQfinish(connection);
}

static void
print_json(const struct pgcwi_watched *watched)
{
    struct pgcwi_findings *findings = watched->findings;
    json_t *all = json_pack(
        "{s:s, s:s, s:I, s:I, s:O}", "transport",
        watched->install->transport == PGCW_TRANSPORT_WAL ? "wal" : "notify",
        "channel", watched->channel, "broken",
        (json_int_t)findings->broken_count, "warnings",
        (json_int_t)findings->warning_count, "findings", findings->list);

    if (all == NULL || json_dumpf(all, stdout, JSON_INDENT(2)) != 0) {
        findings->is_cut = true;
    }
    putchar('\n');
    json_decref(all);
}

static int
report(const struct pgcwi_watch_arguments *arguments,
       const struct pgcwi_watched *watched)
{
    const struct pgcwi_findings *findings = watched->findings;
    bool is_broken = findings->broken_count > 0 ||
                     (arguments->is_strict && findings->warning_count > 0);

    if (arguments->is_json) {
        print_json(watched);
    } else {
        pgcwi_findings_print(findings);
        printf("%zu broken, %zu to be warned of\n", findings->broken_count,
               findings->warning_count);
    }
    if (findings->is_cut) {
        fprintf(stderr, "pgcachewatch: no memory: findings are missing\n");
        is_broken = true;
    }
    return is_broken ? PGCWI_EXIT_FAILURE : PGCWI_EXIT_OK;
}

static int
run(const struct pgcwi_watch_arguments *arguments)
{
    struct pgcwi_findings findings = {0};
    struct pgcwi_watched watched = {.findings = &findings};
    char *dsn = pgcwi_connection_string(&arguments->server);
    int code = PGCWI_EXIT_USAGE;

    if (dsn != NULL) {
        code = PGCWI_EXIT_FAILURE;
    }
    if (dsn != NULL && pgcwi_watched_init(&watched, &arguments->install)) {
        examine(&watched, dsn);
        code = report(arguments, &watched);
    }
    pgcwi_watched_fini(&watched);
    pgcwi_findings_fini(&findings);
    free(dsn);
    return code;
}

int
pgcwi_command_doctor(int argc, char **argv)
{
    static const struct pgcwi_watch_command command = {
        .name = "doctor",
        .description =
            "Tries the server as a listener would, and looks whether the "
            "tables tell of their\n"
            "changes. Says of each thing whether it is ok, a warning, or "
            "broken, and what to\n"
            "do. Writes nothing.",
        .exit_codes = "  0  nothing is broken\n"
                      "  1  something is, or with --strict there is a warning\n"
                      "  2  the command line is wrong; nothing was tried",
        .has_strict = true,
    };
    struct pgcwi_watch_arguments arguments = {.install =
                                                  PGCW_INSTALL_OPTIONS_INIT};
    int code = pgcwi_watch_command_parse(&command, argc, argv, &arguments);

    return code == PGCWI_OPTIONS_PARSED ? run(&arguments) : code;
}
