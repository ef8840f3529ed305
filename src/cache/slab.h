/* SPDX-License-Identifier: MIT */
/*
 * Memory for entries: blocks of a few sizes, cut from chunks of 2 MiB.
 *
 * Why not malloc(): each entry would have some bytes before it, could begin
 * anywhere in a line of the processor's cache, and would share its page with
 * strangers, so that a hit among a million entries waits for the page tables
 * first. Here what a hit reads begins with a line, and the chunks, but for the
 * first few of a cache, are huge pages where the system has them.
 *
 * Model: guarded by its lock. A chunk has blocks of one size. One with room is
 * in its size's list, and the first of the list is used before the next, so
 * that those behind it can become empty; one that is empty goes back to the
 * system, but for a single spare. There are at most as many chunks as what a
 * cache may hold fills, and a few; then, and for what is large, a caller takes
 * malloc() instead. So memory is bounded (P9), also where the sizes of entries
 * change and chunks of the old sizes do not become empty: by that twice.
 */
#ifndef PGCWI_CACHE_SLAB_H
#define PGCWI_CACHE_SLAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache/rcu.h"

#define PGCWI_SLAB_STEP 64u /* sizes are multiples of a line */
#define PGCWI_SLAB_SIZES 16u
#define PGCWI_SLAB_MOST_BYTES ((size_t)(PGCWI_SLAB_SIZES * PGCWI_SLAB_STEP))
#define PGCWI_SLAB_CHUNK_BYTES ((size_t)2 << 20)
/* A block begins so far behind the begin of a line. */
#define PGCWI_SLAB_OFFSET 16u

struct pgcwi_chunk;

struct pgcwi_slab {
    /* immutable after init */
    uint64_t most_chunks;
    pthread_mutex_t lock;
    /* guarded by lock */
    struct cds_list_head with_room[PGCWI_SLAB_SIZES];
    struct pgcwi_chunk *spare; /* empty; may be NULL */
    uint64_t chunk_count;
};

/* For entries of so many bytes. */
void pgcwi_slab_init(struct pgcwi_slab *slab, uint64_t max_bytes);
/* All blocks were given back. */
void pgcwi_slab_fini(struct pgcwi_slab *slab);

/* NULL if it has none so large, or no more. */
void *pgcwi_slab_take(struct pgcwi_slab *slab, size_t bytes);
void pgcwi_slab_give_back(struct pgcwi_slab *slab, void *block);

#endif
