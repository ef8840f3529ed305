/* SPDX-License-Identifier: MIT */
/* What the demo shows: live, and at the end. */
#ifndef PGCWI_CLI_DEMO_REPORT_H
#define PGCWI_CLI_DEMO_REPORT_H

#include "cli/demo_run.h"

/* All counters at one moment, since the threads were started. */
struct pgcwi_demo_sample {
    int64_t at_ns;
    uint64_t hits;
    uint64_t misses;
    uint64_t loads;
    uint64_t invalidations;
    uint64_t flushes;
    uint64_t entries;
    enum pgcw_listener_state state;
    struct pgcw_listener_stats listener;
    struct pgcwi_demo_findings findings;
    struct pgcw_auditor_stats audit;
};

void pgcwi_demo_sample_take(struct pgcwi_demo_run *run,
                            struct pgcwi_demo_sample *sample);

/* Where it goes, and what was shown last. */
struct pgcwi_demo_report {
    struct pgcwi_demo_run *run;
    bool is_terminal; /* redraws in place */
    bool has_color;
    bool is_cursor_hidden;
    unsigned drawn_lines;
    struct pgcwi_demo_sample first;
    struct pgcwi_demo_sample last;
};

/* What ended the demo, for the last lines and the exit code. */
struct pgcwi_demo_verdict {
    bool is_interrupted;
    /* Cached values that were compared at the end, after a last sync. */
    uint64_t compared_at_end;
};

void pgcwi_demo_report_init(struct pgcwi_demo_report *report,
                            struct pgcwi_demo_run *run);
/* Give the terminal back as it was. */
void pgcwi_demo_report_fini(struct pgcwi_demo_report *report);

/* One line on what goes on before the threads start. */
void pgcwi_demo_report_step(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* For pgcwi_demo_data_create(); the context is the report. */
void pgcwi_demo_report_progress(void *context, uint64_t done, uint64_t all);

/* The threads start now. */
void pgcwi_demo_report_begin(struct pgcwi_demo_report *report);
/* Nanoseconds until the next look: a second, less on a terminal. */
int64_t pgcwi_demo_report_interval_ns(const struct pgcwi_demo_report *report);
void pgcwi_demo_report_live(struct pgcwi_demo_report *report,
                            int64_t remaining_ns);
/* The threads have ended; `last` holds the final sample. */
void pgcwi_demo_report_summary(struct pgcwi_demo_report *report,
                               const struct pgcwi_demo_verdict *verdict);

#endif
