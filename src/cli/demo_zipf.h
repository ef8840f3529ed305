/* SPDX-License-Identifier: MIT */
/*
 * Random rows as real readers want them: few are wanted often.
 *
 * Row r, counted from 0, is drawn with a probability proportional to
 * 1 / (r + 1)^0.99, in constant time, by Walker's alias method: each column
 * of the table is split between two rows.
 */
#ifndef PGCWI_CLI_DEMO_ZIPF_H
#define PGCWI_CLI_DEMO_ZIPF_H

#include <stdint.h>

/* A generator of one's own for each thread; any seed will do. */
struct pgcwi_demo_random {
    uint64_t state;
};

uint64_t pgcwi_demo_random_next(struct pgcwi_demo_random *random);
/* 0 to count - 1, each as likely as the others. */
uint64_t pgcwi_demo_random_below(struct pgcwi_demo_random *random,
                                 uint64_t count);

/* Immutable once made, so that all threads can use one. */
struct pgcwi_demo_zipf;

/* NULL if there is no memory. `count` is 1 to 2^32 - 1. */
struct pgcwi_demo_zipf *pgcwi_demo_zipf_create(uint64_t count);
void pgcwi_demo_zipf_destroy(struct pgcwi_demo_zipf *zipf);
uint64_t pgcwi_demo_zipf_draw(const struct pgcwi_demo_zipf *zipf,
                              struct pgcwi_demo_random *random);

#endif
