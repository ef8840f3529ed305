/* SPDX-License-Identifier: MIT */
#include "listener/freshness.h"

#include "base/clock.h"

void
pgcwi_freshness_init(struct pgcwi_freshness *freshness)
{
    atomic_init(&freshness->horizon_ns, 0);
    freshness->requested_ticket = 0;
    freshness->completed_ticket = 0;
    pthread_mutex_init(&freshness->lock, NULL);
    pgcwi_clock_init_condition(&freshness->has_completed);
}

void
pgcwi_freshness_fini(struct pgcwi_freshness *freshness)
{
    pthread_cond_destroy(&freshness->has_completed);
    pthread_mutex_destroy(&freshness->lock);
}

uint64_t
pgcwi_freshness_request(struct pgcwi_freshness *freshness)
{
    pthread_mutex_lock(&freshness->lock);
    uint64_t ticket = ++freshness->requested_ticket;
    pthread_mutex_unlock(&freshness->lock);
    return ticket;
}

bool
pgcwi_freshness_wait(struct pgcwi_freshness *freshness, uint64_t ticket,
                     int64_t deadline_ns)
{
    struct timespec deadline = pgcwi_clock_timespec(deadline_ns);
    bool is_late = false;

    pthread_mutex_lock(&freshness->lock);
    while (freshness->completed_ticket < ticket && !is_late) {
        is_late = pthread_cond_timedwait(&freshness->has_completed,
                                         &freshness->lock, &deadline) != 0;
    }
    bool is_completed = freshness->completed_ticket >= ticket;
    pthread_mutex_unlock(&freshness->lock);
    return is_completed;
}

uint64_t
pgcwi_freshness_requested(struct pgcwi_freshness *freshness)
{
    pthread_mutex_lock(&freshness->lock);
    uint64_t ticket = freshness->requested_ticket;
    pthread_mutex_unlock(&freshness->lock);
    return ticket;
}

void
pgcwi_freshness_apply(struct pgcwi_freshness *freshness,
                      struct pgcwi_fence fence)
{
    /*
     * ORDER: everything applied in the turns before, before the horizon.
     * Pairs with: pgcwi_freshness_horizon_ns(). Without it: a reader trusts
     * a horizon, and yet gets a value from before it.
     */
    atomic_store_explicit(&freshness->horizon_ns, fence.sent_at_ns,
                          memory_order_release);
    pthread_mutex_lock(&freshness->lock);
    if (fence.ticket > freshness->completed_ticket) {
        freshness->completed_ticket = fence.ticket;
        pthread_cond_broadcast(&freshness->has_completed);
    }
    pthread_mutex_unlock(&freshness->lock);
}

int64_t
pgcwi_freshness_horizon_ns(const struct pgcwi_freshness *freshness)
{
    /*
     * ORDER: our look at the horizon before our look at the cache.
     * Pairs with: pgcwi_freshness_apply(). Without it: see there.
     */
    return atomic_load_explicit(&freshness->horizon_ns, memory_order_acquire);
}
