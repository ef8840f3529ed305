/* SPDX-License-Identifier: MIT */
/*
 * Whether readers feel what others do to the cache.
 *
 * Readers hit 10,000 keys of a cache, each of which depends on its own row,
 * while another core does one of these to other keys of the same cache:
 *
 *   keys       invalidates 100,000 keys a second by pgcw_cache_invalidate()
 *   rows       the same by pgcw_cache_invalidate_tag(), rows of one table
 *   everything 1,000,000 entries are invalidated by one event from the server,
 *              and measured until the last of them is freed
 *   eviction   stores what missed, as fast as it can, in a cache that is full
 *
 * or something that has nothing to do with it, which shows what two busy cores
 * take from each other on this machine:
 *
 *   arithmetic computes, in registers
 *   memory     writes to 64 MiB of its own, here and there
 *
 * and, in turns with each in the same run, while it is quiet.
 *
 * "readers": 1 is one reader on a CPU that it has to itself; all else that the
 * process does has the other CPUs: see bench_pin(0, ). "readers": 2 are two
 * on two CPUs, where the second also does what disturbs, between its hits, and
 * shares its CPU with the library's threads. The figures are the first's, and,
 * with "reader": "second", the second's.
 *
 * Every eighth hit is timed by itself, with a timer that waits for what was
 * begun before; what the timer takes is taken off. A virtual machine also
 * stalls by itself: therefore the quiet figures beside each. A key that
 * another's invalidation could hit as well, since keys share slots, is not
 * among those that are invalidated. `--subject` is one of the above.
 */
#include "readers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support.h"
#include "threads.h"

#define TIMED_EACH 8u

/* What one measurement of one reader gives, and its names. */
enum { HITS, HITS_CPU, P50, P999, LONGEST, MISSES, FIGURE_COUNT };
static const struct {
    const char *metric;
    const char *unit;
} figure_names[FIGURE_COUNT] = {
    {"hits", "1/s"},       {"hits of processor time", "1/s"},
    {"hit p50", "ns"},     {"hit p99.9", "ns"},
    {"longest hit", "us"}, {"misses", "%"},
};

static bool
is_over(const struct scene *scene)
{
    /* relaxed: only ends a loop; the join that follows orders the rest */
    return atomic_load_explicit(&scene->is_over, memory_order_relaxed);
}

static inline void
hit(struct reader *reader, const struct rig_key *key)
{
    if (rig_is_hit(reader->scene->cache, key)) {
        reader->hits++;
    } else {
        reader->misses++;
    }
}

static void
hit_timed(struct reader *reader, const struct rig_key *key)
{
    uint64_t begin = rig_ticks();

    hit(reader, key);
    rig_times_add(&reader->times, rig_ticks() - begin);
}

static void *
read_keys(void *context)
{
    struct reader *reader = context;
    struct scene *scene = reader->scene;

    bench_pin(0, reader->number);
    (void)rig_is_hit(scene->cache, &scene->keys[0]); /* known to RCU */
    (void)pthread_barrier_wait(&scene->start);
    int64_t begin_ns = stress_now_ns();
    int64_t begin_cpu_ns = bench_thread_ns();
    for (uint32_t i = 0; !is_over(scene); i += TIMED_EACH) {
        const uint32_t *drawn = &scene->drawn[i % DRAWN_COUNT];

        hit_timed(reader, &scene->keys[drawn[0]]);
        for (uint32_t j = 1; j < TIMED_EACH; j++) {
            hit(reader, &scene->keys[drawn[j]]);
        }
        if (reader->disturbs) {
            scene->disturbance->step(scene, stress_now_ns());
        }
    }
    reader->seconds = (double)(stress_now_ns() - begin_ns) / 1e9;
    reader->cpu_seconds = (double)(bench_thread_ns() - begin_cpu_ns) / 1e9;
    return NULL;
}

/* One who does nothing else. */
static void *
disturb(void *context)
{
    struct scene *scene = context;

    bench_pin(0, 1);
    (void)pthread_barrier_wait(&scene->start);
    while (!is_over(scene)) {
        scene->disturbance->step(scene, stress_now_ns());
    }
    return NULL;
}

static void
start(pthread_t *thread, void *run(void *), void *context)
{
    if (pthread_create(thread, NULL, run, context) != 0) {
        bench_fail("no thread");
    }
}

static void
wait_for_end(struct scene *scene)
{
    struct timespec window = {scene->window_ns / RIG_NS_PER_SECOND,
                              scene->window_ns % RIG_NS_PER_SECOND};

    if (scene->disturbance->wait != NULL) {
        scene->disturbance->wait(scene);
    } else {
        (void)nanosleep(&window, NULL);
    }
    /* relaxed: see is_over() */
    atomic_store_explicit(&scene->is_over, true, memory_order_relaxed);
}

/* Returns seconds. */
static double
measure(struct scene *scene, const struct disturbance *what,
        struct reader *readers)
{
    bool is_done_apart = what->step != NULL && scene->reader_count == 1;
    pthread_t threads[READERS_MAX];
    pthread_t disturber;

    scene->disturbance = what;
    restore_missing(scene);
    if (what->prepare != NULL) {
        what->prepare(scene);
    }
    atomic_init(&scene->is_over, false);
    (void)pthread_barrier_init(&scene->start, NULL,
                               scene->reader_count + is_done_apart + 1);
    for (unsigned i = 0; i < scene->reader_count; i++) {
        readers[i] = (struct reader){.scene = scene, .number = i};
        readers[i].disturbs = i == 1 && what->step != NULL;
        start(&threads[i], read_keys, &readers[i]);
    }
    if (is_done_apart) {
        start(&disturber, disturb, scene);
    }
    scene->steps = 0;
    scene->begin_ns = stress_now_ns();
    (void)pthread_barrier_wait(&scene->start);
    int64_t begin_ns = stress_now_ns();
    wait_for_end(scene);
    double seconds = (double)(stress_now_ns() - begin_ns) / 1e9;
    for (unsigned i = 0; i < scene->reader_count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    if (is_done_apart) {
        (void)pthread_join(disturber, NULL);
    }
    (void)pthread_barrier_destroy(&scene->start);
    return seconds;
}

struct figures {
    double of[FIGURE_COUNT][BENCH_MOST_REPETITIONS];
};

static void
note(const struct reader *reader, struct figures *figures, unsigned repetition)
{
    double all = (double)(reader->hits + reader->misses);
    double one[FIGURE_COUNT] = {
        [HITS] = (double)reader->hits / reader->seconds,
        [HITS_CPU] = (double)reader->hits / reader->cpu_seconds,
        [P50] = rig_times_quantile_ns(&reader->times, 0.5),
        [P999] = rig_times_quantile_ns(&reader->times, 0.999),
        [LONGEST] = rig_ticks_to_ns(reader->times.longest_ticks) / 1e3,
        [MISSES] = 100 * (double)reader->misses / all,
    };

    for (unsigned i = 0; i < FIGURE_COUNT; i++) {
        figures->of[i][repetition] = one[i];
    }
}

static void
report(struct scene *scene, const char *name, unsigned reader,
       struct figures *figures)
{
    char parameters[160];

    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %" PRIu32 ", \"readers\": %u"
                   ", \"reader\": \"%s\", \"while\": \"%s\"",
                   scene->key_count, scene->reader_count,
                   reader == 0 ? "first" : "second", name);
    for (unsigned i = 0; i < FIGURE_COUNT; i++) {
        rig_result(scene->options, parameters, figure_names[i].metric,
                   figure_names[i].unit, figures->of[i]);
    }
}

/* What is busy by what is quiet, of each turn. */
static void
report_ratios(struct scene *scene, const char *name, const struct figures *busy,
              const struct figures *still)
{
    static const struct {
        unsigned figure;
        const char *metric;
    } ratios[] = {{HITS, "hits by quiet"},
                  {HITS_CPU, "hits of processor time by quiet"},
                  {P999, "hit p99.9 by quiet"}};
    double figures[BENCH_MOST_REPETITIONS];
    char parameters[160];

    (void)snprintf(parameters, sizeof(parameters),
                   "\"entries\": %" PRIu32 ", \"readers\": %u"
                   ", \"reader\": \"first\", \"while\": \"%s\"",
                   scene->key_count, scene->reader_count, name);
    for (unsigned r = 0; r < BENCH_COUNT_OF(ratios); r++) {
        for (unsigned i = 0; i < scene->options->repetitions; i++) {
            figures[i] =
                busy->of[ratios[r].figure][i] / still->of[ratios[r].figure][i];
        }
        rig_result(scene->options, parameters, ratios[r].metric, "ratio",
                   figures);
    }
}

static void
report_work(struct scene *scene, const char *name, double *rates,
            double *seconds)
{
    char parameters[160];

    (void)snprintf(parameters, sizeof(parameters),
                   "\"readers\": %u, \"while\": \"%s\"", scene->reader_count,
                   name);
    if (strcmp(name, "everything") == 0) {
        rig_result(scene->options, parameters, "until all is freed", "s",
                   seconds);
    } else {
        rig_result(scene->options, parameters, "done", "1/s", rates);
    }
}

static void
compare(struct scene *scene, const struct disturbance *what)
{
    static struct reader readers[READERS_MAX];
    static struct figures still[READERS_MAX];
    static struct figures busy[READERS_MAX];
    double rates[BENCH_MOST_REPETITIONS];
    double seconds[BENCH_MOST_REPETITIONS];

    for (unsigned i = 0; i < scene->options->repetitions; i++) {
        (void)measure(scene, &quiet, readers);
        for (unsigned r = 0; r < scene->reader_count; r++) {
            note(&readers[r], &still[r], i);
        }
        seconds[i] = measure(scene, what, readers);
        for (unsigned r = 0; r < scene->reader_count; r++) {
            note(&readers[r], &busy[r], i);
        }
        rates[i] = (double)scene->steps / seconds[i];
    }
    report_ratios(scene, what->name, &busy[0], &still[0]);
    for (unsigned r = 0; r < scene->reader_count; r++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "quiet beside %s", what->name);
        report(scene, name, r, &still[r]);
        report(scene, what->name, r, &busy[r]);
    }
    report_work(scene, what->name, rates, seconds);
}

static void
make_keys(struct scene *scene)
{
    struct stress_random random = {42};

    scene->keys = bench_allocate(scene->key_count, sizeof(*scene->keys));
    scene->drawn = bench_allocate(DRAWN_COUNT, sizeof(*scene->drawn));
    for (uint32_t i = 0; i < scene->key_count; i++) {
        scene->keys[i] = rig_key_of('r', i);
    }
    for (uint32_t i = 0; i < DRAWN_COUNT; i++) {
        scene->drawn[i] = stress_random_below(&random, scene->key_count);
    }
}

static void
compare_if_wanted(struct scene *scene, const struct disturbance *what)
{
    if (!bench_wants(scene->options, what->name)) {
        return;
    }
    for (scene->reader_count = 1; scene->reader_count <= READERS_MAX;
         scene->reader_count++) {
        compare(scene, what);
    }
}

static void
measure_all(struct scene *scene)
{
    scene->cache =
        rig_open_cache(scene->listener, scene->key_count + scene->other_count);
    find_victims(scene);
    for (unsigned i = 0; i < disturbance_count; i++) {
        compare_if_wanted(scene, &disturbances[i]);
    }
    pgcw_cache_destroy(scene->cache);
    scene->cache = rig_open_cache(scene->listener, 2 * scene->key_count);
    compare_if_wanted(scene, &eviction);
    pgcw_cache_destroy(scene->cache);
}

int
main(int argc, char **argv)
{
    static struct scene scene;
    struct bench_options options = {
        .repetitions = 5, .seconds = 0.5, .has_subjects = true};

    (void)argc;
    bench_read_options(&options, argv);
    scene.options = &options;
    scene.key_count = options.is_quick ? 1000 : 10000;
    if (options.entries != 0) {
        scene.key_count = options.entries;
    }
    scene.other_count = options.is_quick ? 10000 : 1000000;
    scene.window_ns = bench_repetition_ns(&options);
    bench_pin(0, 1); /* and what the library starts */
    rig_times_calibrate();
    make_keys(&scene);
    scene.listener = rig_open_listener();
    scene.connection = PQconnectdb("");
    if (PQstatus(scene.connection) != CONNECTION_OK) {
        bench_fail("%s", PQerrorMessage(scene.connection));
    }
    bench_results_begin(
        "readers", "Do readers feel invalidation, reclaim and eviction?",
        "a read section, a lookup of a key drawn beforehand, and a look "
        "at the value; every eighth is timed");
    measure_all(&scene);
    bench_results_end(NULL);
    PQfinish(scene.connection);
    pgcw_listener_close(scene.listener);
    free(scene.keys);
    free(scene.drawn);
    return 0;
}
