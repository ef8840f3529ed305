/* SPDX-License-Identifier: MIT */
#include "listener/pace.h"

int64_t
pgcwi_pace_work(struct pgcwi_pace *pace, int64_t began_ns, int64_t ended_ns)
{
    pace->worked_ns += ended_ns - began_ns;
    if (pace->worked_ns < PGCWI_PACE_WORK_NS) {
        return 0;
    }
    pace->rests_until_ns = ended_ns + PGCWI_PACE_REST * pace->worked_ns;
    pace->worked_ns = 0;
    return pace->rests_until_ns;
}
