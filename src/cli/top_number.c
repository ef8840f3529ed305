/* SPDX-License-Identifier: MIT */
#include "cli/top_number.h"

#include <math.h>
#include <stdio.h>

/* Three digits, and no more of them than there are. */
static void
write_short(char text[PGCWI_TOP_NUMBER_BYTES], double value, const char *unit)
{
    int decimals = 0;

    if (value < 9.995) {
        decimals = 2;
    } else if (value < 99.95) {
        decimals = 1;
    }
    (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%.*f%s", decimals, value,
                   unit);
}

/* By how much each of the units is more than the one before it. */
static void
write_scaled(char text[PGCWI_TOP_NUMBER_BYTES], double value, double step,
             const char *const *units)
{
    while (value >= step * 0.9995 && units[1] != NULL) {
        value /= step;
        units++;
    }
    if (value > 99999) {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%.1e%s", value, *units);
    } else {
        write_short(text, value, *units);
    }
}

static const char *
unknown(char text[PGCWI_TOP_NUMBER_BYTES])
{
    (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "-");
    return text;
}

const char *
pgcwi_top_count(char text[PGCWI_TOP_NUMBER_BYTES], double value)
{
    static const char *const units[] = {"k", "M", "G", "T", NULL};
    unsigned whole;

    if (!isfinite(value) || value < 0) {
        return unknown(text);
    }
    if (value >= 99999.5) {
        write_scaled(text, value / 1000, 1000, units);
        return text;
    }
    whole = (unsigned)(value + 0.5);
    if (value < 9.95 && fabs(value - floor(value)) > 1e-9) {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%.1f", value);
    } else if (whole < 1000) {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%u", whole);
    } else {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%u,%03u", whole / 1000,
                       whole % 1000);
    }
    return text;
}

const char *
pgcwi_top_bytes(char text[PGCWI_TOP_NUMBER_BYTES], double value)
{
    static const char *const units[] = {" KiB", " MiB", " GiB", " TiB", NULL};

    if (!isfinite(value) || value < 0) {
        return unknown(text);
    }
    if (value < 1000) {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%.0f B", value);
    } else {
        write_scaled(text, value / 1024, 1024, units);
    }
    return text;
}

const char *
pgcwi_top_time(char text[PGCWI_TOP_NUMBER_BYTES], double seconds)
{
    static const char *const units[] = {" us", " ms", " s", NULL};

    if (!isfinite(seconds) || seconds < 0) {
        return unknown(text);
    }
    if (seconds <= 0) {
        (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "0 s");
    } else {
        write_scaled(text, seconds * 1e6, 1000, units);
    }
    return text;
}

const char *
pgcwi_top_percent(char text[PGCWI_TOP_NUMBER_BYTES], double ratio)
{
    if (!isfinite(ratio) || ratio < 0) {
        return unknown(text);
    }
    /* the small part is for what binary fractions cannot say exactly */
    (void)snprintf(text, PGCWI_TOP_NUMBER_BYTES, "%.1f",
                   floor(ratio * 1000 + 1e-6) / 10);
    return text;
}
