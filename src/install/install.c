/* SPDX-License-Identifier: MIT */
/* Plans what is to be installed or removed, with the queries of sql/. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/install.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/options.h"
#include "base/status.h"
#include "install/plan.h"
#include "install/sql.h"
#include "install/template.h"

/* The longest oid as text, and a comma or the terminator. */
#define OID_BYTES 11

/* What the queries are given. */
struct task {
    PGconn *connection;
    struct pgcw_install_options options;
    /* The full names; `names` holds their text. */
    const char *function;
    const char *trigger;
    const char *publication;
    PGresult *names;
    /* The tables, in the order in which they were given: 16385,16392 */
    char *table_oids;
    /* An array as PostgreSQL reads it: {"n","m"} */
    char *columns;
    struct pgcw_plan *plan;
};

static void
task_fini(struct task *task)
{
    PQclear(task->names);
    pgcwi_free(task->table_oids);
    pgcwi_free(task->columns);
    pgcw_plan_destroy(task->plan);
}

static enum pgcw_status
check_transport(const struct pgcw_install_options *options,
                struct pgcw_error *error)
{
    bool is_wal = options->transport == PGCW_TRANSPORT_WAL;

    if (!is_wal && options->transport != PGCW_TRANSPORT_NOTIFY) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "transport: %d is none",
                               (int)options->transport);
    }
    if (is_wal &&
        (options->function_name != NULL || options->trigger_name != NULL ||
         options->always || options->column_count > 0)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the transport wal has no triggers: it takes no "
                               "function_name, trigger_name, columns, always");
    }
    if (!is_wal && options->publication != NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the transport notify has no publication");
    }
    if (options->publication != NULL && options->publication[0] == '\0') {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the publication's name may not be empty");
    }
    return PGCW_OK;
}

static enum pgcw_status
read_options(struct task *task, const struct pgcw_install_options *options,
             struct pgcw_error *error)
{
    struct pgcw_install_options *known = &task->options;
    enum pgcw_status status =
        pgcwi_options_read(known, sizeof *known, options, error);

    if (status == PGCW_OK) {
        status = check_transport(known, error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    if (known->channel == NULL) {
        known->channel = PGCW_DEFAULT_CHANNEL;
    }
    if (known->function_name == NULL) {
        known->function_name = "fn_pgcachewatch_table_change";
    }
    if (known->trigger_name == NULL) {
        known->trigger_name = "tg_pgcachewatch_table_change";
    }
    if (known->publication == NULL) {
        known->publication = ""; /* named after the channel */
    }
    return PGCW_OK;
}

static bool
is_wal(const struct task *task)
{
    return task->options.transport == PGCW_TRANSPORT_WAL;
}

static enum pgcw_status
find_names(struct task *task, struct pgcw_error *error)
{
    const struct pgcwi_template template = {
        "look at the names",
        pgcwi_sql_names,
        {{"transport", is_wal(task) ? "wal" : "notify"},
         {"channel", task->options.channel},
         {"function_name", task->options.function_name},
         {"trigger_name", task->options.trigger_name},
         {"publication_name", task->options.publication}},
    };
    enum pgcw_status status =
        pgcwi_template_run(task->connection, &template, &task->names, error);
    int problem;

    if (status != PGCW_OK) {
        return status;
    }
    problem = PQfnumber(task->names, "problem");
    if (!PQgetisnull(task->names, 0, problem)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT, "%s",
                               PQgetvalue(task->names, 0, problem));
    }
    task->function =
        PQgetvalue(task->names, 0, PQfnumber(task->names, "function"));
    task->trigger =
        PQgetvalue(task->names, 0, PQfnumber(task->names, "trigger"));
    task->publication =
        PQgetvalue(task->names, 0, PQfnumber(task->names, "publication"));
    return PGCW_OK;
}

/* How the server says that it cannot read a name. */
static bool
is_about_name(const struct pgcw_error *error)
{
    static const char *const sqlstates[] = {
        "22023", /* parse_ident(): not a valid identifier */
        "42602", /* invalid name */
        "0A000", /* a table of another database */
        "42601", /* improper qualified name: too many dots */
    };

    for (size_t i = 0; i < sizeof sqlstates / sizeof sqlstates[0]; i++) {
        if (strcmp(error->sqlstate, sqlstates[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Write the oid of a table to `oid_text`. */
static enum pgcw_status
find_table(struct task *task, const char *table, char oid_text[OID_BYTES],
           struct pgcw_error *error)
{
    const struct pgcwi_template template = {
        table,
        pgcwi_sql_table,
        {{"table", table}},
    };
    PGresult *found;
    enum pgcw_status status =
        pgcwi_template_run(task->connection, &template, &found, error);
    int problem;

    if (status == PGCW_REFUSED && is_about_name(error)) {
        error->status = PGCW_INVALID_ARGUMENT;
    }
    if (status != PGCW_OK) {
        return error->status;
    }
    problem = PQfnumber(found, "problem");
    if (PQgetisnull(found, 0, problem)) {
        snprintf(oid_text, OID_BYTES, "%s",
                 PQgetvalue(found, 0, PQfnumber(found, "table_oid")));
    } else {
        status = pgcwi_error_set(error, PGCW_INVALID_ARGUMENT, "%s: %s", table,
                                 PQgetvalue(found, 0, problem));
    }
    PQclear(found);
    return status;
}

static enum pgcw_status
find_tables(struct task *task, struct pgcw_error *error)
{
    size_t bytes = 0;
    enum pgcw_status status;

    if (task->options.table_count > SIZE_MAX / OID_BYTES - 1) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "table_count is too large");
    }
    task->table_oids = pgcwi_alloc(task->options.table_count * OID_BYTES + 1);
    if (task->table_oids == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for tables");
    }
    task->table_oids[0] = '\0';
    for (size_t i = 0; i < task->options.table_count; i++) {
        if (task->options.tables[i] == NULL) {
            return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                                   "a table's name is NULL");
        }
        if (i > 0) {
            task->table_oids[bytes++] = ',';
        }
        status = find_table(task, task->options.tables[i],
                            task->table_oids + bytes, error);
        if (status != PGCW_OK) {
            return status;
        }
        bytes += strlen(task->table_oids + bytes);
    }
    return PGCW_OK;
}

static enum pgcw_status
list_columns(struct task *task, struct pgcw_error *error)
{
    size_t column_count = task->options.column_count;
    struct pgcw_bytes *names =
        pgcwi_alloc_array(column_count == 0 ? 1 : column_count, sizeof *names);
    enum pgcw_status status = PGCW_OK;

    for (size_t i = 0; names != NULL && i < column_count; i++) {
        const char *name = task->options.columns[i];

        if (name == NULL) {
            status = pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                                     "a column's name is NULL");
            goto done;
        }
        names[i] = (struct pgcw_bytes){name, strlen(name)};
    }
    if (names != NULL) {
        task->columns = pgcwi_array_text(names, column_count);
    }
    if (task->columns == NULL) {
        status =
            pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for columns");
    }
done:
    pgcwi_free(names);
    return status;
}

/* Run a query that gives steps, and append these to the plan. */
static enum pgcw_status
append_steps(struct task *task, const struct pgcwi_template *template,
             struct pgcw_error *error)
{
    PGresult *rows;
    enum pgcw_status status =
        pgcwi_template_run(task->connection, template, &rows, error);

    if (status == PGCW_OK) {
        status = pgcwi_plan_append(task->plan, rows, error);
        PQclear(rows);
    }
    return status;
}

static enum pgcw_status
plan_triggers(struct task *task, struct pgcw_error *error)
{
    const struct pgcwi_template function = {
        "plan the function",
        pgcwi_sql_function,
        {{"channel", task->options.channel}, {"function", task->function}},
    };
    const struct pgcwi_template triggers = {
        "plan the triggers",
        pgcwi_sql_triggers,
        {{"function", task->function},
         {"trigger", task->trigger},
         {"table_oids", task->table_oids},
         {"rows", task->options.rows ? "on" : ""},
         {"columns", task->columns},
         {"always", task->options.always ? "on" : ""}},
    };
    enum pgcw_status status = append_steps(task, &function, error);

    if (status == PGCW_OK) {
        status = append_steps(task, &triggers, error);
    }
    return status;
}

static enum pgcw_status
plan_install(struct task *task, struct pgcw_error *error)
{
    const struct pgcwi_template publication = {
        "plan the publication",
        pgcwi_sql_publish,
        {{"publication", task->publication}, {"table_oids", task->table_oids}},
    };

    if (task->options.table_count == 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "name at least one table");
    }
    return is_wal(task) ? append_steps(task, &publication, error)
                        : plan_triggers(task, error);
}

static enum pgcw_status
plan_uninstall(struct task *task, struct pgcw_error *error)
{
    const struct pgcwi_template removal = {
        "plan the removal",
        pgcwi_sql_remove,
        {{"function", task->function},
         {"trigger", task->trigger},
         {"table_oids", task->table_oids}},
    };
    const struct pgcwi_template publication = {
        "plan the removal",
        pgcwi_sql_unpublish,
        {{"publication", task->publication}, {"table_oids", task->table_oids}},
    };

    return append_steps(task, is_wal(task) ? &publication : &removal, error);
}

typedef enum pgcw_status plan_fn(struct task *task, struct pgcw_error *error);

static enum pgcw_status
make_plan(struct task *task, const struct pgcw_install_options *options,
          plan_fn *fill, struct pgcw_error *error)
{
    enum pgcw_status status = read_options(task, options, error);

    if (status == PGCW_OK) {
        status = find_names(task, error);
    }
    if (status == PGCW_OK) {
        status = find_tables(task, error);
    }
    if (status == PGCW_OK) {
        status = list_columns(task, error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    task->plan = pgcwi_plan_create();
    if (task->plan == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for the plan");
    }
    return fill(task, error);
}

static enum pgcw_status
plan(PGconn *connection, const struct pgcw_install_options *options,
     plan_fn *fill, struct pgcw_plan **out, struct pgcw_error *error)
{
    struct task task = {.connection = connection};
    /* Read on the way, so it must be there, whatever the caller gave. */
    struct pgcw_error failure = {0};
    enum pgcw_status status = make_plan(&task, options, fill, &failure);

    if (status == PGCW_OK) {
        *out = task.plan;
        task.plan = NULL; /* the caller owns it now */
    } else if (error != NULL) {
        *error = failure;
    }
    task_fini(&task);
    return status;
}

enum pgcw_status
pgcw_install_plan(PGconn *connection,
                  const struct pgcw_install_options *options,
                  struct pgcw_plan **out, struct pgcw_error *error)
{
    return plan(connection, options, plan_install, out, error);
}

enum pgcw_status
pgcw_uninstall_plan(PGconn *connection,
                    const struct pgcw_install_options *options,
                    struct pgcw_plan **out, struct pgcw_error *error)
{
    return plan(connection, options, plan_uninstall, out, error);
}
