/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/top_number.h"

struct expected {
    double value;
    const char *text;
};

typedef const char *write_fn(char text[PGCWI_TOP_NUMBER_BYTES], double value);

static void
assert_written(write_fn *write, const struct expected *expected, size_t count)
{
    char text[PGCWI_TOP_NUMBER_BYTES];

    for (size_t i = 0; i < count; i++) {
        assert_string_equal(write(text, expected[i].value), expected[i].text);
    }
}

#define ASSERT_WRITTEN(write, expected) \
    assert_written(write, expected, sizeof(expected) / sizeof(expected)[0])

static void
counts_are_short_and_small_ones_exact(void **state)
{
    static const struct expected expected[] = {
        {0, "0"},          {0.04, "0.0"},      {0.25, "0.2"},
        {7, "7"},          {9.96, "10"},       {999.4, "999"},
        {999.6, "1,000"},  {1000, "1,000"},    {12345, "12,345"},
        {99999, "99,999"}, {99999.6, "100k"},  {123456, "123k"},
        {999600, "1.00M"}, {1234567, "1.23M"}, {12.3e6, "12.3M"},
        {5e9, "5.00G"},    {7e12, "7.00T"},    {1e20, "1.0e+08T"},
        {NAN, "-"},        {INFINITY, "-"},    {-1, "-"}};

    (void)state;
    ASSERT_WRITTEN(pgcwi_top_count, expected);
}

static void
bytes_have_binary_units(void **state)
{
    static const struct expected expected[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1024, "1.00 KiB"},
        {1536 * 1024.0, "1.50 MiB"},
        {1024 * 1024.0 * 1023.9, "1.00 GiB"},
        {NAN, "-"}};

    (void)state;
    ASSERT_WRITTEN(pgcwi_top_bytes, expected);
}

static void
times_have_the_unit_that_fits(void **state)
{
    static const struct expected expected[] = {
        {0, "0 s"},          {0.00000025, "0.25 us"},
        {0.00025, "250 us"}, {0.001, "1.00 ms"},
        {0.0121, "12.1 ms"}, {0.99996, "1.00 s"},
        {75, "75.0 s"},      {3600, "3600 s"},
        {NAN, "-"},          {INFINITY, "-"},
        {-0.1, "-"}};

    (void)state;
    ASSERT_WRITTEN(pgcwi_top_time, expected);
}

static void
only_all_is_a_hundred_percent(void **state)
{
    static const struct expected expected[] = {{0, "0.0"},        {0.5, "50.0"},
                                               {0.29, "29.0"},    {1, "100.0"},
                                               {0.99999, "99.9"}, {NAN, "-"}};

    (void)state;
    ASSERT_WRITTEN(pgcwi_top_percent, expected);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_short_and_small_ones_exact),
        cmocka_unit_test(bytes_have_binary_units),
        cmocka_unit_test(times_have_the_unit_that_fits),
        cmocka_unit_test(only_all_is_a_hundred_percent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
