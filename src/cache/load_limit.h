/* SPDX-License-Identifier: MIT */
/*
 * How many loads of a cache may run at the same time.
 *
 * Model: a load has a place while it runs. A loader gives it back when it
 * returns, a lease when it is filled or abandoned, or loses it when it is
 * overdue. Who finds no place waits in a queue, with a condition of his own.
 * A place that comes free goes to the first of the queue, without being free
 * in between: so nobody overtakes, and nobody who waits is forgotten. Hence
 * also: while anybody waits, every place is taken, and no new lease appears.
 *
 * Nobody watches over leases but those who look for a place: each looks when
 * he comes, and who waits sleeps no longer than until the next lease is
 * overdue, which is the first of the list.
 *
 * Progress: a lock for a few instructions, on misses only, and none without
 * a limit. The lock is the innermost one.
 */
#ifndef PGCWI_CACHE_LOAD_LIMIT_H
#define PGCWI_CACHE_LOAD_LIMIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/rcu.h"

struct pgcwi_load_limit {
    /* immutable after init */
    uint64_t max_loads; /* 0: none */
    pthread_mutex_t lock;
    /* guarded by lock */
    uint64_t running;
    struct cds_list_head waiters; /* in the order in which they came */
    struct cds_list_head leases;  /* with a place; in order of deadlines */
};

/* The place of a lease; guarded by lock. */
struct pgcwi_place {
    struct cds_list_head in_leases;
    int64_t deadline_ns;
    bool is_held;
};

void pgcwi_load_limit_init(struct pgcwi_load_limit *limit, uint64_t max_loads);
/* Nobody has a place any more. */
void pgcwi_load_limit_fini(struct pgcwi_load_limit *limit);

/* A place, if there is one at once. */
bool pgcwi_load_limit_try(struct pgcwi_load_limit *limit);
/* A place, if there is one before the deadline. */
bool pgcwi_load_limit_wait(struct pgcwi_load_limit *limit, int64_t deadline_ns);
/* Give back what either of the two gave. */
void pgcwi_load_limit_give_back(struct pgcwi_load_limit *limit);

/* A place for a lease, if there is one at once; all leases have the same
 * timeout. */
bool pgcwi_load_limit_lease(struct pgcwi_load_limit *limit,
                            struct pgcwi_place *place, int64_t timeout_ns);
/* The lease has ended; it may have lost its place before. */
void pgcwi_load_limit_end_lease(struct pgcwi_load_limit *limit,
                                struct pgcwi_place *place);

#endif
