/* SPDX-License-Identifier: MIT */
/*
 * A picture made of lines of text, for a terminal or a file: what is drawn
 * knows neither. Nothing is ever wider than the frame, and what a foreign name
 * has of control characters does not reach the terminal.
 */
#ifndef PGCWI_CLI_FRAME_H
#define PGCWI_CLI_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/* What a piece of text is; a terminal may show it by a colour. */
enum pgcwi_style {
    PGCWI_STYLE_PLAIN,
    PGCWI_STYLE_TITLE,
    PGCWI_STYLE_FAINT,
    PGCWI_STYLE_GOOD,
    PGCWI_STYLE_WARNING,
    PGCWI_STYLE_BAD,
    PGCWI_STYLE_BAR
};

struct pgcwi_frame_line {
    char *text;            /* ends with NUL */
    unsigned char *styles; /* one for each byte of it */
    size_t bytes;
    size_t columns; /* that are used */
};

struct pgcwi_frame {
    size_t width;
    size_t height;
    size_t line_count; /* that are begun; at most height */
    const char *bar;   /* one column wide; "#" unless the caller changes it */
    struct pgcwi_frame_line *lines;
};

/* NULL: no memory, or larger than a terminal can be. Destroy accepts NULL. */
struct pgcwi_frame *pgcwi_frame_create(size_t width, size_t height);
void pgcwi_frame_destroy(struct pgcwi_frame *frame);

/* Take away all lines. */
void pgcwi_frame_clear(struct pgcwi_frame *frame);

/* Begin a line below the others. False, and nothing is drawn: it is full. */
bool pgcwi_frame_begin_line(struct pgcwi_frame *frame);

/* Add to the last line what fits into it. */
void pgcwi_frame_add(struct pgcwi_frame *frame, enum pgcwi_style style,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Add a text that others chose, in exactly so many columns: filled up with
 * blanks, or cut, which is shown by "~". Characters are those of LC_CTYPE;
 * what cannot be shown, and what has no width, is a "?".
 */
void pgcwi_frame_add_name(struct pgcwi_frame *frame, enum pgcwi_style style,
                          const char *name, size_t columns);

/* Add a bar that fills `share` (0 to 1) of so many columns, and blanks. */
void pgcwi_frame_add_bar(struct pgcwi_frame *frame, double share,
                         size_t columns);

/* Fill up with blanks to a column. */
void pgcwi_frame_move_to(struct pgcwi_frame *frame, size_t column);

#endif
