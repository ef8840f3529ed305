/* SPDX-License-Identifier: MIT */
/* A cache of results, and of what is known of statements. */
#ifndef PGCWI_QUERY_QUERY_H
#define PGCWI_QUERY_QUERY_H

#include <pgcachewatch/query.h>

#include "query/dependency.h"
#include "query/trust.h"

/* A value of the cache of results. */
struct pgcwi_kept_rows {
    struct pg_result *rows;
};

/* A value of the cache of statements. */
struct pgcwi_kept_statement {
    struct pgcwi_dependency *dependency;
};

struct pgcw_query_cache {
    /* immutable after create */
    struct pgcw_listener *listener;
    struct pgcwi_trust trust;
    char *trigger_function; /* NULL: triggers are not looked at */
    /* The listener's, as long as it is open; NULL: it is not looked at. */
    const char *publication;
    struct pgcw_cache *results;
    /* By the first part of the key. No event concerns it. */
    struct pgcw_cache *statements;
};

static inline struct pg_result *
pgcwi_kept_rows_of(struct pgcw_bytes value)
{
    const struct pgcwi_kept_rows *kept = value.data;

    return kept->rows;
}

static inline struct pgcwi_dependency *
pgcwi_kept_statement_of(struct pgcw_bytes value)
{
    const struct pgcwi_kept_statement *kept = value.data;

    return kept->dependency;
}

PGCW_MUST_CHECK enum pgcw_status
pgcwi_query_check(const struct pgcw_query *query, struct pgcw_error *error);

#endif
