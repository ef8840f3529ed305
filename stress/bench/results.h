/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks share: their options, what they say meanwhile, and the
 * JSON that they print.
 *
 *     program [--repetitions N] [--seconds S] [--quick]
 *             [--entries N] [--subject NAME]
 *
 * `seconds` is the time of one repetition of one subject, where it has one,
 * and may be a fraction. `quick` measures the smallest size once, for a tenth
 * of the time: it shows that the program works, and no more. With `entries`
 * there is this size only, with `subject` that subject; not every program has
 * these two.
 */
#ifndef STRESS_BENCH_RESULTS_H
#define STRESS_BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_MOST_REPETITIONS 99u
#define BENCH_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct bench_options {
    unsigned repetitions;
    double seconds;
    bool is_quick;
    bool has_subjects;   /* whether there are the next two; set before */
    uint32_t entries;    /* 0: every size */
    const char *subject; /* NULL: each */
};

/* The defaults are there before. Exits with 2 if the options are wrong. */
void bench_read_options(struct bench_options *options, char **argv);
/* Whether a subject of that name is to be measured. */
bool bench_wants(const struct bench_options *options, const char *name);
/* `seconds`, for clocks. */
int64_t bench_repetition_ns(const struct bench_options *options);

/* A line to stderr; the first ends the program, too. */
_Noreturn void bench_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void bench_progress(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Zeros; ends the program if memory is short. */
void *bench_allocate(size_t count, size_t bytes);

/* What figures belong to. */
struct bench_result {
    const char *subject;
    /* JSON: "name": 1, "name": "text"; NULL or empty: none */
    const char *parameters;
    const char *metric;
    const char *unit;
    const char *note; /* NULL or empty: none */
};

/* Begin the document. `loop` says which work is in the timed loop. */
void bench_results_begin(const char *bench, const char *question,
                         const char *loop);
/* Add the figures, in the order of their turns, and their median, least and
 * most. They are sorted afterwards. */
void bench_results_add(const struct bench_result *result, double *figures,
                       unsigned count);
/* `note` is about all of it; may be NULL. */
void bench_results_end(const char *note);

#endif
