/* SPDX-License-Identifier: MIT */
/* Figures: put in order, the one in the middle, and others by their place. */
#ifndef STRESS_BENCH_FIGURES_H
#define STRESS_BENCH_FIGURES_H

#include <stdlib.h>

static inline int
figures_compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

static inline void
figures_sort(double *figures, size_t count)
{
    qsort(figures, count, sizeof(*figures), figures_compare);
}

static inline double
figures_median(const double *sorted, size_t count)
{
    return count % 2 == 1 ? sorted[count / 2]
                          : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* The one that this share of them is below. */
static inline double
figures_quantile(const double *sorted, size_t count, double share)
{
    size_t place = (size_t)(share * (double)count);

    return sorted[place < count ? place : count - 1];
}

#endif
