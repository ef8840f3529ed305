/* SPDX-License-Identifier: MIT */
/* What a statement is made of: asked of the server, which knows. */
#include "query/probe.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/refusal.h"
#include "query/relation.h"

#define NAME "pgcachewatch_statement"

/* The longest oid as text, and a comma or the terminator. */
#define OID_BYTES 11

static const char doing[] = "look at the statement";

/* Two parts of one query: C does not promise longer strings.
 *
 * A label stands after a space and a colon, and a node's name after a brace:
 * in text of the user's, such as an alias, the server puts a backslash before
 * spaces and braces. So none can be made up.
 *
 * $1 and $2 are pairs of a declared function and a table of its, or an empty
 * text; $3 the extensions; $4 the types of the parameters.
 */
static const char tree_query[] =
    "WITH RECURSIVE tree (body) AS ("
    "SELECT p.prosqlbody::text FROM pg_proc AS p"
    " WHERE p.pronamespace = pg_my_temp_schema()"
    " AND p.proname = '" NAME "'"
    " UNION "
    "SELECT r.ev_action::text FROM tree,"
    " regexp_matches(tree.body, ' :relid ([0-9]+)', 'g') AS m"
    " JOIN pg_rewrite AS r"
    " ON r.ev_class = m[1]::oid AND r.ev_type = '1'"
    "), token (label, value) AS MATERIALIZED ("
    "SELECT DISTINCT m[1], m[2]::oid FROM tree,"
    " regexp_matches(tree.body,"
    " ' :(relid|commandType|funcid|opfuncid|aggfnoid|winfnoid"
    "|startInRangeFunc|endInRangeFunc|opno|eqop|sortop|[a-z]*type)"
    " ([0-9]+)(?![^ )}])', 'g') AS m"
    " UNION "
    "SELECT m[1], regexp_split_to_table(m[2], ' ')"
    "::oid FROM tree,"
    " regexp_matches(tree.body,"
    " ' :(opnos|[a-z]*types) [(]o ([0-9 ]+)[)]', 'g') AS m"
    " UNION "
    "SELECT 'cast', m[1]::oid FROM tree,"
    " regexp_matches(tree.body,"
    " ' :resulttype ([0-9]+) :resultcollid ', 'g') AS m"
    " UNION "
    "SELECT 'clock', m[1]::oid FROM tree,"
    " regexp_matches(tree.body,"
    " '[{]SQLVALUEFUNCTION :op ([0-9]+)', 'g') AS m"
    "), node (name) AS ("
    "SELECT DISTINCT m[1] FROM tree,"
    " regexp_matches(tree.body, '(?:^|[ (])[{]([A-Z_]+)', 'g')"
    " AS m"
    "), declared (part, table_name) AS ("
    "SELECT parse_ident(d.function), d.table_name"
    " FROM unnest($1::text[], $2::text[])"
    " AS d (function, table_name)"
    "), ";

static const char facts_query[] =
    "called (oid) AS ("
    "SELECT value FROM token WHERE label IN ('funcid', 'opfuncid',"
    " 'aggfnoid', 'winfnoid', 'startInRangeFunc', 'endInRangeFunc')"
    " UNION "
    "SELECT o.oprcode FROM token JOIN pg_operator AS o"
    " ON o.oid = value WHERE label IN ('opno', 'eqop', 'sortop', 'opnos')"
    "), function (oid, schema, name, volatility, tables) AS ("
    "SELECT p.oid, n.nspname, p.proname, p.provolatile,"
    " (SELECT array_agg(d.table_name) FROM declared AS d"
    " WHERE d.part IN (ARRAY[p.proname::text],"
    " ARRAY[n.nspname::text, p.proname::text]))"
    " FROM called"
    " JOIN pg_proc AS p USING (oid)"
    " JOIN pg_namespace AS n ON n.oid = p.pronamespace"
    "), vouched (name) AS ("
    "SELECT DISTINCT t FROM function, unnest(tables) AS t"
    " WHERE t <> ''"
    "), below (oid) AS ("
    "SELECT value FROM token WHERE label = 'relid'"
    " UNION SELECT to_regclass(name)::oid FROM vouched"
    " UNION "
    "SELECT i.inhrelid FROM below"
    " JOIN pg_inherits AS i ON i.inhparent = below.oid"
    "), clock_type (oid) AS ("
    "SELECT t.oid FROM pg_type AS t"
    " LEFT JOIN pg_type AS e"
    " ON e.oid = t.typelem AND t.typcategory = 'A'"
    " LEFT JOIN pg_range AS g"
    " ON coalesce(e.oid, t.oid) IN (g.rngtypid, g.rngmultitypid)"
    " LEFT JOIN pg_type AS s ON s.oid = g.rngsubtype"
    " WHERE t.oid IN (SELECT value FROM token WHERE label = 'cast'"
    " OR label ~ 'types?$' UNION SELECT unnest($4::oid[]))"
    " AND ('D' IN (t.typcategory, e.typcategory, s.typcategory)"
    " OR 'c' IN (t.typtype, e.typtype) OR t.oid IN (2249, 2287)" /* record */
    " OR t.typtype = 'd' AND t.typcategory IN ('A', 'C', 'R'))"
    "), fact (turn, kind, name, detail, origin, oid, stamp) AS ("
    "SELECT 1, 'command', value::text, NULL, NULL, NULL::oid, NULL"
    " FROM token WHERE label = 'commandType'"
    " UNION ALL "
    "SELECT 2, 'node', name, NULL, NULL, NULL, NULL FROM node"
    " UNION ALL "
    "SELECT 3, 'relation', format('%I.%I', n.nspname, c.relname),"
    " " PGCWI_RELATION_KIND ", NULL, c.oid, " PGCWI_RELATION_STAMP
    " FROM " PGCWI_RELATION_FROM " JOIN below ON below.oid = c.oid"
    " UNION ALL "
    "SELECT 3, 'vouched', name, 'missing', NULL, NULL, NULL"
    " FROM vouched WHERE to_regclass(name) IS NULL"
    " UNION ALL "
    "SELECT 3, 'vouched', format('%I.%I', n.nspname, c.relname),"
    " CASE WHEN c.relkind IN ('r', 'p') THEN 'table' ELSE 'no table' END,"
    " NULL, c.oid, NULL"
    " FROM vouched JOIN pg_class AS c"
    " ON c.oid = to_regclass(vouched.name)"
    " JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " UNION ALL "
    "SELECT 4, 'function', format('%I.%I', schema, name),"
    " volatility::text,"
    " CASE WHEN tables IS NOT NULL OR EXISTS ("
    "SELECT FROM pg_depend AS d"
    " JOIN pg_extension AS x ON x.oid = d.refobjid"
    " WHERE d.classid = 'pg_proc'::regclass"
    " AND d.objid = function.oid AND d.deptype = 'e'"
    " AND d.refclassid = 'pg_extension'::regclass"
    " AND x.extname = ANY ($3::text[])) THEN 'declared'"
    " WHEN oid < 16384 THEN 'system' ELSE 'user' END, NULL, NULL"
    " FROM function"
    " UNION ALL "
    "SELECT 5, 'clock', value::text, NULL, NULL, NULL, NULL"
    " FROM token WHERE label = 'clock'"
    " UNION ALL "
    "SELECT 6, 'type', format_type(value, NULL), 'catalog',"
    " NULL, NULL, NULL FROM token"
    " WHERE label ~ 'types?$' AND label <> 'consttype'"
    " AND value IN (24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096,"
    " 4191)" /* regclass and its like */
    " UNION ALL "
    "SELECT 6, 'type', format_type(value, NULL),"
    " CASE WHEN label IN ('cast', 'consttype') THEN label"
    " WHEN label ~ 'types$' THEN 'column' ELSE 'other' END,"
    " NULL, NULL, NULL FROM token JOIN clock_type ON clock_type.oid = value"
    " WHERE label = 'cast' OR label ~ 'types?$'"
    " UNION ALL "
    "SELECT 7, 'parameter', p.number::text, NULL, NULL, NULL, NULL"
    " FROM unnest($4::oid[]) WITH ORDINALITY"
    " AS p (type, number) JOIN clock_type ON clock_type.oid = p.type"
    ") SELECT kind, name, detail, origin, oid, stamp FROM fact"
    " ORDER BY turn, kind, name, detail";

static enum pgcw_status
run(PGconn *connection, const char *sql, struct pgcw_error *error)
{
    /* with the extended protocol, which takes one statement only */
    PGresult *result =
        PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0);
    enum pgcw_status status = PGCW_OK;

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = pgcwi_refusal_set(error, connection, result, doing);
    }
    PQclear(result);
    return status;
}

struct question {
    const char *sql;
    const char *values[4];
    int value_count;
};

/* `rows` is set only on PGCW_OK. */
static enum pgcw_status
ask(PGconn *connection, const struct question *question, PGresult **rows,
    struct pgcw_error *error)
{
    PGresult *result =
        PQexecParams(connection, question->sql, question->value_count, NULL,
                     question->values, NULL, NULL, 0);
    enum pgcw_status status;

    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        *rows = result;
        return PGCW_OK;
    }
    status = pgcwi_refusal_set(error, connection, result, doing);
    PQclear(result);
    return status;
}

/* The server's word for the types of the parameters: {23,25}. For
 * pgcwi_free(). */
static enum pgcw_status
find_types(PGconn *connection, const struct pgcw_query *statement, char **types,
           struct pgcw_error *error)
{
    PGresult *result = PQprepare(connection, "", statement->command,
                                 statement->parameter_count, statement->types);
    enum pgcw_status status = PGCW_OK;
    size_t bytes = 1;

    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        PQclear(result);
        result = PQdescribePrepared(connection, "");
    }
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = pgcwi_refusal_set(error, connection, result, doing);
        goto done;
    }
    *types = pgcwi_alloc((size_t)PQnparams(result) * OID_BYTES + sizeof "{}");
    if (*types == NULL) {
        status = pgcwi_error_set(error, PGCW_NO_MEMORY, "%s: no memory", doing);
        goto done;
    }
    for (int i = 0; i < PQnparams(result); i++) {
        bytes += (size_t)snprintf(*types + bytes, OID_BYTES + 1, "%u,",
                                  PQparamtype(result, i));
    }
    (*types)[0] = '{';
    bytes -= PQnparams(result) > 0 ? 1 : 0;
    memcpy(*types + bytes, "}", sizeof "}");
done:
    PQclear(result);
    return status;
}

/* The function whose body is the statement. For pgcwi_free(). */
static enum pgcw_status
make_definition(PGconn *connection, const struct pgcw_query *statement,
                const char *types, char **definition, struct pgcw_error *error)
{
    /* A comment may end the text, or a semicolon: both are harmless here. */
    static const char form[] = "CREATE FUNCTION pg_temp." NAME
                               "(%s) RETURNS void LANGUAGE sql BEGIN ATOMIC\n"
                               "%s\n;\nEND";
    const struct question question = {
        "SELECT coalesce(pg_catalog.string_agg("
        "pg_catalog.format_type(p.type, NULL), ', ' ORDER BY p.number), '')"
        " FROM pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY"
        " AS p (type, number)",
        {types},
        1};
    PGresult *rows = NULL;
    enum pgcw_status status = ask(connection, &question, &rows, error);
    size_t bytes;

    if (status != PGCW_OK) {
        return status;
    }
    bytes = sizeof form + (size_t)PQgetlength(rows, 0, 0) +
            strlen(statement->command);
    *definition = pgcwi_alloc(bytes);
    if (*definition == NULL) {
        status = pgcwi_error_set(error, PGCW_NO_MEMORY, "%s: no memory", doing);
    } else {
        snprintf(*definition, bytes, form, PQgetvalue(rows, 0, 0),
                 statement->command);
    }
    PQclear(rows);
    return status;
}

/* How the server says that something is no statement for such a body,
 * although it is one. */
static bool
is_no_select(const struct pgcw_error *error)
{
    return strcmp(error->sqlstate, "0A000") == 0 ||
           strcmp(error->sqlstate, "42601") == 0;
}

static enum pgcw_status
define(PGconn *connection, const struct pgcw_query *statement,
       const char *types, struct pgcw_error *error)
{
    char *definition = NULL;
    enum pgcw_status status =
        make_definition(connection, statement, types, &definition, error);

    if (status == PGCW_OK) {
        status = run(connection, definition, error);
        if (status == PGCW_REFUSED && is_no_select(error)) {
            status =
                pgcwi_error_set(error, PGCW_UNSUPPORTED, "it is no SELECT");
        }
    }
    pgcwi_free(definition);
    return status;
}

/*
 * With nothing of the user's in the search_path, so that names and operators
 * mean those of the system. The planner cannot know how little there is to do:
 * left alone, it reads whole catalogs, and has code compiled for seconds.
 */
static enum pgcw_status
settle(PGconn *connection, struct pgcw_error *error)
{
    const struct question question = {
        .sql = "SELECT pg_catalog.set_config(s.name, s.value, true) FROM"
               " (VALUES ('search_path', 'pg_catalog, pg_temp'),"
               " ('jit', 'off'), ('enable_hashjoin', 'off'),"
               " ('enable_mergejoin', 'off'), ('enable_seqscan', 'off'),"
               " ('join_collapse_limit', '1'), ('from_collapse_limit', '1'))"
               " AS s (name, value)"};
    PGresult *rows = NULL;
    enum pgcw_status status = ask(connection, &question, &rows, error);

    PQclear(rows);
    return status;
}

static enum pgcw_status
ask_for_facts(PGconn *connection, const struct pgcwi_trust *trust,
              const char *types, PGresult **facts, struct pgcw_error *error)
{
    char sql[sizeof tree_query + sizeof facts_query];
    const struct question question = {
        sql, {trust->functions, trust->tables, trust->extensions, types}, 4};
    enum pgcw_status status = settle(connection, error);

    if (status != PGCW_OK) {
        return status;
    }
    snprintf(sql, sizeof sql, "%s%s", tree_query, facts_query);
    return ask(connection, &question, facts, error);
}

static enum pgcw_status
find_facts(PGconn *connection, const struct pgcw_query *statement,
           const struct pgcwi_trust *trust, PGresult **facts,
           struct pgcw_error *error)
{
    char *types = NULL;
    enum pgcw_status status = find_types(connection, statement, &types, error);

    if (status == PGCW_OK) {
        status = define(connection, statement, types, error);
    }
    if (status == PGCW_OK) {
        status = ask_for_facts(connection, trust, types, facts, error);
    }
    pgcwi_free(types);
    return status;
}

enum pgcw_status
pgcwi_probe_run(PGconn *connection, const struct pgcw_query *statement,
                const struct pgcwi_trust *trust, PGresult **facts,
                struct pgcw_error *error)
{
    PGresult *found = NULL;
    enum pgcw_status status = run(
        connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", error);

    if (status != PGCW_OK) {
        return status;
    }
    status = find_facts(connection, statement, trust, &found, error);
    if (status == PGCW_OK) {
        status = run(connection, "ROLLBACK", error);
    } else {
        (void)run(connection, "ROLLBACK", NULL);
    }
    if (status != PGCW_OK) {
        PQclear(found);
        return status;
    }
    *facts = found;
    return PGCW_OK;
}
