/* SPDX-License-Identifier: MIT */
#include "cache/sample.h"

#include "cache/cache.h"
#include "cache/reader.h"

bool
pgcwi_sample_start(struct pgcw_cache *cache, uint32_t every)
{
    uint32_t off = 0;

    /* relaxed: it switches a count on; nothing else is read because of it */
    if (!atomic_compare_exchange_strong_explicit(&cache->sampler.every, &off,
                                                 every, memory_order_relaxed,
                                                 memory_order_relaxed)) {
        return false;
    }
    /* relaxed: as above; who sees this first sees that nothing is wanted */
    atomic_fetch_add_explicit(&cache->hit_watchers, 1, memory_order_relaxed);
    return true;
}

void
pgcwi_sample_stop(struct pgcw_cache *cache)
{
    /* relaxed: see pgcwi_sample_start(); who still sees it on keeps an entry
     * that the next to take gets, or the end of the cache */
    if (atomic_exchange_explicit(&cache->sampler.every, 0,
                                 memory_order_relaxed) != 0) {
        /* relaxed: as above */
        atomic_fetch_sub_explicit(&cache->hit_watchers, 1,
                                  memory_order_relaxed);
    }
    pgcwi_reclaim_release(pgcwi_sample_take(cache));
}

void
pgcwi_sample_offer(struct pgcw_cache *cache, struct pgcwi_entry *entry)
{
    struct pgcwi_entry *none = NULL;
    /* relaxed: see pgcwi_sample_start() */
    uint32_t every =
        atomic_load_explicit(&cache->sampler.every, memory_order_relaxed);

    /* relaxed: a guess whether the room is free, to hold nothing in vain */
    if (every == 0 ||
        pgcwi_reader_read(&pgcwi_reader_counters(cache->number)->hits) %
                every !=
            0 ||
        atomic_load_explicit(&cache->sampler.kept, memory_order_relaxed) !=
            NULL ||
        !pgcwi_entry_is_coherent(entry, &cache->stamps)) {
        return;
    }
    pgcwi_entry_hold(entry);
    /*
     * ORDER: our hold before others see the entry. Pairs with:
     * pgcwi_sample_take(). Without it: the auditor lets go before we hold.
     * relaxed: when the room was taken meanwhile, what is there is not read
     */
    if (!atomic_compare_exchange_strong_explicit(&cache->sampler.kept, &none,
                                                 entry, memory_order_release,
                                                 memory_order_relaxed)) {
        pgcwi_reclaim_release(entry);
    }
}

struct pgcwi_entry *
pgcwi_sample_take(struct pgcw_cache *cache)
{
    /* ORDER: the entry before what we do with it. Pairs with:
     * pgcwi_sample_offer(). Without it: see there. */
    return atomic_exchange_explicit(&cache->sampler.kept, NULL,
                                    memory_order_acquire);
}
