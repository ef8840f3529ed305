/* SPDX-License-Identifier: MIT */
/* What the user vouches for, as arrays that PostgreSQL reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "query/trust.h"

static const char *const tables[] = {"public.a", "\"B\""};
static const struct pgcw_query_function functions[] = {
    {"f", tables, 2},
    {"g", NULL, 0},
};
static const char *const extensions[] = {"citext"};

static struct pgcw_query_options
make_options(void)
{
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;

    options.functions = functions;
    options.function_count = 2;
    options.extensions = extensions;
    options.extension_count = 1;
    return options;
}

static void
functions_are_paired_with_each_of_their_tables(void **state)
{
    struct pgcw_query_options options = make_options();
    struct pgcwi_trust trust;

    (void)state;
    assert_int_equal(pgcwi_trust_init(&trust, &options, NULL), PGCW_OK);
    assert_string_equal(trust.functions, "{\"f\",\"f\",\"g\"}");
    assert_string_equal(trust.tables, "{\"public.a\",\"\\\"B\\\"\",\"\"}");
    assert_string_equal(trust.extensions, "{\"citext\"}");
    pgcwi_trust_fini(&trust);
}

static void
nothing_declared_is_nothing(void **state)
{
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;
    struct pgcwi_trust trust;

    (void)state;
    assert_int_equal(pgcwi_trust_init(&trust, &options, NULL), PGCW_OK);
    assert_string_equal(trust.functions, "{}");
    assert_string_equal(trust.tables, "{}");
    assert_string_equal(trust.extensions, "{}");
    pgcwi_trust_fini(&trust);
}

static void
missing_names_are_refused(void **state)
{
    static const char *const nameless[] = {NULL};
    static const struct pgcw_query_function wrong[] = {
        {NULL, NULL, 0}, {"", NULL, 0}, {"f", nameless, 1}};
    struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;
    struct pgcwi_trust trust;

    (void)state;
    for (int i = 0; i < 3; i++) {
        options.functions = &wrong[i];
        options.function_count = 1;
        assert_int_equal(pgcwi_trust_init(&trust, &options, NULL),
                         PGCW_INVALID_ARGUMENT);
        pgcwi_trust_fini(&trust);
    }
    options.function_count = 0;
    options.extensions = nameless;
    options.extension_count = 1;
    assert_int_equal(pgcwi_trust_init(&trust, &options, NULL),
                     PGCW_INVALID_ARGUMENT);
    pgcwi_trust_fini(&trust);
}

static void
every_failed_allocation_is_said(void **state)
{
    struct pgcw_query_options options = make_options();
    struct pgcwi_trust trust;
    enum pgcw_status status;
    long nth = 1;

    (void)state;
    do {
        pgcwi_alloc_fail_nth(nth++);
        status = pgcwi_trust_init(&trust, &options, NULL);
        assert_int_equal(status,
                         pgcwi_alloc_has_failed() ? PGCW_NO_MEMORY : PGCW_OK);
        pgcwi_trust_fini(&trust);
    } while (status != PGCW_OK);
    pgcwi_alloc_fail_nth(0);
    assert_true(nth > 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_paired_with_each_of_their_tables),
        cmocka_unit_test(nothing_declared_is_nothing),
        cmocka_unit_test(missing_names_are_refused),
        cmocka_unit_test(every_failed_allocation_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
