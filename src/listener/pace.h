/* SPDX-License-Identifier: MIT */
/*
 * Work that nobody waits for, a tenth of the time: it takes memory's bandwidth
 * and its place in caches from those who are waited for. A reader of 10,000
 * entries kept 0.64 of his hits while a million others were swept without a
 * rest (stress/bench/readers.c).
 */
#ifndef PGCWI_LISTENER_PACE_H
#define PGCWI_LISTENER_PACE_H

#include <stdint.h>

#include "base/clock.h"

/* Long enough that to sleep and to wake up is little beside it. */
#define PGCWI_PACE_WORK_NS PGCWI_NS_PER_MS
#define PGCWI_PACE_REST 9

/* Zeros at first. */
struct pgcwi_pace {
    int64_t worked_ns; /* since the last rest */
    int64_t rests_until_ns;
};

/* Some was done, and there is more. Returns when to go on; 0: at once. */
int64_t pgcwi_pace_work(struct pgcwi_pace *pace, int64_t began_ns,
                        int64_t ended_ns);

#endif
