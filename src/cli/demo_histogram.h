/* SPDX-License-Identifier: MIT */
/*
 * How often which value was seen, exact to about 3 %.
 *
 * Buckets grow with the value: 32 for each power of two. So nanoseconds and
 * minutes fit into the same few kilobytes.
 */
#ifndef PGCWI_CLI_DEMO_HISTOGRAM_H
#define PGCWI_CLI_DEMO_HISTOGRAM_H

#include <stdint.h>

#define PGCWI_DEMO_HISTOGRAM_BUCKETS 1920

/* Start with all zero. */
struct pgcwi_demo_histogram {
    uint64_t total;
    uint64_t largest;
    uint64_t counts[PGCWI_DEMO_HISTOGRAM_BUCKETS];
};

void pgcwi_demo_histogram_add(struct pgcwi_demo_histogram *histogram,
                              uint64_t value);

/* The value that `share` (0 to 1) of all are not above; 0 if there is none.
 * Never below the true one, and never above the largest. */
uint64_t
pgcwi_demo_histogram_quantile(const struct pgcwi_demo_histogram *histogram,
                              double share);

#endif
