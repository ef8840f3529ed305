/* SPDX-License-Identifier: MIT */
/* Counters. All count since creation, unless they say otherwise. */
#ifndef PGCACHEWATCH_STATS_H
#define PGCACHEWATCH_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

/** Counters of a cache; start with PGCW_CACHE_STATS_INIT. */
struct pgcw_cache_stats {
    size_t size;
    uint64_t hits;
    uint64_t misses;
    /** Loaders called by pgcw_cache_fetch(), and leases given. */
    uint64_t loads;
    /** Loads that failed, and leases abandoned. */
    uint64_t load_failures;
    /** Calls that waited for another's load. */
    uint64_t flight_waits;
    /** Values stored. */
    uint64_t fills;
    /** Values not stored because an event came during their load (P1). */
    uint64_t fills_refused_stale;
    /** Values not stored for lack of memory or because too much waits to
     * be freed. */
    uint64_t fills_refused_memory;
    /** Valid entries that went because of the bounds. */
    uint64_t evictions;
    /** Invalidations by a strategy, or by the caller with a tag or of
     * everything. */
    uint64_t invalidations;
    /** Invalidations of one key. */
    uint64_t key_invalidations;
    /** Flushes because something may have been lost (P3). */
    uint64_t flushes;
    /** Entries in the table now, invalid ones that are not yet swept
     * included, and their memory. */
    uint64_t entries;
    uint64_t bytes;
    /** Entries that wait for a grace period now. */
    uint64_t reclaim_waiting;
    /** Entries that went because they had lived as long as they might. */
    uint64_t expirations;
};

#define PGCW_CACHE_STATS_INIT                                                \
    {                                                                        \
        sizeof(struct pgcw_cache_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0                                                       \
    }

/** Counters of a listener; start with PGCW_LISTENER_STATS_INIT. */
struct pgcw_listener_stats {
    size_t size;
    /** Notifications heard on the channel. */
    uint64_t messages_heard;
    /** Events applied to every cache. */
    uint64_t events_applied;
    /** Payloads that could not be understood; each flushed all caches. */
    uint64_t payloads_undecodable;
    /** Messages dropped because the ring was full or memory was short; all
     * caches were flushed at once instead. */
    uint64_t messages_dropped;
    /** Times that something may have been lost, whatever the reason. */
    uint64_t gaps;
    /** Connections that became LIVE. */
    uint64_t connects;
    /** Fences answered: heartbeats and syncs. */
    uint64_t fences_answered;
    /** Round trip of the newest fence, in microseconds. */
    uint64_t fence_round_trip_us;
    /** Messages in the ring now. */
    uint64_t ring_waiting;
    /** Events later than max_latency_ms; they were applied like others. */
    uint64_t events_late;
};

#define PGCW_LISTENER_STATS_INIT                                         \
    {                                                                    \
        sizeof(struct pgcw_listener_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
    }

PGCW_END_DECLS

#endif
