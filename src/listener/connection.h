/* SPDX-License-Identifier: MIT */
/*
 * A connection to PostgreSQL that never blocks: libpq, with one command at a
 * time on its way.
 */
#ifndef PGCWI_LISTENER_CONNECTION_H
#define PGCWI_LISTENER_CONNECTION_H

#include <stdbool.h>

#include <libpq-fe.h>

#include <pgcachewatch/status.h>

#include "base/log.h"

struct pgcwi_connection {
    PGconn *pg;     /* NULL: not open */
    PGresult *rows; /* of the newest command, if it returned any */
    bool has_unsent;
    bool was_short_of_memory;
};

enum pgcwi_answer {
    PGCWI_ANSWER_PENDING,
    PGCWI_ANSWER_OK,
    PGCWI_ANSWER_REFUSED
};

/* PGCW_INVALID_ARGUMENT if libpq does not understand it. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_check_dsn(const char *dsn, struct pgcw_error *error);

/* For the parameter `replication` of libpq. */
#define PGCWI_CONNECTION_PLAIN NULL
#define PGCWI_CONNECTION_REPLICATION "database"

/* Where to, and as what. */
struct pgcwi_connection_target {
    const char *dsn;              /* NULL: the PG* environment */
    const char *application_name; /* NULL: as the dsn says, or ours */
    const char *replication;
};

/* Begin to connect. The server's notices go to `log`, which must outlive the
 * connection. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_start(struct pgcwi_connection *connection,
                       const struct pgcwi_connection_target *target,
                       struct pgcwi_log *log, struct pgcw_error *error);
/* Accepts one that is not open, if it is all zero. */
void pgcwi_connection_close(struct pgcwi_connection *connection);

/* PGCWI_ANSWER_REFUSED, here and below: `error` says whether it is
 * PGCW_REFUSED, or PGCW_DISCONNECTED, which may pass by itself. */
/* Go on to connect; `events` is what to poll for before the next call. */
enum pgcwi_answer pgcwi_connection_advance(struct pgcwi_connection *connection,
                                           short *events,
                                           struct pgcw_error *error);

/* libpq may change the socket: ask before each poll. */
int pgcwi_connection_fd(const struct pgcwi_connection *connection);
short pgcwi_connection_events(const struct pgcwi_connection *connection);

/* Send a command; its answer must be taken before the next. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_send(struct pgcwi_connection *connection, const char *sql,
                      struct pgcw_error *error);
/* Read what is there, and write what is left to write. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_receive(struct pgcwi_connection *connection,
                         struct pgcw_error *error);
/*
 * The answer to the command, if it is there. When it is, every notification
 * that the server sent before it has been read.
 */
enum pgcwi_answer pgcwi_connection_answer(struct pgcwi_connection *connection,
                                          struct pgcw_error *error);
/* The rows of the answer, for PQclear(); NULL if there are none. */
PGresult *pgcwi_connection_take_rows(struct pgcwi_connection *connection);
/* The next notification, for PQfreemem(); NULL if there is none. */
PGnotify *pgcwi_connection_next(struct pgcwi_connection *connection);
/*
 * PGCW_NO_MEMORY if what was taken may not be all that was sent: libpq skips
 * a notification that it has no memory for (getNotify() in fe-protocol3.c, up
 * to 18 at least), and tells nobody. malloc() has left ENOMEM in errno then,
 * and parsing leaves nothing else there.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_check_memory(const struct pgcwi_connection *connection,
                              struct pgcw_error *error);

/*
 * The next message of a copy, for PQfreemem(). 0: none is there yet; then
 * *message is NULL. -1: the copy has ended, or cannot go on; `error` says why.
 */
int pgcwi_connection_copy_next(struct pgcwi_connection *connection,
                               char **message, struct pgcw_error *error);
PGCW_MUST_CHECK enum pgcw_status
pgcwi_connection_copy_send(struct pgcwi_connection *connection,
                           const char *message, int bytes,
                           struct pgcw_error *error);

/* `"name"`, quoted, for PQfreemem(); NULL if that failed. */
char *pgcwi_connection_quote(struct pgcwi_connection *connection,
                             const char *name);

#endif
