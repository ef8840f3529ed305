/* SPDX-License-Identifier: MIT */
/* One connection string of options, DSN and environment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "cli/connection.h"

/* What libpq reads for `keyword` in the string that is made. */
static void
expect(const struct pgcwi_connection_options *options, const char *keyword,
       const char *value)
{
    char *string = pgcwi_connection_string(options);
    PQconninfoOption *parsed;
    const PQconninfoOption *one;

    assert_non_null(string);
    parsed = PQconninfoParse(string, NULL);
    free(string);
    assert_non_null(parsed);
    for (one = parsed; strcmp(one->keyword, keyword) != 0; one++) {
        assert_non_null(one[1].keyword);
    }
    if (value == NULL) {
        assert_null(one->val);
    } else {
        assert_non_null(one->val);
        assert_string_equal(one->val, value);
    }
    PQconninfoFree(parsed);
}

static int
clear_environment(void **state)
{
    (void)state;
    unsetenv("PGDSN");
    return 0;
}

static void
option_goes_before_dsn_and_dsn_before_environment(void **state)
{
    struct pgcwi_connection_options options = {0};

    (void)state;
    expect(&options, "host", NULL);
    assert_false(pgcwi_connection_is_named(&options));
    setenv("PGDSN", "host=of_environment user=u", 1);
    expect(&options, "host", "of_environment");
    assert_true(pgcwi_connection_is_named(&options));
    options.dsn = "postgresql://of_dsn:77/d";
    expect(&options, "host", "of_dsn");
    expect(&options, "port", "77");
    expect(&options, "user", NULL);
    options.host = "of_option";
    options.database = "other";
    expect(&options, "host", "of_option");
    expect(&options, "port", "77");
    expect(&options, "dbname", "other");
}

static void
values_are_quoted(void **state)
{
    struct pgcwi_connection_options options = {
        .password = "a' host='evil' \\ b",
        .database = "postgresql://evil/x",
        .user = "",
    };

    (void)state;
    expect(&options, "password", "a' host='evil' \\ b");
    expect(&options, "dbname", "postgresql://evil/x");
    expect(&options, "host", NULL);
    expect(&options, "user", "");
}

static void
given_host_goes_before_the_address_of_the_dsn(void **state)
{
    struct pgcwi_connection_options options = {
        .dsn = "host=a hostaddr=127.0.0.1 sslmode=disable",
        .host = "b",
    };

    (void)state;
    expect(&options, "hostaddr", NULL);
    expect(&options, "sslmode", "disable");
    options.host = NULL;
    expect(&options, "hostaddr", "127.0.0.1");
}

static void
encoding_is_utf8_whatever_the_dsn_says(void **state)
{
    struct pgcwi_connection_options options = {
        .dsn = "client_encoding=LATIN1 application_name=mine"};

    (void)state;
    expect(&options, "client_encoding", "UTF8");
    expect(&options, "application_name", "mine");
}

static void
dsn_that_cannot_be_read_is_refused(void **state)
{
    struct pgcwi_connection_options options = {.dsn = "nonsense"};

    (void)state;
    assert_null(pgcwi_connection_string(&options));
    assert_null(pgcwi_connection_open(&options));
    options.dsn = "";
    expect(&options, "host", NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clear_environment)
    const struct CMUnitTest tests[] = {
        TEST(option_goes_before_dsn_and_dsn_before_environment),
        TEST(values_are_quoted),
        TEST(given_host_goes_before_the_address_of_the_dsn),
        TEST(encoding_is_utf8_whatever_the_dsn_says),
        TEST(dsn_that_cannot_be_read_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
