/* SPDX-License-Identifier: MIT */
/*
 * The running load of a key, and those who wait for it.
 *
 * Model: flights are kept in stripes by the hash of their key; a stripe's
 * lock guards its flights. Only misses come here, and they are about to pay
 * for a round trip to the database. A flight has one owner, who loads and
 * then completes it, once; others wait. A newcomer joins a flight only if it
 * is not overdue, and nothing that is known to make its value invalid has
 * come since it began; else the newcomer's own flight takes its place, and
 * the old one goes on for those who have it.
 *
 * The owner may have to wait until he may load (cache/load_limit.h). Then he
 * postpones: the load has not begun, so that nothing can have made it invalid
 * and every newcomer joins. The flight is stamped anew when it begins. All
 * who wait for that, owner or not, have a deadline of their own for it.
 *
 * What a value depends on is known only when it is loaded. So who has joined
 * after some event looks once more, at the end.
 *
 * Checked by stress/models/coherence.pml.
 */
#ifndef PGCWI_CACHE_FLIGHT_H
#define PGCWI_CACHE_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/status.h>

#include "cache/entry.h"

#define PGCWI_FLIGHT_STRIPES 64

struct pgcwi_flight_stripe {
    pthread_mutex_t lock;
    pthread_cond_t completed; /* on CLOCK_MONOTONIC */
    struct cds_list_head flights;
};

struct pgcwi_flights {
    struct pgcwi_flight_stripe stripes[PGCWI_FLIGHT_STRIPES];
};

struct pgcwi_flight {
    /* immutable after start */
    struct pgcwi_flight_stripe *stripe;
    struct pgcwi_key key; /* its bytes stand behind this struct */
    /* written by the owner under the stripe's lock */
    struct pgcw_stamp stamp;
    int64_t deadline_ns;
    /* guarded by the stripe's lock */
    struct cds_list_head in_stripe;
    bool is_in_stripe;
    bool is_completed;
    uint32_t holders; /* the owner, and those who wait */
    enum pgcw_status status;
    struct pgcwi_entry *entry; /* what it loaded, if somebody waits */
    struct pgcw_error error;
};

void pgcwi_flights_init(struct pgcwi_flights *flights);
void pgcwi_flights_fini(struct pgcwi_flights *flights);

struct pgcwi_flight_stripe *pgcwi_flights_stripe(struct pgcwi_flights *flights,
                                                 const struct pgcwi_key *key);

/* The next three under the stripe's lock. */

/*
 * The flight of a key that a newcomer may join, or NULL. `known`: what its
 * value surely depends on.
 */
struct pgcwi_flight *pgcwi_flight_find(const struct pgcwi_flight_stripe *stripe,
                                       const struct pgcwi_key *key,
                                       const struct pgcwi_stamps *stamps,
                                       const struct pgcwi_slots *known);
/* Take the place of the key's flight, if there is one. NULL: no memory. */
struct pgcwi_flight *pgcwi_flight_start(struct pgcwi_flight_stripe *stripe,
                                        const struct pgcwi_key *key,
                                        struct pgcw_stamp stamp,
                                        int64_t deadline_ns);
void pgcwi_flight_hold(struct pgcwi_flight *flight);

/* One that nobody can join, beside the key's flight. NULL: no memory. */
struct pgcwi_flight *
pgcwi_flight_start_alone(struct pgcwi_flight_stripe *stripe,
                         const struct pgcwi_key *key, struct pgcw_stamp stamp);
/* The next two by the owner, who does not hold the lock. */

/* The load has not begun yet; it does before the deadline, or never. */
void pgcwi_flight_postpone(struct pgcwi_flight *flight, int64_t deadline_ns);
/* The load begins after this call, and is then overdue at the deadline. */
void pgcwi_flight_begin(struct pgcwi_flight *flight, struct pgcw_stamp stamp,
                        int64_t deadline_ns);

/*
 * By the owner, who does not hold the lock and gives the flight up: tell all
 * who wait. The entry goes with PGCW_OK and PGCW_NOT_FOUND, and `error` (may
 * be NULL) with the others.
 */
void pgcwi_flight_complete(struct pgcwi_flight *flight, enum pgcw_status status,
                           struct pgcwi_entry *entry,
                           const struct pgcw_error *error);

/*
 * By one who holds it: wait until it is completed or overdue, take the
 * result, and let go. The entry, if there is one, is the caller's to hold.
 * PGCW_BUSY: overdue or abandoned, so there is none. PGCW_TIMEOUT without an
 * error: at begin_deadline_ns it had not begun.
 */
enum pgcw_status pgcwi_flight_wait(struct pgcwi_flight *flight,
                                   int64_t begin_deadline_ns,
                                   struct pgcwi_entry **entry,
                                   struct pgcw_error *error);
/* By one who holds it and does not want to wait. */
void pgcwi_flight_leave(struct pgcwi_flight *flight);

#endif
