/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share: their options, and the JSON that they print.
 *
 *     program [--repetitions N] [--seconds S] [--entries N] [--subject NAME]
 *             [--quick]
 *
 * `seconds` is the time of one repetition of one subject, and may be a
 * fraction. `quick` measures the smallest size once, shortly: it shows that
 * the program works, and no more. With `subject` only that one is measured.
 */
#ifndef STRESS_BENCH_RESULTS_H
#define STRESS_BENCH_RESULTS_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_MOST_REPETITIONS 99u

struct bench_options {
    unsigned repetitions;
    double seconds;
    uint32_t entries;    /* 0: every size */
    const char *subject; /* NULL: each */
    bool is_quick;
};

/* The defaults are there before. Exits with 2 if the options are wrong. */
void bench_read_options(struct bench_options *options, char **argv);
/* Whether a subject of that name is to be measured. */
bool bench_wants(const struct bench_options *options, const char *name);

/* What figures belong to; NULL and 0 are left out. */
struct bench_cell {
    const char *subject;
    const char *variant; /* not its plain form */
    const char *note;
    uint32_t entries;
    const char *keys;    /* how they are drawn */
    const char *lookups; /* whether one may begin before the last ends */
    unsigned threads;
    const char *metric;
    const char *unit;
};

/* Begin the document. `loop` says which work is in the timed loop. */
void bench_results_begin(const char *bench, const char *question,
                         const char *loop);
/* Add the median, least and most of the values, which it sorts. */
void bench_results_add(const struct bench_cell *cell, double *values,
                       unsigned count);
void bench_results_end(void);

#endif
