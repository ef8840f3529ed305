/* SPDX-License-Identifier: MIT */
/*
 * Subjects that are measured in turns, by one thread, and the document that
 * tells of it.
 *
 *     program [--repetitions 1..99] [--seconds 0.001..60] [--quick]
 *
 * This thread has a processor of its own. The server of a subject, and what it
 * has started, is placed on that one or on the next, whichever is faster,
 * which is tried beforehand; so are the subject's own ways, if it has two.
 * What was chosen stands in the result's note.
 */
#ifndef STRESS_BENCH_TURNS_H
#define STRESS_BENCH_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TURNS_MOST_REPETITIONS 99
#define TURNS_WAYS 2
#define TURNS_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
/* Drawn beforehand; a power of two. */
#define TURNS_DRAWN 65536u

struct turns {
    unsigned repetitions;
    double seconds; /* of a repetition */
    bool is_quick;
    unsigned result_count;
};

struct turns_subject {
    const char *name;
    const char *metric;
    /* What it does at once: the time is divided by it. 0 means 1. */
    unsigned at_once;
    /* False: it is not here; turns_skip() has said why. */
    bool (*open)(struct turns_subject *subject);
    void (*run)(struct turns_subject *subject, size_t calls);
    /* May be NULL. */
    void (*close)(struct turns_subject *subject);
    const char *ways[TURNS_WAYS]; /* names; none: there is one way */
    const char *remark;           /* into its note; may be NULL */
    pid_t server;                 /* set by open(); 0: none to be placed */

    /* of turns.c, but for `way`, by which run() goes */
    unsigned way;
    unsigned place;
    bool is_open;
    double figures[TURNS_MOST_REPETITIONS];
};

struct turns turns_options(char **argv);

/* Ends the program. */
_Noreturn void turns_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void turns_progress(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* A peer that is not here; the document tells. Returns false. */
bool turns_skip(const char *peer, const char *reason);

/* Opens what can be opened. Threads that are started in there may run on each
 * processor. */
void turns_open(struct turns_subject *subjects, size_t count);
void turns_close(struct turns_subject *subjects, size_t count);

/* The document: begin, results, end. */
void turns_begin(const char *bench, const char *question, const char *loop);
/* So many calls, by each way: then all is cached that shall be. */
void turns_warm(struct turns_subject *subjects, size_t count, size_t calls);
/* Nanoseconds of each. `parameters` is JSON: "name": 1, "name": "text". */
void turns_measure(struct turns *turns, struct turns_subject *subjects,
                   size_t count, const char *parameters);
/* Of as many figures as there are repetitions; they are sorted. */
void turns_result(struct turns *turns, const struct turns_subject *subject,
                  const char *unit, const char *parameters, double *figures);
void turns_end(void);

/* TURNS_DRAWN numbers below `limit`, uniformly. */
void turns_draw(uint32_t drawn[TURNS_DRAWN], uint32_t limit);

#endif
