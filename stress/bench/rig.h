/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of cost and growth share: options, keys, a cache of the
 * shared library that is LIVE, time of single hits, and JSON.
 *
 *     program [--repetitions 1..99] [--seconds 1..60] [--quick]
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

#define RIG_KEY_BYTES 16
#define RIG_VALUE_BYTES 32
#define RIG_REPETITIONS_MAX 99
#define RIG_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define RIG_NS_PER_SECOND INT64_C(1000000000)

struct rig {
    unsigned repetitions;
    unsigned seconds; /* of a repetition; 0: as the program thinks fit */
    bool is_quick;
    unsigned result_count;
};

struct rig rig_options(char **argv, unsigned repetitions);

/* Says why, and ends the program. */
_Noreturn void rig_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void rig_progress(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void *rig_allocate(size_t count, size_t bytes);

/* The document: head, results, end. */
void rig_begin(const char *bench, const char *question, const char *loop);
/*
 * One result, of as many figures as there are repetitions; they are sorted.
 * `parameters` is JSON: "name": 1, "name": "text".
 */
void rig_result(struct rig *rig, const char *parameters, const char *metric,
                const char *unit, double *figures);
void rig_end(void);

/* The thread, and those that it starts, stay on this CPU, or on the one
 * of the same number modulo how many there are. */
void rig_stay_on_cpu(unsigned number);
unsigned rig_cpu_count(void);
/* By CLOCK_MONOTONIC; and processor time of the thread. */
int64_t rig_now_ns(void);
int64_t rig_thread_ns(void);

/* The key of a number, in a space of keys that a letter names. */
struct rig_key {
    char bytes[RIG_KEY_BYTES];
};
struct rig_key rig_key_of(char space, uint32_t number);
uint32_t rig_random_below(uint64_t *state, uint32_t limit);

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
