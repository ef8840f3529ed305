/* SPDX-License-Identifier: MIT */
/*
 * What a hit costs, through the shared library, and beside it what a lookup
 * in liburcu's bare hash table costs, on the same keys in the same run.
 *
 *     bench_lookup [--seconds N] [--repetitions N] [--entries N] [--json]
 *
 * Needs a PostgreSQL server (PGHOST and the like): a cache serves only while
 * its listener is live. Keys are strings of 16 bytes and are drawn before;
 * hashing is part of the lookup. Both tables are measured in turns, by
 * threads that each stay on a CPU of their own, by the processor time that
 * they take; the figure is the median of the repetitions.
 */
#define _GNU_SOURCE /* pthread_setaffinity_np() */

#include "bench_lookup.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pgcachewatch/cache.h>

#include "support.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DRAWN_COUNT ((size_t)1 << 20) /* for a thread */
#define BLOCK ((size_t)1024)
#define MOST_THREADS 2
#define MOST_REPETITIONS 99
#define ZIPF_EXPONENT 0.99
#define SUBJECT_COUNT 2

static const struct bench_subject *const subjects[SUBJECT_COUNT] = {
    &bench_library, &bench_bare_table};
static const char *const distributions[] = {"uniform", "zipf 0.99"};

struct bench {
    /* options */
    unsigned seconds;
    unsigned repetitions;
    uint32_t entries; /* 0: 10,000 and then 1,000,000 */
    bool is_json;
    /* what is looked up */
    struct bench_key *keys;
    uint32_t key_count;
    uint32_t *drawn[MOST_THREADS];
    int64_t run_ns;
    /* found so far */
    unsigned result_count;
    bool has_missed;
};

/* One thread of one run. */
struct runner {
    const struct bench *bench;
    const struct bench_subject *subject;
    pthread_barrier_t *start;
    unsigned number;
    double ns_per_hit;
    bool has_missed;
};

static void
stay_on_cpu(unsigned number)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(number, &cpus);
    /* where it may not, the figures are only noisier */
    (void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

/* Unlike the time of day, it does not pass while others have our CPU. */
static int64_t
thread_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void *
run(void *context)
{
    struct runner *runner = context;
    const struct bench *bench = runner->bench;
    const uint32_t *drawn = bench->drawn[runner->number];
    size_t count = 0;
    size_t hit_count = 0;

    stay_on_cpu(runner->number);
    pgcw_read_begin(); /* makes the thread known to liburcu */
    pgcw_read_end();
    (void)pthread_barrier_wait(runner->start);
    int64_t end_ns = stress_now_ns() + bench->run_ns;
    int64_t start_ns = thread_ns();
    do {
        hit_count += runner->subject->look_up(
            bench->keys, drawn + count % DRAWN_COUNT, BLOCK);
        count += BLOCK;
    } while (stress_now_ns() < end_ns);
    runner->ns_per_hit = (double)(thread_ns() - start_ns) / (double)count;
    runner->has_missed = hit_count != count;
    return NULL;
}

/* ns per hit, the mean of the threads. */
static double
measure(struct bench *bench, const struct bench_subject *subject,
        unsigned thread_count)
{
    struct runner runners[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    pthread_barrier_t start;
    double sum = 0;

    (void)pthread_barrier_init(&start, NULL, thread_count);
    for (unsigned i = 0; i < thread_count; i++) {
        runners[i] = (struct runner){bench, subject, &start, i, 0, false};
        if (pthread_create(&threads[i], NULL, run, &runners[i]) != 0) {
            (void)fprintf(stderr, "no thread\n");
            exit(1);
        }
    }
    for (unsigned i = 0; i < thread_count; i++) {
        (void)pthread_join(threads[i], NULL);
        sum += runners[i].ns_per_hit;
        bench->has_missed = bench->has_missed || runners[i].has_missed;
    }
    (void)pthread_barrier_destroy(&start);
    return sum / thread_count;
}

static int
compare(const void *left, const void *right)
{
    double difference = *(const double *)left - *(const double *)right;

    return (difference > 0) - (difference < 0);
}

static double
median(double *figures, unsigned count)
{
    qsort(figures, count, sizeof(*figures), compare);
    return count % 2 == 1 ? figures[count / 2]
                          : (figures[count / 2 - 1] + figures[count / 2]) / 2;
}

static void
print_result(struct bench *bench, const char *distribution,
             unsigned thread_count, const double *ns)
{
    if (bench->is_json) {
        (void)printf("%s{\"entries\":%" PRIu32
                     ",\"keys\":\"%s\",\"threads\":%u,\"pgcachewatch_ns\":"
                     "%.1f,\"bare_cds_lfht_ns\":%.1f}",
                     bench->result_count > 0 ? "," : "", bench->key_count,
                     distribution, thread_count, ns[0], ns[1]);
    } else {
        (void)printf("%9" PRIu32 "  %-9s  %7u  %12.1f  %13.1f  %8.2f\n",
                     bench->key_count, distribution, thread_count, ns[0], ns[1],
                     ns[0] / ns[1]);
    }
    (void)fflush(stdout);
    bench->result_count++;
}

static void
compare_subjects(struct bench *bench, const char *distribution,
                 unsigned thread_count)
{
    double figures[SUBJECT_COUNT][MOST_REPETITIONS];
    double medians[SUBJECT_COUNT];

    /* the first round warms up, and is overwritten */
    for (unsigned i = 0; i <= bench->repetitions; i++) {
        for (unsigned s = 0; s < SUBJECT_COUNT; s++) {
            /* each goes first every other time */
            unsigned which = (s + i) % SUBJECT_COUNT;

            figures[which][i == 0 ? 0 : i - 1] =
                measure(bench, subjects[which], thread_count);
        }
    }
    for (unsigned s = 0; s < SUBJECT_COUNT; s++) {
        medians[s] = median(figures[s], bench->repetitions);
    }
    print_result(bench, distribution, thread_count, medians);
}

static void *
allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);

    if (memory == NULL) {
        (void)fprintf(stderr, "no memory\n");
        exit(1);
    }
    return memory;
}

static void
make_keys(struct bench *bench, uint32_t key_count)
{
    bench->key_count = key_count;
    bench->keys = allocate(key_count, sizeof(*bench->keys));
    for (uint32_t i = 0; i < key_count; i++) {
        char text[BENCH_KEY_BYTES + 1];

        (void)snprintf(text, sizeof(text), "order:%010" PRIu32, i);
        memcpy(bench->keys[i].bytes, text, BENCH_KEY_BYTES);
    }
}

static double
random_fraction(struct stress_random *random)
{
    return (double)(stress_random_next(random) >> 11) * 0x1p-53;
}

/* share[i]: how often one of the ranks 0 to i is drawn. */
static double *
make_zipf_shares(uint32_t count)
{
    double *shares = allocate(count, sizeof(*shares));
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += pow((double)i + 1, -ZIPF_EXPONENT);
        shares[i] = sum;
    }
    for (uint32_t i = 0; i < count; i++) {
        shares[i] /= sum;
    }
    return shares;
}

static uint32_t
find_rank(const double *shares, uint32_t count, double fraction)
{
    uint32_t low = 0;
    uint32_t high = count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (shares[middle] > fraction) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* A key for each rank, so that keys drawn often are not neighbours. */
static uint32_t *
shuffle(uint32_t count, struct stress_random *random)
{
    uint32_t *order = allocate(count, sizeof(*order));

    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = stress_random_below(random, i + 1);

        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

static void
draw(struct bench *bench, bool is_zipf)
{
    struct stress seed = {.seed = 42};
    struct stress_random random = stress_random_of(&seed, 0);
    double *shares = make_zipf_shares(bench->key_count);
    uint32_t *order = shuffle(bench->key_count, &random);

    for (unsigned thread = 0; thread < MOST_THREADS; thread++) {
        for (size_t i = 0; i < DRAWN_COUNT; i++) {
            bench->drawn[thread][i] =
                is_zipf ? order[find_rank(shares, bench->key_count,
                                          random_fraction(&random))]
                        : stress_random_below(&random, bench->key_count);
        }
    }
    free(order);
    free(shares);
}

static bool
measure_tables(struct bench *bench, uint32_t key_count)
{
    make_keys(bench, key_count);
    pgcw_read_begin(); /* makes this thread known to liburcu, too */
    pgcw_read_end();
    for (unsigned s = 0; s < SUBJECT_COUNT; s++) {
        if (!subjects[s]->open(bench->keys, key_count)) {
            return false;
        }
    }
    for (unsigned d = 0; d < COUNT_OF(distributions); d++) {
        draw(bench, d == 1);
        for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
            compare_subjects(bench, distributions[d], threads);
        }
    }
    for (unsigned s = 0; s < SUBJECT_COUNT; s++) {
        subjects[s]->close();
    }
    free(bench->keys);
    return true;
}

static _Noreturn void
refuse_options(void)
{
    (void)fprintf(stderr,
                  "usage: bench_lookup [--seconds 1..] [--repetitions 1..%d] "
                  "[--entries 1..] [--json]\n",
                  MOST_REPETITIONS);
    exit(2);
}

static unsigned
read_number(const char *text, unsigned long most)
{
    char *end = NULL;
    unsigned long number = text != NULL ? strtoul(text, &end, 10) : 0;

    if (number == 0 || number > most || *end != '\0') {
        refuse_options();
    }
    return (unsigned)number;
}

static void
read_options(struct bench *bench, char **argv)
{
    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            bench->is_json = true;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            bench->seconds = read_number(argv[++i], 100000);
        } else if (strcmp(argv[i], "--repetitions") == 0) {
            bench->repetitions = read_number(argv[++i], MOST_REPETITIONS);
        } else if (strcmp(argv[i], "--entries") == 0) {
            bench->entries = read_number(argv[++i], 100000000);
        } else {
            refuse_options();
        }
    }
}

static void
print_head(const struct bench *bench)
{
    if (bench->is_json) {
        (void)printf(
            "{\"unit\":\"ns per hit\",\"repetitions\":%u,\"results\":[",
            bench->repetitions);
        return;
    }
#ifndef __OPTIMIZE__
    (void)printf("Not optimised: these figures say nothing.\n");
#endif
    (void)printf("ns per hit, median of %u repetitions\n\n%9s  %-9s  %7s  %12s "
                 " %13s  %8s\n",
                 bench->repetitions, "entries", "keys", "threads",
                 bench_library.name, bench_bare_table.name, "ratio");
}

int
main(int argc, char **argv)
{
    static const uint32_t usual_counts[] = {10000, 1000000};
    struct bench bench = {.seconds = 40, .repetitions = 5};
    bool is_done = true;

    (void)argc;
    read_options(&bench, argv);
    unsigned size_count = bench.entries != 0 ? 1 : COUNT_OF(usual_counts);
    bench.run_ns =
        bench.seconds * INT64_C(1000000000) /
        (int64_t)(size_count * COUNT_OF(distributions) * MOST_THREADS *
                  SUBJECT_COUNT * (bench.repetitions + 1));
    for (unsigned i = 0; i < MOST_THREADS; i++) {
        bench.drawn[i] = allocate(DRAWN_COUNT, sizeof(uint32_t));
    }
    print_head(&bench);
    for (unsigned i = 0; i < size_count && is_done; i++) {
        is_done = measure_tables(&bench, bench.entries != 0 ? bench.entries
                                                            : usual_counts[i]);
    }
    for (unsigned i = 0; i < MOST_THREADS; i++) {
        free(bench.drawn[i]);
    }
    if (bench.is_json) {
        (void)printf("]}\n");
    }
    if (bench.has_missed) {
        (void)fprintf(stderr, "a lookup missed: the figures are void\n");
    }
    return is_done && !bench.has_missed ? 0 : 1;
}
