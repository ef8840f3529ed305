/* SPDX-License-Identifier: MIT */
/*
 * Keys to entries: liburcu's lock-free hash table.
 *
 * Model: find is called in a read section and returns an entry that stays
 * until the section ends. replace and remove are called by one thread at a
 * time, the holder of the cache's write lock, in a read section; what they
 * take out is the caller's, to be retired. Ordering: what was written to an
 * entry before replace is visible to who finds it. Progress: find is
 * wait-free but for the length of a chain.
 *
 * liburcu's call_rcu thread makes the table grow, when we ask it to. Not
 * CDS_LFHT_AUTO_RESIZE: there, who adds asks for a resize and only then
 * notes that he has asked; where the resize is done by then, none is asked
 * for any more, and chains get longer for good (seen with liburcu 0.13.2).
 */
#ifndef PGCWI_CACHE_TABLE_H
#define PGCWI_CACHE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/entry.h"
#include "cache/key_hash.h"

struct pgcwi_table {
    /* immutable after init */
    struct cds_lfht *entries;
    /* shared */
    _Atomic uint64_t wanted_buckets;
    _Atomic uint64_t buckets; /* written by liburcu's thread */
    _Atomic bool is_growing;
    /* owned by liburcu's thread while is_growing */
    struct rcu_head growth;
};

/* False if memory is short. */
bool pgcwi_table_init(struct pgcwi_table *table);
/* The table must be empty, and urcu_memb_barrier() have been called since
 * the last make_room. Outside a read section. */
void pgcwi_table_fini(struct pgcwi_table *table);

struct pgcwi_entry *pgcwi_table_find(const struct pgcwi_table *table,
                                     const struct pgcwi_key *key);
/* Put an entry in; returns the one of the same key that it replaces. */
struct pgcwi_entry *pgcwi_table_replace(struct pgcwi_table *table,
                                        const struct pgcwi_key *key,
                                        struct pgcwi_entry *entry);
void pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry);
/* By the holder of the write lock: let the table grow, soon, if it is too
 * small for so many. */
void pgcwi_table_make_room(struct pgcwi_table *table, uint64_t entries);

#endif
