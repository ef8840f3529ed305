/* SPDX-License-Identifier: MIT */
/* Arrays of text, as PostgreSQL reads them: {"a","b"}. */
#ifndef PGCWI_BASE_ARRAY_H
#define PGCWI_BASE_ARRAY_H

#include <pgcachewatch/bytes.h>

/*
 * For pgcwi_free(); NULL if memory is short. The elements have no NUL. None
 * at all gives the empty array, {}.
 */
char *pgcwi_array_text(const struct pgcw_bytes *elements, size_t element_count);

#endif
