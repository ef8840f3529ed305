/* SPDX-License-Identifier: MIT */
/* A cache of the shared library, as a user has it: it follows a listener. */
#include "hit_cost.h"

#include <stdio.h>

#include <pgcachewatch/pgcachewatch.h>

static struct pgcw_listener *listener;

struct pgcw_cache *
hit_cost_open_cache(void)
{
    struct pgcw_cache *cache = NULL;
    struct pgcw_error error;

    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK ||
        pgcw_cache_create(listener, NULL, &cache, &error) != PGCW_OK) {
        (void)fprintf(stderr, "no cache: %s\n", error.detail);
        return NULL;
    }
    return cache;
}

static enum pgcw_status
load_nothing(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *error)
{
    (void)context;
    (void)key;
    (void)fill;
    (void)error;
    return PGCW_NOT_FOUND;
}

bool
hit_cost_audit(struct pgcw_cache *cache, uint32_t sample_every)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;
    struct pgcw_auditor *auditor = NULL;

    options.load = load_nothing;
    options.sample_every = sample_every;
    options.max_per_second = 1;
    return pgcw_auditor_start(listener, cache, &options, &auditor, NULL) ==
           PGCW_OK;
}
