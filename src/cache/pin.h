/* SPDX-License-Identifier: MIT */
/* A held entry in the hands of the user. */
#ifndef PGCWI_CACHE_PIN_H
#define PGCWI_CACHE_PIN_H

#include "cache/cache.h"

/* The status as it is. The entry is his with PGCW_OK, else it is let go. */
enum pgcw_status pgcwi_pin_give(enum pgcw_status status,
                                struct pgcwi_entry *entry,
                                struct pgcw_pin **pin);
struct pgcwi_entry *pgcwi_pin_entry(struct pgcw_pin *pin);

#endif
