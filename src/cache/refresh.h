/* SPDX-License-Identifier: MIT */
/*
 * Refresh-ahead: a value that is old, but valid, is loaded anew by one of
 * those who fetch it.
 *
 * Model: an entry has the age at which it is due. Who finds it due moves that
 * on, by one atomic exchange, and so is the only one to load until then,
 * also if its load fails or hangs; others have the old value. The load is a
 * flight like any other, and the new value goes the way of any value.
 */
#ifndef PGCWI_CACHE_REFRESH_H
#define PGCWI_CACHE_REFRESH_H

#include "cache/cache.h"

/* For pgcwi_refresh_claim() alone: `after_ms` as the entry says. */
bool pgcwi_refresh_claim_at(const struct pgcw_cache *cache,
                            struct pgcwi_entry *entry, uint32_t after_ms);

/* By one who found a valid entry: whether he shall load it anew. */
static inline bool
pgcwi_refresh_claim(const struct pgcw_cache *cache, struct pgcwi_entry *entry)
{
    /* relaxed: says who loads; nothing else is read because of it */
    uint32_t after_ms =
        atomic_load_explicit(&entry->refresh_after_ms, memory_order_relaxed);

    return after_ms != 0 && pgcwi_refresh_claim_at(cache, entry, after_ms);
}

/*
 * By him, after the load: what he gets. He holds `old`; `entry` is what was
 * loaded, if anything, and in the end what he holds.
 */
enum pgcw_status pgcwi_refresh_settle(struct pgcw_cache *cache,
                                      enum pgcw_status status,
                                      struct pgcwi_entry *old,
                                      struct pgcwi_entry **entry);

#endif
