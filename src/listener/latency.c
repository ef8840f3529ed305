/* SPDX-License-Identifier: MIT */
#include "listener/latency.h"

#include <inttypes.h>

#include "base/clock.h"

#define US_PER_MS 1000

void
pgcwi_latency_init(struct pgcwi_latency *latency, uint64_t max_ms)
{
    *latency = (struct pgcwi_latency){.max_us = (int64_t)max_ms * US_PER_MS};
}

/* No two lines are the same, so the log cannot fold them. */
static void
warn(struct pgcwi_latency *latency, const struct pgcw_event *event,
     struct pgcwi_log *log)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    int64_t latency_us = event->received_at_us - event->sent_at_us;

    if (now_ns < latency->next_line_at_ns) {
        latency->unsaid_count++;
        return;
    }
    pgcwi_log_write(log, PGCW_LOG_WARNING,
                    "an event of \"%s%s%s\" was heard after %" PRId64
                    " ms, later than max_latency_ms, %" PRId64 "; %" PRIu64
                    " more since the last such line",
                    event->schema, event->schema[0] != '\0' ? "." : "",
                    event->table, latency_us / US_PER_MS,
                    latency->max_us / US_PER_MS, latency->unsaid_count);
    latency->unsaid_count = 0;
    latency->next_line_at_ns =
        now_ns + PGCWI_LATENCY_LINE_INTERVAL_MS * PGCWI_NS_PER_MS;
}

bool
pgcwi_latency_check(struct pgcwi_latency *latency,
                    const struct pgcw_event *event, struct pgcwi_log *log)
{
    if (latency->max_us == 0 ||
        event->received_at_us - event->sent_at_us <= latency->max_us) {
        return false;
    }
    warn(latency, event, log);
    return true;
}
