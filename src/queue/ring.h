/* SPDX-License-Identifier: MIT */
/*
 * Bounded many-producer, many-consumer queue of pointers.
 *
 * Model: ownership of an item moves with the pointer. Ordering: what was
 * written to an item before push is visible after the pop that returns it;
 * nothing else is ordered. Items come out in the order in which they went
 * in. Progress: pop is lock-free; push is not: a producer stopped between
 * reserving and publishing a slot delays those behind it.
 */
#ifndef PGCWI_QUEUE_RING_H
#define PGCWI_QUEUE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pgcwi_ring;

/*
 * `capacity` is a power of two, at least 4; one slot stays empty, so the
 * ring holds capacity - 1 items. NULL if memory is short.
 */
struct pgcwi_ring *pgcwi_ring_create(uint32_t capacity);
/* The ring must be empty: it does not own its items. Accepts NULL. */
void pgcwi_ring_destroy(struct pgcwi_ring *ring);
/* False if full: the item stays with the caller. */
bool pgcwi_ring_push(struct pgcwi_ring *ring, void *item);
/* NULL if empty. */
void *pgcwi_ring_pop(struct pgcwi_ring *ring);
/* A moment's number. */
uint32_t pgcwi_ring_count(const struct pgcwi_ring *ring);

#endif
