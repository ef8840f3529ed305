/* SPDX-License-Identifier: MIT */
/* One line of text, for a person to read, in a field of fixed size. */
#ifndef PGCWI_BASE_TEXT_H
#define PGCWI_BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Format into `line` of `line_bytes` (at least 1). What does not fit is cut
 * off at a whole UTF-8 character; line breaks and other control characters,
 * which may come from a server, become spaces; none stand at the end.
 */
void pgcwi_text_line(char *line, size_t line_bytes, const char *format,
                     va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
