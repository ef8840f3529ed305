/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL in a libuv loop: queries are sent one behind the other down one
 * connection, in libpq's pipeline mode, and nothing waits. A connection that
 * is lost is made anew. All in the loop's thread.
 */
#ifndef EVENT_DATABASE_H
#define EVENT_DATABASE_H

#include <stdbool.h>

#include <libpq-fe.h>
#include <uv.h>

/* Told of a result, which is valid during the call, in the order in which the
 * queries were sent. NULL: it was lost with the connection. */
typedef void event_result_fn(void *context, const PGresult *result);

/* Told when there is a connection. */
typedef void event_connected_fn(void);

struct event_query {
    struct event_query *next;
    event_result_fn *on_result;
    void *context;
};

struct event_database {
    const char *dsn;
    event_connected_fn *on_connected;
    uv_timer_t timer; /* of attempts to connect */
    uv_prepare_t flush;
    uv_poll_t *poll;
    PGconn *connection;
    PGresult *result;
    struct event_query *sent, **sent_end;
    bool is_connected;
    bool is_writing; /* more than the socket takes */
    bool is_stopping;
};

void event_database_start(struct event_database *database, uv_loop_t *loop,
                          const char *dsn, event_connected_fn *on_connected);

/* All that was sent is lost; its handles are left for uv_close(). */
void event_database_stop(struct event_database *database);

/* @return whether it is sent; if not, on_result is not called */
bool event_database_send(struct event_database *database, const char *sql,
                         const char *value, event_result_fn *on_result,
                         void *context);

#endif
