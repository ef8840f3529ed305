/* SPDX-License-Identifier: MIT */
#include "listener/handling.h"

#include "base/clock.h"
#include "listener/worker_pool.h"

void
pgcwi_handling_init(struct pgcwi_handling *handling,
                    const struct pgcwi_worker_pool_options *options)
{
    handling->options = options;
    pgcwi_latency_init(&handling->latency, options->max_latency_ms);
    pgcwi_turn_init(&handling->turn);
}

void
pgcwi_handling_fini(struct pgcwi_handling *handling)
{
    pgcwi_turn_fini(&handling->turn);
}

static const struct pgcwi_worker_pool_options *
options_of(const struct pgcwi_hand *hand)
{
    return hand->handling->options;
}

static void
apply_to_caches(const struct pgcwi_hand *hand, const struct pgcw_event *event)
{
    struct pgcwi_attachments *attachments = options_of(hand)->attachments;

    if (hand->has_begun) {
        pgcwi_attachments_apply_begun(attachments, event);
        pgcwi_attachments_end(attachments);
    } else {
        pgcwi_attachments_apply(attachments, event);
    }
}

/* The clock is read for each event: of those of one burst the last is applied
 * much later than the first. */
static void
count_applied(struct pgcwi_listener_counters *counters,
              const struct pgcw_event *event)
{
    pgcwi_counter_add_alone(&counters->events_applied);
    pgcwi_table_counts_add(&counters->tables, event->schema, event->table);
    pgcwi_histogram_add(&counters->latencies,
                        pgcwi_clock_unix_us() - event->sent_at_us);
}

static void
apply_change(const struct pgcwi_hand *hand, const struct pgcwi_message *message,
             const struct pgcwi_change *change)
{
    const struct pgcwi_worker_pool_options *options = options_of(hand);
    struct pgcw_event event = {
        .operation = change->operation,
        .number = message->number,
        .channel = options->channel,
        .schema = change->schema,
        .table = change->table,
        .sent_at_us = change->sent_at_us,
        .received_at_us = message->received_at_us,
        .keys = change->key_count > 0 ? change->keys : NULL,
        .key_count = change->key_count,
    };

    apply_to_caches(hand, &event);
    count_applied(options->counters, &event);
    if (pgcwi_latency_check(&hand->handling->latency, &event, options->log)) {
        pgcwi_counter_add(&options->counters->events_late);
    }
    pgcwi_subscriptions_deliver(options->subscriptions, &event);
    if (options->on_event != NULL) {
        options->on_event(options->on_event_context, &event);
    }
}

static void
apply_undecodable(const struct pgcwi_hand *hand,
                  const struct pgcwi_message *message)
{
    const struct pgcwi_worker_pool_options *options = options_of(hand);

    if (hand->has_begun) {
        pgcwi_attachments_end(options->attachments);
    }
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
begin_turn(const struct pgcwi_hand *hand, const struct pgcwi_message *message)
{
    pgcwi_turn_wait(&hand->handling->turn, message->number);
    if (message->gap_reasons != 0) {
        pgcwi_subscriptions_mark(options_of(hand)->subscriptions,
                                 message->number, message->gap_reasons);
    }
}

static void
end_turn(const struct pgcwi_hand *hand, const struct pgcwi_message *message)
{
    pgcwi_turn_done(&hand->handling->turn, message->number);
}

static void
handle_change(const struct pgcwi_hand *hand,
              const struct pgcwi_message *message,
              const struct pgcwi_change *change)
{
    begin_turn(hand, message);
    apply_change(hand, message, change);
    end_turn(hand, message);
}

static void
handle_payload(const struct pgcwi_hand *hand,
               const struct pgcwi_message *message)
{
    if (pgcwi_payload_decode_next(hand->decoder, message->payload,
                                  message->payload_bytes)) {
        handle_change(hand, message, &hand->decoder->change);
        return;
    }
    begin_turn(hand, message);
    apply_undecodable(hand, message);
    end_turn(hand, message);
}

static void
handle_fence(const struct pgcwi_hand *hand, const struct pgcwi_message *message)
{
    begin_turn(hand, message);
    pgcwi_freshness_apply(options_of(hand)->freshness, message->fence);
    end_turn(hand, message);
}

void
pgcwi_handle(const struct pgcwi_hand *hand, const struct pgcwi_message *message)
{
    switch (message->kind) {
    case PGCWI_MESSAGE_PAYLOAD:
        handle_payload(hand, message);
        break;
    case PGCWI_MESSAGE_CHANGE:
        handle_change(hand, message, message->change);
        pgcwi_change_fini(message->change);
        break;
    case PGCWI_MESSAGE_FENCE:
        handle_fence(hand, message);
        break;
    case PGCWI_MESSAGE_GAP:
        begin_turn(hand, message);
        end_turn(hand, message);
        break;
    }
}
