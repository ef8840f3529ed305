/* SPDX-License-Identifier: MIT */
#include "metrics/cache_metrics.h"

#define COUNTER(field, name, help)                              \
    {                                                           \
        {"pgcachewatch_cache_" name "_total", "counter", help}, \
            offsetof(struct pgcw_cache_stats, field), 0         \
    }
#define GAUGE(field, name, help)                        \
    {                                                   \
        {"pgcachewatch_cache_" name, "gauge", help},    \
            offsetof(struct pgcw_cache_stats, field), 0 \
    }

static const struct pgcwi_metric_field fields[] = {
    COUNTER(hits, "hits", "Lookups that gave a value"),
    COUNTER(misses, "misses", "Lookups that gave none"),
    COUNTER(stale_hits, "stale_hits", "Hits in an outage"),
    COUNTER(loads, "loads", "Loaders called, and leases given"),
    COUNTER(load_failures, "load_failures",
            "Loaders that failed, and leases abandoned"),
    {{"pgcachewatch_cache_load_seconds_total", "counter",
      "What loaders took; leases are not counted"},
     offsetof(struct pgcw_cache_stats, load_ns),
     9},
    COUNTER(flight_waits, "flight_waits", "Waits for the load of another"),
    COUNTER(place_waits, "place_waits", "Waits because max_loads loads ran"),
    COUNTER(refreshes, "refreshes", "Valid values that were loaded anew"),
    COUNTER(fills, "fills", "Values stored"),
    COUNTER(fills_refused_stale, "fills_refused_stale",
            "Values not stored because an event came during their load"),
    COUNTER(fills_refused_memory, "fills_refused_memory",
            "Values not stored for lack of memory"),
    COUNTER(fills_refused_transaction, "fills_refused_transaction",
            "Values not stored because their thread was in a transaction"),
    COUNTER(fills_refused_behind, "fills_refused_behind",
            "Values not stored because their standby was behind"),
    COUNTER(invalidations, "invalidations",
            "Invalidations by a strategy, with a tag, or of everything"),
    COUNTER(key_invalidations, "key_invalidations", "Invalidations of one key"),
    COUNTER(flushes, "flushes", "Flushes because something may have been lost"),
    COUNTER(evictions, "evictions",
            "Valid entries that went because of the bounds"),
    COUNTER(expirations, "expirations",
            "Entries that had lived as long as they might"),
    COUNTER(entries_invalidated, "entries_invalidated",
            "Entries that went because they were invalid"),
    COUNTER(replacements, "replacements",
            "Valid entries that went because a newer value came"),
    COUNTER(needless_invalidations, "needless_invalidations",
            "Values loaded again that had not changed"),
    GAUGE(entries, "entries",
          "Entries now, with invalid ones that are not yet swept"),
    GAUGE(bytes, "bytes", "Memory of the entries now"),
    GAUGE(reclaim_waiting, "reclaim_waiting",
          "Entries that wait for a grace period now"),
};

void
pgcwi_cache_metrics_write(struct pgcwi_exposition *out,
                          const struct pgcw_named_cache *caches,
                          const struct pgcw_cache_stats *stats, size_t count)
{
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        pgcwi_exposition_head(out, &fields[f].metric);
        for (size_t i = 0; i < count; i++) {
            struct pgcwi_sample sample = {
                .metric = &fields[f].metric,
                .labels = {{"cache", caches[i].name}},
                .value = pgcwi_metric_field_read(&fields[f], &stats[i]),
            };

            pgcwi_exposition_sample(out, &sample);
        }
    }
}
