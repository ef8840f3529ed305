/* SPDX-License-Identifier: MIT */
/*
 * The queries of sql/, run as psql would run them.
 *
 * A template uses psql's variables in the form :'name' only, and ends with a
 * line \gset or \gexec. Here the variables become parameters of the query, so
 * nothing has to be quoted, and what the query gives is returned.
 */
#ifndef PGCWI_INSTALL_TEMPLATE_H
#define PGCWI_INSTALL_TEMPLATE_H

#include <stddef.h>

#include <pgcachewatch/status.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

struct pgcwi_variable {
    const char *name;
    const char *value;
};

/* The most variables that one template can have. */
#define PGCWI_VARIABLES_MAX 6

struct pgcwi_template {
    /* What it is for, to begin an error's text with. */
    const char *doing;
    /* From "install/sql.h". */
    const char *text;
    struct pgcwi_variable variables[PGCWI_VARIABLES_MAX];
};

/*
 * Run it. `result` is set only on PGCW_OK and is for PQclear(). Fails as
 * pgcwi_refusal_set() says.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_template_run(struct pg_conn *connection,
                   const struct pgcwi_template *template,
                   struct pg_result **result, struct pgcw_error *error);

#endif
