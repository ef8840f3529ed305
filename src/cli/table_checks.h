/* SPDX-License-Identifier: MIT */
/* Whether changes of tables are told: the triggers, or the publication. */
#ifndef PGCWI_CLI_TABLE_CHECKS_H
#define PGCWI_CLI_TABLE_CHECKS_H

#include <libpq-fe.h>

#include <pgcachewatch/install.h>

#include "cli/findings.h"

/* What is looked at, and by which names. */
struct pgcwi_watched {
    PGconn *connection; /* NULL: none could be had */
    /* what is set for the session may then be set for somebody else's */
    bool is_pooled;
    struct pgcwi_findings *findings;
    /* As for an installation; without tables: all that have a trigger of the
     * name, or are in the publication. rows and columns are not read. */
    const struct pgcw_install_options *install;
    const char *channel;
    /* The names with the channel. */
    char *trigger;
    char *publication;
};

/* False if there is no memory, which it has printed. */
bool pgcwi_watched_init(struct pgcwi_watched *watched,
                        const struct pgcw_install_options *install);
/* The connection stays the caller's; see whether a pooler is between. */
void pgcwi_watched_connect(struct pgcwi_watched *watched, PGconn *connection);
void pgcwi_watched_fini(struct pgcwi_watched *watched);

/* A finding for each table at least. */
void pgcwi_watched_check_tables(const struct pgcwi_watched *watched);

/* Whether there are sessions in which the triggers do not fire. */
void pgcwi_watched_check_roles(const struct pgcwi_watched *watched);

#endif
