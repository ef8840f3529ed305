/* SPDX-License-Identifier: MIT */
/* The command line of `pgcachewatch demo`. */
#ifndef PGCWI_CLI_DEMO_OPTIONS_H
#define PGCWI_CLI_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

#include "cli/connection.h"

struct pgcwi_demo_options {
    struct pgcwi_connection_options connection;
    uint32_t seconds;
    uint32_t readers;
    uint32_t writers;
    uint32_t rows;
    uint32_t seed;
    uint32_t writes_per_second; /* 0: as fast as possible */
    enum pgcw_transport transport;
    bool has_row_keys;
    bool is_deaf;
    bool is_audited;
    bool has_json;
};

/* PGCWI_OPTIONS_PARSED, or the exit code. */
int pgcwi_demo_options_parse(struct pgcwi_demo_options *options, int argc,
                             char **argv);

#endif
