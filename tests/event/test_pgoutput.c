/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/pgoutput.h"
#include "support/wal_messages.h"

static const char *const orders[2] = {"public", "orders"};
static const struct wal_column two_columns[] = {
    {"id", 23, true},
    {"note", 25, false},
};

static struct wal_message built;
static struct pgcwi_pgoutput got;

/* In a block of its exact size: a sanitizer sees a read beyond it. */
static bool
is_read(size_t size, bool is_streaming)
{
    static char *block;

    free(block);
    block = malloc(size == 0 ? 1 : size);
    assert_non_null(block);
    memcpy(block, built.bytes, size);
    return pgcwi_pgoutput_read(block, size, is_streaming, &got);
}

/* As it is, and neither shorter nor longer. */
static void
expect_read(bool is_streaming)
{
    for (size_t size = 0; size < built.size; size++) {
        if (is_read(size, is_streaming)) {
            fail_msg("'%c' is read with %zu of %zu bytes", built.bytes[0], size,
                     built.size);
        }
    }
    wal_add(&built, 0, 1);
    assert_false(is_read(built.size, is_streaming));
    built.size--;
    assert_true(is_read(built.size, is_streaming));
    assert_int_equal(got.kind, built.bytes[0]);
}

static void
check_value(struct pgcwi_pgoutput_list values, uint32_t column, char kind,
            const char *text)
{
    struct pgcwi_pgoutput_value value = pgcwi_pgoutput_value(values, column);

    assert_int_equal(value.kind, kind);
    assert_int_equal(value.text.size, strlen(text));
    if (value.text.size > 0) {
        assert_memory_equal(value.text.data, text, value.text.size);
    }
}

static void
transaction_begins_and_ends(void **state)
{
    (void)state;
    wal_begin(&built, 0xfedcba98);
    expect_read(false);
    assert_int_equal(got.xid, 0xfedcba98);
    assert_int_equal(got.committed_at_us, WAL_TIME_UNIX_US);
    wal_commit(&built, 0, 0x0123456789abcdef);
    expect_read(false);
    assert_int_equal(got.end_lsn, 0x0123456789abcdef);
    assert_int_equal(got.committed_at_us, WAL_TIME_UNIX_US);
}

static void
streamed_transaction_begins_and_ends(void **state)
{
    (void)state;
    wal_stream_start(&built, 0x80000001);
    expect_read(false);
    assert_int_equal(got.xid, 0x80000001);
    wal_stream_stop(&built);
    expect_read(true);
    wal_commit(&built, 7, 0x1000000001);
    expect_read(false);
    assert_int_equal(got.xid, 7);
    assert_int_equal(got.end_lsn, 0x1000000001);
    assert_int_equal(got.committed_at_us, WAL_TIME_UNIX_US);
    wal_stream_abort(&built, 7, 9);
    expect_read(false);
    assert_int_equal(got.xid, 7);
    assert_int_equal(got.subxid, 9);
}

static void
time_may_be_anything(void **state)
{
    (void)state;
    wal_begin(&built, 1);
    memset(built.bytes + 9, 0xff, 8);
    assert_true(is_read(built.size, false));
    assert_int_equal(got.committed_at_us, INT64_C(946684800000000) - 1);
    built.bytes[9] = 0x7f;
    assert_true(is_read(built.size, false));
    assert_true(got.committed_at_us < 0);
}

static void
relation_has_names_and_columns(void **state)
{
    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        wal_relation(&built, xid, 16385, orders, 'd');
        wal_add_columns(&built, two_columns, 2);
        expect_read(xid != 0);
        assert_int_equal(got.relation_id, 16385);
        assert_string_equal(got.schema, "public");
        assert_string_equal(got.name, "orders");
        assert_int_equal(got.columns.count, 2);
        for (size_t i = 0; i < 2; i++) {
            struct pgcwi_pgoutput_column column =
                pgcwi_pgoutput_next_column(&got.columns);

            assert_string_equal(column.name, two_columns[i].name);
            assert_int_equal(column.type, two_columns[i].type);
            assert_int_equal(column.is_identity, two_columns[i].is_identity);
        }
        assert_int_equal(got.columns.count, 0);
    }
}

static void
inserted_row_has_values_of_each_kind(void **state)
{
    const char *const values[] = {"42", wal_null, wal_unchanged, wal_binary,
                                  ""};

    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        wal_row(&built, 'I', xid, 16385);
        wal_add_row(&built, 'N', values, 5);
        expect_read(xid != 0);
        assert_int_equal(got.relation_id, 16385);
        assert_int_equal(got.old_kind, 0);
        assert_null(got.old_values.bytes);
        assert_int_equal(got.new_values.count, 5);
        check_value(got.new_values, 0, 't', "42");
        check_value(got.new_values, 1, 'n', "");
        check_value(got.new_values, 2, 'u', "");
        check_value(got.new_values, 3, 'b', wal_binary);
        check_value(got.new_values, 4, 't', "");
        check_value(got.new_values, 5, 'u', "");
        check_value(got.new_values, UINT32_MAX, 'u', "");
        check_value(got.old_values, 0, 'u', "");
    }
}

static void
updated_row_has_its_old_key_or_all_or_none(void **state)
{
    const char *const old_values[] = {"1", wal_null};
    const char *const new_values[] = {"2", "b"};

    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        for (const char *old = "KO"; *old != '\0'; old++) {
            wal_row(&built, 'U', xid, 5);
            wal_add_row(&built, *old, old_values, 2);
            wal_add_row(&built, 'N', new_values, 2);
            expect_read(xid != 0);
            assert_int_equal(got.old_kind, *old);
            check_value(got.old_values, 0, 't', "1");
            check_value(got.old_values, 1, 'n', "");
            check_value(got.new_values, 0, 't', "2");
            check_value(got.new_values, 1, 't', "b");
        }
        wal_row(&built, 'U', xid, 5);
        wal_add_row(&built, 'N', new_values, 2);
        expect_read(xid != 0);
        assert_int_equal(got.old_kind, 0);
        assert_null(got.old_values.bytes);
        check_value(got.new_values, 0, 't', "2");
    }
}

static void
deleted_row_has_its_old_key_or_all(void **state)
{
    const char *const values[] = {"1"};

    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        for (const char *old = "KO"; *old != '\0'; old++) {
            wal_row(&built, 'D', xid, 5);
            wal_add_row(&built, *old, values, 1);
            expect_read(xid != 0);
            assert_int_equal(got.relation_id, 5);
            assert_int_equal(got.old_kind, *old);
            check_value(got.old_values, 0, 't', "1");
            assert_null(got.new_values.bytes);
        }
    }
}

static void
rows_of_another_form_are_refused(void **state)
{
    static const char *const forms[] = {"IK", "IO", "IX",  "UX",
                                        "DN", "DX", "UKK", "UON K"};
    const char *const values[] = {"1"};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        wal_row(&built, forms[i][0], 0, 5);
        for (const char *row = forms[i] + 1; *row != '\0'; row++) {
            wal_add_row(&built, *row, values, 1);
        }
        if (is_read(built.size, false)) {
            fail_msg("%s is read", forms[i]);
        }
    }
    wal_row(&built, 'I', 0, 5);
    wal_add(&built, 'N', 1);
    wal_add(&built, 1, 2);
    wal_add(&built, 'x', 1);
    assert_false(is_read(built.size, false));
}

static void
truncate_has_many_relations(void **state)
{
    const uint32_t ids[] = {16385, 0xffffffff, 3};

    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        wal_truncate(&built, xid, ids, 3);
        expect_read(xid != 0);
        assert_int_equal(got.relation_ids.count, 3);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(pgcwi_pgoutput_next_id(&got.relation_ids), ids[i]);
        }
    }
}

static void
message_has_a_prefix_and_content(void **state)
{
    (void)state;
    for (uint32_t xid = 0; xid < 2; xid++) {
        wal_emitted(&built, xid, xid != 0, "channel", "{\"a\": 1}");
        expect_read(xid != 0);
        assert_int_equal(got.is_transactional, xid != 0);
        assert_string_equal(got.name, "channel");
        assert_int_equal(got.content.size, 8);
        assert_memory_equal(got.content.data, "{\"a\": 1}", 8);
    }
    wal_emitted(&built, 0, true, "", "");
    expect_read(false);
    assert_string_equal(got.name, "");
    assert_int_equal(got.content.size, 0);
}

static void
origins_and_types_are_passed_over(void **state)
{
    (void)state;
    wal_start(&built, 'O', 0);
    wal_add(&built, 1, 8);
    wal_add_text(&built, "origin");
    assert_true(is_read(built.size, false));
    assert_int_equal(got.kind, PGCWI_PGOUTPUT_ORIGIN);
    wal_start(&built, 'Y', 9);
    wal_add(&built, 16400, 4);
    wal_add_text(&built, "public");
    wal_add_text(&built, "colour");
    assert_true(is_read(built.size, true));
    assert_int_equal(got.kind, PGCWI_PGOUTPUT_TYPE);
}

/* Those of version 3 (two phases) and 4 too. */
static void
other_kinds_are_refused(void **state)
{
    (void)state;
    for (int kind = 0; kind < 256; kind++) {
        wal_start(&built, (char)kind, 0);
        for (size_t i = 0; i < 10; i++) {
            wal_add(&built, 0, 8);
        }
        if (kind == 0 || strchr("BCORYIUDTMSEcA", kind) == NULL) {
            assert_false(is_read(built.size, false));
            assert_false(is_read(built.size, true));
        }
    }
}

static void
counts_beyond_the_end_are_refused(void **state)
{
    const char *const values[] = {"1", "2"};

    (void)state;
    wal_row(&built, 'I', 0, 5);
    wal_add_row(&built, 'N', values, 2);
    memset(built.bytes + 6, 0xff, 2);
    assert_false(is_read(built.size, false));
    built.bytes[6] = 0;
    built.bytes[7] = 3;
    assert_false(is_read(built.size, false));
    built.bytes[7] = 1; /* something is left over */
    assert_false(is_read(built.size, false));

    wal_relation(&built, 0, 5, orders, 'd');
    size_t at = built.size;
    wal_add_columns(&built, two_columns, 2);
    memset(built.bytes + at, 0xff, 2);
    assert_false(is_read(built.size, false));

    wal_truncate(&built, 0, (const uint32_t[]){1, 2}, 2);
    memset(built.bytes + 1, 0xff, 4);
    assert_false(is_read(built.size, false));
    memset(built.bytes + 1, 0, 4);
    built.bytes[1] = 0x40; /* 2^30 of 4 bytes are 0 in 32 bits */
    assert_false(is_read(built.size, false));
}

static void
lengths_beyond_the_end_are_refused(void **state)
{
    const char *const values[] = {"123"};
    static const uint32_t lengths[] = {4, 0x7fffffff, 0x80000000, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        wal_row(&built, 'I', 0, 5);
        wal_add_row(&built, 'N', values, 1);
        built.size -= 7;
        wal_add(&built, lengths[i], 4);
        wal_add_bytes(&built, "123", 3);
        assert_false(is_read(built.size, false));
        wal_emitted(&built, 0, true, "p", "123");
        built.size -= 7;
        wal_add(&built, lengths[i], 4);
        wal_add_bytes(&built, "123", 3);
        assert_false(is_read(built.size, false));
    }
}

static void
name_without_an_end_is_refused(void **state)
{
    (void)state;
    wal_start(&built, 'R', 0);
    wal_add(&built, 5, 4);
    wal_add_bytes(&built, "public", 6);
    assert_false(is_read(built.size, false));
    wal_start(&built, 'M', 0);
    wal_add(&built, 1, 1);
    wal_add(&built, 1, 8);
    wal_add_bytes(&built, "prefix", 6);
    assert_false(is_read(built.size, false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transaction_begins_and_ends),
        cmocka_unit_test(streamed_transaction_begins_and_ends),
        cmocka_unit_test(time_may_be_anything),
        cmocka_unit_test(relation_has_names_and_columns),
        cmocka_unit_test(inserted_row_has_values_of_each_kind),
        cmocka_unit_test(updated_row_has_its_old_key_or_all_or_none),
        cmocka_unit_test(deleted_row_has_its_old_key_or_all),
        cmocka_unit_test(rows_of_another_form_are_refused),
        cmocka_unit_test(truncate_has_many_relations),
        cmocka_unit_test(message_has_a_prefix_and_content),
        cmocka_unit_test(origins_and_types_are_passed_over),
        cmocka_unit_test(other_kinds_are_refused),
        cmocka_unit_test(counts_beyond_the_end_are_refused),
        cmocka_unit_test(lengths_beyond_the_end_are_refused),
        cmocka_unit_test(name_without_an_end_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
