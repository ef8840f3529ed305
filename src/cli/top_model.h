/* SPDX-License-Identifier: MIT */
/* What `top` shows: of two readings of a process the rates, in order. */
#ifndef PGCWI_CLI_TOP_MODEL_H
#define PGCWI_CLI_TOP_MODEL_H

#include "cli/buckets.h"
#include "cli/metrics.h"

/* NaN is what is not known, as rates are after the first reading. */
struct pgcwi_top_cache {
    const char *name; /* "" for all of them */
    double hits_per_second;
    double misses_per_second;
    double loads_per_second;
    double invalidations_per_second;
    double hit_ratio;       /* 0 to 1, of the time between the readings */
    double hit_ratio_total; /* since it was begun */
    double entries;
    double bytes;
};

struct pgcwi_top_table {
    const char *name;
    double events_per_second;
    double events;
};

struct pgcwi_top_model {
    /* of the newer reading, and valid as long as it */
    const struct pgcwi_series_list *listeners;
    size_t refused_lines;
    size_t left_out_series;
    double seconds; /* between the two; 0 after the first */
    double messages_per_second;
    double events_per_second;
    struct pgcwi_top_cache all_caches;
    size_t cache_count;
    struct pgcwi_top_cache caches[PGCWI_METRICS_CACHES]; /* busiest first */
    size_t table_count;
    struct pgcwi_top_table tables[PGCWI_METRICS_TABLES]; /* busiest first */
    struct pgcwi_buckets latency;                        /* since the start */
    struct pgcwi_buckets latency_now; /* between the readings */
};

/* Fill it in. `before` is NULL after the first reading. */
void pgcwi_top_model_fill(struct pgcwi_top_model *model,
                          const struct pgcwi_metrics *before,
                          const struct pgcwi_metrics *now, double seconds);

#endif
