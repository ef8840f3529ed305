/* SPDX-License-Identifier: MIT */
/* A cache of the static library, which lets us open it without a listener. */
#include "hit_cost.h"

#include <stdio.h>

#include "cache/cache.h"

struct pgcw_cache *
hit_cost_open_cache(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    if (pgcwi_cache_open(&options, &cache, NULL) != PGCW_OK) {
        (void)fprintf(stderr, "no cache\n");
        return NULL;
    }
    pgcwi_stamps_open(&cache->stamps);
    return cache;
}

bool
hit_cost_audit(struct pgcw_cache *cache, uint32_t sample_every)
{
    return pgcwi_sample_start(cache, sample_every);
}
