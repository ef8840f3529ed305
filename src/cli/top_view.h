/* SPDX-License-Identifier: MIT */
/* Draws what `top` shows into a frame. */
#ifndef PGCWI_CLI_TOP_VIEW_H
#define PGCWI_CLI_TOP_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/frame.h"
#include "cli/top_model.h"

struct pgcwi_top_view {
    const char *address;
    const char *time;                    /* of the clock, as a text */
    const struct pgcwi_top_model *model; /* NULL: nothing was read yet */
    /* Why there is no newer reading, and for how long; NULL: there is one. */
    const char *failure;
    double failure_seconds;
    bool has_keys; /* somebody sits there, and may press one */
};

/* How many lines show all of it. */
size_t pgcwi_top_view_height(const struct pgcwi_top_view *view);

/* Draw as much as there is room for, and say what is left out. */
void pgcwi_top_view_draw(const struct pgcwi_top_view *view,
                         struct pgcwi_frame *frame);

#endif
