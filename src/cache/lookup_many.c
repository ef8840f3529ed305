/* SPDX-License-Identifier: MIT */
/*
 * Lookups whose waits for memory overlap: first the buckets of a batch are
 * fetched, then its entries, and only then is any of them looked at.
 */
#include <assert.h>

#include <pgcachewatch/many.h>

#include "cache/hit.h"
#include "cache/key_hash_inline.h"

/* As many lines as a processor may wait for, and more. */
#define BATCH 32

static inline uint64_t
hash_of(const struct pgcw_cache *cache, struct pgcw_bytes key)
{
    return pgcwi_key_is_short(key) ? pgcwi_key_hash_short(key, cache->hash_seed)
                                   : pgcwi_cache_key(cache, key).hash;
}

static size_t
look_up_batch(struct pgcw_cache *cache, struct pgcw_lookup *lookups,
              size_t count)
{
    struct pgcwi_entry *candidates[BATCH];
    uint64_t hashes[BATCH];
    size_t hit_count = 0;

    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(cache, lookups[i].key);
        pgcwi_bucket_prefetch(&cache->table, hashes[i]);
    }
    for (size_t i = 0; i < count; i++) {
        candidates[i] = pgcwi_bucket_first_candidate(&cache->table, hashes[i]);
        pgcwi_bucket_prefetch_entry(candidates[i]);
    }
    for (size_t i = 0; i < count; i++) {
        lookups[i].status = pgcwi_hit_look_up(cache, lookups[i].key, hashes[i],
                                              candidates[i], &lookups[i].value);
        hit_count += lookups[i].status == PGCW_OK;
    }
    return hit_count;
}

size_t
pgcw_cache_lookup_many(struct pgcw_cache *cache, struct pgcw_lookup *lookups,
                       size_t count)
{
    size_t hit_count = 0;

    assert(pgcwi_reader_is_inside() && "call pgcw_read_begin() first");
    for (size_t done = 0; done < count; done += BATCH) {
        size_t rest = count - done;

        hit_count +=
            look_up_batch(cache, lookups + done, rest < BATCH ? rest : BATCH);
    }
    return hit_count;
}
