/* SPDX-License-Identifier: MIT */
/* pgcachewatch uninstall: removes what install has made. */
#include "cli/command.h"
#include "cli/plan_command.h"

int
pgcwi_command_uninstall(int argc, char **argv)
{
    static const struct pgcwi_plan_command command = {
        .name = "uninstall",
        .usage = "[options] [TABLE...]",
        .description =
            "Shows the SQL that removes what install has made: from the "
            "tables that are\n"
            "named, or from all. With --commit it is also done, in one "
            "transaction. The\n"
            "function goes when no trigger calls it any more, the "
            "publication of\n"
            "--transport wal with its last table.",
        .make_plan = pgcw_uninstall_plan,
        .nothing_to_do = "nothing to do: there is nothing of it",
        .needs_tables = false,
    };

    return pgcwi_plan_command_run(&command, argc, argv);
}
