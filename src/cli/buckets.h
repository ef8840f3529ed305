/* SPDX-License-Identifier: MIT */
/* A histogram as Prometheus has it: how many were not above each bound. */
#ifndef PGCWI_CLI_BUCKETS_H
#define PGCWI_CLI_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>

#define PGCWI_BUCKETS 64

struct pgcwi_bucket {
    double bound; /* ascending; the last may be an infinity */
    double count; /* of all that are not above it */
};

/* Start with all zero. */
struct pgcwi_buckets {
    size_t count;
    struct pgcwi_bucket items[PGCWI_BUCKETS];
};

/* Add to the bucket of a bound, in whatever order. False: too many bounds. */
bool pgcwi_buckets_add(struct pgcwi_buckets *buckets, double bound,
                       double count);

/* No bucket may have fewer than the one before it: an untrue one is lifted. */
void pgcwi_buckets_finish(struct pgcwi_buckets *buckets);

/* How many there are in all. */
double pgcwi_buckets_total(const struct pgcwi_buckets *buckets);

/* What came between two readings; all of `after` if it was begun anew. */
void pgcwi_buckets_between(const struct pgcwi_buckets *before,
                           const struct pgcwi_buckets *after,
                           struct pgcwi_buckets *between);

/*
 * The value that `share` (0 to 1) are not above, as if the values of a bucket
 * lay evenly between its bounds. Above the last finite bound it is that one;
 * NaN if there is no value.
 */
double pgcwi_buckets_quantile(const struct pgcwi_buckets *buckets,
                              double share);

#endif
