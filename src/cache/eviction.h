/* SPDX-License-Identifier: MIT */
/*
 * Which entries there are, how much room they take, and which goes when a
 * bound is reached: SIEVE (Zhang et al., NSDI 2024).
 *
 * Model: guarded by the cache's write lock, but for the visited bit, which
 * readers set. Entries stand in the order in which they came, and never
 * move. A hand goes from the oldest to the newest, and round again: a visited
 * entry loses its bit and stays, one that was not visited goes. So a hit
 * costs no lock and no list, and a scan of keys that are used once passes
 * through without driving out what is in use. What is invalid goes at once.
 *
 * Because an invalidation of everything hits what was there before it, the
 * entries that it made invalid stand at the front, where a sweep finds them.
 * What others made invalid may be anywhere: for that a sweep goes round, with
 * a hand of its own, from the oldest to the newest. See cache/sweep.h.
 */
#ifndef PGCWI_CACHE_EVICTION_H
#define PGCWI_CACHE_EVICTION_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"
#include "cache/stamps.h"

struct pgcwi_eviction {
    /* immutable after init */
    uint64_t max_entries;
    uint64_t max_bytes;
    /* guarded by the cache's write lock */
    struct cds_list_head by_age;
    struct cds_list_head *hand; /* the next to look at, or by_age itself */
    struct cds_list_head *sweep_hand; /* the same; by_age: no round goes on */
    uint64_t entries;
    uint64_t bytes;
};

void pgcwi_eviction_init(struct pgcwi_eviction *eviction, uint64_t max_entries,
                         uint64_t max_bytes);
void pgcwi_eviction_add(struct pgcwi_eviction *eviction,
                        struct pgcwi_entry *entry);
void pgcwi_eviction_remove(struct pgcwi_eviction *eviction,
                           struct pgcwi_entry *entry);
/* Whether an entry of so many bytes stays within the bounds. */
bool pgcwi_eviction_has_room(const struct pgcwi_eviction *eviction,
                             size_t bytes);
/* NULL if there is none. */
struct pgcwi_entry *
pgcwi_eviction_oldest(const struct pgcwi_eviction *eviction);

/* Begin a round at the oldest. */
void pgcwi_eviction_begin_round(struct pgcwi_eviction *eviction);
/* The next of the round, which goes on behind it; NULL: the round is over. */
struct pgcwi_entry *pgcwi_eviction_look(struct pgcwi_eviction *eviction);
bool pgcwi_eviction_is_in_round(const struct pgcwi_eviction *eviction);

/*
 * The entry that should go, which the caller removes. There is one at least.
 * It looks at every entry twice at most, and on average at few.
 */
struct pgcwi_entry *pgcwi_eviction_victim(struct pgcwi_eviction *eviction,
                                          const struct pgcwi_stamps *stamps);

#endif
