/* SPDX-License-Identifier: MIT */
/*
 * 64 shards, each a mutex, a hash table and an LRU list: the usual cache of
 * one's own. A hit moves the entry to the front, unless it is there.
 */
#include "subject.h"

#include <pthread.h>
#include <stdio.h>

#include "plain_table.h"

#define SHARD_BITS 6
#define SHARD_COUNT (1u << SHARD_BITS)
#define LINE_BYTES 64

struct links {
    struct links *newer;
    struct links *older;
};

struct entry {
    struct plain_entry plain; /* first: the table has a pointer to it */
    struct links links;
};

struct shard {
    _Alignas(2 * LINE_BYTES) pthread_mutex_t mutex;
    struct plain_table table;
    struct links list; /* .older is the newest of all */
};

static struct shard shards[SHARD_COUNT];

/* The table takes the low bits. */
static struct shard *
shard_of(uint64_t hash)
{
    return &shards[hash >> (64 - SHARD_BITS)];
}

static void
take_out(struct links *links)
{
    links->newer->older = links->older;
    links->older->newer = links->newer;
}

static void
put_in_front(struct shard *shard, struct links *links)
{
    links->newer = &shard->list;
    links->older = shard->list.older;
    links->older->newer = links;
    shard->list.older = links;
}

/* No shard has many more keys than another; a sixteenth is to spare. */
static bool
init_shards(uint32_t key_count)
{
    uint32_t expected = key_count / SHARD_COUNT;

    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        struct shard *shard = &shards[i];

        if (!plain_table_init(&shard->table, expected + expected / 16 + 64)) {
            return false;
        }
        (void)pthread_mutex_init(&shard->mutex, NULL);
        shard->list = (struct links){&shard->list, &shard->list};
    }
    return true;
}

static bool
open_shards(const struct bench_key *keys, uint32_t key_count)
{
    if (!init_shards(key_count)) {
        return false;
    }
    for (uint32_t i = 0; i < key_count; i++) {
        struct entry *entry = malloc(sizeof(*entry));
        struct shard *shard = shard_of(plain_hash(&keys[i]));

        if (entry == NULL) {
            (void)fprintf(stderr, "no memory for an entry\n");
            return false;
        }
        plain_entry_init(&entry->plain, &keys[i]);
        plain_table_add(&shard->table, &entry->plain);
        put_in_front(shard, &entry->links);
    }
    return true;
}

static void
close_shards(void)
{
    for (unsigned i = 0; i < SHARD_COUNT; i++) {
        plain_table_fini(&shards[i].table);
        (void)pthread_mutex_destroy(&shards[i].mutex);
    }
}

static inline unsigned
hit(const struct bench_key *key)
{
    uint64_t hash = plain_hash(key);
    struct shard *shard = shard_of(hash);
    unsigned found = 0;

    (void)pthread_mutex_lock(&shard->mutex);
    struct entry *entry =
        (struct entry *)plain_table_find(&shard->table, key, hash);
    if (entry != NULL) {
        found = entry->plain.value[0];
        if (shard->list.older != &entry->links) {
            take_out(&entry->links);
            put_in_front(shard, &entry->links);
        }
    }
    (void)pthread_mutex_unlock(&shard->mutex);
    return found;
}

static size_t
look_up(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

const struct bench_subject subject_mutex_lru = {
    .name = "mutex + LRU",
    .note = "64 shards, each a pthread_mutex, open addressing and an LRU list",
    .open = open_shards,
    .close = close_shards,
    .look_up = look_up,
};
