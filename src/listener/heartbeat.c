/* SPDX-License-Identifier: MIT */
#include "listener/heartbeat.h"

void
pgcwi_heartbeat_init(struct pgcwi_heartbeat *heartbeat, int64_t interval_ns,
                     int64_t timeout_ns, int64_t now_ns)
{
    *heartbeat = (struct pgcwi_heartbeat){
        .interval_ns = interval_ns,
        .timeout_ns = timeout_ns,
        .sent_at_ns = now_ns - interval_ns, /* the first is due at once */
        .alive_at_ns = now_ns,
    };
}

bool
pgcwi_heartbeat_is_due(const struct pgcwi_heartbeat *heartbeat, int64_t now_ns)
{
    return !heartbeat->is_in_flight &&
           now_ns >= heartbeat->sent_at_ns + heartbeat->interval_ns;
}

void
pgcwi_heartbeat_sent(struct pgcwi_heartbeat *heartbeat, int64_t now_ns)
{
    heartbeat->sent_at_ns = now_ns;
    heartbeat->is_in_flight = true;
}

void
pgcwi_heartbeat_answered(struct pgcwi_heartbeat *heartbeat)
{
    heartbeat->is_in_flight = false;
}

void
pgcwi_heartbeat_alive(struct pgcwi_heartbeat *heartbeat, int64_t now_ns)
{
    heartbeat->alive_at_ns = now_ns;
}

static int64_t
lost_at_ns(const struct pgcwi_heartbeat *heartbeat)
{
    int64_t last_ns = heartbeat->alive_at_ns > heartbeat->sent_at_ns
                          ? heartbeat->alive_at_ns
                          : heartbeat->sent_at_ns;

    return last_ns + 2 * heartbeat->timeout_ns;
}

bool
pgcwi_heartbeat_is_late(const struct pgcwi_heartbeat *heartbeat, int64_t now_ns)
{
    return heartbeat->is_in_flight &&
           now_ns >= heartbeat->sent_at_ns + heartbeat->timeout_ns;
}

bool
pgcwi_heartbeat_is_lost(const struct pgcwi_heartbeat *heartbeat, int64_t now_ns)
{
    return heartbeat->is_in_flight && now_ns >= lost_at_ns(heartbeat);
}

int64_t
pgcwi_heartbeat_deadline_ns(const struct pgcwi_heartbeat *heartbeat,
                            int64_t now_ns)
{
    if (!heartbeat->is_in_flight) {
        return heartbeat->sent_at_ns + heartbeat->interval_ns;
    }
    return pgcwi_heartbeat_is_late(heartbeat, now_ns)
               ? lost_at_ns(heartbeat)
               : heartbeat->sent_at_ns + heartbeat->timeout_ns;
}
