/* SPDX-License-Identifier: MIT */
/*
 * One key and its value, in one piece of memory.
 *
 * Model: whoever makes an entry holds it; the table holds what it has, a
 * flight what it loaded, and a pin what it pins. The last to let go frees
 * it: see pgcwi_reclaim_release(). Readers in a section hold nothing: the
 * table lets go only after a grace period.
 *
 * Checked by stress/models/holders.cpp.
 */
#ifndef PGCWI_CACHE_ENTRY_H
#define PGCWI_CACHE_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/cache.h>

#include "base/clock.h"
#include "cache/key_hash.h"
#include "cache/rcu.h"
#include "cache/stamps.h"
#include "cache/tags.h"

struct pgcwi_reclaim;

/* What a hit reads is together, and next to the key. */
struct pgcwi_entry {
    union {
        /* guarded by the cache's write lock, while in the table */
        struct cds_list_head by_age;
        /* after it was taken out: owned by its batch */
        struct pgcwi_entry *next_retired;
    };
    /* immutable after publication */
    struct pgcwi_reclaim *reclaim; /* the cache's; NULL in tests of others */
    uint32_t weight;               /* what the user says that it weighs more */
    uint32_t hash;                 /* the low bits of its key's */
    /* shared */
    _Atomic uint32_t holders;
    _Atomic uint32_t refresh_after_ms; /* see cache/refresh.h */
    /* immutable after publication */
    struct pgcw_stamp stamp;
    uint32_t ttl_ms; /* 0: none */
    uint32_t value_size;
    uint32_t key_size;
    uint8_t slot_count;
    bool is_absent; /* the database has none */
    /* shared: set by readers, cleared by eviction */
    _Atomic bool is_visited;
    uint8_t cause; /* enum pgcw_removal_cause, once it is out of the table */
    /* then the key, then the value, aligned for any type */
    uint32_t slots[];
};

/*
 * Held by the caller, who may set the rest before publication: it never
 * expires or is refreshed, weighs nothing more and is not absent. NULL if
 * memory is short.
 */
struct pgcwi_entry *pgcwi_entry_create(const struct pgcwi_key *key,
                                       const struct pgcwi_slots *slots,
                                       struct pgcw_bytes value,
                                       struct pgcw_stamp stamp);
/* At once: nobody else may hold or see it. Accepts NULL. */
void pgcwi_entry_destroy(struct pgcwi_entry *entry);

/* By one who knows that it is held: a holder, or a reader who found it in
 * the table and is still in his section. */
void pgcwi_entry_hold(struct pgcwi_entry *entry);
/* True for the last, who must free it. */
bool pgcwi_entry_let_go(struct pgcwi_entry *entry);

static inline bool
pgcwi_entry_is_expired(const struct pgcwi_entry *entry)
{
    return entry->ttl_ms != 0 &&
           pgcwi_clock_coarse_ns() - entry->stamp.taken_at_ns >=
               entry->ttl_ms * PGCWI_NS_PER_MS;
}

/* Whether nothing has made it invalid since its load began. */
static inline bool
pgcwi_entry_is_coherent(const struct pgcwi_entry *entry,
                        const struct pgcwi_stamps *stamps)
{
    return pgcwi_stamps_is_valid(stamps, entry->stamp.clock, entry->slots,
                                 entry->slot_count);
}

static inline bool
pgcwi_entry_is_valid(const struct pgcwi_entry *entry,
                     const struct pgcwi_stamps *stamps)
{
    return pgcwi_entry_is_coherent(entry, stamps) &&
           !pgcwi_entry_is_expired(entry);
}

/*
 * By a reader who hits it: the one line that a hit may write, and only if
 * nobody has written it since eviction passed by (P4).
 */
static inline void
pgcwi_entry_visit(struct pgcwi_entry *entry)
{
    /* relaxed: a hint to eviction; nothing else is read because of it */
    if (!atomic_load_explicit(&entry->is_visited, memory_order_relaxed)) {
        /* relaxed: as above */
        atomic_store_explicit(&entry->is_visited, true, memory_order_relaxed);
    }
}

static inline size_t
pgcwi_entry_key_offset(uint32_t slot_count)
{
    return offsetof(struct pgcwi_entry, slots) + slot_count * sizeof(uint32_t);
}

static inline size_t
pgcwi_entry_value_offset(uint32_t slot_count, uint32_t key_size)
{
    size_t alignment = _Alignof(max_align_t);

    return (pgcwi_entry_key_offset(slot_count) + key_size + alignment - 1) &
           ~(alignment - 1);
}

/* What an entry for these sizes takes; SIZE_MAX if none can be so large. */
size_t pgcwi_entry_bytes_for(size_t key_size, size_t value_size,
                             uint32_t slot_count);

static inline size_t
pgcwi_entry_bytes(const struct pgcwi_entry *entry)
{
    return pgcwi_entry_value_offset(entry->slot_count, entry->key_size) +
           entry->value_size + entry->weight;
}

static inline struct pgcw_bytes
pgcwi_entry_key(const struct pgcwi_entry *entry)
{
    return (struct pgcw_bytes){entry->slots + entry->slot_count,
                               entry->key_size};
}

static inline struct pgcw_bytes
pgcwi_entry_value(const struct pgcwi_entry *entry)
{
    return (struct pgcw_bytes){
        (const unsigned char *)entry +
            pgcwi_entry_value_offset(entry->slot_count, entry->key_size),
        entry->value_size};
}

#endif
