/* SPDX-License-Identifier: MIT */
/*
 * Drives a strategy event by event, with a clock that the test sets.
 *
 * Everything asserts that it works: for the test's own thread only.
 */
#ifndef TESTS_SUPPORT_STRATEGY_H
#define TESTS_SUPPORT_STRATEGY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "strategy/strategy.h"

static inline void
pass_ms(int64_t ms)
{
    pgcwi_clock_advance_ns(ms * PGCWI_NS_PER_MS);
}

/* What its timer decides now; PGCW_KEEP if it is not due. */
static inline enum pgcw_decision
tick(const struct pgcw_strategy *strategy)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    return pgcwi_strategy_due_ns(strategy) <= now_ns
               ? pgcwi_strategy_expire(strategy, now_ns)
               : PGCW_KEEP;
}

static inline bool
has_timer(const struct pgcw_strategy *strategy)
{
    return pgcwi_strategy_due_ns(strategy) != INT64_MAX;
}

/* In milliseconds from now, rounded to the nearest. */
static inline int64_t
due_in_ms(const struct pgcw_strategy *strategy)
{
    int64_t left_ns =
        pgcwi_strategy_due_ns(strategy) - pgcwi_clock_monotonic_ns();

    return (left_ns + PGCWI_NS_PER_MS / 2) / PGCWI_NS_PER_MS;
}

static inline struct pgcw_event
event_of(enum pgcw_operation operation, const char *schema, const char *table)
{
    return (struct pgcw_event){.operation = operation,
                               .number = 1,
                               .channel = PGCW_DEFAULT_CHANNEL,
                               .schema = schema,
                               .table = table};
}

static inline enum pgcw_decision
show_event(const struct pgcw_strategy *strategy, const char *table,
           enum pgcw_operation operation, int64_t sent_at_us,
           int64_t received_at_us)
{
    struct pgcw_event event = event_of(operation, "public", table);

    event.sent_at_us = sent_at_us;
    event.received_at_us = received_at_us;
    return pgcwi_strategy_decide(strategy, &event);
}

/* Sent and received now. */
static inline enum pgcw_decision
show(const struct pgcw_strategy *strategy, enum pgcw_operation operation)
{
    int64_t now_us = pgcwi_clock_unix_us();

    return show_event(strategy, "orders", operation, now_us, now_us);
}

typedef enum pgcw_status create_strategy_fn(struct pgcw_strategy **strategy,
                                            struct pgcw_error *error);

/* Fail each allocation in turn, until nothing fails. */
static inline void
sweep_allocations(create_strategy_fn *create)
{
    struct pgcw_strategy *strategy = NULL;
    enum pgcw_status status = PGCW_NO_MEMORY;
    long nth = 0;

    while (status != PGCW_OK) {
        struct pgcw_error error = {.status = PGCW_OK};

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(++nth);
        status = create(&strategy, &error);
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(error.status, status);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_true((status == PGCW_OK) == (strategy != NULL));
    }
    assert_true(nth > 3);
    pgcw_strategy_destroy(strategy);
}

#endif
