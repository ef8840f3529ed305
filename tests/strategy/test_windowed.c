/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/strategy.h"

#define I PGCW_INSERT
#define U PGCW_UPDATE
#define D PGCW_DELETE

/* Far from any due time, however slow the machine. */
#define MARGIN_MS 100000
#define PERIOD_MS 1000000

static struct pgcw_strategy *
make_sequence(const enum pgcw_operation *operations, size_t count)
{
    struct pgcw_windowed_sequence_options options =
        PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.operations = operations;
    options.operation_count = count;
    assert_int_equal(pgcw_windowed_sequence_create(&options, &strategy, NULL),
                     PGCW_OK);
    return strategy;
}

static struct pgcw_strategy *
make_count(uint32_t max_events, uint32_t max_ms)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    options.max_events = max_events;
    options.max_ms = max_ms;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, NULL),
                     PGCW_OK);
    return strategy;
}

/*
 * What a queue of the last n gives, compared after each event: '!' where it
 * equals the sequence. This is the reference that the strategy must follow.
 */
static void
assert_sequence_decides(const enum pgcw_operation *wanted, size_t length,
                        const enum pgcw_operation *shown, const char *decisions)
{
    struct pgcw_strategy *strategy = make_sequence(wanted, length);

    for (size_t i = 0; decisions[i] != '\0'; i++) {
        enum pgcw_decision expected =
            decisions[i] == '!' ? PGCW_INVALIDATE_ALL : PGCW_KEEP;

        assert_int_equal(show(strategy, shown[i]), expected);
    }
    assert_false(has_timer(strategy));
    pgcw_strategy_destroy(strategy);
}

static void
sequence_invalidates_when_the_last_operations_equal_it(void **state)
{
    const enum pgcw_operation wanted[] = {I, U, D};
    const enum pgcw_operation shown[] = {I, U, D, U, D, I, U, D, I, I, U, D};

    (void)state;
    assert_sequence_decides(wanted, 3, shown, "..!....!...!");
}

static void
window_is_not_cleared_by_a_match(void **state)
{
    const enum pgcw_operation two[] = {I, I};
    const enum pgcw_operation shown[] = {I, I, I, U, I, I, I, I};
    const enum pgcw_operation back_and_forth[] = {I, U, I};
    const enum pgcw_operation alternating[] = {I, U, I, U, I, U, I, I};

    (void)state;
    assert_sequence_decides(two, 2, shown, ".!!..!!!");
    assert_sequence_decides(back_and_forth, 3, alternating, "..!.!.!.");
}

static void
sequence_of_one_is_a_filter_of_one_operation(void **state)
{
    const enum pgcw_operation wanted[] = {PGCW_TRUNCATE};
    const enum pgcw_operation shown[] = {I, PGCW_TRUNCATE, PGCW_TRUNCATE, D};

    (void)state;
    assert_sequence_decides(wanted, 1, shown, ".!!.");
}

static void
sequence_is_copied(void **state)
{
    enum pgcw_operation wanted[] = {I, U};
    struct pgcw_strategy *strategy = make_sequence(wanted, 2);

    (void)state;
    wanted[0] = D;
    wanted[1] = D;
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show(strategy, U), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
longest_sequence_matches_itself_only(void **state)
{
    static enum pgcw_operation wanted[PGCW_SEQUENCE_MAX];

    (void)state;
    for (int i = 0; i < PGCW_SEQUENCE_MAX; i++) {
        wanted[i] = i % 3 == 0 ? U : D;
    }
    struct pgcw_strategy *strategy = make_sequence(wanted, PGCW_SEQUENCE_MAX);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < PGCW_SEQUENCE_MAX; i++) {
            assert_int_equal(show(strategy, wanted[i]),
                             i == PGCW_SEQUENCE_MAX - 1 ? PGCW_INVALIDATE_ALL
                                                        : PGCW_KEEP);
        }
    }
    pgcw_strategy_destroy(strategy);
}

static void
sequence_starts_anew_after_a_gap(void **state)
{
    const enum pgcw_operation wanted[] = {I, U, D};
    struct pgcw_strategy *strategy = make_sequence(wanted, 3);

    (void)state;
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    pgcwi_strategy_tell_gap(strategy);
    assert_int_equal(show(strategy, D), PGCW_KEEP);
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    assert_int_equal(show(strategy, D), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static bool
is_of_orders(void *context, const struct pgcw_event *event)
{
    (void)context;
    return strcmp(event->table, "orders") == 0;
}

static void
sequence_sees_only_what_passes_its_filter(void **state)
{
    const enum pgcw_operation wanted[] = {I, U};
    struct pgcw_windowed_sequence_options options =
        PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.operations = wanted;
    options.operation_count = 2;
    options.filter.operations = I | U;
    options.filter.predicate = is_of_orders;
    assert_int_equal(pgcw_windowed_sequence_create(&options, &strategy, NULL),
                     PGCW_OK);
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show(strategy, D), PGCW_KEEP);
    assert_int_equal(show_event(strategy, "items", U, 0, 0), PGCW_KEEP);
    assert_int_equal(show(strategy, U), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
assert_sequence_is_refused(const struct pgcw_windowed_sequence_options *options,
                           const char *word)
{
    struct pgcw_strategy *strategy = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    assert_int_equal(pgcw_windowed_sequence_create(options, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, word));
    assert_null(strategy);
}

static void
sequences_that_can_never_match_are_refused(void **state)
{
    static enum pgcw_operation wanted[PGCW_SEQUENCE_MAX + 1] = {I, U};
    struct pgcw_windowed_sequence_options options =
        PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT;

    (void)state;
    assert_sequence_is_refused(NULL, "operations");
    options.operations = wanted;
    assert_sequence_is_refused(&options, "operations");
    options.operation_count = PGCW_SEQUENCE_MAX + 1;
    assert_sequence_is_refused(&options, "operations");
    options.operation_count = 2;
    options.operations = NULL;
    assert_sequence_is_refused(&options, "operations");
    options.operations = wanted;
    options.filter.operations = I;
    assert_sequence_is_refused(&options, "operations[1]");
    options.filter.operations = 16;
    assert_sequence_is_refused(&options, "filter.operations");
    options.filter.operations = 0;
    wanted[1] = (enum pgcw_operation)(I | U);
    assert_sequence_is_refused(&options, "operations[1]");
}

static void
count_invalidates_at_each_nth_event(void **state)
{
    struct pgcw_strategy *strategy = make_count(3, 0);

    (void)state;
    for (int i = 1; i <= 9; i++) {
        assert_int_equal(show(strategy, U),
                         i % 3 == 0 ? PGCW_INVALIDATE_ALL : PGCW_KEEP);
        pass_ms(MARGIN_MS);
        assert_false(has_timer(strategy));
    }
    pgcw_strategy_destroy(strategy);
}

static void
count_invalidates_a_time_after_its_first_event(void **state)
{
    struct pgcw_strategy *strategy = make_count(3, PERIOD_MS);

    (void)state;
    /* the window begins with an event, not before */
    assert_false(has_timer(strategy));
    pass_ms(PERIOD_MS);
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    assert_in_range(due_in_ms(strategy), PERIOD_MS - MARGIN_MS, PERIOD_MS);
    pass_ms(PERIOD_MS - MARGIN_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    /* another event does not put it off */
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    assert_in_range(due_in_ms(strategy), 1, MARGIN_MS);
    pass_ms(MARGIN_MS);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    assert_false(has_timer(strategy));
    pgcw_strategy_destroy(strategy);
}

static void
count_starts_anew_whichever_limit_was_sooner(void **state)
{
    struct pgcw_strategy *strategy = make_count(2, PERIOD_MS);

    (void)state;
    /* by time: the event before does not count any more */
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    assert_in_range(due_in_ms(strategy), PERIOD_MS - MARGIN_MS, PERIOD_MS);
    /* by number: the time of the window before does not count any more */
    pass_ms(PERIOD_MS / 2);
    assert_int_equal(show(strategy, U), PGCW_INVALIDATE_ALL);
    assert_false(has_timer(strategy));
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    assert_int_equal(show(strategy, U), PGCW_KEEP);
    assert_in_range(due_in_ms(strategy), PERIOD_MS - MARGIN_MS, PERIOD_MS);
    pgcw_strategy_destroy(strategy);
}

static void
count_without_a_number_waits_for_its_time(void **state)
{
    struct pgcw_strategy *strategy = make_count(0, PERIOD_MS);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(show(strategy, I), PGCW_KEEP);
    }
    pass_ms(PERIOD_MS);
    assert_int_equal(tick(strategy), PGCW_INVALIDATE_ALL);
    assert_int_equal(tick(strategy), PGCW_KEEP);
    pgcw_strategy_destroy(strategy);
}

static void
count_of_one_is_greedy(void **state)
{
    struct pgcw_strategy *strategy = make_count(1, PERIOD_MS);

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(show(strategy, I), PGCW_INVALIDATE_ALL);
        assert_false(has_timer(strategy));
    }
    pgcw_strategy_destroy(strategy);
}

static void
count_starts_anew_after_a_gap(void **state)
{
    struct pgcw_strategy *strategy = make_count(2, PERIOD_MS);

    (void)state;
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    pgcwi_strategy_tell_gap(strategy);
    assert_false(has_timer(strategy));
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show(strategy, I), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
count_sees_only_what_passes_its_filter(void **state)
{
    struct pgcw_table orders = {"public", "orders"};
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.max_events = 2;
    options.max_ms = PERIOD_MS;
    options.filter.tables = &orders;
    options.filter.table_count = 1;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, NULL),
                     PGCW_OK);
    assert_int_equal(show_event(strategy, "items", I, 0, 0), PGCW_KEEP);
    assert_false(has_timer(strategy));
    assert_int_equal(show(strategy, I), PGCW_KEEP);
    assert_int_equal(show_event(strategy, "items", I, 0, 0), PGCW_KEEP);
    assert_int_equal(show(strategy, I), PGCW_INVALIDATE_ALL);
    pgcw_strategy_destroy(strategy);
}

static void
count_without_any_limit_is_refused(void **state)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "max_events"));
    assert_int_equal(pgcw_windowed_count_create(NULL, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    options.max_events = 1;
    options.filter.operations = 16;
    assert_int_equal(pgcw_windowed_count_create(&options, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_null(strategy);
}

static enum pgcw_status
create_sequence(struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    const enum pgcw_operation wanted[] = {I, U};
    struct pgcw_windowed_sequence_options options =
        PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT;

    options.operations = wanted;
    options.operation_count = 2;
    return pgcw_windowed_sequence_create(&options, strategy, error);
}

static enum pgcw_status
create_count(struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_windowed_count_options options =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;

    options.max_events = 2;
    return pgcw_windowed_count_create(&options, strategy, error);
}

static void
each_allocation_may_fail(void **state)
{
    (void)state;
    sweep_allocations(create_sequence);
    sweep_allocations(create_count);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            sequence_invalidates_when_the_last_operations_equal_it),
        cmocka_unit_test(window_is_not_cleared_by_a_match),
        cmocka_unit_test(sequence_of_one_is_a_filter_of_one_operation),
        cmocka_unit_test(sequence_is_copied),
        cmocka_unit_test(longest_sequence_matches_itself_only),
        cmocka_unit_test(sequence_starts_anew_after_a_gap),
        cmocka_unit_test(sequence_sees_only_what_passes_its_filter),
        cmocka_unit_test(sequences_that_can_never_match_are_refused),
        cmocka_unit_test(count_invalidates_at_each_nth_event),
        cmocka_unit_test(count_invalidates_a_time_after_its_first_event),
        cmocka_unit_test(count_starts_anew_whichever_limit_was_sooner),
        cmocka_unit_test(count_without_a_number_waits_for_its_time),
        cmocka_unit_test(count_of_one_is_greedy),
        cmocka_unit_test(count_starts_anew_after_a_gap),
        cmocka_unit_test(count_sees_only_what_passes_its_filter),
        cmocka_unit_test(count_without_any_limit_is_refused),
        cmocka_unit_test(each_allocation_may_fail),
    };

    return cmocka_run_group_tests_name("windowed", tests, NULL, NULL);
}
