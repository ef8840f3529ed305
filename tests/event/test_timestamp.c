/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/timestamp.h"

#define US_PER_SECOND INT64_C(1000000)
/* The first microsecond of year 1, and the last of year 9999. */
#define FIRST_US (INT64_C(-62135596800) * US_PER_SECOND)
#define LAST_US (INT64_C(253402300800) * US_PER_SECOND - 1)

struct sample {
    const char *text;
    int64_t unix_us;
};

static const struct sample readable[] = {
    {"1970-01-01T00:00:00+00:00", 0},
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01 00:00:00+00", 0},
    {"2024-01-31T12:00:00.123456Z", INT64_C(1706702400123456)},
    {"2026-11-22T18:57:00.123456+00:00", INT64_C(1795373820123456)},
    {"2026-11-22T18:57:00.1+00:00", INT64_C(1795373820100000)},
    {"2026-11-22 18:57:00.123456789+00", INT64_C(1795373820123456)},
    {"1970-01-01T05:30:00+05:30", 0},
    {"1970-01-01T05:30:00+0530", 0},
    {"1969-12-31T15:00:00-09:00", 0},
    {"1970-01-01T00:19:32.000001+00:19:32", 1},
    {"1969-12-31T23:59:59.999999Z", -1},
    {"1970-01-01T15:59:59+15:59:59", 0},
    {"1969-12-31T08:00:01-15:59:59", 0},
    {"2000-02-29T00:00:00Z", INT64_C(951782400000000)},
    {"0001-01-01T00:00:00Z", FIRST_US},
    {"9999-12-31T23:59:59.999999Z", LAST_US},
};

static void
timestamps_of_postgresql_and_pydantic_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++) {
        int64_t unix_us = 42;

        if (!pgcwi_timestamp_parse(readable[i].text, &unix_us) ||
            unix_us != readable[i].unix_us) {
            fail_msg("%s gave %lld", readable[i].text, (long long)unix_us);
        }
    }
}

static const char *const unreadable[] = {
    "",
    "infinity",
    "-infinity",
    "2024",
    "2024-01-31",
    "12:00:00Z",
    "2024-01-31T12:00:00",
    "2024-01-31T12:00:00.Z",
    "2024-01-31T12:00:00.1234567890Z",
    "2024-01-31T12:00Z",
    "2024-01-31T12:00:00Zz",
    "2024-01-31T12:00:00Z ",
    " 2024-01-31T12:00:00Z",
    "2024-01-31t12:00:00Z",
    "2024-01-31T12:00:00z",
    "2024-01-31  12:00:00Z",
    "2024-1-31T12:00:00Z",
    "24-01-31T12:00:00Z",
    "12024-01-31T12:00:00Z",
    "0000-01-01T00:00:00Z",
    "-001-01-01T00:00:00Z",
    "0044-03-15T12:00:00+00:00 BC",
    "2024-00-31T12:00:00Z",
    "2024-13-31T12:00:00Z",
    "2024-01-00T12:00:00Z",
    "2024-01-32T12:00:00Z",
    "2024-04-31T12:00:00Z",
    "2023-02-29T12:00:00Z",
    "2024-02-30T12:00:00Z",
    "1900-02-29T12:00:00Z",
    "2100-02-29T12:00:00Z",
    "2024-01-31T24:00:00Z",
    "2024-01-31T12:60:00Z",
    "2024-01-31T12:00:60Z",
    "2024-01-31T1 :00:00Z",
    "2024-01-31T+1:00:00Z",
    "2024-01-31T12:00:00,5Z",
    "2024-01-31T12:00:00+",
    "2024-01-31T12:00:00+1",
    "2024-01-31T12:00:00+1:00",
    "2024-01-31T12:00:00+16",
    "2024-01-31T12:00:00+01:",
    "2024-01-31T12:00:00+01:60",
    "2024-01-31T12:00:00+010",
    "2024-01-31T12:00:00+01000",
    "2024-01-31T12:00:00+010000",
    "2024-01-31T12:00:00+01:00:",
    "2024-01-31T12:00:00+01:00:60",
    "2024-01-31T12:00:00+01:00:00:00",
    "2024-01-31T12:00:00+00:00Z",
    "2024-01-31T12:00:00 +00:00",
    "2024-01-31T12:00:00 UTC",
    "2024/01/31T12:00:00Z",
    "\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa4-01-31T12:00:00Z",
};

static void
other_texts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof unreadable / sizeof unreadable[0]; i++) {
        int64_t unix_us;

        if (pgcwi_timestamp_parse(unreadable[i], &unix_us)) {
            fail_msg("\"%s\" was read", unreadable[i]);
        }
    }
}

static void
every_prefix_is_refused_without_reading_beyond_it(void **state)
{
    static const char text[] = "2026-11-22T18:57:00.123456+01:30:15";

    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        char *prefix = malloc(length + 1);
        bool is_whole_offset = length == 29 || length == 32;
        int64_t unix_us;

        assert_non_null(prefix);
        memcpy(prefix, text, length);
        prefix[length] = '\0';
        assert_true(pgcwi_timestamp_parse(prefix, &unix_us) == is_whole_offset);
        free(prefix);
    }
}

static void
time_is_written_as_postgresql_writes_it(void **state)
{
    static const struct sample samples[] = {
        {"1970-01-01T00:00:00.000000+00:00", 0},
        {"1969-12-31T23:59:59.999999+00:00", -1},
        {"2026-11-22T18:57:00.123456+00:00", INT64_C(1795373820123456)},
        {"2000-02-29T00:00:00.000000+00:00", INT64_C(951782400000000)},
        {"0001-01-01T00:00:00.000000+00:00", FIRST_US},
        {"9999-12-31T23:59:59.999999+00:00", LAST_US},
    };
    char text[PGCWI_TIMESTAMP_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        assert_ptr_equal(pgcwi_timestamp_format(samples[i].unix_us, text),
                         text);
        assert_string_equal(text, samples[i].text);
    }
}

static void
time_out_of_range_becomes_the_nearest_that_can_be_read(void **state)
{
    static const int64_t times[] = {INT64_MIN, FIRST_US - 1, LAST_US + 1,
                                    INT64_MAX};
    char text[PGCWI_TIMESTAMP_BYTES];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        int64_t unix_us;

        assert_true(pgcwi_timestamp_parse(
            pgcwi_timestamp_format(times[i], text), &unix_us));
        assert_int_equal(unix_us, times[i] < 0 ? FIRST_US : LAST_US);
    }
}

static void
assert_same_as_libc(int64_t unix_us)
{
    time_t seconds = (time_t)((unix_us - FIRST_US) / US_PER_SECOND +
                              FIRST_US / US_PER_SECOND);
    char text[PGCWI_TIMESTAMP_BYTES];
    char expected[128];
    struct tm tm;
    int64_t read_us;

    assert_non_null(gmtime_r(&seconds, &tm));
    (void)snprintf(
        expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00",
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
        tm.tm_sec, (int)((unix_us - FIRST_US) % US_PER_SECOND));
    assert_string_equal(pgcwi_timestamp_format(unix_us, text), expected);
    assert_true(pgcwi_timestamp_parse(text, &read_us));
    assert_int_equal(read_us, unix_us);
}

static void
calendar_is_that_of_libc(void **state)
{
    const int64_t us_per_day = 86400 * US_PER_SECOND;
    const int64_t year_us = 365 * us_per_day;

    (void)state;
    /* every day of 260 years around now, with a leap century and not */
    for (int64_t us = -130 * year_us; us <= 130 * year_us; us += us_per_day) {
        assert_same_as_libc(us);
        assert_same_as_libc(us - 1);
    }
    /* all years, at many times of many days */
    for (int64_t us = FIRST_US; us <= LAST_US - year_us;
         us += 37 * us_per_day + 7777777) {
        assert_same_as_libc(us);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamps_of_postgresql_and_pydantic_are_read),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(every_prefix_is_refused_without_reading_beyond_it),
        cmocka_unit_test(time_is_written_as_postgresql_writes_it),
        cmocka_unit_test(
            time_out_of_range_becomes_the_nearest_that_can_be_read),
        cmocka_unit_test(calendar_is_that_of_libc),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
