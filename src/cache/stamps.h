/* SPDX-License-Identifier: MIT */
/*
 * Clock and stamps: what makes an entry invalid without touching it.
 *
 * An invalidation advances the clock and writes it to one slot, or to `all`.
 * An entry keeps the stamp that its loader read from the clock before the
 * load began, and a slot number. It is valid while neither `all` nor its
 * slot is beyond its stamp.
 *
 * Model: readers only load; those who invalidate hold `lock` for a few
 * stores. Ordering: a loader that reads clock n sees everything that
 * happened before n was written: the notification had arrived, so its
 * SELECT, which it starts afterwards, sees the change (FACTS: PostgreSQL
 * delivers a notification only when a fresh snapshot sees its transaction).
 * A loader that read less than n leaves a stamp below n, and its entry is
 * dead however late it comes (P1). Progress: readers are wait-free.
 *
 * While closed, `all` is beyond every stamp, so nothing is valid (P2).
 * Opening flushes (P3): it writes a new clock value to `all`.
 */
#ifndef PGCWI_CACHE_STAMPS_H
#define PGCWI_CACHE_STAMPS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define PGCWI_SLOT_BITS 12
#define PGCWI_SLOT_COUNT (1u << PGCWI_SLOT_BITS)

struct pgcwi_stamps {
    /* shared; written under lock */
    _Atomic uint64_t all;
    _Atomic uint64_t clock;
    _Atomic uint64_t slots[PGCWI_SLOT_COUNT];
    pthread_mutex_t lock;
};

/* Closed at first. */
void pgcwi_stamps_init(struct pgcwi_stamps *stamps);
void pgcwi_stamps_fini(struct pgcwi_stamps *stamps);

/* The stamp for a load that begins after this call. */
uint64_t pgcwi_stamps_now(const struct pgcwi_stamps *stamps);

void pgcwi_stamps_raise_slot(struct pgcwi_stamps *stamps, uint32_t slot);
void pgcwi_stamps_raise_all(struct pgcwi_stamps *stamps);
void pgcwi_stamps_close(struct pgcwi_stamps *stamps);
/* Also when it is open: then it only flushes. */
void pgcwi_stamps_open(struct pgcwi_stamps *stamps);

static inline bool
pgcwi_stamps_is_valid(const struct pgcwi_stamps *stamps, uint64_t stamp,
                      uint32_t slot)
{
    /*
     * relaxed: nothing else is read because of these values. A caller who
     * knows that an event was applied has acquired it from the turn, or from
     * whoever told him, and so sees these stores.
     */
    return atomic_load_explicit(&stamps->all, memory_order_relaxed) <= stamp &&
           atomic_load_explicit(&stamps->slots[slot], memory_order_relaxed) <=
               stamp;
}

static inline bool
pgcwi_stamps_is_open(const struct pgcwi_stamps *stamps)
{
    /* relaxed: only saves needless work; a stamp decides what is valid */
    return atomic_load_explicit(&stamps->all, memory_order_relaxed) !=
           UINT64_MAX;
}

#endif
