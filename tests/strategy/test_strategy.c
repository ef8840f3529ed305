/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "strategy/strategy.h"

struct calls {
    enum pgcw_decision answer;
    const struct pgcw_event *seen;
    int64_t expired_ns;
    int gap_count;
    int destroy_count;
};

static enum pgcw_decision
answer(void *context, const struct pgcw_event *event)
{
    struct calls *calls = context;

    calls->seen = event;
    return calls->answer;
}

static void
count_destroy(void *context)
{
    struct calls *calls = context;

    calls->destroy_count++;
}

static struct pgcw_strategy_options
options_of(struct calls *calls)
{
    struct pgcw_strategy_options options = PGCW_STRATEGY_OPTIONS_INIT;

    options.decide = answer;
    options.destroy = count_destroy;
    options.context = calls;
    return options;
}

static void
callback_sees_the_event_and_its_answer_counts(void **state)
{
    struct calls calls = {.answer = PGCW_INVALIDATE};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_event event = {.operation = PGCW_INSERT};
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL), PGCW_OK);
    assert_int_equal(pgcwi_strategy_decide(strategy, &event), PGCW_INVALIDATE);
    assert_ptr_equal(calls.seen, &event);
    calls.answer = PGCW_KEEP;
    assert_int_equal(pgcwi_strategy_decide(strategy, &event), PGCW_KEEP);
    assert_int_equal(calls.destroy_count, 0);
    pgcw_strategy_destroy(strategy);
    assert_int_equal(calls.destroy_count, 1);
}

static void
destroy_callback_may_be_missing(void **state)
{
    struct calls calls = {.answer = PGCW_KEEP};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.destroy = NULL;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL), PGCW_OK);
    pgcw_strategy_destroy(strategy);
    pgcw_strategy_destroy(NULL);
}

static int64_t
due_at_seven(void *context)
{
    (void)context;
    return 7;
}

static enum pgcw_decision
expire_as_told(void *context, int64_t now_ns)
{
    struct calls *calls = context;

    calls->expired_ns = now_ns;
    return calls->answer;
}

static void
count_gap(void *context)
{
    struct calls *calls = context;

    calls->gap_count++;
}

static void
timer_and_gap_are_those_of_the_callbacks(void **state)
{
    struct calls calls = {.answer = PGCW_INVALIDATE_ALL};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.due = due_at_seven;
    options.expire = expire_as_told;
    options.on_gap = count_gap;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL), PGCW_OK);
    assert_int_equal(pgcwi_strategy_due_ns(strategy), 7);
    assert_int_equal(pgcwi_strategy_expire(strategy, 8), PGCW_INVALIDATE_ALL);
    assert_int_equal(calls.expired_ns, 8);
    pgcwi_strategy_tell_gap(strategy);
    assert_int_equal(calls.gap_count, 1);
    pgcw_strategy_destroy(strategy);
}

static void
strategy_without_a_timer_is_never_due(void **state)
{
    struct calls calls = {.answer = PGCW_KEEP};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL), PGCW_OK);
    assert_true(pgcwi_strategy_due_ns(strategy) == INT64_MAX);
    pgcwi_strategy_tell_gap(strategy);
    pgcw_strategy_destroy(strategy);
}

static void
half_a_timer_is_refused(void **state)
{
    struct calls calls = {.answer = PGCW_KEEP};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.due = due_at_seven;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    options.due = NULL;
    options.expire = expire_as_told;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_null(strategy);
    assert_int_equal(calls.destroy_count, 0);
}

static void
strategy_without_decide_is_refused(void **state)
{
    struct pgcw_strategy_options options = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    assert_int_equal(pgcw_strategy_create(&options, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_int_equal(pgcw_strategy_create(NULL, &strategy, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_null(strategy);
}

static void
option_of_a_newer_version_is_refused(void **state)
{
    struct calls calls = {.answer = PGCW_KEEP};
    struct {
        struct pgcw_strategy_options known;
        uint64_t newer;
    } options = {options_of(&calls), 1};
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.known.size = sizeof(options);
    assert_int_equal(pgcw_strategy_create(&options.known, &strategy, NULL),
                     PGCW_UNSUPPORTED);
    assert_null(strategy);
    assert_int_equal(calls.destroy_count, 0);
}

static void
context_stays_with_the_caller_if_memory_is_short(void **state)
{
    struct calls calls = {.answer = PGCW_KEEP};
    struct pgcw_strategy_options options = options_of(&calls);
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_strategy_create(&options, &strategy, &error),
                     PGCW_NO_MEMORY);
    assert_int_equal(error.status, PGCW_NO_MEMORY);
    assert_null(strategy);
    assert_int_equal(calls.destroy_count, 0);
}

static void
adopted_context_is_destroyed_if_memory_is_short(void **state)
{
    struct calls calls = {0};
    struct pgcw_strategy_options options = options_of(&calls);
    const struct pgcw_event_filter filter = PGCW_EVENT_FILTER_INIT;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcwi_strategy_adopt(&options, &filter, &strategy, NULL),
                     PGCW_NO_MEMORY);
    assert_null(strategy);
    assert_int_equal(calls.destroy_count, 1);
    assert_int_equal(pgcwi_strategy_adopt(&options, &filter, &strategy, NULL),
                     PGCW_OK);
    assert_int_equal(calls.destroy_count, 1);
    pgcw_strategy_destroy(strategy);
    assert_int_equal(calls.destroy_count, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callback_sees_the_event_and_its_answer_counts),
        cmocka_unit_test(destroy_callback_may_be_missing),
        cmocka_unit_test(timer_and_gap_are_those_of_the_callbacks),
        cmocka_unit_test(strategy_without_a_timer_is_never_due),
        cmocka_unit_test(half_a_timer_is_refused),
        cmocka_unit_test(strategy_without_decide_is_refused),
        cmocka_unit_test(option_of_a_newer_version_is_refused),
        cmocka_unit_test(context_stays_with_the_caller_if_memory_is_short),
        cmocka_unit_test(adopted_context_is_destroyed_if_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
