/* SPDX-License-Identifier: MIT */
/*
 * Buckets, and the search in them: the part of the table (cache/table.h) that
 * a hit runs, inlined where it does.
 */
#ifndef PGCWI_CACHE_BUCKET_H
#define PGCWI_CACHE_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "cache/entry.h"
#include "cache/key_hash.h"
#include "cache/rcu.h"
#include "cache/table.h"

#define PGCWI_LINE_BYTES 64
#define PGCWI_BUCKET_SLOTS 7u

/* A byte for each slot; the highest byte counts who has passed by. */
#define PGCWI_EACH_SLOT UINT64_C(0x0001010101010101)
#define PGCWI_TOP_BITS UINT64_C(0x0080808080808080)
#define PGCWI_PASSED_SHIFT 56
#define PGCWI_PASSED_ONE (UINT64_C(1) << PGCWI_PASSED_SHIFT)

#define PGCWI_INLINE static inline __attribute__((always_inline))

struct pgcwi_bucket {
    /* shared; written under the write lock */
    _Alignas(PGCWI_LINE_BYTES) _Atomic uint64_t tags; /* 0: it is empty */
    struct pgcwi_entry *_Atomic entries[PGCWI_BUCKET_SLOTS];
};

struct pgcwi_buckets {
    struct rcu_head rcu;
    /* immutable after they were made */
    uint64_t mask;
    struct pgcwi_bucket all[];
};

struct pgcwi_bucket_slot {
    struct pgcwi_bucket *bucket;
    unsigned slot;
};

PGCWI_INLINE unsigned
pgcwi_bucket_passed(uint64_t tags)
{
    return (unsigned)(tags >> PGCWI_PASSED_SHIFT);
}

PGCWI_INLINE uint64_t
pgcwi_bucket_tag(uint32_t hash)
{
    uint32_t tag = hash >> 24;

    return tag != 0 ? tag : 1;
}

/* The slots with that tag, by the top bits of their bytes; above one that is
 * there may be some that are not. */
PGCWI_INLINE uint64_t
pgcwi_bucket_slots_with(uint64_t tags, uint64_t tag)
{
    uint64_t difference =
        (tags & (PGCWI_PASSED_ONE - 1)) ^ (tag * PGCWI_EACH_SLOT);

    return (difference - PGCWI_EACH_SLOT) & ~difference & PGCWI_TOP_BITS;
}

PGCWI_INLINE unsigned
pgcwi_bucket_first(uint64_t slots)
{
    return (unsigned)__builtin_ctzll(slots) / 8;
}

/*
 * Who knows that an entry is there knows so from who has put it in or found
 * it, and so sees its tag, and who passed the buckets before. Who finds a slot
 * by a tag of before looks at the key.
 */
PGCWI_INLINE uint64_t
pgcwi_bucket_tags(const struct pgcwi_bucket *bucket)
{
    /* relaxed: see above */
    return atomic_load_explicit(&bucket->tags, memory_order_relaxed);
}

typedef bool pgcwi_match_fn(const struct pgcwi_entry *entry,
                            const void *context);

/* As pgcwi_bucket_search(), of one bucket. */
PGCWI_INLINE struct pgcwi_entry *
pgcwi_bucket_search_one(struct pgcwi_bucket *bucket, uint64_t slots,
                        pgcwi_match_fn *matches, const void *context,
                        struct pgcwi_bucket_slot *place)
{
    for (; slots != 0; slots &= slots - 1) {
        unsigned slot = pgcwi_bucket_first(slots);
        /*
         * ORDER: the entry before what is in it.
         * Pairs with: write_entry(). Without it: see there.
         */
        struct pgcwi_entry *entry =
            atomic_load_explicit(&bucket->entries[slot], memory_order_acquire);

        if (__builtin_expect(entry != NULL && matches(entry, context), true)) {
            *place = (struct pgcwi_bucket_slot){bucket, slot};
            return entry;
        }
    }
    return NULL;
}

/*
 * The entry for which `matches` is true, and its place; or NULL. By readers,
 * in their section, and by the holder of the write lock.
 */
PGCWI_INLINE struct pgcwi_entry *
pgcwi_bucket_search(struct pgcwi_buckets *buckets, uint32_t hash,
                    pgcwi_match_fn *matches, const void *context,
                    struct pgcwi_bucket_slot *place)
{
    uint64_t index = hash;
    uint64_t tags;

    do {
        struct pgcwi_bucket *bucket = &buckets->all[index & buckets->mask];

        tags = pgcwi_bucket_tags(bucket);
        struct pgcwi_entry *entry = pgcwi_bucket_search_one(
            bucket, pgcwi_bucket_slots_with(tags, pgcwi_bucket_tag(hash)),
            matches, context, place);
        if (entry != NULL) {
            return entry;
        }
        index++;
    } while (pgcwi_bucket_passed(tags) != 0 && index - hash <= buckets->mask);
    return NULL;
}

PGCWI_INLINE uint64_t
pgcwi_bucket_load(const unsigned char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* memcmp() of the usual sizes, without a call: by their first and their last
 * eight bytes, which may overlap. */
PGCWI_INLINE bool
pgcwi_bucket_is_equal(const unsigned char *left, const unsigned char *right,
                      size_t size)
{
    if (size - 8 > 8) { /* also if it is less than 8 */
        return size == 0 || memcmp(left, right, size) == 0;
    }
    return ((pgcwi_bucket_load(left) ^ pgcwi_bucket_load(right)) |
            (pgcwi_bucket_load(left + size - 8) ^
             pgcwi_bucket_load(right + size - 8))) == 0;
}

PGCWI_INLINE bool
pgcwi_bucket_has_key(const struct pgcwi_entry *entry, const void *context)
{
    const struct pgcwi_key *key = context;
    struct pgcw_bytes own = pgcwi_entry_key(entry);

    return own.size == key->bytes.size &&
           pgcwi_bucket_is_equal(own.data, key->bytes.data, own.size);
}

PGCWI_INLINE struct pgcwi_buckets *
pgcwi_buckets_of(const struct pgcwi_table *table)
{
    /*
     * ORDER: the buckets before what is in them.
     * Pairs with: finish_growth(). Without it: a reader sees buckets that
     * are not filled.
     */
    return atomic_load_explicit(&table->current, memory_order_acquire);
}

PGCWI_INLINE const struct pgcwi_bucket *
pgcwi_bucket_of(const struct pgcwi_table *table, uint64_t hash)
{
    const struct pgcwi_buckets *buckets = pgcwi_buckets_of(table);

    return &buckets->all[(uint32_t)hash & buckets->mask];
}

/* The first entry in its own bucket that has the hash's tag, which mostly is
 * the one that is sought; or NULL. */
PGCWI_INLINE struct pgcwi_entry *
pgcwi_bucket_first_candidate(const struct pgcwi_table *table, uint64_t hash)
{
    const struct pgcwi_bucket *bucket = pgcwi_bucket_of(table, hash);
    uint64_t slots = pgcwi_bucket_slots_with(pgcwi_bucket_tags(bucket),
                                             pgcwi_bucket_tag((uint32_t)hash));

    if (__builtin_expect(slots == 0, false)) {
        return NULL;
    }
    /*
     * ORDER: the entry before what is in it.
     * Pairs with: write_entry(). Without it: see there.
     */
    return atomic_load_explicit(&bucket->entries[pgcwi_bucket_first(slots)],
                                memory_order_acquire);
}

/* Let the processor fetch what the next two will read. */
PGCWI_INLINE void
pgcwi_bucket_prefetch(const struct pgcwi_table *table, uint64_t hash)
{
    __builtin_prefetch(pgcwi_bucket_of(table, hash));
}

/* What a hit reads, with the begin of the value. Accepts NULL. */
PGCWI_INLINE void
pgcwi_bucket_prefetch_entry(const struct pgcwi_entry *entry)
{
    if (__builtin_expect(entry != NULL, true)) {
        __builtin_prefetch(&entry->clock);
        __builtin_prefetch((const char *)&entry->clock + PGCWI_LINE_BYTES);
    }
}

#endif
