/* SPDX-License-Identifier: MIT */
#include "listener/wal_catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/status.h"

#define MIN_VERSION_NUM 140000 /* proto_version 2, and messages */

/*
 * Behind the database comes NULL without the publication, or false if it
 * leaves out what must be told: an operation, rows, or what is done to
 * partitions. Then whether the server takes us for a standby that commits wait
 * for, and our name there; its statistics say so only to the privileged, and
 * only later.
 */
static const char requirements[] =
    "SELECT pg_catalog.current_setting('server_version_num'),"
    " pg_catalog.current_setting('server_version'),"
    " pg_catalog.pg_is_in_recovery(),"
    " pg_catalog.current_setting('wal_level'),"
    " session_user, r.rolreplication OR r.rolsuper,"
    " pg_catalog.current_database(),"
    " p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate"
    " AND p.pubviaroot AND NOT EXISTS ("
    "   SELECT FROM pg_catalog.pg_publication_rel AS m"
    "    WHERE m.prpubid OPERATOR(pg_catalog.=) p.oid AND"
    "          (pg_catalog.to_jsonb(m) OPERATOR(pg_catalog.->>) 'prqual')"
    "          IS NOT NULL),"
    " EXISTS (SELECT FROM pg_catalog.regexp_split_to_table("
    "    pg_catalog.current_setting('synchronous_standby_names'),"
    "    '[\\s,()\"]+') AS t (word)"
    "   WHERE t.word OPERATOR(pg_catalog.=) '*'"
    "      OR t.word OPERATOR(pg_catalog.<>) '' AND"
    "         pg_catalog.lower(t.word) OPERATOR(pg_catalog.=) pg_catalog.lower("
    "         pg_catalog.current_setting('application_name'))),"
    " pg_catalog.current_setting('application_name')"
    " FROM pg_catalog.pg_roles AS r"
    " LEFT JOIN pg_catalog.pg_publication AS p"
    "   ON p.pubname OPERATOR(pg_catalog.=) %s"
    " WHERE r.rolname OPERATOR(pg_catalog.=) session_user";

/*
 * A row for each column of the primary key of each table, in its order; or
 * one, without a column, for a table that has no such key. Which types give a
 * key, and that of a domain only the base is looked at, is as sql/function.sql
 * has it: other types are 0.
 */
static const char targets[] =
    "SELECT p.oid, n.nspname, c.relname, k.attname,"
    " CASE WHEN t.typtype OPERATOR(pg_catalog.=) 'e' THEN %u"
    "      WHEN t.oid OPERATOR(pg_catalog.<) 16384 THEN t.oid ELSE 0 END"
    " FROM (SELECT c.oid FROM pg_catalog.pg_publication_tables AS l"
    "         JOIN pg_catalog.pg_namespace AS n"
    "           ON n.nspname OPERATOR(pg_catalog.=) l.schemaname"
    "         JOIN pg_catalog.pg_class AS c"
    "           ON c.relname OPERATOR(pg_catalog.=) l.tablename"
    "              AND c.relnamespace OPERATOR(pg_catalog.=) n.oid"
    "        WHERE l.pubname OPERATOR(pg_catalog.=) %s) AS p"
    " JOIN pg_catalog.pg_class AS c ON c.oid OPERATOR(pg_catalog.=) p.oid"
    " JOIN pg_catalog.pg_namespace AS n"
    "   ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    " LEFT JOIN LATERAL ("
    "   SELECT a.attname, a.atttypid, u.turn"
    "     FROM pg_catalog.pg_index AS i"
    "    CROSS JOIN LATERAL pg_catalog.unnest(i.indkey)"
    "          WITH ORDINALITY AS u (attnum, turn)"
    "     JOIN pg_catalog.pg_attribute AS a"
    "       ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid"
    "          AND a.attnum OPERATOR(pg_catalog.=) u.attnum"
    "    WHERE i.indrelid OPERATOR(pg_catalog.=) c.oid AND i.indisprimary"
    "      AND u.turn OPERATOR(pg_catalog.<=) i.indnkeyatts) AS k ON true"
    " LEFT JOIN pg_catalog.pg_type AS g"
    "   ON g.oid OPERATOR(pg_catalog.=) k.atttypid"
    " LEFT JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=)"
    "   CASE WHEN g.typtype OPERATOR(pg_catalog.=) 'd'"
    "        THEN g.typbasetype ELSE g.oid END"
    " ORDER BY p.oid, k.turn";

enum { RELATION, SCHEMA, TABLE, COLUMN, TYPE };

bool
pgcwi_wal_catalog_requirements_sql(PGconn *connection, const char *publication,
                                   char sql[PGCWI_WAL_SQL_BYTES])
{
    char *quoted =
        PQescapeLiteral(connection, publication, strlen(publication));

    if (quoted == NULL) {
        return false;
    }
    (void)snprintf(sql, PGCWI_WAL_SQL_BYTES, requirements, quoted);
    PQfreemem(quoted);
    return true;
}

bool
pgcwi_wal_catalog_targets_sql(PGconn *connection, const char *publication,
                              char sql[PGCWI_WAL_SQL_BYTES])
{
    char *quoted =
        PQescapeLiteral(connection, publication, strlen(publication));

    if (quoted == NULL) {
        return false;
    }
    (void)snprintf(sql, PGCWI_WAL_SQL_BYTES, targets, (unsigned)PGCWI_WAL_TEXT,
                   quoted);
    PQfreemem(quoted);
    return true;
}

static bool
is_true(const PGresult *rows, int column)
{
    return PQgetvalue(rows, 0, column)[0] == 't';
}

enum pgcw_status
pgcwi_wal_catalog_check_requirements(const PGresult *rows,
                                     const char *publication,
                                     struct pgcw_error *error)
{
    if (rows == NULL || PQntuples(rows) != 1) {
        return pgcwi_error_set(error, PGCW_DISCONNECTED,
                               "the server does not say what it is");
    }
    if (strtol(PQgetvalue(rows, 0, 0), NULL, 10) < MIN_VERSION_NUM) {
        return pgcwi_error_set(error, PGCW_REFUSED,
                               "the WAL transport needs PostgreSQL 14, this "
                               "is %s (use the transport by NOTIFY)",
                               PQgetvalue(rows, 0, 1));
    }
    if (is_true(rows, 2)) {
        return pgcwi_error_set(
            error, PGCW_REFUSED,
            "this is a standby, whose WAL says nothing of what the primary "
            "shows (name the primary, or several hosts with "
            "target_session_attrs=read-write)");
    }
    if (strcmp(PQgetvalue(rows, 0, 3), "logical") != 0) {
        return pgcwi_error_set(error, PGCW_REFUSED,
                               "wal_level is %s (ALTER SYSTEM SET wal_level = "
                               "logical, and restart the server)",
                               PQgetvalue(rows, 0, 3));
    }
    if (!is_true(rows, 5)) {
        return pgcwi_error_set(error, PGCW_REFUSED,
                               "role %s lacks the attribute REPLICATION "
                               "(ALTER ROLE ... REPLICATION)",
                               PQgetvalue(rows, 0, 4));
    }
    if (PQgetisnull(rows, 0, 7)) {
        return pgcwi_error_set(error, PGCW_REFUSED,
                               "database %s has no publication %s (make it: "
                               "pgcachewatch install --transport wal)",
                               PQgetvalue(rows, 0, 6), publication);
    }
    if (!is_true(rows, 7)) {
        return pgcwi_error_set(
            error, PGCW_REFUSED,
            "publication %s leaves changes out (it must publish insert, "
            "update, delete and truncate, with publish_via_partition_root, "
            "and without a WHERE)",
            publication);
    }
    if (is_true(rows, 8)) {
        return pgcwi_error_set(
            error, PGCW_REFUSED,
            "synchronous_standby_names takes the listener for a standby, so "
            "that commits would wait for it (name the standbys in it, instead "
            "of *, and none of them %s)",
            PQgetvalue(rows, 0, 9));
    }
    return PGCW_OK;
}

static bool
is_same_target(const PGresult *rows, int row, int other)
{
    return strcmp(PQgetvalue(rows, row, RELATION),
                  PQgetvalue(rows, other, RELATION)) == 0;
}

static uint32_t
oid_of(const PGresult *rows, int row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(rows, row, column), NULL, 10);
}

/* False if a column has no text that is the same in each session. */
static bool
read_columns(const PGresult *rows, int first, int behind,
             struct pgcwi_wal_key_column *columns)
{
    for (int row = first; row < behind; row++) {
        struct pgcwi_wal_key_column *column = &columns[row - first];

        column->type = oid_of(rows, row, TYPE);
        (void)snprintf(column->name, sizeof(column->name), "%s",
                       PQgetvalue(rows, row, COLUMN));
        if (column->type == 0) {
            return false;
        }
    }
    return true;
}

static bool
read_target(const PGresult *rows, int first, int behind,
            struct pgcwi_wal_decoder *decoder)
{
    uint32_t column_count = (uint32_t)(behind - first);
    struct pgcwi_wal_key_column *columns =
        pgcwi_alloc_array(column_count, sizeof(*columns));
    struct pgcwi_wal_target target = {
        .relation_id = oid_of(rows, first, RELATION), .columns = columns};

    if (columns == NULL) {
        return false;
    }
    (void)snprintf(target.schema, sizeof(target.schema), "%s",
                   PQgetvalue(rows, first, SCHEMA));
    (void)snprintf(target.table, sizeof(target.table), "%s",
                   PQgetvalue(rows, first, TABLE));
    if (!PQgetisnull(rows, first, COLUMN) &&
        read_columns(rows, first, behind, columns)) {
        target.column_count = column_count;
    }
    bool is_added = pgcwi_wal_decoder_add_target(decoder, &target);
    pgcwi_free(columns);
    return is_added;
}

bool
pgcwi_wal_catalog_read_targets(const PGresult *rows,
                               struct pgcwi_wal_decoder *decoder)
{
    int count = rows != NULL ? PQntuples(rows) : 0;
    bool is_read = true;

    pgcwi_wal_decoder_forget_targets(decoder);
    for (int first = 0, behind; first < count && is_read; first = behind) {
        behind = first + 1;
        while (behind < count && is_same_target(rows, first, behind)) {
            behind++;
        }
        is_read = read_target(rows, first, behind, decoder);
    }
    return is_read;
}
