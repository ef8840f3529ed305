/* SPDX-License-Identifier: MIT */
/*
 * Clock and stamps: what makes an entry invalid without touching it.
 *
 * An invalidation advances the clock and writes it to the slots of what it
 * is about, or to `all`. An entry keeps the stamp that its loader took from
 * the clock before the load began, and the numbers of its slots. It is valid
 * while neither `all` nor any of its slots is beyond its stamp.
 *
 * Model: readers only load; those who invalidate hold `lock` for a few
 * stores. Ordering: a loader that reads clock n sees everything that
 * happened before n was written: the notification had arrived, so its
 * SELECT, which it starts afterwards, sees the change (FACTS: PostgreSQL
 * delivers a notification only when a fresh snapshot sees its transaction).
 * A loader that read less than n leaves a stamp below n, and its entry is
 * dead however late it comes (P1). Progress: readers are wait-free.
 *
 * An event advances the clock only if somebody may have taken a stamp since
 * the event before it: else whatever has a stamp is behind the clock already,
 * and it is enough that the event's slots come up to it. So of a burst of
 * events about a table that nobody loads from meanwhile, one writes. Who takes
 * a stamp says so afterwards, and then begins to load; an event looks for
 * that, and then raises. Either it sees it, or that load begins behind the
 * look, hence when the event had arrived.
 *
 * While closed, `all` is beyond every stamp, so nothing is valid (P2).
 * Opening flushes (P3): it writes a new clock value to `all`. What `all`
 * would be is kept beside it, also while closed, for those who may serve what
 * was valid when it closed: see cache/outage.h.
 *
 * The first slots have their own meaning; the rest stand for hashes, of keys
 * and of rows, so that two of them may share one: a needless reload at
 * worst. Where no key was invalidated by hand since an entry's load, `keys`
 * says so for all of them; it is kept some way ahead of the clock, so that
 * the line that each hit reads is written rarely.
 *
 * Checked by stress/models/coherence.pml, and its orders by
 * stress/models/stamps.cpp and stress/models/closing.cpp.
 */
#ifndef PGCWI_CACHE_STAMPS_H
#define PGCWI_CACHE_STAMPS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Raised by every event: for entries that name no table. */
#define PGCWI_SLOT_UNTAGGED 0u
/* Two for each table; on a cache line that UNTAGGED does not disturb. */
#define PGCWI_SLOT_TABLES 8u
#define PGCWI_TABLES_MAX 16384u
/* Then those of keys, few enough to stay in a processor's cache, as each hit
 * looks at one, and then those of rows, as many as there may be entries. */
#define PGCWI_SLOT_KEYS (PGCWI_SLOT_TABLES + 2 * PGCWI_TABLES_MAX)
#define PGCWI_ROW_BITS_MIN 12u
#define PGCWI_ROW_BITS_MAX 20u
#define PGCWI_KEY_BITS_LESS 4u

/* Below `all` once a cache was opened: nothing with such a stamp is valid. */
#define PGCWI_CLOCK_DEAD UINT64_C(0)

struct pgcwi_stamps {
    /* immutable after init */
    _Atomic uint64_t *slots;
    uint32_t key_bits;
    uint32_t row_bits;
    /* shared; written under lock */
    _Atomic uint64_t all;
    _Atomic uint64_t keys;        /* none of a key is beyond it */
    _Atomic uint64_t flushed;     /* what `all` is while open */
    _Atomic int64_t closed_at_ns; /* 0: it is open, or never was */
    /* shared; apart, as every event writes it and no hit reads it */
    _Alignas(64) _Atomic uint64_t clock;
    _Atomic bool is_taken; /* a stamp, since an event has last looked */
    pthread_mutex_t lock;
};

/* Closed at first; false if memory is short. More bits, fewer collisions. */
bool pgcwi_stamps_init(struct pgcwi_stamps *stamps, uint32_t row_bits);
void pgcwi_stamps_fini(struct pgcwi_stamps *stamps);

/* The clock for the stamp of a load that begins after this call. That it was
 * taken is noted, which is no part of what is const. */
uint64_t pgcwi_stamps_now(const struct pgcwi_stamps *stamps);

void pgcwi_stamps_raise_key(struct pgcwi_stamps *stamps, uint32_t slot);
void pgcwi_stamps_raise_all(struct pgcwi_stamps *stamps);
/* Also when it is closed: then it stays as it is. */
void pgcwi_stamps_close(struct pgcwi_stamps *stamps);
/* In a child of fork(): without the lock, and nothing is served stale. */
void pgcwi_stamps_close_for_ever(struct pgcwi_stamps *stamps);
/* Also when it is open: then it only flushes. */
void pgcwi_stamps_open(struct pgcwi_stamps *stamps);

/* To raise several slots at once, hold the lock, get beyond every stamp, and
 * set each to what the clock is then. */
uint64_t pgcwi_stamps_get_beyond(struct pgcwi_stamps *stamps);
void pgcwi_stamps_set(struct pgcwi_stamps *stamps, uint32_t slot,
                      uint64_t clock);

static inline uint64_t
pgcwi_stamps_slot(const struct pgcwi_stamps *stamps, uint32_t slot)
{
    /*
     * relaxed: nothing else is read because of this value. A caller who
     * knows that an event was applied has acquired it from the turn, or from
     * whoever told him, and so sees the store.
     */
    return atomic_load_explicit(&stamps->slots[slot], memory_order_relaxed);
}

/* The first is that of a key. It is one of many, so it is in no processor's
 * cache, and is looked at only if a key was invalidated of late. */
static inline bool
pgcwi_stamps_are_slots_valid(const struct pgcwi_stamps *stamps, uint64_t clock,
                             const uint32_t *slots, uint32_t slot_count)
{
    /* relaxed: as in pgcwi_stamps_slot() */
    if (atomic_load_explicit(&stamps->keys, memory_order_relaxed) > clock &&
        slot_count > 0 && pgcwi_stamps_slot(stamps, slots[0]) > clock) {
        return false;
    }
    for (uint32_t i = slot_count; i > 1; i--) {
        if (pgcwi_stamps_slot(stamps, slots[i - 1]) > clock) {
            return false;
        }
    }
    return true;
}

static inline bool
pgcwi_stamps_is_valid(const struct pgcwi_stamps *stamps, uint64_t clock,
                      const uint32_t *slots, uint32_t slot_count)
{
    /* relaxed: as in pgcwi_stamps_slot() */
    return atomic_load_explicit(&stamps->all, memory_order_relaxed) <= clock &&
           pgcwi_stamps_are_slots_valid(stamps, clock, slots, slot_count);
}

/*
 * When it closed, by the coarse clock; 0: it is open, or never was. What is
 * known to be flushed is looked at after this.
 */
int64_t pgcwi_stamps_closed_at_ns(const struct pgcwi_stamps *stamps);

/* As pgcwi_stamps_is_valid(), as if it had not closed. */
static inline bool
pgcwi_stamps_was_valid(const struct pgcwi_stamps *stamps, uint64_t clock,
                       const uint32_t *slots, uint32_t slot_count)
{
    /* relaxed: ordered by pgcwi_stamps_closed_at_ns() */
    return atomic_load_explicit(&stamps->flushed, memory_order_relaxed) <=
               clock &&
           pgcwi_stamps_are_slots_valid(stamps, clock, slots, slot_count);
}

/* The table uses the low bits of a hash, so a slot is made of the high. */
static inline uint32_t
pgcwi_stamps_key_slot(const struct pgcwi_stamps *stamps, uint64_t hash)
{
    return PGCWI_SLOT_KEYS + (uint32_t)(hash >> (64 - stamps->key_bits));
}

static inline uint32_t
pgcwi_stamps_row_slot(const struct pgcwi_stamps *stamps, uint64_t hash)
{
    return PGCWI_SLOT_KEYS + (1u << stamps->key_bits) +
           (uint32_t)(hash >> (64 - stamps->row_bits));
}

static inline bool
pgcwi_stamps_is_open(const struct pgcwi_stamps *stamps)
{
    /* relaxed: only saves needless work; a stamp decides what is valid */
    return atomic_load_explicit(&stamps->all, memory_order_relaxed) !=
           UINT64_MAX;
}

#endif
