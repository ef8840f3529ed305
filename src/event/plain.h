/* SPDX-License-Identifier: MIT */
/*
 * How much of a string in JSON stands for itself: ASCII but for control
 * characters, the quote and the backslash. Most of a payload does, so eight
 * bytes are looked at in one go.
 */
#ifndef PGCWI_EVENT_PLAIN_H
#define PGCWI_EVENT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PGCWI_PLAIN_EACH UINT64_C(0x0101010101010101)

/* The high bit of each byte that is zero; exact, as nothing is carried. */
static inline uint64_t
pgcwi_plain_zeros(uint64_t word)
{
    const uint64_t low = 0x7F * PGCWI_PLAIN_EACH;

    return ~(((word & low) + low) | word | low);
}

/* The high bit of each byte that does not stand for itself. */
static inline uint64_t
pgcwi_plain_others(uint64_t word)
{
    uint64_t is_control =
        ~((word & 0x7F * PGCWI_PLAIN_EACH) + (0x80 - ' ') * PGCWI_PLAIN_EACH);

    return (word | is_control |
            pgcwi_plain_zeros(word ^ '"' * PGCWI_PLAIN_EACH) |
            pgcwi_plain_zeros(word ^ '\\' * PGCWI_PLAIN_EACH)) &
           0x80 * PGCWI_PLAIN_EACH;
}

/* Where in memory the first byte is whose high bit is set; there is one. */
static inline size_t
pgcwi_plain_first(uint64_t marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    return (size_t)__builtin_clzll(marks) / 8;
#endif
}

static inline bool
pgcwi_plain_is(char character)
{
    return character >= ' ' && (unsigned char)character < 0x80 &&
           character != '"' && character != '\\';
}

/* How many bytes from `at` on, before `end`. */
static inline size_t
pgcwi_plain_count(const char *at, const char *end)
{
    const char *rest = at;
    uint64_t word;

    while ((size_t)(end - rest) >= sizeof(word)) {
        memcpy(&word, rest, sizeof(word));
        uint64_t others = pgcwi_plain_others(word);
        if (others != 0) {
            return (size_t)(rest - at) + pgcwi_plain_first(others);
        }
        rest += sizeof(word);
    }
    while (rest < end && pgcwi_plain_is(*rest)) {
        rest++;
    }
    return (size_t)(rest - at);
}

#endif
