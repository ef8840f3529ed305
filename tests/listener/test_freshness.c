/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "listener/freshness.h"

#define PATIENCE_NS (20000 * PGCWI_NS_PER_MS)

static int
set_up(void **state)
{
    static struct pgcwi_freshness freshness;

    pgcwi_freshness_init(&freshness);
    *state = &freshness;
    return 0;
}

static int
tear_down(void **state)
{
    pgcwi_freshness_fini(*state);
    return 0;
}

static void
nothing_is_known_at_first(void **state)
{
    assert_int_equal(pgcwi_freshness_horizon_ns(*state), 0);
    assert_int_equal(pgcwi_freshness_requested(*state), 0);
}

static void
tickets_ascend_and_the_newest_is_what_is_requested(void **state)
{
    for (uint64_t ticket = 1; ticket <= 10; ticket++) {
        assert_int_equal(pgcwi_freshness_request(*state), ticket);
        assert_int_equal(pgcwi_freshness_requested(*state), ticket);
    }
}

static void
p7_ticket_is_complete_only_by_a_fence_that_serves_it(void **state)
{
    uint64_t first = pgcwi_freshness_request(*state);
    struct pgcwi_fence fence = {
        .ticket = pgcwi_freshness_requested(*state),
        .sent_at_ns = 10,
    };
    uint64_t too_late_for_it = pgcwi_freshness_request(*state);

    assert_false(pgcwi_freshness_wait(*state, first, 0));
    pgcwi_freshness_apply(*state, fence);
    assert_true(pgcwi_freshness_wait(*state, first, 0));
    assert_false(pgcwi_freshness_wait(*state, too_late_for_it, 0));
}

static void
p7_fence_of_a_heartbeat_completes_no_ticket_that_it_does_not_carry(void **state)
{
    uint64_t ticket = pgcwi_freshness_request(*state);

    pgcwi_freshness_apply(*state, (struct pgcwi_fence){0, 10});
    assert_false(pgcwi_freshness_wait(*state, ticket, 0));
}

static void
p6_horizon_only_grows_with_fences_in_order(void **state)
{
    int64_t before = 0;

    for (int64_t sent_at_ns = 100; sent_at_ns < 200; sent_at_ns++) {
        pgcwi_freshness_apply(*state, (struct pgcwi_fence){0, sent_at_ns});
        assert_int_equal(pgcwi_freshness_horizon_ns(*state), sent_at_ns);
        assert_true(pgcwi_freshness_horizon_ns(*state) > before);
        before = sent_at_ns;
    }
}

static void
wait_ends_at_its_deadline(void **state)
{
    uint64_t ticket = pgcwi_freshness_request(*state);
    int64_t began_ns = pgcwi_clock_monotonic_ns();

    assert_false(
        pgcwi_freshness_wait(*state, ticket, began_ns + 30 * PGCWI_NS_PER_MS));
    assert_true(pgcwi_clock_monotonic_ns() >= began_ns + 30 * PGCWI_NS_PER_MS);
}

static void *
apply_newest(void *context)
{
    pgcwi_freshness_apply(
        context, (struct pgcwi_fence){pgcwi_freshness_requested(context), 1});
    return NULL;
}

static void
wait_is_woken_by_the_fence(void **state)
{
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        uint64_t ticket = pgcwi_freshness_request(*state);

        assert_int_equal(pthread_create(&thread, NULL, apply_newest, *state),
                         0);
        bool is_complete = pgcwi_freshness_wait(
            *state, ticket, pgcwi_clock_monotonic_ns() + PATIENCE_NS);
        pthread_join(thread, NULL);
        assert_true(is_complete);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_known_at_first),
        TEST(tickets_ascend_and_the_newest_is_what_is_requested),
        TEST(p7_ticket_is_complete_only_by_a_fence_that_serves_it),
        TEST(
            p7_fence_of_a_heartbeat_completes_no_ticket_that_it_does_not_carry),
        TEST(p6_horizon_only_grows_with_fences_in_order),
        TEST(wait_ends_at_its_deadline),
        TEST(wait_is_woken_by_the_fence),
    };

    return cmocka_run_group_tests_name("freshness", tests, NULL, NULL);
}
