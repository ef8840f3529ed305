/* SPDX-License-Identifier: MIT */
/* A cache that is read, and what others do to it meanwhile. */
#ifndef STRESS_BENCH_READERS_H
#define STRESS_BENCH_READERS_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "rig.h"

#define DRAWN_COUNT (1u << 16)
#define VICTIMS 1000u
#define READERS_MAX 2u

struct scene;

/* What is done to the cache. */
struct disturbance {
    const char *name;
    /* Before a measurement; may be NULL. */
    void (*prepare)(struct scene *scene);
    /* Again and again, by the one who disturbs; may be NULL. */
    void (*step)(struct scene *scene, int64_t now_ns);
    /* By the main thread: waits until it is over; NULL: a fixed time. */
    void (*wait)(struct scene *scene);
};

struct reader {
    struct scene *scene;
    unsigned number;
    bool disturbs;
    struct rig_times times;
    uint64_t hits;
    uint64_t misses;
    double seconds;
    double cpu_seconds;
};

struct scene {
    /* immutable while threads run */
    const struct bench_options *options;
    struct pgcw_listener *listener;
    PGconn *connection;
    struct pgcw_cache *cache;
    uint32_t key_count;
    uint32_t other_count; /* of entries that are invalidated at once */
    struct rig_key *keys;
    uint32_t *drawn;
    struct rig_key victims[VICTIMS];
    const struct disturbance *disturbance;
    int64_t window_ns;
    unsigned reader_count;
    /* owned by the thread that disturbs */
    int64_t begin_ns;
    uint64_t steps;
    uint32_t next_stored;
    /* shared */
    atomic_bool is_over;
    pthread_barrier_t start;
};

/* Store what is read, if it is not there. */
void restore_missing(struct scene *scene);
/* Keys that share no slot with one that is read, nor do their rows. */
void find_victims(struct scene *scene);

extern const struct disturbance quiet;
extern const struct disturbance disturbances[]; /* of the large cache */
extern const unsigned disturbance_count;
extern const struct disturbance eviction; /* of a small one */

#endif
