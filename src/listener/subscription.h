/* SPDX-License-Identifier: MIT */
/*
 * The subscriptions of a listener, each with a queue of its own.
 *
 * Model: one producer, the worker whose turn it is; one consumer for each
 * subscription. The list is guarded by list_lock, a queue by its own lock.
 * Both are held for a copy of one item at most, or a write to an eventfd,
 * which does not block, and never while a callback of the user's runs; so a
 * subscriber that takes slowly, or not at all, delays nobody. list_lock is
 * taken first. The listener's thread takes neither: it hands a gap to the
 * next message of the ring, which is why a mark stands where the loss was.
 *
 * A mark takes no slot: it is a note on the event behind it, or at the end
 * of the queue. So losses without an event between them are one mark, there
 * is always room for one, and a queue of n slots holds n events.
 */
#ifndef PGCWI_LISTENER_SUBSCRIPTION_H
#define PGCWI_LISTENER_SUBSCRIPTION_H

#include <pthread.h>
#include <stdint.h>

#include <pgcachewatch/subscription.h>

struct pgcwi_subscriptions {
    pthread_mutex_t list_lock;
    /* guarded by list_lock */
    struct pgcw_subscription *first;
};

void pgcwi_subscriptions_init(struct pgcwi_subscriptions *subscriptions);
void pgcwi_subscriptions_fini(struct pgcwi_subscriptions *subscriptions);

/* The next two in a turn. */

/* A copy for each subscription. */
void pgcwi_subscriptions_deliver(struct pgcwi_subscriptions *subscriptions,
                                 const struct pgcw_event *event);
/*
 * Events may be missing before what comes next. `number` is that of the
 * message; who subscribed after it was pushed has lost nothing.
 */
void pgcwi_subscriptions_mark(struct pgcwi_subscriptions *subscriptions,
                              uint64_t number, uint32_t gap_reasons);

#endif
