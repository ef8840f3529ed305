/* SPDX-License-Identifier: MIT */
#include "listener/session.h"

#include "base/clock.h"
#include "base/status.h"
#include "listener/heartbeat.h"
#include "listener/source.h"

/* owned by the listener's thread */
struct session {
    struct pgcw_listener *listener;
    struct pgcwi_source *source;
    struct pgcwi_heartbeat heartbeat;
    struct pgcwi_fence fence;    /* the newest that was sent */
    struct pgcwi_fence answered; /* the newest that was answered */
    bool is_answered_unpushed;   /* the ring was full, or memory short */
};

/* Something is lost, so all that may depend on it goes at once. */
static void
flush(struct session *session, const char *reason)
{
    struct pgcw_listener *listener = session->listener;

    pgcwi_attachments_flush(&listener->attachments);
    pgcwi_worker_pool_owe_gap(listener->pool, PGCW_GAP_DROPPED);
    pgcwi_counter_add(&listener->counters.gaps);
    pgcwi_log_write(&listener->log, PGCW_LOG_WARNING,
                    "%s: all caches were flushed", reason);
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
    pgcwi_attachments_note_fence(&session->listener->attachments);
    pgcwi_heartbeat_sent(&session->heartbeat, session->fence.sent_at_ns);
    return session->source->methods->send_fence(session->source, error);
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
fence_answered(struct session *session, uint64_t position)
{
    struct pgcw_listener *listener = session->listener;
    int64_t round_trip_ns =
        pgcwi_clock_monotonic_ns() - session->fence.sent_at_ns;

    if (position != 0) {
        pgcwi_attachments_add_checkpoint(&listener->attachments, position);
    }
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

static void
hear(void *context, struct pgcwi_heard *heard)
{
    struct session *session = context;
    struct pgcw_listener *listener = session->listener;
    bool is_taken = true;

    switch (heard->kind) {
    case PGCWI_HEARD_FENCE:
        fence_answered(session, heard->position);
        return;
    case PGCWI_HEARD_PAYLOAD:
        is_taken = pgcwi_worker_pool_push_payload(
            listener->pool, heard->payload, heard->received_at_us);
        break;
    case PGCWI_HEARD_CHANGE:
        is_taken = pgcwi_worker_pool_push_change(listener->pool, heard->change,
                                                 heard->received_at_us);
        break;
    case PGCWI_HEARD_GAP:
        flush(session, "too much was changed at once");
        break;
    }
    pgcwi_counter_add_alone(&listener->counters.messages_heard);
    if (!is_taken) {
        pgcwi_counter_add(&listener->counters.messages_dropped);
        flush(session, "the ring is full or memory is short, and a message "
                       "was dropped");
    }
}

/* Before the socket is read: a late answer is a gap, also if it is there. */
static enum pgcw_status
check_heartbeat(struct session *session, struct pgcw_error *error)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    if (session->source->is_alive) {
        session->source->is_alive = false;
        pgcwi_heartbeat_alive(&session->heartbeat, now_ns);
    }
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
    const struct pgcwi_source *source = session->source;
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    int64_t deadline_ns =
        pgcwi_heartbeat_deadline_ns(&session->heartbeat, now_ns);
    int64_t due_ns = source->methods->due_ns(source);
    int64_t sweep_ns =
        pgcwi_worker_pool_settle_sweep(session->listener->pool, now_ns);
    int64_t retry_ns = now_ns + PGCWI_NS_PER_MS;

    if (is_retry_wanted && retry_ns < due_ns) {
        due_ns = retry_ns;
    }
    due_ns = sweep_ns < due_ns ? sweep_ns : due_ns;
    return due_ns < deadline_ns ? due_ns : deadline_ns;
}

static enum pgcw_status
wait_and_hear(struct session *session, bool is_retry_wanted,
              struct pgcw_error *error)
{
    struct pgcwi_source *source = session->source;
    struct pollfd sockets[PGCWI_SOURCE_MAX_SOCKETS];
    size_t count = source->methods->sockets(source, sockets);

    pgcwi_listener_poll(session->listener, sockets, count,
                        next_deadline_ns(session, is_retry_wanted));
    enum pgcw_status status = check_heartbeat(session, error);
    if (status == PGCW_OK) {
        pgcwi_worker_pool_begin_burst(session->listener->pool);
        status = source->methods->receive(source, sockets, error);
        pgcwi_worker_pool_end_burst(session->listener->pool);
    }
    return status;
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
    while (status == PGCW_OK &&
           !pgcwi_listener_is_stopping(session->listener)) {
        push_answered(session);
        bool is_settled = settle_gap(session);

        status = send_fence(session, error);
        if (status == PGCW_OK) {
            status = wait_and_hear(
                session, session->is_answered_unpushed || !is_settled, error);
        }
    }
    return status;
}

static enum pgcw_status
run_steps(struct session *session, bool *has_been_live,
          struct pgcw_error *error)
{
    struct pgcwi_source *source = session->source;
    enum pgcw_status status = source->methods->open(source, error);

    if (status == PGCW_OK && !pgcwi_listener_is_stopping(session->listener)) {
        *has_been_live = true;
        pgcwi_counter_add(&session->listener->counters.connects);
        status = serve(session, error);
    }
    return status;
}

static bool
make_source(struct session *session)
{
    struct pgcw_listener *listener = session->listener;

    session->source = listener->settings.options.transport == PGCW_TRANSPORT_WAL
                          ? pgcwi_wal_source_create()
                          : pgcwi_notify_source_create();
    if (session->source == NULL) {
        return false;
    }
    session->source->listener = listener;
    session->source->live_deadline_ns =
        pgcwi_clock_monotonic_ns() +
        listener->settings.options.connect_timeout_ms * PGCWI_NS_PER_MS;
    session->source->hear = hear;
    session->source->hear_context = session;
    return true;
}

enum pgcw_status
pgcwi_session_run(struct pgcw_listener *listener, bool *has_been_live,
                  struct pgcw_error *error)
{
    struct session session = {.listener = listener};
    enum pgcw_status status;

    *has_been_live = false;
    *error = (struct pgcw_error){.status = PGCW_OK};
    if (!make_source(&session)) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a connection");
    }
    /* what was committed before the source is open is not heard */
    pgcwi_worker_pool_owe_gap(listener->pool, PGCW_GAP_CONNECTION);
    pgcwi_listener_set_state(listener, PGCW_LISTENER_CONNECTING, NULL);
    status = run_steps(&session, has_been_live, error);
    pgcwi_attachments_close(&listener->attachments);
    if (status != PGCW_OK && is_state(&session, PGCW_LISTENER_LIVE)) {
        pgcwi_counter_add(&listener->counters.gaps);
    }
    session.source->methods->close(session.source);
    return status;
}
