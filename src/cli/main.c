/* SPDX-License-Identifier: MIT */
/* The tool: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include <pgcachewatch/version.h>

#include "cli/command.h"

struct command {
    const char *name;
    pgcwi_command_fn *run;
    const char *summary;
};

static const struct command commands[] = {
    {"demo", pgcwi_command_demo, "watch real updates invalidate a real cache"},
    {"install", pgcwi_command_install, "put triggers on tables"},
    {"uninstall", pgcwi_command_uninstall, "remove them again"},
    {"listen", pgcwi_command_listen, "print events as they come"},
    {"emit", pgcwi_command_emit, "send an event by hand"},
    {"status", pgcwi_command_status, "show what is installed, and who listens"},
    {"doctor", pgcwi_command_doctor, "find out what is wrong, and what to do"},
};

static void
print_usage(FILE *out)
{
    fprintf(out, "usage: pgcachewatch COMMAND [options]\n\n"
                 "Keeps in-process caches coherent with PostgreSQL.\n\n"
                 "commands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(out, "  %-11s%s\n", commands[i].name, commands[i].summary);
    }
    fprintf(out, "\nsee: pgcachewatch COMMAND --help, and "
                 "pgcachewatch --version\n");
}

static int
run(int argc, char **argv)
{
    const char *name = argv[1];

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout);
        return PGCWI_EXIT_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("pgcachewatch %s\n", pgcw_version());
        return PGCWI_EXIT_OK;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            return commands[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr,
            "pgcachewatch: no such command: %s\n"
            "see: pgcachewatch --help\n",
            name);
    return PGCWI_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
    int code;

    if (argc < 2) {
        print_usage(stderr);
        return PGCWI_EXIT_USAGE;
    }
    code = run(argc, argv);
    if (fflush(stdout) != 0 && code == PGCWI_EXIT_OK) {
        perror("pgcachewatch: standard output");
        code = PGCWI_EXIT_FAILURE;
    }
    return code;
}
