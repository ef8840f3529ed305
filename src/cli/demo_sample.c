/* SPDX-License-Identifier: MIT */
#include "cli/demo_audit.h"
#include "cli/demo_report.h"

void
pgcwi_demo_sample_take(struct pgcwi_demo_run *run,
                       struct pgcwi_demo_sample *sample)
{
    *sample = (struct pgcwi_demo_sample){.at_ns = pgcwi_demo_now_ns()};
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
        pgcw_cache_read_stats(run->caches[table], &stats);
        sample->hits += stats.hits;
        sample->misses += stats.misses;
        sample->loads += stats.loads;
        sample->invalidations += stats.invalidations;
        sample->flushes += stats.flushes;
        sample->entries += stats.entries;
    }
    sample->state = pgcw_listener_read_state(run->listener);
    sample->listener = (struct pgcw_listener_stats)PGCW_LISTENER_STATS_INIT;
    pgcw_listener_read_stats(run->listener, &sample->listener);
    pgcwi_demo_oracle_findings(run->oracle, &sample->findings);
    pgcwi_demo_audit_read(run, &sample->audit);
}
