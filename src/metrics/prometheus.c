/* SPDX-License-Identifier: MIT */
/* The text that Prometheus asks for. */
#include <pgcachewatch/cache.h>

#include "base/alloc.h"
#include "metrics/cache_metrics.h"
#include "metrics/listener_metrics.h"

/* All at once, as the samples of a metric stand together. For
 * pgcwi_free(). */
static struct pgcw_cache_stats *
read_caches(const struct pgcw_named_cache *caches, size_t count)
{
    struct pgcw_cache_stats *stats =
        pgcwi_alloc_array(count, sizeof(struct pgcw_cache_stats));

    for (size_t i = 0; stats != NULL && i < count; i++) {
        stats[i].size = sizeof(stats[i]);
        pgcw_cache_read_stats(caches[i].cache, &stats[i]);
    }
    return stats;
}

size_t
pgcw_stats_prometheus(const struct pgcw_listener *listener,
                      const struct pgcw_named_cache *caches, size_t cache_count,
                      char *text, size_t text_bytes)
{
    struct pgcwi_exposition out = {.text_bytes = text_bytes};

    out.text = text;
    if (listener != NULL) {
        pgcwi_listener_metrics_write(&out, listener);
    }
    if (cache_count > 0) {
        struct pgcw_cache_stats *stats = read_caches(caches, cache_count);

        if (stats == NULL) {
            out.needed = 0;
        } else {
            pgcwi_cache_metrics_write(&out, caches, stats, cache_count);
        }
        pgcwi_free(stats);
    }
    pgcwi_exposition_end(&out);
    return out.needed;
}
