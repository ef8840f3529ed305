/* SPDX-License-Identifier: MIT */
/*
 * One cache: the table, what makes its entries invalid, and its bounds.
 *
 * Model: readers find entries in a read section, without a lock. Those who
 * change the table hold write_lock, for a few hundred nanoseconds.
 * Invalidations take neither: see cache/stamps.h. Nothing of the user's is
 * called under a lock.
 */
#ifndef PGCWI_CACHE_CACHE_H
#define PGCWI_CACHE_CACHE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/cache.h>

#include "cache/checkpoint.h"
#include "cache/eviction.h"
#include "cache/fill.h"
#include "cache/flight.h"
#include "cache/key_hash.h"
#include "cache/load_limit.h"
#include "cache/reclaim.h"
#include "cache/sample.h"
#include "cache/stamps.h"
#include "cache/sweep.h"
#include "cache/table.h"
#include "cache/tags.h"

struct pgcwi_attachment;

/* Ask the listener for a fence, without waiting for it. */
typedef void pgcwi_ask_fence_fn(void *context);

enum pgcwi_counter {
    PGCWI_LOADS,
    PGCWI_LOAD_FAILURES,
    PGCWI_FLIGHT_WAITS,
    PGCWI_FILLS,
    PGCWI_FILLS_REFUSED_STALE,
    PGCWI_FILLS_REFUSED_MEMORY,
    PGCWI_FILLS_REFUSED_TRANSACTION,
    PGCWI_FILLS_REFUSED_BEHIND,
    PGCWI_ENTRIES_INVALIDATED,
    PGCWI_REPLACEMENTS,
    PGCWI_NEEDLESS_INVALIDATIONS,
    PGCWI_LOAD_NS,
    PGCWI_EVICTIONS,
    PGCWI_EXPIRATIONS,
    PGCWI_INVALIDATIONS,
    PGCWI_KEY_INVALIDATIONS,
    PGCWI_FLUSHES,
    PGCWI_REFRESHES,
    PGCWI_PLACE_WAITS,
    PGCWI_COUNTER_COUNT
};

struct pgcw_cache {
    /* what a hit reads, on one line; immutable after create, but for the
     * watchers, which change as an auditor comes or goes, and the table */
    uint64_t hash_seed;
    uint32_t number;               /* pgcwi_reader_cache_join() */
    _Atomic uint32_t hit_watchers; /* on_hit and the sampler, if there */
    pgcw_lookup_fn *on_hit;        /* may be NULL */
    pgcw_lookup_fn *on_miss;       /* may be NULL */
    void *on_lookup_context;
    struct pgcwi_table table;
    int64_t load_timeout_ns;
    int64_t lease_timeout_ns;
    uint32_t ttl_ms;           /* 0: none */
    uint32_t absent_ttl_ms;    /* 0: not cached */
    uint32_t refresh_after_ms; /* 0: never */
    pgcw_weigh_fn *weigh;      /* may be NULL */
    void *weigh_context;
    struct pgcwi_attachment *attachment; /* the listener's; opaque here */
    struct cds_list_head in_process;     /* cache/forked.h */
    const _Atomic int64_t *horizon_ns;   /* the listener's; may be NULL */
    pgcwi_ask_fence_fn *ask_fence;       /* may be NULL */
    void *ask_fence_context;
    int64_t stale_max_ns; /* 0: nothing is served stale */
    bool is_outage_error;
    /* shared; apart, so that counting does not disturb readers */
    _Alignas(64) struct pgcwi_stamps stamps;
    struct pgcwi_tags tags;
    _Alignas(64) _Atomic uint64_t counters[PGCWI_COUNTER_COUNT];
    _Atomic uint32_t open_transactions; /* cache/transaction.h */
    struct pgcwi_sampler sampler;
    /* guarded by their own locks */
    struct pgcwi_flights flights;
    struct pgcwi_load_limit load_limit;
    struct pgcwi_checkpoints checkpoints;
    /* guarded by write_lock */
    pthread_mutex_t write_lock;
    struct pgcwi_eviction eviction;
    struct pgcwi_sweep sweep;
    struct pgcwi_reclaim reclaim;
};

/* Closed at first: it serves nothing. Options as in pgcw_cache_create(),
 * with their defaults filled in here; the strategy is not looked at. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_cache_open(const struct pgcw_cache_options *options,
                 struct pgcw_cache **cache, struct pgcw_error *error);
/* Accepts NULL. Outside a read section; waits for a grace period. */
void pgcwi_cache_close(struct pgcw_cache *cache);

struct pgcwi_key pgcwi_cache_key(const struct pgcw_cache *cache,
                                 struct pgcw_bytes bytes);
/* In a read section; NULL if there is no valid entry. */
struct pgcwi_entry *pgcwi_cache_find(const struct pgcw_cache *cache,
                                     const struct pgcwi_key *key);
/* pgcw_cache_lookup() for a key that is hashed already. */
enum pgcw_status pgcwi_cache_look_up(struct pgcw_cache *cache,
                                     const struct pgcwi_key *key,
                                     int64_t oldest_ns,
                                     struct pgcw_bytes *value);
/* pgcw_cache_get() for a key that is hashed already; of a value whose load
 * began at oldest_ns or later: see cache/age.h. */
enum pgcw_status pgcwi_cache_copy(struct pgcw_cache *cache,
                                  const struct pgcwi_key *key,
                                  int64_t oldest_ns, struct pgcw_buffer *value);
/* The same, but where the caller shall refresh the value it is not copied:
 * it is in `due`, and the caller holds it. */
enum pgcw_status pgcwi_cache_copy_or_claim(struct pgcw_cache *cache,
                                           const struct pgcwi_key *key,
                                           int64_t oldest_ns,
                                           struct pgcw_buffer *value,
                                           struct pgcwi_entry **due);
/* The same for pgcw_cache_pin(). */
enum pgcw_status pgcwi_cache_pin(struct pgcw_cache *cache,
                                 const struct pgcwi_key *key, int64_t oldest_ns,
                                 struct pgcwi_entry **entry);

/* What is known of every entry of this key, whatever it holds. */
void pgcwi_cache_known_slots(const struct pgcw_cache *cache,
                             const struct pgcwi_key *key,
                             struct pgcwi_slots *slots);

/* An entry of what was loaded, held by the caller; NULL if memory is short.
 * Its stamp is older if it was read from a standby. */
struct pgcwi_entry *pgcwi_cache_make_entry(struct pgcw_cache *cache,
                                           const struct pgcwi_key *key,
                                           struct pgcw_fill *fill,
                                           struct pgcw_bytes value,
                                           struct pgcw_stamp stamp);
/* Put it into the table, unless it is dead on arrival; either is PGCW_OK, but
 * PGCW_BEHIND if `fill` was read from a standby. */
enum pgcw_status pgcwi_cache_publish(struct pgcw_cache *cache,
                                     const struct pgcwi_key *key,
                                     const struct pgcw_fill *fill,
                                     struct pgcwi_entry *entry);
/* What was loaded elsewhere. */
struct pgcwi_put {
    const struct pgcwi_key *key;
    struct pgcw_bytes value;
    struct pgcw_stamp stamp;
    const struct pgcw_fill_options *options;
};

/* pgcw_cache_put(); the entry is set with PGCW_OK, and the caller holds it. */
enum pgcw_status pgcwi_cache_store(struct pgcw_cache *cache,
                                   const struct pgcwi_put *put,
                                   struct pgcwi_entry **entry);

void pgcwi_cache_count(struct pgcw_cache *cache, enum pgcwi_counter counter);
void pgcwi_cache_count_more(struct pgcw_cache *cache,
                            enum pgcwi_counter counter, uint64_t more);

/* Make what an event is about invalid. */
void pgcwi_cache_apply(struct pgcw_cache *cache,
                       const struct pgcw_event *event);
/* Something may have been lost: everything is invalid now (P3). */
void pgcwi_cache_flush(struct pgcw_cache *cache);
/* Unlink an entry: `cause`, unless it was of no use any more. The caller holds
 * write_lock, so that nothing in the table is freed: no section is needed. */
void pgcwi_cache_discard(struct pgcw_cache *cache, struct pgcwi_entry *entry,
                         enum pgcw_removal_cause cause);
/* Unlink all, before the end. */
void pgcwi_cache_discard_all(struct pgcw_cache *cache);

#endif
