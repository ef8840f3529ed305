/* SPDX-License-Identifier: MIT */
/* Sending an event by hand. */
#include "support/database.h"

#include <pgcachewatch/event.h>

#include "base/alloc.h"
#include "event/payload.h"

#define DATABASE "pgcw_test_emit"

static PGconn *connection;
static struct pgcw_error error;

static int
make_database(void **state)
{
    (void)state;
    connection = database_create(DATABASE);
    database_run(connection, "LISTEN " PGCW_DEFAULT_CHANNEL);
    return 0;
}

static int
drop_database(void **state)
{
    (void)state;
    database_drop(connection, DATABASE);
    return 0;
}

static struct pgcw_event
make_event(void)
{
    struct pgcw_event event = {
        .operation = PGCW_UPDATE,
        .channel = PGCW_DEFAULT_CHANNEL,
        .schema = "public",
        .table = "orders",
    };

    return event;
}

static void
emit(const struct pgcw_event *event)
{
    enum pgcw_status status = pgcw_event_emit(connection, event, &error);

    if (status != PGCW_OK) {
        print_error("%s\n", error.detail);
    }
    assert_int_equal(status, PGCW_OK);
}

static struct pgcwi_change
decode_next(void)
{
    struct pgcwi_change change;
    const char *payload = database_heard(connection);

    assert_non_null(payload);
    assert_true(pgcwi_payload_decode(payload, strlen(payload), &change));
    return change;
}

static void
event_is_heard_as_it_was_sent(void **state)
{
    static const enum pgcw_operation operations[] = {
        PGCW_INSERT, PGCW_UPDATE, PGCW_DELETE, PGCW_TRUNCATE};
    struct pgcw_event event = make_event();

    (void)state;
    event.schema = "Größe";
    event.table = "a \"b\"\\\n表";
    event.sent_at_us = INT64_C(1763837820123457);
    for (size_t i = 0; i < 4; i++) {
        struct pgcwi_change change;

        event.operation = operations[i];
        emit(&event);
        change = decode_next();
        assert_int_equal(change.operation, operations[i]);
        assert_string_equal(change.schema, event.schema);
        assert_string_equal(change.table, event.table);
        assert_int_equal(change.sent_at_us, event.sent_at_us);
    }
}

static void
time_that_is_not_given_is_the_start_of_the_transaction(void **state)
{
    struct pgcw_event event = make_event();
    int64_t start_us;

    (void)state;
    database_run(connection, "SET TimeZone = 'Asia/Kathmandu'; BEGIN");
    start_us = atoll(database_text(
        connection, "SELECT (extract(epoch FROM now()) * 1000000)::bigint"));
    database_run(connection, "SELECT pg_sleep(0.002)");
    emit(&event);
    assert_null(database_heard(connection));
    database_run(connection, "COMMIT");
    assert_int_equal(decode_next().sent_at_us, start_us);
    database_run(connection, "RESET TimeZone");
}

static void
empty_schema_is_not_sent(void **state)
{
    struct pgcw_event event = make_event();

    (void)state;
    event.schema = "";
    emit(&event);
    assert_null(strstr(database_heard(connection), "schema"));
    event.schema = NULL;
    emit(&event);
    assert_null(strstr(database_heard(connection), "schema"));
}

static void
keys_are_heard_as_they_were_sent(void **state)
{
    static const struct pgcw_bytes keys[] = {
        {"1", 1}, {"", 0}, {"[\"a\", \"\\\\\"]", 11}, {"{,}NULL\n\u00e9", 10}};
    struct pgcw_event event = make_event();
    struct pgcwi_change change;

    (void)state;
    event.keys = keys;
    event.key_count = 4;
    emit(&event);
    change = decode_next();
    assert_int_equal(change.key_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(change.keys[i].size, keys[i].size);
        assert_memory_equal(change.keys[i].data, keys[i].data, keys[i].size);
    }
    pgcwi_change_fini(&change);
    event.key_count = 0;
    emit(&event);
    assert_null(strstr(database_heard(connection), "keys"));
}

static void
keys_that_cannot_be_sent_are_refused(void **state)
{
    static char text[9000];
    struct pgcw_bytes key = {"a\0b", 3};
    struct pgcw_event event = make_event();

    (void)state;
    event.keys = &key;
    event.key_count = 1;
    assert_int_equal(pgcw_event_emit(connection, &event, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "NUL"));
    memset(text, 'x', sizeof text);
    key = (struct pgcw_bytes){text, sizeof text};
    assert_int_equal(pgcw_event_emit(connection, &event, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "22023");
    key = (struct pgcw_bytes){"\xff", 1};
    assert_int_equal(pgcw_event_emit(connection, &event, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "22021");
    key = (struct pgcw_bytes){"1", 1};
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_event_emit(connection, &event, &error),
                     PGCW_NO_MEMORY);
    pgcwi_alloc_fail_nth(0);
    assert_null(database_heard(connection));
}

static void
other_channel_is_heard_under_its_exact_name(void **state)
{
    struct pgcw_event event = make_event();
    PGnotify *notify;

    (void)state;
    event.channel = "It's \"Another\"";
    database_run(connection, "LISTEN \"It's \"\"Another\"\"\"");
    emit(&event);
    notify = PQnotifies(connection);
    assert_non_null(notify);
    assert_string_equal(notify->relname, event.channel);
    PQfreemem(notify);
}

static void
refuse(const struct pgcw_event *event, const char *word)
{
    assert_int_equal(pgcw_event_emit(connection, event, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, word));
    assert_int_equal(pgcw_event_emit(connection, event, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_null(database_heard(connection));
}

static void
what_a_listener_would_not_understand_is_refused(void **state)
{
    char name[65];
    struct pgcw_event event = make_event();

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[64] = '\0';
    event.channel = name;
    refuse(&event, "channel");
    event.channel = NULL;
    refuse(&event, "channel");
    event = make_event();
    event.table = name;
    refuse(&event, "table");
    event.table = "";
    refuse(&event, "table");
    event = make_event();
    event.schema = name;
    refuse(&event, "schema");
    event = make_event();
    event.operation = (enum pgcw_operation)3;
    refuse(&event, "operation");
}

static void
refusal_and_lost_connection_are_told_apart(void **state)
{
    struct pgcw_event event = make_event();
    PGconn *usual = connection;
    char sql[64];

    (void)state;
    assert_string_equal(database_fail(connection, "BEGIN; SELECT 1/0"),
                        "22012");
    assert_int_equal(pgcw_event_emit(connection, &event, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "25P02");
    database_run(connection, "ROLLBACK");
    connection = database_connect(DATABASE);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)",
             PQbackendPID(connection));
    database_run(usual, sql);
    assert_int_equal(pgcw_event_emit(connection, &event, &error),
                     PGCW_DISCONNECTED);
    PQfinish(connection);
    connection = usual;
}

/* What a decoded message of the channel has in it: in `change`, or none. */
static bool
decode_message(struct pgcwi_change *change)
{
    static const char sql[] =
        "SELECT coalesce(min(encode(substr(data, 11 + length(prefix) + 1 + 4), "
        "'hex')), '') FROM (SELECT '" PGCW_DEFAULT_CHANNEL "'::bytea AS "
        "prefix) AS p, pg_logical_slot_get_binary_changes('" DATABASE
        "', NULL, NULL, 'proto_version', '1', 'publication_names', 'none', "
        "'messages', 'true') WHERE get_byte(data, 0) = ascii('M') AND "
        "substr(data, 11, length(prefix) + 1) = prefix || '\\000'";
    static char payload[DATABASE_TEXT_BYTES];
    const char *hex = database_text(connection, sql);
    size_t bytes = strlen(hex) / 2;

    for (size_t i = 0; i < bytes; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], '\0'};

        payload[i] = (char)strtol(digits, NULL, 16);
    }
    return bytes > 0 && pgcwi_payload_decode(payload, bytes, change);
}

static int
make_slot(void **state)
{
    (void)state;
    database_run(connection,
                 "SELECT pg_create_logical_replication_slot('" DATABASE
                 "', 'pgoutput', true)");
    return 0;
}

static int
drop_slot(void **state)
{
    (void)state;
    database_run(connection, "SELECT pg_drop_replication_slot('" DATABASE "')");
    return 0;
}

static void
wal_has_the_event_when_it_is_committed(void **state)
{
    static const struct pgcw_bytes keys[] = {{"7", 1}, {"[\"a\"]", 5}};
    struct pgcw_event event = make_event();
    struct pgcwi_change change;

    (void)state;
    event.keys = keys;
    event.key_count = 2;
    event.sent_at_us = INT64_C(1763837820123457);
    database_run(connection, "BEGIN");
    assert_int_equal(pgcw_event_emit_wal(connection, &event, &error), PGCW_OK);
    database_run(connection, "ROLLBACK");
    assert_false(decode_message(&change));
    assert_int_equal(pgcw_event_emit_wal(connection, &event, &error), PGCW_OK);
    assert_null(database_heard(connection));
    assert_true(decode_message(&change));
    assert_int_equal(change.operation, PGCW_UPDATE);
    assert_string_equal(change.schema, "public");
    assert_string_equal(change.table, "orders");
    assert_int_equal(change.sent_at_us, event.sent_at_us);
    assert_int_equal(change.key_count, 2);
    assert_string_equal(change.keys[0].data, "7");
    assert_string_equal(change.keys[1].data, "[\"a\"]");
    pgcwi_change_fini(&change);
}

static void
wal_has_utf8_whatever_the_encoding_of_the_database(void **state)
{
    PGconn *usual = connection;
    struct pgcw_event event = make_event();
    struct pgcwi_change change;

    (void)state;
    database_run(usual, "DROP DATABASE IF EXISTS pgcw_test_emit_latin1");
    database_run(usual, "CREATE DATABASE pgcw_test_emit_latin1 ENCODING "
                        "LATIN1 LOCALE 'C' TEMPLATE template0");
    connection = database_connect("pgcw_test_emit_latin1");
    make_slot(state);
    event.schema = "Größe";
    assert_int_equal(pgcw_event_emit_wal(connection, &event, &error), PGCW_OK);
    assert_true(decode_message(&change));
    assert_string_equal(change.schema, "Größe");
    pgcwi_change_fini(&change);
    drop_slot(state);
    PQfinish(connection);
    connection = usual;
    database_run(usual, "DROP DATABASE pgcw_test_emit_latin1 WITH (FORCE)");
}

static void
wal_refuses_what_would_not_be_understood(void **state)
{
    struct pgcw_event event = make_event();

    (void)state;
    event.channel = "";
    assert_int_equal(pgcw_event_emit_wal(connection, &event, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "channel"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_is_heard_as_it_was_sent),
        cmocka_unit_test(
            time_that_is_not_given_is_the_start_of_the_transaction),
        cmocka_unit_test(empty_schema_is_not_sent),
        cmocka_unit_test(keys_are_heard_as_they_were_sent),
        cmocka_unit_test(keys_that_cannot_be_sent_are_refused),
        cmocka_unit_test(other_channel_is_heard_under_its_exact_name),
        cmocka_unit_test(what_a_listener_would_not_understand_is_refused),
        cmocka_unit_test(refusal_and_lost_connection_are_told_apart),
        cmocka_unit_test_setup_teardown(wal_has_the_event_when_it_is_committed,
                                        make_slot, drop_slot),
        cmocka_unit_test(wal_has_utf8_whatever_the_encoding_of_the_database),
        cmocka_unit_test(wal_refuses_what_would_not_be_understood),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}
