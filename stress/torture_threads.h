/* SPDX-License-Identifier: MIT */
/* Those who write and those who read. */
#ifndef STRESS_TORTURE_THREADS_H
#define STRESS_TORTURE_THREADS_H

#include <stdatomic.h>
#include <stdbool.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "torture_oracle.h"

#define TORTURE_WRITERS 2

/* What all threads have in common. */
struct torture {
    /* immutable after start */
    struct stress *stress;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    /* shared */
    atomic_bool is_over;
    _Atomic int64_t stalled_until_ns; /* the strategy does nothing until */
    _Atomic(const char *) dsn;        /* of the server that is the primary */
    _Atomic uint32_t loading; /* a row that was read and is not stored, + 1 */
    _Atomic uint64_t commits;
    _Atomic uint64_t unanswered; /* commits of which nothing is known */
    _Atomic uint64_t syncs;
};

struct torture_thread {
    struct torture *torture;
    unsigned int number;
    struct torture_findings findings;
};

void *torture_write(void *context);
void *torture_read_rows(void *context);

#endif
