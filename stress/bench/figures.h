/* SPDX-License-Identifier: MIT */
/* Figures of repetitions: put in order, and the one in the middle. */
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
figures_sort(double *figures, unsigned count)
{
    qsort(figures, count, sizeof(*figures), figures_compare);
}

static inline double
figures_median(const double *sorted, unsigned count)
{
    return count % 2 == 1 ? sorted[count / 2]
                          : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

#endif
