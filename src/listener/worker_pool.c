/* SPDX-License-Identifier: MIT */
#include "listener/worker_pool.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"
#include "base/thread.h"
#include "listener/latency.h"
#include "queue/parking.h"
#include "queue/ring.h"
#include "queue/turn.h"

enum message_kind {
    MESSAGE_PAYLOAD,
    MESSAGE_CHANGE,
    MESSAGE_FENCE,
    MESSAGE_GAP
};

struct message {
    uint64_t number;
    enum message_kind kind;
    uint32_t gap_reasons; /* what was lost just before it */
    struct pgcwi_fence fence;
    int64_t received_at_us;
    struct pgcwi_change *change; /* in the same block of memory */
    size_t payload_bytes;
    char payload[];
};

struct pgcwi_worker_pool {
    /* immutable after start */
    struct pgcwi_worker_pool_options options;
    struct pgcwi_ring *ring;
    uint32_t started_count;
    pthread_t threads[PGCWI_WORKER_MAX];
    /* owned by the listener's thread */
    uint32_t owed_gap_reasons;
    /* owned by the worker whose turn it is */
    struct pgcwi_latency latency;
    /* shared */
    _Atomic uint64_t last_number; /* written by the listener's thread */
    struct pgcwi_parking parking;
    struct pgcwi_turn turn;
    _Atomic bool is_stopping;
};

static bool
is_stopping(const struct pgcwi_worker_pool *pool)
{
    /* relaxed: only ends a loop; the join that follows orders the rest */
    return atomic_load_explicit(&pool->is_stopping, memory_order_relaxed);
}

static void
apply_change(struct pgcwi_worker_pool *pool, const struct message *message,
             const struct pgcwi_change *change)
{
    const struct pgcwi_worker_pool_options *options = &pool->options;
    struct pgcw_event event = {
        .operation = change->operation,
        .number = message->number,
        .channel = options->channel,
        .schema = change->schema,
        .table = change->table,
        .sent_at_us = change->sent_at_us,
        .received_at_us = message->received_at_us,
        .keys = change->keys,
        .key_count = change->key_count,
    };

    pgcwi_attachments_apply(options->attachments, &event);
    pgcwi_counter_add(&options->counters->events_applied);
    if (pgcwi_latency_check(&pool->latency, &event, options->log)) {
        pgcwi_counter_add(&options->counters->events_late);
    }
    pgcwi_subscriptions_deliver(options->subscriptions, &event);
    if (options->on_event != NULL) {
        options->on_event(options->on_event_context, &event);
    }
}

static void
apply_undecodable(struct pgcwi_worker_pool *pool, const struct message *message)
{
    const struct pgcwi_worker_pool_options *options = &pool->options;

    pgcwi_attachments_flush(options->attachments);
    pgcwi_subscriptions_mark(options->subscriptions, message->number,
                             PGCW_GAP_UNDECODABLE);
    pgcwi_counter_add(&options->counters->payloads_undecodable);
    pgcwi_counter_add(&options->counters->gaps);
    /* always the same line: a flood of them is told once, and counted */
    pgcwi_log_write(options->log, PGCW_LOG_WARNING,
                    "a payload on channel \"%s\" is not an event; all caches "
                    "were flushed",
                    options->channel);
}

static void
begin_turn(struct pgcwi_worker_pool *pool, const struct message *message)
{
    pgcwi_turn_wait(&pool->turn, message->number);
    if (message->gap_reasons != 0) {
        pgcwi_subscriptions_mark(pool->options.subscriptions, message->number,
                                 message->gap_reasons);
    }
}

static void
handle_change(struct pgcwi_worker_pool *pool, const struct message *message,
              struct pgcwi_change *change)
{
    begin_turn(pool, message);
    apply_change(pool, message, change);
    pgcwi_turn_done(&pool->turn, message->number);
    pgcwi_change_fini(change);
}

static void
handle_payload(struct pgcwi_worker_pool *pool, const struct message *message)
{
    struct pgcwi_change change;

    if (pgcwi_payload_decode(message->payload, message->payload_bytes,
                             &change)) {
        handle_change(pool, message, &change);
        return;
    }
    begin_turn(pool, message);
    apply_undecodable(pool, message);
    pgcwi_turn_done(&pool->turn, message->number);
}

static void
handle_fence(struct pgcwi_worker_pool *pool, const struct message *message)
{
    begin_turn(pool, message);
    pgcwi_freshness_apply(pool->options.freshness, message->fence);
    pgcwi_turn_done(&pool->turn, message->number);
}

static void
handle(struct pgcwi_worker_pool *pool, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_PAYLOAD:
        handle_payload(pool, message);
        break;
    case MESSAGE_CHANGE:
        handle_change(pool, message, message->change);
        break;
    case MESSAGE_FENCE:
        handle_fence(pool, message);
        break;
    case MESSAGE_GAP:
        begin_turn(pool, message);
        pgcwi_turn_done(&pool->turn, message->number);
        break;
    }
    pgcwi_free(message);
}

static void
sleep_until_needed(struct pgcwi_worker_pool *pool)
{
    uint32_t ticket = pgcwi_parking_prepare(&pool->parking);

    if (pgcwi_ring_count(pool->ring) > 0 || is_stopping(pool)) {
        pgcwi_parking_cancel(&pool->parking);
        return;
    }
    (void)pgcwi_parking_wait(
        &pool->parking, ticket,
        pgcwi_attachments_due_ns(pool->options.attachments));
}

static void
work(void *context)
{
    struct pgcwi_worker_pool *pool = context;
    struct pgcwi_attachments *attachments = pool->options.attachments;

    while (!is_stopping(pool)) {
        struct message *message;

        pgcwi_attachments_expire(attachments);
        message = pgcwi_ring_pop(pool->ring);
        if (message != NULL) {
            handle(pool, message);
        } else if (!pgcwi_attachments_sweep(attachments)) {
            sleep_until_needed(pool);
        }
    }
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
    pgcwi_latency_init(&made->latency, options->max_latency_ms);
    pgcwi_parking_init(&made->parking);
    pgcwi_turn_init(&made->turn);
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
discard(struct message *message)
{
    if (message->kind == MESSAGE_CHANGE) {
        pgcwi_change_fini(message->change);
    }
    pgcwi_free(message);
}

static void
drop_waiting(struct pgcwi_worker_pool *pool)
{
    struct message *message;

    while ((message = pgcwi_ring_pop(pool->ring)) != NULL) {
        discard(message);
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
    pgcwi_turn_fini(&pool->turn);
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

/* Takes the message. */
static bool
push(struct pgcwi_worker_pool *pool, struct message *message)
{
    uint64_t number = pgcwi_worker_pool_last_number(pool) + 1;

    message->number = number;
    message->gap_reasons = pool->owed_gap_reasons;
    if (!pgcwi_ring_push(pool->ring, message)) {
        discard(message);
        return false;
    }
    pool->owed_gap_reasons = 0;
    /* relaxed: see pgcwi_worker_pool_last_number() */
    atomic_store_explicit(&pool->last_number, number, memory_order_relaxed);
    pgcwi_parking_wake_one(&pool->parking);
    return true;
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
    struct message *message;

    if (pool->owed_gap_reasons == 0) {
        return true;
    }
    message = pgcwi_alloc(sizeof(*message));
    if (message == NULL) {
        return false;
    }
    *message = (struct message){.kind = MESSAGE_GAP};
    return push(pool, message);
}

bool
pgcwi_worker_pool_push_payload(struct pgcwi_worker_pool *pool,
                               const char *payload, int64_t received_at_us)
{
    size_t bytes = strlen(payload);
    struct message *message = pgcwi_alloc(sizeof(*message) + bytes);

    if (message == NULL) {
        return false;
    }
    *message = (struct message){
        .kind = MESSAGE_PAYLOAD,
        .received_at_us = received_at_us,
        .payload_bytes = bytes,
    };
    memcpy(message->payload, payload, bytes);
    return push(pool, message);
}

bool
pgcwi_worker_pool_push_change(struct pgcwi_worker_pool *pool,
                              struct pgcwi_change *change,
                              int64_t received_at_us)
{
    struct message *message = pgcwi_alloc(sizeof(*message) + sizeof(*change));

    if (message == NULL) {
        pgcwi_change_fini(change);
        return false;
    }
    *message = (struct message){
        .kind = MESSAGE_CHANGE,
        .received_at_us = received_at_us,
        .change = (struct pgcwi_change *)(message + 1),
    };
    *message->change = *change;
    return push(pool, message);
}

bool
pgcwi_worker_pool_push_fence(struct pgcwi_worker_pool *pool,
                             struct pgcwi_fence fence)
{
    struct message *message = pgcwi_alloc(sizeof(*message));

    if (message == NULL) {
        return false;
    }
    *message = (struct message){.kind = MESSAGE_FENCE, .fence = fence};
    return push(pool, message);
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
