/* SPDX-License-Identifier: MIT */
/* What a process tells of itself at its metrics endpoint, at one moment. */
#ifndef PGCWI_CLI_METRICS_H
#define PGCWI_CLI_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/buckets.h"

/* What is above these is left out, and counted. */
#define PGCWI_METRICS_LISTENERS 16
#define PGCWI_METRICS_CACHES 256
#define PGCWI_METRICS_TABLES 4096
#define PGCWI_METRICS_NAME_BYTES 256
#define PGCWI_METRICS_STATE_BYTES 32

/* The values of a listener, by its channel. */
enum pgcwi_listener_value {
    PGCWI_LISTENER_HORIZON_AGE,
    PGCWI_LISTENER_ROUND_TRIP,
    PGCWI_LISTENER_GAPS,
    PGCWI_LISTENER_MESSAGES
};

/* The values of a cache. */
enum pgcwi_cache_value {
    PGCWI_CACHE_HITS,
    PGCWI_CACHE_MISSES,
    PGCWI_CACHE_LOADS,
    PGCWI_CACHE_INVALIDATIONS,
    PGCWI_CACHE_ENTRIES,
    PGCWI_CACHE_BYTES
};

/* A table has one value: its events. */
#define PGCWI_TABLE_EVENTS 0

#define PGCWI_SERIES_VALUES 6

/* A listener, cache or table; NaN is a value that was not told. */
struct pgcwi_series {
    char name[PGCWI_METRICS_NAME_BYTES];   /* "" where it has none */
    char state[PGCWI_METRICS_STATE_BYTES]; /* of a listener */
    double values[PGCWI_SERIES_VALUES];
};

struct pgcwi_series_list {
    struct pgcwi_series *items;
    size_t count;
    size_t capacity;
    size_t last; /* that was found: the next is often behind it */
};

struct pgcwi_metrics {
    struct pgcwi_series_list listeners;
    struct pgcwi_series_list caches;
    struct pgcwi_series_list tables;
    struct pgcwi_buckets latency; /* seconds; of all listeners */
    size_t refused_lines;
    size_t left_out_series;
};

/* NULL: no memory. Destroy accepts NULL. */
struct pgcwi_metrics *pgcwi_metrics_create(void);
void pgcwi_metrics_destroy(struct pgcwi_metrics *metrics);

/* Replace what is there by what `text` tells; it is changed. */
void pgcwi_metrics_read(struct pgcwi_metrics *metrics, char *text,
                        size_t bytes);

/* Whether nothing in it was of this library. */
bool pgcwi_metrics_is_empty(const struct pgcwi_metrics *metrics);

/* The series of a name, or NULL; looked for first at place `guess`. */
const struct pgcwi_series *
pgcwi_series_find(const struct pgcwi_series_list *list, const char *name,
                  size_t guess);

/*
 * A counter's rate per second. One that is less than before was begun anew, at
 * zero. NaN if one of them was not told, or no time has passed.
 */
double pgcwi_metrics_rate(double before, double after, double seconds);

#endif
