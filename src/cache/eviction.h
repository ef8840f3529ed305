/* SPDX-License-Identifier: MIT */
/*
 * Which entries there are, oldest first, and how much room they take.
 *
 * Guarded by the cache's write lock. The oldest goes first when a bound is
 * reached; and because an invalidation of everything hits what was there
 * before it, the entries that it made invalid stand at the front.
 */
#ifndef PGCWI_CACHE_EVICTION_H
#define PGCWI_CACHE_EVICTION_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"

struct pgcwi_eviction {
    /* immutable after init */
    uint64_t max_entries;
    uint64_t max_bytes;
    /* guarded by the cache's write lock */
    struct cds_list_head by_age;
    uint64_t entries;
    uint64_t bytes;
};

void pgcwi_eviction_init(struct pgcwi_eviction *eviction, uint64_t max_entries,
                         uint64_t max_bytes);
void pgcwi_eviction_add(struct pgcwi_eviction *eviction,
                        struct pgcwi_entry *entry);
void pgcwi_eviction_remove(struct pgcwi_eviction *eviction,
                           struct pgcwi_entry *entry);
bool pgcwi_eviction_is_over(const struct pgcwi_eviction *eviction);
/* NULL if there is none. */
struct pgcwi_entry *
pgcwi_eviction_oldest(const struct pgcwi_eviction *eviction);

#endif
