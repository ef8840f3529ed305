/* SPDX-License-Identifier: MIT */
/*
 * When to send a fence, and when its answer is late.
 *
 * Only arithmetic: the caller gives the time. At most one fence is on its
 * way.
 */
#ifndef PGCWI_LISTENER_HEARTBEAT_H
#define PGCWI_LISTENER_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

struct pgcwi_heartbeat {
    int64_t interval_ns;
    int64_t timeout_ns;
    int64_t sent_at_ns; /* of the newest fence, or of the start */
    int64_t alive_at_ns;
    bool is_in_flight;
};

void pgcwi_heartbeat_init(struct pgcwi_heartbeat *heartbeat,
                          int64_t interval_ns, int64_t timeout_ns,
                          int64_t now_ns);
bool pgcwi_heartbeat_is_due(const struct pgcwi_heartbeat *heartbeat,
                            int64_t now_ns);
void pgcwi_heartbeat_sent(struct pgcwi_heartbeat *heartbeat, int64_t now_ns);
void pgcwi_heartbeat_answered(struct pgcwi_heartbeat *heartbeat);
/* What must come before the answer has come, up to now. */
void pgcwi_heartbeat_alive(struct pgcwi_heartbeat *heartbeat, int64_t now_ns);
/* Not answered in time: doubt. */
bool pgcwi_heartbeat_is_late(const struct pgcwi_heartbeat *heartbeat,
                             int64_t now_ns);
/* Not answered in twice the time, nor alive: give the connection up. */
bool pgcwi_heartbeat_is_lost(const struct pgcwi_heartbeat *heartbeat,
                             int64_t now_ns);
/* The next moment after now at which one of these changes. */
int64_t pgcwi_heartbeat_deadline_ns(const struct pgcwi_heartbeat *heartbeat,
                                    int64_t now_ns);

#endif
