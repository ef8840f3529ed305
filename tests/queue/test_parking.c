/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "queue/parking.h"

#define NO_DEADLINE INT64_MAX

static void
wake_after_prepare_ends_the_wait_at_once(void **state)
{
    struct pgcwi_parking parking;
    uint32_t ticket;

    (void)state;
    pgcwi_parking_init(&parking);
    ticket = pgcwi_parking_prepare(&parking);
    pgcwi_parking_wake_one(&parking);
    assert_true(pgcwi_parking_wait(&parking, ticket, NO_DEADLINE));
    ticket = pgcwi_parking_prepare(&parking);
    pgcwi_parking_wake_all(&parking);
    assert_true(pgcwi_parking_wait(&parking, ticket, NO_DEADLINE));
    pgcwi_parking_fini(&parking);
}

static void
wake_before_prepare_does_not_count(void **state)
{
    struct pgcwi_parking parking;
    uint32_t ticket;

    (void)state;
    pgcwi_parking_init(&parking);
    pgcwi_parking_wake_one(&parking);
    ticket = pgcwi_parking_prepare(&parking);
    assert_false(pgcwi_parking_wait(&parking, ticket, 0));
    pgcwi_parking_fini(&parking);
}

static void
deadline_ends_the_wait_and_not_before_its_time(void **state)
{
    struct pgcwi_parking parking;
    int64_t deadline_ns;
    uint32_t ticket;

    (void)state;
    pgcwi_parking_init(&parking);
    /* the clock of the test, not the system's, is the one that counts */
    pgcwi_clock_advance_ns(INT64_C(3600000) * PGCWI_NS_PER_MS);
    deadline_ns = pgcwi_clock_monotonic_ns() + 5 * PGCWI_NS_PER_MS;
    do {
        ticket = pgcwi_parking_prepare(&parking);
    } while (pgcwi_parking_wait(&parking, ticket, deadline_ns));
    assert_true(pgcwi_clock_monotonic_ns() >= deadline_ns);
    assert_false(pgcwi_parking_wait(&parking, pgcwi_parking_prepare(&parking),
                                    INT64_MIN));
    pgcwi_parking_fini(&parking);
}

static void
nobody_is_counted_after_cancel_or_wait(void **state)
{
    struct pgcwi_parking parking;
    uint32_t ticket;

    (void)state;
    pgcwi_parking_init(&parking);
    (void)pgcwi_parking_prepare(&parking);
    assert_int_equal(atomic_load(&parking.sleeper_count), 1);
    pgcwi_parking_cancel(&parking);
    assert_int_equal(atomic_load(&parking.sleeper_count), 0);
    ticket = pgcwi_parking_prepare(&parking);
    assert_false(pgcwi_parking_wait(&parking, ticket, 0));
    assert_int_equal(atomic_load(&parking.sleeper_count), 0);
    pgcwi_parking_fini(&parking);
}

static void
ticket_may_wrap_around(void **state)
{
    struct pgcwi_parking parking;
    uint32_t ticket;

    (void)state;
    pgcwi_parking_init(&parking);
    atomic_store(&parking.wake_count, UINT32_MAX);
    ticket = pgcwi_parking_prepare(&parking);
    assert_int_equal(ticket, UINT32_MAX);
    pgcwi_parking_wake_one(&parking);
    assert_true(pgcwi_parking_wait(&parking, ticket, NO_DEADLINE));
    pgcwi_parking_fini(&parking);
}

enum { SLEEPER_COUNT = 4 };

struct sleep_test {
    struct pgcwi_parking parking;
    _Atomic int work_count; /* items that sleepers may take */
    _Atomic int taken_count;
    _Atomic int unwoken_count;
};

static bool
take(struct sleep_test *test)
{
    int count = atomic_load(&test->work_count);

    while (count > 0) {
        if (atomic_compare_exchange_weak(&test->work_count, &count,
                                         count - 1)) {
            atomic_fetch_add(&test->taken_count, 1);
            return true;
        }
    }
    return false;
}

/* Takes one item, and sleeps until there is one. */
static void *
sleep_until_work(void *context)
{
    struct sleep_test *test = context;

    while (!take(test)) {
        uint32_t ticket = pgcwi_parking_prepare(&test->parking);

        if (atomic_load(&test->work_count) > 0) {
            pgcwi_parking_cancel(&test->parking);
        } else if (!pgcwi_parking_wait(&test->parking, ticket, NO_DEADLINE)) {
            atomic_fetch_add(&test->unwoken_count, 1);
        }
    }
    return NULL;
}

static void
start_sleepers(struct sleep_test *test, pthread_t threads[SLEEPER_COUNT])
{
    pgcwi_parking_init(&test->parking);
    for (int i = 0; i < SLEEPER_COUNT; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, sleep_until_work, test), 0);
    }
    while (atomic_load(&test->parking.sleeper_count) < SLEEPER_COUNT) {
        sched_yield();
    }
}

static void
join_sleepers(struct sleep_test *test, pthread_t threads[SLEEPER_COUNT])
{
    for (int i = 0; i < SLEEPER_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&test->taken_count), SLEEPER_COUNT);
    assert_int_equal(atomic_load(&test->unwoken_count), 0);
    pgcwi_parking_fini(&test->parking);
}

static void
each_wake_one_wakes_a_sleeper(void **state)
{
    struct sleep_test test = {.work_count = 0};
    pthread_t threads[SLEEPER_COUNT];

    (void)state;
    start_sleepers(&test, threads);
    for (int i = 1; i <= SLEEPER_COUNT; i++) {
        atomic_fetch_add(&test.work_count, 1);
        pgcwi_parking_wake_one(&test.parking);
        while (atomic_load(&test.taken_count) < i) {
            sched_yield();
        }
    }
    join_sleepers(&test, threads);
}

static void
wake_all_wakes_every_sleeper(void **state)
{
    struct sleep_test test = {.work_count = 0};
    pthread_t threads[SLEEPER_COUNT];

    (void)state;
    start_sleepers(&test, threads);
    atomic_store(&test.work_count, SLEEPER_COUNT);
    pgcwi_parking_wake_all(&test.parking);
    join_sleepers(&test, threads);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wake_after_prepare_ends_the_wait_at_once),
        cmocka_unit_test(wake_before_prepare_does_not_count),
        cmocka_unit_test(deadline_ends_the_wait_and_not_before_its_time),
        cmocka_unit_test(nobody_is_counted_after_cancel_or_wait),
        cmocka_unit_test(ticket_may_wrap_around),
        cmocka_unit_test(each_wake_one_wakes_a_sleeper),
        cmocka_unit_test(wake_all_wakes_every_sleeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
