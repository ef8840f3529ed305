/* SPDX-License-Identifier: MIT */
#include "cache/cache.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "cache/forked.h"
#include "cache/outage.h"
#include "cache/reader.h"
#include "cache/transaction.h"

#define DEFAULT_MAX_ENTRIES 100000
#define DEFAULT_MAX_BYTES (UINT64_C(256) << 20)
#define DEFAULT_TIMEOUT_MS 5000
/* what may wait to be freed, so that a small cache can be written to */
#define MIN_WAITING_BYTES (UINT64_C(1) << 20)

void
pgcwi_cache_count_more(struct pgcw_cache *cache, enum pgcwi_counter counter,
                       uint64_t more)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_fetch_add_explicit(&cache->counters[counter], more,
                              memory_order_relaxed);
}

void
pgcwi_cache_count(struct pgcw_cache *cache, enum pgcwi_counter counter)
{
    pgcwi_cache_count_more(cache, counter, 1);
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

/* As many slots as entries: then few rows share one. */
static uint32_t
row_bits(uint64_t max_entries)
{
    uint32_t bits = PGCWI_ROW_BITS_MIN;

    while (bits < PGCWI_ROW_BITS_MAX && UINT64_C(1) << bits < max_entries) {
        bits++;
    }
    return bits;
}

static void
init_parts(struct pgcw_cache *cache, const struct pgcw_cache_options *options)
{
    cache->hash_seed = pgcwi_key_random_seed();
    cache->load_timeout_ns = options->load_timeout_ms * PGCWI_NS_PER_MS;
    cache->lease_timeout_ns = options->lease_timeout_ms * PGCWI_NS_PER_MS;
    cache->ttl_ms = options->ttl_ms;
    cache->absent_ttl_ms = options->absent_ttl_ms;
    cache->refresh_after_ms = options->refresh_after_ms;
    cache->weigh = options->weigh;
    cache->weigh_context = options->weigh_context;
    cache->on_hit = options->on_hit;
    cache->on_miss = options->on_miss;
    cache->on_lookup_context = options->on_lookup_context;
    atomic_init(&cache->hit_watchers, options->on_hit != NULL ? 1 : 0);
    pgcwi_tags_init(&cache->tags, &cache->stamps, cache->hash_seed);
    cache->is_outage_error = options->outage == PGCW_OUTAGE_ERROR;
    cache->stale_max_ns = options->outage == PGCW_OUTAGE_SERVE_STALE
                              ? options->stale_max_ms * PGCWI_NS_PER_MS
                              : 0;
    cache->horizon_ns = NULL;
    cache->ask_fence = NULL;
    cache->ask_fence_context = NULL;
    pgcwi_checkpoints_init(&cache->checkpoints);
    pgcwi_flights_init(&cache->flights);
    pgcwi_load_limit_init(&cache->load_limit, options->max_loads);
    pthread_mutex_init(&cache->write_lock, NULL);
    pgcwi_eviction_init(&cache->eviction, options->max_entries,
                        options->max_bytes);
    pgcwi_sweep_init(&cache->sweep);
    pgcwi_reclaim_init(&cache->reclaim, cache->number, options->max_entries,
                       options->max_bytes > MIN_WAITING_BYTES
                           ? options->max_bytes
                           : MIN_WAITING_BYTES);
    cache->reclaim.on_removal = options->on_removal;
    cache->reclaim.on_removal_context = options->on_removal_context;
}

static bool
make_tables(struct pgcw_cache *cache, const struct pgcw_cache_options *options)
{
    if (!pgcwi_stamps_init(&cache->stamps, row_bits(options->max_entries))) {
        return false;
    }
    if (!pgcwi_table_init(&cache->table)) {
        pgcwi_stamps_fini(&cache->stamps);
        return false;
    }
    return true;
}

static enum pgcw_status
check(const struct pgcw_cache_options *options, struct pgcw_error *error)
{
    if (options->ttl_ms != 0 && options->refresh_after_ms >= options->ttl_ms) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "refresh_after_ms must be below ttl_ms");
    }
    return pgcwi_outage_check_options(options, error);
}

enum pgcw_status
pgcwi_cache_open(const struct pgcw_cache_options *options,
                 struct pgcw_cache **cache, struct pgcw_error *error)
{
    struct pgcw_cache_options known = *options;
    enum pgcw_status status = check(&known, error);

    if (status == PGCW_OK) {
        status = pgcwi_forked_check(error);
    }
    if (status != PGCW_OK) {
        return status;
    }
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
    apply_defaults(&known);
    if (!make_tables(made, &known)) {
        pgcwi_reader_cache_leave(made->number);
        pgcwi_free(made);
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a cache's tables");
    }
    init_parts(made, &known);
    pgcwi_forked_join(&made->in_process);
    *cache = made;
    return PGCW_OK;
}

void
pgcwi_cache_close(struct pgcw_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    assert(!pgcwi_reader_is_inside() && "not inside a read section");
    /* relaxed: the caller knows that no other thread uses the cache */
    assert(atomic_load_explicit(&cache->open_transactions,
                                memory_order_relaxed) == 0 &&
           "end the transactions first");
    pgcwi_forked_leave(&cache->in_process);
    pgcwi_sample_stop(cache);
    pgcwi_cache_discard_all(cache);
    pgcwi_reclaim_fini(&cache->reclaim);
    pgcwi_table_fini(&cache->table);
    pgcwi_load_limit_fini(&cache->load_limit);
    pgcwi_flights_fini(&cache->flights);
    pgcwi_checkpoints_fini(&cache->checkpoints);
    pgcwi_tags_fini(&cache->tags);
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

struct pgcw_stamp
pgcw_cache_stamp(const struct pgcw_cache *cache)
{
    struct pgcw_stamp stamp = {
        .clock = pgcwi_transaction_is_private(cache)
                     ? PGCWI_CLOCK_DEAD
                     : pgcwi_stamps_now(&cache->stamps),
        .taken_at_ns = pgcwi_clock_coarse_ns(),
    };

    return stamp;
}

static uint32_t
key_slot(const struct pgcw_cache *cache, const struct pgcwi_key *key)
{
    return pgcwi_stamps_key_slot(&cache->stamps, key->hash);
}

void
pgcwi_cache_known_slots(const struct pgcw_cache *cache,
                        const struct pgcwi_key *key, struct pgcwi_slots *slots)
{
    pgcwi_slots_init(slots, key_slot(cache, key));
    if (!pgcwi_tags_is_used(&cache->tags)) {
        pgcwi_slots_finish(slots);
    }
}

void
pgcw_cache_invalidate(struct pgcw_cache *cache, struct pgcw_bytes key)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    pgcwi_stamps_raise_key(&cache->stamps, key_slot(cache, &hashed));
    pgcwi_cache_count(cache, PGCWI_KEY_INVALIDATIONS);
}

enum pgcw_status
pgcw_cache_invalidate_tag(struct pgcw_cache *cache, const struct pgcw_tag *tag)
{
    struct pgcw_event event = pgcwi_tag_event(tag);

    if (!pgcwi_tag_is_valid(tag)) {
        return PGCW_INVALID_ARGUMENT;
    }
    pgcwi_cache_apply(cache, &event);
    return PGCW_OK;
}

void
pgcwi_cache_apply(struct pgcw_cache *cache, const struct pgcw_event *event)
{
    pgcwi_tags_raise(&cache->tags, event);
    pgcwi_cache_count(cache, PGCWI_INVALIDATIONS);
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
        .entries_invalidated = values[PGCWI_ENTRIES_INVALIDATED],
        .replacements = values[PGCWI_REPLACEMENTS],
        .needless_invalidations = values[PGCWI_NEEDLESS_INVALIDATIONS],
        .load_ns = values[PGCWI_LOAD_NS],
        .fills_refused_transaction = values[PGCWI_FILLS_REFUSED_TRANSACTION],
        .refreshes = values[PGCWI_REFRESHES],
        .stale_hits = counts.stale_hits,
        .place_waits = values[PGCWI_PLACE_WAITS],
        .fills_refused_behind = values[PGCWI_FILLS_REFUSED_BEHIND],
    };
    pthread_mutex_unlock(&cache->write_lock);
    pgcwi_stats_write(stats, &known, sizeof(known));
}
