/* SPDX-License-Identifier: MIT */
/*
 * How long events took: a count for each range of time, whose bounds double.
 *
 * Model: added to in the turn of an event, read by any thread. All zero at
 * first.
 */
#ifndef PGCWI_LISTENER_HISTOGRAM_H
#define PGCWI_LISTENER_HISTOGRAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* 100 µs, 200 µs, …, 52.4288 s; one more is for what took longer. */
#define PGCWI_HISTOGRAM_BOUNDS 20
#define PGCWI_HISTOGRAM_FIRST_US 100

struct pgcwi_histogram {
    /* shared */
    _Atomic uint64_t counts[PGCWI_HISTOGRAM_BOUNDS + 1];
    _Atomic uint64_t sum_us;
};

/* The longest time that counts[i] counts. */
static inline uint64_t
pgcwi_histogram_bound_us(size_t i)
{
    return (uint64_t)PGCWI_HISTOGRAM_FIRST_US << i;
}

/* In the event's turn. Less than nothing, by two clocks, counts as nothing. */
void pgcwi_histogram_add(struct pgcwi_histogram *histogram, int64_t us);

#endif
