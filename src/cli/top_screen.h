/* SPDX-License-Identifier: MIT */
/* Shows frames on the terminal. The only file that knows ncurses. */
#ifndef PGCWI_CLI_TOP_SCREEN_H
#define PGCWI_CLI_TOP_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/frame.h"

/* Take the terminal. False: it is none that can be drawn on; TERM is wrong. */
bool pgcwi_top_screen_open(bool has_color);

/* Give it back as it was. Nothing happens if it was not taken. */
void pgcwi_top_screen_close(void);

/* How large it is now. */
void pgcwi_top_screen_size(size_t *width, size_t *height);

void pgcwi_top_screen_draw(const struct pgcwi_frame *frame);

/* The terminal has another size. */
void pgcwi_top_screen_resize(void);

/* A key that was pressed, 0 if none waits, -1 if none will come any more. To
 * be called when standard input is readable. */
int pgcwi_top_screen_key(void);

#endif
