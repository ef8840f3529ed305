/* SPDX-License-Identifier: MIT */
/*
 * An open-addressing table without any synchronisation, inlined: for the
 * floor, and for the peers that put a lock around one. A slot is a hash and a
 * pointer; at most every second slot is taken; who collides takes the next.
 */
#ifndef STRESS_BENCH_PLAIN_TABLE_H
#define STRESS_BENCH_PLAIN_TABLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "workload.h"

#define PLAIN_SEED 42

struct plain_entry {
    struct bench_key key;
    unsigned char value[BENCH_VALUE_BYTES];
};

struct plain_slot {
    uint64_t hash;
    struct plain_entry *entry; /* NULL: empty */
};

struct plain_table {
    struct plain_slot *slots;
    uint64_t mask;
};

static inline uint64_t
plain_hash(const struct bench_key *key)
{
    return XXH3_64bits_withSeed(key->bytes, BENCH_KEY_BYTES, PLAIN_SEED);
}

static inline void
plain_entry_init(struct plain_entry *entry, const struct bench_key *key)
{
    entry->key = *key;
    memset(entry->value, 0, sizeof(entry->value));
    entry->value[0] = 1;
}

/* Allocated by itself, as a cache's entries are. NULL, and the reason is
 * told, if memory is short. */
static inline struct plain_entry *
plain_entry_create(const struct bench_key *key)
{
    struct plain_entry *entry = malloc(sizeof(*entry));

    if (entry == NULL) {
        (void)fprintf(stderr, "no memory for an entry\n");
        return NULL;
    }
    plain_entry_init(entry, key);
    return entry;
}

/* False, and the reason is told, if memory is short. */
static inline bool
plain_table_init(struct plain_table *table, uint64_t entry_count)
{
    uint64_t slot_count = 16;

    while (slot_count < 2 * entry_count) {
        slot_count *= 2;
    }
    table->mask = slot_count - 1;
    table->slots = calloc(slot_count, sizeof(*table->slots));
    if (table->slots == NULL) {
        (void)fprintf(stderr, "no memory for a table\n");
    }
    return table->slots != NULL;
}

/* The key must be new. */
static inline void
plain_table_add(struct plain_table *table, struct plain_entry *entry)
{
    uint64_t hash = plain_hash(&entry->key);
    uint64_t i = hash & table->mask;

    while (table->slots[i].entry != NULL) {
        i = (i + 1) & table->mask;
    }
    table->slots[i] = (struct plain_slot){hash, entry};
}

static inline struct plain_entry *
plain_table_find(const struct plain_table *table, const struct bench_key *key,
                 uint64_t hash)
{
    for (uint64_t i = hash & table->mask;; i = (i + 1) & table->mask) {
        struct plain_entry *entry = table->slots[i].entry;

        if (entry == NULL || (table->slots[i].hash == hash &&
                              memcmp(&entry->key, key, sizeof(*key)) == 0)) {
            return entry;
        }
    }
}

/* False, and the reason is told, if memory is short. */
static inline bool
plain_table_fill(struct plain_table *table, const struct bench_key *keys,
                 uint32_t key_count)
{
    for (uint32_t i = 0; i < key_count; i++) {
        struct plain_entry *entry = plain_entry_create(&keys[i]);

        if (entry == NULL) {
            return false;
        }
        plain_table_add(table, entry);
    }
    return true;
}

/* Frees the entries, too. */
static inline void
plain_table_fini(struct plain_table *table)
{
    for (uint64_t i = 0; table->slots != NULL && i <= table->mask; i++) {
        free(table->slots[i].entry);
    }
    free(table->slots);
    table->slots = NULL;
}

#endif
