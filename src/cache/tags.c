/* SPDX-License-Identifier: MIT */
#include "cache/tags.h"

#include <string.h>

#include "base/alloc.h"
#include "base/name.h"
#include "cache/key_hash.h"

#define FIRST_TABLE_CAPACITY 8u
/* spreads the numbers of tables over the seeds of their rows' hashes */
#define SEED_STEP UINT64_C(0x9e3779b97f4a7c15)

struct pgcwi_tagged_table {
    char schema[PGCWI_NAME_BYTES]; /* empty: any */
    char name[PGCWI_NAME_BYTES];
    uint32_t number;
};

void
pgcwi_tags_init(struct pgcwi_tags *tags, struct pgcwi_stamps *stamps,
                uint64_t hash_seed)
{
    *tags = (struct pgcwi_tags){.stamps = stamps, .hash_seed = hash_seed};
    atomic_init(&tags->is_used, false);
}

void
pgcwi_tags_fini(struct pgcwi_tags *tags)
{
    pgcwi_free(tags->tables);
}

bool
pgcwi_tag_is_valid(const struct pgcw_tag *tag)
{
    return pgcwi_name_is_valid(tag->table) &&
           (tag->schema == NULL || pgcwi_name_is_valid(tag->schema));
}

struct pgcw_event
pgcwi_tag_event(const struct pgcw_tag *tag)
{
    return (struct pgcw_event){
        .schema = tag->schema != NULL ? tag->schema : "",
        .table = tag->table,
        .keys = &tag->key,
        .key_count = tag->key.data != NULL ? 1 : 0,
    };
}

bool
pgcwi_tags_is_used(const struct pgcwi_tags *tags)
{
    /* relaxed: only saves a wait for a load that would be of no use */
    return atomic_load_explicit(&tags->is_used, memory_order_relaxed);
}

void
pgcwi_slots_init(struct pgcwi_slots *slots, uint32_t key_slot)
{
    slots->count = 1;
    slots->numbers[0] = key_slot;
}

bool
pgcwi_slots_has(const struct pgcwi_slots *slots, uint32_t slot)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        if (slots->numbers[i] == slot) {
            return true;
        }
    }
    return false;
}

bool
pgcwi_slots_has_everything(const struct pgcwi_slots *slots)
{
    return slots->count == 2 && slots->numbers[1] == PGCWI_SLOT_UNTAGGED;
}

void
pgcwi_slots_add_everything(struct pgcwi_slots *slots)
{
    slots->count = 2;
    slots->numbers[1] = PGCWI_SLOT_UNTAGGED;
}

void
pgcwi_slots_finish(struct pgcwi_slots *slots)
{
    if (slots->count == 1) {
        pgcwi_slots_add_everything(slots);
    }
}

static void
add_slot(struct pgcwi_slots *slots, uint32_t slot)
{
    if (pgcwi_slots_has_everything(slots) || pgcwi_slots_has(slots, slot)) {
        return;
    }
    if (slots->count == PGCWI_SLOTS_MAX) {
        pgcwi_slots_add_everything(slots);
        return;
    }
    slots->numbers[slots->count++] = slot;
}

static uint32_t
any_slot(const struct pgcwi_tagged_table *table)
{
    return PGCWI_SLOT_TABLES + 2 * table->number;
}

static uint32_t
whole_slot(const struct pgcwi_tagged_table *table)
{
    return any_slot(table) + 1;
}

static uint32_t
row_slot(const struct pgcwi_tags *tags, const struct pgcwi_tagged_table *table,
         struct pgcw_bytes key)
{
    uint64_t seed = tags->hash_seed + (table->number + 1) * SEED_STEP;

    return pgcwi_stamps_row_slot(tags->stamps, pgcwi_key_make(key, seed).hash);
}

static int
compare(const struct pgcwi_tagged_table *table, const char *name,
        const char *schema)
{
    int order = strcmp(table->name, name);

    return order != 0 ? order : strcmp(table->schema, schema);
}

/* The first that is not before this one. The caller holds the lock. */
static uint32_t
find_place(const struct pgcwi_tags *tags, const char *name, const char *schema)
{
    uint32_t low = 0;
    uint32_t high = tags->table_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare(&tags->tables[middle], name, schema) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool
make_room(struct pgcwi_tags *tags)
{
    uint32_t capacity = tags->table_capacity == 0 ? FIRST_TABLE_CAPACITY
                                                  : 2 * tags->table_capacity;

    if (tags->table_count < tags->table_capacity) {
        return true;
    }
    if (tags->table_count == PGCWI_TABLES_MAX) {
        return false;
    }
    struct pgcwi_tagged_table *grown =
        pgcwi_realloc(tags->tables, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    tags->tables = grown;
    tags->table_capacity = capacity;
    return true;
}

static const struct pgcwi_tagged_table *
add_table(struct pgcwi_tags *tags, uint32_t place, const char *name,
          const char *schema)
{
    if (!make_room(tags)) {
        return NULL;
    }
    struct pgcwi_tagged_table *table = &tags->tables[place];
    memmove(table + 1, table, (tags->table_count - place) * sizeof(*table));
    *table = (struct pgcwi_tagged_table){.number = tags->table_count};
    memcpy(table->schema, schema, strlen(schema));
    memcpy(table->name, name, strlen(name));
    tags->table_count++;
    uint64_t last_event = pgcwi_stamps_slot(tags->stamps, PGCWI_SLOT_UNTAGGED);
    pgcwi_stamps_set(tags->stamps, any_slot(table), last_event);
    pgcwi_stamps_set(tags->stamps, whole_slot(table), last_event);
    /* relaxed: see pgcwi_tags_is_used() */
    atomic_store_explicit(&tags->is_used, true, memory_order_relaxed);
    return table;
}

/* The caller holds the lock. NULL: no room for another. */
static const struct pgcwi_tagged_table *
find_or_add_table(struct pgcwi_tags *tags, const char *name, const char *schema)
{
    uint32_t place = find_place(tags, name, schema);

    if (place < tags->table_count &&
        compare(&tags->tables[place], name, schema) == 0) {
        return &tags->tables[place];
    }
    return add_table(tags, place, name, schema);
}

enum pgcw_status
pgcwi_tags_add(struct pgcwi_tags *tags, const struct pgcw_tag *tag,
               struct pgcwi_slots *slots)
{
    if (!pgcwi_tag_is_valid(tag)) {
        pgcwi_slots_add_everything(slots);
        return PGCW_INVALID_ARGUMENT;
    }
    pthread_mutex_lock(&tags->stamps->lock);
    const struct pgcwi_tagged_table *table = find_or_add_table(
        tags, tag->table, tag->schema != NULL ? tag->schema : "");
    if (table == NULL) {
        pgcwi_slots_add_everything(slots);
    } else if (tag->key.data == NULL) {
        add_slot(slots, any_slot(table));
    } else {
        add_slot(slots, whole_slot(table));
        add_slot(slots, row_slot(tags, table, tag->key));
    }
    pthread_mutex_unlock(&tags->stamps->lock);
    return PGCW_OK;
}

/* What is done with each slot of an event. */
struct visitor {
    void (*visit)(void *context, uint32_t slot);
    void *context;
};

static void
visit_table(const struct pgcwi_tags *tags,
            const struct pgcwi_tagged_table *table,
            const struct pgcw_event *event, struct visitor visitor)
{
    visitor.visit(visitor.context, any_slot(table));
    if (event->key_count == 0) {
        visitor.visit(visitor.context, whole_slot(table));
    }
    for (size_t i = 0; i < event->key_count; i++) {
        visitor.visit(visitor.context, row_slot(tags, table, event->keys[i]));
    }
}

/* Either may be of any schema. */
static bool
is_about(const struct pgcw_event *event, const struct pgcwi_tagged_table *table)
{
    return event->schema[0] == '\0' || table->schema[0] == '\0' ||
           strcmp(event->schema, table->schema) == 0;
}

/* The caller holds the lock. */
static void
visit_slots(const struct pgcwi_tags *tags, const struct pgcw_event *event,
            struct visitor visitor)
{
    visitor.visit(visitor.context, PGCWI_SLOT_UNTAGGED);
    for (uint32_t i = find_place(tags, event->table, "");
         i < tags->table_count &&
         strcmp(tags->tables[i].name, event->table) == 0;
         i++) {
        if (is_about(event, &tags->tables[i])) {
            visit_table(tags, &tags->tables[i], event, visitor);
        }
    }
}

struct raise {
    struct pgcwi_stamps *stamps;
    uint64_t clock;
};

static void
raise_slot(void *context, uint32_t slot)
{
    const struct raise *raise = context;

    /* readers look at it: it is not written for nothing */
    if (pgcwi_stamps_slot(raise->stamps, slot) != raise->clock) {
        pgcwi_stamps_set(raise->stamps, slot, raise->clock);
    }
}

void
pgcwi_tags_raise(struct pgcwi_tags *tags, const struct pgcw_event *event)
{
    pthread_mutex_lock(&tags->stamps->lock);
    struct raise raise = {tags->stamps, pgcwi_stamps_get_beyond(tags->stamps)};
    visit_slots(tags, event, (struct visitor){raise_slot, &raise});
    pthread_mutex_unlock(&tags->stamps->lock);
}

static void
collect_slot(void *context, uint32_t slot)
{
    add_slot(context, slot);
}

uint32_t
pgcwi_tags_collect(struct pgcwi_tags *tags, const struct pgcw_event *event,
                   struct pgcwi_slots *slots)
{
    pthread_mutex_lock(&tags->stamps->lock);
    visit_slots(tags, event, (struct visitor){collect_slot, slots});
    uint32_t table_count = tags->table_count;
    pthread_mutex_unlock(&tags->stamps->lock);
    return table_count;
}
