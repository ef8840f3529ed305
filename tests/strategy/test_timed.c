/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/strategy.h"

/* Far from any due time, however slow the machine. */
#define MARGIN_MS 100000
#define PERIOD_MS 1000000

#define US_PER_MS INT64_C(1000)
#define YEAR_9999_US INT64_C(253370764800000000)

static enum pgcw_status
create_spacing(struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_timed_spacing_options options = PGCW_TIMED_SPACING_OPTIONS_INIT;

    options.spacing_ms = PERIOD_MS;
    return pgcw_timed_spacing_create(&options, strategy, error);
}

static enum pgcw_status
create_interval(struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_timed_interval_options options =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;

    options.interval_ms = PERIOD_MS;
    return pgcw_timed_interval_create(&options, strategy, error);
}

static struct pgcw_strategy *
make(create_strategy_fn *create)
{
    struct pgcw_strategy *strategy = NULL;

    assert_int_equal(create(&strategy, NULL), PGCW_OK);
    return strategy;
}

/* Sent then, and received a little later. */
static enum pgcw_decision
show_sent_at(const struct pgcw_strategy *strategy, int64_t sent_at_us)
{
    return show_event(strategy, "orders", PGCW_UPDATE, sent_at_us,
                      sent_at_us + 100);
}

static void
spacing_counts_from_its_creation_at_first(void **state)
{
    int64_t before_us = pgcwi_clock_unix_us();
    struct pgcw_strategy *strategy = make(create_spacing);
    int64_t after_us = pgcwi_clock_unix_us();

    (void)state;
    assert_int_equal(show_sent_at(strategy, before_us + PERIOD_MS * US_PER_MS),
                     PGCW_KEEP);
    assert_int_equal(
        show_sent_at(strategy, after_us + PERIOD_MS * US_PER_MS + 1),
        PGCW_INVALIDATE_ALL);
    assert_false(has_timer(strategy));
    pgcw_strategy_destroy(strategy);
}

static void
spacing_counts_from_the_event_that_last_invalidated(void **state)
{
    const int64_t period_us = PERIOD_MS * US_PER_MS;
    struct pgcw_strategy *strategy = make(create_spacing);
    int64_t first_us = pgcwi_clock_unix_us() + 2 * period_us;

    (void)state;
    assert_int_equal(show_sent_at(strategy, first_us), PGCW_INVALIDATE_ALL);
    assert_int_equal(show_sent_at(strategy, first_us), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, first_us + period_us / 2),
                     PGCW_KEEP);
    /* the one before was kept back, so it does not count */
    assert_int_equal(show_sent_at(strategy, first_us + period_us), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, first_us + period_us + 1),
                     PGCW_INVALIDATE_ALL);
    assert_int_equal(show_sent_at(strategy, first_us + 2 * period_us + 1),
                     PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, first_us + 2 * period_us + 2),
                     PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
spacing_goes_by_when_events_were_sent_not_by_the_clock(void **state)
{
    const int64_t period_us = PERIOD_MS * US_PER_MS;
    struct pgcw_strategy *strategy = make(create_spacing);
    int64_t now_us = pgcwi_clock_unix_us();

    (void)state;
    pass_ms(INT64_C(10) * PERIOD_MS);
    assert_int_equal(show_sent_at(strategy, now_us), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, now_us - period_us), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, -YEAR_9999_US), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, now_us + 2 * period_us),
                     PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
P10_event_from_the_future_does_not_silence_those_behind_it(void **state)
{
    const int64_t period_us = PERIOD_MS * US_PER_MS;
    struct pgcw_strategy *strategy = make(create_spacing);
    int64_t then_us = pgcwi_clock_unix_us() + 2 * period_us;

    (void)state;
    assert_int_equal(
        show_event(strategy, "orders", PGCW_UPDATE, YEAR_9999_US, then_us),
        PGCW_INVALIDATE_ALL);
    assert_int_equal(show_sent_at(strategy, then_us + period_us), PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, then_us + period_us + 1),
                     PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static bool
is_of_orders(void *context, const struct pgcw_event *event)
{
    (void)context;
    return strcmp(event->table, "orders") == 0;
}

static void
spacing_sees_only_what_passes_its_filter(void **state)
{
    struct pgcw_timed_spacing_options options = PGCW_TIMED_SPACING_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    int64_t then_us = pgcwi_clock_unix_us() + 2 * PERIOD_MS * US_PER_MS;

    (void)state;
    options.spacing_ms = PERIOD_MS;
    options.filter.operations = PGCW_UPDATE;
    options.filter.predicate = is_of_orders;
    assert_int_equal(pgcw_timed_spacing_create(&options, &strategy, NULL),
                     PGCW_OK);
    assert_int_equal(
        show_event(strategy, "items", PGCW_UPDATE, then_us, then_us),
        PGCW_KEEP);
    assert_int_equal(
        show_event(strategy, "orders", PGCW_INSERT, then_us, then_us),
        PGCW_KEEP);
    assert_int_equal(show_sent_at(strategy, then_us), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
interval_invalidates_at_each_without_any_event(void **state)
{
    struct pgcw_strategy *strategy = make(create_interval);

    (void)state;
    assert_int_equal(tick(strategy), PGCW_KEEP);
    assert_in_range(due_in_ms(strategy), PERIOD_MS - MARGIN_MS, PERIOD_MS);
    pass_ms(MARGIN_MS);
    for (int i = 0; i < 5; i++) {
        pass_ms(PERIOD_MS - 2 * MARGIN_MS);
        assert_int_equal(tick(strategy), PGCW_KEEP);
        pass_ms(2 * MARGIN_MS);
        assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
        assert_int_equal(tick(strategy), PGCW_KEEP);
    }
    pgcw_strategy_destroy(strategy);
}

static void
interval_is_not_moved_by_events_or_a_gap(void **state)
{
    struct pgcw_strategy *strategy = make(create_interval);
    int64_t due_ns = pgcwi_strategy_due_ns(strategy);

    (void)state;
    pass_ms(PERIOD_MS / 2);
    assert_int_equal(show(strategy, PGCW_TRUNCATE), PGCW_KEEP);
    pgcwi_strategy_tell_gap(strategy);
    assert_true(pgcwi_strategy_due_ns(strategy) == due_ns);
    pass_ms(PERIOD_MS / 2);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
missed_intervals_are_one_and_the_next_stay_where_they_were(void **state)
{
    struct pgcw_strategy *strategy = make(create_interval);
    int64_t due_ns = pgcwi_strategy_due_ns(strategy);
    const int64_t period_ns = PERIOD_MS * PGCWI_NS_PER_MS;

    (void)state;
    pass_ms(INT64_C(3) * PERIOD_MS + PERIOD_MS / 2);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    assert_true(pgcwi_strategy_due_ns(strategy) == due_ns + 3 * period_ns);
    /* to the nanosecond: exactly due */
    assert_int_equal(pgcwi_strategy_expire(strategy, due_ns + 3 * period_ns),
                     PGCW_INVALIDATE_ALL);
    assert_true(pgcwi_strategy_due_ns(strategy) == due_ns + 4 * period_ns);
    pgcw_strategy_destroy(strategy);
}

static void
interval_with_a_filter_passes_over_those_without_an_event(void **state)
{
    struct pgcw_table orders = {"public", "orders"};
    struct pgcw_timed_interval_options options =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.interval_ms = PERIOD_MS;
    options.filter.tables = &orders;
    options.filter.table_count = 1;
    assert_int_equal(pgcw_timed_interval_create(&options, &strategy, NULL),
                     PGCW_OK);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    assert_int_equal(show_event(strategy, "items", PGCW_UPDATE, 0, 0),
                     PGCW_KEEP);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    assert_int_equal(show(strategy, PGCW_UPDATE), PGCW_KEEP);
    assert_int_equal(show_event(strategy, "items", PGCW_UPDATE, 0, 0),
                     PGCW_KEEP);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    /* the flush of a gap has done it already */
    assert_int_equal(show(strategy, PGCW_UPDATE), PGCW_KEEP);
    pgcwi_strategy_tell_gap(strategy);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    pgcw_strategy_destroy(strategy);
}

static void
no_time_and_bad_filters_are_refused(void **state)
{
    struct pgcw_timed_spacing_options spacing = PGCW_TIMED_SPACING_OPTIONS_INIT;
    struct pgcw_timed_interval_options interval =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    assert_int_equal(pgcw_timed_spacing_create(&spacing, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "spacing_ms"));
    assert_int_equal(pgcw_timed_interval_create(&interval, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "interval_ms"));
    assert_int_equal(pgcw_timed_spacing_create(NULL, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(pgcw_timed_interval_create(NULL, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    spacing.spacing_ms = 1;
    spacing.filter.operations = 16;
    interval.interval_ms = 1;
    interval.filter.operations = 16;
    assert_int_equal(pgcw_timed_spacing_create(&spacing, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(pgcw_timed_interval_create(&interval, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_null(strategy);
}

static void
longest_times_do_not_overflow(void **state)
{
    struct pgcw_timed_spacing_options spacing = PGCW_TIMED_SPACING_OPTIONS_INIT;
    struct pgcw_timed_interval_options interval =
        PGCW_TIMED_INTERVAL_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    spacing.spacing_ms = UINT32_MAX;
    interval.interval_ms = UINT32_MAX;
    assert_int_equal(pgcw_timed_spacing_create(&spacing, &strategy, NULL),
                     PGCW_OK);
    assert_int_equal(show(strategy, PGCW_UPDATE), PGCW_KEEP);
    pgcw_strategy_destroy(strategy);
    assert_int_equal(pgcw_timed_interval_create(&interval, &strategy, NULL),
                     PGCW_OK);
    assert_in_range(due_in_ms(strategy), UINT32_MAX - MARGIN_MS, UINT32_MAX);
    pgcw_strategy_destroy(strategy);
}

static void
each_allocation_may_fail(void **state)
{
    (void)state;
    sweep_allocations(create_spacing);
    sweep_allocations(create_interval);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spacing_counts_from_its_creation_at_first),
        cmocka_unit_test(spacing_counts_from_the_event_that_last_invalidated),
        cmocka_unit_test(
            spacing_goes_by_when_events_were_sent_not_by_the_clock),
        cmocka_unit_test(
            P10_event_from_the_future_does_not_silence_those_behind_it),
        cmocka_unit_test(spacing_sees_only_what_passes_its_filter),
        cmocka_unit_test(interval_invalidates_at_each_without_any_event),
        cmocka_unit_test(interval_is_not_moved_by_events_or_a_gap),
        cmocka_unit_test(
            missed_intervals_are_one_and_the_next_stay_where_they_were),
        cmocka_unit_test(
            interval_with_a_filter_passes_over_those_without_an_event),
        cmocka_unit_test(no_time_and_bad_filters_are_refused),
        cmocka_unit_test(longest_times_do_not_overflow),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("timed", tests, NULL, NULL);
}
