/* SPDX-License-Identifier: MIT */
/* A number that only grows, for people to look at. */
#ifndef PGCWI_LISTENER_COUNTER_H
#define PGCWI_LISTENER_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

static inline void
pgcwi_counter_add(_Atomic uint64_t *counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* By the only thread that raises it now: no atomic read-modify-write. */
static inline void
pgcwi_counter_raise_alone(_Atomic uint64_t *counter, uint64_t by)
{
    /* relaxed: as above */
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    /* relaxed: as above */
    atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

static inline void
pgcwi_counter_add_alone(_Atomic uint64_t *counter)
{
    pgcwi_counter_raise_alone(counter, 1);
}

static inline uint64_t
pgcwi_counter_read(const _Atomic uint64_t *counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
