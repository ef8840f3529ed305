/* SPDX-License-Identifier: MIT */
/*
 * Knows how old a read must not be.
 *
 * Model: each row has a version, which every write raises by one. A writer
 * registers what it is about to commit, by table and start of transaction,
 * which is what an event says of itself; that of the write-ahead log says the
 * row. When the event has been applied by
 * all caches, its registration is found, and the version it tells of is
 * known for that row. A reader asks for the version known before it looks
 * into the cache: what it then gets must not be older.
 *
 * A registration is made before its COMMIT, so the one that belongs to an
 * event is always there. Where several have the same table and microsecond
 * they are all held back until as many events have come: only what is
 * certainly applied becomes known, and a stale read that is counted is one.
 *
 * Ordering: see raise_known() and pgcwi_demo_oracle_known(). Progress: readers
 * take no lock; writers and events take one for a few stores.
 */
#ifndef PGCWI_CLI_DEMO_ORACLE_H
#define PGCWI_CLI_DEMO_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/demo_histogram.h"

#define PGCWI_DEMO_TABLES 16
/* Registrations that may wait for their events. */
#define PGCWI_DEMO_PENDING_MAX 4096

/* Row r, from 0, is in table r % 16 with the id r / 16 + 1. */
static inline uint32_t
pgcwi_demo_table_of(uint64_t row)
{
    return (uint32_t)(row % PGCWI_DEMO_TABLES);
}

static inline int64_t
pgcwi_demo_id_of(uint64_t row)
{
    return (int64_t)(row / PGCWI_DEMO_TABLES) + 1;
}

static inline uint64_t
pgcwi_demo_row_of(uint32_t table, int64_t id)
{
    return ((uint64_t)id - 1) * PGCWI_DEMO_TABLES + table;
}

/* One write: which row became which version, in which transaction. */
struct pgcwi_demo_write {
    uint64_t row;
    int64_t version;
    int64_t sent_at_us;
};

/* What was found out; a copy. */
struct pgcwi_demo_findings {
    uint64_t commits_acknowledged;
    /* Events that belong to a registered commit, and others. */
    uint64_t events_matched;
    uint64_t events_unknown;
    /* Commits whose event has not come yet. */
    uint64_t commits_unheard;
    /* Versions that became known because a sync had returned (P7). */
    uint64_t known_by_sync;
    uint64_t stale_reads;
    /* Of the events with a latency, those applied before the writer had the
     * answer to its COMMIT; they count as 0. */
    uint64_t applied_before_answer;
    /* From the answer to COMMIT until all caches were invalid, in ns. */
    struct pgcwi_demo_histogram latency;
};

struct pgcwi_demo_oracle;

/* All rows have version 1. NULL if there is no memory. */
struct pgcwi_demo_oracle *pgcwi_demo_oracle_create(uint64_t row_count);
void pgcwi_demo_oracle_destroy(struct pgcwi_demo_oracle *oracle);

/* Before COMMIT. False: too many wait; do not commit, try again later. */
bool pgcwi_demo_oracle_register(struct pgcwi_demo_oracle *oracle,
                                struct pgcwi_demo_write write);
/* The COMMIT was answered. */
void pgcwi_demo_oracle_acknowledge(struct pgcwi_demo_oracle *oracle,
                                   struct pgcwi_demo_write write,
                                   int64_t now_ns);
/* Every commit that was answered before `started_ns` is applied now. */
void pgcwi_demo_oracle_synced(struct pgcwi_demo_oracle *oracle,
                              int64_t started_ns);
/* An event was applied by every cache. With triggers it is known by its
 * transaction's start, with the write-ahead log by its row: whose oldest
 * registration is meant, as a row has one writer until he commits. */
void pgcwi_demo_oracle_row_event(struct pgcwi_demo_oracle *oracle, uint64_t row,
                                 int64_t now_ns);
void pgcwi_demo_oracle_event(struct pgcwi_demo_oracle *oracle, uint32_t table,
                             int64_t sent_at_us, int64_t now_ns);

/* Before the read: a version that it must not be below. */
int64_t pgcwi_demo_oracle_known(const struct pgcwi_demo_oracle *oracle,
                                uint64_t row);
/* After the read. False, and counted, if the version is below it. */
bool pgcwi_demo_oracle_judge(struct pgcwi_demo_oracle *oracle, int64_t known,
                             int64_t version);

void pgcwi_demo_oracle_findings(struct pgcwi_demo_oracle *oracle,
                                struct pgcwi_demo_findings *findings);

#endif
