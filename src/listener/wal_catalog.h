/* SPDX-License-Identifier: MIT */
/* What the server's catalogs say to a WAL source: whether it can be one, and
 * by which names and keys the changes of each published table are told. */
#ifndef PGCWI_LISTENER_WAL_CATALOG_H
#define PGCWI_LISTENER_WAL_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

#include <pgcachewatch/status.h>

#include "event/wal_decoder.h"

#define PGCWI_WAL_SQL_BYTES 4096

/* Queries for the publication; false if its name cannot be quoted. */
bool pgcwi_wal_catalog_requirements_sql(PGconn *connection,
                                        const char *publication,
                                        char sql[PGCWI_WAL_SQL_BYTES]);
bool pgcwi_wal_catalog_targets_sql(PGconn *connection, const char *publication,
                                   char sql[PGCWI_WAL_SQL_BYTES]);

/* PGCW_REFUSED, with the way out, if something is missing. */
PGCW_MUST_CHECK enum pgcw_status pgcwi_wal_catalog_check_requirements(
    const PGresult *rows, const char *publication, struct pgcw_error *error);
/* Give the decoder all targets anew; false if memory is short. */
bool pgcwi_wal_catalog_read_targets(const PGresult *rows,
                                    struct pgcwi_wal_decoder *decoder);

#endif
