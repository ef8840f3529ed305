/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/status.h"

static void
every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = PGCW_OK; i <= PGCW_BEHIND; i++) {
        const char *text = pgcw_status_text((enum pgcw_status)i);

        assert_string_not_equal(text, "unknown status");
        for (int j = PGCW_OK; j < i; j++) {
            assert_string_not_equal(text,
                                    pgcw_status_text((enum pgcw_status)j));
        }
    }
    assert_string_equal(pgcw_status_text(PGCW_NO_MEMORY), "no memory");
}

static void
status_that_is_not_in_the_list_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(pgcw_status_text((enum pgcw_status)16),
                        "unknown status");
    assert_string_equal(pgcw_status_text((enum pgcw_status) - 1),
                        "unknown status");
}

static void
failure_is_written_completely(void **state)
{
    struct pgcw_error error;

    (void)state;
    memset(&error, 0xff, sizeof error);
    assert_int_equal(pgcwi_error_set(&error, PGCW_TIMEOUT, "after %d ms", 5000),
                     PGCW_TIMEOUT);
    assert_int_equal(error.status, PGCW_TIMEOUT);
    assert_string_equal(error.sqlstate, "");
    assert_string_equal(error.detail, "after 5000 ms");
}

static void
sqlstate_is_kept(void **state)
{
    struct pgcw_error error;

    (void)state;
    assert_int_equal(pgcwi_error_set_sqlstate(&error, PGCW_REFUSED, "42501",
                                              "no, %s", "never"),
                     PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42501");
    assert_string_equal(error.detail, "no, never");
    (void)pgcwi_error_set_sqlstate(&error, PGCW_REFUSED, NULL, "none");
    assert_string_equal(error.sqlstate, "");
    (void)pgcwi_error_set_sqlstate(&error, PGCW_REFUSED, "1234567", "long");
    assert_string_equal(error.sqlstate, "12345");
}

static void
nobody_need_ask_for_details(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_error_set(NULL, PGCW_TIMEOUT, "%s", "unheard"),
                     PGCW_TIMEOUT);
    assert_int_equal(
        pgcwi_error_set_sqlstate(NULL, PGCW_REFUSED, "42501", "unheard"),
        PGCW_REFUSED);
}

static void
detail_of_several_lines_becomes_one(void **state)
{
    struct pgcw_error error;

    (void)state;
    (void)pgcwi_error_set(&error, PGCW_REFUSED, "%s",
                          "ERROR: no\nDETAIL: never\r\n");
    assert_string_equal(error.detail, "ERROR: no DETAIL: never");
}

static void
long_detail_is_cut(void **state)
{
    struct pgcw_error error;
    char text[1000];

    (void)state;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    (void)pgcwi_error_set(&error, PGCW_REFUSED, "%s", text);
    assert_int_equal(strlen(error.detail), sizeof error.detail - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(status_that_is_not_in_the_list_is_unknown),
        cmocka_unit_test(failure_is_written_completely),
        cmocka_unit_test(sqlstate_is_kept),
        cmocka_unit_test(nobody_need_ask_for_details),
        cmocka_unit_test(detail_of_several_lines_becomes_one),
        cmocka_unit_test(long_detail_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
