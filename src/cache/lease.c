/* SPDX-License-Identifier: MIT */
/* Leases: a flight whose owner is not a waiting thread. */
#include "cache/fetch.h"

#include "base/alloc.h"
#include "base/options.h"
#include "cache/age.h"
#include "cache/outage.h"

struct pgcw_lease {
    struct pgcw_cache *cache;
    struct pgcwi_flight *flight;
    struct pgcwi_place place;
};

/* The flight goes on as a lease, if there is a place for its load. */
static enum pgcw_status
make_lease(struct pgcw_cache *cache, struct pgcwi_flight *flight,
           bool is_refresh, struct pgcw_lease *lease)
{
    if (!pgcwi_load_limit_lease(&cache->load_limit, &lease->place,
                                cache->lease_timeout_ns)) {
        pgcwi_flight_complete(flight, PGCW_BUSY, NULL, NULL);
        return PGCW_BUSY;
    }
    lease->cache = cache;
    lease->flight = flight;
    pgcwi_cache_count(cache, PGCWI_LOADS);
    if (is_refresh) {
        pgcwi_cache_count(cache, PGCWI_REFRESHES);
    }
    return PGCW_LEASED;
}

static enum pgcw_status
take_lease(struct pgcw_cache *cache, const struct pgcwi_key *key,
           const struct pgcwi_entry *old, struct pgcw_lease *lease)
{
    struct pgcwi_want want = {key, old, PGCWI_ANY_AGE, cache->lease_timeout_ns};
    struct pgcwi_seat seat;

    switch (pgcwi_fetch_join(cache, &want, &seat)) {
    case PGCWI_JOIN_OWNER:
        return make_lease(cache, seat.flight, old != NULL, lease);
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

/* The lease, or the value that another has stored meanwhile. */
static enum pgcw_status
lease_or_copy(struct pgcw_cache *cache, const struct pgcwi_key *key,
              const struct pgcwi_entry *old, struct pgcw_buffer *value,
              struct pgcw_lease **lease)
{
    struct pgcw_lease *made = pgcwi_alloc(sizeof(*made));
    enum pgcw_status status;

    if (made == NULL) {
        return PGCW_NO_MEMORY;
    }
    do {
        /* it may have closed since we looked */
        status = pgcwi_outage_miss(cache);
        if (status == PGCW_MISS) {
            status = take_lease(cache, key, old, made);
        }
        if (status == PGCW_OK) {
            status = pgcwi_cache_copy(cache, key, PGCWI_ANY_AGE, value);
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
pgcw_cache_acquire(struct pgcw_cache *cache, struct pgcw_bytes key,
                   struct pgcw_buffer *value, struct pgcw_lease **lease)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);
    struct pgcwi_entry *old = NULL;
    enum pgcw_status status =
        pgcwi_cache_copy_or_claim(cache, &hashed, PGCWI_ANY_AGE, value, &old);

    if (status != PGCW_MISS && old == NULL) {
        return status;
    }
    status = lease_or_copy(cache, &hashed, old, value, lease);
    if (old != NULL && (status == PGCW_BUSY || status == PGCW_NO_MEMORY)) {
        status = pgcw_buffer_set(value, pgcwi_entry_value(old));
    }
    pgcwi_reclaim_release(old);
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
    enum pgcw_status for_waiters =
        status == PGCW_BEHIND ? PGCW_BEHIND : PGCW_BUSY;

    if (entry != NULL) {
        for_waiters = entry->is_absent ? PGCW_NOT_FOUND : PGCW_OK;
    }
    pgcwi_load_limit_end_lease(&lease->cache->load_limit, &lease->place);
    pgcwi_fetch_complete(lease->cache, flight, for_waiters, entry, NULL);
    pgcwi_reclaim_release(entry);
    pgcwi_free(lease);
    return status;
}

enum pgcw_status
pgcw_lease_fill_at(struct pgcw_lease *lease, struct pgcw_bytes value,
                   const struct pgcw_fill_options *options, uint64_t read_lsn)
{
    struct pgcw_fill_options known;

    if (pgcwi_options_read(&known, sizeof(known), options, NULL) != PGCW_OK) {
        return pgcw_lease_fill(lease, value, options); /* says the same */
    }
    known.size = sizeof(known);
    known.read_lsn = read_lsn;
    return pgcw_lease_fill(lease, value, &known);
}

void
pgcw_lease_abandon(struct pgcw_lease *lease)
{
    pgcwi_cache_count(lease->cache, PGCWI_LOAD_FAILURES);
    pgcwi_load_limit_end_lease(&lease->cache->load_limit, &lease->place);
    pgcwi_flight_complete(lease->flight, PGCW_BUSY, NULL, NULL);
    pgcwi_free(lease);
}
