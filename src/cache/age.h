/* SPDX-License-Identifier: MIT */
/* How old a value may be (P6). */
#ifndef PGCWI_CACHE_AGE_H
#define PGCWI_CACHE_AGE_H

#include "cache/cache.h"

/* However long ago its load began. */
#define PGCWI_ANY_AGE INT64_MIN

/*
 * A valid value counts if its load began no earlier than this, on
 * CLOCK_MONOTONIC. To be asked before the look at the cache: where the
 * horizon is young enough, every value that is valid then counts.
 */
int64_t pgcwi_age_oldest_ns(const struct pgcw_cache *cache,
                            uint32_t max_age_ms);

#endif
