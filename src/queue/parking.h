/* SPDX-License-Identifier: MIT */
/*
 * Where idle workers sleep: an event count.
 *
 * A worker that finds no work calls prepare, looks once more, and then
 * either cancels (there is work) or waits. A producer makes its work visible
 * and then calls wake_one. No wake-up is lost: either the worker's second
 * look sees the work, or the producer sees the worker.
 *
 *     for (;;) {
 *         if ((item = pop(ring)) != NULL) { handle(item); continue; }
 *         ticket = pgcwi_parking_prepare(&parking);
 *         if (has_work(ring)) { pgcwi_parking_cancel(&parking); continue; }
 *         pgcwi_parking_wait(&parking, ticket, deadline_ns);
 *     }
 *
 * Progress: wake_one is one atomic operation and one load while nobody
 * sleeps, else one system call; it takes no lock.
 */
#ifndef PGCWI_QUEUE_PARKING_H
#define PGCWI_QUEUE_PARKING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pgcwi_parking {
    /* shared */
    _Atomic uint32_t wake_count; /* the futex that is slept on */
    _Atomic uint32_t sleeper_count;
};

void pgcwi_parking_init(struct pgcwi_parking *parking);
/* Nobody may sleep there any more. */
void pgcwi_parking_fini(struct pgcwi_parking *parking);

uint32_t pgcwi_parking_prepare(struct pgcwi_parking *parking);
void pgcwi_parking_cancel(struct pgcwi_parking *parking);
/*
 * Sleep until a wake that came after prepare, or the deadline (INT64_MAX:
 * none). False if the deadline ended it. May return early without cause.
 */
bool pgcwi_parking_wait(struct pgcwi_parking *parking, uint32_t ticket,
                        int64_t deadline_ns);

void pgcwi_parking_wake_one(struct pgcwi_parking *parking);
void pgcwi_parking_wake_all(struct pgcwi_parking *parking);

#endif
