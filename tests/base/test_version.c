/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <pgcachewatch/version.h>

static void
version_is_the_same_at_compile_and_at_run_time(void **state)
{
    (void)state;
    assert_string_equal(pgcw_version(), PGCW_VERSION);
}

static void
version_is_made_of_its_three_numbers(void **state)
{
    char text[32];

    (void)state;
    (void)snprintf(text, sizeof text, "%d.%d.%d", PGCW_VERSION_MAJOR,
                   PGCW_VERSION_MINOR, PGCW_VERSION_PATCH);
    assert_string_equal(PGCW_VERSION, text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_is_the_same_at_compile_and_at_run_time),
        cmocka_unit_test(version_is_made_of_its_three_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
