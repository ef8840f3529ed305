/* SPDX-License-Identifier: MIT */
/*
 * Runs a statement, and asks in the same round trip what it has read.
 *
 * The locks of the transaction that ran it tell: every relation that the
 * statement was planned with is locked until the transaction ends, also one
 * that a view names or that the planner has done without. What no lock tells
 * is added: a partition that is read can be written through its parent, so
 * all parents are; and the tables that declared functions read.
 *
 * A change of a definition waits for these locks. So the relations as they
 * are told here are those that the statement saw.
 */
#ifndef PGCWI_QUERY_LOAD_H
#define PGCWI_QUERY_LOAD_H

#include <stdbool.h>

#include <pgcachewatch/status.h>

#include "query/dependency.h"
#include "query/session.h"
#include <pgcachewatch/query.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

/* Columns of the relations. */
enum pgcwi_relation {
    PGCWI_RELATION_SCHEMA = 0,
    PGCWI_RELATION_TABLE = 1,
    PGCWI_RELATION_NAME = 2, /* of both, as in SQL */
    PGCWI_RELATION_IS = 3,   /* what it is: see query/relation.h */
    PGCWI_RELATION_OID = 4,
    PGCWI_RELATION_VERSION = 5, /* its stamp */
    PGCWI_RELATION_IS_READ = 6, /* t: locked; f: a parent, or declared */
    PGCWI_RELATION_HEARD = 7    /* by triggers: "all", "columns" or "none"; by
                                   a publication: "all" or "none" */
};

struct pgcwi_load {
    const struct pgcwi_dependency *dependency;
    /* Whose triggers tell of changes; NULL: not to be looked at. */
    const char *trigger_function;
    /* That tells of changes instead; NULL: not to be looked at. */
    const char *publication;
    /* Of the connection; NULL: prepare nothing for further loads. */
    struct pgcwi_session *asker;
    /* Set by pgcwi_load_run(), for pgcwi_load_fini(). */
    struct pg_result *rows;
    struct pg_result *relations;
    struct pg_result *session;
};

/*
 * Run it on a connection that is idle, and that is so again afterwards.
 * PGCW_OK: `rows` is the result, which may be one of failure; `relations`
 * and `session`, the answer to pgcwi_session_query, are set unless it is, or
 * the server has forgotten what was prepared.
 * Otherwise the connection is lost, or memory is short.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_load_run(struct pgcwi_load *load, struct pg_conn *connection,
               const struct pgcw_query *statement, struct pgcw_error *error);
void pgcwi_load_fini(struct pgcwi_load *load);

enum pgcwi_load_verdict {
    PGCWI_LOAD_CACHEABLE = 0,
    /* `reason` says why not, this time. */
    PGCWI_LOAD_REFUSED = 1,
    /* A definition has changed: the dependency is to be found anew. */
    PGCWI_LOAD_OUTDATED = 2
};

/* May the rows be kept? `reason` has PGCWI_REASON_BYTES. */
enum pgcwi_load_verdict pgcwi_load_judge(const struct pgcwi_load *load,
                                         char *reason);

/* As in SQL. */
const char *pgcwi_load_name(const struct pgcwi_load *load, int relation);

/* Whether the relation is one whose events make the rows invalid. */
bool pgcwi_load_is_tag(const struct pgcwi_load *load, int relation);

#endif
