/* SPDX-License-Identifier: MIT */
#include "listener/worker_pool.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/thread.h"
#include "listener/allowance.h"
#include "listener/handling.h"
#include "listener/message.h"
#include "queue/parking.h"
#include "queue/ring.h"

/* After a message with which it helped. Nobody waits for a sweep, and a worker
 * that wakes up is in the way of the next event. */
#define SWEEP_PAUSE_NS (20 * PGCWI_NS_PER_MS)

struct pgcwi_worker_pool {
    /* immutable after start */
    struct pgcwi_worker_pool_options options;
    struct pgcwi_ring *ring;
    struct pgcwi_messages messages;
    uint32_t started_count;
    pthread_t threads[PGCWI_WORKER_MAX];
    /* owned by the listener's thread */
    uint32_t owed_gap_reasons;
    bool is_in_burst;
    struct pgcwi_allowance allowance;
    bool is_sweep_owed;
    int64_t sweep_due_ns; /* INT64_MAX: none */
    struct pgcwi_payload_decoder decoder;
    /* shared */
    struct pgcwi_handling handling;
    _Atomic uint64_t last_number; /* written by the listener's thread */
    struct pgcwi_parking parking;
    _Atomic bool is_stopping;
};

static bool
is_stopping(const struct pgcwi_worker_pool *pool)
{
    /* relaxed: only ends a loop; the join that follows orders the rest */
    return atomic_load_explicit(&pool->is_stopping, memory_order_relaxed);
}

static void
sleep_until_needed(struct pgcwi_worker_pool *pool, int64_t deadline_ns)
{
    uint32_t ticket = pgcwi_parking_prepare(&pool->parking);

    if (pgcwi_ring_count(pool->ring) > 0 || is_stopping(pool)) {
        pgcwi_parking_cancel(&pool->parking);
        return;
    }
    int64_t due_ns = pgcwi_attachments_due_ns(pool->options.attachments);
    (void)pgcwi_parking_wait(&pool->parking, ticket,
                             due_ns < deadline_ns ? due_ns : deadline_ns);
}

/* While there is no message. */
static void
sweep_or_sleep(struct pgcwi_worker_pool *pool)
{
    int64_t goes_on_ns = pgcwi_attachments_sweep(pool->options.attachments);

    if (goes_on_ns > 0) {
        sleep_until_needed(pool, goes_on_ns);
    }
}

static void
work(void *context)
{
    struct pgcwi_worker_pool *pool = context;
    struct pgcwi_attachments *attachments = pool->options.attachments;
    struct pgcwi_payload_decoder decoder = {.same_bytes = 0};
    struct pgcwi_hand hand = {&pool->handling, &decoder, .has_begun = false};

    while (!is_stopping(pool)) {
        struct pgcwi_message *message;

        pgcwi_attachments_expire(attachments);
        message = pgcwi_ring_pop(pool->ring);
        if (message != NULL) {
            pgcwi_handle(&hand, message);
            pgcwi_messages_release(&pool->messages, message);
        } else {
            sweep_or_sleep(pool);
        }
    }
    pgcwi_payload_decoder_fini(&decoder);
}

static enum pgcw_status
start_threads(struct pgcwi_worker_pool *pool)
{
    enum pgcw_status status = PGCW_OK;

    while (pool->started_count < pool->options.worker_count &&
           status == PGCW_OK) {
        uint32_t i = pool->started_count;
        char name[16];

        (void)snprintf(name, sizeof(name), "pgcw:work/%u", (unsigned)(i % 100));
        status = pgcwi_thread_start(&pool->threads[i], name, work, pool);
        if (status == PGCW_OK) {
            pool->started_count++;
        }
    }
    return status;
}

enum pgcw_status
pgcwi_worker_pool_start(const struct pgcwi_worker_pool_options *options,
                        struct pgcwi_worker_pool **pool,
                        struct pgcw_error *error)
{
    struct pgcwi_worker_pool *made = pgcwi_alloc_array(1, sizeof(*made));
    enum pgcw_status status = PGCW_NO_MEMORY;

    if (made == NULL) {
        goto done;
    }
    made->options = *options;
    made->sweep_due_ns = INT64_MAX;
    pgcwi_messages_init(&made->messages);
    pgcwi_allowance_init(&made->allowance);
    pgcwi_parking_init(&made->parking);
    pgcwi_handling_init(&made->handling, &made->options);
    made->ring = pgcwi_ring_create(options->ring_capacity);
    if (made->ring == NULL) {
        goto done;
    }
    status = start_threads(made);
    if (status == PGCW_OK) {
        *pool = made;
        made = NULL; /* the caller owns it now */
    }
done:
    pgcwi_worker_pool_stop(made);
    if (status != PGCW_OK) {
        return pgcwi_error_set(error, status,
                               "the workers could not be started");
    }
    return PGCW_OK;
}

/* Of one that was not handled. */
static void
discard_change(const struct pgcwi_message *message)
{
    if (message->change != NULL) {
        pgcwi_change_fini(message->change);
    }
}

static void
drop_waiting(struct pgcwi_worker_pool *pool)
{
    struct pgcwi_message *message;

    while ((message = pgcwi_ring_pop(pool->ring)) != NULL) {
        discard_change(message);
        pgcwi_messages_release(&pool->messages, message);
    }
}

void
pgcwi_worker_pool_stop(struct pgcwi_worker_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    /* relaxed: see is_stopping() */
    atomic_store_explicit(&pool->is_stopping, true, memory_order_relaxed);
    pgcwi_parking_wake_all(&pool->parking);
    for (uint32_t i = 0; i < pool->started_count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
    if (pool->ring != NULL) {
        drop_waiting(pool);
    }
    pgcwi_ring_destroy(pool->ring);
    pgcwi_messages_fini(&pool->messages);
    pgcwi_payload_decoder_fini(&pool->decoder);
    pgcwi_handling_fini(&pool->handling);
    pgcwi_parking_fini(&pool->parking);
    pgcwi_free(pool);
}

uint64_t
pgcwi_worker_pool_last_number(const struct pgcwi_worker_pool *pool)
{
    /* relaxed: only compared with other numbers; one that is not the newest
     * gives a subscriber more than he asked for */
    return atomic_load_explicit(&pool->last_number, memory_order_relaxed);
}

/* Nobody but this thread gives numbers, so it stays true until it does. */
static bool
is_all_applied(const struct pgcwi_worker_pool *pool)
{
    return pgcwi_turn_applied(&pool->handling.turn) ==
           pgcwi_worker_pool_last_number(pool);
}

/* What an event is to the allowance. */
static size_t
weight(const struct pgcwi_message *message)
{
    return message->change == NULL
               ? message->payload_bytes
               : sizeof(*message->change) + message->change->key_count *
                                                sizeof(*message->change->keys);
}

/* If so, of an event, pgcwi_attachments_try_begin() was true. */
static bool
may_help(struct pgcwi_worker_pool *pool, const struct pgcwi_message *message)
{
    if (!pgcwi_message_is_event(message)) {
        return is_all_applied(pool);
    }
    return pool->is_in_burst &&
           pgcwi_allowance_hear(&pool->allowance, weight(message)) &&
           pool->options.on_event == NULL && is_all_applied(pool) &&
           pgcwi_attachments_try_begin(pool->options.attachments);
}

static void
help(struct pgcwi_worker_pool *pool, const struct pgcwi_message *message)
{
    const struct pgcwi_attachments *attachments = pool->options.attachments;
    bool is_event = pgcwi_message_is_event(message);
    int64_t due_ns = pgcwi_attachments_due_ns(attachments);

    pgcwi_handle(&(struct pgcwi_hand){&pool->handling, &pool->decoder,
                                      .has_begun = is_event},
                 message);
    if (pgcwi_attachments_due_ns(attachments) < due_ns) {
        pgcwi_parking_wake_one(&pool->parking);
    }
    /* behind a fence as well: what the application invalidates, or what has
     * expired, is found with the heartbeats */
    pool->is_sweep_owed = true;
}

/* False: there is no memory, or no room in the ring. */
static bool
enqueue(struct pgcwi_worker_pool *pool, const struct pgcwi_message *message)
{
    struct pgcwi_message *copy = pgcwi_messages_copy(&pool->messages, message);

    if (copy == NULL) {
        return false;
    }
    if (!pgcwi_ring_push(pool->ring, copy)) {
        pgcwi_messages_release(&pool->messages, copy);
        return false;
    }
    return true;
}

/* The message has the number, and the mark of what was lost. */
static void
note_numbered(struct pgcwi_worker_pool *pool, uint64_t number)
{
    pool->owed_gap_reasons = 0;
    /* relaxed: see pgcwi_worker_pool_last_number() */
    atomic_store_explicit(&pool->last_number, number, memory_order_relaxed);
}

/* Takes its change, also if it returns false. */
static bool
push(struct pgcwi_worker_pool *pool, struct pgcwi_message *message)
{
    message->number = pgcwi_worker_pool_last_number(pool) + 1;
    message->gap_reasons = pool->owed_gap_reasons;
    if (may_help(pool, message)) {
        note_numbered(pool, message->number);
        help(pool, message);
        return true;
    }
    if (!enqueue(pool, message)) {
        discard_change(message);
        return false;
    }
    note_numbered(pool, message->number);
    pgcwi_parking_wake_one(&pool->parking);
    pool->is_sweep_owed = false; /* who takes it will, when the ring is empty */
    return true;
}

void
pgcwi_worker_pool_begin_burst(struct pgcwi_worker_pool *pool)
{
    pool->is_in_burst = true;
    pgcwi_allowance_begin(&pool->allowance);
}

void
pgcwi_worker_pool_end_burst(struct pgcwi_worker_pool *pool)
{
    pool->is_in_burst = false;
}

int64_t
pgcwi_worker_pool_settle_sweep(struct pgcwi_worker_pool *pool, int64_t now_ns)
{
    if (!pool->is_sweep_owed) {
        pool->sweep_due_ns = INT64_MAX;
    } else if (pool->sweep_due_ns == INT64_MAX) {
        pool->sweep_due_ns = now_ns + SWEEP_PAUSE_NS;
    } else if (now_ns >= pool->sweep_due_ns) {
        pool->is_sweep_owed = false;
        pool->sweep_due_ns = INT64_MAX;
        pgcwi_parking_wake_one(&pool->parking);
    }
    return pool->sweep_due_ns;
}

void
pgcwi_worker_pool_owe_gap(struct pgcwi_worker_pool *pool,
                          enum pgcw_gap_reason reason)
{
    pool->owed_gap_reasons |= reason;
}

bool
pgcwi_worker_pool_settle_gap(struct pgcwi_worker_pool *pool)
{
    return pool->owed_gap_reasons == 0 ||
           push(pool, &(struct pgcwi_message){.kind = PGCWI_MESSAGE_GAP});
}

bool
pgcwi_worker_pool_push_payload(struct pgcwi_worker_pool *pool,
                               const char *payload, int64_t received_at_us)
{
    return push(pool, &(struct pgcwi_message){
                          .kind = PGCWI_MESSAGE_PAYLOAD,
                          .received_at_us = received_at_us,
                          .payload = payload,
                          .payload_bytes = strlen(payload),
                      });
}

bool
pgcwi_worker_pool_push_change(struct pgcwi_worker_pool *pool,
                              struct pgcwi_change *change,
                              int64_t received_at_us)
{
    return push(pool, &(struct pgcwi_message){
                          .kind = PGCWI_MESSAGE_CHANGE,
                          .received_at_us = received_at_us,
                          .change = change,
                      });
}

bool
pgcwi_worker_pool_push_fence(struct pgcwi_worker_pool *pool,
                             struct pgcwi_fence fence)
{
    return push(pool, &(struct pgcwi_message){.kind = PGCWI_MESSAGE_FENCE,
                                              .fence = fence});
}

void
pgcwi_worker_pool_wake(struct pgcwi_worker_pool *pool)
{
    if (pool != NULL) {
        pgcwi_parking_wake_one(&pool->parking);
    }
}

uint32_t
pgcwi_worker_pool_waiting(const struct pgcwi_worker_pool *pool)
{
    return pgcwi_ring_count(pool->ring);
}
