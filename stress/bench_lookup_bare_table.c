/* SPDX-License-Identifier: MIT */
/*
 * liburcu's hash table with nothing around it: the read lock inlined, no
 * stamps, no counters. The least that a lookup in such a table costs.
 */
#define _LGPL_SOURCE /* for the inlined read lock */
#define URCU_INLINE_SMALL_FUNCTIONS

#include "bench_lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEED 42

struct entry {
    struct cds_lfht_node node;
    struct bench_key key;
    unsigned char value[BENCH_VALUE_BYTES];
};

static struct cds_lfht *table;
static struct entry *entries;
static uint32_t entry_count;

static unsigned long
hash_of(const struct bench_key *key)
{
    return (unsigned long)XXH3_64bits_withSeed(key->bytes, BENCH_KEY_BYTES,
                                               SEED);
}

static struct entry *
entry_of(struct cds_lfht_node *node)
{
    return caa_container_of(node, struct entry, node);
}

static int
has_key(struct cds_lfht_node *node, const void *key)
{
    return memcmp(&entry_of(node)->key, key, BENCH_KEY_BYTES) == 0;
}

static void
fill(const struct bench_key *keys, uint32_t key_count)
{
    urcu_memb_read_lock();
    for (uint32_t i = 0; i < key_count; i++) {
        cds_lfht_node_init(&entries[i].node);
        entries[i].key = keys[i];
        entries[i].value[0] = 1;
        cds_lfht_add(table, hash_of(&keys[i]), &entries[i].node);
    }
    urcu_memb_read_unlock();
}

/* As many buckets as the library makes for so many. */
static bool
open_bare(const struct bench_key *keys, uint32_t key_count)
{
    unsigned long buckets = 64;

    while (buckets < key_count) {
        buckets *= 2;
    }
    entry_count = key_count;
    entries = calloc(key_count, sizeof(*entries));
    table = cds_lfht_new_flavor(buckets, 64, 0, 0, &urcu_memb_flavor, NULL);
    if (entries == NULL || table == NULL) {
        (void)fprintf(stderr, "no memory for a table\n");
        return false;
    }
    fill(keys, key_count);
    return true;
}

static void
close_bare(void)
{
    urcu_memb_read_lock();
    for (uint32_t i = 0; i < entry_count; i++) {
        (void)cds_lfht_del(table, &entries[i].node);
    }
    urcu_memb_read_unlock();
    (void)cds_lfht_destroy(table, NULL);
    free(entries);
}

static size_t
look_up(const struct bench_key *keys, const uint32_t *drawn, size_t count)
{
    size_t hit_count = 0;

    for (size_t i = 0; i < count; i++) {
        const struct bench_key *key = &keys[drawn[i]];
        struct cds_lfht_iter found;

        urcu_memb_read_lock();
        cds_lfht_lookup(table, hash_of(key), has_key, key, &found);
        struct cds_lfht_node *node = cds_lfht_iter_get_node(&found);
        if (node != NULL) {
            hit_count += entry_of(node)->value[0];
        }
        urcu_memb_read_unlock();
    }
    return hit_count;
}

const struct bench_subject bench_bare_table = {"bare cds_lfht", open_bare,
                                               close_bare, look_up};
