/* SPDX-License-Identifier: MIT */
/* Runs a statement, and asks in the same round trip what it has read. */
#include "query/load.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/status.h"
#include "base/text.h"
#include "listener/refusal.h"
#include "query/relation.h"

static const char doing[] = "run the statement";

/* A load begins with the first, ends with the last, and the answers come in
 * this order. */
enum { BEGIN, STATEMENT, RELATIONS, SESSION, COMMIT, ANSWERS };

/* Its own isolation: with the snapshot of an older one, the catalogs might
 * be seen as they were before the statement had its locks. */
static const char begin[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY";

/*
 * $1: tables that declared functions read; these may be written through
 * their partitions as well. $2: the function that the triggers call. A
 * trigger tells of everything if it has no condition, neither the trigger's
 * own nor, in the third argument and those that follow, that of columns. 60:
 * on insert, delete, update and truncate. $3: or the publication, in which a
 * table is by itself or as a partition; of an unlogged one nothing is told.
 * As sub-selects the parameters tell the planner nothing, so that it is
 * content with one plan for all.
 */
static const char relations_query[] =
    "WITH RECURSIVE vouched (oid) AS ("
    "SELECT v FROM pg_catalog.unnest((SELECT $1::pg_catalog.oid[])) AS v"
    " UNION "
    "SELECT i.inhrelid FROM vouched"
    " JOIN pg_catalog.pg_inherits AS i ON i.inhparent = vouched.oid"
    "), read (oid) AS ("
    "SELECT DISTINCT relation FROM pg_catalog.pg_locks"
    " WHERE pid = pg_catalog.pg_backend_pid() AND locktype = 'relation'"
    " AND relation >= 16384"
    "), family (oid) AS ("
    "SELECT oid FROM read UNION SELECT oid FROM vouched"
    " UNION "
    "SELECT i.inhparent FROM family"
    " JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = family.oid"
    ") SELECT n.nspname, c.relname,"
    " pg_catalog.format('%I.%I', n.nspname, c.relname),"
    " " PGCWI_RELATION_KIND ", c.oid, " PGCWI_RELATION_STAMP ","
    " EXISTS (SELECT FROM read WHERE read.oid = c.oid),"
    " CASE WHEN heard.always & 60 = 60 OR published.is_whole THEN 'all'"
    " WHEN heard.sometimes & 60 = 60 THEN 'columns' ELSE 'none' END"
    " FROM " PGCWI_RELATION_FROM " JOIN family ON family.oid = c.oid"
    " CROSS JOIN LATERAL ("
    "SELECT pg_catalog.bit_or(t.tgtype::int4) AS sometimes,"
    " pg_catalog.bit_or(t.tgtype::int4) FILTER (WHERE t.tgnargs <= 2"
    " AND t.tgqual IS NULL AND t.tgattr = ''::pg_catalog.int2vector) AS always"
    " FROM pg_catalog.pg_trigger AS t"
    " JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid"
    " WHERE t.tgrelid = c.oid AND t.tgenabled IN ('O', 'A')"
    " AND p.proname = (SELECT $2::text)) AS heard"
    " CROSS JOIN LATERAL (SELECT EXISTS ("
    "SELECT FROM pg_catalog.pg_publication AS p"
    " LEFT JOIN pg_catalog.pg_publication_rel AS m ON m.prpubid = p.oid"
    " AND pg_catalog.to_jsonb(m) ->> 'prqual' IS NULL"
    " WHERE p.pubname = (SELECT $3::text)"
    " AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate"
    " AND (p.puballtables OR m.prrelid = c.oid OR m.prrelid IN ("
    "SELECT pg_catalog.pg_partition_ancestors(c.oid)::oid))"
    " AND pg_catalog.pg_relation_is_publishable(c.oid))) AS published"
    " (is_whole)"
    " WHERE c.relkind NOT IN ('i', 'I', 't')"
    " ORDER BY 3";

/* Planning them takes longer than all the rest, so it is done once a
 * connection. */
static const struct own {
    const char *name;
    const char *sql;
    int parameter_count;
} own_relations = {"pgcachewatch_relations", relations_query, 3},
  own_session = {"pgcachewatch_session", pgcwi_session_query, 0};

static bool
has_sqlstate(const PGresult *result, const char *sqlstate)
{
    const char *is = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    return is != NULL && strcmp(is, sqlstate) == 0;
}

/* One that has the name already is ours. */
static bool
prepare(PGconn *connection, const struct own *own)
{
    PGresult *result =
        PQprepare(connection, own->name, own->sql, own->parameter_count, NULL);
    bool is_prepared = PQresultStatus(result) == PGRES_COMMAND_OK ||
                       has_sqlstate(result, "42P05");

    PQclear(result);
    return is_prepared;
}

static void
prepare_all(PGconn *connection, struct pgcwi_session *asker)
{
    if (asker != NULL && asker->prepared == PGCWI_PREPARED_UNKNOWN) {
        asker->prepared = prepare(connection, &own_relations) &&
                                  prepare(connection, &own_session)
                              ? PGCWI_PREPARED
                              : PGCWI_PREPARED_NEVER;
    }
}

static bool
send_own(PGconn *connection, const struct pgcwi_load *load,
         const struct own *own, const char *const *values)
{
    if (load->asker != NULL && load->asker->prepared == PGCWI_PREPARED) {
        return PQsendQueryPrepared(connection, own->name, own->parameter_count,
                                   values, NULL, NULL, 0) == 1;
    }
    return PQsendQueryParams(connection, own->sql, own->parameter_count, NULL,
                             values, NULL, NULL, 0) == 1;
}

static bool
send_command(PGconn *connection, const char *sql)
{
    return PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0) ==
           1;
}

static bool
send_all(PGconn *connection, const struct pgcwi_load *load,
         const struct pgcw_query *statement)
{
    const char *const values[] = {
        load->dependency->vouched,
        load->trigger_function == NULL ? "" : load->trigger_function,
        load->publication == NULL ? "" : load->publication};

    return send_command(connection, begin) &&
           PQsendQueryParams(
               connection, statement->command, statement->parameter_count,
               statement->types, statement->values, statement->lengths,
               statement->formats, statement->result_format) == 1 &&
           send_own(connection, load, &own_relations, values) &&
           send_own(connection, load, &own_session, NULL) &&
           send_command(connection, "COMMIT");
}

/* The answer to one of them; its end is a NULL. */
static PGresult *
receive_one(PGconn *connection)
{
    PGresult *result = PQgetResult(connection);
    PGresult *more;

    if (result != NULL) {
        while ((more = PQgetResult(connection)) != NULL) {
            PQclear(more); /* there is none by the protocol */
        }
    }
    return result;
}

static void
receive_all(PGconn *connection, PGresult *answers[ANSWERS])
{
    for (int i = 0; i < ANSWERS; i++) {
        answers[i] = receive_one(connection);
    }
    PQclear(PQgetResult(connection)); /* of the sync */
}

/* Leave a transaction that a failure has left open. */
static void
leave(PGconn *connection)
{
    if (PQtransactionStatus(connection) != PQTRANS_IDLE) {
        PQclear(PQexec(connection, "ROLLBACK"));
    }
}

static bool
is_failure(const PGresult *result)
{
    return PQresultStatus(result) != PGRES_TUPLES_OK &&
           PQresultStatus(result) != PGRES_COMMAND_OK;
}

/* What failed beside the statement, or NULL. */
static const PGresult *
find_failure(PGresult *const answers[ANSWERS])
{
    for (int i = 0; i < ANSWERS; i++) {
        if (i != STATEMENT && is_failure(answers[i])) {
            return answers[i];
        }
    }
    return NULL;
}

static PGresult *
take_one(PGresult **answer)
{
    PGresult *taken = *answer;

    *answer = NULL;
    return taken;
}

static enum pgcw_status
take(struct pgcwi_load *load, PGconn *connection, PGresult *answers[ANSWERS],
     struct pgcw_error *error)
{
    const PGresult *failure = find_failure(answers);

    if (PQstatus(connection) != CONNECTION_OK || answers[STATEMENT] == NULL) {
        return pgcwi_refusal_set(error, connection, NULL, doing);
    }
    if (!is_failure(answers[STATEMENT]) && failure != NULL) {
        if (load->asker == NULL || !has_sqlstate(failure, "26000")) {
            return pgcwi_refusal_set(error, connection, failure, doing);
        }
        load->asker->prepared = PGCWI_PREPARED_NEVER;
    }
    if (failure == NULL) {
        load->relations = take_one(&answers[RELATIONS]);
        load->session = take_one(&answers[SESSION]);
    }
    load->rows = take_one(&answers[STATEMENT]);
    return PGCW_OK;
}

enum pgcw_status
pgcwi_load_run(struct pgcwi_load *load, PGconn *connection,
               const struct pgcw_query *statement, struct pgcw_error *error)
{
    PGresult *answers[ANSWERS] = {0};
    enum pgcw_status status;

    load->rows = NULL;
    load->relations = NULL;
    load->session = NULL;
    prepare_all(connection, load->asker);
    if (PQenterPipelineMode(connection) != 1) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the connection is not idle");
    }
    if (send_all(connection, load, statement) &&
        PQpipelineSync(connection) == 1) {
        receive_all(connection, answers);
        status = take(load, connection, answers, error);
    } else {
        status = pgcwi_refusal_set(error, connection, NULL, doing);
    }
    for (int i = 0; i < ANSWERS; i++) {
        PQclear(answers[i]);
    }
    (void)PQexitPipelineMode(connection);
    leave(connection);
    return status;
}

void
pgcwi_load_fini(struct pgcwi_load *load)
{
    PQclear(load->rows);
    PQclear(load->relations);
    PQclear(load->session);
}

static const char *
field(const struct pgcwi_load *load, int row, enum pgcwi_relation column)
{
    return PQgetvalue(load->relations, row, (int)column);
}

static bool
is_read(const struct pgcwi_load *load, int row)
{
    return field(load, row, PGCWI_RELATION_IS_READ)[0] == 't';
}

static void refuse(char *reason, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
refuse(char *reason, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pgcwi_text_line(reason, PGCWI_REASON_BYTES, format, arguments);
    va_end(arguments);
}

/* NULL: it tells of every change; else what to say of it. */
static const char *
judge_heard(const struct pgcwi_load *load, int row)
{
    const char *heard = field(load, row, PGCWI_RELATION_HEARD);

    if ((load->trigger_function == NULL && load->publication == NULL) ||
        strcmp(heard, "all") == 0 || !pgcwi_load_is_tag(load, row)) {
        return NULL;
    }
    if (load->publication != NULL) {
        return "is not published: pgcachewatch install --transport wal";
    }
    if (strcmp(heard, "columns") == 0) {
        return "has triggers that do not tell of every UPDATE: install them "
               "without --columns";
    }
    return "has no triggers that tell of all changes: pgcachewatch install";
}

static enum pgcwi_load_verdict
judge_relation(const struct pgcwi_load *load, int row, char *reason)
{
    const char *name = pgcwi_load_name(load, row);
    const char *why = pgcwi_judge_relation(field(load, row, PGCWI_RELATION_IS));

    if (why == NULL) {
        why = judge_heard(load, row);
    }
    if (why != NULL) {
        refuse(reason, "%s %s", name, why);
        return PGCWI_LOAD_REFUSED;
    }
    if (is_read(load, row) &&
        !pgcwi_dependency_knows(load->dependency,
                                field(load, row, PGCWI_RELATION_OID),
                                field(load, row, PGCWI_RELATION_VERSION))) {
        refuse(reason, "the definition of %s has changed meanwhile", name);
        return PGCWI_LOAD_OUTDATED;
    }
    return PGCWI_LOAD_CACHEABLE;
}

enum pgcwi_load_verdict
pgcwi_load_judge(const struct pgcwi_load *load, char *reason)
{
    int tables = 0;

    for (int row = 0; row < PQntuples(load->relations); row++) {
        enum pgcwi_load_verdict verdict = judge_relation(load, row, reason);

        if (verdict != PGCWI_LOAD_CACHEABLE) {
            return verdict;
        }
        tables += pgcwi_load_is_tag(load, row) ? 1 : 0;
    }
    if (tables == 0) {
        refuse(reason, "it has read no table");
        return PGCWI_LOAD_OUTDATED;
    }
    return PGCWI_LOAD_CACHEABLE;
}

bool
pgcwi_load_is_tag(const struct pgcwi_load *load, int relation)
{
    return strcmp(field(load, relation, PGCWI_RELATION_IS), "table") == 0;
}

const char *
pgcwi_load_name(const struct pgcwi_load *load, int relation)
{
    return field(load, relation, PGCWI_RELATION_NAME);
}
