/* SPDX-License-Identifier: MIT */
/*
 * What a cache does while it is closed, because its listener is not LIVE.
 *
 * Model: nothing here is on the way of a hit: a cache that is closed fails
 * the look at its stamps, and only then is asked what it may do. What may be
 * served stale is what would be valid had the cache not closed; so whatever
 * is invalidated meanwhile is not, and opening, which flushes, ends it.
 */
#ifndef PGCWI_CACHE_OUTAGE_H
#define PGCWI_CACHE_OUTAGE_H

#include "cache/cache.h"

PGCW_MUST_CHECK enum pgcw_status
pgcwi_outage_check_options(const struct pgcw_cache_options *options,
                           struct pgcw_error *error);

/* Whether an entry that is not valid may be served all the same. */
bool pgcwi_outage_may_serve(const struct pgcw_cache *cache,
                            const struct pgcwi_entry *entry);

/* What one gets who finds nothing: PGCW_MISS or PGCW_DISCONNECTED. */
enum pgcw_status pgcwi_outage_miss(const struct pgcw_cache *cache);
/* The words for PGCW_DISCONNECTED. */
enum pgcw_status pgcwi_outage_explain(struct pgcw_error *error);

#endif
