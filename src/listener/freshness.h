/* SPDX-License-Identifier: MIT */
/*
 * What fences prove: the horizon (P6), and the end of a sync (P7).
 *
 * A caller of sync takes a ticket. The listener's thread sends a fence and
 * remembers the newest ticket of before; when the fence is answered it goes
 * through the ring as a message of its own, behind everything that was heard
 * before. When its turn comes, all that is applied.
 *
 * Checked by stress/models/freshness.cpp.
 */
#ifndef PGCWI_LISTENER_FRESHNESS_H
#define PGCWI_LISTENER_FRESHNESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pgcwi_fence {
    uint64_t ticket;
    int64_t sent_at_ns;
};

struct pgcwi_freshness {
    /* shared; written by the worker whose turn it is */
    _Atomic int64_t horizon_ns;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t has_completed; /* on CLOCK_MONOTONIC */
    uint64_t requested_ticket;
    uint64_t completed_ticket;
};

void pgcwi_freshness_init(struct pgcwi_freshness *freshness);
void pgcwi_freshness_fini(struct pgcwi_freshness *freshness);

/* By a caller of sync: a ticket, then wake the listener, then wait. */
uint64_t pgcwi_freshness_request(struct pgcwi_freshness *freshness);
/* False if the deadline came first. */
bool pgcwi_freshness_wait(struct pgcwi_freshness *freshness, uint64_t ticket,
                          int64_t deadline_ns);

/* By the listener's thread, just before it sends a fence: the newest ticket
 * that the fence will serve. */
uint64_t pgcwi_freshness_requested(struct pgcwi_freshness *freshness);

/* In the turn of a fence. */
void pgcwi_freshness_apply(struct pgcwi_freshness *freshness,
                           struct pgcwi_fence fence);

int64_t pgcwi_freshness_horizon_ns(const struct pgcwi_freshness *freshness);

#endif
