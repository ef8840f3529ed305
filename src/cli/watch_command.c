/* SPDX-License-Identifier: MIT */
#include "cli/watch_command.h"

#include <pgcachewatch/event.h>

#include "cli/options.h"
#include "cli/transport.h"

int
pgcwi_watch_command_parse(const struct pgcwi_watch_command *command, int argc,
                          char **argv, struct pgcwi_watch_arguments *arguments)
{
    struct pgcw_install_options *install = &arguments->install;
    const char *transport = NULL;
    const struct pgcwi_option options[] = {
        {.name = "tables",
         .value = "TABLE...",
         .help = "tables, as in SQL; default: those that tell"},
        {.name = "json",
         .help = "one JSON object",
         .flag = &arguments->is_json},
        PGCWI_TRANSPORT_OPTION(&transport),
        {.name = "channel-name",
         .value = "NAME",
         .text = &install->channel,
         .help = "default " PGCW_DEFAULT_CHANNEL},
        {.name = "function-name",
         .value = "NAME",
         .text = &install->function_name,
         .help = "before _CHANNEL; default fn_pgcachewatch_table_change"},
        {.name = "trigger-name",
         .value = "NAME",
         .text = &install->trigger_name,
         .help = "before _CHANNEL; default tg_pgcachewatch_table_change"},
        PGCWI_PUBLICATION_OPTION(&install->publication),
        PGCWI_CONNECTION_OPTIONS(&arguments->server),
        /* the last: only where has_strict */
        {.name = "strict",
         .help = "end with 1 also for a warning",
         .flag = &arguments->is_strict},
    };
    const struct pgcwi_command_line line = {
        .command = command->name,
        .usage = "[options] [TABLE...]",
        .description = command->description,
        .exit_codes = command->exit_codes,
        .options = options,
        .option_count =
            sizeof options / sizeof options[0] - (command->has_strict ? 0 : 1),
        .takes_arguments = true,
    };
    int code = pgcwi_options_parse(&line, argc, argv, &install->table_count);

    if (code == PGCWI_OPTIONS_PARSED) {
        code = pgcwi_transport_parse(command->name, transport,
                                     &install->transport);
    }
    install->tables = (const char *const *)(argv + 1);
    return code;
}
