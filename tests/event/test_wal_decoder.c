/* SPDX-License-Identifier: MIT */
/* Transactions of rows, to changes. */
#include "event/wal_stream.h"

static void
changes_are_grouped_in_the_order_in_which_they_came(void **state)
{
    const char *const row[] = {"2", "a", "1"};

    (void)state;
    make_orders();
    assert_true(is_target_added(2, "customers", key_id, 1));
    describe(2, "customers", 'd', "id");
    begin(9);
    insert(2, "7");
    insert(1, "1");
    update(1, 0, NULL, row);
    insert(2, "8");
    insert(1, "3");
    delete_row(2, 'K', row);
    commit(9, "insert public.customers [7 8], insert public.orders [1 3], "
              "update public.orders [2], delete public.customers [2]");
    begin(10);
    commit_nothing();
    begin(11);
    insert(1, "4");
    commit(11, "insert public.orders [4]");
    assert_false(pgcwi_wal_decoder_wants_targets(decoder));
}

static void
change_has_the_time_of_the_commit(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "1");
    wal_commit(&built, 0, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    assert_int_equal(done->changes[0].sent_at_us, WAL_TIME_UNIX_US);
}

static void
composite_key_is_in_the_order_of_the_key(void **state)
{
    const char *const row[] = {"2", "b", "1"};

    (void)state;
    assert_true(is_target_added(1, "log", key_pair, 2));
    describe(1, "log", 'd', "id note");
    begin(9);
    insert(1, "1");
    delete_row(1, 'K', row);
    wal_truncate(&built, 0, (const uint32_t[]){1}, 1);
    take_more();
    commit(9, "insert public.log [[\"a\", \"1\"]], "
              "delete public.log [[\"b\", \"2\"]], truncate public.log");
}

static size_t
count_keys(size_t rows)
{
    char key[16];

    begin(9);
    for (size_t i = 0; i < rows; i++) {
        (void)snprintf(key, sizeof(key), "%zu", i);
        insert(1, key);
    }
    wal_commit(&built, 0, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    assert_int_equal(done->change_count, 1);
    size_t count = done->changes[0].key_count;
    pgcwi_wal_transaction_destroy(done);
    done = NULL;
    return count;
}

static void
thousand_keys_are_told_and_one_more_is_the_whole_table(void **state)
{
    (void)state;
    make_orders();
    assert_int_equal(count_keys(1000), 1000);
    assert_int_equal(count_keys(1001), 0);
    assert_int_equal(count_keys(1500), 0);
}

/* Room for 64 KiB, each with its NUL: 16 of 4096 bytes. */
static void
text_beyond_64_kib_is_the_whole_table(void **state)
{
    char note[4096];
    const char *const row[] = {"1", note, "1"};

    (void)state;
    assert_true(is_target_added(
        1, "orders", (const struct pgcwi_wal_key_column[]){{"note", 25}}, 1));
    describe(1, "orders", 'd', "note");
    memset(note, 'x', sizeof(note) - 1);
    note[sizeof(note) - 1] = '\0';
    for (size_t rows = 16; rows <= 17; rows++) {
        begin(9);
        for (size_t i = 0; i < rows; i++) {
            note[0] = (char)('a' + i);
            row_in(0, 'I', 1, "N", row);
        }
        wal_commit(&built, 0, END_LSN);
        assert_int_equal(take(), PGCWI_WAL_COMMITTED);
        assert_int_equal(done->changes[0].key_count, rows == 16 ? 16 : 0);
        pgcwi_wal_transaction_destroy(done);
        done = NULL;
    }
}

/* Of all tables: room for 4 MiB, 64 times the text of one. */
static void
P9_text_beyond_4_mib_is_the_whole_table(void **state)
{
    char note[4096];
    char table[16];
    const char *const row[] = {"1", note, "1"};

    (void)state;
    memset(note, 'x', sizeof(note) - 1);
    note[sizeof(note) - 1] = '\0';
    begin(9);
    for (uint32_t id = 1; id <= 66; id++) {
        (void)snprintf(table, sizeof(table), "t%u", (unsigned)id);
        assert_true(is_target_added(
            id, table, (const struct pgcwi_wal_key_column[]){{"note", 25}}, 1));
        describe(id, table, 'd', "note");
        for (int i = 0; i < 16; i++) {
            note[0] = (char)('a' + i);
            row_in(0, 'I', id, "N", row);
        }
    }
    wal_commit(&built, 0, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    assert_int_equal(done->change_count, 66);
    assert_int_equal(done->changes[63].key_count, 16);
    assert_int_equal(done->changes[64].key_count, 0);
    assert_int_equal(done->changes[65].key_count, 0);
}

static void
key_that_is_too_long_is_the_whole_table(void **state)
{
    static char note[PGCWI_WAL_KEY_BYTES + 2];
    const char *const row[] = {"1", note, "1"};

    (void)state;
    assert_true(is_target_added(
        1, "orders", (const struct pgcwi_wal_key_column[]){{"note", 25}}, 1));
    describe(1, "orders", 'd', "note");
    memset(note, 'x', sizeof(note) - 1);
    note[PGCWI_WAL_KEY_BYTES + 1] = '\0';
    begin(9);
    row_in(0, 'I', 1, "N", row);
    commit(9, "insert public.orders");
    note[PGCWI_WAL_KEY_BYTES] = '\0';
    begin(9);
    row_in(0, 'I', 1, "N", row);
    wal_commit(&built, 0, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    assert_int_equal(done->changes[0].key_count, 1);
    assert_int_equal(done->changes[0].keys[0].size, PGCWI_WAL_KEY_BYTES);
}

static void
more_than_1024_changes_are_a_gap(void **state)
{
    char table[16];

    (void)state;
    for (uint32_t id = 1; id <= 1025; id++) {
        (void)snprintf(table, sizeof(table), "t%u", (unsigned)id);
        assert_true(is_target_added(id, table, key_id, 1));
        describe(id, table, 'd', "id");
    }
    for (uint32_t tables = 1024; tables <= 1025; tables++) {
        begin(9);
        for (uint32_t id = 1; id <= tables; id++) {
            insert(id, "1");
        }
        insert(1, "2"); /* of a gap, nothing that follows matters */
        wal_commit(&built, 0, END_LSN);
        assert_int_equal(take(), PGCWI_WAL_COMMITTED);
        assert_int_equal(done->is_gap, tables == 1025);
        assert_int_equal(done->change_count, tables == 1025 ? 0 : 1024);
        pgcwi_wal_transaction_destroy(done);
        done = NULL;
    }
    begin(10);
    insert(1, "1");
    commit(10, "insert public.t1 [1]");
}

static void
same_key_in_a_row_is_told_once(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "12");
    insert(1, "12");
    insert(1, "1");
    insert(1, "12");
    insert(1, "2");
    commit(9, "insert public.orders [12 1 12 2]");
}

/* What an UPDATE and a DELETE say with each replica identity, where the key
 * is id, and note is another unique column. */
static void
each_replica_identity_tells_its_keys_or_the_table(void **state)
{
    const char *const full[] = {"1", "a", "1"};
    const char *const only_id[] = {"1", wal_null, wal_null};
    const char *const only_note[] = {wal_null, "a", wal_null};
    const char *const row[] = {"2", "b", "1"};

    (void)state;
    make_orders();
    begin(9);
    update(1, 0, NULL, row);
    update(1, 'K', only_id, row);
    delete_row(1, 'K', only_id);
    commit(9, "update public.orders [2 1 2], delete public.orders [1]");
    describe(1, "orders", 'f', "id note whole");
    renew_orders();
    begin(9);
    update(1, 'O', full, row);
    delete_row(1, 'O', full);
    commit(9, "update public.orders [1 2], delete public.orders [1]");
    describe(1, "orders", 'i', "note");
    renew_orders();
    begin(9);
    insert(1, "5");
    update(1, 0, NULL, row);
    delete_row(1, 'K', only_note);
    commit(9, "insert public.orders [5], update public.orders, delete "
              "public.orders");
    begin(9);
    update(1, 'K', only_note, row);
    commit(9, "update public.orders");
    describe(1, "orders", 'n', "");
    renew_orders();
    begin(9);
    insert(1, "6");
    update(1, 0, NULL, row);
    commit(9, "insert public.orders [6], update public.orders");
}

static void
value_that_is_not_told_anew_is_that_of_the_old_row(void **state)
{
    const char *const full[] = {"1", "large", "1"};
    const char *const row[] = {"2", wal_unchanged, "1"};

    (void)state;
    describe(1, "orders", 'f', "id note whole");
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_true(is_target_added(1, "orders", key_pair, 2));
    begin(9);
    update(1, 'O', full, row);
    commit(9, "update public.orders [[\"large\", \"1\"] [\"large\", \"2\"]]");
    begin(9);
    update(1, 0, NULL, row);
    commit(9, "update public.orders");
}

static void
key_without_a_text_is_the_whole_table(void **state)
{
    const char *const null[] = {wal_null, "a", "1"};
    const char *const binary[] = {wal_binary, "a", "1"};
    const char *const unchanged[] = {wal_unchanged, "a", "1"};
    const char *const *const rows[] = {null, binary, unchanged};

    (void)state;
    make_orders();
    for (size_t i = 0; i < 3; i++) {
        begin(9);
        insert(1, "1");
        row_in(0, 'I', 1, "N", rows[i]);
        insert(1, "2");
        commit(9, "insert public.orders");
        begin(9);
        delete_row(1, 'K', rows[i]);
        commit(9, "delete public.orders");
    }
}

/* It has fewer columns than the key, or than were described. */
static void
row_that_is_too_short_is_the_whole_table(void **state)
{
    const char *const row[] = {"1"};

    (void)state;
    assert_true(is_target_added(1, "orders", key_pair, 2));
    describe(1, "orders", 'd', "id note");
    begin(9);
    wal_row(&built, 'I', 0, 1);
    wal_add_row(&built, 'N', row, 1);
    take_more();
    commit(9, "insert public.orders");
}

static void
truncate_is_told_of_each_table(void **state)
{
    (void)state;
    make_orders();
    assert_true(is_target_added(2, "customers", key_id, 1));
    describe(2, "customers", 'd', "id");
    begin(9);
    insert(1, "1");
    wal_truncate(&built, 0, (const uint32_t[]){2, 1, 2}, 3);
    take_more();
    commit(9, "insert public.orders [1], truncate public.customers, truncate "
              "public.orders");
}

static void
schema_without_a_name_is_the_catalogs(void **state)
{
    const char *const names[2] = {"", "t"};

    (void)state;
    wal_relation(&built, 0, 1, names, 'd');
    wal_add_columns(&built, NULL, 0);
    take_more();
    begin(9);
    insert(1, "1");
    commit(9, "insert pg_catalog.t");
}

#define EVENT                                                            \
    "{\"operation\": \"delete\", \"table\": \"far\", \"schema\": \"s\"," \
    " \"sent_at\": \"2026-01-01T00:00:00Z\", \"keys\": [\"4\", \"5\"]}"

static void
messages_of_the_channel_are_events(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "1");
    wal_emitted(&built, 0, true, "channel", EVENT);
    take_more();
    take_more();
    insert(1, "2");
    commit(9, "insert public.orders [1 2], delete s.far [4 5], delete s.far "
              "[4 5]");
}

static void
messages_of_others_and_outside_of_transactions_are_none(void **state)
{
    (void)state;
    begin(9);
    wal_emitted(&built, 0, true, "channel2", EVENT);
    take_more();
    wal_emitted(&built, 0, true, "", EVENT);
    take_more();
    wal_emitted(&built, 0, false, "channel", EVENT);
    take_more();
    wal_emitted(&built, 0, true, "other", "no event");
    take_more();
    commit_nothing();
}

static void
message_that_is_not_understood_is_a_gap(void **state)
{
    (void)state;
    make_orders();
    begin(9);
    insert(1, "1");
    wal_emitted(&built, 0, true, "channel", "{}");
    take_more();
    insert(1, "2");
    wal_emitted(&built, 0, true, "channel", EVENT);
    take_more();
    wal_truncate(&built, 0, (const uint32_t[]){1}, 1);
    take_more();
    commit(9, "gap");
    begin(10);
    insert(1, "1");
    commit(10, "insert public.orders [1]");
}

static void
too_many_messages_are_a_gap(void **state)
{
    (void)state;
    begin(9);
    for (size_t i = 0; i < 1025; i++) {
        wal_emitted(&built, 0, true, "channel", EVENT);
        take_more();
    }
    commit(9, "gap");
}

/* Room for 1 MiB of them. */
static void
P9_too_large_messages_are_a_gap(void **state)
{
    static char event[65536];

    (void)state;
    (void)snprintf(event, sizeof(event), "%-65535s", EVENT);
    for (size_t messages = 16; messages <= 17; messages++) {
        begin(9);
        for (size_t i = 0; i < messages; i++) {
            wal_emitted(&built, 0, true, "channel", event);
            take_more();
        }
        wal_commit(&built, 0, END_LSN);
        assert_int_equal(take(), PGCWI_WAL_COMMITTED);
        assert_int_equal(done->is_gap, messages == 17);
        pgcwi_wal_transaction_destroy(done);
        done = NULL;
    }
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_decoder, drop_decoder)
    const struct CMUnitTest tests[] = {
        TEST(changes_are_grouped_in_the_order_in_which_they_came),
        TEST(change_has_the_time_of_the_commit),
        TEST(composite_key_is_in_the_order_of_the_key),
        TEST(thousand_keys_are_told_and_one_more_is_the_whole_table),
        TEST(text_beyond_64_kib_is_the_whole_table),
        TEST(P9_text_beyond_4_mib_is_the_whole_table),
        TEST(key_that_is_too_long_is_the_whole_table),
        TEST(more_than_1024_changes_are_a_gap),
        TEST(same_key_in_a_row_is_told_once),
        TEST(each_replica_identity_tells_its_keys_or_the_table),
        TEST(value_that_is_not_told_anew_is_that_of_the_old_row),
        TEST(key_without_a_text_is_the_whole_table),
        TEST(row_that_is_too_short_is_the_whole_table),
        TEST(truncate_is_told_of_each_table),
        TEST(schema_without_a_name_is_the_catalogs),
        TEST(messages_of_the_channel_are_events),
        TEST(messages_of_others_and_outside_of_transactions_are_none),
        TEST(message_that_is_not_understood_is_a_gap),
        TEST(too_many_messages_are_a_gap),
        TEST(P9_too_large_messages_are_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
