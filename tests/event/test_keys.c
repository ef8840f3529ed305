/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "event/keys.h"

static void
copy_has_the_same_keys_in_memory_of_its_own(void **state)
{
    char first[] = "42";
    const struct pgcw_bytes keys[] = {{first, 2}, {"", 0}, {"[\"a\"]", 5}};
    struct pgcw_bytes *copy = pgcwi_keys_copy(keys, 3);

    (void)state;
    assert_non_null(copy);
    memset(first, 'x', sizeof(first));
    assert_string_equal(copy[0].data, "42");
    assert_string_equal(copy[1].data, "");
    assert_string_equal(copy[2].data, "[\"a\"]");
    assert_int_equal(copy[0].size, 2);
    assert_int_equal(copy[1].size, 0);
    assert_int_equal(copy[2].size, 5);
    pgcwi_free(copy);
}

static void
no_keys_and_no_memory_are_no_copy(void **state)
{
    const struct pgcw_bytes key = {"42", 2};

    (void)state;
    assert_null(pgcwi_keys_copy(NULL, 0));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_keys_copy(&key, 1));
    pgcwi_alloc_fail_nth(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_has_the_same_keys_in_memory_of_its_own),
        cmocka_unit_test(no_keys_and_no_memory_are_no_copy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
