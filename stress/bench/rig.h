/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of cost and growth share: keys, a cache of the shared
 * library that is LIVE, and the time of single hits.
 *
 * They need a PostgreSQL server (PGHOST and the like): a cache serves only
 * while its listener is LIVE.
 */
#ifndef STRESS_BENCH_RIG_H
#define STRESS_BENCH_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/pgcachewatch.h>

#include "results.h"

#define RIG_KEY_BYTES 16
#define RIG_VALUE_BYTES 32

#define RIG_NS_PER_SECOND INT64_C(1000000000)

/* A result of ours: of as many figures as there are repetitions. */
void rig_result(const struct bench_options *options, const char *parameters,
                const char *metric, const char *unit, double *figures);

/* The key of a number, in a space of keys that a letter names. */
struct rig_key {
    char bytes[RIG_KEY_BYTES];
};
struct rig_key rig_key_of(char space, uint32_t number);

struct pgcw_listener *rig_open_listener(void);
struct pgcw_cache *rig_open_cache(struct pgcw_listener *listener,
                                  uint64_t max_entries);
/* A value that depends on the row of its own key in that table. */
enum pgcw_status rig_put(struct pgcw_cache *cache, const struct rig_key *key,
                         const char *table);
/* True for a hit, whose value is looked at. A read section of its own. */
bool rig_is_hit(struct pgcw_cache *cache, const struct rig_key *key);

/*
 * How long single hits take. The time that taking the time takes, measured
 * beforehand, is taken off each.
 */
#define RIG_TIMES_STEPS 32u
#define RIG_TIMES_COUNT (RIG_TIMES_STEPS * 40u)
struct rig_times {
    uint64_t count;
    uint64_t longest_ticks;
    uint32_t counts[RIG_TIMES_COUNT];
};

/* To be called once, before the others. */
void rig_times_calibrate(void);
uint64_t rig_ticks(void);
double rig_ticks_to_ns(uint64_t ticks);
void rig_times_add(struct rig_times *times, uint64_t ticks);
/* That of `share` of them is no longer, in nanoseconds. */
double rig_times_quantile_ns(const struct rig_times *times, double share);

#endif
