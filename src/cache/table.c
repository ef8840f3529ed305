/* SPDX-License-Identifier: MIT */
#include "cache/table.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"

#define FIRST_BUCKET_COUNT 64

/*
 * liburcu 0.13.2 ends the process if it has no memory for buckets
 * (rculfhash-mm-order.c): it is asked only where there was some just now.
 */
static bool
is_memory_there_for(uint64_t buckets)
{
    void *memory = pgcwi_alloc((size_t)buckets * sizeof(struct cds_lfht_node));

    pgcwi_free(memory);
    return memory != NULL;
}

bool
pgcwi_table_init(struct pgcwi_table *table)
{
    if (!is_memory_there_for(FIRST_BUCKET_COUNT)) {
        return false;
    }
    atomic_init(&table->wanted_buckets, FIRST_BUCKET_COUNT);
    atomic_init(&table->buckets, FIRST_BUCKET_COUNT);
    atomic_init(&table->is_growing, false);
    table->entries = cds_lfht_new_flavor(FIRST_BUCKET_COUNT, FIRST_BUCKET_COUNT,
                                         0, 0, &urcu_memb_flavor, NULL);
    return table->entries != NULL;
}

void
pgcwi_table_fini(struct pgcwi_table *table)
{
    PGCWI_TAKEN(table);
    int failed = cds_lfht_destroy(table->entries, NULL);

    assert(failed == 0 && "a table is empty when it is destroyed");
    (void)failed;
}

static int
entry_has_key(struct cds_lfht_node *node, const void *context)
{
    const struct pgcwi_key *key = context;

    PGCWI_TAKEN(node);
    struct pgcw_bytes own =
        pgcwi_entry_key(caa_container_of(node, struct pgcwi_entry, node));
    return own.size == key->bytes.size &&
           (own.size == 0 || memcmp(own.data, key->bytes.data, own.size) == 0);
}

static struct pgcwi_entry *
entry_of(struct cds_lfht_node *node)
{
    return node != NULL ? caa_container_of(node, struct pgcwi_entry, node)
                        : NULL;
}

struct pgcwi_entry *
pgcwi_table_find(const struct pgcwi_table *table, const struct pgcwi_key *key)
{
    struct cds_lfht_iter found;

    cds_lfht_lookup(table->entries, (unsigned long)key->hash, entry_has_key,
                    key, &found);
    return entry_of(cds_lfht_iter_get_node(&found));
}

struct pgcwi_entry *
pgcwi_table_replace(struct pgcwi_table *table, const struct pgcwi_key *key,
                    struct pgcwi_entry *entry)
{
    PGCWI_PUBLISHED(&entry->node);
    return entry_of(cds_lfht_add_replace(table->entries,
                                         (unsigned long)key->hash,
                                         entry_has_key, key, &entry->node));
}

void
pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry)
{
    int failed = cds_lfht_del(table->entries, &entry->node);

    assert(failed == 0 && "an entry is removed once, under the write lock");
    (void)failed;
}

/* Called by liburcu's thread. */
static void
grow(struct rcu_head *head)
{
    struct pgcwi_table *table =
        caa_container_of(head, struct pgcwi_table, growth);

    PGCWI_TAKEN(head);
    /* relaxed: only we write it */
    uint64_t buckets =
        atomic_load_explicit(&table->buckets, memory_order_relaxed);
    /* relaxed: a number; if it has grown since, the next store asks again */
    while (buckets <
           atomic_load_explicit(&table->wanted_buckets, memory_order_relaxed)) {
        buckets *= 2;
    }
    if (is_memory_there_for(buckets)) {
        cds_lfht_resize(table->entries, (unsigned long)buckets);
        /* relaxed: a number, to compare with */
        atomic_store_explicit(&table->buckets, buckets, memory_order_relaxed);
    }
    /*
     * ORDER: our last use of `growth` before it may be used again.
     * Pairs with: pgcwi_table_make_room(). Without it: it would be queued
     * while we still use it.
     */
    atomic_store_explicit(&table->is_growing, false, memory_order_release);
    PGCWI_PUBLISHED(table);
}

void
pgcwi_table_make_room(struct pgcwi_table *table, uint64_t entries)
{
    /* relaxed: a number; too small a table is only slower */
    if (entries <=
        atomic_load_explicit(&table->buckets, memory_order_relaxed)) {
        return;
    }
    /* relaxed: as above */
    atomic_store_explicit(&table->wanted_buckets, entries,
                          memory_order_relaxed);
    /*
     * ORDER: our look at the flag before our use of `growth`.
     * Pairs with: grow(). Without it: see there.
     */
    if (!atomic_load_explicit(&table->is_growing, memory_order_acquire)) {
        /* relaxed: only set here, under the write lock */
        atomic_store_explicit(&table->is_growing, true, memory_order_relaxed);
        PGCWI_PUBLISHED(&table->growth);
        urcu_memb_call_rcu(&table->growth, grow);
    }
}
