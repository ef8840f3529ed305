/* SPDX-License-Identifier: MIT */
#include "cli/trigger_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"

#define COMMAND_BYTES 900

/* A row for each trigger of the names; one at least. */
static const char found_sql[] =
    "SELECT c.relkind, pg_catalog.quote_ident(n.nspname) || '.'"
    "       || pg_catalog.quote_ident(c.relname),"
    "       t.tgname, pg_catalog.quote_ident(t.tgname), t.tgenabled,"
    "       (t.tgtype::pg_catalog.int4 & 60)"
    "       = 60,"
    "       (SELECT pg_catalog.quote_ident(s.nspname)"
    "          FROM pg_catalog.pg_proc AS p"
    "          JOIN pg_catalog.pg_namespace AS s"
    "            ON s.oid = p.pronamespace"
    "         WHERE p.oid = t.tgfoid)"
    "  FROM (SELECT pg_catalog.to_regclass($1)) AS given (oid)"
    "  LEFT JOIN pg_catalog.pg_class AS c"
    "    ON c.oid = given.oid"
    "  LEFT JOIN pg_catalog.pg_namespace AS n"
    "    ON n.oid = c.relnamespace"
    "  LEFT JOIN pg_catalog.pg_trigger AS t"
    "    ON t.tgrelid = c.oid AND NOT t.tgisinternal"
    "       AND t.tgname::pg_catalog.text IN"
    "           ($2, $2 || '_i', $2 || '_u', $2 || '_d')"
    " ORDER BY t.tgname";

enum { KIND, RELATION, NAME, QUOTED_NAME, ENABLED, HAS_ALL_EVENTS, SCHEMA };

/*
 * Whether rows are told, and a row for each column that was named: what the
 * arguments of the triggers say, which stand there each with a zero byte
 * behind it. That of UPDATE says all.
 */
static const char options_sql[] =
    "WITH trigger AS ("
    "  SELECT tgargs AS bytes FROM pg_catalog.pg_trigger"
    "   WHERE tgrelid = pg_catalog.to_regclass($1)"
    "     AND NOT tgisinternal AND tgname::pg_catalog.text"
    "         IN ($2 || '_u', $2 || '_i')"
    "   ORDER BY tgname DESC LIMIT 1"
    "), zero AS ("
    "  SELECT at, pg_catalog.lag(at, 1, -1) OVER (ORDER BY at) AS before"
    "    FROM trigger, pg_catalog.generate_series("
    "         0, pg_catalog.length(bytes) - 1) AS at"
    "   WHERE pg_catalog.get_byte(bytes, at) = 0"
    "), argument AS ("
    "  SELECT pg_catalog.row_number() OVER (ORDER BY at) AS turn,"
    "         pg_catalog.convert_from(pg_catalog.substring("
    "             bytes, before + 2, at - before - 1),"
    "             pg_catalog.getdatabaseencoding()) AS text"
    "    FROM trigger, zero"
    ")"
    "SELECT EXISTS (SELECT FROM argument WHERE turn = 2 AND text = 'rows'),"
    "       pg_catalog.quote_ident(a.text)"
    "  FROM (VALUES (1)) AS one LEFT JOIN argument AS a ON a.turn > 2"
    " ORDER BY a.turn";

static const char search_sql[] =
    "SELECT pg_catalog.current_setting('search_path'),"
    "       pg_catalog.set_config('search_path', $1, false)"
    " WHERE $2::pg_catalog.text IS NULL";

/* One table. */
struct check {
    const struct pgcwi_watched *watched;
    const char *table; /* as it was named, or with its schema */
    PGresult *found;
    PGresult *options;
    const char **columns; /* of `options` */
    size_t column_count;
    /* how to have it again as it is wanted */
    char command[COMMAND_BYTES];
    /* something was said already of what a plan would say */
    bool is_told;
};

static void
add(struct check *check, enum pgcwi_level level, const char *name,
    const char *says)
{
    pgcwi_findings_add(check->watched->findings,
                       (struct pgcwi_subject){level, name, check->table},
                       "%s: %s", check->table, says);
}

static void
append(char command[COMMAND_BYTES], const char *text, size_t bytes)
{
    size_t used = strlen(command);

    (void)snprintf(command + used, COMMAND_BYTES - used, "%.*s", (int)bytes,
                   text);
}

/* Append a word, in quotes if a shell would change it. */
static void
append_word(char command[COMMAND_BYTES], const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    size_t quote_bytes = word[strspn(word, plain)] == '\0' ? 0 : 1;

    append(command, " ", 1);
    append(command, "'", quote_bytes);
    for (size_t bytes; *word != '\0'; word += bytes) {
        bytes = strcspn(word, "'");
        append(command, word, bytes);
        if (word[bytes] == '\'') {
            append(command, "'\\''", 4);
            bytes++;
        }
    }
    append(command, "'", quote_bytes);
}

/* Columns are the last, as there may be many. */
static void
write_command(struct check *check)
{
    char *command = check->command;

    (void)snprintf(command, COMMAND_BYTES, "pgcachewatch install --commit");
    if (PQgetvalue(check->options, 0, 0)[0] == 't') {
        append_word(command, "--rows");
    }
    append_word(command, check->table);
    if (check->column_count > 0) {
        append_word(command, "--columns");
    }
    for (size_t i = 0; i < check->column_count; i++) {
        append_word(command, check->columns[i]);
    }
}

static bool
has_trigger(const struct check *check, const char *suffix)
{
    const char *name = check->watched->trigger;
    size_t length = strlen(name);

    for (int i = 0; i < PQntuples(check->found); i++) {
        const char *found = PQgetvalue(check->found, i, NAME);

        if (strncmp(found, name, length) == 0 &&
            strcmp(found + length, suffix) == 0) {
            return true;
        }
    }
    return false;
}

static void
check_missing(struct check *check)
{
    static const struct {
        const char *suffix;
        const char *event;
    } wanted[] = {{"_i", " INSERT"},
                  {"_u", " UPDATE"},
                  {"_d", " DELETE"},
                  {"", " TRUNCATE"}};
    bool is_foreign = PQgetvalue(check->found, 0, KIND)[0] == 'f';
    char missing[64] = "";

    for (size_t i = is_foreign ? 3 : 0; i < 4; i++) {
        if (!has_trigger(check, wanted[i].suffix)) {
            size_t used = strlen(missing);

            (void)snprintf(missing + used, sizeof missing - used, "%s",
                           wanted[i].event);
        }
    }
    if (missing[0] != '\0') {
        pgcwi_findings_add(
            check->watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_BROKEN, "missing", check->table},
            "%s: no trigger tells of%s", check->table, missing);
        pgcwi_findings_remedy(check->watched->findings, "%s", check->command);
        check->is_told = true;
    }
}

/* Those that do not fire, or only where others do not. */
static void
check_disabled(struct check *check)
{
    for (int i = 0; i < PQntuples(check->found); i++) {
        const char *quoted = PQgetvalue(check->found, i, QUOTED_NAME);
        char enabled = PQgetvalue(check->found, i, ENABLED)[0];

        if (enabled == 'D' || enabled == 'R') {
            pgcwi_findings_add(
                check->watched->findings,
                (struct pgcwi_subject){PGCWI_LEVEL_BROKEN, "disabled",
                                       check->table},
                "%s: trigger %s %s", check->table, quoted,
                enabled == 'D' ? "is disabled"
                               : "fires only where session_replication_role "
                                 "is replica");
            pgcwi_findings_remedy(check->watched->findings,
                                  "ALTER TABLE %s ENABLE TRIGGER %s",
                                  check->table, quoted);
            check->is_told = true;
        }
    }
}

/* One trigger for all four events, with the bare name. */
static bool
is_of_python_library(const struct check *check)
{
    return PQntuples(check->found) == 1 && has_trigger(check, "") &&
           PQgetvalue(check->found, 0, HAS_ALL_EVENTS)[0] == 't' &&
           PQgetvalue(check->found, 0, KIND)[0] != 'f';
}

static void
tell_python_library(struct check *check)
{
    if (!check->is_told) {
        add(check, PGCWI_LEVEL_OK, "triggers",
            "one trigger, as the Python library installs it");
    }
}

/* A step of the plan; what is only missing or disabled was told before. */
static void
tell_step(struct check *check, const char *text)
{
    bool is_function = strstr(text, "function") == text + strlen("replace ");

    if (strncmp(text, "replace ", strlen("replace ")) != 0 ||
        (check->is_told && !is_function)) {
        return;
    }
    pgcwi_findings_add(
        check->watched->findings,
        (struct pgcwi_subject){is_function ? PGCWI_LEVEL_WARNING
                                           : PGCWI_LEVEL_BROKEN,
                               "changed", check->table},
        "%s: not as an installation would write it, which would %s",
        check->table, text);
    pgcwi_findings_remedy(check->watched->findings, "%s", check->command);
}

/* What is there, against what would be written now. */
static void
compare(struct check *check)
{
    struct pgcw_install_options options = *check->watched->install;
    struct pgcw_plan *plan;
    struct pgcw_error error;

    options.tables = &check->table;
    options.table_count = 1;
    options.rows = PQgetvalue(check->options, 0, 0)[0] == 't';
    options.columns = check->columns;
    options.column_count = check->column_count;
    if (pgcw_install_plan(check->watched->connection, &options, &plan,
                          &error) != PGCW_OK) {
        pgcwi_findings_add(
            check->watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_BROKEN,
                                   error.status == PGCW_REFUSED ? "privilege"
                                                                : "table",
                                   check->table},
            "%s%s", error.status == PGCW_REFUSED ? "cannot be installed: " : "",
            error.detail);
        return;
    }
    if (pgcw_plan_step_count(plan) == 0) {
        add(check, PGCWI_LEVEL_OK, "triggers",
            options.rows ? "installed, rows are told"
                         : "installed, changes of the table are told");
    }
    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        tell_step(check, pgcw_plan_step_text(plan, i));
    }
    pgcw_plan_destroy(plan);
}

/* The function stays where it is: an installation takes the first schema of
 * the search_path, which need not be the same as ours. Not through a pooler,
 * where the setting would be left to others. */
static void
compare_in_its_schema(struct check *check)
{
    const struct pgcwi_watched *watched = check->watched;
    bool is_there =
        !watched->is_pooled && PQgetisnull(check->found, 0, SCHEMA) == 0;
    const char *schema[] = {PQgetvalue(check->found, 0, SCHEMA), NULL};
    PGresult *before = is_there
                           ? pgcwi_ask(watched->connection, watched->findings,
                                       "changed", search_sql, schema)
                           : NULL;

    if (!is_there || before != NULL) {
        compare(check);
    }
    if (before != NULL) {
        const char *path[] = {PQgetvalue(before, 0, 0), NULL};

        PQclear(pgcwi_ask(watched->connection, watched->findings, "changed",
                          search_sql, path));
    }
    PQclear(before);
}

static void
read_columns(struct check *check)
{
    for (int i = 0; i < PQntuples(check->options); i++) {
        if (!PQgetisnull(check->options, i, 1)) {
            check->columns[check->column_count++] =
                PQgetvalue(check->options, i, 1);
        }
    }
}

static void
check_found(struct check *check)
{
    char kind = PQgetvalue(check->found, 0, KIND)[0];

    read_columns(check);
    if (kind == 'r' || kind == 'p' || kind == 'f') {
        check->table = PQgetvalue(check->found, 0, RELATION);
        write_command(check);
        check_disabled(check);
    }
    if (is_of_python_library(check)) {
        tell_python_library(check);
        return;
    }
    if (check->table == PQgetvalue(check->found, 0, RELATION)) {
        check_missing(check);
    }
    compare_in_its_schema(check);
}

void
pgcwi_watched_check_triggers(const struct pgcwi_watched *watched,
                             const char *table)
{
    struct check check = {.watched = watched, .table = table};
    const char *const values[] = {table, watched->trigger};

    check.found = pgcwi_ask(watched->connection, watched->findings, "table",
                            found_sql, values);
    if (check.found != NULL) {
        check.options = pgcwi_ask(watched->connection, watched->findings,
                                  "table", options_sql, values);
    }
    if (check.options != NULL) {
        check.columns =
            calloc((size_t)PQntuples(check.options), sizeof *check.columns);
        if (check.columns != NULL) {
            check_found(&check);
        } else {
            watched->findings->is_cut = true;
        }
    }
    free(check.columns);
    PQclear(check.options);
    PQclear(check.found);
}
