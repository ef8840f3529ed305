/* SPDX-License-Identifier: MIT */
/*
 * Keys to entries: an open-addressing hash table for readers under RCU.
 *
 * A bucket is one cache line: seven entries, a byte of hash for each, and how
 * many entries had to go to later buckets because this one was full. So a hit
 * mostly takes two lines that are not in a processor's cache, one of the
 * bucket and one of the entry, and a miss takes one. That entries go on to the
 * next bucket and are counted where they passed is F14's way (Bronson and Shi,
 * Facebook, 2019): nothing is left where an entry was.
 *
 * Model: find is called in a read section and returns an entry that stays
 * until the section ends. The others are called by one thread at a time, the
 * holder of the cache's write lock; what they take out is the caller's, to be
 * retired. Ordering: what was written to an entry before replace is visible
 * to who finds it. Progress: find is wait-free but for the length of a chain.
 *
 * The table grows by steps: each make_room copies a few buckets to the table
 * that is to follow, and what changes meanwhile changes in both, until all is
 * there and readers are given the new one. So nobody waits for it.
 *
 * Invariants, between two calls of writers:
 * - an entry is in one slot of `current`, in the first bucket from its hash's
 *   own that had room, and each bucket before counts it as passed by;
 * - `next`, if it is there, has the same for every entry of the buckets that
 *   are copied, and of the others for those that were put in since, and
 *   nothing that `current` has not.
 *
 * Checked by stress/models/table.cpp.
 */
#ifndef PGCWI_CACHE_TABLE_H
#define PGCWI_CACHE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"
#include "cache/key_hash.h"

struct pgcwi_buckets;

struct pgcwi_table {
    /* shared; replaced by the holder of the write lock */
    struct pgcwi_buckets *_Atomic current;
    /* guarded by the cache's write lock */
    struct pgcwi_buckets *next; /* NULL: it is not growing */
    uint64_t copied;            /* buckets of `current` that are in `next` */
    uint64_t entries;
};

/* False if memory is short. */
bool pgcwi_table_init(struct pgcwi_table *table);
/* The table must be empty. Outside a read section. */
void pgcwi_table_fini(struct pgcwi_table *table);

struct pgcwi_entry *pgcwi_table_find(const struct pgcwi_table *table,
                                     const struct pgcwi_key *key);
/* Before each replace: let the table grow by a step if it is too small. False
 * if there is no place for one more, and memory is short. */
bool pgcwi_table_make_room(struct pgcwi_table *table);
/* Put an entry in; returns the one of the same key that it replaces. */
struct pgcwi_entry *pgcwi_table_replace(struct pgcwi_table *table,
                                        const struct pgcwi_key *key,
                                        struct pgcwi_entry *entry);
void pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry);
/* How many entries there is room for before it grows. */
uint64_t pgcwi_table_room(const struct pgcwi_table *table);

#endif
