/* SPDX-License-Identifier: MIT */
/* What install and uninstall have in common. */
#include "cli/plan_command.h"

#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/options.h"
#include "cli/transport.h"

enum { ROW_OPTION_COUNT = 3 };

/* What the command line says. */
struct arguments {
    struct pgcw_install_options install;
    struct pgcwi_connection_options server;
    const char *transport;
    struct pgcwi_word_list columns;
    bool is_to_commit;
};

static int
fail(const struct pgcw_error *error)
{
    fprintf(stderr, "pgcachewatch: %s\n", error->detail);
    fprintf(stderr, error->status == PGCW_DISCONNECTED
                        ? "the connection was lost; look what is there\n"
                        : "nothing was written\n");
    return PGCWI_EXIT_FAILURE;
}

/* SQL that can be kept, and run with psql. */
static void
print_sql(const struct pgcw_plan *plan)
{
    printf("BEGIN;\n\n");
    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        const char *sql = pgcw_plan_step_sql(plan, i);

        printf("-- %s\n", pgcw_plan_step_text(plan, i));
        printf("%s%s\n", sql, sql[0] == '\0' ? "" : "\n");
    }
    printf("COMMIT;\n");
    fflush(stdout);
}

static int
commit(PGconn *connection, const struct pgcw_plan *plan)
{
    struct pgcw_error error;

    if (pgcw_plan_commit(connection, plan, &error) != PGCW_OK) {
        return fail(&error);
    }
    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        if (pgcw_plan_step_sql(plan, i)[0] != '\0') {
            fprintf(stderr, "done: %s\n", pgcw_plan_step_text(plan, i));
        }
    }
    return PGCWI_EXIT_OK;
}

/* What stays, or is to be done by other means. Returns whether that is all. */
static bool
print_remarks(const struct pgcw_plan *plan)
{
    size_t remark_count = 0;

    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        if (pgcw_plan_step_sql(plan, i)[0] == '\0') {
            fprintf(stderr, "note: %s\n", pgcw_plan_step_text(plan, i));
            remark_count++;
        }
    }
    return remark_count == pgcw_plan_step_count(plan);
}

static int
run(const struct pgcwi_plan_command *command, PGconn *connection,
    const struct pgcw_install_options *options, bool is_to_commit)
{
    struct pgcw_plan *plan;
    struct pgcw_error error;
    int code = PGCWI_EXIT_OK;

    if (command->make_plan(connection, options, &plan, &error) != PGCW_OK) {
        return fail(&error);
    }
    if (print_remarks(plan)) {
        fprintf(stderr, "%s\n", command->nothing_to_do);
    } else {
        print_sql(plan);
        if (is_to_commit) {
            code = commit(connection, plan);
        } else {
            fprintf(stderr, "nothing was written: --commit does that\n");
        }
    }
    pgcw_plan_destroy(plan);
    return code;
}

static int
connect_and_run(const struct pgcwi_plan_command *command,
                const struct pgcwi_connection_options *server,
                const struct pgcw_install_options *options, bool is_to_commit)
{
    PGconn *connection;
    int code;

    if (options->table_count == 0 && command->needs_tables) {
        return pgcwi_usage_error(command->name, "name at least one table");
    }
    connection = pgcwi_connection_open(server);
    if (connection == NULL) {
        return PGCWI_EXIT_FAILURE;
    }
    code = run(command, connection, options, is_to_commit);
    PQfinish(connection);
    return code;
}

/* PGCWI_OPTIONS_PARSED, or the exit code. */
static int
parse(const struct pgcwi_plan_command *command, int argc, char **argv,
      struct arguments *to)
{
    const struct pgcwi_option options[] = {
        {.name = "tables", .value = "TABLE...", .help = "tables, as in SQL"},
        {.name = "commit",
         .help = "write, instead of only showing",
         .flag = &to->is_to_commit},
        PGCWI_TRANSPORT_OPTION(&to->transport),
        {.name = "channel-name",
         .value = "NAME",
         .text = &to->install.channel,
         .help = "default ch_pgcachewatch_table_change"},
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
        /* the last three: see ROW_OPTION_COUNT */
        {.name = "rows",
         .help = "tell which rows, by primary key; wal always does",
         .flag = &to->install.rows},
        {.name = "columns",
         .value = "COLUMN...",
         .help = "tell an UPDATE only if it changes one of these",
         .list = &to->columns},
        {.name = "always",
         .help = "also where session_replication_role is replica",
         .flag = &to->install.always},
    };
    const struct pgcwi_command_line line = {
        .command = command->name,
        .usage = command->usage,
        .description = command->description,
        .options = options,
        .option_count = sizeof options / sizeof options[0] -
                        (command->has_row_options ? 0 : ROW_OPTION_COUNT),
        .takes_arguments = true,
    };
    int code = pgcwi_options_parse(&line, argc, argv, &to->install.table_count);

    if (code == PGCWI_OPTIONS_PARSED) {
        code = pgcwi_transport_parse(command->name, to->transport,
                                     &to->install.transport);
    }
    return code;
}

int
pgcwi_plan_command_run(const struct pgcwi_plan_command *command, int argc,
                       char **argv)
{
    struct arguments arguments = {
        .install = PGCW_INSTALL_OPTIONS_INIT,
        .columns.words = calloc((size_t)argc, sizeof *arguments.columns.words),
    };
    struct pgcw_install_options *install = &arguments.install;
    int code;

    if (arguments.columns.words == NULL) {
        fprintf(stderr, "pgcachewatch: no memory\n");
        return PGCWI_EXIT_FAILURE;
    }
    code = parse(command, argc, argv, &arguments);
    if (code == PGCWI_OPTIONS_PARSED) {
        install->tables = (const char *const *)(argv + 1);
        install->columns = arguments.columns.words;
        install->column_count = arguments.columns.count;
        code = connect_and_run(command, &arguments.server, install,
                               arguments.is_to_commit);
    }
    free(arguments.columns.words);
    return code;
}
