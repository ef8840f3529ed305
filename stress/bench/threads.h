/* SPDX-License-Identifier: MIT */
/* Where threads run, and how much they do. */
#ifndef STRESS_BENCH_THREADS_H
#define STRESS_BENCH_THREADS_H

#include <stdint.h>

/*
 * The calling thread (0), or that of the number (as Linux names it), and what
 * it starts from then on, stay on one of the processors that the process had
 * at its first call: `place` modulo how many these are.
 */
void bench_pin(int thread_id, unsigned place);
/* It runs where it likes again. */
void bench_unpin(int thread_id);

/* Processor time of the calling thread: others do not take part in it. */
int64_t bench_thread_ns(void);
/* That of all threads. */
int64_t bench_process_ns(void);

#endif
