/* SPDX-License-Identifier: MIT */
/*
 * Entries on their way into the table, and out of it.
 *
 * What the table has stays while write_lock is held, so no read section is
 * needed. Nor is one wanted: a grace period that waits for a section whose
 * thread waits for a processor disturbs all who read (liburcu has them wake up
 * who waits, and interrupts them, again and again).
 */
#include "cache/cache.h"

#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cache/reader.h"
#include "cache/transaction.h"

/* Why an entry goes: `cause`, unless it was of no use any more. Counted. */
static enum pgcw_removal_cause
find_cause(struct pgcw_cache *cache, const struct pgcwi_entry *entry,
           enum pgcw_removal_cause cause)
{
    if (!pgcwi_entry_is_coherent(entry, &cache->stamps)) {
        pgcwi_cache_count(cache, PGCWI_ENTRIES_INVALIDATED);
        return PGCW_REMOVED_INVALIDATED;
    }
    if (pgcwi_entry_is_expired(entry)) {
        pgcwi_cache_count(cache, PGCWI_EXPIRATIONS);
        return PGCW_REMOVED_EXPIRED;
    }
    if (cause == PGCW_REMOVED_EVICTED) {
        pgcwi_cache_count(cache, PGCWI_EVICTIONS);
    } else if (cause == PGCW_REMOVED_REPLACED) {
        pgcwi_cache_count(cache, PGCWI_REPLACEMENTS);
    }
    return cause;
}

/* Forget an entry that is out of the table. The caller holds write_lock. */
static void
forget(struct pgcw_cache *cache, struct pgcwi_entry *entry,
       enum pgcw_removal_cause cause)
{
    pgcwi_eviction_remove(&cache->eviction, entry);
    pgcwi_reclaim_retire(&cache->reclaim, entry,
                         find_cause(cache, entry, cause));
}

void
pgcwi_cache_discard(struct pgcw_cache *cache, struct pgcwi_entry *entry,
                    enum pgcw_removal_cause cause)
{
    pgcwi_table_remove(&cache->table, entry);
    forget(cache, entry, cause);
}

void
pgcwi_cache_discard_all(struct pgcw_cache *cache)
{
    struct pgcwi_entry *entry;

    pthread_mutex_lock(&cache->write_lock);
    while ((entry = pgcwi_eviction_oldest(&cache->eviction)) != NULL) {
        pgcwi_cache_discard(cache, entry, PGCW_REMOVED_CLOSED);
    }
    pthread_mutex_unlock(&cache->write_lock);
}

/*
 * The caller holds write_lock. Before the new entry is added, as it has not
 * been visited and would be the one to go.
 */
static void
make_room(struct pgcw_cache *cache, size_t bytes)
{
    while (!pgcwi_eviction_has_room(&cache->eviction, bytes)) {
        pgcwi_cache_discard(
            cache, pgcwi_eviction_victim(&cache->eviction, &cache->stamps),
            PGCW_REMOVED_EVICTED);
    }
}

/* Whether its load began later: by the count of invalidations, or by time. */
static bool
is_newer(const struct pgcwi_entry *entry, const struct pgcwi_entry *than)
{
    return entry->clock != than->clock ? entry->clock > than->clock
                                       : entry->taken_at_ns > than->taken_at_ns;
}

/*
 * Whether an invalidation has taken the old one away, and the new one may be
 * the same.
 */
static bool
may_be_needless(const struct pgcw_cache *cache, const struct pgcwi_entry *old,
                const struct pgcwi_entry *entry)
{
    return old->is_absent == entry->is_absent &&
           old->value_size == entry->value_size &&
           !pgcwi_entry_is_coherent(old, &cache->stamps) &&
           !pgcwi_entry_is_expired(old);
}

/*
 * The caller holds write_lock. False if there is a value already whose load
 * began later than this one's. `taken_away` is what is to be compared with it,
 * and the caller holds it.
 */
static bool
insert(struct pgcw_cache *cache, const struct pgcwi_key *key,
       struct pgcwi_entry *entry, struct pgcwi_entry **taken_away)
{
    struct pgcwi_entry *old = pgcwi_table_find(&cache->table, key);

    if (old != NULL && is_newer(old, entry)) {
        return false;
    }
    if (old != NULL && may_be_needless(cache, old, entry)) {
        pgcwi_entry_hold(old); /* the table holds it, and we the lock */
        *taken_away = old;
    }
    /* first added, so that a reader finds the old value or the new one */
    pgcwi_entry_hold(entry);
    old = pgcwi_table_replace(&cache->table, key, entry);
    if (old != NULL) {
        forget(cache, old, PGCW_REMOVED_REPLACED);
    }
    make_room(cache, pgcwi_entry_bytes(entry));
    pgcwi_eviction_add(&cache->eviction, entry);
    return true;
}

/* Whether it is what an invalidation took away. May take its time. */
static bool
is_the_same(const struct pgcwi_entry *taken_away,
            const struct pgcwi_entry *entry)
{
    return memcmp(pgcwi_entry_value(taken_away).data,
                  pgcwi_entry_value(entry).data, entry->value_size) == 0;
}

/*
 * Read from a standby, and dead on arrival, or older than what is there. A
 * fence helps, if that might be known to be new enough: not where the standby
 * is behind the newest checkpoint that would do.
 */
static enum pgcw_status
refuse_behind(struct pgcw_cache *cache, const struct pgcwi_entry *entry)
{
    struct pgcw_stamp newest =
        pgcwi_checkpoints_find(&cache->checkpoints, UINT64_MAX);

    pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_BEHIND);
    if (cache->ask_fence != NULL &&
        !pgcwi_stamps_is_valid(&cache->stamps, newest.clock, entry->slots,
                               entry->slot_count)) {
        cache->ask_fence(cache->ask_fence_context);
    }
    return PGCW_BEHIND;
}

static enum pgcw_status
refuse_stale(struct pgcw_cache *cache, const struct pgcw_fill *fill,
             struct pgcwi_entry *entry)
{
    if (fill->read_lsn != 0 && pgcwi_stamps_is_open(&cache->stamps)) {
        return refuse_behind(cache, entry);
    }
    entry->cause = PGCW_REMOVED_INVALIDATED;
    pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_STALE);
    return PGCW_OK;
}

/* The caller holds write_lock. What it has grown out of is handed to RCU. */
static bool
make_room_in_table(struct pgcw_cache *cache)
{
    pgcwi_reader_begin();
    bool has_room = pgcwi_table_make_room(&cache->table);
    pgcwi_reader_end();
    return has_room;
}

enum pgcw_status
pgcwi_cache_publish(struct pgcw_cache *cache, const struct pgcwi_key *key,
                    const struct pgcw_fill *fill, struct pgcwi_entry *entry)
{
    bool has_room;
    bool is_inserted;
    struct pgcwi_entry *taken_away = NULL;

    if (pgcwi_entry_bytes(entry) > cache->eviction.max_bytes) {
        return PGCW_TOO_LARGE;
    }
    if (pgcwi_transaction_is_private(cache)) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_TRANSACTION);
        return PGCW_OK;
    }
    if (!pgcwi_entry_is_coherent(entry, &cache->stamps)) {
        /* it would be dead on arrival */
        return refuse_stale(cache, fill, entry);
    }
    if (pgcwi_reclaim_is_full(&cache->reclaim)) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_MEMORY);
        return PGCW_NO_MEMORY;
    }
    pthread_mutex_lock(&cache->write_lock);
    has_room = make_room_in_table(cache);
    is_inserted = has_room && insert(cache, key, entry, &taken_away);
    pthread_mutex_unlock(&cache->write_lock);
    if (!has_room) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_MEMORY);
        return PGCW_NO_MEMORY;
    }
    if (!is_inserted) {
        return refuse_stale(cache, fill, entry);
    }
    pgcwi_cache_count(cache, PGCWI_FILLS);
    if (taken_away != NULL && is_the_same(taken_away, entry)) {
        pgcwi_cache_count(cache, PGCWI_NEEDLESS_INVALIDATIONS);
    }
    pgcwi_reclaim_release(taken_away);
    return PGCW_OK;
}

static uint32_t
ttl_of(const struct pgcw_cache *cache, const struct pgcw_fill *fill)
{
    if (fill->ttl_ms != 0) {
        return fill->ttl_ms;
    }
    return fill->is_absent ? cache->absent_ttl_ms : cache->ttl_ms;
}

static uint32_t
weigh(const struct pgcw_cache *cache, const struct pgcwi_entry *entry)
{
    size_t weight =
        cache->weigh != NULL && !entry->is_absent
            ? cache->weigh(cache->weigh_context, pgcwi_entry_key(entry),
                           pgcwi_entry_value(entry))
            : 0;

    return weight < UINT32_MAX ? (uint32_t)weight : UINT32_MAX;
}

/* From when the value is known to be: the load's begin, or before. */
static struct pgcw_stamp
stamp_of(struct pgcw_cache *cache, const struct pgcw_fill *fill,
         struct pgcw_stamp stamp)
{
    /* while closed nothing is stored; and in a child of fork() the lock of the
     * checkpoints may be held for ever */
    if (fill->read_lsn != 0 && pgcwi_stamps_is_open(&cache->stamps)) {
        struct pgcw_stamp shown =
            pgcwi_checkpoints_find(&cache->checkpoints, fill->read_lsn);

        if (shown.clock < stamp.clock) {
            stamp.clock = shown.clock;
        }
        if (shown.taken_at_ns < stamp.taken_at_ns) {
            stamp.taken_at_ns = shown.taken_at_ns;
        }
    }
    return stamp;
}

struct pgcwi_entry *
pgcwi_cache_make_entry(struct pgcw_cache *cache, const struct pgcwi_key *key,
                       struct pgcw_fill *fill, struct pgcw_bytes value,
                       struct pgcw_stamp stamp)
{
    struct pgcwi_entry *entry;

    pgcwi_slots_finish(&fill->slots);
    entry = pgcwi_entry_create(&cache->reclaim.slab, key, &fill->slots, value,
                               stamp_of(cache, fill, stamp));
    if (entry == NULL) {
        pgcwi_cache_count(cache, PGCWI_FILLS_REFUSED_MEMORY);
        return NULL;
    }
    entry->cache_number = (uint16_t)cache->number;
    entry->is_absent = fill->is_absent;
    pgcwi_entry_set_ttl_ms(entry, ttl_of(cache, fill));
    entry->weight = weigh(cache, entry);
    atomic_init(&entry->refresh_after_ms,
                fill->is_absent ? 0 : cache->refresh_after_ms);
    return entry;
}

/* As the options say; the options' tags are looked at first. */
static enum pgcw_status
fill_as_told(struct pgcw_fill *fill, const struct pgcw_fill_options *options)
{
    struct pgcw_fill_options known;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, NULL);

    if (status != PGCW_OK) {
        return status;
    }
    for (size_t i = 0; i < known.tag_count && status == PGCW_OK; i++) {
        status = pgcw_fill_add_tag(fill, &known.tags[i]);
    }
    pgcw_fill_set_ttl_ms(fill, known.ttl_ms);
    pgcw_fill_set_read_lsn(fill, known.read_lsn);
    fill->is_absent = known.is_absent;
    return status;
}

enum pgcw_status
pgcwi_cache_store(struct pgcw_cache *cache, const struct pgcwi_put *put,
                  struct pgcwi_entry **entry)
{
    const struct pgcw_bytes nothing = {NULL, 0};
    struct pgcwi_entry *made;
    struct pgcw_fill fill;

    pgcwi_fill_init(&fill, &cache->tags, put->key);
    enum pgcw_status status = fill_as_told(&fill, put->options);
    if (status != PGCW_OK) {
        return status;
    }
    if (pgcwi_entry_bytes_for(put->key->bytes.size, put->value.size,
                              fill.slots.count) > cache->eviction.max_bytes) {
        return PGCW_TOO_LARGE;
    }
    made = pgcwi_cache_make_entry(cache, put->key, &fill,
                                  fill.is_absent ? nothing : put->value,
                                  put->stamp);
    if (made == NULL) {
        return PGCW_NO_MEMORY;
    }
    status = pgcwi_cache_publish(cache, put->key, &fill, made);
    if (status == PGCW_OK) {
        *entry = made;
    } else {
        pgcwi_reclaim_drop(made); /* without a word: it stays the caller's */
    }
    return status;
}

enum pgcw_status
pgcw_cache_put(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_bytes value, struct pgcw_stamp stamp,
               const struct pgcw_fill_options *options)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);
    struct pgcwi_put put = {&hashed, value, stamp, options};
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status = pgcwi_cache_store(cache, &put, &entry);

    pgcwi_reclaim_release(entry);
    return status;
}
