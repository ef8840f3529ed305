/* SPDX-License-Identifier: MIT */
/* What a listener counts. */
#ifndef PGCWI_LISTENER_COUNTERS_H
#define PGCWI_LISTENER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct pgcwi_listener_counters {
    /* shared */
    _Atomic uint64_t messages_heard;
    _Atomic uint64_t events_applied;
    _Atomic uint64_t payloads_undecodable;
    _Atomic uint64_t messages_dropped;
    _Atomic uint64_t gaps;
    _Atomic uint64_t connects;
    _Atomic uint64_t fences_answered;
    _Atomic uint64_t fence_round_trip_us;
    _Atomic uint64_t events_late;
};

static inline void
pgcwi_counter_add(_Atomic uint64_t *counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* By the only thread that adds to it now: no atomic read-modify-write. */
static inline void
pgcwi_counter_add_alone(_Atomic uint64_t *counter)
{
    /* relaxed: as above */
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    /* relaxed: as above */
    atomic_store_explicit(counter, value + 1, memory_order_relaxed);
}

static inline uint64_t
pgcwi_counter_read(const _Atomic uint64_t *counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
