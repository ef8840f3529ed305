/* SPDX-License-Identifier: MIT */
/* The fragments that the manual's page of patterns shows, at work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/examples/patterns.h"
#include "base/clock.h"
#include "support/door.h"
#include "support/server_client.h"

#define DATABASE "pgcw_test_patterns"
#define WORKERS 2
#define CHILD_SECONDS 60
#define PATIENCE_NS (PATIENCE_MS * PGCWI_NS_PER_MS)

static PGconn *server;
static struct pgcw_listener *listener;
static struct pgcw_cache *prices;
static struct pgcw_buffer price;
static struct pgcw_error error;

/* No thread of the library: that is what the first test is about. */
static int
make_products(void **state)
{
    const char *const tables[] = {"products"};
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;

    (void)state;
    options.tables = tables;
    options.table_count = 1;
    options.rows = true;
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_run(server, "CREATE TABLE products (id text PRIMARY KEY, price "
                            "numeric); INSERT INTO products VALUES ('1', 9.99),"
                            " ('2', 5)") ||
        pgcw_install_plan(server, &options, &plan, NULL) != PGCW_OK) {
        return -1;
    }
    enum pgcw_status status = pgcw_plan_commit(server, plan, NULL);
    pgcw_plan_destroy(plan);
    return status == PGCW_OK ? 0 : -1;
}

static int
drop_products(void **state)
{
    (void)state;
    server_drop_database(server, DATABASE);
    return 0;
}

static enum pgcw_status
fetch(PGconn *connection, const char *id)
{
    struct pgcw_loader loader = {.load = load_price, .context = connection};

    return pgcw_cache_fetch(prices, (struct pgcw_bytes){id, strlen(id) + 1},
                            loader, &price, &error);
}

static bool
costs(PGconn *connection, const char *id, const char *expected)
{
    return fetch(connection, id) == PGCW_OK &&
           strcmp(price.data, expected) == 0;
}

static int
open_all(void **state)
{
    (void)state;
    return open_prices(&listener, &prices, &error) == PGCW_OK ? 0 : -1;
}

static int
close_all(void **state)
{
    (void)state;
    pgcw_cache_destroy(prices);
    pgcw_listener_close(listener);
    pgcw_buffer_free(&price);
    prices = NULL;
    listener = NULL;
    return 0;
}

/* --- prefork --- */

static int ready[2];

/* In a worker: 0 if it has seen the old price, and then the new one. */
static int
serve(size_t worker)
{
    PGconn *connection = PQconnectdb("");
    int64_t deadline_ns = pgcwi_clock_monotonic_ns() + PATIENCE_NS;

    (void)worker;
    alarm(CHILD_SECONDS);
    if (open_prices(&listener, &prices, &error) != PGCW_OK ||
        !costs(connection, "1", "9.99") || write(ready[1], "", 1) != 1) {
        return 1;
    }
    while (!costs(connection, "1", "10.50")) {
        if (pgcwi_clock_monotonic_ns() > deadline_ns) {
            return 2;
        }
    }
    return 0;
}

static bool
is_ready(void)
{
    struct pollfd wait = {.fd = ready[0], .events = POLLIN};
    char byte;

    return poll(&wait, 1, PATIENCE_MS) == 1 && read(ready[0], &byte, 1) == 1;
}

static void
workers_that_are_forked_first_have_caches_of_their_own(void **state)
{
    pid_t workers[WORKERS];

    (void)state;
    assert_int_equal(pipe(ready), 0);
    assert_true(start_workers(workers, WORKERS, serve));
    for (size_t i = 0; i < WORKERS; i++) {
        assert_true(is_ready());
    }
    assert_true(
        server_run(server, "UPDATE products SET price = 10.50 WHERE id = '1'"));
    for (size_t i = 0; i < WORKERS; i++) {
        int how = -1;

        assert_int_equal(waitpid(workers[i], &how, 0), workers[i]);
        assert_true(WIFEXITED(how));
        assert_int_equal(WEXITSTATUS(how), 0);
    }
    close(ready[0]);
    close(ready[1]);
}

/* --- the rest --- */

static uint64_t
load_count(void)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(prices, &stats);
    return stats.loads;
}

static void
change(const char *sql)
{
    assert_true(server_run(server, sql));
    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
}

static void
row_cache_loads_anew_only_the_row_that_was_changed(void **state)
{
    (void)state;
    change("UPDATE products SET price = 9.99 WHERE id = '1'");
    assert_true(costs(server, "1", "9.99"));
    assert_true(costs(server, "2", "5"));
    change("UPDATE products SET price = 6 WHERE id = '2'");
    assert_true(costs(server, "1", "9.99"));
    assert_int_equal(load_count(), 2);
    assert_true(costs(server, "2", "6"));
    assert_int_equal(load_count(), 3);
}

static void
loader_that_fails_says_why_and_nothing_is_cached(void **state)
{
    PGconn *nobody = PQconnectdb("host=/nowhere");

    (void)state;
    assert_int_equal(fetch(nobody, "1"), PGCW_LOAD_FAILED);
    assert_non_null(strstr(error.detail, "no connection"));
    assert_int_equal(fetch(server, "1"), PGCW_OK);
    PQfinish(nobody);
}

static void
absence_is_remembered_until_the_row_is_there(void **state)
{
    (void)state;
    assert_int_equal(fetch(server, "3"), PGCW_NOT_FOUND);
    assert_int_equal(fetch(server, "3"), PGCW_NOT_FOUND);
    assert_int_equal(load_count(), 1);
    change("INSERT INTO products VALUES ('4', 1)");
    assert_int_equal(fetch(server, "3"), PGCW_NOT_FOUND);
    assert_int_equal(load_count(), 1);
    change("INSERT INTO products VALUES ('3', 7)");
    assert_true(costs(server, "3", "7"));
}

/* Of a real standby: tests/postgres/test_replica.c. */
static void
what_was_never_a_standby_is_not_taken_for_one(void **state)
{
    struct pgcw_loader loader = {.load = load_price_from_standby,
                                 .context = server};

    (void)state;
    assert_int_equal(pgcw_cache_fetch(prices, (struct pgcw_bytes){"1", 2},
                                      loader, &price, &error),
                     PGCW_LOAD_FAILED);
}

static void
triggers_are_looked_for_with_no_more_rights_than_to_read(void **state)
{
    (void)state;
    assert_true(server_run(server, "DROP ROLE IF EXISTS pgcw_test_reader;"
                                   "CREATE ROLE pgcw_test_reader;"
                                   "GRANT SELECT ON products TO "
                                   "pgcw_test_reader;"
                                   "SET ROLE pgcw_test_reader"));
    assert_int_equal(check_triggers(server, &error), PGCW_OK);
    assert_true(server_run(
        server, "RESET ROLE; ALTER TABLE products DISABLE TRIGGER"
                " tg_pgcachewatch_table_change_ch_pgcachewatch_table_change_u;"
                "SET ROLE pgcw_test_reader"));
    assert_int_equal(check_triggers(server, &error), PGCW_REFUSED);
    assert_non_null(strstr(error.detail, "may make no trigger on "
                                         "public.products"));
    assert_true(server_run(server, "RESET ROLE"));
    assert_int_equal(check_triggers(server, &error), PGCW_REFUSED);
    assert_non_null(strstr(error.detail, "still to do: replace trigger"));
    assert_true(server_run(server, "ALTER TABLE products ENABLE TRIGGER USER;"
                                   "DROP OWNED BY pgcw_test_reader;"
                                   "DROP ROLE pgcw_test_reader"));
    assert_int_equal(check_triggers(server, &error), PGCW_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            workers_that_are_forked_first_have_caches_of_their_own),
        cmocka_unit_test(
            triggers_are_looked_for_with_no_more_rights_than_to_read),
        TEST(row_cache_loads_anew_only_the_row_that_was_changed),
        TEST(loader_that_fails_says_why_and_nothing_is_cached),
        TEST(absence_is_remembered_until_the_row_is_there),
        TEST(what_was_never_a_standby_is_not_taken_for_one),
    };

    return cmocka_run_group_tests_name("patterns", tests, make_products,
                                       drop_products);
}
