/* SPDX-License-Identifier: MIT */
/* From nothing to a connection on which every change is heard. */
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/key_hash.h"
#include "listener/session_state.h"

/*
 * Behind a pooler an answer does not say whose it is. This one is a fence as
 * the empty query is, cannot be answered by the pooler itself, and fails where
 * the server's session does not LISTEN.
 */
#define POOLED_FENCE                                  \
    "SELECT 1 / (SELECT pg_catalog.count(*) FROM "    \
    "pg_catalog.pg_listening_channels() AS c (name) " \
    "WHERE c.name OPERATOR(pg_catalog.=) %s)"

/* Wait for the socket, read it, and hear what came. */
static enum pgcw_status
wait_and_receive(struct pgcwi_session *session,
                 struct pgcwi_connection *connection, int64_t deadline_ns,
                 struct pgcw_error *error)
{
    bool is_ready =
        pgcwi_listener_poll(session->listener, pgcwi_connection_fd(connection),
                            pgcwi_connection_events(connection), deadline_ns);

    return is_ready ? pgcwi_connection_receive(connection, error) : PGCW_OK;
}

static enum pgcw_status
check_live_deadline(const struct pgcwi_session *session, const char *step,
                    struct pgcw_error *error)
{
    if (pgcwi_clock_monotonic_ns() < session->live_deadline_ns) {
        return PGCW_OK;
    }
    return pgcwi_error_set(
        error, PGCW_TIMEOUT, "%s took longer than connect_timeout_ms, %u ms",
        step, (unsigned)session->listener->settings.options.connect_timeout_ms);
}

static enum pgcw_status
connect_to_server(struct pgcwi_session *session,
                  struct pgcwi_connection *connection, struct pgcw_error *error)
{
    short events = POLLOUT; /* libpq's rule for the first poll */
    enum pgcw_status status =
        pgcwi_connection_start(connection, session->listener->settings.dsn,
                               &session->listener->log, error);

    while (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
        bool is_ready = pgcwi_listener_poll(session->listener,
                                            pgcwi_connection_fd(connection),
                                            events, session->live_deadline_ns);
        enum pgcwi_answer answer =
            is_ready ? pgcwi_connection_advance(connection, &events, error)
                     : PGCWI_ANSWER_PENDING;

        if (answer == PGCWI_ANSWER_OK) {
            break;
        }
        status = answer == PGCWI_ANSWER_REFUSED
                     ? error->status
                     : check_live_deadline(session, "connecting", error);
    }
    return status;
}

static enum pgcw_status
run_command(struct pgcwi_session *session, struct pgcwi_connection *connection,
            const char *sql, struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_connection_send(connection, sql, error);
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    while (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING &&
           !pgcwi_session_is_stopping(session)) {
        status = wait_and_receive(session, connection,
                                  session->live_deadline_ns, error);
        if (status == PGCW_OK) {
            answer = pgcwi_connection_answer(connection, error);
            status = pgcwi_session_hear_all(session, error);
        }
        if (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING) {
            status = check_live_deadline(session, sql, error);
        }
    }
    return answer == PGCWI_ANSWER_REFUSED ? error->status : status;
}

static enum pgcw_status
subscribe(struct pgcwi_session *session, struct pgcw_error *error)
{
    char sql[PGCWI_COMMAND_BYTES];
    char *quoted = pgcwi_connection_quote(&session->connection,
                                          session->listener->settings.channel);

    if (quoted == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "channel: not valid UTF-8");
    }
    (void)snprintf(session->probe_channel, sizeof(session->probe_channel),
                   "pgcw_probe_%016" PRIx64, pgcwi_key_random_seed());
    (void)snprintf(sql, sizeof(sql), "LISTEN %s; LISTEN %s", quoted,
                   session->probe_channel);
    PQfreemem(quoted);
    return run_command(session, &session->connection, sql, error);
}

/* Send our NOTIFY on a connection, and hear it on ours. */
static enum pgcw_status
probe_from(struct pgcwi_session *session, struct pgcwi_connection *connection,
           struct pgcw_error *error)
{
    char sql[PGCWI_COMMAND_BYTES];
    enum pgcw_status status;

    (void)snprintf(sql, sizeof(sql), "NOTIFY %s", session->probe_channel);
    session->is_probe_heard = false;
    status = run_command(session, connection, sql, error);
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() +
        session->listener->settings.options.heartbeat_timeout_ms *
            PGCWI_NS_PER_MS;
    if (deadline_ns > session->live_deadline_ns) {
        deadline_ns = session->live_deadline_ns;
    }
    while (status == PGCW_OK && !session->is_probe_heard &&
           !pgcwi_session_is_stopping(session)) {
        status =
            wait_and_receive(session, &session->connection, deadline_ns, error);
        if (status == PGCW_OK) {
            status = pgcwi_session_hear_all(session, error);
        }
        if (status == PGCW_OK && !session->is_probe_heard &&
            pgcwi_clock_monotonic_ns() >= deadline_ns) {
            status = pgcwi_error_set(
                error, PGCW_REFUSED,
                "LISTEN is accepted, but nothing is heard: there is a "
                "transaction-pooling proxy between (connect to the server "
                "itself, or through a pool in session mode)");
        }
    }
    return status;
}

static enum pgcw_status
make_pooled_fence(struct pgcwi_session *session, struct pgcw_error *error)
{
    const char *channel = session->listener->settings.channel;
    char *quoted =
        PQescapeLiteral(session->connection.pg, channel, strlen(channel));

    if (quoted == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a fence");
    }
    (void)snprintf(session->fence_sql, sizeof(session->fence_sql), POOLED_FENCE,
                   quoted);
    PQfreemem(quoted);
    return PGCW_OK;
}

/*
 * A pooler gives each transaction the server process that was idle last, so
 * an own NOTIFY may be heard although nobody else's will be. The NOTIFY of a
 * second connection comes while ours is idle: only a pool in session mode
 * passes that on.
 */
static enum pgcw_status
probe_pooler(struct pgcwi_session *session, struct pgcw_error *error)
{
    enum pgcw_status status =
        connect_to_server(session, &session->second, error);

    if (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
        status = probe_from(session, &session->second, error);
    }
    pgcwi_connection_close(&session->second);
    if (status == PGCW_TIMEOUT) {
        return pgcwi_error_set(
            error, status,
            "a pooler is between that gives no second connection within "
            "connect_timeout_ms, %u ms, which would tell its mode (has its "
            "pool room? a listener keeps one connection)",
            (unsigned)session->listener->settings.options.connect_timeout_ms);
    }
    return status == PGCW_OK ? make_pooled_fence(session, error) : status;
}

static enum pgcw_status
probe(struct pgcwi_session *session, struct pgcw_error *error)
{
    char sql[PGCWI_COMMAND_BYTES];
    enum pgcw_status status = probe_from(session, &session->connection, error);

    /* a pooler tells process ids of its own, but in notifications */
    if (status == PGCW_OK && !pgcwi_session_is_stopping(session) &&
        session->probe_pid != PQbackendPID(session->connection.pg)) {
        status = probe_pooler(session, error);
    }
    if (status != PGCW_OK || pgcwi_session_is_stopping(session)) {
        return status;
    }
    (void)snprintf(sql, sizeof(sql), "UNLISTEN %s", session->probe_channel);
    return run_command(session, &session->connection, sql, error);
}

enum pgcw_status
pgcwi_session_open(struct pgcwi_session *session, struct pgcw_error *error)
{
    enum pgcw_status status =
        connect_to_server(session, &session->connection, error);

    if (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
        status = subscribe(session, error);
    }
    if (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
        pgcwi_listener_set_state(session->listener, PGCW_LISTENER_PROBING,
                                 NULL);
        status = probe(session, error);
    }
    return status;
}
