/* SPDX-License-Identifier: MIT */
/*
 * The ring and the threads behind it.
 *
 * Model: one producer, the listener's thread, numbers the messages that the
 * ring takes. Each is popped by one worker, decoded there, and applied when
 * its turn comes. A message that the ring does not take gets no number, so
 * the numbers have no hole. Idle workers sweep, a tenth of the time
 * (listener/pace.h), and sleep.
 *
 * Helping: to wake a worker takes as long as the notification itself. So the
 * listener's thread handles a message itself, before it would go into the
 * ring, if everything that has a number is applied. Then nobody has a message
 * or waits for a turn, and none can come but from this thread: the turn is
 * its own, by the same look at the same number that a worker takes. It does
 * so only where no code of the user's could run, nor hold a lock that is
 * needed, and as long as it has an allowance (listener/allowance.h); the rest
 * goes into the ring. So it always comes back to its socket soon (P8).
 *
 * Measured beside the other way, workers that look at the ring for 50 µs before
 * they sleep (stress/bench/drain.c and latency.c, two processors): of many
 * small transactions, a notification takes 6 µs of CPU time if the listener's
 * thread helps, 15 if it wakes workers, 35 if these look; a raw libpq loop
 * takes 3 to 5. Waking adds some 25 µs to the latency at its median, helping
 * less than one. Looking brings nothing where the processors are busy: it takes
 * the time from those that the event waits for.
 *
 * Of 100,000 events of one transaction it hears about half as many a second as
 * that loop: libpq's part of each is 0.4 µs, ours as much again, half of which
 * is the miss on the slot of a row that nobody has looked at. Workers beside it
 * come to the same rate there with twice the CPU time, as the server needs one
 * of the two processors.
 *
 * Timers: a worker looks at due_ns of the attachments before each message
 * and before it sleeps, and sleeps no longer. None is missed, though other
 * workers may sleep already, until a later time:
 * - Applying or expiring changed due_ns: a worker did that, and the same one
 *   goes on to look at it, or at what another has made of it since, who does
 *   likewise. The one who changed it last is awake, or sleeps until then.
 * - A new cache changed it, or the listener's thread, when it helped, made it
 *   earlier: they call wake, which counts as work. By the rule of the parking,
 *   a worker wakes up, or took its ticket later; and a worker looks at due_ns
 *   after it took its ticket.
 * A worker that a push wakes up before its time looks again afterwards.
 */
#ifndef PGCWI_LISTENER_WORKER_POOL_H
#define PGCWI_LISTENER_WORKER_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/listener.h>

#include "base/log.h"
#include "event/payload.h"
#include "listener/attachment.h"
#include "listener/counters.h"
#include "listener/freshness.h"
#include "listener/subscription.h"

#define PGCWI_WORKER_MAX 64

/* All of it must outlive the pool. */
struct pgcwi_worker_pool_options {
    uint32_t worker_count;
    uint32_t ring_capacity;
    const char *channel;
    struct pgcwi_attachments *attachments;
    struct pgcwi_subscriptions *subscriptions;
    struct pgcwi_freshness *freshness;
    struct pgcwi_listener_counters *counters;
    struct pgcwi_log *log;
    uint64_t max_latency_ms; /* 0: none is late */
    pgcw_event_fn *on_event; /* may be NULL */
    void *on_event_context;
};

struct pgcwi_worker_pool;

PGCW_MUST_CHECK enum pgcw_status
pgcwi_worker_pool_start(const struct pgcwi_worker_pool_options *options,
                        struct pgcwi_worker_pool **pool,
                        struct pgcw_error *error);
/* What waits in the ring is dropped. Accepts NULL. */
void pgcwi_worker_pool_stop(struct pgcwi_worker_pool *pool);

/* Of the newest message that was pushed; from any thread. */
uint64_t pgcwi_worker_pool_last_number(const struct pgcwi_worker_pool *pool);

/* The next eight by one thread. False if the message could not be taken:
 * the ring is full, or memory is short. */
bool pgcwi_worker_pool_push_payload(struct pgcwi_worker_pool *pool,
                                    const char *payload,
                                    int64_t received_at_us);
/* Takes the change, also if it returns false. */
bool pgcwi_worker_pool_push_change(struct pgcwi_worker_pool *pool,
                                   struct pgcwi_change *change,
                                   int64_t received_at_us);
bool pgcwi_worker_pool_push_fence(struct pgcwi_worker_pool *pool,
                                  struct pgcwi_fence fence);
/* Something was lost here: the message that is pushed next tells the
 * subscriptions, in its turn, before anything else. */
void pgcwi_worker_pool_owe_gap(struct pgcwi_worker_pool *pool,
                               enum pgcw_gap_reason reason);
/* Push a message just for that; false if it is still owed. */
bool pgcwi_worker_pool_settle_gap(struct pgcwi_worker_pool *pool);

/* Around what one read of the socket brings. Outside of a burst no event is
 * helped with. */
void pgcwi_worker_pool_begin_burst(struct pgcwi_worker_pool *pool);
void pgcwi_worker_pool_end_burst(struct pgcwi_worker_pool *pool);
/* After a while, wake a worker to sweep what was invalidated when this thread
 * helped. Returns when to call again; INT64_MAX: not until it has helped. */
int64_t pgcwi_worker_pool_settle_sweep(struct pgcwi_worker_pool *pool,
                                       int64_t now_ns);

/* From any thread, after the strategies' timers have changed. Accepts NULL. */
void pgcwi_worker_pool_wake(struct pgcwi_worker_pool *pool);

uint32_t pgcwi_worker_pool_waiting(const struct pgcwi_worker_pool *pool);

#endif
