/* SPDX-License-Identifier: MIT */
/*
 * What pgcw_cache_lookup_many() of 32 keys costs beside 32 lookups of their
 * own, through the shared library, on the same keys in turns.
 *
 *     lookup_many [--repetitions N] [--seconds S] [--entries N] [--quick]
 *
 * Needs a PostgreSQL server (PGHOST and the like). Keys and values are those
 * of the benchmark `lookup`, drawn uniformly. The figures are processor time
 * for a key, of one thread. "32 hits" has a read section for each hit,
 * "32 hits, one section" one around all of them, as lookup_many has.
 */
#include <stdio.h>

#include <pgcachewatch/cache.h>
#include <pgcachewatch/many.h>

#include "results.h"
#include "subject.h"
#include "support.h"
#include "threads.h"

#define AT_ONCE ((size_t)32)
#define BATCHES_A_BLOCK ((size_t)32)
#define QUICK_DRAWN ((size_t)1 << 16)
#define DRAWN ((size_t)1 << 21)
#define WARM_SHARE 8

struct way {
    const char *subject;
    const char *note;
    /* Returns the sum of the first bytes, which are 1. */
    size_t (*look_up)(struct pgcw_cache *cache, struct pgcw_lookup *lookups);
};

static size_t
first_byte(const struct pgcw_lookup *lookup)
{
    return lookup->status == PGCW_OK
               ? *(const unsigned char *)lookup->value.data
               : 0;
}

static size_t
look_up_many(struct pgcw_cache *cache, struct pgcw_lookup *lookups)
{
    size_t sum = 0;

    pgcw_read_begin();
    (void)pgcw_cache_lookup_many(cache, lookups, AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++) {
        sum += first_byte(&lookups[i]);
    }
    pgcw_read_end();
    return sum;
}

static size_t
look_up_each(struct pgcw_cache *cache, struct pgcw_lookup *lookups)
{
    size_t sum = 0;

    for (size_t i = 0; i < AT_ONCE; i++) {
        pgcw_read_begin();
        lookups[i].status =
            pgcw_cache_lookup(cache, lookups[i].key, &lookups[i].value);
        sum += first_byte(&lookups[i]);
        pgcw_read_end();
    }
    return sum;
}

static size_t
look_up_in_a_section(struct pgcw_cache *cache, struct pgcw_lookup *lookups)
{
    size_t sum = 0;

    pgcw_read_begin();
    for (size_t i = 0; i < AT_ONCE; i++) {
        lookups[i].status =
            pgcw_cache_lookup(cache, lookups[i].key, &lookups[i].value);
        sum += first_byte(&lookups[i]);
    }
    pgcw_read_end();
    return sum;
}

static const struct way ways[] = {
    {"pgcachewatch", "pgcw_cache_lookup_many() of 32 keys", look_up_many},
    {"32 hits", "pgcw_cache_lookup(), a read section for each", look_up_each},
    {"32 hits, one section",
     "pgcw_cache_lookup(), a read section around all 32", look_up_in_a_section},
};

/* Where the drawn keys are read next. */
struct stream {
    const struct bench_workload *workload;
    size_t position;
};

/* Returns how many keys were looked up until then; 0 if one was missed. */
static size_t
run_until(const struct way *way, struct stream *stream, int64_t end_ns)
{
    const struct bench_workload *workload = stream->workload;
    struct pgcw_cache *cache = subject_library_cache();
    struct pgcw_lookup lookups[AT_ONCE];
    size_t count = 0;
    size_t sum = 0;

    do {
        for (size_t i = 0; i < BATCHES_A_BLOCK; i++) {
            const struct bench_key *keys =
                workload->drawn[0] + stream->position;

            for (size_t j = 0; j < AT_ONCE; j++) {
                lookups[j].key =
                    (struct pgcw_bytes){keys[j].bytes, BENCH_KEY_BYTES};
            }
            sum += way->look_up(cache, lookups);
            stream->position =
                (stream->position + AT_ONCE) & (workload->drawn_count - 1);
            count += AT_ONCE;
        }
    } while (stress_now_ns() < end_ns);
    return sum == count ? count : 0;
}

/* Nanoseconds for a key; 0 if one was missed. */
static double
measure(const struct way *way, const struct bench_workload *workload,
        double seconds)
{
    struct stream stream = {workload, 0};
    int64_t run_ns = (int64_t)(seconds * 1e9);

    (void)run_until(way, &stream, stress_now_ns() + run_ns / WARM_SHARE);
    int64_t begin_ns = bench_thread_ns();
    size_t count = run_until(way, &stream, stress_now_ns() + run_ns);

    return count == 0 ? 0
                      : (double)(bench_thread_ns() - begin_ns) / (double)count;
}

static bool
measure_ways(const struct bench_options *options,
             const struct bench_workload *workload)
{
    static double values[BENCH_COUNT_OF(ways)][BENCH_MOST_REPETITIONS];
    char parameters[80];
    bool has_missed = false;

    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %u, \"keys\": \"uniform\", \"threads\": 1",
                   workload->key_count);
    for (unsigned i = 0; i < options->repetitions; i++) {
        for (unsigned w = 0; w < BENCH_COUNT_OF(ways); w++) {
            unsigned which = (w + i) % BENCH_COUNT_OF(ways);

            values[which][i] =
                measure(&ways[which], workload, options->seconds);
            has_missed = has_missed || values[which][i] == 0;
        }
    }
    for (unsigned w = 0; w < BENCH_COUNT_OF(ways); w++) {
        bench_results_add(&(struct bench_result){ways[w].subject, parameters,
                                                 "key", "ns", ways[w].note},
                          values[w], options->repetitions);
    }
    if (has_missed) {
        bench_progress("a lookup missed: the figures are void");
    }
    return !has_missed;
}

static bool
measure_size(const struct bench_options *options, uint32_t key_count)
{
    struct bench_workload workload;

    bench_progress("%u entries", key_count);
    bench_workload_init(&workload, key_count,
                        options->is_quick ? QUICK_DRAWN : DRAWN);
    bench_workload_draw(&workload, false);
    bool is_done = subject_library.open(workload.keys, key_count) &&
                   measure_ways(options, &workload);

    if (subject_library_cache() != NULL) {
        subject_library.close();
    }
    bench_workload_fini(&workload);
    return is_done;
}

int
main(int argc, char **argv)
{
    static const uint32_t usual_sizes[] = {10000, 1000000};
    struct bench_options options = {
        .repetitions = 9, .seconds = 0.5, .has_subjects = true};
    size_t size_count;
    bool is_done = true;

    (void)argc;
    bench_read_options(&options, argv);
    size_count = options.entries != 0 || options.is_quick ? 1 : 2;
    bench_pin(0, 0);
    bench_results_begin("lookup_many",
                        "What do 32 keys at once cost, for each?",
                        "pointing 32 lookups at the next drawn keys, hashing "
                        "and finding them, and reading the first byte of each "
                        "value");
    for (size_t i = 0; i < size_count && is_done; i++) {
        is_done = measure_size(&options, options.entries != 0 ? options.entries
                                                              : usual_sizes[i]);
    }
    bench_results_end(NULL);
    return is_done ? 0 : 1;
}
