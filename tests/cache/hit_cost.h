/* SPDX-License-Identifier: MIT */
/* Where the cache whose hits are counted comes from. */
#ifndef TESTS_CACHE_HIT_COST_H
#define TESTS_CACHE_HIT_COST_H

#include <pgcachewatch/cache.h>

/* A new cache that serves, or NULL after it has said why there is none. */
struct pgcw_cache *hit_cost_open_cache(void);

#endif
