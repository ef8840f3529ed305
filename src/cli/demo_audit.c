/* SPDX-License-Identifier: MIT */
#include "cli/demo_audit.h"

#include <stdlib.h>

#include "cli/demo_loader.h"

#define SAMPLE_EVERY 100 /* hits are spread over many caches */

struct audited_table {
    struct pgcwi_demo_audit *audit;
    uint32_t number;
    struct pgcw_auditor *auditor;      /* NULL: there is none any more */
    struct pgcw_auditor_stats at_last; /* of the auditor that was */
};

struct pgcwi_demo_audit {
    pthread_mutex_t lock;
    struct pgcwi_demo_loader loader; /* guarded by lock */
    struct audited_table tables[PGCWI_DEMO_TABLES];
};

/* Runs on the auditors' threads. */
static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    const struct audited_table *table = context;
    struct pgcwi_demo_audit *audit = table->audit;
    pthread_mutex_lock(&audit->lock);
    audit->loader.table = table->number;
    enum pgcw_status status = pgcwi_demo_load(&audit->loader, key, fill, error);
    pthread_mutex_unlock(&audit->lock);
    return status;
}

static bool
start_one(struct pgcwi_demo_run *run, struct audited_table *table)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;
    struct pgcw_error error;
    options.load = load;
    options.load_context = table;
    options.sample_every = SAMPLE_EVERY;
    return pgcw_auditor_start(run->listener, run->caches[table->number],
                              &options, &table->auditor, &error) == PGCW_OK ||
           pgcwi_demo_fail(run, "cannot audit: %s", error.detail);
}

bool
pgcwi_demo_audit_start(struct pgcwi_demo_run *run)
{
    struct pgcwi_demo_audit *audit = calloc(1, sizeof(*audit));
    if (audit == NULL || pthread_mutex_init(&audit->lock, NULL) != 0) {
        free(audit);
        return pgcwi_demo_fail(run, "out of memory");
    }
    run->audit = audit;
    bool is_started = pgcwi_demo_loader_open(&audit->loader, run,
                                             "pgcachewatch demo auditor");
    for (uint32_t i = 0; i < PGCWI_DEMO_TABLES && is_started; i++) {
        audit->tables[i] = (struct audited_table){.audit = audit, .number = i};
        is_started = start_one(run, &audit->tables[i]);
    }
    return is_started;
}

static void
read_one(const struct audited_table *table, struct pgcw_auditor_stats *stats)
{
    *stats = table->at_last;
    if (table->auditor != NULL) {
        stats->size = sizeof(*stats);
        pgcw_auditor_read_stats(table->auditor, stats);
    }
}

void
pgcwi_demo_audit_stop(struct pgcwi_demo_run *run)
{
    for (size_t i = 0; run->audit != NULL && i < PGCWI_DEMO_TABLES; i++) {
        struct audited_table *table = &run->audit->tables[i];
        read_one(table, &table->at_last);
        pgcw_auditor_stop(table->auditor);
        table->auditor = NULL;
    }
}

void
pgcwi_demo_audit_read(const struct pgcwi_demo_run *run,
                      struct pgcw_auditor_stats *sum)
{
    *sum = (struct pgcw_auditor_stats)PGCW_AUDITOR_STATS_INIT;
    for (size_t i = 0; run->audit != NULL && i < PGCWI_DEMO_TABLES; i++) {
        struct pgcw_auditor_stats stats;
        read_one(&run->audit->tables[i], &stats);
        sum->audited += stats.audited;
        sum->same += stats.same;
        sum->raced += stats.raced;
        sum->late += stats.late;
        sum->missed += stats.missed;
        sum->undecided += stats.undecided;
        if (sum->max_late_ns < stats.max_late_ns) {
            sum->max_late_ns = stats.max_late_ns;
        }
    }
}

void
pgcwi_demo_audit_destroy(struct pgcwi_demo_run *run)
{
    if (run->audit != NULL) {
        pgcwi_demo_loader_close(&run->audit->loader);
        pthread_mutex_destroy(&run->audit->lock);
        free(run->audit);
        run->audit = NULL;
    }
}
