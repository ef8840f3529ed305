/* SPDX-License-Identifier: MIT */
/* Looks at several events together. */
#include <stdbool.h>
#include <string.h>

#include <pgcachewatch/strategy.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "strategy/filter.h"
#include "strategy/strategy.h"

struct sequence {
    struct pgcwi_filter *filter;
    size_t length;
    unsigned char *seen; /* the last ones, the oldest first; 0: none yet */
    unsigned char wanted[];
};

static enum pgcw_decision
sequence_decide(void *context, const struct pgcw_event *event)
{
    struct sequence *sequence = context;

    if (!pgcwi_filter_passes(sequence->filter, event)) {
        return PGCW_KEEP;
    }
    memmove(sequence->seen, sequence->seen + 1, sequence->length - 1);
    sequence->seen[sequence->length - 1] = (unsigned char)event->operation;
    return memcmp(sequence->seen, sequence->wanted, sequence->length) == 0
               ? PGCW_INVALIDATE_ALL
               : PGCW_KEEP;
}

static void
sequence_forget(void *context)
{
    struct sequence *sequence = context;

    memset(sequence->seen, 0, sequence->length);
}

static bool
is_operation(enum pgcw_operation operation)
{
    switch (operation) {
    case PGCW_INSERT:
    case PGCW_UPDATE:
    case PGCW_DELETE:
    case PGCW_TRUNCATE:
        return true;
    }
    return false;
}

static enum pgcw_status
check_operation(const struct sequence *sequence, size_t position,
                enum pgcw_operation operation, struct pgcw_error *error)
{
    if (!is_operation(operation)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "operations[%zu]: not one operation", position);
    }
    /* else it could never match, and would never invalidate */
    if (!pgcwi_filter_has_operation(sequence->filter, operation)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "operations[%zu]: filter.operations holds it "
                               "back",
                               position);
    }
    return PGCW_OK;
}

static enum pgcw_status
make_sequence(const struct pgcw_windowed_sequence_options *options,
              void **context, struct pgcw_error *error)
{
    size_t length = options->operation_count;
    enum pgcw_status status;

    if (options->operations == NULL || length == 0 ||
        length > PGCW_SEQUENCE_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "operations: 1 to %d are needed",
                               PGCW_SEQUENCE_MAX);
    }
    status = pgcwi_filter_create_context(sizeof(struct sequence) + 2 * length,
                                         &options->filter, context, error);
    if (status != PGCW_OK) {
        return status;
    }
    struct sequence *made = *context;
    made->length = length;
    made->seen = made->wanted + length;
    for (size_t i = 0; i < length && status == PGCW_OK; i++) {
        status = check_operation(made, i, options->operations[i], error);
        made->wanted[i] = (unsigned char)options->operations[i];
    }
    if (status != PGCW_OK) {
        pgcwi_filter_destroy_context(made);
    }
    return status;
}

enum pgcw_status
pgcw_windowed_sequence_create(
    const struct pgcw_windowed_sequence_options *options,
    struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_windowed_sequence_options known;
    struct pgcw_strategy_options callbacks = {
        .size = sizeof(callbacks),
        .decide = sequence_decide,
        .on_gap = sequence_forget,
        .destroy = pgcwi_filter_destroy_context,
    };
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = make_sequence(&known, &callbacks.context, error);
    }
    if (status == PGCW_OK) {
        status =
            pgcwi_strategy_adopt(&callbacks, &known.filter, strategy, error);
    }
    return status;
}

struct count {
    struct pgcwi_filter *filter;
    uint32_t max_events; /* 0: no limit */
    int64_t max_ns;      /* 0: no limit */
    uint64_t seen_count; /* 0: no window has begun */
    int64_t due_ns;
};

static void
count_start_anew(void *context)
{
    struct count *count = context;

    count->seen_count = 0;
    count->due_ns = INT64_MAX;
}

static enum pgcw_decision
count_decide(void *context, const struct pgcw_event *event)
{
    struct count *count = context;

    if (!pgcwi_filter_passes(count->filter, event)) {
        return PGCW_KEEP;
    }
    if (count->seen_count == 0 && count->max_ns > 0) {
        count->due_ns = pgcwi_clock_monotonic_ns() + count->max_ns;
    }
    count->seen_count++;
    if (count->seen_count != count->max_events) {
        return PGCW_KEEP;
    }
    count_start_anew(count);
    return PGCW_INVALIDATE_ALL;
}

static int64_t
count_due(void *context)
{
    const struct count *count = context;

    return count->due_ns;
}

static enum pgcw_decision
count_expire(void *context, int64_t now_ns)
{
    (void)now_ns;
    count_start_anew(context);
    return PGCW_INVALIDATE_ALL;
}

static enum pgcw_status
make_count(const struct pgcw_windowed_count_options *options, void **context,
           struct pgcw_error *error)
{
    enum pgcw_status status;

    if (options->max_events == 0 && options->max_ms == 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "max_events, max_ms: one of them is needed");
    }
    status = pgcwi_filter_create_context(sizeof(struct count), &options->filter,
                                         context, error);
    if (status == PGCW_OK) {
        struct count *made = *context;

        made->max_events = options->max_events;
        made->max_ns = options->max_ms * PGCWI_NS_PER_MS;
        count_start_anew(made);
    }
    return status;
}

enum pgcw_status
pgcw_windowed_count_create(const struct pgcw_windowed_count_options *options,
                           struct pgcw_strategy **strategy,
                           struct pgcw_error *error)
{
    struct pgcw_windowed_count_options known;
    struct pgcw_strategy_options callbacks = {
        .size = sizeof(callbacks),
        .decide = count_decide,
        .due = count_due,
        .expire = count_expire,
        .on_gap = count_start_anew,
        .destroy = pgcwi_filter_destroy_context,
    };
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = make_count(&known, &callbacks.context, error);
    }
    if (status == PGCW_OK) {
        status =
            pgcwi_strategy_adopt(&callbacks, &known.filter, strategy, error);
    }
    return status;
}
