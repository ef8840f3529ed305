/* SPDX-License-Identifier: MIT */
/* Many keys at once: their lookups overlap, and one load is for all that are
 * missing. */
#ifndef PGCACHEWATCH_MANY_H
#define PGCACHEWATCH_MANY_H

#include <stddef.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/cache.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/fill.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

/** One lookup of many. */
struct pgcw_lookup {
    /** Set by the caller; borrowed during the call. */
    struct pgcw_bytes key;
    /** Set with PGCW_OK, as by pgcw_cache_lookup(). */
    struct pgcw_bytes value;
    /** What pgcw_cache_lookup() would have returned. */
    enum pgcw_status status;
};

/**
 * Look many keys up, as by pgcw_cache_lookup() each.
 *
 * Where the cache is larger than the processor's, a lookup mostly waits for
 * memory; here many wait together. With less than a handful of keys, or where
 * all are in use all the time, it gains nothing.
 *
 * @param[in,out] lookups  each `value` is valid until the read section ends;
 *                         each `status` is written
 * @param[in]     count    any
 * @return how many are PGCW_OK
 *
 * Threads: any, inside a read section. Blocks: never. Signals: unsafe.
 */
PGCW_API size_t pgcw_cache_lookup_many(struct pgcw_cache *cache,
                                       struct pgcw_lookup *lookups,
                                       size_t count);

/** One key of many, and what became of it. */
struct pgcw_item {
    /** Set by the caller; borrowed during the call. */
    struct pgcw_bytes key;
    /** The value, with PGCW_OK; give it to pgcw_pin_release(). Else NULL. */
    struct pgcw_pin *pin;
    /** As pgcw_cache_fetch() would have returned it. */
    enum pgcw_status status;
};

/** Most items of a call. */
#define PGCW_ITEMS_MAX 10000

/**
 * Load the values of several keys, usually with one SELECT.
 *
 * What pgcw_loader_fn says of the SELECT holds here, too. A fill whose value
 * was not set means that the database has none for its key; that is cached if
 * the cache has an absent_ttl_ms, so give each fill its tag, found or not.
 *
 * PostgreSQL can number the rows as the keys are: `SELECT k.n, t.value FROM
 * unnest($1::text[]) WITH ORDINALITY AS k (id, n) JOIN t USING (id)`, where n
 * begins with 1.
 *
 * It must not fetch one of the keys: it would wait for itself, until the load
 * is overdue.
 *
 * @param[in]     keys   no two are the same; valid during the call
 * @param[in,out] fills  one for each key, in the same order; each takes a
 *                       value and its tags; valid during the call
 * @param[in]     count  at least 1
 * @param[out]    error  never NULL; may be left alone
 * @return PGCW_OK if each fill whose key the database has was given its value;
 *         PGCW_NOT_FOUND if it has none of them. Anything else is the status
 *         of every key, here and for everybody who waits for one, and nothing
 *         is cached
 *
 * Threads: the one that called pgcw_cache_fetch_many(), which holds no lock.
 */
typedef enum pgcw_status pgcw_many_loader_fn(void *context,
                                             const struct pgcw_bytes *keys,
                                             struct pgcw_fill *const *fills,
                                             size_t count,
                                             struct pgcw_error *error);

/** A loader of several keys and what it needs. */
struct pgcw_many_loader {
    pgcw_many_loader_fn *load;
    void *context;
};

/**
 * Look many keys up, and load those that are not there together.
 *
 * Each key fares as with pgcw_cache_fetch_pinned(), but all that are missing
 * and that nobody else is loading are loaded by one call of the loader.
 * Values that are due for a refresh are loaded with them. After that the
 * call waits for the keys that others were loading when it began; where such
 * a load is overdue, was abandoned, or began before an event that came before
 * this call, the loader is called again, for those keys.
 *
 * Nobody waits while others wait for him, so calls with the same keys in
 * different order cannot block each other.
 *
 * Keys may occur more than once; each item gets its own pin. Where all are
 * hits nothing is allocated; else half a kilobyte for each missing key,
 * during the call.
 *
 * @param[in,out] items   each `pin` and `status` is written, whatever the
 *                        result
 * @param[in]     count   0 to PGCW_ITEMS_MAX
 * @param[in]     loader  called at most a few times, usually once or never
 * @param[out]    error   of one that failed; may be NULL; written only on
 *                        failure
 * @retval PGCW_OK                each item is PGCW_OK or PGCW_NOT_FOUND
 * @retval PGCW_INVALID_ARGUMENT  too many items; so says each of them
 * @retval PGCW_NO_MEMORY         for some; others may be PGCW_OK, with a pin
 * @return otherwise the status of an item that failed; others may be PGCW_OK,
 *         with a pin
 *
 * Threads: any, outside a read section. Blocks: never if all are hits; else
 * until the loader is done, and those of others. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_fetch_many(struct pgcw_cache *cache, struct pgcw_item *items,
                      size_t count, struct pgcw_many_loader loader,
                      struct pgcw_error *error);

PGCW_END_DECLS

#endif
