/* SPDX-License-Identifier: MIT */
/*
 * A stream of pgoutput, each message behind two bytes with its length: each is
 * refused, or taken, and what is committed is in all its bounds.
 */
#include "event/wal_decoder.h"
#include "fuzz/fuzz.h"

static void
add_target(struct pgcwi_wal_decoder *decoder, uint32_t id, const char *table,
           uint32_t column_count)
{
    static const struct pgcwi_wal_key_column columns[] = {{"id", 23},
                                                          {"at", 1184}};
    struct pgcwi_wal_target target = {.relation_id = id,
                                      .schema = "public",
                                      .column_count = column_count,
                                      .columns = columns};

    (void)snprintf(target.table, sizeof target.table, "%s", table);
    FUZZ_CHECK(pgcwi_wal_decoder_add_target(decoder, &target));
}

static void
add_targets(struct pgcwi_wal_decoder *decoder)
{
    add_target(decoder, 1, "orders", 1);
    add_target(decoder, 2, "log_1", 2);
    add_target(decoder, 2, "log", 2);
    add_target(decoder, 3, "plain", 0);
}

static void
check_change(const struct pgcwi_change *change)
{
    FUZZ_CHECK(pgcw_operation_text(change->operation) != NULL);
    FUZZ_CHECK(memchr(change->schema, 0, sizeof change->schema) != NULL);
    FUZZ_CHECK(memchr(change->table, 0, sizeof change->table) != NULL);
    FUZZ_CHECK(change->key_count <= 65536);
    FUZZ_CHECK((change->key_count == 0) == (change->keys == NULL));
    for (size_t i = 0; i < change->key_count; i++) {
        FUZZ_CHECK(strlen(change->keys[i].data) == change->keys[i].size);
    }
}

static void
check_transaction(struct pgcwi_wal_transaction *done)
{
    FUZZ_CHECK(done != NULL);
    FUZZ_CHECK(done->is_gap == (done->change_count == 0));
    FUZZ_CHECK(done->change_count <= 1024);
    for (size_t i = 0; i < done->change_count; i++) {
        check_change(&done->changes[i]);
    }
    pgcwi_wal_transaction_destroy(done);
}

/* False: no more can be taken. */
static bool
take(struct pgcwi_wal_decoder *decoder, const char *bytes, size_t size)
{
    struct pgcwi_wal_transaction *done = NULL;
    enum pgcwi_wal_result result =
        pgcwi_wal_decoder_take(decoder, bytes, size, &done);

    FUZZ_CHECK((result == PGCWI_WAL_COMMITTED) == (done != NULL));
    if (done != NULL) {
        check_transaction(done);
    }
    if (pgcwi_wal_decoder_wants_targets(decoder)) {
        pgcwi_wal_decoder_forget_targets(decoder);
        FUZZ_CHECK(!pgcwi_wal_decoder_wants_targets(decoder));
        add_targets(decoder);
    }
    return result == PGCWI_WAL_MORE || result == PGCWI_WAL_COMMITTED;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct pgcwi_wal_decoder *decoder = pgcwi_wal_decoder_create("c");
    bool is_open = decoder != NULL;

    FUZZ_CHECK(is_open);
    add_targets(decoder);
    while (is_open && input.size > 0) {
        uint8_t length[2];

        fuzz_take(&input, length, sizeof length);
        size_t bytes = (size_t)length[0] << 8 | length[1];
        bytes = bytes < input.size ? bytes : input.size;
        /* a block of that size: a sanitizer sees a read beyond it */
        char *message = malloc(bytes == 0 ? 1 : bytes);
        FUZZ_CHECK(message != NULL);
        fuzz_take(&input, message, bytes);
        is_open = take(decoder, message, bytes);
        free(message);
    }
    pgcwi_wal_decoder_destroy(decoder);
    return 0;
}
