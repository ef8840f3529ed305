/* SPDX-License-Identifier: MIT */
/* Joining or starting the load of a key. */
#ifndef PGCWI_CACHE_FETCH_H
#define PGCWI_CACHE_FETCH_H

#include "cache/cache.h"
#include "cache/flight.h"

/* What a caller who missed a key has become. */
enum pgcwi_join {
    /* another has stored the value meanwhile: look it up again */
    PGCWI_JOIN_CACHED,
    /* of a running flight, which the caller holds now */
    PGCWI_JOIN_WAITER,
    /* of a new flight, which the caller must complete */
    PGCWI_JOIN_OWNER,
    PGCWI_JOIN_NO_MEMORY
};

/* `timeout_ns`: when the flight is overdue, if it is a new one. */
enum pgcwi_join pgcwi_fetch_join(struct pgcw_cache *cache,
                                 const struct pgcwi_key *key,
                                 int64_t timeout_ns,
                                 struct pgcwi_flight **flight);

/*
 * By a flight's owner: store what was loaded, then complete the flight, so
 * that a newcomer finds the one or the other. The result of storing.
 */
enum pgcw_status pgcwi_fetch_complete(struct pgcw_cache *cache,
                                      struct pgcwi_flight *flight,
                                      struct pgcw_bytes value);

#endif
