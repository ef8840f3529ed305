/* SPDX-License-Identifier: MIT */
#include "cache/key_hash.h"

#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.h"

struct pgcwi_key
pgcwi_key_make(struct pgcw_bytes bytes, uint64_t seed)
{
    return (struct pgcwi_key){
        .bytes = bytes,
        .hash = XXH3_64bits_withSeed(bytes.data, bytes.size, seed),
    };
}

uint64_t
pgcwi_key_random_seed(void)
{
    uint64_t seed = 0;

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) !=
        (ssize_t)sizeof(seed)) {
        seed = (uint64_t)pgcwi_clock_monotonic_ns();
    }
    return seed;
}
