/* SPDX-License-Identifier: MIT */
#include "cache/stamps.h"

#include "base/alloc.h"
#include "base/clock.h"

/* Invalidations between two writes of `keys`, at least. */
#define KEYS_AHEAD 65536

#define HUGE_FROM_BITS 18u

static size_t
slots_bytes(const struct pgcwi_stamps *stamps)
{
    return (PGCWI_SLOT_KEYS + (1u << stamps->key_bits) +
            (1u << stamps->row_bits)) *
           sizeof(*stamps->slots);
}

static uint32_t
key_bits(uint32_t row_bits)
{
    return row_bits >= PGCWI_ROW_BITS_MIN + PGCWI_KEY_BITS_LESS
               ? row_bits - PGCWI_KEY_BITS_LESS
               : PGCWI_ROW_BITS_MIN;
}

bool
pgcwi_stamps_init(struct pgcwi_stamps *stamps, uint32_t row_bits)
{
    stamps->key_bits = key_bits(row_bits);
    stamps->row_bits = row_bits;
    /* zeroed, which is what each of them begins with */
    stamps->slots =
        pgcwi_alloc_huge(slots_bytes(stamps), row_bits >= HUGE_FROM_BITS);
    if (stamps->slots == NULL) {
        return false;
    }
    atomic_init(&stamps->all, UINT64_MAX);
    atomic_init(&stamps->keys, 0);
    atomic_init(&stamps->flushed, UINT64_MAX);
    atomic_init(&stamps->closed_at_ns, 0);
    atomic_init(&stamps->clock, 0);
    atomic_init(&stamps->is_taken, true);
    pthread_mutex_init(&stamps->lock, NULL);
    return true;
}

void
pgcwi_stamps_fini(struct pgcwi_stamps *stamps)
{
    pthread_mutex_destroy(&stamps->lock);
    pgcwi_free_pages(stamps->slots, slots_bytes(stamps));
}

/*
 * Where it is noted already, an event that takes the note away advances the
 * clock beyond us. Such a note is not older than our clock: whoever took an
 * older one away advanced the clock afterwards.
 */
static void
note_taken(struct pgcwi_stamps *stamps)
{
    /*
     * ORDER: the look of the last event that found no note, before our load.
     * Pairs with: pgcwi_stamps_get_beyond(). Without it: the load could see
     * the database from before that event, which left its slots at our stamp,
     * and the old value would be valid.
     */
    if (!atomic_load_explicit(&stamps->is_taken, memory_order_acquire)) {
        /*
         * ORDER: as above; and for who finds our note.
         * Pairs with: pgcwi_stamps_get_beyond(), note_taken(). Without it: as
         * above.
         */
        (void)atomic_exchange_explicit(&stamps->is_taken, true,
                                       memory_order_acq_rel);
    }
}

uint64_t
pgcwi_stamps_now(const struct pgcwi_stamps *stamps)
{
    /*
     * ORDER: this load before the load of the value that gets the stamp, and
     * before the note.
     * Pairs with: advance(). Without it: the SELECT could see the database
     * from before a change whose invalidation the stamp already covers, and
     * the old value would be valid.
     */
    uint64_t clock = atomic_load_explicit(&stamps->clock, memory_order_acquire);
    note_taken((struct pgcwi_stamps *)stamps);
    return clock;
}

/* The caller holds the lock. */
static uint64_t
advance(struct pgcwi_stamps *stamps)
{
    /* relaxed: only written under the lock, which we hold */
    uint64_t next =
        atomic_load_explicit(&stamps->clock, memory_order_relaxed) + 1;
    /*
     * ORDER: the arrival of the notification before the new clock.
     * Pairs with: pgcwi_stamps_now(). Without it: a loader could take the
     * new stamp and yet read from before the change.
     */
    atomic_store_explicit(&stamps->clock, next, memory_order_release);
    return next;
}

uint64_t
pgcwi_stamps_get_beyond(struct pgcwi_stamps *stamps)
{
    /*
     * ORDER: the arrival of the notification before this look, and the look
     * before the new clock.
     * Pairs with: note_taken(). Without it: see there.
     */
    if (atomic_exchange_explicit(&stamps->is_taken, false,
                                 memory_order_acq_rel)) {
        return advance(stamps);
    }
    /* relaxed: only written under the lock, which we hold */
    return atomic_load_explicit(&stamps->clock, memory_order_relaxed);
}

void
pgcwi_stamps_set(struct pgcwi_stamps *stamps, uint32_t slot, uint64_t clock)
{
    /* relaxed: published by the lock, and by the turn that follows */
    atomic_store_explicit(&stamps->slots[slot], clock, memory_order_relaxed);
}

/* The caller holds the lock. */
static void
raise_keys(struct pgcwi_stamps *stamps, uint64_t clock)
{
    /* relaxed: only written under the lock, which we hold */
    if (atomic_load_explicit(&stamps->keys, memory_order_relaxed) < clock) {
        /* relaxed: published by the lock */
        atomic_store_explicit(&stamps->keys, clock + KEYS_AHEAD,
                              memory_order_relaxed);
    }
}

void
pgcwi_stamps_raise_key(struct pgcwi_stamps *stamps, uint32_t slot)
{
    pthread_mutex_lock(&stamps->lock);
    uint64_t next = advance(stamps);
    pgcwi_stamps_set(stamps, slot, next);
    raise_keys(stamps, next);
    pthread_mutex_unlock(&stamps->lock);
}

void
pgcwi_stamps_raise_all(struct pgcwi_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    uint64_t next = advance(stamps);
    /* relaxed: published by the lock, and by the turn that follows */
    atomic_store_explicit(&stamps->flushed, next, memory_order_relaxed);
    if (pgcwi_stamps_is_open(stamps)) {
        /* relaxed: as above */
        atomic_store_explicit(&stamps->all, next, memory_order_relaxed);
    }
    pthread_mutex_unlock(&stamps->lock);
}

void
pgcwi_stamps_close(struct pgcwi_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    if (pgcwi_stamps_is_open(stamps)) {
        /*
         * ORDER: what was flushed when it opened, before that it closed.
         * Pairs with: pgcwi_stamps_closed_at_ns(). Without it: who finds it
         * closed for the second time could take what was valid when it
         * closed for the first, and serve it as long again.
         */
        atomic_store_explicit(&stamps->closed_at_ns, pgcwi_clock_coarse_ns(),
                              memory_order_release);
    }
    /* relaxed: published by the lock, and by the listener's state */
    atomic_store_explicit(&stamps->all, UINT64_MAX, memory_order_relaxed);
    pthread_mutex_unlock(&stamps->lock);
}

void
pgcwi_stamps_close_for_ever(struct pgcwi_stamps *stamps)
{
    /* relaxed: there is no other thread, so not even one with the lock */
    atomic_store_explicit(&stamps->closed_at_ns, 0, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&stamps->all, UINT64_MAX, memory_order_relaxed);
}

int64_t
pgcwi_stamps_closed_at_ns(const struct pgcwi_stamps *stamps)
{
    /*
     * ORDER: our look at this before our look at what is flushed.
     * Pairs with: pgcwi_stamps_close(). Without it: see there.
     */
    return atomic_load_explicit(&stamps->closed_at_ns, memory_order_acquire);
}

void
pgcwi_stamps_open(struct pgcwi_stamps *stamps)
{
    pthread_mutex_lock(&stamps->lock);
    uint64_t next = advance(stamps);
    /* relaxed: published by the lock, and by the listener's state */
    atomic_store_explicit(&stamps->closed_at_ns, 0, memory_order_relaxed);
    atomic_store_explicit(&stamps->flushed, next, memory_order_relaxed);
    atomic_store_explicit(&stamps->all, next, memory_order_relaxed);
    pthread_mutex_unlock(&stamps->lock);
}
