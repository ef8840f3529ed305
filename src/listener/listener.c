/* SPDX-License-Identifier: MIT */
#include "listener/listener.h"

#include <poll.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "base/thread.h"
#include "cache/forked.h"
#include "cache/key_hash.h"
#include "listener/backoff.h"
#include "listener/session.h"
#include "listener/source.h"

struct pgcwi_attachments *
pgcwi_listener_attachments(struct pgcw_listener *listener)
{
    return &listener->attachments;
}

const char *
pgcw_listener_state_text(enum pgcw_listener_state state)
{
    switch (state) {
    case PGCW_LISTENER_OFF:
        return "off";
    case PGCW_LISTENER_CONNECTING:
        return "connecting";
    case PGCW_LISTENER_PROBING:
        return "probing";
    case PGCW_LISTENER_LIVE:
        return "live";
    case PGCW_LISTENER_DOUBT:
        return "doubt";
    case PGCW_LISTENER_DOWN:
        return "down";
    }
    return "unknown";
}

bool
pgcwi_listener_is_stopping(const struct pgcw_listener *listener)
{
    /* relaxed: only ends loops; the join that follows orders the rest */
    return atomic_load_explicit(&listener->is_stopping, memory_order_relaxed);
}

static void
end_first_attempt(struct pgcw_listener *listener,
                  const struct pgcw_error *error)
{
    pthread_mutex_lock(&listener->opening_lock);
    if (!listener->is_first_attempt_over) {
        listener->is_first_attempt_over = true;
        listener->first_error = *error;
        pthread_cond_broadcast(&listener->has_opened);
    }
    pthread_mutex_unlock(&listener->opening_lock);
}

void
pgcwi_listener_set_state(struct pgcw_listener *listener,
                         enum pgcw_listener_state state, const char *reason)
{
    const struct pgcw_listener_options *options = &listener->settings.options;
    const char *text = reason != NULL ? reason : "";

    /*
     * ORDER: the opening or closing of the caches before the state.
     * Pairs with: pgcw_listener_read_state(). Without it: who sees LIVE could
     * still find a cache closed.
     */
    atomic_store_explicit(&listener->state, (int)state, memory_order_release);
    pgcwi_log_write(
        &listener->log, reason != NULL ? PGCW_LOG_WARNING : PGCW_LOG_INFO,
        "listener of \"%s\" is %s%s%s", listener->settings.channel,
        pgcw_listener_state_text(state), reason != NULL ? ": " : "", text);
    if (options->on_state != NULL) {
        options->on_state(options->on_state_context, state, text);
    }
    if (state == PGCW_LISTENER_LIVE) {
        end_first_attempt(listener, &(struct pgcw_error){.status = PGCW_OK});
    }
}

void
pgcwi_listener_poll(struct pgcw_listener *listener, struct pollfd *sockets,
                    size_t count, int64_t deadline_ns)
{
    struct pollfd fds[1 + PGCWI_SOURCE_MAX_SOCKETS] = {
        {.fd = listener->wakeup.fd, .events = POLLIN},
    };
    bool is_any_ready;

    for (size_t i = 0; i < count; i++) {
        fds[1 + i] = sockets[i];
    }
    is_any_ready = poll(fds, 1 + count, pgcwi_clock_poll_ms(deadline_ns)) > 0;
    for (size_t i = 0; i < count; i++) {
        sockets[i].revents = is_any_ready ? fds[1 + i].revents : 0;
    }
    if (is_any_ready && fds[0].revents != 0) {
        pgcwi_wakeup_drain(&listener->wakeup);
    }
}

static void
wait_before_next_attempt(struct pgcw_listener *listener, uint32_t delay_ms)
{
    int64_t until_ns = pgcwi_clock_monotonic_ns() + delay_ms * PGCWI_NS_PER_MS;

    while (!pgcwi_listener_is_stopping(listener) &&
           pgcwi_clock_monotonic_ns() < until_ns) {
        pgcwi_listener_poll(listener, NULL, 0, until_ns);
    }
}

static void
run(void *context)
{
    struct pgcw_listener *listener = context;
    const struct pgcw_listener_options *options = &listener->settings.options;
    struct pgcwi_backoff backoff;

    pgcwi_backoff_init(&backoff, options->reconnect_min_ms,
                       options->reconnect_max_ms, pgcwi_key_random_seed());
    while (!pgcwi_listener_is_stopping(listener)) {
        struct pgcw_error error;
        bool has_been_live;
        enum pgcw_status status =
            pgcwi_session_run(listener, &has_been_live, &error);

        if (status == PGCW_OK) {
            break;
        }
        pgcwi_listener_set_state(listener, PGCW_LISTENER_DOWN, error.detail);
        end_first_attempt(listener, &error);
        if (has_been_live) {
            pgcwi_backoff_reset(&backoff);
        }
        if (status == PGCW_REFUSED) {
            pgcwi_backoff_raise(&backoff); /* until somebody mends it */
        }
        wait_before_next_attempt(listener, pgcwi_backoff_next_ms(&backoff));
    }
    pgcwi_listener_set_state(listener, PGCW_LISTENER_OFF, NULL);
}

static enum pgcw_status
start_pool(struct pgcw_listener *listener, struct pgcw_error *error)
{
    const struct pgcw_listener_options *options = &listener->settings.options;
    struct pgcwi_worker_pool_options pool = {
        .worker_count = options->worker_count,
        .ring_capacity = options->ring_capacity,
        .channel = listener->settings.channel,
        .attachments = &listener->attachments,
        .subscriptions = &listener->subscriptions,
        .freshness = &listener->freshness,
        .counters = &listener->counters,
        .log = &listener->log,
        .max_latency_ms = options->max_latency_ms,
        .on_event = options->on_event,
        .on_event_context = options->on_event_context,
    };

    return pgcwi_worker_pool_start(&pool, &listener->pool, error);
}

static enum pgcw_status
start(struct pgcw_listener *listener, struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_wakeup_open(&listener->wakeup);

    if (status != PGCW_OK) {
        return pgcwi_error_set(error, status, "no descriptor for a wakeup");
    }
    status = start_pool(listener, error);
    if (status != PGCW_OK) {
        return status;
    }
    status =
        pgcwi_thread_start(&listener->thread, "pgcw:listen", run, listener);
    if (status != PGCW_OK) {
        return pgcwi_error_set(error, status,
                               "the listener's thread could not be started");
    }
    listener->has_thread = true;
    return PGCW_OK;
}

static enum pgcw_status
wait_for_first_attempt(struct pgcw_listener *listener, struct pgcw_error *error)
{
    pthread_mutex_lock(&listener->opening_lock);
    /* ends: an attempt is bounded by connect_timeout_ms */
    while (!listener->is_first_attempt_over) {
        pthread_cond_wait(&listener->has_opened, &listener->opening_lock);
    }
    enum pgcw_status status = listener->first_error.status;
    if (status != PGCW_OK && error != NULL) {
        *error = listener->first_error;
    }
    pthread_mutex_unlock(&listener->opening_lock);
    return status;
}

static void
init_parts(struct pgcw_listener *listener)
{
    const struct pgcw_listener_options *options = &listener->settings.options;

    listener->wakeup.fd = -1;
    pgcwi_log_init(&listener->log, options->log, options->log_context,
                   options->log_level);
    pgcwi_attachments_init(&listener->attachments);
    pgcwi_subscriptions_init(&listener->subscriptions);
    pgcwi_freshness_init(&listener->freshness);
    atomic_init(&listener->state, (int)PGCW_LISTENER_OFF);
    pthread_mutex_init(&listener->opening_lock, NULL);
    pthread_cond_init(&listener->has_opened, NULL);
}

enum pgcw_status
pgcw_listener_open(const struct pgcw_listener_options *options,
                   struct pgcw_listener **listener, struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_forked_check(error);

    if (status != PGCW_OK) {
        return status;
    }
    struct pgcw_listener *made = pgcwi_alloc_array(1, sizeof(*made));
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a listener");
    }
    status = pgcwi_settings_init(&made->settings, options, error);
    if (status != PGCW_OK) {
        pgcwi_settings_fini(&made->settings);
        pgcwi_free(made);
        return status;
    }
    init_parts(made);
    status = start(made, error);
    if (status == PGCW_OK && made->settings.options.open_in_background == 0) {
        status = wait_for_first_attempt(made, error);
    }
    if (status != PGCW_OK) {
        pgcw_listener_close(made);
        return status;
    }
    *listener = made;
    return PGCW_OK;
}

void
pgcw_listener_close(struct pgcw_listener *listener)
{
    if (listener == NULL || pgcwi_forked_is_child()) {
        return;
    }
    if (listener->has_thread) {
        /* relaxed: see pgcwi_listener_is_stopping() */
        atomic_store_explicit(&listener->is_stopping, true,
                              memory_order_relaxed);
        pgcwi_wakeup_signal(&listener->wakeup);
        pthread_join(listener->thread, NULL);
    }
    pgcwi_worker_pool_stop(listener->pool);
    pgcwi_wakeup_close(&listener->wakeup);
    pgcwi_freshness_fini(&listener->freshness);
    pgcwi_subscriptions_fini(&listener->subscriptions);
    pgcwi_attachments_fini(&listener->attachments);
    pgcwi_log_fini(&listener->log);
    pthread_cond_destroy(&listener->has_opened);
    pthread_mutex_destroy(&listener->opening_lock);
    pgcwi_settings_fini(&listener->settings);
    pgcwi_free(listener);
}

enum pgcw_listener_state
pgcw_listener_read_state(const struct pgcw_listener *listener)
{
    if (pgcwi_forked_is_child()) {
        return PGCW_LISTENER_OFF;
    }
    /*
     * ORDER: our look at the state before our look at a cache.
     * Pairs with: pgcwi_listener_set_state(). Without it: see there.
     */
    return (enum pgcw_listener_state)atomic_load_explicit(&listener->state,
                                                          memory_order_acquire);
}

uint64_t
pgcwi_listener_ask_for_sync(struct pgcw_listener *listener)
{
    uint64_t ticket = pgcwi_freshness_request(&listener->freshness);

    pgcwi_wakeup_signal(&listener->wakeup);
    return ticket;
}

enum pgcw_status
pgcw_listener_sync(struct pgcw_listener *listener, uint32_t timeout_ms)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + timeout_ms * PGCWI_NS_PER_MS;

    if (pgcwi_thread_is_ours() || pgcwi_forked_is_child()) {
        return PGCW_INTERNAL;
    }
    return pgcwi_freshness_wait(&listener->freshness,
                                pgcwi_listener_ask_for_sync(listener),
                                deadline_ns)
               ? PGCW_OK
               : PGCW_TIMEOUT;
}

int64_t
pgcw_listener_horizon_ns(const struct pgcw_listener *listener)
{
    return pgcwi_freshness_horizon_ns(&listener->freshness);
}

void
pgcw_listener_read_stats(const struct pgcw_listener *listener,
                         struct pgcw_listener_stats *stats)
{
    const struct pgcwi_listener_counters *counters = &listener->counters;
    struct pgcw_listener_stats known = {
        .size = sizeof(known),
        .messages_heard = pgcwi_counter_read(&counters->messages_heard),
        .events_applied = pgcwi_counter_read(&counters->events_applied),
        .payloads_undecodable =
            pgcwi_counter_read(&counters->payloads_undecodable),
        .messages_dropped = pgcwi_counter_read(&counters->messages_dropped),
        .gaps = pgcwi_counter_read(&counters->gaps),
        .connects = pgcwi_counter_read(&counters->connects),
        .fences_answered = pgcwi_counter_read(&counters->fences_answered),
        .fence_round_trip_us =
            pgcwi_counter_read(&counters->fence_round_trip_us),
        .ring_waiting = pgcwi_worker_pool_waiting(listener->pool),
        .events_late = pgcwi_counter_read(&counters->events_late),
    };

    pgcwi_stats_write(stats, &known, sizeof(known));
}
