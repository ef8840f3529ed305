/* SPDX-License-Identifier: MIT */
/* What may be published without hurting writers, and what is told of it. */
#include "support/publishing.h"

#define DATABASE "pgcw_test_published_tables"
#define SLOT "pgcw_test_published_tables"

/* How PostgreSQL refuses the UPDATE of a table without replica identity. */
#define NO_IDENTITY "55000"

/* A table t with a column id, and why it is refused; NULL: it is not. */
struct shape {
    const char *sql;
    const char *flaw;
};

static const struct shape shapes[] = {
    {"CREATE TABLE t (id int PRIMARY KEY)", NULL},
    {"CREATE TABLE t (id int)", "public.t has no primary key: each UPDATE"},
    {"CREATE TABLE t (id int NOT NULL UNIQUE)", "has no primary key"},
    {"CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)",
     "public.t has a primary key that is DEFERRABLE or not valid: each"},
    {"CREATE TABLE t (id int PRIMARY KEY); UPDATE pg_index SET indisvalid = "
     "false WHERE indrelid = 't'::regclass",
     "public.t has a primary key that is DEFERRABLE or not valid: each"},
    {"CREATE TABLE t (id int PRIMARY KEY);"
     "ALTER TABLE t REPLICA IDENTITY NOTHING",
     "public.t has REPLICA IDENTITY NOTHING: each UPDATE"},
    {"CREATE TABLE t (id int); ALTER TABLE t REPLICA IDENTITY FULL", NULL},
    {"CREATE TABLE t (id int NOT NULL, CONSTRAINT u UNIQUE (id));"
     "ALTER TABLE t REPLICA IDENTITY USING INDEX u",
     NULL},
    {"CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL,"
     " CONSTRAINT u UNIQUE (n)); ALTER TABLE t REPLICA IDENTITY USING INDEX u",
     NULL},
    {"CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL,"
     " CONSTRAINT u UNIQUE (n)); ALTER TABLE t REPLICA IDENTITY USING INDEX u;"
     "ALTER TABLE t DROP CONSTRAINT u",
     "public.t has lost the index of its REPLICA IDENTITY: each"},
    {"CREATE TABLE t (id int NOT NULL, CONSTRAINT u UNIQUE (id));"
     "ALTER TABLE t REPLICA IDENTITY USING INDEX u; UPDATE pg_index SET "
     "indisvalid = false WHERE indrelid = 't'::regclass",
     "public.t has lost the index of its REPLICA IDENTITY: each"},
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id)", NULL},
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)",
     NULL},
    {"CREATE TABLE t (id int) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)",
     "public.t1 has no primary key"},
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
     "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (9) TO (20);"
     "ALTER TABLE t2 REPLICA IDENTITY NOTHING",
     "public.t2 has REPLICA IDENTITY NOTHING"},
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION BY "
     "RANGE (id); CREATE TABLE t11 PARTITION OF t1 FOR VALUES FROM (0) TO (5)",
     NULL},
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION BY "
     "RANGE (id); CREATE TABLE t11 PARTITION OF t1 FOR VALUES FROM (0) TO (5);"
     "ALTER TABLE t11 REPLICA IDENTITY NOTHING",
     "public.t11 has REPLICA IDENTITY NOTHING"},
    /* what of a partitioned table itself does not count */
    {"CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
     "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
     "ALTER TABLE t REPLICA IDENTITY NOTHING",
     NULL},
};

/* That its UPDATE and DELETE end with that SQLSTATE; empty: they work. */
static void
expect_writes(const char *table, const char *sqlstate)
{
    char sql[128];

    snprintf(sql, sizeof sql, "UPDATE %s SET id = id", table);
    assert_string_equal(database_fail(connection, sql), sqlstate);
    snprintf(sql, sizeof sql, "DELETE FROM %s", table);
    assert_string_equal(database_fail(connection, sql), sqlstate);
}

/* What PostgreSQL does if it is published by hand, so that the verdict of
 * install can be compared. */
static void
P8_refused_is_what_would_make_writers_fail_and_nothing_else(void **state)
{
    const char *table = "t";
    struct pgcw_install_options options = of_tables(&table, 1);

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        print_message("%s\n", shapes[i].sql);
        make_unpublished(state);
        database_run(connection, shapes[i].sql);
        expect_writes("t", "");
        if (shapes[i].flaw == NULL) {
            commit(plan(&options));
            expect_writes("t", "");
            continue;
        }
        refuse_to_publish("t", shapes[i].flaw);
        assert_non_null(strstr(error.detail, "or ALTER TABLE ... REPLICA "
                                             "IDENTITY FULL, or USING INDEX"));
        database_run(connection, "CREATE PUBLICATION by_hand FOR TABLE t");
        expect_writes("t", NO_IDENTITY);
    }
}

static void
P8_table_that_has_lost_its_identity_since_is_told_of(void **state)
{
    (void)state;
    publish("orders");
    database_run(connection, "ALTER TABLE orders DROP CONSTRAINT orders_pkey");
    expect_writes("orders", NO_IDENTITY);
    refuse_to_publish("orders", "public.orders has no primary key");
    database_run(connection, "ALTER TABLE orders REPLICA IDENTITY FULL");
    publish("orders");
    expect_writes("orders", "");
}

static void
P8_partition_made_later_has_the_primary_key_or_the_table_is_refused(
    void **state)
{
    const char *table = "t";
    struct pgcw_install_options options = of_tables(&table, 1);

    (void)state;
    database_run(connection,
                 "CREATE TABLE t (id int NOT NULL) PARTITION BY RANGE (id);"
                 "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9);"
                 "ALTER TABLE t REPLICA IDENTITY FULL;"
                 "ALTER TABLE t1 REPLICA IDENTITY FULL");
    refuse_to_publish("t", "public.t has no primary key: a partition made "
                           "later would have no replica identity");
    database_run(connection, "ALTER TABLE ONLY t ADD CONSTRAINT k PRIMARY KEY "
                             "(id)"); /* not valid: t1 has none */
    refuse_to_publish("t", "public.t has no primary key: a partition made");
    database_run(connection, "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t "
                             "ADD CONSTRAINT k PRIMARY KEY (id) DEFERRABLE");
    refuse_to_publish("t", "public.t has no primary key: a partition made");
    database_run(connection, "ALTER TABLE t DROP CONSTRAINT k");
    /* as would be here */
    database_run(connection,
                 "CREATE PUBLICATION by_hand FOR TABLE t;"
                 "CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (9) TO (20)");
    expect_writes("t1", "");
    expect_writes("t2", NO_IDENTITY);
    database_run(connection, "DROP PUBLICATION by_hand");
    publish("t1");
    expect_writes("t", "");
    unpublish("t1");
    database_run(connection, "ALTER TABLE t ADD PRIMARY KEY (id)");
    commit(plan(&options));
    database_run(connection, "CREATE TABLE t3 PARTITION OF t FOR VALUES FROM "
                             "(20) TO (30)");
    expect_writes("t", "");
    expect_writes("t3", "");
}

/* PostgreSQL 18 is not here to show it. */
static void
partition_that_would_not_tell_a_changed_key_is_refused(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL)"
                 " PARTITION BY RANGE (id);"
                 "CREATE TABLE t1 PARTITION OF t (CONSTRAINT u UNIQUE (n))"
                 " FOR VALUES FROM (0) TO (9);"
                 "ALTER TABLE t1 REPLICA IDENTITY USING INDEX u");
    refuse_to_publish("t", "public.t1 has a REPLICA IDENTITY without the "
                           "column id of the primary key");
    database_run(connection, "ALTER TABLE t1 ADD CONSTRAINT w UNIQUE (n, id);"
                             "ALTER TABLE t1 REPLICA IDENTITY USING INDEX w");
    publish("t");
}

static void
P8_generated_column_in_the_identity_is_refused(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE a (id int, "
                 "g int GENERATED ALWAYS AS (id + 1) STORED PRIMARY KEY);"
                 "CREATE TABLE b (id int, "
                 "g int GENERATED ALWAYS AS (id + 1) STORED);"
                 "ALTER TABLE b REPLICA IDENTITY FULL;"
                 "CREATE TABLE c (id int PRIMARY KEY, "
                 "g int GENERATED ALWAYS AS (id + 1) STORED)");
    refuse_to_publish("a", "public.a has the generated column g in its "
                           "replica identity: from PostgreSQL 18 on");
    refuse_to_publish("b", "public.b has the generated column g");
    publish("c");
}

static void
what_is_not_decoded_is_refused(void **state)
{
    (void)state;
    database_run(connection,
                 "DROP FOREIGN DATA WRAPPER IF EXISTS nothing CASCADE;"
                 "CREATE FOREIGN DATA WRAPPER nothing;"
                 "CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;"
                 "CREATE FOREIGN TABLE far (id int) SERVER nowhere;"
                 "CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY);"
                 "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);"
                 "CREATE UNLOGGED TABLE p1 PARTITION OF p FOR VALUES FROM (0) "
                 "TO (9);"
                 "CREATE TABLE q (id int) PARTITION BY RANGE (id);"
                 "CREATE FOREIGN TABLE q1 PARTITION OF q FOR VALUES FROM (0) "
                 "TO (9) SERVER nowhere;"
                 "CREATE UNLOGGED TABLE u (id int PRIMARY KEY) PARTITION BY "
                 "RANGE (id)");
    refuse_to_publish("far", "public.far is a foreign table: logical decoding "
                             "tells nothing of it");
    refuse_to_publish("volatile", "public.volatile is unlogged: logical "
                                  "decoding tells nothing of it");
    refuse_to_publish("p", "public.p1 is unlogged");
    refuse_to_publish("q", "public.q1 is a foreign table");
    refuse_to_publish("u", "public.u is unlogged");
}

static void
relations_that_are_no_tables_are_refused(void **state)
{
    static const char *const relations[][2] = {
        {"a_view", "a_view: it is a view"},
        {"a_copy", "a materialized view"},
        {"a_sequence", "a sequence"},
        {"an_index", "an index"},
        {"a_temporary", "a temporary table"},
        {"pg_class", "a table of the system"},
        {"information_schema.sql_features", "a table of the system"},
        {"nothing", "there is no such table"},
    };

    (void)state;
    database_run(connection, "CREATE VIEW a_view AS SELECT 1;"
                             "CREATE MATERIALIZED VIEW a_copy AS SELECT 1;"
                             "CREATE SEQUENCE a_sequence;"
                             "CREATE INDEX an_index ON orders (n);"
                             "CREATE TEMPORARY TABLE a_temporary (id int)");
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        struct pgcw_install_options options = of_tables(&relations[i][0], 1);

        refuse(&options, PGCW_INVALID_ARGUMENT, relations[i][1]);
    }
    database_run(connection, "DROP TABLE a_temporary");
}

static void
table_and_a_partition_of_it_are_not_both_published(void **state)
{
    const char *const both[] = {"t", "t11"};
    struct pgcw_install_options options = of_tables(both, 2);

    (void)state;
    database_run(
        connection,
        "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION "
        "BY RANGE (id);"
        "CREATE TABLE t11 PARTITION OF t1 FOR VALUES FROM (0) TO (5)");
    refuse(&options, PGCW_REFUSED, "public.t11");
    publish("t");
    refuse_to_publish("t11", "public.t11 is a partition of public.t, which is "
                             "published, and told as that: leave it out");
    unpublish("t");
    publish("t11");
    refuse_to_publish("t1", "public.t11, a partition of public.t1, is "
                            "published by itself: uninstall it first");
    refuse_to_publish("t", "public.t11, a partition of public.t, is");
    assert_string_equal(publications(), PUBLICATION ": t11");
}

static void
tables_that_inherit_are_to_be_named_too(void **state)
{
    const char *const all[] = {"orders", "late", "later"};
    struct pgcw_install_options options = of_tables(all, 1);

    (void)state;
    database_run(connection,
                 "CREATE TABLE late (PRIMARY KEY (id)) INHERITS (orders);"
                 "CREATE TABLE later (PRIMARY KEY (id)) INHERITS (late)");
    refuse(&options, PGCW_REFUSED,
           "public.late inherits from public.orders, and is told under its "
           "own name: name it too");
    options.table_count = 2;
    refuse(&options, PGCW_REFUSED, "public.later inherits from public.late");
    options.table_count = 3;
    commit(plan(&options));
    assert_string_equal(publications(), PUBLICATION ": late later orders");
    unpublish("orders"); /* which is not its children */
    assert_string_equal(publications(), PUBLICATION ": late later");
}

/* What was decoded since the last call: "I orders, T orders". */
static const char *
told(void)
{
    return database_text(
        connection,
        "SELECT coalesce(string_agg(kind || ' ' || ('x' || encode(substr(data, "
        "CASE kind WHEN 'T' THEN 7 ELSE 2 END, 4), 'hex'))::bit(32)::int::oid"
        "::regclass, ', '), '') "
        "FROM pg_logical_slot_get_binary_changes('" SLOT "', NULL, NULL, "
        "'proto_version', '1', 'publication_names', '" PUBLICATION "'), "
        "chr(get_byte(data, 0)) AS kind WHERE kind IN ('I', 'U', 'D', 'T')");
}

static int
make_slot(void **state)
{
    make_unpublished(state);
    database_run(connection, "SELECT pg_create_logical_replication_slot('" SLOT
                             "', 'pgoutput', true)");
    return 0;
}

static int
drop_slot(void **state)
{
    (void)state;
    database_run(connection, "SELECT pg_drop_replication_slot('" SLOT "')");
    return 0;
}

static void
what_is_published_is_told_and_nothing_else(void **state)
{
    (void)state;
    publish("orders");
    database_run(connection, "INSERT INTO customers VALUES (1)");
    database_run(connection, "INSERT INTO orders VALUES (1), (2); UPDATE "
                             "orders SET n = 3 WHERE id = 1; DELETE FROM "
                             "orders WHERE id = 2; TRUNCATE orders");
    assert_string_equal(told(),
                        "I orders, I orders, U orders, D orders, T orders");
    publish("customers");
    database_run(connection, "INSERT INTO customers VALUES (2);"
                             "DELETE FROM customers WHERE id = 1");
    assert_string_equal(told(), "I customers, D customers");
    unpublish("orders");
    database_run(connection, "INSERT INTO orders VALUES (1)");
    assert_string_equal(told(), "");
}

static void
partitions_are_told_as_the_table_but_for_a_truncate_of_their_own(void **state)
{
    (void)state;
    database_run(connection,
                 "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY RANGE (id);"
                 "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9)");
    publish("t");
    database_run(connection, "INSERT INTO t VALUES (1), (2)");
    assert_string_equal(told(), "I t, I t");
    database_run(connection, "DELETE FROM t1 WHERE id = 1");
    assert_string_equal(told(), "D t");
    database_run(connection, "TRUNCATE t1");
    assert_string_equal(told(), "");
    database_run(connection, "TRUNCATE t");
    assert_string_equal(told(), "T t");
    /* one that is made later is in it */
    database_run(connection, "CREATE TABLE t2 PARTITION OF t DEFAULT;"
                             "INSERT INTO t2 VALUES (77)");
    assert_string_equal(told(), "I t");
}

static void
tables_that_inherit_are_told_under_their_own_names(void **state)
{
    const char *const both[] = {"orders", "late"};
    struct pgcw_install_options options = of_tables(both, 2);

    (void)state;
    database_run(connection,
                 "CREATE TABLE late (PRIMARY KEY (id)) INHERITS (orders)");
    commit(plan(&options));
    database_run(connection, "INSERT INTO late VALUES (1)");
    assert_string_equal(told(), "I late");
    database_run(connection, "UPDATE orders SET n = 1");
    assert_string_equal(told(), "U late");
}

/* Why install waits for those who write. */
static void
what_was_written_before_the_table_was_published_is_not_told(void **state)
{
    PGconn *writer = database_connect(DATABASE);

    (void)state;
    publish("customers");
    database_run(writer, "BEGIN; INSERT INTO orders VALUES (1)");
    database_run(connection,
                 "ALTER PUBLICATION " PUBLICATION " ADD TABLE orders");
    database_run(writer, "COMMIT");
    assert_string_equal(told(), "");
    PQfinish(writer);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_unpublished)
#define SLOT_TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_slot, drop_slot)
    const struct CMUnitTest tests[] = {
        TEST(P8_refused_is_what_would_make_writers_fail_and_nothing_else),
        TEST(P8_table_that_has_lost_its_identity_since_is_told_of),
        TEST(
            P8_partition_made_later_has_the_primary_key_or_the_table_is_refused),
        TEST(partition_that_would_not_tell_a_changed_key_is_refused),
        TEST(P8_generated_column_in_the_identity_is_refused),
        TEST(what_is_not_decoded_is_refused),
        TEST(relations_that_are_no_tables_are_refused),
        TEST(table_and_a_partition_of_it_are_not_both_published),
        TEST(tables_that_inherit_are_to_be_named_too),
        SLOT_TEST(what_is_published_is_told_and_nothing_else),
        SLOT_TEST(
            partitions_are_told_as_the_table_but_for_a_truncate_of_their_own),
        SLOT_TEST(tables_that_inherit_are_told_under_their_own_names),
        SLOT_TEST(what_was_written_before_the_table_was_published_is_not_told),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
