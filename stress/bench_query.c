/* SPDX-License-Identifier: MIT */
/*
 * What a cached query costs, beside PQexecParams() of the same in the same
 * run: a hit, a load of a statement that is known, and the first call.
 *
 *     bench_query [CALLS]
 *
 * On the server of PGHOST and the like, in a database of its own. Prints one
 * line of JSON: nanoseconds, medians of 20 rounds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "support/server_client.h"

#define DATABASE "pgcw_bench_query"
#define ROUNDS 20
#define DEFAULT_CALLS 2000

static PGconn *connection;
static struct pgcw_query_cache *cache;

static _Noreturn void
give_up(const char *what)
{
    (void)fprintf(stderr, "bench_query: %s\n", what);
    exit(1);
}

static void
check(enum pgcw_status status, const struct pgcw_error *error)
{
    if (status != PGCW_OK) {
        give_up(error->detail);
    }
}

static const char *const one[] = {"1"};
static struct pgcw_query query = {
    .command = "SELECT id, version FROM orders WHERE id = $1",
    .parameter_count = 1,
    .values = one,
};

/* It must be cached. */
static void
exec(void)
{
    struct pgcw_query_result result = {NULL, NULL};
    struct pgcw_error error = {PGCW_OK, "", ""};

    check(pgcw_query_exec(cache, connection, &query, &result, &error), &error);
    if (result.pin == NULL) {
        give_up("not cached");
    }
    pgcw_query_release(&result);
}

static void
exec_plainly(void)
{
    PGresult *rows =
        PQexecParams(connection, query.command, 1, NULL, one, NULL, NULL, 0);

    if (PQntuples(rows) != 1) {
        give_up(PQerrorMessage(connection));
    }
    PQclear(rows);
}

/* A parameter that was not asked for yet. */
static void
exec_other_row(void)
{
    static int row;
    char text[16];
    const char *const values[] = {text};
    const char *const *usual = query.values;

    (void)snprintf(text, sizeof(text), "%d", ++row + 10);
    query.values = values;
    exec();
    query.values = usual;
}

/* A statement that was not asked for yet. */
static void
exec_other_statement(void)
{
    static int number;
    char text[100];
    const char *usual = query.command;

    (void)snprintf(text, sizeof(text), "%s /* %d */", usual, ++number);
    query.command = text;
    exec();
    query.command = usual;
}

static int
compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return difference < 0 ? -1 : difference > 0;
}

static double
measure(void (*call)(void), int calls)
{
    double rounds[ROUNDS];

    call();
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin_ns = pgcwi_clock_monotonic_ns();

        for (int i = 0; i < calls; i++) {
            call();
        }
        rounds[round] = (double)(pgcwi_clock_monotonic_ns() - begin_ns) / calls;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), compare);
    return rounds[ROUNDS / 2];
}

static struct pgcw_listener *
open_all(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_query_options query_options = PGCW_QUERY_OPTIONS_INIT;
    struct pgcw_error error = {PGCW_OK, "", ""};
    struct pgcw_listener *listener;

    connection = server_make_database(DATABASE);
    if (connection == NULL ||
        !server_make_table(connection, "orders", 100, PGCW_DEFAULT_CHANNEL)) {
        give_up("no server");
    }
    options.dsn = "dbname=" DATABASE;
    check(pgcw_listener_open(&options, &listener, &error), &error);
    query_options.ignores_triggers = true;
    check(pgcw_query_cache_create(listener, &query_options, &cache, &error),
          &error);
    return listener;
}

int
main(int argc, char **argv)
{
    int calls = argc > 1 ? (int)strtol(argv[1], NULL, 10) : DEFAULT_CALLS;

    if (calls < 1) {
        (void)fprintf(stderr, "usage: bench_query [CALLS]\n");
        return 2;
    }
    struct pgcw_listener *listener = open_all();
    double hit_ns = measure(exec, calls * 10);
    double plain_ns = measure(exec_plainly, calls);
    double load_ns = measure(exec_other_row, calls / 20 + 1);
    double first_ns = measure(exec_other_statement, calls / 100 + 1);
    (void)printf("{\"bench\": \"query\", \"hit_ns\": %.0f, "
                 "\"exec_params_ns\": %.0f, \"load_ns\": %.0f, "
                 "\"first_call_ns\": %.0f}\n",
                 hit_ns, plain_ns, load_ns, first_ns);
    pgcw_query_cache_destroy(cache);
    pgcw_listener_close(listener);
    server_drop_database(connection, DATABASE);
    return 0;
}
