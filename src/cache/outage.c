/* SPDX-License-Identifier: MIT */
#include "cache/outage.h"

#include "base/clock.h"
#include "base/status.h"

enum pgcw_status
pgcwi_outage_check_options(const struct pgcw_cache_options *options,
                           struct pgcw_error *error)
{
    switch (options->outage) {
    case PGCW_OUTAGE_BYPASS:
    case PGCW_OUTAGE_ERROR:
        return PGCW_OK;
    case PGCW_OUTAGE_SERVE_STALE:
        if (options->stale_max_ms != 0) {
            return PGCW_OK;
        }
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "stale_max_ms: PGCW_OUTAGE_SERVE_STALE needs "
                               "the longest time to serve what may be stale");
    }
    return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                           "outage: %d is not a policy", (int)options->outage);
}

bool
pgcwi_outage_may_serve(const struct pgcw_cache *cache,
                       const struct pgcwi_entry *entry)
{
    /* 0 with another policy: never */
    int64_t stale_max_ns = cache->stale_max_ns;
    /* before the look at the stamps */
    int64_t closed_at_ns =
        stale_max_ns != 0 ? pgcwi_stamps_closed_at_ns(&cache->stamps) : 0;

    return closed_at_ns != 0 &&
           pgcwi_clock_coarse_ns() - closed_at_ns < stale_max_ns &&
           pgcwi_stamps_was_valid(&cache->stamps, entry->clock, entry->slots,
                                  entry->slot_count) &&
           !pgcwi_entry_is_expired(entry);
}

enum pgcw_status
pgcwi_outage_miss(const struct pgcw_cache *cache)
{
    return cache->is_outage_error && !pgcwi_stamps_is_open(&cache->stamps)
               ? PGCW_DISCONNECTED
               : PGCW_MISS;
}

enum pgcw_status
pgcwi_outage_explain(struct pgcw_error *error)
{
    return pgcwi_error_set(error, PGCW_DISCONNECTED,
                           "the listener is not LIVE, and the cache's outage "
                           "policy is PGCW_OUTAGE_ERROR: nothing was loaded");
}
