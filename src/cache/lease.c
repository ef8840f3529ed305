/* SPDX-License-Identifier: MIT */
/* Leases: a flight whose owner is not a waiting thread. */
#include "cache/fetch.h"

#include "base/alloc.h"

struct pgcw_lease {
    struct pgcw_cache *cache;
    struct pgcwi_flight *flight;
};

static enum pgcw_status
take_lease(struct pgcw_cache *cache, const struct pgcwi_key *key,
           struct pgcw_lease *lease)
{
    struct pgcwi_seat seat;

    switch (pgcwi_fetch_join(cache, key, cache->lease_timeout_ns, &seat)) {
    case PGCWI_JOIN_OWNER:
        lease->cache = cache;
        lease->flight = seat.flight;
        pgcwi_cache_count(cache, PGCWI_LOADS);
        return PGCW_LEASED;
    case PGCWI_JOIN_WAITER:
        pgcwi_flight_leave(seat.flight);
        return PGCW_BUSY;
    case PGCWI_JOIN_CACHED:
        return PGCW_OK;
    case PGCWI_JOIN_NO_MEMORY:
        break;
    }
    return PGCW_NO_MEMORY;
}

enum pgcw_status
pgcw_cache_acquire(struct pgcw_cache *cache, struct pgcw_bytes key,
                   struct pgcw_buffer *value, struct pgcw_lease **lease)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);
    enum pgcw_status status = pgcwi_cache_copy(cache, &hashed, value);
    struct pgcw_lease *made;

    if (status != PGCW_MISS) {
        return status;
    }
    made = pgcwi_alloc(sizeof(*made));
    if (made == NULL) {
        return PGCW_NO_MEMORY;
    }
    do {
        status = take_lease(cache, &hashed, made);
        if (status == PGCW_OK) {
            status = pgcwi_cache_copy(cache, &hashed, value);
        }
    } while (status == PGCW_MISS);
    if (status == PGCW_LEASED) {
        *lease = made;
    } else {
        pgcwi_free(made);
    }
    return status;
}

enum pgcw_status
pgcw_lease_fill(struct pgcw_lease *lease, struct pgcw_bytes value,
                const struct pgcw_fill_options *options)
{
    struct pgcwi_flight *flight = lease->flight;
    struct pgcwi_put put = {&flight->key, value, flight->stamp, options};
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status = pgcwi_cache_store(lease->cache, &put, &entry);
    enum pgcw_status for_waiters = PGCW_BUSY;

    if (entry != NULL) {
        for_waiters = entry->is_absent ? PGCW_NOT_FOUND : PGCW_OK;
    }
    pgcwi_flight_complete(flight, for_waiters, entry, NULL);
    pgcwi_reclaim_release(entry);
    pgcwi_free(lease);
    return status;
}

void
pgcw_lease_abandon(struct pgcw_lease *lease)
{
    pgcwi_cache_count(lease->cache, PGCWI_LOAD_FAILURES);
    pgcwi_flight_complete(lease->flight, PGCW_BUSY, NULL, NULL);
    pgcwi_free(lease);
}
