/* SPDX-License-Identifier: MIT */
/*
 * Lets go of entries that were taken out of the table, once no reader can
 * have them: in batches, after a grace period. Who else holds one may keep
 * it longer.
 *
 * Model: retire is called under the cache's write lock; liburcu's own thread
 * frees a batch. Nobody waits for a grace period but fini. Ordering: every
 * section that could find an entry has ended before it is freed. Progress:
 * retire does not wait; while readers stay in their sections, what waits
 * grows to its bounds, and then the cache refuses to store (P9).
 */
#ifndef PGCWI_CACHE_RECLAIM_H
#define PGCWI_CACHE_RECLAIM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/cache.h>

#include "cache/entry.h"

#define PGCWI_RECLAIM_BATCH_ENTRIES 1024

struct pgcwi_reclaim {
    /* immutable after init */
    uint64_t max_waiting_entries;
    uint64_t max_waiting_bytes;
    uint64_t batch_bytes;
    pgcw_removal_fn *on_removal; /* may be NULL */
    void *on_removal_context;
    struct pgcwi_slab slab;
    /* shared; what was retired and is not yet freed */
    _Atomic uint64_t waiting_entries;
    _Atomic uint64_t waiting_bytes;
    /* guarded by the cache's write lock: the batch that is being filled */
    struct pgcwi_entry *open_batch;
    uint64_t open_batch_entries;
    uint64_t open_batch_bytes;
};

/*
 * Without a callback; the caller may set one before the first retire. The
 * memory of the cache's entries, at most `max_bytes` and those that wait, is
 * the slab's, and they have the cache's number.
 */
void pgcwi_reclaim_init(struct pgcwi_reclaim *reclaim, uint32_t cache_number,
                        uint64_t max_waiting_entries,
                        uint64_t max_waiting_bytes);
/* Frees all. Outside a read section; waits for a grace period. */
void pgcwi_reclaim_fini(struct pgcwi_reclaim *reclaim);

/* The entry is out of the table, and nobody's but ours. */
void pgcwi_reclaim_retire(struct pgcwi_reclaim *reclaim,
                          struct pgcwi_entry *entry,
                          enum pgcw_removal_cause cause);
/* Call the callback, if there is one. */
void pgcwi_reclaim_tell(const struct pgcwi_reclaim *reclaim,
                        struct pgcw_bytes key, struct pgcw_bytes value,
                        enum pgcw_removal_cause cause);
/* By a holder: the last frees it, and tells the callback. Accepts NULL. */
void pgcwi_reclaim_release(struct pgcwi_entry *entry);
/* Free an entry that nobody else has, without a word. */
void pgcwi_reclaim_drop(struct pgcwi_entry *entry);
/* Hand the open batch over, however small; under the write lock. */
void pgcwi_reclaim_flush(struct pgcwi_reclaim *reclaim);
/* Whether so much waits that nothing should be added. */
bool pgcwi_reclaim_is_full(const struct pgcwi_reclaim *reclaim);
uint64_t pgcwi_reclaim_waiting(const struct pgcwi_reclaim *reclaim);

#endif
