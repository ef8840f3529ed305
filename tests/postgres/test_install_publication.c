/* SPDX-License-Identifier: MIT */
/* Publications: what is planned, written, refused, and removed again. */
#include "support/own_cluster.h"
/* which has an error of its own; this one's is for all */
#include "support/publishing.h"

#define DATABASE "pgcw_test_install_publication"
#define SUFFIX " to publication " PUBLICATION

static void
makes_a_publication_of_the_tables_and_no_trigger(void **state)
{
    const char *const tables[] = {"orders", "public.customers", "ORDERS"};
    struct pgcw_install_options options = of_tables(tables, 3);

    (void)state;
    options.rows = true; /* it always tells rows */
    commit(plan(&options));
    assert_string_equal(publications(), PUBLICATION ": customers orders");
    assert_int_equal(count_objects(), 0);
    assert_string_equal(
        database_text(connection, "SELECT to_jsonb(p) - 'oid' - 'pubname' - "
                                  "'pubowner' - 'pubgencols' FROM "
                                  "pg_publication AS p"),
        "{\"pubdelete\": true, \"pubinsert\": true, \"pubupdate\": true, "
        "\"pubviaroot\": true, \"pubtruncate\": true, \"puballtables\": "
        "false}");
}

static void
steps_say_what_they_do_and_nothing_is_written(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = of_tables(tables, 2);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    assert_string_equal(pgcw_plan_step_sql(made, 0),
                        "CREATE PUBLICATION " PUBLICATION
                        " WITH (publish_via_partition_root);");
    assert_string_equal(pgcw_plan_step_sql(made, 1),
                        "LOCK TABLE public.orders IN SHARE ROW EXCLUSIVE "
                        "MODE;\nALTER PUBLICATION " PUBLICATION
                        " ADD TABLE ONLY public.orders;");
    assert_string_equal(plan_text(made), "create publication " PUBLICATION "\n"
                                         "add public.orders" SUFFIX "\n"
                                         "add public.customers" SUFFIX "\n");
    assert_string_equal(publications(), "");
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
}

static void
only_what_is_missing_is_a_step(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = of_tables(tables, 2);

    (void)state;
    publish("orders");
    assert_string_equal(plan_text(plan(&options)),
                        "add public.customers" SUFFIX "\n");
    commit(plan(&options));
    expect_nothing_to_do(&options);
    assert_string_equal(publications(), PUBLICATION ": customers orders");
}

static void
what_somebody_else_did_meanwhile_is_refused_whole(void **state)
{
    const char *const tables[] = {"customers", "orders"};
    struct pgcw_install_options options = of_tables(tables, 2);
    struct pgcw_plan *first = plan(&options);
    struct pgcw_plan *second;

    (void)state;
    publish("customers");
    second = plan(&options);
    assert_int_equal(pgcw_plan_commit(connection, first, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42710");
    assert_string_equal(publications(), PUBLICATION ": customers");
    publish("orders");
    assert_int_equal(pgcw_plan_commit(connection, second, &error),
                     PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "42710");
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    pgcw_plan_destroy(first);
    pgcw_plan_destroy(second);
    expect_nothing_to_do(&options);
}

static void
publication_in_another_form_is_put_right(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = of_tables(tables, 2);

    (void)state;
    database_run(connection, "CREATE PUBLICATION " PUBLICATION
                             " FOR TABLE orders, customers "
                             "WITH (publish = 'insert')");
    assert_string_equal(plan_text(plan(&options)),
                        "let publication " PUBLICATION " tell every "
                        "operation, and partitions as their table\n");
    commit(plan(&options));
    expect_nothing_to_do(&options);
    static const char *const forms[] = {
        "publish = 'update, delete, truncate'",
        "publish = 'insert, delete, truncate'",
        "publish = 'insert, update, truncate'",
        "publish = 'insert, update, delete'",
        "publish_via_partition_root = false",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        char sql[256];

        snprintf(sql, sizeof sql, "ALTER PUBLICATION " PUBLICATION " SET (%s)",
                 forms[i]);
        database_run(connection, sql);
        commit(plan(&options));
        expect_nothing_to_do(&options);
        assert_string_equal(
            database_text(connection,
                          "SELECT pubinsert AND pubupdate AND pubdelete AND "
                          "pubtruncate AND pubviaroot FROM pg_publication"),
            "t");
    }
    database_run(connection,
                 "DROP TABLE orders, customers CASCADE; CREATE "
                 "TABLE orders (id int PRIMARY KEY); ALTER "
                 "PUBLICATION " PUBLICATION " SET (publish = 'insert')");
    publish("orders"); /* without a table that could be locked */
    assert_string_equal(publications(), PUBLICATION ": orders");
}

static void
table_of_which_only_a_part_is_published_is_published_whole(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);
    static const char *const parts[] = {"(id)", "WHERE (id > 7)"};

    (void)state;
    if (PQserverVersion(connection) < 150000) {
        skip();
    }
    for (size_t i = 0; i < 2; i++) {
        char sql[256];

        snprintf(sql, sizeof sql,
                 "DROP PUBLICATION IF EXISTS " PUBLICATION
                 "; CREATE PUBLICATION " PUBLICATION " FOR TABLE orders %s "
                 "WITH (publish_via_partition_root)",
                 parts[i]);
        database_run(connection, sql);
        assert_string_equal(plan_text(plan(&options)),
                            "add all of public.orders" SUFFIX "\n");
        commit(plan(&options));
        expect_nothing_to_do(&options);
        assert_string_equal(
            database_text(connection, "SELECT prattrs IS NULL AND prqual IS "
                                      "NULL FROM pg_publication_rel"),
            "t");
    }
}

static void
publication_of_all_tables_or_a_schema_is_not_ours(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);
    static const char *const forms[] = {
        "ALL TABLES", "TABLES IN SCHEMA public",
        ("TABLES IN SCHEMA public, TABLE orders")};
    size_t count = PQserverVersion(connection) < 150000 ? 1 : 3;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        char sql[256];

        snprintf(sql, sizeof sql,
                 "DROP PUBLICATION IF EXISTS " PUBLICATION
                 "; CREATE PUBLICATION " PUBLICATION " FOR %s "
                 "WITH (publish_via_partition_root)",
                 forms[i]);
        database_run(connection, sql);
        refuse_to_publish("orders", "publication " PUBLICATION
                                    " is there, and of ALL TABLES or of a "
                                    "SCHEMA");
        assert_string_equal(plan_text(plan_removal(&options)),
                            "keep publication " PUBLICATION
                            ": it is of ALL TABLES or of a SCHEMA\n");
        unpublish(NULL);
        assert_int_equal(atoi(database_text(connection, "SELECT count(*) FROM "
                                                        "pg_publication")),
                         1);
    }
}

static void
uninstalling_drops_tables_and_with_the_last_the_publication(void **state)
{
    const char *const tables[] = {"orders", "customers"};
    struct pgcw_install_options options = of_tables(tables, 2);

    (void)state;
    commit(plan(&options));
    database_run(connection, "CREATE PUBLICATION other FOR TABLE orders");
    options.table_count = 1;
    assert_string_equal(plan_text(plan_removal(&options)),
                        "drop public.orders from publication " PUBLICATION
                        "\n");
    unpublish("orders");
    assert_string_equal(publications(),
                        "other: orders\n" PUBLICATION ": customers");
    assert_string_equal(plan_text(plan_removal(&options)), "");
    unpublish("customers");
    assert_string_equal(publications(), "other: orders");
    options.table_count = 2;
    commit(plan(&options));
    assert_string_equal(plan_text(plan_removal(&options)),
                        "drop publication " PUBLICATION "\n");
    unpublish(NULL);
    assert_string_equal(publications(), "other: orders");
    unpublish(NULL);
    unpublish("orders");
    assert_string_equal(publications(), "other: orders");
}

static void
publication_without_tables_is_removed(void **state)
{
    (void)state;
    publish("orders");
    database_run(connection, "DROP TABLE orders");
    unpublish("customers");
    assert_string_equal(publications(), PUBLICATION ":");
    unpublish(NULL);
    assert_string_equal(publications(), "");
}

static void
channels_have_publications_of_their_own(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);
    const char *const channels[] = {"a", "A", "%", "a\"b'c\\d $$;"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        options.channel = channels[i];
        commit(plan(&options));
        expect_nothing_to_do(&options);
    }
    assert_string_equal(publications(),
                        "pb_pgcachewatch_table_change_%: orders\n"
                        "pb_pgcachewatch_table_change_A: orders\n"
                        "pb_pgcachewatch_table_change_a: orders\n"
                        "pb_pgcachewatch_table_change_a\"b'c\\d $$;: orders");
    for (size_t i = 0; i < 4; i++) {
        options.channel = channels[i];
        options.table_count = i % 2;
        commit(plan_removal(&options));
    }
    assert_string_equal(publications(), "");
}

static void
publication_can_be_named(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    options.publication = "My \"own\"";
    commit(plan(&options));
    expect_nothing_to_do(&options);
    assert_string_equal(publications(), "My \"own\": orders");
    commit(plan_removal(&options));
    assert_string_equal(publications(), "");
}

static void
names_over_63_bytes_are_refused_with_the_way_out(void **state)
{
    char name[65] = {0};
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    memset(name, 'x', 64);
    options.publication = name;
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the publication's name has 64 bytes, at most 63 are possible: ");
    name[63] = '\0';
    commit(plan(&options));
    expect_nothing_to_do(&options);
    options.channel = name;
    expect_nothing_to_do(&options);
    options.publication = NULL;
    name[35] = '\0';
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the publication's name has 64 bytes, at most 63 (34 for the "
           "channel, unless you name the publication) are possible: ");
    name[34] = '\0';
    commit(plan(&options));
    expect_nothing_to_do(&options);
    options.channel = "";
    refuse(&options, PGCW_INVALID_ARGUMENT, "may not be empty");
    options.channel = NULL;
    options.publication = "";
    refuse(&options, PGCW_INVALID_ARGUMENT,
           "the publication's name may not be empty");
}

static void
hostile_names_of_tables_are_quoted(void **state)
{
    const char *table = "\"Sch;ema\".\"a\"\"b'; DROP TABLE orders; --\n$$\\\"";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    database_run(
        connection,
        "DROP SCHEMA IF EXISTS \"Sch;ema\" CASCADE;"
        "CREATE SCHEMA \"Sch;ema\"; CREATE TABLE "
        "\"Sch;ema\".\"a\"\"b'; DROP TABLE orders; --\n$$\\\" (id int)");
    refuse(&options, PGCW_REFUSED, "\"Sch;ema\".\"a\"\"b'; DROP TABLE");
    database_run(connection, "ALTER TABLE "
                             "\"Sch;ema\".\"a\"\"b'; DROP TABLE orders; "
                             "--\n$$\\\" ADD PRIMARY KEY (id)");
    assert_non_null(strstr(plan_text(plan(&options)),
                           "DROP TABLE orders; -- $$\\\"" SUFFIX));
    commit(plan(&options));
    expect_nothing_to_do(&options);
    assert_string_equal(database_text(connection,
                                      "SELECT count(*) FROM "
                                      "pg_publication_rel, pg_class WHERE "
                                      "pg_class.oid = 'orders'::regclass"),
                        "1");
    commit(plan_removal(&options));
    assert_string_equal(publications(), "");
    database_run(connection, "DROP SCHEMA \"Sch;ema\" CASCADE");
}

static void
options_of_the_other_transport_are_refused(void **state)
{
    const char *table = "orders";
    const char *column = "n";
    struct pgcw_install_options triggers[4];
    struct pgcw_install_options options = on_tables(&table, 1);

    (void)state;
    options.publication = "p";
    refuse(&options, PGCW_INVALID_ARGUMENT, "notify has no publication");
    for (size_t i = 0; i < 4; i++) {
        triggers[i] = of_tables(&table, 1);
    }
    triggers[0].function_name = "f";
    triggers[1].trigger_name = "t";
    triggers[2].columns = &column;
    triggers[2].column_count = 1;
    triggers[3].always = true;
    for (size_t i = 0; i < 4; i++) {
        refuse(&triggers[i], PGCW_INVALID_ARGUMENT,
               "the transport wal has no triggers: it takes no "
               "function_name, trigger_name, columns, always");
    }
    options = on_tables(&table, 1);
    options.transport = (enum pgcw_transport)2;
    refuse(&options, PGCW_INVALID_ARGUMENT, "transport: 2 is none");
    options = of_tables(NULL, 0);
    refuse(&options, PGCW_INVALID_ARGUMENT, "at least one table");
}

/* A role that owns orders, and may do nothing else; be it. */
static int
become_owner(void **state)
{
    make_unpublished(state);
    database_run(connection, "CREATE ROLE pgcw_test_owner;"
                             "GRANT USAGE, CREATE ON SCHEMA public TO "
                             "pgcw_test_owner;"
                             "ALTER TABLE orders OWNER TO pgcw_test_owner;"
                             "SET ROLE pgcw_test_owner");
    return 0;
}

static int
end_owner(void **state)
{
    (void)state;
    database_run(connection, "RESET ROLE; DROP OWNED BY pgcw_test_owner "
                             "CASCADE; DROP ROLE pgcw_test_owner");
    return 0;
}

static void
each_missing_privilege_is_named_and_then_it_works(void **state)
{
    (void)state;
    refuse_to_publish("orders",
                      "role pgcw_test_owner may make no publication: GRANT "
                      "CREATE ON DATABASE " DATABASE " TO pgcw_test_owner");
    database_run(connection, "RESET ROLE; GRANT CREATE ON DATABASE " DATABASE
                             " TO pgcw_test_owner; SET ROLE pgcw_test_owner");
    refuse_to_publish("customers", "only the owner of public.customers, "
                                   "postgres, can publish it");
    publish("orders");
    assert_string_equal(publications(), PUBLICATION ": orders");
    unpublish(NULL);
    assert_string_equal(publications(), "");
}

static void
publication_of_another_owner_is_left_to_him(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    database_run(connection, "RESET ROLE");
    publish("customers");
    database_run(connection, "SET ROLE pgcw_test_owner");
    refuse_to_publish("orders", "only the owner of publication " PUBLICATION
                                ", postgres, can change it");
    options.table_count = 0;
    assert_int_equal(pgcw_uninstall_plan(connection, &options,
                                         &(struct pgcw_plan *){NULL}, &error),
                     PGCW_REFUSED);
    assert_string_equal(error.detail, "cannot drop publication " PUBLICATION
                                      ": only its owner can, postgres");
    database_run(connection,
                 "RESET ROLE; ALTER PUBLICATION " PUBLICATION
                 " SET (publish = 'insert'); ALTER PUBLICATION " PUBLICATION
                 " ADD TABLE orders; SET ROLE pgcw_test_owner");
    refuse_to_publish("orders", "only the owner of publication " PUBLICATION
                                ", postgres, can change it");
    assert_string_equal(publications(), PUBLICATION ": customers orders");
}

static void
writers_that_have_not_committed_are_waited_for(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);
    PGconn *writer = database_connect(DATABASE);
    struct pgcw_plan *made = plan(&options);

    (void)state;
    database_run(writer, "BEGIN; INSERT INTO orders VALUES (1)");
    database_run(connection, "SET lock_timeout = 100");
    assert_int_equal(pgcw_plan_commit(connection, made, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "55P03");
    assert_string_equal(publications(), "");
    database_run(writer, "COMMIT");
    commit(made);
    assert_string_equal(publications(), PUBLICATION ": orders");
    database_run(connection,
                 "ALTER PUBLICATION " PUBLICATION " SET (publish = 'insert')");
    database_run(writer, "BEGIN; DELETE FROM orders");
    made = plan(&options);
    assert_int_equal(pgcw_plan_commit(connection, made, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "55P03");
    pgcw_plan_destroy(made);
    database_run(connection, "RESET lock_timeout");
    PQfinish(writer);
}

static void
wal_level_that_is_too_low_is_said_with_the_way_out(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);
    struct pgcwi_scratch_server *cluster = cluster_start();
    struct pgcwi_scratch_error scratch;
    PGconn *usual = connection;

    (void)state;
    assert_non_null(cluster);
    assert_true(cluster_run(cluster, "CREATE TABLE orders (id int PRIMARY "
                                     "KEY)"));
    assert_true(cluster_run(cluster, "ALTER SYSTEM SET wal_level = replica"));
    assert_true(
        pgcwi_scratch_server_restart(cluster, PGCWI_SCRATCH_FAST, &scratch));
    connection = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    PQsetNoticeProcessor(connection, database_ignore_notice, NULL);
    publish("orders");
    struct pgcw_plan *made = plan(&options);
    assert_int_equal(pgcw_plan_step_count(made), 1);
    assert_string_equal(pgcw_plan_step_sql(made, 0), "");
    assert_string_equal(plan_text(made),
                        "wal_level is replica, and must be logical: ALTER "
                        "SYSTEM SET wal_level = logical, and restart the "
                        "server\n");
    assert_string_equal(publications(), PUBLICATION ": orders");
    database_run(connection, "ALTER SYSTEM SET wal_level = logical");
    PQfinish(connection);
    assert_true(
        pgcwi_scratch_server_restart(cluster, PGCWI_SCRATCH_FAST, &scratch));
    connection = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    expect_nothing_to_do(&options);
    PQfinish(connection);
    connection = usual;
    assert_true(pgcwi_scratch_server_stop(cluster));
}

static void
every_failed_allocation_is_said(void **state)
{
    const char *table = "orders";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    assert_true(fail_each_allocation(&options) > 8);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_unpublished)
#define OWNER_TEST(name) \
    cmocka_unit_test_setup_teardown(name, become_owner, end_owner)
    const struct CMUnitTest tests[] = {
        TEST(makes_a_publication_of_the_tables_and_no_trigger),
        TEST(steps_say_what_they_do_and_nothing_is_written),
        TEST(only_what_is_missing_is_a_step),
        TEST(what_somebody_else_did_meanwhile_is_refused_whole),
        TEST(publication_in_another_form_is_put_right),
        TEST(table_of_which_only_a_part_is_published_is_published_whole),
        TEST(publication_of_all_tables_or_a_schema_is_not_ours),
        TEST(uninstalling_drops_tables_and_with_the_last_the_publication),
        TEST(publication_without_tables_is_removed),
        TEST(channels_have_publications_of_their_own),
        TEST(publication_can_be_named),
        TEST(names_over_63_bytes_are_refused_with_the_way_out),
        TEST(hostile_names_of_tables_are_quoted),
        TEST(options_of_the_other_transport_are_refused),
        OWNER_TEST(each_missing_privilege_is_named_and_then_it_works),
        OWNER_TEST(publication_of_another_owner_is_left_to_him),
        TEST(writers_that_have_not_committed_are_waited_for),
        TEST(wal_level_that_is_too_low_is_said_with_the_way_out),
        TEST(every_failed_allocation_is_said),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
