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
#include "cli/transport.h"

/* What the command line says. */
struct arguments {
    struct pgcw_install_options install;
    struct pgcwi_connection_options server;
    const char *transport;
    bool is_json;
    bool is_strict;
};

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
        watched->connection = connection;
        watched->is_pooled = pgcwi_doctor_is_pooled(watched);
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
report(const struct arguments *arguments, const struct pgcwi_watched *watched)
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
run(const struct arguments *arguments)
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

static int
parse(int argc, char **argv, struct arguments *to)
{
    const struct pgcwi_option options[] = {
        {.name = "tables",
         .value = "TABLE...",
         .help = "tables, as in SQL; default: those that tell"},
        {.name = "json", .help = "one JSON object", .flag = &to->is_json},
        {.name = "strict",
         .help = "end with 1 also for a warning",
         .flag = &to->is_strict},
        PGCWI_TRANSPORT_OPTION(&to->transport),
        {.name = "channel-name",
         .value = "NAME",
         .text = &to->install.channel,
         .help = "default " PGCW_DEFAULT_CHANNEL},
        {.name = "function-name",
         .value = "NAME",
         .text = &to->install.function_name,
         .help = "before _CHANNEL; default fn_pgcachewatch_table_change"},
        {.name = "trigger-name",
         .value = "NAME",
         .text = &to->install.trigger_name,
         .help = "before _CHANNEL; default tg_pgcachewatch_table_change"},
        PGCWI_PUBLICATION_OPTION(&to->install.publication),
        PGCWI_CONNECTION_OPTIONS(&to->server),
    };
    const struct pgcwi_command_line line = {
        .command = "doctor",
        .usage = "[options] [TABLE...]",
        .description =
            "Tries the server as a listener would, and looks whether the "
            "tables tell of their\n"
            "changes. Says of each thing whether it is ok, a warning, or "
            "broken, and what to\n"
            "do. Writes nothing. Ends with 1 if something is broken, with 2 "
            "for a mistake in\n"
            "the command line.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .takes_arguments = true,
    };
    int code = pgcwi_options_parse(&line, argc, argv, &to->install.table_count);

    if (code == PGCWI_OPTIONS_PARSED) {
        code = pgcwi_transport_parse("doctor", to->transport,
                                     &to->install.transport);
    }
    to->install.tables = (const char *const *)(argv + 1);
    return code;
}

int
pgcwi_command_doctor(int argc, char **argv)
{
    struct arguments arguments = {.install = PGCW_INSTALL_OPTIONS_INIT};
    int code = parse(argc, argv, &arguments);

    return code == PGCWI_OPTIONS_PARSED ? run(&arguments) : code;
}
