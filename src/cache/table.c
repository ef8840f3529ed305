/* SPDX-License-Identifier: MIT */
#include "cache/table.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "cache/rcu.h"

#define LINE_BYTES 64
#define SLOTS 7u
#define FIRST_BUCKETS 32u
#define MOST_BUCKETS (UINT64_C(1) << 32) /* as an entry keeps 32 bits */
#define GROW_AT 5u                       /* entries a bucket, on average */
#define COPIED_AT_ONCE 4u

/* A byte for each slot; the highest byte counts who has passed by. */
#define EACH_SLOT UINT64_C(0x0001010101010101)
#define TOP_BITS UINT64_C(0x0080808080808080)
#define PASSED_SHIFT 56
#define PASSED_ONE (UINT64_C(1) << PASSED_SHIFT)
#define PASSED_MOST 255u /* then it stays */

struct bucket {
    /* shared; written under the write lock */
    _Alignas(LINE_BYTES) _Atomic uint64_t tags; /* 0: the slot is empty */
    struct pgcwi_entry *_Atomic entries[SLOTS];
};

struct pgcwi_buckets {
    struct rcu_head rcu;
    /* immutable after they were made */
    uint64_t mask;
    struct bucket all[];
};

struct place {
    struct bucket *bucket;
    unsigned slot;
};

static unsigned
passed_of(uint64_t tags)
{
    return (unsigned)(tags >> PASSED_SHIFT);
}

static uint64_t
tag_of(uint32_t hash)
{
    uint32_t tag = hash >> 24;

    return tag != 0 ? tag : 1;
}

/* The slots with that tag, by the top bits of their bytes; above one that is
 * there may be some that are not. */
static uint64_t
slots_with(uint64_t tags, uint64_t tag)
{
    uint64_t difference = (tags & (PASSED_ONE - 1)) ^ (tag * EACH_SLOT);

    return (difference - EACH_SLOT) & ~difference & TOP_BITS;
}

static unsigned
first_slot(uint64_t slots)
{
    return (unsigned)__builtin_ctzll(slots) / 8;
}

/*
 * Who knows that an entry is there knows so from who has put it in or found
 * it, and so sees its tag, and who passed the buckets before. Who finds a slot
 * by a tag of before looks at the key.
 */
static uint64_t
read_tags(const struct bucket *bucket)
{
    /* relaxed: see above */
    return atomic_load_explicit(&bucket->tags, memory_order_relaxed);
}

static void
write_tags(struct bucket *bucket, uint64_t tags)
{
    /* relaxed: see above */
    atomic_store_explicit(&bucket->tags, tags, memory_order_relaxed);
}

static void
write_entry(struct place place, struct pgcwi_entry *entry)
{
    /*
     * ORDER: what is in the entry before the entry.
     * Pairs with: search(). Without it: a reader gets a value that is not
     * all there.
     */
    atomic_store_explicit(&place.bucket->entries[place.slot], entry,
                          memory_order_release);
}

typedef bool match_fn(const struct pgcwi_entry *entry, const void *context);

/* As search(), of one bucket. */
static inline __attribute__((always_inline)) struct pgcwi_entry *
search_bucket(struct bucket *bucket, uint64_t slots, match_fn *matches,
              const void *context, struct place *place)
{
    for (; slots != 0; slots &= slots - 1) {
        unsigned slot = first_slot(slots);
        /*
         * ORDER: the entry before what is in it.
         * Pairs with: write_entry(). Without it: see there.
         */
        struct pgcwi_entry *entry =
            atomic_load_explicit(&bucket->entries[slot], memory_order_acquire);

        if (entry != NULL && matches(entry, context)) {
            *place = (struct place){bucket, slot};
            return entry;
        }
    }
    return NULL;
}

/*
 * The entry for which `matches` is true, and its place; or NULL. By readers,
 * in their section, and by the holder of the write lock.
 */
static inline __attribute__((always_inline)) struct pgcwi_entry *
search(struct pgcwi_buckets *buckets, uint32_t hash, match_fn *matches,
       const void *context, struct place *place)
{
    uint64_t index = hash;
    uint64_t tags;

    do {
        struct bucket *bucket = &buckets->all[index & buckets->mask];

        tags = read_tags(bucket);
        struct pgcwi_entry *entry = search_bucket(
            bucket, slots_with(tags, tag_of(hash)), matches, context, place);
        if (entry != NULL) {
            return entry;
        }
        index++;
    } while (passed_of(tags) != 0 && index - hash <= buckets->mask);
    return NULL;
}

static inline bool
has_key(const struct pgcwi_entry *entry, const void *context)
{
    const struct pgcwi_key *key = context;
    struct pgcw_bytes own = pgcwi_entry_key(entry);

    return own.size == key->bytes.size &&
           (own.size == 0 || memcmp(own.data, key->bytes.data, own.size) == 0);
}

static inline bool
is_same(const struct pgcwi_entry *entry, const void *context)
{
    return entry == context;
}

static uint64_t
count_of(const struct pgcwi_buckets *buckets)
{
    return buckets->mask + 1;
}

static size_t
bytes_for(uint64_t count)
{
    return sizeof(struct pgcwi_buckets) + (size_t)count * sizeof(struct bucket);
}

static struct pgcwi_buckets *
make_buckets(uint64_t count)
{
    struct pgcwi_buckets *made = pgcwi_alloc_pages(bytes_for(count));

    if (made != NULL) {
        made->mask = count - 1;
    }
    return made;
}

static void
destroy_buckets(struct pgcwi_buckets *buckets)
{
    pgcwi_free_pages(buckets, bytes_for(count_of(buckets)));
}

static struct pgcwi_buckets *
current_of(const struct pgcwi_table *table)
{
    /* relaxed: only the holder of the write lock writes it, which we are */
    return atomic_load_explicit(&table->current, memory_order_relaxed);
}

uint64_t
pgcwi_table_room(const struct pgcwi_table *table)
{
    return GROW_AT * count_of(current_of(table));
}

bool
pgcwi_table_init(struct pgcwi_table *table)
{
    struct pgcwi_buckets *first = make_buckets(FIRST_BUCKETS);

    atomic_init(&table->current, first);
    table->next = NULL;
    table->copied = 0;
    table->entries = 0;
    return first != NULL;
}

void
pgcwi_table_fini(struct pgcwi_table *table)
{
    assert(table->entries == 0 && "a table is empty when it is destroyed");
    destroy_buckets(current_of(table));
    if (table->next != NULL) {
        destroy_buckets(table->next);
    }
}

static struct pgcwi_buckets *
readers_buckets(const struct pgcwi_table *table)
{
    /*
     * ORDER: the buckets before what is in them.
     * Pairs with: finish_growth(). Without it: a reader sees buckets that
     * are not filled.
     */
    return atomic_load_explicit(&table->current, memory_order_acquire);
}

struct pgcwi_entry *
pgcwi_table_find(const struct pgcwi_table *table, const struct pgcwi_key *key)
{
    struct place place;

    return search(readers_buckets(table), (uint32_t)key->hash, has_key, key,
                  &place);
}

static const struct bucket *
bucket_of(const struct pgcwi_table *table, const struct pgcwi_key *key)
{
    const struct pgcwi_buckets *buckets = readers_buckets(table);

    return &buckets->all[(uint32_t)key->hash & buckets->mask];
}

void
pgcwi_table_prefetch_bucket(const struct pgcwi_table *table,
                            const struct pgcwi_key *key)
{
    __builtin_prefetch(bucket_of(table, key));
}

void
pgcwi_table_prefetch_entry(const struct pgcwi_table *table,
                           const struct pgcwi_key *key)
{
    const struct bucket *bucket = bucket_of(table, key);
    uint64_t slots = slots_with(read_tags(bucket), tag_of((uint32_t)key->hash));

    if (slots != 0) {
        /* relaxed: it is not looked into */
        const char *entry = (const char *)atomic_load_explicit(
            &bucket->entries[first_slot(slots)], memory_order_relaxed);

        __builtin_prefetch(entry + offsetof(struct pgcwi_entry, stamp));
        __builtin_prefetch(entry + sizeof(struct pgcwi_entry) + LINE_BYTES / 2);
    }
}

static void
count_passed(struct bucket *bucket, bool is_one_more)
{
    uint64_t tags = read_tags(bucket);

    if (passed_of(tags) < PASSED_MOST) {
        write_tags(bucket, is_one_more ? tags + PASSED_ONE : tags - PASSED_ONE);
    }
}

/* There is a slot that is free. */
static void
put(struct pgcwi_buckets *buckets, struct pgcwi_entry *entry)
{
    uint64_t index = entry->hash;
    struct bucket *bucket = &buckets->all[index & buckets->mask];
    uint64_t free_slots;

    while ((free_slots = slots_with(read_tags(bucket), 0)) == 0) {
        count_passed(bucket, true);
        bucket = &buckets->all[++index & buckets->mask];
    }
    unsigned slot = first_slot(free_slots);
    write_entry((struct place){bucket, slot}, entry);
    write_tags(bucket, read_tags(bucket) | tag_of(entry->hash) << (8 * slot));
}

static void
take_out(struct pgcwi_buckets *buckets, const struct pgcwi_entry *entry,
         struct place place)
{
    uint64_t tag = UINT64_C(0xff) << (8 * place.slot);

    write_tags(place.bucket, read_tags(place.bucket) & ~tag);
    write_entry(place, NULL);
    for (uint64_t index = entry->hash;; index++) {
        struct bucket *bucket = &buckets->all[index & buckets->mask];

        if (bucket == place.bucket) {
            return;
        }
        count_passed(bucket, false);
    }
}

static void
free_buckets(struct rcu_head *head)
{
    struct pgcwi_buckets *buckets =
        caa_container_of(head, struct pgcwi_buckets, rcu);

    PGCWI_TAKEN(head);
    PGCWI_TAKEN(&pgcwi_rcu_edge);
    destroy_buckets(buckets);
}

static void
finish_growth(struct pgcwi_table *table)
{
    struct pgcwi_buckets *old = current_of(table);

    /*
     * ORDER: all that is in the buckets before the buckets.
     * Pairs with: readers_buckets(). Without it: see there.
     */
    atomic_store_explicit(&table->current, table->next, memory_order_release);
    table->next = NULL;
    PGCWI_PUBLISHED(&old->rcu);
    urcu_memb_call_rcu(&old->rcu, free_buckets);
}

static void
copy_bucket(struct pgcwi_buckets *to, struct bucket *bucket)
{
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct place there;
        /* relaxed: only the holder of the write lock writes it, which we are */
        struct pgcwi_entry *entry =
            atomic_load_explicit(&bucket->entries[slot], memory_order_relaxed);

        if (entry != NULL &&
            search(to, entry->hash, is_same, entry, &there) == NULL) {
            put(to, entry);
        }
    }
}

static void
copy_some(struct pgcwi_table *table)
{
    struct pgcwi_buckets *from = current_of(table);

    for (unsigned i = 0; i < COPIED_AT_ONCE && table->copied < count_of(from);
         i++) {
        copy_bucket(table->next, &from->all[table->copied]);
        table->copied++;
    }
    if (table->copied == count_of(from)) {
        finish_growth(table);
    }
}

static bool
is_full(const struct pgcwi_table *table)
{
    return table->entries >= SLOTS * count_of(current_of(table));
}

bool
pgcwi_table_make_room(struct pgcwi_table *table)
{
    uint64_t buckets = count_of(current_of(table));

    if (table->next == NULL && table->entries >= GROW_AT * buckets &&
        buckets < MOST_BUCKETS) {
        table->next = make_buckets(2 * buckets);
        table->copied = 0;
    }
    if (table->next != NULL) {
        do {
            copy_some(table);
        } while (table->next != NULL && is_full(table));
    }
    return !is_full(table);
}

static struct pgcwi_entry *
replace_in(struct pgcwi_buckets *buckets, const struct pgcwi_key *key,
           struct pgcwi_entry *entry)
{
    struct place place;
    struct pgcwi_entry *old =
        search(buckets, entry->hash, has_key, key, &place);

    if (old != NULL) {
        write_entry(place, entry);
    } else {
        put(buckets, entry);
    }
    return old;
}

struct pgcwi_entry *
pgcwi_table_replace(struct pgcwi_table *table, const struct pgcwi_key *key,
                    struct pgcwi_entry *entry)
{
    if (table->next != NULL) {
        (void)replace_in(table->next, key, entry);
    }
    struct pgcwi_entry *old = replace_in(current_of(table), key, entry);

    table->entries += old == NULL;
    return old;
}

static bool
remove_from(struct pgcwi_buckets *buckets, struct pgcwi_entry *entry)
{
    struct place place;

    if (search(buckets, entry->hash, is_same, entry, &place) == NULL) {
        return false;
    }
    take_out(buckets, entry, place);
    return true;
}

void
pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry)
{
    bool is_removed = remove_from(current_of(table), entry);

    assert(is_removed && "an entry is removed once, under the write lock");
    (void)is_removed;
    if (table->next != NULL) {
        /* not there if it is not copied yet */
        (void)remove_from(table->next, entry);
    }
    table->entries--;
}
