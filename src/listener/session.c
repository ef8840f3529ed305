/* SPDX-License-Identifier: MIT */
#include "listener/session.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/key_hash.h"
#include "listener/connection.h"
#include "listener/heartbeat.h"

#define PROBE_CHANNEL_BYTES 32
#define COMMAND_BYTES 512

/* owned by the listener's thread */
struct session {
    struct pgcw_listener *listener;
    struct pgcwi_connection connection;
    struct pgcwi_heartbeat heartbeat;
    struct pgcwi_fence fence;    /* the newest that was sent */
    struct pgcwi_fence answered; /* the newest that was answered */
    bool is_answered_unpushed;   /* the ring was full, or memory short */
    int64_t live_deadline_ns;    /* until then LIVE must be reached */
    char probe_channel[PROBE_CHANNEL_BYTES];
    bool is_probe_heard;
};

static bool
is_stopping(const struct session *session)
{
    return pgcwi_listener_is_stopping(session->listener);
}

/* A message is lost, so all that may depend on it goes at once. */
static void
drop(struct session *session)
{
    struct pgcw_listener *listener = session->listener;

    pgcwi_attachments_flush(&listener->attachments);
    pgcwi_worker_pool_owe_gap(listener->pool, PGCW_GAP_DROPPED);
    pgcwi_counter_add(&listener->counters.messages_dropped);
    pgcwi_counter_add(&listener->counters.gaps);
    pgcwi_log_write(&listener->log, PGCW_LOG_WARNING,
                    "the ring is full or memory is short: a message was "
                    "dropped and all caches were flushed");
}

static void
hear(struct session *session, const PGnotify *notification)
{
    struct pgcw_listener *listener = session->listener;

    if (strcmp(notification->relname, session->probe_channel) == 0) {
        session->is_probe_heard = true;
        return;
    }
    if (strcmp(notification->relname, listener->settings.channel) != 0) {
        return;
    }
    pgcwi_counter_add(&listener->counters.messages_heard);
    if (!pgcwi_worker_pool_push_payload(listener->pool, notification->extra,
                                        pgcwi_clock_unix_us())) {
        drop(session);
    }
}

static void
hear_all(struct session *session)
{
    PGnotify *notification;

    while ((notification = pgcwi_connection_next(&session->connection)) !=
           NULL) {
        hear(session, notification);
        PQfreemem(notification);
    }
}

/* Wait for the socket, read it, and hear what came. */
static enum pgcw_status
wait_and_receive(struct session *session, int64_t deadline_ns,
                 struct pgcw_error *error)
{
    bool is_ready = pgcwi_listener_poll(
        session->listener, pgcwi_connection_fd(&session->connection),
        pgcwi_connection_events(&session->connection), deadline_ns);

    return is_ready ? pgcwi_connection_receive(&session->connection, error)
                    : PGCW_OK;
}

static enum pgcw_status
check_live_deadline(const struct session *session, const char *step,
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
connect_to_server(struct session *session, struct pgcw_error *error)
{
    short events = POLLOUT; /* libpq's rule for the first poll */
    enum pgcw_status status = pgcwi_connection_start(
        &session->connection, session->listener->settings.dsn,
        &session->listener->log, error);

    while (status == PGCW_OK && !is_stopping(session)) {
        bool is_ready = pgcwi_listener_poll(
            session->listener, pgcwi_connection_fd(&session->connection),
            events, session->live_deadline_ns);
        enum pgcwi_answer answer =
            is_ready
                ? pgcwi_connection_advance(&session->connection, &events, error)
                : PGCWI_ANSWER_PENDING;

        if (answer == PGCWI_ANSWER_OK) {
            break;
        }
        status = answer == PGCWI_ANSWER_REFUSED
                     ? PGCW_DISCONNECTED
                     : check_live_deadline(session, "connecting", error);
    }
    return status;
}

static enum pgcw_status
run_command(struct session *session, const char *sql, struct pgcw_error *error)
{
    enum pgcw_status status =
        pgcwi_connection_send(&session->connection, sql, error);
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    while (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING &&
           !is_stopping(session)) {
        status = wait_and_receive(session, session->live_deadline_ns, error);
        if (status == PGCW_OK) {
            answer = pgcwi_connection_answer(&session->connection, error);
            hear_all(session);
        }
        if (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING) {
            status = check_live_deadline(session, sql, error);
        }
    }
    return answer == PGCWI_ANSWER_REFUSED ? PGCW_REFUSED : status;
}

static enum pgcw_status
subscribe(struct session *session, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
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
    return run_command(session, sql, error);
}

static enum pgcw_status
probe(struct session *session, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
    enum pgcw_status status;

    (void)snprintf(sql, sizeof(sql), "NOTIFY %s", session->probe_channel);
    status = run_command(session, sql, error);
    while (status == PGCW_OK && !session->is_probe_heard &&
           !is_stopping(session)) {
        status = wait_and_receive(session, session->live_deadline_ns, error);
        hear_all(session);
        if (status == PGCW_OK && !session->is_probe_heard) {
            status = check_live_deadline(
                session,
                "hearing an own NOTIFY (a transaction-pooling proxy between?)",
                error);
        }
    }
    if (status != PGCW_OK || is_stopping(session)) {
        return status;
    }
    (void)snprintf(sql, sizeof(sql), "UNLISTEN %s", session->probe_channel);
    return run_command(session, sql, error);
}

static bool
is_state(const struct session *session, enum pgcw_listener_state state)
{
    /* relaxed: only this thread writes it */
    return atomic_load_explicit(&session->listener->state,
                                memory_order_relaxed) == (int)state;
}

/* Also if no event follows. False: the ring is full, or memory short. */
static bool
settle_gap(struct session *session)
{
    return !is_state(session, PGCW_LISTENER_LIVE) ||
           pgcwi_worker_pool_settle_gap(session->listener->pool);
}

static void
go_live(struct session *session)
{
    pgcwi_attachments_open(&session->listener->attachments);
    /* before LIVE is told: who subscribes then is not meant */
    (void)pgcwi_worker_pool_settle_gap(session->listener->pool);
    pgcwi_listener_set_state(session->listener, PGCW_LISTENER_LIVE, NULL);
}

static void
go_into_doubt(struct session *session)
{
    struct pgcw_listener *listener = session->listener;

    /* relaxed: only this thread writes it */
    if (atomic_load_explicit(&listener->state, memory_order_relaxed) ==
        PGCW_LISTENER_DOUBT) {
        return;
    }
    pgcwi_attachments_close(&listener->attachments);
    pgcwi_worker_pool_owe_gap(listener->pool, PGCW_GAP_CONNECTION);
    pgcwi_counter_add(&listener->counters.gaps);
    pgcwi_listener_set_state(listener, PGCW_LISTENER_DOUBT,
                             "a heartbeat was not answered in time");
}

static bool
is_fence_wanted(struct session *session, int64_t now_ns)
{
    return !session->heartbeat.is_in_flight &&
           (pgcwi_heartbeat_is_due(&session->heartbeat, now_ns) ||
            pgcwi_freshness_requested(&session->listener->freshness) >
                session->answered.ticket);
}

static enum pgcw_status
send_fence(struct session *session, struct pgcw_error *error)
{
    if (!is_fence_wanted(session, pgcwi_clock_monotonic_ns())) {
        return PGCW_OK;
    }
    session->fence.ticket =
        pgcwi_freshness_requested(&session->listener->freshness);
    /* behind the ticket: who has synced finds the horizon beyond his call */
    session->fence.sent_at_ns = pgcwi_clock_monotonic_ns();
    pgcwi_heartbeat_sent(&session->heartbeat, session->fence.sent_at_ns);
    return pgcwi_connection_send(&session->connection, "", error);
}

/* A full ring is tried again later, not answered with another fence. */
static void
push_answered(struct session *session)
{
    if (session->is_answered_unpushed) {
        session->is_answered_unpushed = !pgcwi_worker_pool_push_fence(
            session->listener->pool, session->answered);
    }
}

/* What was heard before the answer has been pushed before the fence is. */
static void
fence_answered(struct session *session)
{
    struct pgcw_listener *listener = session->listener;
    int64_t round_trip_ns =
        pgcwi_clock_monotonic_ns() - session->fence.sent_at_ns;

    pgcwi_heartbeat_answered(&session->heartbeat);
    pgcwi_counter_add(&listener->counters.fences_answered);
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_store_explicit(&listener->counters.fence_round_trip_us,
                          (uint64_t)(round_trip_ns / PGCWI_NS_PER_US),
                          memory_order_relaxed);
    session->answered = session->fence;
    session->is_answered_unpushed = true;
    push_answered(session);
    if (is_state(session, PGCW_LISTENER_DOUBT)) {
        go_live(session);
    }
}

static enum pgcw_status
hear_and_answer(struct session *session, struct pgcw_error *error)
{
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    if (session->heartbeat.is_in_flight) {
        answer = pgcwi_connection_answer(&session->connection, error);
    }
    hear_all(session);
    if (answer == PGCWI_ANSWER_OK) {
        fence_answered(session);
    }
    return answer == PGCWI_ANSWER_REFUSED ? PGCW_REFUSED : PGCW_OK;
}

/* Before the socket is read: a late answer is a gap, also if it is there. */
static enum pgcw_status
check_heartbeat(struct session *session, struct pgcw_error *error)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    if (pgcwi_heartbeat_is_late(&session->heartbeat, now_ns)) {
        go_into_doubt(session);
    }
    if (!pgcwi_heartbeat_is_lost(&session->heartbeat, now_ns)) {
        return PGCW_OK;
    }
    return pgcwi_error_set(
        error, PGCW_TIMEOUT, "a heartbeat was not answered within %u ms",
        2 * (unsigned)session->listener->settings.options.heartbeat_timeout_ms);
}

static int64_t
next_deadline_ns(const struct session *session, bool is_retry_wanted)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    int64_t deadline_ns =
        pgcwi_heartbeat_deadline_ns(&session->heartbeat, now_ns);
    int64_t retry_ns = now_ns + PGCWI_NS_PER_MS;

    return is_retry_wanted && retry_ns < deadline_ns ? retry_ns : deadline_ns;
}

static enum pgcw_status
serve(struct session *session, struct pgcw_error *error)
{
    const struct pgcw_listener_options *options =
        &session->listener->settings.options;
    enum pgcw_status status = PGCW_OK;

    pgcwi_heartbeat_init(&session->heartbeat,
                         options->heartbeat_interval_ms * PGCWI_NS_PER_MS,
                         options->heartbeat_timeout_ms * PGCWI_NS_PER_MS,
                         pgcwi_clock_monotonic_ns());
    go_live(session);
    while (status == PGCW_OK && !is_stopping(session)) {
        push_answered(session);
        bool is_settled = settle_gap(session);

        status = send_fence(session, error);
        if (status != PGCW_OK) {
            break;
        }
        bool is_ready = pgcwi_listener_poll(
            session->listener, pgcwi_connection_fd(&session->connection),
            pgcwi_connection_events(&session->connection),
            next_deadline_ns(session,
                             session->is_answered_unpushed || !is_settled));

        status = check_heartbeat(session, error);
        if (status == PGCW_OK && is_ready) {
            status = pgcwi_connection_receive(&session->connection, error);
        }
        if (status == PGCW_OK) {
            status = hear_and_answer(session, error);
        }
    }
    return status;
}

static enum pgcw_status
run_steps(struct session *session, bool *has_been_live,
          struct pgcw_error *error)
{
    enum pgcw_status status = connect_to_server(session, error);

    if (status == PGCW_OK && !is_stopping(session)) {
        status = subscribe(session, error);
    }
    if (status == PGCW_OK && !is_stopping(session)) {
        pgcwi_listener_set_state(session->listener, PGCW_LISTENER_PROBING,
                                 NULL);
        status = probe(session, error);
    }
    if (status == PGCW_OK && !is_stopping(session)) {
        *has_been_live = true;
        pgcwi_counter_add(&session->listener->counters.connects);
        status = serve(session, error);
    }
    return status;
}

enum pgcw_status
pgcwi_session_run(struct pgcw_listener *listener, bool *has_been_live,
                  struct pgcw_error *error)
{
    struct session session = {
        .listener = listener,
        .live_deadline_ns =
            pgcwi_clock_monotonic_ns() +
            listener->settings.options.connect_timeout_ms * PGCWI_NS_PER_MS,
    };
    enum pgcw_status status;

    /* what was committed before LISTEN is not heard */
    pgcwi_worker_pool_owe_gap(listener->pool, PGCW_GAP_CONNECTION);
    *has_been_live = false;
    *error = (struct pgcw_error){.status = PGCW_OK};
    pgcwi_listener_set_state(listener, PGCW_LISTENER_CONNECTING, NULL);
    status = run_steps(&session, has_been_live, error);
    pgcwi_attachments_close(&listener->attachments);
    if (status != PGCW_OK && is_state(&session, PGCW_LISTENER_LIVE)) {
        pgcwi_counter_add(&listener->counters.gaps);
    }
    pgcwi_connection_close(&session.connection);
    return status;
}
