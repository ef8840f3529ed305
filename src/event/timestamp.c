/* SPDX-License-Identifier: MIT */
/*
 * Timestamps as ISO 8601. The calendar is computed here, because that of
 * libc depends on TZ and on locks behind it.
 */
#include "event/timestamp.h"

#include <stdio.h>

#define US_PER_SECOND INT64_C(1000000)
#define SECONDS_PER_DAY INT64_C(86400)
#define DAYS_PER_400_YEARS INT64_C(146097)
#define LAST_YEAR 9999
#define FRACTION_DIGITS 6

static bool
is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* From the first day of year 1 to the first day of `year`. */
static int64_t
days_before_year(int64_t year)
{
    int64_t past = year - 1;

    return past * 365 + past / 4 - past / 100 + past / 400;
}

/* From the first day of 1970; negative before. */
static int64_t
days_before_date(int year, int month, int day)
{
    int64_t days = days_before_year(year) - days_before_year(1970);

    for (int past = 1; past < month; past++) {
        days += days_in_month(year, past);
    }
    return days + day - 1;
}

struct date {
    int year;
    int month;
    int day;
};

static struct date
date_of_day(int64_t days_since_1970)
{
    int64_t days = days_since_1970 + days_before_year(1970);
    /* at most one year too early or too late */
    int64_t year = days * 400 / DAYS_PER_400_YEARS + 1;
    struct date date = {0, 1, 1};

    if (days < days_before_year(year)) {
        year--;
    } else if (days >= days_before_year(year + 1)) {
        year++;
    }
    days -= days_before_year(year);
    date.year = (int)year;
    while (days >= days_in_month(date.year, date.month)) {
        days -= days_in_month(date.year, date.month);
        date.month++;
    }
    date.day = (int)days + 1;
    return date;
}

static int64_t
nearest_allowed(int64_t unix_us)
{
    int64_t first = days_before_date(1, 1, 1) * SECONDS_PER_DAY * US_PER_SECOND;
    int64_t beyond =
        days_before_date(LAST_YEAR + 1, 1, 1) * SECONDS_PER_DAY * US_PER_SECOND;

    if (unix_us < first) {
        return first;
    }
    return unix_us < beyond ? unix_us : beyond - 1;
}

char *
pgcwi_timestamp_format(int64_t unix_us, char text[PGCWI_TIMESTAMP_BYTES])
{
    const int64_t us_per_day = SECONDS_PER_DAY * US_PER_SECOND;
    int64_t allowed_us = nearest_allowed(unix_us);
    int64_t days = allowed_us / us_per_day;
    int64_t us = allowed_us % us_per_day;
    int64_t seconds;
    struct date date;

    if (us < 0) { /* C rounds towards zero, the calendar does not */
        us += us_per_day;
        days--;
    }
    date = date_of_day(days);
    seconds = us / US_PER_SECOND;
    (void)snprintf(text, PGCWI_TIMESTAMP_BYTES,
                   "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00", date.year,
                   date.month, date.day, (int)(seconds / 3600),
                   (int)(seconds / 60 % 60), (int)(seconds % 60),
                   (int)(us % US_PER_SECOND));
    return text;
}

/* Reads of a text step on only when they succeed. */

static bool
read_character(const char **at, char character)
{
    if (**at != character) {
        return false;
    }
    (*at)++;
    return true;
}

static bool
read_digit(const char **at, int *digit)
{
    if (**at < '0' || **at > '9') {
        return false;
    }
    *digit = **at - '0';
    (*at)++;
    return true;
}

/* Exactly `digit_count` digits, and the number from `least` to `most`. */
static bool
read_number(const char **at, int digit_count, int least, int most, int *number)
{
    const char *start = *at;
    int digit;

    *number = 0;
    for (int i = 0; i < digit_count; i++) {
        if (!read_digit(at, &digit)) {
            *at = start;
            return false;
        }
        *number = *number * 10 + digit;
    }
    return *number >= least && *number <= most;
}

/* 0 to 9 digits after the point; those beyond microseconds are cut off. */
static bool
read_fraction(const char **at, int64_t *us)
{
    int digit_count = 0;
    int digit;

    *us = 0;
    if (!read_character(at, '.')) {
        return true;
    }
    while (digit_count < 9 && read_digit(at, &digit)) {
        if (digit_count < FRACTION_DIGITS) {
            *us = *us * 10 + digit;
        }
        digit_count++;
    }
    for (int i = digit_count; i < FRACTION_DIGITS; i++) {
        *us *= 10;
    }
    return digit_count > 0;
}

static bool
read_date(const char **at, int64_t *days)
{
    int year;
    int month;
    int day;

    if (!read_number(at, 4, 1, LAST_YEAR, &year) || !read_character(at, '-') ||
        !read_number(at, 2, 1, 12, &month) || !read_character(at, '-') ||
        !read_number(at, 2, 1, days_in_month(year, month), &day)) {
        return false;
    }
    *days = days_before_date(year, month, day);
    return true;
}

static bool
read_time_of_day(const char **at, int64_t *us)
{
    int hour;
    int minute;
    int second;
    int64_t fraction_us;

    if (!read_number(at, 2, 0, 23, &hour) || !read_character(at, ':') ||
        !read_number(at, 2, 0, 59, &minute) || !read_character(at, ':') ||
        !read_number(at, 2, 0, 59, &second) ||
        !read_fraction(at, &fraction_us)) {
        return false;
    }
    *us =
        ((int64_t)hour * 3600 + (int64_t)minute * 60 + second) * US_PER_SECOND +
        fraction_us;
    return true;
}

/* Z, +hh, +hhmm, +hh:mm, +hh:mm:ss; PostgreSQL's offsets end at 15:59:59. */
static bool
read_offset(const char **at, int64_t *seconds)
{
    int sign = 1;
    int hour;
    int minute = 0;
    int second = 0;
    bool has_colon;

    *seconds = 0;
    if (read_character(at, 'Z')) {
        return true;
    }
    if (read_character(at, '-')) {
        sign = -1;
    } else if (!read_character(at, '+')) {
        return false;
    }
    if (!read_number(at, 2, 0, 15, &hour)) {
        return false;
    }
    has_colon = read_character(at, ':');
    if ((has_colon || **at != '\0') && !read_number(at, 2, 0, 59, &minute)) {
        return false;
    }
    if (has_colon && read_character(at, ':') &&
        !read_number(at, 2, 0, 59, &second)) {
        return false;
    }
    *seconds = sign * ((int64_t)hour * 3600 + (int64_t)minute * 60 + second);
    return true;
}

bool
pgcwi_timestamp_parse(const char *text, int64_t *unix_us)
{
    const char *at = text;
    int64_t days;
    int64_t us;
    int64_t offset_seconds;

    if (!read_date(&at, &days) ||
        (!read_character(&at, 'T') && !read_character(&at, ' ')) ||
        !read_time_of_day(&at, &us) || !read_offset(&at, &offset_seconds) ||
        *at != '\0') {
        return false;
    }
    *unix_us = (days * SECONDS_PER_DAY - offset_seconds) * US_PER_SECOND + us;
    return true;
}
