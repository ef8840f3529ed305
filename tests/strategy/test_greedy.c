/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "strategy/strategy.h"
#include "support/strategy.h"

static struct pgcw_strategy *
make(const struct pgcw_greedy_options *options)
{
    struct pgcw_strategy *strategy = NULL;

    assert_int_equal(pgcw_greedy_create(options, &strategy, NULL), PGCW_OK);
    assert_non_null(strategy);
    return strategy;
}

static bool
invalidates(const struct pgcw_strategy *strategy, struct pgcw_event event)
{
    return pgcwi_strategy_decide(strategy, &event) == PGCW_INVALIDATE;
}

static void
without_options_each_event_invalidates(void **state)
{
    struct pgcw_greedy_options zero = PGCW_GREEDY_OPTIONS_INIT;
    const struct pgcw_greedy_options *options[] = {NULL, &zero};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pgcw_strategy *strategy = make(options[i]);

        assert_true(
            invalidates(strategy, event_of(PGCW_INSERT, "public", "a")));
        assert_true(invalidates(strategy, event_of(PGCW_UPDATE, "", "b")));
        assert_true(invalidates(strategy, event_of(PGCW_DELETE, "x", "")));
        assert_true(
            invalidates(strategy, event_of(PGCW_TRUNCATE, "public", "c")));
        pgcw_strategy_destroy(strategy);
    }
}

static bool
answer_as_told(void *context, const struct pgcw_event *event)
{
    (void)event;
    return *(const bool *)context;
}

static void
only_what_passes_the_filter_invalidates(void **state)
{
    struct pgcw_table table = {"public", "orders"};
    bool answer = true;
    struct pgcw_greedy_options options = PGCW_GREEDY_OPTIONS_INIT;

    (void)state;
    options.filter.tables = &table;
    options.filter.table_count = 1;
    options.filter.operations = PGCW_UPDATE;
    options.filter.predicate = answer_as_told;
    options.filter.predicate_context = &answer;
    struct pgcw_strategy *strategy = make(&options);
    assert_true(
        invalidates(strategy, event_of(PGCW_UPDATE, "public", "orders")));
    assert_false(
        invalidates(strategy, event_of(PGCW_INSERT, "public", "orders")));
    assert_false(
        invalidates(strategy, event_of(PGCW_UPDATE, "public", "items")));
    answer = false;
    assert_false(
        invalidates(strategy, event_of(PGCW_UPDATE, "public", "orders")));
    pgcw_strategy_destroy(strategy);
}

static void
bad_filter_is_refused(void **state)
{
    struct pgcw_greedy_options options = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_strategy *strategy = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    options.filter.operations = 16;
    assert_int_equal(pgcw_greedy_create(&options, &strategy, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_null(strategy);
}

static void
each_allocation_of_greedy_may_fail(void **state)
{
    struct pgcw_table table = {"public", "orders"};
    struct pgcw_greedy_options options = PGCW_GREEDY_OPTIONS_INIT;
    enum pgcw_status status = PGCW_NO_MEMORY;
    struct pgcw_strategy *strategy = NULL;

    (void)state;
    options.filter.tables = &table;
    options.filter.table_count = 1;
    for (long nth = 1; status != PGCW_OK; nth++) {
        struct pgcw_error error = {.status = PGCW_OK};

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(nth);
        status = pgcw_greedy_create(&options, &strategy, &error);
        if (status != PGCW_OK) {
            assert_int_equal(status, PGCW_NO_MEMORY);
            assert_int_equal(error.status, PGCW_NO_MEMORY);
            assert_null(strategy);
        }
    }
    pgcwi_alloc_fail_nth(0);
    pgcw_strategy_destroy(strategy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_each_event_invalidates),
        cmocka_unit_test(only_what_passes_the_filter_invalidates),
        cmocka_unit_test(bad_filter_is_refused),
        cmocka_unit_test(each_allocation_of_greedy_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
