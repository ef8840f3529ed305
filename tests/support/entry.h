/* SPDX-License-Identifier: MIT */
/* Entries for tests: with one slot, and nobody's. */
#ifndef TESTS_SUPPORT_ENTRY_H
#define TESTS_SUPPORT_ENTRY_H

#include "cache/entry.h"

#define ENTRY_SLOT 0u

/* NULL if memory is short. */
static inline struct pgcwi_entry *
create_entry(const struct pgcwi_key *key, struct pgcw_bytes value,
             uint64_t clock)
{
    struct pgcwi_slots slots;

    pgcwi_slots_init(&slots, ENTRY_SLOT);
    return pgcwi_entry_create(NULL, key, &slots, value,
                              (struct pgcw_stamp){clock, 0});
}

#endif
