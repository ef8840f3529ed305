/* SPDX-License-Identifier: MIT */
/* Why a statement failed, in the server's words. */
#ifndef PGCWI_LISTENER_REFUSAL_H
#define PGCWI_LISTENER_REFUSAL_H

#include <pgcachewatch/status.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

/*
 * Describe the failure of the last statement and return its status:
 * PGCW_DISCONNECTED if the connection is gone, PGCW_NO_MEMORY if there is no
 * result, else PGCW_REFUSED. `doing` is what was tried: "create trigger …".
 */
enum pgcw_status pgcwi_refusal_set(struct pgcw_error *error,
                                   const struct pg_conn *connection,
                                   const struct pg_result *result,
                                   const char *doing);

#endif
