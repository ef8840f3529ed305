/* SPDX-License-Identifier: MIT */
/*
 * How much the listener's thread may do beside its own work, so that it never
 * fills the server's queue (P8): for each byte that it hears a little CPU
 * time, more than which it takes only for a moment. CPU time, as who is kept
 * from running would come no sooner to the socket if he did less.
 */
#ifndef PGCWI_LISTENER_ALLOWANCE_H
#define PGCWI_LISTENER_ALLOWANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event is some 150 bytes, and applied to a cache in a fraction of 1.2 µs;
 * so at least 100 MB/s are heard, whatever there is to do. */
#define PGCWI_ALLOWANCE_NS_PER_BYTE 8
#define PGCWI_ALLOWANCE_MAX_NS INT64_C(4000000)
/* The clock is a system call: it is read once for so many bytes, and not at
 * all for a burst of fewer. */
#define PGCWI_ALLOWANCE_CHECK_BYTES 4096

struct pgcwi_allowance {
    int64_t left_ns;
    size_t unchecked_bytes;
    int64_t checked_at_ns;
    bool is_measuring;
};

void pgcwi_allowance_init(struct pgcwi_allowance *allowance);
/* What was done until now is not counted. */
void pgcwi_allowance_begin(struct pgcwi_allowance *allowance);
/* So many bytes were heard: whether there is time for more than hearing. */
bool pgcwi_allowance_hear(struct pgcwi_allowance *allowance, size_t bytes);

#endif
