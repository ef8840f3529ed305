/* SPDX-License-Identifier: MIT */
/* Reads a command's options, and prints its help from the same table. */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

/* Where the second column of the help begins. */
#define HELP_COLUMN 28

static const char usual_exit_codes[] =
    "  0  it is done\n"
    "  1  it failed; standard error says why\n"
    "  2  the command line is wrong; nothing was tried";

/* What is left of the command line. */
struct cursor {
    const struct pgcwi_command_line *line;
    int argc;
    char **argv;
    int next;
    size_t argument_count;
    bool is_past_options;
    /* Where the words go that follow; NULL: to the arguments. */
    struct pgcwi_word_list *list;
};

int
pgcwi_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "pgcachewatch %s: ", command);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nsee: pgcachewatch %s --help\n", command);
    va_end(arguments);
    return PGCWI_EXIT_USAGE;
}

static void
print_row(const char *name, const char *value, const char *help)
{
    int width = printf("  --%s%s%s", name, value == NULL ? "" : " ",
                       value == NULL ? "" : value);

    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s%s\n", HELP_COLUMN - width, "", help);
}

static int
print_help(const struct pgcwi_command_line *line)
{
    printf("usage: pgcachewatch %s %s\n\n%s\n\noptions:\n", line->command,
           line->usage, line->description);
    for (size_t i = 0; i < line->option_count; i++) {
        print_row(line->options[i].name, line->options[i].value,
                  line->options[i].help);
    }
    print_row("help", NULL, "show this");
    printf("\nexit codes:\n%s\n",
           line->exit_codes != NULL ? line->exit_codes : usual_exit_codes);
    return PGCWI_EXIT_OK;
}

static bool
has_target(const struct pgcwi_option *option)
{
    return option->text != NULL || option->number != NULL ||
           option->list != NULL;
}

/* The option that `name` of `bytes` names, or NULL. */
static const struct pgcwi_option *
find(const struct pgcwi_command_line *line, const char *name, size_t bytes)
{
    for (size_t i = 0; i < line->option_count; i++) {
        const char *known = line->options[i].name;

        if (strlen(known) == bytes && memcmp(known, name, bytes) == 0) {
            return &line->options[i];
        }
    }
    return NULL;
}

/* A count of something, below 2^32. */
static bool
parse_number(const char *text, uint32_t *number)
{
    char *end;
    unsigned long long value;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    value = strtoull(text, &end, 10);
    if (*end != '\0' || errno != 0 || value > UINT32_MAX ||
        (value == 0 && *number != 0)) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

static int
store(const struct cursor *cursor, const struct pgcwi_option *option,
      const char *value)
{
    if (option->text != NULL) {
        *option->text = value;
    } else if (option->list != NULL) {
        option->list->words[option->list->count++] = value;
    } else if (!parse_number(value, option->number)) {
        return pgcwi_usage_error(cursor->line->command,
                                 "--%s: a whole number below 2^32 is needed, "
                                 "not %s",
                                 option->name, value);
    }
    return PGCWI_OPTIONS_PARSED;
}

static int
take_argument(struct cursor *cursor, char *argument)
{
    if (cursor->list != NULL) {
        cursor->list->words[cursor->list->count++] = argument;
        return PGCWI_OPTIONS_PARSED;
    }
    if (!cursor->line->takes_arguments) {
        return pgcwi_usage_error(cursor->line->command, "not expected here: %s",
                                 argument);
    }
    cursor->argument_count++;
    cursor->argv[cursor->argument_count] = argument;
    return PGCWI_OPTIONS_PARSED;
}

/* `value` is what follows "=", or NULL. */
static int
take_option(struct cursor *cursor, const struct pgcwi_option *option,
            char *value)
{
    const char *command = cursor->line->command;

    cursor->list = option->list;
    if (option->flag != NULL) {
        if (value != NULL) {
            return pgcwi_usage_error(command, "--%s takes no value",
                                     option->name);
        }
        *option->flag = true;
        return PGCWI_OPTIONS_PARSED;
    }
    if (!has_target(option)) {
        return value == NULL ? PGCWI_OPTIONS_PARSED
                             : take_argument(cursor, value);
    }
    if (value == NULL &&
        (cursor->next == cursor->argc ||
         (option->list != NULL && cursor->argv[cursor->next][0] == '-'))) {
        return pgcwi_usage_error(command, "--%s needs a value", option->name);
    }
    return store(cursor, option,
                 value == NULL ? cursor->argv[cursor->next++] : value);
}

static int
take(struct cursor *cursor)
{
    char *word = cursor->argv[cursor->next++];
    char *equals = strchr(word, '=');
    const struct pgcwi_option *option;
    size_t bytes;

    if (cursor->is_past_options || word[0] != '-') {
        return take_argument(cursor, word);
    }
    if (strcmp(word, "--") == 0) {
        cursor->is_past_options = true;
        cursor->list = NULL;
        return PGCWI_OPTIONS_PARSED;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return print_help(cursor->line);
    }
    /* Cut before it is shown: what follows may be a password. */
    bytes = equals == NULL ? strlen(word) : (size_t)(equals - word);
    option = strncmp(word, "--", 2) != 0
                 ? NULL
                 : find(cursor->line, word + 2, bytes - 2);
    if (option == NULL) {
        return pgcwi_usage_error(cursor->line->command, "no such option: %.*s",
                                 (int)bytes, word);
    }
    return take_option(cursor, option, equals == NULL ? NULL : equals + 1);
}

int
pgcwi_options_parse(const struct pgcwi_command_line *line, int argc,
                    char **argv, size_t *argument_count)
{
    struct cursor cursor = {
        .line = line, .argc = argc, .argv = argv, .next = 1};
    int result = PGCWI_OPTIONS_PARSED;

    while (cursor.next < argc && result == PGCWI_OPTIONS_PARSED) {
        result = take(&cursor);
    }
    *argument_count = cursor.argument_count;
    return result;
}
