/* SPDX-License-Identifier: MIT */
/*
 * The test server, from outside of the library, for any thread: nothing
 * asserts. What failed is told on stderr.
 */
#ifndef TESTS_SUPPORT_SERVER_CLIENT_H
#define TESTS_SUPPORT_SERVER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <pgcachewatch/event.h>

/* To a database of the server of PGHOST and the like; NULL: failed. Notices
 * are not shown. For PQfinish(). */
PGconn *server_connect(const char *database);
bool server_run(PGconn *connection, const char *sql);
bool server_runf(PGconn *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* In the first row and column; -1 if there is none. */
int64_t server_number(PGconn *connection, const char *sql);

/* Make a database anew and connect to it; NULL: failed. */
PGconn *server_make_database(const char *database);
/* Ends the connection. */
void server_drop_database(PGconn *connection, const char *database);

/* End the server processes of the database's listeners; returns how many. */
int64_t server_end_listeners(PGconn *connection);

/* The tests of both transports run with PGCW_TEST_TRANSPORT=wal, too. */
enum pgcw_transport server_transport(void);
bool server_emit(PGconn *connection, const struct pgcw_event *event);

/*
 * Make a table (id integer, version bigint) with `rows` rows of version 0,
 * and the function and the trigger as the Python library writes them; or the
 * publication, by the transport of the tests. Also a function tell(channel,
 * payload), which sends a message by it.
 */
bool server_make_table(PGconn *connection, const char *table, int rows,
                       const char *channel);

#endif
