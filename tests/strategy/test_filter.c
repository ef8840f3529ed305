/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "strategy/filter.h"
#include "support/strategy.h"

#define NAME_OF_63 \
    "a23456789b23456789c23456789d23456789e23456789f23456789g23456789"

static struct pgcwi_filter *
make(const struct pgcw_event_filter *options)
{
    struct pgcwi_filter *filter = NULL;

    assert_int_equal(pgcwi_filter_create(options, &filter, NULL), PGCW_OK);
    assert_non_null(filter);
    return filter;
}

static bool
passes(const struct pgcwi_filter *filter, struct pgcw_event event)
{
    return pgcwi_filter_passes(filter, &event);
}

static void
empty_filter_passes_each_event(void **state)
{
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;
    struct pgcwi_filter *filter = make(&options);

    (void)state;
    assert_true(passes(filter, event_of(PGCW_INSERT, "public", "a")));
    assert_true(passes(filter, event_of(PGCW_UPDATE, "", "b")));
    assert_true(passes(filter, event_of(PGCW_DELETE, "x", "")));
    assert_true(passes(filter, event_of(PGCW_TRUNCATE, "public", "c")));
    pgcwi_free(filter);
}

static void
only_the_operations_that_were_named_pass(void **state)
{
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.operations = PGCW_UPDATE | PGCW_TRUNCATE;
    struct pgcwi_filter *filter = make(&options);
    assert_false(passes(filter, event_of(PGCW_INSERT, "public", "a")));
    assert_true(passes(filter, event_of(PGCW_UPDATE, "public", "a")));
    assert_false(passes(filter, event_of(PGCW_DELETE, "public", "a")));
    assert_true(passes(filter, event_of(PGCW_TRUNCATE, "public", "a")));
    pgcwi_free(filter);
}

static void
only_the_tables_that_were_named_pass(void **state)
{
    struct pgcw_table tables[] = {{"public", "orders"}, {NULL, "items"}};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.tables = tables;
    options.table_count = 2;
    struct pgcwi_filter *filter = make(&options);
    assert_true(passes(filter, event_of(PGCW_INSERT, "public", "orders")));
    assert_false(passes(filter, event_of(PGCW_INSERT, "shop", "orders")));
    assert_false(passes(filter, event_of(PGCW_INSERT, "public", "Orders")));
    assert_false(passes(filter, event_of(PGCW_INSERT, "public", "order")));
    assert_true(passes(filter, event_of(PGCW_INSERT, "public", "items")));
    assert_true(passes(filter, event_of(PGCW_INSERT, "shop", "items")));
    pgcwi_free(filter);
}

static void
event_without_a_schema_passes_for_any(void **state)
{
    struct pgcw_table table = {"shop", "orders"};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.tables = &table;
    options.table_count = 1;
    struct pgcwi_filter *filter = make(&options);
    assert_true(passes(filter, event_of(PGCW_INSERT, "", "orders")));
    assert_false(passes(filter, event_of(PGCW_INSERT, "", "items")));
    pgcwi_free(filter);
}

static void
names_are_copied(void **state)
{
    char schema[] = "public";
    char name[] = "orders";
    struct pgcw_table table = {schema, name};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.tables = &table;
    options.table_count = 1;
    struct pgcwi_filter *filter = make(&options);
    memset(schema, 'x', 6);
    memset(name, 'x', 6);
    assert_true(passes(filter, event_of(PGCW_INSERT, "public", "orders")));
    pgcwi_free(filter);
}

struct asked {
    bool answer;
    int count;
    const char *table;
};

static bool
ask(void *context, const struct pgcw_event *event)
{
    struct asked *asked = context;

    asked->count++;
    asked->table = event->table;
    return asked->answer;
}

static void
predicate_has_the_last_word(void **state)
{
    struct asked asked = {.answer = true};
    struct pgcw_table table = {NULL, "orders"};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.tables = &table;
    options.table_count = 1;
    options.operations = PGCW_UPDATE;
    options.predicate = ask;
    options.predicate_context = &asked;
    struct pgcwi_filter *filter = make(&options);
    assert_true(passes(filter, event_of(PGCW_UPDATE, "public", "orders")));
    assert_string_equal(asked.table, "orders");
    asked.answer = false;
    assert_false(passes(filter, event_of(PGCW_UPDATE, "public", "orders")));
    assert_int_equal(asked.count, 2);
    /* what the filter holds back it is not asked about */
    assert_false(passes(filter, event_of(PGCW_INSERT, "public", "orders")));
    assert_false(passes(filter, event_of(PGCW_UPDATE, "public", "items")));
    assert_int_equal(asked.count, 2);
    pgcwi_free(filter);
}

static void
assert_refused(const struct pgcw_event_filter *options, const char *word)
{
    struct pgcwi_filter *filter = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    assert_int_equal(pgcwi_filter_create(options, &filter, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, word));
    assert_null(filter);
}

static void
bad_names_are_refused_and_named(void **state)
{
    struct pgcw_table tables[] = {{"public", NAME_OF_63},
                                  {"public", NAME_OF_63 "x"}};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.tables = tables;
    options.table_count = 1;
    pgcwi_free(make(&options));
    options.table_count = 2;
    assert_refused(&options, "tables[1].name");
    tables[1] = (struct pgcw_table){"public", ""};
    assert_refused(&options, "tables[1].name");
    tables[1] = (struct pgcw_table){"public", NULL};
    assert_refused(&options, "tables[1].name");
    tables[1] = (struct pgcw_table){"", "orders"};
    assert_refused(&options, "tables[1].schema");
    tables[1] = (struct pgcw_table){NAME_OF_63 "x", "orders"};
    assert_refused(&options, "tables[1].schema");
}

static void
unknown_operations_and_missing_tables_are_refused(void **state)
{
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;

    (void)state;
    options.operations = 16;
    assert_refused(&options, "operations");
    options.operations = 0;
    options.table_count = 1;
    assert_refused(&options, "tables");
}

static void
each_allocation_may_fail(void **state)
{
    struct pgcw_table table = {"public", "orders"};
    struct pgcw_event_filter options = PGCW_EVENT_FILTER_INIT;
    enum pgcw_status status = PGCW_NO_MEMORY;
    struct pgcwi_filter *filter = NULL;

    (void)state;
    options.tables = &table;
    options.table_count = 1;
    for (long nth = 1; status != PGCW_OK; nth++) {
        struct pgcw_error error = {.status = PGCW_OK};

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(nth);
        status = pgcwi_filter_create(&options, &filter, &error);
        if (status != PGCW_OK) {
            assert_int_equal(status, PGCW_NO_MEMORY);
            assert_int_equal(error.status, PGCW_NO_MEMORY);
            assert_null(filter);
        }
    }
    pgcwi_alloc_fail_nth(0);
    pgcwi_free(filter);
}

struct context {
    struct pgcwi_filter *filter;
    char rest[100];
};

static void
context_has_a_filter_and_zeros(void **state)
{
    struct pgcw_event_filter options = {.operations = PGCW_UPDATE};
    static const char zeros[100];
    void *made = NULL;

    (void)state;
    assert_int_equal(pgcwi_filter_create_context(sizeof(struct context),
                                                 &options, &made, NULL),
                     PGCW_OK);
    const struct context *context = made;
    assert_memory_equal(context->rest, zeros, sizeof(zeros));
    assert_true(pgcwi_filter_has_operation(context->filter, PGCW_UPDATE));
    assert_false(pgcwi_filter_has_operation(context->filter, PGCW_INSERT));
    pgcwi_filter_destroy_context(made);
    pgcwi_filter_destroy_context(NULL);
}

static void
context_with_a_bad_filter_is_not_made(void **state)
{
    struct pgcw_event_filter options = {.operations = 1u << 31};
    void *made = NULL;

    (void)state;
    assert_int_equal(pgcwi_filter_create_context(sizeof(struct context),
                                                 &options, &made, NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_null(made);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_filter_passes_each_event),
        cmocka_unit_test(only_the_operations_that_were_named_pass),
        cmocka_unit_test(only_the_tables_that_were_named_pass),
        cmocka_unit_test(event_without_a_schema_passes_for_any),
        cmocka_unit_test(names_are_copied),
        cmocka_unit_test(predicate_has_the_last_word),
        cmocka_unit_test(bad_names_are_refused_and_named),
        cmocka_unit_test(unknown_operations_and_missing_tables_are_refused),
        cmocka_unit_test(each_allocation_may_fail),
        cmocka_unit_test(context_has_a_filter_and_zeros),
        cmocka_unit_test(context_with_a_bad_filter_is_not_made),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
