/* SPDX-License-Identifier: MIT */
/* Uninstalling: exactly what install made, and it is said what. */
#include "support/installing.h"

#define DATABASE "pgcw_test_uninstall"

static void
uninstall(const char *const *tables, size_t table_count)
{
    struct pgcw_install_options options = on_tables(tables, table_count);

    commit(plan_removal(&options));
}

/* All the steps' texts, a line each, until the next call. */
static const char *
removal_text(const char *const *tables, size_t table_count)
{
    static char text[DATABASE_TEXT_BYTES];
    struct pgcw_install_options options = on_tables(tables, table_count);
    struct pgcw_plan *made = plan_removal(&options);
    size_t bytes = 0;

    text[0] = '\0';
    for (size_t i = 0; i < pgcw_plan_step_count(made); i++) {
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%s\n",
                                  pgcw_plan_step_text(made, i));
    }
    pgcw_plan_destroy(made);
    return text;
}

static void
removes_all_that_install_made_and_names_it(void **state)
{
    (void)state;
    install("orders");
    assert_string_equal(removal_text(NULL, 0),
                        "drop trigger " TRIGGER " on public.orders\n"
                        "drop trigger " TRIGGER "_d on public.orders\n"
                        "drop trigger " TRIGGER "_i on public.orders\n"
                        "drop trigger " TRIGGER "_u on public.orders\n"
                        "drop function public." FUNCTION "()\n");
    assert_int_equal(count_objects(), 5);
    uninstall(NULL, 0);
    assert_int_equal(count_objects(), 0);
}

static void
nothing_to_remove_is_an_empty_plan(void **state)
{
    const char *table = "orders";

    (void)state;
    assert_string_equal(removal_text(NULL, 0), "");
    assert_string_equal(removal_text(&table, 1), "");
    install("customers");
    assert_string_equal(removal_text(&table, 1), "");
}

static void
function_stays_while_a_trigger_calls_it(void **state)
{
    const char *first = "orders";
    const char *second = "customers";

    (void)state;
    install(first);
    install(second);
    assert_non_null(strstr(removal_text(&first, 1),
                           "keep function public." FUNCTION
                           "(): trigger " TRIGGER
                           " on public.customers calls it, and 3 more"
                           "\n"));
    uninstall(&first, 1);
    assert_int_equal(count_objects(), 5);
    assert_int_equal(
        atoi(database_text(connection, "SELECT count(*) FROM pg_trigger WHERE "
                                       "tgrelid = 'orders'::regclass")),
        0);
    uninstall(&second, 1);
    assert_int_equal(count_objects(), 0);
}

static void
trigger_of_another_name_keeps_the_function(void **state)
{
    (void)state;
    install("orders");
    database_run(connection, PYTHON_TRIGGER("mine", "customers", FUNCTION));
    assert_non_null(strstr(removal_text(NULL, 0),
                           "trigger mine on public.customers calls it\n"));
    uninstall(NULL, 0);
    assert_int_equal(count_objects(), 2);
    database_run(connection, "INSERT INTO customers VALUES (1)");
}

static void
what_others_made_stays(void **state)
{
    (void)state;
    install("orders");
    database_run(
        connection,
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NULL; END';"
        /* of our name, but not on our function, and the reverse */
        "CREATE TRIGGER \"" TRIGGER "x\" AFTER INSERT ON orders EXECUTE "
        "FUNCTION f();"
        "CREATE TRIGGER " TRIGGER " AFTER INSERT ON customers EXECUTE FUNCTION "
        "f();"
        "CREATE FUNCTION other." FUNCTION "() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NULL; END';"
        "CREATE FUNCTION " FUNCTION "(int) RETURNS int LANGUAGE sql AS "
        "'SELECT 1'");
    uninstall(NULL, 0);
    assert_int_equal(count_objects(), 5);
}

/* As patterns, each of these would match the first. */
static void
similar_channels_stay(void **state)
{
    static const char *const channels[] = {"a_b", "aXb", "a%", "A_B", "%"};
    const char *table = "orders";
    struct pgcw_install_options options = on_tables(&table, 1);
    size_t count = sizeof channels / sizeof channels[0];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        options.channel = channels[i];
        commit(plan(&options));
    }
    for (size_t i = 0; i < count; i++) {
        struct pgcw_install_options all = PGCW_INSTALL_OPTIONS_INIT;

        assert_int_equal(count_objects(), 5 * (int)(count - i));
        all.channel = channels[i];
        commit(plan_removal(&all));
    }
    assert_int_equal(count_objects(), 0);
}

static void
function_is_found_in_any_schema(void **state)
{
    (void)state;
    database_run(connection, "SET search_path = other, public");
    install("orders");
    database_run(connection, "RESET search_path");
    install("customers");
    assert_int_equal(count_objects(), 10);
    uninstall(NULL, 0);
    assert_int_equal(count_objects(), 0);
}

static void
missing_table_is_an_error(void **state)
{
    const char *table = "nothing";
    struct pgcw_install_options options = on_tables(&table, 1);
    struct pgcw_plan *made = NULL;

    (void)state;
    assert_int_equal(pgcw_uninstall_plan(connection, &options, &made, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_string_equal(error.detail, "nothing: there is no such table");
}

static void
plan_made_before_another_removed_it_still_commits(void **state)
{
    struct pgcw_install_options options = on_tables(NULL, 0);
    struct pgcw_plan *late;

    (void)state;
    install("orders");
    late = plan_removal(&options);
    uninstall(NULL, 0);
    commit(late);
}

static void
function_that_was_taken_into_use_meanwhile_stays_with_all(void **state)
{
    struct pgcw_install_options options = on_tables(NULL, 0);
    struct pgcw_plan *late;

    (void)state;
    install("orders");
    late = plan_removal(&options);
    install("customers");
    assert_int_equal(pgcw_plan_commit(connection, late, &error), PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "2BP01");
    assert_int_equal(count_objects(), 9);
    pgcw_plan_destroy(late);
}

static void
only_the_owner_can_uninstall_and_is_named(void **state)
{
    struct pgcw_install_options options = on_tables(NULL, 0);
    struct pgcw_plan *made = NULL;

    (void)state;
    install("orders");
    database_run(connection, "DROP ROLE IF EXISTS pgcw_test_stranger;"
                             "CREATE ROLE pgcw_test_stranger;"
                             "SET ROLE pgcw_test_stranger");
    assert_int_equal(pgcw_uninstall_plan(connection, &options, &made, &error),
                     PGCW_REFUSED);
    assert_non_null(strstr(error.detail, "only its owner can"));
    database_run(connection, "RESET ROLE; DROP ROLE pgcw_test_stranger");
    assert_int_equal(count_objects(), 5);
}

static void
uninstall_by_the_python_library_leaves_nothing_of_ours(void **state)
{
    (void)state;
    install("orders");
    install("customers");
    /* it takes every trigger whose name begins so, then the function */
    database_run(connection,
                 "DO $$ DECLARE t record; BEGIN FOR t IN SELECT tgname, tgrelid"
                 "::regclass AS place FROM pg_trigger WHERE tgname LIKE "
                 "'" TRIGGER "%' LOOP EXECUTE format('DROP TRIGGER %I ON %s', "
                 "t.tgname, t.place); END LOOP; DROP FUNCTION " FUNCTION "();"
                 "END $$");
    assert_int_equal(count_objects(), 0);
}

static void
what_the_python_library_made_under_our_names_goes_too(void **state)
{
    (void)state;
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL)
                                 PYTHON_TRIGGER(TRIGGER, "orders", FUNCTION));
    install("customers");
    database_run(connection, PYTHON_FUNCTION(FUNCTION, CHANNEL));
    uninstall(NULL, 0);
    assert_int_equal(count_objects(), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_schema)
    const struct CMUnitTest tests[] = {
        TEST(removes_all_that_install_made_and_names_it),
        TEST(nothing_to_remove_is_an_empty_plan),
        TEST(function_stays_while_a_trigger_calls_it),
        TEST(trigger_of_another_name_keeps_the_function),
        TEST(what_others_made_stays),
        TEST(similar_channels_stay),
        TEST(function_is_found_in_any_schema),
        TEST(missing_table_is_an_error),
        TEST(plan_made_before_another_removed_it_still_commits),
        TEST(function_that_was_taken_into_use_meanwhile_stays_with_all),
        TEST(only_the_owner_can_uninstall_and_is_named),
        TEST(uninstall_by_the_python_library_leaves_nothing_of_ours),
        TEST(what_the_python_library_made_under_our_names_goes_too),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
