/* SPDX-License-Identifier: MIT */
/* PostgreSQL's pg_lsn: two hexadecimal numbers of up to eight digits. */
#include <pgcachewatch/fill.h>

#include <stdbool.h>

static int
digit_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* Moves *text behind the digits; false if there is none, or too many. */
static bool
read_half(const char **text, uint64_t *half)
{
    int count = 0;
    int value;

    *half = 0;
    while ((value = digit_value(**text)) >= 0 && count <= 8) {
        *half = *half << 4 | (uint64_t)value;
        ++*text;
        count++;
    }
    return count >= 1 && count <= 8;
}

enum pgcw_status
pgcw_lsn_from_text(const char *text, uint64_t *lsn)
{
    uint64_t high;
    uint64_t low;

    if (!read_half(&text, &high) || *text++ != '/' || !read_half(&text, &low) ||
        *text != '\0') {
        return PGCW_INVALID_ARGUMENT;
    }
    *lsn = high << 32 | low;
    return PGCW_OK;
}
