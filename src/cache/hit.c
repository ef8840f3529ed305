/* SPDX-License-Identifier: MIT */
#include "cache/hit.h"

#include <assert.h>

#include <pgcachewatch/cache.h>

#include "cache/age.h"
#include "cache/key_hash_inline.h"
#include "cache/outage.h"
#include "cache/refresh.h"

#define UNLIKELY(condition) __builtin_expect(condition, false)

static void
tell(const struct pgcw_cache *cache, pgcw_lookup_fn *told,
     struct pgcw_bytes key)
{
    if (told != NULL) {
        told(cache->on_lookup_context, key);
    }
}

static __attribute__((noinline)) void
show_hit(struct pgcw_cache *cache, struct pgcwi_entry *entry,
         struct pgcw_bytes key)
{
    pgcwi_sample_offer(cache, entry);
    tell(cache, cache->on_hit, key);
}

static inline void
count_hit(struct pgcw_cache *cache, struct pgcwi_entry *entry,
          struct pgcw_bytes key)
{
    pgcwi_entry_visit(entry);
    pgcwi_reader_add_one(&pgcwi_reader_counters(cache->number)->hits);
    if (UNLIKELY(pgcwi_hit_is_watched(cache))) {
        show_hit(cache, entry, key);
    }
}

/* An entry that is not valid, or too old, or there is none, or the thread has
 * a transaction: what may be served all the same. */
static __attribute__((noinline)) struct pgcwi_entry *
find_unusual(struct pgcw_cache *cache, struct pgcwi_entry *entry,
             struct pgcw_bytes key, int64_t oldest_ns)
{
    struct pgcwi_reader_counters *counters =
        pgcwi_reader_counters(cache->number);

    if (entry != NULL && entry->taken_at_ns < oldest_ns) {
        entry = NULL;
    }
    bool is_valid =
        entry != NULL && pgcwi_entry_is_valid(entry, &cache->stamps);
    if (!is_valid && entry != NULL && !pgcwi_outage_may_serve(cache, entry)) {
        entry = NULL;
    }
    if (pgcwi_transaction_is_any_open()) {
        entry = pgcwi_transaction_filter(cache, entry);
    }
    if (entry == NULL) {
        pgcwi_reader_add_one(&counters->misses);
        tell(cache, cache->on_miss, key);
        return NULL;
    }
    if (!is_valid) {
        pgcwi_reader_add_one(&counters->stale_hits);
    }
    count_hit(cache, entry, key);
    return entry;
}

/* Serves what is valid, or may be served all the same. */
static inline __attribute__((always_inline)) struct pgcwi_entry *
find_and_count(struct pgcw_cache *cache, const struct pgcwi_key *key,
               int64_t oldest_ns)
{
    struct pgcwi_entry *entry = pgcwi_table_find(&cache->table, key);

    if (UNLIKELY(entry == NULL || entry->taken_at_ns < oldest_ns ||
                 !pgcwi_entry_is_valid(entry, &cache->stamps) ||
                 pgcwi_transaction_is_any_open())) {
        return find_unusual(cache, entry, key->bytes, oldest_ns);
    }
    count_hit(cache, entry, key->bytes);
    return entry;
}

static inline enum pgcw_status
status_of(const struct pgcw_cache *cache, const struct pgcwi_entry *entry)
{
    if (entry == NULL) {
        return pgcwi_outage_miss(cache);
    }
    return entry->is_absent ? PGCW_NOT_FOUND : PGCW_OK;
}

enum pgcw_status
pgcwi_cache_look_up(struct pgcw_cache *cache, const struct pgcwi_key *key,
                    int64_t oldest_ns, struct pgcw_bytes *value)
{
    const struct pgcwi_entry *entry = find_and_count(cache, key, oldest_ns);
    enum pgcw_status status = status_of(cache, entry);

    if (status == PGCW_OK) {
        *value = pgcwi_entry_value(entry);
    }
    return status;
}

__attribute__((noinline)) enum pgcw_status
pgcwi_hit_unusual(struct pgcw_cache *cache, struct pgcw_bytes key,
                  uint64_t hash, struct pgcw_bytes *value)
{
    struct pgcwi_key hashed = {key, hash};

    return pgcwi_cache_look_up(cache, &hashed, PGCWI_ANY_AGE, value);
}

PGCWI_INLINE enum pgcw_status
look_up(struct pgcw_cache *cache, struct pgcw_bytes key, uint64_t hash,
        struct pgcw_bytes *value)
{
    struct pgcwi_entry *candidate =
        pgcwi_bucket_first_candidate(&cache->table, hash);

    assert(pgcwi_reader_is_inside() && "call pgcw_read_begin() first");
    return pgcwi_hit_look_up(cache, key, hash, candidate, value);
}

static __attribute__((noinline)) enum pgcw_status
look_up_long(struct pgcw_cache *cache, struct pgcw_bytes key,
             struct pgcw_bytes *value)
{
    return look_up(cache, key, pgcwi_cache_key(cache, key).hash, value);
}

PGCWI_INLINE enum pgcw_status
find(struct pgcw_cache *cache, struct pgcw_bytes key, struct pgcw_bytes *value)
{
    return pgcwi_key_is_short(key)
               ? look_up(cache, key,
                         pgcwi_key_hash_short(key, cache->hash_seed), value)
               : look_up_long(cache, key, value);
}

enum pgcw_status
pgcw_cache_lookup(struct pgcw_cache *cache, struct pgcw_bytes key,
                  struct pgcw_bytes *value)
{
    return find(cache, key, value);
}

enum pgcw_status
pgcw_cache_lookup_fresh(struct pgcw_cache *cache, struct pgcw_bytes key,
                        uint32_t max_age_ms, struct pgcw_bytes *value)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);

    assert(pgcwi_reader_is_inside() && "call pgcw_read_begin() first");
    return pgcwi_cache_look_up(cache, &hashed,
                               pgcwi_age_oldest_ns(cache, max_age_ms), value);
}

enum pgcw_status
pgcwi_cache_copy(struct pgcw_cache *cache, const struct pgcwi_key *key,
                 int64_t oldest_ns, struct pgcw_buffer *value)
{
    pgcwi_reader_begin();
    const struct pgcwi_entry *entry = find_and_count(cache, key, oldest_ns);
    enum pgcw_status status = status_of(cache, entry);
    if (status == PGCW_OK) {
        status = pgcw_buffer_set(value, pgcwi_entry_value(entry));
    }
    pgcwi_reader_end();
    return status;
}

enum pgcw_status
pgcwi_cache_copy_or_claim(struct pgcw_cache *cache, const struct pgcwi_key *key,
                          int64_t oldest_ns, struct pgcw_buffer *value,
                          struct pgcwi_entry **due)
{
    pgcwi_reader_begin();
    struct pgcwi_entry *entry = find_and_count(cache, key, oldest_ns);
    enum pgcw_status status = status_of(cache, entry);
    if (status == PGCW_OK && pgcwi_refresh_claim(cache, entry)) {
        pgcwi_entry_hold(entry);
        *due = entry;
    } else if (status == PGCW_OK) {
        status = pgcw_buffer_set(value, pgcwi_entry_value(entry));
    }
    pgcwi_reader_end();
    return status;
}

enum pgcw_status
pgcw_cache_get(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_buffer *value)
{
    struct pgcw_bytes found;

    pgcwi_reader_begin();
    enum pgcw_status status = find(cache, key, &found);
    if (status == PGCW_OK) {
        status = pgcw_buffer_set(value, found);
    }
    pgcwi_reader_end();
    return status;
}

enum pgcw_status
pgcwi_cache_pin(struct pgcw_cache *cache, const struct pgcwi_key *key,
                int64_t oldest_ns, struct pgcwi_entry **entry)
{
    pgcwi_reader_begin();
    struct pgcwi_entry *found = find_and_count(cache, key, oldest_ns);
    if (found != NULL) {
        pgcwi_entry_hold(found);
        *entry = found;
    }
    pgcwi_reader_end();
    return status_of(cache, found);
}
