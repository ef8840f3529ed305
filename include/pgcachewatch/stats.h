/* SPDX-License-Identifier: MIT */
/* Counters. All count since creation, unless they say otherwise. And the text
 * that Prometheus reads them from. */
#ifndef PGCACHEWATCH_STATS_H
#define PGCACHEWATCH_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

struct pgcw_cache;
struct pgcw_listener;

/**
 * Counters of a cache; start with PGCW_CACHE_STATS_INIT.
 *
 * `hits` and `misses` are counted by each thread for itself and summed when
 * they are read, so that hits disturb nobody. The others are counted in one
 * place, where a load or a store is paid for anyway.
 */
struct pgcw_cache_stats {
    size_t size;
    uint64_t hits;
    uint64_t misses;
    /** Loaders called, one for many keys once, and leases given. */
    uint64_t loads;
    /** Loads that failed, and leases abandoned. */
    uint64_t load_failures;
    /** Calls, or keys of one, that waited for another's load. */
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
    /** Entries that went because they were invalid; not when that happened,
     * but when they were swept or a newer value came. */
    uint64_t entries_invalidated;
    /** Valid entries that went because a newer value of their key came. */
    uint64_t replacements;
    /**
     * Values that were loaded again after an invalidation or a flush, and
     * were the same, byte for byte. Many of many fills: the tags are too
     * coarse, or rows share a slot (see pgcw_tag). There may have been more:
     * what was swept first is not compared.
     */
    uint64_t needless_invalidations;
    /** What loaders took, in nanoseconds; leases are not counted. By `loads`,
     * the time of a load. */
    uint64_t load_ns;
    /** Values not stored because their thread was in a transaction: see
     * transaction.h. */
    uint64_t fills_refused_transaction;
    /** Values that were still valid, and were loaded anew all the same. */
    uint64_t refreshes;
    /** Of `hits`, those in an outage: see PGCW_OUTAGE_SERVE_STALE. */
    uint64_t stale_hits;
    /** Fetches that waited for a place because max_loads loads ran. */
    uint64_t place_waits;
    /** Values not stored because the standby that they were read from was
     * behind, or not known not to be: see pgcw_fill_set_read_lsn(). */
    uint64_t fills_refused_behind;
};

#define PGCW_CACHE_STATS_INIT                                                \
    {                                                                        \
        sizeof(struct pgcw_cache_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                            \
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

/** A cache, and what it is called in the text for Prometheus. */
struct pgcw_named_cache {
    /** UTF-8; no two of one text have the same. */
    const char *name;
    struct pgcw_cache *cache;
};

/**
 * Write all counters as text for Prometheus, in its exposition format 0.0.4:
 * answer a scrape with it and `Content-Type: text/plain; version=0.0.4`.
 *
 * Every counter above is a metric, `pgcachewatch_cache_hits_total{cache="…"}`
 * or `pgcachewatch_listener_gaps_total{channel="…"}`; times are in seconds.
 * Beside them, of the listener:
 *
 * - `pgcachewatch_listener_state{state="live"}` and so on: 1 for the state that
 *   it is in, 0 for the others.
 * - `pgcachewatch_listener_horizon_age_seconds`: how long ago
 *   pgcw_listener_horizon_ns() was; +Inf while nothing is known.
 * - `pgcachewatch_listener_events_total{table="public.orders"}`: events
 *   applied, by table. The first 256 tables have their own, from their first
 *   event on; what comes of others is together in `table="other"`. Anybody who
 *   may NOTIFY can make up names.
 * - `pgcachewatch_listener_event_latency_seconds`: a histogram of the time from
 *   an event's sent_at until every cache has applied it; buckets from 100 µs
 *   to 52 s, each twice the one before. The first moment is by the clock of
 *   PostgreSQL, the second by that of this machine: what they differ is in it,
 *   and less than nothing counts as nothing. A trigger's sent_at is the start
 *   of the writer's transaction; by PGCW_TRANSPORT_WAL it is the commit.
 *
 * Several listeners need a text each: two texts one behind the other are not
 * one. Figures grow from call to call, so allot some more than it says is
 * needed, or ask again if it did not fit.
 *
 * @param[in]  listener     NULL: none
 * @param[in]  caches       of this listener or any other
 * @param[in]  cache_count  0: caches may be NULL
 * @param[out] text         terminated, and cut off if it does not fit; may be
 *                          NULL if text_bytes is 0
 * @param[in]  text_bytes   of text, its terminator included
 * @return bytes of the whole text without its terminator: it fitted if they
 *         are less than text_bytes; 0: there is no memory
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK size_t pgcw_stats_prometheus(
    const struct pgcw_listener *listener, const struct pgcw_named_cache *caches,
    size_t cache_count, char *text, size_t text_bytes);

PGCW_END_DECLS

#endif
