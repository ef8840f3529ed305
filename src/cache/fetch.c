/* SPDX-License-Identifier: MIT */
/* Read-through: pgcw_cache_fetch(). */
#include "cache/fetch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/reader.h"

static bool
is_cached(const struct pgcw_cache *cache, const struct pgcwi_key *key)
{
    pgcwi_reader_begin();
    bool found = pgcwi_cache_find(cache, key) != NULL;
    pgcwi_reader_end();
    return found;
}

enum pgcwi_join
pgcwi_fetch_join(struct pgcw_cache *cache, const struct pgcwi_key *key,
                 int64_t timeout_ns, struct pgcwi_flight **flight)
{
    struct pgcwi_flight_stripe *stripe =
        pgcwi_flights_stripe(&cache->flights, key);
    enum pgcwi_join role = PGCWI_JOIN_WAITER;

    pthread_mutex_lock(&stripe->lock);
    *flight = pgcwi_flight_find(stripe, key, &cache->stamps);
    if (*flight != NULL) {
        pgcwi_flight_hold(*flight);
    } else if (is_cached(cache, key)) {
        /* the flight that we missed has stored its value before it left */
        role = PGCWI_JOIN_CACHED;
    } else {
        uint64_t stamp = pgcwi_stamps_now(&cache->stamps);
        int64_t deadline_ns = pgcwi_clock_monotonic_ns() + timeout_ns;

        *flight = pgcwi_flight_start(stripe, key, stamp, deadline_ns);
        role = *flight != NULL ? PGCWI_JOIN_OWNER : PGCWI_JOIN_NO_MEMORY;
    }
    pthread_mutex_unlock(&stripe->lock);
    return role;
}

enum pgcw_status
pgcwi_fetch_complete(struct pgcw_cache *cache, struct pgcwi_flight *flight,
                     struct pgcw_bytes value)
{
    enum pgcw_status status =
        pgcwi_cache_store(cache, &flight->key, value, flight->stamp);

    pgcwi_flight_complete(flight, PGCW_OK, value, NULL);
    return status;
}

static enum pgcw_status
call_loader(struct pgcw_cache *cache, struct pgcw_bytes key,
            struct pgcw_loader loader, struct pgcw_buffer *value,
            struct pgcw_error *error)
{
    pgcwi_cache_count(cache, PGCWI_LOADS);
    value->size = 0;
    enum pgcw_status status = loader.load(loader.context, key, value, error);
    if (status == PGCW_BUSY) {
        status = PGCW_LOAD_FAILED; /* our own word for "try again" */
    }
    if (status != PGCW_OK) {
        pgcwi_cache_count(cache, PGCWI_LOAD_FAILURES);
        error->status = status;
        if (error->detail[0] == '\0') {
            /* leaves the sqlstate, which the loader may have set */
            (void)snprintf(error->detail, sizeof(error->detail),
                           "the loader says: %s", pgcw_status_text(status));
        }
    }
    return status;
}

static enum pgcw_status
load_for_all(struct pgcw_cache *cache, struct pgcwi_flight *flight,
             struct pgcw_loader loader, struct pgcw_buffer *value,
             struct pgcw_error *error)
{
    enum pgcw_status status =
        call_loader(cache, flight->key.bytes, loader, value, error);

    if (status == PGCW_OK) {
        /* a value that cannot be stored is still a value for the callers */
        (void)pgcwi_fetch_complete(
            cache, flight, (struct pgcw_bytes){value->data, value->size});
    } else {
        pgcwi_flight_complete(flight, status, (struct pgcw_bytes){NULL, 0},
                              error);
    }
    return status;
}

static enum pgcw_status
wait_for_other(struct pgcw_cache *cache, struct pgcwi_flight *flight,
               struct pgcw_buffer *value, struct pgcw_error *error)
{
    pgcwi_cache_count(cache, PGCWI_FLIGHT_WAITS);
    return pgcwi_flight_wait(flight, value, error);
}

/* PGCW_BUSY: nothing was had, try again. */
static enum pgcw_status
load_or_wait(struct pgcw_cache *cache, const struct pgcwi_key *key,
             struct pgcw_loader loader, struct pgcw_buffer *value,
             struct pgcw_error *error)
{
    struct pgcwi_flight *flight = NULL;

    if (!pgcwi_stamps_is_open(&cache->stamps)) {
        return call_loader(cache, key->bytes, loader, value, error);
    }
    switch (pgcwi_fetch_join(cache, key, cache->load_timeout_ns, &flight)) {
    case PGCWI_JOIN_OWNER:
        return load_for_all(cache, flight, loader, value, error);
    case PGCWI_JOIN_WAITER:
        return wait_for_other(cache, flight, value, error);
    case PGCWI_JOIN_CACHED: {
        enum pgcw_status status = pgcwi_cache_copy(cache, key, value);

        return status == PGCW_MISS ? PGCW_BUSY : status;
    }
    case PGCWI_JOIN_NO_MEMORY:
        break;
    }
    return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a load");
}

static enum pgcw_status
load_until_had(struct pgcw_cache *cache, const struct pgcwi_key *key,
               struct pgcw_loader loader, struct pgcw_buffer *value,
               struct pgcw_error *error)
{
    enum pgcw_status status;

    do {
        status = load_or_wait(cache, key, loader, value, error);
    } while (status == PGCW_BUSY);
    return status;
}

enum pgcw_status
pgcw_cache_fetch(struct pgcw_cache *cache, struct pgcw_bytes key,
                 struct pgcw_loader loader, struct pgcw_buffer *value,
                 struct pgcw_error *error)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);
    struct pgcw_error own = {.status = PGCW_OK};
    enum pgcw_status status = pgcwi_cache_copy(cache, &hashed, value);

    if (status == PGCW_MISS) {
        status = load_until_had(cache, &hashed, loader, value, &own);
    }
    if (status != PGCW_OK && own.status == PGCW_OK) {
        /* nobody has said why: there was a value, but no room for a copy */
        (void)pgcwi_error_set(&own, status, "no memory for a value");
    }
    if (status != PGCW_OK && error != NULL) {
        *error = own;
    }
    return status;
}
