/* SPDX-License-Identifier: MIT */
#include "cache/refresh.h"

#include "base/clock.h"
#include "cache/transaction.h"

bool
pgcwi_refresh_claim_at(const struct pgcw_cache *cache,
                       struct pgcwi_entry *entry, uint32_t after_ms)
{
    int64_t age_ms =
        (pgcwi_clock_coarse_ns() - entry->taken_at_ns) / PGCWI_NS_PER_MS;
    int64_t next_ms = age_ms + cache->load_timeout_ns / PGCWI_NS_PER_MS;

    if (age_ms < after_ms || pgcwi_transaction_is_private(cache) ||
        !pgcwi_stamps_is_open(&cache->stamps)) {
        return false;
    }
    /* relaxed: as in pgcwi_refresh_claim(); after seven weeks never more */
    return atomic_compare_exchange_strong_explicit(
        &entry->refresh_after_ms, &after_ms,
        next_ms <= UINT32_MAX ? (uint32_t)next_ms : 0, memory_order_relaxed,
        memory_order_relaxed);
}

enum pgcw_status
pgcwi_refresh_settle(struct pgcw_cache *cache, enum pgcw_status status,
                     struct pgcwi_entry *old, struct pgcwi_entry **entry)
{
    bool is_valid = pgcwi_entry_is_valid(old, &cache->stamps);

    /* what was read from a standby may be the older one */
    if (is_valid && (*entry == NULL || (*entry)->clock < old->clock)) {
        pgcwi_reclaim_release(*entry);
        *entry = old;
        return PGCW_OK;
    }
    if (*entry != NULL && (*entry)->is_absent && (*entry)->ttl_ms == 0 &&
        is_valid) {
        /* nothing was stored in its place, but it is known to be gone */
        pgcw_cache_invalidate(cache, pgcwi_entry_key(old));
    }
    pgcwi_reclaim_release(old);
    return status;
}
