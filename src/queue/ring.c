/* SPDX-License-Identifier: MIT */
/*
 * Bounded many-producer, many-consumer queue of pointers, on ck_ring.
 *
 * Model, Ordering, Progress: see the header. Concurrency Kit orders memory
 * with inline assembly that ThreadSanitizer does not see: its build compiles
 * this file without instrumentation, and the two marks tell it of the edge
 * from push to pop, item by item.
 */
#include "queue/ring.h"

#include <assert.h>
#include <ck_ring.h>

#include "base/alloc.h"
#include "base/annotate.h"

struct pgcwi_ring {
    /* shared; producers' and consumers' ends have a cache line each */
    ck_ring_t ends;
    _Alignas(CK_MD_CACHELINE) ck_ring_buffer_t slots[];
};

struct pgcwi_ring *
pgcwi_ring_create(uint32_t capacity)
{
    struct pgcwi_ring *ring;

    assert(capacity >= 4 && (capacity & (capacity - 1)) == 0);
    ring = pgcwi_alloc_aligned(_Alignof(struct pgcwi_ring),
                               sizeof *ring +
                                   (size_t)capacity * sizeof ring->slots[0]);
    if (ring != NULL) {
        ck_ring_init(&ring->ends, capacity);
    }
    return ring;
}

void
pgcwi_ring_destroy(struct pgcwi_ring *ring)
{
    assert(ring == NULL || pgcwi_ring_count(ring) == 0);
    pgcwi_free(ring);
}

bool
pgcwi_ring_push(struct pgcwi_ring *ring, void *item)
{
    assert(item != NULL);
    PGCWI_PUBLISHED(item);
    return ck_ring_enqueue_mpmc(&ring->ends, ring->slots, item);
}

void *
pgcwi_ring_pop(struct pgcwi_ring *ring)
{
    void *item = NULL;

    if (!ck_ring_dequeue_mpmc(&ring->ends, ring->slots, &item)) {
        return NULL;
    }
    PGCWI_TAKEN(item);
    return item;
}

uint32_t
pgcwi_ring_count(const struct pgcwi_ring *ring)
{
    return ck_ring_size(&ring->ends);
}
