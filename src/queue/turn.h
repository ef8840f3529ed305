/* SPDX-License-Identifier: MIT */
/*
 * Apply in order what was decoded in parallel (P5).
 *
 * Messages are numbered 1, 2, 3 … without holes, and each is given to
 * exactly one worker, which calls wait, applies, and calls done. Between
 * wait(n) and done(n) the worker is alone, and sees all that was written in
 * the turns before.
 *
 * Progress: a turn waits for the worker of the number before it; a number
 * that is never done stops all behind it.
 */
#ifndef PGCWI_QUEUE_TURN_H
#define PGCWI_QUEUE_TURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct pgcwi_turn {
    /* shared; written by the worker whose turn it is */
    _Atomic uint64_t applied_number;
    /* guarded by lock: only the sleep itself */
    pthread_mutex_t lock;
    pthread_cond_t next;
    uint32_t waiter_count;
};

void pgcwi_turn_init(struct pgcwi_turn *turn);
void pgcwi_turn_fini(struct pgcwi_turn *turn);

void pgcwi_turn_wait(struct pgcwi_turn *turn, uint64_t number);
void pgcwi_turn_done(struct pgcwi_turn *turn, uint64_t number);
/* Everything up to this number is applied, and what it wrote is visible. */
uint64_t pgcwi_turn_applied(const struct pgcwi_turn *turn);

#endif
