/* SPDX-License-Identifier: MIT */
/* Lets time decide: that between events, or that of the clock. */
#include <stdbool.h>

#include <pgcachewatch/strategy.h>

#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "strategy/filter.h"
#include "strategy/strategy.h"

#define US_PER_MS INT64_C(1000)

struct spacing {
    struct pgcwi_filter *filter;
    int64_t spacing_us;
    int64_t previous_us; /* when what last invalidated was sent */
};

static enum pgcw_decision
spacing_decide(void *context, const struct pgcw_event *event)
{
    struct spacing *spacing = context;

    if (!pgcwi_filter_passes(spacing->filter, event) ||
        event->sent_at_us <= spacing->previous_us + spacing->spacing_us) {
        return PGCW_KEEP;
    }
    /* who claims to come from the future must not silence the present */
    spacing->previous_us = event->sent_at_us < event->received_at_us
                               ? event->sent_at_us
                               : event->received_at_us;
    return PGCW_INVALIDATE_ALL;
}

static enum pgcw_status
make_spacing(const struct pgcw_timed_spacing_options *options, void **context,
             struct pgcw_error *error)
{
    enum pgcw_status status;

    if (options->spacing_ms == 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "spacing_ms: at least 1 is needed");
    }
    status = pgcwi_filter_create_context(sizeof(struct spacing),
                                         &options->filter, context, error);
    if (status == PGCW_OK) {
        struct spacing *made = *context;

        made->spacing_us = options->spacing_ms * US_PER_MS;
        made->previous_us = pgcwi_clock_unix_us();
    }
    return status;
}

enum pgcw_status
pgcw_timed_spacing_create(const struct pgcw_timed_spacing_options *options,
                          struct pgcw_strategy **strategy,
                          struct pgcw_error *error)
{
    struct pgcw_timed_spacing_options known;
    struct pgcw_strategy_options callbacks = {
        .size = sizeof(callbacks),
        .decide = spacing_decide,
        .destroy = pgcwi_filter_destroy_context,
    };
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = make_spacing(&known, &callbacks.context, error);
    }
    if (status == PGCW_OK) {
        status =
            pgcwi_strategy_adopt(&callbacks, &known.filter, strategy, error);
    }
    return status;
}

struct interval {
    struct pgcwi_filter *filter;
    bool is_filtered;
    bool has_passed; /* an event, since the last time */
    int64_t interval_ns;
    int64_t due_ns;
};

static enum pgcw_decision
interval_decide(void *context, const struct pgcw_event *event)
{
    struct interval *interval = context;

    if (interval->is_filtered && !interval->has_passed) {
        interval->has_passed = pgcwi_filter_passes(interval->filter, event);
    }
    return PGCW_KEEP;
}

static int64_t
interval_due(void *context)
{
    const struct interval *interval = context;

    return interval->due_ns;
}

static enum pgcw_decision
interval_expire(void *context, int64_t now_ns)
{
    struct interval *interval = context;
    bool is_wanted = !interval->is_filtered || interval->has_passed;
    int64_t missed_count = (now_ns - interval->due_ns) / interval->interval_ns;

    interval->due_ns += (missed_count + 1) * interval->interval_ns;
    interval->has_passed = false;
    return is_wanted ? PGCW_INVALIDATE_ALL : PGCW_KEEP;
}

static void
interval_forget(void *context)
{
    struct interval *interval = context;

    interval->has_passed = false;
}

static bool
is_filtered(const struct pgcw_event_filter *filter)
{
    return filter->table_count > 0 || filter->operations != 0 ||
           filter->predicate != NULL;
}

static enum pgcw_status
make_interval(const struct pgcw_timed_interval_options *options, void **context,
              struct pgcw_error *error)
{
    enum pgcw_status status;

    if (options->interval_ms == 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "interval_ms: at least 1 is needed");
    }
    status = pgcwi_filter_create_context(sizeof(struct interval),
                                         &options->filter, context, error);
    if (status == PGCW_OK) {
        struct interval *made = *context;

        made->is_filtered = is_filtered(&options->filter);
        made->interval_ns = options->interval_ms * PGCWI_NS_PER_MS;
        made->due_ns = pgcwi_clock_monotonic_ns() + made->interval_ns;
    }
    return status;
}

enum pgcw_status
pgcw_timed_interval_create(const struct pgcw_timed_interval_options *options,
                           struct pgcw_strategy **strategy,
                           struct pgcw_error *error)
{
    struct pgcw_timed_interval_options known;
    struct pgcw_strategy_options callbacks = {
        .size = sizeof(callbacks),
        .decide = interval_decide,
        .due = interval_due,
        .expire = interval_expire,
        .on_gap = interval_forget,
        .destroy = pgcwi_filter_destroy_context,
    };
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = make_interval(&known, &callbacks.context, error);
    }
    if (status == PGCW_OK) {
        status =
            pgcwi_strategy_adopt(&callbacks, &known.filter, strategy, error);
    }
    return status;
}
