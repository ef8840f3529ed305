/* SPDX-License-Identifier: MIT */
/* The demo's rows in PostgreSQL: made at the start, removed at the end. */
#ifndef PGCWI_CLI_DEMO_DATA_H
#define PGCWI_CLI_DEMO_DATA_H

#include "cli/demo_run.h"

/* Told after each table; `done` of `all` rows are there. */
typedef void pgcwi_demo_progress_fn(void *context, uint64_t done, uint64_t all);

/* Choose names for schema and channel that nobody else has. */
void pgcwi_demo_data_name(struct pgcwi_demo_run *run);

/* Schema, tables, rows and triggers. False after pgcwi_demo_fail(), or when
 * it was interrupted. */
bool pgcwi_demo_data_create(struct pgcwi_demo_run *run,
                            struct pg_conn *connection,
                            pgcwi_demo_progress_fn *progress, void *context);

/* Remove all of it, over a connection of its own. False after printing what
 * is left, and how to remove it. */
bool pgcwi_demo_data_drop(const struct pgcwi_demo_run *run);

#endif
