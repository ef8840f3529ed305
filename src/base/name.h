/* SPDX-License-Identifier: MIT */
/* Names of things in PostgreSQL. */
#ifndef PGCWI_BASE_NAME_H
#define PGCWI_BASE_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* PostgreSQL's NAMEDATALEN is 64, its terminator included. */
#define PGCWI_NAME_MAX_BYTES 63
#define PGCWI_NAME_BYTES (PGCWI_NAME_MAX_BYTES + 1)

/* Neither NULL nor empty, at most 63 bytes. The server would cut it. */
bool pgcwi_name_is_valid(const char *name);

#endif
