/* SPDX-License-Identifier: MIT */
/* The steps by which a source opens: each waits, until the source's
 * live_deadline_ns, and returns PGCW_OK early if the listener stops. */
#ifndef PGCWI_LISTENER_OPENING_H
#define PGCWI_LISTENER_OPENING_H

#include <stdbool.h>

#include "listener/connection.h"
#include "listener/source.h"

bool pgcwi_opening_is_stopping(const struct pgcwi_source *source);

PGCW_MUST_CHECK enum pgcw_status
pgcwi_opening_connect(struct pgcwi_source *source,
                      struct pgcwi_connection *connection,
                      const char *replication, struct pgcw_error *error);
/* Run a command. `rows`, if not NULL, is what it returned, for PQclear(), or
 * NULL. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_opening_run(struct pgcwi_source *source,
                  struct pgcwi_connection *connection, const char *sql,
                  PGresult **rows, struct pgcw_error *error);
/* Wait for `step`, which may take until live_deadline_ns. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_opening_pause(struct pgcwi_source *source, int64_t pause_ns,
                    const char *step, struct pgcw_error *error);
/* Wait for the connection until `deadline_ns`, and read what comes. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_opening_receive(struct pgcwi_source *source,
                      struct pgcwi_connection *connection, int64_t deadline_ns,
                      struct pgcw_error *error);

#endif
