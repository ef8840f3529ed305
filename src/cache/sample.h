/* SPDX-License-Identifier: MIT */
/*
 * A hit now and then, kept for the auditor.
 *
 * Model: there is room for one entry. A reader who hits for the nth time puts
 * his there, held, if the room is free; the auditor takes it. Nobody waits.
 */
#ifndef PGCWI_CACHE_SAMPLE_H
#define PGCWI_CACHE_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pgcw_cache;
struct pgcwi_entry;

/* Shared. A hit comes here only if the cache's hit_watchers say so. */
struct pgcwi_sampler {
    _Atomic uint32_t every; /* 0: off */
    _Atomic(struct pgcwi_entry *) kept;
};

/* False if it is on already. */
bool pgcwi_sample_start(struct pgcw_cache *cache, uint32_t every);
/* Also if it is off. */
void pgcwi_sample_stop(struct pgcw_cache *cache);

/* In a read section, by one who has hit the entry. What is served although
 * it is invalid (cache/outage.h) is not kept. */
void pgcwi_sample_offer(struct pgcw_cache *cache, struct pgcwi_entry *entry);
/* What was kept, which the caller now holds; NULL if nothing was. */
struct pgcwi_entry *pgcwi_sample_take(struct pgcw_cache *cache);

#endif
