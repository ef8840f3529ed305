/* SPDX-License-Identifier: MIT */
/* One key and its value, in one piece of memory. */
#ifndef PGCWI_CACHE_ENTRY_H
#define PGCWI_CACHE_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>

#include "base/clock.h"
#include "cache/key_hash.h"
#include "cache/rcu.h"
#include "cache/stamps.h"

struct pgcwi_entry {
    /* the table's */
    struct cds_lfht_node node;
    /* immutable after publication */
    uint64_t stamp;
    uint32_t slot;
    uint32_t key_size;
    size_t value_size;
    int64_t expires_at_ns; /* INT64_MAX: never */
    /* shared: set by readers, cleared by eviction */
    _Atomic bool is_visited;
    uint8_t cause; /* enum pgcw_removal_cause, after it was taken out */
    union {
        /* guarded by the cache's write lock, while in the table */
        struct cds_list_head by_age;
        /* after it was taken out: owned by its batch */
        struct pgcwi_entry *next_retired;
    };
    /* the value, aligned for any type, then the key */
    _Alignas(max_align_t) unsigned char bytes[];
};

/* It never expires, unless the caller says so before publication. NULL if
 * memory is short. */
struct pgcwi_entry *pgcwi_entry_create(const struct pgcwi_key *key,
                                       struct pgcw_bytes value, uint64_t stamp);
/* At once: nobody may see it any more. Accepts NULL. */
void pgcwi_entry_destroy(struct pgcwi_entry *entry);

static inline bool
pgcwi_entry_is_expired(const struct pgcwi_entry *entry)
{
    return entry->expires_at_ns != INT64_MAX &&
           pgcwi_clock_coarse_ns() >= entry->expires_at_ns;
}

static inline bool
pgcwi_entry_is_valid(const struct pgcwi_entry *entry,
                     const struct pgcwi_stamps *stamps)
{
    return pgcwi_stamps_is_valid(stamps, entry->stamp, entry->slot) &&
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

/* What an entry for these sizes takes; SIZE_MAX if no entry can be so large.
 */
size_t pgcwi_entry_bytes_for(size_t key_size, size_t value_size);

static inline size_t
pgcwi_entry_bytes(const struct pgcwi_entry *entry)
{
    return sizeof(*entry) + entry->value_size + entry->key_size;
}

static inline struct pgcw_bytes
pgcwi_entry_value(const struct pgcwi_entry *entry)
{
    return (struct pgcw_bytes){entry->bytes, entry->value_size};
}

static inline struct pgcw_bytes
pgcwi_entry_key(const struct pgcwi_entry *entry)
{
    return (struct pgcw_bytes){entry->bytes + entry->value_size,
                               entry->key_size};
}

#endif
