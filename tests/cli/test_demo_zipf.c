/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/demo_zipf.h"

#define ROWS 1000
#define DRAWS 2000000

static double
expected_share(uint64_t row)
{
    double sum = 0;
    for (uint64_t i = 0; i < ROWS; i++) {
        sum += pow((double)(i + 1), -0.99);
    }
    return pow((double)(row + 1), -0.99) / sum;
}

static void
rows_come_as_often_as_the_law_says(void **state)
{
    (void)state;
    static unsigned counts[ROWS];
    struct pgcwi_demo_random random = {42};
    struct pgcwi_demo_zipf *zipf = pgcwi_demo_zipf_create(ROWS);
    assert_non_null(zipf);
    for (int i = 0; i < DRAWS; i++) {
        uint64_t row = pgcwi_demo_zipf_draw(zipf, &random);
        assert_true(row < ROWS);
        counts[row]++;
    }
    static const uint64_t looked_at[] = {0, 1, 2, 9, 99, 500, 999};
    for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++) {
        double expected = expected_share(looked_at[i]) * DRAWS;
        /* six standard deviations; the seed is fixed anyway */
        assert_true(fabs(counts[looked_at[i]] - expected) < 6 * sqrt(expected));
    }
    pgcwi_demo_zipf_destroy(zipf);
}

static void
one_row_is_always_drawn(void **state)
{
    (void)state;
    struct pgcwi_demo_random random = {7};
    struct pgcwi_demo_zipf *zipf = pgcwi_demo_zipf_create(1);
    assert_non_null(zipf);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pgcwi_demo_zipf_draw(zipf, &random), 0);
    }
    pgcwi_demo_zipf_destroy(zipf);
}

static void
no_rows_or_too_many_are_refused(void **state)
{
    (void)state;
    assert_null(pgcwi_demo_zipf_create(0));
    assert_null(pgcwi_demo_zipf_create((uint64_t)UINT32_MAX + 1));
}

static void
same_seed_draws_the_same_rows(void **state)
{
    (void)state;
    struct pgcwi_demo_random one = {3};
    struct pgcwi_demo_random same = {3};
    struct pgcwi_demo_random other = {4};
    int differences = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t drawn = pgcwi_demo_random_below(&one, 1000000);
        assert_int_equal(drawn, pgcwi_demo_random_below(&same, 1000000));
        differences += drawn != pgcwi_demo_random_below(&other, 1000000);
    }
    assert_true(differences > 90);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_as_often_as_the_law_says),
        cmocka_unit_test(one_row_is_always_drawn),
        cmocka_unit_test(no_rows_or_too_many_are_refused),
        cmocka_unit_test(same_seed_draws_the_same_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
