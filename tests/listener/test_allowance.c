/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "listener/allowance.h"

#define CHECK PGCWI_ALLOWANCE_CHECK_BYTES
#define EARNED (CHECK * PGCWI_ALLOWANCE_NS_PER_BYTE)

static struct pgcwi_allowance
begun(void)
{
    struct pgcwi_allowance allowance;

    pgcwi_allowance_init(&allowance);
    pgcwi_allowance_begin(&allowance);
    return allowance;
}

static void
few_bytes_are_never_refused(void **state)
{
    struct pgcwi_allowance allowance = begun();

    (void)state;
    for (int i = 0; i < 100; i++) {
        pgcwi_allowance_begin(&allowance);
        assert_true(pgcwi_allowance_hear(&allowance, 150));
        pgcwi_clock_advance_ns(PGCWI_NS_PER_MS * 1000);
    }
}

static void
who_takes_more_than_he_hears_for_is_refused_soon(void **state)
{
    struct pgcwi_allowance allowance = begun();
    int count = 0;

    (void)state;
    while (pgcwi_allowance_hear(&allowance, CHECK) && count < 1000) {
        pgcwi_clock_advance_ns(EARNED + PGCWI_ALLOWANCE_MAX_NS / 8);
        count++;
    }
    assert_in_range(count, 2, 8);
}

static void
who_is_refused_earns_it_again_by_hearing(void **state)
{
    struct pgcwi_allowance allowance = begun();
    int count = 0;

    (void)state;
    assert_true(pgcwi_allowance_hear(&allowance, CHECK));
    pgcwi_clock_advance_ns(2 * PGCWI_ALLOWANCE_MAX_NS);
    assert_false(pgcwi_allowance_hear(&allowance, CHECK));
    while (!pgcwi_allowance_hear(&allowance, CHECK) && count < 100000) {
        count++;
    }
    /* by MAX for what was taken, and some time that passed here as well */
    assert_in_range(count, PGCWI_ALLOWANCE_MAX_NS / EARNED / 2, 99999);
}

static void
time_between_bursts_is_nobodys(void **state)
{
    struct pgcwi_allowance allowance = begun();

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(pgcwi_allowance_hear(&allowance, CHECK));
        pgcwi_clock_advance_ns(PGCWI_NS_PER_MS * 1000);
        pgcwi_allowance_begin(&allowance);
    }
}

static void
no_more_is_saved_than_the_bound(void **state)
{
    struct pgcwi_allowance allowance = begun();

    (void)state;
    for (int i = 0; i < 10000; i++) {
        assert_true(pgcwi_allowance_hear(&allowance, CHECK));
    }
    pgcwi_clock_advance_ns(PGCWI_ALLOWANCE_MAX_NS + 2 * EARNED);
    assert_false(pgcwi_allowance_hear(&allowance, CHECK));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_bytes_are_never_refused),
        cmocka_unit_test(who_takes_more_than_he_hears_for_is_refused_soon),
        cmocka_unit_test(who_is_refused_earns_it_again_by_hearing),
        cmocka_unit_test(time_between_bursts_is_nobodys),
        cmocka_unit_test(no_more_is_saved_than_the_bound),
    };

    return cmocka_run_group_tests_name("listener/allowance", tests, NULL, NULL);
}
