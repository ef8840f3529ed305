/* SPDX-License-Identifier: MIT */
/* One line of text, for a person to read, in a field of fixed size. */
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool
is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0u) == 0x80u;
}

/* By the first byte of a UTF-8 character. */
static size_t
character_bytes(char first)
{
    unsigned char byte = (unsigned char)first;

    if (byte >= 0xf0u) {
        return 4;
    }
    if (byte >= 0xe0u) {
        return 3;
    }
    return byte >= 0xc0u ? 2 : 1;
}

/* The length without a last character that has lost some of its bytes. */
static size_t
whole_characters(const char *line, size_t length)
{
    size_t start = length;

    while (start > 0 && length - start < 3 &&
           is_continuation(line[start - 1])) {
        start--;
    }
    if (start == 0) {
        return length;
    }
    start--;
    return start + character_bytes(line[start]) > length ? start : length;
}

void
pgcwi_text_line(char *line, size_t line_bytes, const char *format,
                va_list arguments)
{
    int wanted = vsnprintf(line, line_bytes, format, arguments);
    size_t length;

    if (wanted < 0) {
        line[0] = '\0';
        return;
    }
    length = strlen(line);
    if ((size_t)wanted > length) {
        length = whole_characters(line, length);
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)line[i] < 0x20u || line[i] == 0x7f) {
            line[i] = ' ';
        }
    }
    while (length > 0 && line[length - 1] == ' ') {
        length--;
    }
    line[length] = '\0';
}
