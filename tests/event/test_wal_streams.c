/* SPDX-License-Identifier: MIT */
/* Transactions that are streamed before they end, messages in a wrong order,
 * and memory that runs out. */
#include "event/wal_stream.h"

static void
streamed_transactions_are_told_when_they_are_committed(void **state)
{
    (void)state;
    make_orders();
    stream(20);
    insert_in(20, 1, "1");
    stop();
    stream(30);
    insert_in(30, 1, "2");
    stop();
    begin(9);
    insert(1, "3");
    commit(9, "insert public.orders [3]");
    stream(20);
    insert_in(21, 1, "4"); /* of a part of it */
    wal_truncate(&built, 21, (const uint32_t[]){1}, 1);
    take_more();
    stop();
    commit_stream(30, "insert public.orders [2]");
    commit_stream(20, "insert public.orders [1 4], truncate public.orders");
}

static void
relations_and_messages_may_come_in_a_stream(void **state)
{
    (void)state;
    assert_true(is_target_added(1, "orders", key_id, 1));
    stream(20);
    describe_in(20, 1, &(struct shape){"orders", 'd', "id"});
    wal_emitted(&built, 20, true, "channel",
                "{\"operation\": \"insert\", \"table\": \"far\", \"sent_at\": "
                "\"2026-01-01T00:00:00Z\"}");
    take_more();
    insert_in(20, 1, "1");
    stop();
    commit_stream(20, "insert .far, insert public.orders [1]");
}

static void
streamed_transaction_that_is_undone_is_told_nowhere(void **state)
{
    (void)state;
    make_orders();
    stream(20);
    insert_in(20, 1, "1");
    stop();
    stream(30);
    insert_in(30, 1, "2");
    stop();
    wal_stream_abort(&built, 20, 20);
    take_more();
    take_more(); /* of an unknown one */
    commit_stream(30, "insert public.orders [2]");
    stream(20); /* its number is used again, much later */
    stop();
    wal_commit(&built, 20, END_LSN);
    take_more();
    assert_null(done);
}

static void
part_that_is_undone_does_not_undo_the_rest(void **state)
{
    (void)state;
    make_orders();
    stream(20);
    insert_in(20, 1, "1");
    insert_in(21, 1, "2");
    stop();
    wal_stream_abort(&built, 20, 21);
    take_more();
    stream(20);
    insert_in(20, 1, "3");
    stop();
    commit_stream(20, "insert public.orders [1 2 3]");
}

static void
streamed_transaction_may_be_a_gap(void **state)
{
    (void)state;
    make_orders();
    stream(20);
    insert_in(20, 1, "1");
    wal_emitted(&built, 20, true, "channel", "nothing");
    take_more();
    stop();
    commit_stream(20, "gap");
}

static void
streams_that_never_end_are_bounded(void **state)
{
    (void)state;
    for (uint32_t xid = 1; xid <= 1024; xid++) {
        stream(xid);
        stop();
    }
    wal_stream_start(&built, 1025);
    assert_int_equal(take(), PGCWI_WAL_NO_MEMORY);
    wal_stream_abort(&built, 5, 5);
    take_more();
    stream(1025);
    stop();
    stream(4);
    stop();
}

static void
row_of_an_unknown_relation_is_malformed(void **state)
{
    const char *const row[] = {"1", "a", "1"};

    (void)state;
    make_orders();
    begin(9);
    wal_row(&built, 'I', 0, 2);
    wal_add_row(&built, 'N', row, 3);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
    wal_truncate(&built, 0, (const uint32_t[]){1, 2}, 2);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
}

static void
stream_in_a_wrong_order_is_malformed(void **state)
{
    (void)state;
    wal_commit(&built, 20, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
    stream(20);
    wal_stream_start(&built, 30);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
    wal_stream_start(&built, 20);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
    wal_commit(&built, 20, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
}

static void
message_that_cannot_be_read_is_malformed(void **state)
{
    (void)state;
    wal_begin(&built, 9);
    built.size--;
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
    wal_start(&built, 'P', 0);
    assert_int_equal(take(), PGCWI_WAL_MALFORMED);
}

/* Until something fails. */
static enum pgcwi_wal_result
take_if(enum pgcwi_wal_result result)
{
    return result == PGCWI_WAL_MORE ? take() : result;
}

static enum pgcwi_wal_result
take_described(uint32_t id, const char *table)
{
    const char *const names[2] = {"public", table};
    const struct wal_column columns[] = {{"id", 23, true}, {"n", 25, true}};

    wal_relation(&built, 0, id, names, 'd');
    wal_add_columns(&built, columns, 2);
    return take();
}

static enum pgcwi_wal_result
take_rows(uint32_t xid)
{
    static const char long_text[] =
        "0123456789012345678901234567890123456789012345678901234567890123456";
    enum pgcwi_wal_result result = PGCWI_WAL_MORE;

    for (uint32_t i = 0; i < 12; i++) {
        const char *const row[] = {"1", i == 0 ? "a" : long_text};

        wal_row(&built, "IUD"[i % 3], xid, 1 + i / 6);
        wal_add_row(&built, i % 3 == 2 ? 'K' : 'N', row, 2);
        result = take_if(result);
    }
    wal_emitted(&built, xid, true, "channel",
                "{\"operation\": \"insert\", \"table\": \"far\", \"sent_at\": "
                "\"2026-01-01T00:00:00Z\"}");
    result = take_if(result);
    wal_truncate(&built, xid, (const uint32_t[]){1}, 1);
    return take_if(result);
}

static enum pgcwi_wal_result
take_stream(uint32_t xid)
{
    enum pgcwi_wal_result result;

    wal_stream_start(&built, xid);
    result = take();
    if (result == PGCWI_WAL_MORE) {
        result = take_rows(xid);
    }
    wal_stream_stop(&built);
    return take_if(result);
}

static bool
is_given_targets(void)
{
    static const struct pgcwi_wal_key_column key[] = {{"id", 23}, {"n", 25}};

    pgcwi_wal_decoder_forget_targets(decoder);
    return is_target_added(1, "orders", key, 2) &&
           is_target_added(1, "top", key, 2) &&
           is_target_added(3, "more", NULL, 0);
}

/* Everything that needs memory; a fault is said by whoever wanted it. */
static bool
is_everything_done(void)
{
    decoder = pgcwi_wal_decoder_create("channel");
    if (decoder == NULL || take_described(1, "orders") != PGCWI_WAL_MORE ||
        take_described(2, "others") != PGCWI_WAL_MORE ||
        take_described(1, "orders") != PGCWI_WAL_MORE || !is_given_targets() ||
        take_rows(0) != PGCWI_WAL_MORE || take_stream(20) != PGCWI_WAL_MORE) {
        return false;
    }
    wal_commit(&built, 20, END_LSN);
    if (take() != PGCWI_WAL_COMMITTED) {
        return false;
    }
    pgcwi_wal_transaction_destroy(done);
    done = NULL;
    wal_commit(&built, 0, END_LSN);
    return take() == PGCWI_WAL_COMMITTED;
}

/* But a message's own memory: if it is short, the message is a gap. */
static void
every_failed_allocation_is_said_or_a_gap(void **state)
{
    long nth = 1;

    (void)state;
    for (bool has_failed = true; has_failed; nth++) {
        pgcwi_alloc_fail_nth(nth);
        bool is_done = is_everything_done();
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(is_done, !has_failed);
        assert_true(is_done || done == NULL);
        pgcwi_wal_transaction_destroy(done);
        done = NULL;
        pgcwi_wal_decoder_destroy(decoder);
        decoder = NULL;
    }
    assert_true(nth > 20);
}

static void
keys_of_a_message_for_which_memory_is_short_are_a_gap(void **state)
{
    (void)state;
    begin(9);
    wal_emitted(&built, 0, true, "channel",
                "{\"operation\": \"insert\", \"table\": \"far\", \"sent_at\": "
                "\"2026-01-01T00:00:00Z\", \"keys\": [\"1\"]}");
    pgcwi_alloc_fail_nth(1);
    take_more();
    assert_true(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    commit(9, "gap");
}

static void
nothing_can_be_destroyed(void **state)
{
    (void)state;
    pgcwi_wal_decoder_destroy(NULL);
    pgcwi_wal_transaction_destroy(NULL);
}

int
main(void)
{
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_decoder, drop_decoder)
    const struct CMUnitTest tests[] = {
        TEST(streamed_transactions_are_told_when_they_are_committed),
        TEST(relations_and_messages_may_come_in_a_stream),
        TEST(streamed_transaction_that_is_undone_is_told_nowhere),
        TEST(part_that_is_undone_does_not_undo_the_rest),
        TEST(streamed_transaction_may_be_a_gap),
        TEST(streams_that_never_end_are_bounded),
        TEST(row_of_an_unknown_relation_is_malformed),
        TEST(stream_in_a_wrong_order_is_malformed),
        TEST(message_that_cannot_be_read_is_malformed),
        cmocka_unit_test_teardown(every_failed_allocation_is_said_or_a_gap,
                                  drop_decoder),
        TEST(keys_of_a_message_for_which_memory_is_short_are_a_gap),
        cmocka_unit_test(nothing_can_be_destroyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
