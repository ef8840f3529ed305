/* SPDX-License-Identifier: MIT */
/*
 * A value stays as it is until the read section that found it ends.
 *
 * Writers replace, evict, invalidate and sweep in a table that is too small;
 * readers hold several values over a section and look at each of them
 * again before its end. A value carries its own checksum, and what is freed
 * is overwritten: by malloc where it can be told to, by AddressSanitizer in
 * its build. Every other reader ends inside a section.
 */
#include "support.h"

#include <inttypes.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"

#define KEY_COUNT 4000u
#define MAX_ENTRIES 2000u
#define MAX_BYTES 400000u
#define MAX_VALUE_BYTES 200u
#define HELD_COUNT 8u
#define FREED_BYTE 0xdd

struct worker {
    struct stress *stress;
    struct pgcw_cache *cache;
    unsigned int number;
    struct stress_random random;
    uint64_t held_count;
    uint64_t written_count;
    uint64_t refused_count;
};

static struct pgcw_bytes
key_of(const uint32_t *key)
{
    return (struct pgcw_bytes){key, sizeof(*key)};
}

/* FNV-1a. */
static uint64_t
checksum(const unsigned char *data, size_t size)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
    }
    return sum;
}

/* A checksum, and some bytes that it is of. */
static size_t
make_value(struct stress_random *random, unsigned char *value)
{
    size_t size = stress_random_below(random, MAX_VALUE_BYTES);
    uint64_t first = stress_random_next(random);

    for (size_t i = 0; i < size; i++) {
        value[sizeof(uint64_t) + i] = (unsigned char)((first >> 32) + i * 7);
    }
    uint64_t sum = checksum(value + sizeof(sum), size);
    memcpy(value, &sum, sizeof(sum));
    return sizeof(sum) + size;
}

static bool
is_whole(struct pgcw_bytes value)
{
    uint64_t sum;

    if (value.size < sizeof(sum)) {
        return false;
    }
    memcpy(&sum, value.data, sizeof(sum));
    return sum == checksum((const unsigned char *)value.data + sizeof(sum),
                           value.size - sizeof(sum));
}

static void
hold_some(struct worker *worker)
{
    struct pgcw_bytes held[HELD_COUNT];
    uint32_t count = 0;

    for (uint32_t i = 0; i < HELD_COUNT; i++) {
        uint32_t key = stress_random_below(&worker->random, KEY_COUNT);

        if (pgcw_cache_lookup(worker->cache, key_of(&key), &held[count]) ==
            PGCW_OK) {
            count++;
        }
    }
    stress_random_delay(&worker->random, 5000);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_whole(held[i])) {
            stress_fail(worker->stress,
                        "a value of %zu bytes changed in a read section",
                        held[i].size);
        }
    }
    worker->held_count += count;
}

static void
read_sections(struct worker *worker)
{
    while (!stress_is_over(worker->stress)) {
        for (uint32_t i = 0; i < 16; i++) {
            pgcw_read_begin();
            hold_some(worker);
            pgcw_read_end();
        }
    }
    if (worker->number % 4 == 1) {
        pgcw_read_begin(); /* the thread's end must end it */
        hold_some(worker);
    }
}

static void
put(struct worker *worker)
{
    unsigned char value[sizeof(uint64_t) + MAX_VALUE_BYTES];
    uint32_t key = stress_random_below(&worker->random, KEY_COUNT);
    size_t size = make_value(&worker->random, value);

    if (pgcw_cache_put(worker->cache, key_of(&key),
                       (struct pgcw_bytes){value, size},
                       pgcw_cache_stamp(worker->cache), NULL) == PGCW_OK) {
        worker->written_count++;
    } else {
        worker->refused_count++;
        sched_yield(); /* as many wait to be freed as may */
    }
}

static void
write_one(struct worker *worker)
{
    uint32_t key = stress_random_below(&worker->random, KEY_COUNT);
    uint32_t choice = stress_random_below(&worker->random, 4096);

    if (choice == 0) {
        pgcw_cache_invalidate_all(worker->cache);
    } else if (choice < 128) {
        pgcw_cache_invalidate(worker->cache, key_of(&key));
    } else if (choice < 192) {
        (void)pgcwi_cache_sweep(worker->cache);
    } else {
        put(worker);
    }
}

static void
check_bounds(struct worker *worker)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
    /* a store may retire all entries, after it has seen that it may */
    uint64_t most_waiting = PGCWI_RECLAIM_BATCH_ENTRIES + MAX_ENTRIES +
                            worker->stress->thread_count * MAX_ENTRIES;

    pgcw_cache_read_stats(worker->cache, &stats);
    if (stats.entries > MAX_ENTRIES || stats.bytes > MAX_BYTES ||
        stats.reclaim_waiting > most_waiting) {
        stress_fail(worker->stress,
                    "%" PRIu64 " entries, %" PRIu64 " bytes, %" PRIu64
                    " waiting",
                    stats.entries, stats.bytes, stats.reclaim_waiting);
    }
}

static void *
work(void *context)
{
    struct worker *worker = context;

    worker->random = stress_random_of(worker->stress, worker->number);
    if (worker->number % 2 == 1) {
        read_sections(worker);
        return NULL;
    }
    while (!stress_is_over(worker->stress)) {
        for (uint32_t i = 0; i < 64; i++) {
            write_one(worker);
        }
        check_bounds(worker);
    }
    return NULL;
}

static struct pgcw_cache *
open_cache(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    options.max_entries = MAX_ENTRIES;
    options.max_bytes = MAX_BYTES;
    if (pgcwi_cache_open(&options, &cache, NULL) != PGCW_OK) {
        (void)fprintf(stderr, "no cache\n");
        exit(1);
    }
    pgcwi_stamps_open(&cache->stamps);
    return cache;
}

int
main(int argc, char **argv)
{
    static struct worker workers[256];
    struct stress stress = {.thread_count = 4, .seconds = 10};
    uint64_t held_count = 0;
    uint64_t written_count = 0;
    uint64_t refused_count = 0;

#ifdef M_PERTURB
    (void)mallopt(M_PERTURB, FREED_BYTE);
#endif
    stress_start(&stress, "reclaim_torture", argc, argv);
    struct pgcw_cache *cache = open_cache();
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        workers[i] = (struct worker){&stress, cache, i, {0}, 0, 0, 0};
    }
    stress_run_threads(&stress, work, workers, sizeof(workers[0]));
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        held_count += workers[i].held_count;
        written_count += workers[i].written_count;
        refused_count += workers[i].refused_count;
    }
    if (stress.thread_count > 1 && held_count == 0) {
        stress_fail(&stress, "no value was held: nothing was tried");
    }
    pgcwi_cache_close(cache); /* would hang if a thread had not left */
    return stress_finish(&stress,
                         "%" PRIu64 " values held, %" PRIu64
                         " written, %" PRIu64 " refused",
                         held_count, written_count, refused_count);
}
