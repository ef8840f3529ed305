/* SPDX-License-Identifier: MIT */
/*
 * listener/subscription (P5, P3): through the ring and several workers, each
 * subscriber takes every event in order, or a mark where some are missing,
 * and no mark elsewhere; who is slow, or comes and goes, changes nothing for
 * the others; and the descriptor wakes whoever waits.
 */
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "listener/listener.h"
#include "support.h"
#include "support/bare_listener.h"

#define STALL_MS 5000

static struct stress stress = {.thread_count = 6, .seconds = 5};
static struct pgcw_listener listener;
static _Atomic bool is_produced;

struct subscriber {
    unsigned int index; /* 0 produces, the last one comes and goes */
    struct stress_random random;
    struct pgcw_subscription *subscription;
    uint64_t last;  /* the number that was taken; 0: none yet */
    bool is_marked; /* after it */
    bool is_late;   /* opened when some had gone by */
    uint64_t event_count;
    uint64_t gap_count;
    uint64_t produced_count; /* of the producer: the last number */
};

static bool
is_over(void)
{
    /*
     * ORDER: the end of production before our last look at the queue.
     * Pairs with: produce(). Without it: the last events seem missing.
     */
    return atomic_load_explicit(&is_produced, memory_order_acquire);
}

static bool
push(const char *table)
{
    char payload[128];

    (void)snprintf(payload, sizeof(payload),
                   "{\"operation\":\"update\",\"table\":\"%s\","
                   "\"sent_at\":\"2026-11-22T18:57:00+00:00\"}",
                   table);
    return pgcwi_worker_pool_push_payload(listener.pool, payload, 1);
}

static void
produce_one(struct subscriber *producer, uint64_t number)
{
    char table[24];
    uint32_t fate = stress_random_below(&producer->random, 1000);

    (void)snprintf(table, sizeof(table), "%" PRIu64, number);
    if (fate == 0) {
        /* this number is lost, if the ring takes it or not */
        if (!pgcwi_worker_pool_push_payload(listener.pool, "garbage", 1)) {
            pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_DROPPED);
        }
    } else if (fate == 1 || !push(table)) {
        pgcwi_worker_pool_owe_gap(listener.pool, PGCW_GAP_DROPPED);
    }
    if (fate < 300) {
        (void)pgcwi_worker_pool_settle_gap(listener.pool);
    }
}

/* Now and then so slowly that the others have nothing to take. */
static void
rest(struct stress_random *random)
{
    if (stress_random_below(random, 64) == 0) {
        sched_yield();
    }
    if (stress_random_below(random, 4096) == 0) {
        (void)poll(NULL, 0, (int)stress_random_below(random, 4));
    }
    stress_random_delay(random, 200);
}

static void
drain(void)
{
    uint64_t ticket = pgcwi_freshness_request(&listener.freshness);
    struct pgcwi_fence fence = {ticket, 1};

    while (!pgcwi_worker_pool_push_fence(listener.pool, fence)) {
        sched_yield();
    }
    if (!pgcwi_freshness_wait(&listener.freshness, ticket,
                              pgcwi_clock_monotonic_ns() +
                                  STALL_MS * PGCWI_NS_PER_MS)) {
        stress_give_up(&stress, "what was pushed is not applied");
    }
}

static void
produce(struct subscriber *producer)
{
    while (!stress_is_over(&stress)) {
        produce_one(producer, ++producer->produced_count);
        rest(&producer->random);
    }
    drain();
    /*
     * ORDER: what was delivered before the end of production.
     * Pairs with: is_over(). Without it: see there.
     */
    atomic_store_explicit(&is_produced, true, memory_order_release);
}

static void
check_event(struct subscriber *subscriber, const struct pgcw_event *event)
{
    uint64_t number = strtoull(event->table, NULL, 10);
    bool is_first = subscriber->last == 0 && subscriber->is_late;
    bool is_jump = number != subscriber->last + 1;

    if (number <= subscriber->last) {
        stress_fail(&stress, "%u: %" PRIu64 " after %" PRIu64,
                    subscriber->index, number, subscriber->last);
    } else if (!is_first && is_jump != subscriber->is_marked) {
        stress_fail(&stress, "%u: %" PRIu64 " after %" PRIu64 " %s a mark",
                    subscriber->index, number, subscriber->last,
                    is_jump ? "without" : "with");
    }
    subscriber->last = number;
    subscriber->is_marked = false;
    subscriber->event_count++;
}

static void
check_gap(struct subscriber *subscriber, uint32_t reasons)
{
    /* after a mark there may be another: more was lost since it was taken */
    if (reasons == 0) {
        stress_fail(&stress, "%u: a mark without a reason", subscriber->index);
    }
    subscriber->is_marked = true;
    subscriber->gap_count++;
}

/* False if there was none within the time. */
static bool
take(struct subscriber *subscriber, uint32_t timeout_ms)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    if (pgcw_subscription_next(subscriber->subscription, timeout_ms, &item) !=
        PGCW_OK) {
        return false;
    }
    if (item.kind == PGCW_ITEM_EVENT) {
        check_event(subscriber, item.event);
    } else {
        check_gap(subscriber, item.gap_reasons);
    }
    return true;
}

static bool
is_readable(const struct subscriber *subscriber, int timeout_ms)
{
    struct pollfd fd = {
        .fd = pgcw_subscription_fd(subscriber->subscription),
        .events = POLLIN,
    };

    return poll(&fd, 1, timeout_ms) == 1;
}

/* As an event loop does; what waits stays, as nobody else takes. */
static void
take_what_is_readable(struct subscriber *subscriber)
{
    if (is_readable(subscriber, 20) && !take(subscriber, 0)) {
        stress_fail(&stress, "%u: readable, and nothing waits",
                    subscriber->index);
    }
}

/* When nothing comes any more. */
static void
take_rest(struct subscriber *subscriber)
{
    bool is_taken;

    do {
        bool was_readable = is_readable(subscriber, 0);

        is_taken = take(subscriber, 0);
        if (is_taken != was_readable) {
            stress_fail(&stress, "%u: %s, and %s waits", subscriber->index,
                        was_readable ? "readable" : "not readable",
                        is_taken ? "something" : "nothing");
        }
    } while (is_taken);
}

static void
subscribe(struct subscriber *subscriber, uint64_t capacity)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;

    options.capacity = capacity;
    if (pgcw_subscription_open(&listener, &options, &subscriber->subscription,
                               NULL) != PGCW_OK) {
        stress_give_up(&stress, "no subscription");
    }
}

static void
take_until_over(struct subscriber *subscriber)
{
    bool is_slow = subscriber->index % 2 == 1;

    while (!is_over()) {
        if (stress_random_below(&subscriber->random, 2) == 0) {
            take_what_is_readable(subscriber);
        } else {
            (void)take(subscriber, 20);
        }
        if (is_slow) {
            rest(&subscriber->random);
            stress_random_delay(&subscriber->random, 20000);
        }
    }
    take_rest(subscriber);
}

static void
come_and_go(struct subscriber *subscriber)
{
    struct stress_random *random = &subscriber->random;

    subscriber->is_late = true;
    while (!is_over()) {
        uint32_t count = stress_random_below(random, 100);

        subscriber->last = 0;
        subscriber->is_marked = false;
        subscribe(subscriber, 1 + stress_random_below(random, 8));
        while (count-- > 0 && take(subscriber, 1)) {
        }
        pgcw_subscription_close(subscriber->subscription);
    }
}

static void *
run(void *context)
{
    struct subscriber *subscriber = context;

    if (subscriber->index == 0) {
        produce(subscriber);
    } else if (subscriber->index == stress.thread_count - 1) {
        come_and_go(subscriber);
    } else {
        take_until_over(subscriber);
    }
    return NULL;
}

static void
start_pool(void)
{
    bare_listener_init(&listener);
    struct pgcwi_worker_pool_options options =
        bare_listener_pool_options(&listener, 3, 64);
    if (pgcwi_worker_pool_start(&options, &listener.pool, NULL) != PGCW_OK) {
        stress_give_up(&stress, "no workers");
    }
}

/* The last of the numbers was taken, or a mark in its place. */
static void
check_end(const struct subscriber *subscriber, uint64_t produced_count)
{
    if ((subscriber->last == produced_count) == subscriber->is_marked) {
        stress_fail(&stress,
                    "%u: ends with %" PRIu64 " of %" PRIu64 " %s a mark",
                    subscriber->index, subscriber->last, produced_count,
                    subscriber->is_marked ? "with" : "without");
    }
}

int
main(int argc, char **argv)
{
    struct subscriber *subscribers;
    uint64_t event_count = 0;
    uint64_t gap_count = 0;

    stress_start(&stress, "subscription_order", argc, argv);
    if (stress.thread_count < 3) {
        stress.thread_count = 3;
    }
    subscribers = calloc(stress.thread_count, sizeof *subscribers);
    if (subscribers == NULL) {
        stress_give_up(&stress, "memory is short");
    }
    start_pool();
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        subscribers[i].index = i;
        subscribers[i].random = stress_random_of(&stress, i);
        if (i > 0 && i < stress.thread_count - 1) {
            subscribe(&subscribers[i], i == 1 ? 1 : UINT64_C(1) << (3 * i));
        }
    }
    stress_run_threads(&stress, run, subscribers, sizeof *subscribers);
    for (unsigned int i = 1; i < stress.thread_count; i++) {
        event_count += subscribers[i].event_count;
        gap_count += subscribers[i].gap_count;
        if (i < stress.thread_count - 1) {
            check_end(&subscribers[i], subscribers[0].produced_count);
            pgcw_subscription_close(subscribers[i].subscription);
        }
    }
    pgcwi_worker_pool_stop(listener.pool);
    uint64_t produced_count = subscribers[0].produced_count;
    free(subscribers);
    return stress_finish(
        &stress, "%" PRIu64 " produced, %" PRIu64 " taken, %" PRIu64 " marks",
        produced_count, event_count, gap_count);
}
