/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <pgcachewatch/event.h>

static const enum pgcw_operation all[] = {PGCW_INSERT, PGCW_UPDATE, PGCW_DELETE,
                                          PGCW_TRUNCATE};

static void
operations_have_names(void **state)
{
    (void)state;
    assert_string_equal(pgcw_operation_text(PGCW_INSERT), "insert");
    assert_string_equal(pgcw_operation_text(PGCW_UPDATE), "update");
    assert_string_equal(pgcw_operation_text(PGCW_DELETE), "delete");
    assert_string_equal(pgcw_operation_text(PGCW_TRUNCATE), "truncate");
    assert_string_equal(pgcw_operation_text((enum pgcw_operation)0), "unknown");
    assert_string_equal(pgcw_operation_text((enum pgcw_operation)3), "unknown");
}

static void
operations_are_found_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        enum pgcw_operation operation = (enum pgcw_operation)0;

        assert_int_equal(
            pgcw_operation_from_text(pgcw_operation_text(all[i]), &operation),
            PGCW_OK);
        assert_int_equal(operation, all[i]);
    }
}

static void
other_names_are_refused_and_set_nothing(void **state)
{
    static const char *const names[] = {
        NULL, "", "INSERT", "inser", "inserts", " insert", "unknown", "select"};
    enum pgcw_operation operation = PGCW_DELETE;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(pgcw_operation_from_text(names[i], &operation),
                         PGCW_INVALID_ARGUMENT);
        assert_int_equal(operation, PGCW_DELETE);
    }
}

static void
all_operations_are_the_sum_of_them(void **state)
{
    unsigned int sum = 0;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        sum += (unsigned int)all[i];
    }
    assert_int_equal(sum, PGCW_ALL_OPERATIONS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_have_names),
        cmocka_unit_test(operations_are_found_by_name),
        cmocka_unit_test(other_names_are_refused_and_set_nothing),
        cmocka_unit_test(all_operations_are_the_sum_of_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
