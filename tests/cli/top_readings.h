/* SPDX-License-Identifier: MIT */
/* Readings of a process for the tests of `top`, and the model of two. */
#ifndef TESTS_CLI_TOP_READINGS_H
#define TESTS_CLI_TOP_READINGS_H

#include <stdlib.h>
#include <string.h>

#include "cli/top_model.h"

#define LATENCY "pgcachewatch_listener_event_latency_seconds_bucket"

static const char first_reading[] =
    "pgcachewatch_listener_state{channel=\"ch\",state=\"live\"} 1\n"
    "pgcachewatch_listener_horizon_age_seconds{channel=\"ch\"} 0.0123\n"
    "pgcachewatch_listener_fence_round_trip_seconds{channel=\"ch\"} 0.0002\n"
    "pgcachewatch_listener_messages_heard_total{channel=\"ch\"} 100\n"
    "pgcachewatch_listener_gaps_total{channel=\"ch\"} 0\n"
    "pgcachewatch_listener_events_total{table=\"s.calm\"} 50\n"
    "pgcachewatch_listener_events_total{table=\"s.busy\"} 50\n"
    "pgcachewatch_cache_hits_total{cache=\"calm\"} 100\n"
    "pgcachewatch_cache_misses_total{cache=\"calm\"} 100\n"
    "pgcachewatch_cache_hits_total{cache=\"busy\"} 1000\n"
    "pgcachewatch_cache_misses_total{cache=\"busy\"} 0\n" LATENCY
    "{le=\"0.001\"} 50\n" LATENCY "{le=\"0.01\"} 100\n" LATENCY
    "{le=\"0.1\"} 100\n" LATENCY "{le=\"+Inf\"} 100\n";

/* Two seconds later. */
static const char second_reading[] =
    "pgcachewatch_listener_state{channel=\"ch\",state=\"live\"} 1\n"
    "pgcachewatch_listener_horizon_age_seconds{channel=\"ch\"} 0.0123\n"
    "pgcachewatch_listener_fence_round_trip_seconds{channel=\"ch\"} 0.0002\n"
    "pgcachewatch_listener_messages_heard_total{channel=\"ch\"} 300\n"
    "pgcachewatch_listener_gaps_total{channel=\"ch\"} 0\n"
    "pgcachewatch_listener_events_total{table=\"s.calm\"} 60\n"
    "pgcachewatch_listener_events_total{table=\"s.busy\"} 150\n"
    "pgcachewatch_listener_events_total{table=\"s.new\"} 40\n"
    "pgcachewatch_cache_hits_total{cache=\"calm\"} 110\n"
    "pgcachewatch_cache_misses_total{cache=\"calm\"} 130\n"
    "pgcachewatch_cache_loads_total{cache=\"calm\"} 7\n"
    "pgcachewatch_cache_entries{cache=\"calm\"} 5\n"
    "pgcachewatch_cache_bytes{cache=\"calm\"} 2048\n"
    "pgcachewatch_cache_hits_total{cache=\"busy\"} 3000\n"
    "pgcachewatch_cache_misses_total{cache=\"busy\"} 0\n"
    "pgcachewatch_cache_entries{cache=\"busy\"} 10\n" LATENCY
    "{le=\"0.001\"} 50\n" LATENCY "{le=\"0.01\"} 250\n" LATENCY
    "{le=\"0.1\"} 250\n" LATENCY "{le=\"+Inf\"} 250\n";

/* What lives as long as a test. */
struct readings {
    struct pgcwi_metrics *before;
    struct pgcwi_metrics *now;
    struct pgcwi_top_model *model;
};

static inline struct pgcwi_metrics *
reading_of(const char *text)
{
    struct pgcwi_metrics *metrics = pgcwi_metrics_create();
    char *copy = strdup(text);

    pgcwi_metrics_read(metrics, copy, strlen(copy));
    free(copy);
    return metrics;
}

/* `before` may be NULL. */
static inline struct readings
readings_of(const char *before, const char *now)
{
    struct readings readings = {
        .before = before == NULL ? NULL : reading_of(before),
        .now = reading_of(now),
        .model = calloc(1, sizeof(struct pgcwi_top_model)),
    };

    pgcwi_top_model_fill(readings.model, readings.before, readings.now, 2);
    return readings;
}

static inline void
readings_free(struct readings *readings)
{
    pgcwi_metrics_destroy(readings->before);
    pgcwi_metrics_destroy(readings->now);
    free(readings->model);
}

#endif
