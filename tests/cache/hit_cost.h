/* SPDX-License-Identifier: MIT */
/* Where the cache whose hits are counted comes from. */
#ifndef TESTS_CACHE_HIT_COST_H
#define TESTS_CACHE_HIT_COST_H

#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/cache.h>

/* A new cache that serves, or NULL after it has said why there is none. */
struct pgcw_cache *hit_cost_open_cache(void);
/* Audit it: every so many hits of a thread one is kept. */
bool hit_cost_audit(struct pgcw_cache *cache, uint32_t sample_every);

#endif
