/* SPDX-License-Identifier: MIT */
/* Read-through: pgcw_cache_fetch(). */
#include "cache/fetch.h"

#include "base/clock.h"
#include "base/status.h"
#include "cache/age.h"
#include "cache/outage.h"
#include "cache/pin.h"
#include "cache/reader.h"
#include "cache/refresh.h"
#include "cache/transaction.h"

/* One caller's way to a value. */
struct request {
    struct pgcw_cache *cache;
    struct pgcwi_key key;
    struct pgcw_loader loader;
    int64_t oldest_ns;         /* see cache/age.h */
    int64_t place_deadline_ns; /* until then a load must have begun */
    struct pgcw_error error;   /* status PGCW_OK: nobody has said why */
};

/* Whether there is a valid value, but for the one that he has. */
static bool
is_cached(const struct pgcw_cache *cache, const struct pgcwi_want *want)
{
    pgcwi_reader_begin();
    const struct pgcwi_entry *entry = pgcwi_cache_find(cache, want->key);
    bool is_other = entry != NULL && entry != want->old &&
                    entry->taken_at_ns >= want->oldest_ns;
    pgcwi_reader_end();
    return is_other;
}

/* What this thread's connection sees is no other's, and the other way round. */
static enum pgcwi_join
start_alone(struct pgcw_cache *cache, const struct pgcwi_key *key,
            struct pgcwi_seat *seat)
{
    struct pgcw_stamp stamp = pgcw_cache_stamp(cache);

    seat->clock = stamp.clock;
    seat->flight = pgcwi_flight_start_alone(
        pgcwi_flights_stripe(&cache->flights, key), key, stamp);
    return seat->flight != NULL ? PGCWI_JOIN_OWNER : PGCWI_JOIN_NO_MEMORY;
}

/* The caller holds the stripe's lock. */
static struct pgcwi_flight *
find_flight(struct pgcw_cache *cache, struct pgcwi_flight_stripe *stripe,
            const struct pgcwi_want *want)
{
    struct pgcwi_slots known;
    struct pgcwi_flight *flight;

    pgcwi_cache_known_slots(cache, want->key, &known);
    flight = pgcwi_flight_find(stripe, want->key, &cache->stamps, &known);
    return flight != NULL && flight->stamp.taken_at_ns >= want->oldest_ns
               ? flight
               : NULL; /* its value would be too old */
}

enum pgcwi_join
pgcwi_fetch_join(struct pgcw_cache *cache, const struct pgcwi_want *want,
                 struct pgcwi_seat *seat)
{
    const struct pgcwi_key *key = want->key;
    struct pgcwi_flight_stripe *stripe =
        pgcwi_flights_stripe(&cache->flights, key);
    enum pgcwi_join role = PGCWI_JOIN_WAITER;

    if (pgcwi_transaction_is_private(cache)) {
        return start_alone(cache, key, seat);
    }
    pthread_mutex_lock(&stripe->lock);
    struct pgcw_stamp stamp = pgcw_cache_stamp(cache);
    seat->clock = stamp.clock;
    seat->flight = find_flight(cache, stripe, want);
    if (seat->flight != NULL) {
        pgcwi_flight_hold(seat->flight);
    } else if (is_cached(cache, want)) {
        /* the flight that we missed has stored its value before it left */
        role = PGCWI_JOIN_CACHED;
    } else {
        int64_t deadline_ns = pgcwi_clock_monotonic_ns() + want->timeout_ns;

        seat->flight = pgcwi_flight_start(stripe, key, stamp, deadline_ns);
        role = seat->flight != NULL ? PGCWI_JOIN_OWNER : PGCWI_JOIN_NO_MEMORY;
    }
    pthread_mutex_unlock(&stripe->lock);
    return role;
}

void
pgcwi_fetch_complete(struct pgcw_cache *cache, struct pgcwi_flight *flight,
                     enum pgcw_status status, struct pgcwi_entry *entry,
                     const struct pgcw_error *error)
{
    if (pgcwi_transaction_is_private(cache)) {
        /* it may have become so since the flight began */
        pgcwi_flight_complete(flight, PGCW_BUSY, NULL, NULL);
    } else {
        pgcwi_flight_complete(flight, status, entry, error);
    }
}

enum pgcw_status
pgcwi_fetch_wait_for_place(struct pgcw_cache *cache, int64_t deadline_ns)
{
    pgcwi_cache_count(cache, PGCWI_PLACE_WAITS);
    if (!pgcwi_load_limit_wait(&cache->load_limit, deadline_ns)) {
        return PGCW_TIMEOUT;
    }
    if (pgcwi_outage_miss(cache) != PGCW_MISS) {
        pgcwi_load_limit_give_back(&cache->load_limit);
        return PGCW_DISCONNECTED; /* it has closed meanwhile */
    }
    return PGCW_OK;
}

/*
 * A place for a load, which begins then; `flight` may be NULL. It is had
 * before the loader is called, and by whoever calls it: those who share the
 * flight have none, and each has his own deadline for it.
 */
static enum pgcw_status
take_place(const struct request *request, struct pgcwi_flight *flight)
{
    struct pgcw_cache *cache = request->cache;

    if (pgcwi_load_limit_try(&cache->load_limit)) {
        return PGCW_OK;
    }
    if (flight != NULL) {
        pgcwi_flight_postpone(flight, request->place_deadline_ns);
    }
    enum pgcw_status status =
        pgcwi_fetch_wait_for_place(cache, request->place_deadline_ns);
    if (status == PGCW_OK && flight != NULL) {
        pgcwi_flight_begin(flight, pgcw_cache_stamp(cache),
                           pgcwi_clock_monotonic_ns() + cache->load_timeout_ns);
    }
    return status;
}

/* The status is PGCW_OK or PGCW_NOT_FOUND, and stays it if there is memory. */
static enum pgcw_status
make_entry(const struct pgcwi_load *load, enum pgcw_status status,
           struct pgcw_fill *fill, struct pgcw_error *error,
           struct pgcwi_entry **entry)
{
    struct pgcw_bytes value = {NULL, 0};

    fill->is_absent = status == PGCW_NOT_FOUND;
    if (!fill->is_absent) {
        value = (struct pgcw_bytes){fill->value.data, fill->value.size};
    }
    *entry = pgcwi_cache_make_entry(load->cache, load->key, fill, value,
                                    load->stamp);
    if (*entry != NULL) {
        return status;
    }
    if (!fill->is_absent) {
        /* what the loader took for it, nobody else will free */
        pgcwi_reclaim_tell(&load->cache->reclaim, load->key->bytes, value,
                           PGCW_REMOVED_UNSTORED);
    }
    pgcwi_cache_count(load->cache, PGCWI_LOAD_FAILURES);
    return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a value");
}

enum pgcw_status
pgcwi_fetch_finish(const struct pgcwi_load *load, enum pgcw_status status,
                   struct pgcw_fill *fill, struct pgcw_error *error,
                   struct pgcwi_entry **entry)
{
    *entry = NULL;
    if (status == PGCW_OK || status == PGCW_NOT_FOUND) {
        status = make_entry(load, status, fill, error, entry);
    }
    if (load->flight == NULL) {
        return status;
    }
    if (*entry != NULL && (!(*entry)->is_absent || (*entry)->ttl_ms != 0)) {
        /* a value that cannot be stored is still a value for the callers,
         * unless it may be older than what they know of */
        if (pgcwi_cache_publish(load->cache, load->key, fill, *entry) ==
            PGCW_BEHIND) {
            pgcwi_flight_complete(load->flight, PGCW_BEHIND, NULL, NULL);
            return status;
        }
    }
    /* after it was stored, so that a newcomer finds the one or the other */
    pgcwi_fetch_complete(load->cache, load->flight, status, *entry, error);
    return status;
}

/* By one who has a place, which he has no more afterwards. `flight` NULL: the
 * cache is closed. */
static enum pgcw_status
load(struct request *request, struct pgcwi_flight *flight,
     struct pgcwi_entry **entry)
{
    struct pgcw_cache *cache = request->cache;
    struct pgcwi_load load = {
        .cache = cache,
        .key = &request->key,
        .stamp = flight != NULL ? flight->stamp : pgcw_cache_stamp(cache),
        .flight = flight,
    };
    struct pgcw_fill fill;

    pgcwi_fill_init(&fill, &cache->tags, &request->key);
    pgcwi_cache_count(cache, PGCWI_LOADS);
    int64_t begun_ns = pgcwi_clock_monotonic_ns();
    enum pgcw_status status = request->loader.load(
        request->loader.context, request->key.bytes, &fill, &request->error);
    pgcwi_load_limit_give_back(&cache->load_limit);
    status = pgcwi_fetch_judge(cache, status, begun_ns, &request->error);
    status = pgcwi_fetch_finish(&load, status, &fill, &request->error, entry);
    pgcwi_fill_fini(&fill);
    return status;
}

static enum pgcw_status
load_for_all(struct request *request, struct pgcwi_flight *flight,
             struct pgcwi_entry **entry)
{
    enum pgcw_status status = take_place(request, flight);

    if (status != PGCW_OK) {
        /* not our result: whoever waits tries for himself */
        pgcwi_flight_complete(flight, PGCW_BUSY, NULL, NULL);
        return status;
    }
    return load(request, flight, entry);
}

static enum pgcw_status
load_alone(struct request *request, struct pgcwi_entry **entry)
{
    enum pgcw_status status = pgcwi_outage_miss(request->cache);

    if (status == PGCW_MISS) {
        status = take_place(request, NULL);
    }
    return status == PGCW_OK ? load(request, NULL, entry) : status;
}

/*
 * Whether nothing has made the value invalid before its waiter came. If the
 * clock stood where the load began, nothing had made anything invalid; if it
 * stood before that, the load began after he came. What was read from a standby
 * has the clock of its checkpoint, and shows all that had come before that.
 */
static bool
is_acceptable(const struct pgcw_cache *cache, const struct pgcwi_entry *entry,
              uint64_t seat_clock)
{
    return entry->clock >= seat_clock ||
           pgcwi_entry_is_coherent(entry, &cache->stamps);
}

enum pgcw_status
pgcwi_fetch_wait(struct pgcw_cache *cache, const struct pgcwi_seat *seat,
                 int64_t place_deadline_ns, struct pgcwi_entry **entry,
                 struct pgcw_error *error)
{
    enum pgcw_status status;

    pgcwi_cache_count(cache, PGCWI_FLIGHT_WAITS);
    status = pgcwi_flight_wait(seat->flight, place_deadline_ns, entry, error);
    if (*entry != NULL && !is_acceptable(cache, *entry, seat->clock)) {
        pgcwi_reclaim_release(*entry);
        *entry = NULL;
        return PGCW_BUSY;
    }
    return status;
}

/* In a flight that nobody joins. */
static enum pgcw_status
load_apart(struct request *request, struct pgcwi_entry **entry)
{
    struct pgcwi_seat seat;

    if (start_alone(request->cache, &request->key, &seat) ==
        PGCWI_JOIN_NO_MEMORY) {
        return pgcwi_error_set(&request->error, PGCW_NO_MEMORY,
                               "no memory for a load");
    }
    return load_for_all(request, seat.flight, entry);
}

/*
 * By a waiter. If the standby was behind for the owner of the flight, it may
 * be so for the next one: who waited for one after the other would wait for
 * as many loads as there are callers.
 */
static enum pgcw_status
wait_or_load(struct request *request, const struct pgcwi_seat *seat,
             struct pgcwi_entry **entry)
{
    enum pgcw_status status =
        pgcwi_fetch_wait(request->cache, seat, request->place_deadline_ns,
                         entry, &request->error);

    return status == PGCW_BEHIND ? load_apart(request, entry) : status;
}

/* PGCW_BUSY: nothing was had, try again. */
static enum pgcw_status
load_or_wait(struct request *request, struct pgcwi_entry **entry)
{
    struct pgcw_cache *cache = request->cache;
    struct pgcwi_want want = {&request->key, NULL, request->oldest_ns,
                              cache->load_timeout_ns};
    struct pgcwi_seat seat;

    if (!pgcwi_stamps_is_open(&cache->stamps)) {
        return load_alone(request, entry);
    }
    switch (pgcwi_fetch_join(cache, &want, &seat)) {
    case PGCWI_JOIN_OWNER:
        return load_for_all(request, seat.flight, entry);
    case PGCWI_JOIN_WAITER:
        return wait_or_load(request, &seat, entry);
    case PGCWI_JOIN_CACHED: {
        enum pgcw_status status =
            pgcwi_cache_pin(cache, &request->key, request->oldest_ns, entry);

        return status == PGCW_MISS ? PGCW_BUSY : status;
    }
    case PGCWI_JOIN_NO_MEMORY:
        break;
    }
    (void)pgcwi_error_set(&request->error, PGCW_NO_MEMORY,
                          "no memory for a load");
    return PGCW_NO_MEMORY;
}

static enum pgcw_status
load_until_had(struct request *request, struct pgcwi_entry **entry)
{
    enum pgcw_status status;

    *entry = NULL;
    request->place_deadline_ns =
        pgcwi_clock_monotonic_ns() + request->cache->load_timeout_ns;
    do {
        status = load_or_wait(request, entry);
    } while (status == PGCW_BUSY);
    return status;
}

/* As the owner, if there is a place at once: he has a value to go on with. */
static enum pgcw_status
load_anew(struct request *request, struct pgcwi_flight *flight,
          struct pgcwi_entry **entry)
{
    struct pgcw_cache *cache = request->cache;
    struct pgcwi_entry *old = *entry;

    if (!pgcwi_load_limit_try(&cache->load_limit)) {
        pgcwi_flight_complete(flight, PGCW_BUSY, NULL, NULL);
        return PGCW_OK;
    }
    pgcwi_cache_count(cache, PGCWI_REFRESHES);
    return pgcwi_refresh_settle(cache, load(request, flight, entry), old,
                                entry);
}

/* The entry is the old value, and then what was had; the caller holds it. */
static enum pgcw_status
refresh(struct request *request, struct pgcwi_entry **entry)
{
    struct pgcw_cache *cache = request->cache;
    struct pgcwi_want want = {&request->key, *entry, request->oldest_ns,
                              cache->load_timeout_ns};
    struct pgcwi_seat seat;

    switch (pgcwi_fetch_join(cache, &want, &seat)) {
    case PGCWI_JOIN_OWNER:
        return load_anew(request, seat.flight, entry);
    case PGCWI_JOIN_WAITER:
        pgcwi_flight_leave(seat.flight);
        break;
    case PGCWI_JOIN_CACHED:
    case PGCWI_JOIN_NO_MEMORY:
        break;
    }
    return PGCW_OK; /* with the old value, as a hit */
}

/* The caller's error, for a result that is not a value. */
static void
write_error(struct request *request, enum pgcw_status status,
            struct pgcw_error *error)
{
    if (status == PGCW_OK || error == NULL) {
        return;
    }
    pgcwi_fetch_explain(request->cache, status, &request->error);
    *error = request->error;
}

/* Before the first look at the cache. Of the error only what is read is
 * written: a hit has no need of it. */
static void
init_request(struct request *request, struct pgcw_cache *cache,
             struct pgcw_bytes key, struct pgcw_loader loader)
{
    request->cache = cache;
    request->key = pgcwi_cache_key(cache, key);
    request->loader = loader;
    request->oldest_ns = pgcwi_age_oldest_ns(cache, loader.max_age_ms);
    request->error.status = PGCW_OK;
    request->error.sqlstate[0] = '\0';
    request->error.detail[0] = '\0';
}

enum pgcw_status
pgcw_cache_fetch(struct pgcw_cache *cache, struct pgcw_bytes key,
                 struct pgcw_loader loader, struct pgcw_buffer *value,
                 struct pgcw_error *error)
{
    struct request request;
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status;

    init_request(&request, cache, key, loader);
    status = pgcwi_cache_copy_or_claim(cache, &request.key, request.oldest_ns,
                                       value, &entry);
    if (status == PGCW_MISS || entry != NULL) {
        status = entry != NULL ? refresh(&request, &entry)
                               : load_until_had(&request, &entry);
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
    struct request request;
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status;

    init_request(&request, cache, key, loader);
    status = pgcwi_cache_pin(cache, &request.key, request.oldest_ns, &entry);
    if (status == PGCW_MISS) {
        status = load_until_had(&request, &entry);
    } else if (status == PGCW_OK && pgcwi_refresh_claim(cache, entry)) {
        status = refresh(&request, &entry);
    }
    write_error(&request, status, error);
    return pgcwi_pin_give(status, entry, pin);
}
