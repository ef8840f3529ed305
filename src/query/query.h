/* SPDX-License-Identifier: MIT */
/* A cache of results, and of what is known of statements. */
#ifndef PGCWI_QUERY_QUERY_H
#define PGCWI_QUERY_QUERY_H

#include <pgcachewatch/query.h>

#include "query/dependency.h"
#include "query/trust.h"

struct pgcw_query_cache {
    /* immutable after create */
    struct pgcw_listener *listener;
    struct pgcwi_trust trust;
    char *trigger_function; /* NULL: triggers are not looked at */
    /* A key to a pointer to a PGresult. */
    struct pgcw_cache *results;
    /* The first part of the key to a pointer to a pgcwi_dependency. No event
     * concerns it. */
    struct pgcw_cache *statements;
};

PGCW_MUST_CHECK enum pgcw_status
pgcwi_query_check(const struct pgcw_query *query, struct pgcw_error *error);

#endif
