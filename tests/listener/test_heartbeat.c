/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/heartbeat.h"

enum { INTERVAL = 500, LIMIT = 1000, START = 100000 };

static struct pgcwi_heartbeat
started(void)
{
    struct pgcwi_heartbeat heartbeat;

    pgcwi_heartbeat_init(&heartbeat, INTERVAL, LIMIT, START);
    return heartbeat;
}

static void
first_heartbeat_is_due_at_once(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    assert_true(pgcwi_heartbeat_is_due(&heartbeat, START));
    assert_false(pgcwi_heartbeat_is_late(&heartbeat, START + 10 * LIMIT));
}

static void
heartbeat_is_not_due_while_one_is_in_flight(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    pgcwi_heartbeat_sent(&heartbeat, START);
    assert_false(pgcwi_heartbeat_is_due(&heartbeat, START + 10 * INTERVAL));
}

static void
next_is_due_one_interval_after_the_one_before_was_sent(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    pgcwi_heartbeat_sent(&heartbeat, START);
    pgcwi_heartbeat_answered(&heartbeat);
    assert_false(pgcwi_heartbeat_is_due(&heartbeat, START + INTERVAL - 1));
    assert_true(pgcwi_heartbeat_is_due(&heartbeat, START + INTERVAL));
    assert_int_equal(pgcwi_heartbeat_deadline_ns(&heartbeat, START + 1),
                     START + INTERVAL);
}

static void
unanswered_heartbeat_is_late_after_the_timeout_and_lost_after_two(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    pgcwi_heartbeat_sent(&heartbeat, START);
    assert_false(pgcwi_heartbeat_is_late(&heartbeat, START + LIMIT - 1));
    assert_true(pgcwi_heartbeat_is_late(&heartbeat, START + LIMIT));
    assert_false(pgcwi_heartbeat_is_lost(&heartbeat, START + 2 * LIMIT - 1));
    assert_true(pgcwi_heartbeat_is_lost(&heartbeat, START + 2 * LIMIT));
}

static void
late_heartbeat_is_not_lost_while_there_is_life(void **state)
{
    struct pgcwi_heartbeat heartbeat;

    (void)state;
    pgcwi_heartbeat_init(&heartbeat, INTERVAL, LIMIT, START);
    pgcwi_heartbeat_sent(&heartbeat, START);
    pgcwi_heartbeat_alive(&heartbeat, START + 2 * LIMIT - 1);
    assert_true(pgcwi_heartbeat_is_late(&heartbeat, START + 2 * LIMIT));
    assert_false(pgcwi_heartbeat_is_lost(&heartbeat, START + 4 * LIMIT - 2));
    assert_int_equal(pgcwi_heartbeat_deadline_ns(&heartbeat, START + 2 * LIMIT),
                     START + 4 * LIMIT - 1);
    assert_true(pgcwi_heartbeat_is_lost(&heartbeat, START + 4 * LIMIT - 1));
}

static void
answered_heartbeat_is_neither_late_nor_lost(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    pgcwi_heartbeat_sent(&heartbeat, START);
    pgcwi_heartbeat_answered(&heartbeat);
    assert_false(pgcwi_heartbeat_is_late(&heartbeat, START + 10 * LIMIT));
    assert_false(pgcwi_heartbeat_is_lost(&heartbeat, START + 10 * LIMIT));
}

static void
deadline_is_the_next_moment_at_which_something_changes(void **state)
{
    struct pgcwi_heartbeat heartbeat = started();

    (void)state;
    pgcwi_heartbeat_sent(&heartbeat, START);
    assert_int_equal(pgcwi_heartbeat_deadline_ns(&heartbeat, START),
                     START + LIMIT);
    assert_int_equal(pgcwi_heartbeat_deadline_ns(&heartbeat, START + LIMIT - 1),
                     START + LIMIT);
    assert_int_equal(pgcwi_heartbeat_deadline_ns(&heartbeat, START + LIMIT),
                     START + 2 * LIMIT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_heartbeat_is_due_at_once),
        cmocka_unit_test(heartbeat_is_not_due_while_one_is_in_flight),
        cmocka_unit_test(
            next_is_due_one_interval_after_the_one_before_was_sent),
        cmocka_unit_test(
            unanswered_heartbeat_is_late_after_the_timeout_and_lost_after_two),
        cmocka_unit_test(late_heartbeat_is_not_lost_while_there_is_life),
        cmocka_unit_test(answered_heartbeat_is_neither_late_nor_lost),
        cmocka_unit_test(
            deadline_is_the_next_moment_at_which_something_changes),
    };

    return cmocka_run_group_tests_name("heartbeat", tests, NULL, NULL);
}
