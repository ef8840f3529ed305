/* SPDX-License-Identifier: MIT */
/*
 * Why a listener was not let in: the server's words, its SQLSTATE, the way
 * out, and whether waiting may help.
 *
 * PGCW_REFUSED is said for what lasts until somebody changes something (a
 * password, a privilege, a name, a standby), PGCW_DISCONNECTED for what may
 * pass by itself.
 *
 * libpq gives no SQLSTATE for a connection that it could not make, only a
 * text, whose severity and words are in the server's language. With
 * PQERRORS_VERBOSE the text has it, as `<severity>:  <SQLSTATE>: <words>` in
 * every language; so it must be set before the server answers.
 */
#ifndef PGCWI_LISTENER_REJECTION_H
#define PGCWI_LISTENER_REJECTION_H

#include <libpq-fe.h>

#include <pgcachewatch/status.h>

/* Of a connection that could not be made, with PQERRORS_VERBOSE. */
enum pgcw_status pgcwi_rejection_set(struct pgcw_error *error,
                                     const PGconn *connection);
/* Of a command. */
enum pgcw_status pgcwi_rejection_set_result(struct pgcw_error *error,
                                            const PGresult *result);

/* The same, of a text; `host_count` hosts were tried. */
enum pgcw_status pgcwi_rejection_set_text(struct pgcw_error *error,
                                          const char *text,
                                          unsigned host_count);

#endif
