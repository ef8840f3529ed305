/* SPDX-License-Identifier: MIT */
#include "listener/opening.h"

#include "base/clock.h"
#include "base/status.h"
#include "listener/listener.h"

bool
pgcwi_opening_is_stopping(const struct pgcwi_source *source)
{
    return pgcwi_listener_is_stopping(source->listener);
}

static bool
is_ready(struct pgcwi_source *source, const struct pgcwi_connection *connection,
         short events, int64_t deadline_ns)
{
    struct pollfd socket = {.fd = pgcwi_connection_fd(connection),
                            .events = events};

    pgcwi_listener_poll(source->listener, &socket, 1, deadline_ns);
    return socket.revents != 0;
}

static enum pgcw_status
check_deadline(const struct pgcwi_source *source, const char *step,
               struct pgcw_error *error)
{
    if (pgcwi_clock_monotonic_ns() < source->live_deadline_ns) {
        return PGCW_OK;
    }
    return pgcwi_error_set(
        error, PGCW_TIMEOUT, "%s took longer than connect_timeout_ms, %u ms",
        step, (unsigned)source->listener->settings.options.connect_timeout_ms);
}

enum pgcw_status
pgcwi_opening_pause(struct pgcwi_source *source, int64_t pause_ns,
                    const char *step, struct pgcw_error *error)
{
    pgcwi_listener_poll(source->listener, NULL, 0,
                        pgcwi_clock_monotonic_ns() + pause_ns);
    return check_deadline(source, step, error);
}

enum pgcw_status
pgcwi_opening_connect(struct pgcwi_source *source,
                      struct pgcwi_connection *connection,
                      const char *replication, struct pgcw_error *error)
{
    short events = POLLOUT; /* libpq's rule for the first poll */
    const struct pgcwi_settings *settings = &source->listener->settings;
    const struct pgcwi_connection_target target = {
        settings->dsn,
        settings->application_name[0] != '\0' ? settings->application_name
                                              : NULL,
        replication};
    enum pgcw_status status = pgcwi_connection_start(
        connection, &target, &source->listener->log, error);

    while (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
        enum pgcwi_answer answer =
            is_ready(source, connection, events, source->live_deadline_ns)
                ? pgcwi_connection_advance(connection, &events, error)
                : PGCWI_ANSWER_PENDING;

        if (answer == PGCWI_ANSWER_OK) {
            break;
        }
        status = answer == PGCWI_ANSWER_REFUSED
                     ? error->status
                     : check_deadline(source, "connecting", error);
    }
    return status;
}

enum pgcw_status
pgcwi_opening_receive(struct pgcwi_source *source,
                      struct pgcwi_connection *connection, int64_t deadline_ns,
                      struct pgcw_error *error)
{
    return is_ready(source, connection, pgcwi_connection_events(connection),
                    deadline_ns)
               ? pgcwi_connection_receive(connection, error)
               : PGCW_OK;
}

enum pgcw_status
pgcwi_opening_run(struct pgcwi_source *source,
                  struct pgcwi_connection *connection, const char *sql,
                  PGresult **rows, struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_connection_send(connection, sql, error);
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    while (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING &&
           !pgcwi_opening_is_stopping(source)) {
        status = pgcwi_opening_receive(source, connection,
                                       source->live_deadline_ns, error);
        if (status == PGCW_OK) {
            answer = pgcwi_connection_answer(connection, error);
        }
        if (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING) {
            status = check_deadline(source, sql, error);
        }
    }
    if (rows != NULL) {
        *rows = pgcwi_connection_take_rows(connection);
    }
    return answer == PGCWI_ANSWER_REFUSED ? error->status : status;
}
