/* SPDX-License-Identifier: MIT */
#include "cli/top_screen.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>

static SCREEN *screen;
static bool is_colored;

static void
start_colors(void)
{
    static const struct {
        short pair;
        short color;
    } pairs[] = {
        {PGCWI_STYLE_TITLE, COLOR_CYAN}, {PGCWI_STYLE_GOOD, COLOR_GREEN},
        {PGCWI_STYLE_BAD, COLOR_RED},    {PGCWI_STYLE_WARNING, COLOR_YELLOW},
        {PGCWI_STYLE_BAR, COLOR_GREEN},
    };

    is_colored = start_color() == OK && use_default_colors() == OK;
    for (size_t i = 0; is_colored && i < sizeof pairs / sizeof pairs[0]; i++) {
        (void)init_pair(pairs[i].pair, pairs[i].color, -1);
    }
}

bool
pgcwi_top_screen_open(bool has_color)
{
    screen = newterm(NULL, stdout, stdin);
    if (screen == NULL) {
        return false;
    }
    (void)cbreak();
    (void)noecho();
    (void)nodelay(stdscr, TRUE);
    (void)keypad(stdscr, TRUE);
    (void)curs_set(0);
    is_colored = false;
    if (has_color && has_colors()) {
        start_colors();
    }
    return true;
}

void
pgcwi_top_screen_close(void)
{
    if (screen != NULL) {
        (void)endwin();
        delscreen(screen);
        screen = NULL;
    }
}

void
pgcwi_top_screen_size(size_t *width, size_t *height)
{
    int columns = getmaxx(stdscr);
    int rows = getmaxy(stdscr);

    *width = columns > 0 ? (size_t)columns : 1;
    *height = rows > 0 ? (size_t)rows : 1;
}

void
pgcwi_top_screen_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0) {
        (void)resizeterm(size.ws_row, size.ws_col);
    }
    (void)clearok(stdscr, TRUE);
}

static attr_t
attributes_of(unsigned char style)
{
    attr_t attributes = A_NORMAL;

    if (style == PGCWI_STYLE_TITLE || style == PGCWI_STYLE_BAD) {
        attributes = A_BOLD;
    } else if (style == PGCWI_STYLE_FAINT) {
        return A_DIM;
    }
    if (is_colored && style != PGCWI_STYLE_PLAIN) {
        attributes |= (attr_t)COLOR_PAIR(style);
    }
    return attributes;
}

/* In pieces of one style. */
static void
draw_line(const struct pgcwi_frame_line *line, int row)
{
    size_t begin = 0;

    (void)move(row, 0);
    while (begin < line->bytes) {
        size_t end = begin;

        while (end < line->bytes && line->styles[end] == line->styles[begin]) {
            end++;
        }
        (void)attrset((int)attributes_of(line->styles[begin]));
        (void)addnstr(line->text + begin, (int)(end - begin));
        begin = end;
    }
    (void)attrset((int)A_NORMAL);
}

void
pgcwi_top_screen_draw(const struct pgcwi_frame *frame)
{
    (void)erase();
    for (size_t i = 0; i < frame->line_count; i++) {
        draw_line(&frame->lines[i], (int)i);
    }
    (void)refresh();
}

int
pgcwi_top_screen_key(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int key = getch();

    if (key != ERR) {
        return key;
    }
    /* readable, and nothing to read: whoever had the keys is gone */
    return poll(&input, 1, 0) > 0 ? -1 : 0;
}
