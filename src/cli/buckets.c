/* SPDX-License-Identifier: MIT */
#include "cli/buckets.h"

#include <math.h>
#include <string.h>

bool
pgcwi_buckets_add(struct pgcwi_buckets *buckets, double bound, double count)
{
    size_t place = buckets->count;

    if (isnan(bound)) {
        return false;
    }
    while (place > 0 && buckets->items[place - 1].bound >= bound) {
        place--;
    }
    if (place < buckets->count && buckets->items[place].bound <= bound) {
        buckets->items[place].count += count; /* of another channel */
        return true;
    }
    if (buckets->count == PGCWI_BUCKETS) {
        return false;
    }
    memmove(&buckets->items[place + 1], &buckets->items[place],
            (buckets->count - place) * sizeof buckets->items[0]);
    buckets->items[place] = (struct pgcwi_bucket){bound, count};
    buckets->count++;
    return true;
}

void
pgcwi_buckets_finish(struct pgcwi_buckets *buckets)
{
    for (size_t i = 1; i < buckets->count; i++) {
        buckets->items[i].count =
            fmax(buckets->items[i].count, buckets->items[i - 1].count);
    }
}

double
pgcwi_buckets_total(const struct pgcwi_buckets *buckets)
{
    return buckets->count == 0 ? 0 : buckets->items[buckets->count - 1].count;
}

static bool
is_continued(const struct pgcwi_buckets *before,
             const struct pgcwi_buckets *after)
{
    if (before->count != after->count) {
        return false;
    }
    for (size_t i = 0; i < after->count; i++) {
        const struct pgcwi_bucket *from = &before->items[i];
        const struct pgcwi_bucket *to = &after->items[i];

        if (from->bound < to->bound || from->bound > to->bound ||
            from->count > to->count) {
            return false;
        }
    }
    return true;
}

void
pgcwi_buckets_between(const struct pgcwi_buckets *before,
                      const struct pgcwi_buckets *after,
                      struct pgcwi_buckets *between)
{
    *between = *after;
    if (!is_continued(before, after)) {
        return;
    }
    for (size_t i = 0; i < after->count; i++) {
        between->items[i].count -= before->items[i].count;
    }
    /* read while they are counted, one may be ahead of the next */
    pgcwi_buckets_finish(between);
}

double
pgcwi_buckets_quantile(const struct pgcwi_buckets *buckets, double share)
{
    double rank = share * pgcwi_buckets_total(buckets);
    double floor = 0;
    double below = 0;

    if (pgcwi_buckets_total(buckets) <= 0) {
        return NAN;
    }
    for (size_t i = 0; i < buckets->count; i++) {
        const struct pgcwi_bucket *bucket = &buckets->items[i];

        if (isinf(bucket->bound)) {
            break;
        }
        if (bucket->count >= rank && bucket->count > below) {
            return floor + (bucket->bound - floor) * (rank - below) /
                               (bucket->count - below);
        }
        below = bucket->count;
        floor = bucket->bound;
    }
    return floor;
}
