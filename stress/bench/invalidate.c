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
 * Then the same for one row, of which the reader reads nothing else.
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

    rig_stay_on_cpu(0);
    /* relaxed: only ends a loop; the join that follows orders the rest */
    for (uint32_t i = 0;
         !atomic_load_explicit(&scene->is_over, memory_order_relaxed); i++) {
        int64_t now_ns = rig_now_ns();

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
        rig_fail("not invalidated");
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
        rig_fail("no thread");
    }
    wait_for_hits(scene, 1000, what->has_slept);
    if (!what->has_slept) {
        invalidate(scene, &other);
        wait_for_hits(scene, 10, false);
    }
    int64_t begin_ns = rig_now_ns();
    invalidate(scene, &what->tag);
    int64_t end_ns = rig_now_ns();
    rest(1000000);
    /* relaxed: see read_keys() */
    atomic_store_explicit(&scene->is_over, true, memory_order_relaxed);
    (void)pthread_join(reader, NULL);
    if (scene->last_hit_ns > end_ns) {
        rig_fail("a lookup %" PRId64 " ns after the call was a hit",
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
            rig_fail("put: %s", pgcw_status_text(status));
        }
    }
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
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
    qsort(until, round_count, sizeof(until[0]), compare);
    qsort(call, round_count, sizeof(call[0]), compare);
    return (struct times){until[round_count / 2], call[round_count / 2]};
}

static void
measure_and_report(struct rig *rig, struct scene *scene, uint32_t entry_count,
                   const struct what *what)
{
    bool is_row = what->tag.key.data != NULL;
    uint32_t round_count = ENTRIES_OF_A_REPETITION / entry_count;
    double until[RIG_REPETITIONS_MAX];
    double call[RIG_REPETITIONS_MAX];
    char parameters[120];

    round_count = is_row || round_count > ROUNDS_MAX ? ROUNDS_MAX : round_count;
    for (unsigned i = 0; i < rig->repetitions; i++) {
        struct times times =
            measure(scene, entry_count, what, rig->is_quick ? 3 : round_count);

        until[i] = times.until_no_hit_ns;
        call[i] = times.call_ns;
    }
    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %" PRIu32
                   ", \"of\": \"%s\", \"caller\": \"%s\"",
                   entry_count, is_row ? "a row" : "the table",
                   what->has_slept ? "slept" : "busy");
    rig_result(rig, parameters, "until no hit", "ns", until);
    rig_result(rig, parameters, "call", "ns", call);
}

static void
measure_entries(struct rig *rig, struct pgcw_listener *listener,
                uint32_t entry_count)
{
    struct rig_key *keys = rig_allocate(entry_count, sizeof(*keys));
    uint32_t *drawn = rig_allocate(DRAWN_COUNT, sizeof(*drawn));
    uint64_t random = 42;
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
        drawn[i] = rig_random_below(&random, entry_count);
    }
    measure_and_report(rig, &scene, entry_count, &table);
    measure_and_report(rig, &scene, entry_count, &table_after_sleep);
    for (uint32_t i = 0; i < DRAWN_COUNT; i++) {
        drawn[i] = 0;
    }
    fill(&scene, entry_count);
    measure_and_report(rig, &scene, entry_count, &row);
    pgcw_cache_destroy(scene.cache);
    free(drawn);
    free(keys);
}

int
main(int argc, char **argv)
{
    static const uint32_t counts[] = {1000, 10000, 100000, 1000000};
    struct rig rig = rig_options(argv, 5);

    (void)argc;
    rig_stay_on_cpu(1); /* and what the library starts */
    struct pgcw_listener *listener = rig_open_listener();
    rig_begin("invalidate",
              "How long is it from the call until no reader gets a value of "
              "the table?",
              "one pgcw_cache_invalidate_tag(), while another thread looks "
              "keys up");
    for (unsigned i = 0; i < (rig.is_quick ? 1 : RIG_COUNT_OF(counts)); i++) {
        measure_entries(&rig, listener, counts[i]);
    }
    rig_end();
    pgcw_listener_close(listener);
    return 0;
}
