/* SPDX-License-Identifier: MIT */
/*
 * The cache's hit ratio beside SIEVE and LRU as they are published, on the
 * same traces: both are written here as plainly as can be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "cache/cache.h"

#define KEY_COUNT 20000
#define CAPACITY 1000
#define TRACE_LENGTH 100000

static uint32_t trace[TRACE_LENGTH];

/* One place of a model: a key, and what the algorithm remembers of it. */
struct place {
    uint32_t key;
    bool is_visited;
};

static struct place places[CAPACITY]; /* the oldest first */
static size_t place_count;

static size_t
place_of(uint32_t key)
{
    size_t i = 0;

    while (i < place_count && places[i].key != key) {
        i++;
    }
    return i;
}

static void
remove_place(size_t i)
{
    memmove(&places[i], &places[i + 1],
            (place_count - i - 1) * sizeof(places[0]));
    place_count--;
}

static double
sieve_ratio(void)
{
    size_t hand = 0;
    size_t hits = 0;

    place_count = 0;
    for (size_t i = 0; i < TRACE_LENGTH; i++) {
        size_t found = place_of(trace[i]);

        if (found < place_count) {
            places[found].is_visited = true;
            hits++;
            continue;
        }
        if (place_count == CAPACITY) {
            hand %= place_count;
            while (places[hand].is_visited) {
                places[hand].is_visited = false;
                hand = (hand + 1) % place_count;
            }
            remove_place(hand);
        }
        places[place_count++] = (struct place){trace[i], false};
    }
    return (double)hits / TRACE_LENGTH;
}

static double
lru_ratio(void)
{
    size_t hits = 0;

    place_count = 0;
    for (size_t i = 0; i < TRACE_LENGTH; i++) {
        size_t found = place_of(trace[i]);

        hits += found < place_count;
        if (found < place_count) {
            remove_place(found);
        } else if (place_count == CAPACITY) {
            remove_place(0);
        }
        places[place_count++] = (struct place){trace[i], false};
    }
    return (double)hits / TRACE_LENGTH;
}

static double
cache_ratio(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_cache *cache;

    options.max_entries = CAPACITY;
    assert_int_equal(pgcwi_cache_open(&options, &cache, NULL), PGCW_OK);
    pgcwi_stamps_open(&cache->stamps);
    for (size_t i = 0; i < TRACE_LENGTH; i++) {
        struct pgcw_bytes key = {&trace[i], sizeof(trace[i])};

        if (pgcw_cache_get(cache, key, &value) != PGCW_OK) {
            /* what waits to be freed must not make it refuse */
            while (pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache),
                                  NULL) != PGCW_OK) {
                urcu_memb_barrier();
            }
        }
    }
    pgcw_cache_read_stats(cache, &stats);
    pgcwi_cache_close(cache);
    pgcw_buffer_free(&value);
    return (double)stats.hits / TRACE_LENGTH;
}

static double
draw(void)
{
    static uint64_t x = 88172645463325252;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (double)(x >> 11) / 9007199254740992.0;
}

/* Zipf 0.99, by search in the sums of the weights. */
static uint32_t
draw_zipf(void)
{
    static double sums[KEY_COUNT];
    size_t low = 0;
    size_t high = KEY_COUNT - 1;

    for (size_t i = 0; sums[KEY_COUNT - 1] == 0 && i < KEY_COUNT; i++) {
        sums[i] = (i > 0 ? sums[i - 1] : 0) + pow((double)(i + 1), -0.99);
    }
    double wanted = draw() * sums[KEY_COUNT - 1];
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (sums[middle] < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return (uint32_t)low;
}

static void
compare(const char *name)
{
    double sieve = sieve_ratio();
    double lru = lru_ratio();
    double cache = cache_ratio();

    print_message("%s: the cache %.2f %%, SIEVE %.2f %%, LRU %.2f %%\n", name,
                  100 * cache, 100 * sieve, 100 * lru);
    assert_true(fabs(cache - sieve) < 0.01);
    assert_true(cache > lru);
}

static void
zipf_hits_as_often_as_published_and_more_than_lru(void **state)
{
    (void)state;
    for (size_t i = 0; i < TRACE_LENGTH; i++) {
        trace[i] = draw_zipf();
    }
    compare("Zipf 0.99");
}

static void
zipf_with_scans_hits_as_often_as_published_and_more_than_lru(void **state)
{
    uint32_t scanned = KEY_COUNT;

    (void)state;
    for (size_t i = 0; i < TRACE_LENGTH; i++) {
        bool is_scan = i / 2000 % 4 == 3; /* every fourth stretch */

        trace[i] = is_scan ? scanned++ : draw_zipf();
    }
    compare("Zipf 0.99 with scans");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zipf_hits_as_often_as_published_and_more_than_lru),
        cmocka_unit_test(
            zipf_with_scans_hits_as_often_as_published_and_more_than_lru),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
