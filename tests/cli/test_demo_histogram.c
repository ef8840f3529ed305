/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/demo_histogram.h"

static struct pgcwi_demo_histogram histogram;

static int
empty_it(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void
empty_histogram_has_no_quantile(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.5), 0);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 1.0), 0);
}

static void
small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 10; value++) {
        pgcwi_demo_histogram_add(&histogram, value);
    }
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.1), 0);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.5), 4);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.99), 9);
    assert_int_equal(histogram.total, 10);
    assert_int_equal(histogram.largest, 9);
}

/* Never below the true one, and at most 1/32 above it. */
static void
every_size_of_value_is_kept_to_three_percent(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
        empty_it(NULL);
        pgcwi_demo_histogram_add(&histogram, value);
        pgcwi_demo_histogram_add(&histogram, UINT64_MAX);
        uint64_t found = pgcwi_demo_histogram_quantile(&histogram, 0.5);
        assert_true(found >= value);
        assert_true(found - value <= value / 32);
    }
}

static void
largest_value_has_a_bucket_and_is_the_last_quantile(void **state)
{
    (void)state;
    pgcwi_demo_histogram_add(&histogram, UINT64_MAX);
    assert_true(pgcwi_demo_histogram_quantile(&histogram, 1.0) == UINT64_MAX);
    assert_int_equal(histogram.counts[PGCWI_DEMO_HISTOGRAM_BUCKETS - 1], 1);
}

static void
quantile_is_never_above_the_largest(void **state)
{
    (void)state;
    pgcwi_demo_histogram_add(&histogram, 1000001);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.99), 1000001);
}

static void
one_in_a_hundred_moves_p99_and_not_p50(void **state)
{
    (void)state;
    for (int i = 0; i < 98; i++) {
        pgcwi_demo_histogram_add(&histogram, 20);
    }
    pgcwi_demo_histogram_add(&histogram, 5000);
    pgcwi_demo_histogram_add(&histogram, 5000);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.50), 20);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.98), 20);
    assert_int_equal(pgcwi_demo_histogram_quantile(&histogram, 0.99), 5000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(empty_histogram_has_no_quantile, empty_it),
        cmocka_unit_test_setup(small_values_are_exact, empty_it),
        cmocka_unit_test_setup(every_size_of_value_is_kept_to_three_percent,
                               empty_it),
        cmocka_unit_test_setup(
            largest_value_has_a_bucket_and_is_the_last_quantile, empty_it),
        cmocka_unit_test_setup(quantile_is_never_above_the_largest, empty_it),
        cmocka_unit_test_setup(one_in_a_hundred_moves_p99_and_not_p50,
                               empty_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
