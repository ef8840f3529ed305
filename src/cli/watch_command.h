/* SPDX-License-Identifier: MIT */
/* What doctor and status have in common: tables, names, a server. */
#ifndef PGCWI_CLI_WATCH_COMMAND_H
#define PGCWI_CLI_WATCH_COMMAND_H

#include <stdbool.h>

#include <pgcachewatch/install.h>

#include "cli/connection.h"

struct pgcwi_watch_command {
    const char *name;
    /* As in struct pgcwi_command_line. */
    const char *description;
    const char *exit_codes;
    bool has_strict;
};

/* What the command line says. Start with PGCW_INSTALL_OPTIONS_INIT. */
struct pgcwi_watch_arguments {
    struct pgcw_install_options install;
    struct pgcwi_connection_options server;
    bool is_json;
    bool is_strict;
};

/* PGCWI_OPTIONS_PARSED, or the exit code. */
int pgcwi_watch_command_parse(const struct pgcwi_watch_command *command,
                              int argc, char **argv,
                              struct pgcwi_watch_arguments *arguments);

#endif
