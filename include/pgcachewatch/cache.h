/* SPDX-License-Identifier: MIT */
/* Keys to values, coherent with PostgreSQL. */
#ifndef PGCACHEWATCH_CACHE_H
#define PGCACHEWATCH_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/fill.h>
#include <pgcachewatch/outage.h>
#include <pgcachewatch/pin.h>
#include <pgcachewatch/stats.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pgcw_listener;
struct pgcw_strategy;
struct pgcw_cache;

/** Why an entry went. */
enum pgcw_removal_cause {
    /** An event, or the caller, made it invalid. */
    PGCW_REMOVED_INVALIDATED = 1,
    /** It had lived as long as it might. */
    PGCW_REMOVED_EXPIRED = 2,
    /** Its room was needed: max_entries or max_bytes. */
    PGCW_REMOVED_EVICTED = 3,
    /** A newer value of its key took its place. */
    PGCW_REMOVED_REPLACED = 4,
    /** The cache was destroyed. */
    PGCW_REMOVED_CLOSED = 5,
    /** It was never stored: the listener was not LIVE, its thread was in a
     * transaction, the standby that it was read from was behind, it was too
     * large, or memory was short. */
    PGCW_REMOVED_UNSTORED = 6
};

/**
 * Told of each value that the library took, once no reader and no pin has it
 * any more: the place to free what it refers to. Called exactly once for each
 * value of a loader that returned PGCW_OK, and for each that was given with
 * PGCW_OK to pgcw_cache_put() or pgcw_lease_fill().
 *
 * @param key    valid during the call
 * @param value  valid during the call
 *
 * Threads: a library thread, or any in a call with the cache or one of its
 * pins; maybe several at a time. Must not block, nor call a function of the
 * library: what else is to be freed waits.
 */
typedef void pgcw_removal_fn(void *context, struct pgcw_bytes key,
                             struct pgcw_bytes value,
                             enum pgcw_removal_cause cause);

/**
 * Says what a value weighs beside its own bytes: what it refers to.
 *
 * @return bytes, for max_bytes; more than 4 GiB counts as that
 *
 * Threads: any in a call that stores; maybe several at a time. Must not
 * block.
 */
typedef size_t pgcw_weigh_fn(void *context, struct pgcw_bytes key,
                             struct pgcw_bytes value);

/**
 * Told of a lookup: once for each that `hits` or `misses` of struct
 * pgcw_cache_stats counts. A fetch that misses is told of before it loads.
 *
 * @param key  valid during the call
 *
 * Threads: the one that looks the key up, in a read section; maybe several
 * at a time. Must not block, nor call a function of the library.
 */
typedef void pgcw_lookup_fn(void *context, struct pgcw_bytes key);

/** Start with PGCW_CACHE_OPTIONS_INIT; zero always means the default. */
struct pgcw_cache_options {
    size_t size;
    /** What invalidates. The cache owns it if it was made. NULL: greedy, on
     * every event of the listener's channel. */
    struct pgcw_strategy *strategy;
    /**
     * Most entries, invalid ones included. Default 100,000. Which goes when
     * this or max_bytes is reached is decided by SIEVE (Zhang et al., NSDI
     * 2024): one that was not hit since the last look.
     */
    uint64_t max_entries;
    /** Most bytes: keys, values and what the cache adds. Default 256 MiB. */
    uint64_t max_bytes;
    /** After so long a load is overdue, and another caller may load the
     * same key. Default 5000. */
    uint32_t load_timeout_ms;
    /** The same for a lease. Default 5000. */
    uint32_t lease_timeout_ms;
    /**
     * So long after its load began a value is not served any more, whatever
     * the events say: a safety net, exact to a few milliseconds. Default 0:
     * never.
     */
    uint32_t ttl_ms;
    /** May be NULL. */
    pgcw_removal_fn *on_removal;
    void *on_removal_context;
    /**
     * Remember so long that the database has no value for a key, when a
     * loader says PGCW_NOT_FOUND. Give such a fill a tag: of the row's key,
     * which its insert will tell. Default 0: not at all.
     */
    uint32_t absent_ttl_ms;
    /** NULL: a value weighs its bytes. */
    pgcw_weigh_fn *weigh;
    void *weigh_context;
    /** NULL: a hit costs one branch for it. */
    pgcw_lookup_fn *on_hit;
    /** May be NULL. */
    pgcw_lookup_fn *on_miss;
    /** Of both. */
    void *on_lookup_context;
    /**
     * Refresh-ahead: so long after its load began a value that is still
     * valid is loaded anew by one caller who fetches it, while others get it
     * at once as before. If that load fails, its caller gets the old value,
     * too, if it is still valid then, and the next is tried load_timeout_ms
     * later. Must be below ttl_ms, if there is one. Only fetch and acquire
     * refresh. Default 0: never.
     */
    uint32_t refresh_after_ms;
    /** Default PGCW_OUTAGE_BYPASS. */
    enum pgcw_outage outage;
    /** With PGCW_OUTAGE_SERVE_STALE, which needs one. */
    uint32_t stale_max_ms;
    /**
     * Loads of the cache that may run at the same time, so that a flush or an
     * outage does not send everybody to the database at once. A fetch above
     * it waits for a place, in the order of arrival, until load_timeout_ms
     * after its call; pgcw_cache_acquire() does not wait. A lease has a place
     * until it is filled, abandoned or overdue. A loader that fetches from
     * the same cache needs a second place. Default 0: any number.
     */
    uint64_t max_loads;
};

#define PGCW_CACHE_OPTIONS_INIT                                                \
    {                                                                          \
        sizeof(struct pgcw_cache_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            0, 0, 0, (enum pgcw_outage)0, 0, 0                                 \
    }

/**
 * Make a cache that follows a listener.
 *
 * Several caches may follow one listener; each sees every event (P5).
 *
 * @param[in]  listener  must outlive the cache
 * @param[in]  options   NULL for all defaults; not kept by reference
 * @param[out] cache     set only on PGCW_OK; give it to
 *                       pgcw_cache_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made; serves as soon as the listener is LIVE
 * @retval PGCW_INVALID_ARGUMENT  an option is out of range; detail names it.
 *                                The strategy stays with the caller, as it
 *                                does with every result but PGCW_OK
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set; or this
 *                                is a child of fork()
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any but the library's. Blocks: until the running strategy
 * callback of the listener returns. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_create(struct pgcw_listener *listener,
                  const struct pgcw_cache_options *options,
                  struct pgcw_cache **cache, struct pgcw_error *error);

/**
 * Free a cache, its entries and its strategy. Accepts NULL.
 *
 * No other call with the cache may be under way, no read section may use
 * it, every lease must have been filled or abandoned, every pin released, and
 * every transaction ended.
 *
 * Threads: any but the library's, outside a read section. Blocks: until the
 * running strategy callback returns and for a grace period. Signals: unsafe.
 */
PGCW_API void pgcw_cache_destroy(struct pgcw_cache *cache);

/**
 * Begin a read section: values that pgcw_cache_lookup() returns stay until
 * it ends. Sections nest. A thread needs no other preparation, and leaves by
 * itself when it ends.
 *
 * Keep sections short, and do not wait in them: memory is freed only when
 * every section that was open has ended.
 *
 * Threads: any. Blocks: never, but for the first call of a thread, which
 * takes a lock. Signals: unsafe.
 */
PGCW_API void pgcw_read_begin(void);

/**
 * End a read section of the calling thread.
 *
 * Threads: the one that began it. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_read_end(void);

/**
 * Look a key up, without a copy.
 *
 * A hit takes no lock, no atomic read-modify-write and no allocation, and
 * writes nothing shared but a bit of the entry, if it is not set yet (P4). It
 * is never a value whose load began before an event that was applied
 * when the call began (P1). While the listener is not LIVE, the cache's
 * outage policy says what a lookup gives; by default it is a miss (P2).
 *
 * @param[in]  key    borrowed during the call
 * @param[out] value  set only on PGCW_OK; valid until the read section ends;
 *                    its data is aligned for any type
 * @retval PGCW_OK            a valid value; or a stale one, if the policy is
 *                            PGCW_OUTAGE_SERVE_STALE
 * @retval PGCW_MISS          none
 * @retval PGCW_NOT_FOUND     the database has none: see absent_ttl_ms
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 *
 * Threads: any, inside a read section. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_lookup(struct pgcw_cache *cache, struct pgcw_bytes key,
                  struct pgcw_bytes *value);

/**
 * Look up a value that is known to be fresh (P6), without a copy.
 *
 * A valid value counts if it shows the database as it was max_age_ms before
 * the call, or later: because its load began no earlier, or because the
 * listener's horizon is no older. Every answered heartbeat moves the horizon
 * on. So, with a listener that is LIVE, a max_age_ms well above its
 * heartbeat_interval_ms lets almost every valid value pass; below it, most
 * of the time only those pass that were loaded within it. To ask for less,
 * shorten the interval; to see what is committed now, call
 * pgcw_listener_sync() before a plain lookup.
 *
 * What is applied is what the strategy lets through: one that keeps events
 * back, such as a window, makes values older by as much.
 *
 * @param[in]  key         borrowed during the call
 * @param[in]  max_age_ms  0: any, as pgcw_cache_lookup()
 * @param[out] value       as with pgcw_cache_lookup()
 * @retval PGCW_OK            a valid value that is fresh enough
 * @retval PGCW_MISS          none; there may be an older one
 * @retval PGCW_NOT_FOUND     the database has none: see absent_ttl_ms
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 *
 * Threads: any, inside a read section. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_lookup_fresh(struct pgcw_cache *cache, struct pgcw_bytes key,
                        uint32_t max_age_ms, struct pgcw_bytes *value);

/**
 * Look a key up and copy the value.
 *
 * @param[in]     key    borrowed during the call
 * @param[in,out] value  the copy, on PGCW_OK; otherwise unchanged
 * @retval PGCW_OK            as with pgcw_cache_lookup()
 * @retval PGCW_MISS          none
 * @retval PGCW_NOT_FOUND     the database has none: see absent_ttl_ms
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 * @retval PGCW_NO_MEMORY     there is one, but the buffer could not grow
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_get(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_buffer *value);

/**
 * Look a key up, and load it if it is not there: read-through.
 *
 * Callers that miss the same key at the same time share one load, the
 * flight. A caller that comes after an invalidation does not accept a load
 * that began before it, and starts its own; so does one that has waited
 * until the load is overdue. So a loader that hangs holds up its own caller,
 * but others only for load_timeout_ms, and a forgotten lease for
 * lease_timeout_ms. While the listener is not LIVE nothing is cached, and the
 * cache's outage policy says what a fetch does; by default each caller loads
 * by itself (P2).
 *
 * With max_loads, a caller has a place before it calls its loader. A flight
 * whose owner waits for a place has not begun, so that whoever comes
 * shares it, whatever was invalidated meanwhile; and each of those who share
 * it waits for the place until its own load_timeout_ms, not the owner's.
 *
 * What a value depends on is known when it is loaded. So who came after an
 * event that may concern it waits for the load and, if it did, starts his own
 * then.
 *
 * @param[in]     key     borrowed during the call
 * @param[in]     loader  called at most a few times, usually once or never
 * @param[in,out] value   a copy, on PGCW_OK; otherwise what it holds is
 *                        undefined, but it is still a valid buffer
 * @param[out]    error   may be NULL; written only on failure
 * @retval PGCW_OK            `value` holds it; a failed refresh is no failure
 * @retval PGCW_NOT_FOUND     the database has none, says the loader or the
 *                            cache
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 * @retval PGCW_TIMEOUT       max_loads loads ran until load_timeout_ms
 * @retval PGCW_NO_MEMORY     for the flight or the copy
 * @return otherwise the loader's own status
 *
 * Threads: any, outside a read section. Blocks: never on a hit, but to
 * refresh it; else until the loader is done, its own or another's. Signals:
 * unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_fetch(struct pgcw_cache *cache, struct pgcw_bytes key,
                 struct pgcw_loader loader, struct pgcw_buffer *value,
                 struct pgcw_error *error);

/**
 * The same without a copy: the value is pinned, also where it could not be
 * stored.
 *
 * @param[out] pin  set only on PGCW_OK; give it to pgcw_pin_release()
 *
 * The rest as with pgcw_cache_fetch().
 *
 * Threads: any, outside a read section. Blocks: never on a hit, but to
 * refresh it; else until the loader is done, its own or another's. Signals:
 * unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_fetch_pinned(struct pgcw_cache *cache, struct pgcw_bytes key,
                        struct pgcw_loader loader, struct pgcw_pin **pin,
                        struct pgcw_error *error);

/** The right to fill one key. */
struct pgcw_lease;

/**
 * Look a key up, or take the lease to fill it: for callers that must not
 * wait, such as event loops.
 *
 * Begin the load after this call, as a loader would. A lease that is not
 * filled or abandoned within lease_timeout_ms no longer keeps others from
 * taking one.
 *
 * @param[in]     key    borrowed during the call
 * @param[in,out] value  a copy, on PGCW_OK; otherwise unchanged
 * @param[out]    lease  set only on PGCW_LEASED; give it to
 *                       pgcw_lease_fill() or pgcw_lease_abandon(), once,
 *                       also when it is overdue
 * @retval PGCW_OK            as with pgcw_cache_lookup()
 * @retval PGCW_NOT_FOUND     the database has none: see absent_ttl_ms
 * @retval PGCW_LEASED        load it, then fill or abandon; there is no valid
 *                            value, or one that is due: see refresh_after_ms
 * @retval PGCW_BUSY          another caller is loading it, or max_loads loads
 *                            run; status.h says when to ask again
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 * @retval PGCW_NO_MEMORY     nothing was taken
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_acquire(struct pgcw_cache *cache, struct pgcw_bytes key,
                   struct pgcw_buffer *value, struct pgcw_lease **lease);

/**
 * Store the value that was loaded under a lease, and give the lease back.
 *
 * The lease is gone whatever the result. A value whose load was overtaken
 * by an event is not stored: PGCW_OK, and the next caller misses (P1). So it
 * is with one that is loaded within a transaction: see transaction.h.
 *
 * @param lease    from pgcw_cache_acquire(), by any thread
 * @param value    copied
 * @param options  NULL: the value depends on the whole cache
 * @retval PGCW_OK                stored, or overtaken by an event
 * @retval PGCW_INVALID_ARGUMENT  no event could have a tag's name; not stored
 * @retval PGCW_UNSUPPORTED       an option of a newer version; not stored
 * @retval PGCW_BEHIND            read from a standby that has not replayed
 *                                enough: see pgcw_fill_set_read_lsn()
 * @retval PGCW_TOO_LARGE         larger than max_bytes; not stored
 * @retval PGCW_NO_MEMORY         not stored
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API enum pgcw_status
pgcw_lease_fill(struct pgcw_lease *lease, struct pgcw_bytes value,
                const struct pgcw_fill_options *options);

/**
 * The same for a value that was read from a standby.
 *
 * @param read_lsn  takes the place of the options' read_lsn: see
 *                  pgcw_fill_set_read_lsn()
 *
 * The rest as with pgcw_lease_fill().
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API enum pgcw_status
pgcw_lease_fill_at(struct pgcw_lease *lease, struct pgcw_bytes value,
                   const struct pgcw_fill_options *options, uint64_t read_lsn);

/**
 * Give a lease back without a value; those who wait load by themselves.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_lease_abandon(struct pgcw_lease *lease);

/** The moment before a load. */
struct pgcw_stamp {
    /** Of the cache: it counts invalidations. */
    uint64_t clock;
    /** CLOCK_MONOTONIC, to within a few milliseconds. */
    int64_t taken_at_ns;
};

/**
 * Take a stamp, before the load whose value pgcw_cache_put() shall store.
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API struct pgcw_stamp pgcw_cache_stamp(const struct pgcw_cache *cache);

/**
 * Store a value that was loaded after a stamp was taken.
 *
 * @param key      copied
 * @param value    copied
 * @param stamp    from pgcw_cache_stamp(), taken before the load began
 * @param options  NULL: the value depends on the whole cache
 * @retval PGCW_OK                stored; or of no use, as an event has
 *                                overtaken it, or the thread is in a
 *                                transaction: see transaction.h
 * @retval PGCW_INVALID_ARGUMENT  no event could have a tag's name; not stored
 * @retval PGCW_UNSUPPORTED       an option of a newer version; not stored
 * @retval PGCW_BEHIND            read from a standby that has not replayed
 *                                enough: see pgcw_fill_set_read_lsn()
 * @retval PGCW_TOO_LARGE         larger than max_bytes; not stored
 * @retval PGCW_NO_MEMORY         not stored
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_put(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_bytes value, struct pgcw_stamp stamp,
               const struct pgcw_fill_options *options);

/**
 * Make the value of one key invalid, and every load of it that has begun.
 *
 * Keys are hashed to a 16th as many slots as there may be entries: some other
 * keys may, at worst, be loaded needlessly.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_cache_invalidate(struct pgcw_cache *cache,
                                    struct pgcw_bytes key);

/**
 * Make every value that depends on a table or a row invalid, and every value
 * without a tag, and every load of such: as an event would. For one's own
 * write, before its event arrives.
 *
 * @retval PGCW_OK                done
 * @retval PGCW_INVALID_ARGUMENT  a name is empty or over 63 bytes
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API enum pgcw_status pgcw_cache_invalidate_tag(struct pgcw_cache *cache,
                                                    const struct pgcw_tag *tag);

/**
 * Make everything invalid, and every load that has begun. One store,
 * whatever the number of entries.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_cache_invalidate_all(struct pgcw_cache *cache);

/**
 * Read the counters of a cache, summed over all threads.
 *
 * @param[in,out] stats  set `size` first, as PGCW_CACHE_STATS_INIT does
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_cache_read_stats(struct pgcw_cache *cache,
                                    struct pgcw_cache_stats *stats);

PGCW_END_DECLS

#endif
