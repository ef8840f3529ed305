/* SPDX-License-Identifier: MIT */
/*
 * Names and keys that would be SQL, JSON or an option if they were not quoted:
 * they arrive as they are, and nothing else happens (P10). What install makes
 * of them: test_install_names.c.
 */
#include "support/installing.h"

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/process.h"

#define DATABASE "pgcw_test_hostile_names"
#define FIFTY "12345678901234567890123456789012345678901234567890"

static const char *const hostile[] = {
    "orders; DROP TABLE orders; --",
    "x\"; DROP TABLE orders; --",
    "x'; DROP TABLE orders; --",
    "x\\'; DROP TABLE orders; --",
    "E'\\''; DROP TABLE orders; --",
    "$$; DROP TABLE orders; --",
    "x');\nDROP TABLE orders;\n--",
    "x\", \"orders\"; UNLISTEN *; LISTEN \"y",
    "', 'x'); DELETE FROM orders; --",
    "{\"table\": \"orders\"}",
    "\",\"table\":\"orders\",\"x\":\"",
    "$1 :'channel' ${PATH} `id` %s%n%1$s",
    "x' dbname='postgres",
    "\\",
    "\"",
    "'",
    " ",
    "{NULL,\"a\\\"}",
    "NULL",
    "UPPER lower",
    "Größe 表 \U0001f600",
    /* 63 bytes, the last ones of two, three and four bytes */
    FIFTY "12345678901ß",
    FIFTY "1234567890表",
    FIFTY "123456789\U0001f600",
    FIFTY "123456789012'",
};

#define HOSTILE_COUNT (sizeof(hostile) / sizeof(hostile[0]))

/* Of everything that a statement in a name could have changed. */
static const char everything[] =
    "SELECT concat_ws(' ', (SELECT string_agg(relname::text, ','"
    " ORDER BY relname) FROM pg_class WHERE relnamespace = "
    "'public'::regnamespace"
    "), (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),"
    " (SELECT count(*) FROM pg_roles), (SELECT count(*) FROM pg_trigger),"
    " (SELECT count(*) FROM orders), (SELECT count(*) FROM "
    "pg_db_role_setting))";

static char before[DATABASE_TEXT_BYTES];

static int
set_up(void **state)
{
    (void)make_schema(state);
    database_run(connection, "INSERT INTO orders VALUES (1, 1)");
    (void)snprintf(before, sizeof(before), "%s",
                   database_text(connection, everything));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    return await_library_threads(0) == 0 ? 0 : -1;
}

static void
expect_nothing_happened(void)
{
    assert_string_equal(database_text(connection, everything), before);
}

static struct pgcw_listener *
open_listener(const char *dsn, const char *channel)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;

    options.dsn = dsn;
    options.channel = channel;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        fail_msg("%s: %s", channel, error.detail);
    }
    return listener;
}

static struct pgcw_bytes
bytes_of(const char *text)
{
    return (struct pgcw_bytes){text, strlen(text)};
}

static void
emit(const char *name)
{
    struct pgcw_bytes keys[HOSTILE_COUNT];
    struct pgcw_event event = {.operation = PGCW_UPDATE,
                               .channel = name,
                               .schema = name,
                               .table = name,
                               .keys = keys,
                               .key_count = HOSTILE_COUNT};

    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        keys[i] = bytes_of(hostile[i]);
    }
    if (pgcw_event_emit(connection, &event, &error) != PGCW_OK) {
        fail_msg("%s: %s", name, error.detail);
    }
}

static void
take(struct pgcw_subscription *subscription, const char *name)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    assert_int_equal(pgcw_subscription_next(subscription, 0, &item), PGCW_OK);
    assert_int_equal(item.kind, PGCW_ITEM_EVENT);
    assert_string_equal(item.event->channel, name);
    assert_string_equal(item.event->schema, name);
    assert_string_equal(item.event->table, name);
    assert_int_equal(item.event->key_count, HOSTILE_COUNT);
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        assert_int_equal(item.event->keys[i].size, strlen(hostile[i]));
        assert_string_equal(item.event->keys[i].data, hostile[i]);
    }
    assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                     PGCW_TIMEOUT);
}

/* As a value of a connection string. */
static void
quote_option(char *quoted, size_t size, const char *text)
{
    size_t length = 0;

    for (; *text != '\0' && length + 3 < size; text++) {
        if (*text == '\'' || *text == '\\') {
            quoted[length++] = '\\';
        }
        quoted[length++] = *text;
    }
    quoted[length] = '\0';
}

/* The server shows what is not printable ASCII as question marks. */
static void
expect_application(const char *name)
{
    PGresult *found = PQexecParams(
        connection,
        "SELECT 1 FROM pg_stat_activity WHERE datname = '" DATABASE "' AND"
        " application_name = (SELECT string_agg(CASE WHEN byte BETWEEN 32"
        " AND 126 THEN chr(byte) ELSE '?' END, '' ORDER BY i) FROM"
        " (SELECT i, get_byte(convert_to($1, 'UTF8'), i) AS byte FROM"
        " generate_series(0, octet_length($1) - 1) AS i) AS bytes)",
        1, NULL, &name, NULL, NULL, 0);

    assert_int_equal(PQntuples(found), 1);
    PQclear(found);
}

static void
P10_channel_application_table_and_keys_are_heard_as_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct pgcw_subscription *subscription = NULL;
        char quoted[200];
        char dsn[300];

        quote_option(quoted, sizeof(quoted), hostile[i]);
        (void)snprintf(dsn, sizeof(dsn),
                       "dbname=" DATABASE " application_name='%s'", quoted);
        struct pgcw_listener *listener = open_listener(dsn, hostile[i]);
        assert_int_equal(
            pgcw_subscription_open(listener, NULL, &subscription, NULL),
            PGCW_OK);
        expect_application(hostile[i]);
        /* each on its channel; only one of them is this listener's */
        for (size_t j = 0; j < HOSTILE_COUNT; j++) {
            emit(hostile[j]);
        }
        assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
        take(subscription, hostile[i]);
        pgcw_subscription_close(subscription);
        pgcw_listener_close(listener);
    }
    expect_nothing_happened();
}

static void
P10_names_that_are_no_text_are_refused(void **state)
{
    static const char *const broken[] = {"\xff", "x\xc3", "\xed\xa0\x80",
                                         "\xc0\xa7"};

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
        struct pgcw_event event = {
            .operation = PGCW_UPDATE, .channel = broken[i], .table = "orders"};
        struct pgcw_listener *listener = NULL;

        options.dsn = "dbname=" DATABASE;
        options.channel = broken[i];
        options.connect_timeout_ms = PATIENCE_MS;
        assert_int_equal(pgcw_listener_open(&options, &listener, &error),
                         PGCW_INVALID_ARGUMENT);
        assert_non_null(strstr(error.detail, "not valid UTF-8"));
        assert_null(listener);
        assert_int_equal(pgcw_event_emit(connection, &event, &error),
                         PGCW_REFUSED);
        assert_string_equal(error.sqlstate, "22021");
    }
    expect_nothing_happened();
}

static struct pgcw_cache *
create_cache(struct pgcw_listener *listener)
{
    struct pgcw_cache *cache = NULL;

    assert_int_equal(pgcw_cache_create(listener, NULL, &cache, NULL), PGCW_OK);
    return cache;
}

/* For each row of the table a value that depends on it. */
static void
put_rows(struct pgcw_cache *cache, const char *table)
{
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
        struct pgcw_bytes key = bytes_of(hostile[i]);
        struct pgcw_tag tag = {"public", table, key};

        options.tags = &tag;
        options.tag_count = 1;
        assert_int_equal(
            pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), &options),
            PGCW_OK);
    }
}

/* Rows may share a slot, but hardly three of these with one. */
static void
expect_only_missing(struct pgcw_cache *cache, size_t missing)
{
    size_t hit_count = 0;

    pgcw_read_begin();
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        struct pgcw_bytes value;
        bool is_hit =
            pgcw_cache_lookup(cache, bytes_of(hostile[i]), &value) == PGCW_OK;

        assert_false(is_hit && i == missing);
        hit_count += is_hit;
    }
    pgcw_read_end();
    assert_in_range(hit_count, HOSTILE_COUNT - 3, HOSTILE_COUNT - 1);
}

/* A table of that name with a row for each key, and triggers that tell. */
static void
make_table(const char *name, char identifier[200])
{
    char sql[400];
    char *quoted = PQescapeIdentifier(connection, name, strlen(name));
    const char *table = identifier;
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)snprintf(identifier, 200, "%s", quoted);
    PQfreemem(quoted);
    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE %s (id text PRIMARY KEY, n int)", identifier);
    database_run(connection, sql);
    (void)snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES ($1, 0)",
                   identifier);
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        PQclear(
            PQexecParams(connection, sql, 1, NULL, &hostile[i], NULL, NULL, 0));
    }
    options.rows = true;
    commit(plan(&options));
}

static void
raise_row(const char *identifier, const char *id)
{
    char sql[300];

    (void)snprintf(sql, sizeof(sql), "UPDATE %s SET n = n + 1 WHERE id = $1",
                   identifier);
    PGresult *result =
        PQexecParams(connection, sql, 1, NULL, &id, NULL, NULL, 0);
    assert_string_equal(PQcmdTuples(result), "1");
    PQclear(result);
}

static void
expect_answer(struct pgcw_query_cache *queries, const struct pgcw_query *query,
              const char *answer, bool is_hit)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
    struct pgcw_query_result result;

    pgcw_query_cache_read_stats(queries, &stats);
    uint64_t hits = stats.hits;
    if (pgcw_query_exec(queries, connection, query, &result, &error) !=
        PGCW_OK) {
        fail_msg("%s: %s", query->command, error.detail);
    }
    assert_int_equal(PQntuples(result.rows), 1);
    assert_string_equal(PQgetvalue(result.rows, 0, 0), answer);
    pgcw_query_release(&result);
    pgcw_query_cache_read_stats(queries, &stats);
    assert_int_equal(stats.hits - hits, is_hit);
}

static void
P10_hostile_table_and_rows_are_only_a_table_and_rows(void **state)
{
    struct pgcw_listener *listener = open_listener("dbname=" DATABASE, NULL);
    struct pgcw_cache *cache = create_cache(listener);
    struct pgcw_query_cache *queries = NULL;

    (void)state;
    assert_int_equal(pgcw_query_cache_create(listener, NULL, &queries, &error),
                     PGCW_OK);
    for (size_t i = 0; i < HOSTILE_COUNT; i++) {
        size_t row = (i + 1) % HOSTILE_COUNT;
        char identifier[200];
        char sql[300];
        struct pgcw_query query = {
            .command = sql, .parameter_count = 1, .values = &hostile[row]};

        make_table(hostile[i], identifier);
        put_rows(cache, hostile[i]);
        (void)snprintf(sql, sizeof(sql), "SELECT n FROM %s WHERE id = $1",
                       identifier);
        expect_answer(queries, &query, "0", false);
        expect_answer(queries, &query, "0", true);
        raise_row(identifier, hostile[row]);
        assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
        expect_answer(queries, &query, "1", false);
        expect_only_missing(cache, row);
    }
    pgcw_query_cache_destroy(queries);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    assert_string_equal(database_text(connection, "SELECT n FROM orders"), "1");
}

static int
make_database(void **state)
{
    (void)state;
    start_rcu_thread();
    connection = database_create(DATABASE);
    return 0;
}

static int
drop_database(void **state)
{
    (void)state;
    database_drop(connection, DATABASE);
    return 0;
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(P10_channel_application_table_and_keys_are_heard_as_they_are),
        TEST(P10_names_that_are_no_text_are_refused),
        TEST(P10_hostile_table_and_rows_are_only_a_table_and_rows),
    };

    return cmocka_run_group_tests_name("hostile names", tests, make_database,
                                       drop_database);
}
