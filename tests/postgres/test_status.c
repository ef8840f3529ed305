/* SPDX-License-Identifier: MIT */
/* What `pgcachewatch status` shows of tables, and of listeners that are there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"

#define DATABASE "pgcw_test_status"
#include "support/opening.h"
#include "support/own_database.h"

#define TRIGGER "tg_pgcachewatch_table_change_ch_pgcachewatch_table_change"
#define TEXT_BYTES 16384
#define MAX_ARGUMENTS 12

static char text[TEXT_BYTES];
static json_t *shown;

/* Run a command here; what it prints is in `text` then. */
static int
run(pgcwi_command_fn *command, char **arguments)
{
    FILE *output = tmpfile();
    int count = 0;
    int code;

    assert_non_null(output);
    while (arguments[count] != NULL) {
        count++;
    }
    (void)fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0 && dup2(fileno(output), STDOUT_FILENO) >= 0);
    code = command(count, arguments);
    (void)fflush(stdout);
    assert_true(dup2(saved, STDOUT_FILENO) >= 0);
    (void)close(saved);
    rewind(output);
    text[fread(text, 1, TEXT_BYTES - 1, output)] = '\0';
    assert_int_equal(fclose(output), 0);
    return code;
}

#define RUN(command, ...) \
    run(pgcwi_command_##command, (char *[]){#command, __VA_ARGS__ NULL})

static int
tear_down(void **state)
{
    (void)state;
    json_decref(shown);
    shown = NULL;
    return server_run(server, "DROP SCHEMA public CASCADE; CREATE SCHEMA "
                              "public; DROP PUBLICATION IF EXISTS p")
               ? 0
               : -1;
}

static void
expect_words(const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, text);
    }
}

/* What is shown of the table `name`: its checks, each with a space behind. */
static const char *
checks_of(const char *name)
{
    static char checks[256];
    const json_t *one;
    size_t i;

    checks[0] = '\0';
    json_array_foreach(json_object_get(shown, "tables"), i, one)
    {
        const char *table = json_string_value(json_object_get(one, "table"));
        size_t used = strlen(checks);

        if (table != NULL && strcmp(table, name) == 0) {
            (void)snprintf(checks + used, sizeof(checks) - used, "%s ",
                           json_string_value(json_object_get(one, "check")));
        }
    }
    return checks;
}

static void
load_shown(void)
{
    json_decref(shown);
    shown = json_loads(text, 0, NULL);
    assert_non_null(shown);
}

static void
tables_are_shown_as_they_are(void **state)
{
    (void)state;
    assert_true(server_run(server, "CREATE TABLE a (id int PRIMARY KEY);"
                                   "CREATE TABLE b (id int PRIMARY KEY);"
                                   "CREATE TABLE c (id int PRIMARY KEY);"
                                   "CREATE TABLE d (id int PRIMARY KEY)"));
    assert_int_equal(RUN(install, "--commit", "a", "b", "c", "d", ), 0);
    assert_true(server_run(
        server, "ALTER TABLE b DISABLE TRIGGER " TRIGGER "_i;"
                "DROP TRIGGER " TRIGGER "_u ON c;"
                "CREATE OR REPLACE TRIGGER " TRIGGER " AFTER TRUNCATE ON d "
                "FOR EACH STATEMENT EXECUTE FUNCTION fn_pgcachewatch_table_"
                "change_ch_pgcachewatch_table_change('by hand')"));
    assert_int_equal(RUN(status, "--json", ), 0);
    load_shown();
    assert_string_equal(checks_of("public.a"), "triggers ");
    assert_string_equal(checks_of("public.b"), "disabled ");
    assert_string_equal(checks_of("public.c"), "missing ");
    assert_string_equal(checks_of("public.d"), "changed ");
    assert_int_equal(json_array_size(json_object_get(shown, "tables")), 4);
    assert_true(json_is_real(json_object_get(shown, "queue_usage")));
    assert_string_equal(json_string_value(json_object_get(shown, "database")),
                        DATABASE);
}

static void
only_the_tables_that_are_named_are_shown(void **state)
{
    (void)state;
    assert_true(server_run(server, "CREATE TABLE a (id int PRIMARY KEY);"
                                   "CREATE TABLE b (id int PRIMARY KEY)"));
    assert_int_equal(RUN(install, "--commit", "a", ), 0);
    assert_int_equal(RUN(status, "b", ), 0);
    expect_words("public.b: no trigger tells of INSERT");
    assert_null(strstr(text, "public.a"));
    expect_words("server     PostgreSQL ");
    expect_words("library    0.");
}

static void
nothing_installed_is_shown(void **state)
{
    (void)state;
    assert_int_equal(RUN(status, ), 0);
    expect_words("no table of this database tells");
    expect_words("listeners  0 sessions");
}

/* Shows as many listeners as there are. */
static void
expect_listeners(char *transport, size_t count)
{
    assert_int_equal(
        RUN(status, "--json", "--transport", transport,
            transport[0] == 'w' ? "--publication-name=p" : "--json", ),
        0);
    load_shown();
    assert_int_equal(json_array_size(json_object_get(shown, "listeners")),
                     count);
}

static void
listeners_of_both_transports_are_shown(void **state)
{
    struct opening notify;
    struct opening wal;

    (void)state;
    assert_true(server_run(server, "CREATE TABLE a (id int PRIMARY KEY);"
                                   "CREATE PUBLICATION p FOR TABLE a WITH "
                                   "(publish_via_partition_root)"));
    expect_listeners("notify", 0);
    expect_listeners("wal", 0);
    opening_init(&notify, NULL);
    assert_int_equal(opening_try(&notify), PGCW_OK);
    expect_listeners("notify", 1);
    expect_listeners("wal", 0);
    opening_init(&wal, NULL);
    wal.options.transport = PGCW_TRANSPORT_WAL;
    wal.options.publication = "p";
    assert_int_equal(opening_try(&wal), PGCW_OK);
    expect_listeners("wal", 1);
    assert_string_equal(checks_of("public.a"), "publication ");
    opening_fini(&wal);
    opening_fini(&notify);
}

static void
open_as(struct opening *opening, const char *dsn, const char *name)
{
    opening_init(opening, dsn);
    opening->options.application_name = name;
    assert_int_equal(opening_try(opening), PGCW_OK);
}

/* Of the name PGAPPNAME is the program's, not the listener's. */
static void
listeners_are_shown_under_the_names_that_they_were_given(void **state)
{
    struct opening plain;
    struct opening named;
    struct opening hidden;

    (void)state;
    assert_int_equal(setenv("PGAPPNAME", "a shop", 1), 0);
    open_as(&plain, NULL, NULL);
    open_as(&named, "application_name=no", "pgcachewatch:prices");
    open_as(&hidden, "application_name=pgcachewatcher", NULL);
    assert_int_equal(unsetenv("PGAPPNAME"), 0);
    expect_listeners("notify", 2);
    assert_int_equal(RUN(status, ), 0);
    expect_words("pgcachewatch, process ");
    expect_words("pgcachewatch:prices, process ");
    assert_int_equal(
        server_number(server, "SELECT count(*) FROM pg_stat_activity"
                              " WHERE application_name = 'pgcachewatcher'"),
        1);
    opening_fini(&plain);
    opening_fini(&named);
    opening_fini(&hidden);
}

static void
server_that_is_not_there_is_a_failure(void **state)
{
    (void)state;
    assert_int_equal(RUN(status, "--pg-host=127.0.0.1", "--pg-port=1", ), 1);
    assert_string_equal(text, "");
    assert_int_equal(RUN(status, "--strict", ), 2);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tables_are_shown_as_they_are),
        TEST(only_the_tables_that_are_named_are_shown),
        TEST(nothing_installed_is_shown),
        TEST(listeners_of_both_transports_are_shown),
        TEST(listeners_are_shown_under_the_names_that_they_were_given),
        TEST(server_that_is_not_there_is_a_failure),
    };

    return cmocka_run_group_tests_name("status", tests, make_database,
                                       drop_database);
}
