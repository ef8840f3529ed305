/* SPDX-License-Identifier: MIT */
/*
 * Knows which versions were acknowledged, and when.
 *
 * Model: one writer for each row. What it was not answered counts only when a
 * later version of the row is acknowledged, and then from that moment. So a
 * read that is counted as a violation is one.
 */
#ifndef STRESS_TORTURE_ORACLE_H
#define STRESS_TORTURE_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/listener.h>

#include "cli/demo_histogram.h"
#include "support.h"

/* The first rows are told one by one, the others by table. The last with a
 * key is written by the faults alone. */
#define TORTURE_KEYED_ROWS 49
#define TORTURE_FAULTS_ROW (TORTURE_KEYED_ROWS - 1)
#define TORTURE_PLAIN_ROWS 8
#define TORTURE_ROWS (TORTURE_KEYED_ROWS + TORTURE_PLAIN_ROWS)

#define TORTURE_INTERVAL_MS 20
#define TORTURE_TIMEOUT_MS 100
/* What the bound does not know of: threads that wait for a processor, and a
 * strategy that holds the turn. Unless --slack says otherwise. */
#define TORTURE_SLACK_MS 250

/* All that a row's versions are, from the writer. */
void torture_oracle_acknowledge(uint32_t row, int64_t version);
/* pgcw_listener_sync() has returned PGCW_OK behind this version. */
void torture_oracle_synced(uint32_t row, int64_t version);

/* For the listener. */
void torture_oracle_on_state(void *context, enum pgcw_listener_state state,
                             const char *reason);

/* What is known when a read begins. */
struct torture_read {
    uint32_t row;
    int64_t started_ns;
    int64_t horizon_ns;
    int64_t synced;
    uint64_t state;
};

/* One reader's findings. */
struct torture_findings {
    uint64_t reads;
    uint64_t hits;
    uint64_t fetches;
    uint64_t fetch_failures;
    uint64_t hits_of_old; /* a newer version was acknowledged */
    uint64_t over_bound;
    uint64_t p2;
    uint64_t p6;
    uint64_t p7;
    struct pgcwi_demo_histogram staleness; /* ns, of hits_of_old */
    /* a hit before a state that is still to come */
    uint64_t suspect_state;
};

struct torture_read torture_oracle_begin(const struct pgcw_listener *listener,
                                         uint32_t row);
/* A value that the cache had. */
void torture_oracle_judge_hit(struct stress *stress,
                              struct torture_findings *findings,
                              const struct torture_read *read, int64_t version);
/* A value that may just have been loaded. */
void torture_oracle_judge_load(struct stress *stress,
                               struct torture_findings *findings,
                               const struct torture_read *read,
                               int64_t version);
void torture_oracle_add(struct torture_findings *sum,
                        const struct torture_findings *part);

#endif
