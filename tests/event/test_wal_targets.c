/* SPDX-License-Identifier: MIT */
/* Relations whose targets are missing, or of another time. */
#include "event/wal_stream.h"

static void
relation_without_a_target_is_asked_for_once(void **state)
{
    (void)state;
    describe(1, "orders", 'd', "id");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders");
    assert_true(pgcwi_wal_decoder_wants_targets(decoder));
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_true(is_target_added(1, "orders", key_id, 1));
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders [1]");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
}

static void
relation_that_was_renamed_is_told_whole_by_its_new_name(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders [1]");
    describe(1, "sales", 'd', "id");
    begin(9);
    insert(1, "1");
    commit(9, "insert public.sales");
    assert_true(pgcwi_wal_decoder_wants_targets(decoder));
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_true(is_target_added(1, "sales", key_id, 1));
    begin(9);
    insert(1, "1");
    commit(9, "insert public.sales [1]");
}

static void
targets_of_columns_that_are_not_there_tell_the_table(void **state)
{
    static const struct pgcwi_wal_key_column other[] = {{"other", 23}};
    static const struct pgcwi_wal_key_column of_type[] = {{"id", 20}};
    static const struct pgcwi_wal_key_column *const columns[] = {other,
                                                                 of_type};

    (void)state;
    describe(1, "orders", 'd', "id");
    for (size_t i = 0; i < 2; i++) {
        pgcwi_wal_decoder_forget_targets(decoder);
        describe(1, "orders", 'd', "id");
        assert_true(is_target_added(1, "orders", columns[i], 1));
        begin(9);
        insert(1, "1");
        commit(9, "insert public.orders");
        assert_true(pgcwi_wal_decoder_wants_targets(decoder));
    }
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_true(is_target_added(1, "orders", of_type, 1));
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
}

/* Its identity tells that the key is another one than the target has. */
static void
key_that_is_another_one_now_is_not_told_by_the_old(void **state)
{
    static const char *const identities[] = {"note", "id note", ""};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        describe(1, "orders", 'd', identities[i]);
        renew_orders();
        begin(9);
        insert(1, "1");
        commit(9, "insert public.orders");
        assert_true(pgcwi_wal_decoder_wants_targets(decoder));
    }
}

/* Another identity does not tell: so the key is looked up. */
static void
relation_that_was_described_since_the_targets_is_in_doubt(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders [1]");
    for (const char *identity = "dfin"; *identity != '\0'; identity++) {
        describe(1, "orders", *identity, "id");
        for (size_t i = 0; i < 2; i++) {
            begin(9);
            insert(1, "1");
            commit(9, "insert public.orders");
            assert_true(pgcwi_wal_decoder_wants_targets(decoder));
        }
        renew_orders();
        begin(9);
        insert(1, "1");
        commit(9, "insert public.orders [1]");
        assert_false(pgcwi_wal_decoder_wants_targets(decoder));
    }
}

static void
only_an_identity_that_is_the_key_is_believed_at_once(void **state)
{
    (void)state;
    assert_true(is_target_added(1, "orders", key_id, 1));
    for (const char *identity = "fin"; *identity != '\0'; identity++) {
        assert_true(is_target_added((uint32_t)*identity, "orders", key_id, 1));
        describe((uint32_t)*identity, "orders", *identity, "id");
        begin(9);
        insert((uint32_t)*identity, "1");
        commit(9, "insert public.orders");
        assert_true(pgcwi_wal_decoder_wants_targets(decoder));
    }
}

static void
key_of_a_type_that_has_no_text_is_the_whole_table(void **state)
{
    static const struct pgcwi_wal_key_column float8[] = {{"id", 23},
                                                         {"whole", 701}};

    (void)state;
    assert_true(is_target_added(1, "orders", float8, 2));
    describe(1, "orders", 'd', "id whole");
    begin(9);
    insert(1, "1");
    commit(9, "insert public.orders");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_decoder, drop_decoder)
    const struct CMUnitTest tests[] = {
        TEST(relation_without_a_target_is_asked_for_once),
        TEST(relation_that_was_renamed_is_told_whole_by_its_new_name),
        TEST(targets_of_columns_that_are_not_there_tell_the_table),
        TEST(key_that_is_another_one_now_is_not_told_by_the_old),
        TEST(relation_that_was_described_since_the_targets_is_in_doubt),
        TEST(only_an_identity_that_is_the_key_is_believed_at_once),
        TEST(key_of_a_type_that_has_no_text_is_the_whole_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
