/* SPDX-License-Identifier: MIT */
/*
 * What a statement depends on: whether it may be cached, and if so what must
 * still be true when it is run.
 *
 * Found once a statement, see query/probe.h, and kept. Which tables it reads
 * is not kept: each load tells, by the locks that it holds, and a load that
 * meets a relation that is not among these, or has changed, finds out that a
 * definition is another one. See query/load.h.
 */
#ifndef PGCWI_QUERY_DEPENDENCY_H
#define PGCWI_QUERY_DEPENDENCY_H

#include <stdbool.h>

#include <pgcachewatch/status.h>

#include "query/judge.h"
#include "query/trust.h"
#include <pgcachewatch/query.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

struct pgcwi_dependency {
    bool is_cacheable;
    /* Why not. */
    char reason[PGCWI_REASON_BYTES];
    /* See query/probe.h. NULL if it is not cacheable. */
    struct pg_result *facts;
    /* The oids of the tables that declared functions read: {16384}. NULL if
     * it is not cacheable. */
    char *vouched;
};

/*
 * Find it out, with a connection that is idle. Whether it is cacheable or
 * not, PGCW_OK; what the server refuses is not cacheable. `dependency` is
 * written then, and is for pgcwi_dependency_fini().
 */
PGCW_MUST_CHECK enum pgcw_status pgcwi_dependency_find(
    struct pg_conn *connection, const struct pgcw_query *statement,
    const struct pgcwi_trust *trust, struct pgcwi_dependency *dependency,
    struct pgcw_error *error);
void pgcwi_dependency_fini(struct pgcwi_dependency *dependency);

/* Whether the relation is known, and as it was. */
bool pgcwi_dependency_knows(const struct pgcwi_dependency *dependency,
                            const char *oid, const char *stamp);

/* Whether the value of a parameter goes with the clock: it is a date, say, and
 * the text is 'today'. */
bool pgcwi_dependency_reads_now(const struct pgcwi_dependency *dependency,
                                const struct pgcw_query *query);
#define PGCWI_DEPENDENCY_READS_NOW                                    \
    "a parameter is 'now', 'today', 'tomorrow' or 'yesterday': pass " \
    "the time itself"

#endif
