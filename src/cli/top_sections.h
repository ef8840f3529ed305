/* SPDX-License-Identifier: MIT */
/* The caches, tables and latencies of `top`, one below the other. */
#ifndef PGCWI_CLI_TOP_SECTIONS_H
#define PGCWI_CLI_TOP_SECTIONS_H

#include <stddef.h>

#include "cli/frame.h"
#include "cli/top_model.h"

/* How many lines show all of them. */
size_t pgcwi_top_sections_height(const struct pgcwi_top_model *model);

/* Draw them below what is there, in so many lines; who has more to show than
 * there is room for says how much it has. */
void pgcwi_top_sections_draw(const struct pgcwi_top_model *model,
                             struct pgcwi_frame *frame, size_t lines);

#endif
