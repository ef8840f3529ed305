/* SPDX-License-Identifier: MIT */
/*
 * What pgcw_cache_lookup_many() of 32 keys costs beside 32 lookups of their
 * own, on the same keys in turns.
 *
 *     bench_lookup_many [ENTRIES [REPETITIONS]]
 *
 * Keys of 16 bytes are drawn before, uniformly; hashing them is part of a
 * lookup, and so is a look at each value. A read section is around 32 keys in
 * both. Prints one line of JSON; the figures are medians.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/many.h>

#include "base/clock.h"
#include "cache/cache.h"
#include "support.h"

#define DEFAULT_ENTRIES 1000000
#define DEFAULT_REPETITIONS 9
#define MOST_REPETITIONS 99
#define KEY_BYTES 16
#define VALUE_BYTES 32
#define AT_ONCE 32
#define ROUNDS 20000

static struct pgcw_cache *cache;
static char (*keys)[KEY_BYTES + 1];
static uint32_t entry_count;
static uint64_t seen; /* of values, so that they are looked at */

static struct pgcw_bytes
drawn_key(struct stress_random *random)
{
    return (struct pgcw_bytes){keys[stress_random_below(random, entry_count)],
                               KEY_BYTES};
}

static bool
fill(void)
{
    static const char value[VALUE_BYTES] = {1};
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.max_entries = entry_count;
    options.max_bytes = UINT64_MAX;
    keys = calloc(entry_count, sizeof(*keys));
    if (keys == NULL || pgcwi_cache_open(&options, &cache, NULL) != PGCW_OK) {
        return false;
    }
    pgcwi_stamps_open(&cache->stamps);
    for (uint32_t i = 0; i < entry_count; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%0*" PRIu32, KEY_BYTES, i);
        if (pgcw_cache_put(cache, (struct pgcw_bytes){keys[i], KEY_BYTES},
                           (struct pgcw_bytes){value, VALUE_BYTES},
                           pgcw_cache_stamp(cache), NULL) != PGCW_OK) {
            return false;
        }
    }
    return true;
}

static void
look_up_each(struct pgcw_lookup *lookups)
{
    for (size_t i = 0; i < AT_ONCE; i++) {
        lookups[i].status =
            pgcw_cache_lookup(cache, lookups[i].key, &lookups[i].value);
    }
}

static void
look_up_many(struct pgcw_lookup *lookups)
{
    (void)pgcw_cache_lookup_many(cache, lookups, AT_ONCE);
}

/* Nanoseconds a key. */
static double
measure(void look_up(struct pgcw_lookup *), struct stress_random *random)
{
    static struct pgcw_lookup drawn[ROUNDS][AT_ONCE];

    for (size_t i = 0; i < ROUNDS; i++) {
        for (size_t j = 0; j < AT_ONCE; j++) {
            drawn[i][j].key = drawn_key(random);
        }
    }
    int64_t begin_ns = pgcwi_clock_monotonic_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        pgcw_read_begin();
        look_up(drawn[i]);
        for (size_t j = 0; j < AT_ONCE; j++) {
            seen += drawn[i][j].status == PGCW_OK
                        ? *(const unsigned char *)drawn[i][j].value.data
                        : 0;
        }
        pgcw_read_end();
    }
    return (double)(pgcwi_clock_monotonic_ns() - begin_ns) / (ROUNDS * AT_ONCE);
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static double
median(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), compare);
    return values[count / 2];
}

int
main(int argc, char **argv)
{
    struct stress_random random = {.state = 1};
    double each_ns[MOST_REPETITIONS];
    double many_ns[MOST_REPETITIONS];
    double ratios[MOST_REPETITIONS];
    unsigned long repetitions =
        argc > 2 ? strtoul(argv[2], NULL, 10) : DEFAULT_REPETITIONS;

    entry_count =
        argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : DEFAULT_ENTRIES;
    if (entry_count == 0 || repetitions == 0 ||
        repetitions > MOST_REPETITIONS) {
        (void)fprintf(stderr,
                      "usage: bench_lookup_many [ENTRIES [REPETITIONS]]\n");
        return 2;
    }
    if (!fill()) {
        (void)fprintf(stderr, "no memory for a cache\n");
        return 1;
    }
    for (size_t i = 0; i < repetitions; i++) {
        each_ns[i] = measure(look_up_each, &random);
        many_ns[i] = measure(look_up_many, &random);
        ratios[i] = many_ns[i] / each_ns[i];
    }
    bool has_missed = seen != 2 * repetitions * ROUNDS * AT_ONCE;
    double ratio = median(ratios, repetitions);
    (void)printf("{\"bench\": \"lookup_many\", \"entries\": %" PRIu32
                 ", \"each_ns\": %.1f, \"many_ns\": %.1f, \"ratio\": %.3f, "
                 "\"least\": %.3f, \"most\": %.3f, \"missed\": %s}\n",
                 entry_count, median(each_ns, repetitions),
                 median(many_ns, repetitions), ratio, ratios[0],
                 ratios[repetitions - 1], has_missed ? "true" : "false");
    pgcwi_cache_close(cache);
    free(keys);
    return has_missed ? 1 : 0;
}
