/* SPDX-License-Identifier: MIT */
/*
 * Let one allocation fail, whoever asks for it, libpq and the C library too;
 * only not liburcu. Takes malloc()'s place in the program it is linked to, on
 * top of glibc's; a sanitizer wants that place for itself.
 *
 * An allocation fails only in threads that have called memory_is_scarce_here().
 */
#ifndef TESTS_SUPPORT_SCARCE_MEMORY_H
#define TESTS_SUPPORT_SCARCE_MEMORY_H

#include <stdbool.h>

void memory_is_scarce_here(bool is_scarce);
/* The nth from now on fails, once; 0: none. */
void memory_fail_nth(long nth);
/* Whether it has. */
bool memory_has_failed(void);

#endif
