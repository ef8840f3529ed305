/* SPDX-License-Identifier: MIT */
/* Installing and uninstalling in a database of the test program's own. */
#ifndef PGCWI_TESTS_SUPPORT_INSTALLING_H
#define PGCWI_TESTS_SUPPORT_INSTALLING_H

#include "base/alloc.h"
#include "support/database.h"

#include <pgcachewatch/install.h>

/* What the Python library installs has this form: one function, and one
 * trigger a table, for all four events. */
#define PYTHON_FUNCTION(name, channel)                                        \
    "CREATE OR REPLACE FUNCTION " name "() RETURNS trigger LANGUAGE plpgsql " \
    "AS $$ BEGIN PERFORM pg_notify('" channel "', json_build_object("         \
    "'operation', lower(TG_OP), 'table', TG_TABLE_NAME, 'sent_at', now()"     \
    ")::text); RETURN NEW; END $$;"
#define PYTHON_TRIGGER(name, table, function)                                 \
    "CREATE OR REPLACE TRIGGER " name " AFTER INSERT OR UPDATE OR DELETE OR " \
    "TRUNCATE ON " table " EXECUTE FUNCTION " function "();"
#define CHANNEL "ch_pgcachewatch_table_change"

#define FUNCTION "fn_pgcachewatch_table_change_ch_pgcachewatch_table_change"
#define TRIGGER "tg_pgcachewatch_table_change_ch_pgcachewatch_table_change"

/* Of the test program's only test at a time. */
static PGconn *connection;
static struct pgcw_error error;

/* Set up a test: two tables in public, and a schema other. */
static inline int
make_schema(void **state)
{
    (void)state;
    database_run(connection,
                 "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                 "DROP SCHEMA IF EXISTS other CASCADE; CREATE SCHEMA other;"
                 "CREATE TABLE orders (id int PRIMARY KEY, n int);"
                 "CREATE TABLE customers (id int PRIMARY KEY, n int)");
    return 0;
}

static inline struct pgcw_install_options
on_tables(const char *const *tables, size_t table_count)
{
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;

    options.tables = tables;
    options.table_count = table_count;
    return options;
}

static inline struct pgcw_plan *
plan(const struct pgcw_install_options *options)
{
    struct pgcw_plan *plan = NULL;

    if (pgcw_install_plan(connection, options, &plan, &error) != PGCW_OK) {
        print_error("%s\n", error.detail);
        fail();
    }
    return plan;
}

static inline void
commit(struct pgcw_plan *plan)
{
    if (pgcw_plan_commit(connection, plan, &error) != PGCW_OK) {
        print_error("%s\n", error.detail);
        fail();
    }
    pgcw_plan_destroy(plan);
}

static inline void
install(const char *table)
{
    struct pgcw_install_options options = on_tables(&table, 1);

    commit(plan(&options));
}

/* Expect a failure that says `words`. */
static inline void
refuse(const struct pgcw_install_options *options, enum pgcw_status status,
       const char *words)
{
    struct pgcw_plan *plan = NULL;

    assert_int_equal(pgcw_install_plan(connection, options, &plan, &error),
                     status);
    assert_null(plan);
    assert_int_equal(error.status, status);
    if (strstr(error.detail, words) == NULL) {
        print_error("expected: %s\nis: %s\n", words, error.detail);
        fail();
    }
}

static inline void
refuse_table(const char *table, const char *words)
{
    struct pgcw_install_options options = on_tables(&table, 1);

    refuse(&options, PGCW_INVALID_ARGUMENT, words);
}

/* Triggers and functions that are not the system's. */
static inline int
count_objects(void)
{
    return atoi(database_text(
        connection, "SELECT (SELECT count(*) FROM pg_trigger WHERE NOT "
                    "tgisinternal) + (SELECT count(*) FROM pg_proc WHERE oid "
                    ">= 16384)"));
}

static inline void
expect_nothing_to_do(const struct pgcw_install_options *options)
{
    struct pgcw_plan *made = plan(options);

    assert_int_equal(pgcw_plan_step_count(made), 0);
    pgcw_plan_destroy(made);
}

static inline struct pgcw_plan *
plan_removal(const struct pgcw_install_options *options)
{
    struct pgcw_plan *made = NULL;

    if (pgcw_uninstall_plan(connection, options, &made, &error) != PGCW_OK) {
        print_error("%s\n", error.detail);
        fail();
    }
    return made;
}

/* Plan with each allocation refused in turn, until none is; the number of the
 * one that was not there any more. */
static inline long
fail_each_allocation(const struct pgcw_install_options *options)
{
    long nth = 1;

    for (;; nth++) {
        struct pgcw_plan *made = NULL;
        enum pgcw_status status;

        pgcwi_alloc_fail_nth(nth);
        status = pgcw_install_plan(connection, options, &made, &error);
        if (!pgcwi_alloc_has_failed()) {
            assert_int_equal(status, PGCW_OK);
            pgcw_plan_destroy(made);
            break;
        }
        assert_int_equal(status, PGCW_NO_MEMORY);
        assert_int_equal(error.status, PGCW_NO_MEMORY);
    }
    pgcwi_alloc_fail_nth(0);
    return nth;
}

/* Run the tests of a program in a database of its own. */
#define RUN_INSTALLING(tests, name)      \
    (connection = database_create(name), \
     run_installing(tests, sizeof(tests) / sizeof(tests)[0], name))

static inline int
run_installing(const struct CMUnitTest *tests, size_t test_count,
               const char *name)
{
    int failures = _cmocka_run_group_tests(name, tests, test_count, NULL, NULL);

    database_drop(connection, name);
    return failures;
}

#endif
