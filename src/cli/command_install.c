/* SPDX-License-Identifier: MIT */
/* pgcachewatch install: puts triggers on tables, or publishes them. */
#include "cli/command.h"
#include "cli/plan_command.h"

int
pgcwi_command_install(int argc, char **argv)
{
    static const struct pgcwi_plan_command command = {
        .name = "install",
        .usage = "[options] TABLE...",
        .description =
            "Shows the SQL that makes a function and, on each table, "
            "triggers that tell of\n"
            "changes; with --transport wal, that of a publication of the "
            "tables. With\n"
            "--commit it is also done, in one transaction. What is there "
            "already, in this\n"
            "form, is left as it is.",
        .make_plan = pgcw_install_plan,
        .nothing_to_do = "nothing to do: all of it is installed already",
        .needs_tables = true,
        .has_row_options = true,
    };

    return pgcwi_plan_command_run(&command, argc, argv);
}
