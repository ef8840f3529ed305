/* SPDX-License-Identifier: MIT */
/* The parts of `pgcachewatch doctor`. */
#ifndef PGCWI_CLI_DOCTOR_H
#define PGCWI_CLI_DOCTOR_H

#include <stdbool.h>

#include "cli/table_checks.h"

/*
 * Try what a listener needs of the server. False if one of the findings stops
 * every listener, so that opening one would only tell of it again.
 */
bool pgcwi_doctor_check_server(const struct pgcwi_watched *watched);

/* The same for what only logical decoding needs. */
bool pgcwi_doctor_check_wal(const struct pgcwi_watched *watched);

/* Open a listener, and have it prove that it hears. `watched` may be without
 * a connection, if none could be had. */
void pgcwi_doctor_check_listener(const struct pgcwi_watched *watched,
                                 const char *dsn);

/* Connect within a time, if the string sets none. Never NULL but for lack of
 * memory; look at PQstatus(). */
PGconn *pgcwi_doctor_connect(const char *dsn);

#endif
