/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/counter.h"
#include "listener/histogram.h"

static uint64_t
count(const struct pgcwi_histogram *histogram, size_t i)
{
    return pgcwi_counter_read(&histogram->counts[i]);
}

static uint64_t
sum_us(const struct pgcwi_histogram *histogram)
{
    return pgcwi_counter_read(&histogram->sum_us);
}

static void
bounds_double_from_100_microseconds(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_histogram_bound_us(0), 100);
    assert_int_equal(pgcwi_histogram_bound_us(1), 200);
    assert_int_equal(pgcwi_histogram_bound_us(PGCWI_HISTOGRAM_BOUNDS - 1),
                     52428800);
}

static void
a_time_counts_up_to_its_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < PGCWI_HISTOGRAM_BOUNDS; i++) {
        struct pgcwi_histogram histogram = {.counts = {0}};
        int64_t bound_us = (int64_t)pgcwi_histogram_bound_us(i);

        pgcwi_histogram_add(&histogram, bound_us);
        assert_int_equal(count(&histogram, i), 1);
        pgcwi_histogram_add(&histogram, bound_us + 1);
        assert_int_equal(count(&histogram, i), 1);
        assert_int_equal(count(&histogram, i + 1), 1);
        assert_int_equal(sum_us(&histogram), 2 * bound_us + 1);
    }
}

static void
times_of_two_clocks_may_be_anything(void **state)
{
    struct pgcwi_histogram histogram = {.counts = {0}};

    (void)state;
    pgcwi_histogram_add(&histogram, 0);
    pgcwi_histogram_add(&histogram, -1);
    pgcwi_histogram_add(&histogram, INT64_MIN);
    assert_int_equal(count(&histogram, 0), 3);
    assert_int_equal(sum_us(&histogram), 0);
    pgcwi_histogram_add(&histogram, INT64_MAX);
    assert_int_equal(count(&histogram, PGCWI_HISTOGRAM_BOUNDS), 1);
    assert_int_equal(sum_us(&histogram), INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_double_from_100_microseconds),
        cmocka_unit_test(a_time_counts_up_to_its_bound),
        cmocka_unit_test(times_of_two_clocks_may_be_anything),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
