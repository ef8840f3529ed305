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

struct pgcwi_seat {
    struct pgcwi_flight *flight;
    /* the clock when it was taken */
    uint64_t clock;
};

/* `timeout_ns`: when the flight is overdue, if it is a new one. */
enum pgcwi_join pgcwi_fetch_join(struct pgcw_cache *cache,
                                 const struct pgcwi_key *key,
                                 int64_t timeout_ns, struct pgcwi_seat *seat);

#endif
