/* SPDX-License-Identifier: MIT */
/* A listener of which there is only what events go through: no thread of its
 * own, no server. Whoever pushes into its pool is its thread. */
#ifndef TESTS_SUPPORT_BARE_LISTENER_H
#define TESTS_SUPPORT_BARE_LISTENER_H

#include <sched.h>
#include <stdbool.h>

#include "base/clock.h"
#include "listener/listener.h"

/* Without a pool. */
static inline void
bare_listener_init(struct pgcw_listener *listener)
{
    *listener = (struct pgcw_listener){.settings.channel = "channel"};
    pgcwi_attachments_init(&listener->attachments);
    pgcwi_subscriptions_init(&listener->subscriptions);
    pgcwi_freshness_init(&listener->freshness);
    pgcwi_log_init(&listener->log, NULL, NULL, PGCW_LOG_WARNING);
}

static inline void
bare_listener_fini(struct pgcw_listener *listener)
{
    pgcwi_worker_pool_stop(listener->pool);
    pgcwi_log_fini(&listener->log);
    pgcwi_freshness_fini(&listener->freshness);
    pgcwi_subscriptions_fini(&listener->subscriptions);
    pgcwi_attachments_fini(&listener->attachments);
}

static inline struct pgcwi_worker_pool_options
bare_listener_pool_options(struct pgcw_listener *listener,
                           uint32_t worker_count, uint32_t ring_capacity)
{
    return (struct pgcwi_worker_pool_options){
        .worker_count = worker_count,
        .ring_capacity = ring_capacity,
        .channel = listener->settings.channel,
        .attachments = &listener->attachments,
        .subscriptions = &listener->subscriptions,
        .freshness = &listener->freshness,
        .counters = &listener->counters,
        .log = &listener->log,
    };
}

/* Waits until all that was pushed is applied. */
static inline bool
bare_listener_drain(struct pgcw_listener *listener, int64_t patience_ns)
{
    uint64_t ticket = pgcwi_freshness_request(&listener->freshness);
    struct pgcwi_fence fence = {ticket, pgcwi_clock_monotonic_ns()};

    while (!pgcwi_worker_pool_push_fence(listener->pool, fence)) {
        (void)sched_yield();
    }
    return pgcwi_freshness_wait(&listener->freshness, ticket,
                                pgcwi_clock_monotonic_ns() + patience_ns);
}

#endif
