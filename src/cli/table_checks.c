/* SPDX-License-Identifier: MIT */
#include "cli/table_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/event.h>

#include "cli/ask.h"
#include "cli/trigger_checks.h"

static const char triggers_sql[] =
    "SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.relname)"
    "  FROM pg_catalog.pg_trigger AS t"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid"
    "  JOIN pg_catalog.pg_namespace AS n"
    "    ON n.oid = c.relnamespace"
    " WHERE NOT t.tgisinternal AND t.tgname::pg_catalog.text"
    "       IN ($1, $1 || '_i', $1 || '_u', $1 || '_d')"
    "   AND $2::pg_catalog.text IS NULL"
    " ORDER BY 1";

static const char published_sql[] =
    "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)"
    "  FROM pg_catalog.pg_publication AS p"
    "  JOIN pg_catalog.pg_publication_rel AS r"
    "    ON r.prpubid = p.oid"
    "  JOIN pg_catalog.pg_class AS c ON c.oid = r.prrelid"
    "  JOIN pg_catalog.pg_namespace AS n"
    "    ON n.oid = c.relnamespace"
    " WHERE p.pubname::pg_catalog.text = $1"
    "   AND $2::pg_catalog.text IS NULL"
    " ORDER BY 1";

/*
 * Ours first, then each role and database that has it as a setting; only where
 * a trigger of the name does not fire ALWAYS.
 */
static const char roles_sql[] =
    "SELECT true, 'this session' WHERE pg_catalog.current_setting("
    "       'session_replication_role') = 'replica'"
    "   AND EXISTS (SELECT FROM pg_catalog.pg_trigger"
    "        WHERE tgname::pg_catalog.text IN ($1, $1 || '_i', $1 || '_u',"
    "              $1 || '_d') AND tgenabled <> 'A')"
    " UNION ALL"
    " SELECT false, pg_catalog.concat_ws(' in ', 'role ' || r.rolname,"
    "        'database ' || d.datname)"
    "   FROM pg_catalog.pg_db_role_setting AS s"
    "   LEFT JOIN pg_catalog.pg_roles AS r"
    "     ON r.oid = s.setrole"
    "   LEFT JOIN pg_catalog.pg_database AS d"
    "     ON d.oid = s.setdatabase"
    "  WHERE 'session_replication_role=replica'"
    "        = ANY (s.setconfig)"
    "    AND (d.datname IS NULL OR d.datname ="
    "         pg_catalog.current_database())"
    "    AND $2::pg_catalog.text IS NULL"
    "    AND EXISTS (SELECT FROM pg_catalog.pg_trigger"
    "        WHERE tgname::pg_catalog.text IN ($1, $1 || '_i', $1 || '_u',"
    "              $1 || '_d') AND tgenabled <> 'A')";

/* "<before>_<channel>" for free(); NULL: no memory. */
static char *
full_name(const char *before, const char *channel)
{
    size_t bytes = strlen(before) + strlen(channel) + 2;
    char *name = malloc(bytes);

    if (name != NULL) {
        (void)snprintf(name, bytes, "%s_%s", before, channel);
    }
    return name;
}

bool
pgcwi_watched_init(struct pgcwi_watched *watched,
                   const struct pgcw_install_options *install)
{
    watched->install = install;
    watched->channel =
        install->channel == NULL ? PGCW_DEFAULT_CHANNEL : install->channel;
    watched->trigger =
        full_name(install->trigger_name == NULL ? "tg_pgcachewatch_table_change"
                                                : install->trigger_name,
                  watched->channel);
    watched->publication =
        install->publication == NULL
            ? full_name("pb_pgcachewatch_table_change", watched->channel)
            : strdup(install->publication);
    if (watched->trigger == NULL || watched->publication == NULL) {
        fprintf(stderr, "pgcachewatch: no memory\n");
        return false;
    }
    return true;
}

/* A pooler tells a number of its own as that of the server's process. */
void
pgcwi_watched_connect(struct pgcwi_watched *watched, PGconn *connection)
{
    PGresult *rows = pgcwi_ask(connection, watched->findings, "pooler",
                               "SELECT pg_catalog.pg_backend_pid()", NULL);

    watched->connection = connection;
    watched->is_pooled = rows != NULL && strtol(PQgetvalue(rows, 0, 0), NULL,
                                                10) != PQbackendPID(connection);
    PQclear(rows);
}

void
pgcwi_watched_fini(struct pgcwi_watched *watched)
{
    free(watched->trigger);
    free(watched->publication);
}

static void
check_published(const struct pgcwi_watched *watched, const char *table)
{
    struct pgcw_install_options options = *watched->install;
    struct pgcw_plan *plan;
    struct pgcw_error error;
    bool is_told = false;

    options.tables = &table;
    options.table_count = 1;
    if (pgcw_install_plan(watched->connection, &options, &plan, &error) !=
        PGCW_OK) {
        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_BROKEN, "publication", table},
            "it is not published as it should be, and cannot be: %s",
            error.detail);
        return;
    }
    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        const char *text = pgcw_plan_step_text(plan, i);

        /* wal_level, which is no SQL, and the publication have findings of
         * their own */
        if (pgcw_plan_step_sql(plan, i)[0] != '\0' &&
            strncmp(text, "create ", strlen("create ")) != 0) {
            pgcwi_findings_add(watched->findings,
                               (struct pgcwi_subject){PGCWI_LEVEL_BROKEN,
                                                      "publication", table},
                               "%s: is to be done, to: %s", table,
                               pgcw_plan_step_text(plan, i));
            pgcwi_findings_remedy(
                watched->findings,
                "pgcachewatch install --transport wal --commit %s", table);
            is_told = true;
        }
    }
    if (!is_told) {
        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_OK, "publication", table},
            "%s is published", table);
    }
    pgcw_plan_destroy(plan);
}

static void
check_table(const struct pgcwi_watched *watched, const char *table)
{
    if (watched->install->transport == PGCW_TRANSPORT_WAL) {
        check_published(watched, table);
    } else {
        pgcwi_watched_check_triggers(watched, table);
    }
}

static void
check_all_tables(const struct pgcwi_watched *watched)
{
    bool is_wal = watched->install->transport == PGCW_TRANSPORT_WAL;
    const char *const values[] = {
        is_wal ? watched->publication : watched->trigger, NULL};
    PGresult *rows = pgcwi_ask(watched->connection, watched->findings, "tables",
                               is_wal ? published_sql : triggers_sql, values);

    if (rows == NULL) {
        return;
    }
    for (int i = 0; i < PQntuples(rows); i++) {
        check_table(watched, PQgetvalue(rows, i, 0));
    }
    if (PQntuples(rows) == 0) {
        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_WARNING, "tables", NULL},
            "no table of this database tells of its changes on channel %s",
            watched->channel);
        pgcwi_findings_remedy(watched->findings,
                              "pgcachewatch install%s --commit TABLE",
                              is_wal ? " --transport wal" : "");
    }
    PQclear(rows);
}

void
pgcwi_watched_check_tables(const struct pgcwi_watched *watched)
{
    for (size_t i = 0; i < watched->install->table_count; i++) {
        check_table(watched, watched->install->tables[i]);
    }
    if (watched->install->table_count == 0) {
        check_all_tables(watched);
    }
}

void
pgcwi_watched_check_roles(const struct pgcwi_watched *watched)
{
    const char *const values[] = {watched->trigger, NULL};
    PGresult *rows = pgcwi_ask(watched->connection, watched->findings,
                               "session_replication_role", roles_sql, values);

    for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
        bool is_ours = PQgetvalue(rows, i, 0)[0] == 't';

        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){is_ours ? PGCWI_LEVEL_BROKEN
                                           : PGCWI_LEVEL_WARNING,
                                   "session_replication_role", NULL},
            "session_replication_role is replica for %s, where triggers do "
            "not fire: what is written there is not told",
            PQgetvalue(rows, i, 1));
        pgcwi_findings_remedy(
            watched->findings,
            "set it to origin, or pgcachewatch install --always --commit "
            "TABLE, or take --transport wal");
    }
    PQclear(rows);
}
