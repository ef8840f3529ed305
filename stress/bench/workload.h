/* SPDX-License-Identifier: MIT */
/*
 * The keys that are put in, and those that are looked up.
 *
 * Lookups are drawn before they are timed, and stand one behind the other in
 * the order in which they will be asked for: so reading the next key costs no
 * more than reading a request that has just arrived.
 */
#ifndef STRESS_BENCH_WORKLOAD_H
#define STRESS_BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_BYTES 16
#define BENCH_VALUE_BYTES 32
#define BENCH_MOST_THREADS 2

struct bench_key {
    char bytes[BENCH_KEY_BYTES];
};

struct bench_workload {
    struct bench_key *keys; /* each once, in no order */
    uint32_t key_count;
    struct bench_key *drawn[BENCH_MOST_THREADS];
    size_t drawn_count; /* for a thread; a power of two */
};

/* Make the keys; none is drawn yet. */
void bench_workload_init(struct bench_workload *workload, uint32_t key_count,
                         size_t drawn_count);
/* Draw anew: each key as often as another, or by Zipf's law. */
void bench_workload_draw(struct bench_workload *workload, bool is_zipf);
void bench_workload_fini(struct bench_workload *workload);

#endif
