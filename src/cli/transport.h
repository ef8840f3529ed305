/* SPDX-License-Identifier: MIT */
/* The options --transport and --publication-name. */
#ifndef PGCWI_CLI_TRANSPORT_H
#define PGCWI_CLI_TRANSPORT_H

#include <pgcachewatch/event.h>

#include "cli/options.h"

/* A row for a command's table of options. */
/* clang-format off */
#define PGCWI_TRANSPORT_OPTION(target)                                         \
    {.name = "transport", .value = "NAME", .text = (target),                   \
     .help = "notify (triggers; default) or wal (logical decoding)"}
#define PGCWI_PUBLICATION_OPTION(target)                                       \
    {.name = "publication-name", .value = "NAME", .text = (target),            \
     .help = "of wal; default pb_pgcachewatch_table_change_CHANNEL"}
/* clang-format on */

/* The transport of that name; NULL: the default. Returns
 * PGCWI_OPTIONS_PARSED, or the exit code after printing the mistake. */
int pgcwi_transport_parse(const char *command, const char *name,
                          enum pgcw_transport *transport);

#endif
