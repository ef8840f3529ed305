/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "cli/demo_histogram.h"

#define PRECISION_BITS 5
#define STEPS (1u << PRECISION_BITS)

static unsigned
highest_bit(uint64_t value)
{
    unsigned bit = 0;
    while (value >>= 1) {
        bit++;
    }
    return bit;
}

/* Below STEPS each value has a bucket; above, each power of two has STEPS. */
static size_t
bucket_of(uint64_t value)
{
    if (value < STEPS) {
        return (size_t)value;
    }
    unsigned shift = highest_bit(value) - PRECISION_BITS;
    return (size_t)shift * STEPS + (size_t)(value >> shift);
}

static uint64_t
largest_in(size_t bucket)
{
    if (bucket < STEPS) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / STEPS) - 1;
    uint64_t first = (uint64_t)(bucket % STEPS + STEPS) << shift;
    return first + ((UINT64_C(1) << shift) - 1);
}

void
pgcwi_demo_histogram_add(struct pgcwi_demo_histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->total++;
    if (value > histogram->largest) {
        histogram->largest = value;
    }
}

uint64_t
pgcwi_demo_histogram_quantile(const struct pgcwi_demo_histogram *histogram,
                              double share)
{
    uint64_t needed = (uint64_t)(share * (double)histogram->total);
    if ((double)needed < share * (double)histogram->total) {
        needed++;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < PGCWI_DEMO_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen >= needed && seen > 0) {
            uint64_t value = largest_in(i);
            return value < histogram->largest ? value : histogram->largest;
        }
    }
    return 0;
}
