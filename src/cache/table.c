/* SPDX-License-Identifier: MIT */
#include "cache/table.h"

#include <assert.h>

#include "base/alloc.h"
#include "cache/bucket.h"

#define FIRST_BUCKETS 32u
#define MOST_BUCKETS (UINT64_C(1) << 32) /* as an entry keeps 32 bits */
#define GROW_AT 5u                       /* entries a bucket, on average */
#define COPIED_AT_ONCE 4u
#define HUGE_FROM 65536u /* buckets */
#define PASSED_MOST 255u /* then it stays */

static void
write_tags(struct pgcwi_bucket *bucket, uint64_t tags)
{
    /* relaxed: see above */
    atomic_store_explicit(&bucket->tags, tags, memory_order_relaxed);
}

static void
write_entry(struct pgcwi_bucket_slot place, struct pgcwi_entry *entry)
{
    /*
     * ORDER: what is in the entry before the entry.
     * Pairs with: pgcwi_bucket_search_one(), pgcwi_bucket_first_candidate().
     * Without it: a reader gets a value that is not all there.
     */
    atomic_store_explicit(&place.bucket->entries[place.slot], entry,
                          memory_order_release);
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
    return sizeof(struct pgcwi_buckets) +
           (size_t)count * sizeof(struct pgcwi_bucket);
}

static struct pgcwi_buckets *
make_buckets(uint64_t count)
{
    struct pgcwi_buckets *made =
        pgcwi_alloc_huge(bytes_for(count), count >= HUGE_FROM);

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

struct pgcwi_entry *
pgcwi_table_find(const struct pgcwi_table *table, const struct pgcwi_key *key)
{
    struct pgcwi_bucket_slot place;

    return pgcwi_bucket_search(pgcwi_buckets_of(table), (uint32_t)key->hash,
                               pgcwi_bucket_has_key, key, &place);
}

static void
count_passed(struct pgcwi_bucket *bucket, bool is_one_more)
{
    uint64_t tags = pgcwi_bucket_tags(bucket);

    if (pgcwi_bucket_passed(tags) < PASSED_MOST) {
        write_tags(bucket, is_one_more ? tags + PGCWI_PASSED_ONE
                                       : tags - PGCWI_PASSED_ONE);
    }
}

/* There is a slot that is free. */
static void
put(struct pgcwi_buckets *buckets, struct pgcwi_entry *entry)
{
    uint64_t index = entry->hash;
    struct pgcwi_bucket *bucket = &buckets->all[index & buckets->mask];
    uint64_t free_slots;

    while ((free_slots =
                pgcwi_bucket_slots_with(pgcwi_bucket_tags(bucket), 0)) == 0) {
        count_passed(bucket, true);
        bucket = &buckets->all[++index & buckets->mask];
    }
    unsigned slot = pgcwi_bucket_first(free_slots);
    write_entry((struct pgcwi_bucket_slot){bucket, slot}, entry);
    write_tags(bucket, pgcwi_bucket_tags(bucket) | pgcwi_bucket_tag(entry->hash)
                                                       << (8 * slot));
}

static void
take_out(struct pgcwi_buckets *buckets, const struct pgcwi_entry *entry,
         struct pgcwi_bucket_slot place)
{
    uint64_t tag = UINT64_C(0xff) << (8 * place.slot);

    write_tags(place.bucket, pgcwi_bucket_tags(place.bucket) & ~tag);
    write_entry(place, NULL);
    for (uint64_t index = entry->hash;; index++) {
        struct pgcwi_bucket *bucket = &buckets->all[index & buckets->mask];

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
     * Pairs with: pgcwi_buckets_of(). Without it: see there.
     */
    atomic_store_explicit(&table->current, table->next, memory_order_release);
    table->next = NULL;
    PGCWI_PUBLISHED(&old->rcu);
    urcu_memb_call_rcu(&old->rcu, free_buckets);
}

static void
copy_bucket(struct pgcwi_buckets *to, struct pgcwi_bucket *bucket)
{
    for (unsigned slot = 0; slot < PGCWI_BUCKET_SLOTS; slot++) {
        struct pgcwi_bucket_slot there;
        /* relaxed: only the holder of the write lock writes it, which we are */
        struct pgcwi_entry *entry =
            atomic_load_explicit(&bucket->entries[slot], memory_order_relaxed);

        if (entry != NULL && pgcwi_bucket_search(to, entry->hash, is_same,
                                                 entry, &there) == NULL) {
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
    return table->entries >= PGCWI_BUCKET_SLOTS * count_of(current_of(table));
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
    struct pgcwi_bucket_slot place;
    struct pgcwi_entry *old = pgcwi_bucket_search(
        buckets, entry->hash, pgcwi_bucket_has_key, key, &place);

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
    struct pgcwi_bucket_slot place;

    if (pgcwi_bucket_search(buckets, entry->hash, is_same, entry, &place) ==
        NULL) {
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
