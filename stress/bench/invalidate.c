/* SPDX-License-Identifier: MIT */
/*
 * How long it takes until no reader gets a value that was invalidated.
 *
 * A cache holds 1,000 to 1,000,000 entries, each of which depends on its own
 * row of one table. A reader on a CPU of its own hits them all the time, and
 * keeps the time before each lookup that was a hit. On another CPU the table
 * is invalidated, by pgcw_cache_invalidate_tag(), which does what an event
 * does when its turn has come. "until no hit" is from the moment before the
 * call to the begin of the reader's last lookup that was a hit, or 0 if none
 * began later; "call" is how long the call took. After it has returned no
 * lookup may hit: if one does, the program fails (P1).
 *
 * Then the same for one row, of which the reader reads nothing else; and how
 * many of all entries are invalid afterwards: rows share slots, so the event of
 * one may take others with it. "invalid after" counts the row's own as well.
 *
 * "caller": "busy" is one who has just invalidated something else, as one who
 * has many events to apply. "caller": "slept" comes out of a sleep, and finds
 * his processor's caches, and the processor itself, cold.
 */
#include "rig.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "figures.h"
#include "support.h"
#include "threads.h"

#define TABLE "rows"
#define ENTRIES_OF_A_REPETITION 1000000u
#define ROUNDS_MAX 20u
#define DRAWN_COUNT (1u << 16)

struct scene {
    /* immutable while the reader runs */
    struct pgcw_cache *cache;
    const struct rig_key *keys;
    const uint32_t *drawn;
    /* owned by the reader, until it is joined */
    int64_t last_hit_ns;
    /* shared */
    _Atomic uint64_t hit_count;
    atomic_bool is_over;
};

static void *
read_keys(void *context)
{
    struct scene *scene = context;
    uint64_t hit_count = 0;

    bench_pin(0, 0);
    /* relaxed: only ends a loop; the join that follows orders the rest */
    for (uint32_t i = 0;
         !atomic_load_explicit(&scene->is_over, memory_order_relaxed); i++) {
        int64_t now_ns = stress_now_ns();

        if (rig_is_hit(scene->cache,
                       &scene->keys[scene->drawn[i % DRAWN_COUNT]])) {
            scene->last_hit_ns = now_ns;
            /* relaxed: shows only that the reader is there */
            atomic_store_explicit(&scene->hit_count, ++hit_count,
                                  memory_order_relaxed);
        }
    }
    return NULL;
}

static void
rest(long nanoseconds)
{
    struct timespec time = {0, nanoseconds};

    (void)nanosleep(&time, NULL);
}

/* What is invalidated, and by whom. */
struct what {
    struct pgcw_tag tag;
    bool has_slept;
};

struct times {
    double until_no_hit_ns;
    double call_ns;
};

static void
invalidate(struct scene *scene, const struct pgcw_tag *tag)
{
    if (pgcw_cache_invalidate_tag(scene->cache, tag) != PGCW_OK) {
        bench_fail("not invalidated");
    }
}

/* That many more: so the reader runs, and hits. */
static void
wait_for_hits(const struct scene *scene, uint64_t more, bool may_sleep)
{
    /* relaxed: shows only that the reader is there */
    uint64_t enough =
        atomic_load_explicit(&scene->hit_count, memory_order_relaxed) + more;

    /* relaxed: as above */
    while (atomic_load_explicit(&scene->hit_count, memory_order_relaxed) <
           enough) {
        if (may_sleep) {
            rest(10000);
        }
    }
}

/* The reader reads what the tag is about, and nothing else. */
static struct times
invalidate_once(struct scene *scene, const struct what *what)
{
    struct pgcw_tag other = {"public", "other", {NULL, 0}};
    pthread_t reader;

    scene->last_hit_ns = 0;
    atomic_init(&scene->hit_count, 0);
    atomic_init(&scene->is_over, false);
    if (pthread_create(&reader, NULL, read_keys, scene) != 0) {
        bench_fail("no thread");
    }
    wait_for_hits(scene, 1000, what->has_slept);
    if (!what->has_slept) {
        invalidate(scene, &other);
        wait_for_hits(scene, 10, false);
    }
    int64_t begin_ns = stress_now_ns();
    invalidate(scene, &what->tag);
    int64_t end_ns = stress_now_ns();
    rest(1000000);
    /* relaxed: see read_keys() */
    atomic_store_explicit(&scene->is_over, true, memory_order_relaxed);
    (void)pthread_join(reader, NULL);
    if (scene->last_hit_ns > end_ns) {
        bench_fail("a lookup %" PRId64 " ns after the call was a hit",
                   scene->last_hit_ns - end_ns);
    }
    int64_t until_ns = scene->last_hit_ns - begin_ns;
    return (struct times){until_ns > 0 ? (double)until_ns : 0,
                          (double)(end_ns - begin_ns)};
}

static void
fill(struct scene *scene, uint32_t entry_count)
{
    for (uint32_t i = 0; i < entry_count; i++) {
        enum pgcw_status status;

        /* as much may wait to be freed as may */
        while ((status = rig_put(scene->cache, &scene->keys[i], TABLE)) ==
               PGCW_NO_MEMORY) {
            rest(1000000);
        }
        if (status != PGCW_OK) {
            bench_fail("put: %s", pgcw_status_text(status));
        }
    }
}

/* The median of some rounds, with everything stored before each. */
static struct times
measure(struct scene *scene, uint32_t entry_count, const struct what *what,
        uint32_t round_count)
{
    double until[ROUNDS_MAX];
    double call[ROUNDS_MAX];

    for (uint32_t i = 0; i < round_count; i++) {
        fill(scene, what->tag.key.data != NULL ? 1 : entry_count);
        struct times times = invalidate_once(scene, what);
        until[i] = times.until_no_hit_ns;
        call[i] = times.call_ns;
    }
    figures_sort(until, round_count);
    figures_sort(call, round_count);
    return (struct times){figures_median(until, round_count),
                          figures_median(call, round_count)};
}

static void
measure_and_report(const struct bench_options *options, struct scene *scene,
                   uint32_t entry_count, const struct what *what)
{
    bool is_row = what->tag.key.data != NULL;
    uint32_t round_count = ENTRIES_OF_A_REPETITION / entry_count;
    double until[BENCH_MOST_REPETITIONS];
    double call[BENCH_MOST_REPETITIONS];
    char parameters[120];

    round_count = is_row || round_count > ROUNDS_MAX ? ROUNDS_MAX : round_count;
    for (unsigned i = 0; i < options->repetitions; i++) {
        struct times times = measure(scene, entry_count, what,
                                     options->is_quick ? 3 : round_count);

        until[i] = times.until_no_hit_ns;
        call[i] = times.call_ns;
    }
    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %" PRIu32
                   ", \"of\": \"%s\", \"caller\": \"%s\"",
                   entry_count, is_row ? "a row" : "the table",
                   what->has_slept ? "slept" : "busy");
    rig_result(options, parameters, "until no hit", "ns", until);
    rig_result(options, parameters, "call", "ns", call);
}

/* By the event of one row, with all stored; another row each time. */
static void
count_lost(const struct bench_options *options, struct scene *scene,
           uint32_t entry_count)
{
    double lost[BENCH_MOST_REPETITIONS];
    char parameters[60];

    for (unsigned i = 0; i < options->repetitions; i++) {
        const struct rig_key *row =
            &scene->keys[(uint64_t)entry_count * i / options->repetitions];
        struct pgcw_tag tag = {"public", TABLE, {row->bytes, RIG_KEY_BYTES}};
        uint32_t lost_count = 0;

        fill(scene, entry_count);
        invalidate(scene, &tag);
        for (uint32_t k = 0; k < entry_count; k++) {
            lost_count += !rig_is_hit(scene->cache, &scene->keys[k]);
        }
        lost[i] = lost_count;
    }
    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %" PRIu32 ", \"of\": \"a row\"", entry_count);
    rig_result(options, parameters, "invalid after", "entries", lost);
}

static void
measure_entries(const struct bench_options *options,
                struct pgcw_listener *listener, uint32_t entry_count)
{
    struct rig_key *keys = bench_allocate(entry_count, sizeof(*keys));
    uint32_t *drawn = bench_allocate(DRAWN_COUNT, sizeof(*drawn));
    struct stress_random random = {42};
    struct scene scene = {.cache = rig_open_cache(listener, entry_count),
                          .keys = keys,
                          .drawn = drawn};
    struct what table = {{"public", TABLE, {NULL, 0}}, false};
    struct what table_after_sleep = {{"public", TABLE, {NULL, 0}}, true};
    struct what row = {{"public", TABLE, {keys[0].bytes, RIG_KEY_BYTES}},
                       false};

    for (uint32_t i = 0; i < entry_count; i++) {
        keys[i] = rig_key_of('i', i);
    }
    for (uint32_t i = 0; i < DRAWN_COUNT; i++) {
        drawn[i] = stress_random_below(&random, entry_count);
    }
    measure_and_report(options, &scene, entry_count, &table);
    measure_and_report(options, &scene, entry_count, &table_after_sleep);
    for (uint32_t i = 0; i < DRAWN_COUNT; i++) {
        drawn[i] = 0;
    }
    fill(&scene, entry_count);
    measure_and_report(options, &scene, entry_count, &row);
    count_lost(options, &scene, entry_count);
    pgcw_cache_destroy(scene.cache);
    free(drawn);
    free(keys);
}

int
main(int argc, char **argv)
{
    static const uint32_t counts[] = {1000, 10000, 100000, 1000000};
    struct bench_options options = {.repetitions = 5, .seconds = 1};

    (void)argc;
    bench_read_options(&options, argv);
    bench_pin(0, 1); /* and what the library starts */
    struct pgcw_listener *listener = rig_open_listener();
    bench_results_begin(
        "invalidate",
        "How long is it from the call until no reader gets a value of "
        "the table?",
        "one pgcw_cache_invalidate_tag(), while another thread looks "
        "keys up");
    for (unsigned i = 0; i < (options.is_quick ? 1 : BENCH_COUNT_OF(counts));
         i++) {
        measure_entries(&options, listener, counts[i]);
    }
    bench_results_end(NULL);
    pgcw_listener_close(listener);
    return 0;
}
