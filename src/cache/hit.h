/* SPDX-License-Identifier: MIT */
/*
 * Hits. What most of them run is inlined, without a call; what is unusual
 * stands apart, and begins anew.
 */
#ifndef PGCWI_CACHE_HIT_H
#define PGCWI_CACHE_HIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/bucket.h"
#include "cache/cache.h"
#include "cache/reader.h"
#include "cache/transaction.h"

/* The arguments by value, so that a caller needs no memory for what it has in
 * registers. */
enum pgcw_status pgcwi_hit_unusual(struct pgcw_cache *cache,
                                   struct pgcw_bytes key, uint64_t hash,
                                   struct pgcw_bytes *value);

/* relaxed: whether to look at what was there before, or has its own order */
PGCWI_INLINE bool
pgcwi_hit_is_watched(const struct pgcw_cache *cache)
{
    return atomic_load_explicit(&cache->hit_watchers, memory_order_relaxed) !=
           0;
}

/* Whether a lookup of the entry, which has its key, is a hit with nothing to
 * do but to count it. */
PGCWI_INLINE bool
pgcwi_hit_is_usual(const struct pgcw_cache *cache,
                   const struct pgcwi_entry *entry)
{
    return pgcwi_entry_is_coherent(entry, &cache->stamps) && !entry->has_ttl &&
           !entry->is_absent && !pgcwi_transaction_is_any_open() &&
           !pgcwi_hit_is_watched(cache);
}

/* pgcw_cache_lookup(), once pgcwi_bucket_first_candidate() was asked. */
PGCWI_INLINE enum pgcw_status
pgcwi_hit_look_up(struct pgcw_cache *cache, struct pgcw_bytes key,
                  uint64_t hash, struct pgcwi_entry *candidate,
                  struct pgcw_bytes *value)
{
    struct pgcwi_key hashed = {key, hash};

    if (__builtin_expect(candidate == NULL ||
                             !pgcwi_bucket_has_key(candidate, &hashed) ||
                             !pgcwi_hit_is_usual(cache, candidate),
                         false)) {
        return pgcwi_hit_unusual(cache, key, hash, value);
    }
    pgcwi_entry_visit(candidate);
    pgcwi_reader_add_one(&pgcwi_reader_counters(cache->number)->hits);
    *value = pgcwi_entry_value(candidate);
    return PGCW_OK;
}

#endif
