/* SPDX-License-Identifier: MIT */
/* The commands of the tool, and how they end. */
#ifndef PGCWI_CLI_COMMAND_H
#define PGCWI_CLI_COMMAND_H

/* What the process returns. A command may add reasons of its own above. */
enum pgcwi_exit {
    PGCWI_EXIT_OK = 0,
    /* It was tried, and failed; stderr has the reason. */
    PGCWI_EXIT_FAILURE = 1,
    /* Not tried: the command line is wrong. */
    PGCWI_EXIT_USAGE = 2
};

/* argv[0] is the command's name. Returns the exit code. */
typedef int pgcwi_command_fn(int argc, char **argv);

int pgcwi_command_install(int argc, char **argv);
int pgcwi_command_uninstall(int argc, char **argv);
int pgcwi_command_listen(int argc, char **argv);
int pgcwi_command_emit(int argc, char **argv);
int pgcwi_command_demo(int argc, char **argv);
int pgcwi_command_doctor(int argc, char **argv);
int pgcwi_command_status(int argc, char **argv);
int pgcwi_command_top(int argc, char **argv); /* where PGCWI_HAS_TOP is */

#endif
