/* SPDX-License-Identifier: MIT */
/*
 * How long after COMMIT has returned a change is applied, beside a raw libpq
 * loop that only hears of it.
 *
 * One thread commits a change, of one subject or the other by chance, and
 * then looks until it is there: until its cache no longer returns the value
 * (for the raw loop, until that has counted the notification). Each look does
 * both, so that neither is dearer; a change that is there at the first has the
 * time of that look. Before each change there is a pause, so that what can
 * sleep does. Once alone, and once beside two threads, pinned, that read the
 * cache without end.
 *
 * The raw loop is poll, PQconsumeInput, PQnotifies, PQfreemem. The listener
 * and its cache have default options.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "events.h"
#include "figures.h"
#include "results.h"
#include "support.h"
#include "support/server_client.h"
#include "threads.h"

#define SAMPLES_MAX 100000
#define PAUSE_NS 300000
#define LATE_NS 5000000000
#define READERS_MAX 2

static PGconn *writers[BENCH_SUBJECTS];
static struct bench_raw raw;
static struct bench_ours ours;
static double *samples[BENCH_SUBJECTS];
static _Atomic bool is_reading;

static const char change[] =
    "UPDATE orders SET version = version + 1 WHERE id = 1;"
    "SELECT pg_notify('" BENCH_CHANNEL "', '" BENCH_PAYLOAD_HEAD
    "1" BENCH_PAYLOAD_TAIL "')";

static void *
read_on(void *context)
{
    bench_pin(0, *(const unsigned *)context);
    /* relaxed: only ends the loop */
    while (atomic_load_explicit(&is_reading, memory_order_relaxed)) {
        for (int i = 0; i < 1000; i++) {
            (void)bench_ours_has(&ours, "2");
        }
    }
    return NULL;
}

static bool
is_there(enum bench_subject subject, uint64_t heard_before)
{
    bool is_heard = bench_raw_heard(&raw) > heard_before;
    bool is_applied = !bench_ours_has(&ours, "1");

    return subject == BENCH_RAW ? is_heard : is_applied;
}

/* In microseconds. */
static double
measure(enum bench_subject subject)
{
    const struct timespec pause = {0, PAUSE_NS};
    uint64_t heard_before = bench_raw_heard(&raw);

    bench_ours_put(&ours, "1");
    (void)nanosleep(&pause, NULL);
    if (!server_run(writers[subject], change)) {
        bench_fail("a change is refused");
    }
    int64_t committed_ns = stress_now_ns();
    while (!is_there(subject, heard_before)) {
        if (stress_now_ns() - committed_ns > LATE_NS) {
            bench_fail("a change is not heard");
        }
    }
    return (double)(stress_now_ns() - committed_ns) / 1e3;
}

static void
sample(double seconds, size_t counts[BENCH_SUBJECTS])
{
    int64_t end_ns = stress_now_ns() + (int64_t)(seconds * 1e9);
    unsigned random = 1;

    counts[BENCH_OURS] = counts[BENCH_RAW] = 0;
    do {
        random = random * 1103515245 + 12345;
        enum bench_subject first = random >> 16 & 1 ? BENCH_RAW : BENCH_OURS;

        samples[first][counts[first]++] = measure(first);
        samples[1 - first][counts[1 - first]++] = measure(1 - first);
    } while (stress_now_ns() < end_ns && counts[0] < SAMPLES_MAX);
}

static void
repeat(const struct bench_options *options, int readers)
{
    double p50[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];
    double p99[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];
    size_t counts[BENCH_SUBJECTS];
    char parameters[32];

    for (unsigned i = 0; i < options->repetitions; i++) {
        sample(options->seconds, counts);
        for (int s = 0; s < BENCH_SUBJECTS; s++) {
            figures_sort(samples[s], counts[s]);
            p50[s][i] = figures_quantile(samples[s], counts[s], 0.5);
            p99[s][i] = figures_quantile(samples[s], counts[s], 0.99);
        }
    }
    (void)snprintf(parameters, sizeof(parameters), "\"readers\": %d", readers);
    for (int s = 0; s < BENCH_SUBJECTS; s++) {
        const char *name = bench_subject_names[s];

        bench_results_add(
            &(struct bench_result){name, parameters, "p50", "us", NULL}, p50[s],
            options->repetitions);
        bench_results_add(
            &(struct bench_result){name, parameters, "p99", "us", NULL}, p99[s],
            options->repetitions);
    }
}

static void
repeat_with_readers(const struct bench_options *options)
{
    pthread_t threads[READERS_MAX];
    unsigned processors[READERS_MAX];

    bench_ours_put(&ours, "2");
    /* relaxed: nothing else is read because of it */
    atomic_store_explicit(&is_reading, true, memory_order_relaxed);
    for (unsigned i = 0; i < READERS_MAX; i++) {
        processors[i] = i;
        if (pthread_create(&threads[i], NULL, read_on, &processors[i]) != 0) {
            bench_fail("no reader");
        }
    }
    repeat(options, READERS_MAX);
    /* relaxed: as above */
    atomic_store_explicit(&is_reading, false, memory_order_relaxed);
    for (int i = 0; i < READERS_MAX; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

int
main(int argc, char **argv)
{
    struct bench_options options = {.repetitions = 7, .seconds = 2};
    size_t counts[BENCH_SUBJECTS];

    (void)argc;
    bench_read_options(&options, argv);
    bench_make_databases(writers);
    for (int i = 0; i < BENCH_SUBJECTS; i++) {
        samples[i] = bench_allocate(SAMPLES_MAX, sizeof(double));
        if (!server_run(writers[i],
                        "CREATE TABLE orders (id integer PRIMARY KEY,"
                        " version bigint NOT NULL);"
                        "INSERT INTO orders VALUES (1, 0)")) {
            bench_fail("no table");
        }
    }
    bench_raw_open(&raw, bench_databases[BENCH_RAW]);
    bench_ours_open(&ours, bench_databases[BENCH_OURS]);
    sample(0.1, counts); /* warms up */
    bench_results_begin(
        "latency",
        "How long after COMMIT has returned is a change "
        "applied?",
        "look until the change is there, from the moment at which "
        "COMMIT has returned; a pause before each COMMIT");
    repeat(&options, 0);
    repeat_with_readers(&options);
    bench_results_end(NULL);
    bench_ours_close(&ours);
    bench_raw_close(&raw);
    bench_drop_databases(writers);
    for (int i = 0; i < BENCH_SUBJECTS; i++) {
        free(samples[i]);
    }
    return 0;
}
