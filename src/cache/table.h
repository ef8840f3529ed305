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
 */
#ifndef PGCWI_CACHE_TABLE_H
#define PGCWI_CACHE_TABLE_H

#include "cache/entry.h"
#include "cache/key_hash.h"

struct pgcwi_table {
    struct cds_lfht *entries;
};

/* False if memory is short. */
bool pgcwi_table_init(struct pgcwi_table *table);
/* The table must be empty. Outside a read section. */
void pgcwi_table_fini(struct pgcwi_table *table);

struct pgcwi_entry *pgcwi_table_find(const struct pgcwi_table *table,
                                     const struct pgcwi_key *key);
/* Put an entry in; returns the one of the same key that it replaces. */
struct pgcwi_entry *pgcwi_table_replace(struct pgcwi_table *table,
                                        const struct pgcwi_key *key,
                                        struct pgcwi_entry *entry);
void pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry);

#endif
