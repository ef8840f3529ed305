/* SPDX-License-Identifier: MIT */
/* What a listener counts. */
#ifndef PGCWI_LISTENER_COUNTERS_H
#define PGCWI_LISTENER_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "listener/counter.h"
#include "listener/histogram.h"
#include "listener/table_counts.h"

struct pgcwi_listener_counters {
    /* shared */
    _Atomic uint64_t messages_heard;
    _Atomic uint64_t events_applied;
    _Atomic uint64_t payloads_undecodable;
    _Atomic uint64_t messages_dropped;
    _Atomic uint64_t gaps;
    _Atomic uint64_t connects;
    _Atomic uint64_t fences_answered;
    _Atomic uint64_t fence_round_trip_us;
    _Atomic uint64_t events_late;
    struct pgcwi_histogram latencies; /* from sent_at to applied */
    struct pgcwi_table_counts tables;
};

#endif
