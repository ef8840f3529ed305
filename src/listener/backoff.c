/* SPDX-License-Identifier: MIT */
#include "listener/backoff.h"

void
pgcwi_backoff_init(struct pgcwi_backoff *backoff, uint32_t min_ms,
                   uint32_t max_ms, uint64_t seed)
{
    *backoff = (struct pgcwi_backoff){
        .min_ms = min_ms,
        .max_ms = max_ms,
        .ceiling_ms = min_ms,
        .random = seed | 1, /* xorshift never leaves zero */
    };
}

static uint64_t
draw(struct pgcwi_backoff *backoff)
{
    uint64_t x = backoff->random;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    backoff->random = x;
    return x;
}

uint32_t
pgcwi_backoff_next_ms(struct pgcwi_backoff *backoff)
{
    uint32_t ceiling = backoff->ceiling_ms;
    uint32_t half = ceiling / 2;

    backoff->ceiling_ms =
        ceiling > backoff->max_ms / 2 ? backoff->max_ms : ceiling * 2;
    return ceiling - (uint32_t)(draw(backoff) % (half + 1));
}

void
pgcwi_backoff_raise(struct pgcwi_backoff *backoff)
{
    backoff->ceiling_ms = backoff->max_ms;
}

void
pgcwi_backoff_reset(struct pgcwi_backoff *backoff)
{
    backoff->ceiling_ms = backoff->min_ms;
}
