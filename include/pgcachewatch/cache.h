/* SPDX-License-Identifier: MIT */
/* Keys to values, coherent with PostgreSQL. */
#ifndef PGCACHEWATCH_CACHE_H
#define PGCACHEWATCH_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
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
    /** It was older than ttl_ms. */
    PGCW_REMOVED_EXPIRED = 2,
    /** Its room was needed: max_entries or max_bytes. */
    PGCW_REMOVED_EVICTED = 3,
    /** A newer value of its key took its place. */
    PGCW_REMOVED_REPLACED = 4,
    /** The cache was destroyed. */
    PGCW_REMOVED_CLOSED = 5
};

/**
 * Told of each entry that went, once no reader has it any more: the place to
 * free what a value refers to.
 *
 * @param key    valid during the call
 * @param value  valid during the call
 *
 * Threads: a library thread, or the caller of pgcw_cache_destroy(); one at a
 * time for a cache. Must not block, nor call a function of the library: what
 * else is to be freed waits.
 */
typedef void pgcw_removal_fn(void *context, struct pgcw_bytes key,
                             struct pgcw_bytes value,
                             enum pgcw_removal_cause cause);

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
     * After so long a value is not served any more, whatever the events say:
     * a safety net, exact to a few milliseconds. Default 0: never.
     */
    uint32_t ttl_ms;
    /** May be NULL. */
    pgcw_removal_fn *on_removal;
    void *on_removal_context;
};

#define PGCW_CACHE_OPTIONS_INIT                                   \
    {                                                             \
        sizeof(struct pgcw_cache_options), 0, 0, 0, 0, 0, 0, 0, 0 \
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
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
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
 * it, and every lease must have been filled or abandoned.
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
 * when the call began (P1). While the listener is not LIVE, every lookup is
 * a miss (P2).
 *
 * @param[in]  key    borrowed during the call
 * @param[out] value  set only on PGCW_OK; valid until the read section ends;
 *                    its data is aligned for any type
 * @retval PGCW_OK    a valid value
 * @retval PGCW_MISS  none
 *
 * Threads: any, inside a read section. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_lookup(struct pgcw_cache *cache, struct pgcw_bytes key,
                  struct pgcw_bytes *value);

/**
 * Look a key up and copy the value.
 *
 * @param[in]     key    borrowed during the call
 * @param[in,out] value  the copy, on PGCW_OK; otherwise unchanged
 * @retval PGCW_OK         a valid value
 * @retval PGCW_MISS       none
 * @retval PGCW_NO_MEMORY  there is one, but the buffer could not grow
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_get(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_buffer *value);

/**
 * Load the value of a key, usually with a SELECT.
 *
 * Start the SELECT in here, in a transaction that begins in here, on the
 * primary: the stamp that makes a late fill harmless was taken just before
 * this call.
 *
 * It must not fetch the same key: it would wait for itself, until the load
 * is overdue.
 *
 * @param[in]     key    valid during the call
 * @param[in,out] value  to be written with pgcw_buffer_set()
 * @param[out]    error  never NULL; may be left alone
 * @return PGCW_OK if `value` holds it. Anything else goes to the caller of
 *         pgcw_cache_fetch() and to everybody who waits, and nothing is
 *         cached; PGCW_MISS is for a row that does not exist
 *
 * Threads: the one that called pgcw_cache_fetch(), which holds no lock.
 */
typedef enum pgcw_status pgcw_loader_fn(void *context, struct pgcw_bytes key,
                                        struct pgcw_buffer *value,
                                        struct pgcw_error *error);

/** A loader and what it needs. */
struct pgcw_loader {
    pgcw_loader_fn *load;
    void *context;
};

/**
 * Look a key up, and load it if it is not there: read-through.
 *
 * Callers that miss the same key at the same time share one load, the
 * flight. A caller that comes after an invalidation does not accept a load
 * that began before it, and starts its own; so does one that has waited
 * until the load is overdue. While the listener is not LIVE each caller
 * loads by itself and nothing is cached (P2).
 *
 * @param[in]     key     borrowed during the call
 * @param[in]     loader  called at most a few times, usually once or never
 * @param[in,out] value   a copy, on PGCW_OK; otherwise what it holds is
 *                        undefined, but it is still a valid buffer
 * @param[out]    error   may be NULL; written only on failure
 * @retval PGCW_OK         `value` holds it
 * @retval PGCW_NO_MEMORY  for the flight or the copy
 * @return otherwise the loader's own status
 *
 * Threads: any, outside a read section. Blocks: never on a hit; else until
 * the loader is done, its own or another's. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_fetch(struct pgcw_cache *cache, struct pgcw_bytes key,
                 struct pgcw_loader loader, struct pgcw_buffer *value,
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
 * @retval PGCW_OK         a valid value
 * @retval PGCW_LEASED     load it, then fill or abandon
 * @retval PGCW_BUSY       another caller is loading it
 * @retval PGCW_NO_MEMORY  nothing was taken
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
 * by an event is not stored: PGCW_OK, and the next caller misses (P1).
 *
 * @param lease  from pgcw_cache_acquire(), by any thread
 * @param value  copied
 * @retval PGCW_OK         stored, or overtaken by an event
 * @retval PGCW_TOO_LARGE  larger than max_bytes; not stored
 * @retval PGCW_NO_MEMORY  not stored
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API enum pgcw_status pgcw_lease_fill(struct pgcw_lease *lease,
                                          struct pgcw_bytes value);

/**
 * Give a lease back without a value; those who wait load by themselves.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_lease_abandon(struct pgcw_lease *lease);

/** The clock of a cache at some moment. */
struct pgcw_stamp {
    uint64_t clock;
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
 * @param key    copied
 * @param value  copied
 * @param stamp  from pgcw_cache_stamp(), taken before the load began
 * @retval PGCW_OK         stored, or overtaken by an event and of no use
 * @retval PGCW_TOO_LARGE  larger than max_bytes; not stored
 * @retval PGCW_NO_MEMORY  not stored
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_put(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_bytes value, struct pgcw_stamp stamp);

/**
 * Make the value of one key invalid, and every load of it that has begun.
 *
 * Keys are hashed to a few thousand slots: another key may, at worst, be
 * reloaded needlessly.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_cache_invalidate(struct pgcw_cache *cache,
                                    struct pgcw_bytes key);

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
