/* SPDX-License-Identifier: MIT */
/*
 * Threads that read: known to RCU from their first section to their end,
 * and each with counters of its own.
 *
 * Model: a thread writes only its own counters, so a hit writes no line that
 * another writes. Sums are made under the lock of the list of readers. A
 * thread that ends, also inside a section, is taken off by itself; its
 * counts are kept.
 */
#ifndef PGCWI_CACHE_READER_H
#define PGCWI_CACHE_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/rcu.h"

/* Caches in one process at a time. */
#define PGCWI_CACHE_MAX 1024

struct pgcwi_reader_counts {
    uint64_t hits;
    uint64_t misses;
    uint64_t stale_hits; /* some of the hits */
};

/* shared: written by one thread, summed by any */
struct pgcwi_reader_counters {
    _Atomic uint64_t hits;
    _Atomic uint64_t misses;
    _Atomic uint64_t stale_hits;
};

struct pgcwi_reader {
    struct pgcwi_reader_counters of_cache[PGCWI_CACHE_MAX];
    /* guarded by readers_lock */
    struct cds_list_head in_readers;
};

struct pgcw_transaction;

/* What a thread has of its own. */
struct pgcwi_thread {
    /* NULL: not known to RCU */
    struct pgcwi_reader *reader;
    /* open ones, of any cache: see cache/transaction.h */
    struct pgcw_transaction *transactions;
    /* no destructor could be had: leave RCU after each section */
    bool leaves_after_section;
};

/* initial-exec: an access is one instruction, also in a shared library */
extern _Thread_local struct pgcwi_thread pgcwi_thread
    __attribute__((tls_model("initial-exec")));

/* A number below PGCWI_CACHE_MAX for a new cache; false if all are taken. */
bool pgcwi_reader_cache_join(uint32_t *cache_number);
/* No thread uses the cache any more. */
void pgcwi_reader_cache_leave(uint32_t cache_number);

/* Sections nest. */
void pgcwi_reader_begin(void);
void pgcwi_reader_end(void);
bool pgcwi_reader_is_inside(void);

static inline uint64_t
pgcwi_reader_read(const _Atomic uint64_t *counter)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline void
pgcwi_reader_write(_Atomic uint64_t *counter, uint64_t value)
{
    /* relaxed: a statistic; nothing else is read because of its value */
    atomic_store_explicit(counter, value, memory_order_relaxed);
}

static inline void
pgcwi_reader_add_one(_Atomic uint64_t *counter)
{
    pgcwi_reader_write(counter, pgcwi_reader_read(counter) + 1);
}

/* Inside a section: the calling thread's own. */
static inline struct pgcwi_reader_counters *
pgcwi_reader_counters(uint32_t cache_number)
{
    return &pgcwi_thread.reader->of_cache[cache_number];
}

struct pgcwi_reader_counts pgcwi_reader_sum(uint32_t cache_number);

#endif
