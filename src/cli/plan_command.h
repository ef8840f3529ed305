/* SPDX-License-Identifier: MIT */
/* What install and uninstall have in common. */
#ifndef PGCWI_CLI_PLAN_COMMAND_H
#define PGCWI_CLI_PLAN_COMMAND_H

#include <stdbool.h>

#include <pgcachewatch/install.h>

typedef enum pgcw_status
pgcwi_plan_fn(struct pg_conn *connection,
              const struct pgcw_install_options *options,
              struct pgcw_plan **plan, struct pgcw_error *error);

struct pgcwi_plan_command {
    const char *name;
    const char *usage;
    const char *description;
    pgcwi_plan_fn *make_plan;
    /* Said where there is nothing to do. */
    const char *nothing_to_do;
    bool needs_tables;
    /* Whether it has --rows, --columns and --always. */
    bool has_row_options;
};

/* Print the plan; write it if asked to. Returns the exit code. */
int pgcwi_plan_command_run(const struct pgcwi_plan_command *command, int argc,
                           char **argv);

#endif
