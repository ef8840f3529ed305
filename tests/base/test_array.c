/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/array.h"

static void
assert_text(const struct pgcw_bytes *elements, size_t element_count,
            const char *expected)
{
    char *text = pgcwi_array_text(elements, element_count);

    assert_non_null(text);
    assert_string_equal(text, expected);
    pgcwi_free(text);
}

static void
elements_are_quoted_and_escaped(void **state)
{
    const struct pgcw_bytes elements[] = {
        {"a", 1}, {"", 0}, {"\"\\", 2}, {"{,} NULL", 8}, {"cut off", 3}};

    (void)state;
    assert_text(elements, 0, "{}");
    assert_text(elements, 1, "{\"a\"}");
    assert_text(elements, 5, "{\"a\",\"\",\"\\\"\\\\\",\"{,} NULL\",\"cut\"}");
}

static void
what_is_too_large_is_refused(void **state)
{
    const struct pgcw_bytes elements[] = {{"a", 1}, {"a", SIZE_MAX / 2 - 3}};

    (void)state;
    assert_null(pgcwi_array_text(elements, 2));
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_array_text(elements, 1));
    pgcwi_alloc_fail_nth(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_quoted_and_escaped),
        cmocka_unit_test(what_is_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
