/* SPDX-License-Identifier: MIT */
/*
 * What entries depend on, as numbers of slots (cache/stamps.h).
 *
 * A table that a tag names for the first time gets two slots. `any` is raised
 * by every event of the table, for entries that depend on all of it; `whole`
 * by those that do not tell which rows, for entries that depend on a row.
 * Such an entry has the slot of its row as well, which is hashed.
 *
 * Model: guarded by the stamps' lock, but for `is_used`. A load may have begun
 * before an event of a table that nobody had named yet. So a new table's
 * slots begin where the last event of any table is, and such a load comes
 * too late (P1).
 *
 * Checked by stress/models/coherence.pml.
 */
#ifndef PGCWI_CACHE_TAGS_H
#define PGCWI_CACHE_TAGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/fill.h>

#include "cache/stamps.h"

/* What one entry depends on. */
#define PGCWI_SLOTS_MAX 64u
struct pgcwi_slots {
    uint32_t count;
    uint32_t numbers[PGCWI_SLOTS_MAX];
};

struct pgcwi_tagged_table;

struct pgcwi_tags {
    /* immutable after init */
    struct pgcwi_stamps *stamps;
    uint64_t hash_seed;
    /* guarded by the stamps' lock: in the order of their names */
    struct pgcwi_tagged_table *tables;
    uint32_t table_count;
    uint32_t table_capacity;
    /* shared: whether a table was ever named */
    _Atomic bool is_used;
};

void pgcwi_tags_init(struct pgcwi_tags *tags, struct pgcwi_stamps *stamps,
                     uint64_t hash_seed);
void pgcwi_tags_fini(struct pgcwi_tags *tags);

/* Whether an event could have these names. */
bool pgcwi_tag_is_valid(const struct pgcw_tag *tag);
/* Of what the tag names; it refers to the tag. */
struct pgcw_event pgcwi_tag_event(const struct pgcw_tag *tag);

bool pgcwi_tags_is_used(const struct pgcwi_tags *tags);

/* Of an entry that depends on its own key, and so far on nothing else. */
void pgcwi_slots_init(struct pgcwi_slots *slots, uint32_t key_slot);
/* The whole cache, whatever is added later. */
void pgcwi_slots_add_everything(struct pgcwi_slots *slots);
/* If nothing was added, the entry depends on the whole cache. */
void pgcwi_slots_finish(struct pgcwi_slots *slots);

bool pgcwi_slots_has(const struct pgcwi_slots *slots, uint32_t slot);
bool pgcwi_slots_has_everything(const struct pgcwi_slots *slots);

/* On PGCW_INVALID_ARGUMENT, and where room is short, everything is added. */
enum pgcw_status pgcwi_tags_add(struct pgcwi_tags *tags,
                                const struct pgcw_tag *tag,
                                struct pgcwi_slots *slots);
/* Make what the event is about invalid. */
void pgcwi_tags_raise(struct pgcwi_tags *tags, const struct pgcw_event *event);
/*
 * Add the slots that it would raise. Returns how many tables are known: one
 * that is named later may have slots that it would raise as well.
 */
uint32_t pgcwi_tags_collect(struct pgcwi_tags *tags,
                            const struct pgcw_event *event,
                            struct pgcwi_slots *slots);

#endif
