/* SPDX-License-Identifier: MIT */
/* Values that depend on rows and tables, with triggers that tell rows. */
#include "support/installing.h"

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/process.h"

#define DATABASE "pgcw_test_tags"
#define ROWS 100000
/*
 * Entries that share a slot with one row: 0.8 on average, of 131,072 slots.
 * More than this has a chance below 10^-9.
 */
#define COLLISIONS_MAX 12

static struct pgcw_listener *listener;
static struct pgcw_cache *cache;

static int
set_up(void **state)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    make_schema(state);
    options.dsn = "dbname=" DATABASE;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK ||
        pgcw_cache_create(listener, NULL, &cache, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static void
install_rows_of(const char *table)
{
    struct pgcw_install_options options = on_tables(&table, 1);

    options.rows = true;
    commit(plan(&options));
}

/* Run SQL, and wait until what it changed is applied. */
static void
change(const char *sql)
{
    database_run(connection, sql);
    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
}

static void
put(const char *key, struct pgcw_tag tag)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes bytes = {key, strlen(key)};

    options.tags = &tag;
    options.tag_count = 1;
    assert_int_equal(
        pgcw_cache_put(cache, bytes, bytes, pgcw_cache_stamp(cache), &options),
        PGCW_OK);
}

static void
put_row(const char *key, const char *table, const char *row)
{
    put(key, (struct pgcw_tag){"public", table, {row, strlen(row)}});
}

static bool
is_cached(const char *key)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    enum pgcw_status status =
        pgcw_cache_get(cache, (struct pgcw_bytes){key, strlen(key)}, &value);

    pgcw_buffer_free(&value);
    return status == PGCW_OK;
}

static void
change_of_a_row_leaves_the_other_rows_cached(void **state)
{
    char row[16];
    int gone = 0;

    (void)state;
    install_rows_of("orders");
    database_run(connection, "INSERT INTO orders SELECT i, 0 "
                             "FROM generate_series(0, 99999) AS i");
    change("SELECT 1");
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(row, sizeof(row), "%d", i);
        put_row(row, "orders", row);
    }
    put("customers", (struct pgcw_tag){"public", "customers", {NULL, 0}});
    change("UPDATE orders SET n = 1 WHERE id = 4711");
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(row, sizeof(row), "%d", i);
        gone += is_cached(row) ? 0 : 1;
    }
    assert_false(is_cached("4711"));
    assert_in_range(gone, 1, 1 + COLLISIONS_MAX);
    assert_true(is_cached("customers"));

    put_row("0", "orders", "0"); /* it may have shared a slot */
    assert_true(is_cached("0"));
    change("TRUNCATE orders");
    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(row, sizeof(row), "%d", i);
        assert_false(is_cached(row));
    }
    assert_true(is_cached("customers"));
}

static void
change_of_too_many_rows_makes_them_all_invalid(void **state)
{
    (void)state;
    install_rows_of("orders");
    put_row("unchanged", "orders", "999999");
    change("INSERT INTO orders SELECT i, 0 FROM generate_series(1, 5000) AS i");
    assert_false(is_cached("unchanged"));
}

static void
trigger_that_tells_no_rows_makes_them_all_invalid(void **state)
{
    (void)state;
    install("orders");
    database_run(connection, "INSERT INTO orders VALUES (1, 0), (2, 0)");
    change("SELECT 1");
    put_row("2", "orders", "2");
    put("customers", (struct pgcw_tag){NULL, "customers", {NULL, 0}});
    change("UPDATE orders SET n = 1 WHERE id = 1");
    assert_false(is_cached("2"));
    assert_true(is_cached("customers"));
}

static void
row_whose_key_changes_is_invalid_by_both_keys(void **state)
{
    (void)state;
    install_rows_of("orders");
    database_run(connection, "INSERT INTO orders VALUES (1, 0), (2, 0)");
    change("SELECT 1");
    put_row("old", "orders", "1");
    put_row("new", "orders", "3");
    put_row("other", "orders", "2");
    change("UPDATE orders SET id = 3 WHERE id = 1");
    assert_false(is_cached("old"));
    assert_false(is_cached("new"));
    assert_true(is_cached("other"));
}

static void
row_of_two_key_columns_is_named_as_events_name_it(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE lines (order_id int, line text, n int, "
                 "PRIMARY KEY (order_id, line));"
                 "INSERT INTO lines VALUES (1, 'a', 0), (1, 'b', 0)");
    install_rows_of("lines");
    put_row("a", "lines", "[\"1\", \"a\"]");
    put_row("b", "lines", "[\"1\", \"b\"]");
    change("UPDATE lines SET n = 1 WHERE line = 'a'");
    assert_false(is_cached("a"));
    assert_true(is_cached("b"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(change_of_a_row_leaves_the_other_rows_cached),
        TEST(change_of_too_many_rows_makes_them_all_invalid),
        TEST(trigger_that_tells_no_rows_makes_them_all_invalid),
        TEST(row_whose_key_changes_is_invalid_by_both_keys),
        TEST(row_of_two_key_columns_is_named_as_events_name_it),
    };

    start_rcu_thread();
    return RUN_INSTALLING(tests, DATABASE);
}
