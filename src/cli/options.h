/* SPDX-License-Identifier: MIT */
/* Reads a command's options, and prints its help from the same table. */
#ifndef PGCWI_CLI_OPTIONS_H
#define PGCWI_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was given; the caller has room for each word of the command line. */
struct pgcwi_word_list {
    const char **words;
    size_t count;
};

/*
 * One option, --name. Exactly one of flag, text, number, list is where it
 * goes, and keeps what it holds if the option is not given; with none of them
 * the option only introduces the arguments that are no options (--tables a b).
 * A list takes one word or more, up to the next option; one that begins with
 * a dash only after "=".
 */
struct pgcwi_option {
    const char *name;
    /* What the help calls its value; NULL for a flag. */
    const char *value;
    const char *help;
    bool *flag;
    const char **text;
    struct pgcwi_word_list *list;
    uint32_t *number; /* 0 is refused unless it stands there as default */
};

struct pgcwi_command_line {
    const char *command;
    /* One line, without "usage: pgcachewatch COMMAND". */
    const char *usage;
    /* One or more sentences, each line at most 78 bytes wide. */
    const char *description;
    /* A line for each, at most 78 bytes wide. NULL: the usual three. */
    const char *exit_codes;
    const struct pgcwi_option *options;
    size_t option_count;
    /* Whether arguments that are no options are allowed. */
    bool takes_arguments;
};

/* pgcwi_options_parse() says: go on. */
#define PGCWI_OPTIONS_PARSED (-1)

/*
 * Read argv[1…]: --name value, --name=value, and -- before arguments that
 * begin with a dash. What is no option is moved to argv[1…]; how many there
 * are is written to `argument_count`. Returns PGCWI_OPTIONS_PARSED, or the
 * exit code after --help or a mistake, which it has printed.
 */
int pgcwi_options_parse(const struct pgcwi_command_line *line, int argc,
                        char **argv, size_t *argument_count);

/* Print a mistake in the command line, and where help is. */
int pgcwi_usage_error(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
