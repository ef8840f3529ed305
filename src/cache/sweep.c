/* SPDX-License-Identifier: MIT */
#include "cache/sweep.h"

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/outage.h"

/* short, so that who waits for the write lock does not wait long */
#define LOOKS 64
/* as many times as long as it has looked in vain: 3 % of a processor */
#define REST 32

void
pgcwi_sweep_init(struct pgcwi_sweep *sweep)
{
    *sweep = (struct pgcwi_sweep){0};
}

/* Also what expired. */
static bool
is_of_use(const struct pgcw_cache *cache, const struct pgcwi_entry *entry)
{
    return pgcwi_entry_is_valid(entry, &cache->stamps) ||
           pgcwi_outage_may_serve(cache, entry);
}

/* Returns how many were discarded. */
static uint32_t
sweep_oldest(struct pgcw_cache *cache)
{
    uint32_t count = 0;
    struct pgcwi_entry *oldest;

    while (count < LOOKS && !pgcwi_reclaim_is_full(&cache->reclaim) &&
           (oldest = pgcwi_eviction_oldest(&cache->eviction)) != NULL &&
           !is_of_use(cache, oldest)) {
        pgcwi_cache_discard(cache, oldest, PGCW_REMOVED_INVALIDATED);
        count++;
    }
    return count;
}

/* Whether something but a flush was invalidated since the last round began,
 * and it has rested. */
static bool
is_due(const struct pgcw_cache *cache, uint64_t clock)
{
    /* relaxed: a round too many or too late does no harm */
    uint64_t flushed =
        atomic_load_explicit(&cache->stamps.flushed, memory_order_relaxed);

    return clock > cache->sweep.clock && clock > flushed &&
           pgcwi_clock_monotonic_ns() >= cache->sweep.rests_until_ns;
}

static void
begin_round(struct pgcw_cache *cache)
{
    uint64_t clock = pgcwi_stamps_now(&cache->stamps);

    if (is_due(cache, clock)) {
        cache->sweep.clock = clock;
        cache->sweep.in_vain_ns = 0;
        pgcwi_eviction_begin_round(&cache->eviction);
    }
}

/* Some looks of a round. */
static void
look(struct pgcw_cache *cache)
{
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    int64_t kept_count = 0;
    int64_t count = 0;
    struct pgcwi_entry *entry;

    while (count < LOOKS && !pgcwi_reclaim_is_full(&cache->reclaim) &&
           (entry = pgcwi_eviction_look(&cache->eviction)) != NULL) {
        count++;
        if (is_of_use(cache, entry)) {
            kept_count++;
        } else {
            pgcwi_cache_discard(cache, entry, PGCW_REMOVED_INVALIDATED);
        }
    }
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    if (count > 0) {
        cache->sweep.in_vain_ns += (now_ns - began_ns) * kept_count / count;
    }
    cache->sweep.rests_until_ns = now_ns + REST * cache->sweep.in_vain_ns;
}

/* False: there is none, or it is over, or it cannot go on now. */
static bool
go_round(struct pgcw_cache *cache)
{
    if (!pgcwi_eviction_is_in_round(&cache->eviction)) {
        begin_round(cache);
    }
    if (!pgcwi_eviction_is_in_round(&cache->eviction)) {
        return false;
    }
    look(cache);
    return pgcwi_eviction_is_in_round(&cache->eviction) &&
           !pgcwi_reclaim_is_full(&cache->reclaim);
}

bool
pgcwi_cache_sweep(struct pgcw_cache *cache)
{
    pthread_mutex_lock(&cache->write_lock);
    bool has_more = sweep_oldest(cache) > 0 || go_round(cache);
    if (!has_more) {
        pgcwi_reclaim_flush(&cache->reclaim);
    }
    pthread_mutex_unlock(&cache->write_lock);
    return has_more;
}
