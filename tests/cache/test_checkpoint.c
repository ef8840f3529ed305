/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cache/checkpoint.h"
#include "cache/stamps.h"

static int
init(void **state)
{
    static struct pgcwi_checkpoints checkpoints;

    pgcwi_checkpoints_init(&checkpoints);
    *state = &checkpoints;
    return 0;
}

static int
fini(void **state)
{
    pgcwi_checkpoints_fini(*state);
    return 0;
}

static void
add(struct pgcwi_checkpoints *checkpoints, uint64_t clock, uint64_t position)
{
    pgcwi_checkpoints_add(
        checkpoints,
        (struct pgcwi_checkpoint){{clock, (int64_t)clock * 1000}, position});
}

static uint64_t
clock_at(struct pgcwi_checkpoints *checkpoints, uint64_t position)
{
    return pgcwi_checkpoints_find(checkpoints, position).clock;
}

static void
without_a_checkpoint_nothing_is_known(void **state)
{
    assert_int_equal(clock_at(*state, UINT64_MAX), PGCWI_CLOCK_DEAD);
}

static void
newest_that_is_not_beyond_the_position_counts(void **state)
{
    add(*state, 5, 100);
    add(*state, 8, 200);
    assert_int_equal(clock_at(*state, 99), PGCWI_CLOCK_DEAD);
    assert_int_equal(clock_at(*state, 100), 5);
    assert_int_equal(clock_at(*state, 199), 5);
    assert_int_equal(clock_at(*state, 200), 8);
    assert_int_equal(clock_at(*state, UINT64_MAX), 8);
    assert_int_equal(pgcwi_checkpoints_find(*state, 150).taken_at_ns, 5000);
}

static void
of_one_position_the_newest_counts_and_takes_no_more_room(void **state)
{
    struct pgcwi_checkpoints *checkpoints = *state;

    add(checkpoints, 5, 100);
    for (uint64_t clock = 6; clock <= 10000; clock++) {
        add(checkpoints, clock, 200);
    }
    assert_int_equal(checkpoints->count, 2);
    assert_int_equal(clock_at(checkpoints, 150), 5);
    assert_int_equal(clock_at(checkpoints, 200), 10000);
}

static void
positions_that_start_anew_after_a_failover_are_found_first(void **state)
{
    add(*state, 5, 1000);
    add(*state, 9, 300);
    assert_int_equal(clock_at(*state, 300), 9);
    assert_int_equal(clock_at(*state, 1000), 9);
    assert_int_equal(clock_at(*state, 299), PGCWI_CLOCK_DEAD);
}

/* What is found is never too new, the oldest is never lost, and the gaps grow
 * with the age only. */
static void
thinned_out_they_are_still_true_and_reach_back_to_the_first(void **state)
{
    struct pgcwi_checkpoints *checkpoints = *state;

    for (uint64_t clock = 1; clock <= 100000; clock++) {
        add(checkpoints, clock, clock * 10);
        assert_true(checkpoints->count <= PGCWI_CHECKPOINTS_MAX);
        assert_int_equal(clock_at(checkpoints, clock * 10), clock);
    }
    assert_int_equal(clock_at(checkpoints, 9), PGCWI_CLOCK_DEAD);
    assert_int_equal(clock_at(checkpoints, 10), 1);
    for (uint64_t clock = 1; clock <= 100000; clock++) {
        uint64_t found = clock_at(checkpoints, clock * 10 + 9);
        uint64_t age = 100000 - clock;

        assert_true(found <= clock);
        assert_true(clock - found <= age / 4 + 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_a_checkpoint_nothing_is_known),
        TEST(newest_that_is_not_beyond_the_position_counts),
        TEST(of_one_position_the_newest_counts_and_takes_no_more_room),
        TEST(positions_that_start_anew_after_a_failover_are_found_first),
        TEST(thinned_out_they_are_still_true_and_reach_back_to_the_first),
    };

    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
