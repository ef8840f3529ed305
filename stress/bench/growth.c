/* SPDX-License-Identifier: MIT */
/*
 * How cost grows: of a hit, a fill and an event, over the number of entries,
 * tables, caches, threads, and tags of an entry.
 *
 * A point of a curve is a cache made for it. Hits are of keys drawn
 * beforehand, by processor time of one thread that stays on a CPU. Fills are
 * new keys, so that the cache grows to what the point says; each is timed, for
 * the median, p99.9 and the longest. An event is
 * pgcw_cache_invalidate_tag(), one row at a time, but over the number of
 * caches, where each must be told by its listener: there events come from the
 * server, one transaction with many, and the figure is from its commit until
 * all are applied, by how many they are; libpq's work is in it.
 *
 * Over tables: each entry depends on a row of one of them; "lost by an event"
 * says how many hits are lost by one event of one table.
 *
 * Over caches: all of them together have 10,000 entries.
 *
 * Over threads: all hits or fills of a second, beyond two on CPUs that they
 * share.
 */
#include "rig.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "support.h"
#include "threads.h"

#define DRAWN_COUNT (1u << 20)
#define BLOCK 1024u
#define EVENTS 20000u

#define USUAL_ENTRIES 10000u
#define TAGS_MAX 8u
#define THREADS_MAX 16u
#define CACHES_MAX 100u
#define PATIENCE_NS (20 * RIG_NS_PER_SECOND)

/* From one point to the next: when quick, from the first to the last. */
static unsigned
step(const struct bench_options *options, unsigned point_count)
{
    return options->is_quick ? point_count - 1 : 1;
}

struct bench {
    const struct bench_options *options;
    struct pgcw_listener *listener;
    PGconn *connection;
    uint32_t *drawn; /* any numbers; to be taken modulo the entries */
    int64_t window_ns;
};

/* What is measured. */
struct point {
    struct pgcw_cache *caches[CACHES_MAX];
    uint32_t cache_count;
    struct rig_key *keys;
    uint32_t entry_count; /* of each cache */
    uint32_t table_count;
    uint32_t tag_count;
};

static void
name_table(char name[16], uint32_t number)
{
    (void)snprintf(name, 16, "table_%" PRIu32, number);
}

/* As many tags as the point has: rows, of tables one after the other. */
static enum pgcw_status
put(const struct point *point, struct pgcw_cache *cache, uint32_t i)
{
    static const char value[RIG_VALUE_BYTES] = {1};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes key = {point->keys[i].bytes, RIG_KEY_BYTES};
    struct pgcw_tag tags[TAGS_MAX];
    char names[TAGS_MAX][16];

    for (uint32_t t = 0; t < point->tag_count; t++) {
        name_table(names[t], (i + t) % point->table_count);
        tags[t] = (struct pgcw_tag){"public", names[t], key};
    }
    options.tags = tags;
    options.tag_count = point->tag_count;
    return pgcw_cache_put(cache, key, (struct pgcw_bytes){value, sizeof(value)},
                          pgcw_cache_stamp(cache), &options);
}

static struct point
make_point(struct bench *bench, uint32_t cache_count, uint32_t entry_count)
{
    struct point point = {.cache_count = cache_count,
                          .entry_count = entry_count,
                          .table_count = TAGS_MAX,
                          .tag_count = 1};

    point.keys = bench_allocate(entry_count, sizeof(*point.keys));
    for (uint32_t i = 0; i < entry_count; i++) {
        point.keys[i] = rig_key_of('g', i);
    }
    for (uint32_t i = 0; i < cache_count; i++) {
        point.caches[i] = rig_open_cache(bench->listener, entry_count);
    }
    return point;
}

static void
free_point(struct point *point)
{
    for (uint32_t i = 0; i < point->cache_count; i++) {
        pgcw_cache_destroy(point->caches[i]);
    }
    free(point->keys);
}

/* Fill all caches; each fill is timed. */
static void
fill(const struct point *point, struct rig_times *times)
{
    for (uint32_t c = 0; c < point->cache_count; c++) {
        for (uint32_t i = 0; i < point->entry_count; i++) {
            uint64_t begin = rig_ticks();
            enum pgcw_status status = put(point, point->caches[c], i);

            rig_times_add(times, rig_ticks() - begin);
            if (status != PGCW_OK) {
                bench_fail("put: %s", pgcw_status_text(status));
            }
        }
    }
}

/* Returns nanoseconds. */
static double
measure_hits(const struct bench *bench, const struct point *point)
{
    uint64_t count = 0;
    uint64_t hits = 0;
    int64_t end_ns = stress_now_ns() + bench->window_ns;
    int64_t begin_ns = bench_thread_ns();

    do {
        for (uint32_t i = 0; i < BLOCK; i++, count++) {
            uint32_t drawn = bench->drawn[count % DRAWN_COUNT];
            struct pgcw_cache *cache =
                point->caches[drawn % point->cache_count];

            hits += rig_is_hit(
                cache,
                &point->keys[(uint64_t)drawn * point->entry_count >> 32]);
        }
    } while (stress_now_ns() < end_ns);
    if (hits != count) {
        bench_fail("%" PRIu64 " of %" PRIu64 " lookups missed", count - hits,
                   count);
    }
    return (double)(bench_thread_ns() - begin_ns) / (double)count;
}

/* Of rows that no entry depends on; returns nanoseconds for one. */
static double
measure_applies(const struct point *point)
{
    int64_t begin_ns = bench_thread_ns();
    char name[16];

    for (uint32_t i = 0; i < EVENTS; i++) {
        struct rig_key row = rig_key_of('x', i % 64);
        struct pgcw_tag tag = {"public", name, {row.bytes, RIG_KEY_BYTES}};

        name_table(name, i % point->table_count);
        if (pgcw_cache_invalidate_tag(point->caches[0], &tag) != PGCW_OK) {
            bench_fail("not invalidated");
        }
    }
    return (double)(bench_thread_ns() - begin_ns) / EVENTS;
}

/* One event of the first table; returns per cent. */
static double
measure_lost(const struct point *point)
{
    struct pgcw_tag tag = {"public", "table_0", {NULL, 0}};
    uint32_t lost_count = 0;

    if (pgcw_cache_invalidate_tag(point->caches[0], &tag) != PGCW_OK) {
        bench_fail("not invalidated");
    }
    for (uint32_t i = 0; i < point->entry_count; i++) {
        lost_count += !rig_is_hit(point->caches[0], &point->keys[i]);
    }
    return 100.0 * lost_count / point->entry_count;
}

struct curve_figures {
    double hit[BENCH_MOST_REPETITIONS];
    double fill[BENCH_MOST_REPETITIONS];
    double fill_p999[BENCH_MOST_REPETITIONS];
    double fill_longest[BENCH_MOST_REPETITIONS];
    double apply[BENCH_MOST_REPETITIONS];
    double lost[BENCH_MOST_REPETITIONS];
};

static void
measure_point(const struct bench *bench, const struct point *point,
              struct curve_figures *figures, unsigned repetition)
{
    static struct rig_times times;

    times = (struct rig_times){0};
    fill(point, &times);
    figures->fill[repetition] = rig_times_quantile_ns(&times, 0.5);
    figures->fill_p999[repetition] = rig_times_quantile_ns(&times, 0.999);
    figures->fill_longest[repetition] =
        rig_ticks_to_ns(times.longest_ticks) / 1e3;
    (void)measure_hits(bench, point); /* warms up */
    figures->hit[repetition] = measure_hits(bench, point);
    figures->lost[repetition] = measure_lost(point);
    figures->apply[repetition] = measure_applies(point);
}

static void
report_point(struct bench *bench, const char *over, uint32_t number,
             struct curve_figures *figures)
{
    char parameters[100];

    (void)snprintf(parameters, sizeof(parameters),
                   "\"over\": \"%s\", \"%s\": %" PRIu32, over, over, number);
    rig_result(bench->options, parameters, "hit", "ns", figures->hit);
    rig_result(bench->options, parameters, "fill p50", "ns", figures->fill);
    rig_result(bench->options, parameters, "fill p99.9", "ns",
               figures->fill_p999);
    rig_result(bench->options, parameters, "longest fill", "us",
               figures->fill_longest);
    rig_result(bench->options, parameters, "event", "ns", figures->apply);
    rig_result(bench->options, parameters, "lost by an event", "%",
               figures->lost);
}

static void
measure_over_entries(struct bench *bench)
{
    static const uint32_t counts[] = {1000, 10000, 100000, 1000000, 10000000};
    static struct curve_figures figures;

    for (unsigned i = 0;
         i < (bench->options->is_quick ? 2 : BENCH_COUNT_OF(counts)); i++) {
        for (unsigned r = 0; r < bench->options->repetitions; r++) {
            struct point point = make_point(bench, 1, counts[i]);

            measure_point(bench, &point, &figures, r);
            free_point(&point);
        }
        report_point(bench, "entries", counts[i], &figures);
    }
}

static void
measure_over_tables(struct bench *bench)
{
    static const uint32_t counts[] = {1, 10, 100, 1000, 2000, 10000};
    static struct curve_figures figures;

    for (unsigned i = 0; i < BENCH_COUNT_OF(counts);
         i += step(bench->options, BENCH_COUNT_OF(counts))) {
        for (unsigned r = 0; r < bench->options->repetitions; r++) {
            struct point point = make_point(bench, 1, USUAL_ENTRIES);

            point.table_count = counts[i];
            measure_point(bench, &point, &figures, r);
            free_point(&point);
        }
        report_point(bench, "tables", counts[i], &figures);
    }
}

static void
measure_over_tags(struct bench *bench)
{
    static struct curve_figures figures;

    for (uint32_t tags = 1; tags <= TAGS_MAX;
         tags *= bench->options->is_quick ? TAGS_MAX : 2) {
        for (unsigned r = 0; r < bench->options->repetitions; r++) {
            struct point point = make_point(bench, 1, USUAL_ENTRIES);

            point.tag_count = tags;
            measure_point(bench, &point, &figures, r);
            free_point(&point);
        }
        report_point(bench, "tags", tags, &figures);
    }
}

/* From the commit of many until all are applied; nanoseconds for one. */
static double
measure_events(const struct bench *bench)
{
    static const char statement[] =
        "SELECT count(pg_notify('" PGCW_DEFAULT_CHANNEL "', format("
        "'{\"type\":\"event\",\"operation\":\"update\",\"schema\":\"public\","
        "\"table\":\"table_%s\",\"sent_at\":\"2026-01-01T00:00:00+00:00\","
        "\"note\":%s}', n % 8, n))) FROM generate_series(1, $1) n";
    const char *count_text = bench->options->is_quick ? "500" : "20000";
    uint64_t count = strtoul(count_text, NULL, 10);
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    int64_t deadline_ns = stress_now_ns() + PATIENCE_NS;

    pgcw_listener_read_stats(bench->listener, &stats);
    uint64_t enough = stats.events_applied + count;
    PGresult *begun = PQexec(bench->connection, "BEGIN");
    PGresult *sent = PQexecParams(bench->connection, statement, 1, NULL,
                                  &count_text, NULL, NULL, 0);
    int64_t begin_ns = stress_now_ns();
    PGresult *done = PQexec(bench->connection, "COMMIT");
    if (PQresultStatus(sent) != PGRES_TUPLES_OK ||
        PQresultStatus(done) != PGRES_COMMAND_OK) {
        bench_fail("%s", PQerrorMessage(bench->connection));
    }
    PQclear(begun);
    PQclear(sent);
    PQclear(done);
    do {
        pgcw_listener_read_stats(bench->listener, &stats);
    } while (stats.events_applied < enough && stress_now_ns() < deadline_ns);
    if (stats.events_applied < enough || stats.payloads_undecodable > 0) {
        bench_fail("%" PRIu64 " events were not applied",
                   enough - stats.events_applied);
    }
    return (double)(stress_now_ns() - begin_ns) / (double)count;
}

static void
measure_over_caches(struct bench *bench)
{
    static const uint32_t counts[] = {1, 2, 5, 10, 20, 50, 100};
    static struct rig_times times;
    double hit[BENCH_MOST_REPETITIONS];
    double event[BENCH_MOST_REPETITIONS];
    char parameters[64];

    for (unsigned i = 0; i < BENCH_COUNT_OF(counts);
         i += step(bench->options, BENCH_COUNT_OF(counts))) {
        for (unsigned r = 0; r < bench->options->repetitions; r++) {
            struct point point =
                make_point(bench, counts[i], USUAL_ENTRIES / counts[i]);

            fill(&point, &times);
            (void)measure_hits(bench, &point); /* warms up */
            hit[r] = measure_hits(bench, &point);
            event[r] = measure_events(bench);
            free_point(&point);
        }
        (void)snprintf(parameters, sizeof(parameters),
                       "\"over\": \"caches\", \"caches\": %" PRIu32, counts[i]);
        rig_result(bench->options, parameters, "hit", "ns", hit);
        rig_result(bench->options, parameters, "event from the server", "ns",
                   event);
    }
}

/* One of many threads. */
struct worker {
    const struct bench *bench;
    const struct point *point;
    pthread_barrier_t *start;
    unsigned number;
    bool stores;
    uint64_t count;
};

static void *
work(void *context)
{
    struct worker *worker = context;
    const struct point *point = worker->point;
    const uint32_t *drawn =
        &worker->bench->drawn[worker->number * (DRAWN_COUNT / THREADS_MAX)];

    bench_pin(0, worker->number);
    (void)rig_is_hit(point->caches[0], &point->keys[0]); /* known to RCU */
    (void)pthread_barrier_wait(worker->start);
    int64_t end_ns = stress_now_ns() + worker->bench->window_ns;
    do {
        for (uint32_t i = 0; i < BLOCK; i++) {
            uint32_t number =
                drawn[(worker->count + i) % (DRAWN_COUNT / THREADS_MAX)];
            uint32_t key =
                (uint32_t)((uint64_t)number * point->entry_count >> 32);

            if (!worker->stores) {
                (void)rig_is_hit(point->caches[0], &point->keys[key]);
            } else if (put(point, point->caches[0], key) != PGCW_OK) {
                i--; /* as much waits to be freed as may; it does not count */
            }
        }
        worker->count += BLOCK;
    } while (stress_now_ns() < end_ns);
    return NULL;
}

/* Returns how many a second, all together. */
static double
run_threads(const struct bench *bench, const struct point *point,
            unsigned thread_count, bool stores)
{
    struct worker workers[THREADS_MAX];
    pthread_t threads[THREADS_MAX];
    pthread_barrier_t start;
    uint64_t count = 0;

    (void)pthread_barrier_init(&start, NULL, thread_count + 1);
    for (unsigned i = 0; i < thread_count; i++) {
        workers[i] = (struct worker){bench, point, &start, i, stores, 0};
        if (pthread_create(&threads[i], NULL, work, &workers[i]) != 0) {
            bench_fail("no thread");
        }
    }
    int64_t begin_ns = stress_now_ns();
    (void)pthread_barrier_wait(&start);
    for (unsigned i = 0; i < thread_count; i++) {
        (void)pthread_join(threads[i], NULL);
        count += workers[i].count;
    }
    double seconds = (double)(stress_now_ns() - begin_ns) / 1e9;
    (void)pthread_barrier_destroy(&start);
    return (double)count / seconds;
}

static void
measure_over_threads(struct bench *bench)
{
    double hits[BENCH_MOST_REPETITIONS];
    double fills[BENCH_MOST_REPETITIONS];
    static struct rig_times times;
    char parameters[64];
    struct point point = make_point(bench, 1, USUAL_ENTRIES);

    fill(&point, &times);
    for (unsigned threads = 1; threads <= THREADS_MAX;
         threads *= bench->options->is_quick ? THREADS_MAX : 2) {
        for (unsigned r = 0; r < bench->options->repetitions; r++) {
            hits[r] = run_threads(bench, &point, threads, false);
            fills[r] = run_threads(bench, &point, threads, true);
        }
        (void)snprintf(parameters, sizeof(parameters),
                       "\"over\": \"threads\", \"threads\": %u", threads);
        rig_result(bench->options, parameters, "hits", "1/s", hits);
        rig_result(bench->options, parameters, "fills", "1/s", fills);
    }
    free_point(&point);
}

int
main(int argc, char **argv)
{
    struct bench_options options = {.repetitions = 3, .seconds = 0.2};
    struct bench bench = {.options = &options};
    struct stress_random random = {42};

    (void)argc;
    bench_read_options(&options, argv);
    bench.window_ns = bench_repetition_ns(&options);
    bench.drawn = bench_allocate(DRAWN_COUNT, sizeof(*bench.drawn));
    for (uint32_t i = 0; i < DRAWN_COUNT; i++) {
        bench.drawn[i] = stress_random_below(&random, UINT32_MAX);
    }
    bench_pin(0, 1); /* what the library starts */
    bench.listener = rig_open_listener();
    bench.connection = PQconnectdb("");
    if (PQstatus(bench.connection) != CONNECTION_OK) {
        bench_fail("%s", PQerrorMessage(bench.connection));
    }
    bench_pin(0, 0);
    rig_times_calibrate();
    bench_results_begin(
        "growth", "How does cost grow?",
        "hits of keys drawn beforehand; fills of new keys; events");
    measure_over_entries(&bench);
    measure_over_tables(&bench);
    measure_over_tags(&bench);
    measure_over_caches(&bench);
    measure_over_threads(&bench);
    bench_results_end(
        "a hit grows as entries, and beside many caches their lines, leave "
        "the processor's caches; a fill by each tag whose slot it looks up; "
        "an event by each cache that it is applied to");
    PQfinish(bench.connection);
    pgcw_listener_close(bench.listener);
    free(bench.drawn);
    return 0;
}
