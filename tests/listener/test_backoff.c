/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/backoff.h"

static void
ceiling_doubles_from_min_to_max_and_a_delay_is_in_its_upper_half(void **state)
{
    static const uint32_t ceilings[] = {50,   100,  200,  400,  800,
                                        1600, 3200, 5000, 5000, 5000};

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct pgcwi_backoff backoff;

        pgcwi_backoff_init(&backoff, 50, 5000, seed);
        for (size_t i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
            uint32_t delay_ms = pgcwi_backoff_next_ms(&backoff);

            assert_in_range(delay_ms, ceilings[i] - ceilings[i] / 2,
                            ceilings[i]);
        }
    }
}

static void
delays_of_many_clients_are_spread_over_the_whole_half(void **state)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct pgcwi_backoff backoff;

        pgcwi_backoff_init(&backoff, 1000, 1000, seed * 0x9E3779B97F4A7C15);
        uint32_t delay_ms = pgcwi_backoff_next_ms(&backoff);
        least = delay_ms < least ? delay_ms : least;
        most = delay_ms > most ? delay_ms : most;
    }
    assert_in_range(least, 500, 525);
    assert_in_range(most, 975, 1000);
}

static void
same_seed_gives_the_same_delays(void **state)
{
    struct pgcwi_backoff one;
    struct pgcwi_backoff other;

    (void)state;
    pgcwi_backoff_init(&one, 10, 100000, 42);
    pgcwi_backoff_init(&other, 10, 100000, 42);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(pgcwi_backoff_next_ms(&one),
                         pgcwi_backoff_next_ms(&other));
    }
}

static void
reset_begins_with_min_again(void **state)
{
    struct pgcwi_backoff backoff;

    (void)state;
    pgcwi_backoff_init(&backoff, 50, 5000, 7);
    for (int i = 0; i < 20; i++) {
        (void)pgcwi_backoff_next_ms(&backoff);
    }
    pgcwi_backoff_reset(&backoff);
    assert_in_range(pgcwi_backoff_next_ms(&backoff), 25, 50);
}

static void
raise_goes_to_max_at_once(void **state)
{
    struct pgcwi_backoff backoff;

    (void)state;
    pgcwi_backoff_init(&backoff, 50, 5000, 7);
    pgcwi_backoff_raise(&backoff);
    assert_in_range(pgcwi_backoff_next_ms(&backoff), 2500, 5000);
    assert_in_range(pgcwi_backoff_next_ms(&backoff), 2500, 5000);
}

static void
smallest_and_largest_bounds_neither_wrap_nor_give_zero(void **state)
{
    struct pgcwi_backoff backoff;

    (void)state;
    pgcwi_backoff_init(&backoff, 1, 1, 0);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pgcwi_backoff_next_ms(&backoff), 1);
    }
    pgcwi_backoff_init(&backoff, 1, UINT32_MAX, 3);
    for (int i = 0; i < 40; i++) {
        assert_true(pgcwi_backoff_next_ms(&backoff) >= 1);
    }
    assert_true(pgcwi_backoff_next_ms(&backoff) >= UINT32_MAX / 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            ceiling_doubles_from_min_to_max_and_a_delay_is_in_its_upper_half),
        cmocka_unit_test(delays_of_many_clients_are_spread_over_the_whole_half),
        cmocka_unit_test(same_seed_gives_the_same_delays),
        cmocka_unit_test(reset_begins_with_min_again),
        cmocka_unit_test(raise_goes_to_max_at_once),
        cmocka_unit_test(
            smallest_and_largest_bounds_neither_wrap_nor_give_zero),
    };

    return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
