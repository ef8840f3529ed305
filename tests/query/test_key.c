/* SPDX-License-Identifier: MIT */
/* Keys of results: what is not the same has not the same key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "query/key.h"

static const char *const values[] = {"one", "two"};
static const char *const shifted[] = {"onet", "wo"};
static const char *const with_null[] = {"one", NULL};
static const char *const with_empty[] = {"one", ""};
static const unsigned int types[] = {25, 25};
static const unsigned int other_types[] = {25, 1043};
static const int formats[] = {0, 1};
static const int lengths[] = {99, 2};
static const int other_lengths[] = {99, 3};

static struct pgcwi_session session;

/* The first, and others that differ from it and from each other. */
static const struct pgcw_query queries[] = {
    {"SELECT", 2, types, values, NULL, NULL, 0},
    {"SELECT ", 2, types, values, NULL, NULL, 0},
    {"SELECT", 2, NULL, values, NULL, NULL, 0},
    {"SELECT", 2, other_types, values, NULL, NULL, 0},
    {"SELECT", 2, types, shifted, NULL, NULL, 0},
    {"SELECT", 2, types, with_null, NULL, NULL, 0},
    {"SELECT", 2, types, with_empty, NULL, NULL, 0},
    {"SELECT", 2, types, values, NULL, NULL, 1},
    {"SELECT", 2, types, values, lengths, formats, 0},
    {"SELECT", 2, types, values, other_lengths, formats, 0},
    {"SELECT", 1, types, values, NULL, NULL, 0},
    {"SELECT", 0, types, values, NULL, NULL, 0},
    {"SELECT", 2, types, NULL, NULL, NULL, 0},
};
#define QUERIES ((int)(sizeof queries / sizeof queries[0]))

/* A copy of the bytes, as the key itself cannot be moved. */
static struct pgcwi_query_key
make(const struct pgcw_query *query)
{
    struct pgcwi_query_key key;
    unsigned char *copy;

    assert_int_equal(pgcwi_query_key_init(&key, &session, query), PGCW_OK);
    copy = pgcwi_alloc(key.size);
    assert_non_null(copy);
    memcpy(copy, key.data, key.size);
    key.data = copy;
    return key;
}

static bool
is_same(const struct pgcwi_query_key *a, const struct pgcwi_query_key *b)
{
    return a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

static void
compare(int i, int j)
{
    struct pgcwi_query_key a = make(&queries[i]);
    struct pgcwi_query_key b = make(&queries[j]);

    if (is_same(&a, &b) != (i == j)) {
        fail_msg("%d %d", i, j);
    }
    pgcwi_free(a.data);
    pgcwi_free(b.data);
}

static void
each_difference_makes_another_key(void **state)
{
    (void)state;
    for (int i = 0; i < QUERIES * QUERIES; i++) {
        compare(i / QUERIES, i % QUERIES);
    }
}

static void
session_is_a_part_of_the_key(void **state)
{
    struct pgcwi_query_key a = make(&queries[0]);
    struct pgcwi_query_key b;

    (void)state;
    session.digest[PGCWI_SESSION_DIGEST_BYTES - 1] = 'x';
    b = make(&queries[0]);
    session.digest[PGCWI_SESSION_DIGEST_BYTES - 1] = '\0';
    assert_false(is_same(&a, &b));
    pgcwi_free(a.data);
    pgcwi_free(b.data);
}

/* Of the keys' first parts, by which statements are known. */
static void
values_and_formats_do_not_make_another_statement(void **state)
{
    struct pgcwi_query_key first = make(&queries[0]);

    (void)state;
    for (int i = 0; i < QUERIES; i++) {
        struct pgcwi_query_key key = make(&queries[i]);
        bool is_same_statement =
            key.statement_size == first.statement_size &&
            memcmp(key.data, first.data, key.statement_size) == 0;

        assert_int_equal(is_same_statement,
                         i == 0 || (i >= 4 && i <= 9) || i == 12);
        pgcwi_free(key.data);
    }
    pgcwi_free(first.data);
}

static void
short_key_allocates_nothing_and_long_one_may_fail(void **state)
{
    static char text[2000];
    struct pgcw_query query = {.command = "x"};
    struct pgcwi_query_key key;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcwi_query_key_init(&key, &session, &query), PGCW_OK);
    assert_ptr_equal(key.data, key.room);
    pgcwi_query_key_fini(&key);
    memset(text, 'x', sizeof text - 1);
    query.command = text;
    assert_int_equal(pgcwi_query_key_init(&key, &session, &query),
                     PGCW_NO_MEMORY);
    assert_int_equal(pgcwi_query_key_init(&key, &session, &query), PGCW_OK);
    assert_ptr_not_equal(key.data, key.room);
    assert_int_equal(key.size, PGCWI_SESSION_DIGEST_BYTES + sizeof text +
                                   2 * sizeof(int));
    pgcwi_query_key_fini(&key);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_difference_makes_another_key),
        cmocka_unit_test(session_is_a_part_of_the_key),
        cmocka_unit_test(values_and_formats_do_not_make_another_statement),
        cmocka_unit_test(short_key_allocates_nothing_and_long_one_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
