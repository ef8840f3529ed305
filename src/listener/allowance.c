/* SPDX-License-Identifier: MIT */
#include "listener/allowance.h"

#include "base/clock.h"

void
pgcwi_allowance_init(struct pgcwi_allowance *allowance)
{
    *allowance = (struct pgcwi_allowance){.left_ns = PGCWI_ALLOWANCE_MAX_NS};
}

void
pgcwi_allowance_begin(struct pgcwi_allowance *allowance)
{
    allowance->is_measuring = false;
}

static void
check(struct pgcwi_allowance *allowance)
{
    int64_t now_ns = pgcwi_clock_thread_ns();
    int64_t left_ns =
        allowance->left_ns +
        PGCWI_ALLOWANCE_NS_PER_BYTE * (int64_t)allowance->unchecked_bytes;

    if (allowance->is_measuring) {
        left_ns -= now_ns - allowance->checked_at_ns;
    }
    allowance->left_ns =
        left_ns < PGCWI_ALLOWANCE_MAX_NS ? left_ns : PGCWI_ALLOWANCE_MAX_NS;
    allowance->checked_at_ns = now_ns;
    allowance->is_measuring = true;
    allowance->unchecked_bytes = 0;
}

bool
pgcwi_allowance_hear(struct pgcwi_allowance *allowance, size_t bytes)
{
    allowance->unchecked_bytes += bytes;
    if (allowance->unchecked_bytes >= PGCWI_ALLOWANCE_CHECK_BYTES) {
        check(allowance);
    }
    return allowance->left_ns > 0;
}
