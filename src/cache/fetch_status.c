/* SPDX-License-Identifier: MIT */
/* What the end of a load is called, and in what words. */
#include "cache/fetch.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/outage.h"

static void
explain_failure(enum pgcw_status status, struct pgcw_error *error)
{
    error->status = status;
    if (error->detail[0] == '\0') {
        /* leaves the sqlstate, which the loader may have set */
        (void)snprintf(error->detail, sizeof(error->detail),
                       "the loader says: %s", pgcw_status_text(status));
    }
}

enum pgcw_status
pgcwi_fetch_judge(struct pgcw_cache *cache, enum pgcw_status status,
                  int64_t begun_ns, struct pgcw_error *error)
{
    pgcwi_cache_count_more(cache, PGCWI_LOAD_NS,
                           (uint64_t)(pgcwi_clock_monotonic_ns() - begun_ns));
    if (status == PGCW_BUSY || status == PGCW_BEHIND) {
        status = PGCW_LOAD_FAILED; /* our own words for "try again" */
    }
    if (status != PGCW_OK) {
        explain_failure(status, error);
    }
    if (status != PGCW_OK && status != PGCW_NOT_FOUND) {
        pgcwi_cache_count(cache, PGCWI_LOAD_FAILURES);
    }
    return status;
}

void
pgcwi_fetch_explain(const struct pgcw_cache *cache, enum pgcw_status status,
                    struct pgcw_error *error)
{
    if (error->status != PGCW_OK) {
        return;
    }
    if (status == PGCW_NOT_FOUND) {
        (void)pgcwi_error_set(error, status,
                              "the database has no value for this key");
    } else if (status == PGCW_DISCONNECTED) {
        (void)pgcwi_outage_explain(error);
    } else if (status == PGCW_TIMEOUT) {
        (void)pgcwi_error_set(error, status,
                              "as many loads as max_loads allows, %" PRIu64
                              ", ran until load_timeout_ms",
                              cache->load_limit.max_loads);
    } else {
        (void)pgcwi_error_set(error, status, "no memory for a value");
    }
}
