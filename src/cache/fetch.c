/* SPDX-License-Identifier: MIT */
/* Read-through: pgcw_cache_fetch(). */
#include "cache/fetch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/pin.h"
#include "cache/reader.h"

/* One caller's way to a value. */
struct request {
    struct pgcw_cache *cache;
    struct pgcwi_key key;
    struct pgcw_loader loader;
    struct pgcw_error error; /* status PGCW_OK: nobody has said why */
};

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
                 int64_t timeout_ns, struct pgcwi_seat *seat)
{
    struct pgcwi_flight_stripe *stripe =
        pgcwi_flights_stripe(&cache->flights, key);
    enum pgcwi_join role = PGCWI_JOIN_WAITER;
    struct pgcwi_slots known;

    pgcwi_cache_known_slots(cache, key, &known);
    pthread_mutex_lock(&stripe->lock);
    struct pgcw_stamp stamp = pgcw_cache_stamp(cache);
    seat->clock = stamp.clock;
    seat->flight = pgcwi_flight_find(stripe, key, &cache->stamps, &known);
    if (seat->flight != NULL) {
        pgcwi_flight_hold(seat->flight);
    } else if (is_cached(cache, key)) {
        /* the flight that we missed has stored its value before it left */
        role = PGCWI_JOIN_CACHED;
    } else {
        int64_t deadline_ns = pgcwi_clock_monotonic_ns() + timeout_ns;

        seat->flight = pgcwi_flight_start(stripe, key, stamp, deadline_ns);
        role = seat->flight != NULL ? PGCWI_JOIN_OWNER : PGCWI_JOIN_NO_MEMORY;
    }
    pthread_mutex_unlock(&stripe->lock);
    return role;
}

static void
explain_failure(enum pgcw_status status, struct pgcw_error *error)
{
    error->status = status;
    if (error->detail[0] == '\0') {
        /* leaves the sqlstate, which the loader may have set */
        (void)snprintf(error->detail, sizeof(error->detail),
                       "the loader says: %s", pgcw_status_text(status));
    }
}

static enum pgcw_status
call_loader(struct request *request, struct pgcw_fill *fill)
{
    enum pgcw_status status;

    pgcwi_cache_count(request->cache, PGCWI_LOADS);
    status = request->loader.load(request->loader.context, request->key.bytes,
                                  fill, &request->error);
    if (status == PGCW_BUSY) {
        status = PGCW_LOAD_FAILED; /* our own word for "try again" */
    }
    if (status == PGCW_NOT_FOUND) {
        fill->is_absent = true;
    }
    if (status != PGCW_OK) {
        explain_failure(status, &request->error);
    }
    return status;
}

/* What the loader took for it, nobody else will free. */
static void
give_up(const struct request *request, const struct pgcw_fill *fill)
{
    pgcwi_reclaim_tell(&request->cache->reclaim, request->key.bytes,
                       (struct pgcw_bytes){fill->value.data, fill->value.size},
                       PGCW_REMOVED_UNSTORED);
}

/* The entry of PGCW_OK and PGCW_NOT_FOUND is the caller's to hold. */
static enum pgcw_status
load(struct request *request, struct pgcw_stamp stamp,
     struct pgcwi_entry **entry)
{
    struct pgcw_fill fill;
    struct pgcw_bytes value = {NULL, 0};

    pgcwi_fill_init(&fill, &request->cache->tags, &request->key);
    enum pgcw_status status = call_loader(request, &fill);
    if (status == PGCW_OK) {
        value = (struct pgcw_bytes){fill.value.data, fill.value.size};
    }
    if (status == PGCW_OK || status == PGCW_NOT_FOUND) {
        *entry = pgcwi_cache_make_entry(request->cache, &request->key, &fill,
                                        value, stamp);
        if (*entry == NULL && status == PGCW_OK) {
            give_up(request, &fill);
        }
        if (*entry == NULL) {
            status = pgcwi_error_set(&request->error, PGCW_NO_MEMORY,
                                     "no memory for a value");
        }
    }
    if (status != PGCW_OK && status != PGCW_NOT_FOUND) {
        pgcwi_cache_count(request->cache, PGCWI_LOAD_FAILURES);
    }
    pgcwi_fill_fini(&fill);
    return status;
}

static enum pgcw_status
load_for_all(struct request *request, struct pgcwi_flight *flight,
             struct pgcwi_entry **entry)
{
    enum pgcw_status status = load(request, flight->stamp, entry);

    if (*entry != NULL && (!(*entry)->is_absent || (*entry)->ttl_ms != 0)) {
        /* a value that cannot be stored is still a value for the callers */
        (void)pgcwi_cache_publish(request->cache, &request->key, *entry);
    }
    /* after it was stored, so that a newcomer finds the one or the other */
    pgcwi_flight_complete(flight, status, *entry, &request->error);
    return status;
}

/*
 * Whether nothing has made the value invalid before its waiter came. If the
 * clock stands where the load began, nothing has made anything invalid.
 */
static bool
is_acceptable(const struct pgcw_cache *cache, const struct pgcwi_entry *entry,
              uint64_t seat_clock)
{
    return entry->stamp.clock == seat_clock ||
           pgcwi_entry_is_coherent(entry, &cache->stamps);
}

static enum pgcw_status
wait_for_other(struct request *request, const struct pgcwi_seat *seat,
               struct pgcwi_entry **entry)
{
    enum pgcw_status status;

    pgcwi_cache_count(request->cache, PGCWI_FLIGHT_WAITS);
    status = pgcwi_flight_wait(seat->flight, entry, &request->error);
    if (*entry != NULL && !is_acceptable(request->cache, *entry, seat->clock)) {
        pgcwi_reclaim_release(*entry);
        *entry = NULL;
        return PGCW_BUSY;
    }
    return status;
}

/* PGCW_BUSY: nothing was had, try again. */
static enum pgcw_status
load_or_wait(struct request *request, struct pgcwi_entry **entry)
{
    struct pgcw_cache *cache = request->cache;
    struct pgcwi_seat seat;

    if (!pgcwi_stamps_is_open(&cache->stamps)) {
        return load(request, pgcw_cache_stamp(cache), entry);
    }
    switch (
        pgcwi_fetch_join(cache, &request->key, cache->load_timeout_ns, &seat)) {
    case PGCWI_JOIN_OWNER:
        return load_for_all(request, seat.flight, entry);
    case PGCWI_JOIN_WAITER:
        return wait_for_other(request, &seat, entry);
    case PGCWI_JOIN_CACHED: {
        enum pgcw_status status = pgcwi_cache_pin(cache, &request->key, entry);

        return status == PGCW_MISS ? PGCW_BUSY : status;
    }
    case PGCWI_JOIN_NO_MEMORY:
        break;
    }
    return pgcwi_error_set(&request->error, PGCW_NO_MEMORY,
                           "no memory for a load");
}

static enum pgcw_status
load_until_had(struct request *request, struct pgcwi_entry **entry)
{
    enum pgcw_status status;

    *entry = NULL;
    do {
        status = load_or_wait(request, entry);
    } while (status == PGCW_BUSY);
    return status;
}

/* The caller's error, for a result that is not a value. */
static void
write_error(const struct request *request, enum pgcw_status status,
            struct pgcw_error *error)
{
    if (status == PGCW_OK || error == NULL) {
        return;
    }
    if (request->error.status != PGCW_OK) {
        *error = request->error;
    } else if (status == PGCW_NOT_FOUND) {
        (void)pgcwi_error_set(error, status,
                              "the database has no value for this key");
    } else {
        (void)pgcwi_error_set(error, status, "no memory for a value");
    }
}

enum pgcw_status
pgcw_cache_fetch(struct pgcw_cache *cache, struct pgcw_bytes key,
                 struct pgcw_loader loader, struct pgcw_buffer *value,
                 struct pgcw_error *error)
{
    struct request request = {
        .cache = cache, .key = pgcwi_cache_key(cache, key), .loader = loader};
    enum pgcw_status status = pgcwi_cache_copy(cache, &request.key, value);

    if (status == PGCW_MISS) {
        struct pgcwi_entry *entry;

        status = load_until_had(&request, &entry);
        if (status == PGCW_OK) {
            status = pgcw_buffer_set(value, pgcwi_entry_value(entry));
        }
        pgcwi_reclaim_release(entry);
    }
    write_error(&request, status, error);
    return status;
}

enum pgcw_status
pgcw_cache_fetch_pinned(struct pgcw_cache *cache, struct pgcw_bytes key,
                        struct pgcw_loader loader, struct pgcw_pin **pin,
                        struct pgcw_error *error)
{
    struct request request = {
        .cache = cache, .key = pgcwi_cache_key(cache, key), .loader = loader};
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status = pgcwi_cache_pin(cache, &request.key, &entry);

    if (status == PGCW_MISS) {
        status = load_until_had(&request, &entry);
    }
    write_error(&request, status, error);
    return pgcwi_pin_give(status, entry, pin);
}
