/* SPDX-License-Identifier: MIT */
/* A question to the server, whose failure is a finding. */
#ifndef PGCWI_CLI_ASK_H
#define PGCWI_CLI_ASK_H

#include <libpq-fe.h>

#include "cli/findings.h"

/* What `values` needs to be for a query with $1, $2 or with none. */
#define PGCWI_ASK_VALUES 2

/*
 * Rows for PQclear(), one at least if `check` is right about the query; NULL
 * after a finding of that check, with the server's words.
 */
PGresult *pgcwi_ask(PGconn *connection, struct pgcwi_findings *findings,
                    const char *check, const char *sql,
                    const char *const values[PGCWI_ASK_VALUES]);

#endif
