/* SPDX-License-Identifier: MIT */
#include "listener/table_counts.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "listener/counter.h"

struct qualified {
    char name[PGCWI_QUALIFIED_MAX_BYTES + 1];
    size_t bytes;
};

static void
qualify(struct qualified *qualified, const char *schema, const char *table)
{
    size_t schema_bytes = strlen(schema);
    size_t table_bytes = strlen(table);
    size_t dot_bytes = schema_bytes > 0 ? 1 : 0;

    assert(schema_bytes <= PGCWI_NAME_MAX_BYTES &&
           table_bytes <= PGCWI_NAME_MAX_BYTES);
    memcpy(qualified->name, schema, schema_bytes);
    qualified->name[schema_bytes] = '.'; /* or the first of the table */
    memcpy(qualified->name + schema_bytes + dot_bytes, table, table_bytes + 1);
    qualified->bytes = schema_bytes + dot_bytes + table_bytes;
}

/* FNV-1a. Who makes up names that collide makes himself 256 comparisons. */
static uint32_t
hash(const struct qualified *qualified)
{
    uint32_t value = UINT32_C(2166136261);

    for (size_t i = 0; i < qualified->bytes; i++) {
        value =
            (value ^ (unsigned char)qualified->name[i]) * UINT32_C(16777619);
    }
    return value;
}

static bool
has_name(const struct pgcwi_table_count *place,
         const struct qualified *qualified)
{
    return place->name_bytes == qualified->bytes &&
           memcmp(place->name, qualified->name, qualified->bytes) == 0;
}

uint32_t
pgcwi_table_counts_used(const struct pgcwi_table_counts *counts)
{
    /*
     * ORDER: our look at `used` before our look at a name.
     * Pairs with: take_place(). Without it: a name may be read in half.
     */
    return atomic_load_explicit(&counts->used, memory_order_acquire);
}

/* NULL: none is left, or the name is that of what has none. */
static struct pgcwi_table_count *
take_place(struct pgcwi_table_counts *counts, uint16_t *bucket,
           const struct qualified *qualified)
{
    /* relaxed: written in a turn, and this is the next one */
    uint32_t used = atomic_load_explicit(&counts->used, memory_order_relaxed);
    struct pgcwi_table_count *place = &counts->places[used];

    if (used == PGCWI_TABLE_COUNTS_MAX ||
        strcmp(qualified->name, PGCWI_TABLE_COUNTS_OTHER) == 0) {
        return NULL;
    }
    memcpy(place->name, qualified->name, qualified->bytes + 1);
    place->name_bytes = qualified->bytes;
    *bucket = (uint16_t)(used + 1);
    /*
     * ORDER: the name before `used` counts it.
     * Pairs with: pgcwi_table_counts_used(). Without it: see there.
     */
    atomic_store_explicit(&counts->used, used + 1, memory_order_release);
    return place;
}

static struct pgcwi_table_count *
find_or_take(struct pgcwi_table_counts *counts,
             const struct qualified *qualified)
{
    uint32_t i = hash(qualified) % PGCWI_TABLE_COUNTS_BUCKETS;

    /* ends: half of the buckets are free, at least */
    while (counts->buckets[i] != 0) {
        struct pgcwi_table_count *place =
            &counts->places[counts->buckets[i] - 1];

        if (has_name(place, qualified)) {
            return place;
        }
        i = (i + 1) % PGCWI_TABLE_COUNTS_BUCKETS;
    }
    return take_place(counts, &counts->buckets[i], qualified);
}

/* Without a copy of the names. */
static bool
is_of(const struct pgcwi_table_count *place, const char *schema,
      const char *table)
{
    size_t schema_bytes = strlen(schema);

    if (schema_bytes == 0) {
        return strcmp(place->name, table) == 0;
    }
    return memcmp(place->name, schema, schema_bytes) == 0 &&
           place->name[schema_bytes] == '.' &&
           strcmp(place->name + schema_bytes + 1, table) == 0;
}

void
pgcwi_table_counts_add(struct pgcwi_table_counts *counts, const char *schema,
                       const char *table)
{
    /* events of one table come in a row, more often than not */
    if (counts->newest == NULL || !is_of(counts->newest, schema, table)) {
        struct qualified qualified;

        qualify(&qualified, schema, table);
        counts->newest = find_or_take(counts, &qualified);
    }
    pgcwi_counter_add_alone(counts->newest != NULL ? &counts->newest->events
                                                   : &counts->other);
}
