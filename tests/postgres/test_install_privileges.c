/* SPDX-License-Identifier: MIT */
/* Privileges: what is missing is said before anything is written. */
#include "support/installing.h"

static const char *const tables[] = {"orders"};

/* A role that may do nothing, and be it. */
static int
become_stranger(void **state)
{
    make_schema(state);
    database_run(connection, "DROP ROLE IF EXISTS pgcw_test_stranger;"
                             "CREATE ROLE pgcw_test_stranger;"
                             "GRANT USAGE ON SCHEMA public TO "
                             "pgcw_test_stranger;"
                             "SET ROLE pgcw_test_stranger");
    return 0;
}

static int
end_stranger(void **state)
{
    (void)state;
    database_run(connection,
                 "RESET ROLE; DROP SCHEMA public CASCADE; "
                 "CREATE SCHEMA public; DROP OWNED BY "
                 "pgcw_test_stranger; DROP ROLE pgcw_test_stranger");
    return 0;
}

/* As the owner of all. */
static void
run_as_owner(const char *sql)
{
    database_run(connection, "RESET ROLE");
    database_run(connection, sql);
    database_run(connection, "SET ROLE pgcw_test_stranger");
}

static void
each_missing_grant_is_named_and_then_it_works(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);

    (void)state;
    refuse(&options, PGCW_REFUSED,
           "GRANT CREATE ON SCHEMA public TO pgcw_test_stranger");
    run_as_owner("GRANT CREATE ON SCHEMA public TO pgcw_test_stranger");
    refuse(&options, PGCW_REFUSED,
           "GRANT TRIGGER ON public.orders TO pgcw_test_stranger");
    assert_int_equal(count_objects(), 0);
    run_as_owner("GRANT TRIGGER ON orders TO pgcw_test_stranger");
    install("orders");
    expect_nothing_to_do(&options);
    assert_int_equal(count_objects(), 5);
}

static void
function_that_may_not_be_used_is_named(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);

    (void)state;
    database_run(connection, "RESET ROLE");
    install("customers");
    run_as_owner("REVOKE EXECUTE ON FUNCTION " FUNCTION "() FROM public;"
                 "GRANT TRIGGER ON orders TO pgcw_test_stranger");
    refuse(&options, PGCW_REFUSED,
           "GRANT EXECUTE ON FUNCTION public." FUNCTION
           "() TO pgcw_test_stranger");
    run_as_owner("GRANT EXECUTE ON FUNCTION " FUNCTION "() TO "
                 "pgcw_test_stranger");
    install("orders");
}

static void
function_of_another_owner_is_not_replaced(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);

    (void)state;
    run_as_owner(PYTHON_FUNCTION(
        FUNCTION, CHANNEL) "GRANT TRIGGER ON orders TO pgcw_test_stranger");
    refuse(&options, PGCW_REFUSED, "only the owner can replace it");
}

static void
name_of_something_that_is_no_trigger_function_is_refused(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);

    (void)state;
    database_run(connection, "RESET ROLE");
    database_run(connection, "CREATE FUNCTION " FUNCTION "() RETURNS int "
                             "LANGUAGE sql AS 'SELECT 1'");
    refuse(&options, PGCW_REFUSED, "is no trigger function");
}

static void
schema_that_may_not_be_entered_is_named(void **state)
{
    static const char *const hidden[] = {"other.orders"};
    struct pgcw_install_options options = on_tables(hidden, 1);

    (void)state;
    run_as_owner("CREATE TABLE other.orders ()");
    refuse(&options, PGCW_REFUSED,
           "other.orders: permission denied for schema other");
    assert_string_equal(error.sqlstate, "42501");
}

static void
P8_server_where_not_everybody_may_notify_is_refused(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);

    (void)state;
    database_run(connection, "RESET ROLE; REVOKE EXECUTE ON FUNCTION "
                             "pg_notify(text, text) FROM public");
    refuse(&options, PGCW_REFUSED,
           "GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO public");
    database_run(connection, "GRANT EXECUTE ON FUNCTION pg_notify(text, text) "
                             "TO public");
    install("orders");
}

static void
read_only_by_default_is_no_hindrance(void **state)
{
    (void)state;
    database_run(connection, "RESET ROLE; SET default_transaction_read_only = "
                             "on; SET default_transaction_isolation = "
                             "serializable");
    install("orders");
    database_run(connection, "RESET default_transaction_read_only; RESET "
                             "default_transaction_isolation");
    assert_int_equal(count_objects(), 5);
}

static void
lock_timeout_of_the_session_ends_the_wait(void **state)
{
    struct pgcw_install_options options = on_tables(tables, 1);
    PGconn *writer = database_connect(PQdb(connection));
    struct pgcw_plan *made;

    (void)state;
    database_run(connection, "RESET ROLE; SET lock_timeout = 100");
    made = plan(&options);
    database_run(writer, "BEGIN; INSERT INTO orders VALUES (1)");
    assert_int_equal(pgcw_plan_commit(connection, made, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "55P03");
    assert_int_equal(count_objects(), 0);
    PQfinish(writer);
    pgcw_plan_destroy(made);
    database_run(connection, "RESET lock_timeout");
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, become_stranger, end_stranger)
    const struct CMUnitTest tests[] = {
        TEST(each_missing_grant_is_named_and_then_it_works),
        TEST(function_that_may_not_be_used_is_named),
        TEST(function_of_another_owner_is_not_replaced),
        TEST(name_of_something_that_is_no_trigger_function_is_refused),
        TEST(schema_that_may_not_be_entered_is_named),
        TEST(P8_server_where_not_everybody_may_notify_is_refused),
        TEST(read_only_by_default_is_no_hindrance),
        TEST(lock_timeout_of_the_session_ends_the_wait),
    };

    return RUN_INSTALLING(tests, "pgcw_test_install_privileges");
}
