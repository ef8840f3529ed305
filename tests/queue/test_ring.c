/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "queue/ring.h"

static void
items_come_out_in_the_order_in_which_they_went_in(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(16);
    int items[15];

    (void)state;
    assert_non_null(ring);
    for (int i = 0; i < 15; i++) {
        assert_true(pgcwi_ring_push(ring, &items[i]));
    }
    for (int i = 0; i < 15; i++) {
        assert_ptr_equal(pgcwi_ring_pop(ring), &items[i]);
    }
    assert_null(pgcwi_ring_pop(ring));
    pgcwi_ring_destroy(ring);
}

static void
full_ring_refuses_and_leaves_item_with_caller(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(4);
    int items[4];

    (void)state;
    assert_non_null(ring);
    for (int i = 0; i < 3; i++) {
        assert_true(pgcwi_ring_push(ring, &items[i]));
    }
    assert_false(pgcwi_ring_push(ring, &items[3]));
    assert_ptr_equal(pgcwi_ring_pop(ring), &items[0]);
    assert_true(pgcwi_ring_push(ring, &items[3]));
    for (int i = 1; i < 4; i++) {
        assert_ptr_equal(pgcwi_ring_pop(ring), &items[i]);
    }
    pgcwi_ring_destroy(ring);
}

static void
empty_ring_gives_nothing(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(4);

    (void)state;
    assert_non_null(ring);
    assert_null(pgcwi_ring_pop(ring));
    assert_null(pgcwi_ring_pop(ring));
    pgcwi_ring_destroy(ring);
}

static void
ring_goes_round_many_times(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(8);
    int items[7];

    (void)state;
    assert_non_null(ring);
    for (int round = 0; round < 10000; round++) {
        int count = round % 7 + 1;

        for (int i = 0; i < count; i++) {
            assert_true(pgcwi_ring_push(ring, &items[i]));
        }
        for (int i = 0; i < count; i++) {
            assert_ptr_equal(pgcwi_ring_pop(ring), &items[i]);
        }
    }
    pgcwi_ring_destroy(ring);
}

static void
count_is_the_number_of_items(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(4);
    int item;

    (void)state;
    assert_non_null(ring);
    for (int round = 0; round < 10; round++) {
        assert_int_equal(pgcwi_ring_count(ring), 0);
        for (uint32_t i = 1; i <= 3; i++) {
            assert_true(pgcwi_ring_push(ring, &item));
            assert_int_equal(pgcwi_ring_count(ring), i);
        }
        for (uint32_t i = 3; i > 0; i--) {
            assert_ptr_equal(pgcwi_ring_pop(ring), &item);
            assert_int_equal(pgcwi_ring_count(ring), i - 1);
        }
    }
    pgcwi_ring_destroy(ring);
}

static void
large_ring_can_be_made(void **state)
{
    struct pgcwi_ring *ring = pgcwi_ring_create(UINT32_C(1) << 20);
    int item;

    (void)state;
    assert_non_null(ring);
    assert_true(pgcwi_ring_push(ring, &item));
    assert_ptr_equal(pgcwi_ring_pop(ring), &item);
    pgcwi_ring_destroy(ring);
}

static void
ring_without_memory_is_not_made(void **state)
{
    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_ring_create(4));
    pgcwi_ring_destroy(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_out_in_the_order_in_which_they_went_in),
        cmocka_unit_test(full_ring_refuses_and_leaves_item_with_caller),
        cmocka_unit_test(empty_ring_gives_nothing),
        cmocka_unit_test(ring_goes_round_many_times),
        cmocka_unit_test(count_is_the_number_of_items),
        cmocka_unit_test(large_ring_can_be_made),
        cmocka_unit_test(ring_without_memory_is_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
