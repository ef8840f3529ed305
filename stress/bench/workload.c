/* SPDX-License-Identifier: MIT */
#include "workload.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"
#include "support.h"

#define ZIPF_EXPONENT 0.99
#define SEED 42

/* The numbers below `count`, each once. */
static uint32_t *
shuffle(uint32_t count, struct stress_random *random)
{
    uint32_t *order = bench_allocate(count, sizeof(*order));

    for (uint32_t i = 0; i < count; i++) {
        uint32_t other = stress_random_below(random, i + 1);

        order[i] = order[other];
        order[other] = i;
    }
    return order;
}

static struct stress_random
random_of(unsigned stream)
{
    struct stress seed = {.seed = SEED};

    return stress_random_of(&seed, stream);
}

void
bench_workload_init(struct bench_workload *workload, uint32_t key_count,
                    size_t drawn_count)
{
    struct stress_random random = random_of(0);
    uint32_t *order = shuffle(key_count, &random);

    *workload = (struct bench_workload){
        .keys = bench_allocate(key_count, sizeof(struct bench_key)),
        .key_count = key_count,
        .drawn_count = drawn_count,
    };
    for (uint32_t i = 0; i < key_count; i++) {
        char text[BENCH_KEY_BYTES + 1];

        (void)snprintf(text, sizeof(text), "order:%010" PRIu32, order[i]);
        memcpy(workload->keys[i].bytes, text, BENCH_KEY_BYTES);
    }
    for (unsigned i = 0; i < BENCH_MOST_THREADS; i++) {
        workload->drawn[i] =
            bench_allocate(drawn_count, sizeof(struct bench_key));
    }
    free(order);
}

void
bench_workload_fini(struct bench_workload *workload)
{
    for (unsigned i = 0; i < BENCH_MOST_THREADS; i++) {
        free(workload->drawn[i]);
    }
    free(workload->keys);
}

static double
random_fraction(struct stress_random *random)
{
    return (double)(stress_random_next(random) >> 11) * 0x1p-53;
}

/* share[i]: how often one of the ranks 0 to i is drawn. */
static double *
make_zipf_shares(uint32_t count)
{
    double *shares = bench_allocate(count, sizeof(*shares));
    double sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += pow((double)i + 1, -ZIPF_EXPONENT);
        shares[i] = sum;
    }
    for (uint32_t i = 0; i < count; i++) {
        shares[i] /= sum;
    }
    return shares;
}

static uint32_t
find_rank(const double *shares, uint32_t count, double fraction)
{
    uint32_t low = 0;
    uint32_t high = count - 1;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (shares[middle] > fraction) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The keys are in no order, so those that are drawn often are no neighbours. */
void
bench_workload_draw(struct bench_workload *workload, bool is_zipf)
{
    uint32_t count = workload->key_count;
    double *shares = is_zipf ? make_zipf_shares(count) : NULL;

    for (unsigned thread = 0; thread < BENCH_MOST_THREADS; thread++) {
        struct stress_random random = random_of(thread + 1);

        for (size_t i = 0; i < workload->drawn_count; i++) {
            uint32_t which =
                is_zipf ? find_rank(shares, count, random_fraction(&random))
                        : stress_random_below(&random, count);

            workload->drawn[thread][i] = workload->keys[which];
        }
    }
    free(shares);
}
