/* SPDX-License-Identifier: MIT */
/*
 * Fragments of programs, which the manual's page of patterns shows: what
 * stands between two comments with a name in brackets. They are about
 *
 *     CREATE TABLE products (id text PRIMARY KEY, price numeric);
 *     pgcachewatch install products --rows --commit
 */
#include "patterns.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum pgcw_status
fail(struct pgcw_error *error, const PGconn *connection)
{
    snprintf(error->detail, sizeof(error->detail), "%s",
             PQerrorMessage(connection));
    error->detail[strcspn(error->detail, "\n")] = '\0';
    return PGCW_LOAD_FAILED;
}

/* [row cache] */
enum pgcw_status
load_price(void *connection, struct pgcw_bytes id, struct pgcw_fill *fill,
           struct pgcw_error *error)
{
    const char *parameter = id.data; /* with its NUL */
    struct pgcw_tag row = {"public", "products", {id.data, id.size - 1}};
    enum pgcw_status status = pgcw_fill_add_tag(fill, &row);
    PGresult *rows =
        PQexecParams(connection, "SELECT price FROM products WHERE id = $1", 1,
                     NULL, &parameter, NULL, NULL, 0);

    if (PQresultStatus(rows) != PGRES_TUPLES_OK) {
        status = fail(error, connection);
    } else if (PQntuples(rows) == 0) {
        status = PGCW_NOT_FOUND; /* it has its tag as well */
    } else if (status == PGCW_OK) {
        struct pgcw_bytes price = {PQgetvalue(rows, 0, 0),
                                   (size_t)PQgetlength(rows, 0, 0) + 1};
        status = pgcw_fill_set_value(fill, price);
    }
    PQclear(rows);
    return status;
}
/* [row cache] */

/* [read replica] */
enum pgcw_status
load_price_from_standby(void *standby, struct pgcw_bytes id,
                        struct pgcw_fill *fill, struct pgcw_error *error)
{
    uint64_t lsn = 0;
    PGresult *rows = PQexec(standby, "SELECT pg_last_wal_replay_lsn()");
    bool is_known = PQresultStatus(rows) == PGRES_TUPLES_OK &&
                    pgcw_lsn_from_text(PQgetvalue(rows, 0, 0), &lsn) == PGCW_OK;

    PQclear(rows);
    if (!is_known) { /* it is gone, or was never a standby */
        return fail(error, standby);
    }
    pgcw_fill_set_read_lsn(fill, lsn);
    return load_price(standby, id, fill, error);
}
/* [read replica] */

/* [negative caching] */
enum pgcw_status
open_prices(struct pgcw_listener **listener, struct pgcw_cache **prices,
            struct pgcw_error *error)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    enum pgcw_status status = pgcw_listener_open(NULL, listener, error);

    options.absent_ttl_ms = 60000; /* "there is none" is kept as well */
    if (status == PGCW_OK) {
        status = pgcw_cache_create(*listener, &options, prices, error);
    }
    return status;
}
/* [negative caching] */

/* [triggers] */
enum pgcw_status
check_triggers(PGconn *connection, struct pgcw_error *error)
{
    const char *const tables[] = {"public.products"};
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;

    options.tables = tables;
    options.table_count = 1;
    options.rows = true; /* as the tags of rows need it */
    enum pgcw_status status =
        pgcw_install_plan(connection, &options, &plan, error);
    if (status == PGCW_OK && pgcw_plan_step_count(plan) > 0) {
        status = PGCW_REFUSED;
        snprintf(error->detail, sizeof(error->detail), "still to do: %s",
                 pgcw_plan_step_text(plan, 0));
    }
    pgcw_plan_destroy(plan);
    return status;
}
/* [triggers] */

/* [prefork] */
/* Called before anything of the library: each worker opens its own listener
 * and its own caches, in serve(). */
bool
start_workers(pid_t *workers, size_t count, int (*serve)(size_t worker))
{
    for (size_t i = 0; i < count; i++) {
        workers[i] = fork();
        if (workers[i] == 0) {
            _exit(serve(i));
        }
        if (workers[i] < 0) {
            return false;
        }
    }
    return true;
}
/* [prefork] */
