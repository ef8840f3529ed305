/* SPDX-License-Identifier: MIT */
#include "listener/histogram.h"

#include "listener/counter.h"

void
pgcwi_histogram_add(struct pgcwi_histogram *histogram, int64_t us)
{
    uint64_t took_us = us > 0 ? (uint64_t)us : 0;
    size_t i = 0;

    while (i < PGCWI_HISTOGRAM_BOUNDS &&
           took_us > pgcwi_histogram_bound_us(i)) {
        i++;
    }
    pgcwi_counter_add_alone(&histogram->counts[i]);
    pgcwi_counter_raise_alone(&histogram->sum_us, took_us);
}
