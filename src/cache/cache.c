/* SPDX-License-Identifier: MIT */
#include "cache/cache.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "cache/reader.h"

#define DEFAULT_MAX_ENTRIES 100000
#define DEFAULT_MAX_BYTES (UINT64_C(256) << 20)
#define DEFAULT_TIMEOUT_MS 5000
/* what may wait to be freed, so that a small cache can be written to */
#define MIN_WAITING_BYTES (UINT64_C(1) << 20)
/* short, so that who waits for the write lock does not wait long */
#define SWEEP_ENTRIES 64

void
pgcwi_cache_count(struct pgcw_cache *cache, enum pgcwi_counter counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_fetch_add_explicit(&cache->counters[counter], 1,
                              memory_order_relaxed);
}

static void
apply_defaults(struct pgcw_cache_options *options)
{
    if (options->max_entries == 0) {
        options->max_entries = DEFAULT_MAX_ENTRIES;
    }
    if (options->max_bytes == 0) {
        options->max_bytes = DEFAULT_MAX_BYTES;
    }
    if (options->load_timeout_ms == 0) {
        options->load_timeout_ms = DEFAULT_TIMEOUT_MS;
    }
    if (options->lease_timeout_ms == 0) {
        options->lease_timeout_ms = DEFAULT_TIMEOUT_MS;
    }
}

static void
init_parts(struct pgcw_cache *cache, const struct pgcw_cache_options *options)
{
    cache->hash_seed = pgcwi_key_random_seed();
    cache->load_timeout_ns = options->load_timeout_ms * PGCWI_NS_PER_MS;
    cache->lease_timeout_ns = options->lease_timeout_ms * PGCWI_NS_PER_MS;
    cache->ttl_ns = options->ttl_ms * PGCWI_NS_PER_MS;
    pgcwi_stamps_init(&cache->stamps);
    pgcwi_flights_init(&cache->flights);
    pthread_mutex_init(&cache->write_lock, NULL);
    pgcwi_eviction_init(&cache->eviction, options->max_entries,
                        options->max_bytes);
    pgcwi_reclaim_init(&cache->reclaim, options->max_entries,
                       options->max_bytes > MIN_WAITING_BYTES
                           ? options->max_bytes
                           : MIN_WAITING_BYTES);
    cache->reclaim.on_removal = options->on_removal;
    cache->reclaim.on_removal_context = options->on_removal_context;
}

enum pgcw_status
pgcwi_cache_open(const struct pgcw_cache_options *options,
                 struct pgcw_cache **cache, struct pgcw_error *error)
{
    struct pgcw_cache_options known = *options;
    struct pgcw_cache *made = pgcwi_alloc_aligned(64, sizeof(*made));

    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a cache");
    }
    if (!pgcwi_reader_cache_join(&made->number)) {
        pgcwi_free(made);
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "there are %d caches in this process already",
                               PGCWI_CACHE_MAX);
    }
    if (!pgcwi_table_init(&made->table)) {
        pgcwi_reader_cache_leave(made->number);
        pgcwi_free(made);
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a cache's table");
    }
    apply_defaults(&known);
    init_parts(made, &known);
    *cache = made;
    return PGCW_OK;
}

/*
 * Why an entry goes: `cause`, unless it was of no use any more. Entries that
 * were are counted.
 */
static enum pgcw_removal_cause
find_cause(struct pgcw_cache *cache, const struct pgcwi_entry *entry,
           enum pgcw_removal_cause cause)
{
    if (!pgcwi_stamps_is_valid(&cache->stamps, entry->stamp, entry->slot)) {
        return PGCW_REMOVED_INVALIDATED;
    }
    if (pgcwi_entry_is_expired(entry)) {
        pgcwi_cache_count(cache, PGCWI_EXPIRATIONS);
        return PGCW_REMOVED_EXPIRED;
    }
    if (cause == PGCW_REMOVED_EVICTED) {
        pgcwi_cache_count(cache, PGCWI_EVICTIONS);
    }
    return cause;
}

/*
 * Forget an entry that is out of the table. The caller holds write_lock and
 * is in a read section.
 */
static void
forget(struct pgcw_cache *cache, struct pgcwi_entry *entry,
       enum pgcw_removal_cause cause)
{
    pgcwi_eviction_remove(&cache->eviction, entry);
    pgcwi_reclaim_retire(&cache->reclaim, entry,
                         find_cause(cache, entry, cause));
}

/* The caller holds write_lock and is in a read section. */
static void
discard(struct pgcw_cache *cache, struct pgcwi_entry *entry,
        enum pgcw_removal_cause cause)
{
    pgcwi_table_remove(&cache->table, entry);
    forget(cache, entry, cause);
}

static void
discard_all(struct pgcw_cache *cache)
{
    struct pgcwi_entry *entry;

    pgcwi_reader_begin();
    pthread_mutex_lock(&cache->write_lock);
    while ((entry = pgcwi_eviction_oldest(&cache->eviction)) != NULL) {
        discard(cache, entry, PGCW_REMOVED_CLOSED);
    }
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_reader_end();
}

void
pgcwi_cache_close(struct pgcw_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    assert(!pgcwi_reader_is_inside() && "not inside a read section");
    discard_all(cache);
    pgcwi_reclaim_fini(&cache->reclaim);
    pgcwi_table_fini(&cache->table);
    pgcwi_flights_fini(&cache->flights);
    pgcwi_stamps_fini(&cache->stamps);
    pthread_mutex_destroy(&cache->write_lock);
    pgcwi_reader_cache_leave(cache->number);
    pgcwi_free(cache);
}

struct pgcwi_key
pgcwi_cache_key(const struct pgcw_cache *cache, struct pgcw_bytes bytes)
{
    return pgcwi_key_make(bytes, cache->hash_seed);
}

struct pgcwi_entry *
pgcwi_cache_find(const struct pgcw_cache *cache, const struct pgcwi_key *key)
{
    struct pgcwi_entry *entry = pgcwi_table_find(&cache->table, key);

    return entry != NULL && pgcwi_entry_is_valid(entry, &cache->stamps) ? entry
                                                                        : NULL;
}

static const struct pgcwi_entry *
find_and_count(struct pgcw_cache *cache, const struct pgcwi_key *key)
{
    struct pgcwi_entry *entry = pgcwi_cache_find(cache, key);

    if (entry != NULL) {
        pgcwi_entry_visit(entry);
        pgcwi_reader_count_hit(cache->number);
    } else {
        pgcwi_reader_count_miss(cache->number);
    }
    return entry;
}

enum pgcw_status
pgcw_cache_lookup(struct pgcw_cache *cache, struct pgcw_bytes key,
                  struct pgcw_bytes *value)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    assert(pgcwi_reader_is_inside() && "call pgcw_read_begin() first");
    const struct pgcwi_entry *entry = find_and_count(cache, &hashed);
    if (entry == NULL) {
        return PGCW_MISS;
    }
    *value = pgcwi_entry_value(entry);
    return PGCW_OK;
}

enum pgcw_status
pgcwi_cache_copy(struct pgcw_cache *cache, const struct pgcwi_key *key,
                 struct pgcw_buffer *value)
{
    enum pgcw_status status = PGCW_MISS;

    pgcwi_reader_begin();
    const struct pgcwi_entry *entry = find_and_count(cache, key);
    if (entry != NULL) {
        status = pgcw_buffer_set(value, pgcwi_entry_value(entry));
    }
    pgcwi_reader_end();
    return status;
}

enum pgcw_status
pgcw_cache_get(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_buffer *value)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    return pgcwi_cache_copy(cache, &hashed, value);
}

/*
 * The caller holds write_lock and is in a read section. Before the new entry
 * is added, as it has not been visited and would be the one to go.
 */
static void
make_room(struct pgcw_cache *cache, size_t bytes)
{
    while (!pgcwi_eviction_has_room(&cache->eviction, bytes)) {
        discard(cache, pgcwi_eviction_victim(&cache->eviction, &cache->stamps),
                PGCW_REMOVED_EVICTED);
    }
}

/*
 * The caller holds write_lock and is in a read section. False if there is a
 * value already whose load began later than this one's.
 */
static bool
publish(struct pgcw_cache *cache, const struct pgcwi_key *key,
        struct pgcwi_entry *entry)
{
    struct pgcwi_entry *old = pgcwi_table_find(&cache->table, key);

    if (old != NULL && old->stamp > entry->stamp) {
        return false;
    }
    /* first added, so that a reader finds the old value or the new one */
    old = pgcwi_table_replace(&cache->table, key, entry);
    if (old != NULL) {
        forget(cache, old, PGCW_REMOVED_REPLACED);
    }
    make_room(cache, pgcwi_entry_bytes(entry));
    pgcwi_eviction_add(&cache->eviction, entry);
    pgcwi_table_make_room(&cache->table, cache->eviction.entries);
    return true;
}

enum pgcw_status
pgcwi_cache_store(struct pgcw_cache *cache, const struct pgcwi_key *key,
                  struct pgcw_bytes value, uint64_t stamp)
{
    struct pgcwi_entry *entry;
    bool is_published;

    if (pgcwi_entry_bytes_for(key->bytes.size, value.size) >
        cache->eviction.max_bytes) {
        return PGCW_TOO_LARGE;
    }
    if (!pgcwi_stamps_is_valid(&cache->stamps, stamp, pgcwi_key_slot(key))) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_STALE);
        return PGCW_OK; /* it would be dead on arrival */
    }
    entry = pgcwi_reclaim_is_full(&cache->reclaim)
                ? NULL
                : pgcwi_entry_create(key, value, stamp);
    if (entry == NULL) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_MEMORY);
        return PGCW_NO_MEMORY;
    }
    if (cache->ttl_ns != 0) {
        entry->expires_at_ns = pgcwi_clock_coarse_ns() + cache->ttl_ns;
    }
    pgcwi_reader_begin();
    pthread_mutex_lock(&cache->write_lock);
    is_published = publish(cache, key, entry);
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_reader_end();
    if (!is_published) {
        pgcwi_entry_destroy(entry);
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_STALE);
        return PGCW_OK;
    }
    pgcwi_cache_count(cache, PGCWI_FILLS);
    return PGCW_OK;
}

struct pgcw_stamp
pgcw_cache_stamp(const struct pgcw_cache *cache)
{
    return (struct pgcw_stamp){pgcwi_stamps_now(&cache->stamps)};
}

enum pgcw_status
pgcw_cache_put(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_bytes value, struct pgcw_stamp stamp)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    return pgcwi_cache_store(cache, &hashed, value, stamp.clock);
}

void
pgcw_cache_invalidate(struct pgcw_cache *cache, struct pgcw_bytes key)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    pgcwi_stamps_raise_slot(&cache->stamps, pgcwi_key_slot(&hashed));
    pgcwi_cache_count(cache, PGCWI_KEY_INVALIDATIONS);
}

void
pgcw_cache_invalidate_all(struct pgcw_cache *cache)
{
    pgcwi_stamps_raise_all(&cache->stamps);
    pgcwi_cache_count(cache, PGCWI_INVALIDATIONS);
}

void
pgcwi_cache_flush(struct pgcw_cache *cache)
{
    pgcwi_stamps_raise_all(&cache->stamps);
    pgcwi_cache_count(cache, PGCWI_FLUSHES);
}

/* The caller holds write_lock and is in a read section. */
static bool
discard_oldest_if_invalid(struct pgcw_cache *cache)
{
    struct pgcwi_entry *oldest = pgcwi_eviction_oldest(&cache->eviction);

    if (oldest == NULL || pgcwi_reclaim_is_full(&cache->reclaim) ||
        pgcwi_entry_is_valid(oldest, &cache->stamps)) {
        return false;
    }
    discard(cache, oldest, PGCW_REMOVED_INVALIDATED);
    return true;
}

bool
pgcwi_cache_sweep(struct pgcw_cache *cache)
{
    uint32_t count = 0;

    pgcwi_reader_begin();
    pthread_mutex_lock(&cache->write_lock);
    while (count < SWEEP_ENTRIES && discard_oldest_if_invalid(cache)) {
        count++;
    }
    if (count < SWEEP_ENTRIES) {
        pgcwi_reclaim_flush(&cache->reclaim);
    }
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_reader_end();
    return count > 0;
}

void
pgcw_cache_read_stats(struct pgcw_cache *cache, struct pgcw_cache_stats *stats)
{
    struct pgcwi_reader_counts counts = pgcwi_reader_sum(cache->number);
    uint64_t values[PGCWI_COUNTER_COUNT];

    for (int i = 0; i < PGCWI_COUNTER_COUNT; i++) {
        /* relaxed: a statistic */
        values[i] =
            atomic_load_explicit(&cache->counters[i], memory_order_relaxed);
    }
    pthread_mutex_lock(&cache->write_lock);
    struct pgcw_cache_stats known = {
        .size = sizeof(known),
        .hits = counts.hits,
        .misses = counts.misses,
        .loads = values[PGCWI_LOADS],
        .load_failures = values[PGCWI_LOAD_FAILURES],
        .flight_waits = values[PGCWI_FLIGHT_WAITS],
        .fills = values[PGCWI_FILLS],
        .fills_refused_stale = values[PGCWI_FILLS_REFUSED_STALE],
        .fills_refused_memory = values[PGCWI_FILLS_REFUSED_MEMORY],
        .evictions = values[PGCWI_EVICTIONS],
        .invalidations = values[PGCWI_INVALIDATIONS],
        .key_invalidations = values[PGCWI_KEY_INVALIDATIONS],
        .flushes = values[PGCWI_FLUSHES],
        .entries = cache->eviction.entries,
        .bytes = cache->eviction.bytes,
        .reclaim_waiting = pgcwi_reclaim_waiting(&cache->reclaim),
        .expirations = values[PGCWI_EXPIRATIONS],
    };
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_stats_write(stats, &known, sizeof(known));
}
