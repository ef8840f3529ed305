/* SPDX-License-Identifier: MIT */
/* Threads of the library: named, and deaf to signals. */
#ifndef PGCWI_BASE_THREAD_H
#define PGCWI_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include <pgcachewatch/status.h>

typedef void pgcwi_thread_fn(void *context);

/*
 * Start a thread that runs `run(context)` with all signals blocked. `name`
 * has at most 15 bytes. Stop it with pthread_join().
 */
PGCW_MUST_CHECK enum pgcw_status pgcwi_thread_start(pthread_t *thread,
                                                    const char *name,
                                                    pgcwi_thread_fn *run,
                                                    void *context);

/*
 * Around a call that may start a thread of another library: a thread
 * inherits the mask, and that one shall get no signal either.
 */
void pgcwi_thread_block_signals(sigset_t *callers);
void pgcwi_thread_restore_signals(const sigset_t *callers);

/* Whether the caller is a thread of the library. */
bool pgcwi_thread_is_ours(void);

#endif
