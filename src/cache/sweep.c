/* SPDX-License-Identifier: MIT */
#include "cache/sweep.h"

#include "base/clock.h"
#include "cache/cache.h"
#include "cache/outage.h"
#include "cache/reader.h"

/* short, so that who waits for the write lock does not wait long */
#define LOOKS 64
/* as many times as long as a round took: it takes 3 % of a processor */
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
        cache->sweep.began_ns = pgcwi_clock_monotonic_ns();
        pgcwi_eviction_begin_round(&cache->eviction);
    }
}

static void
end_round(struct pgcwi_sweep *sweep)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    sweep->rests_until_ns = now_ns + REST * (now_ns - sweep->began_ns);
}

/* False: it is over, or there is none, or it cannot go on now. */
static bool
go_round(struct pgcw_cache *cache)
{
    struct pgcwi_eviction *eviction = &cache->eviction;

    if (!pgcwi_eviction_is_in_round(eviction)) {
        begin_round(cache);
    }
    if (!pgcwi_eviction_is_in_round(eviction)) {
        return false;
    }
    for (uint32_t i = 0; i < LOOKS && pgcwi_eviction_is_in_round(eviction);
         i++) {
        if (pgcwi_reclaim_is_full(&cache->reclaim)) {
            return false;
        }
        struct pgcwi_entry *entry = pgcwi_eviction_look(eviction);
        if (!is_of_use(cache, entry)) {
            pgcwi_cache_discard(cache, entry, PGCW_REMOVED_INVALIDATED);
        }
    }
    if (!pgcwi_eviction_is_in_round(eviction)) {
        end_round(&cache->sweep);
        return false;
    }
    return true;
}

bool
pgcwi_cache_sweep(struct pgcw_cache *cache)
{
    pgcwi_reader_begin();
    pthread_mutex_lock(&cache->write_lock);
    bool has_more = sweep_oldest(cache) > 0 || go_round(cache);
    if (!has_more) {
        pgcwi_reclaim_flush(&cache->reclaim);
    }
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_reader_end();
    return has_more;
}
