/* SPDX-License-Identifier: MIT */
#include "cache/key_hash.h"

#include <sys/random.h>

#include "base/clock.h"
#include "cache/key_hash_inline.h"

struct pgcwi_key
pgcwi_key_make(struct pgcw_bytes bytes, uint64_t seed)
{
    return pgcwi_key_make_inline(bytes, seed);
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
