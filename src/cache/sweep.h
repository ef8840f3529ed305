/* SPDX-License-Identifier: MIT */
/*
 * Lets go of what is invalid, though nobody asks for it.
 *
 * A flush, a closed cache or a time to live makes what is oldest invalid, so
 * that is looked at first. A row, a table or a key may be anywhere: after such
 * an invalidation a round looks at every entry, from the oldest to the newest.
 * It rests after that, many times as long as it has looked in vain, so that
 * one who invalidates all the time does not make it look all the time.
 *
 * Model: guarded by the cache's write lock. The workers sweep when there is no
 * event to apply, a few entries at a time. The heartbeat, which is applied
 * like an event, wakes one up, so that a round that had to rest is not
 * forgotten. Progress: nobody waits for it, but those who store for a few
 * looks.
 */
#ifndef PGCWI_CACHE_SWEEP_H
#define PGCWI_CACHE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

struct pgcw_cache;

struct pgcwi_sweep {
    uint64_t clock;     /* of the stamps, when the last round began */
    int64_t in_vain_ns; /* how long it has looked at what is valid */
    int64_t rests_until_ns;
};

void pgcwi_sweep_init(struct pgcwi_sweep *sweep);

/* Look at some entries, and unlink those that are invalid; false if there is
 * nothing to do now. */
bool pgcwi_cache_sweep(struct pgcw_cache *cache);

#endif
