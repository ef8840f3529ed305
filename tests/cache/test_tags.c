/* SPDX-License-Identifier: MIT */
/* What events make invalid, of what depends on tables and rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/cache.h"

#define LONG_NAME                                                    \
    "a_name_of_sixty_four_bytes_that_the_server_would_cut_to_sixty_" \
    "th"

static int
init(void **state)
{
    struct pgcw_cache *cache = open_cache();

    /* not a random one: which rows share a slot is the same each time */
    cache->hash_seed = 1;
    cache->tags.hash_seed = 1;
    *state = cache;
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static struct pgcw_tag
table_tag(const char *schema, const char *table)
{
    return (struct pgcw_tag){.schema = schema, .table = table};
}

static struct pgcw_tag
row_tag(const char *schema, const char *table, const char *key)
{
    return (struct pgcw_tag){schema, table, bytes_of(key)};
}

static enum pgcw_status
put_stamped(struct pgcw_cache *cache, const char *key, struct pgcw_tag tag,
            struct pgcw_stamp stamp)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = 1;
    return pgcw_cache_put(cache, bytes_of(key), bytes_of("value"), stamp,
                          &options);
}

static void
put_tagged(struct pgcw_cache *cache, const char *key, struct pgcw_tag tag)
{
    assert_int_equal(put_stamped(cache, key, tag, pgcw_cache_stamp(cache)),
                     PGCW_OK);
    assert_true(has_text(cache, key, "value"));
}

static void
apply_keys(struct pgcw_cache *cache, const char *schema, const char *table,
           const struct pgcw_bytes *keys, size_t key_count)
{
    struct pgcw_event event = {.operation = PGCW_UPDATE,
                               .channel = "channel",
                               .schema = schema,
                               .table = table,
                               .keys = keys,
                               .key_count = key_count};

    pgcwi_cache_apply(cache, &event);
}

static void
apply_table(struct pgcw_cache *cache, const char *schema, const char *table)
{
    apply_keys(cache, schema, table, NULL, 0);
}

static void
apply_row(struct pgcw_cache *cache, const char *schema, const char *table,
          const char *key)
{
    struct pgcw_bytes bytes = bytes_of(key);

    apply_keys(cache, schema, table, &bytes, 1);
}

static void
event_of_a_table_makes_what_depends_on_it_invalid(void **state)
{
    put_tagged(*state, "orders", table_tag("public", "orders"));
    put_tagged(*state, "users", table_tag("public", "users"));
    apply_table(*state, "public", "orders");
    assert_true(has_nothing(*state, "orders"));
    assert_true(has_text(*state, "users", "value"));
    apply_row(*state, "public", "users", "1");
    assert_true(has_nothing(*state, "users"));
}

static void
event_of_a_row_makes_that_row_invalid_and_no_other(void **state)
{
    put_tagged(*state, "one", row_tag("public", "orders", "1"));
    put_tagged(*state, "two", row_tag("public", "orders", "2"));
    put_tagged(*state, "other", row_tag("public", "users", "1"));
    apply_row(*state, "public", "orders", "1");
    assert_true(has_nothing(*state, "one"));
    assert_true(has_text(*state, "two", "value"));
    assert_true(has_text(*state, "other", "value"));
}

static void
every_row_that_an_event_tells_is_invalid(void **state)
{
    const struct pgcw_bytes keys[] = {bytes_of("1"), bytes_of("3")};

    put_tagged(*state, "one", row_tag(NULL, "orders", "1"));
    put_tagged(*state, "two", row_tag(NULL, "orders", "2"));
    put_tagged(*state, "three", row_tag(NULL, "orders", "3"));
    apply_keys(*state, "public", "orders", keys, 2);
    assert_true(has_nothing(*state, "one"));
    assert_true(has_text(*state, "two", "value"));
    assert_true(has_nothing(*state, "three"));
}

static void
event_without_keys_makes_every_row_invalid(void **state)
{
    put_tagged(*state, "one", row_tag("public", "orders", "1"));
    put_tagged(*state, "two", row_tag("public", "orders", "2"));
    put_tagged(*state, "other", row_tag("public", "users", "1"));
    apply_table(*state, "public", "orders");
    assert_true(has_nothing(*state, "one"));
    assert_true(has_nothing(*state, "two"));
    assert_true(has_text(*state, "other", "value"));
}

static void
every_event_makes_what_has_no_tag_invalid(void **state)
{
    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    apply_row(*state, "public", "orders", "1");
    assert_true(has_nothing(*state, "key"));
}

static void
schemas_are_told_apart(void **state)
{
    put_tagged(*state, "mine", row_tag("mine", "orders", "1"));
    put_tagged(*state, "yours", row_tag("yours", "orders", "1"));
    put_tagged(*state, "all of yours", table_tag("yours", "orders"));
    put_tagged(*state, "any", row_tag(NULL, "orders", "1"));
    apply_row(*state, "mine", "orders", "1");
    assert_true(has_nothing(*state, "mine"));
    assert_true(has_text(*state, "yours", "value"));
    assert_true(has_text(*state, "all of yours", "value"));
    assert_true(has_nothing(*state, "any"));
}

static void
event_without_a_schema_is_about_that_table_in_each(void **state)
{
    put_tagged(*state, "mine", table_tag("mine", "orders"));
    put_tagged(*state, "yours", row_tag("yours", "orders", "1"));
    put_tagged(*state, "any", table_tag(NULL, "orders"));
    put_tagged(*state, "users", table_tag("mine", "users"));
    apply_table(*state, "", "orders");
    assert_true(has_nothing(*state, "mine"));
    assert_true(has_nothing(*state, "yours"));
    assert_true(has_nothing(*state, "any"));
    assert_true(has_text(*state, "users", "value"));
}

static void
name_that_begins_like_another_is_another(void **state)
{
    put_tagged(*state, "order", table_tag("public", "order"));
    put_tagged(*state, "orders", table_tag("public", "orders"));
    put_tagged(*state, "ordersx", table_tag("public", "ordersx"));
    apply_table(*state, "public", "orders");
    assert_true(has_text(*state, "order", "value"));
    assert_true(has_nothing(*state, "orders"));
    assert_true(has_text(*state, "ordersx", "value"));
}

static void
empty_key_is_a_row_of_its_own(void **state)
{
    put_tagged(*state, "empty", row_tag("public", "orders", ""));
    put_tagged(*state, "one", row_tag("public", "orders", "1"));
    apply_row(*state, "public", "orders", "");
    assert_true(has_nothing(*state, "empty"));
    assert_true(has_text(*state, "one", "value"));
}

static void
P1_load_from_before_the_event_of_a_table_nobody_knew_is_too_late(void **state)
{
    struct pgcw_stamp early = pgcw_cache_stamp(*state);

    apply_row(*state, "public", "orders", "1");
    struct pgcw_stamp late = pgcw_cache_stamp(*state);
    assert_int_equal(
        put_stamped(*state, "row", row_tag("public", "orders", "1"), early),
        PGCW_OK);
    assert_true(has_nothing(*state, "row"));
    assert_int_equal(
        put_stamped(*state, "table", table_tag(NULL, "orders"), early),
        PGCW_OK);
    assert_true(has_nothing(*state, "table"));
    assert_int_equal(
        put_stamped(*state, "row", row_tag("public", "orders", "1"), late),
        PGCW_OK);
    assert_true(has_text(*state, "row", "value"));
}

static void
P1_load_from_before_the_event_of_its_row_is_too_late(void **state)
{
    struct pgcw_tag tag = row_tag("public", "orders", "1");

    put_tagged(*state, "known", tag);
    struct pgcw_stamp early = pgcw_cache_stamp(*state);
    apply_row(*state, "public", "orders", "1");
    assert_int_equal(put_stamped(*state, "row", tag, early), PGCW_OK);
    assert_true(has_nothing(*state, "row"));
    assert_int_equal(
        put_stamped(*state, "row2", row_tag("public", "orders", "2"), early),
        PGCW_OK);
    assert_true(has_text(*state, "row2", "value"));
}

static void
value_with_several_tags_depends_on_each(void **state)
{
    const struct pgcw_tag tags[] = {table_tag("public", "users"),
                                    row_tag("public", "orders", "1"),
                                    row_tag("public", "orders", "2")};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = tags;
    options.tag_count = 3;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pgcw_cache_put(*state, bytes_of("key"),
                                        bytes_of("value"),
                                        pgcw_cache_stamp(*state), &options),
                         PGCW_OK);
        apply_row(*state, "public", "orders", "3");
        assert_true(has_text(*state, "key", "value"));
        switch (i) {
        case 0:
            apply_row(*state, "public", "users", "9");
            break;
        case 1:
            apply_row(*state, "public", "orders", "1");
            break;
        case 2:
            apply_row(*state, "public", "orders", "2");
            break;
        default:
            apply_table(*state, "public", "orders");
        }
        assert_true(has_nothing(*state, "key"));
    }
}

static void
value_with_too_many_tags_depends_on_everything(void **state)
{
    struct pgcw_tag tags[PGCWI_SLOTS_MAX];
    char keys[PGCWI_SLOTS_MAX][8];
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    for (uint32_t i = 0; i < PGCWI_SLOTS_MAX; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "%u", i);
        tags[i] = row_tag("public", "orders", keys[i]);
    }
    options.tags = tags;
    options.tag_count = PGCWI_SLOTS_MAX - 2; /* its key, the table, and rows */
    struct pgcw_stamp stamp = pgcw_cache_stamp(*state);
    assert_int_equal(pgcw_cache_put(*state, bytes_of("many"), bytes_of("value"),
                                    stamp, &options),
                     PGCW_OK);
    options.tag_count++;
    assert_int_equal(pgcw_cache_put(*state, bytes_of("too many"),
                                    bytes_of("value"), stamp, &options),
                     PGCW_OK);
    apply_table(*state, "public", "users");
    assert_true(has_text(*state, "many", "value"));
    assert_true(has_nothing(*state, "too many"));
    apply_row(*state, "public", "orders", "0");
    assert_true(has_nothing(*state, "many"));
}

static void
table_beyond_the_bound_counts_as_everything(void **state)
{
    char name[16];

    for (uint32_t i = 0; i < PGCWI_TABLES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "t%u", i);
        put_tagged(*state, name, table_tag("public", name));
    }
    put_tagged(*state, "one more", table_tag("public", "one_more"));
    apply_table(*state, "public", "t1023");
    assert_true(has_nothing(*state, "t1023"));
    assert_true(has_text(*state, "t0", "value"));
    assert_true(has_text(*state, "t1022", "value"));
    assert_true(has_nothing(*state, "one more"));
}

static void
where_memory_is_short_a_new_table_counts_as_everything(void **state)
{
    struct pgcwi_slots slots;
    struct pgcw_cache *cache = *state;
    struct pgcw_tag tag = table_tag("public", "orders");

    pgcwi_slots_init(&slots, PGCWI_SLOT_KEYS);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcwi_tags_add(&cache->tags, &tag, &slots), PGCW_OK);
    assert_true(pgcwi_alloc_has_failed());
    assert_int_equal(slots.count, 2);
    assert_int_equal(slots.numbers[1], PGCWI_SLOT_UNTAGGED);
}

static void
name_that_no_event_can_have_is_refused(void **state)
{
    const struct pgcw_tag bad[] = {
        table_tag("public", NULL), table_tag("public", ""),
        table_tag("", "orders"), table_tag("public", LONG_NAME),
        table_tag(LONG_NAME, "orders")};
    struct pgcw_cache *cache = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pgcwi_slots slots;

        assert_int_equal(
            put_stamped(cache, "key", bad[i], pgcw_cache_stamp(cache)),
            PGCW_INVALID_ARGUMENT);
        assert_true(has_nothing(cache, "key"));
        assert_int_equal(pgcw_cache_invalidate_tag(cache, &bad[i]),
                         PGCW_INVALID_ARGUMENT);
        pgcwi_slots_init(&slots, PGCWI_SLOT_KEYS);
        assert_int_equal(pgcwi_tags_add(&cache->tags, &bad[i], &slots),
                         PGCW_INVALID_ARGUMENT);
        assert_int_equal(slots.numbers[1], PGCWI_SLOT_UNTAGGED);
    }
    assert_int_equal(stats_of(cache).invalidations, 0);
}

static void
caller_can_do_what_an_event_would(void **state)
{
    struct pgcw_tag row = row_tag("public", "orders", "1");
    struct pgcw_tag table = table_tag(NULL, "orders");

    put_tagged(*state, "one", row);
    put_tagged(*state, "two", row_tag("public", "orders", "2"));
    assert_int_equal(pgcw_cache_invalidate_tag(*state, &row), PGCW_OK);
    assert_true(has_nothing(*state, "one"));
    assert_true(has_text(*state, "two", "value"));
    assert_int_equal(pgcw_cache_invalidate_tag(*state, &table), PGCW_OK);
    assert_true(has_nothing(*state, "two"));
    assert_int_equal(stats_of(*state).invalidations, 2);
}

static void
row_of_many_is_invalid_alone_but_for_few_collisions(void **state)
{
    enum { ROWS = 20000 };
    char key[16];
    uint32_t gone = 0;

    for (uint32_t i = 0; i < ROWS; i++) {
        (void)snprintf(key, sizeof(key), "%u", i);
        assert_int_equal(put_stamped(*state, key,
                                     row_tag("public", "orders", key),
                                     pgcw_cache_stamp(*state)),
                         PGCW_OK);
    }
    apply_row(*state, "public", "orders", "7");
    for (uint32_t i = 0; i < ROWS; i++) {
        (void)snprintf(key, sizeof(key), "%u", i);
        gone += has_nothing(*state, key) ? 1 : 0;
    }
    /* 131,072 slots: 0.15 others are to be expected */
    assert_in_range(gone, 1, 8);
    assert_true(has_nothing(*state, "7"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(event_of_a_table_makes_what_depends_on_it_invalid),
        TEST(event_of_a_row_makes_that_row_invalid_and_no_other),
        TEST(every_row_that_an_event_tells_is_invalid),
        TEST(event_without_keys_makes_every_row_invalid),
        TEST(every_event_makes_what_has_no_tag_invalid),
        TEST(schemas_are_told_apart),
        TEST(event_without_a_schema_is_about_that_table_in_each),
        TEST(name_that_begins_like_another_is_another),
        TEST(empty_key_is_a_row_of_its_own),
        TEST(P1_load_from_before_the_event_of_a_table_nobody_knew_is_too_late),
        TEST(P1_load_from_before_the_event_of_its_row_is_too_late),
        TEST(value_with_several_tags_depends_on_each),
        TEST(value_with_too_many_tags_depends_on_everything),
        TEST(table_beyond_the_bound_counts_as_everything),
        TEST(where_memory_is_short_a_new_table_counts_as_everything),
        TEST(name_that_no_event_can_have_is_refused),
        TEST(caller_can_do_what_an_event_would),
        TEST(row_of_many_is_invalid_alone_but_for_few_collisions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
