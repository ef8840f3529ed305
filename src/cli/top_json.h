/* SPDX-License-Identifier: MIT */
/* What `top` shows, as a line of JSON. */
#ifndef PGCWI_CLI_TOP_JSON_H
#define PGCWI_CLI_TOP_JSON_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/top_model.h"

/* `at` is the time. False: no memory, and nothing was written. */
bool pgcwi_top_json_print(FILE *out, const char *at,
                          const struct pgcwi_top_model *model);

/* There is no reading, and why. */
bool pgcwi_top_json_print_failure(FILE *out, const char *at,
                                  const char *failure);

#endif
