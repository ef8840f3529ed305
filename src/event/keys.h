/* SPDX-License-Identifier: MIT */
/* The row keys of an event, kept beyond the event. */
#ifndef PGCWI_EVENT_KEYS_H
#define PGCWI_EVENT_KEYS_H

#include <stddef.h>

#include <pgcachewatch/bytes.h>

/*
 * One block of memory for pgcwi_free(), the texts behind the array, each
 * with a terminator. NULL if there is none to copy, or memory is short.
 */
struct pgcw_bytes *pgcwi_keys_copy(const struct pgcw_bytes *keys,
                                   size_t key_count);

#endif
