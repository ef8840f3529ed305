/* SPDX-License-Identifier: MIT */
#include "cache/reclaim.h"

#include "base/alloc.h"
#include "base/thread.h"
#include "cache/reader.h"

struct batch {
    struct rcu_head rcu;
    struct pgcwi_reclaim *reclaim;
    struct pgcwi_entry *first;
    uint64_t entries;
    uint64_t bytes;
};

/* By their numbers, which are in their entries. A cache's own stands before it
 * has entries, and nobody looks at another's. */
static struct pgcwi_reclaim *of_cache[PGCWI_CACHE_MAX];

void
pgcwi_reclaim_init(struct pgcwi_reclaim *reclaim, uint32_t cache_number,
                   uint64_t max_waiting_entries, uint64_t max_waiting_bytes)
{
    sigset_t callers_signals;

    *reclaim = (struct pgcwi_reclaim){
        .max_waiting_entries =
            max_waiting_entries + PGCWI_RECLAIM_BATCH_ENTRIES,
        .max_waiting_bytes = max_waiting_bytes,
        .batch_bytes = max_waiting_bytes / 16,
    };
    pgcwi_slab_init(&reclaim->slab, 2 * max_waiting_bytes);
    of_cache[cache_number] = reclaim;
    /* starts liburcu's thread, once in a process */
    pgcwi_thread_block_signals(&callers_signals);
    (void)urcu_memb_get_default_call_rcu_data();
    pgcwi_thread_restore_signals(&callers_signals);
}

static void
add_waiting(struct pgcwi_reclaim *reclaim, uint64_t entries, uint64_t bytes)
{
    /* relaxed: only a bound; nothing else is read because of these values */
    atomic_fetch_add_explicit(&reclaim->waiting_entries, entries,
                              memory_order_relaxed);
    /* relaxed: as above */
    atomic_fetch_add_explicit(&reclaim->waiting_bytes, bytes,
                              memory_order_relaxed);
}

void
pgcwi_reclaim_tell(const struct pgcwi_reclaim *reclaim, struct pgcw_bytes key,
                   struct pgcw_bytes value, enum pgcw_removal_cause cause)
{
    if (reclaim->on_removal != NULL) {
        reclaim->on_removal(reclaim->on_removal_context, key, value, cause);
    }
}

/* NULL: of no cache. */
static struct pgcwi_reclaim *
reclaim_of(const struct pgcwi_entry *entry)
{
    return entry->cache_number != PGCWI_NO_CACHE ? of_cache[entry->cache_number]
                                                 : NULL;
}

static void
tell(const struct pgcwi_entry *entry)
{
    const struct pgcwi_reclaim *reclaim = reclaim_of(entry);

    if (reclaim != NULL && !entry->is_absent) {
        pgcwi_reclaim_tell(reclaim, pgcwi_entry_key(entry),
                           pgcwi_entry_value(entry),
                           (enum pgcw_removal_cause)entry->cause);
    }
}

void
pgcwi_reclaim_drop(struct pgcwi_entry *entry)
{
    struct pgcwi_reclaim *reclaim = reclaim_of(entry);

    pgcwi_entry_destroy(reclaim != NULL ? &reclaim->slab : NULL, entry);
}

void
pgcwi_reclaim_release(struct pgcwi_entry *entry)
{
    if (entry != NULL && pgcwi_entry_let_go(entry)) {
        tell(entry);
        pgcwi_reclaim_drop(entry);
    }
}

static void
release_entries(struct pgcwi_entry *first)
{
    while (first != NULL) {
        struct pgcwi_entry *next = first->next_retired;

        pgcwi_reclaim_release(first);
        first = next;
    }
}

/* Called by liburcu's thread, after a grace period. */
static void
free_batch(struct rcu_head *head)
{
    struct batch *batch = caa_container_of(head, struct batch, rcu);

    PGCWI_TAKEN(batch);
    PGCWI_TAKEN(&pgcwi_rcu_edge);
    release_entries(batch->first);
    add_waiting(batch->reclaim, -batch->entries, -batch->bytes);
    PGCWI_PUBLISHED(batch->reclaim);
    pgcwi_free(batch);
}

void
pgcwi_reclaim_flush(struct pgcwi_reclaim *reclaim)
{
    struct batch *batch;

    if (reclaim->open_batch == NULL) {
        return;
    }
    batch = pgcwi_alloc(sizeof(*batch));
    if (batch == NULL) {
        return; /* the open batch grows, and the next retire tries again */
    }
    *batch = (struct batch){
        .reclaim = reclaim,
        .first = reclaim->open_batch,
        .entries = reclaim->open_batch_entries,
        .bytes = reclaim->open_batch_bytes,
    };
    reclaim->open_batch = NULL;
    reclaim->open_batch_entries = 0;
    reclaim->open_batch_bytes = 0;
    PGCWI_PUBLISHED(batch);
    pgcwi_reader_begin(); /* liburcu wants to know its caller */
    urcu_memb_call_rcu(&batch->rcu, free_batch);
    pgcwi_reader_end();
}

void
pgcwi_reclaim_retire(struct pgcwi_reclaim *reclaim, struct pgcwi_entry *entry,
                     enum pgcw_removal_cause cause)
{
    uint64_t bytes = pgcwi_entry_bytes(entry);

    add_waiting(reclaim, 1, bytes);
    entry->cause = (uint8_t)cause;
    entry->next_retired = reclaim->open_batch;
    reclaim->open_batch = entry;
    reclaim->open_batch_entries++;
    reclaim->open_batch_bytes += bytes;
    if (reclaim->open_batch_entries >= PGCWI_RECLAIM_BATCH_ENTRIES ||
        reclaim->open_batch_bytes >= reclaim->batch_bytes) {
        pgcwi_reclaim_flush(reclaim);
    }
}

bool
pgcwi_reclaim_is_full(const struct pgcwi_reclaim *reclaim)
{
    /* relaxed: only a bound; nothing else is read because of these values */
    uint64_t entries =
        atomic_load_explicit(&reclaim->waiting_entries, memory_order_relaxed);
    uint64_t bytes =
        atomic_load_explicit(&reclaim->waiting_bytes, memory_order_relaxed);

    return entries >= reclaim->max_waiting_entries ||
           bytes >= reclaim->max_waiting_bytes;
}

uint64_t
pgcwi_reclaim_waiting(const struct pgcwi_reclaim *reclaim)
{
    /* relaxed: a statistic */
    return atomic_load_explicit(&reclaim->waiting_entries,
                                memory_order_relaxed);
}

void
pgcwi_reclaim_fini(struct pgcwi_reclaim *reclaim)
{
    urcu_memb_barrier();
    urcu_memb_synchronize_rcu();
    PGCWI_TAKEN(reclaim);
    PGCWI_TAKEN(&pgcwi_rcu_edge);
    release_entries(reclaim->open_batch);
    reclaim->open_batch = NULL;
    pgcwi_slab_fini(&reclaim->slab);
}
