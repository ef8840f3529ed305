/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"

#define NS_PER_HOUR (INT64_C(3600) * 1000 * PGCWI_NS_PER_MS)

static int64_t
real_ns(clockid_t clock)
{
    struct timespec now;

    assert_int_equal(clock_gettime(clock, &now), 0);
    return (int64_t)now.tv_sec * 1000 * PGCWI_NS_PER_MS + now.tv_nsec;
}

static void
clocks_are_those_of_the_system(void **state)
{
    int64_t monotonic_before = real_ns(CLOCK_MONOTONIC);
    int64_t monotonic = pgcwi_clock_monotonic_ns();
    int64_t unix_before = real_ns(CLOCK_REALTIME) / PGCWI_NS_PER_US;
    int64_t unix_us = pgcwi_clock_unix_us();

    (void)state;
    assert_true(monotonic >= monotonic_before);
    assert_true(monotonic <= real_ns(CLOCK_MONOTONIC));
    assert_true(unix_us >= unix_before);
    assert_true(unix_us <= real_ns(CLOCK_REALTIME) / PGCWI_NS_PER_US);
}

static void
both_clocks_can_be_moved(void **state)
{
    (void)state;
    pgcwi_clock_advance_ns(NS_PER_HOUR);
    assert_true(pgcwi_clock_monotonic_ns() >=
                real_ns(CLOCK_MONOTONIC) + NS_PER_HOUR - NS_PER_HOUR / 2);
    assert_true(pgcwi_clock_unix_us() >=
                (real_ns(CLOCK_REALTIME) + NS_PER_HOUR - NS_PER_HOUR / 2) /
                    PGCWI_NS_PER_US);
    pgcwi_clock_advance_ns(-NS_PER_HOUR);
    assert_true(pgcwi_clock_monotonic_ns() <= real_ns(CLOCK_MONOTONIC));
}

static void
timespec_is_the_real_time_of_a_moved_deadline(void **state)
{
    struct timespec point;

    (void)state;
    point = pgcwi_clock_timespec(INT64_C(5000000007));
    assert_int_equal(point.tv_sec, 5);
    assert_int_equal(point.tv_nsec, 7);
    pgcwi_clock_advance_ns(INT64_C(2000000000));
    point = pgcwi_clock_timespec(INT64_C(5000000007));
    pgcwi_clock_advance_ns(-INT64_C(2000000000));
    assert_int_equal(point.tv_sec, 3);
    assert_int_equal(point.tv_nsec, 7);
}

static void
timespec_of_what_has_long_passed_is_valid(void **state)
{
    static const int64_t deadlines[] = {INT64_MIN, -1, 0};
    struct timespec point;

    (void)state;
    pgcwi_clock_advance_ns(NS_PER_HOUR);
    for (size_t i = 0; i < 3; i++) {
        point = pgcwi_clock_timespec(deadlines[i]);
        assert_int_equal(point.tv_sec, 0);
        assert_int_equal(point.tv_nsec, 0);
    }
    point = pgcwi_clock_timespec(NS_PER_HOUR - 1);
    assert_int_equal(point.tv_sec, 0);
    assert_int_equal(point.tv_nsec, 0);
    point = pgcwi_clock_timespec(INT64_MAX);
    assert_true(point.tv_nsec >= 0 && point.tv_nsec < 1000000000);
    pgcwi_clock_advance_ns(-NS_PER_HOUR);
}

static void
poll_does_not_wait_for_what_has_passed(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_clock_poll_ms(INT64_MIN), 0);
    assert_int_equal(pgcwi_clock_poll_ms(-1), 0);
    assert_int_equal(pgcwi_clock_poll_ms(0), 0);
    assert_int_equal(pgcwi_clock_poll_ms(pgcwi_clock_monotonic_ns()), 0);
}

/* Never before the deadline, and less than a millisecond behind it. */
static void
poll_waits_until_the_deadline_rounded_up(void **state)
{
    (void)state;
    for (int64_t ns = 1; ns < 40 * PGCWI_NS_PER_MS; ns += 9973) {
        int64_t before_ns = pgcwi_clock_monotonic_ns();
        int64_t deadline_ns = before_ns + 30000 * PGCWI_NS_PER_MS + ns;
        int64_t wait_ns = pgcwi_clock_poll_ms(deadline_ns) * PGCWI_NS_PER_MS;

        assert_true(pgcwi_clock_monotonic_ns() + wait_ns >= deadline_ns);
        assert_true(before_ns + wait_ns < deadline_ns + PGCWI_NS_PER_MS);
    }
}

static void
poll_waits_a_minute_at_most(void **state)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    (void)state;
    assert_int_equal(pgcwi_clock_poll_ms(INT64_MAX), 60000);
    assert_int_equal(pgcwi_clock_poll_ms(now_ns + NS_PER_HOUR), 60000);
    /* what is left is next to the largest number there is */
    pgcwi_clock_advance_ns(-now_ns);
    assert_int_equal(pgcwi_clock_poll_ms(INT64_MAX), 60000);
    pgcwi_clock_advance_ns(now_ns);
}

/* By the time of day, which is far ahead, the wait would be over at once. */
static void
condition_waits_until_the_monotonic_deadline(void **state)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + 20 * PGCWI_NS_PER_MS;
    struct timespec deadline = pgcwi_clock_timespec(deadline_ns);
    int result = 0;

    (void)state;
    pgcwi_clock_init_condition(&condition);
    pthread_mutex_lock(&lock);
    while (result == 0) {
        result = pthread_cond_timedwait(&condition, &lock, &deadline);
    }
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&condition);
    assert_int_equal(result, ETIMEDOUT);
    assert_true(pgcwi_clock_monotonic_ns() >= deadline_ns);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_are_those_of_the_system),
        cmocka_unit_test(both_clocks_can_be_moved),
        cmocka_unit_test(timespec_is_the_real_time_of_a_moved_deadline),
        cmocka_unit_test(timespec_of_what_has_long_passed_is_valid),
        cmocka_unit_test(poll_does_not_wait_for_what_has_passed),
        cmocka_unit_test(poll_waits_until_the_deadline_rounded_up),
        cmocka_unit_test(poll_waits_a_minute_at_most),
        cmocka_unit_test(condition_waits_until_the_monotonic_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
