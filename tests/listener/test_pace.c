/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listener/pace.h"

static void
short_work_goes_on_at_once(void **state)
{
    struct pgcwi_pace pace = {0, 0};

    (void)state;
    assert_int_equal(pgcwi_pace_work(&pace, 100, 100), 0);
    assert_int_equal(pgcwi_pace_work(&pace, 100, 99 + PGCWI_PACE_WORK_NS), 0);
    assert_int_equal(pace.rests_until_ns, 0);
}

static void
it_rests_nine_times_as_long_as_it_has_worked(void **state)
{
    struct pgcwi_pace pace = {0, 0};
    int64_t ended_ns = 1000 + 2 * PGCWI_PACE_WORK_NS;

    (void)state;
    assert_int_equal(pgcwi_pace_work(&pace, 1000, ended_ns),
                     ended_ns + 18 * PGCWI_PACE_WORK_NS);
    assert_int_equal(pace.rests_until_ns, ended_ns + 18 * PGCWI_PACE_WORK_NS);
}

static void
short_works_add_up_but_not_what_lies_between_nor_what_it_rested_for(
    void **state)
{
    struct pgcwi_pace pace = {0, 0};
    int64_t half_ns = PGCWI_PACE_WORK_NS / 2;
    int64_t later_ns = 50 * PGCWI_PACE_WORK_NS;

    (void)state;
    assert_int_equal(pgcwi_pace_work(&pace, 0, half_ns), 0);
    assert_int_equal(pgcwi_pace_work(&pace, later_ns, later_ns + half_ns),
                     later_ns + half_ns + 18 * half_ns);
    assert_int_equal(pgcwi_pace_work(&pace, 2 * later_ns, 2 * later_ns + 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_work_goes_on_at_once),
        cmocka_unit_test(it_rests_nine_times_as_long_as_it_has_worked),
        cmocka_unit_test(
            short_works_add_up_but_not_what_lies_between_nor_what_it_rested_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
