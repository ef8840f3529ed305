/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/buckets.h"

/* 10 up to 1 ms, 80 up to 2 ms, 9 up to 4 ms, one that took longer. */
static struct pgcwi_buckets
example(void)
{
    struct pgcwi_buckets buckets = {0};

    assert_true(pgcwi_buckets_add(&buckets, 0.002, 90));
    assert_true(pgcwi_buckets_add(&buckets, INFINITY, 100));
    assert_true(pgcwi_buckets_add(&buckets, 0.001, 10));
    assert_true(pgcwi_buckets_add(&buckets, 0.004, 99));
    pgcwi_buckets_finish(&buckets);
    return buckets;
}

static void
assert_near(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-9)) {
        fail_msg("%.12g, not %.12g", found, expected);
    }
}

static void
buckets_are_put_in_order(void **state)
{
    struct pgcwi_buckets buckets = example();

    (void)state;
    assert_int_equal(buckets.count, 4);
    for (size_t i = 1; i < buckets.count; i++) {
        assert_true(buckets.items[i - 1].bound < buckets.items[i].bound);
    }
    assert_near(pgcwi_buckets_total(&buckets), 100);
}

static void
quantile_lies_within_its_bucket(void **state)
{
    struct pgcwi_buckets buckets = example();

    (void)state;
    assert_near(pgcwi_buckets_quantile(&buckets, 0.05), 0.0005);
    assert_near(pgcwi_buckets_quantile(&buckets, 0.10), 0.001);
    assert_near(pgcwi_buckets_quantile(&buckets, 0.50), 0.0015);
    assert_near(pgcwi_buckets_quantile(&buckets, 0.99), 0.004);
    /* nobody knows how much longer */
    assert_near(pgcwi_buckets_quantile(&buckets, 1), 0.004);
}

static void
quantile_of_nothing_is_not_known(void **state)
{
    struct pgcwi_buckets buckets = {0};

    (void)state;
    assert_true(isnan(pgcwi_buckets_quantile(&buckets, 0.5)));
    assert_true(pgcwi_buckets_add(&buckets, 1, 0));
    assert_true(isnan(pgcwi_buckets_quantile(&buckets, 0.5)));
}

static void
same_bound_is_the_same_bucket(void **state)
{
    struct pgcwi_buckets buckets = example();

    (void)state;
    assert_true(pgcwi_buckets_add(&buckets, INFINITY, 7));
    assert_true(pgcwi_buckets_add(&buckets, 0.001, 7));
    assert_int_equal(buckets.count, 4);
    assert_near(buckets.items[0].count, 17);
    assert_near(pgcwi_buckets_total(&buckets), 107);
}

static void
too_many_bounds_are_refused(void **state)
{
    struct pgcwi_buckets buckets = {0};

    (void)state;
    for (int i = PGCWI_BUCKETS; i > 0; i--) {
        assert_true(pgcwi_buckets_add(&buckets, i, 1));
    }
    assert_false(pgcwi_buckets_add(&buckets, 0.5, 1));
    assert_false(pgcwi_buckets_add(&buckets, INFINITY, 1));
    assert_true(pgcwi_buckets_add(&buckets, 1, 1));
    assert_false(pgcwi_buckets_add(&buckets, NAN, 1));
}

static void
untrue_bucket_is_lifted(void **state)
{
    struct pgcwi_buckets buckets = {0};

    (void)state;
    assert_true(pgcwi_buckets_add(&buckets, 1, 5));
    assert_true(pgcwi_buckets_add(&buckets, 2, 3));
    pgcwi_buckets_finish(&buckets);
    assert_near(buckets.items[1].count, 5);
}

static void
between_two_readings_is_what_came_since(void **state)
{
    struct pgcwi_buckets before = example();
    struct pgcwi_buckets after = example();
    struct pgcwi_buckets between;

    (void)state;
    after.items[2].count += 3;
    after.items[3].count += 3;
    pgcwi_buckets_between(&before, &after, &between);
    assert_near(pgcwi_buckets_total(&between), 3);
    assert_near(pgcwi_buckets_quantile(&between, 0.5), 0.003);
}

static void
counted_anew_everything_came_since(void **state)
{
    struct pgcwi_buckets before = example();
    struct pgcwi_buckets after = example();
    struct pgcwi_buckets between;

    (void)state;
    after.items[0].count = 9;
    pgcwi_buckets_between(&before, &after, &between);
    assert_near(pgcwi_buckets_total(&between), 100);
    before.count = 3; /* other bounds */
    pgcwi_buckets_between(&before, &after, &between);
    assert_near(pgcwi_buckets_total(&between), 100);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_are_put_in_order),
        cmocka_unit_test(quantile_lies_within_its_bucket),
        cmocka_unit_test(quantile_of_nothing_is_not_known),
        cmocka_unit_test(same_bound_is_the_same_bucket),
        cmocka_unit_test(too_many_bounds_are_refused),
        cmocka_unit_test(untrue_bucket_is_lifted),
        cmocka_unit_test(between_two_readings_is_what_came_since),
        cmocka_unit_test(counted_anew_everything_came_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
