/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "cli/demo_zipf.h"

#define EXPONENT 0.99

struct column {
    double own_share; /* of the column that has its own row's number */
    uint32_t other;
};

struct pgcwi_demo_zipf {
    uint64_t count;
    struct column columns[];
};

/* Weyl sequence, then two rounds of multiply and shift. */
uint64_t
pgcwi_demo_random_next(struct pgcwi_demo_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t mixed = random->state;
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

/* The remainder's bias is below count / 2^64: nothing that a demo can see. */
uint64_t
pgcwi_demo_random_below(struct pgcwi_demo_random *random, uint64_t count)
{
    return pgcwi_demo_random_next(random) % count;
}

/* Start with each row's weight, scaled so that the mean is 1. */
static void
weigh(struct pgcwi_demo_zipf *zipf)
{
    double sum = 0;
    for (uint64_t i = 0; i < zipf->count; i++) {
        zipf->columns[i].own_share = pow((double)(i + 1), -EXPONENT);
        zipf->columns[i].other = (uint32_t)i;
        sum += zipf->columns[i].own_share;
    }
    for (uint64_t i = 0; i < zipf->count; i++) {
        zipf->columns[i].own_share *= (double)zipf->count / sum;
    }
}

/*
 * Weights fall with the row's number, so those above 1 stand first. Each
 * small one is filled up to 1 from the large one under way; a large one that
 * falls below 1 is small itself and is filled by the next.
 */
static void
fill_columns(struct pgcwi_demo_zipf *zipf)
{
    struct column *columns = zipf->columns;
    uint64_t giver = 0;
    uint64_t last = zipf->count - 1;
    while (giver < last && columns[giver].own_share > 1) {
        columns[last].other = (uint32_t)giver;
        columns[giver].own_share -= 1 - columns[last].own_share;
        last--;
        while (giver < last && columns[giver].own_share <= 1) {
            columns[giver].other = (uint32_t)(giver + 1);
            columns[giver + 1].own_share -= 1 - columns[giver].own_share;
            giver++;
        }
    }
}

struct pgcwi_demo_zipf *
pgcwi_demo_zipf_create(uint64_t count)
{
    if (count == 0 || count > UINT32_MAX) {
        return NULL;
    }
    struct pgcwi_demo_zipf *zipf =
        malloc(sizeof(*zipf) + (size_t)count * sizeof(struct column));
    if (zipf != NULL) {
        zipf->count = count;
        weigh(zipf);
        fill_columns(zipf);
    }
    return zipf;
}

void
pgcwi_demo_zipf_destroy(struct pgcwi_demo_zipf *zipf)
{
    free(zipf);
}

uint64_t
pgcwi_demo_zipf_draw(const struct pgcwi_demo_zipf *zipf,
                     struct pgcwi_demo_random *random)
{
    uint64_t row = pgcwi_demo_random_below(random, zipf->count);
    double point = (double)(pgcwi_demo_random_next(random) >> 11) * 0x1.0p-53;
    const struct column *column = &zipf->columns[row];
    return point < column->own_share ? row : column->other;
}
