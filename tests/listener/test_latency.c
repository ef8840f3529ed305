/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "listener/latency.h"

static int line_count;
static char last_line[PGCWI_LOG_LINE_BYTES];
static struct pgcwi_log logged;

static void
note(void *context, enum pgcw_log_level level, const char *line)
{
    (void)context;
    assert_int_equal(level, PGCW_LOG_WARNING);
    line_count++;
    (void)snprintf(last_line, sizeof(last_line), "%s", line);
}

static int
set_up(void **state)
{
    (void)state;
    line_count = 0;
    pgcwi_log_init(&logged, note, NULL, PGCW_LOG_WARNING);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcwi_log_fini(&logged);
    return 0;
}

/* An event that took so long. */
static bool
check(struct pgcwi_latency *latency, int64_t us)
{
    struct pgcw_event event = {
        .operation = PGCW_UPDATE,
        .channel = "channel",
        .schema = "public",
        .table = "orders",
        .sent_at_us = 1000000,
        .received_at_us = 1000000 + us,
    };

    return pgcwi_latency_check(latency, &event, &logged);
}

static void
nothing_is_late_if_it_is_off(void **state)
{
    struct pgcwi_latency latency;

    (void)state;
    pgcwi_latency_init(&latency, 0);
    assert_false(check(&latency, INT64_C(1) << 40));
    assert_int_equal(line_count, 0);
}

static void
only_what_took_longer_is_late(void **state)
{
    struct pgcwi_latency latency;

    (void)state;
    pgcwi_latency_init(&latency, 100);
    assert_false(check(&latency, 0));
    assert_false(check(&latency, -500000)); /* by two clocks */
    assert_false(check(&latency, 100000));
    assert_int_equal(line_count, 0);
    assert_true(check(&latency, 100001));
    assert_int_equal(line_count, 1);
}

static void
warning_names_table_latency_and_limit(void **state)
{
    struct pgcwi_latency latency;
    struct pgcw_event event = {
        .channel = "channel",
        .schema = "",
        .table = "orders",
        .received_at_us = 1534567,
    };

    (void)state;
    pgcwi_latency_init(&latency, 100);
    assert_true(check(&latency, 1534567));
    assert_non_null(strstr(last_line, "\"public.orders\""));
    assert_non_null(strstr(last_line, " 1534 ms"));
    assert_non_null(strstr(last_line, "max_latency_ms, 100"));
    pgcwi_latency_init(&latency, 100);
    assert_true(pgcwi_latency_check(&latency, &event, &logged));
    assert_non_null(strstr(last_line, "\"orders\""));
}

static void
many_late_events_are_one_line_and_a_count(void **state)
{
    struct pgcwi_latency latency;

    (void)state;
    pgcwi_latency_init(&latency, 100);
    for (int i = 0; i < 1000; i++) {
        assert_true(check(&latency, 200000 + i));
    }
    assert_int_equal(line_count, 1);
    assert_non_null(strstr(last_line, "; 0 more"));
    pgcwi_clock_advance_ns(PGCWI_LATENCY_LINE_INTERVAL_MS * PGCWI_NS_PER_MS);
    assert_true(check(&latency, 200000));
    assert_true(check(&latency, 200000));
    assert_int_equal(line_count, 2);
    assert_non_null(strstr(last_line, "; 999 more"));
    pgcwi_clock_advance_ns(PGCWI_LATENCY_LINE_INTERVAL_MS * PGCWI_NS_PER_MS);
    assert_true(check(&latency, 200000));
    assert_int_equal(line_count, 3);
    assert_non_null(strstr(last_line, "; 1 more"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_late_if_it_is_off),
        TEST(only_what_took_longer_is_late),
        TEST(warning_names_table_latency_and_limit),
        TEST(many_late_events_are_one_line_and_a_count),
    };

    return cmocka_run_group_tests_name("latency", tests, NULL, NULL);
}
