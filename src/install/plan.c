/* SPDX-License-Identifier: MIT */
/* What is to be done, step by step. */
#include "install/plan.h"

#include <string.h>

#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/refusal.h"

/* Columns of what a template of sql/ gives. */
enum { COMMENT = 0, STATEMENT = 1, PROBLEM = 2 };

struct step {
    char *text;
    char *sql;
};

struct pgcw_plan {
    struct step *steps;
    size_t step_count;
};

struct pgcw_plan *
pgcwi_plan_create(void)
{
    return pgcwi_alloc_array(1, sizeof(struct pgcw_plan));
}

void
pgcw_plan_destroy(struct pgcw_plan *plan)
{
    if (plan == NULL) {
        return;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        pgcwi_free(plan->steps[i].text);
        pgcwi_free(plan->steps[i].sql);
    }
    pgcwi_free(plan->steps);
    pgcwi_free(plan);
}

size_t
pgcw_plan_step_count(const struct pgcw_plan *plan)
{
    return plan->step_count;
}

const char *
pgcw_plan_step_sql(const struct pgcw_plan *plan, size_t step)
{
    return plan->steps[step].sql;
}

const char *
pgcw_plan_step_text(const struct pgcw_plan *plan, size_t step)
{
    return plan->steps[step].text;
}

static enum pgcw_status
no_memory(struct pgcw_error *error)
{
    return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for the plan");
}

/* The comment is one for SQL: the text follows its two dashes. */
static enum pgcw_status
append_row(struct pgcw_plan *plan, const PGresult *rows, int row,
           struct pgcw_error *error)
{
    struct step *step = &plan->steps[plan->step_count];

    if (!PQgetisnull(rows, row, PROBLEM)) {
        return pgcwi_error_set(error, PGCW_REFUSED, "%s",
                               PQgetvalue(rows, row, PROBLEM));
    }
    step->text = pgcwi_strdup(PQgetvalue(rows, row, COMMENT) + strlen("-- "));
    step->sql = pgcwi_strdup(PQgetvalue(rows, row, STATEMENT));
    plan->step_count++; /* so that destroy frees what there is of it */
    return step->text == NULL || step->sql == NULL ? no_memory(error) : PGCW_OK;
}

enum pgcw_status
pgcwi_plan_append(struct pgcw_plan *plan, const PGresult *rows,
                  struct pgcw_error *error)
{
    int row_count = PQntuples(rows);
    enum pgcw_status status = PGCW_OK;
    struct step *steps;

    if (row_count == 0) {
        return PGCW_OK;
    }
    steps = pgcwi_realloc(plan->steps, (plan->step_count + (size_t)row_count) *
                                           sizeof *steps);
    if (steps == NULL) {
        return no_memory(error);
    }
    plan->steps = steps;
    for (int row = 0; row < row_count && status == PGCW_OK; row++) {
        status = append_row(plan, rows, row, error);
    }
    return status;
}

static enum pgcw_status
execute(PGconn *connection, const char *sql, const char *doing,
        struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_OK;
    PGresult *result = PQexec(connection, sql);
    ExecStatusType got = PQresultStatus(result);

    if (got != PGRES_COMMAND_OK && got != PGRES_TUPLES_OK) {
        status = pgcwi_refusal_set(error, connection, result, doing);
    }
    PQclear(result);
    return status;
}

static enum pgcw_status
do_steps(PGconn *connection, const struct pgcw_plan *plan,
         struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_OK;

    for (size_t i = 0; i < plan->step_count && status == PGCW_OK; i++) {
        const struct step *step = &plan->steps[i];

        if (step->sql[0] != '\0') {
            status = execute(connection, step->sql, step->text, error);
        }
    }
    return status;
}

enum pgcw_status
pgcw_plan_commit(PGconn *connection, const struct pgcw_plan *plan,
                 struct pgcw_error *error)
{
    enum pgcw_status status;

    if (PQtransactionStatus(connection) != PQTRANS_IDLE &&
        PQstatus(connection) == CONNECTION_OK) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the connection is inside of a transaction");
    }
    status =
        execute(connection, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
                "begin", error);
    if (status != PGCW_OK) {
        return status;
    }
    /* One installer at a time, or both might fail on the same catalog row.
     * The number is "pgcwatch" in ASCII. */
    status = execute(connection,
                     "SELECT pg_catalog.pg_advisory_xact_lock("
                     "x'7067637761746368'::bigint)",
                     "wait for another installation", error);
    if (status == PGCW_OK) {
        status = do_steps(connection, plan, error);
    }
    if (status == PGCW_OK) {
        status = execute(connection, "COMMIT", "commit", error);
    }
    if (status != PGCW_OK) {
        (void)execute(connection, "ROLLBACK", "rollback", NULL);
    }
    return status;
}
