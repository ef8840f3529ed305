/* SPDX-License-Identifier: MIT */
/* Names: what is read, refused, quoted, and never cut. */
#include "support/installing.h"

static void
names_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    refuse_table("\"open", "\"open: ");
    refuse_table("", "invalid name syntax");
    refuse_table("a..b", "a..b: ");
    refuse_table("a.b.c", "a.b.c: cross-database");
    refuse_table("a.b.c.d", "a.b.c.d: ");
    refuse_table("orders; DROP TABLE orders", "invalid name syntax");
    refuse_table("orders -- x", "invalid name syntax");
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
}

static void
names_over_63_bytes_are_refused(void **state)
{
    char name[65] = {0};
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    memset(name, 'x', 64);
    options.channel = name;
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the channel's name has 64 bytes, at most 63 are possible: \"xxx");
    options.channel = "ch";
    options.trigger_name = "tg";
    name[61] = '\0';
    options.function_name = name;
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the function's name has 64 bytes, at most 63");
    options.function_name = "fn";
    name[59] = '\0';
    options.trigger_name = name;
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the trigger's name has 62 bytes, at most 61");
    options.trigger_name = "";
    refuse(&options, PGCW_INVALID_ARGUMENT, "may not be empty");
    options.trigger_name = NULL;
    table = NULL;
    refuse(&options, PGCW_INVALID_ARGUMENT, "a table's name is NULL");
    assert_int_equal(count_objects(), 0);
}

static void
names_of_63_bytes_are_taken_whole(void **state)
{
    char channel[61];
    char table[66];
    const char *tables = table;
    struct pgcw_install_options options = on_tables(&tables, 1);

    (void)state;
    memset(channel, 'c', sizeof channel);
    channel[59] = '\0';
    options.channel = channel;
    options.function_name = "fun";
    options.trigger_name = "t";
    snprintf(table, sizeof table, "\"%063d\"", 7);
    database_run(connection,
                 "CREATE TABLE "
                 "\"000000000000000000000000000000000000000000000000000000000"
                 "000007\" (id int)");
    commit(plan(&options));
    assert_string_equal(database_text(connection,
                                      "SELECT max(length(tgname)) || ' ' || "
                                      "max(length(proname)) FROM pg_trigger, "
                                      "pg_proc WHERE pg_proc.oid = tgfoid"),
                        "63 63");
    expect_nothing_to_do(&options);
}

static void
table_name_over_63_bytes_is_not_cut(void **state)
{
    char table[65];

    (void)state;
    snprintf(table, sizeof table, "%064d", 0);
    table[0] = 't';
    database_run(connection, "CREATE TABLE "
                             "t00000000000000000000000000000000000000000000000"
                             "000000000000000 (id int)");
    refuse_table(table, "64 bytes");
}

/* In every place, each of these is nothing but a name. */
static const char *const hostile[] = {
    "x\"; DROP TABLE orders; --",
    "x'; DROP TABLE orders; --",
    "$pgcachewatch$; DROP TABLE orders; --",
    "\\'; DROP TABLE orders; --",
    "x\nDROP TABLE orders; --",
    "%I%s%1$s :'channel' $1",
    "Größe 表",
};

/* Install, hear of an INSERT, uninstall. */
static void
try_names(const struct pgcw_install_options *options)
{
    char *channel = PQescapeIdentifier(connection, options->channel,
                                       strlen(options->channel));
    PGnotify *notify;
    char sql[256];

    commit(plan(options));
    expect_nothing_to_do(options);
    assert_int_equal(count_objects(), 5);
    snprintf(sql, sizeof sql, "LISTEN %s", channel);
    database_run(connection, sql);
    snprintf(sql, sizeof sql, "INSERT INTO %s VALUES (1)", options->tables[0]);
    database_run(connection, sql);
    notify = PQnotifies(connection);
    assert_non_null(notify);
    assert_string_equal(notify->relname, options->channel);
    PQfreemem(notify);
    PQfreemem(channel);
    commit(plan_removal(options));
    assert_int_equal(count_objects(), 0);
    database_run(connection, "UNLISTEN *; SELECT FROM orders");
}

static void
P10_hostile_name_is_only_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        char sql[256];
        char table[128];
        const char *tables = table;
        struct pgcw_install_options options = on_tables(&tables, 1);
        char *identifier =
            PQescapeIdentifier(connection, hostile[i], strlen(hostile[i]));

        snprintf(table, sizeof table, "other.%s", identifier);
        snprintf(sql, sizeof sql, "CREATE TABLE %s (id int)", table);
        database_run(connection, sql);
        options.channel = hostile[i];
        options.function_name = "f";
        options.trigger_name = "t";
        try_names(&options);
        options.channel = "c";
        options.function_name = hostile[i];
        options.trigger_name = hostile[i];
        try_names(&options);
        PQfreemem(identifier);
    }
}

static void
trigger_of_another_channel_is_not_replaced(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    options.channel = "a";
    commit(plan(&options));
    options.channel = "a_i";
    refuse(&options, PGCW_REFUSED,
           "trigger tg_pgcachewatch_table_change_a_i on public.orders is "
           "there, and calls fn_pgcachewatch_table_change_a,");
    assert_int_equal(count_objects(), 5);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_schema)
    const struct CMUnitTest tests[] = {
        TEST(names_that_cannot_be_read_are_refused),
        TEST(names_over_63_bytes_are_refused),
        TEST(names_of_63_bytes_are_taken_whole),
        TEST(table_name_over_63_bytes_is_not_cut),
        TEST(P10_hostile_name_is_only_a_name),
        TEST(trigger_of_another_channel_is_not_replaced),
    };

    return RUN_INSTALLING(tests, "pgcw_test_install_names");
}
