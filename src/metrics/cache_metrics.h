/* SPDX-License-Identifier: MIT */
/* What Prometheus is told of caches. */
#ifndef PGCWI_METRICS_CACHE_METRICS_H
#define PGCWI_METRICS_CACHE_METRICS_H

#include <pgcachewatch/stats.h>

#include "metrics/exposition.h"

/* stats[i] is of caches[i]. */
void pgcwi_cache_metrics_write(struct pgcwi_exposition *out,
                               const struct pgcw_named_cache *caches,
                               const struct pgcw_cache_stats *stats,
                               size_t count);

#endif
