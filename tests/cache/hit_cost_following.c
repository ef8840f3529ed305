/* SPDX-License-Identifier: MIT */
/* A cache of the shared library, as a user has it: it follows a listener. */
#include "hit_cost.h"

#include <stdio.h>

#include <pgcachewatch/pgcachewatch.h>

struct pgcw_cache *
hit_cost_open_cache(void)
{
    struct pgcw_listener *listener = NULL;
    struct pgcw_cache *cache = NULL;
    struct pgcw_error error;

    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK ||
        pgcw_cache_create(listener, NULL, &cache, &error) != PGCW_OK) {
        (void)fprintf(stderr, "no cache: %s\n", error.detail);
        return NULL;
    }
    return cache;
}
