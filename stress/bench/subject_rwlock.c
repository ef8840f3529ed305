/* SPDX-License-Identifier: MIT */
/*
 * A hash table under one read-write lock. A reader cannot move what it has
 * found, so it has no LRU order: what is simplest for who writes it himself.
 */
#include "subject.h"

#include <pthread.h>

#include "plain_table.h"

static struct plain_table table;
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

static bool
open_table(const struct bench_key *keys, uint32_t key_count)
{
    return plain_table_init(&table, key_count) &&
           plain_table_fill(&table, keys, key_count);
}

static void
close_table(void)
{
    plain_table_fini(&table);
}

static inline unsigned
hit(const struct bench_key *key)
{
    uint64_t hash = plain_hash(key);

    (void)pthread_rwlock_rdlock(&lock);
    const struct plain_entry *entry = plain_table_find(&table, key, hash);
    unsigned found = entry != NULL ? entry->value[0] : 0;
    (void)pthread_rwlock_unlock(&lock);
    return found;
}

static size_t
look_up(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

const struct bench_subject subject_rwlock = {
    .name = "rwlock",
    .note = "one pthread_rwlock, open addressing, no eviction",
    .open = open_table,
    .close = close_table,
    .look_up = look_up,
};
