/* SPDX-License-Identifier: MIT */
/* Joining or starting the load of a key, and how it ends. */
#ifndef PGCWI_CACHE_FETCH_H
#define PGCWI_CACHE_FETCH_H

#include "cache/cache.h"
#include "cache/flight.h"

/* What a caller who missed a key has become. */
enum pgcwi_join {
    /* another has stored a value meanwhile: look it up again */
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

/* What he wants. */
struct pgcwi_want {
    const struct pgcwi_key *key;
    const struct pgcwi_entry *old; /* what he has and shall refresh, or NULL */
    int64_t oldest_ns;             /* see cache/age.h */
    int64_t timeout_ns; /* when the flight is overdue, if it is a new one */
};

/* Who is in a transaction gets a flight that nobody else joins. */
enum pgcwi_join pgcwi_fetch_join(struct pgcw_cache *cache,
                                 const struct pgcwi_want *want,
                                 struct pgcwi_seat *seat);
/* pgcwi_flight_complete(), where the owner may be in a transaction. */
void pgcwi_fetch_complete(struct pgcw_cache *cache, struct pgcwi_flight *flight,
                          enum pgcw_status status, struct pgcwi_entry *entry,
                          const struct pgcw_error *error);

/*
 * By a waiter: the result of the flight. The entry of PGCW_OK and
 * PGCW_NOT_FOUND is the caller's to hold; `error` is written with the others.
 * PGCW_BUSY: nothing was had, join again. PGCW_BEHIND: the same, as what was
 * had from a standby could not be stored. PGCW_TIMEOUT: the load had not begun
 * at the deadline.
 */
enum pgcw_status pgcwi_fetch_wait(struct pgcw_cache *cache,
                                  const struct pgcwi_seat *seat,
                                  int64_t place_deadline_ns,
                                  struct pgcwi_entry **entry,
                                  struct pgcw_error *error);

/*
 * By one whose try for a place for his load has failed: wait for it. The
 * flights are postponed before, and begin after PGCW_OK; PGCW_TIMEOUT and
 * PGCW_DISCONNECTED: there is no place.
 */
enum pgcw_status pgcwi_fetch_wait_for_place(struct pgcw_cache *cache,
                                            int64_t deadline_ns);

/* By an owner: the load of one key. */
struct pgcwi_load {
    struct pgcw_cache *cache;
    const struct pgcwi_key *key;
    struct pgcw_stamp stamp;
    /* NULL: nobody waits, and nothing is stored: the cache is closed */
    struct pgcwi_flight *flight;
};

/* What the status of a loader that was called then means to us. Its time is
 * counted, and a failure, which is explained. */
enum pgcw_status pgcwi_fetch_judge(struct pgcw_cache *cache,
                                   enum pgcw_status status, int64_t begun_ns,
                                   struct pgcw_error *error);
/*
 * Store what was loaded and tell all who wait. The status is a judged one, or
 * PGCW_NO_MEMORY. The entry of PGCW_OK and PGCW_NOT_FOUND is the caller's to
 * hold.
 */
enum pgcw_status pgcwi_fetch_finish(const struct pgcwi_load *load,
                                    enum pgcw_status status,
                                    struct pgcw_fill *fill,
                                    struct pgcw_error *error,
                                    struct pgcwi_entry **entry);

/* The words for a status, if nobody has said why. */
void pgcwi_fetch_explain(const struct pgcw_cache *cache,
                         enum pgcw_status status, struct pgcw_error *error);

#endif
