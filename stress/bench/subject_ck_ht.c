/* SPDX-License-Identifier: MIT */
/*
 * Concurrency Kit's hash table for one writer, under its epochs: a section
 * for each lookup, as a section is to be short. The hash is inlined, and the
 * table's own call of it is left out.
 */
#include "subject.h"

#include <ck_epoch.h>
#include <ck_ht.h>
#include <ck_malloc.h>
#include <pthread.h>
#include <stdio.h>

#include "plain_table.h"

static ck_ht_t table;
static ck_epoch_t epoch;
/* A record stays known for ever; one that was left is used again. */
static _Alignas(64) ck_epoch_record_t records[BENCH_MOST_THREADS];
static unsigned record_count;
static pthread_mutex_t record_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local ck_epoch_record_t *record;

static void *
take(size_t bytes)
{
    return malloc(bytes);
}

static void *
resize(void *memory, size_t old_bytes, size_t bytes, bool may_defer)
{
    (void)old_bytes;
    (void)may_defer;
    return realloc(memory, bytes);
}

static void
give_back(void *memory, size_t bytes, bool may_defer)
{
    (void)bytes;
    (void)may_defer; /* only while it is filled, and nobody reads then */
    free(memory);
}

static struct ck_malloc memory = {
    .malloc = take, .realloc = resize, .free = give_back};

static void
hash_key(ck_ht_hash_t *hash, const void *key, size_t bytes, uint64_t seed)
{
    hash->value = XXH3_64bits_withSeed(key, bytes, seed);
}

static bool
open_table(const struct bench_key *keys, uint32_t key_count)
{
    ck_epoch_init(&epoch);
    record_count = 0;
    if (!ck_ht_init(&table, CK_HT_MODE_BYTESTRING, hash_key, &memory, key_count,
                    PLAIN_SEED)) {
        (void)fprintf(stderr, "no memory for a table\n");
        return false;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        struct plain_entry *entry = plain_entry_create(&keys[i]);
        ck_ht_hash_t hash = {.value = plain_hash(&keys[i])};
        ck_ht_entry_t slot;

        if (entry == NULL) {
            return false;
        }
        ck_ht_entry_set(&slot, hash, &entry->key, BENCH_KEY_BYTES, entry);
        if (!ck_ht_put_spmc(&table, hash, &slot)) {
            (void)fprintf(stderr, "ck_ht_put_spmc() failed\n");
            free(entry);
            return false;
        }
    }
    return true;
}

static void
close_table(void)
{
    ck_ht_iterator_t iterator = CK_HT_ITERATOR_INITIALIZER;
    ck_ht_entry_t *slot;

    while (ck_ht_next(&table, &iterator, &slot)) {
        free(ck_ht_entry_value(slot));
    }
    ck_ht_destroy(&table);
}

static bool
enter(void)
{
    (void)pthread_mutex_lock(&record_lock);
    record = ck_epoch_recycle(&epoch, NULL);
    if (record == NULL && record_count < BENCH_MOST_THREADS) {
        record = &records[record_count++];
        ck_epoch_register(&epoch, record, NULL);
    }
    (void)pthread_mutex_unlock(&record_lock);
    return record != NULL;
}

static void
leave(void)
{
    ck_epoch_unregister(record);
}

static inline unsigned
hit(const struct bench_key *key)
{
    ck_ht_hash_t hash = {.value = plain_hash(key)};
    ck_ht_entry_t slot;
    unsigned found = 0;

    ck_ht_entry_key_set(&slot, key, BENCH_KEY_BYTES);
    ck_epoch_begin(record, NULL);
    if (ck_ht_get_spmc(&table, hash, &slot)) {
        const struct plain_entry *entry = ck_ht_entry_value(&slot);

        found = entry->value[0];
    }
    (void)ck_epoch_end(record, NULL);
    return found;
}

static size_t
look_up(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

const struct bench_subject subject_ck_ht = {
    .name = "ck_ht",
    .note = "Concurrency Kit's ck_ht of byte strings, a ck_epoch section for "
            "each hit",
    .open = open_table,
    .close = close_table,
    .enter = enter,
    .leave = leave,
    .look_up = look_up,
};
