/* SPDX-License-Identifier: MIT */
/* Warns of events that come late: max_latency_ms. They are applied anyway. */
#ifndef PGCWI_LISTENER_LATENCY_H
#define PGCWI_LISTENER_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

#include "base/log.h"

/* At most one line in this time, however many events are late. */
#define PGCWI_LATENCY_LINE_INTERVAL_MS 10000

struct pgcwi_latency {
    /* immutable after init */
    int64_t max_us; /* 0: off */
    /* owned by the worker whose turn it is */
    int64_t next_line_at_ns;
    uint64_t unsaid_count;
};

void pgcwi_latency_init(struct pgcwi_latency *latency, uint64_t max_ms);
/* In the event's turn. True if it is late. */
bool pgcwi_latency_check(struct pgcwi_latency *latency,
                         const struct pgcw_event *event, struct pgcwi_log *log);

#endif
