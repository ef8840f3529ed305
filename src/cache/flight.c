/* SPDX-License-Identifier: MIT */
#include "cache/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cache/reclaim.h"

/* Of a load that has not begun: nothing is beyond it. */
#define NOT_BEGUN ((struct pgcw_stamp){UINT64_MAX, INT64_MAX})

void
pgcwi_flights_init(struct pgcwi_flights *flights)
{
    for (uint32_t i = 0; i < PGCWI_FLIGHT_STRIPES; i++) {
        struct pgcwi_flight_stripe *stripe = &flights->stripes[i];

        pthread_mutex_init(&stripe->lock, NULL);
        pgcwi_clock_init_condition(&stripe->completed);
        CDS_INIT_LIST_HEAD(&stripe->flights);
    }
}

void
pgcwi_flights_fini(struct pgcwi_flights *flights)
{
    for (uint32_t i = 0; i < PGCWI_FLIGHT_STRIPES; i++) {
        pthread_cond_destroy(&flights->stripes[i].completed);
        pthread_mutex_destroy(&flights->stripes[i].lock);
    }
}

struct pgcwi_flight_stripe *
pgcwi_flights_stripe(struct pgcwi_flights *flights, const struct pgcwi_key *key)
{
    return &flights->stripes[key->hash % PGCWI_FLIGHT_STRIPES];
}

static bool
has_key(const struct pgcwi_flight *flight, const struct pgcwi_key *key)
{
    return flight->key.hash == key->hash &&
           flight->key.bytes.size == key->bytes.size &&
           (key->bytes.size == 0 ||
            memcmp(flight->key.bytes.data, key->bytes.data, key->bytes.size) ==
                0);
}

static struct pgcwi_flight *
find_any(const struct pgcwi_flight_stripe *stripe, const struct pgcwi_key *key)
{
    struct cds_list_head *position;

    cds_list_for_each(position, &stripe->flights)
    {
        struct pgcwi_flight *flight =
            cds_list_entry(position, struct pgcwi_flight, in_stripe);

        if (has_key(flight, key)) {
            return flight;
        }
    }
    return NULL;
}

struct pgcwi_flight *
pgcwi_flight_find(const struct pgcwi_flight_stripe *stripe,
                  const struct pgcwi_key *key,
                  const struct pgcwi_stamps *stamps,
                  const struct pgcwi_slots *known)
{
    struct pgcwi_flight *flight = find_any(stripe, key);

    if (flight == NULL ||
        !pgcwi_stamps_is_valid(stamps, flight->stamp.clock, known->numbers,
                               known->count) ||
        pgcwi_clock_monotonic_ns() >= flight->deadline_ns) {
        return NULL;
    }
    return flight;
}

static void
take_out(struct pgcwi_flight *flight)
{
    if (flight->is_in_stripe) {
        cds_list_del(&flight->in_stripe);
        flight->is_in_stripe = false;
    }
}

struct pgcwi_flight *
pgcwi_flight_start_alone(struct pgcwi_flight_stripe *stripe,
                         const struct pgcwi_key *key, struct pgcw_stamp stamp)
{
    struct pgcwi_flight *flight =
        pgcwi_alloc(sizeof(*flight) + key->bytes.size);

    if (flight == NULL) {
        return NULL;
    }
    *flight = (struct pgcwi_flight){
        .stripe = stripe,
        .key = *key,
        .stamp = stamp,
        .holders = 1,
    };
    flight->key.bytes.data = flight + 1;
    if (key->bytes.size > 0) {
        memcpy(flight + 1, key->bytes.data, key->bytes.size);
    }
    return flight;
}

struct pgcwi_flight *
pgcwi_flight_start(struct pgcwi_flight_stripe *stripe,
                   const struct pgcwi_key *key, struct pgcw_stamp stamp,
                   int64_t deadline_ns)
{
    struct pgcwi_flight *old = find_any(stripe, key);
    struct pgcwi_flight *flight = pgcwi_flight_start_alone(stripe, key, stamp);

    if (flight == NULL) {
        return NULL;
    }
    if (old != NULL) {
        take_out(old);
    }
    flight->deadline_ns = deadline_ns;
    flight->is_in_stripe = true;
    cds_list_add(&flight->in_stripe, &stripe->flights);
    return flight;
}

void
pgcwi_flight_hold(struct pgcwi_flight *flight)
{
    flight->holders++;
}

static void
set_begin(struct pgcwi_flight *flight, struct pgcw_stamp stamp,
          int64_t deadline_ns)
{
    pthread_mutex_lock(&flight->stripe->lock);
    flight->stamp = stamp;
    flight->deadline_ns = deadline_ns;
    pthread_mutex_unlock(&flight->stripe->lock);
}

void
pgcwi_flight_postpone(struct pgcwi_flight *flight, int64_t deadline_ns)
{
    set_begin(flight, NOT_BEGUN, deadline_ns);
}

void
pgcwi_flight_begin(struct pgcwi_flight *flight, struct pgcw_stamp stamp,
                   int64_t deadline_ns)
{
    set_begin(flight, stamp, deadline_ns);
}

static bool
has_begun(const struct pgcwi_flight *flight)
{
    return flight->stamp.clock != NOT_BEGUN.clock;
}

/* Gives up the lock. */
static void
let_go(struct pgcwi_flight *flight)
{
    bool was_last = --flight->holders == 0;

    pthread_mutex_unlock(&flight->stripe->lock);
    if (was_last) {
        pgcwi_reclaim_release(flight->entry);
        pgcwi_free(flight);
    }
}

void
pgcwi_flight_complete(struct pgcwi_flight *flight, enum pgcw_status status,
                      struct pgcwi_entry *entry, const struct pgcw_error *error)
{
    pthread_mutex_lock(&flight->stripe->lock);
    take_out(flight);
    flight->is_completed = true;
    flight->status = status;
    if (error != NULL) {
        flight->error = *error;
    }
    if (flight->holders > 1) {
        if (entry != NULL) {
            pgcwi_entry_hold(entry);
            flight->entry = entry;
        }
        pthread_cond_broadcast(&flight->stripe->completed);
    }
    let_go(flight);
}

static enum pgcw_status
take_result(const struct pgcwi_flight *flight, struct pgcwi_entry **entry,
            struct pgcw_error *error)
{
    if (flight->entry != NULL) {
        pgcwi_entry_hold(flight->entry);
        *entry = flight->entry;
    } else if (error != NULL) {
        *error = flight->error;
    }
    return flight->status;
}

/* Changes while one waits: a load that begins gets more time. */
static int64_t
patience_ends_ns(const struct pgcwi_flight *flight, int64_t begin_deadline_ns)
{
    return has_begun(flight) || flight->deadline_ns < begin_deadline_ns
               ? flight->deadline_ns
               : begin_deadline_ns;
}

enum pgcw_status
pgcwi_flight_wait(struct pgcwi_flight *flight, int64_t begin_deadline_ns,
                  struct pgcwi_entry **entry, struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_BUSY;
    int64_t until_ns;

    pthread_mutex_lock(&flight->stripe->lock);
    while (!flight->is_completed &&
           pgcwi_clock_monotonic_ns() <
               (until_ns = patience_ends_ns(flight, begin_deadline_ns))) {
        struct timespec until = pgcwi_clock_timespec(until_ns);

        (void)pthread_cond_timedwait(&flight->stripe->completed,
                                     &flight->stripe->lock, &until);
    }
    if (flight->is_completed) {
        status = take_result(flight, entry, error);
    } else if (!has_begun(flight) &&
               pgcwi_clock_monotonic_ns() >= begin_deadline_ns) {
        status = PGCW_TIMEOUT;
    }
    let_go(flight);
    return status;
}

void
pgcwi_flight_leave(struct pgcwi_flight *flight)
{
    pthread_mutex_lock(&flight->stripe->lock);
    let_go(flight);
}
