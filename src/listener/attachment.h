/* SPDX-License-Identifier: MIT */
/*
 * The caches of a listener, each with its strategy.
 *
 * Model: the list is changed under both locks, and read under either.
 * apply_lock is held while strategies are called, which may take long;
 * list_lock never is, so the listener's thread, which takes only that one,
 * never waits for a strategy. apply_lock is taken first. A gap is therefore
 * only noted where it is heard; whoever next holds apply_lock tells the
 * strategy, before its next event.
 *
 * Timers: due_ns is the earliest time at which a strategy wants to expire.
 * Whoever may have changed it makes sure that a worker knows: see
 * listener/worker_pool.h.
 *
 * Checked by stress/models/listener.pml, but for timers.
 */
#ifndef PGCWI_LISTENER_ATTACHMENT_H
#define PGCWI_LISTENER_ATTACHMENT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

#include "cache/cache.h"
#include "listener/pace.h"

struct pgcwi_attachments;

struct pgcwi_attachment {
    /* immutable after create */
    struct pgcwi_attachments *all;
    struct pgcw_cache *cache;
    struct pgcw_strategy *strategy;
    /* guarded by both locks */
    struct pgcwi_attachment *next;
    /* guarded by list_lock: of the newest fence */
    struct pgcw_stamp fence_stamp;
    /* shared; set with the list held, cleared with apply_lock held */
    _Atomic bool has_gap;
};

struct pgcwi_attachments {
    pthread_mutex_t apply_lock;
    pthread_mutex_t list_lock;
    /* guarded by both locks */
    struct pgcwi_attachment *first;
    uint32_t foreign_count; /* those whose strategy calls the user */
    /* guarded by list_lock */
    bool is_open;
    struct pgcwi_pace sweeping;
    /* shared; written with apply_lock held. INT64_MAX: never */
    _Atomic int64_t due_ns;
};

void pgcwi_attachments_init(struct pgcwi_attachments *attachments);
void pgcwi_attachments_fini(struct pgcwi_attachments *attachments);

/* In the event's turn: ask each strategy, and invalidate (P5). */
void pgcwi_attachments_apply(struct pgcwi_attachments *attachments,
                             const struct pgcw_event *event);
/* The same in two parts, for who may not wait. False: a strategy may run code
 * of the user's, or somebody is at it. Else apply some, and end. */
bool pgcwi_attachments_try_begin(struct pgcwi_attachments *attachments);
void pgcwi_attachments_apply_begun(struct pgcwi_attachments *attachments,
                                   const struct pgcw_event *event);
void pgcwi_attachments_end(struct pgcwi_attachments *attachments);
/* Ask the strategies that are due; next to nothing if none is. */
void pgcwi_attachments_expire(struct pgcwi_attachments *attachments);
/* When to call expire; INT64_MAX: not until something is applied. */
int64_t pgcwi_attachments_due_ns(const struct pgcwi_attachments *attachments);

/* The next six do not wait for a strategy. */

/* Something may have been lost: every cache is invalid now (P3). */
void pgcwi_attachments_flush(struct pgcwi_attachments *attachments);
/* No cache serves any more (P2). */
void pgcwi_attachments_close(struct pgcwi_attachments *attachments);
/* Flush, then serve. */
void pgcwi_attachments_open(struct pgcwi_attachments *attachments);
/* Just before a fence is sent, and when its answer has brought a position of
 * the primary's WAL, which was looked at in between: a checkpoint. */
void pgcwi_attachments_note_fence(struct pgcwi_attachments *attachments);
void pgcwi_attachments_add_checkpoint(struct pgcwi_attachments *attachments,
                                      uint64_t position);
/* Unlink some invalid entries, unless it rests from that. Returns when to go
 * on; 0: at once; INT64_MAX: there is none. */
int64_t pgcwi_attachments_sweep(struct pgcwi_attachments *attachments);

#endif
