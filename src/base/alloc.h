/* SPDX-License-Identifier: MIT */
/*
 * The one place that asks for memory.
 *
 * Every function returns NULL if there is none; nothing aborts. Sizes are
 * checked for overflow. In the test library an allocation can be told to
 * fail: see PGCWI_TESTING below.
 */
#ifndef PGCWI_BASE_ALLOC_H
#define PGCWI_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* Not zeroed; aligned for any type. */
void *pgcwi_alloc(size_t bytes);
/* Zeroed. */
void *pgcwi_alloc_array(size_t count, size_t element_bytes);
/* Zeroed; alignment is a power of two. */
void *pgcwi_alloc_aligned(size_t alignment, size_t bytes);
/* Zeroed when it is first touched, at a page's begin; for what is large, as
 * the system has it back as soon as it is freed. */
void *pgcwi_alloc_pages(size_t bytes);
/* The same, at a multiple of 2 MiB; `is_huge`: in pages of that size, where the
 * system has them, so that what is far apart is found without a walk through
 * the page tables. */
void *pgcwi_alloc_huge(size_t bytes, bool is_huge);
void pgcwi_free_pages(void *memory, size_t bytes);
/* On failure the old memory stays as it is. */
void *pgcwi_realloc(void *memory, size_t bytes);
char *pgcwi_strdup(const char *text);
/* Accepts NULL. */
void pgcwi_free(void *memory);

#ifdef PGCWI_TESTING
/* Let the nth allocation from now on fail, once; 0 lets none fail. */
void pgcwi_alloc_fail_nth(long nth);
/* Whether it has failed by now. */
bool pgcwi_alloc_has_failed(void);
/* How often memory was asked for, in the whole process. */
unsigned long pgcwi_alloc_count(void);
#endif

#endif
