/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/name.h"

static void
name_of_1_to_63_bytes_is_valid(void **state)
{
    char name[PGCWI_NAME_BYTES + 1];

    (void)state;
    for (size_t length = 1; length <= 64; length++) {
        memset(name, 'n', length);
        name[length] = '\0';
        assert_true(pgcwi_name_is_valid(name) == (length <= 63));
    }
}

static void
no_name_is_not_valid(void **state)
{
    (void)state;
    assert_false(pgcwi_name_is_valid(NULL));
    assert_false(pgcwi_name_is_valid(""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_of_1_to_63_bytes_is_valid),
        cmocka_unit_test(no_name_is_not_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
