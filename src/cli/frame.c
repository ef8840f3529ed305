/* SPDX-License-Identifier: MIT */
/* wcwidth(); NOLINTNEXTLINE(readability-identifier-naming) */
#define _XOPEN_SOURCE 700
#include "cli/frame.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define MAX_WIDTH 1024
#define MAX_HEIGHT 16384
#define TEXT_BYTES 1024

/* A character of one column may have so many bytes. */
#define COLUMN_BYTES 8

static bool
line_init(struct pgcwi_frame_line *line, size_t width)
{
    line->text = calloc(width + 1, COLUMN_BYTES);
    line->styles = calloc(width + 1, COLUMN_BYTES);
    return line->text != NULL && line->styles != NULL;
}

struct pgcwi_frame *
pgcwi_frame_create(size_t width, size_t height)
{
    struct pgcwi_frame *frame;

    if (width == 0 || height == 0 || width > MAX_WIDTH || height > MAX_HEIGHT) {
        return NULL;
    }
    frame = calloc(1, sizeof *frame);
    if (frame == NULL) {
        return NULL;
    }
    frame->width = width;
    frame->height = height;
    frame->bar = "#";
    frame->lines = calloc(height, sizeof frame->lines[0]);
    for (size_t i = 0; frame->lines != NULL && i < height; i++) {
        if (!line_init(&frame->lines[i], width)) {
            pgcwi_frame_destroy(frame);
            return NULL;
        }
    }
    if (frame->lines == NULL) {
        pgcwi_frame_destroy(frame);
        return NULL;
    }
    return frame;
}

void
pgcwi_frame_destroy(struct pgcwi_frame *frame)
{
    if (frame == NULL) {
        return;
    }
    for (size_t i = 0; frame->lines != NULL && i < frame->height; i++) {
        free(frame->lines[i].text);
        free(frame->lines[i].styles);
    }
    free(frame->lines);
    free(frame);
}

void
pgcwi_frame_clear(struct pgcwi_frame *frame)
{
    frame->line_count = 0;
}

bool
pgcwi_frame_begin_line(struct pgcwi_frame *frame)
{
    struct pgcwi_frame_line *line;

    if (frame->line_count == frame->height) {
        return false;
    }
    line = &frame->lines[frame->line_count++];
    line->bytes = 0;
    line->columns = 0;
    line->text[0] = '\0';
    return true;
}

/* One character; false: it does not fit. */
static bool
put(struct pgcwi_frame *frame, enum pgcwi_style style, const char *bytes,
    size_t byte_count, size_t columns)
{
    struct pgcwi_frame_line *line = &frame->lines[frame->line_count - 1];

    if (columns > frame->width - line->columns || byte_count > COLUMN_BYTES) {
        return false;
    }
    memcpy(line->text + line->bytes, bytes, byte_count);
    memset(line->styles + line->bytes, (int)style, byte_count);
    line->bytes += byte_count;
    line->columns += columns;
    line->text[line->bytes] = '\0';
    return true;
}

static void
put_blanks(struct pgcwi_frame *frame, enum pgcwi_style style, size_t count)
{
    while (count > 0 && put(frame, style, " ", 1, 1)) {
        count--;
    }
}

/* A character as it is to be shown. */
struct character {
    const char *bytes;
    size_t byte_count;
    size_t columns;
};

/* The next one of a text; it is moved behind it. */
static struct character
next_character(const char **text, mbstate_t *state)
{
    wchar_t wide = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): it has a state of its own */
    size_t bytes = mbrtowc(&wide, *text, MB_LEN_MAX, state);
    struct character character = {.bytes = *text, .byte_count = bytes};
    int columns;

    if (bytes == 0 || bytes > MB_LEN_MAX) {
        memset(state, 0, sizeof *state);
        *text += 1;
        return (struct character){"?", 1, 1};
    }
    *text += bytes;
    columns = iswprint((wint_t)wide) ? wcwidth(wide) : 0;
    if (columns <= 0 || bytes > COLUMN_BYTES) {
        return (struct character){"?", 1, 1};
    }
    character.columns = (size_t)columns;
    return character;
}

/* How wide it is, or more than `limit`. */
static size_t
width_of(const char *text, size_t limit)
{
    mbstate_t state = {0};
    size_t columns = 0;

    while (*text != '\0' && columns <= limit) {
        columns += next_character(&text, &state).columns;
    }
    return columns;
}

/* What fits into so many columns; returns how many are left. */
static size_t
put_text(struct pgcwi_frame *frame, enum pgcwi_style style, const char *text,
         size_t columns)
{
    mbstate_t state = {0};

    while (*text != '\0') {
        struct character character = next_character(&text, &state);

        if (character.columns > columns ||
            !put(frame, style, character.bytes, character.byte_count,
                 character.columns)) {
            break;
        }
        columns -= character.columns;
    }
    return columns;
}

void
pgcwi_frame_add(struct pgcwi_frame *frame, enum pgcwi_style style,
                const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)put_text(frame, style, text, frame->width);
}

void
pgcwi_frame_add_name(struct pgcwi_frame *frame, enum pgcwi_style style,
                     const char *name, size_t columns)
{
    size_t left;

    if (width_of(name, columns) > columns && columns > 0) {
        left = put_text(frame, style, name, columns - 1);
        (void)put(frame, style, "~", 1, 1);
    } else {
        left = put_text(frame, style, name, columns);
    }
    put_blanks(frame, style, left);
}

void
pgcwi_frame_add_bar(struct pgcwi_frame *frame, double share, size_t columns)
{
    size_t full = 0;

    if (share > 0) {
        full = share >= 1 ? columns : (size_t)(share * (double)columns + 0.5);
        full = full == 0 ? 1 : full; /* little is more than nothing */
    }
    for (size_t i = 0; i < full; i++) {
        (void)put(frame, PGCWI_STYLE_BAR, frame->bar, strlen(frame->bar), 1);
    }
    put_blanks(frame, PGCWI_STYLE_PLAIN, columns - full);
}

void
pgcwi_frame_move_to(struct pgcwi_frame *frame, size_t column)
{
    size_t used = frame->lines[frame->line_count - 1].columns;

    if (column > used) {
        put_blanks(frame, PGCWI_STYLE_PLAIN, column - used);
    }
}
