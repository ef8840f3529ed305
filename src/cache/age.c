/* SPDX-License-Identifier: MIT */
#include "cache/age.h"

#include "base/clock.h"

static int64_t
horizon_ns(const struct pgcw_cache *cache)
{
    if (cache->horizon_ns == NULL) {
        return PGCWI_ANY_AGE;
    }
    /*
     * ORDER: our look at the horizon before our look at the cache.
     * Pairs with: pgcwi_freshness_apply(). Without it: a value that an event
     * from before the horizon has made invalid could still look valid.
     */
    return atomic_load_explicit(cache->horizon_ns, memory_order_acquire);
}

int64_t
pgcwi_age_oldest_ns(const struct pgcw_cache *cache, uint32_t max_age_ms)
{
    if (max_age_ms == 0) {
        return PGCWI_ANY_AGE;
    }
    /* not the coarse clock: it is late, and would let older values pass */
    int64_t oldest_ns =
        pgcwi_clock_monotonic_ns() - max_age_ms * PGCWI_NS_PER_MS;
    return horizon_ns(cache) >= oldest_ns ? PGCWI_ANY_AGE : oldest_ns;
}
