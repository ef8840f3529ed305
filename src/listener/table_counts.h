/* SPDX-License-Identifier: MIT */
/*
 * How many events each table had.
 *
 * Model: added to in the turn of an event, read by any thread. A table has a
 * place from its first event on, and its name does not change. The number of
 * places is fixed, as anybody may send events with names that he makes up
 * (P10): what comes when all are taken counts as "other". All zero at first.
 */
#ifndef PGCWI_LISTENER_TABLE_COUNTS_H
#define PGCWI_LISTENER_TABLE_COUNTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"

#define PGCWI_TABLE_COUNTS_MAX 256
#define PGCWI_TABLE_COUNTS_OTHER "other"
/* schema.table, or table alone, where the event has no schema */
#define PGCWI_QUALIFIED_MAX_BYTES (2 * PGCWI_NAME_MAX_BYTES + 1)
/* A power of two, twice the tables: a free one is never far. */
#define PGCWI_TABLE_COUNTS_BUCKETS (2 * PGCWI_TABLE_COUNTS_MAX)

struct pgcwi_table_count {
    /* immutable once `used` counts it */
    char name[PGCWI_QUALIFIED_MAX_BYTES + 1];
    size_t name_bytes;
    /* shared */
    _Atomic uint64_t events;
};

struct pgcwi_table_counts {
    /* owned by the thread whose turn it is */
    uint16_t buckets[PGCWI_TABLE_COUNTS_BUCKETS]; /* place + 1; 0: free */
    struct pgcwi_table_count *newest; /* of the last event; NULL: none */
    /* shared */
    _Atomic uint32_t used;
    struct pgcwi_table_count places[PGCWI_TABLE_COUNTS_MAX];
    _Atomic uint64_t other;
};

/* In the event's turn. Either name is of at most PGCWI_NAME_MAX_BYTES. */
void pgcwi_table_counts_add(struct pgcwi_table_counts *counts,
                            const char *schema, const char *table);

/* From any thread: the places that may be read, which are the first ones. */
uint32_t pgcwi_table_counts_used(const struct pgcwi_table_counts *counts);

#endif
