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
#include "cache/slab.h"
#include "cache/stamps.h"
#include "cache/tags.h"

/* Of an entry that is in no cache: in tests of others. */
#define PGCWI_NO_CACHE UINT16_MAX

struct pgcwi_entry {
    union {
        /* guarded by the cache's write lock, while in the table */
        struct cds_list_head by_age;
        /* after it was taken out: owned by its batch */
        struct pgcwi_entry *next_retired;
    };
    /* immutable after publication */
    int64_t taken_at_ns; /* with the clock, its stamp */
    uint32_t weight;     /* what the user says that it weighs more */
    uint32_t hash;       /* the low bits of its key's */
    /* shared */
    _Atomic uint32_t holders;
    _Atomic uint32_t refresh_after_ms; /* see cache/refresh.h */
    /* immutable after publication */
    uint32_t ttl_ms;
    uint16_t cache_number; /* see pgcwi_reclaim_init() */
    uint8_t cause; /* enum pgcw_removal_cause, once it is out of the table */
    bool is_in_slab;
    /* what a hit reads, from the begin of a line on, if it is in a slab */
    uint64_t clock;
    uint32_t value_size;
    uint32_t key_size;
    uint8_t slot_count;
    bool is_absent; /* the database has none */
    bool has_ttl;
    /* shared: set by readers, cleared by eviction */
    _Atomic bool is_visited;
    /* then the key, then the value, aligned for any type */
    uint32_t slots[];
};
_Static_assert((PGCWI_SLAB_OFFSET + offsetof(struct pgcwi_entry, clock)) %
                       PGCWI_SLAB_STEP ==
                   0,
               "what a hit reads begins with a line");

/*
 * Held by the caller, who may set the rest before publication: it never
 * expires or is refreshed, weighs nothing more, is not absent and in no cache.
 * `slab` may be NULL. NULL if memory is short.
 */
struct pgcwi_entry *pgcwi_entry_create(struct pgcwi_slab *slab,
                                       const struct pgcwi_key *key,
                                       const struct pgcwi_slots *slots,
                                       struct pgcw_bytes value,
                                       struct pgcw_stamp stamp);
/* At once: nobody else may hold or see it. Accepts NULL. `slab` as above. */
void pgcwi_entry_destroy(struct pgcwi_slab *slab, struct pgcwi_entry *entry);

/* 0: none. */
static inline void
pgcwi_entry_set_ttl_ms(struct pgcwi_entry *entry, uint32_t ttl_ms)
{
    entry->ttl_ms = ttl_ms;
    entry->has_ttl = ttl_ms != 0;
}

/* By one who knows that it is held: a holder, a reader who found it in the
 * table and is still in his section, or who holds the write lock and found it
 * there. */
void pgcwi_entry_hold(struct pgcwi_entry *entry);
/* True for the last, who must free it. */
bool pgcwi_entry_let_go(struct pgcwi_entry *entry);

static inline bool
pgcwi_entry_is_expired(const struct pgcwi_entry *entry)
{
    return entry->has_ttl && pgcwi_clock_coarse_ns() - entry->taken_at_ns >=
                                 entry->ttl_ms * PGCWI_NS_PER_MS;
}

/* Whether nothing has made it invalid since its load began. */
static inline bool
pgcwi_entry_is_coherent(const struct pgcwi_entry *entry,
                        const struct pgcwi_stamps *stamps)
{
    return pgcwi_stamps_is_valid(stamps, entry->clock, entry->slots,
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
