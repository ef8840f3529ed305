/* SPDX-License-Identifier: MIT */
/* How long to wait before the next attempt to connect. */
#ifndef PGCWI_LISTENER_BACKOFF_H
#define PGCWI_LISTENER_BACKOFF_H

#include <stdint.h>

struct pgcwi_backoff {
    uint32_t min_ms;
    uint32_t max_ms;
    uint32_t ceiling_ms; /* of the next delay */
    uint64_t random;
};

void pgcwi_backoff_init(struct pgcwi_backoff *backoff, uint32_t min_ms,
                        uint32_t max_ms, uint64_t seed);
/*
 * The ceiling doubles from min to max; a delay is drawn evenly from the upper
 * half of it, so that many clients do not come back at the same moment.
 */
uint32_t pgcwi_backoff_next_ms(struct pgcwi_backoff *backoff);
/* It is of no use to hurry: the next ceiling is max. */
void pgcwi_backoff_raise(struct pgcwi_backoff *backoff);
/* After a success: begin with min again. */
void pgcwi_backoff_reset(struct pgcwi_backoff *backoff);

#endif
