/* SPDX-License-Identifier: MIT */
/*
 * What a hit costs: through the shared library, in an unsynchronised table
 * (the floor), and in what others use for the same.
 *
 *     lookup [--repetitions N] [--seconds S] [--entries N] [--subject NAME]
 *            [--quick]
 *
 * Needs a PostgreSQL server (PGHOST and the like) for the library.
 *
 * Keys are strings of 16 bytes and values have 32. Every subject has the same
 * keys, put in in the same order; what is looked up is drawn before, and is
 * the same for all. All of them are open at the same time and are measured
 * in turns; in each turn an eighth of the time goes by before it is measured,
 * so that caches and branches know the subject again. The turns are short and
 * many: others who share the machine slow it down for seconds.
 *
 * Two loops: in one the lookups are independent, so that a processor may
 * begin one while it waits for the memory of the last, as far as the
 * subject's own synchronisation lets it. In the other what the last one found
 * says where the next key is: this is what a hit costs among other work, where
 * it has to be waited for.
 *
 * "hit" is the processor time of a thread for one hit, so that others who
 * have the processor do not count; whoever sleeps on a lock is not charged
 * for it there. "throughput" is by the clock, of all threads together: it
 * shows that too. Threads stay on processors of their own.
 *
 * malloc() and its pages are as they come by default for all in C and C++, so
 * none of them has huge pages unless it asks for them itself.
 *
 * Each subject's file says how it is configured.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/cache.h>

#include "results.h"
#include "subject.h"
#include "support.h"
#include "threads.h"

#define BLOCK ((size_t)1024)
#define MOST_SUBJECTS 16
#define WARM_SHARE 8
#define QUICK_DRAWN ((size_t)1 << 16)
#define DRAWN ((size_t)1 << 21)

struct bench {
    struct bench_options options;
    struct bench_workload workload;
    const struct bench_subject *subjects[MOST_SUBJECTS];
    unsigned subject_count;
    bool has_missed;
};

/* How keys are looked up. */
struct shape {
    const char *keys;
    bool is_dependent;
    unsigned thread_count;
};

/* One thread of one run. */
struct runner {
    const struct bench *bench;
    const struct bench_subject *subject;
    bool is_dependent;
    pthread_barrier_t *barrier;
    unsigned number;
    size_t position;
    struct bench_figures figures;
};

/* Returns how many it has looked up. */
static size_t
run_until(struct runner *runner, int64_t end_ns)
{
    const struct bench_workload *workload = &runner->bench->workload;
    const struct bench_key *drawn = workload->drawn[runner->number];
    size_t count = 0;
    size_t sum = 0;

    do {
        sum += runner->subject->look_up(drawn + runner->position, BLOCK,
                                        runner->is_dependent);
        runner->position =
            (runner->position + BLOCK) & (workload->drawn_count - 1);
        count += BLOCK;
    } while (stress_now_ns() < end_ns);
    runner->figures.has_missed = runner->figures.has_missed || sum != count;
    return count;
}

static void *
run(void *context)
{
    struct runner *runner = context;
    const struct bench_subject *subject = runner->subject;
    int64_t run_ns = bench_repetition_ns(&runner->bench->options);

    bench_pin(0, runner->number);
    pgcw_read_begin(); /* makes the thread known to liburcu */
    pgcw_read_end();
    if (subject->enter != NULL && !subject->enter()) {
        bench_fail("%s: a thread cannot take part", subject->name);
    }
    (void)pthread_barrier_wait(runner->barrier);
    (void)run_until(runner, stress_now_ns() + run_ns / WARM_SHARE);
    (void)pthread_barrier_wait(runner->barrier);
    int64_t begin_ns = stress_now_ns();
    int64_t thread_begin_ns = bench_thread_ns();
    double count = (double)run_until(runner, begin_ns + run_ns);
    int64_t thread_ns = bench_thread_ns() - thread_begin_ns;
    int64_t clock_ns = stress_now_ns() - begin_ns;
    runner->figures.ns_per_hit = (double)thread_ns / count;
    runner->figures.hits_per_second = count * 1e9 / (double)clock_ns;
    if (subject->leave != NULL) {
        subject->leave();
    }
    return NULL;
}

static void
run_threads(const struct runner *common, unsigned thread_count,
            struct bench_figures *figures)
{
    struct runner runners[BENCH_MOST_THREADS];
    pthread_t threads[BENCH_MOST_THREADS];
    pthread_barrier_t barrier;

    (void)pthread_barrier_init(&barrier, NULL, thread_count);
    for (unsigned i = 0; i < thread_count; i++) {
        runners[i] = *common;
        runners[i].number = i;
        runners[i].barrier = &barrier;
        if (pthread_create(&threads[i], NULL, run, &runners[i]) != 0) {
            bench_fail("no thread");
        }
    }
    for (unsigned i = 0; i < thread_count; i++) {
        (void)pthread_join(threads[i], NULL);
        figures->ns_per_hit += runners[i].figures.ns_per_hit / thread_count;
        figures->hits_per_second += runners[i].figures.hits_per_second;
        figures->has_missed |= runners[i].figures.has_missed;
    }
    (void)pthread_barrier_destroy(&barrier);
}

static struct bench_figures
measure(struct bench *bench, const struct bench_subject *subject,
        const struct shape *shape)
{
    struct runner common = {.bench = bench,
                            .subject = subject,
                            .is_dependent = shape->is_dependent};
    struct bench_figures figures = {0, 0, false};

    if (subject->process == NULL) {
        run_threads(&common, shape->thread_count, &figures);
    } else if (!subject->process->run(shape->thread_count,
                                      bench->options.seconds,
                                      shape->is_dependent, &figures)) {
        exit(1);
    }
    if (figures.has_missed) {
        bench_progress("%s missed: the figures are void", subject->name);
        bench->has_missed = true;
    }
    return figures;
}

static void
add_results(const struct bench *bench, const struct bench_subject *subject,
            const struct shape *shape, double values[2][BENCH_MOST_REPETITIONS])
{
    char parameters[160];

    bench_subject_parameters(subject, bench->workload.key_count, parameters,
                             sizeof(parameters));
    size_t length = strlen(parameters);
    (void)snprintf(
        parameters + length, sizeof(parameters) - length,
        ", \"keys\": \"%s\", \"lookups\": \"%s\", \"threads\": %u", shape->keys,
        shape->is_dependent ? "dependent" : "independent", shape->thread_count);
    bench_results_add(&(struct bench_result){subject->name, parameters, "hit",
                                             "ns", subject->note},
                      values[0], bench->options.repetitions);
    bench_results_add(&(struct bench_result){subject->name, parameters,
                                             "throughput", "hits/s",
                                             subject->note},
                      values[1], bench->options.repetitions);
}

static void
measure_cell(struct bench *bench, const struct shape *shape)
{
    static double values[MOST_SUBJECTS][2][BENCH_MOST_REPETITIONS];

    bench_progress("%u entries, %s, %s, %u threads", bench->workload.key_count,
                   shape->keys,
                   shape->is_dependent ? "dependent" : "independent",
                   shape->thread_count);
    /* the first round, if there is time for it, warms up and is overwritten */
    for (unsigned i = bench->options.is_quick; i <= bench->options.repetitions;
         i++) {
        for (unsigned s = 0; s < bench->subject_count; s++) {
            /* each goes first in its turn */
            unsigned which = (s + i) % bench->subject_count;
            struct bench_figures figures =
                measure(bench, bench->subjects[which], shape);

            values[which][0][i == 0 ? 0 : i - 1] = figures.ns_per_hit;
            values[which][1][i == 0 ? 0 : i - 1] = figures.hits_per_second;
        }
    }
    for (unsigned s = 0; s < bench->subject_count; s++) {
        add_results(bench, bench->subjects[s], shape, values[s]);
    }
}

static bool
hand_over_drawn(const struct bench *bench)
{
    for (unsigned s = 0; s < bench->subject_count; s++) {
        const struct subject_process *process = bench->subjects[s]->process;

        if (process != NULL && !process->draw(&bench->workload)) {
            return false;
        }
    }
    return true;
}

static void
measure_drawn(struct bench *bench, const char *keys)
{
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned threads = 1; threads <= BENCH_MOST_THREADS; threads++) {
            struct shape shape = {keys, i == 1, threads};

            measure_cell(bench, &shape);
        }
    }
}

static bool
measure_size(struct bench *bench, uint32_t key_count)
{
    bool is_done = true;

    bench_workload_init(&bench->workload, key_count,
                        bench->options.is_quick ? QUICK_DRAWN : DRAWN);
    for (unsigned s = 0; s < bench->subject_count && is_done; s++) {
        bench_progress("filling %s", bench->subjects[s]->name);
        is_done = bench->subjects[s]->open(bench->workload.keys, key_count);
    }
    for (unsigned i = 0; i < 2 && is_done; i++) {
        bench_workload_draw(&bench->workload, i == 1);
        is_done = hand_over_drawn(bench);
        if (is_done) {
            measure_drawn(bench, i == 0 ? "uniform" : "zipf 0.99");
        }
    }
    for (unsigned s = 0; s < bench->subject_count && is_done; s++) {
        bench->subjects[s]->close();
    }
    bench_workload_fini(&bench->workload);
    return is_done;
}

static void
choose_subjects(struct bench *bench)
{
    for (unsigned i = 0; bench_subjects[i] != NULL; i++) {
        if (bench_wants(&bench->options, bench_subjects[i]->name)) {
            bench->subjects[bench->subject_count++] = bench_subjects[i];
        }
    }
    if (bench->subject_count == 0) {
        bench_progress("no subject has that name");
        exit(2);
    }
}

int
main(int argc, char **argv)
{
    static const uint32_t usual_sizes[] = {10000, 1000000};
    static struct bench bench = {
        .options = {.repetitions = 21, .seconds = 0.1, .has_subjects = true}};
    bool is_done = true;

    (void)argc;
    bench_read_options(&bench.options, argv);
    choose_subjects(&bench);
    /* makes this thread known to liburcu, too, as each that looks up */
    pgcw_read_begin();
    pgcw_read_end();
    bench_results_begin(
        "lookup", "What does a hit cost?",
        "reading the next key of 16 bytes from a stream that was drawn before, "
        "hashing it, finding it under the subject's own protection, and "
        "reading the first byte of its value");
    if (bench.options.entries != 0) {
        is_done = measure_size(&bench, bench.options.entries);
    } else {
        for (unsigned i = 0; i < (bench.options.is_quick ? 1 : 2) && is_done;
             i++) {
            is_done = measure_size(&bench, usual_sizes[i]);
        }
    }
    bench_results_end(NULL);
    return is_done && !bench.has_missed ? 0 : 1;
}
