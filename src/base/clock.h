/* SPDX-License-Identifier: MIT */
/* Time, which tests can move. */
#ifndef PGCWI_BASE_CLOCK_H
#define PGCWI_BASE_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define PGCWI_NS_PER_MS INT64_C(1000000)
#define PGCWI_NS_PER_US INT64_C(1000)

/* CLOCK_MONOTONIC. */
int64_t pgcwi_clock_monotonic_ns(void);
/* The same to within a few milliseconds, for the price of a load. */
int64_t pgcwi_clock_coarse_ns(void);
/* CPU time of the calling thread. */
int64_t pgcwi_clock_thread_ns(void);
/* Microseconds since the Unix epoch. */
int64_t pgcwi_clock_unix_us(void);
/*
 * Milliseconds for poll() until pgcwi_clock_monotonic_ns() reads deadline_ns,
 * rounded up: not to wake before it and find nothing to do. At most a minute,
 * so the caller looks again; 0 if it has passed.
 */
int pgcwi_clock_poll_ms(int64_t deadline_ns);
/*
 * The point of CLOCK_MONOTONIC for a timed wait that shall end when
 * pgcwi_clock_monotonic_ns() reads deadline_ns.
 */
struct timespec pgcwi_clock_timespec(int64_t deadline_ns);
/* Make a condition whose timed waits end at such a point. */
void pgcwi_clock_init_condition(pthread_cond_t *condition);

#ifdef PGCWI_TESTING
/* Move all clocks forward for every thread, from now on. */
void pgcwi_clock_advance_ns(int64_t nanoseconds);
#endif

#endif
