/* SPDX-License-Identifier: MIT */
/*
 * A SELECT with one parameter, executed for each line of the input: as with
 * PQexecParams(), but that a result is kept until its tables change.
 *
 *     pgcachewatch install products --commit
 *     cached_query "SELECT name, price FROM products WHERE id = \$1"
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>
#include <pgcachewatch/pgcachewatch.h>

static int
fail(const char *why)
{
    fprintf(stderr, "cached_query: %s\n", why);
    return EXIT_FAILURE;
}

static void
print_rows(const PGresult *rows)
{
    for (int row = 0; row < PQntuples(rows); row++) {
        for (int column = 0; column < PQnfields(rows); column++) {
            printf("%s%s", column > 0 ? "\t" : "",
                   PQgetvalue(rows, row, column));
        }
        putchar('\n');
    }
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    char line[256] = "";
    const char *values[] = {line};
    struct pgcw_query query = {argv[argc - 1], 1, NULL, values, NULL, NULL, 0};
    struct pgcw_query_result result;
    struct pgcw_query_cache *cache = NULL;
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error;
    PGconn *connection = PQconnectdb("");

    if (argc != 2) {
        return fail("give a SELECT with one parameter, $1");
    }
    if (PQstatus(connection) != CONNECTION_OK) {
        return fail(PQerrorMessage(connection));
    }
    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK ||
        pgcw_query_cache_create(listener, NULL, &cache, &error) != PGCW_OK) {
        return fail(error.detail);
    }
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        /* [query cache] */
        if (pgcw_query_exec(cache, connection, &query, &result, &error) ==
            PGCW_OK) {
            print_rows(result.rows);
            pgcw_query_release(&result);
        } else {
            fail(error.detail);
        }
        /* [query cache] */
    }
    pgcw_query_cache_destroy(cache);
    pgcw_listener_close(listener);
    PQfinish(connection);
    return EXIT_SUCCESS;
}
