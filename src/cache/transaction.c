/* SPDX-License-Identifier: MIT */
#include "cache/transaction.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "cache/cache.h"

/* More are noted as their tables, or as everything. */
#define WRITTEN_MAX 64

struct written {
    struct written *next;
    struct pgcw_tag tag;
    /* then the names, each with its NUL, and the key */
    char bytes[];
};

struct pgcw_transaction {
    /* immutable after begin */
    struct pgcw_cache *cache;
    pgcwi_transaction_is_over_fn *is_over; /* may be NULL */
    void *context;
    /* owned by its thread */
    struct pgcw_transaction *next;
    bool is_private;
    bool has_written_everything;
    struct written *written;
    uint32_t written_count;
    /* what those would raise; found when so many tables were known */
    struct pgcwi_slots slots;
    uint32_t known_tables;
};

static struct pgcw_transaction *
find(const struct pgcw_cache *cache)
{
    struct pgcw_transaction *transaction = pgcwi_thread.transactions;

    while (transaction != NULL && transaction->cache != cache) {
        transaction = transaction->next;
    }
    return transaction;
}

enum pgcw_status
pgcwi_transaction_begin(struct pgcw_cache *cache,
                        pgcwi_transaction_is_over_fn *is_over, void *context,
                        struct pgcw_transaction **transaction,
                        struct pgcw_error *error)
{
    struct pgcw_transaction *made;

    if (find(cache) != NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "this thread has an open transaction with "
                               "this cache already");
    }
    made = pgcwi_alloc_array(1, sizeof(*made));
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a transaction");
    }
    made->cache = cache;
    made->is_over = is_over;
    made->context = context;
    pgcwi_reader_begin(); /* so that the end of the thread is noticed */
    pgcwi_reader_end();
    made->next = pgcwi_thread.transactions;
    pgcwi_thread.transactions = made;
    /* relaxed: looked at when no other thread uses the cache any more */
    atomic_fetch_add_explicit(&cache->open_transactions, 1,
                              memory_order_relaxed);
    *transaction = made;
    return PGCW_OK;
}

enum pgcw_status
pgcw_transaction_begin(struct pgcw_cache *cache,
                       struct pgcw_transaction **transaction,
                       struct pgcw_error *error)
{
    return pgcwi_transaction_begin(cache, NULL, NULL, transaction, error);
}

static void
free_written(struct pgcw_transaction *transaction)
{
    while (transaction->written != NULL) {
        struct written *first = transaction->written;

        transaction->written = first->next;
        pgcwi_free(first);
    }
    transaction->written_count = 0;
    transaction->slots.count = 0;
}

/* As after begin. */
static void
forget(struct pgcw_transaction *transaction)
{
    free_written(transaction);
    transaction->has_written_everything = false;
    transaction->is_private = false;
}

/* What was written is committed, or may be. */
static void
settle(struct pgcw_transaction *transaction)
{
    if (transaction->has_written_everything) {
        pgcw_cache_invalidate_all(transaction->cache);
    }
    for (const struct written *written = transaction->written; written != NULL;
         written = written->next) {
        struct pgcw_event event = pgcwi_tag_event(&written->tag);

        pgcwi_cache_apply(transaction->cache, &event);
    }
    forget(transaction);
}

static void
end(struct pgcw_transaction *transaction)
{
    struct pgcw_transaction **link = &pgcwi_thread.transactions;

    while (*link != NULL && *link != transaction) {
        link = &(*link)->next;
    }
    assert(*link == transaction && "only the thread that began it may end it");
    *link = transaction->next;
    /* relaxed: see pgcwi_transaction_begin() */
    atomic_fetch_sub_explicit(&transaction->cache->open_transactions, 1,
                              memory_order_relaxed);
    pgcwi_free(transaction);
}

void
pgcw_transaction_commit(struct pgcw_transaction *transaction)
{
    settle(transaction);
    end(transaction);
}

void
pgcw_transaction_rollback(struct pgcw_transaction *transaction)
{
    forget(transaction);
    end(transaction);
}

void
pgcwi_transaction_end_of_thread(void)
{
    while (pgcwi_thread.transactions != NULL) {
        pgcw_transaction_commit(pgcwi_thread.transactions);
    }
}

static uint32_t
collect(struct pgcw_transaction *transaction, const struct written *written)
{
    struct pgcw_event event = pgcwi_tag_event(&written->tag);

    return pgcwi_tags_collect(&transaction->cache->tags, &event,
                              &transaction->slots);
}

/* Find the slots of all that was written. */
static void
collect_all(struct pgcw_transaction *transaction)
{
    pgcwi_slots_init(&transaction->slots, PGCWI_SLOT_UNTAGGED);
    transaction->known_tables = UINT32_MAX;
    for (const struct written *written = transaction->written; written != NULL;
         written = written->next) {
        uint32_t known_tables = collect(transaction, written);

        if (known_tables < transaction->known_tables) {
            transaction->known_tables = known_tables;
        }
    }
}

static void
note_everything(struct pgcw_transaction *transaction)
{
    free_written(transaction);
    transaction->has_written_everything = true;
}

static bool
is_same_schema(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Whether whatever depends on the one depends on the other. */
static bool
covers(const struct pgcw_tag *wide, const struct pgcw_tag *tag)
{
    if (!is_same_schema(wide->schema, tag->schema) ||
        strcmp(wide->table, tag->table) != 0) {
        return false;
    }
    return wide->key.data == NULL ||
           (tag->key.data != NULL && wide->key.size == tag->key.size &&
            memcmp(wide->key.data, tag->key.data, tag->key.size) == 0);
}

static bool
is_noted(const struct pgcw_transaction *transaction, const struct pgcw_tag *tag)
{
    for (const struct written *written = transaction->written; written != NULL;
         written = written->next) {
        if (covers(&written->tag, tag)) {
            return true;
        }
    }
    return false;
}

static struct written *
copy_tag(const struct pgcw_tag *tag)
{
    size_t schema_bytes = tag->schema != NULL ? strlen(tag->schema) + 1 : 0;
    size_t table_bytes = strlen(tag->table) + 1;
    size_t key_bytes = tag->key.data != NULL ? tag->key.size : 0;
    struct written *copy =
        pgcwi_alloc(sizeof(*copy) + schema_bytes + table_bytes + key_bytes);

    if (copy == NULL) {
        return NULL;
    }
    char *table = copy->bytes + schema_bytes;
    char *key = table + table_bytes;
    copy->tag = (struct pgcw_tag){.table = table};
    memcpy(table, tag->table, table_bytes);
    if (tag->schema != NULL) {
        memcpy(copy->bytes, tag->schema, schema_bytes);
        copy->tag.schema = copy->bytes;
    }
    if (tag->key.data != NULL) {
        memcpy(key, tag->key.data, key_bytes);
        copy->tag.key = (struct pgcw_bytes){key, key_bytes};
    }
    return copy;
}

static void
add(struct pgcw_transaction *transaction, struct written *written)
{
    written->next = transaction->written;
    transaction->written = written;
    transaction->written_count++;
}

/* Keep their tables only. */
static void
forget_rows(struct pgcw_transaction *transaction)
{
    struct written *written = transaction->written;

    transaction->written = NULL;
    transaction->written_count = 0;
    while (written != NULL) {
        struct written *next = written->next;

        written->tag.key = (struct pgcw_bytes){NULL, 0};
        if (is_noted(transaction, &written->tag)) {
            pgcwi_free(written);
        } else {
            add(transaction, written);
        }
        written = next;
    }
    collect_all(transaction);
}

static bool
is_too_much(const struct pgcw_transaction *transaction)
{
    return transaction->written_count > WRITTEN_MAX ||
           pgcwi_slots_has_everything(&transaction->slots);
}

static void
note(struct pgcw_transaction *transaction, struct written *written)
{
    add(transaction, written);
    if (transaction->written_count == 1) {
        collect_all(transaction);
    } else {
        (void)collect(transaction, written);
    }
    if (is_too_much(transaction)) {
        forget_rows(transaction);
    }
    if (is_too_much(transaction)) {
        note_everything(transaction);
    }
}

enum pgcw_status
pgcw_transaction_wrote(struct pgcw_transaction *transaction,
                       const struct pgcw_tag *tag)
{
    assert(find(transaction->cache) == transaction &&
           "only the thread that began it may use it");
    transaction->is_private = true;
    if (tag == NULL || !pgcwi_tag_is_valid(tag)) {
        note_everything(transaction);
        return tag == NULL ? PGCW_OK : PGCW_INVALID_ARGUMENT;
    }
    if (transaction->has_written_everything || is_noted(transaction, tag)) {
        return PGCW_OK;
    }
    struct written *written = copy_tag(tag);
    if (written == NULL) {
        note_everything(transaction);
    } else {
        note(transaction, written);
    }
    return PGCW_OK;
}

void
pgcw_transaction_keep_loads(struct pgcw_transaction *transaction)
{
    assert(find(transaction->cache) == transaction &&
           "only the thread that began it may use it");
    transaction->is_private = true;
}

/* Whether it is of a table that may be written, but was not known then. */
static bool
is_of_newer_table(const struct pgcw_transaction *transaction, uint32_t slot)
{
    return slot < PGCWI_SLOT_KEYS &&
           slot >= PGCWI_SLOT_TABLES + 2 * transaction->known_tables;
}

static bool
has_newer_table(const struct pgcw_transaction *transaction,
                const struct pgcwi_entry *entry)
{
    for (uint32_t i = 0; i < entry->slot_count; i++) {
        if (is_of_newer_table(transaction, entry->slots[i])) {
            return true;
        }
    }
    return false;
}

static bool
has_written(struct pgcw_transaction *transaction,
            const struct pgcwi_entry *entry)
{
    if (transaction->written == NULL) {
        return transaction->has_written_everything;
    }
    if (has_newer_table(transaction, entry)) {
        collect_all(transaction);
    }
    for (uint32_t i = 0; i < entry->slot_count; i++) {
        if (pgcwi_slots_has(&transaction->slots, entry->slots[i])) {
            return true;
        }
    }
    return pgcwi_slots_has_everything(&transaction->slots);
}

struct pgcwi_entry *
pgcwi_transaction_filter(struct pgcw_cache *cache, struct pgcwi_entry *entry)
{
    struct pgcw_transaction *transaction = find(cache);

    if (transaction == NULL || !transaction->is_private) {
        return entry;
    }
    if (transaction->is_over != NULL &&
        transaction->is_over(transaction->context)) {
        settle(transaction);
        return entry != NULL && pgcwi_entry_is_coherent(entry, &cache->stamps)
                   ? entry
                   : NULL;
    }
    return entry != NULL && has_written(transaction, entry) ? NULL : entry;
}

bool
pgcwi_transaction_find_private(const struct pgcw_cache *cache)
{
    const struct pgcw_transaction *transaction = find(cache);

    return transaction != NULL && transaction->is_private;
}
