/* SPDX-License-Identifier: MIT */
/*
 * Ordering: a version's time is there before the version is the newest; a
 * slot that was used again has a later time, which accuses nobody. Progress:
 * readers take no lock, and look at no clock but once.
 */
#include "torture_oracle.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define VERSIONS 1024
#define STATES 4096
#define STATE_BITS 3
#define STATE_MASK 7u

struct row {
    _Atomic int64_t newest;
    _Atomic int64_t synced;
    _Atomic int64_t applied_ns;
    _Atomic int64_t at_ns[VERSIONS];
};

static struct row rows[TORTURE_ROWS];
/* owned by the worker whose turn it is: now, or a little earlier */
static _Atomic int64_t applying_ns;
static _Atomic uint64_t last_event;
static _Atomic uint64_t p5;
static _Atomic(const char *) fault_now;
/* How many states there were, and the newest in the lower bits. */
static _Atomic uint64_t state_now;
static _Atomic int states[STATES];

void
torture_oracle_acknowledge(uint32_t row, int64_t version)
{
    struct row *of = &rows[row];
    int64_t now_ns = stress_now_ns();
    /* relaxed: only this writer writes it */
    int64_t before = atomic_load_explicit(&of->newest, memory_order_relaxed);
    int64_t first =
        version - before > VERSIONS ? version - VERSIONS + 1 : before + 1;

    for (int64_t i = first; i <= version; i++) {
        /* relaxed: published by the version below */
        atomic_store_explicit(&of->at_ns[i % VERSIONS], now_ns,
                              memory_order_relaxed);
    }
    /* ORDER: the times before the version. Pairs with: oldest_unseen_ns().
     * Without it: a reader takes the time of a version that was before. */
    atomic_store_explicit(&of->newest, version, memory_order_release);
}

void
torture_oracle_synced(uint32_t row, int64_t version)
{
    /* ORDER: the sync before the version. Pairs with: torture_oracle_begin().
     * Without it: a right read is judged by a sync that comes after it. */
    atomic_store_explicit(&rows[row].synced, version, memory_order_release);
}

void
torture_oracle_applies(void)
{
    /* relaxed: read in the same turn */
    atomic_store_explicit(&applying_ns, stress_now_ns(), memory_order_relaxed);
}

static void
note_applied(uint32_t row)
{
    /* relaxed: as above */
    int64_t at_ns = atomic_load_explicit(&applying_ns, memory_order_relaxed);

    /* ORDER: the event applied before its time. Pairs with:
     * torture_oracle_begin(). Without it: a read before it is judged by it. */
    atomic_store_explicit(&rows[row].applied_ns, at_ns, memory_order_release);
}

static void
judge_turn(struct stress *stress, uint64_t number)
{
    /* relaxed: one turn after the other, or the order is broken */
    uint64_t before =
        atomic_exchange_explicit(&last_event, number, memory_order_relaxed);

    if (number <= before) {
        /* relaxed: a count, read after the join */
        atomic_fetch_add_explicit(&p5, 1, memory_order_relaxed);
        stress_fail(stress, "P5: event %" PRIu64 " came after %" PRIu64, number,
                    before);
    }
}

uint64_t
torture_oracle_p5(void)
{
    /* relaxed: as above */
    return atomic_load_explicit(&p5, memory_order_relaxed);
}

void
torture_oracle_on_event(void *context, const struct pgcw_event *event)
{
    bool is_keyed = strcmp(event->table, "keyed") == 0;
    uint32_t first = is_keyed ? 0 : TORTURE_KEYED_ROWS;
    uint32_t end = is_keyed ? TORTURE_KEYED_ROWS : TORTURE_ROWS;

    judge_turn(context, event->number);
    if (!is_keyed && strcmp(event->table, "plain") != 0) {
        return;
    }
    for (size_t i = 0; i < event->key_count; i++) {
        unsigned long id = strtoul(event->keys[i].data, NULL, 10);

        if (id >= 1 && id <= end - first) {
            note_applied(first + (uint32_t)id - 1);
        }
    }
    for (uint32_t row = first; row < end && event->key_count == 0; row++) {
        note_applied(row);
    }
}

void
torture_oracle_fault(const char *name)
{
    /* relaxed: a literal */
    atomic_store_explicit(&fault_now, name, memory_order_relaxed);
}

void
torture_oracle_on_state(void *context, enum pgcw_listener_state state,
                        const char *reason)
{
    /* relaxed: only this thread writes it */
    uint64_t number =
        (atomic_load_explicit(&state_now, memory_order_relaxed) >> STATE_BITS) +
        1;

    (void)context;
    (void)reason;
    /* relaxed: published by the number below */
    atomic_store_explicit(&states[number % STATES], (int)state,
                          memory_order_relaxed);
    /* ORDER: the caches closed before the state. Pairs with: load_state().
     * Without it: a hit before they closed seems to be one behind it. */
    atomic_store_explicit(&state_now,
                          number << STATE_BITS | (unsigned int)state,
                          memory_order_release);
}

/* ORDER: the state before what we then look at. Pairs with:
 * torture_oracle_on_state(). Without it: see there. */
static uint64_t
load_state(void)
{
    return atomic_load_explicit(&state_now, memory_order_acquire);
}

struct torture_read
torture_oracle_begin(const struct pgcw_listener *listener, uint32_t row)
{
    struct torture_read read = {.listener = listener, .row = row};

    /* ORDER: what is known before the read. Pairs with:
     * torture_oracle_synced(). Without it: see there. */
    read.synced = atomic_load_explicit(&rows[row].synced, memory_order_acquire);
    /* ORDER: the same. Pairs with: note_applied(). Without it: see there. */
    read.applied_ns =
        atomic_load_explicit(&rows[row].applied_ns, memory_order_acquire);
    read.horizon_ns = pgcw_listener_horizon_ns(listener);
    read.state = load_state();
    read.started_ns = stress_now_ns();
    return read;
}

/* When the oldest version newer than this one was acknowledged, or later;
 * INT64_MAX: there is none. */
static int64_t
oldest_unseen_ns(uint32_t row, int64_t version)
{
    struct row *of = &rows[row];
    /* ORDER: the version before its time. Pairs with:
     * torture_oracle_acknowledge(). Without it: see there. */
    int64_t newest = atomic_load_explicit(&of->newest, memory_order_acquire);
    int64_t next = version + 1;

    if (next > newest) {
        return INT64_MAX;
    }
    if (newest - next >= VERSIONS) {
        next = newest - VERSIONS + 1;
    }
    /* relaxed: ordered by the version */
    return atomic_load_explicit(&of->at_ns[next % VERSIONS],
                                memory_order_relaxed);
}

/* A hit while the caches were to be closed. They open a moment before LIVE
 * is told; so what comes next decides. */
static void
judge_suspect(struct stress *stress, struct torture_findings *findings)
{
    uint64_t suspect = findings->suspect_state;
    uint64_t next = (suspect >> STATE_BITS) + 1;

    if (suspect == 0 || load_state() >> STATE_BITS < next) {
        return;
    }
    findings->suspect_state = 0;
    /* relaxed: ordered by load_state() */
    int came =
        atomic_load_explicit(&states[next % STATES], memory_order_relaxed);
    if (came != PGCW_LISTENER_LIVE) {
        findings->p2++;
        stress_fail(stress, "P2: a hit while %s, and %s came next",
                    pgcw_listener_state_text(suspect & STATE_MASK),
                    pgcw_listener_state_text((enum pgcw_listener_state)came));
    }
}

static void
judge_state(struct stress *stress, struct torture_findings *findings,
            const struct torture_read *read)
{
    if ((read->state & STATE_MASK) != PGCW_LISTENER_LIVE &&
        load_state() == read->state) {
        findings->suspect_state = read->state;
    }
    judge_suspect(stress, findings);
}

static void
judge_order(struct stress *stress, struct torture_findings *findings,
            const struct torture_read *read, int64_t version)
{
    int64_t unseen_ns = oldest_unseen_ns(read->row, version);

    if (version < read->synced) {
        findings->p7++;
        stress_fail(stress,
                    "P7: row %" PRIu32 " gave %" PRId64 ", %" PRId64
                    " was synced",
                    read->row, version, read->synced);
    }
    if (unseen_ns < read->horizon_ns) {
        findings->p6++;
        stress_fail(stress,
                    "P6: row %" PRIu32 " gave %" PRId64
                    ", a newer one was acknowledged %" PRId64
                    " us before the horizon",
                    read->row, version, (read->horizon_ns - unseen_ns) / 1000);
    }
}

/* The load began before an event that was applied before the read. */
static void
judge_load_time(struct stress *stress, struct torture_findings *findings,
                const struct torture_read *read, int64_t begun_ns)
{
    if (begun_ns < read->applied_ns) {
        findings->p1++;
        stress_fail(stress,
                    "P1: row %" PRIu32 " gave what was loaded %" PRId64
                    " us before an event",
                    read->row, (read->applied_ns - begun_ns) / 1000);
    }
}

static void
note_oldest(struct torture_oldest *oldest, const struct torture_read *read,
            int64_t age_ns)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    if (age_ns <= oldest->age_ns) {
        return;
    }
    pgcw_listener_read_stats(read->listener, &stats);
    *oldest = (struct torture_oldest){
        .age_ns = age_ns,
        .horizon_age_ns = read->started_ns - read->horizon_ns,
        .round_trip_us = stats.fence_round_trip_us,
        /* relaxed: a literal */
        .fault = atomic_load_explicit(&fault_now, memory_order_relaxed),
    };
}

static void
judge_age(struct stress *stress, struct torture_findings *findings,
          const struct torture_read *read, int64_t version)
{
    const int64_t bound_ns =
        INT64_C(1000000) * (TORTURE_BOUND_MS + (int64_t)stress->slack_ms);
    int64_t unseen_ns = oldest_unseen_ns(read->row, version);

    if (unseen_ns >= read->started_ns) {
        return;
    }
    int64_t age_ns = read->started_ns - unseen_ns;
    findings->hits_of_old++;
    pgcwi_demo_histogram_add(&findings->staleness, (uint64_t)age_ns);
    note_oldest(&findings->oldest, read, age_ns);
    if (age_ns > bound_ns) {
        findings->over_bound++;
        stress_fail(stress,
                    "P6: a hit of row %" PRIu32 " was %" PRId64
                    " us old while %s",
                    read->row, age_ns / 1000,
                    pgcw_listener_state_text(read->state & STATE_MASK));
    }
}

void
torture_oracle_judge_hit(struct stress *stress,
                         struct torture_findings *findings,
                         const struct torture_read *read,
                         struct torture_value value)
{
    findings->hits++;
    judge_order(stress, findings, read, value.version);
    judge_load_time(stress, findings, read, value.begun_ns);
    judge_age(stress, findings, read, value.version);
    judge_state(stress, findings, read);
}

void
torture_oracle_judge_load(struct stress *stress,
                          struct torture_findings *findings,
                          const struct torture_read *read,
                          struct torture_value value)
{
    findings->fetches++;
    judge_order(stress, findings, read, value.version);
    judge_load_time(stress, findings, read, value.begun_ns);
    judge_suspect(stress, findings);
}

static void
add_histogram(struct pgcwi_demo_histogram *sum,
              const struct pgcwi_demo_histogram *part)
{
    sum->total += part->total;
    if (part->largest > sum->largest) {
        sum->largest = part->largest;
    }
    for (size_t i = 0; i < PGCWI_DEMO_HISTOGRAM_BUCKETS; i++) {
        sum->counts[i] += part->counts[i];
    }
}

void
torture_oracle_add(struct torture_findings *sum,
                   const struct torture_findings *part)
{
    sum->reads += part->reads;
    sum->hits += part->hits;
    sum->fetches += part->fetches;
    sum->fetch_failures += part->fetch_failures;
    sum->hits_of_old += part->hits_of_old;
    sum->over_bound += part->over_bound;
    sum->p1 += part->p1;
    sum->p2 += part->p2;
    sum->p6 += part->p6;
    sum->p7 += part->p7;
    if (part->oldest.age_ns > sum->oldest.age_ns) {
        sum->oldest = part->oldest;
    }
    add_histogram(&sum->staleness, &part->staleness);
}
