/* SPDX-License-Identifier: MIT */
/*
 * Knows which versions were acknowledged, and when.
 *
 * Model: one writer for each row. What it was not answered counts only when a
 * later version of the row is acknowledged, and then from that moment. A load
 * has begun no later than its loader was called, and an event is applied no
 * earlier than the strategy was asked. So a read that is counted as a
 * violation is one.
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
/*
 * All that was acknowledged when the last answered heartbeat was sent has been
 * heard. The next is sent an interval later, but not before that answer, which
 * takes less than the timeout; and it is late a timeout after it was sent.
 */
#define TORTURE_BOUND_MS                                               \
    ((TORTURE_INTERVAL_MS > TORTURE_TIMEOUT_MS ? TORTURE_INTERVAL_MS   \
                                               : TORTURE_TIMEOUT_MS) + \
     TORTURE_TIMEOUT_MS)
/* What the bound does not know of: threads that wait for a processor, and a
 * strategy that holds the turn. Unless --slack says otherwise. */
#define TORTURE_SLACK_MS 250

/* All that a row's versions are, from the writer. */
void torture_oracle_acknowledge(uint32_t row, int64_t version);
/* pgcw_listener_sync() has returned PGCW_OK behind this version. */
void torture_oracle_synced(uint32_t row, int64_t version);

/* An event is about to be applied; by the strategy, in the event's turn. */
void torture_oracle_applies(void);
/* For the listener, with the stress as context: it is. */
void torture_oracle_on_event(void *context, const struct pgcw_event *event);
/* How many events were not applied in their order (P5). */
uint64_t torture_oracle_p5(void);

void torture_oracle_on_state(void *context, enum pgcw_listener_state state,
                             const char *reason);

/* What is done now, for torture_oldest; a literal. */
void torture_oracle_fault(const char *name);

/* What is known when a read begins. */
struct torture_read {
    const struct pgcw_listener *listener;
    uint32_t row;
    int64_t started_ns;
    int64_t horizon_ns;
    int64_t applied_ns; /* the last event of the row, or earlier */
    int64_t synced;
    uint64_t state;
};

/* What is cached. */
struct torture_value {
    int64_t version;
    int64_t begun_ns; /* the load, or later */
};

/* The oldest hit of all. */
struct torture_oldest {
    int64_t age_ns;
    int64_t horizon_age_ns;
    uint64_t round_trip_us; /* of the last answered heartbeat */
    const char *fault;
};

/* One reader's findings. */
struct torture_findings {
    uint64_t reads;
    uint64_t hits;
    uint64_t fetches;
    uint64_t fetch_failures;
    uint64_t hits_of_old; /* a newer version was acknowledged */
    uint64_t over_bound;
    uint64_t p1;
    uint64_t p2;
    uint64_t p6;
    uint64_t p7;
    struct pgcwi_demo_histogram staleness; /* ns, of hits_of_old */
    struct torture_oldest oldest;
    /* a hit before a state that is still to come */
    uint64_t suspect_state;
};

struct torture_read torture_oracle_begin(const struct pgcw_listener *listener,
                                         uint32_t row);
/* A value that the cache had. */
void torture_oracle_judge_hit(struct stress *stress,
                              struct torture_findings *findings,
                              const struct torture_read *read,
                              struct torture_value value);
/* A value that may just have been loaded. */
void torture_oracle_judge_load(struct stress *stress,
                               struct torture_findings *findings,
                               const struct torture_read *read,
                               struct torture_value value);
void torture_oracle_add(struct torture_findings *sum,
                        const struct torture_findings *part);

#endif
