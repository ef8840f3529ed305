/* SPDX-License-Identifier: MIT */
/*
 * liburcu's hash table with nothing around it: the read lock inlined, no
 * stamps, no counters. The least that a lookup in such a table costs.
 *
 * Entries are allocated one by one, as a cache has them; in the variant they
 * are all in one array, which no cache could have.
 */
#define _LGPL_SOURCE /* for the inlined read lock */
#define URCU_INLINE_SMALL_FUNCTIONS

#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#include "plain_table.h"
#include "results.h"

struct entry {
    struct cds_lfht_node node;
    struct plain_entry plain;
};

struct store {
    struct cds_lfht *table;
    struct entry *array;
};

static struct store one_by_one;
static struct store in_array;

static struct entry *
entry_of(struct cds_lfht_node *node)
{
    return caa_container_of(node, struct entry, node);
}

static int
has_key(struct cds_lfht_node *node, const void *key)
{
    return memcmp(&entry_of(node)->plain.key, key, BENCH_KEY_BYTES) == 0;
}

static bool
add(struct store *store, const struct bench_key *key, uint32_t number)
{
    struct entry *entry =
        store->array != NULL ? &store->array[number] : malloc(sizeof(*entry));

    if (entry == NULL) {
        (void)fprintf(stderr, "no memory for an entry\n");
        return false;
    }
    cds_lfht_node_init(&entry->node);
    plain_entry_init(&entry->plain, key);
    cds_lfht_add(store->table, plain_hash(key), &entry->node);
    return true;
}

/* A bucket for each entry, or up to two; as many as there may be, so that
 * the buckets are in one array of their own. */
static bool
open_store(struct store *store, const struct bench_key *keys,
           uint32_t key_count)
{
    unsigned long buckets = 64;
    bool is_filled = true;

    while (buckets < key_count) {
        buckets *= 2;
    }
    store->table = cds_lfht_new_flavor(buckets, buckets, buckets, 0,
                                       &urcu_memb_flavor, NULL);
    if (store->table == NULL) {
        (void)fprintf(stderr, "no memory for a table\n");
        return false;
    }
    urcu_memb_read_lock();
    for (uint32_t i = 0; i < key_count && is_filled; i++) {
        is_filled = add(store, &keys[i], i);
    }
    urcu_memb_read_unlock();
    return is_filled;
}

static bool
open_one_by_one(const struct bench_key *keys, uint32_t key_count)
{
    return open_store(&one_by_one, keys, key_count);
}

static bool
open_in_array(const struct bench_key *keys, uint32_t key_count)
{
    in_array.array = bench_allocate(key_count, sizeof(*in_array.array));
    return open_store(&in_array, keys, key_count);
}

/* Nobody reads any more: no grace period is needed. */
static void
close_store(struct store *store)
{
    struct cds_lfht_iter iterator;
    struct cds_lfht_node *node;

    urcu_memb_read_lock();
    cds_lfht_for_each(store->table, &iterator, node)
    {
        (void)cds_lfht_del(store->table, node);
        if (store->array == NULL) {
            free(entry_of(node));
        }
    }
    urcu_memb_read_unlock();
    (void)cds_lfht_destroy(store->table, NULL);
    free(store->array);
    *store = (struct store){NULL, NULL};
}

static void
close_one_by_one(void)
{
    close_store(&one_by_one);
}

static void
close_in_array(void)
{
    close_store(&in_array);
}

static inline unsigned
hit(struct cds_lfht *table, const struct bench_key *key)
{
    struct cds_lfht_iter iterator;
    unsigned found = 0;

    urcu_memb_read_lock();
    cds_lfht_lookup(table, plain_hash(key), has_key, key, &iterator);
    struct cds_lfht_node *node = cds_lfht_iter_get_node(&iterator);
    if (node != NULL) {
        found = entry_of(node)->plain.value[0];
    }
    urcu_memb_read_unlock();
    return found;
}

static inline unsigned
hit_one_by_one(const struct bench_key *key)
{
    return hit(one_by_one.table, key);
}

static inline unsigned
hit_in_array(const struct bench_key *key)
{
    return hit(in_array.table, key);
}

static size_t
look_up_one_by_one(const struct bench_key *keys, size_t count,
                   bool is_dependent)
{
    return bench_look_up(hit_one_by_one, keys, count, is_dependent);
}

static size_t
look_up_in_array(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit_in_array, keys, count, is_dependent);
}

const struct bench_subject subject_cds_lfht = {
    .name = "cds_lfht",
    .note = "liburcu's hash table, read lock inlined, entries allocated one "
            "by one",
    .open = open_one_by_one,
    .close = close_one_by_one,
    .look_up = look_up_one_by_one,
};

const struct bench_subject subject_cds_lfht_array = {
    .name = "cds_lfht",
    .variant = "entries in one array",
    .note = "liburcu's hash table, read lock inlined, entries in one array, "
            "which no cache could have",
    .open = open_in_array,
    .close = close_in_array,
    .look_up = look_up_in_array,
};
