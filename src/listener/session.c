/* SPDX-License-Identifier: MIT */
#include "listener/session.h"

#include <string.h>

#include "base/clock.h"
#include "base/status.h"
#include "listener/session_state.h"

/* A message is lost, so all that may depend on it goes at once. */
static void
drop(struct pgcwi_session *session)
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
hear(struct pgcwi_session *session, const PGnotify *notification)
{
    struct pgcw_listener *listener = session->listener;

    if (strcmp(notification->relname, session->probe_channel) == 0) {
        session->is_probe_heard = true;
        session->probe_pid = notification->be_pid;
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

enum pgcw_status
pgcwi_session_hear_all(struct pgcwi_session *session, struct pgcw_error *error)
{
    PGnotify *notification;

    while ((notification = pgcwi_connection_next(&session->connection)) !=
           NULL) {
        hear(session, notification);
        PQfreemem(notification);
    }
    return pgcwi_connection_check_memory(&session->connection, error);
}

static bool
is_state(const struct pgcwi_session *session, enum pgcw_listener_state state)
{
    /* relaxed: only this thread writes it */
    return atomic_load_explicit(&session->listener->state,
                                memory_order_relaxed) == (int)state;
}

/* Also if no event follows. False: the ring is full, or memory short. */
static bool
settle_gap(struct pgcwi_session *session)
{
    return !is_state(session, PGCW_LISTENER_LIVE) ||
           pgcwi_worker_pool_settle_gap(session->listener->pool);
}

static void
go_live(struct pgcwi_session *session)
{
    pgcwi_attachments_open(&session->listener->attachments);
    /* before LIVE is told: who subscribes then is not meant */
    (void)pgcwi_worker_pool_settle_gap(session->listener->pool);
    pgcwi_listener_set_state(session->listener, PGCW_LISTENER_LIVE, NULL);
}

static void
go_into_doubt(struct pgcwi_session *session)
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
is_fence_wanted(struct pgcwi_session *session, int64_t now_ns)
{
    return !session->heartbeat.is_in_flight &&
           (pgcwi_heartbeat_is_due(&session->heartbeat, now_ns) ||
            pgcwi_freshness_requested(&session->listener->freshness) >
                session->answered.ticket);
}

static enum pgcw_status
send_fence(struct pgcwi_session *session, struct pgcw_error *error)
{
    if (!is_fence_wanted(session, pgcwi_clock_monotonic_ns())) {
        return PGCW_OK;
    }
    session->fence.ticket =
        pgcwi_freshness_requested(&session->listener->freshness);
    /* behind the ticket: who has synced finds the horizon beyond his call */
    session->fence.sent_at_ns = pgcwi_clock_monotonic_ns();
    pgcwi_heartbeat_sent(&session->heartbeat, session->fence.sent_at_ns);
    return pgcwi_connection_send(&session->connection, session->fence_sql,
                                 error);
}

/* A full ring is tried again later, not answered with another fence. */
static void
push_answered(struct pgcwi_session *session)
{
    if (session->is_answered_unpushed) {
        session->is_answered_unpushed = !pgcwi_worker_pool_push_fence(
            session->listener->pool, session->answered);
    }
}

/* What was heard before the answer has been pushed before the fence is. */
static void
fence_answered(struct pgcwi_session *session)
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
fence_refused(const struct pgcwi_session *session, struct pgcw_error *error)
{
    if (session->fence_sql[0] == '\0' ||
        strcmp(error->sqlstate, "22012") != 0) {
        return error->status;
    }
    return pgcwi_error_set(error, PGCW_DISCONNECTED,
                           "the pooler has given the listener another server "
                           "session, which does not LISTEN");
}

static enum pgcw_status
hear_and_answer(struct pgcwi_session *session, struct pgcw_error *error)
{
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    if (session->heartbeat.is_in_flight) {
        answer = pgcwi_connection_answer(&session->connection, error);
    }
    enum pgcw_status status = pgcwi_session_hear_all(session, error);
    if (status == PGCW_OK && answer == PGCWI_ANSWER_OK) {
        fence_answered(session);
    }
    return status == PGCW_OK && answer == PGCWI_ANSWER_REFUSED
               ? fence_refused(session, error)
               : status;
}

/* Before the socket is read: a late answer is a gap, also if it is there. */
static enum pgcw_status
check_heartbeat(struct pgcwi_session *session, struct pgcw_error *error)
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
next_deadline_ns(const struct pgcwi_session *session, bool is_retry_wanted)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    int64_t deadline_ns =
        pgcwi_heartbeat_deadline_ns(&session->heartbeat, now_ns);
    int64_t retry_ns = now_ns + PGCWI_NS_PER_MS;

    return is_retry_wanted && retry_ns < deadline_ns ? retry_ns : deadline_ns;
}

static enum pgcw_status
serve(struct pgcwi_session *session, struct pgcw_error *error)
{
    const struct pgcw_listener_options *options =
        &session->listener->settings.options;
    enum pgcw_status status = PGCW_OK;

    pgcwi_heartbeat_init(&session->heartbeat,
                         options->heartbeat_interval_ms * PGCWI_NS_PER_MS,
                         options->heartbeat_timeout_ms * PGCWI_NS_PER_MS,
                         pgcwi_clock_monotonic_ns());
    go_live(session);
    while (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
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
run_steps(struct pgcwi_session *session, bool *has_been_live,
          struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_session_open(session, error);

    if (status == PGCW_OK && !pgcwi_session_is_stopping(session)) {
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
    struct pgcwi_session session = {
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
