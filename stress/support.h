/* SPDX-License-Identifier: MIT */
/*
 * What the stress programs share: options, a seeded random, a verdict.
 *
 *     program [--threads N] [--seconds N] [--seed N] [--faults N] [--reads N]
 *             [--slack MS] [--rounds N] [--transport notify|wal]
 *             [--callbacks yes|no]
 *
 * `faults` and `reads` are what must be done at least, and `slack` is what a
 * bound is exceeded by at most; each where a program has such. One that has
 * `rounds` does so many, however long it takes. Without `callbacks` no event
 * calls code of the program's.
 *
 * The seed is printed, so that a run can be tried again; the exit code is
 * the verdict: 0 no failure, 1 some, 2 the options were wrong.
 */
#ifndef STRESS_SUPPORT_H
#define STRESS_SUPPORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

struct stress {
    /* immutable after start */
    const char *name;
    unsigned int thread_count;
    unsigned int seconds;
    uint64_t seed;
    uint64_t least_faults;
    uint64_t least_reads;
    uint64_t slack_ms;
    uint64_t round_count;
    enum pgcw_transport transport;
    bool is_without_callbacks;
    int64_t end_ns; /* CLOCK_MONOTONIC */
    /* shared */
    _Atomic uint64_t failure_count;
};

/*
 * Read the options and print them. `thread_count` and `seconds` hold the
 * defaults. Exits if the options are wrong.
 */
void stress_start(struct stress *stress, const char *name, int argc,
                  char **argv);
/* The time begins now, behind what had to be made ready. */
void stress_begin(struct stress *stress);
/* Whether the time is over, or enough has failed. Reads the clock. */
bool stress_is_over(const struct stress *stress);
/* From any thread; the first ten are printed. */
void stress_fail(struct stress *stress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Print what was done and the verdict, and return the exit code. */
int stress_finish(struct stress *stress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* When threads hang and cannot be joined: finish, and end the process. */
_Noreturn void stress_give_up(struct stress *stress, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Run `thread_count` threads and join them. Each gets an element of
 * `contexts`, of `context_bytes` bytes. The time begins now.
 */
typedef void *stress_thread_fn(void *context);
void stress_run_threads(struct stress *stress, stress_thread_fn *run,
                        void *contexts, size_t context_bytes);

/* Random numbers of one thread. */
struct stress_random {
    uint64_t state;
};

/* The same for the same seed and thread, and different for others. */
struct stress_random stress_random_of(const struct stress *stress,
                                      unsigned int thread);
uint64_t stress_random_next(struct stress_random *random);
/* `limit` is at least 1. */
uint32_t stress_random_below(struct stress_random *random, uint32_t limit);
/* Does nothing for up to `limit` short steps: moves a race's window. */
void stress_random_delay(struct stress_random *random, uint32_t limit);

int64_t stress_now_ns(void);

#endif
