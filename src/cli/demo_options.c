/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/demo_options.h"
#include "cli/demo_oracle.h"
#include "cli/options.h"
#include "cli/transport.h"

#define DEFAULT_WRITES_PER_SECOND 5
#define MAX_THREADS 256
#define MAX_ROWS 20000000
#define MAX_SECONDS 86400
#define MAX_WRITES_PER_SECOND 1000000

static const char description[] =
    "Load rows into PostgreSQL, read them through caches from some threads,\n"
    "change them from others, and show what the caches do: live, and as a\n"
    "summary. Each row has a version; a read that gives an older one than a\n"
    "change that was already applied is counted as stale.\n"
    "\n"
    "With --pg-dsn, another --pg- option or PGDSN it uses that database, in a\n"
    "schema of its own that it removes at the end. Without, it starts a\n"
    "PostgreSQL of its own in a temporary folder and removes that; the PG*\n"
    "variables alone (PGHOST, PGDATABASE, ...) do not count, so that nobody's\n"
    "database is used by accident.";

static const char exit_codes[] =
    "  0    no stale read\n"
    "  1    a stale read, a change that the auditor says was missed, or a "
    "failure\n"
    "  2    the command line is wrong; nothing was tried\n"
    "  130  none of it until Ctrl-C";

/* Values that are not read by the parser; NULL: not given. */
struct words {
    const char *rate;
    const char *transport;
};

/* 0 is a value here: no pause at all. */
static int
parse_rate(const char *text, uint32_t *rate)
{
    char *end = NULL;
    if (text == NULL) {
        *rate = DEFAULT_WRITES_PER_SECOND;
        return PGCWI_OPTIONS_PARSED;
    }
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < 0 ||
        value > MAX_WRITES_PER_SECOND) {
        return pgcwi_usage_error("demo",
                                 "--writes-per-second is 0 to %d, not \"%s\"",
                                 MAX_WRITES_PER_SECOND, text);
    }
    *rate = (uint32_t)value;
    return PGCWI_OPTIONS_PARSED;
}

static int
check_limits(const struct pgcwi_demo_options *options)
{
    const struct {
        const char *name;
        uint32_t value;
        uint32_t least;
        uint32_t most;
    } limits[] = {
        {"seconds", options->seconds, 1, MAX_SECONDS},
        {"readers", options->readers, 1, MAX_THREADS},
        {"writers", options->writers, 1, MAX_THREADS},
        {"rows", options->rows, PGCWI_DEMO_TABLES, MAX_ROWS},
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (limits[i].value < limits[i].least ||
            limits[i].value > limits[i].most) {
            return pgcwi_usage_error("demo", "--%s is %u to %u, not %u",
                                     limits[i].name, limits[i].least,
                                     limits[i].most, limits[i].value);
        }
    }
    return PGCWI_OPTIONS_PARSED;
}

static int
read_words(struct pgcwi_demo_options *options, const struct words *words)
{
    int result = parse_rate(words->rate, &options->writes_per_second);
    if (result == PGCWI_OPTIONS_PARSED) {
        result = pgcwi_transport_parse("demo", words->transport,
                                       &options->transport);
    }
    return result == PGCWI_OPTIONS_PARSED ? check_limits(options) : result;
}

int
pgcwi_demo_options_parse(struct pgcwi_demo_options *options, int argc,
                         char **argv)
{
    struct words words = {NULL, NULL};
    *options = (struct pgcwi_demo_options){
        .seconds = 10, .readers = 2, .writers = 2, .rows = 100000, .seed = 1};
    const struct pgcwi_option table[] = {
        {.name = "seconds",
         .value = "N",
         .number = &options->seconds,
         .help = "how long to run (10)"},
        {.name = "readers",
         .value = "N",
         .number = &options->readers,
         .help = "threads that read through the caches (2)"},
        {.name = "writers",
         .value = "N",
         .number = &options->writers,
         .help = "threads that change rows in PostgreSQL (2)"},
        {.name = "rows",
         .value = "N",
         .number = &options->rows,
         .help = "rows, over 16 tables with a cache each (100000)"},
        {.name = "writes-per-second",
         .value = "N",
         .text = &words.rate,
         .help = "of each writer; 0: as fast as it can (5)"},
        {.name = "seed",
         .value = "N",
         .number = &options->seed,
         .help = "for the choice of rows (1)"},
        PGCWI_TRANSPORT_OPTION(&words.transport),
        {.name = "row-keys",
         .flag = &options->has_row_keys,
         .help = "be told of rows, and let each value depend on its own"},
        {.name = "deaf",
         .flag = &options->is_deaf,
         .help = "let caches ignore every change, to see stale reads found"},
        {.name = "audit",
         .flag = &options->is_audited,
         .help = "read some hits from the database, too, and compare"},
        {.name = "json",
         .flag = &options->has_json,
         .help = "print the summary as a line of JSON, too"},
        PGCWI_CONNECTION_OPTIONS(&options->connection),
    };
    const struct pgcwi_command_line line = {
        .command = "demo",
        .usage = "[OPTION...]",
        .description = description,
        .exit_codes = exit_codes,
        .options = table,
        .option_count = sizeof(table) / sizeof(table[0]),
    };
    size_t argument_count;
    int result = pgcwi_options_parse(&line, argc, argv, &argument_count);
    return result == PGCWI_OPTIONS_PARSED ? read_words(options, &words)
                                          : result;
}
