/* SPDX-License-Identifier: MIT */
/*
 * What a cached query costs, beside the same query by other ways: a row of two
 * columns by its key, which is looked at.
 *
 * - pgcachewatch: pgcw_query_exec(), and the result given back. Also what a
 *   load costs, and the first call of a statement, which looks at it.
 * - libpq: a prepared statement, and PQexecParams(); a Unix socket, text.
 * - pgpool-II: its query cache in shared memory, through libpq and a Unix
 *   socket; one child, which serves nobody else. The statement has the key in
 *   it, or is PQexecParams(): whichever is faster. Its own counters must say
 *   that these were hits.
 * - Python: a decorated coroutine, as an asyncio program has it; see
 *   python_cache.py.
 *
 * On the server of PGHOST and the like, in a database of its own.
 */
#include "query.h"

#include <stdio.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "peer.h"
#include "support/server_client.h"

uint32_t query_row_count;
struct query_row query_rows[QUERY_MOST_ROWS];
static uint32_t drawn[TURNS_DRAWN];
static uint32_t drawn_count;

static PGconn *connection; /* ours, which a hit does not use */
static struct pgcw_listener *listener;
static struct pgcw_query_cache *cache;
/* For loads; what they leave there is in nobody's way. */
static struct pgcw_query_cache *other_cache;

const struct query_row *
query_next(void)
{
    return &query_rows[drawn[drawn_count++ % TURNS_DRAWN]];
}

static void
check_row(const PGresult *result)
{
    if (PQntuples(result) != 1 || PQgetvalue(result, 0, 0)[0] == '\0' ||
        PQgetvalue(result, 0, 1)[0] == '\0') {
        bench_fail("not the row that was asked for");
    }
}

void
query_look(PGconn *used, PGresult *result)
{
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        bench_fail("%s", PQerrorMessage(used));
    }
    check_row(result);
    PQclear(result);
}

static void
check(enum pgcw_status status, const struct pgcw_error *error)
{
    if (status != PGCW_OK) {
        bench_fail("%s", error->detail);
    }
}

/* It must be from the cache, or get there. */
static void
exec(struct pgcw_query_cache *used, const struct pgcw_query *query,
     struct pgcw_query_result *result)
{
    struct pgcw_error error;

    check(pgcw_query_exec(used, connection, query, result, &error), &error);
    if (result->pin == NULL) {
        bench_fail("not cached: %s", query->command);
    }
}

static void
run_hits(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *const values[] = {query_next()->key};
        const struct pgcw_query query = {
            .command = QUERY_TEXT "$1", .parameter_count = 1, .values = values};
        struct pgcw_query_result result;

        exec(cache, &query, &result);
        check_row(result.rows);
        pgcw_query_release(&result);
    }
}

/* Rows that were not asked for yet. */
static void
run_loads(struct turns_subject *subject, size_t calls)
{
    static int row;

    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        char key[16];
        const char *const values[] = {key};
        const struct pgcw_query query = {
            .command = QUERY_TEXT "$1", .parameter_count = 1, .values = values};
        struct pgcw_query_result result;

        (void)snprintf(key, sizeof(key), "%d", ++row);
        exec(other_cache, &query, &result);
        pgcw_query_release(&result);
    }
}

/* Statements that were not asked for yet. */
static void
run_first_calls(struct turns_subject *subject, size_t calls)
{
    static int number;

    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        char text[sizeof(QUERY_TEXT) + 40];
        const struct pgcw_query query = {.command = text};
        struct pgcw_query_result result;

        (void)snprintf(text, sizeof(text), QUERY_TEXT "1 /* %d */", ++number);
        exec(other_cache, &query, &result);
        pgcw_query_release(&result);
    }
}

/* All three of ours. */
static bool
open_ours(struct turns_subject *subject)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_query_options query_options = PGCW_QUERY_OPTIONS_INIT;
    struct pgcw_error error;

    (void)subject;
    if (listener != NULL) {
        return true;
    }
    options.dsn = "dbname=" QUERY_DATABASE;
    check(pgcw_listener_open(&options, &listener, &error), &error);
    /* they are as the Python library's, with another name than ours */
    query_options.ignores_triggers = true;
    check(pgcw_query_cache_create(listener, &query_options, &cache, &error),
          &error);
    check(
        pgcw_query_cache_create(listener, &query_options, &other_cache, &error),
        &error);
    return true;
}

static void
close_ours(struct turns_subject *subject)
{
    (void)subject;
    pgcw_query_cache_destroy(cache);
    pgcw_query_cache_destroy(other_cache);
    pgcw_listener_close(listener);
    cache = NULL;
    other_cache = NULL;
    listener = NULL;
}

/* Of both ways of libpq; the server process is the one that answers. */
static PGconn *plain;

static bool
open_plain(struct turns_subject *subject)
{
    if (plain == NULL) {
        plain = server_connect(QUERY_DATABASE);
        PQclear(PQprepare(plain, "row", QUERY_TEXT "$1", 1, NULL));
    }
    subject->server = (pid_t)PQbackendPID(plain);
    return true;
}

static void
close_plain(struct turns_subject *subject)
{
    (void)subject;
    PQfinish(plain);
    plain = NULL;
}

static void
run_prepared(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *const values[] = {query_next()->key};

        query_look(plain,
                   PQexecPrepared(plain, "row", 1, values, NULL, NULL, 0));
    }
}

static void
run_with_parameters(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *const values[] = {query_next()->key};

        query_look(plain, PQexecParams(plain, QUERY_TEXT "$1", 1, NULL, values,
                                       NULL, NULL, 0));
    }
}

static struct turns_subject subjects[] = {
    /* its server first: while there is one thread */
    {.name = "pgpool-II query cache",
     .metric = "query",
     .open = query_pgpool_open,
     .run = query_pgpool_run,
     .close = query_pgpool_close,
     .ways = {"PQexec(), the key in the text", "PQexecParams()"},
     .remark = "shared memory, one child"},
    {.name = "Python, asyncio and dict",
     .metric = "query",
     .open = query_python_open,
     .run = query_python_run,
     .close = query_python_close},
    {.name = "pgcachewatch",
     .metric = "query",
     .open = open_ours,
     .run = run_hits,
     .close = close_ours},
    {.name = "libpq, prepared",
     .metric = "query",
     .open = open_plain,
     .run = run_prepared,
     .close = close_plain},
    {.name = "libpq, PQexecParams",
     .metric = "query",
     .open = open_plain,
     .run = run_with_parameters,
     .close = close_plain},
};

static struct turns_subject loads[] = {
    {.name = "pgcachewatch",
     .metric = "load",
     .open = open_ours,
     .run = run_loads},
    {.name = "pgcachewatch",
     .metric = "first call of a statement",
     .open = open_ours,
     .run = run_first_calls},
};

static void
write_rows(void)
{
    for (unsigned i = 0; i < QUERY_MOST_ROWS; i++) {
        struct query_row *row = &query_rows[i];

        (void)snprintf(row->key, sizeof(row->key), "%u", i + 1);
        (void)snprintf(row->statement, sizeof(row->statement), "%s%u",
                       QUERY_TEXT, i + 1);
    }
}

static void
measure(const struct bench_options *options, uint32_t row_count)
{
    char parameters[40];

    (void)snprintf(parameters, sizeof(parameters), "\"rows\": %u",
                   (unsigned)row_count);
    query_row_count = row_count;
    for (uint32_t i = 0; i < TURNS_DRAWN; i++) {
        drawn[i] = i % row_count; /* each of them, once */
    }
    turns_warm(subjects, BENCH_COUNT_OF(subjects), row_count);
    turns_draw(drawn, row_count);
    turns_measure(options, subjects, BENCH_COUNT_OF(subjects), parameters);
}

int
main(int argc, char **argv)
{
    struct bench_options options = turns_options(argv);

    (void)argc;
    peer_supervise();
    connection = server_make_database(QUERY_DATABASE);
    if (connection == NULL ||
        !server_make_table(connection, "orders", QUERY_MOST_ROWS,
                           PGCW_DEFAULT_CHANNEL)) {
        bench_fail("no server");
    }
    bench_results_begin(
        "query", "What does the same query cost by each way?",
        "a key that was drawn beforehand, the call, a look at the row, "
        "and giving it back");
    write_rows();
    turns_open(subjects, BENCH_COUNT_OF(subjects));
    turns_open(loads, BENCH_COUNT_OF(loads));
    measure(&options, 1);
    measure(&options, options.is_quick ? 10 : QUERY_MOST_ROWS);
    turns_measure(&options, loads, BENCH_COUNT_OF(loads), "\"rows\": 1");
    turns_end();
    turns_close(subjects, BENCH_COUNT_OF(subjects));
    server_drop_database(connection, QUERY_DATABASE);
    return 0;
}
