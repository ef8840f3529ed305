/* SPDX-License-Identifier: MIT */
/*
 * Subjects that are measured in turns, by one thread, and the document that
 * tells of it.
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

#include "results.h"

#define TURNS_WAYS 2
/* Drawn beforehand; a power of two. */
#define TURNS_DRAWN 65536u

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
    double figures[BENCH_MOST_REPETITIONS];
};

/* The defaults, then what is asked for. */
struct bench_options turns_options(char **argv);
/* A peer that is not here; the document tells. Returns false. */
bool turns_skip(const char *peer, const char *reason);

/* Opens what can be opened. Threads that are started in there may run on each
 * processor. */
void turns_open(struct turns_subject *subjects, size_t count);
void turns_close(struct turns_subject *subjects, size_t count);

/* So many calls, by each way: then all is cached that shall be. */
void turns_warm(struct turns_subject *subjects, size_t count, size_t calls);
/* Nanoseconds of each. `parameters` is JSON: "name": 1, "name": "text". */
void turns_measure(const struct bench_options *options,
                   struct turns_subject *subjects, size_t count,
                   const char *parameters);
/* Of as many figures as there are repetitions; they are sorted. */
void turns_result(const struct bench_options *options,
                  const struct turns_subject *subject, const char *unit,
                  const char *parameters, double *figures);
/* The document's end: also who was skipped. */
void turns_end(void);

/* TURNS_DRAWN numbers below `limit`, uniformly. */
void turns_draw(uint32_t drawn[TURNS_DRAWN], uint32_t limit);

#endif
