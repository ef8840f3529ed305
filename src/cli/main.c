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
#ifdef PGCWI_HAS_TOP
    {"top", pgcwi_command_top, "show live what a running process does"},
#endif
};

/* What a build without some library cannot do; "" if it can do all. */
#ifdef PGCWI_HAS_TOP
static const char left_out[] = "";
#else
static const char left_out[] = "top";
#endif
#define LEFT_OUT_WHY "libcurl or ncurses was missing when this was built"

static void
print_usage(FILE *out)
{
    fprintf(out, "usage: pgcachewatch COMMAND [options]\n\n"
                 "Keeps in-process caches coherent with PostgreSQL.\n\n"
                 "commands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fprintf(out, "  %-11s%s\n", commands[i].name, commands[i].summary);
    }
    if (left_out[0] != '\0') {
        fprintf(out, "\nwithout %s: %s\n", left_out, LEFT_OUT_WHY);
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
    if (left_out[0] != '\0' && strcmp(name, left_out) == 0) {
        fprintf(stderr, "pgcachewatch: without %s: %s\n", left_out,
                LEFT_OUT_WHY);
        return PGCWI_EXIT_FAILURE;
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
