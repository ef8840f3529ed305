/* SPDX-License-Identifier: MIT */
/* The auditors of the demo's caches: one each, with one connection for all. */
#ifndef PGCWI_CLI_DEMO_AUDIT_H
#define PGCWI_CLI_DEMO_AUDIT_H

#include "cli/demo_run.h"

/* The next three are called by one thread. */

/* False after pgcwi_demo_fail(). */
bool pgcwi_demo_audit_start(struct pgcwi_demo_run *run);
/* What was found stays known. */
void pgcwi_demo_audit_stop(struct pgcwi_demo_run *run);
/* Of all auditors; all zero if there is none. */
void pgcwi_demo_audit_read(const struct pgcwi_demo_run *run,
                           struct pgcw_auditor_stats *sum);

/* After stop. Accepts that nothing was started. */
void pgcwi_demo_audit_destroy(struct pgcwi_demo_run *run);

#endif
