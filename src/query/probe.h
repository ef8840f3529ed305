/* SPDX-License-Identifier: MIT */
/*
 * What a statement is made of: asked of the server, which knows.
 *
 * A transaction makes the statement the body of a function, SQL-standard
 * form, in the session's temporary schema, reads the tree of the statement
 * that the server has stored with it, and is rolled back. Nothing stays.
 *
 * Why so. The tree is the statement as the server has understood it: each
 * table, function, operator and type by oid, whatever the search_path and the
 * overloading; views are followed by the trees of their rules. Parsing the
 * text here would know no views and no types; EXPLAIN leaves out what the
 * planner removes or folds, and gives names for oids; pg_depend leaves out
 * what belongs to the system, and so now() and random(). A view would serve
 * as well, but can have no parameters, nor two columns of one name.
 *
 * What it costs: some round trips and catalog rows that are dead at once, so
 * once a statement and not once a call. It needs the right TEMP on the
 * database, and a primary. Event triggers for CREATE FUNCTION fire.
 */
#ifndef PGCWI_QUERY_PROBE_H
#define PGCWI_QUERY_PROBE_H

#include <pgcachewatch/status.h>

#include "query/trust.h"
#include <pgcachewatch/query.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

/* Columns of the facts. What a fact has not is NULL. */
enum pgcwi_fact {
    /* "command", "node", "clock", "function", "type", "parameter", or
     * "relation" */
    PGCWI_FACT_KIND = 0,
    /* The thing's name; of a parameter, its number. */
    PGCWI_FACT_NAME = 1,
    /* Of a function: i, s or v; of a relation: see query/relation.h; of a
     * type or a parameter: how it may read the clock. */
    PGCWI_FACT_DETAIL = 2,
    /* Of a function: "system", "declared" or "user". */
    PGCWI_FACT_ORIGIN = 3,
    /* Of a relation. */
    PGCWI_FACT_OID = 4,
    PGCWI_FACT_STAMP = 5
};

/*
 * Ask for the facts, in the order in which they should be judged. The
 * connection is idle, and is idle again after it; `facts` is set only on
 * PGCW_OK, and is for PQclear(). A statement that is no SELECT may have no
 * tree: then PGCW_UNSUPPORTED. Otherwise fails as pgcwi_refusal_set() says.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_probe_run(struct pg_conn *connection, const struct pgcw_query *statement,
                const struct pgcwi_trust *trust, struct pg_result **facts,
                struct pgcw_error *error);

#endif
