/* SPDX-License-Identifier: MIT */
/*
 * Lookups whose waits for memory overlap: first the buckets of a batch are
 * fetched, then its entries, and only then is any of them looked at.
 */
#include <assert.h>

#include <pgcachewatch/many.h>

#include "cache/age.h"
#include "cache/cache.h"
#include "cache/reader.h"

/* As many lines as a processor may wait for, and more. */
#define BATCH 32

static size_t
look_up_batch(struct pgcw_cache *cache, struct pgcw_lookup *lookups,
              size_t count)
{
    struct pgcwi_key keys[BATCH];
    size_t hit_count = 0;

    for (size_t i = 0; i < count; i++) {
        keys[i] = pgcwi_cache_key(cache, lookups[i].key);
        pgcwi_table_prefetch_bucket(&cache->table, &keys[i]);
    }
    for (size_t i = 0; i < count; i++) {
        pgcwi_table_prefetch_entry(&cache->table, &keys[i]);
    }
    for (size_t i = 0; i < count; i++) {
        lookups[i].status = pgcwi_cache_look_up(cache, &keys[i], PGCWI_ANY_AGE,
                                                &lookups[i].value);
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
