/* SPDX-License-Identifier: MIT */
/* The triggers of one table: there, missing, disabled, changed by hand. */
#ifndef PGCWI_CLI_TRIGGER_CHECKS_H
#define PGCWI_CLI_TRIGGER_CHECKS_H

#include "cli/table_checks.h"

/* `table` as in SQL. A finding at least. */
void pgcwi_watched_check_triggers(const struct pgcwi_watched *watched,
                                  const char *table);

#endif
